// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ctl.h"

static const char help[] =
	"Usage: vnpctl link attach PROG pid PID {udp:PORT | tcp:PORT | fd FD}\n"
	"                   [fault {drop | pass}] [merge {on | off}] [hold LIMIT NUMBER]...\n"
	"                   [late {discard | deliver | each}] [eof {deliver | drop | abort}]\n"
	"                   [unframed {error | pass}] [forged {drop | end}]\n"
	"                   [boundaries {off | on}] [answers BYTES] [unsent {fail | reset}]\n"
	"                   [answered {sent | idle}] [from [pid PID] {udp:PORT | fd FD}]\n"
	"       vnpctl link list\n"
	"       vnpctl link show [ID]\n"
	"       vnpctl link update ID PROG [maps {keep | new}]\n"
	"       vnpctl link detach ID\n"
	"\n"
	"  PROG is FILE [name NAME], output of tcpdump -ddd as cbpf FILE [dlt DLT], or a\n"
	"  loaded program, id ID or name NAME.  If FILE has two programs, of types stream and\n"
	"  message, attach links both, and update replaces both.\n"
	"\n"
	"  attach     link it to a process's socket; with udp:PORT, to all sockets that\n"
	"             the process has bound to the port; with tcp:PORT, to its connections at\n"
	"             the port and to the socket that listens there, and so to what is accepted\n"
	"             from then on.  The links exist until they are detached or the sockets are\n"
	"             closed, also after this tool has ended.  Options can be in any order\n"
	"  fault      what happens to a datagram when the program faults (drop)\n"
	"  merge      UDP: whether the kernel may merge datagrams before the program (on)\n"
	"  hold       a limit of messages that the program holds: bytes (of memory), messages,\n"
	"             age (milliseconds); or mark: the mark of messages delivered after this age\n"
	"  late       what happens to a message that is too old (discard)\n"
	"  eof        TCP: what happens to a message that is not whole at the end (deliver)\n"
	"  unframed   TCP: what the process gets where the program finds no message: an error,\n"
	"             or all bytes from there on (error)\n"
	"  forged     TCP: what happens at a message that is not authentic: it is dropped, or the\n"
	"             stream ends (drop)\n"
	"  boundaries TCP: on: a read returns bytes of one message at most (off)\n"
	"  answers    TCP: size of the queue for what the program answers; without a queue it\n"
	"             cannot answer\n"
	"  unsent     TCP: what happens when the queue has no room, as the peer does not read:\n"
	"             the program is told, or the connection is reset (fail)\n"
	"  answered   TCP: what programs are told about answers of the process: that it has\n"
	"             answered when it has sent something, or only when it has also waited for\n"
	"             more (sent)\n"
	"  from       the UDP socket, of this process or another of yours, from which maps of\n"
	"             peers and groups send (the first one to which the program is linked)\n"
	"  list       all links\n"
	"  show       the links, or one of them with its counters and its latest fault\n"
	"  update     replace the program atomically.  Those of its maps that have the name,\n"
	"             type and sizes of a map of the old program are that map, with what it\n"
	"             contains; with maps new all are new and empty.  If FILE has two programs,\n"
	"             of types stream and message, one is replaced after the other\n"
	"  detach     remove it from the socket, which is then as before\n";

/*
 * struct target - sockets of a process
 * @pid:	the process
 * @spec:	udp:PORT or tcp:PORT, or NULL
 */
struct target {
	pid_t pid;
	const char *spec;
	struct vnp_socket *socks;
	size_t cnt;
};

static void target_close(struct target *target)
{
	vnp_socket_free(target->socks, target->cnt);
}

/* "fd FD": one socket, whose address and port are unknown */
static int target_take(struct target *target, int fd)
{
	int ret;

	target->socks = calloc(1, sizeof(*target->socks));
	if (!target->socks)
		return error("Out of memory.");
	ret = vnp_socket_take(target->pid, fd, &open_opts);
	if (ret < 0)
		return failed(ret, "Cannot take the socket");
	target->socks->fd = ret;
	target->cnt = 1;
	return 0;
}

/* As many as this process may: a server can have thousands, and each takes two. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int target_find(struct target *target)
{
	int err;

	files_raise();
	err = vnp_socket_find(target->pid, target->spec, &open_opts, &target->socks,
				  &target->cnt);

	return err ? failed(err, "Cannot find the socket") : 0;
}

static int target_parse(struct args *args, struct target *target)
{
	__u64 number;

	if (!args_take(args, "pid"))
		return error("Specify the socket: pid PID udp:PORT, pid PID tcp:PORT, or pid PID fd FD.");
	if (args_number(args, "The process", 1, INT_MAX, &number))
		return -EINVAL;
	target->pid = number;
	if (args_take(args, "fd"))
		return args_number(args, "The descriptor", 0, INT_MAX, &number) ?:
		       target_take(target, number);
	target->spec = args_want(args, "The socket (udp:PORT, tcp:PORT, or fd FD)");
	return target->spec ? target_find(target) : -EINVAL;
}

/* Maps of peers of the object send from this socket. */
static int sender_set(const struct vnp_object *obj, const struct target *sender)
{
	struct vnp_map *map = NULL;
	bool sends = false;

	if (sender->cnt != 1)
		return error("Process %d has several UDP sockets on this port: choose one with from fd FD.",
			     sender->pid);
	while ((map = vnp_object_next_map(obj, map)))
		if (!vnp_map_set_socket(map, sender->socks->fd))
			sends = true;
	return sends ? 0 : error("The program has no map of peers or groups that could send from a socket.");
}

/* The socket only has to be open until the maps have been created. */
static int prog_finish(struct prog_ref *ref, const struct sender *from, pid_t pid)
{
	struct target sender = { .pid = from->pid ?: pid, .spec = from->spec };
	int err;

	if (!from->spec && from->fd < 0)
		return prog_ref_finish(ref);
	if (!ref->obj)
		return error("from requires a file: the maps of a loaded program have been created already.");
	if (from->spec && strncmp(from->spec, "udp:", 4))
		return error("Specify the socket to send from: from udp:PORT, or from fd FD.");
	err = from->spec ? target_find(&sender) : target_take(&sender, from->fd);
	if (!err)
		err = sender_set(ref->obj, &sender) ?: prog_ref_finish(ref);
	target_close(&sender);
	return err;
}

/* What the kernel does not refuse, but ignores */
static int opts_check(const struct vnp_program *prog, const struct vnp_link_opts *opts)
{
	const bool stream = vnp_program_type(prog) == VNP_PROG_STREAM;

	if (opts->eof && !stream)
		return error("eof is for TCP, and %s is not a program of type stream.",
			     vnp_program_name(prog));
	if (stream && (opts->hold_bytes || opts->hold_messages || opts->hold_age_ms ||
		       opts->hold_mark))
		return error("hold is for UDP: what a program of type stream keeps from the process is limited by the receive buffer.");
	return 0;
}

static int link_info(const struct vnp_link *link, struct vnp_link_info *info)
{
	int err;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	err = vnp_link_get_info(link, info);
	return err ? failed(err, "Cannot read the information about a link") : 0;
}

/* struct made - a link that was created, or the error message why it was not */
struct made {
	struct vnp_link *link;
	char *why;
};

static void links_drop(const struct made *made, size_t cnt)
{
	while (cnt--)
		if (made[cnt].link)
			vnp_link_detach(made[cnt].link);
}

static void links_close(struct made *made, size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++) {
		vnp_link_close(made[i].link);
		free(made[i].why);
	}
	free(made);
}

static bool target_is_tcp(const struct target *target)
{
	return target->spec && !strncmp(target->spec, "tcp:", 4);
}

/* A connection may have ended since it was found, or a socket may be linked already: skip it. */
static bool may_skip(const struct target *target, int err)
{
	return target_is_tcp(target) && (err == -ENOTCONN || err == -EBUSY);
}

/* Print why there is no link, but nothing twice. */
static int links_failed(const struct made *made, size_t cnt, int err)
{
	const char *last = NULL;
	size_t i;

	for (i = 0; i < cnt; i++) {
		if (!made[i].why || (last && !strcmp(made[i].why, last)))
			continue;
		last = made[i].why;
		error("%s", last);
	}
	return failed(err, "Cannot attach to the socket");
}

/*
 * Attach to all sockets, or to none; but leave out TCP sockets that cannot be linked.
 * Return: how many, or a negative errno after a message
 */
static int links_make(const struct prog_ref *ref, const struct target *target,
		      const struct vnp_link_opts *opts, struct made *made)
{
	int err = 0, cnt = 0;
	size_t i;

	for (i = 0; i < target->cnt; i++) {
		errors_catch();
		err = vnp_link_attach(ref->prog, target->socks[i].fd, opts, &made[i].link);
		made[i].why = errors_caught();
		if (!err)
			cnt++;
		else if (!may_skip(target, err))
			break;
	}
	if (i == target->cnt && cnt)
		return cnt;
	links_drop(made, target->cnt);
	if (i < target->cnt)
		return links_failed(&made[i], 1, err);
	return links_failed(made, target->cnt, err);
}

static int links_report(const struct prog_ref *ref, const struct target *target,
			const struct made *made)
{
	struct json_object *list = json_object_new_array();
	struct vnp_link_info info;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < target->cnt; i++) {
		if (!made[i].link) {
			link_skipped_print(&target->socks[i], made[i].why ?: "out of memory", list);
			continue;
		}
		err = link_info(made[i].link, &info);
		if (!err)
			link_attached_print(ref, &info, &target->socks[i], list);
	}
	if (!err && settings.json)
		json_print(json_object_get(list));
	json_object_put(list);
	return err;
}

static int attach_all(const struct prog_ref *ref, const struct target *target,
		      const struct vnp_link_opts *opts)
{
	struct made *made = calloc(target->cnt, sizeof(*made));
	int err;

	if (!made)
		return error("Out of memory.");
	err = links_make(ref, target, opts, made);
	if (err > 0)
		err = links_report(ref, target, made);
	links_close(made, target->cnt);
	return err;
}

static int kernel_only(void)
{
	return settings.user ? error("Links exist only in the kernel; --user is for prog verify, dump and run.") : 0;
}

static int link_attach(struct args *args)
{
	struct vnp_link_opts opts = { .sz = sizeof(opts) };
	struct sender sender = { .fd = -1 };
	struct target target = {};
	struct prog_ref ref;
	int err;

	if (args_is(args, 0, "pid") || (args->cnt && strchr(*args->words, ':')))
		return error("The program is the first word, before the socket: link attach PROG pid PID udp:PORT.");
	err = kernel_only() ?: prog_ref_open(args, PROG_REF_ID | PROG_REF_ONE | PROG_REF_PAIR,
					     &ref);
	if (err)
		return err;
	err = target_parse(args, &target) ?: link_opts_parse(args, &opts, &sender) ?:
	      opts_check(ref.prog, &opts) ?: prog_finish(&ref, &sender, target.pid);
	opts.message = ref.message;
	if (!err)
		err = attach_all(&ref, &target, &opts);
	target_close(&target);
	prog_ref_close(&ref);
	return err;
}

static int link_find(struct args *args, struct vnp_link **link)
{
	__u32 id;
	int err;

	args_take(args, "id");
	if (args_id(args, "The link's id", &id))
		return -EINVAL;
	err = vnp_link_open(id, &open_opts, link);
	return err ? failed(err, "Cannot open link %u", id) : 0;
}

static int link_show_one(struct args *args)
{
	struct vnp_link_info info;
	struct vnp_link *link;
	int err;

	err = link_find(args, &link);
	if (err)
		return err;
	err = args_end(args) ?: link_info(link, &info);
	if (!err && settings.json)
		json_print(link_json(&info));
	else if (!err)
		link_print(&info);
	vnp_link_close(link);
	return err;
}

static int link_show(struct args *args)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	struct json_object *list;
	struct vnp_link *link;
	struct table *table;
	__u32 id = 0;
	int err;

	if (args->cnt)
		return link_show_one(args);

	list = json_object_new_array();
	table = table_new("ID PROG UID -SOCKET PORT COOKIE LISTENER -FAULT -STATE");
	while (!(err = vnp_id_next(VNP_OBJ_LINK, &id))) {
		if (vnp_link_open(id, &quiet_opts, &link))
			continue;
		if (!vnp_link_get_info(link, &info)) {
			json_object_array_add(list, link_json(&info));
			link_row(table, &info);
		}
		vnp_link_close(link);
	}
	return list_print(err, list, table, "There are no links.");
}

static int link_update(struct args *args)
{
	struct vnp_link_info info;
	struct vnp_link *link;
	int err;

	err = kernel_only() ?: link_find(args, &link);
	if (err)
		return err;
	err = link_info(link, &info) ?: link_replace(args, link, &info);
	vnp_link_close(link);
	return err;
}

static int link_detach(struct args *args)
{
	struct vnp_link *link;
	int err;

	err = link_find(args, &link);
	if (err)
		return err;
	err = args_end(args);
	if (!err)
		err = vnp_link_detach(link);
	if (err)
		failed(err, "Cannot detach the link");
	vnp_link_close(link);
	return err;
}

static const struct command commands[] = {
	{ "list", link_show },
	{ "show", link_show },
	{ "attach", link_attach },
	{ "update", link_update },
	{ "detach", link_detach },
	{}
};

int link_command(struct args *args)
{
	return commands_run(args, "link", commands, help);
}
