// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of streams that a program opens: the reader gets the plaintext of those that are
 * authentic, and nothing of others.  libcrypto makes them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include "harness.h"
#include "sealed.h"
#include "transfer.h"

#define BUFFER	(4 << 20)

static __u8 text[BUFFER];

FIXTURE(open) {
	struct transfer t;
	struct vnp_object *obj;
	__u64 number;
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
	ASSERT_EQ(0, transfer_open(&self->t, variant->kind, BUFFER));
}

FIXTURE_TEARDOWN(open)
{
	transfer_close(&self->t);
	vnp_object_close(self->obj);
}

#define SELF	struct _test_data_open
#define LINK(flags, eof)	\
	ASSERT_EQ(0, sealed_link(self->obj, &self->t.conn, flags, eof))

/* add() - a message, after those at sent */
static void add(SELF *self, __u8 key, char type, __u8 flags, size_t len)
{
	struct transfer *t = &self->t;
	struct sealed_header header = {
		.type = type, .key = key, .flags = flags, .number = ++self->number,
	};

	fill_random(text, len, self->number);
	t->len += sealed_make(t->sent + t->len, &header, text, len);
	if (transfer_is_read(type))
		t->want_len += sealed_opened(t->want + t->want_len, &header, text, len);
}

#define ADD(type, flags, len)	add(self, variant->key, type, flags, len)

/* forge() - one bit of the last message is wrong */
static void forge(struct transfer *t, size_t before_end)
{
	t->sent[t->len - before_end] ^= 1;
}

static __u64 failed(SELF *self)
{
	struct vnp_link_info info = {};

	link_info(self->t.conn.link, &info);
	return info.errors[VNP_ERROR_AUTH];
}

TEST_F(open, lengths)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	for (size_t len = 0; len < 100000; len = len * 2 + 3) {
		for (int last = 0; last < 2; last++) {
			ADD(MSG_PASS, last ? 0 : SEALED_F_KEEP, len);
			t->len--;
			ASSERT_EQ(0, transfer_segments(t, 7000));
			ASSERT_EQ(1, transfer_quiet(t));
			t->sent[0] = t->sent[sealed_len(variant->key, len) - 1];
			t->len = 1;
			ASSERT_EQ(0, transfer_segments(t, 1));
			if (len || !last)
				ASSERT_EQ(1, transfer_read(t));
		}
	}
	EXPECT_EQ(0, failed(self));
}

/* Many messages in one packet, and one message in many */
TEST_F(open, segments)
{
	struct transfer *t = &self->t;
	static const size_t segments[] = { 1, 7, 100, 1448, 50000 };

	LINK(0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		for (size_t len = 0; len < 200 && t->len < segments[i] * 2000; len++) {
			ADD("PPPHHDP"[len % 7], len % 3 ? 0 : SEALED_F_KEEP, len * 7 % 300);
			if (len % 10 == 9) {
				add(self, variant->key, 'Q', 0, 10);
				forge(t, 1 + len % 30);
			}
		}
		ADD(MSG_PASS, 0, 10);
		ASSERT_EQ(0, transfer_segments(t, segments[i]));
		ASSERT_EQ(1, transfer_read(t));
	}
}

TEST_F(open, verdicts)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	for (int i = 0; i < 100; i++) {
		ADD(MSG_HOLD, 0, 10 + i);
		ADD(MSG_DROP, 0, 20 + i);
		ASSERT_EQ(0, transfer_send(t));
		ASSERT_EQ(1, transfer_quiet(t));
	}
	ADD(MSG_PASS, SEALED_F_EMPTY, 5000);
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(1, transfer_read(t));
	ADD(MSG_PASS, SEALED_F_TRY, 5000);
	ADD(MSG_PASS, SEALED_F_WRITE, 5000);
	ADD(MSG_PASS, SEALED_F_EMPTY | SEALED_F_KEEP, 5000);
	ADD(MSG_LAST, 0, 5000);	/* whose last byte is any: it is passed */
	transfer_want(t, text, 5000);
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(1, transfer_read(t));
	EXPECT_EQ(0, sock_rmem(t->conn.rx));
}

/* Each byte of a message counts: header, text, tag. */
TEST_F(open, forged)
{
	struct transfer *t = &self->t;
	const size_t len = sealed_len(variant->key, 40);

	LINK(VNP_LINK_F_FAULT_PASS, VNP_EOF_DELIVER);
	for (size_t i = 0; i < len; i++) {
		/* not length, key and flags: with other values the program does something else */
		if (i < 8)
			continue;
		ADD(MSG_HOLD, 0, 30);
		add(self, variant->key, 'Q', 0, 40);
		forge(t, len - i);
		ASSERT_EQ(0, transfer_send(t));
		ASSERT_EQ(1, transfer_quiet(t));
	}
	add(self, variant->key, 'Q', SEALED_F_FAULT, 40);
	ASSERT_EQ(0, transfer_send(t));
	ADD(MSG_PASS, 0, 30);
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(1, transfer_read(t));
	EXPECT_EQ(len - 8, failed(self));
	/* The beginning of a message is not authentic. */
	ADD(MSG_PASS, 0, 100);
	t->len -= 50;
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(0, shutdown(t->conn.tx, SHUT_WR));
	EXPECT_EQ(0, recv(t->conn.rx, t->got, 100, 0));
}

/* No bytes are passed where there is no message, if messages are authenticated. */
TEST_F(open, no_message)
{
	struct transfer *t = &self->t;

	LINK(VNP_LINK_F_STREAM_PASS, 0);
	ADD(MSG_PASS, 0, 30);
	ADD(MSG_NONE, 0, 30);
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(30, recv(t->conn.rx, t->got, 1000, 0));
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, 1000, 0));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(open, forged_ends)
{
	struct transfer *t = &self->t;
	struct pollfd poll_fd = { .fd = t->conn.rx, .events = POLLIN };
	static const size_t lens[] = { 40, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		if (i)
			ASSERT_EQ(0, transfer_reopen(t, variant->kind));
		LINK(VNP_LINK_F_FORGED_END, 0);
		ADD(MSG_PASS, 0, 30);
		ADD(MSG_HOLD, 0, 40);
		add(self, variant->key, 'Q', 0, lens[i]);
		forge(t, 1);
		add(self, variant->key, 'Q', 0, 50);
		ASSERT_EQ(0, transfer_start(t));
		ASSERT_EQ(70, recv(t->conn.rx, t->got, 70, MSG_WAITALL));
		EXPECT_MEM(t->want, t->got, 70);
		for (int again = 0; again < 2; again++) {
			ASSERT_EQ(1, poll(&poll_fd, 1, 10000));
			ASSERT_EQ(-1, recv(t->conn.rx, t->got, 1000, 0));
			EXPECT_EQ(EBADMSG, errno);
		}
		ASSERT_EQ(0, transfer_finish(t));
		EXPECT_EQ(1, failed(self));
		t->want_len = 0;
	}
}

/* Connections inherit the programs, and what happens to forged messages, from a listening socket. */
TEST_F(open, inherited)
{
	struct transfer *t = &self->t;
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct conn listening = { .tx = -1 };
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listening.rx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, bind(listening.rx, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, listen(listening.rx, 1));
	ASSERT_EQ(0, getsockname(listening.rx, (struct sockaddr *)&addr, &len));
	ASSERT_EQ(0, sealed_link(self->obj, &listening, VNP_LINK_F_FORGED_END, 0));
	conn_close(&t->conn);
	t->conn = (struct conn){ .link = -1 };
	t->conn.tx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(0, connect(t->conn.tx, (struct sockaddr *)&addr, len));
	ADD(MSG_PASS, 0, 30);
	add(self, variant->key, 'Q', 0, 40);
	forge(t, 1);
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, t->len));
	t->conn.rx = accept4(listening.rx, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_OK(t->conn.rx);
	ASSERT_EQ(30, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_MEM(t->want, t->got, 30);
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_EQ(EBADMSG, errno);
	conn_close(&listening);
}

/* The worker opens them. */
TEST_F(open, large)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	for (size_t len = 16300; len < 1900000; len = len * 2 + len / 3) {
		ADD(MSG_HOLD, 0, 10);
		ADD(MSG_PASS, len % 2 ? 0 : SEALED_F_KEEP, len);
		ADD(MSG_DROP, 0, 10);
		add(self, variant->key, 'Q', 0, len / 3);
		forge(t, len / 4);
		ADD(MSG_PASS, 0, 10);
		ASSERT_EQ(0, transfer_start(t));
		ASSERT_EQ(1, transfer_read(t));
		ASSERT_EQ(0, transfer_finish(t));
	}
	EXPECT_EQ(0, sock_rmem(t->conn.rx));
}

/*
 * What is sent from a file shares the file's pages, all the way to the receiver on lo: opening a
 * message must not change them.
 */
TEST_F(open, shared)
{
	struct transfer *t = &self->t;
	int fd = memfd_create("messages", MFD_CLOEXEC);
	off_t at = 0;

	LINK(0, 0);
	for (int i = 0; i < 5; i++)
		ADD(MSG_PASS, SEALED_F_WRITE, 7000 + 3000 * i);
	ASSERT_EQ(t->len, write(fd, t->sent, t->len));
	while ((size_t)at < t->len)
		ASSERT_LT(0, sendfile(t->conn.tx, fd, &at, t->len - at));
	ASSERT_EQ(1, transfer_read(t));
	ASSERT_EQ(t->len, pread(fd, t->got, BUFFER, 0));
	EXPECT_MEM(t->sent, t->got, t->len);
	close(fd);
}

/*
 * An urgent byte in a message that is opened is one like others: it is neither delivered before the
 * message was authenticated, nor missing in it.
 */
TEST_F(open, urgent)
{
	struct transfer *t = &self->t;
	size_t half;

	LINK(0, 0);
	for (int i = 1; i <= 3; i++) {
		ADD(MSG_PASS, 0, 100);
		half = t->len / 4 * i;
		ASSERT_EQ(0, conn_put(&t->conn, t->sent, half));
		ASSERT_EQ(1, send(t->conn.tx, t->sent + half, 1, MSG_OOB));
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total + half + 1));
		ASSERT_EQ(-1, recv(t->conn.rx, t->got, 1, MSG_OOB));
		EXPECT_EQ(EINVAL, errno);
		ASSERT_EQ(0, conn_put(&t->conn, t->sent + half + 1, t->len - half - 1));
		t->total += t->len;
		t->len = 0;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		ASSERT_EQ(1, transfer_read(t));
	}
}

/* Nor if the byte arrived before the program was replaced by one that opens messages */
TEST_F(open, urgent_before)
{
	struct transfer *t = &self->t;
	int dev = device_open(), stream, message;
	const int half = 40;

	ASSERT_OK(dev);
	ASSERT_EQ(0, stream_progs(dev, &stream, &message));
	ASSERT_EQ(0, conn_link_to(&t->conn, dev, stream, message, 0, 0));
	message_make(t->sent, MSG_PASS, 100, 1);
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, half));
	ASSERT_EQ(1, send(t->conn.tx, t->sent + half, 1, MSG_OOB));
	ASSERT_EQ(0, conn_arrived(&t->conn, half + 1));
	ASSERT_EQ(1, recv(t->conn.rx, t->got, 1, MSG_OOB | MSG_PEEK));
	EXPECT_EQ(t->sent[half], t->got[0]);
	ASSERT_EQ(0, link_update(t->conn.link, object_prog(self->obj, "decide"), -1));
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 1, MSG_OOB));
	EXPECT_EQ(EINVAL, errno);
	close(message);
	close(stream);
	close(dev);
}

/*
 * What is no message was passed on, and then the program is replaced by one that authenticates:
 * what arrives afterwards is not passed.
 */
TEST_F(open, passed_on_before)
{
	struct transfer *t = &self->t;
	int dev = device_open(), stream, message;

	ASSERT_OK(dev);
	ASSERT_EQ(0, stream_progs(dev, &stream, &message));
	ASSERT_EQ(0, conn_link_to(&t->conn, dev, stream, message, VNP_LINK_F_STREAM_PASS, 0));
	message_make(t->sent, MSG_NONE, 100, 1);
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, 100));
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 100, MSG_WAITALL));
	EXPECT_MEM(t->sent, t->got, 100);
	ASSERT_EQ(0, link_update(t->conn.link, object_prog(self->obj, "decide"), -1));
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, 100));
	ASSERT_EQ(0, conn_arrived(&t->conn, 200));
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_EQ(EPROTO, errno);
	close(message);
	close(stream);
	close(dev);
}

TEST_F(open, peek)
{
	struct transfer *t = &self->t;

	LINK(0, 0);
	ADD(MSG_PASS, 0, 100);
	ADD(MSG_HOLD, 0, 200);
	ADD(MSG_PASS, 0, 300);
	ADD(MSG_HOLD, 0, 400);
	ASSERT_EQ(0, transfer_send(t));
	ASSERT_EQ(600, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	EXPECT_MEM(t->want, t->got, 600);
	ASSERT_EQ(50, recv(t->conn.rx, t->got, 50, 0));
	ASSERT_EQ(550, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	EXPECT_MEM(t->want + 50, t->got, 550);
	ASSERT_EQ(550, recv(t->conn.rx, t->got, BUFFER, 0));
	EXPECT_MEM(t->want + 50, t->got, 550);
	EXPECT_EQ(1, transfer_quiet(t));
}

/* After the link what was opened is read as plaintext, and the rest as it was sent. */
TEST_F(open, detached)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	LINK(0, 0);
	for (size_t len = 100; len < 60000; len *= 3) {
		ADD(MSG_HOLD, 0, len);
		ADD(MSG_DROP, 0, 100);
		ASSERT_EQ(0, transfer_send(t));
		ASSERT_EQ(0, link_settle(t->conn.link, 2, &info));
		ADD(MSG_PASS, 0, 100);
		t->len -= 20;
		t->want_len -= 100;
		transfer_want(t, t->sent, t->len);
		ASSERT_EQ(0, transfer_send(t));
		ASSERT_EQ(0, link_detach(t->conn.link));
		ASSERT_EQ(1, transfer_read(t));
		close(t->conn.link);
		LINK(0, 0);
	}
}

/* The link, or the connection, ends while the worker executes. */
TEST_F(open, ends)
{
	struct transfer *t = &self->t;
	const size_t len = 1000000;
	size_t sent;
	ssize_t n;

	for (int i = 0; i < 20; i++) {
		if (i)
			ASSERT_EQ(0, transfer_reopen(t, variant->kind));
		LINK(0, 0);
		ADD(MSG_PASS, 0, len);
		sent = t->len;
		ASSERT_EQ(0, transfer_start(t));
		ASSERT_EQ(0, conn_arrived(&t->conn, sent));
		ASSERT_EQ(0, transfer_finish(t));
		for (int spin = 0; spin < i * 10; spin++)
			link_info(t->conn.link, &(struct vnp_link_info){});
		if (i % 2) {
			shutdown(t->conn.rx, SHUT_RDWR);
			continue;
		}
		ASSERT_EQ(0, link_detach(t->conn.link));
		n = recv(t->conn.rx, t->got, BUFFER, MSG_DONTWAIT);
		/* either as it was or opened, but nothing else */
		if (n == (ssize_t)len) {
			EXPECT_MEM(t->want, t->got, len);
		} else {
			ASSERT_EQ(sent, n);
			EXPECT_MEM(t->sent, t->got, sent);
		}
	}
}

#define SHARE	"/sys/module/vnp/parameters/softirq_share"
#define BURST	"/sys/module/vnp/parameters/softirq_burst_us"

/* What was not executed, as the account was empty, is executed although nothing else arrives. */
TEST_F(open, throttled)
{
	struct transfer *t = &self->t;
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
		EXPECT_EQ(0, transfer_send(t));
		EXPECT_EQ(1, transfer_quiet(t));
		EXPECT_OK(write_text(SHARE, share));
		EXPECT_OK(write_text(BURST, burst));
		EXPECT_EQ(1, transfer_read(t));
	}
}

TEST_HARNESS_MAIN
