// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of streams that a program opens: the reader gets the plaintext of those that are
 * authentic, and nothing of others.  libcrypto makes them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include "harness.h"
#include "net.h"
#include "sealed.h"

#define BUFFER	(4 << 20)

static __u8 text[BUFFER], sent[BUFFER], want[BUFFER], got[BUFFER];

FIXTURE(open) {
	struct conn conn;
	struct vnp_object *obj;
	__u64 number;
	__u64 total;		/* bytes sent */
	size_t len;		/* bytes at sent */
	size_t want_len;
};

FIXTURE_VARIANT(open) {
	enum flow_kind kind;
	__u8 key;
};

FIXTURE_VARIANT_ADD(open, chacha) { FLOW_IP4, SEALED_CHACHA };
FIXTURE_VARIANT_ADD(open, aes) { FLOW_IP6, SEALED_AES };
FIXTURE_VARIANT_ADD(open, mac) { FLOW_MAPPED, SEALED_MAC };

FIXTURE_SETUP(open)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, sealed_load(&self->obj));
	ASSERT_EQ(0, conn_open(&self->conn, variant->kind, 0));
}

FIXTURE_TEARDOWN(open)
{
	conn_close(&self->conn);
	vnp_object_close(self->obj);
}

#define SELF	struct _test_data_open
#define LINK(flags, eof)	\
	ASSERT_EQ(0, sealed_link(self->obj, &self->conn, flags, eof))

/* add() - a message, after those at sent */
static void add(SELF *self, __u8 key, char type, __u8 flags, size_t len)
{
	struct sealed_header header = {
		.type = type, .key = key, .flags = flags, .number = ++self->number,
	};

	fill_random(text, len, self->number);
	self->len += sealed_make(sent + self->len, &header, text, len);
	if (type == MSG_PASS || type == MSG_HOLD)
		self->want_len += sealed_opened(want + self->want_len, &header, text, len);
}

#define ADD(type, flags, len)	add(self, variant->key, type, flags, len)

/* forge() - one bit of the last message is wrong */
static void forge(SELF *self, size_t before_end)
{
	sent[self->len - before_end] ^= 1;
}

/* put() - send what was added, in segments */
static int put(SELF *self, size_t segment)
{
	int err = 0;

	for (size_t at = 0, n; at < self->len && !err; at += n) {
		n = self->len - at < segment ? self->len - at : segment;
		err = conn_put(&self->conn, sent + at, n);
	}
	self->total += self->len;
	self->len = 0;
	return err ?: conn_arrived(&self->conn, self->total);
}

static int quiet(SELF *self)
{
	struct pollfd poll_fd = { .fd = self->conn.rx, .events = POLLIN };
	int bytes = -1;

	return poll(&poll_fd, 1, 0) == 0 && !ioctl(self->conn.rx, FIONREAD, &bytes) && !bytes &&
	       recv(self->conn.rx, got, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* ready() - is what was wanted there, and no more? It is read */
static int ready(SELF *self)
{
	const size_t len = self->want_len;
	ssize_t n = recv(self->conn.rx, got, len, MSG_WAITALL);

	self->want_len = 0;
	return n == (ssize_t)len && mem_differ(want, got, len) == -1 && quiet(self);
}

static void *write_all(void *data)
{
	SELF *self = data;

	return (void *)(long)conn_put(&self->conn, sent, self->len);
}

/* START() - send what was added, more than the buffer has room for unless it is read; FINISH() */
#define START()		ASSERT_EQ(0, pthread_create(&thread, NULL, write_all, self))
#define FINISH()	do {				\
	ASSERT_EQ(0, pthread_join(thread, NULL));	\
	self->total += self->len;			\
	self->len = 0;					\
} while (0)

static __u64 failed(SELF *self)
{
	struct vnp_link_info info = {};

	link_info(self->conn.link, &info);
	return info.errors[VNP_ERROR_AUTH];
}

TEST_F(open, lengths)
{
	LINK(0, 0);
	for (size_t len = 0; len < 100000; len = len * 2 + 3) {
		for (int last = 0; last < 2; last++) {
			ADD(MSG_PASS, last ? 0 : SEALED_F_KEEP, len);
			self->len--;
			ASSERT_EQ(0, put(self, 7000));
			ASSERT_EQ(1, quiet(self));
			sent[0] = sent[sealed_len(variant->key, len) - 1];
			self->len = 1;
			ASSERT_EQ(0, put(self, 1));
			if (len || !last)
				ASSERT_EQ(1, ready(self));
		}
	}
	EXPECT_EQ(0, failed(self));
}

/* Many messages in one packet, and one message in many */
TEST_F(open, segments)
{
	static const size_t segments[] = { 1, 7, 100, 1448, 50000 };

	LINK(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		for (size_t len = 0; len < 200 && self->len < segments[i] * 2000; len++) {
			ADD("PPPHHDP"[len % 7], len % 3 ? 0 : SEALED_F_KEEP, len * 7 % 300);
			if (len % 10 == 9) {
				add(self, variant->key, 'Q', 0, 10);
				forge(self, 1 + len % 30);
			}
		}
		ADD(MSG_PASS, 0, 10);
		ASSERT_EQ(0, put(self, segments[i]));
		ASSERT_EQ(1, ready(self));
	}
}

TEST_F(open, verdicts)
{
	LINK(0, 0);
	for (int i = 0; i < 100; i++) {
		ADD(MSG_HOLD, 0, 10 + i);
		ADD(MSG_DROP, 0, 20 + i);
		ASSERT_EQ(0, put(self, BUFFER));
		ASSERT_EQ(1, quiet(self));
	}
	ADD(MSG_PASS, SEALED_F_EMPTY, 5000);
	ASSERT_EQ(0, put(self, BUFFER));
	ASSERT_EQ(1, ready(self));
	ADD(MSG_PASS, SEALED_F_TRY, 5000);
	ADD(MSG_PASS, SEALED_F_WRITE, 5000);
	ADD(MSG_PASS, SEALED_F_EMPTY | SEALED_F_KEEP, 5000);
	ADD(MSG_LAST, 0, 5000);	/* whose last byte is any: it is passed */
	memcpy(want + self->want_len, text, 5000);
	self->want_len += 5000;
	ASSERT_EQ(0, put(self, BUFFER));
	ASSERT_EQ(1, ready(self));
	EXPECT_EQ(0, sock_rmem(self->conn.rx));
}

/* Each byte of a message counts: header, text, tag. */
TEST_F(open, forged)
{
	const size_t len = sealed_len(variant->key, 40);

	LINK(VNP_LINK_F_FAULT_PASS, VNP_EOF_DELIVER);
	for (size_t i = 0; i < len; i++) {
		/* not length, key and flags: with other values the program does something else */
		if (i < 8)
			continue;
		ADD(MSG_HOLD, 0, 30);
		add(self, variant->key, 'Q', 0, 40);
		forge(self, len - i);
		ASSERT_EQ(0, put(self, BUFFER));
		ASSERT_EQ(1, quiet(self));
	}
	add(self, variant->key, 'Q', SEALED_F_FAULT, 40);
	ASSERT_EQ(0, put(self, BUFFER));
	ADD(MSG_PASS, 0, 30);
	ASSERT_EQ(0, put(self, BUFFER));
	ASSERT_EQ(1, ready(self));
	EXPECT_EQ(len - 8, failed(self));
	/* The beginning of a message is not authentic. */
	ADD(MSG_PASS, 0, 100);
	self->len -= 50;
	ASSERT_EQ(0, put(self, BUFFER));
	ASSERT_EQ(0, shutdown(self->conn.tx, SHUT_WR));
	EXPECT_EQ(0, recv(self->conn.rx, got, 100, 0));
}

/* No bytes are passed where there is no message, if messages are authenticated. */
TEST_F(open, no_message)
{
	LINK(VNP_LINK_F_STREAM_PASS, 0);
	ADD(MSG_PASS, 0, 30);
	ADD(MSG_NONE, 0, 30);
	ASSERT_EQ(0, put(self, BUFFER));
	ASSERT_EQ(30, recv(self->conn.rx, got, 1000, 0));
	ASSERT_EQ(-1, recv(self->conn.rx, got, 1000, 0));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(open, forged_ends)
{
	struct pollfd poll_fd = { .fd = self->conn.rx, .events = POLLIN };
	static const size_t lens[] = { 40, 100000 };
	pthread_t thread;

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		if (i) {
			conn_close(&self->conn);
			ASSERT_EQ(0, conn_open(&self->conn, variant->kind, 0));
			self->total = 0;
		}
		LINK(VNP_LINK_F_FORGED_END, 0);
		ADD(MSG_PASS, 0, 30);
		ADD(MSG_HOLD, 0, 40);
		add(self, variant->key, 'Q', 0, lens[i]);
		forge(self, 1);
		add(self, variant->key, 'Q', 0, 50);
		START();
		ASSERT_EQ(70, recv(self->conn.rx, got, 70, MSG_WAITALL));
		EXPECT_MEM(want, got, 70);
		for (int again = 0; again < 2; again++) {
			ASSERT_EQ(1, poll(&poll_fd, 1, 10000));
			ASSERT_EQ(-1, recv(self->conn.rx, got, 1000, 0));
			EXPECT_EQ(EBADMSG, errno);
		}
		FINISH();
		EXPECT_EQ(1, failed(self));
		self->want_len = 0;
	}
}

/* Connections inherit the programs, and what happens to forged messages, from a listening socket. */
TEST_F(open, inherited)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct conn listening = { .tx = -1 };
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listening.rx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(listening.rx, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, listen(listening.rx, 1));
	ASSERT_EQ(0, getsockname(listening.rx, (struct sockaddr *)&addr, &len));
	ASSERT_EQ(0, sealed_link(self->obj, &listening, VNP_LINK_F_FORGED_END, 0));
	conn_close(&self->conn);
	self->conn = (struct conn){ .link = -1 };
	self->conn.tx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, connect(self->conn.tx, (struct sockaddr *)&addr, len));
	ADD(MSG_PASS, 0, 30);
	add(self, variant->key, 'Q', 0, 40);
	forge(self, 1);
	ASSERT_EQ(0, conn_put(&self->conn, sent, self->len));
	self->conn.rx = accept4(listening.rx, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_OK(self->conn.rx);
	ASSERT_EQ(30, recv(self->conn.rx, got, 100, 0));
	EXPECT_MEM(want, got, 30);
	ASSERT_EQ(-1, recv(self->conn.rx, got, 100, 0));
	EXPECT_EQ(EBADMSG, errno);
	conn_close(&listening);
}

/* The worker opens them. */
TEST_F(open, large)
{
	pthread_t thread;

	LINK(0, 0);
	for (size_t len = 16300; len < 1900000; len = len * 2 + len / 3) {
		ADD(MSG_HOLD, 0, 10);
		ADD(MSG_PASS, len % 2 ? 0 : SEALED_F_KEEP, len);
		ADD(MSG_DROP, 0, 10);
		add(self, variant->key, 'Q', 0, len / 3);
		forge(self, len / 4);
		ADD(MSG_PASS, 0, 10);
		START();
		ASSERT_EQ(1, ready(self));
		FINISH();
	}
	EXPECT_EQ(0, sock_rmem(self->conn.rx));
}

/*
 * What is sent from a file shares the file's pages, all the way to the receiver on lo: opening a
 * message must not change them.
 */
TEST_F(open, shared)
{
	int fd = memfd_create("messages", MFD_CLOEXEC);
	off_t at = 0;

	LINK(0, 0);
	for (int i = 0; i < 5; i++)
		ADD(MSG_PASS, SEALED_F_WRITE, 7000 + 3000 * i);
	ASSERT_EQ(self->len, write(fd, sent, self->len));
	while ((size_t)at < self->len)
		ASSERT_LT(0, sendfile(self->conn.tx, fd, &at, self->len - at));
	ASSERT_EQ(1, ready(self));
	ASSERT_EQ(self->len, pread(fd, got, BUFFER, 0));
	EXPECT_MEM(sent, got, self->len);
	close(fd);
}

/*
 * An urgent byte in a message that is opened is one like others: it is neither delivered before the
 * message was authenticated, nor missing in it.
 */
TEST_F(open, urgent)
{
	size_t half;

	LINK(0, 0);
	for (int i = 1; i <= 3; i++) {
		ADD(MSG_PASS, 0, 100);
		half = self->len / 4 * i;
		ASSERT_EQ(0, conn_put(&self->conn, sent, half));
		ASSERT_EQ(1, send(self->conn.tx, sent + half, 1, MSG_OOB));
		ASSERT_EQ(0, conn_arrived(&self->conn, self->total + half + 1));
		ASSERT_EQ(-1, recv(self->conn.rx, got, 1, MSG_OOB));
		EXPECT_EQ(EINVAL, errno);
		ASSERT_EQ(0, conn_put(&self->conn, sent + half + 1, self->len - half - 1));
		self->total += self->len;
		self->len = 0;
		ASSERT_EQ(0, conn_arrived(&self->conn, self->total));
		ASSERT_EQ(1, ready(self));
	}
}

/*
 * What is no message was passed on, and then the program is replaced by one that authenticates:
 * what arrives afterwards is not passed.
 */
TEST_F(open, passed_on_before)
{
	int dev = device_open(), stream, message;

	ASSERT_OK(dev);
	ASSERT_EQ(0, stream_progs(dev, &stream, &message));
	ASSERT_EQ(0, conn_link_to(&self->conn, dev, stream, message, VNP_LINK_F_STREAM_PASS, 0));
	message_make(sent, MSG_NONE, 100, 1);
	ASSERT_EQ(0, conn_put(&self->conn, sent, 100));
	ASSERT_EQ(100, recv(self->conn.rx, got, 100, MSG_WAITALL));
	EXPECT_MEM(sent, got, 100);
	ASSERT_EQ(0, link_update(self->conn.link, object_prog(self->obj, "decide"), -1));
	ASSERT_EQ(0, conn_put(&self->conn, sent, 100));
	ASSERT_EQ(0, conn_arrived(&self->conn, 200));
	ASSERT_EQ(-1, recv(self->conn.rx, got, 100, 0));
	EXPECT_EQ(EPROTO, errno);
	close(message);
	close(stream);
	close(dev);
}

TEST_F(open, peek)
{
	LINK(0, 0);
	ADD(MSG_PASS, 0, 100);
	ADD(MSG_HOLD, 0, 200);
	ADD(MSG_PASS, 0, 300);
	ADD(MSG_HOLD, 0, 400);
	ASSERT_EQ(0, put(self, BUFFER));
	ASSERT_EQ(600, recv(self->conn.rx, got, sizeof(got), MSG_PEEK));
	EXPECT_MEM(want, got, 600);
	ASSERT_EQ(50, recv(self->conn.rx, got, 50, 0));
	ASSERT_EQ(550, recv(self->conn.rx, got, sizeof(got), MSG_PEEK));
	EXPECT_MEM(want + 50, got, 550);
	ASSERT_EQ(550, recv(self->conn.rx, got, sizeof(got), 0));
	EXPECT_MEM(want + 50, got, 550);
	EXPECT_EQ(1, quiet(self));
}

/* After the link what was opened is read as plaintext, and the rest as it was sent. */
TEST_F(open, detached)
{
	struct vnp_link_info info;

	LINK(0, 0);
	for (size_t len = 100; len < 60000; len *= 3) {
		ADD(MSG_HOLD, 0, len);
		ADD(MSG_DROP, 0, 100);
		ASSERT_EQ(0, put(self, BUFFER));
		ASSERT_EQ(0, link_settle(self->conn.link, 2, &info));
		ADD(MSG_PASS, 0, 100);
		self->len -= 20;
		self->want_len -= 100;
		memcpy(want + self->want_len, sent, self->len);
		self->want_len += self->len;
		ASSERT_EQ(0, put(self, BUFFER));
		ASSERT_EQ(0, link_detach(self->conn.link));
		ASSERT_EQ(1, ready(self));
		close(self->conn.link);
		LINK(0, 0);
	}
}

/* The link, or the connection, ends while the worker executes. */
TEST_F(open, ends)
{
	const size_t len = 1000000;
	pthread_t thread;
	ssize_t n;

	for (int i = 0; i < 20; i++) {
		if (i) {
			conn_close(&self->conn);
			ASSERT_EQ(0, conn_open(&self->conn, variant->kind, 0));
		}
		self->len = 0;
		self->want_len = 0;
		LINK(0, 0);
		ADD(MSG_PASS, 0, len);
		START();
		ASSERT_EQ(0, conn_arrived(&self->conn, self->len));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		for (int spin = 0; spin < i * 10; spin++)
			link_info(self->conn.link, &(struct vnp_link_info){});
		if (i % 2) {
			shutdown(self->conn.rx, SHUT_RDWR);
			continue;
		}
		ASSERT_EQ(0, link_detach(self->conn.link));
		n = recv(self->conn.rx, got, BUFFER, MSG_DONTWAIT);
		/* either as it was or opened, but nothing else */
		if (n == (ssize_t)len) {
			EXPECT_MEM(want, got, len);
		} else {
			ASSERT_EQ(self->len, n);
			EXPECT_MEM(sent, got, self->len);
		}
	}
}

#define SHARE	"/sys/module/vnp/parameters/softirq_share"
#define BURST	"/sys/module/vnp/parameters/softirq_burst_us"

/* What was not executed, as the account was empty, is executed although nothing else arrives. */
TEST_F(open, throttled)
{
	static const size_t lens[] = { 1000, 30000 };
	char share[16], burst[16];

	if (!as_root())
		SKIP(return, "only root can change the share");
	ASSERT_LT(0, read_text(SHARE, share, sizeof(share)));
	ASSERT_LT(0, read_text(BURST, burst, sizeof(burst)));
	LINK(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		/* The window is not opened for it either: the message is shorter than it is. */
		ASSERT_OK(write_text(BURST, "0"));
		ASSERT_OK(write_text(SHARE, "0"));
		ADD(MSG_PASS, 0, lens[i]);
		EXPECT_EQ(0, put(self, BUFFER));
		EXPECT_EQ(1, quiet(self));
		EXPECT_OK(write_text(SHARE, share));
		EXPECT_OK(write_text(BURST, burst));
		EXPECT_EQ(1, ready(self));
	}
}

TEST_HARNESS_MAIN
