// SPDX-License-Identifier: GPL-2.0
/*
 * The end of killed processes, of network namespaces, of the module.  Objects without
 * references are freed, and those with references are not.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "harness.h"
#include "wire.h"
#include "object.h"

/* objects_left() - wait until this user has at most this many objects; their number */
static int objects_left(int dev, int want)
{
	int n;

	for (int try = 0; try < 1000; try++) {
		n = obj_count_all(dev);
		if (n <= want)
			break;
		poll(NULL, 0, 10);
	}
	return n;
}

FIXTURE(killed) {
	int dev;
	int before;
	struct flow flow;
};

FIXTURE_SETUP(killed)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->before = objects_left(self->dev, 0);
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
}

FIXTURE_TEARDOWN(killed)
{
	flow_close(&self->flow);
	close(self->dev);
}

/* child_with_pipe() - a child that writes to @to, which is read from @from */
static pid_t child_with_pipe(int *from, int *to)
{
	int ends[2];
	pid_t child;

	if (pipe(ends))
		return -1;
	child = fork();
	if (child)
		close(ends[1]);
	else
		close(ends[0]);
	*from = ends[0];
	*to = ends[1];
	return child;
}

/*
 * live() - a process with all kinds of objects: program, maps, mapping, link, log reader
 */
static void live(struct flow *flow, int ready)
{
	struct vnp_object *obj;
	int link = -1;

	if (!object_load("tables", &obj) && object_globals(obj, ".bss"))
		link = object_link(obj, "count", flow->rx, 0);
	if (link < 0)
		_exit(1);
	while (write(ready, "r", 1) == 1)
		flow_puts(flow, "x");
	_exit(2);
}

/* Killed during a stream of datagrams. */
TEST_F(killed, with_everything_open)
{
	char bytes[2];
	int from = -1, to = -1;
	pid_t child;

	for (int i = 0; i < 10; i++) {
		child = child_with_pipe(&from, &to);
		if (!child)
			live(&self->flow, to);
		ASSERT_LT(0, read(from, bytes, sizeof(bytes)));
		ASSERT_EQ(0, kill(child, SIGKILL));
		EXPECT_EQ(128 + SIGKILL, finish(child));
		close(from);

		/* The test has the socket too, so the link continues to exist. */
		EXPECT_LT(self->before, obj_count_all(self->dev));
		flow_close(&self->flow);
		EXPECT_EQ(self->before, objects_left(self->dev, self->before));
		ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	}
}

/* A socket of the child is closed with it, while the test sends to it. */
TEST_F(killed, with_the_socket)
{
	const size_t len = sizeof(self->flow.rx_addr);
	struct flow flow;
	int from = -1, to = -1;
	pid_t child;

	for (int i = 0; i < 10; i++) {
		child = child_with_pipe(&from, &to);
		if (!child) {
			flow_open(&flow, FLOW_IP4);
			if (write(to, &flow.rx_addr, len) < 0)
				_exit(1);
			live(&flow, open("/dev/null", O_WRONLY));
		}
		ASSERT_EQ(len, read(from, &self->flow.rx_addr, len));
		close(from);
		for (int j = 0; j < 300; j++) {
			flow_puts(&self->flow, "to the child");
			if (j == 200)
				ASSERT_EQ(0, kill(child, SIGKILL));
		}
		EXPECT_EQ(128 + SIGKILL, finish(child));
		EXPECT_EQ(self->before, objects_left(self->dev, self->before));
	}
}

/* Killed at any point of an ioctl. */
TEST_F(killed, while_loading)
{
	struct vnp_object *obj;
	int from = -1, to = -1;
	char byte;
	pid_t child;

	for (int i = 0; i < 20; i++) {
		child = child_with_pipe(&from, &to);
		while (!child && write(to, "r", 1) == 1) {
			if (object_load("tables", &obj))
				_exit(1);
			vnp_object_close(obj);
		}
		for (int j = 0; j < i % 3 + 1; j++)
			ASSERT_LT(0, read(from, &byte, 1));
		ASSERT_EQ(0, kill(child, SIGKILL));
		EXPECT_EQ(128 + SIGKILL, finish(child));
		close(from);
	}
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

/* Objects in sockets' messages that nobody will ever receive: a cycle. */
TEST_F(killed, descriptors_in_a_cycle)
{
	struct map map;
	int pair[2], link, prog;

	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
		prog = prog_verdict(self->dev, VNP_PASS);
		ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 4, 8, 1, 0));
		link = link_create(self->dev, prog, self->flow.rx, 0);
		ASSERT_OK(link);
		ASSERT_OK(send_fd(pair[0], pair[1]));
		ASSERT_OK(send_fd(pair[0], prog));
		ASSERT_OK(send_fd(pair[0], map.fd));
		ASSERT_OK(send_fd(pair[0], link));
		ASSERT_OK(send_fd(pair[0], self->flow.rx));
		close(prog);
		close(map.fd);
		close(link);
		flow_close(&self->flow);
		close(pair[0]);
		close(pair[1]);
		ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	}
	/* The kernel looks for such cycles when a Unix socket is closed. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

/* A network namespace is destroyed with its linked sockets. */
TEST_F(killed, namespace_ends)
{
	pid_t child;

	for (int i = 0; i < 2; i++) {
		child = fork();
		if (!child) {
			struct flow flow;
			struct wire wire;
			int dev = device_open(), prog = prog_by_first_byte(dev);

			if (wire_new(&wire) || wire_flow(&wire, &flow, i & 1))
				_exit(1);
			if (link_create(dev, prog, flow.rx, 0) < 0 ||
			    link_create(dev, prog, flow.tx, 0) < 0)
				_exit(2);
			for (int j = 0; j < 100; j++)
				flow_puts(&flow, j & 1 ? "Drop" : "pass");
			_exit(flow_next_is(&flow, "pass") == 1 ? 0 : 3);
		}
		EXPECT_EQ(0, finish(child));
	}
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

/* A descriptor of a link outlives the namespace of its socket. */
TEST_F(killed, link_outlives_namespace)
{
	struct vnp_link_info info;
	int pair[2], link;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	child = fork();
	if (!child) {
		struct flow flow;

		if (netns_new() || flow_open(&flow, FLOW_IP4))
			_exit(1);
		link = link_create(self->dev, prog_verdict(self->dev, VNP_DROP),
				   flow.rx, 0);
		if (link < 0)
			_exit(2);
		flow_puts(&flow, "text");
		_exit(send_fd(pair[0], link) < 0);
	}
	EXPECT_EQ(0, finish(child));
	link = recv_fd(pair[1]);
	ASSERT_OK(link);
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(0, info.attached);
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);
	EXPECT_EQ(-ENOLINK, link_detach(link));
	close(link);
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

static atomic_bool stop;

/* send_text() - a thread that sends until told to stop, ignoring errors */
static void *send_text(void *arg)
{
	struct flow flow = *(struct flow *)arg;

	pin(1);
	while (!stop)
		flow_puts(&flow, "text");
	return NULL;
}

/* Sockets are closed and opened under traffic: no link or program leaks. */
TEST_F_SMP(killed, close_under_traffic)
{
	int prog = prog_verdict(self->dev, VNP_DROP), link;
	const int port = sock_port(self->flow.rx);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_text, &self->flow));
	for (int i = 0; i < 300; i++) {
		close(self->flow.rx);
		self->flow.rx = udp_socket("127.0.0.1", port);
		ASSERT_OK(self->flow.rx);
		link = link_create(self->dev, prog, self->flow.rx, 0);
		ASSERT_OK(link);
		close(link);
	}
	stop = true;
	pthread_join(thread, NULL);
	close(self->flow.rx);
	close(prog);
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

struct racer {
	pthread_t thread;
	int link;
	int sock;
	int how;
	atomic_int *go;
	int result;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	++*r->go;
	while (*r->go < 3)
		;
	r->result = r->how ? link_detach(r->link) : close(r->sock);
	return NULL;
}

/* Two detaching threads and one that closes the socket: one of them succeeds. */
TEST_F_SMP(killed, detach_and_close_race)
{
	int prog = prog_verdict(self->dev, VNP_DROP), detached = 0;
	struct racer r[3];

	for (int i = 0; i < 80; i++) {
		atomic_int go = 0;

		r[0].sock = udp_socket("127.0.0.1", 0);
		r[0].link = link_create(self->dev, prog, r[0].sock, 0);
		ASSERT_OK(r[0].link);
		for (int j = 0; j < 3; j++) {
			r[j] = (struct racer) {
				.link = r[0].link,
				.sock = r[0].sock,
				.how = j,
				.go = &go,
			};
			ASSERT_EQ(0, pthread_create(&r[j].thread, NULL, race, &r[j]));
		}
		for (int j = 0; j < 3; j++)
			pthread_join(r[j].thread, NULL);
		EXPECT_EQ(0, r[0].result);
		for (int j = 1; j < 3; j++) {
			EXPECT_TRUE(r[j].result == 0 || r[j].result == -ENOLINK);
			detached += !r[j].result;
		}
		EXPECT_NE(0, r[1].result + r[2].result);
		close(r[0].link);
	}
	close(prog);
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
	TH_LOG("detached before closed: %d of 80", detached);
}

struct attacher {
	pthread_t thread;
	int dev;
	int prog;
	int sock;
	long made;
	long busy;
	long other;
};

static void *attach_often(void *arg)
{
	struct attacher *a = arg;

	for (int i = 0; i < 100; i++) {
		int link = link_create(a->dev, a->prog, a->sock, 0);

		if (link == -EBUSY) {
			a->busy++;
			continue;
		}
		if (link < 0 || link_detach(link))
			a->other++;
		else
			a->made++;
		close(link);
	}
	return NULL;
}

/* Many link the same socket: each succeeds or gets EBUSY. */
TEST_F_SMP(killed, attach_race)
{
	struct attacher a[3];
	long made = 0;

	for (int i = 0; i < 3; i++) {
		a[i] = (struct attacher) {
			.dev = self->dev,
			.prog = prog_verdict(self->dev, VNP_DROP),
			.sock = self->flow.rx,
		};
		ASSERT_EQ(0, pthread_create(&a[i].thread, NULL, attach_often, &a[i]));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(a[i].thread, NULL);
		EXPECT_EQ(0, a[i].other);
		EXPECT_EQ(100, a[i].made + a[i].busy);
		made += a[i].made;
		close(a[i].prog);
	}
	EXPECT_LT(0, made);
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

/* Opening by id while the last reference is put: success or ENOENT. */
static void *open_ids(void *arg)
{
	int dev = *(int *)arg;
	long odd = 0;

	while (!stop) {
		struct vnp_obj_id id = {
			.size = sizeof(id),
			.kind = VNP_OBJ_PROG,
		};

		while (!do_ioctl(dev, VNP_OBJ_NEXT, &id)) {
			int fd = obj_open(dev, VNP_OBJ_PROG, id.id);

			odd += fd < 0 && fd != -ENOENT;
			if (fd >= 0)
				close(fd);
		}
	}
	return (void *)odd;
}

TEST_F_SMP(killed, open_race)
{
	pthread_t thread;
	void *odd;

	ASSERT_EQ(0, pthread_create(&thread, NULL, open_ids, &self->dev));
	for (int i = 0; i < 500; i++) {
		int prog = prog_verdict(self->dev, VNP_PASS);

		ASSERT_OK(prog);
		close(prog);
	}
	stop = true;
	pthread_join(thread, &odd);
	EXPECT_EQ(NULL, odd);
	EXPECT_EQ(self->before, objects_left(self->dev, self->before));
}

TEST_HARNESS_MAIN
