// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

static const char help[] =
	"Usage: vnpctl prog verify {FILE [name NAME] | raw FILE | cbpf FILE} [--user]\n"
	"       vnpctl prog load {FILE [name NAME] | cbpf FILE}\n"
	"       vnpctl prog list\n"
	"       vnpctl prog show [id ID | name NAME]\n"
	"       vnpctl prog dump {xlated | loaded} PROG [linum] [--user]\n"
	"       vnpctl prog log {id ID | name NAME}\n"
	"       vnpctl prog run PROG [data-in HEXFILE] [data-out HEXFILE]\n"
	"                   [repeat N] [direct BYTES] [--user]\n"
	"\n"
	"  PROG is FILE [name NAME], raw FILE (bare instructions), cbpf FILE, or a loaded\n"
	"  program, id ID or name NAME.\n"
	"  FILE is an object made by clang -target bpf -mcpu=v3 -O2 -g -fno-builtin\n"
	"  -idirafter /usr/include/$(uname -m)-linux-gnu -c, from C that includes vnp/program.h.\n"
	"  cbpf FILE [dlt {EN10MB | RAW}] is output of tcpdump -ddd [-y DLT] (-: stdin).\n"
	"\n"
	"  verify     print the verifier's report; nothing stays loaded\n"
	"  load       load it, and print what it logs, until Ctrl-C: a program exists as\n"
	"             long as a process has it open or it is linked to a socket\n"
	"  dump       instructions as they are executed, with the guards (xlated), or as\n"
	"             they were loaded (loaded)\n"
	"  log        print the lines it writes with vnp_printk(), until Ctrl-C\n"
	"  run        execute it on bytes (- is stdin or stdout), as if they had arrived\n";

/* Ids of its maps; NULL: they cannot be read.  The caller frees them. */
static __u32 *map_ids(const struct vnp_program *prog, __u32 *cnt)
{
	void *buf;
	__u32 len;

	*cnt = 0;
	if (vnp_program_dump(prog, VNP_DUMP_MAP_IDS, &buf, &len))
		return NULL;
	*cnt = len / sizeof(__u32);
	return buf;
}

static struct json_object *map_ids_json(const struct vnp_program *prog)
{
	struct json_object *list = json_object_new_array();
	__u32 cnt, i, *ids = map_ids(prog, &cnt);

	for (i = 0; i < cnt; i++)
		json_object_array_add(list, json_object_new_int64(ids[i]));
	free(ids);
	return list;
}

static void map_ids_print(const struct vnp_program *prog)
{
	__u32 cnt, i, *ids = map_ids(prog, &cnt);

	for (i = 0; i < cnt; i++)
		printf("%s%u", i ? ", " : cnt == 1 ? " (id " : " (ids ", ids[i]);
	if (cnt)
		putchar(')');
	free(ids);
}

/*
 * The full name of a program from a file; otherwise the kernel's name, which may be
 * truncated
 */
static struct json_object *prog_json(const struct vnp_program *prog,
				     const struct vnp_prog_info *info)
{
	struct json_object *obj = json_object_new_object();

	add_u64(obj, "id", info->id);
	add_str(obj, "name", vnp_program_name(prog));
	add_str(obj, "type", prog_type_name(info->type));
	add_hex(obj, "tag", info->tag, sizeof(info->tag));
	add_u64(obj, "uid", info->uid);
	add_u64(obj, "insns", info->insn_cnt);
	add_u64(obj, "lowered", info->lowered_cnt);
	add_u64(obj, "jited_bytes", info->jited_len);
	add_u64(obj, "stack", info->stack_size);
	add_u64(obj, "budget", info->budget);
	add_bool(obj, "hardened", info->hardened);
	add_u64(obj, "accesses", info->access_cnt);
	add_u64(obj, "guards", info->guard_cnt);
	add_u64(obj, "loops", info->loop_cnt);
	add_u64(obj, "maps", info->map_cnt);
	if (info->id)
		json_object_object_add(obj, "map_ids", map_ids_json(prog));
	add_u64(obj, "load_time", info->load_time);
	add_u64(obj, "verify_ns", info->verify_ns);
	return obj;
}

static int prog_info(const struct vnp_program *prog, struct vnp_prog_info *info)
{
	int err;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	err = vnp_program_get_info(prog, info);
	return err ? failed(err, "Cannot read the information about program %s", vnp_program_name(prog)) : 0;
}

static void prog_print(const struct vnp_program *prog,
		       const struct vnp_prog_info *info)
{
	struct timespec now;
	size_t i;

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (info->id)
		printf("%u: ", info->id);
	printf("%s %s", prog_type_name(info->type),
	       vnp_program_name(prog));
	if (info->id) {
		printf("  uid %u  tag ", info->uid);
		for (i = 0; i < sizeof(info->tag); i++)
			printf("%02x", info->tag[i]);
		printf("  loaded %llu s ago", now.tv_sec - info->load_time / 1000000000);
	}
	printf("\n\tinstructions %u, lowered %u", info->insn_cnt, info->lowered_cnt);
	if (info->jited_len)
		printf(", native code %u bytes", info->jited_len);
	printf("%s\n\taccesses %u, %u of them guarded; metered loops %u, budget %u\n",
	       info->hardened ? ", hardened" : "", info->access_cnt, info->guard_cnt,
	       info->loop_cnt, info->budget);
	printf("\tmaps %u", info->map_cnt);
	map_ids_print(prog);
	printf(", stack %u bytes, verified in %llu us\n", info->stack_size,
	       info->verify_ns / 1000);
}

/* Print the result of loading, with the verifier's report */
static void prog_report(const struct vnp_program *prog,
			const struct vnp_prog_info *info)
{
	if (info->id)
		printf("%u: ", info->id);
	printf("%s %s: %u instructions, %u lowered", prog_type_name(info->type),
	       vnp_program_name(prog), info->insn_cnt, info->lowered_cnt);
	if (info->jited_len)
		printf(", %u bytes of native code", info->jited_len);
	printf("; %u %s; verified in %llu us\n%s", info->map_cnt,
	       info->map_cnt == 1 ? "map" : "maps", info->verify_ns / 1000,
	       vnp_program_log(prog));
}

/* Print all programs that were loaded; in JSON with the reports if @log is set */
static int progs_report(const struct prog_ref *ref, bool log)
{
	struct json_object *list = json_object_new_array(), *obj;
	struct vnp_program *prog = NULL;
	struct vnp_prog_info info;
	int err = 0;

	while ((prog = prog_ref_next(ref, prog))) {
		err = prog_info(prog, &info);
		if (err)
			break;
		if (!settings.json) {
			prog_report(prog, &info);
			continue;
		}
		obj = prog_json(prog, &info);
		if (log)
			add_str(obj, "log", vnp_program_log(prog));
		json_object_array_add(list, obj);
	}
	if (!err && settings.json)
		json_print(json_object_get(list));
	json_object_put(list);
	return err;
}

static int prog_verify(struct args *args)
{
	struct prog_ref ref;
	int err;

	err = prog_ref_load(args, PROG_REF_RAW, &ref);
	if (err)
		return err;
	err = args_end(args) ?: progs_report(&ref, true);
	prog_ref_close(&ref);
	return err;
}

static void prog_row(struct table *table, const struct vnp_prog_info *info)
{
	table_add(table, "%u", info->id);
	table_add(table, "%s", info->name);
	table_add(table, "%s", prog_type_name(info->type));
	table_add(table, "%u", info->uid);
	table_add(table, "%u", info->insn_cnt);
	table_add(table, "%u", info->lowered_cnt);
	table_add(table, "%u", info->jited_len);
	table_add(table, "%u/%u", info->guard_cnt, info->access_cnt);
	table_add(table, "%u", info->loop_cnt);
	table_add(table, "%u", info->map_cnt);
}

static int prog_show_one(struct args *args)
{
	struct vnp_prog_info info;
	struct vnp_program *prog;
	__u32 id;
	int err;

	err = prog_id_find(args, &id) ?: args_end(args);
	if (err)
		return err;
	err = vnp_program_open(id, &open_opts, &prog);
	if (err)
		return failed(err, "Cannot open program %u", id);
	err = prog_info(prog, &info);
	if (!err && settings.json)
		json_print(prog_json(prog, &info));
	else if (!err)
		prog_print(prog, &info);
	vnp_program_close(prog);
	return err;
}

static int prog_show(struct args *args)
{
	struct vnp_prog_info info = { .size = sizeof(info) };
	struct json_object *list;
	struct vnp_program *prog;
	struct table *table;
	__u32 id = 0;
	int err;

	if (args->cnt)
		return prog_show_one(args);

	list = json_object_new_array();
	table = table_new("ID -NAME -TYPE UID INSNS LOWERED NATIVE GUARDS LOOPS MAPS");
	while (!(err = vnp_id_next(VNP_OBJ_PROG, &id))) {
		if (vnp_program_open(id, &quiet_opts, &prog))
			continue;
		if (!vnp_program_get_info(prog, &info)) {
			json_object_array_add(list, prog_json(prog, &info));
			prog_row(table, &info);
		}
		vnp_program_close(prog);
	}
	return list_print(err, list, table, "There are no programs.");
}

static void log_line(const struct vnp_program *prog, const char *line)
{
	struct json_object *obj;

	if (!settings.json) {
		printf("%s: %s\n", vnp_program_name(prog), line);
		return;
	}
	obj = json_object_new_object();
	add_str(obj, "program", vnp_program_name(prog));
	add_str(obj, "line", line);
	json_print(obj);
}

/* Print the available lines.  Return: false if the program never logs */
static bool log_read(const struct vnp_program *prog)
{
	char buf[4096 + 1], *line, *rest = buf;
	ssize_t len = read(vnp_program_fd(prog), buf, sizeof(buf) - 1);

	if (len <= 0)
		return len && errno == EINTR;
	buf[len] = 0;
	while ((line = strsep(&rest, "\n")))
		if (*line || rest)
			log_line(prog, line);
	fflush(stdout);
	return true;
}

/* Print the lines that programs log, until Ctrl-C */
static void logs_follow(const struct prog_ref *ref)
{
	struct vnp_program *prog = NULL, **progs;
	struct pollfd *fds;
	nfds_t cnt = 0, i;

	while ((prog = prog_ref_next(ref, prog)))
		cnt++;
	progs = calloc(cnt, sizeof(*progs));
	fds = calloc(cnt, sizeof(*fds));
	for (i = 0; progs && fds && (prog = prog_ref_next(ref, prog)); i++) {
		progs[i] = prog;
		fds[i] = (struct pollfd){ .fd = vnp_program_fd(prog), .events = POLLIN };
	}

	interrupt_catch();
	while (progs && fds && !interrupt_came() && poll(fds, cnt, -1) > 0)
		for (i = 0; i < cnt; i++)
			if (fds[i].revents && !log_read(progs[i]))
				fds[i].fd = -1;
	free(progs);
	free(fds);
}

static int prog_load(struct args *args)
{
	struct prog_ref ref;
	int err;

	err = settings.user ? error("prog load loads into the kernel; --user is for verify, dump and run.") :
	      prog_ref_load(args, 0, &ref);
	if (err)
		return err;
	err = args_end(args) ?: progs_report(&ref, false);
	if (!err) {
		if (!settings.json)
			printf("Loaded until Ctrl-C, or as long as it is linked.\n");
		fflush(stdout);
		logs_follow(&ref);
	}
	prog_ref_close(&ref);
	return err;
}

/* Does it call vnp_printk()? */
static bool prog_logs(const struct vnp_program *prog)
{
	struct pollfd fd = { .fd = vnp_program_fd(prog), .events = POLLIN };

	return poll(&fd, 1, 0) <= 0 || !(fd.revents & POLLHUP);
}

static int prog_log(struct args *args)
{
	struct prog_ref ref = {};
	__u32 id;
	int err;

	err = prog_id_find(args, &id) ?: args_end(args);
	if (err)
		return err;
	err = vnp_program_open(id, &open_opts, &ref.prog);
	if (err)
		return failed(err, "Cannot open program %u", id);
	if (prog_logs(ref.prog))
		logs_follow(&ref);
	else
		err = error("Program %u never logs: it does not call vnp_printk().", id);
	prog_ref_close(&ref);
	return err;
}

static const struct command commands[] = {
	{ "list", prog_show },
	{ "show", prog_show },
	{ "load", prog_load },
	{ "verify", prog_verify },
	{ "dump", prog_dump },
	{ "log", prog_log },
	{ "run", prog_run },
	{}
};

int prog_command(struct args *args)
{
	return commands_run(args, "prog", commands, help);
}
