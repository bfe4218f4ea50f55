// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Links as text and in JSON. */
#include "ctl.h"

static void socket_print(FILE *to, __u32 port, const struct vnp_socket *sock)
{
	fprintf(to, "port %u%s%s", port, *sock->address ? " of " : "", sock->address);
	if (*sock->remote_address)
		fprintf(to, ", connected to port %u of %s", sock->remote_port,
			sock->remote_address);
}

static void socket_json(struct json_object *obj, const char *name, __u32 port,
			const struct vnp_socket *sock)
{
	add_str(obj, "family", name);
	add_u64(obj, "port", port);
	add_str(obj, "address", sock->address);
	if (*sock->remote_address) {
		add_str(obj, "remote_address", sock->remote_address);
		add_u64(obj, "remote_port", sock->remote_port);
	}
}

void link_attached_print(const struct prog_ref *ref, const struct vnp_link_info *info,
			 const struct vnp_socket *sock, struct json_object *list)
{
	struct vnp_prog_info message = { .size = sizeof(message) };
	struct json_object *obj;

	if (ref->message)
		vnp_program_get_info(ref->message, &message);
	if (!settings.json) {
		printf("link %u: program %s (%u)", info->id, vnp_program_name(ref->prog),
		       info->prog_id);
		if (ref->message)
			printf(", for messages %s (%u),", vnp_program_name(ref->message),
			       message.id);
		printf(" on %s ", socket_name(info));
		socket_print(stdout, info->local_port, sock);
		putchar('\n');
		return;
	}
	obj = json_object_new_object();
	add_u64(obj, "id", info->id);
	add_u64(obj, "prog_id", info->prog_id);
	if (ref->message)
		add_u64(obj, "message_prog_id", message.id);
	socket_json(obj, socket_name(info), info->local_port, sock);
	json_object_array_add(list, obj);
}

void link_skipped_print(const struct vnp_socket *sock, const char *why, struct json_object *list)
{
	struct json_object *obj;

	if (!settings.json) {
		fprintf(stderr, "Warning: left out tcp ");
		socket_print(stderr, sock->port, sock);
		fprintf(stderr, ": %s\n", why);
		return;
	}
	obj = json_object_new_object();
	add_str(obj, "error", why);
	socket_json(obj, "tcp", sock->port, sock);
	json_object_array_add(list, obj);
}

static void listener_json(struct json_object *obj, const struct vnp_link_info *info)
{
	add_u64(obj, "accepted", info->accepted);
	add_u64(obj, "refused", info->refused);
	add_u64(obj, "listener_id", info->listener_id);
}

static const char *eof_name(const struct vnp_link_info *info)
{
	return info->eof == VNP_EOF_DROP ? "drop" : info->eof == VNP_EOF_ABORT ? "abort" : "deliver";
}

static void stream_json(struct json_object *obj, const struct vnp_link_info *info)
{
	add_str(obj, "eof", eof_name(info));
	add_bool(obj, "boundaries", info->flags & VNP_LINK_F_BOUNDARIES);
	add_u64(obj, "ready_messages", info->ready_messages);
	add_u64(obj, "reply_bytes", info->reply_bytes);
	add_u64(obj, "reply_queued", info->reply_queued);
	add_str(obj, "unsent", info->flags & VNP_LINK_F_REPLY_RESET ? "reset" : "fail");
	add_str(obj, "answered", info->flags & VNP_LINK_F_REPLY_IDLE ? "idle" : "sent");
	add_u64(obj, "unread", info->unread);
	add_u64(obj, "unanswered", info->unanswered);
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
	int i;

	add_u64(obj, "id", info->id);
	add_u64(obj, "prog_id", info->prog_id);
	add_u64(obj, "message_prog_id", info->message_prog_id);
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
	json_object_object_add(obj, "errors", errors_json(info->errors, true));
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
	printf("\theld: %u %s (%u bytes of memory), at most %u for %u ms; then they are %s\n",
	       info->held_messages, info->held_messages == 1 ? "message" : "messages",
	       info->held_bytes, info->hold_messages, info->hold_age_ms,
	       info->flags & VNP_LINK_F_HOLD_DELIVER ? "delivered" :
	       info->flags & VNP_LINK_F_HOLD_EACH ? "delivered one by one" : "discarded");
	printf("\treleased: %llu %s (%llu %s), %llu because of their age\n", info->released,
	       info->released == 1 ? "message" : "messages", info->released_fragments,
	       info->released_fragments == 1 ? "datagram" : "datagrams", info->late);
}

static void listener_print(const struct vnp_link_info *info)
{
	if (info->listener_id)
		printf("\taccepted by the socket of link %u\n", info->listener_id);
	if (info->accepted || info->refused)
		printf("\tlistens: %llu connections linked, %llu refused\n", info->accepted,
		       info->refused);
}

static void options_print(const struct vnp_link_info *info)
{
	if (info->flags & VNP_LINK_F_NO_MERGE)
		printf("\tdatagrams are not merged\n");
	if (info->eof == VNP_EOF_DROP)
		printf("\ta message that is not whole at the end is dropped\n");
	if (info->eof == VNP_EOF_ABORT)
		printf("\ta message that is not whole at the end is dropped, and reading fails\n");
	if (info->flags & VNP_LINK_F_STREAM_PASS)
		printf("\twhere there is no message, all bytes are passed\n");
	if (info->flags & VNP_LINK_F_FORGED_END)
		printf("\ta forged message ends the stream\n");
	if (info->flags & VNP_LINK_F_BOUNDARIES)
		printf("\ta read ends where a message ends; %u are ready\n", info->ready_messages);
	if (info->reply_bytes)
		printf("\tanswers: %u of %u bytes are queued; without room %s\n",
		       info->reply_queued, info->reply_bytes,
		       info->flags & VNP_LINK_F_REPLY_RESET ? "the connection is reset" :
							      "the program is told");
	if (info->flags & VNP_LINK_F_REPLY_IDLE)
		printf("\tthe process has answered only when it waits for more\n");
	if (info->unread)
		printf("\tunread: %u bytes of messages on which the program was executed\n",
		       info->unread);
}

void link_print(const struct vnp_link_info *info)
{
	const char *unit = is_stream(info) ? "message" : "datagram";
	int i;

	printf("%u: %s port %u  uid %u  cookie %llu  ", info->id,
	       socket_name(info), info->local_port, info->uid,
	       info->sock_cookie);
	if (info->attached)
		printf("program %u", info->prog_id);
	else
		printf("detached");
	if (info->message_prog_id)
		printf(", for messages %u", info->message_prog_id);
	putchar('\n');
	printf("\t%ss %llu (%llu bytes):", unit, info->packets, info->bytes);
	for (i = 0; i < __VNP_VERDICT_CNT; i++)
		printf("%s %s %llu", i ? "," : "", verdict_name(i), info->verdicts[i]);
	putchar('\n');
	printf("\tfaults:");
	for (i = 1; i < __VNP_FAULT_CNT; i++)
		printf(" %s %llu", fault_name(i), info->faults[i]);
	printf("; a fault %s the %s\n", info->flags & VNP_LINK_F_FAULT_PASS ? "passes" : "drops",
	       unit);
	options_print(info);
	errors_print(info->errors, "\terrors", "\n");
	hold_print(info);
	listener_print(info);
	link_fault_print(info);
}

void link_row(struct table *table, const struct vnp_link_info *info)
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
	if (info->listener_id)
		table_add(table, "%u", info->listener_id);
	else
		table_add(table, "-");
	table_add(table, "%s", info->flags & VNP_LINK_F_FAULT_PASS ? "pass" : "drop");
	table_add(table, "%s", info->attached ? "attached" : "detached");
}
