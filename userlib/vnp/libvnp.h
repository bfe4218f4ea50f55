/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * libvnp: load programs of the virtual network processor, link them to sockets,
 * and read their maps and counters.
 *
 *	struct vnp_object *obj;
 *	struct vnp_link *link;
 *
 *	err = vnp_object_open_file("filter.bpf.o", NULL, &obj);
 *	err = vnp_object_load(obj, NULL);
 *	prog = vnp_object_find_program(obj, "filter");
 *	err = vnp_link_attach(prog, sock_fd, NULL, &link);
 *
 * Errors.  Functions that return int return 0 or more, or a negative errno.
 * Where a message can say more than the number, it is passed to the print function of the
 * options (struct vnp_open_opts and others); without one, errors and warnings go to
 * stderr.
 *
 * Ownership.  What a function returns through a double pointer belongs to the caller, who
 * frees it with the matching _close().  Programs and maps found in an object belong to
 * the object.  A descriptor returned by a _fd() function belongs to its object: dup() it
 * to keep it.
 *
 * Threads.  The library has no state of its own.  An object, with its programs and maps,
 * may be used by only one thread at a time until it is loaded; after that, functions that
 * take a struct vnp_map, and those that only read, may be called from several threads at
 * once, unless it was loaded with %VNP_LOAD_F_USER: then the object may always be used by
 * only one thread at a time.  Links opened by id are independent.
 *
 * Options.  A struct whose name ends in _opts begins with its size, which the caller sets
 * (sz = sizeof(opts)); fields beyond it are taken as zero.  A NULL pointer is a struct of
 * zeroes.
 */
#ifndef _VNP_LIBVNP_H
#define _VNP_LIBVNP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/bpf.h>
#include <linux/vnp.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBVNP_VERSION		"0.1.0"

struct sock_filter;
struct vnp_object;
struct vnp_program;
struct vnp_map;
struct vnp_link;

/** vnp_version_string() - version of the library in use, "MAJOR.MINOR.PATCH" */
const char *vnp_version_string(void);

/**
 * enum vnp_print_level - category of a message
 * @VNP_PRINT_ERROR:	the reason of a failure
 * @VNP_PRINT_WARNING:	a probable mistake
 * @VNP_PRINT_INFO:	an action that was done
 * @VNP_PRINT_PROGRAM:	a line that a program executed in user space wrote with
 *			vnp_printk()
 */
enum vnp_print_level {
	VNP_PRINT_ERROR,
	VNP_PRINT_WARNING,
	VNP_PRINT_INFO,
	VNP_PRINT_PROGRAM,
};

/**
 * typedef vnp_print_fn - prints messages
 * @ctx:	as given with the function
 * @level:	category of the message
 * @line:	the text, without newline; valid during the call
 *
 * Called on the thread that called the library.
 */
typedef void (*vnp_print_fn)(void *ctx, enum vnp_print_level level,
			     const char *line);

/*
 * ---- Objects ------------------------------------------------------------
 */

/**
 * struct vnp_open_opts - options of vnp_object_open_*() and vnp_*_open()
 * @sz:		sizeof(struct vnp_open_opts)
 * @name:	the object's name, for the names of its data maps; by default the
 *		file's name up to the first dot
 * @print:	prints messages; programs, maps and links made from the object use it
 *		too, so it must stay callable as long as they exist
 * @print_ctx:	passed to @print
 */
struct vnp_open_opts {
	size_t sz;
	const char *name;
	vnp_print_fn print;
	void *print_ctx;
};

/**
 * vnp_object_open_file() - read an ELF object made by clang -target bpf
 * @path:	the file
 * @opts:	options or NULL
 * @obj:	where to put the object
 *
 * Nothing is loaded yet, and no module is needed.
 *
 * Return: 0; -ENOENT and others of open(2), read(2); -EINVAL (not an ELF object, or a
 * damaged one); -EFBIG (more than 16 MiB); -EOPNOTSUPP (it uses something that VNP does
 * not support); -ENOMEM.
 */
int vnp_object_open_file(const char *path, const struct vnp_open_opts *opts,
			 struct vnp_object **obj);

/**
 * vnp_object_open_mem() - read an ELF object from memory
 * @elf:	the object; may be freed after the call
 * @len:	its bytes
 * @opts:	options or NULL
 * @obj:	where to put the object
 *
 * Return: as vnp_object_open_file().
 */
int vnp_object_open_mem(const void *elf, size_t len,
			const struct vnp_open_opts *opts, struct vnp_object **obj);

/**
 * vnp_object_open_insns() - make an object of one program from bare instructions
 * @insns:	the instructions; copied
 * @insn_cnt:	number of @insns
 * @type:	what kind of program it is
 * @opts:	options or NULL; the program takes the object's name
 * @obj:	where to put the object
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int vnp_object_open_insns(const struct bpf_insn *insns, size_t insn_cnt,
			  enum vnp_prog_type type,
			  const struct vnp_open_opts *opts,
			  struct vnp_object **obj);

/**
 * enum vnp_dlt - the link-layer header that a classic program expects
 * @VNP_DLT_EN10MB:	an Ethernet header, emulated with zero addresses and the protocol
 * @VNP_DLT_RAW:	no header
 *
 * The numbers are those of libpcap.
 */
enum vnp_dlt {
	VNP_DLT_EN10MB	= 1,
	VNP_DLT_RAW	= 12,
};

/**
 * vnp_object_open_cbpf() - make an object of one program from classic BPF
 * @insns:	output of pcap_compile() or tcpdump -ddd; copied
 * @insn_cnt:	number of @insns
 * @dlt:	the data link type it was made for
 * @opts:	options or NULL; the program takes the object's name
 * @obj:	where to put the object
 *
 * It becomes a program of type %VNP_PROG_PACKET that passes a datagram if the classic one
 * returns anything but 0.  The whole datagram is passed: the snapshot length that a
 * classic program returns is ignored.
 *
 * Return: 0; -EINVAL (the kernel would refuse it too); -EOPNOTSUPP (it loads data that
 * VNP does not support, or its translation is too long); -ENOMEM.
 */
int vnp_object_open_cbpf(const struct sock_filter *insns, size_t insn_cnt,
			 enum vnp_dlt dlt, const struct vnp_open_opts *opts,
			 struct vnp_object **obj);

/* struct vnp_load_opts::flags */
#define VNP_LOAD_F_USER		(1U << 0)	/* into this process, no module */

/**
 * struct vnp_load_opts - options of vnp_object_load()
 * @sz:		sizeof(struct vnp_load_opts)
 * @flags:	VNP_LOAD_F_*
 * @prog_flags:	VNP_PROG_F_* for each program
 * @log_level:	contents of vnp_program_log(), VNP_LOG_*; 0 is
 *		%VNP_LOG_NORMAL
 */
struct vnp_load_opts {
	size_t sz;
	__u32 flags;
	__u32 prog_flags;
	__u32 log_level;
	__u32 :32;
};

/**
 * vnp_object_load() - create the maps, verify and load the programs
 * @obj:	an object that is not loaded
 * @opts:	options or NULL
 *
 * With %VNP_LOAD_F_USER all of it happens in this process: maps are its memory, programs
 * are verified by the same code the module has, and executed by the reference interpreter.
 * They cannot be linked to sockets.
 *
 * Return: 0; -EACCES (a program is refused, see vnp_program_log(), or /dev/vnp may
 * not be opened); -ENODEV (there is no /dev/vnp); -EBUSY (loaded already); errors
 * of the ioctls in <linux/vnp.h>.  After an error nothing stays loaded.
 */
int vnp_object_load(struct vnp_object *obj, const struct vnp_load_opts *opts);

/**
 * vnp_object_close() - close and free an object
 * @obj:	the object; NULL is fine
 *
 * Its programs and maps are freed, too.  Links made from it stay valid, and the kernel
 * keeps what they need.
 */
void vnp_object_close(struct vnp_object *obj);

/** vnp_object_name() - the object's name */
const char *vnp_object_name(const struct vnp_object *obj);

/**
 * vnp_object_next_program() - iterate over the programs
 * @obj:	the object
 * @prev:	the previous one, or NULL for the first
 *
 * Return: the program, or NULL after the last.
 */
struct vnp_program *vnp_object_next_program(const struct vnp_object *obj,
					    const struct vnp_program *prev);

/**
 * vnp_object_find_program() - find a program
 * @obj:	the object
 * @name:	name of its C function
 *
 * Return: the program, or NULL.
 */
struct vnp_program *vnp_object_find_program(const struct vnp_object *obj,
					    const char *name);

/**
 * vnp_object_next_map() - iterate over the maps, including data sections
 * @obj:	the object
 * @prev:	the previous one, or NULL for the first
 *
 * Return: the map, or NULL after the last.
 */
struct vnp_map *vnp_object_next_map(const struct vnp_object *obj,
				    const struct vnp_map *prev);

/**
 * vnp_object_find_map() - find a map
 * @obj:	the object
 * @name:	name of its C variable, or of a data section such as ".rodata"
 *
 * Return: the map, or NULL.
 */
struct vnp_map *vnp_object_find_map(const struct vnp_object *obj,
				    const char *name);

/*
 * ---- Programs -----------------------------------------------------------
 */

/**
 * vnp_program_open() - open a program that is in the kernel
 * @id:		its id
 * @opts:	options or NULL; the name is not used
 * @prog:	where to put it; vnp_program_close() it
 *
 * Return: 0, -ENOENT (none, or none the caller may see), -ENODEV, -EACCES.
 */
int vnp_program_open(__u32 id, const struct vnp_open_opts *opts,
		     struct vnp_program **prog);

/** vnp_program_close() - close a program from vnp_program_open(); NULL is fine */
void vnp_program_close(struct vnp_program *prog);

/** vnp_program_name() - name of the C function; as loaded for an opened program */
const char *vnp_program_name(const struct vnp_program *prog);

/** vnp_program_type() - what it can be linked to, enum vnp_prog_type */
__u32 vnp_program_type(const struct vnp_program *prog);

/** vnp_program_fd() - the kernel's descriptor, -1 if it is not in the kernel */
int vnp_program_fd(const struct vnp_program *prog);

/**
 * vnp_program_set_autoload() - choose whether vnp_object_load() loads it
 * @prog:	a program of an object
 * @autoload:	load it (the default) or not
 *
 * Return: 0, -EBUSY (the object is loaded).
 */
int vnp_program_set_autoload(struct vnp_program *prog, bool autoload);

/**
 * vnp_program_set_budget() - set what one execution may cost
 * @prog:	a program of an object
 * @budget:	units, as struct vnp_prog_load says; 0: the default
 *
 * Return: 0, -EBUSY (the object is loaded).
 */
int vnp_program_set_budget(struct vnp_program *prog, __u32 budget);

/**
 * vnp_program_log() - the verifier's report
 * @prog:	a program vnp_object_load() has tried to load
 *
 * Return: the text, in lines that end in newlines, or "" if there is none; it belongs to
 * the program.
 */
const char *vnp_program_log(const struct vnp_program *prog);

/**
 * vnp_program_get_info() - get information about a loaded program
 * @prog:	the program
 * @info:	out, except @info->size, which the caller sets
 *
 * A program loaded with %VNP_LOAD_F_USER has id, jited_len and tag 0.
 *
 * Return: 0, -EINVAL (the size), -ENOENT (it is not loaded).
 */
int vnp_program_get_info(const struct vnp_program *prog,
			 struct vnp_prog_info *info);

/**
 * vnp_program_dump() - read instructions or metadata of a loaded program
 * @prog:	the program
 * @what:	VNP_DUMP_*
 * @buf:	out: a new buffer, with zero bytes after the last element; free() it
 * @len:	out: its bytes
 *
 * Return: 0, -EINVAL (@what), -ENOENT (it is not loaded), -ENOMEM.
 */
int vnp_program_dump(const struct vnp_program *prog, __u32 what, void **buf,
		     __u32 *len);

/**
 * struct vnp_source_line - the source line of an instruction
 * @file:	name of the file as given to the compiler
 * @text:	the line; in both, control characters, and what is not UTF-8, are replaced
 * @line:	its number
 * @column:	the column
 */
struct vnp_source_line {
	const char *file;
	const char *text;
	__u32 line;
	__u32 column;
};

/**
 * vnp_program_source() - the C line of an instruction
 * @prog:	a program of an object, or an opened one
 * @insn:	index of the instruction as loaded
 * @src:	out; strings belong to the program
 *
 * Return: 0, -ENOENT (not known: compile with -g).
 */
int vnp_program_source(const struct vnp_program *prog, __u32 insn,
		       struct vnp_source_line *src);

/**
 * struct vnp_run_opts - arguments and results of a test execution
 * @sz:		sizeof(struct vnp_run_opts)
 * @data_in:	the payload (of a %VNP_PROG_PACKET: the IP packet), or NULL if there
 *		is none
 * @data_out:	where to put the payload as changed by the program, or NULL
 * @data_in_len: bytes at @data_in, at most 65,507 (%VNP_PROG_PACKET: 65,575)
 * @data_out_len: in: bytes at @data_out; out: bytes of the payload
 * @repeat:	number of executions; 0 means 1, at most 1,000,000
 * @direct_len:	bytes of payload the program can read directly; 0: all
 * @retval:	out: R0 of the last execution; 0 after a fault
 * @fault:	out: enum vnp_fault of the last execution
 * @fault_insn:	out: instruction that faulted
 * @ns:		out: mean duration of an execution
 *
 * As struct vnp_prog_run in <linux/vnp.h>.
 */
struct vnp_run_opts {
	size_t sz;
	const void *data_in;
	void *data_out;
	__u32 data_in_len;
	__u32 data_out_len;
	__u32 repeat;
	__u32 direct_len;
	__u64 retval;
	__u32 fault;
	__u32 fault_insn;
	__u64 ns;
};

/**
 * vnp_program_run() - execute a loaded program on given bytes
 * @prog:	the program
 * @opts:	in and out
 *
 * Return: 0 if it was executed, to its end or to a fault; -EINVAL (lengths), -EINTR (a
 * signal), -ENOENT (it is not loaded), -EFAULT (user space only: a bug of the verifier;
 * the message has details).
 */
int vnp_program_run(struct vnp_program *prog, struct vnp_run_opts *opts);

/**
 * vnp_insn_text() - an instruction as text, in the syntax of llvm-objdump
 * @insn:	the instruction; for a 64 bit immediate load the first of two
 * @text:	out
 * @len:	bytes at @text; longer text is truncated
 *
 * Return: number of instructions consumed, 1 or 2.
 */
int vnp_insn_text(const struct bpf_insn *insn, char *text, size_t len);

/*
 * ---- Maps ---------------------------------------------------------------
 */

/**
 * vnp_map_open() - open a map that is in the kernel
 * @id:		its id
 * @opts:	options or NULL; the name is not used
 * @map:	where to put it; vnp_map_close() it
 *
 * Return: 0, -ENOENT (none, or none the caller may see), -ENODEV, -EACCES.
 */
int vnp_map_open(__u32 id, const struct vnp_open_opts *opts,
		 struct vnp_map **map);

/** vnp_map_close() - close a map from vnp_map_open(); NULL is fine */
void vnp_map_close(struct vnp_map *map);

/** vnp_map_name() - name of the C variable or section; as created for an opened map */
const char *vnp_map_name(const struct vnp_map *map);

/** vnp_map_fd() - the kernel's descriptor, -1 if it is not in the kernel */
int vnp_map_fd(const struct vnp_map *map);

/**
 * vnp_map_set_max_entries() - set the number of entries
 * @map:	a map of an object, not a data section
 * @max_entries: at least 1
 *
 * Return: 0, -EBUSY (the object is loaded), -EINVAL.
 */
int vnp_map_set_max_entries(struct vnp_map *map, __u32 max_entries);

/**
 * vnp_map_set_socket() - set the socket that a map of peers or groups sends from
 * @map:	a map of an object
 * @fd:		a UDP socket, which is not closed before the object is loaded
 *
 * By default, it is the first socket to which a program that uses the map is linked.
 *
 * Return: 0, -EBUSY (the object is loaded), -EINVAL.
 */
int vnp_map_set_socket(struct vnp_map *map, int fd);

/**
 * vnp_map_initial_value() - contents of a data section before it is loaded
 * @map:	a map of an object
 * @len:	out: bytes
 *
 * Write to them to set global variables, including constants.
 *
 * Return: the bytes, which belong to the map; NULL if it is not a data section or the
 * object is loaded.
 */
void *vnp_map_initial_value(struct vnp_map *map, size_t *len);

/**
 * vnp_map_reuse_fd() - use an existing map instead of creating one
 * @map:	a map of an object that is not loaded
 * @fd:		descriptor of a map of the same type and sizes; is duplicated
 *
 * A data section's contents are those of the existing map.  @map's max_entries becomes
 * that of the existing map.
 *
 * Return: 0, -EBUSY (the object is loaded), -EINVAL (another type or size),
 * -EBADF, -ENOTTY (not a map).
 */
int vnp_map_reuse_fd(struct vnp_map *map, int fd);

/**
 * vnp_map_get_info() - get information about a map
 * @map:	a map, loaded or opened
 * @info:	out, except @info->size, which the caller sets
 *
 * Return: 0, -EINVAL (the size), -ENOENT (it is not loaded).
 */
int vnp_map_get_info(const struct vnp_map *map, struct vnp_map_info *info);

/** vnp_map_key_len() - bytes of a key */
__u32 vnp_map_key_len(const struct vnp_map *map);

/**
 * vnp_map_value_len() - bytes of a value as user space sees it
 * @map:	the map
 *
 * For a per-CPU map that is a value for each possible CPU, each rounded up to 8 bytes; 0 if /sys
 * does not say how many there are.
 */
__u32 vnp_map_value_len(const struct vnp_map *map);

/**
 * vnp_map_lookup() - read the value of a key
 * @map:	a map, loaded or opened
 * @key:	vnp_map_key_len() bytes
 * @value:	out: vnp_map_value_len() bytes
 *
 * Return: 0, -ENOENT (no such key, or the map is not loaded).
 */
int vnp_map_lookup(const struct vnp_map *map, const void *key, void *value);

/**
 * vnp_map_update() - set the value of a key
 * @map:	a map, loaded or opened
 * @key:	vnp_map_key_len() bytes
 * @value:	vnp_map_value_len() bytes
 * @flags:	VNP_MAP_ANY, VNP_MAP_NOEXIST or VNP_MAP_EXIST
 *
 * Return: 0, -EEXIST, -ENOENT, -ENOSPC (full), -EPERM (frozen), -ENOMEM.
 */
int vnp_map_update(const struct vnp_map *map, const void *key, const void *value,
		   __u32 flags);

/**
 * vnp_map_update_socket() - set an entry of a map of sockets
 * @map:	a map of type VNP_MAP_SOCKETS, loaded or opened
 * @key:	vnp_map_key_len() bytes
 * @fd:		a TCP or UDP socket that is connected
 * @policy:	VNP_SOCKET_DROP_NEWEST, VNP_SOCKET_DROP_OLDEST or VNP_SOCKET_DISCONNECT: what
 *		happens when its queue is full
 * @queue_bytes: size of the queue; 0: VNP_SOCKET_QUEUE.  UDP has no queue: @policy and
 *		@queue_bytes must be 0
 * @flags:	VNP_MAP_ANY, VNP_MAP_NOEXIST or VNP_MAP_EXIST
 *
 * Return: as vnp_map_update(); -EINVAL (another type of map, @policy, @queue_bytes), -EBADF,
 * -ENOTSOCK, -EOPNOTSUPP (not TCP or UDP), -ENOTCONN, -EBUSY, -EDQUOT; and as send().
 */
int vnp_map_update_socket(const struct vnp_map *map, const void *key, int fd, __u32 policy,
			  __u32 queue_bytes, __u32 flags);

/**
 * vnp_map_delete() - remove a key
 * @map:	a map, loaded or opened
 * @key:	vnp_map_key_len() bytes
 *
 * Return: 0, -ENOENT, -EINVAL (an array), -EPERM (frozen).
 */
int vnp_map_delete(const struct vnp_map *map, const void *key);

/**
 * vnp_map_next_key() - iterate over the keys
 * @map:	a map, loaded or opened
 * @key:	the previous one, or NULL for the first
 * @next:	out: vnp_map_key_len() bytes; may be @key
 *
 * Return: 0, -ENOENT (none after it).
 */
int vnp_map_next_key(const struct vnp_map *map, const void *key, void *next);

/**
 * vnp_map_mmap() - map the values of an array into memory
 * @map:	an array created with %VNP_MAP_F_MMAP, such as .data and .bss
 * @writable:	map it for writing too
 * @addr:	out: the first value; each begins at a multiple of 8 bytes
 * @len:	out: bytes
 *
 * vnp_map_munmap() it when done; it may outlive the map.
 *
 * Return: 0, -EINVAL (not such a map), -EPERM (frozen and @writable),
 * -EOPNOTSUPP (loaded in user space), -ENOENT (not loaded), -ENOMEM.
 */
int vnp_map_mmap(const struct vnp_map *map, bool writable, void **addr,
		 size_t *len);

/** vnp_map_munmap() - undo vnp_map_mmap() */
void vnp_map_munmap(void *addr, size_t len);

/** VNP_PEER_TEXT_LEN - bytes that vnp_peer_print() needs, with the closing NUL */
#define VNP_PEER_TEXT_LEN	80

/**
 * vnp_peer_parse() - make a value of a map of peers from text
 * @text:	"HOST:PORT": a name or an address, one of IPv6 in brackets, such as
 *		"192.0.2.1:5004", "[fe80::1%eth0]:5004" or "localhost:5004"
 * @opts:	options or NULL; the name is not used
 * @peer:	out: the address, all else zero
 *
 * A name is looked up, and its first address taken.
 *
 * Return: 0, -EINVAL (not such a text), -ENOENT (no such host), -EAGAIN (it cannot be
 * looked up now), -ENOMEM.
 */
int vnp_peer_parse(const char *text, const struct vnp_open_opts *opts,
		   struct vnp_peer *peer);

/**
 * vnp_peer_print() - a peer's address as vnp_peer_parse() reads it
 * @peer:	the peer
 * @text:	out
 *
 * Return: @text.
 */
const char *vnp_peer_print(const struct vnp_peer *peer, char text[VNP_PEER_TEXT_LEN]);

/*
 * ---- Links --------------------------------------------------------------
 */

/**
 * struct vnp_link_opts - options of vnp_link_attach()
 * @sz:		sizeof(struct vnp_link_opts)
 * @flags:	VNP_LINK_F_*
 * @hold_bytes:	limit of memory for held messages; these as in struct vnp_link_create
 * @hold_messages: maximum number of held messages
 * @hold_age_ms: maximum time for which a message is held, in ms
 * @hold_mark:	mark of messages that are delivered after that time
 * @message:	for a program of type %VNP_PROG_STREAM: the one for whole messages, of type
 *		%VNP_PROG_MESSAGE, or NULL: each is passed
 * @eof:	stream: enum vnp_eof
 * @reply_bytes: stream: size of the queue for answers; 0: no queue
 */
struct vnp_link_opts {
	size_t sz;
	__u32 flags;
	__u32 :32;
	__u32 hold_bytes;
	__u32 hold_messages;
	__u32 hold_age_ms;
	__u32 hold_mark;
	const struct vnp_program *message;
	__u32 eof;
	__u32 reply_bytes;
};

/**
 * vnp_link_attach() - link a program to a socket
 * @prog:	a program in the kernel
 * @sock_fd:	descriptor of the socket; not needed after the call
 * @opts:	options or NULL
 * @link:	where to put the link, or NULL if it is not needed: the link exists as long
 *		as the socket
 *
 * Return: 0, -EBUSY (the socket has a link, or the kernel uses it), -EOPNOTSUPP (not such a
 * socket, or programs of such types cannot be linked to it), -ENOTCONN (a TCP socket that is
 * neither connected nor listens), -EINVAL (an option does not apply to such a socket, or is out of
 * range), -EDQUOT (a limit of the user's connections with a queue), -EPERM (its filter is locked),
 * -ENOTSOCK, -EBADF, -ENOENT (a program is not in the kernel, or @prog is NULL); errors of
 * struct vnp_peer for entries of its maps.  A message says which it was.
 */
int vnp_link_attach(const struct vnp_program *prog, int sock_fd,
		    const struct vnp_link_opts *opts, struct vnp_link **link);

/**
 * vnp_link_attach_object() - link the program, or the two programs, of an object to a socket
 * @obj:	an object in the kernel that has one program, or one of type %VNP_PROG_STREAM
 *		and one of type %VNP_PROG_MESSAGE; those that were not loaded do not count
 * @sock_fd:	descriptor of the socket; not needed after the call
 * @opts:	options or NULL; its @message must be NULL
 * @link:	as for vnp_link_attach()
 *
 * Return: as vnp_link_attach(), -EINVAL (it has other programs).
 */
int vnp_link_attach_object(const struct vnp_object *obj, int sock_fd,
			   const struct vnp_link_opts *opts, struct vnp_link **link);

/**
 * vnp_link_open() - open a link
 * @id:		its id
 * @opts:	options or NULL; the name is not used
 * @link:	where to put it; vnp_link_close() it
 *
 * Return: 0, -ENOENT (none, or none the caller may see), -ENODEV, -EACCES.
 */
int vnp_link_open(__u32 id, const struct vnp_open_opts *opts,
		  struct vnp_link **link);

/**
 * vnp_link_close() - free the handle; the link stays attached
 * @link:	the link; NULL is fine
 */
void vnp_link_close(struct vnp_link *link);

/** vnp_link_fd() - the kernel's descriptor */
int vnp_link_fd(const struct vnp_link *link);

/**
 * vnp_link_get_info() - a link's socket, program and counters
 * @link:	the link
 * @info:	out, except @info->size, which the caller sets
 *
 * Return: 0, -EINVAL (the size).
 */
int vnp_link_get_info(const struct vnp_link *link, struct vnp_link_info *info);

/**
 * vnp_link_update() - replace the program atomically
 * @link:	the link
 * @prog:	the new program
 * @old:	the program expected to be attached, or NULL for any
 *
 * Return: 0, -EEXIST (@old is not attached), -ENOLINK (detached), -EOPNOTSUPP (programs of
 * this type cannot be linked to such a socket), -ENOENT (@prog or @old is not in the kernel).
 */
int vnp_link_update(struct vnp_link *link, const struct vnp_program *prog,
		    const struct vnp_program *old);

/**
 * vnp_link_detach() - detach the program; the socket is then as before
 * @link:	the link
 *
 * Return: 0, -ENOLINK (detached already).
 */
int vnp_link_detach(struct vnp_link *link);

/*
 * ---- Sockets of running processes ---------------------------------------
 */

/**
 * struct vnp_socket - a socket of another process
 * @fd:		a descriptor of it in this process
 * @family:	AF_INET or AF_INET6
 * @port:	port it is bound to
 * @inode:	its number, as in /proc/PID/fd
 * @address:	address it is bound to, as text
 * @remote_address: address it is connected to, as text; empty if it is not connected
 * @remote_port: port it is connected to, or 0
 */
struct vnp_socket {
	int fd;
	int family;
	__u32 port;
	unsigned long inode;
	char address[48];
	char remote_address[48];
	__u32 remote_port;
};

/**
 * vnp_socket_take() - a descriptor of another process's socket
 * @pid:	the process
 * @fd:		its descriptor
 * @opts:	options or NULL; the name is not used
 *
 * Requires the right to ptrace the process: the same user, and Yama's permission.
 *
 * Return: a descriptor, which the caller closes; -ESRCH (no process), -EBADF (no
 * such descriptor there), -EPERM.
 */
int vnp_socket_take(pid_t pid, int fd, const struct vnp_open_opts *opts);

/**
 * vnp_socket_find() - all sockets of a process that are bound to a port
 * @pid:	the process
 * @spec:	"udp:PORT"; or "tcp:PORT", for the TCP sockets whose local port it is: those that
 *		listen, and after them connections
 * @opts:	options or NULL; the name is not used
 * @socks:	out: a new array, of IPv4 and IPv6 sockets
 * @cnt:	out: their number, at least 1
 *
 * vnp_socket_free() the array, which closes the descriptors.
 *
 * Return: 0, -ENOENT (none), -EINVAL (@spec), and as vnp_socket_take().
 */
int vnp_socket_find(pid_t pid, const char *spec, const struct vnp_open_opts *opts,
		    struct vnp_socket **socks, size_t *cnt);

/** vnp_socket_free() - close and free sockets from vnp_socket_find() */
void vnp_socket_free(struct vnp_socket *socks, size_t cnt);

/*
 * ---- Derivation of keys --------------------------------------------------
 *
 * For values of maps of type VNP_MAP_KEYS: programs cannot derive keys.
 */

/**
 * vnp_derive_hkdf() - derive a key by HKDF with SHA-256 (RFC 5869)
 * @secret:	input keying material
 * @secret_len:	its bytes
 * @salt:	salt, or NULL
 * @salt_len:	its bytes
 * @info:	what the key is for, or NULL
 * @info_len:	its bytes
 * @to:		where to put the key
 * @len:	its bytes, at most 8160
 *
 * Return: 0, -EINVAL (@len), -ENOMEM.
 */
int vnp_derive_hkdf(const void *secret, size_t secret_len, const void *salt, size_t salt_len,
		    const void *info, size_t info_len, void *to, size_t len);

/**
 * enum vnp_srtp_label - which key of an SRTP session (RFC 3711, 4.3.2)
 * @VNP_SRTP_ENCRYPTION:	to encrypt RTP
 * @VNP_SRTP_AUTHENTICATION:	to authenticate it
 * @VNP_SRTP_SALT:		its salt
 * @VNP_SRTP_RTCP_ENCRYPTION:	likewise of RTCP
 * @VNP_SRTP_RTCP_AUTHENTICATION: likewise
 * @VNP_SRTP_RTCP_SALT:		likewise
 */
enum vnp_srtp_label {
	VNP_SRTP_ENCRYPTION,
	VNP_SRTP_AUTHENTICATION,
	VNP_SRTP_SALT,
	VNP_SRTP_RTCP_ENCRYPTION,
	VNP_SRTP_RTCP_AUTHENTICATION,
	VNP_SRTP_RTCP_SALT,
};

/**
 * vnp_derive_srtp() - derive a session key of SRTP, with a key derivation rate of 0
 * @key:	master key
 * @key_len:	its bytes, 16 or 32
 * @salt:	master salt
 * @salt_len:	its bytes, 14; 12 for AES-GCM (RFC 7714)
 * @label:	which key
 * @to:		where to put it
 * @len:	its bytes, at most 256
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int vnp_derive_srtp(const void *key, size_t key_len, const void *salt, size_t salt_len,
		    enum vnp_srtp_label label, void *to, size_t len);

/*
 * ---- The module ---------------------------------------------------------
 */

/**
 * vnp_id_next() - iterate over the ids of the kernel's objects
 * @kind:	what kind of object
 * @id:		in: the previous id, 0 for the first; out: the next one
 *
 * Only objects that the caller may see.
 *
 * Return: 0, -ENOENT (no more), -ENODEV (there is no /dev/vnp), -EACCES (it may not
 * be opened).
 */
int vnp_id_next(enum vnp_obj_kind kind, __u32 *id);

/**
 * vnp_feature_get() - get the module's features and limits
 * @feature:	out, except @feature->size, which the caller sets
 * @opts:	options or NULL; the name is not used
 *
 * Return: 0, -EINVAL (the size), -ENODEV, -EACCES.
 */
int vnp_feature_get(struct vnp_feature *feature, const struct vnp_open_opts *opts);

#ifdef __cplusplus
}
#endif

#endif /* _VNP_LIBVNP_H */
