// SPDX-License-Identifier: GPL-2.0
/* Messages in TCP streams: what is ready is read as from any socket, and nothing else is. */
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#define LIGHT_LEAVES_OUT	"ip4"
#include "harness.h"
#include "net.h"
#include "transfer.h"

#define BUFFER	(1 << 20)

FIXTURE(stream) {
	struct transfer t;
};

FIXTURE_VARIANT(stream) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(stream, ip4) { .kind = FLOW_IP4 };
FIXTURE_VARIANT_ADD(stream, ip6) { .kind = FLOW_IP6 };
FIXTURE_VARIANT_ADD(stream, mapped) { .kind = FLOW_MAPPED };

FIXTURE_SETUP(stream)
{
	ASSERT_EQ(0, transfer_open(&self->t, variant->kind, BUFFER));
}

FIXTURE_TEARDOWN(stream)
{
	transfer_close(&self->t);
}

/* put_first() - the first bytes of a message; wait until they have arrived */
static int put_first(struct transfer *t, char type, size_t len, size_t first)
{
	message_make(t->sent, type, len, t->total);
	if (transfer_is_read(type))
		transfer_want(t, t->sent, first);
	t->len = first;
	return transfer_send(t);
}

/* put_more() - what put_first() has left */
static int put_more(struct transfer *t, size_t from, size_t to)
{
	int err = conn_put(&t->conn, t->sent + from, to - from);

	transfer_want(t, t->sent + from, to - from);
	t->total += to - from;
	return err ?: conn_arrived(&t->conn, t->total);
}

TEST_F(stream, whole)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	for (size_t len = STREAM_HEADER + 1; len < 40000; len = len * 3 + 1) {
		for (size_t first = 1; first < len; first = first * 5 + 3) {
			ASSERT_EQ(0, put_first(t, MSG_PASS, len, first));
			ASSERT_EQ(1, transfer_quiet(t));
			ASSERT_EQ(0, put_more(t, first, len));
			ASSERT_EQ(1, transfer_ready(t));
		}
	}
	ASSERT_EQ(1, transfer_quiet(t));
}

TEST_F(stream, held)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 100 + i));
		ASSERT_EQ(1, transfer_quiet(t));
	}
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 10));
	ASSERT_EQ(1, transfer_ready(t));
	ASSERT_EQ(1, transfer_quiet(t));
}

TEST_F(stream, dropped)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	for (int i = 0; i < 300; i++) {
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 10 + i));
		ASSERT_EQ(1, transfer_quiet(t));
		ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 10 + i));
		if (i % 3)
			continue;
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 20 + i));
		ASSERT_EQ(0, transfer_put(t, MSG_PASS, 30 + i));
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 40 + i));
		/* A read ends where the queue has a range that was dropped, but goes on. */
		ASSERT_EQ(1, transfer_ready(t));
	}
	ASSERT_EQ(0, link_info(t->conn.link, &info));
	EXPECT_EQ(300 + 200, info.verdicts[VNP_DROP]);
	EXPECT_EQ(300, info.verdicts[VNP_HELD]);
	EXPECT_EQ(100, info.verdicts[VNP_PASS]);
	EXPECT_EQ(900, info.packets);
	EXPECT_EQ(t->total, info.bytes);
}

/* The verdict is in the last byte of a message in many packets. */
TEST_F(stream, loads)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	for (int i = 0; i < 10; i++) {
		size_t len = message_make(t->sent, MSG_LAST, 30000 + i * 1000, i);

		t->sent[len - 1] = i % 2 ? MSG_PASS : MSG_DROP;
		for (size_t at = 0; at < len; at += 1000)
			ASSERT_EQ(0, conn_put(&t->conn, t->sent + at,
					      len - at < 1000 ? len - at : 1000));
		t->total += len;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		if (i % 2 == 0) {
			ASSERT_EQ(1, transfer_quiet(t));
			continue;
		}
		memcpy(t->want, t->sent, len);
		t->want_len = len;
		ASSERT_EQ(1, transfer_ready(t));
	}
}

TEST_F(stream, peek)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK | MSG_DONTWAIT));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 60));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 70));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 3000));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 80));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 90));
	ASSERT_EQ(0, put_first(t, 'Q', 90, 20));
	ASSERT_EQ(40, recv(t->conn.rx, t->got, 40, MSG_PEEK));
	ASSERT_MEM(t->want, t->got, 40);
	ASSERT_EQ(200, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	ASSERT_MEM(t->want, t->got, 200);
	ASSERT_EQ(200, recv(t->conn.rx, t->got, 200, MSG_PEEK | MSG_WAITALL));
	ASSERT_EQ(1, transfer_ready(t));
	ASSERT_EQ(1, transfer_quiet(t));
}

/* With SO_PEEK_OFF a peek continues after the one before, up to what is ready, and no further. */
TEST_F(stream, peek_off)
{
	struct transfer *t = &self->t;
	const int zero = 0;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	if (setsockopt(t->conn.rx, SOL_SOCKET, SO_PEEK_OFF, &zero, sizeof(zero))) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "TCP has no SO_PEEK_OFF before Linux 6.9");
	}
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 100));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 60));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 200));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
	ASSERT_EQ(40, recv(t->conn.rx, t->got, 40, MSG_PEEK));
	EXPECT_MEM(t->want, t->got, 40);
	ASSERT_EQ(260, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	EXPECT_MEM(t->want + 40, t->got, 260);
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(300, recv(t->conn.rx, t->got, BUFFER, 0));
	EXPECT_MEM(t->want, t->got, 300);
	EXPECT_EQ(1, transfer_quiet(t));
}

TEST_F(stream, wait_all)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 60));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 70));
	ASSERT_EQ(120, recv(t->conn.rx, t->got, 120, MSG_WAITALL));
	ASSERT_MEM(t->want, t->got, 120);
}

TEST_F(stream, timeout)
{
	struct transfer *t = &self->t;
	struct timeval timeout = { .tv_usec = 1000 };

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, setsockopt(t->conn.rx, SOL_SOCKET, SO_RCVTIMEO, &timeout,
				sizeof(timeout)));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, 10, 0));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 1000, MSG_WAITALL));
}

TEST_F(stream, low_water)
{
	struct transfer *t = &self->t;
	struct pollfd poll_fd = { .fd = t->conn.rx, .events = POLLIN };

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 100));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 60));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 60));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 60));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 60));
	ASSERT_EQ(1, transfer_ready(t));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 60));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 60));
	ASSERT_EQ(1, transfer_ready(t));
	ASSERT_EQ(0, link_detach(t->conn.link));
	EXPECT_EQ(60, sock_int(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT));
}

/* as_limit() - how many bytes may be kept from the application, to which SO_RCVLOWAT is limited */
static int as_limit(struct transfer *t)
{
	int err = conn_link(&t->conn, 0, 0);

	err = err ?: sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 1 << 30);
	err = err ?: link_detach(t->conn.link);
	close(t->conn.link);
	return err ?: sock_int(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT);
}

/*
 * What is left of a read is less than SO_RCVLOWAT.  The application is woken again if it sets that
 * to less, and if nothing more can become ready before it reads.
 */
TEST_F(stream, low_water_again)
{
	struct transfer *t = &self->t;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int efd = epoll_create1(EPOLL_CLOEXEC), limit;

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVBUF, 32768));
	limit = as_limit(t);
	ASSERT_LT(1000, limit);
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 100));
	ASSERT_EQ(0, epoll_ctl(efd, EPOLL_CTL_ADD, t->conn.rx, &event));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 150));
	ASSERT_EQ(1, epoll_wait(efd, &event, 1, 10000));
	ASSERT_EQ(60, recv(t->conn.rx, t->got, 60, 0));
	EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 80));
	ASSERT_EQ(1, epoll_wait(efd, &event, 1, 10000));
	ASSERT_EQ(20, recv(t->conn.rx, t->got, 20, 0));
	EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
	/* It fits, but not with the 70 bytes that are ready. */
	ASSERT_EQ(0, put_first(t, MSG_PASS, limit - 20, 40));
	ASSERT_EQ(1, epoll_wait(efd, &event, 1, 10000));
	ASSERT_EQ(70, recv(t->conn.rx, t->got, 70, 0));
	close(efd);
}

TEST_F(stream, splice)
{
	struct transfer *t = &self->t;
	int pipes[2];

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 500));
	ASSERT_EQ(0, fcntl(t->conn.rx, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(-1, splice(t->conn.rx, NULL, pipes[1], NULL, 4096, 0));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(t->conn.rx, F_SETFL, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 600));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 700));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 800));
	for (int done = 0; done < 1200;) {
		int n = splice(t->conn.rx, NULL, pipes[1], NULL, 300, 0);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, read(pipes[0], t->got, 300));
		ASSERT_MEM(t->want + done, t->got, n);
		done += n;
	}
	ASSERT_EQ(1, transfer_quiet(t));
	close(pipes[0]);
	close(pipes[1]);
}

/* SPLICE_F_NONBLOCK is about the pipe: with it, too, TCP waits for data, here for 50 ms. */
TEST_F(stream, splice_waits)
{
	struct transfer *t = &self->t;
	struct timeval timeout = { .tv_usec = 50000 };
	struct timespec start, end;
	int pipes[2];

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, setsockopt(t->conn.rx, SOL_SOCKET, SO_RCVTIMEO, &timeout,
				sizeof(timeout)));
	clock_gettime(CLOCK_MONOTONIC, &start);
	EXPECT_EQ(-1, splice(t->conn.rx, NULL, pipes[1], NULL, 4096, SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	clock_gettime(CLOCK_MONOTONIC, &end);
	EXPECT_LE(40000000, (end.tv_sec - start.tv_sec) * 1000000000L +
			    end.tv_nsec - start.tv_nsec);
	close(pipes[0]);
	close(pipes[1]);
}

/* inq() - read @len bytes.  Return: what TCP_INQ says about the bytes after them, or -1 */
static int inq(struct transfer *t, size_t len, int flags)
{
	char control[256];
	struct iovec iov = { t->got, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int inq = -1;

	if (recvmsg(t->conn.rx, &msg, flags) != (ssize_t)len)
		return -1;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&msg); at; at = CMSG_NXTHDR(&msg, at))
		if (at->cmsg_level == IPPROTO_TCP && at->cmsg_type == TCP_CM_INQ)
			memcpy(&inq, CMSG_DATA(at), sizeof(inq));
	return inq;
}

/* TCP_INQ counts what can be read, as FIONREAD does, whether TCP's recvmsg() is called or not. */
TEST_F(stream, inq)
{
	struct transfer *t = &self->t;
	int on = 1, got;
	socklen_t size = sizeof(got);

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, setsockopt(t->conn.rx, IPPROTO_TCP, TCP_INQ, &on, sizeof(on)));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, transfer_put(t, MSG_PASS, 100));
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
		ASSERT_EQ(0, transfer_put(t, MSG_PASS, 60));
		ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 40));
		EXPECT_EQ(120, inq(t, 40 + 40 * i, MSG_WAITALL));
		EXPECT_EQ(120, inq(t, 10, MSG_PEEK));
		EXPECT_EQ(0, inq(t, 120, MSG_WAITALL));
		/* From now on TCP's recvmsg() is called, and the held message is ready, too. */
		ASSERT_EQ(0, setsockopt(t->conn.rx, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)));
	}
	ASSERT_EQ(0, getsockopt(t->conn.rx, IPPROTO_TCP, TCP_INQ, &got, &size));
	EXPECT_EQ(1, got);
	/* The end can be read, too. */
	ASSERT_EQ(0, shutdown(t->conn.tx, SHUT_WR));
	EXPECT_EQ(1, inq(t, 40, MSG_WAITALL));
}

/* One event for what becomes ready together, and none for what is held or dropped */
TEST_F(stream, edge)
{
	struct transfer *t = &self->t;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int efd = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, epoll_ctl(efd, EPOLL_CTL_ADD, t->conn.rx, &event));
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
		EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
		EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
		ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
		EXPECT_EQ(1, epoll_wait(efd, &event, 1, 10000));
		EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
	}
	ASSERT_EQ(1, transfer_ready(t));
	close(efd);
}

TEST_F(stream, ends)
{
	struct transfer *t = &self->t;
	static const struct {
		__u32 eof;
		int len, error;
	} cases[] = {
		{ VNP_EOF_DELIVER, 70, 0 },
		{ VNP_EOF_DROP, 50, 0 },
		{ VNP_EOF_ABORT, 50, ECONNABORTED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (i)
			ASSERT_EQ(0, transfer_reopen(t, variant->kind));
		ASSERT_EQ(0, conn_link(&t->conn, 0, cases[i].eof));
		ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
		ASSERT_EQ(0, put_first(t, MSG_PASS, 50, 20));
		ASSERT_EQ(1, transfer_quiet(t));
		ASSERT_EQ(0, shutdown(t->conn.tx, SHUT_WR));
		ASSERT_EQ(cases[i].len, recv(t->conn.rx, t->got, 100, MSG_WAITALL));
		ASSERT_MEM(t->want, t->got, cases[i].len);
		for (int again = 0; again < 2; again++) {
			errno = 0;
			EXPECT_EQ(cases[i].error ? -1 : 0, recv(t->conn.rx, t->got, 100, 0));
			EXPECT_EQ(cases[i].error, errno);
		}
	}
}

/* A reset in a message: what is ready comes first, as always. */
TEST_F(stream, reset)
{
	struct transfer *t = &self->t;
	const struct linger linger = { .l_onoff = 1 };

	ASSERT_EQ(0, conn_link(&t->conn, 0, VNP_EOF_DROP));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(0, put_first(t, MSG_PASS, 50, 20));
	ASSERT_EQ(0, setsockopt(t->conn.tx, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(t->conn.tx);
	t->conn.tx = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(50, recv(t->conn.rx, t->got, 100, MSG_WAITALL));
	ASSERT_MEM(t->want, t->got, 50);
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_EQ(ECONNRESET, errno);
	EXPECT_EQ(0, recv(t->conn.rx, t->got, 100, 0));
}

TEST_F(stream, shut)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
	ASSERT_EQ(0, shutdown(t->conn.rx, SHUT_RD));
	ASSERT_EQ(50, recv(t->conn.rx, t->got, 100, 0));
	ASSERT_EQ(0, recv(t->conn.rx, t->got, 100, 0));
}

TEST_F(stream, no_message)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_NONE, 50));
	ASSERT_EQ(50, recv(t->conn.rx, t->got, 100, 0));
	ASSERT_MEM(t->want, t->got, 50);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
		EXPECT_EQ(EPROTO, errno);
	}
	ASSERT_EQ(0, link_info(t->conn.link, &info));
	EXPECT_EQ(1, info.errors[VNP_ERROR_PROTOCOL]);
	/* Without the link, the application gets the bytes as they arrived. */
	ASSERT_EQ(0, link_detach(t->conn.link));
	ASSERT_EQ(50, recv(t->conn.rx, t->got, 100, 0));
	ASSERT_MEM(t->sent, t->got, 50);
}

TEST_F(stream, pass_all)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, VNP_LINK_F_STREAM_PASS, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, transfer_put(t, MSG_NONE, 50));
		ASSERT_EQ(50, recv(t->conn.rx, t->got, 100, 0));
		ASSERT_MEM(t->sent, t->got, 50);
	}
}

TEST_F(stream, before_link)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
	ASSERT_EQ(0, put_first(t, 'Q', 50, 20));
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(1, transfer_ready(t));
	ASSERT_EQ(1, transfer_quiet(t));
}

/* What was dropped does not come back; the bytes of a message that is not whole do. */
TEST_F(stream, detach)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 5000));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 6000));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 7000));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 8000));
	ASSERT_EQ(0, put_first(t, MSG_PASS, 500, 200));
	ASSERT_EQ(100, recv(t->conn.rx, t->got, 100, 0));
	ASSERT_EQ(0, link_detach(t->conn.link));
	ASSERT_EQ(0, put_more(t, 200, 500));
	ASSERT_EQ(t->want_len - 100,
		  recv(t->conn.rx, t->got, t->want_len - 100, MSG_WAITALL));
	ASSERT_MEM(t->want + 100, t->got, t->want_len - 100);
	/* and again */
	close(t->conn.link);
	t->want_len = 0;
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
	ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
	ASSERT_EQ(1, transfer_ready(t));
}

/* fill_held() - fill @sent with messages that are held or dropped.  Return: their length */
static size_t fill_held(struct transfer *t, size_t bytes)
{
	size_t len = 0, n;

	for (int i = 0; len < bytes; i++) {
		n = message_make(t->sent + len, i % 3 ? MSG_HOLD : MSG_DROP, 5 + i * 7919 % 20000,
				 i);
		if (i % 3)
			transfer_want(t, t->sent + len, n);
		len += n;
	}
	return len;
}

/* What was dropped is removed from a queue that is many times as long as what is moved at once. */
TEST_F(stream, long_queue)
{
	struct transfer *t = &self->t;

	for (int peek = 0; peek < 2; peek++) {
		size_t len, i = 0;

		t->want_len = 0;
		ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
		len = fill_held(t, 600000);
		len += message_make(t->sent + len, MSG_DROP, 100, 1);
		ASSERT_EQ(0, conn_put(&t->conn, t->sent, len));
		t->total += len;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		if (peek) {
			ASSERT_EQ(0, transfer_put(t, MSG_PASS, 50));
			ASSERT_EQ(t->want_len, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
			ASSERT_MEM(t->want, t->got, t->want_len);
			/* and again from an odd byte on */
			i = 12345;
			ASSERT_EQ(i, recv(t->conn.rx, t->got, i, MSG_WAITALL));
		}
		ASSERT_EQ(0, link_detach(t->conn.link));
		close(t->conn.link);
		t->conn.link = -1;
		ASSERT_EQ(t->want_len - i, recv(t->conn.rx, t->got, BUFFER, 0));
		ASSERT_MEM(t->want + i, t->got, t->want_len - i);
	}
}

static void *read_one(void *arg)
{
	struct transfer *t = arg;

	return (void *)recv(t->conn.rx, t->got, 150, MSG_WAITALL);
}

/* A process that waits for a message gets what there is, and continues to wait. */
TEST_F(stream, detach_reader)
{
	struct transfer *t = &self->t;
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 100));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_one, t));
	ASSERT_EQ(0, link_detach(t->conn.link));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 50));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(150, (long)ret);
	EXPECT_MEM(t->want, t->got, 150);
}

static size_t raw_len;

static void *read_raw(void *arg)
{
	struct transfer *t = arg;

	return (void *)recv(t->conn.rx, t->got, raw_len, MSG_WAITALL);
}

static void interrupt(int sig)
{
}

/*
 * A call that began before the link reads @raw bytes of what arrives then, after a signal.  The
 * first 10 of it, so that it surely has begun.
 */
static int raw_reads(struct transfer *t, size_t raw)
{
	const struct sigaction action = { .sa_handler = interrupt };
	pthread_t thread;
	int bytes, err;
	void *ret;

	raw_len = 10 + raw;
	sigaction(SIGUSR1, &action, NULL);
	err = pthread_create(&thread, NULL, read_raw, t) ?:
	      conn_put(&t->conn, t->sent, 10) ?: conn_arrived(&t->conn, 10);
	do {
		err = err ?: ioctl(t->conn.rx, FIONREAD, &bytes);
		sched_yield();
	} while (!err && bytes);
	t->total = 10;
	err = err ?: conn_link(&t->conn, 0, 0) ?: transfer_put(t, MSG_HOLD, 100) ?:
	      transfer_put(t, MSG_DROP, 200) ?: transfer_put(t, MSG_HOLD, 300) ?:
	      transfer_put(t, MSG_DROP, 400) ?: transfer_put(t, MSG_HOLD, 500);
	err = err ?: pthread_kill(thread, SIGUSR1) ?: pthread_join(thread, &ret);
	return err ?: (long)ret == (long)raw_len ? 0 : -EIO;
}

/* bytes read by such a call, and what of the messages that are not dropped is gone with them */
static const struct {
	size_t raw, gone;
} raw_cases[] = {
	{ 50, 50 }, { 100, 100 }, { 150, 100 }, { 300, 100 }, { 400, 200 }, { 700, 400 },
	{ 1000, 400 }, { 1100, 500 },
};

TEST_F(stream, raw_peek)
{
	struct transfer *t = &self->t;

	for (size_t i = 0; i < ARRAY_SIZE(raw_cases); i++) {
		const size_t gone = raw_cases[i].gone;

		if (i)
			ASSERT_EQ(0, transfer_reopen(t, variant->kind));
		ASSERT_EQ(0, raw_reads(t, raw_cases[i].raw));
		ASSERT_EQ(-1, recv(t->conn.rx, t->got, 1, MSG_PEEK | MSG_DONTWAIT));
		ASSERT_EQ(EAGAIN, errno);
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 60));
		ASSERT_EQ(0, transfer_put(t, MSG_PASS, 70));
		ASSERT_EQ(t->want_len - gone, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
		ASSERT_MEM(t->want + gone, t->got, t->want_len - gone);
		ASSERT_EQ(t->want_len - gone, recv(t->conn.rx, t->got, BUFFER, 0));
		ASSERT_MEM(t->want + gone, t->got, t->want_len - gone);
		ASSERT_EQ(1, transfer_quiet(t));
	}
}

TEST_F(stream, raw_detach)
{
	struct transfer *t = &self->t;

	for (size_t i = 0; i < ARRAY_SIZE(raw_cases); i++) {
		const size_t gone = raw_cases[i].gone;

		if (i)
			ASSERT_EQ(0, transfer_reopen(t, variant->kind));
		ASSERT_EQ(0, raw_reads(t, raw_cases[i].raw));
		ASSERT_EQ(0, link_detach(t->conn.link));
		ASSERT_EQ(t->want_len - gone, recv(t->conn.rx, t->got, BUFFER, 0));
		ASSERT_MEM(t->want + gone, t->got, t->want_len - gone);
	}
}

/* More messages than are parsed at once */
TEST_F(stream, many)
{
	struct transfer *t = &self->t;
	size_t len = 0, cnt;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	for (cnt = 0; cnt < 8000; cnt++) {
		size_t n = message_make(t->sent + len, "PPHD"[cnt % 4], 5 + cnt % 7, cnt);

		if (cnt % 4 < 3)
			transfer_want(t, t->sent + len, n);
		len += n;
	}
	len += message_make(t->sent + len, MSG_PASS, 5, 0);
	transfer_want(t, t->sent + len - 5, 5);
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, len));
	ASSERT_EQ(t->want_len, recv(t->conn.rx, t->got, t->want_len, MSG_WAITALL));
	ASSERT_MEM(t->want, t->got, t->want_len);
}

/* A message several times as long as the receive buffer is when the connection begins */
TEST_F(stream, large)
{
	struct transfer *t = &self->t;
	const size_t len = 700000;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	transfer_add(t, MSG_PASS, len);
	ASSERT_EQ(0, transfer_start(t));
	ASSERT_EQ(len, recv(t->conn.rx, t->got, len, MSG_WAITALL));
	ASSERT_MEM(t->sent, t->got, len);
	EXPECT_EQ(0, transfer_finish(t));
}

TEST_F(stream, too_long)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVBUF, 32768));
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 1000));
	ASSERT_EQ(0, put_first(t, MSG_DROP, 30000, 1000));
	ASSERT_EQ(1000, recv(t->conn.rx, t->got, 2000, 0));
	ASSERT_MEM(t->want, t->got, 1000);
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_EQ(EMSGSIZE, errno);
	ASSERT_EQ(0, link_info(t->conn.link, &info));
	EXPECT_EQ(1, info.errors[VNP_ERROR_OVERSIZE]);
	EXPECT_EQ(1, info.errors[VNP_ERROR_EVICTED]);
}

/* A message that has fit so far does not any more if the buffer is made smaller. */
TEST_F(stream, smaller_buffer)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, put_first(t, MSG_PASS, 200000, 40000));
	EXPECT_EQ(1, transfer_quiet(t));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVBUF, 16384));
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
	EXPECT_EQ(EMSGSIZE, errno);
}

TEST_F(stream, reconnect)
{
	struct transfer *t = &self->t;
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 1000));
	ASSERT_EQ(0, connect(t->conn.rx, &none, sizeof(none)));
	EXPECT_EQ(-ENOLINK, link_detach(t->conn.link));
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 100, 0));
}

TEST_F(stream, close)
{
	struct transfer *t = &self->t;
	struct vnp_link_info info;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 1000));
	close(t->conn.rx);
	t->conn.rx = socket(AF_INET, SOCK_STREAM, 0);
	ASSERT_EQ(0, link_info(t->conn.link, &info));
	EXPECT_EQ(0, info.attached);
}

TEST_F(stream, refused)
{
	struct transfer *t = &self->t;
	struct vnp_link_create attr = { .size = sizeof(attr), .sock_fd = t->conn.rx };
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	int dev = device_open(), message, datagram, udp;
	char name[16];
	socklen_t len;

	ASSERT_EQ(0, stream_progs(dev, &attr.prog_fd, &message));
	datagram = prog_verdict(dev, VNP_PASS);
	udp = udp_socket("127.0.0.1", 0);
	EXPECT_EQ(-EOPNOTSUPP, link_create(dev, datagram, t->conn.rx, 0));
	EXPECT_EQ(-EOPNOTSUPP, link_create(dev, message, t->conn.rx, 0));
	EXPECT_EQ(-EOPNOTSUPP, link_create(dev, attr.prog_fd, udp, 0));
	EXPECT_EQ(-EINVAL, link_create(dev, attr.prog_fd, t->conn.rx, VNP_LINK_F_NO_MERGE));
	EXPECT_EQ(-EINVAL, link_create(dev, datagram, udp, VNP_LINK_F_STREAM_PASS));
	attr.eof = VNP_EOF_ABORT + 1;
	EXPECT_EQ(-EINVAL, do_ioctl(dev, VNP_LINK_CREATE, &attr));
	attr.eof = 0;
	attr.message_fd = message;
	EXPECT_EQ(-EINVAL, do_ioctl(dev, VNP_LINK_CREATE, &attr));
	attr.flags = VNP_LINK_F_MESSAGE;
	attr.message_fd = datagram;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(dev, VNP_LINK_CREATE, &attr));
	attr.message_fd = message;
	attr.sock_fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(-ENOTCONN, do_ioctl(dev, VNP_LINK_CREATE, &attr));
	close(attr.sock_fd);
	attr.sock_fd = t->conn.rx;
	t->conn.link = do_ioctl(dev, VNP_LINK_CREATE, &attr);
	ASSERT_OK(t->conn.link);
	EXPECT_EQ(-EBUSY, do_ioctl(dev, VNP_LINK_CREATE, &attr));
	EXPECT_EQ(-EOPNOTSUPP, link_update(t->conn.link, datagram, -1));
	EXPECT_EQ(0, link_update(t->conn.link, attr.prog_fd, attr.prog_fd));
	EXPECT_EQ(0, link_update(t->conn.link, message, message));
	EXPECT_EQ(-1, setsockopt(t->conn.rx, IPPROTO_TCP, TCP_ULP, "tls", 4));
	EXPECT_EQ(EBUSY, errno);
	len = sizeof(name);
	EXPECT_EQ(0, getsockopt(t->conn.rx, IPPROTO_TCP, TCP_ULP, name, &len));
	EXPECT_EQ(0, len);
	if (variant->kind == FLOW_MAPPED) {
		EXPECT_EQ(-EBUSY, sock_set(t->conn.rx, IPPROTO_IPV6, IPV6_ADDRFORM, AF_INET));
	}
	ASSERT_EQ(0, link_detach(t->conn.link));
	EXPECT_EQ(-1, setsockopt(t->conn.rx, IPPROTO_TCP, TCP_ULP, "tls", 4));
	EXPECT_TRUE(errno == EEXIST || errno == ENOENT);	/* the kernel may have no kTLS */
	len = sizeof(name);
	EXPECT_EQ(0, getsockopt(t->conn.rx, IPPROTO_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("vnp", name);
	ASSERT_EQ(0, connect(t->conn.rx, &none, sizeof(none)));
	EXPECT_EQ(-1, listen(t->conn.rx, 1));
	EXPECT_EQ(EINVAL, errno);
}

/*
 * When all ranges are in use nothing is parsed, so that the application can read what it would
 * otherwise not wait for.  As soon as it has read one the next is parsed.
 */
TEST_F(stream, room_again)
{
	struct transfer *t = &self->t;
	struct pollfd poll_fd = { .fd = t->conn.rx, .events = POLLIN };
	const int pairs = 300, len = 10;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, sock_set(t->conn.rx, SOL_SOCKET, SO_RCVLOWAT, 256 * len));
	for (int i = 0; i < pairs; i++) {
		message_make(t->sent + 2 * i * len, MSG_PASS, len, i);
		message_make(t->sent + (2 * i + 1) * len, MSG_DROP, len, i);
	}
	ASSERT_EQ(0, conn_put(&t->conn, t->sent, 2 * pairs * len));
	for (int i = 0; i < pairs - 256; i++) {
		ASSERT_EQ(1, poll(&poll_fd, 1, 10000));
		ASSERT_EQ(len, recv(t->conn.rx, t->got, len, MSG_DONTWAIT));
		ASSERT_MEM(t->sent + 2 * i * len, t->got, len);
	}
}

/* put_urgent() - a message whose last byte is urgent */
static int put_urgent(struct transfer *t, char type, size_t len)
{
	int err = put_first(t, type, len, len - 1);

	if (!err && send(t->conn.tx, t->sent + len - 1, 1, MSG_OOB) != 1)
		err = -errno;
	t->total++;
	return err ?: conn_arrived(&t->conn, t->total);
}

/* Who waits for an urgent byte gets it when it has arrived, once. */
TEST_F(stream, urgent)
{
	struct transfer *t = &self->t;
	static const char types[] = { MSG_HOLD, MSG_DROP, MSG_PASS };
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET };
	int efd = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(0, epoll_ctl(efd, EPOLL_CTL_ADD, t->conn.rx, &event));
	for (size_t i = 0; i < sizeof(types); i++) {
		if (types[i] != MSG_DROP) {
			ASSERT_EQ(0, put_urgent(t, types[i], 50));
		} else {
			/* not whole yet */
			ASSERT_EQ(0, put_first(t, MSG_DROP, 60, 20));
			ASSERT_EQ(1, send(t->conn.tx, t->sent + 20, 1, MSG_OOB));
			t->total++;
			ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		}
		ASSERT_EQ(1, epoll_wait(efd, &event, 1, 10000));
		EXPECT_EQ(EPOLLPRI, event.events);
		EXPECT_EQ(1, recv(t->conn.rx, t->got, 1, MSG_OOB));
		EXPECT_EQ(t->sent[types[i] == MSG_DROP ? 20 : 49], t->got[0]);
		if (types[i] == MSG_DROP) {
			ASSERT_EQ(0, conn_put(&t->conn, t->sent + 21, 39));
			t->total += 39;
			ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		}
		EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
	}
	/* Only the latest is not read like the others. */
	ASSERT_EQ(99, recv(t->conn.rx, t->got, 99, MSG_WAITALL));
	EXPECT_MEM(t->want, t->got, 49);
	EXPECT_MEM(t->want + 49, t->got + 50, 49);
	EXPECT_EQ(1, transfer_quiet(t));
	close(efd);
}

/* An urgent byte that is skipped, before what was dropped */
TEST_F(stream, urgent_alone)
{
	struct transfer *t = &self->t;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	for (int i = 0; i < 3; i++) {
		t->want_len = 0;
		ASSERT_EQ(0, put_urgent(t, MSG_PASS, 10));
		ASSERT_EQ(9, recv(t->conn.rx, t->got, 20, 0));
		ASSERT_MEM(t->want, t->got, 9);
		ASSERT_EQ(0, transfer_put(t, MSG_DROP, 50));
		t->want_len = 0;
		ASSERT_EQ(0, transfer_put(t, MSG_PASS, 20));
		EXPECT_EQ(1, transfer_ready(t));
		EXPECT_EQ(1, transfer_quiet(t));
	}
}

/* splice() stops at an urgent byte that comes first: that is not the end of the stream. */
TEST_F(stream, urgent_splice)
{
	struct transfer *t = &self->t;
	const size_t len = message_make(t->sent, MSG_PASS, 20, 1);
	int pipes[2];

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	ASSERT_EQ(1, send(t->conn.tx, t->sent, 1, MSG_OOB));
	ASSERT_EQ(0, conn_put(&t->conn, t->sent + 1, len - 1));
	ASSERT_EQ(0, conn_arrived(&t->conn, len));
	ASSERT_EQ(0, fcntl(t->conn.rx, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, splice(t->conn.rx, NULL, pipes[1], NULL, 4096, 0));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(len - 1, recv(t->conn.rx, t->got, BUFFER, 0));
	EXPECT_MEM(t->sent + 1, t->got, len - 1);
	close(pipes[0]);
	close(pipes[1]);
}

/* A peek that begins at an urgent byte skips it: what follows it is read up to what is ready. */
TEST_F(stream, urgent_peek_off)
{
	struct transfer *t = &self->t;
	const int zero = 0, at = 20, len = 50;

	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	if (setsockopt(t->conn.rx, SOL_SOCKET, SO_PEEK_OFF, &zero, sizeof(zero))) {
		ASSERT_EQ(EOPNOTSUPP, errno);
		SKIP(return, "TCP has no SO_PEEK_OFF before Linux 6.9");
	}
	ASSERT_EQ(0, put_first(t, MSG_PASS, len, at));
	ASSERT_EQ(1, send(t->conn.tx, t->sent + at, 1, MSG_OOB));
	t->total++;
	ASSERT_EQ(0, put_more(t, at + 1, len));
	ASSERT_EQ(0, transfer_put(t, MSG_HOLD, 60));
	/* It stops before the urgent byte. */
	ASSERT_EQ(at, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	EXPECT_MEM(t->want, t->got, at);
	ASSERT_EQ(len - at - 1, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	EXPECT_MEM(t->want + at, t->got, len - at - 1);
	/* Its offset does not include the urgent byte. */
	ASSERT_EQ(1, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK));
	EXPECT_EQ(t->want[len - 2], t->got[0]);
	ASSERT_EQ(-1, recv(t->conn.rx, t->got, BUFFER, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/*
 * ---- At any byte -----------------------------------------------------------
 */

#define FEW	8	/* messages */

/*
 * few_messages() - fill @sent, and @want with what the application gets of it if the messages that
 * end before or at @to have had their verdicts.  Return: bytes of @sent
 */
static size_t few_messages(struct transfer *t, size_t to)
{
	static const char types[] = "PDHDDPHL";
	size_t len = 0, n;

	t->want_len = 0;
	for (int i = 0; i < FEW; i++) {
		n = message_make(t->sent + len, types[i], 5 + i * 3, i);
		if (types[i] == MSG_LAST)
			t->sent[len + n - 1] = MSG_PASS;
		if (types[i] != MSG_DROP || len + n > to)
			transfer_want(t, t->sent + len, n);
		len += n;
	}
	return len;
}

/* The link is detached after @at bytes; what was dropped by then does not come back. */
TEST_F(stream, detach_anywhere)
{
	struct transfer *t = &self->t;
	const size_t len = few_messages(t, 0);

	for (size_t at = 0; at <= len; at++) {
		few_messages(t, at);
		ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
		ASSERT_EQ(0, conn_put(&t->conn, t->sent, at));
		t->total += at;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		ASSERT_EQ(0, link_detach(t->conn.link));
		close(t->conn.link);
		t->conn.link = -1;
		ASSERT_EQ(0, conn_put(&t->conn, t->sent + at, len - at));
		t->total += len - at;
		ASSERT_EQ(t->want_len, recv(t->conn.rx, t->got, t->want_len, MSG_WAITALL));
		ASSERT_MEM(t->want, t->got, t->want_len);
	}
}

/* @at bytes have arrived when the link is created. */
TEST_F(stream, link_anywhere)
{
	struct transfer *t = &self->t;
	const size_t len = few_messages(t, SIZE_MAX);

	for (size_t at = 0; at <= len; at++) {
		few_messages(t, SIZE_MAX);
		ASSERT_EQ(0, conn_put(&t->conn, t->sent, at));
		t->total += at;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
		ASSERT_EQ(0, conn_put(&t->conn, t->sent + at, len - at));
		t->total += len - at;
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		ASSERT_EQ(1, transfer_ready(t));
		ASSERT_EQ(0, link_detach(t->conn.link));
		close(t->conn.link);
		t->conn.link = -1;
	}
}

/*
 * ---- Accounts and memory -----------------------------------------------------
 */

#define SHARE	"/sys/module/vnp/parameters/softirq_share"
#define BURST	"/sys/module/vnp/parameters/softirq_burst_us"
#define MEMORY	"/proc/sys/net/ipv4/tcp_mem"

/* What the parameters were before throttle_begin() */
struct limits {
	char share[16];
	char burst[16];
};

/*
 * throttle_begin() - link a connection, leave its owner no time for executions, and send messages
 * until there is one on which the program is not executed.  Return: 0, or errno
 */
static int throttle_begin(struct transfer *t, struct limits *limits)
{
	int err;

	if (read_text(SHARE, limits->share, sizeof(limits->share)) < 0 ||
	    read_text(BURST, limits->burst, sizeof(limits->burst)) < 0)
		return -EIO;
	err = conn_link(&t->conn, 0, 0);
	if (err || write_text(BURST, "0") < 0 || write_text(SHARE, "0") < 0)
		return err ?: -EIO;
	/* What it still has is spent first. */
	err = transfer_put(t, MSG_PASS, 1000);
	while (!err && !transfer_quiet(t))
		err = transfer_ready(t) == 1 ? transfer_put(t, MSG_PASS, 1000) : -ETIMEDOUT;
	return err;
}

static int throttle_end(const struct limits *limits)
{
	return write_text(SHARE, limits->share) < 0 || write_text(BURST, limits->burst) < 0 ?
	       -EIO : 0;
}

/* What was not parsed, as the account was empty, is parsed although nothing else arrives. */
TEST_F(stream, throttled)
{
	struct transfer *t = &self->t;
	struct limits limits;

	if (!as_root())
		SKIP(return, "only root can change the share");
	ASSERT_EQ(0, throttle_begin(t, &limits));
	EXPECT_EQ(0, throttle_end(&limits));
	EXPECT_EQ(1, transfer_ready(t));
}

/* A reset after a message that is whole, but on which no program was executed yet */
TEST_F(stream, reset_throttled)
{
	struct transfer *t = &self->t;
	const struct linger linger = { .l_onoff = 1 };
	struct pollfd poll_fd = { .fd = t->conn.rx };
	struct limits limits;

	if (!as_root())
		SKIP(return, "only root can change the share");
	ASSERT_EQ(0, throttle_begin(t, &limits));
	EXPECT_EQ(0, setsockopt(t->conn.tx, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(t->conn.tx);
	t->conn.tx = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(1, poll(&poll_fd, 1, 10000));
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 2000, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, throttle_end(&limits));
	ASSERT_EQ(1000, recv(t->conn.rx, t->got, 2000, 0));
	EXPECT_MEM(t->want, t->got, 1000);
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 2000, 0));
	EXPECT_EQ(ECONNRESET, errno);
}

/* While TCP is short of memory the buffer does not grow; the message arrives when it is not. */
TEST_F(stream, short_of_memory)
{
	struct transfer *t = &self->t;
	const size_t len = 700000;
	char limits[64];
	int rcvbuf;

	if (!as_root())
		SKIP(return, "only root can change the limits of TCP");
	ASSERT_LT(0, read_text(MEMORY, limits, sizeof(limits)));
	rcvbuf = sock_int(t->conn.rx, SOL_SOCKET, SO_RCVBUF);
	ASSERT_EQ(0, conn_link(&t->conn, 0, 0));
	transfer_add(t, MSG_PASS, len);
	ASSERT_OK(write_text(MEMORY, "0 1000000 1000000"));
	ASSERT_EQ(0, transfer_start(t));
	ASSERT_EQ(0, conn_arrived(&t->conn, rcvbuf / 4));
	EXPECT_EQ(-1, recv(t->conn.rx, t->got, 1, MSG_DONTWAIT));
	EXPECT_EQ(rcvbuf, sock_int(t->conn.rx, SOL_SOCKET, SO_RCVBUF));
	EXPECT_OK(write_text(MEMORY, limits));
	ASSERT_EQ(len, recv(t->conn.rx, t->got, len, MSG_WAITALL));
	EXPECT_MEM(t->sent, t->got, len);
	ASSERT_EQ(0, transfer_finish(t));
	EXPECT_LT(rcvbuf, sock_int(t->conn.rx, SOL_SOCKET, SO_RCVBUF));
}

TEST_HARNESS_MAIN
