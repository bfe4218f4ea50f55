// SPDX-License-Identifier: GPL-2.0
/* Links of listening sockets: what these accept is linked, and nothing else is. */
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#define LIGHT_LEAVES_OUT	"ip4"
#include "harness.h"
#include "net.h"
#include "stream.h"
#include "waiting.h"

static __u8 sent[1 << 16], got[1 << 16];

FIXTURE(listen) {
	int dev;
	int listener;
	int link;		/* of @listener, or -1 */
	struct conn conn;
};

FIXTURE_VARIANT(listen) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(listen, ip4) { .kind = FLOW_IP4 };
FIXTURE_VARIANT_ADD(listen, ip6) { .kind = FLOW_IP6 };
FIXTURE_VARIANT_ADD(listen, mapped) { .kind = FLOW_MAPPED };

FIXTURE_SETUP(listen)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->listener = stream_listen(variant->kind, 0);
	ASSERT_OK(self->listener);
	self->link = -1;
	self->conn = (struct conn){ -1, -1, -1 };
}

FIXTURE_TEARDOWN(listen)
{
	conn_close(&self->conn);
	close(self->listener);
	close(self->link);
	close(self->dev);
}

#define SELF	struct _test_data_listen

/* attach() - link the listening socket */
static int attach(SELF *self)
{
	self->link = stream_link(self->listener, 0, 0);
	return self->link < 0 ? self->link : 0;
}

/* connected() - another connection, accepted; the one before is closed */
static int connected(SELF *self)
{
	conn_close(&self->conn);
	return conn_begin(&self->conn, self->listener) ?:
	       conn_accept(&self->conn, self->listener);
}

/* put() - send a message of this kind, or the first bytes of one */
static int put(SELF *self, char type, size_t len, size_t part)
{
	message_make(sent, type, len, len);
	return conn_put(&self->conn, sent, part);
}

/* next_is() - is the message that was sent last the next to be read? */
static int next_is(const struct conn *conn, size_t len)
{
	return recv(conn->rx, got, len, MSG_WAITALL) == (ssize_t)len &&
	       mem_differ(sent, got, len) == -1;
}

/*
 * filtered() - does a program drop messages of a connection? Both its first message, and one that
 * is sent later
 */
static int filtered(const struct conn *conn)
{
	static __u8 drop[40];
	struct conn copy = *conn;
	size_t len = sizeof(drop);

	message_make(drop, MSG_DROP, len, 1);
	message_make(sent, MSG_PASS, 50, 2);
	return !conn_put(&copy, drop, len) && !conn_put(&copy, sent, 50) && next_is(conn, 50);
}

/* plain() - is it as without a link? */
static int plain(const struct conn *conn)
{
	struct conn copy = *conn;

	message_make(sent, MSG_DROP, 60, 3);
	return !conn_put(&copy, sent, 60) && next_is(conn, 60);
}

/*
 * ---- What is accepted --------------------------------------------------------
 */

TEST_F(listen, accepted)
{
	struct vnp_link_info info, child;

	ASSERT_EQ(0, attach(self));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, connected(self));
		EXPECT_EQ(1, filtered(&self->conn));
	}
	self->conn.link = link_of_socket(self->dev, self->conn.rx, &child);
	ASSERT_OK(self->conn.link);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(1, info.attached);
	EXPECT_EQ(3, info.accepted);
	EXPECT_EQ(0, info.refused);
	EXPECT_EQ(0, info.packets);
	EXPECT_EQ(0, info.listener_id);
	EXPECT_EQ(sock_port(self->listener), info.local_port);
	EXPECT_EQ(info.id, child.listener_id);
	EXPECT_EQ(info.uid, child.uid);
	EXPECT_EQ(info.flags, child.flags);
	EXPECT_EQ(info.prog_id, child.prog_id);
	EXPECT_EQ(2, child.packets);
	EXPECT_EQ(1, child.verdicts[VNP_DROP]);
	EXPECT_EQ(-EBUSY, stream_link(self->conn.rx, 0, 0));
	/* It can be detached by itself. */
	ASSERT_EQ(0, link_detach(self->conn.link));
	EXPECT_EQ(1, plain(&self->conn));
}

/* Options are inherited, too. */
TEST_F(listen, options)
{
	self->link = stream_link(self->listener, VNP_LINK_F_STREAM_PASS, VNP_EOF_ABORT);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, connected(self));
	ASSERT_EQ(0, put(self, MSG_PASS, 100, 50));
	ASSERT_EQ(0, shutdown(self->conn.tx, SHUT_WR));
	EXPECT_EQ(-1, recv(self->conn.rx, got, 100, 0));
	EXPECT_EQ(ECONNABORTED, errno);
	ASSERT_EQ(0, connected(self));
	ASSERT_EQ(0, put(self, MSG_NONE, 100, 100));
	EXPECT_EQ(1, next_is(&self->conn, 100));
}

/* What arrives before accept() goes through the program: before the link, and after it. */
TEST_F(listen, queued)
{
	struct pollfd poll_fd = { .events = POLLIN };
	struct conn conns[6];

	for (int i = 0; i < 6; i++) {
		if (i == 3)
			ASSERT_EQ(0, attach(self));
		ASSERT_EQ(0, conn_begin(&conns[i], self->listener));
		message_make(sent, MSG_DROP, 30, 1);
		ASSERT_EQ(0, conn_put(&conns[i], sent, 30));
		message_make(sent, MSG_HOLD, 40, 2);
		ASSERT_EQ(0, conn_put(&conns[i], sent, i % 3 * 20));
	}
	for (int i = 0; i < 6; i++) {
		ASSERT_EQ(0, conn_accept(&conns[i], self->listener));
		ASSERT_EQ(0, conn_arrived(&conns[i], 30 + i % 3 * 20));
		poll_fd.fd = conns[i].rx;
		EXPECT_EQ(0, poll(&poll_fd, 1, 0));
		message_make(sent, MSG_HOLD, 40, 2);
		ASSERT_EQ(0, conn_put(&conns[i], sent + i % 3 * 20, 40 - i % 3 * 20));
		message_make(sent + 40, MSG_PASS, 10, 3);
		ASSERT_EQ(0, conn_put(&conns[i], sent + 40, 10));
		EXPECT_EQ(1, next_is(&conns[i], 50));
		EXPECT_EQ(1, filtered(&conns[i]));
		conn_close(&conns[i]);
	}
}

/* A peer has closed or reset the connection before it is accepted. */
TEST_F(listen, ended)
{
	const struct linger linger = { .l_onoff = 1 };

	ASSERT_EQ(0, attach(self));
	for (int i = 0; i < 2; i++) {
		conn_close(&self->conn);
		ASSERT_EQ(0, conn_begin(&self->conn, self->listener));
		ASSERT_EQ(0, put(self, MSG_DROP, 30, 30));
		ASSERT_EQ(0, put(self, MSG_PASS, 50, 50));
		if (i)
			ASSERT_EQ(0, setsockopt(self->conn.tx, SOL_SOCKET, SO_LINGER, &linger,
						sizeof(linger)));
		close(self->conn.tx);
		self->conn.tx = -1;
		ASSERT_EQ(0, conn_accept(&self->conn, self->listener));
		EXPECT_EQ(50, recv(self->conn.rx, got, 100, 0));
		EXPECT_MEM(sent, got, 50);
		EXPECT_EQ(i ? -1 : 0, recv(self->conn.rx, got, 100, 0));
		if (i)
			EXPECT_EQ(ECONNRESET, errno);
	}
}

/* sysctl() - the value of a number, or negative */
static int sysctl(const char *name)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	return read_text(path, text, sizeof(text)) < 0 ? -1 : (int)strtol(text, NULL, 0);
}

/* Without queues of half-open connections */
TEST_F(listen, cookies)
{
	ASSERT_EQ(0, netns_new());
	if (write_text("/proc/sys/net/ipv4/tcp_syncookies", "2") == -ENOENT)
		SKIP(return, "no CONFIG_SYN_COOKIES");
	ASSERT_EQ(2, sysctl("tcp_syncookies"));
	close(self->listener);
	self->listener = stream_listen(variant->kind, 0);
	ASSERT_OK(self->listener);
	ASSERT_EQ(0, conn_begin(&self->conn, self->listener));
	ASSERT_EQ(0, attach(self));
	for (int i = 0; i < 3; i++) {
		if (i)
			ASSERT_EQ(0, conn_begin(&self->conn, self->listener));
		ASSERT_EQ(0, conn_accept(&self->conn, self->listener));
		EXPECT_EQ(1, filtered(&self->conn));
		conn_close(&self->conn);
	}
	self->conn = (struct conn){ -1, -1, -1 };
}

/* A connection whose first message is in the SYN */
static int open_fast(SELF *self, const void *data, size_t len)
{
	struct sockaddr_storage addr;

	if (sock_addr(self->listener, &addr))
		return -errno;
	self->conn.tx = socket(addr.ss_family, SOCK_STREAM, 0);
	if (sendto(self->conn.tx, data, len, MSG_FASTOPEN, (struct sockaddr *)&addr,
		   sizeof(addr)) != (ssize_t)len)
		return -errno;
	return 0;
}

TEST_F(listen, fast_open)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	ASSERT_EQ(0, netns_new());
	/* both ends, without cookies */
	ASSERT_LT(0, write_text("/proc/sys/net/ipv4/tcp_fastopen", "0x207"));
	close(self->listener);
	self->listener = stream_listen(variant->kind, 0);
	ASSERT_OK(self->listener);
	ASSERT_EQ(0, sock_set(self->listener, IPPROTO_TCP, TCP_FASTOPEN, 10));
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			ASSERT_EQ(0, attach(self));
		size_t n = message_make(sent, MSG_DROP, 100, 1);

		n += message_make(sent + n, MSG_PASS, 20, 2);
		ASSERT_EQ(0, open_fast(self, sent, n));
		ASSERT_EQ(0, conn_accept(&self->conn, self->listener));
		ASSERT_EQ(0, getsockopt(self->conn.rx, IPPROTO_TCP, TCP_INFO, &info, &len));
		EXPECT_TRUE(info.tcpi_options & TCPI_OPT_SYN_DATA);
		EXPECT_EQ(i ? 20 : 120, recv(self->conn.rx, got, sizeof(got), 0));
		EXPECT_MEM(sent + (i ? 100 : 0), got, i ? 20 : 120);
		if (i)
			EXPECT_EQ(1, filtered(&self->conn));
		conn_close(&self->conn);
	}
	self->conn = (struct conn){ -1, -1, -1 };
}

/*
 * ---- Calls that wait ---------------------------------------------------------
 */

/* waited() - it returns with the connection, whose reads have a timeout */
static int waited(SELF *self, struct waiting *w)
{
	struct timeval patience = { .tv_sec = 20 };

	conn_close(&self->conn);
	if (conn_begin(&self->conn, self->listener))
		return -EIO;
	self->conn.rx = waiting_end(w);
	if (self->conn.rx < 0)
		return self->conn.rx;
	return setsockopt(self->conn.rx, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

TEST_F(listen, waiting_before)
{
	const struct sched_param idle = {};
	struct waiting w;

	ASSERT_EQ(0, waiting_start(&w, self->listener));
	/* It does not get the CPU unless creating the link waits for it. */
	ASSERT_EQ(0, sched_setscheduler(atomic_load(&w.tid), SCHED_IDLE, &idle));
	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, waited(self, &w));
	EXPECT_EQ(1, filtered(&self->conn));
}

TEST_F(listen, waiting_linked)
{
	struct waiting w;

	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, waiting_start(&w, self->listener));
	ASSERT_EQ(0, waited(self, &w));
	EXPECT_EQ(1, filtered(&self->conn));
}

TEST_F(listen, waiting_after)
{
	struct waiting w;

	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, waiting_start(&w, self->listener));
	ASSERT_EQ(0, link_detach(self->link));
	ASSERT_EQ(0, waited(self, &w));
	EXPECT_EQ(1, plain(&self->conn));
}

/* One connection wakes one of those who wait. */
TEST_F(listen, waiting_many)
{
	struct waiting w[4];
	struct conn conns[4];

	ASSERT_EQ(0, attach(self));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, waiting_start(&w[i], self->listener));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, conn_begin(&conns[i], self->listener));
	for (int i = 0; i < 4; i++) {
		EXPECT_OK(waiting_end(&w[i]));
		close(w[i].sock);
		close(conns[i].tx);
	}
}

TEST_F(listen, timeout)
{
	struct timeval timeout = { .tv_usec = 1000 };

	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_RCVTIMEO, &timeout,
				sizeof(timeout)));
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(self->listener, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(listen, epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int efd = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, epoll_ctl(efd, EPOLL_CTL_ADD, self->listener, &event));
	ASSERT_EQ(0, attach(self));
	EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
	for (int i = 0; i < 3; i++) {
		conn_close(&self->conn);
		ASSERT_EQ(0, conn_begin(&self->conn, self->listener));
		EXPECT_EQ(1, epoll_wait(efd, &event, 1, 10000));
		EXPECT_EQ(0, epoll_wait(efd, &event, 1, 0));
		ASSERT_EQ(0, conn_accept(&self->conn, self->listener));
		EXPECT_EQ(1, filtered(&self->conn));
	}
	close(efd);
}

/*
 * ---- The link ----------------------------------------------------------------
 */

TEST_F(listen, detach)
{
	struct conn before, queued;

	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, conn_begin(&before, self->listener));
	ASSERT_EQ(0, conn_accept(&before, self->listener));
	ASSERT_EQ(0, conn_begin(&queued, self->listener));
	ASSERT_EQ(0, link_detach(self->link));
	EXPECT_EQ(-ENOLINK, link_detach(self->link));
	/* A connection keeps its link, and one that was not accepted gets none. */
	EXPECT_EQ(1, filtered(&before));
	ASSERT_EQ(0, conn_accept(&queued, self->listener));
	EXPECT_EQ(1, plain(&queued));
	ASSERT_EQ(0, connected(self));
	EXPECT_EQ(1, plain(&self->conn));
	EXPECT_EQ(0, conn_link(&self->conn, 0, 0));
	/* and again */
	close(self->link);
	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, connected(self));
	EXPECT_EQ(1, filtered(&self->conn));
	conn_close(&before);
	conn_close(&queued);
}

/* A new program is that of connections which are accepted later. */
TEST_F(listen, replace)
{
	int stream, message, all;
	struct conn before;

	ASSERT_EQ(0, stream_progs(self->dev, &stream, &message));
	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, conn_begin(&before, self->listener));
	ASSERT_EQ(0, conn_accept(&before, self->listener));
	ASSERT_EQ(0, conn_begin(&self->conn, self->listener));
	all = stream_verdict(self->dev, VNP_PASS);
	ASSERT_OK(all);
	ASSERT_EQ(0, link_update(self->link, all, -1));
	EXPECT_EQ(-EEXIST, link_update(self->link, all, message));
	EXPECT_EQ(1, filtered(&before));
	ASSERT_EQ(0, conn_accept(&self->conn, self->listener));
	EXPECT_EQ(1, plain(&self->conn));
	EXPECT_EQ(0, link_update(self->link, message, all));
	EXPECT_EQ(1, plain(&self->conn));
	ASSERT_EQ(0, connected(self));
	EXPECT_EQ(1, filtered(&self->conn));
	conn_close(&before);
}

TEST_F(listen, close)
{
	struct vnp_link_info info;
	struct conn conns[4];

	ASSERT_EQ(0, attach(self));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, conn_begin(&conns[i], self->listener));
		ASSERT_EQ(0, conn_put(&conns[i], sent, 100));
	}
	ASSERT_EQ(0, conn_accept(&conns[0], self->listener));
	close(self->listener);
	self->listener = -1;
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(0, info.attached);
	EXPECT_EQ(1, info.accepted);
	for (int i = 1; i < 4; i++) {
		EXPECT_EQ(-1, recv(conns[i].tx, got, 1, 0));
		EXPECT_EQ(ECONNRESET, errno);
		conn_close(&conns[i]);
	}
	conn_close(&conns[0]);
	ASSERT_EQ(0, link_info(self->link, &info));
}

/* A socket that does not listen any more has no link, and is an ordinary one. */
TEST_F(listen, stop)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct vnp_link_info info;
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int other = stream_listen(variant->kind, 0);

	ASSERT_OK(other);
	ASSERT_EQ(0, getsockname(other, (struct sockaddr *)&addr, &len));
	ASSERT_EQ(0, attach(self));
	/* Calls that fail do not end listening, nor the link. */
	EXPECT_EQ(-1, shutdown(self->listener, 77));
	EXPECT_EQ(-1, connect(self->listener, (struct sockaddr *)&addr, len));
	EXPECT_EQ(EISCONN, errno);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(1, info.attached);
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(0, info.attached);
	close(self->link);
	/* It listens again. */
	ASSERT_EQ(0, listen(self->listener, 5));
	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, connected(self));
	EXPECT_EQ(1, filtered(&self->conn));
	/* It becomes a connection. */
	ASSERT_EQ(0, connect(self->listener, &none, sizeof(none)));
	ASSERT_EQ(0, connect(self->listener, (struct sockaddr *)&addr, len));
	conn_close(&self->conn);
	self->conn.tx = accept(other, NULL, NULL);
	self->conn.rx = self->listener;
	self->listener = -1;
	ASSERT_EQ(0, conn_link(&self->conn, 0, 0));
	EXPECT_EQ(1, filtered(&self->conn));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(0, info.attached);
	close(other);
}

TEST_F(listen, refused)
{
	struct vnp_link_info info;
	int sock, datagram;

	datagram = prog_verdict(self->dev, VNP_PASS);
	EXPECT_EQ(-EOPNOTSUPP, link_create(self->dev, datagram, self->listener, 0));
	EXPECT_EQ(-EINVAL, stream_link(self->listener, VNP_LINK_F_NO_MERGE, 0));
	sock = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (sock >= 0) {
		ASSERT_EQ(0, listen(sock, 5));
		EXPECT_EQ(-EOPNOTSUPP, stream_link(sock, 0, 0));
		close(sock);
	}
	ASSERT_EQ(0, attach(self));
	EXPECT_EQ(-EBUSY, stream_link(self->listener, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, link_update(self->link, datagram, -1));
	EXPECT_EQ(-1, setsockopt(self->listener, IPPROTO_TCP, TCP_ULP, "tls", 4));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(1, info.attached);
	/* A socket that has been a linked connection cannot listen. */
	ASSERT_EQ(0, connected(self));
	ASSERT_EQ(0, connect(self->conn.rx, &(struct sockaddr){ .sa_family = AF_UNSPEC },
			     sizeof(struct sockaddr)));
	EXPECT_EQ(-1, listen(self->conn.rx, 5));
	EXPECT_EQ(EINVAL, errno);
}

/* Another process accepts; the link stays that of the one who made it. */
TEST_F(listen, other_process)
{
	struct vnp_link_info info;
	pid_t child;

	ASSERT_EQ(0, attach(self));
	ASSERT_EQ(0, conn_begin(&self->conn, self->listener));
	child = fork();
	if (!child) {
		close(self->dev);
		_exit(conn_accept(&self->conn, self->listener) || filtered(&self->conn) != 1);
	}
	EXPECT_EQ(0, finish(child));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(1, info.accepted);
}

/*
 * ---- At any moment -------------------------------------------------------------
 */

/* links_left() - wait until this process may see only so many links */
static int links_left(int dev, int links)
{
	while (obj_count(dev, VNP_OBJ_LINK) != links)
		sched_yield();
	return 0;
}

/* A server is killed, with connections that it has accepted, and others. */
TEST_F(listen, killed)
{
	const int before = obj_count(self->dev, VNP_OBJ_LINK);
	int efd = eventfd(0, EFD_CLOEXEC);
	struct conn conns[6];
	pid_t child;

	child = fork();
	if (!child) {
		if (attach(self))
			_exit(1);
		for (int i = 0; i < 3; i++)
			if (conn_accept(&conns[i], self->listener))
				_exit(1);
		post(efd);
		accept(self->listener, NULL, NULL);
		pause();
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, conn_begin(&conns[i], self->listener));
		ASSERT_EQ(0, conn_put(&conns[i], sent, 100));
	}
	ASSERT_EQ(0, await(efd));
	close(self->listener);
	self->listener = -1;
	ASSERT_EQ(0, kill(child, SIGKILL));
	finish(child);
	for (int i = 0; i < 3; i++)
		close(conns[i].tx);
	EXPECT_EQ(0, links_left(self->dev, before));
	close(efd);
}

/* A network namespace ends with all of them. */
TEST_F(listen, namespace)
{
	const int before = obj_count(self->dev, VNP_OBJ_LINK);
	pid_t child = fork();

	if (!child) {
		struct conn conns[4];

		close(self->listener);
		if (netns_new())
			_exit(1);
		self->listener = stream_listen(variant->kind, 0);
		if (attach(self))
			_exit(2);
		for (int i = 0; i < 4; i++)
			if (conn_begin(&conns[i], self->listener) ||
			    conn_put(&conns[i], sent, 100) ||
			    (i < 2 && conn_accept(&conns[i], self->listener)))
				_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, finish(child));
	EXPECT_EQ(0, links_left(self->dev, before));
}

/*
 * struct traffic - connections that are made all the time
 * @stop:	they end
 * @made:	how many
 */
struct traffic {
	pthread_t thread;
	int listener;
	atomic_bool stop;
	int made;
};

/* Each sends a message that is dropped if there is a program, and one that is not. */
static void *traffic_send(void *arg)
{
	struct traffic *t = arg;
	__u8 data[100], end;
	struct conn conn;
	size_t len;

	len = message_make(data, MSG_DROP, 40, 1);
	len += message_make(data + len, MSG_PASS, 60, 2);
	while (!atomic_load(&t->stop)) {
		if (!conn_begin(&conn, t->listener) && !conn_put(&conn, data, len)) {
			t->made++;
			/* until it is closed */
			recv(conn.tx, &end, 1, 0);
		}
		close(conn.tx);
	}
	return NULL;
}

/* accept_one() - how many bytes of a connection are read, or negative */
static int accept_one(SELF *self)
{
	struct conn conn = { -1, -1, -1 };
	int n, ret = conn_accept(&conn, self->listener);

	if (ret)
		return ret;
	n = conn_arrived(&conn, 100) ?: recv(conn.rx, got, sizeof(got), 0);
	close(conn.rx);
	return n < 0 ? -errno : n;
}

/* Linked and not, alternately: always as it was when accept() was called */
TEST_F(listen, traffic)
{
	struct traffic t = { .listener = self->listener };
	struct vnp_link_info info;

	ASSERT_EQ(0, pthread_create(&t.thread, NULL, traffic_send, &t));
	for (int i = 0; i < 120; i++) {
		ASSERT_EQ(0, attach(self));
		for (int j = 0; j < i % 3; j++)
			EXPECT_EQ(60, accept_one(self));
		ASSERT_EQ(0, link_info(self->link, &info));
		EXPECT_EQ(i % 3, info.accepted);
		ASSERT_EQ(0, link_detach(self->link));
		close(self->link);
		self->link = -1;
		if (i % 2)
			EXPECT_EQ(100, accept_one(self));
	}
	atomic_store(&t.stop, true);
	shutdown(self->listener, SHUT_RD);
	ASSERT_EQ(0, pthread_join(t.thread, NULL));
}

static void *toggle(void *arg)
{
	SELF *self = arg;
	int link;

	for (int i = 0; i < 150; i++) {
		link = stream_link(self->listener, 0, 0);
		if (link < 0)
			return (void *)1L;
		sched_yield();
		if (link_detach(link))
			return (void *)2L;
		close(link);
	}
	return NULL;
}

/* Linked and detached while connections are accepted */
TEST_F(listen, race)
{
	struct traffic t = { .listener = self->listener };
	pthread_t thread;
	void *failed = NULL;
	int n;

	ASSERT_EQ(0, pthread_create(&t.thread, NULL, traffic_send, &t));
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, self));
	for (int i = 0; i < 250; i++) {
		n = accept_one(self);
		EXPECT_TRUE(n == 60 || n == 100) {
			TH_LOG("%d bytes", n);
		}
	}
	ASSERT_EQ(0, pthread_join(thread, &failed));
	EXPECT_EQ(NULL, failed);
	atomic_store(&t.stop, true);
	shutdown(self->listener, SHUT_RD);
	ASSERT_EQ(0, pthread_join(t.thread, NULL));
	EXPECT_LE(250, t.made);
}

TEST_HARNESS_MAIN
