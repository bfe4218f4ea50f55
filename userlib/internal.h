/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Shared by the files of the library.  The steps of loading an object:
 *
 *	elf_file.c	sections and symbols, sizes and offsets checked
 *	  btf_file.c	type information
 *	  map_def.c	maps described by it; data sections
 *	  reloc.c	makes instructions name their maps by index; appends called
 *			functions to the program
 *	  line_info.c	C lines of the instructions
 *	object.c	puts these together, and loads
 *	  cbpf*.c	classic BPF instead of an ELF object
 *	  prog.c map.c link.c	the kernel's objects, by ioctl (device.c)
 *	  user_*.c helpers.c	the same without a kernel, by vm/
 */
#ifndef _VNP_USERLIB_INTERNAL_H
#define _VNP_USERLIB_INTERNAL_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vnp/libvnp.h"

#define VNP_API __attribute__((visibility("default")))

/* Initial buffer size for the verifier's report; if it is longer, load again with a larger one */
#define LOG_FIRST	(64U << 10)

#define ptr_to_u64(p)	((__u64)(uintptr_t)(p))

struct vnp_elf;
struct vnp_code;
struct vnp_user_map;

/*
 * ---- Messages (print.c) -------------------------------------------------
 */

/* struct vnp_printer - print function for messages about an object; @fn NULL: stderr */
struct vnp_printer {
	vnp_print_fn fn;
	void *ctx;
};

void vnp_print(const struct vnp_printer *printer, enum vnp_print_level level,
	       const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define vnp_error(printer, ...)	vnp_print(printer, VNP_PRINT_ERROR, __VA_ARGS__)
#define vnp_warn(printer, ...)	vnp_print(printer, VNP_PRINT_WARNING, __VA_ARGS__)

/*
 * ---- Options ------------------------------------------------------------
 */

/* vnp_opts_valid() - the size is set, and all bytes after @known are zero */
bool vnp_opts_valid(const void *opts, size_t known);

#define OPTS_VALID(opts)	vnp_opts_valid(opts, sizeof(*(opts)))

/* OPTS_GET() - a field, or zero if the caller does not have it */
#define OPTS_GET(opts, field)						\
	((opts) && (opts)->sz >= offsetof(__typeof__(*(opts)), field) +	\
				 sizeof((opts)->field) ?		\
	 (opts)->field : (__typeof__((opts)->field))0)

/*
 * vnp_info_copy() - fill a caller's struct as the kernel does: @info begins with the
 * caller's size, @full with a field for it.  -EINVAL: the size is not valid
 */
int vnp_info_copy(void *info, const void *full, __u32 full_size);

/* vnp_printer_get() - the printer of options */
struct vnp_printer vnp_printer_get(const struct vnp_open_opts *opts);

/*
 * ---- Objects ------------------------------------------------------------
 */

/**
 * struct vnp_map - a map, as declared, loaded or opened
 * @next:	in the object
 * @obj:	the object, NULL if opened by id
 * @print:	the object's
 * @name:	of the C variable or section, or the kernel's name; owned
 * @def:	argument of VNP_MAP_CREATE; size and name are set when it is called
 * @shndx:	section it was declared in
 * @offset:	its offset in the section
 * @is_data:	a data section
 * @initial:	contents of a data section until it is loaded; owned
 * @fd:		the kernel's map, or -1
 * @reused:	@fd was given by vnp_map_reuse_fd()
 * @user:	the map in this process, or NULL; owned
 */
struct vnp_map {
	struct vnp_map *next;
	struct vnp_object *obj;
	struct vnp_printer print;
	char *name;
	struct vnp_map_create def;
	size_t shndx;
	__u64 offset;
	bool is_data;
	void *initial;
	int fd;
	bool reused;
	struct vnp_user_map *user;
};

/**
 * struct vnp_source_info - C lines of instructions
 * @lines:	ascending by instruction; owned
 * @line_cnt:	number of @lines
 * @strings:	strings that they refer to, ends with NUL; owned by the object, or by the
 *		program if it was opened by id
 * @strings_len: bytes
 */
struct vnp_source_info {
	struct vnp_line_info *lines;
	__u32 line_cnt;
	char *strings;
	__u32 strings_len;
};

/**
 * struct vnp_func - a function of a program; the program itself is the first
 * @shndx:	section it was found in
 * @offset:	instructions before it in the section
 * @at:		instructions before it in the program
 * @cnt:	number of its instructions
 * @lines_end:	end of the last of its instructions that has a line
 */
struct vnp_func {
	size_t shndx;
	size_t offset;
	size_t at;
	size_t cnt;
	size_t lines_end;
};

/**
 * struct vnp_program - a program, as found, loaded or opened
 * @next:	in the object
 * @obj:	the object, NULL if opened by id
 * @print:	the object's
 * @name:	of the C function, or the kernel's name; owned
 * @type:	what it can be linked to
 * @funcs:	the functions it consists of, if it comes from a file; owned
 * @func_cnt:	number of @funcs
 * @insns:	instructions, relocated; owned
 * @insn_cnt:	number of @insns
 * @maps:	the maps its instructions name by index; array owned
 * @map_cnt:	number of @maps
 * @source:	C lines
 * @refused_at:	1 + the instruction that could not be relocated, or 0
 * @autoload:	vnp_object_load() loads it
 * @budget:	as set
 * @log:	the verifier's report, or NULL; owned
 * @fd:		the kernel's program, or -1
 * @code:	the program in this process, or NULL; owned
 * @load_time:	of @code
 * @verify_ns:	of @code
 */
struct vnp_program {
	struct vnp_program *next;
	struct vnp_object *obj;
	struct vnp_printer print;
	char *name;
	__u32 type;
	struct vnp_func *funcs;
	size_t func_cnt;
	struct bpf_insn *insns;
	size_t insn_cnt;
	struct vnp_map **maps;
	__u32 map_cnt;
	struct vnp_source_info source;
	size_t refused_at;
	bool autoload;
	__u32 budget;
	char *log;
	int fd;
	struct vnp_code *code;
	__u64 load_time;
	__u64 verify_ns;
};

/**
 * struct vnp_object - programs and maps of a file, or of instructions
 * @name:	for messages, and the prefix of its data sections' names; owned
 * @print:	the caller's
 * @programs:	list, in the order of the file; owned
 * @maps:	list; owned
 * @strings:	strings of the programs' C lines; owned
 * @strings_len: bytes
 * @loaded:	by vnp_object_load(): its programs and maps can no longer be configured
 */
struct vnp_object {
	char *name;
	struct vnp_printer print;
	struct vnp_program *programs;
	struct vnp_map *maps;
	char *strings;
	__u32 strings_len;
	bool loaded;
};

/*
 * ---- Reading an ELF object ----------------------------------------------
 * The input is not trusted: everything is checked.
 */

struct btf;

/* vnp_btf_read() - type information; @btf is NULL if the object has none */
int vnp_btf_read(const struct vnp_object *obj, const struct vnp_elf *elf,
		 struct btf **btf);

/* vnp_maps_read() - declare the object's maps (map_def.c); @btf may be NULL */
int vnp_maps_read(struct vnp_object *obj, const struct vnp_elf *elf,
		  const struct btf *btf);

/* vnp_programs_read() - find the object's programs (object.c) */
int vnp_programs_read(struct vnp_object *obj, const struct vnp_elf *elf);

/* vnp_programs_relocate() - after maps and programs are read (reloc.c) */
int vnp_programs_relocate(struct vnp_object *obj, const struct vnp_elf *elf);

/* vnp_lines_read() - C lines of all programs, as far as known (line_info.c) */
int vnp_lines_read(struct vnp_object *obj, const struct vnp_elf *elf,
		   const struct btf *btf);

/*
 * ---- The kernel's objects -----------------------------------------------
 */

/* vnp_device_open() - open /dev/vnp; says what to do if it cannot */
int vnp_device_open(const struct vnp_printer *print);

/*
 * vnp_device_denied() - did a load or creation fail because of the parameter
 * "unprivileged"?  If so, print what to do.
 */
bool vnp_device_denied(int dev, const struct vnp_printer *print);

/* vnp_id_open() - a descriptor of an object by its id */
int vnp_id_open(enum vnp_obj_kind kind, __u32 id, const struct vnp_printer *print);

/* vnp_ioctl() - ioctl() that returns a negative errno */
int vnp_ioctl(int fd, unsigned long cmd, void *arg);

/*
 * vnp_name_set() - an object's name for the kernel: truncated, invalid characters
 * replaced
 */
void vnp_name_set(char to[VNP_NAME_LEN], const char *prefix, const char *name);

/* vnp_map_create_kernel() - create a declared map, with its initial contents */
int vnp_map_create_kernel(struct vnp_map *map, int dev, const char *obj_name);

/* vnp_map_create_user() - the same in this process (map.c) */
int vnp_map_create_user(struct vnp_map *map);

/* vnp_map_unload() - undo vnp_map_create_*(); the map is as declared again */
void vnp_map_unload(struct vnp_map *map);

struct vnp_map *vnp_map_new(const char *name, const struct vnp_printer *print);
void vnp_map_free(struct vnp_map *map);

int vnp_program_load_kernel(struct vnp_program *prog, int dev,
			    const struct vnp_load_opts *opts);

/* vnp_program_refused() - report the refusal, with the verifier's report */
void vnp_program_refused(const struct vnp_program *prog);

/* vnp_program_warn() - print the warnings of the verifier's report */
void vnp_program_warn(const struct vnp_program *prog);

/* vnp_program_unload() - undo either load; the report stays */
void vnp_program_unload(struct vnp_program *prog);

struct vnp_program *vnp_program_new(const char *name,
				    const struct vnp_printer *print);
void vnp_program_free(struct vnp_program *prog);

/* vnp_program_add_func() - append a function to the program */
int vnp_program_add_func(struct vnp_program *prog, size_t shndx, size_t offset,
			 size_t cnt);

/*
 * ---- Programs in this process (user_prog.c) ------------------------------
 */

int vnp_user_program_load(struct vnp_program *prog,
			  const struct vnp_load_opts *opts);
void vnp_user_program_unload(struct vnp_program *prog);
int vnp_user_program_info(const struct vnp_program *prog,
			  struct vnp_prog_info *info);
int vnp_user_program_dump(const struct vnp_program *prog, __u32 what, void **buf,
			  __u32 *len);
int vnp_user_program_run(struct vnp_program *prog, struct vnp_run_opts *opts);

#endif /* _VNP_USERLIB_INTERNAL_H */
