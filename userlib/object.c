// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Objects: an ELF file's programs and maps, opened and loaded together. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/btf.h>

#include "elf_file.h"

/* Programs are small: a larger file is not a program */
#define FILE_MAX	(16U << 20)

/* Sections that hold programs */
static const struct {
	const char *section;
	__u32 type;
} prog_sections[] = {
	{ "vnp/datagram", VNP_PROG_DATAGRAM },
	{ "vnp/packet", VNP_PROG_PACKET },
	{ "vnp/stream", VNP_PROG_STREAM },
	{ "vnp/message", VNP_PROG_MESSAGE },
};

static int section_type(const struct vnp_object *obj, const struct vnp_section *sec,
			__u32 *type)
{
	size_t i;

	for (i = 0; i < sizeof(prog_sections) / sizeof(prog_sections[0]); i++) {
		if (strcmp(sec->name, prog_sections[i].section))
			continue;
		*type = prog_sections[i].type;
		return 0;
	}

	vnp_error(&obj->print, "Section \"%s\" is not a program type of VNP: write SEC(\"vnp/datagram\"), or vnp/packet, vnp/stream or vnp/message, before the program.",
		  sec->name);
	return -EINVAL;
}

static int program_add(struct vnp_object *obj, struct vnp_program *prog)
{
	struct vnp_program **end = &obj->programs;

	if (vnp_object_find_program(obj, prog->name)) {
		vnp_error(&obj->print, "The ELF object is damaged: there are two programs %s.",
			  prog->name);
		vnp_program_free(prog);
		return -EINVAL;
	}
	while (*end)
		end = &(*end)->next;
	*end = prog;
	prog->obj = obj;
	return 0;
}

static int program_read(struct vnp_object *obj, const struct vnp_elf *elf,
			const Elf64_Sym *sym, __u32 type)
{
	const struct vnp_section *sec = &elf->sections[sym->st_shndx];
	const size_t insn_len = sizeof(struct bpf_insn);
	struct vnp_program *prog;

	if (!sym->st_size || sym->st_value > sec->size ||
	    sym->st_size > sec->size - sym->st_value ||
	    sym->st_value % insn_len || sym->st_size % insn_len) {
		vnp_error(&obj->print, "The ELF object is damaged: program %s is not within section %s.",
			  vnp_elf_sym_name(elf, sym), sec->name);
		return -EINVAL;
	}

	prog = vnp_program_new(vnp_elf_sym_name(elf, sym), &obj->print);
	if (!prog)
		return -ENOMEM;
	prog->type = type;
	prog->insns = malloc(sym->st_size);
	if (!prog->insns ||
	    vnp_program_add_func(prog, sym->st_shndx, sym->st_value / insn_len,
				 sym->st_size / insn_len)) {
		vnp_program_free(prog);
		return -ENOMEM;
	}
	prog->insn_cnt = sym->st_size / insn_len;
	memcpy(prog->insns, (const char *)sec->data + sym->st_value, sym->st_size);
	return program_add(obj, prog);
}

static int code_section_read(struct vnp_object *obj, const struct vnp_elf *elf,
			     size_t shndx)
{
	__u32 type;
	size_t i;
	int err;

	err = section_type(obj, &elf->sections[shndx], &type);
	for (i = 0; i < elf->sym_cnt && !err; i++) {
		const Elf64_Sym *sym = &elf->syms[i];

		/* static functions are called, not linked to sockets */
		if (sym->st_shndx == shndx &&
		    ELF64_ST_TYPE(sym->st_info) == STT_FUNC &&
		    ELF64_ST_BIND(sym->st_info) != STB_LOCAL)
			err = program_read(obj, elf, sym, type);
	}
	return err;
}

int vnp_programs_read(struct vnp_object *obj, const struct vnp_elf *elf)
{
	size_t i;
	int err = 0;

	for (i = 1; i < elf->section_cnt && !err; i++)
		if (vnp_section_is_code(&elf->sections[i]) &&
		    strcmp(elf->sections[i].name, ".text"))
			err = code_section_read(obj, elf, i);
	if (err)
		return err;

	if (!obj->programs) {
		vnp_error(&obj->print, "It contains no program: write SEC(\"vnp/datagram\") before one.");
		return -EINVAL;
	}
	return 0;
}

/* Print the C line that could not be relocated, if it is known */
static void object_show_refused(struct vnp_object *obj)
{
	struct vnp_source_line line;
	struct vnp_program *prog;

	for (prog = obj->programs; prog; prog = prog->next)
		if (prog->refused_at &&
		    !vnp_program_source(prog, prog->refused_at - 1, &line))
			vnp_error(&obj->print, "    %s:%u: %s", line.file, line.line,
				  line.text);
}

static int object_relocate(struct vnp_object *obj, const struct vnp_elf *elf,
			   const struct btf *btf)
{
	int err = vnp_programs_relocate(obj, elf), lines_err;

	/* only the functions added so far have lines */
	lines_err = vnp_lines_read(obj, elf, btf);
	if (err && !lines_err)
		object_show_refused(obj);
	return err ? err : lines_err;
}

static int object_read(struct vnp_object *obj, const void *buf, size_t len)
{
	struct btf *btf = NULL;
	struct vnp_elf elf;
	int err;

	err = vnp_elf_open(&elf, buf, len, &obj->print);
	if (err)
		return err;

	err = vnp_btf_read(obj, &elf, &btf);
	if (!err)
		err = vnp_programs_read(obj, &elf);
	if (!err)
		err = vnp_maps_read(obj, &elf, btf);
	if (!err)
		err = object_relocate(obj, &elf, btf);

	btf__free(btf);
	vnp_elf_close(&elf);
	return err;
}

static struct vnp_object *object_new(const struct vnp_open_opts *opts,
				     const char *default_name)
{
	struct vnp_object *obj = calloc(1, sizeof(*obj));
	const char *name = OPTS_GET(opts, name);

	if (!obj)
		return NULL;
	obj->print = vnp_printer_get(opts);
	obj->name = name ? strdup(name) :
		    strndup(default_name, strcspn(default_name, "."));
	if (!obj->name) {
		free(obj);
		return NULL;
	}
	return obj;
}

/* @elf: aligned like memory of malloc() */
static int object_open(const char *name, const void *elf, size_t len,
		       const struct vnp_open_opts *opts, struct vnp_object **to)
{
	struct vnp_object *obj;
	int err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	obj = object_new(opts, name);
	if (!obj)
		return -ENOMEM;

	err = object_read(obj, elf, len);
	if (err) {
		vnp_object_close(obj);
		return err;
	}
	*to = obj;
	return 0;
}

VNP_API int vnp_object_open_mem(const void *elf, size_t len,
				const struct vnp_open_opts *opts,
				struct vnp_object **obj)
{
	void *copy;
	int err;

	if (len > FILE_MAX)
		return -EFBIG;
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, elf, len);
	err = object_open("object", copy, len, opts, obj);
	free(copy);
	return err;
}

static int file_read(int fd, void **buf, size_t *len)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > FILE_MAX)
		return -EFBIG;

	*buf = malloc(st.st_size + 1);
	if (!*buf)
		return -ENOMEM;
	for (*len = 0; *len < (size_t)st.st_size; *len += n) {
		n = read(fd, (char *)*buf + *len, st.st_size - *len);
		if (n > 0)
			continue;
		if (!n)
			break;
		n = -errno;
		free(*buf);
		return n;
	}
	return 0;
}

VNP_API int vnp_object_open_file(const char *path, const struct vnp_open_opts *opts,
				 struct vnp_object **obj)
{
	const char *base = strrchr(path, '/');
	struct vnp_printer print;
	void *buf = NULL;
	size_t len = 0;
	int fd, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
	} else {
		err = file_read(fd, &buf, &len);
		close(fd);
	}
	if (err) {
		vnp_error(&print, "Cannot read %s: %s.", path, strerror(-err));
		return err;
	}

	err = object_open(base ? base + 1 : path, buf, len, opts, obj);
	free(buf);
	return err;
}

VNP_API int vnp_object_open_insns(const struct bpf_insn *insns, size_t insn_cnt,
				  enum vnp_prog_type type,
				  const struct vnp_open_opts *opts,
				  struct vnp_object **to)
{
	struct vnp_program *prog;
	struct vnp_object *obj;

	if (!OPTS_VALID(opts) || !insn_cnt || insn_cnt > FILE_MAX / sizeof(*insns))
		return -EINVAL;

	obj = object_new(opts, "raw");
	if (!obj)
		return -ENOMEM;
	prog = vnp_program_new(obj->name, &obj->print);
	if (!prog)
		goto err_object;
	prog->insns = malloc(insn_cnt * sizeof(*insns));
	if (!prog->insns)
		goto err_program;
	memcpy(prog->insns, insns, insn_cnt * sizeof(*insns));
	prog->insn_cnt = insn_cnt;
	prog->type = type;
	prog->obj = obj;
	obj->programs = prog;
	*to = obj;
	return 0;

err_program:
	vnp_program_free(prog);
err_object:
	vnp_object_close(obj);
	return -ENOMEM;
}

VNP_API void vnp_object_close(struct vnp_object *obj)
{
	struct vnp_program *prog;
	struct vnp_map *map;

	if (!obj)
		return;

	while ((prog = obj->programs)) {
		obj->programs = prog->next;
		vnp_program_free(prog);
	}
	while ((map = obj->maps)) {
		obj->maps = map->next;
		vnp_map_free(map);
	}
	free(obj->strings);
	free(obj->name);
	free(obj);
}

static void object_unload(struct vnp_object *obj)
{
	struct vnp_program *prog;
	struct vnp_map *map;

	for (prog = obj->programs; prog; prog = prog->next)
		vnp_program_unload(prog);
	for (map = obj->maps; map; map = map->next)
		vnp_map_unload(map);
}

static int object_load_user(struct vnp_object *obj, const struct vnp_load_opts *opts)
{
	struct vnp_program *prog;
	struct vnp_map *map;
	int err = 0;

	for (map = obj->maps; map && !err; map = map->next)
		err = vnp_map_create_user(map);
	for (prog = obj->programs; prog && !err; prog = prog->next)
		if (prog->autoload)
			err = vnp_user_program_load(prog, opts);
	return err;
}

static int object_load_kernel(struct vnp_object *obj, const struct vnp_load_opts *opts)
{
	struct vnp_program *prog;
	struct vnp_map *map;
	int dev, err = 0;

	dev = vnp_device_open(&obj->print);
	if (dev < 0)
		return dev;

	for (map = obj->maps; map && !err; map = map->next)
		err = vnp_map_create_kernel(map, dev, obj->name);
	for (prog = obj->programs; prog && !err; prog = prog->next)
		if (prog->autoload)
			err = vnp_program_load_kernel(prog, dev, opts);
	close(dev);
	return err;
}

VNP_API int vnp_object_load(struct vnp_object *obj, const struct vnp_load_opts *opts)
{
	__u32 flags = OPTS_GET(opts, flags);
	struct vnp_map *map;
	int err;

	if (!OPTS_VALID(opts) || flags & ~VNP_LOAD_F_USER)
		return -EINVAL;
	if (obj->loaded)
		return -EBUSY;

	err = flags & VNP_LOAD_F_USER ? object_load_user(obj, opts) :
					object_load_kernel(obj, opts);
	if (err) {
		object_unload(obj);
		return err;
	}

	for (map = obj->maps; map; map = map->next) {
		free(map->initial);
		map->initial = NULL;
	}
	obj->loaded = true;
	return 0;
}

VNP_API const char *vnp_object_name(const struct vnp_object *obj)
{
	return obj->name;
}

VNP_API struct vnp_program *
vnp_object_next_program(const struct vnp_object *obj,
			const struct vnp_program *prev)
{
	return prev ? prev->next : obj->programs;
}

VNP_API struct vnp_program *vnp_object_find_program(const struct vnp_object *obj,
						    const char *name)
{
	struct vnp_program *prog;

	for (prog = obj->programs; prog; prog = prog->next)
		if (!strcmp(prog->name, name))
			return prog;
	return NULL;
}

VNP_API struct vnp_map *vnp_object_next_map(const struct vnp_object *obj,
					    const struct vnp_map *prev)
{
	return prev ? prev->next : obj->maps;
}

VNP_API struct vnp_map *vnp_object_find_map(const struct vnp_object *obj,
					    const char *name)
{
	struct vnp_map *map;

	for (map = obj->maps; map; map = map->next)
		if (!strcmp(map->name, name))
			return map;
	return NULL;
}
