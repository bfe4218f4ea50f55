// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of a TCP stream, each with its length before it: the process gets them whole, or finds
 * them in the bytes that it reads.  The messages follow each other without a gap, and the segments
 * are cut without regard to them, so that a segment has 23 messages of 64 bytes, some of them split.
 *
 * What is counted is what other workloads count (rig.c): all that follows from the segments when
 * they have left GRO, until the process sleeps again: TCP, with the ACKs that it sends, wake-ups,
 * system calls, and finding the messages.  All figures are those of a message.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/kcm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "connection.h"
#include "profile.h"
#include "stream.h"
#include "../kmod/common.h"
#include "../kmod/object.h"

#define ROUND_MAX	(256 << 10)	/* bytes of a round */
#define MESSAGE_MAX	65536
#define BUFFER		(512 << 10)
#define BATCH		64

/**
 * struct stream - what arrives in a round, again and again
 * @size:	bytes of a message, its prefix included
 * @cnt:	messages
 * @at_once:	segments per interrupt
 * @data:	their bytes
 */
static struct stream {
	int size;
	int cnt;
	int at_once;
	__u8 data[ROUND_MAX];
} stream;

/**
 * struct method - how a process gets messages
 * @name:	as in bench.json
 * @receive:	the thread that receives
 * @attach:	what is to be attached to the connection.  Returns the socket to receive from
 * @detach:	undo it, when the connection is closed
 * @size_max:	bytes of the longest messages that it gets; 0: any
 * @profiled:	by bench_stream_profile()
 */
struct method {
	const char *name;
	receive_fn receive;
	int (*attach)(int sock);
	void (*detach)(void);
	int size_max;
	bool profiled;
};

static void write_stream(int size)
{
	const __be32 len = htonl(size - PREFIX);
	__u8 *message;
	int i;

	stream.size = size;
	stream.cnt = ROUND_MAX / size;
	fill_random(stream.data, sizeof(stream.data), size);
	for (i = 0; i < stream.cnt; i++) {
		message = stream.data + i * size;
		memcpy(message, &len, PREFIX);
		message[PREFIX] = WANTED;
	}
}

/*
 * ---- The process ---------------------------------------------------------
 */

static void take(struct receiver *rx, const __u8 *message, size_t len)
{
	if (rx->check) {
		if (len != (size_t)stream.size ||
		    memcmp(message, stream.data + rx->next * stream.size, len))
			die("A message arrived that differs from the one sent.");
		rx->next = (rx->next + 1) % stream.cnt;
	}
	if (message[PREFIX] == WANTED)
		rx->wanted++;
}

/* struct buffer - bytes that were read, and not used, are those from @begin to @end */
struct buffer {
	size_t begin;
	size_t end;
	__u8 data[BUFFER];
};

static struct buffer buffer;

/* Read what there is */
static void buffer_fill(struct receiver *rx)
{
	ssize_t n;

	rx->calls++;
	n = recv(rx->sock, buffer.data + buffer.end, BUFFER - buffer.end, 0);
	if (n <= 0)
		die("recv() fails: %s.", strerror(errno));
	buffer.end += n;
}

/* Take all messages that are whole.  Returns how many bytes the next one lacks, if that is known */
static size_t buffer_use(struct receiver *rx)
{
	size_t len = PREFIX, n;
	__be32 prefix;

	while ((n = buffer.end - buffer.begin) >= PREFIX) {
		memcpy(&prefix, buffer.data + buffer.begin, PREFIX);
		len = PREFIX + ntohl(prefix);
		if (len > n)
			break;
		take(rx, buffer.data + buffer.begin, len);
		buffer.begin += len;
		len = PREFIX;
	}
	if (!n || BUFFER - buffer.end < MESSAGE_MAX) {
		memmove(buffer.data, buffer.data + buffer.begin, n);
		buffer.begin = 0;
		buffer.end = n;
	}
	return len - n;
}

static void receive_bytes(struct receiver *rx)
{
	for (;;) {
		buffer_fill(rx);
		buffer_use(rx);
	}
}

static void receive_whole(struct receiver *rx)
{
	for (;;) {
		buffer_fill(rx);
		buffer_use(rx);
		if (buffer.end)
			die("A message is not whole.");
	}
}

/* Be woken when there is as much as the next message lacks. */
static void receive_lowat(struct receiver *rx)
{
	size_t lowat = 1, lacks;

	for (;;) {
		buffer_fill(rx);
		lacks = buffer_use(rx);
		if (lacks == lowat)
			continue;
		lowat = lacks;
		rx->calls++;
		if (sock_set(rx->sock, SOL_SOCKET, SO_RCVLOWAT, lowat) < 0)
			die("SO_RCVLOWAT fails: %s.", strerror(errno));
	}
}

/* A socket that keeps the boundaries of messages */
static void receive_each_message(struct receiver *rx)
{
	static __u8 data[BATCH][MESSAGE_MAX];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	int i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec) { data[i], MESSAGE_MAX };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		rx->calls++;
		n = recvmmsg(rx->sock, msgs, BATCH, MSG_WAITFORONE, NULL);
		if (n <= 0)
			die("recvmmsg() fails: %s.", strerror(errno));
		for (i = 0; i < n; i++)
			take(rx, data[i], msgs[i].msg_len);
	}
}

/*
 * ---- What is attached ----------------------------------------------------
 */

static int attach_programs(int sock, const char *stream, const char *message, __u32 flags)
{
	struct vnp_link_opts link = { sizeof(link), .flags = flags };
	struct vnp_object *obj;
	int err;

	err = vnp_object_open_file(object_path("progs/stream.bpf.o"), NULL, &obj);
	if (!err)
		err = vnp_object_load(obj, NULL);
	if (!err && message)
		link.message = vnp_object_find_program(obj, message);
	if (!err)
		err = vnp_link_attach(vnp_object_find_program(obj, stream), sock, &link, NULL);
	if (err)
		die("VNP's program cannot be linked to the socket: %s.", strerror(-err));
	vnp_object_close(obj);
	return sock;
}

static int attach_vnp_stream(int sock)
{
	return attach_programs(sock, "length", "message", 0);
}

static int attach_vnp_length(int sock)
{
	return attach_programs(sock, "length", NULL, 0);
}

/* A link that passes all on: what the hook costs */
static int attach_hook_stream(int sock)
{
	return attach_programs(sock, "nothing", NULL, VNP_LINK_F_STREAM_PASS);
}

/* Of KCM or sockmap: parser.bpf.c, loaded; and what is to be closed at the end */
static struct bpf_object *parser;
static int attached = -1;

static int parser_program(const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(parser, name);

	if (!prog)
		die("parser.bpf.o has no program %s.", name);
	return bpf_program__fd(prog);
}

static void parser_load(void)
{
	struct bpf_map *map;
	const int len = stream.size;

	parser = bpf_object__open(object_path("progs/parser.bpf.o"));
	map = parser ? bpf_object__find_map_by_name(parser, ".rodata") : NULL;
	if (!map || bpf_map__set_initial_value(map, &len, sizeof(len)) ||
	    bpf_object__load(parser))
		die("The parser cannot be loaded: %s.", strerror(errno));
}

static void detach_parser(void)
{
	close(attached);
	bpf_object__close(parser);
}

static int attach_kcm(int sock)
{
	struct kcm_attach arg = { .fd = sock };

	parser_load();
	arg.bpf_fd = parser_program("kcm_parse");
	shell("modprobe -q kcm");
	attached = socket(AF_KCM, SOCK_SEQPACKET | SOCK_CLOEXEC, KCMPROTO_CONNECTED);
	if (attached < 0 || ioctl(attached, SIOCKCMATTACH, &arg))
		die("KCM does not accept the connection: %s.", strerror(errno));
	return attached;
}

static int attach_sockmap(int sock)
{
	const int key = 0;

	parser_load();
	attached = bpf_map_create(BPF_MAP_TYPE_SOCKMAP, "streams", sizeof(key), sizeof(sock), 1,
				  NULL);
	if (attached < 0 ||
	    bpf_prog_attach(parser_program("sockmap_parse"), attached, BPF_SK_SKB_STREAM_PARSER,
			    0) ||
	    bpf_prog_attach(parser_program("sockmap_pass"), attached, BPF_SK_SKB_STREAM_VERDICT,
			    0) ||
	    bpf_map_update_elem(attached, &key, &sock, BPF_ANY))
		die("The sockmap does not accept the connection: %s.", strerror(errno));
	return sock;
}

/*
 * On a socket in a sockmap, recv() fails with EAGAIN again and again, although it should wait, as
 * long as a message of 64 KiB is not whole (6.1).
 */
static const struct method methods[] = {
	{ "vnp", receive_whole, attach_vnp_stream, .profiled = true },
	{ "vnp-length", receive_whole, attach_vnp_length },
	{ "hook", receive_bytes, attach_hook_stream, .profiled = true },
	{ "recv", receive_bytes, .profiled = true },
	{ "SO_RCVLOWAT", receive_lowat, .profiled = true },
	{ "KCM", receive_each_message, attach_kcm, detach_parser },
	{ "sockmap", receive_bytes, attach_sockmap, detach_parser, 16384 },
};

/*
 * ---- Measuring -----------------------------------------------------------
 */

/* struct session - a measurement */
struct session {
	const struct method *method;
	struct connection conn;
	struct receiver rx;
	pthread_t thread;
	volatile pid_t tid;
	bool watched;
};

static void *session_main(void *arg)
{
	struct session *session = arg;

	buffer.begin = 0;
	buffer.end = 0;
	session->tid = gettid();
	session->method->receive(&session->rx);
	return NULL;
}

static void session_settle(const struct session *session)
{
	if (thread_sleeps(session->tid) < 0)
		die("The process does not wait for messages.");
}

static void session_start(struct session *session)
{
	connection_open(&session->conn);
	session->rx.sock = session->conn.sock;
	if (session->method->attach)
		session->rx.sock = session->method->attach(session->conn.sock);
	if (pthread_create(&session->thread, NULL, session_main, session))
		die("The process's thread cannot be started.");
	while (!session->tid)
		sched_yield();
	session_settle(session);
	rig_yield(true);
}

static void session_stop(struct session *session)
{
	rig_yield(false);
	pthread_cancel(session->thread);
	pthread_join(session->thread, NULL);
	connection_close(&session->conn);
	if (session->method->detach)
		session->method->detach();
}

/* Let all messages arrive.  Returns the cost of one; @arrival: of card and GRO */
static double session_round(void *arg, double *arrival)
{
	struct session *session = arg;
	const long before = session->rx.wanted;
	int i, n, plays = 0;
	__u64 start, all, nic = 0;

	connection_load(&session->conn, stream.data, (size_t)stream.cnt * stream.size);
	start = ticks();
	if (session->watched)
		profile_begin();
	for (i = 0; i < session->conn.frames; i += n) {
		n = session->conn.frames - i;
		n = n < stream.at_once ? n : stream.at_once;
		nic += rig_play(i, n);
		plays++;
	}
	if (session->watched)
		profile_end();
	all = ticks() - start;
	session_settle(session);
	if (session->rx.wanted - before != stream.cnt)
		die("%s: of %d messages of %d bytes %ld arrived.", session->method->name,
		    stream.cnt, stream.size, session->rx.wanted - before);
	*arrival = (double)nic / stream.cnt;
	return (all - plays * rig_play_cost()) / stream.cnt - *arrival;
}

static void session_measure(struct session *session, struct row *row)
{
	rig_warm(session_round, session, &session->rx);
	rig_rounds(session_round, session, &session->rx, session->tid, stream.cnt, row);
}

static void session_profile(struct session *session, struct row *row)
{
	int i;

	for (i = 0; i < WARM; i++)
		session_round(session, &row->arrival);
	session->watched = true;
	row->insns = session_round(session, &row->arrival);
	row->messages = stream.cnt;
	row->interrupts = (session->conn.frames + stream.at_once - 1) / stream.at_once;
}

static void measure(const struct method *method,
		    void (*func)(struct session *session, struct row *row), struct row *row)
{
	struct session session = { .method = method };

	row->system = method->name;
	row->kase = stream.at_once > 1 ? "super-packet" : "single";
	row->size = stream.size;
	row->burst = stream.at_once;
	session_start(&session);
	func(&session, row);
	session_stop(&session);
	row_add(row);
}

static const int sizes[] = { 64, 1400, 16384, 65536 };

void bench_stream(void)
{
	struct row row = { .workload = "stream" };
	size_t i, k;

	for (stream.at_once = 1; stream.at_once <= 16; stream.at_once *= 16) {
		rows_begin("messages of a stream, %d segments at once", stream.at_once);
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			write_stream(sizes[k]);
			for (i = 0; i < ARRAY_SIZE(methods); i++)
				if (!methods[i].size_max || sizes[k] <= methods[i].size_max)
					measure(&methods[i], session_measure, &row);
		}
	}
}

/* Where the instructions go: profiles.c, profile-report */
void bench_stream_profile(void)
{
	struct row row = { .workload = "profile" };
	size_t i, k;

	rows_begin("profile, instructions per message");
	rig_profile_play();
	for (stream.at_once = 1; stream.at_once <= 16; stream.at_once *= 16)
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			write_stream(sizes[k]);
			for (i = 0; i < ARRAY_SIZE(methods); i++)
				if (methods[i].profiled)
					measure(&methods[i], session_profile, &row);
		}
}
