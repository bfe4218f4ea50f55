// SPDX-License-Identifier: GPL-2.0
/*
 * Links of streams, and the streams themselves, begin and end at any moment under traffic: what is
 * read is what was sent, and nothing remains.  listen_test has the same for sockets that listen,
 * and module_test for the module.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include "harness.h"
#include "net.h"
#include "streams.h"

FIXTURE(life) {
	int dev;
	int before;
	struct streams streams;
};

#define SELF	struct _test_data_life

/* wait_gone() - wait until nothing of the test is left */
static int wait_gone(SELF *self)
{
	while (obj_count_all(self->dev) > self->before)
		poll(NULL, 0, 10);
	return 0;
}

FIXTURE_SETUP(life)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->before = obj_count_all(self->dev);
}

FIXTURE_TEARDOWN(life)
{
	EXPECT_EQ(0, wait_gone(self));
	close(self->dev);
}

/* On one processor threads are preempted, on two they race: each test is for both. */
#define TEST_BOTH(name)			\
	TEST_F(life, name)		\
	{				\
		EXPECT_EQ(0, name(self));	\
	}				\
	TEST_F_SMP(life, name##_smp)	\
	{				\
		EXPECT_EQ(0, name(self));	\
	}

/* Linked and detached */
static int detach(SELF *self)
{
	struct streams *s = &self->streams;
	int err = streams_start(s);

	for (int i = 0; i < 30 && !err; i++) {
		err = streams_link(s, self->dev);
		streams_pass(s);
		err = err ?: streams_unlink(s);
		streams_pass(s);
	}
	return err ?: streams_end(s);
}

TEST_BOTH(detach)

/* The programs are replaced: by one that holds nothing, one that holds all, and the first. */
static int replace(SELF *self)
{
	struct streams *s = &self->streams;
	int progs[3], stream, err;

	err = streams_start(s) ?: streams_progs(self->dev, &stream, &progs[2]) ?:
	      streams_link(s, self->dev);
	progs[0] = stream_verdict(self->dev, VNP_PASS);
	progs[1] = stream_verdict(self->dev, VNP_HELD);
	for (int i = 0; i < 60 && !err; i++) {
		/* The connection has one that holds all only until the next update. */
		err = link_update(s->conn.link, progs[i % 3], -1) ?:
		      link_update(s->accepting.link, progs[(i + 1) % 3], -1);
		if (i % 3 != 1)
			streams_pass(s);
		else
			sched_yield();
	}
	for (int i = 0; i < 3; i++)
		close(progs[i]);
	close(stream);
	return err ?: streams_unlink(s) ?: streams_end(s);
}

TEST_BOTH(replace)

/* struct reader - reads numbers until the connection ends */
struct reader {
	pthread_t thread;
	int sock;
	long read;
	int error;
	bool wrong;
};

static void *read_numbers(void *arg)
{
	struct reader *r = arg;
	__u8 data[3000];
	ssize_t n;

	while ((n = recv(r->sock, data, sizeof(data), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			r->wrong |= data[i] != (__u8)r->read++;
	r->error = n < 0 ? errno : 0;
	return NULL;
}

/* How a connection ends, while it is read and written */
static int connection_end(struct conn *conn, int how)
{
	const struct linger linger = { .l_onoff = 1 };

	switch (how) {
	case 0:	/* RST by the peer */
		if (setsockopt(conn->tx, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
			return -errno;
		close(conn->tx);
		conn->tx = -1;
		return 0;
	case 1:	/* RST by this end */
		return connect(conn->rx, &(struct sockaddr){ .sa_family = AF_UNSPEC },
			       sizeof(struct sockaddr)) ? -errno : 0;
	case 2:
		return shutdown(conn->rx, SHUT_RD) ? -errno : 0;
	default:
		return shutdown(conn->rx, SHUT_RDWR) ? -errno : 0;
	}
}

/* Return: 0, or what is wrong: after the end, it has read the first of what was sent, or all */
static int ended(SELF *self, int how, long len, enum flow_kind kind)
{
	struct streams *s = &self->streams;
	struct reader r = {};
	__u8 data[500];
	long sent = 0;
	int err;

	s->accepting = (struct conn){ -1, -1, -1 };
	err = conn_open(&s->conn, kind, 0);
	if (err)
		return err;
	r.sock = s->conn.rx;
	if (pthread_create(&r.thread, NULL, read_numbers, &r))
		return -EAGAIN;
	s->accepting.rx = stream_listen(kind, 0);
	err = streams_link(s, self->dev);
	for (; !err && sent < len; sent += sizeof(data)) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = sent + i;
		err = conn_put(&s->conn, data, sizeof(data));
	}
	err = err ?: connection_end(&s->conn, how);
	pthread_join(r.thread, NULL);
	conn_close(&s->conn);
	conn_close(&s->accepting);
	if (err || r.wrong || r.read > sent)
		return err ?: 1;
	/* EPIPE: TCP's, of a call that waits while the socket is disconnected (sk_wait_event()) */
	return r.error && r.error != ECONNRESET && r.error != ENOTCONN &&
	       !(how == 1 && r.error == EPIPE) ? r.error : 0;
}

static int ends(SELF *self)
{
	int err = 0;

	for (int i = 0; i < 120 && !err; i++) {
		err = ended(self, i % 4, i * 613 % 40000, i % 3);
		if (err)
			fprintf(stderr, "# case %d: %d\n", i, err);
	}
	return err;
}

TEST_BOTH(ends)

/* A process with traffic, which ends with it; it says when there has been some */
static void live(SELF *self, bool private, int efd)
{
	struct streams *s = &self->streams;

	if ((private && netns_new()) || streams_start(s) || streams_link(s, self->dev))
		_exit(1);
	for (;;) {
		streams_pass(s);
		post(efd);
	}
}

/* Killed, with both ends of the connections; in the second half, a namespace ends with it. */
static int killed(SELF *self)
{
	int efd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), err = 0;
	pid_t child;

	for (int i = 0; i < 16 && !err; i++) {
		child = fork();
		if (!child)
			live(self, i >= 8, efd);
		for (int k = 0; k <= i % 8 && !err; k++)
			err = await(efd);
		err = kill(child, SIGKILL) ? -errno : err;
		if (finish(child) != 128 + SIGKILL)
			return 2;
		err = err ?: wait_gone(self);
		/* What it has posted besides */
		close(efd);
		efd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	}
	close(efd);
	return err;
}

TEST_BOTH(killed)

TEST_HARNESS_MAIN
