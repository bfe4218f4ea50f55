// SPDX-License-Identifier: GPL-2.0
/* Processes that keep the lock of a linked socket, as their memory is not available. */
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "faulting.h"
#include "harness.h"
#include "net.h"
#include "object.h"
#include "peer.h"
#include "stream.h"

#define SHARE	"/sys/module/vnp/parameters/softirq_share"
#define BURST	"/sys/module/vnp/parameters/softirq_burst_us"

/* More than the work items that a workqueue of 6.1 executes at once */
#define STUCK	300
#define STACK	65536

FIXTURE(stuck) {
	const char *lacks;	/* why the tests are skipped, or NULL */
	struct faulting faulting;
	struct conn conn[STUCK];
	struct conn other;
	pthread_t thread[STUCK];
	char share[16];
	char burst[16];
};

FIXTURE_SETUP(stuck)
{
	struct rlimit files;

	self->lacks = as_root() ? NULL : "only root can have such memory";
	if (self->lacks)
		return;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = files.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_LT(0, read_text(SHARE, self->share, sizeof(self->share)));
	ASSERT_LT(0, read_text(BURST, self->burst, sizeof(self->burst)));
	if (faulting_open(&self->faulting, STUCK)) {
		self->lacks = "the kernel has no userfaultfd()";
		return;
	}
	ASSERT_EQ(0, conn_open(&self->other, FLOW_IP4, 0));
	ASSERT_EQ(0, conn_link(&self->other, 0, 0));
}

FIXTURE_TEARDOWN(stuck)
{
	if (self->lacks)
		return;
	conn_close(&self->other);
	faulting_close(&self->faulting);
}

#define SELF	struct _test_data_stuck

/* other_works() - are messages read, of which more are held than are parsed at once? */
static int other_works(SELF *self)
{
	static __u8 sent[200 * 10], got[sizeof(sent)];

	for (size_t at = 0; at < sizeof(sent); at += 10)
		message_make(sent + at, at + 10 < sizeof(sent) ? MSG_HOLD : MSG_PASS, 10, at);
	return !conn_put(&self->other, sent, sizeof(sent)) &&
	       recv(self->other.rx, got, sizeof(got), MSG_WAITALL) == sizeof(got) &&
	       mem_differ(sent, got, sizeof(got)) == -1;
}

/*
 * While sockets are locked, their deferred work does not delay that of other sockets; it is done when
 * they are released.  It was deferred because the account was empty, for at most 0.25 s.
 */
TEST_F(stuck, workers)
{
	static struct faulting_sender senders[STUCK];
	int dev = device_open(), stream, message;
	pthread_attr_t attr;
	__u8 sent[100];
	double end;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	ASSERT_EQ(0, stream_progs(dev, &stream, &message));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	message_make(sent, MSG_PASS, sizeof(sent), 1);
	ASSERT_OK(write_text(BURST, "0"));
	ASSERT_OK(write_text(SHARE, "0"));
	for (int i = 0; i < STUCK; i++) {
		struct conn *conn = &self->conn[i];

		ASSERT_EQ(0, conn_open(conn, FLOW_IP4, 0));
		ASSERT_EQ(0, conn_link_to(conn, dev, stream, message, 0, 0));
		ASSERT_EQ(0, conn_put(conn, sent, sizeof(sent)));
		ASSERT_EQ(0, conn_arrived(conn, sizeof(sent)));
		senders[i] = (struct faulting_sender){
			conn->rx, self->faulting.page + i * self->faulting.size,
			self->faulting.size,
		};
		ASSERT_EQ(0, pthread_create(&self->thread[i], &attr, faulting_send,
					    &senders[i]));
	}
	EXPECT_EQ(0, faulting_await(&self->faulting, STUCK));
	EXPECT_OK(write_text(SHARE, self->share));
	EXPECT_OK(write_text(BURST, self->burst));
	for (end = seconds() + 0.5; seconds() < end;)
		ASSERT_EQ(1, other_works(self));
	ASSERT_EQ(0, faulting_fill(&self->faulting, 0));
	for (int i = 0; i < STUCK; i++) {
		struct pollfd poll_fd = { .fd = self->conn[i].rx, .events = POLLIN };

		ASSERT_EQ(0, pthread_join(self->thread[i], NULL));
		EXPECT_EQ(1, poll(&poll_fd, 1, 10000));
		conn_close(&self->conn[i]);
	}
	close(message);
	close(stream);
	close(dev);
}

static void *recv_page(void *arg)
{
	SELF *self = arg;

	return (void *)recv(self->other.rx, self->faulting.page, 100, 0);
}

/* uninterruptible() - wait until a process sleeps so.  Return: 0 or negative */
static int uninterruptible(pid_t pid)
{
	double end = seconds() + 20;
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		if (read_text(path, text, sizeof(text)) > 0 && strstr(text, ") D "))
			return 0;
		sched_yield();
	} while (seconds() < end);
	return -ETIMEDOUT;
}

/* killed() - can a process that waits in @wait be killed? */
static int killed(void (*wait)(void *arg), void *arg)
{
	double end = seconds() + 20;
	int status = 0, ret;
	pid_t pid = fork();

	if (!pid) {
		wait(arg);
		_exit(0);
	}
	if (uninterruptible(pid) || kill(pid, SIGKILL))
		return -1;
	do {
		ret = waitpid(pid, &status, WNOHANG);
		sched_yield();
	} while (!ret && seconds() < end);
	return ret == pid && WIFSIGNALED(status);
}

static void wait_detach(void *arg)
{
	SELF *self = arg;

	link_detach(self->other.link);
}

static void wait_recv(void *arg)
{
	SELF *self = arg;
	char byte;

	recv(self->other.rx, &byte, 1, 0);
}

/* reader_begin() - send a message, and have a thread read it that cannot continue */
static void reader_begin(struct __test_metadata *_metadata, SELF *self, pthread_t *thread,
			 __u8 *sent, size_t len)
{
	message_make(sent, MSG_PASS, len, 1);
	ASSERT_EQ(0, conn_put(&self->other, sent, len));
	ASSERT_EQ(0, pthread_create(thread, NULL, recv_page, self));
	ASSERT_EQ(0, faulting_await(&self->faulting, 1));
}

/* A process that waits for a reader that does not continue can be killed. */
TEST_F(stuck, reader)
{
	pthread_t thread;
	__u8 sent[100];
	void *ret;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	reader_begin(_metadata, self, &thread, sent, sizeof(sent));
	EXPECT_EQ(1, killed(wait_recv, self));
	EXPECT_EQ(1, killed(wait_detach, self));
	ASSERT_EQ(0, faulting_fill(&self->faulting, 0));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(100, (long)ret);
	EXPECT_EQ(0, link_detach(self->other.link));
}

/* wait_uring() - in a request of io_uring, which then reads a message.  Exits */
static void wait_uring(void *arg)
{
	SELF *self = arg;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	__u8 got[200];

	if (io_uring_queue_init(4, &ring, 0))
		_exit(1);
	io_uring_prep_recv(io_uring_get_sqe(&ring), self->other.rx, got, sizeof(got), 0);
	io_uring_submit(&ring);
	_exit(io_uring_wait_cqe(&ring, &cqe) || cqe->res != sizeof(got) / 2);
}

static void detach(void *arg)
{
	SELF *self = arg;

	_exit(link_detach(self->other.link));
}

/* started() - a process that waits in @wait.  Return: its ID, or negative */
static pid_t started(void (*wait)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (!pid)
		wait(arg);
	return uninterruptible(pid) ? -1 : pid;
}

/*
 * A request of io_uring waits for a reader, and the link is detached before it continues: it is not
 * interrupted, but gets the next message.
 */
TEST_F(stuck, uring)
{
	pid_t detacher, requester;
	__u8 sent[100];
	int status = -1;
	pthread_t thread;
	void *ret;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	reader_begin(_metadata, self, &thread, sent, sizeof(sent));
	detacher = started(detach, self);
	ASSERT_LT(0, detacher);
	requester = started(wait_uring, self);
	ASSERT_LT(0, requester);
	ASSERT_EQ(0, faulting_fill(&self->faulting, 0));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(100, (long)ret);
	EXPECT_EQ(detacher, waitpid(detacher, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, conn_put(&self->other, sent, sizeof(sent)));
	EXPECT_EQ(requester, waitpid(requester, &status, 0));
	EXPECT_EQ(0, status);
}

/*
 * ---- UDP: the page is to be appended to a datagram (MSG_MORE) -----------------
 */

static void *send_more(void *arg)
{
	struct faulting_sender *sender = arg;

	return (void *)send(sender->sock, sender->page, sender->len, MSG_MORE);
}

/* cork() - keep the lock of a socket that is connected.  Return: 0 or negative */
static int cork(SELF *self, int sock, pthread_t *thread, struct faulting_sender *sender)
{
	*sender = (struct faulting_sender){ sock, self->faulting.page, 100 };
	return pthread_create(thread, NULL, send_more, sender) ?:
	       faulting_await(&self->faulting, 1);
}

/* Detaching ends the program at once, although it waits for the socket. */
TEST_F(stuck, udp_detached)
{
	const int dev = device_open();
	struct faulting_sender sender;
	pthread_t thread;
	struct flow flow;
	pid_t pid;
	int link;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
	ASSERT_EQ(0, connect(flow.rx, (void *)&flow.tx_addr, sizeof(struct sockaddr_in)));
	link = link_create(dev, prog_verdict(dev, VNP_DROP), flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_EQ(0, cork(self, flow.rx, &thread, &sender));
	pid = fork();
	if (!pid)
		_exit(-link_detach(link));
	ASSERT_EQ(0, uninterruptible(pid));
	ASSERT_EQ(1, flow_puts(&flow, "x"));
	EXPECT_EQ(1, flow_next_is(&flow, "x"));
	ASSERT_EQ(0, faulting_fill(&self->faulting, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, finish(pid));
	flow_close(&flow);
	close(link);
	close(dev);
}

/* A map of peers, while a process waits for its socket */
struct waited {
	struct vnp_map *map;
	struct vnp_peer peer;
	_Atomic pid_t setter;
};

static const __u32 zero;

static void *wait_set(void *arg)
{
	struct waited *waited = arg;

	waited->setter = syscall(SYS_gettid);
	return (void *)(long)vnp_map_update(waited->map, &zero, &waited->peer, VNP_MAP_ANY);
}

static void wait_lookup(void *arg)
{
	struct waited *waited = arg;
	struct vnp_peer peer;

	vnp_map_lookup(waited->map, &zero, &peer);
}

static void wait_next_key(void *arg)
{
	struct waited *waited = arg;
	__u32 key;

	vnp_map_next_key(waited->map, NULL, &key);
}

static void wait_delete(void *arg)
{
	struct waited *waited = arg;

	vnp_map_delete(waited->map, &zero);
}

static void wait_freeze(void *arg)
{
	struct waited *waited = arg;
	struct map map = { .fd = vnp_map_fd(waited->map) };

	map_freeze(&map);
}

/*
 * A process that waits while another one sets a peer can be killed, in each operation on the map.
 */
TEST_F(stuck, udp_peers)
{
	static void (*const waits[])(void *arg) = {
		wait_lookup, wait_next_key, wait_delete, wait_freeze,
	};
	pthread_t corker, setter;
	struct vnp_object *obj;
	struct waited waited;
	struct faulting_sender sender;
	struct flow flow;
	void *ret;
	int link;

	if (self->lacks)
		SKIP(return, "%s", self->lacks);
	ASSERT_EQ(0, object_load("send", &obj));
	ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
	ASSERT_EQ(0, connect(flow.rx, (void *)&flow.tx_addr, sizeof(struct sockaddr_in)));
	link = object_link(obj, "send", flow.rx, 0);
	ASSERT_OK(link);
	waited.map = vnp_object_find_map(obj, "peers");
	waited.peer = peer_at(&flow.tx_addr);
	ASSERT_EQ(0, vnp_map_update(waited.map, &zero, &waited.peer, VNP_MAP_ANY));
	ASSERT_EQ(0, cork(self, flow.rx, &corker, &sender));
	waited.setter = 0;
	ASSERT_EQ(0, pthread_create(&setter, NULL, wait_set, &waited));
	while (!waited.setter)
		sched_yield();
	ASSERT_EQ(0, uninterruptible(waited.setter));
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		EXPECT_EQ(1, killed(waits[i], &waited)) {
			TH_LOG("operation %zu", i);
		}
	}
	ASSERT_EQ(0, faulting_fill(&self->faulting, 0));
	ASSERT_EQ(0, pthread_join(corker, NULL));
	ASSERT_EQ(0, pthread_join(setter, &ret));
	EXPECT_EQ(0, (long)ret);
	EXPECT_EQ(0, vnp_map_delete(waited.map, &zero));
	close(link);
	flow_close(&flow);
	vnp_object_close(obj);
}

TEST_HARNESS_MAIN
