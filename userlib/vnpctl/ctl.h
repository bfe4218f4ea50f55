/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Shared by the files of vnpctl.  A command is a function that reads the words after its
 * name and returns 0, or a negative number after printing a message.
 */
#ifndef _VNPCTL_CTL_H
#define _VNPCTL_CTL_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "vnp/libvnp.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Options on the command line */
struct settings {
	bool json;
	bool pretty;
	bool user;
	bool debug;
};

extern struct settings settings;

/*
 * ---- Words (args.c) -----------------------------------------------------
 */

/* struct args - words not yet read */
struct args {
	int cnt;
	char **words;
};

/* args_next() - read a word; NULL if there is none */
const char *args_next(struct args *args);

/* args_is() - is the next word, after skipping @n, @keyword or an abbreviation of it? */
bool args_is(const struct args *args, int n, const char *keyword);

/* args_take() - read the next word if it is @keyword or an abbreviation of it */
bool args_take(struct args *args, const char *keyword);

/* args_want() - read a required word; @what describes it in the message */
const char *args_want(struct args *args, const char *what);

/* number_parse() - is the word a number from @min to @max, and nothing else? */
bool number_parse(const char *word, int base, __u64 min, __u64 max, __u64 *val);

/* args_number() - read a required number from @min to @max; @what begins the message */
int args_number(struct args *args, const char *what, __u64 min, __u64 max, __u64 *val);

/* args_u32() - the same, of 32 bits */
int args_u32(struct args *args, const char *what, __u32 *val);

/* args_id() - read the id of an object, which is at least 1 */
int args_id(struct args *args, const char *what, __u32 *id);

/* args_end() - fail if there are more words */
int args_end(const struct args *args);

/* help_wanted() - print @help if the next word is help, or an abbreviation of it */
bool help_wanted(struct args *args, const char *help);

struct command {
	const char *name;
	int (*run)(struct args *args);
};

/**
 * commands_run() - call the command that the next word names or abbreviates
 * @args:	the words
 * @object:	the object, for messages
 * @commands:	ends with an empty one; the first is the default
 * @help:	output of "help"
 */
int commands_run(struct args *args, const char *object,
		 const struct command *commands, const char *help);

/*
 * ---- Output (output.c, table.c) -----------------------------------------
 */

/* error() - print an error message; returns -EINVAL */
int error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* failed() - print that @what failed, unless the library has printed why; returns @err */
int failed(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * errors_catch(), errors_caught() - in between errors are not printed; the last one, or NULL, for
 * the caller to free
 */
void errors_catch(void);
char *errors_caught(void);

/* ids_failed() - print why vnp_id_next() failed; returns @err */
int ids_failed(int err);

/* open_opts - for the library: print its messages like those of vnpctl */
extern const struct vnp_open_opts open_opts;

/*
 * quiet_opts - the same without messages, for objects that may be freed after they were
 * listed
 */
extern const struct vnp_open_opts quiet_opts;

/*
 * program_lines() - the lines that programs in this process have logged since the last
 * call, as a JSON array that the caller frees
 */
struct json_object *program_lines(void);

/* json_print() - print and free the JSON output of a command */
void json_print(struct json_object *out);

/* add_*() - add a member to an object */
void add_u64(struct json_object *obj, const char *key, __u64 val);
void add_str(struct json_object *obj, const char *key, const char *val);
void add_bool(struct json_object *obj, const char *key, bool val);
void add_hex(struct json_object *obj, const char *key, const void *bytes,
	      size_t len);

/* errors_flush() - in JSON mode, print the errors as an object */
void errors_flush(void);

const char *fault_name(__u32 fault);

/* verdict_name() - of enum vnp_verdict; NULL if the number is not a verdict */
const char *verdict_name(__u64 verdict);

/* error_name() - of enum vnp_error */
const char *error_name(__u32 error);

/* errors_print() - those that occurred, each between @before and @after */
void errors_print(const __u64 *errors, const char *before, const char *after);

/* errors_json() - those that occurred; @all: also those that did not */
struct json_object *errors_json(const __u64 *errors, bool all);

const char *prog_type_name(__u32 type);
const char *map_type_name(__u32 type);

/* is_stream() - is the program that is linked one for streams? */
bool is_stream(const struct vnp_link_info *info);

/* socket_name() - what kind a link's socket is, as long as it has a program */
const char *socket_name(const struct vnp_link_info *info);

struct table;

/* table_new() - column names are separated by spaces; a '-' before one aligns it left */
struct table *table_new(const char *columns);

/* table_add() - the next cell, row by row */
void table_add(struct table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* table_print() - print and free; @empty instead of a table without rows */
void table_print(struct table *table, const char *empty);
void table_free(struct table *table);

/**
 * list_print() - the objects listed with vnp_id_next(), in JSON or as a table
 * @err:	its last return value
 * @list:	the objects; freed
 * @table:	the same; freed
 * @empty:	what to print instead of a table without rows
 */
int list_print(int err, struct json_object *list, struct table *table,
	       const char *empty);

/*
 * ---- Long work (progress.c) ---------------------------------------------
 */

/* progress_start() - after two seconds, tell a terminal that @what is in progress */
void progress_start(const char *what);
void progress_stop(void);

/*
 * ---- Ctrl-C (interrupt.c) -----------------------------------------------
 */

/* interrupt_catch() - make SIGINT and SIGTERM only interrupt a wait */
void interrupt_catch(void);

/* interrupt_came() - was there such a signal? */
bool interrupt_came(void);

/*
 * ---- Programs on the command line (prog_ref.c) ---------------------------
 */

/**
 * struct prog_ref - programs that the command line refers to
 * @obj:	the file's object, or NULL
 * @prog:	the only program, or NULL if there are several
 * @message:	with %PROG_REF_PAIR, if there are two, the one of type message; or NULL
 */
struct prog_ref {
	struct vnp_object *obj;
	struct vnp_program *prog;
	struct vnp_program *message;
};

#define PROG_REF_ID	(1 << 0)	/* accept "id ID" and "name NAME" */
#define PROG_REF_RAW	(1 << 1)	/* accept "raw FILE" */
#define PROG_REF_ONE	(1 << 2)	/* it must be one program */
#define PROG_REF_PAIR	(1 << 3)	/* or two, of types stream and message */

/**
 * prog_ref_open() - read "FILE [name NAME]", "cbpf FILE" and others
 * @args:	the words
 * @flags:	PROG_REF_*
 * @ref:	out; prog_ref_close() it
 */
int prog_ref_open(struct args *args, int flags, struct prog_ref *ref);

/* prog_ref_finish() - load the programs of a file, as set since prog_ref_open() */
int prog_ref_finish(struct prog_ref *ref);

/* prog_ref_load() - both */
int prog_ref_load(struct args *args, int flags, struct prog_ref *ref);
void prog_ref_close(struct prog_ref *ref);

/*
 * cbpf_open() - read "FILE [dlt NAME]", classic BPF, into an object (cbpf.c)
 */
int cbpf_open(struct args *args, struct vnp_object **obj);

/* prog_ref_next() - iterate over the programs; NULL is the start and the end */
struct vnp_program *prog_ref_next(const struct prog_ref *ref,
				  const struct vnp_program *prev);

/* prog_id_find(), map_id_find() - read "id ID" or "name NAME" */
int prog_id_find(struct args *args, __u32 *id);
int map_id_find(struct args *args, __u32 *id);

/*
 * ---- Bytes (bytes.c) ----------------------------------------------------
 */

/* hex_read() - bytes of a file of hex digits ("-": stdin); # begins a comment */
int hex_read(const char *path, void **bytes, size_t *len);

/* hex_write() - write bytes as hex digits */
int hex_write(const char *path, const void *bytes, size_t len);

/**
 * bytes_parse() - a key or value on the command line
 * @args:	one after the other, until there are @len bytes: "hex 01 fe", "hex 01fe", "1 254",
 *		"u32 NUMBER" (u8 to u64), "str TEXT", which is padded with zeroes to the end
 * @what:	"key" or "value", for messages
 * @bytes:	out
 * @len:	required length
 */
int bytes_parse(struct args *args, const char *what, void *bytes, size_t len);

/* key_parse() - a value of a map of keys (key.c) */
int key_parse(struct args *args, struct vnp_key *key);

/* bytes_print() - in hex, and as text or a number if possible; no newline */
void bytes_print(const void *bytes, size_t len);

/* bytes_number() - 1, 2, 4 or 8 bytes as a number; false for other lengths */
bool bytes_number(const void *bytes, size_t len, __u64 *val);

/*
 * ---- Peers (peer.c) -----------------------------------------------------
 */

/* peer_parse() - "ADDRESS:PORT [ttl N] [tos N]" */
int peer_parse(struct args *args, struct vnp_peer *peer);

/* peer_print() - address and counters, without the last newline */
void peer_print(const struct vnp_peer *peer);
struct json_object *peer_json(const struct vnp_peer *peer);

/*
 * ---- Connections (connection.c) --------------------------------------------
 */

/* connection_parse() - "[pid PID] fd FD [queue BYTES] [newest | oldest | disconnect]" */
int connection_parse(struct args *args, struct vnp_connection *conn);

/* connection_print() - addresses and counters, without the last newline */
void connection_print(const struct vnp_connection *conn);
struct json_object *connection_json(const struct vnp_connection *conn);

/*
 * ---- Commands -----------------------------------------------------------
 */

int prog_command(struct args *args);
int map_command(struct args *args);
int link_command(struct args *args);
int relay_command(struct args *args);
int stats_command(struct args *args);
int top_command(struct args *args);
int feature_command(struct args *args);
int version_command(struct args *args);

int prog_run(struct args *args);
int prog_dump(struct args *args);

/*
 * ---- Links (link_opts.c, link_print.c) -------------------------------------
 */

/*
 * struct sender - "from [pid PID] {udp:PORT | fd FD}": the socket that maps of peers send from
 * @spec:	udp:PORT; NULL: @fd
 * @pid:	the process; 0: the one to whose socket the program is linked
 * @fd:		its descriptor; with neither it nor @spec the option is not given: -1
 */
struct sender {
	const char *spec;
	pid_t pid;
	int fd;
};

/* link_opts_parse() - read options of link attach, in any order, until there are no more words */
int link_opts_parse(struct args *args, struct vnp_link_opts *opts, struct sender *sender);

/* link_replace() - link update: read "PROG [maps {keep | new}]", and replace the program */
int link_replace(struct args *args, struct vnp_link *link, const struct vnp_link_info *info);

/* link_attached_print() - print a line about a new link, or in JSON append it to @list */
void link_attached_print(const struct prog_ref *ref, const struct vnp_link_info *info,
			 const struct vnp_socket *sock, struct json_object *list);

/* link_skipped_print() - the same about a TCP socket that could not be linked, and why */
void link_skipped_print(const struct vnp_socket *sock, const char *why, struct json_object *list);

/* link_print(), link_row(), link_json() - a link's socket, program and counters */
void link_print(const struct vnp_link_info *info);
void link_row(struct table *table, const struct vnp_link_info *info);
struct json_object *link_json(const struct vnp_link_info *info);

/*
 * link_fault_print() - the location of its latest fault, if there was one, with the line
 * of C if the program is still loaded
 */
void link_fault_print(const struct vnp_link_info *info);

#endif /* _VNPCTL_CTL_H */
