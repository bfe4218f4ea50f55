// SPDX-License-Identifier: GPL-2.0
/* VNP_LINK_F_BOUNDARIES: a read returns bytes of one message at most, and says where it ends. */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "harness.h"
#include "transfer.h"

#define BUFFER		(1 << 20)
#define MESSAGES	4000

/* @ends: where the messages that are wanted end in what is wanted, of which @done was read */
FIXTURE(bounds) {
	struct transfer t;
	size_t done;
	size_t ends[MESSAGES];
	size_t cnt;
	size_t next;
};

FIXTURE_VARIANT(bounds) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(bounds, ip4) { .kind = FLOW_IP4 };
FIXTURE_VARIANT_ADD(bounds, ip6) { .kind = FLOW_IP6 };

#define SELF	struct _test_data_bounds
#define LINK(flags, eof)	\
	ASSERT_EQ(0, conn_link(&self->t.conn, VNP_LINK_F_BOUNDARIES | (flags), eof))

FIXTURE_SETUP(bounds)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, transfer_open(&self->t, variant->kind, BUFFER));
}

FIXTURE_TEARDOWN(bounds)
{
	transfer_close(&self->t);
}

/* add() - transfer_add(), and remember where the message ends */
static void add(SELF *self, char type, size_t len)
{
	transfer_add(&self->t, type, len);
	if (transfer_is_read(type))
		self->ends[self->cnt++] = self->t.want_len;
}

static int put(SELF *self, char type, size_t len)
{
	add(self, type, len);
	return transfer_send(&self->t);
}

/* read_some() - up to @len bytes; *@flags: as of recvmsg(), in and out; *@ready: VNP_CM_MESSAGES */
static ssize_t read_some(SELF *self, size_t len, int *flags, int *ready)
{
	union {
		struct cmsghdr head;
		char bytes[256];
	} control;
	struct iovec vec = { self->t.got, len };
	struct msghdr msg = {
		.msg_iov = &vec, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(self->t.conn.rx, &msg, *flags);
	struct cmsghdr *cmsg;

	*ready = -1;
	*flags = msg.msg_flags;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == IPPROTO_TCP && cmsg->cmsg_type == VNP_CM_MESSAGES)
			memcpy(ready, CMSG_DATA(cmsg), sizeof(*ready));
	return n;
}

/* READ_ONE() - the next message, with a longer buffer; @left: how many are ready then */
#define READ_ONE(left) do {								\
	const size_t ___len = self->ends[self->next] - self->done;			\
	int ___flags = 0, ___ready;							\
											\
	ASSERT_EQ(___len, read_some(self, ___len + 1000, &___flags, &___ready));	\
	ASSERT_MEM(self->t.want + self->done, self->t.got, ___len);			\
	ASSERT_EQ(MSG_EOR, ___flags & (MSG_EOR | MSG_TRUNC));				\
	ASSERT_EQ(left, ___ready);							\
	self->done += ___len;								\
	self->next++;									\
} while (0)

static int inq(SELF *self)
{
	int bytes = -1;

	return ioctl(self->t.conn.rx, FIONREAD, &bytes) ? -1 : bytes;
}

static int ready_messages(SELF *self)
{
	struct vnp_link_info info;

	return link_info(self->t.conn.link, &info) ? -1 : (int)info.ready_messages;
}

#define COUNT()	ASSERT_EQ(0, sock_set(self->t.conn.rx, IPPROTO_TCP, TCP_INQ, 1))

TEST_F(bounds, each)
{
	struct transfer *t = &self->t;
	static const char types[] = { MSG_PASS, MSG_DROP, MSG_HOLD, MSG_HOLD, MSG_DROP, MSG_PASS };
	size_t cnt = 0;

	LINK(0, 0);
	COUNT();
	for (size_t len = STREAM_HEADER; len < 30000; len = len * 2 + 1)
		add(self, types[cnt++ % ARRAY_SIZE(types)], len);
	add(self, MSG_PASS, 100);
	ASSERT_EQ(0, transfer_send(t));
	EXPECT_EQ(t->want_len, inq(self));
	EXPECT_EQ(self->cnt, ready_messages(self));
	while (self->next < self->cnt)
		READ_ONE(self->cnt - self->next - 1);
	EXPECT_EQ(1, transfer_quiet(t));
	EXPECT_EQ(0, ready_messages(self));
}

/* Held messages are ready together, and read one by one. */
TEST_F(bounds, held)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	COUNT();
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, put(self, MSG_HOLD, 50 + i));
		EXPECT_EQ(1, transfer_quiet(t));
		EXPECT_EQ(0, ready_messages(self));
	}
	ASSERT_EQ(0, put(self, MSG_PASS, 10));
	ASSERT_EQ(0, put(self, MSG_HOLD, 10));
	for (int i = 5; i >= 0; i--)
		READ_ONE(i);
	EXPECT_EQ(1, transfer_quiet(t));
}

TEST_F(bounds, short_buffer)
{
	struct transfer *t = &self->t;
	int flags, ready;

	LINK(0, 0);
	COUNT();
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(0, put(self, MSG_PASS, 20));
	for (int done = 0; done < 100; done += 30) {
		const int len = done < 90 ? 30 : 10;

		flags = 0;
		ASSERT_EQ(len, read_some(self, 30, &flags, &ready));
		ASSERT_MEM(t->want + done, t->got, len);
		EXPECT_EQ(done < 90 ? 0 : MSG_EOR, flags & (MSG_EOR | MSG_TRUNC));
		EXPECT_EQ(done < 90 ? 2 : 1, ready);
		EXPECT_EQ(120 - done - len, inq(self));
	}
	self->done = 100;
	self->next = 1;
	READ_ONE(0);
}

TEST_F(bounds, peek)
{
	struct transfer *t = &self->t;
	int flags, ready;

	LINK(0, 0);
	ASSERT_EQ(0, put(self, MSG_DROP, 50));
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(0, put(self, MSG_DROP, 50));
	ASSERT_EQ(0, put(self, MSG_PASS, 200));
	for (int i = 0; i < 2; i++) {
		flags = MSG_PEEK | (i ? MSG_WAITALL : 0);
		ASSERT_EQ(100, read_some(self, 1000, &flags, &ready));
		ASSERT_MEM(t->want, t->got, 100);
		EXPECT_EQ(MSG_EOR, flags & MSG_EOR);
		EXPECT_EQ(-1, ready);
	}
	flags = MSG_PEEK;
	ASSERT_EQ(60, read_some(self, 60, &flags, &ready));
	EXPECT_EQ(0, flags & MSG_EOR);
	READ_ONE(-1);
	READ_ONE(-1);
	EXPECT_EQ(1, transfer_quiet(t));
}

/* It does not reach the next message. */
TEST_F(bounds, peek_off)
{
	struct transfer *t = &self->t;
	int flags, ready;

	LINK(0, 0);
	if (sock_set(t->conn.rx, SOL_SOCKET, SO_PEEK_OFF, 30))
		SKIP(return, "TCP has no SO_PEEK_OFF");
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(0, put(self, MSG_PASS, 200));
	flags = MSG_PEEK;
	ASSERT_EQ(70, read_some(self, 1000, &flags, &ready));
	EXPECT_EQ(MSG_EOR, flags & MSG_EOR);
	flags = MSG_PEEK | MSG_DONTWAIT;
	EXPECT_EQ(-1, read_some(self, 1000, &flags, &ready));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_PEEK_OFF, -1));
	READ_ONE(-1);
	READ_ONE(-1);
	EXPECT_EQ(1, transfer_quiet(t));
}

TEST_F(bounds, wait_all)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(0, put(self, MSG_PASS, 200));
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 1000, MSG_WAITALL));
	ASSERT_EQ(150, recv(t->conn.rx, t->got, 150, MSG_WAITALL));
	ASSERT_EQ(50, recv(t->conn.rx, t->got, 150, MSG_WAITALL));
	ASSERT_MEM(t->want + 250, t->got, 50);
}

TEST_F(bounds, low_water)
{
	struct transfer *t = &self->t;
	struct pollfd poll_fd = { .fd = t->conn.rx, .events = POLLIN };

	LINK(0, 0);
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 100));
	ASSERT_EQ(0, put(self, MSG_PASS, 60));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, put(self, MSG_PASS, 60));
	EXPECT_EQ(1, poll(&poll_fd, 1, 10000));
	READ_ONE(-1);
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	READ_ONE(-1);
}

TEST_F(bounds, splice)
{
	struct transfer *t = &self->t;
	int pipes[2];

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	LINK(0, 0);
	ASSERT_EQ(0, put(self, MSG_PASS, 3000));
	ASSERT_EQ(0, put(self, MSG_PASS, 4000));
	for (int done = 0; done < 3000;) {
		int n = splice(t->conn.rx, NULL, pipes[1], NULL, 1 << 16, 0);

		ASSERT_LT(0, n);
		ASSERT_LE(n, 3000 - done);
		ASSERT_EQ(n, read(pipes[0], t->got, n));
		ASSERT_MEM(t->want + done, t->got, n);
		done += n;
	}
	self->done = 3000;
	self->next = 1;
	READ_ONE(-1);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(bounds, several_calls)
{
	struct transfer *t = &self->t;
	struct iovec vecs[5];
	struct mmsghdr msgs[5] = {};
	const int lens[] = { 50, 4, 700 };

	LINK(0, 0);
	for (int i = 0; i < 5; i++) {
		vecs[i] = (struct iovec){ t->got + i * 1000, 1000 };
		msgs[i].msg_hdr.msg_iov = &vecs[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, put(self, MSG_PASS, lens[i]));
	ASSERT_EQ(3, recvmmsg(t->conn.rx, msgs, 5, MSG_DONTWAIT, NULL));
	for (int i = 0, at = 0; i < 3; at += lens[i++]) {
		EXPECT_EQ(lens[i], msgs[i].msg_len);
		EXPECT_EQ(MSG_EOR, msgs[i].msg_hdr.msg_flags & MSG_EOR);
		EXPECT_MEM(t->want + at, t->got + i * 1000, lens[i]);
	}
}

/* More than are remembered: the others follow as the application reads, and nothing is evicted. */
TEST_F(bounds, many)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	LINK(0, 0);
	for (int i = 0; i < 3000; i++)
		add(self, i % 3 ? MSG_PASS : MSG_DROP, 4 + i % 5);
	ASSERT_EQ(0, transfer_send(t));
	while (ready_messages(self) > 0) {
		EXPECT_GE(VNP_BOUNDARIES_MAX, ready_messages(self));
		for (int i = ready_messages(self); i; i--)
			READ_ONE(-1);
	}
	ASSERT_EQ(2000, self->next);
	ASSERT_EQ(0, link_info(t->conn.link, &info));
	EXPECT_EQ(3000, info.packets);
	EXPECT_EQ(0, info.errors[VNP_ERROR_EVICTED]);
	EXPECT_EQ(1, transfer_quiet(t));
}

TEST_F(bounds, many_held)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	LINK(0, VNP_EOF_DROP);
	for (int i = 0; i < 3000; i++)
		add(self, MSG_HOLD, 4 + i % 5);
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(0, shutdown(t->conn.tx, SHUT_WR));
	while (self->next < self->cnt)
		READ_ONE(-1);
	ASSERT_EQ(0, recv(t->conn.rx, t->got, 1, 0));
	ASSERT_EQ(0, link_info(t->conn.link, &info));
	EXPECT_LT(0, info.errors[VNP_ERROR_EVICTED]);
}

/* What is not a message has no end. */
TEST_F(bounds, truncated)
{
	struct transfer *t = &self->t;
	int flags = 0, ready;

	LINK(0, VNP_EOF_DELIVER);
	add(self, MSG_HOLD, 50);
	add(self, MSG_PASS, 100);
	t->len -= 40;
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(0, shutdown(t->conn.tx, SHUT_WR));
	READ_ONE(-1);
	ASSERT_EQ(60, read_some(self, 1000, &flags, &ready));
	ASSERT_MEM(t->want + 50, t->got, 60);
	EXPECT_EQ(0, flags & MSG_EOR);
	ASSERT_EQ(0, recv(t->conn.rx, t->got, 1000, 0));
}

TEST_F(bounds, pass_all)
{
	struct transfer *t = &self->t;
	int flags = 0, ready;

	LINK(VNP_LINK_F_STREAM_PASS, 0);
	add(self, MSG_PASS, 50);
	add(self, MSG_NONE, 70);
	add(self, MSG_PASS, 80);
	ASSERT_EQ(0, transfer_send(t));
	READ_ONE(-1);
	ASSERT_EQ(150, read_some(self, 1000, &flags, &ready));
	ASSERT_MEM(t->sent + 50, t->got, 150);
	EXPECT_EQ(0, flags & MSG_EOR);
}

TEST_F(bounds, too_long)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVBUF, 32768));
	LINK(0, 0);
	ASSERT_EQ(0, put(self, MSG_HOLD, 1000));
	ASSERT_EQ(0, put(self, MSG_HOLD, 500));
	message_make(t->sent, MSG_DROP, 30000, 1);
	t->len = 1000;
	ASSERT_EQ(0, transfer_send(t));
	READ_ONE(-1);
	READ_ONE(-1);
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_EQ(EMSGSIZE, errno);
}

/* A read stops at an urgent byte, and skips it; so it can be the last of a message. */
TEST_F(bounds, urgent)
{
	struct transfer *t = &self->t;
	int flags, ready;
	__u8 byte;

	LINK(0, 0);
	for (int at = 1; at <= 10; at++) {
		message_make(t->sent, MSG_PASS, 10, at);
		ASSERT_EQ(at, send(t->conn.tx, t->sent, at, MSG_OOB));
		ASSERT_EQ(0, conn_put(&t->conn, t->sent + at, 10 - at));
		message_make(t->sent + 10, MSG_PASS, 20, at);
		ASSERT_EQ(0, conn_put(&t->conn, t->sent + 10, 20));
		t->total += 30;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		/* TCP forgets it when it was passed. */
		ASSERT_EQ(1, recv(t->conn.rx, &byte, 1, MSG_OOB));
		EXPECT_EQ(t->sent[at - 1], byte);
		for (int done = 0; done < 9;) {
			flags = 0;
			int n = read_some(self, 100, &flags, &ready);

			ASSERT_LT(0, n);
			done += n;
			ASSERT_LE(done, 9);
			EXPECT_EQ(done == 9 ? MSG_EOR : 0, flags & MSG_EOR);
		}
		flags = 0;
		ASSERT_EQ(20, read_some(self, 100, &flags, &ready));
		ASSERT_MEM(t->sent + 10, t->got, 20);
		EXPECT_EQ(MSG_EOR, flags & MSG_EOR);
	}
}

TEST_F(bounds, detach)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(0, put(self, MSG_DROP, 100));
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(10, recv(t->conn.rx, t->got, 10, 0));
	ASSERT_EQ(0, link_detach(t->conn.link));
	ASSERT_EQ(190, recv(t->conn.rx, t->got, 1000, 0));
	ASSERT_MEM(t->want + 10, t->got, 190);
	EXPECT_EQ(0, ready_messages(self));
}

/* Connections that are accepted have it, too. */
TEST_F(bounds, inherited)
{
	struct transfer *t = &self->t;
	int listener = stream_listen(variant->kind, 0), link;

	ASSERT_OK(listener);
	link = stream_link(listener, VNP_LINK_F_BOUNDARIES, 0);
	ASSERT_OK(link);
	conn_close(&t->conn);
	ASSERT_EQ(0, conn_begin(&t->conn, listener));
	ASSERT_EQ(0, conn_accept(&t->conn, listener));
	COUNT();
	ASSERT_EQ(0, put(self, MSG_PASS, 100));
	ASSERT_EQ(0, put(self, MSG_PASS, 50));
	READ_ONE(1);
	READ_ONE(0);
	close(link);
	close(listener);
}

TEST(refused)
{
	int dev = device_open(), prog = prog_verdict(dev, VNP_PASS);
	int sock = udp_socket("127.0.0.1", 0);

	ASSERT_OK(prog);
	EXPECT_EQ(-EINVAL, link_create(dev, prog, sock, VNP_LINK_F_BOUNDARIES));
	EXPECT_EQ(-EINVAL, link_create(dev, prog, sock, VNP_LINK_F_REPLY_RESET));
}

TEST_HARNESS_MAIN
