// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy from or to user space fails once: as root, on a kernel
 * with CONFIG_FAULT_INJECTION (the debug kernel).  A call that fails must have no effect;
 * one that succeeds must be complete.
 */
#include <fcntl.h>
#include <linux/udp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include "burst.h"
#include "harness.h"
#include "insn.h"
#include "object.h"
#include "peer.h"
#include "sealed.h"
#include "../progs/hold.h"
#include "../progs/resize.h"
#include "../progs/seal.h"

#define DEBUGFS		"/sys/kernel/debug/"

/* Kinds of failures that can be injected */
static const char *const attrs[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static int attr_set(const char *attr, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", attr, name);
	return write_text(path, value);
}

FIXTURE(inject) {
	int dev;
	int fail_nth;
	struct flow flow;
	int prog;
	int link;
	struct map hash;
	struct map array;
	char elf[1 << 16];
	int elf_len;
};

FIXTURE_SETUP(inject)
{
	if (!as_root())
		SKIP(return, "debugfs is root's");
	self->fail_nth = open("/proc/self/fail-nth", O_RDWR);
	if (self->fail_nth < 0)
		SKIP(return, "no CONFIG_FAULT_INJECTION");
	/*
	 * Reading a file, by a page fault or otherwise, is not one of the tested calls.
	 */
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		ASSERT_LT(0, attr_set(attrs[i], "verbose", "0"));
		attr_set(attrs[i], "ignore-gfp-wait", "N");
		attr_set(attrs[i], "ignore-gfp-highmem", "N");
		attr_set(attrs[i], "min-order", "0");
	}
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	self->prog = prog_by_first_byte(self->dev);
	self->link = link_create(self->dev, self->prog, self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_OK(map_create(self->dev, &self->hash, VNP_MAP_HASH, 4, 8, 8, 0));
	ASSERT_OK(map_create(self->dev, &self->array, VNP_MAP_ARRAY, 4, 8, 8, 0));
}

FIXTURE_TEARDOWN(inject)
{
}

/*
 * fail_nth() - fail the nth allocation or copy from now on; 0: none
 *
 * Setting this can itself fail; then it works the next time.
 */
static void fail_nth(int fd, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(fd, text, strlen(text), 0) < 0 &&
	    pwrite(fd, text, strlen(text), 0) < 0)
		abort();
}

/* failed() - was the failure injected?  Not if this query itself fails. */
static bool failed(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	return atoi(text) == 0;
}

typedef int (*call_fn)(FIXTURE_DATA(inject) *self);

/*
 * in_every_place() - repeat a call with a failure injected at the first point, at the
 * second, and so on, until none is hit.  It may return ENOMEM, EFAULT or ENFILE, or
 * succeed (by a fallback); a returned descriptor is closed.
 */
static void in_every_place(struct __test_metadata *_metadata,
			   FIXTURE_DATA(inject) *self, call_fn call)
{
	int fds = fd_count(), objects = obj_count_all(self->dev), ret, n;
	bool hit = true;

	for (n = 1; hit && n < 3000; n++) {
		fail_nth(self->fail_nth, n);
		ret = call(self);
		hit = failed(self->fail_nth);
		fail_nth(self->fail_nth, 0);
		EXPECT_TRUE(ret >= 0 || ret == -ENOMEM || ret == -EFAULT ||
			    ret == -ENFILE) {
			TH_LOG("place %d: errno %d", n, -ret);
		}
		if (!hit)
			EXPECT_OK(ret);
		if (ret > 2)
			close(ret);
		ASSERT_EQ(fds, fd_count()) {
			TH_LOG("place %d: returned %d", n, ret);
		}
		ASSERT_EQ(objects, obj_count_all(self->dev)) {
			TH_LOG("place %d: returned %d", n, ret);
		}
	}
	EXPECT_LT(2, n);
	EXPECT_FALSE(hit);
	TH_LOG("%d places", n - 2);
}

static int load_program(FIXTURE_DATA(inject) *self)
{
	const struct bpf_insn insns[] = {
		LD_MAP(R1, 0),
		MOV_REG(R2, FP),
		ALU64_IMM(BPF_ADD, R2, -4),
		ST(BPF_W, FP, -4, 1),
		CALL(map_lookup),
		LDX(BPF_DW, R0, R0, 0),
		ALU64_IMM(BPF_SUB, R0, 1),
		JMP_IMM(BPF_JNE, R0, 0, -2),
		MOV_IMM(R0, VNP_PASS),
		EXIT(),
	};
	static char log[4096];
	struct vnp_prog_load attr = prog_attr(insns, ARRAY_SIZE(insns));

	attr.map_fds = (uintptr_t)&self->hash.fd;
	attr.map_cnt = 1;
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = VNP_LOG_STATES;
	return do_ioctl(self->dev, VNP_PROG_LOAD, &attr);
}

TEST_F(inject, prog_load)
{
	in_every_place(_metadata, self, load_program);
}

static int create_hash(FIXTURE_DATA(inject) *self)
{
	struct map map;

	return map_create(self->dev, &map, VNP_MAP_HASH, 4, 8, 1000, 0);
}

static int create_array(FIXTURE_DATA(inject) *self)
{
	struct map map;

	return map_create(self->dev, &map, VNP_MAP_ARRAY, 4, 8, 2000, VNP_MAP_F_MMAP);
}

static int create_percpu(FIXTURE_DATA(inject) *self)
{
	struct map map;

	return map_create(self->dev, &map, VNP_MAP_PERCPU_ARRAY, 4, 64, 20, 0);
}

TEST_F_SMP(inject, map_create)
{
	in_every_place(_metadata, self, create_hash);
	in_every_place(_metadata, self, create_array);
	in_every_place(_metadata, self, create_percpu);
}

/* Linked or not, the socket is an ordinary one afterwards. */
TEST_F(inject, link_create)
{
	int ret, n, made = 0;
	bool hit = true;

	link_detach(self->link);
	close(self->link);
	for (n = 1; hit && n < 1000; n++) {
		fail_nth(self->fail_nth, n);
		ret = link_create(self->dev, self->prog, self->flow.rx, 0);
		hit = failed(self->fail_nth);
		fail_nth(self->fail_nth, 0);
		EXPECT_TRUE(ret >= 0 || ret == -ENOMEM || ret == -EFAULT ||
			    ret == -ENFILE);
		if (ret >= 0) {
			made++;
			EXPECT_EQ(0, link_detach(ret));
			close(ret);
		}
		ASSERT_EQ(4, flow_puts(&self->flow, "Drop"));
		EXPECT_EQ(1, flow_next_is(&self->flow, "Drop"));
		EXPECT_EQ(0, obj_count(self->dev, VNP_OBJ_LINK));
	}
	EXPECT_FALSE(hit);
	EXPECT_LT(0, made);
	EXPECT_LT(4, n);
}

static int update_link(FIXTURE_DATA(inject) *self)
{
	return link_update(self->link, self->prog, self->prog);
}

static int info_of_link(FIXTURE_DATA(inject) *self)
{
	struct vnp_link_info info;

	return link_info(self->link, &info);
}

TEST_F(inject, link_update_and_info)
{
	in_every_place(_metadata, self, update_link);
	in_every_place(_metadata, self, info_of_link);
}

static int update_elem(FIXTURE_DATA(inject) *self)
{
	__u64 value = 1;
	__u32 key = 2;

	return map_update(&self->hash, &key, &value, VNP_MAP_ANY);
}

static int lookup_elem(FIXTURE_DATA(inject) *self)
{
	__u64 value;
	__u32 key = 2;

	return map_lookup(&self->array, &key, &value);
}

static int next_key(FIXTURE_DATA(inject) *self)
{
	__u32 key = 2, next;

	return map_next_key(&self->array, &key, &next);
}

TEST_F(inject, map_elements)
{
	struct vnp_map_info info;

	in_every_place(_metadata, self, update_elem);
	ASSERT_EQ(0, map_info(&self->hash, &info));
	EXPECT_EQ(1, info.entries);
	in_every_place(_metadata, self, lookup_elem);
	in_every_place(_metadata, self, next_key);
}

static int dump_prog(FIXTURE_DATA(inject) *self)
{
	char buf[4096];
	struct vnp_prog_dump attr = {
		.size = sizeof(attr),
		.what = VNP_DUMP_LOWERED,
		.buf = (uintptr_t)buf,
		.len = sizeof(buf),
	};

	return do_ioctl(self->prog, VNP_PROG_DUMP, &attr);
}

static int run_prog(FIXTURE_DATA(inject) *self)
{
	struct vnp_prog_run r = { .direct_len = 100 };
	char in[9000] = "payload";

	return prog_run(self->prog, in, sizeof(in), &r);
}

TEST_F(inject, prog_dump_and_run)
{
	in_every_place(_metadata, self, dump_prog);
	in_every_place(_metadata, self, run_prog);
}

/* The payload is what it was, or what it should become. */
TEST_F(inject, resize)
{
	static __u8 in[9000], out[65536];
	struct vnp_object *obj;
	struct change *change;
	int refused = 0, front;
	bool hit = true;

	ASSERT_EQ(0, object_load("resize", &obj));
	change = object_globals(obj, ".bss");
	ASSERT_NE(NULL, change);
	fill_random(in, sizeof(in), 41);
	for (int n = 1; hit && n < 1000; n++) {
		struct vnp_prog_run r = {
			.data_out = (uintptr_t)out,
			.data_out_len = sizeof(out),
			.direct_len = 100,
		};

		*change = (struct change){ -5000, 3000, VNP_PASS };
		fail_nth(self->fail_nth, n);
		if (prog_run(object_prog(obj, "resize"), in, sizeof(in), &r))
			r.data_out_len = 0;
		hit = failed(self->fail_nth);
		fail_nth(self->fail_nth, 0);
		if (!r.data_out_len)
			continue;
		EXPECT_TRUE(!change->head_ret || change->head_ret == -ENOMEM);
		EXPECT_TRUE(!change->tail_ret || change->tail_ret == -ENOMEM);
		refused += change->head_ret || change->tail_ret;
		front = change->head_ret ? 0 : 5000;
		EXPECT_EQ(front + 9000 + (change->tail_ret ? 0 : 3000), r.data_out_len);
		EXPECT_MEM(in, out + front, sizeof(in));
	}
	EXPECT_FALSE(hit);
	EXPECT_LT(0, refused);
	vnp_object_close(obj);
}

/* A whole object, loaded by libvnp from memory. */
static int load_object(FIXTURE_DATA(inject) *self)
{
	struct vnp_object *obj;
	int err;

	err = vnp_object_open_mem(self->elf, self->elf_len, NULL, &obj);
	if (err)
		return err;
	err = vnp_object_load(obj, NULL);
	vnp_object_close(obj);
	return err;
}

TEST_F(inject, object_load)
{
	int objects = obj_count_all(self->dev), ret = 0;

	self->elf_len = object_read("tables", self->elf, sizeof(self->elf));
	ASSERT_LT(0, self->elf_len);
	for (int n = 1; n < 400; n += 3) {
		fail_nth(self->fail_nth, n);
		ret = load_object(self);
		fail_nth(self->fail_nth, 0);
		EXPECT_GE(0, ret);
		ASSERT_EQ(objects, obj_count_all(self->dev));
	}
	EXPECT_EQ(0, load_object(self));
}

/* Datagrams whose private copy cannot be allocated are counted, not passed unseen. */
static int send_one(FIXTURE_DATA(inject) *self)
{
	int ret = flow_puts(&self->flow, "pass");

	return ret == -ENOBUFS ? -ENOMEM : ret < 0 ? ret : 0;
}

TEST_F(inject, datagrams)
{
	struct vnp_link_info info;
	struct vnp_object *obj;
	char data[64];

	pin(0);
	ASSERT_EQ(0, object_load("bytes", &obj));
	ASSERT_EQ(0, link_update(self->link, object_prog(obj, "invert"), -1));
	in_every_place(_metadata, self, send_one);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_LT(0, info.verdicts[VNP_PASS]);
	while (recv(self->flow.rx, data, sizeof(data), MSG_DONTWAIT) > 0)
		EXPECT_MEM("\x8f\x9e\x8c\x8c", data, 4);
	vnp_object_close(obj);
}

/*
 * ---- Splitting packets ----------------------------------------------------
 *
 * This is in softirq, where allocations cannot sleep.
 */

/* fail_atomic() - make such allocations fail randomly, or not */
static void fail_atomic(bool yes)
{
	attr_set("failslab", "task-filter", "N");
	attr_set("failslab", "ignore-gfp-wait", "Y");
	attr_set("failslab", "times", "-1");
	attr_set("failslab", "interval", "1");
	attr_set("failslab", "probability", yes ? "2" : "0");
}

/* fail_atomic_pages() - likewise, allocations of pages */
static void fail_atomic_pages(bool yes)
{
	attr_set("fail_page_alloc", "task-filter", "N");
	attr_set("fail_page_alloc", "ignore-gfp-wait", "Y");
	attr_set("fail_page_alloc", "times", "-1");
	attr_set("fail_page_alloc", "interval", "1");
	attr_set("fail_page_alloc", "probability", yes ? "20" : "0");
}

/*
 * recv_subset() - a subset of the expected datagrams arrives, which have one size, in
 * order, and then all of @last.  Return: the number of missing ones
 */
static int recv_subset(int sock, const struct burst *want, const struct burst *last)
{
	static struct arrival arrival;
	const int size = want->len[0];
	int i = 0, missing = 0;

	while (!burst_recv_one(sock, &arrival)) {
		if (arrival.len == last->len[0])
			return mem_differ(last->data[0], arrival.data, arrival.len) < 0 ?
			       missing + want->cnt - i : -1;
		for (int pos = 0; pos < arrival.len; pos += size) {
			while (i < want->cnt &&
			       mem_differ(want->data[i], arrival.data + pos, size) >= 0) {
				i++;
				missing++;
			}
			if (i++ == want->cnt)
				return -2;
		}
	}
	return -3;
}

/* Bursts after which one has failed: each allocation does with a probability of 2 percent */
#define TRIES_MAX	1000

TEST_F(inject, super_packets)
{
	static const char *const names[] = { "read_only", "write_direct" };
	static struct burst sent, want, last;
	struct counts counts = { 0 };
	struct vnp_link_info info;
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	int link, n, missing;
	__u32 seq = 0;

	pin(0);
	ASSERT_EQ(0, object_load("orders", &obj));
	ASSERT_EQ(0, path_setup(&wire, WIRE_GSO));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, path_flow(&flow, &wire, WIRE_GSO,
				       i ? FLOW_IP6 : FLOW_IP4));
		link = object_link(obj, names[i], flow.rx, 0);
		ASSERT_OK(link);
		missing = 0;
		for (int j = 0; j < 100 || (j < TRIES_MAX && !missing); j++) {
			burst_fill_equal(&sent, &seq, i ? "PPDPIISPDPPDPISDDPP" :
				"PPDPPPLLDPPDPPPDDPP", 300);
			burst_fill_equal(&last, &seq, "P", 200);
			burst_expect(&want, &sent, i, false, &counts);
			fail_atomic(true);
			burst_send(flow.tx, &sent, WIRE_GSO);
			fail_atomic(false);
			ASSERT_EQ(0, burst_send(flow.tx, &last, WIRE_SINGLE));
			n = recv_subset(flow.rx, &want, &last);
			ASSERT_OK(n);
			missing += n;
		}
		ASSERT_EQ(0, link_info(link, &info));
		EXPECT_LT(0, info.errors[VNP_ERROR_MEMORY]);
		EXPECT_LT(0, missing);
		/* Nothing remains in the queue. */
		burst_expect(&want, &sent, i, false, &counts);
		ASSERT_EQ(0, burst_send(flow.tx, &sent, WIRE_GSO));
		EXPECT_EQ(want.cnt, burst_recv(flow.rx, &want, false));
		close(link);
		flow_close(&flow);
	}
	vnp_object_close(obj);
}

/* held_fill() - a message in eight datagrams, to be released as one or each */
static void held_fill(struct burst *burst, __u64 message, int order)
{
	struct fragment fragment = { order, message % 2, 8, 0, message };

	for (burst->cnt = 0; burst->cnt < 8; burst->cnt++) {
		fragment.index = burst->cnt;
		memset(burst->data[burst->cnt], message, 300);
		memcpy(burst->data[burst->cnt], &fragment, sizeof(fragment));
		burst->len[burst->cnt] = 300;
	}
}

static const struct {
	int order;
	bool allocates;
} held_orders[] = {
	/* What arrived in one packet is kept, written to and released in it. */
	{ HOLD_HOLD, false },
	{ HOLD_WRITE, false },
	{ HOLD_EACH, true },
};

/* Messages arrive as a whole, or are counted.  Softirqs may be late by a message. */
TEST_F(inject, held)
{
	const int bytes[] = { 8 * 300, 8 * (300 - sizeof(struct fragment)) };
	static struct burst sent;
	struct vnp_link_info info;
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	__u8 got[65536];
	int link, len;

	pin(0);
	ASSERT_EQ(0, object_load("hold", &obj));
	ASSERT_EQ(0, path_setup(&wire, WIRE_GSO));
	ASSERT_EQ(0, path_flow(&flow, &wire, WIRE_GSO, FLOW_IP4));
	for (int i = 0; i < 3; i++) {
		const int order = held_orders[i].order, cnt = order == HOLD_EACH ? 8 : 1;
		const bool allocates = held_orders[i].allocates;

		link = object_link(obj, "hold", flow.rx, 0);
		ASSERT_OK(link);
		info.errors[VNP_ERROR_MEMORY] = 0;
		for (int j = 0; j < 150 || (allocates && j < TRIES_MAX &&
					    !info.errors[VNP_ERROR_MEMORY]); j++) {
			held_fill(&sent, j, order);
			fail_atomic(true);
			burst_send(flow.tx, &sent, WIRE_GSO);
			fail_atomic(false);
			while ((len = recv(flow.rx, got, sizeof(got), MSG_DONTWAIT)) > 0)
				ASSERT_TRUE(len * cnt == bytes[0] || len * cnt == bytes[1]);
			ASSERT_EQ(0, link_info(link, &info));
		}
		ASSERT_EQ(0, link_detach(link));
		ASSERT_EQ(0, link_info(link, &info));
		EXPECT_EQ(allocates, info.errors[VNP_ERROR_MEMORY] > 0);
		EXPECT_LT(0, info.released);
		EXPECT_EQ(info.verdicts[VNP_HELD], info.released_fragments +
			  info.errors[VNP_ERROR_MEMORY] + info.errors[VNP_ERROR_DISCARDED]);
		close(link);
	}
	flow_close(&flow);
	vnp_object_close(obj);
}

/* seal_prepare() - two peers, and one key for both */
static int seal_prepare(struct vnp_object *obj, const int rx[2])
{
	struct seal_orders *orders = object_globals(obj, ".bss");
	const struct vnp_key key = { .alg = VNP_KEY_CHACHA20_POLY1305, .key_len = 32 };
	const struct seal_key id = {};
	int err;

	if (!orders)
		return -ENOENT;
	*orders = (struct seal_orders) {
		.peers = 2, .one_key = 1,
		.seal = { .size = sizeof(struct vnp_seal), .len = VNP_SEND_REST },
	};
	err = vnp_map_update(vnp_object_find_map(obj, "keys"), &id, &key, VNP_MAP_ANY);
	for (__u32 i = 0; !err && i < 2; i++) {
		struct vnp_peer peer = peer_of(rx[i]);

		err = vnp_map_update(vnp_object_find_map(obj, "peers"), &i, &peer, VNP_MAP_ANY);
	}
	return err;
}

/* Datagrams that cannot be sealed are counted by the peer; plaintext is never sent. */
TEST_F(inject, sealed)
{
	static const int lens[] = { 100, 1400, 9000, 40000 };
	static __u8 plain[40000], got[65536];
	struct vnp_peer peer[2] = {};
	struct vnp_link_info info;
	struct vnp_object *obj;
	int rx[2], len;

	pin(0);
	memset(plain, 'p', sizeof(plain));
	ASSERT_EQ(0, object_load("seal", &obj));
	ASSERT_EQ(0, link_update(self->link, object_prog(obj, "seal"), -1));
	for (int i = 0; i < 2; i++) {
		rx[i] = udp_socket("127.0.0.1", 0);
		ASSERT_OK(rx[i]);
	}
	ASSERT_EQ(0, seal_prepare(obj, rx));
	for (int j = 0; j < 400 || (j < 4 * TRIES_MAX && (!peer[0].errors[VNP_ERROR_MEMORY] ||
							  !peer[1].errors[VNP_ERROR_MEMORY])); j++) {
		fail_atomic(true);
		fail_atomic_pages(true);
		flow_send(&self->flow, plain, lens[j % ARRAY_SIZE(lens)]);
		fail_atomic(false);
		fail_atomic_pages(false);
		for (__u32 i = 0; i < 2; i++) {
			while ((len = recv(rx[i], got, sizeof(got), MSG_DONTWAIT)) > 0)
				EXPECT_EQ(NULL, memmem(got, len, "pppppppp", 8));
			ASSERT_EQ(0, vnp_map_lookup(vnp_object_find_map(obj, "peers"), &i, &peer[i]));
		}
	}
	ASSERT_EQ(0, link_info(self->link, &info));
	for (int i = 0; i < 2; i++) {
		EXPECT_LT(0, peer[i].sent);
		EXPECT_LT(0, peer[i].errors[VNP_ERROR_MEMORY]);
		EXPECT_EQ(info.packets, peer[i].sent + peer_errors(&peer[i]));
		close(rx[i]);
	}
	vnp_object_close(obj);
}

/* What is accepted has a link, or nothing is accepted and the connection is closed. */
TEST_F(inject, accept)
{
	const int listener = stream_listen(FLOW_IP4, 0), objects = obj_count_all(self->dev);
	const int link = stream_link(listener, 0, 0);
	struct pollfd queue = { .fd = listener, .events = POLLIN };
	int n, err, made = 0, refused = 0;
	struct vnp_link_info info;
	struct conn conn;
	char data[100], got[60];
	bool hit = true;

	ASSERT_OK(link);
	message_make(data, MSG_DROP, 40, 1);
	message_make(data + 40, MSG_PASS, 60, 2);
	for (n = 1; hit && n < 1000; n++) {
		ASSERT_EQ(0, conn_begin(&conn, listener));
		ASSERT_EQ(0, conn_put(&conn, data, sizeof(data)));
		fail_nth(self->fail_nth, n);
		conn.rx = accept(listener, NULL, NULL);
		err = errno;
		hit = failed(self->fail_nth);
		fail_nth(self->fail_nth, 0);
		if (conn.rx >= 0) {
			made++;
			EXPECT_EQ(0, conn_arrived(&conn, sizeof(data)));
			EXPECT_EQ(60, recv(conn.rx, got, 60, 0));
			EXPECT_EQ(-1, recv(conn.rx, got, 1, MSG_DONTWAIT));
		} else {
			refused++;
			EXPECT_TRUE(err == ENOMEM || err == ENFILE);
		}
		/* It may not have been taken from the queue. */
		if (poll(&queue, 1, 0))
			close(accept(listener, NULL, NULL));
		conn_close(&conn);
	}
	EXPECT_FALSE(hit);
	EXPECT_LT(0, made);
	EXPECT_LT(0, refused);
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_LT(0, info.refused);
	EXPECT_LE(info.refused, refused);
	link_detach(link);
	close(link);
	close(listener);
	while (obj_count_all(self->dev) != objects)
		sched_yield();
}

/*
 * ---- Streams --------------------------------------------------------------
 */

/* linked_or_not() - a message to be dropped and one that is not; return: is the first read? */
static int linked_or_not(struct conn *conn)
{
	__u8 data[100], got[100];

	message_make(data, MSG_DROP, 40, 1);
	message_make(data + 40, MSG_PASS, 60, 2);
	if (conn_put(conn, data, sizeof(data)) ||
	    recv(conn->rx, got, 40, MSG_WAITALL) != 40)
		return -1;
	if (mem_differ(data, got, 40) >= 0)
		return mem_differ(data + 40, got, 40) < 0 &&
		       recv(conn->rx, got, 20, MSG_WAITALL) == 20 ? 0 : -2;
	return recv(conn->rx, got, 60, MSG_WAITALL) == 60 ? 1 : -3;
}

/* The connection is linked, or an ordinary one. */
TEST_F(inject, stream_link)
{
	const int objects = obj_count_all(self->dev);
	int stream, message, ret, n, made = 0, fds;
	struct conn conn;
	bool hit = true;

	ASSERT_EQ(0, stream_progs(self->dev, &stream, &message));
	ASSERT_EQ(0, conn_open(&conn, FLOW_IP4, 0));
	fds = fd_count();
	for (n = 1; hit && n < 1000; n++) {
		fail_nth(self->fail_nth, n);
		ret = conn_link_to(&conn, self->dev, stream, message, 0, 0);
		hit = failed(self->fail_nth);
		fail_nth(self->fail_nth, 0);
		EXPECT_TRUE(!ret || ret == -ENOMEM || ret == -EFAULT || ret == -ENFILE);
		EXPECT_EQ(ret ? 1 : 0, linked_or_not(&conn));
		if (!ret) {
			made++;
			EXPECT_EQ(0, link_detach(conn.link));
			close(conn.link);
		}
		ASSERT_EQ(fds, fd_count());
	}
	EXPECT_FALSE(hit);
	EXPECT_LT(0, made);
	EXPECT_LT(4, n);
	conn.link = -1;
	conn_close(&conn);
	close(stream);
	close(message);
	while (obj_count_all(self->dev) != objects)
		sched_yield();
}

/**
 * struct texts - messages that are opened, and what is read of them
 * @conn:	linked
 * @obj:	the programs
 * @number:	of the last message
 * @len:	bytes of @sent
 * @want_len:	of @want
 */
struct texts {
	struct conn conn;
	struct vnp_object *obj;
	__u64 number;
	size_t len;
	size_t want_len;
	__u64 total;
	__u8 sent[1 << 19];
	__u8 want[1 << 19];
	__u8 got[1 << 19];
};

static struct texts texts;

static int texts_open(struct texts *t)
{
	return sealed_load(&t->obj) ?: conn_open(&t->conn, FLOW_IP4, 0) ?:
	       sealed_link(t->obj, &t->conn, 0, VNP_EOF_DELIVER);
}

/* texts_add() - a message; 'F' is forged, and is dropped too */
static void texts_add(struct texts *t, char type, size_t len)
{
	static __u8 text[60000];
	struct sealed_header header = {
		.type = type == 'F' ? MSG_PASS : type,
		.key = t->number % 2 ? SEALED_AES : SEALED_CHACHA,
		.flags = t->number % 3 ? 0 : SEALED_F_WRITE,
		.number = ++t->number,
	};

	fill_random(text, len, t->number);
	t->len += sealed_make(t->sent + t->len, &header, text, len);
	if (type == MSG_PASS || type == MSG_HOLD)
		t->want_len += sealed_opened(t->want + t->want_len, &header, text, len);
	if (type == 'F')
		t->sent[t->len - 1] ^= 1;
}

/* texts_put() - send them, in one segment or many */
static int texts_put(struct texts *t, size_t segment)
{
	int err = 0;

	for (size_t at = 0; at < t->len && !err; at += segment)
		err = conn_put(&t->conn, t->sent + at,
			       t->len - at < segment ? t->len - at : segment);
	t->total += t->len;
	t->len = 0;
	return err;
}

/* texts_read() - after @done bytes, read the others.  Return: were all as wanted? */
static bool texts_read(struct texts *t, size_t done)
{
	const size_t len = t->want_len;

	t->want_len = 0;
	if (done < len && recv(t->conn.rx, t->got + done, len - done, MSG_WAITALL) != len - done)
		return false;
	return mem_differ(t->want, t->got, len) < 0 &&
	       recv(t->conn.rx, t->got, 1, MSG_DONTWAIT) < 0;
}

/* A call that fails has read nothing, and the next one reads it. */
TEST_F(inject, stream_read)
{
	struct texts *t = &texts;
	int n, failures = 0;
	bool hit = true;
	ssize_t ret;

	ASSERT_EQ(0, texts_open(t));
	for (n = 1; hit && n < 1000; n++) {
		texts_add(t, MSG_DROP, 200);
		texts_add(t, MSG_HOLD, 3000);
		texts_add(t, 'F', 100);
		texts_add(t, MSG_PASS, 20000);
		ASSERT_EQ(0, texts_put(t, 1000));
		ASSERT_EQ(0, conn_arrived(&t->conn, t->total));
		fail_nth(self->fail_nth, n);
		ret = recv(t->conn.rx, t->got, sizeof(t->got), 0);
		ret = ret < 0 ? -errno : ret;
		hit = failed(self->fail_nth);
		fail_nth(self->fail_nth, 0);
		EXPECT_TRUE(ret > 0 || ret == -ENOMEM || ret == -EFAULT) {
			TH_LOG("place %d: errno %zd", n, -ret);
		}
		failures += ret < 0;
		ASSERT_TRUE(texts_read(t, ret < 0 ? 0 : ret)) {
			TH_LOG("place %d: returned %zd", n, ret);
		}
	}
	EXPECT_FALSE(hit);
	EXPECT_LT(0, failures);
	TH_LOG("%d places, %d failures", n - 2, failures);
	conn_close(&t->conn);
	vnp_object_close(t->obj);
}

/* Bytes of messages, and how they are sent */
static const struct {
	int len;
	size_t segment;
} texts_kinds[] = { { 50, 64 }, { 1400, 500 }, { 9000, 1448 }, { 60000, 1 << 19 }, { 60000, 700 } };

#define TIMES	1000000

/* failures_count() - since TIMES was written to "times"; it is written again */
static int failures_count(const char *attr)
{
	char path[128], text[16] = "";

	snprintf(path, sizeof(path), DEBUGFS "%s/times", attr);
	if (read_text(path, text, sizeof(text)) < 0)
		return 0;
	attr_set(attr, "times", "1000000");
	return TIMES - atoi(text);
}

/* What cannot be allocated when a message arrives is tried again: nothing is missing. */
TEST_F(inject, stream_arrives)
{
	struct texts *t = &texts;
	int slabs = 0, pages = 0;

	pin(0);
	ASSERT_EQ(0, texts_open(t));
	for (int j = 0; j < 60; j++) {
		const int len = texts_kinds[j % ARRAY_SIZE(texts_kinds)].len;

		for (int i = 0; i < 4; i++)
			texts_add(t, "HDFPPPHP"[(j % 2) * 4 + i], len - i * 10);
		fail_atomic(true);
		fail_atomic_pages(true);
		failures_count("failslab");
		failures_count("fail_page_alloc");
		ASSERT_EQ(0, texts_put(t, texts_kinds[j % ARRAY_SIZE(texts_kinds)].segment));
		slabs += failures_count("failslab");
		pages += failures_count("fail_page_alloc");
		fail_atomic(false);
		fail_atomic_pages(false);
		ASSERT_TRUE(texts_read(t, 0)) {
			TH_LOG("messages of %d bytes", len);
		}
	}
	EXPECT_LT(0, slabs);
	EXPECT_LT(0, pages);
	conn_close(&t->conn);
	vnp_object_close(t->obj);
}

/* Segments that cannot be joined come one by one, in order. */
TEST_F(inject, segments)
{
	static struct burst sent, want, last;
	struct counts counts = { 0 };
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	__u32 seq = 0;
	int link;

	pin(0);
	ASSERT_EQ(0, object_load("orders", &obj));
	ASSERT_EQ(0, path_setup(&wire, LO_GSO));
	ASSERT_EQ(0, path_flow(&flow, &wire, LO_GSO, FLOW_IP4));
	ASSERT_EQ(0, sock_set(flow.rx, SOL_UDP, UDP_GRO, 1));
	link = object_link(obj, "read_only", flow.rx, 0);
	ASSERT_OK(link);
	for (int j = 0; j < 200; j++) {
		burst_fill_equal(&sent, &seq, "PPDPPPPPDPPDPPPPPPPP", 300);
		burst_fill_equal(&last, &seq, "P", 200);
		burst_expect(&want, &sent, false, false, &counts);
		fail_atomic(true);
		burst_send(flow.tx, &sent, LO_GSO);
		fail_atomic(false);
		ASSERT_EQ(0, burst_send(flow.tx, &last, LO_SINGLE));
		ASSERT_OK(recv_subset(flow.rx, &want, &last));
	}
	burst_expect(&want, &sent, false, false, &counts);
	ASSERT_EQ(0, burst_send(flow.tx, &sent, LO_GSO));
	EXPECT_EQ(4, burst_recv(flow.rx, &want, true));
	close(link);
	flow_close(&flow);
	vnp_object_close(obj);
}

TEST_HARNESS_MAIN
