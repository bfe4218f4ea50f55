// SPDX-License-Identifier: GPL-2.0
/* Programs that answer messages of streams, or send them to others. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>
#define LIGHT_LEAVES_OUT	"ip4"
#include "crafted.h"
#include "harness.h"
#include "object.h"
#include "peer.h"
#include "transfer.h"
#include "../progs/answer.h"

#define BUFFER		(8 << 20)
#define QUEUE		(128U << 10)
#define LONG		(4UL << 20)	/* sent by one call */
#define RECEIVERS	3
#define CONNS		2

/* @udp: what the peers' datagrams are sent from; @receivers, @others: who gets them */
FIXTURE(answer) {
	struct vnp_object *obj;
	struct answer_orders *orders;
	struct vnp_link_info info;
	struct transfer t;
	int udp;
	int receivers[RECEIVERS];
	struct conn others[CONNS];
	__u64 packets;
};

FIXTURE_VARIANT(answer) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(answer, ip4) { .kind = FLOW_IP4 };
FIXTURE_VARIANT_ADD(answer, ip6) { .kind = FLOW_IP6 };

#define SELF	struct _test_data_answer

static const char *address(const FIXTURE_VARIANT(answer) *variant)
{
	return variant->kind == FLOW_IP4 ? "127.0.0.1" : "::1";
}

static int prepare(SELF *self, bool bound)
{
	int err = object_open("answer", &self->obj);

	if (!err && bound)
		err = vnp_map_set_socket(vnp_object_find_map(self->obj, "peers"), self->udp);
	if (!err)
		err = vnp_object_load(self->obj, NULL);
	self->orders = err ? NULL : object_globals(self->obj, ".bss");
	return self->orders ? 0 : err ?: -ENOENT;
}

FIXTURE_SETUP(answer)
{
	struct timeval patience = { .tv_sec = 20 };

	memset(self, 0, sizeof(*self));
	self->udp = udp_socket(address(variant), 0);
	ASSERT_OK(self->udp);
	ASSERT_EQ(0, prepare(self, true));
	ASSERT_EQ(0, transfer_open(&self->t, variant->kind, BUFFER));
	ASSERT_EQ(0, setsockopt(self->t.conn.tx, SOL_SOCKET, SO_RCVTIMEO, &patience,
				sizeof(patience)));
}

FIXTURE_TEARDOWN(answer)
{
	transfer_close(&self->t);
	close(self->udp);
	vnp_object_close(self->obj);
}

static int link_with(SELF *self, int sock, const char *message, __u32 flags, __u32 reply_bytes)
{
	int dev = device_open(), link;

	link = stream_link_with(dev, (struct vnp_link_create){
		.flags = flags, .sock_fd = sock, .prog_fd = object_prog(self->obj, "measure"),
		.message_fd = object_prog(self->obj, message), .reply_bytes = reply_bytes,
	});
	close(dev);
	return link;
}

#define LINK(message, flags, bytes) do {						\
	self->t.conn.link = link_with(self, self->t.conn.rx, message, flags, bytes);	\
	ASSERT_OK(self->t.conn.link);							\
} while (0)

/* put() - send messages, and wait until the program was executed on all; @cnt of them, at sent */
static int put_all(SELF *self, size_t len, int cnt)
{
	int err = conn_put(&self->t.conn, self->t.sent, len);

	self->packets += cnt;
	return err ?: link_settle(self->t.conn.link, self->packets, &self->info);
}

static int put(SELF *self, char type, size_t len)
{
	message_make(self->t.sent, type, len, self->packets);
	return put_all(self, len, 1);
}

/* CLIENT_GETS() - the sender of the messages */
#define CLIENT_GETS(bytes, len) do {							\
	ASSERT_EQ(len, recv(self->t.conn.tx, self->t.got, len, MSG_WAITALL));		\
	ASSERT_MEM(bytes, self->t.got, len);						\
} while (0)

static const size_t lengths[] = { 4, 5, 100, 1400, 16384, 16385, 70000, 120000 };

TEST_F(answer, lengths)
{
	struct transfer *t = &self->t;
	static const char types[] = { ANSWER_ALL, ANSWER_VERDICT, ANSWER_TAIL };

	LINK("answer", 0, QUEUE);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
			const size_t len = lengths[i];

			ASSERT_EQ(0, put(self, types[k], len));
			if (types[k] == ANSWER_TAIL) {
				CLIENT_GETS("12345", 5UL);
				if (len > STREAM_HEADER)
					CLIENT_GETS(t->sent + STREAM_HEADER, len - STREAM_HEADER);
			} else {
				CLIENT_GETS(t->sent, len);
			}
		}
	}
	EXPECT_EQ(1, stream_quiet(t->conn.rx));
	EXPECT_EQ(1, stream_quiet(t->conn.tx));
	EXPECT_EQ(self->packets, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(QUEUE, self->info.reply_bytes);
}

/* On messages in TCP's queue, without a copy */
TEST_F(answer, echo)
{
	struct transfer *t = &self->t;

	LINK("echo", 0, QUEUE);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ASSERT_EQ(0, put(self, 'X', lengths[i]));
		CLIENT_GETS(t->sent, lengths[i]);
	}
	EXPECT_EQ(self->packets, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(1, stream_quiet(t->conn.rx));
}

TEST_F(answer, own_bytes)
{
	struct transfer *t = &self->t;
	struct vnp_map *map = vnp_object_find_map(self->obj, "answers");
	const __u32 key = 0;

	LINK("answer", 0, QUEUE);
	fill_random(t->want, sizeof(struct vnp_send) + ANSWER_LONG_LEN, 1);
	ASSERT_EQ(0, vnp_map_update(map, &key, t->want, 0));
	ASSERT_EQ(0, put(self, ANSWER_LONG, 500));
	ASSERT_EQ(0, link_faults(&self->info));
	ASSERT_EQ(0, self->orders->ret);
	CLIENT_GETS(t->want + sizeof(struct vnp_send), (size_t)ANSWER_LONG_LEN);
	CLIENT_GETS(t->sent + STREAM_HEADER, 500UL - STREAM_HEADER);
	/* A message can be passed nevertheless. */
	ASSERT_EQ(0, put(self, ANSWER_ACK, 100));
	CLIENT_GETS("12345", 5UL);
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 1000, 0));
	ASSERT_MEM(t->sent, t->got, 100);
}

/* What was queued before the application writes leaves before. */
TEST_F(answer, order)
{
	struct transfer *t = &self->t;
	size_t at = 0;

	LINK("answer", 0, QUEUE);
	for (int round = 0; round < 20; round++) {
		at = 0;
		for (int i = 0; i < 40; i++)
			at += message_make(t->sent + at, ANSWER_ALL, 5 + i, i);
		ASSERT_EQ(0, put_all(self, at, 40));
		ASSERT_EQ(10, send(t->conn.rx, "0123456789", 10, 0));
		CLIENT_GETS(t->sent, at);
		CLIENT_GETS("0123456789", 10UL);
	}
}

static void *send_long(void *arg)
{
	const struct transfer *t = arg;

	return (void *)send(t->conn.rx, t->want, LONG, 0);
}

/* An answer is not put into what one call of send() has to wait with. */
TEST_F(answer, within)
{
	struct transfer *t = &self->t;
	pthread_t thread;
	void *ret;
	int queued;

	fill_random(t->want, LONG, 7);
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_SNDBUF, 65536));
	LINK("answer", 0, QUEUE);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_long, t));
	do {
		ASSERT_EQ(0, ioctl(t->conn.tx, FIONREAD, &queued));
	} while (!queued);
	ASSERT_EQ(0, put(self, ANSWER_ALL, 1000));
	CLIENT_GETS(t->want, LONG);
	CLIENT_GETS(t->sent, 1000UL);
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(LONG, (size_t)ret);
}

/* fill() - messages are answered until there is no room; how many were */
static int fill(SELF *self, size_t len)
{
	int cnt;

	for (cnt = 0; cnt < 4000; cnt++) {
		if (put(self, ANSWER_ALL, len))
			return -1;
		if (self->orders->ret)
			break;
	}
	return cnt;
}

TEST_F(answer, not_read)
{
	struct transfer *t = &self->t;
	const size_t len = 2000;
	int cnt;

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_SNDBUF, 32768));
	ASSERT_EQ(0, sock_set(t->conn.tx, SOL_SOCKET, SO_RCVBUF, 32768));
	LINK("answer", 0, QUEUE);
	cnt = fill(self, len);
	ASSERT_LT(QUEUE / len / 2, cnt);
	EXPECT_EQ(-ENOBUFS, self->orders->ret);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_SNDBUF]);
	EXPECT_LT(0, self->info.reply_queued);
	/* The application gets the one that was not answered. */
	ASSERT_EQ(len, recv(t->conn.rx, t->got, 2 * len, 0));
	ASSERT_MEM(t->sent, t->got, len);
	for (int i = 0; i < cnt; i++) {
		message_make(t->sent, ANSWER_ALL, len, i);
		CLIENT_GETS(t->sent, len);
	}
	ASSERT_EQ(0, put(self, ANSWER_ALL, len));
	CLIENT_GETS(t->sent, len);
	EXPECT_EQ(cnt + 1, self->info.verdicts[VNP_REPLY]);
}

/* While answers wait for room, a call that writes nothing, or cannot, returns at once. */
TEST_F(answer, waiting)
{
	struct transfer *t = &self->t;
	struct vnp_map *connections = vnp_object_find_map(self->obj, "connections");
	const struct answer_member key = {};
	ssize_t n = 1;

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_SNDBUF, 32768));
	ASSERT_EQ(0, sock_set(t->conn.tx, SOL_SOCKET, SO_RCVBUF, 32768));
	LINK("answer", 0, QUEUE);
	/*
	 * Some of the queue may be sent meanwhile, but the peer does not read.  The message that was
	 * not answered is read, as those after it would fill the receive buffer.
	 */
	while (n == 1) {
		ASSERT_LE(0, fill(self, 2000));
		ASSERT_EQ(2000, recv(t->conn.rx, t->got, 4000, MSG_DONTWAIT));
		n = send(t->conn.rx, "x", 1, MSG_DONTWAIT);
	}
	EXPECT_EQ(-1, n);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, send(t->conn.rx, "", 0, MSG_DONTWAIT));
	EXPECT_EQ(0, vnp_map_update_socket(connections, &key, t->conn.rx,
					   VNP_SOCKET_DROP_NEWEST, QUEUE, 0));
	ASSERT_EQ(0, shutdown(t->conn.rx, SHUT_WR));
	EXPECT_EQ(-1, send(t->conn.rx, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(answer, reset)
{
	struct transfer *t = &self->t;
	struct pollfd poll_fd = { .fd = t->conn.rx };

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_SNDBUF, 32768));
	ASSERT_EQ(0, sock_set(t->conn.tx, SOL_SOCKET, SO_RCVBUF, 32768));
	LINK("answer", VNP_LINK_F_REPLY_RESET, QUEUE);
	ASSERT_LT(0, fill(self, 2000));
	ASSERT_EQ(1, poll(&poll_fd, 1, 20000));
	EXPECT_EQ(-1, send(t->conn.rx, "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(ECONNABORTED, errno);
}

/*
 * With IP_RECVERR an ICMP error is reported to the application, but the connection goes on: answers
 * wait until the application has got it.
 */
TEST_F(answer, icmp_error)
{
	struct transfer *t = &self->t;
	struct crafted peer = { .tun = -1, .conn = { -1, -1, -1 } };
	int link;

	if (variant->kind != FLOW_IP4)
		SKIP(return, "the peer has IPv4 only");
	ASSERT_EQ(0, crafted_open(&peer, 0));
	ASSERT_EQ(0, sock_set(peer.conn.rx, IPPROTO_IP, IP_RECVERR, 1));
	link = link_with(self, peer.conn.rx, "answer", 0, QUEUE);
	ASSERT_OK(link);
	ASSERT_EQ(0, crafted_unreachable(&peer));
	message_make(t->sent, ANSWER_ALL, 100, 1);
	ASSERT_EQ(0, crafted_send(&peer, 0, t->sent, 100));
	ASSERT_EQ(0, link_settle(link, 1, &self->info));
	EXPECT_EQ(0, self->orders->ret);
	EXPECT_EQ(100, self->info.reply_queued);
	EXPECT_EQ(EHOSTUNREACH, sock_int(peer.conn.rx, SOL_SOCKET, SO_ERROR));
	do {
		ASSERT_EQ(0, link_info(link, &self->info));
		sched_yield();
	} while (self->info.reply_queued);
	EXPECT_EQ(1, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(0, self->info.errors[VNP_ERROR_DENIED]);
	close(link);
	crafted_close(&peer);
}

#define MEMORY	"/proc/sys/net/ipv4/tcp_mem"

/* A thread that writes a byte */
struct writer {
	pthread_t thread;
	int sock;
	atomic_int tid;
	ssize_t ret;
};

static void *write_byte(void *arg)
{
	struct writer *w = arg;

	atomic_store(&w->tid, gettid());
	w->ret = send(w->sock, "x", 1, 0);
	return NULL;
}

/* writer_start() - return: 0: it waits, or it has ended */
static int writer_start(struct writer *w, int sock)
{
	int err;

	w->sock = sock;
	err = pthread_create(&w->thread, NULL, write_byte, w);
	while (!err && !atomic_load(&w->tid))
		sched_yield();
	if (!err)
		thread_sleeps(w->tid);
	return err;
}

/* hog_open() - a connection that takes more memory than the CPUs have in reserve */
static int hog_open(struct conn *hog, enum flow_kind kind, const struct transfer *t)
{
	int err = conn_open(hog, kind, 0) ?:
		  sock_set(hog->tx, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER);

	while (!err && send(hog->tx, t->sent, t->size, MSG_DONTWAIT) > 0)
		;
	return err;
}

/* If TCP is short of memory, a call waits for that, and is not refused. */
TEST_F(answer, short_of_memory)
{
	struct transfer *t = &self->t;
	const int len = 1000, wanted = 16000;
	struct writer writer = {};
	char limits[64];
	struct conn hog;
	int cnt = 0, err;

	if (!as_root())
		SKIP(return, "only root can change the limits of TCP");
	ASSERT_LT(0, read_text(MEMORY, limits, sizeof(limits)));
	ASSERT_EQ(0, hog_open(&hog, variant->kind, t));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_SNDBUF, 65536));
	LINK("answer", 0, QUEUE);
	ASSERT_OK(write_text(MEMORY, "0 0 0"));
	do {
		err = put(self, ANSWER_ALL, len);
	} while (!err && self->info.reply_queued < wanted && ++cnt < 100);
	/* What a socket has in reserve differs between kernels. */
	if (err == -ETIMEDOUT) {
		conn_close(&hog);
		EXPECT_OK(write_text(MEMORY, limits));
		SKIP(return, "there is no memory to receive requests, either");
	}
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, writer_start(&writer, t->conn.rx));
	EXPECT_OK(write_text(MEMORY, limits));
	ASSERT_EQ(0, pthread_join(writer.thread, NULL));
	EXPECT_EQ(1, writer.ret);
	EXPECT_GT(100, cnt);
	for (__u64 i = 0; i < self->packets; i++) {
		message_make(t->sent, ANSWER_ALL, len, i);
		CLIENT_GETS(t->sent, (size_t)len);
	}
	CLIENT_GETS("x", 1UL);
	conn_close(&hog);
}

/* Both ends answer each other: while no application reads this ends. */
TEST_F(answer, circle)
{
	struct transfer *t = &self->t;
	struct vnp_link_info ends[2];
	int other;

	LINK("echo", 0, QUEUE);
	other = link_with(self, t->conn.tx, "echo", 0, QUEUE);
	ASSERT_OK(other);
	message_make(t->sent, 'X', 100, 1);
	ASSERT_EQ(100, send(t->conn.tx, t->sent, 100, 0));
	do {
		ASSERT_EQ(0, link_info(t->conn.link, &ends[0]));
		ASSERT_EQ(0, link_info(other, &ends[1]));
	} while (!ends[0].errors[VNP_ERROR_HOPS]);
	EXPECT_EQ(VNP_STREAM_SENDS_MAX + 1, ends[0].verdicts[VNP_REPLY]);
	EXPECT_EQ(VNP_STREAM_SENDS_MAX, ends[1].verdicts[VNP_REPLY]);
	EXPECT_EQ(0, ends[1].errors[VNP_ERROR_HOPS]);
	/* An application that tries to read takes part. */
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(100, send(t->conn.tx, t->sent, 100, 0));
	ASSERT_EQ(0, link_settle(other, VNP_STREAM_SENDS_MAX + 1, &ends[1]));
	EXPECT_EQ(1, ends[1].errors[VNP_ERROR_HOPS]);
	close(other);
}

TEST_F(answer, too_many)
{
	struct transfer *t = &self->t;
	size_t at = 0;

	LINK("answer", 0, QUEUE);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < VNP_STREAM_SENDS_MAX; i += 128) {
			at = 0;
			for (int k = 0; k < 128; k++)
				at += message_make(t->sent + at, ANSWER_TAIL, 4, 0);
			ASSERT_EQ(0, put_all(self, at, 128));
			ASSERT_EQ(128 * 5, recv(t->conn.tx, t->got, 128 * 5, MSG_WAITALL));
		}
		EXPECT_EQ(0, self->orders->ret);
		ASSERT_EQ(0, put(self, ANSWER_TAIL, 10));
		EXPECT_EQ(-ELOOP, self->orders->ret);
		EXPECT_EQ(1 + round, self->info.errors[VNP_ERROR_HOPS]);
		ASSERT_EQ(10, recv(t->conn.rx, t->got, 100, 0));
	}
}

TEST_F(answer, no_queue)
{
	struct transfer *t = &self->t;

	LINK("answer", 0, 0);
	ASSERT_EQ(0, put(self, ANSWER_ALL, 100));
	EXPECT_EQ(-ENOTCONN, self->orders->ret);
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 1000, 0));
	ASSERT_EQ(0, put(self, ANSWER_VERDICT, 100));
	EXPECT_EQ(1, self->info.faults[VNP_FAULT_VERDICT]);
	EXPECT_EQ(0, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(1, stream_quiet(t->conn.rx));
}

TEST_F(answer, shut)
{
	struct transfer *t = &self->t;

	LINK("answer", 0, QUEUE);
	ASSERT_EQ(0, put(self, ANSWER_ALL, 100));
	CLIENT_GETS(t->sent, 100UL);
	ASSERT_EQ(0, shutdown(t->conn.rx, SHUT_WR));
	ASSERT_EQ(0, put(self, ANSWER_ALL, 100));
	EXPECT_EQ(-ENOTCONN, self->orders->ret);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_DENIED]);
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 1000, 0));
	ASSERT_EQ(0, recv(t->conn.tx, t->got, 1000, 0));
}

/* An answer that does not fit is not replaced by the message. */
TEST_F(answer, failed)
{
	struct transfer *t = &self->t;

	LINK("answer", 0, ANSWER_LONG_LEN / 2);
	ASSERT_EQ(0, put(self, ANSWER_BLIND, 100));
	EXPECT_EQ(-ENOBUFS, self->orders->ret);
	EXPECT_EQ(1, self->info.verdicts[VNP_REPLY]);
	EXPECT_EQ(1, self->info.errors[VNP_ERROR_SNDBUF]);
	ASSERT_EQ(0, put(self, ANSWER_ALL, 100));
	CLIENT_GETS(t->sent, 100UL);
	EXPECT_EQ(1, stream_quiet(t->conn.rx));
}

/* Answers that wait for the peer are sent before the end of the connection. */
TEST_F(answer, shut_queued)
{
	struct transfer *t = &self->t;
	const size_t len = 2000;
	int cnt;

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_SNDBUF, 32768));
	ASSERT_EQ(0, sock_set(t->conn.tx, SOL_SOCKET, SO_RCVBUF, 32768));
	LINK("answer", 0, QUEUE);
	cnt = fill(self, len);
	ASSERT_LT(QUEUE / len / 2, cnt);
	ASSERT_LT(0, self->info.reply_queued);
	ASSERT_EQ(0, shutdown(t->conn.rx, SHUT_WR));
	for (int i = 0; i < cnt; i++) {
		message_make(t->sent, ANSWER_ALL, len, i);
		CLIENT_GETS(t->sent, len);
	}
	ASSERT_EQ(0, recv(t->conn.tx, t->got, 1, 0));
}

/* Only what the application has been passed, and has not answered, is in its hands. */
TEST_F(answer, unanswered)
{
	struct transfer *t = &self->t;

	LINK("answer", 0, QUEUE);
	/* It could have read something before the link. */
	ASSERT_EQ(0, put(self, ANSWER_IDLE, 10));
	EXPECT_EQ(1, self->orders->seen);
	ASSERT_EQ(0, put(self, ANSWER_IDLE, 10));
	ASSERT_EQ(10, recv(t->conn.rx, t->got, 10, 0));
	/* It has not read all. */
	ASSERT_EQ(1, send(t->conn.rx, "a", 1, 0));
	ASSERT_EQ(0, put(self, ANSWER_IDLE, 10));
	EXPECT_EQ(1, self->orders->seen);
	ASSERT_EQ(20, recv(t->conn.rx, t->got, 100, 0));
	/* It has not sent anything since. */
	ASSERT_EQ(0, put(self, MSG_DROP, 10));
	EXPECT_EQ(1, self->orders->seen);
	ASSERT_EQ(1, send(t->conn.rx, "b", 1, 0));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, put(self, ANSWER_IDLE, 10));
		EXPECT_EQ(0, self->orders->seen);
	}
	CLIENT_GETS("ab", 2UL);
	ASSERT_EQ(30, recv(t->conn.tx, t->got, 30, MSG_WAITALL));
	ASSERT_EQ(0, put(self, MSG_HOLD, 10));
	ASSERT_EQ(0, put(self, ANSWER_IDLE, 10));
	EXPECT_EQ(1, self->orders->seen);
}

#define ROUNDS	500

/* struct client - @by_application: messages that the program could have answered, but did not */
struct client {
	int sock;
	int by_application;
	int err;
};

/* request() - send a message, and wait for the answer.  Return: is it the message? Negative: errno */
static int request(int sock, char type, int number)
{
	__u8 sent[10], got[sizeof(sent)];

	message_make(sent, type, sizeof(sent), number);
	if (send(sock, sent, sizeof(sent), MSG_NOSIGNAL) != sizeof(sent) ||
	    recv(sock, got, sizeof(got), MSG_WAITALL) != sizeof(got))
		return -errno;
	return !memcmp(sent, got, sizeof(sent));
}

static void *client(void *arg)
{
	struct client *client = arg;
	int ret;

	for (int i = 0; i < ROUNDS && !client->err; i++) {
		ret = request(client->sock, MSG_PASS, i);
		if (ret >= 0)
			ret = request(client->sock, ANSWER_IDLE, i);
		if (ret < 0)
			client->err = ret;
		client->by_application += !ret;
	}
	shutdown(client->sock, SHUT_WR);
	return NULL;
}

/* The client sends its next message as soon as it has an answer. */
TEST_F(answer, closed_loop)
{
	struct transfer *t = &self->t;
	struct client args = { .sock = t->conn.tx };
	__u8 data[10];
	pthread_t thread;
	ssize_t n;

	LINK("answer", 0, QUEUE);
	ASSERT_EQ(0, pthread_create(&thread, NULL, client, &args));
	while ((n = recv(t->conn.rx, data, sizeof(data), MSG_WAITALL)) == sizeof(data)) {
		memset(data, 0, sizeof(data));
		ASSERT_EQ(sizeof(data), send(t->conn.rx, data, sizeof(data), 0));
	}
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, args.err);
	EXPECT_EQ(0, args.by_application);
}

/* waits() - the process polls the connection.  unanswered() - what a program is told then */
static int waits(SELF *self, int events)
{
	struct pollfd poll_fd = { .fd = self->t.conn.rx, .events = events };

	return poll(&poll_fd, 1, 0) < 0;
}

static int unanswered(SELF *self)
{
	return put(self, MSG_DROP, 10) ? -1 : self->orders->seen;
}

static int epoll_waits(SELF *self, int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0);
}

/* With VNP_LINK_F_REPLY_IDLE it has answered only when it waits for input, and for nothing else. */
TEST_F(answer, idle)
{
	const struct timeval timeout = { .tv_usec = 1000 };

	LINK("answer", VNP_LINK_F_REPLY_IDLE, QUEUE);
	ASSERT_EQ(0, setsockopt(self->t.conn.rx, SOL_SOCKET, SO_RCVTIMEO, &timeout,
				sizeof(timeout)));
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, put(self, MSG_PASS, 10));
		EXPECT_EQ(0, waits(self, POLLIN));
		EXPECT_EQ(1, unanswered(self));
		ASSERT_EQ(10, recv(self->t.conn.rx, self->t.got, 100, 0));
		EXPECT_EQ(0, waits(self, POLLIN));
		EXPECT_EQ(1, unanswered(self));
		ASSERT_EQ(1, send(self->t.conn.rx, "a", 1, 0));
		EXPECT_EQ(2, unanswered(self));
		EXPECT_EQ(0, waits(self, POLLIN | POLLOUT));
		EXPECT_EQ(0, waits(self, POLLOUT));
		EXPECT_EQ(2, unanswered(self));
		ASSERT_EQ(1, send(self->t.conn.rx, "b", 1, 0));
		EXPECT_EQ(2, unanswered(self));
		ASSERT_EQ(0, link_info(self->t.conn.link, &self->info));
		EXPECT_EQ(2, self->info.unanswered);
		EXPECT_EQ(-1, recv(self->t.conn.rx, self->t.got, 1, MSG_DONTWAIT));
		EXPECT_EQ(2, unanswered(self));
		/* It waits for one millisecond, or polls. */
		EXPECT_EQ(1, round ? !waits(self, POLLIN) :
				     recv(self->t.conn.rx, self->t.got, 1, 0) < 0);
		ASSERT_EQ(0, link_info(self->t.conn.link, &self->info));
		EXPECT_EQ(0, self->info.unanswered);
		EXPECT_EQ(0, unanswered(self));
		CLIENT_GETS("ab", 2UL);
	}
	/*
	 * A message that is passed before the process has waited is not answered by bytes of an
	 * earlier answer.
	 */
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	ASSERT_EQ(10, recv(self->t.conn.rx, self->t.got, 100, 0));
	ASSERT_EQ(1, send(self->t.conn.rx, "a", 1, 0));
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	EXPECT_EQ(3, unanswered(self));
	ASSERT_EQ(10, recv(self->t.conn.rx, self->t.got, 100, 0));
	ASSERT_EQ(1, send(self->t.conn.rx, "b", 1, 0));
	EXPECT_EQ(3, unanswered(self));
	EXPECT_EQ(0, waits(self, POLLIN));
	EXPECT_EQ(1, unanswered(self));
	ASSERT_EQ(1, send(self->t.conn.rx, "c", 1, 0));
	EXPECT_EQ(0, waits(self, POLLIN));
	EXPECT_EQ(0, unanswered(self));
}

/* A typical server: it uses epoll, and asks for EPOLLOUT only while it has more to send. */
TEST_F(answer, idle_epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	LINK("answer", VNP_LINK_F_REPLY_IDLE, QUEUE);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->t.conn.rx, &event));
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	ASSERT_EQ(1, epoll_waits(self, epoll));
	ASSERT_EQ(10, recv(self->t.conn.rx, self->t.got, 100, 0));
	ASSERT_EQ(1, send(self->t.conn.rx, "a", 1, 0));
	event.events = EPOLLIN | EPOLLOUT;
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_MOD, self->t.conn.rx, &event));
	ASSERT_EQ(1, epoll_waits(self, epoll));
	EXPECT_EQ(2, unanswered(self));
	ASSERT_EQ(1, send(self->t.conn.rx, "b", 1, 0));
	event.events = EPOLLIN;
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_MOD, self->t.conn.rx, &event));
	EXPECT_EQ(0, unanswered(self));
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	ASSERT_EQ(1, epoll_waits(self, epoll));
	ASSERT_EQ(10, recv(self->t.conn.rx, self->t.got, 100, 0));
	ASSERT_EQ(1, send(self->t.conn.rx, "c", 1, 0));
	EXPECT_EQ(2, unanswered(self));
	ASSERT_EQ(0, epoll_waits(self, epoll));
	EXPECT_EQ(0, unanswered(self));
	/* It answers when it has waited for something else. */
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	ASSERT_EQ(1, epoll_waits(self, epoll));
	ASSERT_EQ(10, recv(self->t.conn.rx, self->t.got, 100, 0));
	ASSERT_EQ(0, epoll_waits(self, epoll));
	EXPECT_EQ(1, unanswered(self));
	ASSERT_EQ(1, send(self->t.conn.rx, "d", 1, 0));
	EXPECT_EQ(2, unanswered(self));
	ASSERT_EQ(0, epoll_waits(self, epoll));
	EXPECT_EQ(0, unanswered(self));
	CLIENT_GETS("abcd", 4UL);
	close(epoll);
}

static int unread(SELF *self)
{
	return link_info(self->t.conn.link, &self->info) ? -1 : (int)self->info.unread;
}

TEST_F(answer, unread)
{
	LINK("answer", 0, QUEUE);
	EXPECT_EQ(0, unread(self));
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	EXPECT_EQ(10, unread(self));
	ASSERT_EQ(0, put(self, MSG_HOLD, 20));
	EXPECT_EQ(30, unread(self));
	ASSERT_EQ(4, recv(self->t.conn.rx, self->t.got, 4, 0));
	EXPECT_EQ(26, unread(self));
	/* The worker executes the program on it. */
	ASSERT_EQ(0, put(self, MSG_PASS, 20000));
	EXPECT_EQ(20026, unread(self));
	/* The next message is incomplete, so it is not counted yet. */
	message_make(self->t.sent, MSG_PASS, 100, 1);
	ASSERT_EQ(0, conn_put(&self->t.conn, self->t.sent, 99));
	ASSERT_EQ(20026, recv(self->t.conn.rx, self->t.got, 20026, MSG_WAITALL));
	EXPECT_EQ(0, unread(self));
	ASSERT_EQ(0, conn_put(&self->t.conn, self->t.sent + 99, 1));
	self->packets++;
	ASSERT_EQ(0, link_settle(self->t.conn.link, self->packets, &self->info));
	EXPECT_EQ(100, self->info.unread);
	ASSERT_EQ(100, recv(self->t.conn.rx, self->t.got, 1000, 0));
	ASSERT_EQ(0, put(self, ANSWER_ALL, 10));
	CLIENT_GETS(self->t.sent, 10UL);
	EXPECT_EQ(0, unread(self));
}

/* Before the link ends, and before the socket is closed, all is sent. */
TEST_F(answer, ends)
{
	struct transfer *t = &self->t;
	size_t at;

	for (int closes = 0; closes < 2; closes++) {
		at = 0;
		LINK("answer", 0, QUEUE);
		self->packets = 0;
		for (int i = 0; i < 60; i++)
			at += message_make(t->sent + at, ANSWER_ALL, 1000 + i, i);
		ASSERT_EQ(0, put_all(self, at, 60));
		if (closes)
			close(t->conn.rx);
		else
			ASSERT_EQ(0, link_detach(t->conn.link));
		close(t->conn.link);
		CLIENT_GETS(t->sent, at);
	}
	ASSERT_EQ(0, recv(t->conn.tx, t->got, 1, 0));
	t->conn.rx = socket(AF_INET, SOCK_STREAM, 0);
	t->conn.link = -1;
}

/* Short messages, and long ones, which are copied for the program */
TEST_F(answer, link_id)
{
	LINK("answer", 0, QUEUE);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ASSERT_EQ(0, put(self, ANSWER_ALL, lengths[i]));
		EXPECT_EQ(self->info.id, self->orders->link_id);
		self->orders->link_id = 0;
		CLIENT_GETS(self->t.sent, lengths[i]);
	}
}

TEST_F(answer, inherited)
{
	struct transfer *t = &self->t;
	int listener = stream_listen(variant->kind, 0), link, dev;
	struct timeval patience = { .tv_sec = 20 };

	ASSERT_OK(listener);
	link = link_with(self, listener, "answer", 0, QUEUE);
	ASSERT_OK(link);
	conn_close(&t->conn);
	ASSERT_EQ(0, conn_begin(&t->conn, listener));
	ASSERT_EQ(0, setsockopt(t->conn.tx, SOL_SOCKET, SO_RCVTIMEO, &patience,
				sizeof(patience)));
	message_make(t->sent, ANSWER_IDLE, 100, 0);
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, 100));
	ASSERT_EQ(0, conn_accept(&t->conn, listener));
	CLIENT_GETS(t->sent, 100UL);
	EXPECT_EQ(0, self->orders->seen);
	dev = device_open();
	t->conn.link = link_of_socket(dev, t->conn.rx, &self->info);
	EXPECT_OK(t->conn.link);
	EXPECT_EQ(self->info.id, self->orders->link_id);
	close(dev);
	close(link);
	close(listener);
}

/* ---- To others ------------------------------------------------------------------ */

/* peers_set() - receivers of datagrams, and of streams */
static int peers_set(SELF *self, const char *at, enum flow_kind kind)
{
	struct vnp_map *peers = vnp_object_find_map(self->obj, "peers");
	struct vnp_map *connections = vnp_object_find_map(self->obj, "connections");
	struct timeval patience = { .tv_sec = 20 };
	struct answer_member key = {};
	struct vnp_peer peer;
	int err = 0;

	for (int i = 0; i < RECEIVERS && !err; i++) {
		key.member = i;
		self->receivers[i] = udp_socket(at, 0);
		peer = peer_of(self->receivers[i]);
		err = setsockopt(self->receivers[i], SOL_SOCKET, SO_RCVTIMEO, &patience,
				 sizeof(patience)) ?: vnp_map_update(peers, &key, &peer, 0);
	}
	for (int i = 0; i < CONNS && !err; i++) {
		key.member = i;
		err = conn_open(&self->others[i], kind, 0) ?:
		      vnp_map_update_socket(connections, &key, self->others[i].tx, 0, 0, 0);
	}
	return err;
}

static void peers_close(SELF *self)
{
	for (int i = 0; i < RECEIVERS; i++)
		close(self->receivers[i]);
	for (int i = 0; i < CONNS; i++)
		conn_close(&self->others[i]);
}

static const size_t datagrams[] = { 4, 5, 100, 256, 257, 1400, 5000, 16384, 16385, 65000 };

TEST_F(answer, to_peer)
{
	struct transfer *t = &self->t;

	LINK("answer", 0, 0);
	ASSERT_EQ(0, peers_set(self, address(variant), variant->kind));
	for (size_t i = 0; i < ARRAY_SIZE(datagrams); i++) {
		ASSERT_EQ(0, put(self, SEND_PEER, datagrams[i]));
		ASSERT_EQ(datagrams[i], recv(self->receivers[0], t->got, BUFFER, 0));
		ASSERT_MEM(t->sent, t->got, datagrams[i]);
		/* The copy that is sent does not change with the message. */
		ASSERT_EQ(0, put(self, SEND_PASS, datagrams[i]));
		ASSERT_EQ(datagrams[i], recv(t->conn.rx, t->got, datagrams[i],
					     MSG_WAITALL));
		ASSERT_MEM(t->sent, t->got, datagrams[i]);
		ASSERT_EQ(datagrams[i], recv(self->receivers[0], t->got, BUFFER, 0));
		ASSERT_MEM(t->sent, t->got, datagrams[i]);
	}
	EXPECT_EQ(ARRAY_SIZE(datagrams), self->info.verdicts[VNP_DROP]);
	ASSERT_EQ(0, put(self, SEND_PEER, 65508));
	EXPECT_EQ(-EMSGSIZE, self->orders->ret);
	peers_close(self);
}

TEST_F(answer, to_group)
{
	struct transfer *t = &self->t;

	LINK("answer", 0, 0);
	ASSERT_EQ(0, peers_set(self, address(variant), variant->kind));
	for (size_t i = 0; i < ARRAY_SIZE(datagrams); i++) {
		const size_t len = datagrams[i];

		ASSERT_EQ(0, put(self, SEND_GROUP, len));
		EXPECT_EQ(CONNS, self->orders->ret);
		for (int n = 0; n < RECEIVERS; n++) {
			ASSERT_EQ(len, recv(self->receivers[n], t->got, BUFFER, 0));
			ASSERT_MEM(t->sent, t->got, len);
		}
		for (int n = 0; n < CONNS; n++) {
			ASSERT_EQ(len, recv(self->others[n].rx, t->got, len, MSG_WAITALL));
			ASSERT_MEM(t->sent, t->got, len);
		}
	}
	peers_close(self);
}

/* Many messages in one packet, each to all */
TEST_F(answer, burst)
{
	struct transfer *t = &self->t;
	size_t at = 0, off;
	const int cnt = 100;

	LINK("answer", 0, 0);
	ASSERT_EQ(0, peers_set(self, address(variant), variant->kind));
	for (int i = 0; i < cnt; i++)
		at += message_make(t->sent + at, SEND_GROUP, 10 + i, i);
	ASSERT_EQ(0, put_all(self, at, cnt));
	for (int n = 0; n < RECEIVERS; n++) {
		off = 0;
		for (int i = 0; i < cnt; i++) {
			ASSERT_EQ(10 + i, recv(self->receivers[n], t->got, BUFFER, 0));
			ASSERT_MEM(t->sent + off, t->got, 10 + i);
			off += 10 + i;
		}
	}
	for (int n = 0; n < CONNS; n++) {
		ASSERT_EQ(at, recv(self->others[n].rx, t->got, at, MSG_WAITALL));
		ASSERT_MEM(t->sent, t->got, at);
	}
	peers_close(self);
}

TEST_F(answer, sealed)
{
	struct transfer *t = &self->t;
	struct vnp_key key = { .alg = VNP_KEY_CHACHA20_POLY1305, .key_len = 32 };
	struct vnp_map *keys = vnp_object_find_map(self->obj, "keys");
	const __u32 zero = 0;

	ASSERT_EQ(0, vnp_map_update(keys, &zero, &key, 0));
	LINK("answer", 0, 0);
	ASSERT_EQ(0, peers_set(self, address(variant), variant->kind));
	for (size_t i = 0; i < ARRAY_SIZE(datagrams); i++) {
		const size_t text = datagrams[i] - STREAM_HEADER;

		ASSERT_EQ(0, put(self, SEND_SEALED, datagrams[i]));
		ASSERT_EQ(text + 16, recv(self->receivers[0], t->got, BUFFER, 0));
		if (text > 16)
			EXPECT_NE(-1, mem_differ(t->sent + STREAM_HEADER, t->got, text));
	}
	peers_close(self);
}

/* A map of peers needs a UDP socket, which the link does not have. */
TEST_F(answer, refused)
{
	struct transfer *t = &self->t;

	vnp_object_close(self->obj);
	ASSERT_EQ(0, prepare(self, false));
	EXPECT_EQ(-EOPNOTSUPP, link_with(self, t->conn.rx, "answer", 0, QUEUE));
	EXPECT_EQ(-EINVAL, link_with(self, t->conn.rx, "echo", 0, 100));
	EXPECT_EQ(-EINVAL, link_with(self, t->conn.rx, "echo", 0,
				     VNP_SOCKET_QUEUE_MAX + 1));
	LINK("echo", 0, 5000);
	ASSERT_EQ(0, link_info(t->conn.link, &self->info));
	EXPECT_EQ(8192, self->info.reply_bytes);
}

TEST_HARNESS_MAIN
