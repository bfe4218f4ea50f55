// SPDX-License-Identifier: GPL-2.0
/*
 * Requests on a TCP connection, each of which is answered with as many bytes: by a program, or by a
 * process.  The peer sends one when it has the answer to the previous one, or several at once.
 *
 * What is counted is what the workload stream counts, per request, and sending the answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "connection.h"
#include "hook/ioctl.h"
#include "stream.h"
#include "../kmod/common.h"
#include "../kmod/object.h"

#define REQUESTS	64	/* of a round */
#define SIZE_MAX_HERE	1400
#define QUEUE		(1 << 20)
#define NETWORK		"10.9.0.0/24"

/* struct server - who answers: a program, or else the process, which polls or not */
struct server {
	const char *name;
	receive_fn receive;
	const char *program;
};

static struct {
	int size;
	int at_once;
	__u8 data[REQUESTS * SIZE_MAX_HERE];
} requests;

static void write_requests(int size)
{
	const __be32 len = htonl(size - PREFIX);
	int i;

	requests.size = size;
	fill_random(requests.data, sizeof(requests.data), size);
	for (i = 0; i < REQUESTS; i++)
		memcpy(requests.data + i * size, &len, PREFIX);
}

/*
 * ---- The process ---------------------------------------------------------
 */

/* Returns how many of the bytes are whole requests. */
static size_t find_whole(const __u8 *data, size_t len)
{
	size_t whole = 0;
	__be32 prefix;

	while (len - whole >= PREFIX) {
		memcpy(&prefix, data + whole, PREFIX);
		if (PREFIX + ntohl(prefix) > len - whole)
			break;
		whole += PREFIX + ntohl(prefix);
	}
	return whole;
}

/* Answer all requests that are there by one call. */
static void serve_once(struct receiver *rx)
{
	static __u8 data[REQUESTS * SIZE_MAX_HERE];
	static size_t len;
	ssize_t n = recv(rx->sock, data + len, sizeof(data) - len, 0);
	size_t whole;

	if (n <= 0)
		die("recv() fails: %s.", strerror(errno));
	rx->calls++;
	len += n;
	whole = find_whole(data, len);
	if (!whole)
		return;
	if (send(rx->sock, data, whole, 0) != (ssize_t)whole)
		die("send() fails: %s.", strerror(errno));
	rx->calls++;
	len -= whole;
	memmove(data, data + whole, len);
}

static void serve(struct receiver *rx)
{
	for (;;)
		serve_once(rx);
}

static void serve_polling(struct receiver *rx)
{
	struct epoll_event event = { .events = EPOLLIN };
	int efd = epoll_create1(EPOLL_CLOEXEC);

	if (efd < 0 || epoll_ctl(efd, EPOLL_CTL_ADD, rx->sock, &event))
		die("epoll fails: %s.", strerror(errno));
	for (;;) {
		rx->calls++;
		if (epoll_wait(efd, &event, 1, -1) != 1)
			die("epoll_wait() fails: %s.", strerror(errno));
		serve_once(rx);
	}
}

static const struct server servers[] = {
	{ "vnp", serve, "answer" },
	{ "vnp-verdict", serve, "reply" },
	{ "recv", serve },
	{ "epoll", serve_polling },
};

static void attach(int sock, const char *program)
{
	struct vnp_link_opts link = { sizeof(link), .reply_bytes = QUEUE };
	struct vnp_object *obj;
	int err;

	err = vnp_object_open_file(object_path("progs/stream.bpf.o"), NULL, &obj);
	if (!err)
		err = vnp_object_load(obj, NULL);
	if (!err)
		link.message = vnp_object_find_program(obj, program);
	if (!err)
		err = vnp_link_attach(vnp_object_find_program(obj, "length"), sock, &link, NULL);
	if (err)
		die("VNP's program cannot be linked to the socket: %s.", strerror(-err));
	vnp_object_close(obj);
}

/*
 * ---- Measuring -----------------------------------------------------------
 */

/* struct session - a measurement */
struct session {
	const struct server *server;
	struct connection conn;
	struct receiver rx;
	pthread_t thread;
	volatile pid_t tid;
};

static void *session_main(void *arg)
{
	struct session *session = arg;

	session->tid = gettid();
	session->server->receive(&session->rx);
	return NULL;
}

static void session_start(struct session *session)
{
	connection_open(&session->conn);
	session->rx.sock = session->conn.sock;
	if (session->server->program)
		attach(session->conn.sock, session->server->program);
	if (pthread_create(&session->thread, NULL, session_main, session))
		die("The process's thread cannot be started.");
	while (!session->tid)
		sched_yield();
	if (thread_sleeps(session->tid) < 0)
		die("The process does not wait for requests.");
	rig_yield(true);
}

static void session_stop(struct session *session)
{
	rig_yield(false);
	pthread_cancel(session->thread);
	pthread_join(session->thread, NULL);
	connection_close(&session->conn);
}

/* The peer has all answers when it sends the next requests; the last ones after the round. */
static void session_load(struct session *session, int *first)
{
	const int bytes = requests.at_once * requests.size, groups = REQUESTS / requests.at_once;
	struct connection *conn = &session->conn;
	int i;

	conn->frames = 0;
	for (i = 0; i < groups; i++) {
		first[i] = conn->frames;
		connection_add(conn, requests.data + i * bytes, bytes);
		conn->ack += bytes;
	}
	first[groups] = conn->frames;
	connection_add_ack(conn);
	connection_commit(conn);
}

static __u64 session_acked(const struct session *session)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(session->conn.sock, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO fails: %s.", strerror(errno));
	return info.tcpi_bytes_acked;
}

/* Let all requests arrive.  Returns the cost of one; @arrival: of card and GRO */
static double session_round(void *arg, double *arrival)
{
	struct session *session = arg;
	const __u64 before = session_acked(session);
	const int groups = REQUESTS / requests.at_once;
	int first[REQUESTS + 1], i;
	__u64 start, all, nic = 0;

	session_load(session, first);
	start = ticks();
	for (i = 0; i < groups; i++)
		nic += rig_play(first[i], first[i + 1] - first[i]);
	all = ticks() - start;
	rig_play(first[groups], 1);
	if (session_acked(session) - before != (__u64)REQUESTS * requests.size)
		die("%s: of %d requests of %d bytes not all were answered.",
		    session->server->name, REQUESTS, requests.size);
	*arrival = (double)nic / REQUESTS;
	return (all - groups * rig_play_cost()) / REQUESTS - *arrival;
}

static void session_measure(struct session *session, struct row *row)
{
	rig_warm(session_round, session, &session->rx);
	rig_rounds(session_round, session, &session->rx, session->tid, REQUESTS, row);
}

static void measure(const struct server *server, struct row *row)
{
	struct session session = { .server = server };

	row->system = server->name;
	row->kase = requests.at_once > 1 ? "pipelined" : "single";
	row->size = requests.size;
	row->burst = requests.at_once;
	session_start(&session);
	session_measure(&session, row);
	session_stop(&session);
	row_add(row);
}

void bench_answer(void)
{
	static const int sizes[] = { 64, SIZE_MAX_HERE };
	struct row row = { .workload = "answer" };
	size_t i, k;

	/* All answers must fit into the congestion window, as the peer acknowledges all at once. */
	if (shell("ip route change %s dev %s src " RIG_ADDRESS " initcwnd 100", NETWORK,
		  BENCH_INTERFACE))
		die("The congestion window cannot be set.");
	for (requests.at_once = 1; requests.at_once <= 16; requests.at_once *= 16) {
		rows_begin("answers on a connection, %d requests at once", requests.at_once);
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			write_requests(sizes[k]);
			for (i = 0; i < ARRAY_SIZE(servers); i++)
				measure(&servers[i], &row);
		}
	}
}
