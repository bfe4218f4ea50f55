// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <unistd.h>

#include "ctl.h"

static const char help[] =
	"Usage: vnpctl link attach PROG pid PID {udp:PORT | tcp:PORT | fd FD}\n"
	"                   [fault {drop | pass}] [merge {on | off}] [hold LIMIT NUMBER]...\n"
	"                   [late {discard | deliver | each}] [eof {deliver | drop | abort}]\n"
	"                   [unframed {error | pass}] [forged {drop | end}]\n"
	"                   [boundaries {off | on}] [answers BYTES] [unsent {fail | reset}]\n"
	"       vnpctl link list\n"
	"       vnpctl link show [ID]\n"
	"       vnpctl link update ID PROG\n"
	"       vnpctl link detach ID\n"
	"\n"
	"  PROG is FILE [name NAME], output of tcpdump -ddd as cbpf FILE [dlt DLT], or a\n"
	"  loaded program, id ID or name NAME.  If FILE has two programs, of types stream and\n"
	"  message, attach links both.\n"
	"\n"
	"  attach     link it to a process's socket; with udp:PORT, to all sockets that\n"
	"             the process has bound to the port; with tcp:PORT, to its connections at\n"
	"             the port and to the socket that listens there, and so to what is accepted\n"
	"             from then on.  The links exist until they are detached or the sockets are\n"
	"             closed, also after this tool has ended.  Options are given in this order\n"
	"  fault      what happens to a datagram when the program faults (drop)\n"
	"  hold       a limit of messages that the program holds: bytes (of memory), messages,\n"
	"             age (milliseconds); or mark: the mark of messages delivered after this age\n"
	"  late       what happens to a message that is too old (discard)\n"
	"  eof        TCP: what happens to a message that is not whole at the end (deliver)\n"
	"  unframed   TCP: what the process gets where the program finds no message: an error,\n"
	"             or all bytes from there on (error)\n"
	"  boundaries TCP: on: a read returns bytes of one message at most (off)\n"
	"  answers    TCP: size of the queue for what the program answers; without it, it cannot\n"
	"  unsent     TCP: what happens when the queue has no room, as the peer does not read:\n"
	"             the program is told, or the connection is reset (fail)\n"
	"  update     replace the program atomically\n";

/* @tcp: all TCP sockets of a process at a port */
struct target {
	struct vnp_socket *socks;
	size_t cnt;
	bool tcp;
};

static void target_close(struct target *target)
{
	vnp_socket_free(target->socks, target->cnt);
}

/* "fd FD": one socket, whose address and port are unknown */
static int target_take(struct args *args, pid_t pid, struct target *target)
{
	__u32 fd;
	int ret;

	if (args_u32(args, "The descriptor", &fd))
		return -EINVAL;
	target->socks = calloc(1, sizeof(*target->socks));
	if (!target->socks)
		return error("Out of memory.");
	ret = vnp_socket_take(pid, fd, &open_opts);
	if (ret < 0)
		return failed(ret, "Cannot take the socket");
	target->socks->fd = ret;
	target->cnt = 1;
	return 0;
}

static int target_find(struct args *args, struct target *target)
{
	const char *spec;
	__u32 pid;
	int err;

	if (!args_take(args, "pid"))
		return error("Specify the socket: pid PID udp:PORT, pid PID tcp:PORT, or pid PID fd FD.");
	if (args_u32(args, "The process", &pid))
		return -EINVAL;
	if (args_take(args, "fd"))
		return target_take(args, pid, target);

	spec = args_want(args, "The socket (udp:PORT, tcp:PORT, or fd FD)");
	if (!spec)
		return -EINVAL;
	target->tcp = !strncmp(spec, "tcp:", 4);
	err = vnp_socket_find(pid, spec, &open_opts, &target->socks, &target->cnt);
	return err ? failed(err, "Cannot find the socket") : 0;
}

static int fault_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "fault"))
		return 0;
	if (args_take(args, "pass"))
		opts->flags |= VNP_LINK_F_FAULT_PASS;
	else if (!args_take(args, "drop"))
		return error("Specify what happens after a fault: fault drop, or fault pass.");
	return 0;
}

static int merge_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "merge"))
		return 0;
	if (args_take(args, "off"))
		opts->flags |= VNP_LINK_F_NO_MERGE;
	else if (!args_take(args, "on"))
		return error("Specify whether datagrams may be merged: merge on, or merge off.");
	return 0;
}

static int hold_parse(struct args *args, struct vnp_link_opts *opts)
{
	__u32 *to;
	int err = 0;

	while (!err && args_take(args, "hold")) {
		to = args_take(args, "bytes") ? &opts->hold_bytes :
		     args_take(args, "messages") ? &opts->hold_messages :
		     args_take(args, "age") ? &opts->hold_age_ms :
		     args_take(args, "mark") ? &opts->hold_mark : NULL;
		if (!to)
			return error("Specify a limit of held messages: hold bytes, messages, age, or mark.");
		err = args_u32(args, "The limit", to);
	}
	return err;
}

static int late_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "late"))
		return 0;
	if (args_take(args, "deliver"))
		opts->flags |= VNP_LINK_F_HOLD_DELIVER;
	else if (args_take(args, "each"))
		opts->flags |= VNP_LINK_F_HOLD_EACH;
	else if (!args_take(args, "discard"))
		return error("Specify what happens to messages that are too old: late discard, deliver, or each.");
	return 0;
}

static int eof_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "eof"))
		return 0;
	if (args_take(args, "drop"))
		opts->eof = VNP_EOF_DROP;
	else if (args_take(args, "abort"))
		opts->eof = VNP_EOF_ABORT;
	else if (!args_take(args, "deliver"))
		return error("Specify what happens to a message that is not whole at the end: eof deliver, drop, or abort.");
	return 0;
}

static int unframed_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "unframed"))
		return 0;
	if (args_take(args, "pass"))
		opts->flags |= VNP_LINK_F_STREAM_PASS;
	else if (!args_take(args, "error"))
		return error("Specify what happens where there is no message: unframed error, or unframed pass.");
	return 0;
}

static int forged_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "forged"))
		return 0;
	if (args_take(args, "end"))
		opts->flags |= VNP_LINK_F_FORGED_END;
	else if (!args_take(args, "drop"))
		return error("Specify what happens after a forged message: forged drop, or forged end.");
	return 0;
}

static int boundaries_parse(struct args *args, struct vnp_link_opts *opts)
{
	if (!args_take(args, "boundaries"))
		return 0;
	if (args_take(args, "on"))
		opts->flags |= VNP_LINK_F_BOUNDARIES;
	else if (!args_take(args, "off"))
		return error("Specify whether a read ends where a message ends: boundaries on, or boundaries off.");
	return 0;
}

static int answers_parse(struct args *args, struct vnp_link_opts *opts)
{
	int err;

	if (args_take(args, "answers")) {
		err = args_u32(args, "The size of the queue", &opts->reply_bytes);
		if (err)
			return err;
	}
	if (!args_take(args, "unsent"))
		return 0;
	if (args_take(args, "reset"))
		opts->flags |= VNP_LINK_F_REPLY_RESET;
	else if (!args_take(args, "fail"))
		return error("Specify what happens to an answer for which there is no room: unsent fail, or unsent reset.");
	return 0;
}

static int opts_parse(struct args *args, struct vnp_link_opts *opts)
{
	return fault_parse(args, opts) ?: merge_parse(args, opts) ?:
	       hold_parse(args, opts) ?: late_parse(args, opts) ?:
	       eof_parse(args, opts) ?: unframed_parse(args, opts) ?:
	       forged_parse(args, opts) ?: boundaries_parse(args, opts) ?:
	       answers_parse(args, opts) ?: args_end(args);
}

static int link_info(const struct vnp_link *link, struct vnp_link_info *info)
{
	int err;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	err = vnp_link_get_info(link, info);
	return err ? failed(err, "Cannot read the information about a link") : 0;
}

static void attached_report(const struct vnp_program *prog,
			    const struct vnp_link_info *info,
			    const struct vnp_socket *sock, struct json_object *list)
{
	struct json_object *obj;

	if (!settings.json) {
		printf("link %u: program %s (%u) on %s port %u%s%s", info->id,
		       vnp_program_name(prog), info->prog_id, socket_name(info),
		       info->local_port, *sock->address ? " of " : "", sock->address);
		if (*sock->remote_address)
			printf(", connected to port %u of %s", sock->remote_port,
			       sock->remote_address);
		putchar('\n');
		return;
	}
	obj = json_object_new_object();
	add_u64(obj, "id", info->id);
	add_u64(obj, "prog_id", info->prog_id);
	add_str(obj, "family", socket_name(info));
	add_u64(obj, "port", info->local_port);
	add_str(obj, "address", sock->address);
	if (*sock->remote_address) {
		add_str(obj, "remote_address", sock->remote_address);
		add_u64(obj, "remote_port", sock->remote_port);
	}
	json_object_array_add(list, obj);
}

static void links_drop(struct vnp_link **links, size_t cnt)
{
	while (cnt--) {
		if (!links[cnt])
			continue;
		vnp_link_detach(links[cnt]);
		vnp_link_close(links[cnt]);
	}
}

/* A connection may have ended since it was found, or a socket may be linked already: skip it. */
static bool may_skip(const struct target *target, int err)
{
	return target->tcp && (err == -ENOTCONN || err == -EBUSY);
}

/*
 * Attach to all sockets, or to none; but leave out TCP sockets that cannot be linked.
 * Return: how many, or a negative errno after a message
 */
static int links_make(const struct vnp_program *prog, const struct target *target,
		      const struct vnp_link_opts *opts, struct vnp_link **links)
{
	int err = 0, made = 0;
	size_t i;

	for (i = 0; i < target->cnt; i++) {
		err = vnp_link_attach(prog, target->socks[i].fd, opts, &links[i]);
		if (!err)
			made++;
		else if (!may_skip(target, err))
			break;
	}
	if (i == target->cnt && made)
		return made;
	links_drop(links, i);
	return failed(err, "Cannot attach to the socket");
}

static int links_report(const struct vnp_program *prog, const struct target *target,
			struct vnp_link **links)
{
	struct json_object *list = json_object_new_array();
	struct vnp_link_info info;
	int err = 0;
	size_t i;

	for (i = 0; i < target->cnt; i++) {
		if (!links[i])
			continue;
		if (!err)
			err = link_info(links[i], &info);
		if (!err)
			attached_report(prog, &info, &target->socks[i], list);
		vnp_link_close(links[i]);
	}
	if (!err && settings.json)
		json_print(json_object_get(list));
	json_object_put(list);
	return err;
}

static int attach_all(const struct vnp_program *prog, const struct target *target,
		      const struct vnp_link_opts *opts)
{
	struct vnp_link **links = calloc(target->cnt, sizeof(*links));
	int err;

	if (!links)
		return error("Out of memory.");
	err = links_make(prog, target, opts, links);
	if (err > 0)
		err = links_report(prog, target, links);
	free(links);
	return err;
}

static int kernel_only(void)
{
	return settings.user ? error("Links exist only in the kernel; --user is for prog verify, dump and run.") : 0;
}

static int link_attach(struct args *args)
{
	struct vnp_link_opts opts = { .sz = sizeof(opts) };
	struct target target = {};
	struct prog_ref ref;
	int err;

	err = kernel_only() ?: prog_ref_load(args, PROG_REF_ID | PROG_REF_ONE | PROG_REF_PAIR,
					     &ref);
	if (err)
		return err;
	opts.message = ref.message;
	err = target_find(args, &target) ?: opts_parse(args, &opts);
	if (!err)
		err = attach_all(ref.prog, &target, &opts);
	target_close(&target);
	prog_ref_close(&ref);
	return err;
}

static void listener_json(struct json_object *obj, const struct vnp_link_info *info)
{
	add_u64(obj, "accepted", info->accepted);
	add_u64(obj, "refused", info->refused);
	add_u64(obj, "listener_id", info->listener_id);
}

static void stream_json(struct json_object *obj, const struct vnp_link_info *info)
{
	add_bool(obj, "boundaries", info->flags & VNP_LINK_F_BOUNDARIES);
	add_u64(obj, "ready_messages", info->ready_messages);
	add_u64(obj, "reply_bytes", info->reply_bytes);
	add_u64(obj, "reply_queued", info->reply_queued);
}

static void faults_json(struct json_object *obj, const struct vnp_link_info *info)
{
	struct json_object *faults = json_object_new_object(), *last;
	int i;

	for (i = 1; i < __VNP_FAULT_CNT; i++)
		add_u64(faults, fault_name(i), info->faults[i]);
	json_object_object_add(obj, "faults", faults);
	if (!info->fault_prog_id)
		return;
	last = json_object_new_object();
	add_u64(last, "prog_id", info->fault_prog_id);
	add_str(last, "kind", fault_name(info->fault));
	add_u64(last, "insn", info->fault_insn);
	json_object_object_add(obj, "last_fault", last);
}

static const char *late_name(const struct vnp_link_info *info)
{
	return info->flags & VNP_LINK_F_HOLD_DELIVER ? "deliver" :
	       info->flags & VNP_LINK_F_HOLD_EACH ? "each" : "discard";
}

static void hold_json(struct json_object *obj, const struct vnp_link_info *info)
{
	struct json_object *hold = json_object_new_object();

	add_u64(hold, "bytes_max", info->hold_bytes);
	add_u64(hold, "messages_max", info->hold_messages);
	add_u64(hold, "age_ms", info->hold_age_ms);
	add_u64(hold, "mark", info->hold_mark);
	add_str(hold, "late", late_name(info));
	add_u64(hold, "bytes", info->held_bytes);
	add_u64(hold, "messages", info->held_messages);
	add_u64(hold, "released", info->released);
	add_u64(hold, "released_fragments", info->released_fragments);
	add_u64(hold, "released_late", info->late);
	json_object_object_add(obj, "hold", hold);
}

struct json_object *link_json(const struct vnp_link_info *info)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *errors = json_object_new_object();
	int i;

	add_u64(obj, "id", info->id);
	add_u64(obj, "prog_id", info->prog_id);
	add_u64(obj, "uid", info->uid);
	add_bool(obj, "attached", info->attached);
	add_str(obj, "family", socket_name(info));
	add_u64(obj, "port", info->local_port);
	add_u64(obj, "sock_cookie", info->sock_cookie);
	add_str(obj, "on_fault", info->flags & VNP_LINK_F_FAULT_PASS ? "pass" : "drop");
	add_bool(obj, "merge", !(info->flags & VNP_LINK_F_NO_MERGE));
	add_u64(obj, "packets", info->packets);
	add_u64(obj, "bytes", info->bytes);
	for (i = 0; i < __VNP_VERDICT_CNT; i++)
		add_u64(obj, verdict_name(i), info->verdicts[i]);
	for (i = 0; i < __VNP_ERROR_CNT; i++)
		add_u64(errors, error_name(i), info->errors[i]);
	json_object_object_add(obj, "errors", errors);
	hold_json(obj, info);
	listener_json(obj, info);
	stream_json(obj, info);
	faults_json(obj, info);
	return obj;
}

void link_fault_print(const struct vnp_link_info *info)
{
	struct vnp_source_line src;
	struct vnp_program *prog;

	if (!info->fault_prog_id)
		return;
	printf("link %u: latest fault %s in program %u, insn %u", info->id,
	       fault_name(info->fault), info->fault_prog_id, info->fault_insn);
	if (!vnp_program_open(info->fault_prog_id, &quiet_opts, &prog)) {
		if (!vnp_program_source(prog, info->fault_insn, &src))
			printf(", %s:%u: %s", src.file, src.line,
			       src.text + strspn(src.text, " \t"));
		vnp_program_close(prog);
	}
	putchar('\n');
}

static void hold_print(const struct vnp_link_info *info)
{
	if (!info->verdicts[VNP_HELD] || is_stream(info))
		return;
	printf("\theld: %u messages (%u bytes of memory), at most %u for %u ms; then they are %s\n",
	       info->held_messages, info->held_bytes, info->hold_messages, info->hold_age_ms,
	       info->flags & VNP_LINK_F_HOLD_DELIVER ? "delivered" :
	       info->flags & VNP_LINK_F_HOLD_EACH ? "delivered one by one" : "discarded");
	printf("\treleased: %llu messages (%llu datagrams), %llu because of their age\n",
	       info->released, info->released_fragments, info->late);
}

static void listener_print(const struct vnp_link_info *info)
{
	if (info->listener_id)
		printf("\taccepted by the socket of link %u\n", info->listener_id);
	if (info->accepted || info->refused)
		printf("\tlistens: %llu connections linked, %llu refused\n", info->accepted,
		       info->refused);
}

static void link_print(const struct vnp_link_info *info)
{
	int i;

	printf("%u: %s port %u  uid %u  cookie %llu  ", info->id,
	       socket_name(info), info->local_port, info->uid,
	       info->sock_cookie);
	if (info->attached)
		printf("program %u\n", info->prog_id);
	else
		printf("detached\n");
	printf("\tpackets %llu (%llu bytes):", info->packets, info->bytes);
	for (i = 0; i < __VNP_VERDICT_CNT; i++)
		printf("%s %s %llu", i ? "," : "", verdict_name(i), info->verdicts[i]);
	putchar('\n');
	printf("\tfaults:");
	for (i = 1; i < __VNP_FAULT_CNT; i++)
		printf(" %s %llu", fault_name(i), info->faults[i]);
	printf("; a fault %s\n", info->flags & VNP_LINK_F_FAULT_PASS ?
	       "passes the datagram on" : "drops the datagram");
	if (info->flags & VNP_LINK_F_NO_MERGE)
		printf("\tdatagrams are not merged\n");
	if (info->flags & VNP_LINK_F_STREAM_PASS)
		printf("\twhere there is no message, all bytes are passed\n");
	if (info->flags & VNP_LINK_F_FORGED_END)
		printf("\ta forged message ends the stream\n");
	if (info->flags & VNP_LINK_F_BOUNDARIES)
		printf("\ta read ends where a message ends; %u are ready\n", info->ready_messages);
	if (info->reply_bytes)
		printf("\tanswers: %u of %u bytes are queued\n", info->reply_queued,
		       info->reply_bytes);
	for (i = 0; i < __VNP_ERROR_CNT; i++)
		if (info->errors[i])
			printf("\terrors (%s): %llu\n", error_name(i),
			       info->errors[i]);
	hold_print(info);
	listener_print(info);
	link_fault_print(info);
}

static void link_row(struct table *table, const struct vnp_link_info *info)
{
	table_add(table, "%u", info->id);
	if (info->prog_id)
		table_add(table, "%u", info->prog_id);
	else
		table_add(table, "-");
	table_add(table, "%u", info->uid);
	table_add(table, "%s", socket_name(info));
	table_add(table, "%u", info->local_port);
	table_add(table, "%llu", info->sock_cookie);
	table_add(table, "%s", info->flags & VNP_LINK_F_FAULT_PASS ? "pass" : "drop");
	table_add(table, "%s", info->attached ? "attached" : "detached");
}

static int link_find(struct args *args, struct vnp_link **link)
{
	__u32 id;
	int err;

	args_take(args, "id");
	if (args_u32(args, "The link's id", &id))
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
	table = table_new("ID PROG UID -SOCKET PORT COOKIE -FAULT -STATE");
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
	struct vnp_link *link;
	struct prog_ref ref;
	int err;

	err = kernel_only() ?: link_find(args, &link);
	if (err)
		return err;
	err = prog_ref_load(args, PROG_REF_ID | PROG_REF_ONE, &ref);
	if (!err) {
		err = args_end(args);
		if (!err)
			err = vnp_link_update(link, ref.prog, NULL);
		if (err)
			failed(err, "Cannot update the link");
		prog_ref_close(&ref);
	}
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
