// SPDX-License-Identifier: GPL-2.0
/*
 * Payload that is not contiguous: loads, stores and pulls across fragment boundaries, in
 * test executions and in real datagrams that IP has reassembled.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include "harness.h"
#include "wire.h"
#include "object.h"
#include "../progs/bytes.h"

#define PAGE	4096

/* look() - the result of bytes.bpf.c's look() for these bytes */
static __u64 look(const __u8 *p, __u32 len)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < len; i++)
		sum = sum * 31 + p[i];
	return sum;
}

FIXTURE(run) {
	struct vnp_object *obj;
	struct bytes_op *op;
	__u8 in[1024];
	__u8 out[1024];
	struct vnp_prog_run r;
};

/* The end of the directly readable bytes; 0: none */
FIXTURE_VARIANT(run) {
	__u32 direct;
};

FIXTURE_VARIANT_ADD(run, whole) { 0 };
FIXTURE_VARIANT_ADD(run, first_byte) { 1 };
FIXTURE_VARIANT_ADD(run, odd) { 333 };
FIXTURE_VARIANT_ADD(run, all_but_last) { 1023 };

FIXTURE_SETUP(run)
{
	ASSERT_EQ(0, object_load("bytes", &self->obj));
	self->op = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->op);
	fill_random(self->in, sizeof(self->in), 21);
}

FIXTURE_TEARDOWN(run)
{
	vnp_object_close(self->obj);
}

/* run() - execute a program with an order on all of @in */
static int run(struct vnp_object *obj, const char *prog, __u32 direct, __u8 *in,
	       __u8 *out, struct vnp_prog_run *r)
{
	*r = (struct vnp_prog_run) {
		.data_out = (uintptr_t)out,
		.data_out_len = 1024,
		.direct_len = direct,
	};
	return prog_run(object_prog(obj, prog), in, 1024, r) ?: (int)r->fault;
}

#define RUN(prog)	\
	run(self->obj, prog, variant->direct, self->in, self->out, &self->r)

/* Offsets before, at and after the boundary and the end */
static const struct {
	__u32 off, len;
} places[] = {
	{ 0, 1 }, { 0, 64 }, { 1, 63 }, { 270, 63 }, { 270, 64 }, { 300, 64 },
	{ 332, 1 }, { 332, 2 }, { 333, 1 }, { 333, 64 }, { 700, 5 }, { 960, 64 },
	{ 1023, 1 }, { 961, 64 }, { 1024, 1 }, { 2000, 1 }, { UINT32_MAX, 1 },
	{ UINT32_MAX - 10, 64 },
};

TEST_F(run, load)
{
	static const __u8 zeroes[CHUNK];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const __u32 off = places[i].off, len = places[i].len;
		const bool fits = off <= 1024 && len <= 1024 - off;
		__u8 rest[CHUNK];

		memset(rest, 0x55, sizeof(rest));
		self->op->off = off;
		self->op->len = len;
		ASSERT_EQ(0, RUN("load"));
		EXPECT_EQ(fits ? 0 : -ERANGE, self->op->ret);
		EXPECT_MEM(fits ? self->in + off : zeroes, self->op->chunk, len);
		EXPECT_MEM(rest, self->op->chunk + len, CHUNK - len);
		EXPECT_EQ(1024, self->op->total);
		EXPECT_EQ(variant->direct ?: 1024, self->op->direct);
		EXPECT_MEM(self->in, self->out, 1024);
	}
}

/* Source and destination overlap, in both orders, with different ends */
TEST_F(run, load_over_itself)
{
	static const __u32 offs[] = { 0, 2, 3, 5, 40, 300, 960 };
	__u8 expected[1024];

	for (size_t i = 0; i < ARRAY_SIZE(offs); i++) {
		memcpy(expected, self->in, sizeof(expected));
		if (variant->direct != 1)
			memmove(expected + 3, self->in + offs[i], CHUNK);
		self->op->off = offs[i];
		ASSERT_EQ(0, RUN("load_over"));
		EXPECT_EQ(variant->direct == 1 ? VNP_DROP : VNP_PASS, self->r.retval);
		EXPECT_MEM(expected, self->out, sizeof(expected));
	}
}

TEST_F(run, store)
{
	__u8 want[1024];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const __u32 off = places[i].off, len = places[i].len;
		const bool fits = off <= 1024 && len <= 1024 - off;

		fill_random(self->op->chunk, CHUNK, i + 100);
		memcpy(want, self->in, 1024);
		if (fits)
			memcpy(want + off, self->op->chunk, len);
		self->op->off = off;
		self->op->len = len;
		ASSERT_EQ(0, RUN("store"));
		EXPECT_EQ(fits ? 0 : -ERANGE, self->op->ret);
		EXPECT_MEM(want, self->out, 1024);
		EXPECT_EQ(1024, self->op->total);
		EXPECT_LE(variant->direct ?: 1024, self->op->direct);
		EXPECT_EQ(look(want, self->op->direct), self->op->sum);
	}
}

TEST_F(run, pull)
{
	static const __u32 lens[] = {
		0, 1, 2, 333, 334, 512, 1023, 1024, 1025, 65536, UINT32_MAX,
	};
	const __u32 direct = variant->direct ?: 1024;

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const __u32 want = lens[i] ?: 1024;
		const bool fits = want <= 1024;

		self->op->len = lens[i];
		ASSERT_EQ(0, RUN("pull"));
		EXPECT_EQ(fits ? 0 : -ERANGE, self->op->ret);
		EXPECT_LE(fits && want > direct ? want : direct, self->op->direct);
		EXPECT_GE(1024, self->op->direct);
		EXPECT_EQ(1024, self->op->total);
		EXPECT_EQ(look(self->in, self->op->direct), self->op->sum);
		EXPECT_MEM(self->in, self->out, 1024);
	}
}

TEST_F(run, written_directly_after_pull)
{
	ASSERT_EQ(0, RUN("invert"));
	for (int i = 0; i < 1024; i++)
		ASSERT_EQ((__u8)~self->in[i], self->out[i]);
}

FIXTURE(fragments) {
	struct vnp_object *obj;
	struct bytes_op *op;
	struct flow flow;
	int link;
	__u8 *sent;
	__u8 *got;
};

FIXTURE_VARIANT(fragments) {
	enum flow_kind kind;
	bool wire;	/* over a veth pair, without checksum offload */
};

FIXTURE_VARIANT_ADD(fragments, lo_ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(fragments, lo_ip6) { FLOW_IP6 };
FIXTURE_VARIANT_ADD(fragments, veth_ip4) { FLOW_IP4, .wire = true };
FIXTURE_VARIANT_ADD(fragments, veth_ip6) { FLOW_IP6, .wire = true };

static int open_flow(struct flow *flow, enum flow_kind kind, bool over_wire)
{
	struct wire wire;
	int err;

	if (over_wire) {
		err = wire_new(&wire);
		if (!err)
			err = if_checksum("tx0", false);
		return err ? err : wire_flow(&wire, flow, kind);
	}
	err = netns_new();
	if (!err)
		err = if_mtu("lo", 1500);
	return err ? err : flow_open(flow, kind);
}

#define LEN	20000

/* Offsets around the fragment boundaries: every 1480, or 1448 for IPv6 */
static const __u32 seams[] = {
	0, 1440, 1441, 1471, 1472, 2888, 2952, 5000, 16000, LEN - CHUNK,
};

FIXTURE_SETUP(fragments)
{
	pin(0);
	ASSERT_EQ(0, object_load("bytes", &self->obj));
	self->op = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->op);
	ASSERT_EQ(0, open_flow(&self->flow, variant->kind, variant->wire));
	self->sent = calloc(1, 65536);
	self->got = calloc(1, 65536);
	fill_random(self->sent, 65536, 22);
}

FIXTURE_TEARDOWN(fragments)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
	free(self->sent);
	free(self->got);
}

/* deliver() - send a datagram through a program and receive it */
static int deliver(struct flow *flow, const void *sent, void *got, int len)
{
	int n = flow_send(flow, sent, len);

	return n == len ? flow_recv(flow, got, 65536) : n;
}

#define DELIVER(len)	deliver(&self->flow, self->sent, self->got, len)

TEST_F(fragments, load)
{
	self->link = object_link(self->obj, "load", self->flow.rx, 0);
	ASSERT_OK(self->link);
	self->op->len = CHUNK;
	for (size_t i = 0; i < ARRAY_SIZE(seams); i++) {
		const __u32 off = seams[i];

		self->op->off = off;
		ASSERT_EQ(LEN, DELIVER(LEN));
		EXPECT_EQ(LEN, self->op->total);
		EXPECT_GE(LEN, self->op->direct);
		EXPECT_EQ(0, self->op->ret);
		EXPECT_MEM(self->sent + off, self->op->chunk, CHUNK);
		EXPECT_EQ(look(self->sent, self->op->direct), self->op->sum);
		EXPECT_MEM(self->sent, self->got, LEN);
	}
	self->op->off = LEN - CHUNK + 1;
	ASSERT_EQ(LEN, DELIVER(LEN));
	EXPECT_EQ(-ERANGE, self->op->ret);
}

/* A datagram in fragments really is one that cannot be read directly as a whole. */
TEST_F(fragments, are_fragments)
{
	self->link = object_link(self->obj, "load", self->flow.rx, 0);
	ASSERT_OK(self->link);
	self->op->len = 1;
	ASSERT_EQ(LEN, DELIVER(LEN));
	EXPECT_GT(LEN, self->op->direct);
}

TEST_F(fragments, store)
{
	self->link = object_link(self->obj, "store", self->flow.rx, 0);
	ASSERT_OK(self->link);
	self->op->len = CHUNK;
	for (size_t i = 0; i < ARRAY_SIZE(seams); i++) {
		const __u32 off = seams[i];

		fill_random(self->op->chunk, CHUNK, off);
		self->op->off = off;
		ASSERT_EQ(LEN, DELIVER(LEN));
		EXPECT_EQ(0, self->op->ret);
		EXPECT_EQ(LEN, self->op->total);
		EXPECT_MEM(self->sent, self->got, off);
		EXPECT_MEM(self->op->chunk, self->got + off, CHUNK);
		EXPECT_MEM(self->sent + off + CHUNK, self->got + off + CHUNK,
			   LEN - off - CHUNK);
	}
}

TEST_F(fragments, pull)
{
	self->link = object_link(self->obj, "pull", self->flow.rx, 0);
	ASSERT_OK(self->link);
	for (size_t i = 0; i < ARRAY_SIZE(seams) + 2; i++) {
		const __u32 len = i < ARRAY_SIZE(seams) ? seams[i] :
				  LEN + i - ARRAY_SIZE(seams);
		const bool fits = len <= LEN;

		self->op->len = len;
		ASSERT_EQ(LEN, DELIVER(LEN));
		EXPECT_EQ(fits ? 0 : -ERANGE, self->op->ret);
		EXPECT_LE(fits ? len ?: LEN : 0, self->op->direct);
		EXPECT_EQ(look(self->sent, self->op->direct), self->op->sum);
		EXPECT_MEM(self->sent, self->got, LEN);
	}
}

TEST_F(fragments, inverted)
{
	static const int lens[] = { 1473, 2953, LEN, 65507 };

	self->link = object_link(self->obj, "invert", self->flow.rx, 0);
	ASSERT_OK(self->link);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(lens[i], DELIVER(lens[i]));
		for (int j = 0; j < lens[i]; j++)
			ASSERT_EQ((__u8)~self->sent[j], self->got[j]);
	}
}

/* Without a pull only the first fragment is changed. */
TEST_F(fragments, front_inverted)
{
	int flipped = 0;

	self->link = object_link(self->obj, "invert_direct", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(LEN, DELIVER(LEN));
	while (flipped < LEN && self->got[flipped] == (__u8)~self->sent[flipped])
		flipped++;
	EXPECT_LT(0, flipped);
	EXPECT_GT(LEN, flipped);
	EXPECT_MEM(self->sent + flipped, self->got + flipped, LEN - flipped);
}

/*
 * Shared bytes of a packet: of a file, of the sender, of a packet socket.  A program must
 * write to a private copy, or it could change anything on the machine.
 */
FIXTURE(lent) {
	struct vnp_object *obj;
	struct bytes_op *op;
	struct flow flow;
	int link;
	__u8 sent[PAGE];
	__u8 got[PAGE];
	__u8 now[PAGE];
};

/* A program that writes, and how many bytes of a page it should have changed */
FIXTURE_VARIANT(lent) {
	const char *prog;
	int changed;	/* -1: as many as could be read directly */
};

FIXTURE_VARIANT_ADD(lent, pulled) { "invert", PAGE };
FIXTURE_VARIANT_ADD(lent, direct) { "invert_direct", -1 };
FIXTURE_VARIANT_ADD(lent, stored) { "store", CHUNK };

FIXTURE_SETUP(lent)
{
	pin(0);
	ASSERT_EQ(0, object_load("bytes", &self->obj));
	self->op = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->op);
	ASSERT_EQ(0, netns_new());
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	ASSERT_EQ(0, connect(self->flow.tx, (void *)&self->flow.rx_addr,
			     sizeof(struct sockaddr_in)));
	fill_random(self->sent, PAGE, 31);
	self->op->off = PAGE - CHUNK;
	self->op->len = CHUNK;
	for (int i = 0; i < CHUNK; i++)
		self->op->chunk[i] = ~self->sent[PAGE - CHUNK + i];
	self->link = object_link(self->obj, variant->prog, self->flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(lent)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* changed() - number of received bytes that differ from those sent */
static int changed(const __u8 *sent, const __u8 *got)
{
	int n = 0;

	for (int i = 0; i < PAGE; i++)
		n += sent[i] != got[i];
	return n;
}

#define EXPECT_CHANGED()						\
	EXPECT_TRUE(variant->changed < 0 ||				\
		    variant->changed == changed(self->sent, self->got))

TEST_F(lent, by_a_file)
{
	int file = memfd_create("lent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t off = 0;

	ASSERT_EQ(PAGE, write(file, self->sent, PAGE));
	ASSERT_EQ(0, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(PAGE, sendfile(self->flow.tx, file, &off, PAGE));
	ASSERT_EQ(PAGE, flow_recv(&self->flow, self->got, PAGE));
	EXPECT_CHANGED();
	ASSERT_EQ(PAGE, pread(file, self->now, PAGE, 0));
	EXPECT_MEM(self->sent, self->now, PAGE);
}

TEST_F(lent, by_the_sender)
{
	__u8 *page = map_page(PROT_READ | PROT_WRITE);

	memcpy(page, self->sent, PAGE);
	ASSERT_OK(sock_set(self->flow.tx, SOL_SOCKET, SO_ZEROCOPY, 1));
	ASSERT_EQ(PAGE, send(self->flow.tx, page, PAGE, MSG_ZEROCOPY));
	ASSERT_EQ(PAGE, flow_recv(&self->flow, self->got, PAGE));
	EXPECT_CHANGED();
	EXPECT_MEM(self->sent, page, PAGE);
}

#define HEADERS		(20 + 8)	/* of IPv4 and UDP */

TEST_F(lent, to_a_packet_socket)
{
	int tap = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), seen = 0;
	__u8 packet[HEADERS + PAGE];

	ASSERT_OK(tap);
	ASSERT_EQ(PAGE, send(self->flow.tx, self->sent, PAGE, 0));
	ASSERT_EQ(PAGE, flow_recv(&self->flow, self->got, PAGE));
	EXPECT_CHANGED();
	while (recv(tap, packet, sizeof(packet), MSG_DONTWAIT) == sizeof(packet)) {
		EXPECT_MEM(self->sent, packet + HEADERS, PAGE);
		seen++;
	}
	EXPECT_LT(0, seen);
}

TEST_HARNESS_MAIN
