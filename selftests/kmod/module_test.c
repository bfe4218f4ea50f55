// SPDX-License-Identifier: GPL-2.0
/*
 * The module can be removed when it is unused, and not before, and leaves nothing: as
 * root, with $VNP_MODULE, the file to load it from again.
 */
#include <fcntl.h>
#include <linux/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include "burst.h"
#define LIGHT_LEAVES_OUT	"ip4_gro", "ip6"
#include "harness.h"
#include "held.h"
#include "insn.h"
#include "module.h"
#include "object.h"
#include "streams.h"
#include "waiting.h"

FIXTURE(module) {
	int dev;
	struct flow flow;
};

FIXTURE_SETUP(module)
{
	if (!as_root())
		SKIP(return, "modules are root's");
	ASSERT_EQ(0, module_needed());
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
}

FIXTURE_TEARDOWN(module)
{
	flow_close(&self->flow);
}

/* refused() - does removing it fail? 1, 0 */
static int refused(void)
{
	int err = module_remove();

	return err == -EWOULDBLOCK || err == -EBUSY;
}

TEST_F(module, unused)
{
	close(self->dev);
	ASSERT_EQ(0, module_remove_soon());
	EXPECT_EQ(-ENOENT, device_open());
	ASSERT_EQ(0, module_load(""));
	self->dev = device_open();
	EXPECT_OK(self->dev);
}

TEST_F(module, device_open)
{
	EXPECT_EQ(1, refused());
	close(self->dev);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

TEST_F(module, program_open)
{
	int prog = prog_verdict(self->dev, VNP_PASS);
	struct vnp_prog_run r = { 0 };
	__u8 in = 0;

	ASSERT_OK(prog);
	close(self->dev);
	EXPECT_EQ(1, refused());
	EXPECT_EQ(0, prog_run(prog, &in, 1, &r));
	EXPECT_EQ(VNP_PASS, r.retval);
	close(prog);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

TEST_F(module, map_open_or_mapped)
{
	struct map map;
	__u64 *word;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_ARRAY, 4, 8, 1, VNP_MAP_F_MMAP));
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd, 0);
	ASSERT_NE(MAP_FAILED, word);
	close(self->dev);
	EXPECT_EQ(1, refused());
	close(map.fd);
	EXPECT_EQ(1, refused());
	*word = 5;
	munmap(word, 4096);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

/* A link needs no descriptor: its socket pins the module. */
TEST_F(module, linked_socket)
{
	int prog = prog_by_first_byte(self->dev);
	int link = link_create(self->dev, prog, self->flow.rx, 0);

	ASSERT_OK(link);
	close(prog);
	close(link);
	close(self->dev);
	EXPECT_EQ(1, refused());
	ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
	ASSERT_EQ(4, flow_puts(&self->flow, "pass"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "pass"));
	EXPECT_EQ(1, refused());
	close(self->flow.rx);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

/* 1: what is accepted has a link; 0: not; negative: neither */
static int accepts_linked(struct conn *conn, int listener)
{
	char data[100];
	size_t len = message_make(data, MSG_DROP, 40, 1);
	int err;

	len += message_make(data + len, MSG_PASS, 60, 2);
	err = conn_begin(conn, listener) ?: conn_put(conn, data, len) ?:
	      conn_accept(conn, listener) ?: conn_arrived(conn, len);
	if (err)
		return err;
	len = recv(conn->rx, data, sizeof(data), 0);
	return len == 60 ? 1 : len == 100 ? 0 : -EIO;
}

/*
 * A listening socket pins it, and what it has accepted; a call of accept() that waits after the
 * link does not.
 */
TEST_F(module, listening)
{
	const int listener = stream_listen(FLOW_IP6, 0);
	struct conn waiting, queued, conn;
	struct waiting w;
	int link, sock;

	close(self->dev);
	ASSERT_EQ(0, module_remove_soon());
	ASSERT_EQ(0, module_load(""));
	for (int i = 0; i < 2; i++) {
		link = stream_link(listener, 0, 0);
		ASSERT_OK(link);
		EXPECT_EQ(1, accepts_linked(&conn, listener));
		EXPECT_EQ(1, refused());
		ASSERT_EQ(0, waiting_start(&w, listener));
		ASSERT_EQ(0, link_detach(link));
		close(link);
		EXPECT_EQ(1, refused());
		conn_close(&conn);
		ASSERT_EQ(0, module_remove_soon());
		ASSERT_EQ(0, conn_begin(&waiting, listener));
		sock = waiting_end(&w);
		EXPECT_OK(sock);
		close(sock);
		close(waiting.tx);
		EXPECT_EQ(0, accepts_linked(&conn, listener));
		conn_close(&conn);
		ASSERT_EQ(0, conn_begin(&queued, listener));
		ASSERT_EQ(0, module_load(""));
		ASSERT_EQ(0, conn_accept(&queued, listener));
		conn_close(&queued);
	}
	close(listener);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

/* With messages that are held: the socket keeps the module, and they end with it. */
TEST_F(module, messages_held)
{
	static struct rig rig;

	ASSERT_OK(rig_open(&rig, FLOW_IP4, LO_SINGLE, "hold"));
	ASSERT_EQ(0, message(&rig, 1, 20, 500, 1, false, HOLD_ONLY));
	ASSERT_EQ(0, settle(&rig));
	ASSERT_EQ(1, rig.info.held_messages);
	ASSERT_EQ(0, munmap(rig.seen, sysconf(_SC_PAGESIZE)));
	vnp_object_close(rig.obj);
	close(rig.link);
	close(self->dev);
	EXPECT_EQ(1, refused());
	flow_close(&rig.flow);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

/* A descriptor of a detached link pins it too. */
TEST_F(module, link_open)
{
	int prog = prog_verdict(self->dev, VNP_DROP);
	int link = link_create(self->dev, prog, self->flow.rx, 0);
	struct vnp_link_info info;

	ASSERT_EQ(0, link_detach(link));
	close(prog);
	close(self->dev);
	EXPECT_EQ(1, refused());
	EXPECT_EQ(0, link_info(link, &info));
	close(link);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

/* A descriptor in an unreceived message. */
TEST_F(module, descriptor_in_flight)
{
	int pair[2], prog = prog_verdict(self->dev, VNP_PASS);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	ASSERT_OK(send_fd(pair[0], prog));
	close(prog);
	close(self->dev);
	EXPECT_EQ(1, refused());
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

static atomic_bool stop;

/*
 * traffic_goes_on() - called between datagrams; traffic continues, but its threads pause
 *
 * Module exit waits until no task is in the module (synchronize_rcu_tasks()).  A task
 * that never sleeps delays this until a tick finds it in user space, where threads that
 * only send or receive rarely are: under KASAN that may take minutes.
 */
static bool traffic_goes_on(void)
{
	sched_yield();
	return !stop;
}

/*
 * encap_on() - enable encapsulation in the kernel, with or without the module, until the
 * returned socket is closed
 *
 * The first and the last such socket have code on the path of each datagram patched.  Of
 * two emulated processors, one may translate the old instruction again while the other is
 * about to write: QEMU then continues with a stale instruction, for example a breakpoint
 * of the kernel's patching that the kernel no longer knows.
 */
static int encap_on(void)
{
	int sock = udp_socket("::1", 0);

	return sock_set(sock, SOL_UDP, UDP_ENCAP, UDP_ENCAP_L2TPINUDP) ?: sock;
}

static void *send_datagrams(void *arg)
{
	struct flow flow = *(struct flow *)arg;

	flow.tx = udp_socket("127.0.0.1", 0);
	while (traffic_goes_on()) {
		flow_puts(&flow, "Drop");
		flow_puts(&flow, "pass");
	}
	close(flow.tx);
	return NULL;
}

static void *receive_datagrams(void *arg)
{
	struct flow *flow = arg;
	char data[64];

	while (traffic_goes_on())
		recv(flow->rx, data, sizeof(data), MSG_DONTWAIT);
	return NULL;
}

/* Under traffic: link, unlink, remove the module, load it. */
TEST_F_SMP(module, under_traffic)
{
	const int encap = encap_on();
	struct vnp_link_info info;
	pthread_t threads[3];
	int prog, link;

	ASSERT_OK(encap);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, send_datagrams, &self->flow));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, send_datagrams, &self->flow));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, receive_datagrams, &self->flow));
	for (int i = 0; i < 5; i++) {
		prog = prog_by_first_byte(self->dev);
		link = link_create(self->dev, prog, self->flow.rx, 0);
		ASSERT_OK(link);
		ASSERT_EQ(0, link_settle(link, 20, &info));
		EXPECT_EQ(1, refused());
		ASSERT_EQ(0, link_detach(link));
		close(link);
		close(prog);
		close(self->dev);
		ASSERT_EQ(0, module_remove_soon());
		ASSERT_EQ(0, module_load(""));
		self->dev = device_open();
		ASSERT_OK(self->dev);
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	close(encap);
	ASSERT_EQ(0, link_info(link_create(self->dev,
					   prog_verdict(self->dev, VNP_DROP),
					   self->flow.rx, 0), &info));
	EXPECT_EQ(1, info.attached);
}

/* A map with used and free elements when the module is removed. */
TEST_F(module, elements)
{
	struct map map;
	__u64 value = 0;

	ASSERT_OK(map_create(self->dev, &map, VNP_MAP_HASH, 4, 8, 2000, 0));
	for (__u32 key = 0; key < 2000; key++)
		ASSERT_EQ(0, map_update(&map, &key, &value, VNP_MAP_ANY));
	for (__u32 key = 0; key < 2000; key += 2)
		ASSERT_EQ(0, map_delete(&map, &key));
	for (__u32 key = 1; key < 2000; key += 2)
		ASSERT_EQ(0, map_update(&map, &key, &value, VNP_MAP_ANY));
	close(map.fd);
	close(self->dev);
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

/*
 * ---- Streams -----------------------------------------------------------------
 */

/* streams_round() - link both, and remove the module when they are detached */
static int streams_round(struct streams *s)
{
	int dev = device_open(), err;

	err = dev < 0 ? dev : streams_link(s, dev);
	if (err)
		return err;
	close(dev);
	streams_pass(s);
	if (!refused())
		return -EBUSY;
	err = streams_unlink(s) ?: module_remove_soon();
	streams_pass(s);
	return err ?: module_load("");
}

/* Streams are linked in the middle of messages, and the module is removed and loaded. */
TEST_F(module, streams)
{
	static struct streams s;

	close(self->dev);
	ASSERT_EQ(0, streams_start(&s));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, streams_round(&s));
	streams_end(&s);
	EXPECT_EQ(0, s.wrong);
}

/* The same, while the other processor executes the module */
TEST_F_SMP(module, streams_smp)
{
	static struct streams s;

	close(self->dev);
	ASSERT_EQ(0, streams_start(&s));
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, streams_round(&s));
	streams_end(&s);
	EXPECT_EQ(0, s.wrong);
}

/*
 * ---- Sockets that had a link, and whose datagrams are merged --------------
 *
 * They keep state of the link, but do not pin the module.
 */

FIXTURE(left) {
	int dev;
	struct wire wire;
	struct flow flow;
	__u32 seq;
	struct burst sent;
	struct burst want;
};

FIXTURE_VARIANT(left) {
	enum flow_kind kind;
	bool gro;
};

FIXTURE_VARIANT_ADD(left, ip4) { FLOW_IP4, false };
FIXTURE_VARIANT_ADD(left, ip4_gro) { FLOW_IP4, true };
FIXTURE_VARIANT_ADD(left, ip6) { FLOW_IP6, false };
FIXTURE_VARIANT_ADD(left, ip6_gro) { FLOW_IP6, true };

FIXTURE_SETUP(left)
{
	if (!as_root())
		SKIP(return, "modules are root's");
	ASSERT_EQ(0, module_needed());
	self->dev = device_open();
	ASSERT_OK(self->dev);
	pin(0);
	ASSERT_EQ(0, path_setup(&self->wire, WIRE_GSO));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, WIRE_GSO, variant->kind));
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, variant->gro));
}

FIXTURE_TEARDOWN(left)
{
	flow_close(&self->flow);
}

/* arrives() - send a burst; all but the dropped datagrams arrive.  Return: packets */
static int arrives(FIXTURE_DATA(left) *self, bool linked, bool gro)
{
	struct counts counts;
	int err;

	burst_fill_equal(&self->sent, &self->seq, "PPPPDDPP", 200);
	burst_expect(&self->want, &self->sent, false, false, &counts);
	err = burst_send(self->flow.tx, &self->sent, WIRE_GSO);
	return err ?: burst_recv(self->flow.rx, linked ? &self->want : &self->sent, gro);
}

/* link_and_detach() - the state that remains on the socket has no descriptor */
static int link_and_detach(FIXTURE_DATA(left) *self, bool gro)
{
	int prog = prog_by_first_byte(self->dev);
	int link = link_create(self->dev, prog, self->flow.rx, 0), n, err;

	n = arrives(self, true, gro);
	err = link_detach(link);
	close(link);
	close(prog);
	close(self->dev);
	self->dev = -1;
	return err ?: n;
}

/* Link, detach, remove the module, load it, repeatedly: always the same socket. */
TEST_F(left, module_comes_and_goes)
{
	const int whole = variant->gro ? 1 : 8, parts = variant->gro ? 2 : 6;

	EXPECT_EQ(whole, arrives(self, false, variant->gro));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(parts, link_and_detach(self, variant->gro));
		EXPECT_EQ(whole, arrives(self, false, variant->gro));
		self->dev = device_open();
		EXPECT_EQ(parts, link_and_detach(self, variant->gro));
		EXPECT_EQ(whole, arrives(self, false, variant->gro));
		EXPECT_EQ(variant->gro, sock_int(self->flow.rx, SOL_UDP, UDP_GRO));
		ASSERT_EQ(0, module_remove_soon());
		EXPECT_EQ(whole, arrives(self, false, variant->gro));
		ASSERT_EQ(0, module_load(""));
		EXPECT_EQ(whole, arrives(self, false, variant->gro));
		self->dev = device_open();
		ASSERT_OK(self->dev);
	}
	EXPECT_EQ(parts, link_and_detach(self, variant->gro));
	close(self->flow.rx);
	self->flow.rx = -1;
	EXPECT_EQ(0, module_remove_soon());
	EXPECT_EQ(0, module_load(""));
}

static void *send_bursts(void *arg)
{
	FIXTURE_DATA(left) *self = arg;
	struct burst burst;
	__u32 seq = 0;
	int tx = dup(self->flow.tx);

	burst_fill_equal(&burst, &seq, "PPPPDDPPPPDDPPPP", 200);
	while (traffic_goes_on())
		burst_send(tx, &burst, WIRE_GSO);
	close(tx);
	return NULL;
}

static void *receive_bursts(void *arg)
{
	FIXTURE_DATA(left) *self = arg;
	static struct arrival arrival;

	pin(1);
	while (traffic_goes_on())
		recv(self->flow.rx, arrival.data, sizeof(arrival.data), MSG_DONTWAIT);
	return NULL;
}

/* The same during a stream of super-packets. */
TEST_F_SMP(left, under_traffic)
{
	const int encap = encap_on();
	struct vnp_link_info info;
	pthread_t threads[2];
	int prog, link;

	ASSERT_OK(encap);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, send_bursts, self));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, receive_bursts, self));
	for (int i = 0; i < 3; i++) {
		prog = prog_by_first_byte(self->dev);
		link = link_create(self->dev, prog, self->flow.rx, 0);
		ASSERT_OK(link);
		ASSERT_EQ(0, link_settle(link, 100, &info));
		ASSERT_EQ(0, link_detach(link));
		close(link);
		close(prog);
		close(self->dev);
		ASSERT_EQ(0, module_remove_soon());
		ASSERT_EQ(0, module_load(""));
		self->dev = device_open();
		ASSERT_OK(self->dev);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	close(encap);
}

TEST_HARNESS_MAIN
