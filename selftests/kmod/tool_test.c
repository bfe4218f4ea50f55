// SPDX-License-Identifier: GPL-2.0
/*
 * vnpctl with the real module: its output is correct.  The server it attaches to is this
 * test, which does not cooperate.
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "stream.h"

/* spawn() - start bash with this script, its output in @out; its process */
static pid_t spawn(const char *script, int out)
{
	char *argv[] = { "bash", "-c", (char *)script, NULL };
	posix_spawn_file_actions_t actions;
	pid_t child;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	err = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err ? -err : child;
}

/* tool() - execute vnpctl with these words of bash; its output goes to @out */
static int __attribute__((format(printf, 3, 4)))
tool(char *out, size_t size, const char *fmt, ...)
{
	char words[1024], script[2048];
	int ends[2], status;
	size_t len = 0;
	pid_t child;
	ssize_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	snprintf(script, sizeof(script), "exec vnpctl %s", words);
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = spawn(script, ends[1]);
	close(ends[1]);
	while (child > 0 && (n = read(ends[0], out + len, size - 1 - len)) > 0)
		len += n;
	out[len] = '\0';
	close(ends[0]);
	if (child < 0)
		return child;
	if (waitpid(child, &status, 0) != child)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

FIXTURE(tool) {
	char out[1 << 16];
	char file[512];
	struct flow flow;
};

FIXTURE_SETUP(tool)
{
	pin(0);
	strcpy(self->file, object_path("../progs/verdict.bpf.o"));
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
}

FIXTURE_TEARDOWN(tool)
{
	flow_close(&self->flow);
}

#define TOOL(...)	tool(self->out, sizeof(self->out), __VA_ARGS__)

/* number() - the number after the first "name": in JSON, or -1 */
static long long number(const char *json, const char *name)
{
	char quoted[64], *found;

	snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	found = strstr(json, quoted);
	return found ? atoll(found + strlen(quoted)) : -1;
}

TEST_F(tool, version)
{
	EXPECT_EQ(0, TOOL("version"));
	EXPECT_NE(NULL, strstr(self->out, vnp_version_string()));
	EXPECT_EQ(0, TOOL("-j feature"));
	EXPECT_EQ('{', self->out[0]);
	EXPECT_EQ(65536, number(self->out, "budget"));
	EXPECT_EQ(1, TOOL("-j -x"));
	EXPECT_NE(NULL, strstr(self->out, "{\"error\":\"\\\"-x\\\" is not an option"));
	EXPECT_EQ(1, TOOL("--nothing"));
	EXPECT_NE(NULL, strstr(self->out, "\"--nothing\" is not an option"));
}

/* The main use: a socket of a running process. */
TEST_F(tool, attach_to_a_running_process)
{
	long long id;

	ASSERT_EQ(0, TOOL("link attach %s name by_first_byte pid %d udp:%d", self->file,
			  getpid(), sock_port(self->flow.rx))) {
		TH_LOG("%s", self->out);
	}
	ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
	ASSERT_EQ(4, flow_puts(&self->flow, "pass"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "pass"));
	EXPECT_TRUE(flow_empty(&self->flow));

	ASSERT_EQ(0, TOOL("-j link list"));
	id = number(self->out, "id");
	EXPECT_LT(0, id);
	EXPECT_EQ(2, number(self->out, "packets"));
	EXPECT_EQ(1, number(self->out, "pass"));
	EXPECT_EQ(1, number(self->out, "drop"));

	ASSERT_EQ(0, TOOL("link detach %lld", id));
	ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "Drop"));
	EXPECT_NE(0, TOOL("link detach %lld", id));
}

TEST_F(tool, attach_by_descriptor_and_update)
{
	long long id;

	ASSERT_EQ(0, TOOL("link attach %s name drop pid %d fd %d", self->file, getpid(),
			  self->flow.rx)) {
		TH_LOG("%s", self->out);
	}
	EXPECT_NE(0, TOOL("link attach %s name drop pid %d fd %d", self->file, getpid(),
			  self->flow.rx));
	ASSERT_EQ(4, flow_puts(&self->flow, "one!"));
	ASSERT_EQ(0, TOOL("-j link list"));
	id = number(self->out, "id");
	ASSERT_EQ(0, TOOL("link update %lld %s name pass", id, self->file));
	ASSERT_EQ(4, flow_puts(&self->flow, "two!"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "two!"));
	ASSERT_EQ(0, TOOL("link detach %lld", id));
}

/* sends() - send a message of this type, or its beginning; 0 or negative */
static int sends(struct conn *conn, char type, size_t len)
{
	static __u8 message[100];

	message_make(message, type, sizeof(message), type);
	return conn_put(conn, message, len);
}

/* readable() - how many bytes can be read, which are not as ordinary bytes arrived */
static int readable(struct conn *conn, __u64 arrived)
{
	char bytes[1000];
	ssize_t n;

	if (conn_arrived(conn, arrived))
		return -1;
	n = recv(conn->rx, bytes, sizeof(bytes), MSG_DONTWAIT);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

/* A connection of a running process, and an object with two programs */
TEST_F(tool, attach_to_a_connection)
{
	const char *file = object_path("../progs/stream.bpf.o");
	struct conn conn;
	long long id;

	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	ASSERT_EQ(0, sends(&conn, MSG_HOLD, 100));
	ASSERT_EQ(0, conn_arrived(&conn, 100));
	ASSERT_EQ(0, TOOL("-j link attach %s pid %d tcp:%d unframed pass eof drop", file,
			  getpid(), sock_port(conn.rx))) {
		TH_LOG("%s", self->out);
	}
	id = number(self->out, "id");
	EXPECT_EQ(sock_port(conn.tx), number(self->out, "remote_port"));
	EXPECT_EQ(0, readable(&conn, 100));
	ASSERT_EQ(0, sends(&conn, MSG_PASS, 50));
	EXPECT_EQ(0, readable(&conn, 150));
	ASSERT_EQ(0, conn_put(&conn, self->out, 50));
	EXPECT_EQ(200, readable(&conn, 200));
	ASSERT_EQ(0, sends(&conn, MSG_DROP, 100));
	EXPECT_EQ(0, readable(&conn, 300));
	ASSERT_EQ(0, sends(&conn, MSG_NONE, 10));
	EXPECT_EQ(10, readable(&conn, 310));

	ASSERT_EQ(0, TOOL("-j link show %lld", id));
	EXPECT_EQ(1, number(self->out, "held"));
	EXPECT_EQ(1, number(self->out, "pass"));
	EXPECT_EQ(1, number(self->out, "drop"));
	EXPECT_NE(NULL, strstr(self->out, "\"family\":\"tcp\""));
	ASSERT_EQ(0, TOOL("link detach %lld", id));
	conn_close(&conn);
}

/* count() - how often @text has @what */
static int count(const char *text, const char *what)
{
	int cnt = 0;

	for (; (text = strstr(text, what)); text++)
		cnt++;
	return cnt;
}

/* links() - how many "link list" has */
static int links(const char *json)
{
	return count(json, "\"prog_id\":");
}

/* last_id() - of the last link in this list */
static long long last_id(const char *json)
{
	long long id = -1;

	for (; (json = strstr(json, "{\"id\":")); json++)
		id = number(json, "id");
	return id;
}

/* All sockets of one port, and what is accepted there later */
TEST_F(tool, attach_to_a_listener)
{
	const char *file = object_path("../progs/stream.bpf.o");
	const int listener = stream_listen(FLOW_IP6, 0), port = sock_port(listener);
	struct conn conns[3];
	char accepted[64];
	long long id;

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, conn_begin(&conns[i], listener));
		ASSERT_EQ(0, conn_accept(&conns[i], listener));
		ASSERT_EQ(0, sends(&conns[i], MSG_DROP, 100));
		if (!i) {
			ASSERT_EQ(0, TOOL("link attach %s pid %d tcp:%d", file, getpid(), port)) {
				TH_LOG("%s", self->out);
			}
			EXPECT_NE(NULL, strstr(self->out, "connected to port"));
		}
		EXPECT_EQ(0, readable(&conns[i], 100));
		ASSERT_EQ(0, TOOL("-j link list"));
		EXPECT_EQ(i + 2, links(self->out));
	}
	EXPECT_EQ(2, number(self->out, "accepted"));
	id = number(self->out, "id");
	ASSERT_EQ(0, TOOL("link show %lld", id));
	EXPECT_NE(NULL, strstr(self->out, "2 connections linked, 0 refused"));
	ASSERT_EQ(0, TOOL("stats"));
	EXPECT_NE(NULL, strstr(self->out, "listens: 2 connections linked, 0 refused"));
	EXPECT_NE(0, TOOL("link attach %s pid %d tcp:%d", file, getpid(), port));
	EXPECT_NE(NULL, strstr(self->out, "already has a link"));
	EXPECT_EQ(1, count(self->out, "already has a link"));
	ASSERT_EQ(0, TOOL("-j link list"));
	EXPECT_EQ(4, links(self->out));
	snprintf(accepted, sizeof(accepted), "\"listener_id\":%lld", id);
	EXPECT_EQ(2, count(self->out, accepted));

	/* Three of four are left out, and named. */
	ASSERT_EQ(0, TOOL("link detach %lld", id));
	ASSERT_EQ(0, TOOL("link attach %s pid %d tcp:%d", file, getpid(), port));
	EXPECT_EQ(3, count(self->out, "Warning: left out tcp port"));
	EXPECT_EQ(3, count(self->out, "connected to port"));
	EXPECT_EQ(NULL, strstr(self->out, "Error"));
	EXPECT_NE(NULL, strstr(self->out, "for messages decide ("));
	ASSERT_EQ(0, TOOL("-j link list"));
	EXPECT_EQ(4, links(self->out));
	ASSERT_EQ(0, TOOL("link detach %lld", last_id(self->out)));
	ASSERT_EQ(0, TOOL("-j link attach %s pid %d tcp:%d", file, getpid(), port));
	EXPECT_EQ(1, links(self->out));
	EXPECT_EQ(3, count(self->out, "{\"error\":\"Program "));
	EXPECT_EQ(1, count(self->out, "\"message_prog_id\":"));
	for (int i = 0; i < 3; i++)
		conn_close(&conns[i]);
	close(listener);
	EXPECT_NE(0, TOOL("link attach %s pid %d tcp:%d", file, getpid(), port));
	EXPECT_NE(NULL, strstr(self->out, "has no TCP socket"));
}

/* A server can have more connections than a process may open files unless it asks for more. */
TEST_F(tool, attach_to_many)
{
	const int listener = stream_listen(FLOW_IP4, 0);
	struct conn conns[20];

	for (size_t i = 0; i < ARRAY_SIZE(conns); i++) {
		ASSERT_EQ(0, conn_begin(&conns[i], listener));
		ASSERT_EQ(0, conn_accept(&conns[i], listener));
	}
	EXPECT_EQ(0, shell("ulimit -Sn 30; exec vnpctl link attach %s pid %d tcp:%d >/dev/null",
			   object_path("../progs/stream.bpf.o"), getpid(), sock_port(listener)));
	EXPECT_EQ(0, shell("ulimit -n 15; vnpctl link attach %s pid %d tcp:%d 2>&1 | "
			   "grep -q 'ulimit -n'", object_path("../progs/stream.bpf.o"), getpid(),
			   sock_port(listener)));
	ASSERT_EQ(0, TOOL("-j link list"));
	EXPECT_EQ(ARRAY_SIZE(conns) + 1, links(self->out));
	for (size_t i = 0; i < ARRAY_SIZE(conns); i++)
		conn_close(&conns[i]);
	close(listener);
}

TEST_F(tool, attach_to_a_connection_errors)
{
	struct conn conn;
	char file[512];

	strcpy(file, object_path("../progs/stream.bpf.o"));
	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	EXPECT_NE(0, TOOL("link attach %s name drop pid %d tcp:%d", self->file, getpid(),
			  sock_port(conn.rx)));
	EXPECT_NE(NULL, strstr(self->out, "not a UDP socket"));
	EXPECT_NE(0, TOOL("link attach %s pid %d udp:%d", file, getpid(),
			  sock_port(self->flow.rx)));
	EXPECT_NE(NULL, strstr(self->out, "not a TCP socket"));
	EXPECT_NE(0, TOOL("link attach %s name decide pid %d fd %d", file, getpid(), conn.rx));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d eof never", file, getpid(), conn.rx));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d unframed", file, getpid(), conn.rx));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d hold age 9", file, getpid(), conn.rx));
	EXPECT_NE(NULL, strstr(self->out, "hold is for UDP"));
	EXPECT_NE(0, TOOL("link attach %s name drop pid %d fd %d eof drop", self->file, getpid(),
			  self->flow.rx));
	EXPECT_NE(NULL, strstr(self->out, "eof is for TCP"));
	EXPECT_NE(0, TOOL("link attach pid %d tcp:7 %s", getpid(), file));
	EXPECT_NE(NULL, strstr(self->out, "The program is the first word"));
	EXPECT_NE(0, TOOL("link attach %s pid %d sctp:7", file, getpid()));
	EXPECT_NE(0, TOOL("link attach %s pid %d tcp:7x", file, getpid()));
	ASSERT_EQ(0, TOOL("-j link list"));
	EXPECT_EQ(0, links(self->out));
	conn_close(&conn);
}

/* Options are taken in any order. */
TEST_F(tool, link_options)
{
	long long id;

	ASSERT_EQ(0, TOOL("-j link attach %s name drop pid %d fd %d hold mark 7 late each "
			  "hold age 50 merge off hold messages 3 fault pass hold bytes 9000",
			  self->file, getpid(), self->flow.rx)) {
		TH_LOG("%s", self->out);
	}
	id = number(self->out, "id");
	ASSERT_EQ(0, TOOL("-j link show %lld", id));
	EXPECT_EQ(7, number(self->out, "mark"));
	EXPECT_EQ(50, number(self->out, "age_ms"));
	EXPECT_EQ(3, number(self->out, "messages_max"));
	EXPECT_EQ(9000, number(self->out, "bytes_max"));
	EXPECT_NE(NULL, strstr(self->out, "\"late\":\"each\""));
	EXPECT_NE(NULL, strstr(self->out, "\"merge\":false"));
	EXPECT_NE(NULL, strstr(self->out, "\"on_fault\":\"pass\""));
	ASSERT_EQ(0, TOOL("link detach %lld", id));
}

/* What is wrong with an option is named. */
TEST_F(tool, link_options_refused)
{
	static const struct { const char *options, *why; } udp[] = {
		{ "fault", "fault drop, or fault pass" },
		{ "merge on later each", "\"later\" is not an option of link attach" },
		{ "late each fault drop late each", "late is given twice" },
		{ "hold age 1 hold mark 1 hold age 1", "hold age is given twice" },
		{ "hold", "hold bytes, messages, age, or mark" },
		{ "hold age 3600001", "from 0 to 3600000, not \"3600001\"" },
		{ "hold messages 1x", "from 0 to 65536, not \"1x\"" },
		{ "hold mark", "The mark is missing" },
		{ "answers 100", "4 KiB to 16 MiB" },
		{ "boundaries on", "answered are for TCP" },
		{ "answers 8192", "answered are for TCP" },
	};
	const char *stream = object_path("../progs/stream.bpf.o");
	struct conn conn;

	for (size_t i = 0; i < ARRAY_SIZE(udp); i++) {
		EXPECT_NE(0, TOOL("link attach %s name drop pid %d fd %d %s", self->file,
				  getpid(), self->flow.rx, udp[i].options));
		EXPECT_NE(NULL, strstr(self->out, udp[i].why)) {
			TH_LOG("%s: %s", udp[i].options, self->out);
		}
	}
	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d eof abort merge off", stream, getpid(),
			  conn.rx));
	EXPECT_NE(NULL, strstr(self->out, "merge and late are for UDP"));
	conn_close(&conn);
	ASSERT_EQ(0, TOOL("-j link list"));
	EXPECT_EQ(0, links(self->out));
}

static void ignore(void *ctx, enum vnp_print_level level, const char *line)
{
}

static void remember(void *ctx, enum vnp_print_level level, const char *line)
{
	snprintf(ctx, 1024, "%s", line);
}

/* The library explains what the kernel refuses. */
TEST_F(tool, errors_are_explained)
{
	char said[1024] = "";
	const struct vnp_open_opts opts = {
		.sz = sizeof(opts), .print = remember, .print_ctx = said,
	};
	struct vnp_feature feature = { .size = sizeof(feature) };
	struct vnp_object *obj;
	struct conn conn;

	ASSERT_EQ(0, vnp_feature_get(&feature, NULL));
	ASSERT_EQ(0, vnp_object_open_file(self->file, &opts, &obj));
	ASSERT_EQ(0, vnp_program_set_budget(vnp_object_find_program(obj, "drop"),
					    feature.budget_max + 1));
	if (as_root()) {
		EXPECT_EQ(0, vnp_object_load(obj, NULL));
	} else {
		EXPECT_EQ(-EPERM, vnp_object_load(obj, NULL));
		EXPECT_NE(NULL, strstr(said, "drop is not permitted: A budget above"));
		EXPECT_NE(NULL, strstr(said, "parameter budget_max"));
	}
	vnp_object_close(obj);

	EXPECT_EQ(-ENOENT, vnp_link_attach(NULL, self->flow.rx, NULL, NULL));
	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	ASSERT_EQ(0, vnp_object_open_file(object_path("../progs/send.bpf.o"), &opts, &obj));
	EXPECT_EQ(-ENOENT, vnp_link_attach(vnp_object_find_program(obj, "send"), self->flow.rx,
					   NULL, NULL));
	EXPECT_NE(NULL, strstr(said, "send is not in the kernel: call vnp_object_load()"));
	ASSERT_EQ(0, vnp_map_set_socket(vnp_object_find_map(obj, "peers"), conn.rx));
	EXPECT_EQ(-EOPNOTSUPP, vnp_object_load(obj, NULL));
	EXPECT_NE(NULL, strstr(said, "vnp_map_set_socket() is not a UDP socket"));
	vnp_object_close(obj);
	conn_close(&conn);
}

/* The library links what an object has. */
TEST_F(tool, attach_an_object)
{
	const struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = ignore };
	struct vnp_link_opts opts = { .sz = sizeof(opts), .eof = VNP_EOF_ABORT };
	struct vnp_link_info info = { .size = sizeof(info) };
	struct vnp_object *obj;
	struct vnp_link *link;
	struct conn conn;
	char byte;

	ASSERT_EQ(0, conn_open(&conn, FLOW_IP6, 0));
	ASSERT_EQ(0, vnp_object_open_file(object_path("../progs/stream.bpf.o"), NULL, &obj));
	EXPECT_EQ(-ENOENT, vnp_link_attach_object(obj, conn.rx, &opts, NULL));
	ASSERT_EQ(0, vnp_object_load(obj, NULL));
	opts.message = vnp_object_find_program(obj, "decide");
	EXPECT_EQ(-EINVAL, vnp_link_attach_object(obj, conn.rx, &opts, NULL));
	opts.message = NULL;
	ASSERT_EQ(0, vnp_link_attach_object(obj, conn.rx, &opts, NULL));
	vnp_object_close(obj);
	ASSERT_EQ(0, sends(&conn, MSG_DROP, 100));
	ASSERT_EQ(0, sends(&conn, MSG_PASS, 99));
	EXPECT_EQ(0, readable(&conn, 199));
	ASSERT_EQ(0, shutdown(conn.tx, SHUT_WR));
	EXPECT_EQ(-1, recv(conn.rx, &byte, 1, 0));
	EXPECT_EQ(ECONNABORTED, errno);
	conn_close(&conn);

	ASSERT_EQ(0, vnp_object_open_file(self->file, &quiet, &obj));
	ASSERT_EQ(0, vnp_object_load(obj, NULL));
	EXPECT_EQ(-EINVAL, vnp_link_attach_object(obj, self->flow.rx, NULL, NULL));
	vnp_object_close(obj);
	ASSERT_EQ(0, vnp_object_open_file(self->file, &quiet, &obj));
	ASSERT_EQ(0, object_choose(obj, "drop", NULL));
	ASSERT_EQ(0, vnp_object_load(obj, NULL));
	ASSERT_EQ(0, vnp_link_attach_object(obj, self->flow.rx, NULL, &link));
	vnp_object_close(obj);
	EXPECT_EQ(0, do_ioctl(vnp_link_fd(link), VNP_LINK_INFO, &info));
	EXPECT_EQ(1, info.attached);
	vnp_link_close(link);
}

TEST_F(tool, nothing_there)
{
	EXPECT_NE(0, TOOL("link attach %s name drop pid %d udp:1", self->file, getpid()));
	EXPECT_NE(0, TOOL("link attach %s name none pid %d fd %d", self->file, getpid(),
			  self->flow.rx));
	EXPECT_NE(0, TOOL("link attach /nowhere pid %d fd %d", getpid(), self->flow.rx));
	EXPECT_NE(0, TOOL("link detach 4000000000"));
	EXPECT_NE(0, TOOL("link detach 0"));
	EXPECT_NE(NULL, strstr(self->out, "a number from 1 to"));
	EXPECT_NE(0, TOOL("prog show id 4000000000"));
	EXPECT_NE(0, TOOL("map dump id 4000000000"));
	EXPECT_EQ(0, TOOL("link list"));
}

/* The kernel and the interpreter have the same results in the tool. */
TEST_F(tool, run)
{
	static const char *const payloads[] = { "44 01", "46", "70 61 73 73" };
	static const int answers[] = { VNP_DROP, 77, VNP_PASS };
	long long answer;

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		ASSERT_EQ(0, TOOL("-j prog run %s name by_first_byte data-in - --user "
				  "<<<'%s'", self->file, payloads[i])) {
			TH_LOG("%s", self->out);
		}
		answer = number(self->out, "retval");
		EXPECT_EQ(answers[i], answer);
		ASSERT_EQ(0, TOOL("-j prog run %s name by_first_byte data-in - <<<'%s'",
				  self->file, payloads[i]));
		EXPECT_EQ(answer, number(self->out, "retval"));
	}
}

/* The result of a program for streams is a length. */
TEST_F(tool, run_stream)
{
	const char *file = object_path("../progs/answer.bpf.o");

	ASSERT_EQ(0, TOOL("-j prog run %s name measure data-in - <<<'00 00 00 09'", file));
	EXPECT_EQ(13, number(self->out, "length"));
	ASSERT_EQ(0, TOOL("prog run %s name measure data-in - <<<'00 00 00 09'", file));
	EXPECT_NE(NULL, strstr(self->out, "the message has 13 bytes"));
	ASSERT_EQ(0, TOOL("prog run %s name measure data-in - <<<'00'", file));
	EXPECT_NE(NULL, strstr(self->out, "more bytes are needed"));
}

/* Expressions compiled by tcpdump, for frames and for IP packets */
TEST_F(tool, classic_bpf)
{
	static const char *const dlts[] = { "EN10MB", "RAW" };
	long long id;

	for (size_t i = 0; i < ARRAY_SIZE(dlts); i++) {
		ASSERT_EQ(0, TOOL("link attach cbpf <(tcpdump -ddd -y %s 'udp[8] = 112 and "
				  "dst port %d') dlt %s pid %d fd %d", dlts[i],
				  sock_port(self->flow.rx), dlts[i], getpid(),
				  self->flow.rx)) {
			TH_LOG("%s", self->out);
		}
		ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
		ASSERT_EQ(4, flow_puts(&self->flow, "pass"));
		EXPECT_EQ(1, flow_next_is(&self->flow, "pass"));
		EXPECT_TRUE(flow_empty(&self->flow));
		ASSERT_EQ(0, TOOL("-j link list"));
		id = number(self->out, "id");
		EXPECT_EQ(1, number(self->out, "drop"));
		ASSERT_EQ(0, TOOL("link update %lld cbpf <(tcpdump -ddd udp -y %s) dlt %s",
				  id, dlts[i], dlts[i]));
		ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
		EXPECT_EQ(1, flow_next_is(&self->flow, "Drop"));
		ASSERT_EQ(0, TOOL("link detach %lld", id));
	}
	ASSERT_EQ(0, TOOL("prog dump xlated cbpf <(tcpdump -ddd -y RAW udp) dlt raw --user"));
	EXPECT_NE(NULL, strstr(self->out, "; ldb [9]"));
}

TEST_F(tool, classic_bpf_run)
{
	static const char *const packets[] = {
		"45 00 00 1d 00 00 00 00 40 11 00 00 7f 00 00 01 7f 00 00 01 "
		"00 35 00 35 00 09 00 00 55",
		"60 00 00 00 00 09 11 40 %032d %032d 00 35 00 35 00 09 00 00 aa",
	};
	char packet[256];

	for (size_t i = 0; i < 4; i++) {
		snprintf(packet, sizeof(packet), packets[i / 2], 1, 1);
		ASSERT_EQ(0, TOOL("-j prog run cbpf <(tcpdump -ddd -y EN10MB 'ip6') "
				  "data-in - %s <<<'%s'", i % 2 ? "--user" : "", packet)) {
			TH_LOG("%s", self->out);
		}
		EXPECT_EQ(i / 2, number(self->out, "retval"));
	}
}

/* Input that is not classic BPF is refused, with the line. */
TEST_F(tool, classic_bpf_refused)
{
	static const struct { const char *text, *why; } tries[] = {
		{ "", "not output of tcpdump -ddd" },
		{ "x", "not output of tcpdump -ddd" },
		{ "4097", "not output of tcpdump -ddd" },
		{ "1 6 0 0 0", "not output of tcpdump -ddd" },
		{ "2\\n6 0 0 0", "has 1 of the 2 instructions" },
		{ "1\\n6 0 0 0\\n6 0 0 0", "more than the 1 instructions" },
		{ "1\\n6 0 0", "Line 2 of" },
		{ "1\\n6 0 256 0", "Line 2 of" },
		{ "1\\n6 0 0 4294967296", "Line 2 of" },
		{ "1\\n6 0 0 -1", "Line 2 of" },
		{ "1\\n6 0 0 0 0", "Line 2 of" },
		{ "1\\n{ 6, 0, 0, 0 },", "Line 2 of" },
		{ "1\\n0 0 0 0", "is not a RET" },
		{ "2\\n32 0 0 4294963220\\n6 0 0 0", "Instruction 0 loads the mark" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		EXPECT_NE(0, TOOL("prog verify cbpf - <<<$'%s'", tries[i].text));
		EXPECT_NE(NULL, strstr(self->out, tries[i].why)) {
			TH_LOG("%s: %s", tries[i].text, self->out);
		}
	}
	EXPECT_NE(0, TOOL("prog verify cbpf - dlt LINUX_SLL <<<$'1\\n6 0 0 0'"));
	EXPECT_NE(NULL, strstr(self->out, "EN10MB or RAW"));
	EXPECT_EQ(0, TOOL("prog verify cbpf - dlt RAW <<<$'1\\n6 0 0 0'"));
}

TEST_F(tool, verify_names_the_line)
{
	const char *file = object_path("../progs/globals.bpf.o");

	EXPECT_EQ(0, TOOL("prog verify %s name reads", file)) {
		TH_LOG("%s", self->out);
	}
	EXPECT_NE(0, TOOL("prog verify %s name writes_constant", file));
	EXPECT_NE(NULL, strstr(self->out, "globals.bpf.c:"));
	EXPECT_NE(0, TOOL("prog verify %s name writes_constant --user", file));
	EXPECT_NE(NULL, strstr(self->out, "globals.bpf.c:"));
}

/* Loaded objects can be listed, shown and dumped. */
TEST_F(tool, dump_a_loaded_program)
{
	struct vnp_prog_info info;
	struct vnp_object *obj;

	ASSERT_EQ(0, object_load("faults", &obj));
	ASSERT_EQ(0, prog_info(object_prog(obj, "map_unbounded"), &info));
	ASSERT_EQ(0, TOOL("-j prog show id %u", info.id));
	EXPECT_EQ(info.id, number(self->out, "id"));
	ASSERT_EQ(0, TOOL("prog list"));
	EXPECT_NE(NULL, strstr(self->out, info.name));
	ASSERT_EQ(0, TOOL("prog show id %u", info.id));
	EXPECT_NE(NULL, strstr(self->out, "maps 1 (id "));
	ASSERT_EQ(0, TOOL("prog dump loaded id %u linum", info.id));
	EXPECT_NE(NULL, strstr(self->out, "traces.bytes[order->index] = 1;"));
	EXPECT_NE(NULL, strstr(self->out, "exit"));
	EXPECT_EQ(NULL, strstr(self->out, "! map"));
	ASSERT_EQ(0, TOOL("prog dump xlated id %u linum", info.id));
	EXPECT_NE(NULL, strstr(self->out, "traces.bytes[order->index] = 1;"));
	EXPECT_NE(NULL, strstr(self->out, "! map"));
	vnp_object_close(obj);
}

/* What others have written into their programs cannot control a terminal, and is valid in JSON. */
TEST_F(tool, text_of_others)
{
	static const char strings[] = "\0a\033[2J.c\0return\xff\233 1;";
	static const struct bpf_insn insns[] = { MOV_IMM(R0, VNP_PASS), EXIT() };
	const struct vnp_line_info line = { 0, 1, 9, 10 << 10 };
	struct vnp_prog_load attr = prog_attr(insns, ARRAY_SIZE(insns));
	struct vnp_prog_info info;
	int dev = device_open(), fd;

	attr.line_info = (uintptr_t)&line;
	attr.line_info_cnt = 1;
	attr.strings = (uintptr_t)strings;
	attr.strings_len = sizeof(strings);
	fd = do_ioctl(dev, VNP_PROG_LOAD, &attr);
	ASSERT_OK(fd);
	ASSERT_EQ(0, prog_info(fd, &info));
	ASSERT_EQ(0, TOOL("prog dump loaded id %u linum", info.id));
	EXPECT_NE(NULL, strstr(self->out, "; return?? 1; [a?[2J.c:10]"));
	ASSERT_EQ(0, TOOL("-j prog dump loaded id %u linum", info.id));
	EXPECT_NE(NULL, strstr(self->out, "\"source\":\"return?? 1;\""));
	close(fd);
	close(dev);
	EXPECT_NE(0, TOOL("-j prog verify $'no\xff'"));
	EXPECT_NE(NULL, strstr(self->out, "{\"error\":\"Cannot read no?: "));
}

TEST_F(tool, map)
{
	struct vnp_map_info info = { .size = sizeof(info) };
	struct vnp_object *obj;
	__u32 key = 5;
	__u64 value;

	ASSERT_EQ(0, object_load("tables", &obj));
	ASSERT_EQ(0, vnp_map_get_info(vnp_object_find_map(obj, "hash"), &info));
	ASSERT_EQ(0, TOOL("map update id %u key u32 5 value u64 258", info.id)) {
		TH_LOG("%s", self->out);
	}
	ASSERT_EQ(0, vnp_map_lookup(vnp_object_find_map(obj, "hash"), &key, &value));
	EXPECT_EQ(258, value);
	ASSERT_EQ(0, TOOL("map lookup id %u key u32 5", info.id));
	EXPECT_NE(NULL, strstr(self->out, "02 01 00 00 00 00 00 00"));
	ASSERT_EQ(0, TOOL("map dump id %u", info.id));
	EXPECT_NE(NULL, strstr(self->out, "05 00 00 00"));
	EXPECT_NE(0, TOOL("map update id %u key u32 5 value u64 1 noexist", info.id));
	ASSERT_EQ(0, TOOL("map delete id %u key u32 5", info.id));
	EXPECT_NE(0, TOOL("map lookup id %u key u32 5", info.id));
	vnp_object_close(obj);
}

/* Keys and values of several numbers, and what is not one */
TEST_F(tool, bytes)
{
	static const struct { const char *words, *why; } bad[] = {
		{ "key u32 1 value u32 1 u64 2", "The value has 8 bytes: u64 does not fit" },
		{ "key u32 1 value u32 1", "The value has 8 bytes; only 4 are given" },
		{ "key u32 1 value hex 0102030405060708090a", "8 bytes, but more are given" },
		{ "key u32 1 value hex 010", "\"010\" is not a byte" },
		{ "key 1 value u64 1", "\"value\" is not a byte of the key, which has 4; 1 are" },
		{ "key u32 1 value u32 1 str five5", "longer than the 4 bytes of the value" },
	};
	struct vnp_map_info info = { .size = sizeof(info) };
	struct vnp_object *obj;
	struct vnp_map *map;
	__u32 key = 5;
	__u64 value;

	ASSERT_EQ(0, object_load("tables", &obj));
	map = vnp_object_find_map(obj, "hash");
	ASSERT_EQ(0, vnp_map_get_info(map, &info));
	ASSERT_EQ(0, TOOL("map update id %u key hex 05000000 value u32 1 u16 2 hex 0300", info.id));
	ASSERT_EQ(0, vnp_map_lookup(map, &key, &value));
	EXPECT_EQ(0x0003000200000001, value);
	ASSERT_EQ(0, TOOL("map update id %u key u16 5 0 0 value u32 1 str ab", info.id));
	ASSERT_EQ(0, vnp_map_lookup(map, &key, &value));
	EXPECT_EQ(0x0000626100000001, value);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_NE(0, TOOL("map update id %u %s", info.id, bad[i].words));
		EXPECT_NE(NULL, strstr(self->out, bad[i].why)) {
			TH_LOG("%s: %s", bad[i].words, self->out);
		}
	}
	EXPECT_NE(0, TOOL("map dump hash"));
	EXPECT_NE(NULL, strstr(self->out, "id ID, or name NAME, not \"hash\""));
	ASSERT_EQ(0, vnp_map_get_info(vnp_object_find_map(obj, "array"), &info));
	EXPECT_NE(0, TOOL("map update id %u key u32 %u value u64 1", info.id, info.max_entries));
	EXPECT_NE(NULL, strstr(self->out, "keys are 0 to"));
	vnp_object_close(obj);
}

/* An update keeps what is in maps, or is told not to. */
TEST_F(tool, update_and_maps)
{
	const char *file = object_path("../progs/tables.bpf.o");
	long long id;

	ASSERT_EQ(0, TOOL("-j link attach %s name on_hash pid %d fd %d", file, getpid(),
			  self->flow.rx)) {
		TH_LOG("%s", self->out);
	}
	id = number(self->out, "id");
	ASSERT_EQ(0, TOOL("map update name hash key u32 7 value u64 77"));
	ASSERT_EQ(0, TOOL("-j link update %lld %s name on_hash", id, file)) {
		TH_LOG("%s", self->out);
	}
	EXPECT_EQ(id, number(self->out, "id"));
	EXPECT_NE(NULL, strstr(self->out, "\"maps_kept\":[\"hash\"],\"maps_new\":[]"));
	ASSERT_EQ(0, TOOL("map lookup name hash key u32 7"));
	EXPECT_NE(NULL, strstr(self->out, "4d 00 00 00"));

	ASSERT_EQ(0, TOOL("link update %lld %s name on_array", id, file));
	EXPECT_NE(NULL, strstr(self->out, "; maps new: array\n"));
	ASSERT_EQ(0, TOOL("link update %lld %s name on_hash maps keep", id, file));
	EXPECT_NE(NULL, strstr(self->out, "; maps new: hash\n"));
	ASSERT_EQ(0, TOOL("map update name hash key u32 7 value u64 77"));
	ASSERT_EQ(0, TOOL("link update %lld %s name on_hash maps new", id, file));
	EXPECT_NE(0, TOOL("map lookup name hash key u32 7"));
	EXPECT_NE(0, TOOL("link update %lld %s name on_hash maps", id, file));
	EXPECT_NE(0, TOOL("link update %lld %s name on_hash old", id, file));
	ASSERT_EQ(0, TOOL("link detach %lld", id));
}

/* Both programs of a stream are replaced at once, and share map and variables as before. */
TEST_F(tool, update_both)
{
	const char *file = object_path("../progs/shared.bpf.o");
	struct conn conn;
	long long id;

	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	ASSERT_EQ(0, TOOL("-j link attach %s pid %d fd %d", file, getpid(), conn.rx)) {
		TH_LOG("%s", self->out);
	}
	id = number(self->out, "id");
	ASSERT_EQ(0, TOOL("map update name shared key u32 0 value u64 7"));
	ASSERT_EQ(0, TOOL("link update %lld %s", id, file)) {
		TH_LOG("%s", self->out);
	}
	EXPECT_NE(NULL, strstr(self->out, ", for messages count ("));
	EXPECT_NE(NULL, strstr(self->out, "; maps kept: shared\n"));
	ASSERT_EQ(0, conn_put(&conn, "four", 4));
	ASSERT_EQ(0, conn_arrived(&conn, 4));
	ASSERT_EQ(0, TOOL("-j map lookup name shared key u32 1"));
	EXPECT_EQ(2, number(self->out, "value_number"));
	ASSERT_EQ(0, TOOL("map list"));
	EXPECT_EQ(1, count(self->out, "shared.bss"));

	ASSERT_EQ(0, TOOL("-j link update %lld %s maps new", id, file));
	EXPECT_LT(number(self->out, "prog_id"), number(self->out, "message_prog_id"));
	EXPECT_NE(NULL, strstr(self->out, "\"maps_kept\":[],\"maps_new\":[\"shared\"]"));
	conn_close(&conn);
}

/* It is not guessed which map is which. */
TEST_F(tool, update_maps_alike)
{
	const char *file = object_path("../progs/alike.bpf.o");
	long long id;

	ASSERT_EQ(0, TOOL("-j link attach %s pid %d fd %d", file, getpid(), self->flow.rx));
	id = number(self->out, "id");
	EXPECT_NE(0, TOOL("link update %lld %s", id, file));
	EXPECT_NE(NULL, strstr(self->out, "Several maps begin with subscribers_by_,"));
	EXPECT_EQ(0, TOOL("link update %lld %s maps new", id, file)) {
		TH_LOG("%s", self->out);
	}
	ASSERT_EQ(0, TOOL("link detach %lld", id));
}

/* The program for messages of a TCP connection sends from a UDP socket, and keeps its peers. */
TEST_F(tool, send_from)
{
	const char *file = object_path("../progs/fan_out.bpf.o");
	struct conn conn;
	long long id;

	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d", file, getpid(), conn.rx));
	EXPECT_NE(NULL, strstr(self->out, "add from udp:PORT"));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d from tcp:%d", file, getpid(), conn.rx,
			  sock_port(conn.rx)));
	EXPECT_NE(NULL, strstr(self->out, "from udp:PORT, or from fd FD"));
	EXPECT_NE(0, TOOL("link attach %s pid %d fd %d from fd %d from fd %d", file, getpid(),
			  conn.rx, self->flow.rx, self->flow.rx));
	EXPECT_NE(NULL, strstr(self->out, "from is given twice"));
	EXPECT_NE(0, TOOL("link attach %s name drop pid %d fd %d from fd %d", self->file, getpid(),
			  self->flow.rx, self->flow.rx));
	EXPECT_NE(NULL, strstr(self->out, "no map of peers"));
	ASSERT_EQ(0, TOOL("-j link attach %s pid %d fd %d eof drop from pid %d fd %d", file,
			  getpid(), conn.rx, getpid(), self->flow.tx)) {
		TH_LOG("%s", self->out);
	}
	id = number(self->out, "id");
	ASSERT_EQ(0, TOOL("map update name peers key u32 3 value 127.0.0.1:%d",
			  sock_port(self->flow.rx))) {
		TH_LOG("%s", self->out);
	}
	ASSERT_EQ(0, conn_put(&conn, "\0\0\0\4four", 8));
	EXPECT_EQ(1, flow_next_is(&self->flow, "four"));
	ASSERT_EQ(0, TOOL("link update %lld %s name fan_out", id, file)) {
		TH_LOG("%s", self->out);
	}
	EXPECT_NE(NULL, strstr(self->out, "; maps kept: peers\n"));
	ASSERT_EQ(0, conn_put(&conn, "\0\0\0\4five", 8));
	EXPECT_EQ(1, flow_next_is(&self->flow, "five"));
	conn_close(&conn);
}

/* Multicast, another family, and no route: it is said what is wrong. */
TEST_F(tool, peers_refused)
{
	static const struct { const char *peer, *why; } bad[] = {
		{ "224.0.0.1:4", "cannot send to a multicast address" },
		{ "[::1]:4", "cannot send to an IPv6 address" },
		{ "198.51.100.1:4", "has no route" },
	};

	ASSERT_EQ(0, TOOL("link attach %s name send pid %d fd %d",
			  object_path("../progs/send.bpf.o"), getpid(), self->flow.rx)) {
		TH_LOG("%s", self->out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_NE(0, TOOL("map update name peers key u32 1 value %s", bad[i].peer));
		EXPECT_NE(NULL, strstr(self->out, bad[i].why)) {
			TH_LOG("%s: %s", bad[i].peer, self->out);
		}
	}
}

/* Keys as words, and what is not a key */
TEST_F(tool, keys)
{
	static const char *const good[] = {
		"chacha20-poly1305 key %.64s", "aes-128-gcm key %.32s salt 000102030405060708090a0b",
		"aes-256-gcm key %.64s once", "hmac-sha256 key %.10s tag 16",
		"aes-128-gcm key %.32s once salt 000102030405060708090a0b any",
	};
	static const char *const bad[] = {
		"aes-128-gcm key %.30s", "aes-128-gcm key %.31s", "aes-129-gcm key %.32s",
		"aes-128-gcm %.32s", "aes-128-gcm key %.32s tag 8", "hmac-sha256 key %.10s salt 01",
		"aes-128-gcm key %.32s more", "hmac-sha256 key %.10s tag -1",
		"hmac-sha256 key %.10s tag 33", "aes-128-gcm keyring -3",
	};
	static const char hex[] =
		"c0ffee11c0ffee22c0ffee33c0ffee44c0ffee55c0ffee66c0ffee77c0ffee88";
	struct vnp_map_info info = { .size = sizeof(info) };
	struct vnp_object *obj;
	char value[256];

	ASSERT_EQ(0, object_load("crypt", &obj));
	ASSERT_EQ(0, vnp_map_get_info(vnp_object_find_map(obj, "keys"), &info));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(value, sizeof(value), good[i], hex);
		EXPECT_EQ(0, TOOL("map update id %u key u32 1 value %s", info.id, value)) {
			TH_LOG("%s: %s", value, self->out);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(value, sizeof(value), bad[i], hex);
		EXPECT_NE(0, TOOL("map update id %u key u32 2 value %s", info.id, value)) {
			TH_LOG("%s", value);
		}
	}
	EXPECT_NE(0, TOOL("map update id %u key u32 2 value aes-128-gcm key %s", info.id, hex));
	EXPECT_NE(NULL, strstr(self->out, "takes a key of 16 bytes; this one has 32"));
	EXPECT_NE(0, TOOL("map lookup id %u key u32 1", info.id));
	EXPECT_EQ(NULL, strstr(self->out, "c0"));
	TOOL("map dump id %u", info.id);
	EXPECT_EQ(NULL, strstr(self->out, "c0 ff"));
	ASSERT_EQ(0, vnp_map_get_info(vnp_object_find_map(obj, "keys"), &info));
	EXPECT_EQ(1, info.entries);
	ASSERT_EQ(0, TOOL("map delete id %u key u32 1", info.id));
	vnp_object_close(obj);
}

/* Sockets of a running process in a map: with a queue, and UDP without */
TEST_F(tool, map_of_sockets)
{
	struct vnp_map_info info = { .size = sizeof(info) };
	struct vnp_object *obj;
	struct conn conn;

	ASSERT_EQ(0, object_load("sockets", &obj));
	ASSERT_EQ(0, vnp_map_get_info(vnp_object_find_map(obj, "sockets"), &info));
	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	EXPECT_NE(0, TOOL("map update id %u key u32 1 value pid %d fd %d", info.id, getpid(),
			  self->flow.tx));
	ASSERT_EQ(0, connect(self->flow.tx, (const void *)&self->flow.rx_addr,
			     sizeof(struct sockaddr_in)));
	EXPECT_NE(0, TOOL("map update id %u key u32 1 value pid %d fd %d queue 8192", info.id,
			  getpid(), self->flow.tx));
	EXPECT_NE(NULL, strstr(self->out, "a UDP socket has none"));
	ASSERT_EQ(0, TOOL("map update id %u key u32 1 value pid %d fd %d", info.id, getpid(),
			  self->flow.tx)) {
		TH_LOG("%s", self->out);
	}
	ASSERT_EQ(0, TOOL("map update id %u key u32 2 value pid %d fd %d queue 8192 oldest",
			  info.id, getpid(), conn.tx)) {
		TH_LOG("%s", self->out);
	}
	ASSERT_EQ(0, TOOL("map dump id %u", info.id));
	EXPECT_NE(NULL, strstr(self->out, "(UDP)"));
	EXPECT_NE(NULL, strstr(self->out, "queue 8192 oldest"));
	ASSERT_EQ(0, TOOL("map delete id %u key u32 2", info.id));
	EXPECT_NE(0, TOOL("map lookup id %u key u32 2", info.id));
	conn_close(&conn);
	vnp_object_close(obj);
}

TEST_HARNESS_MAIN
