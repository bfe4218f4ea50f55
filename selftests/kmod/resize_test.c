// SPDX-License-Identifier: GPL-2.0
/*
 * vnp_adjust_head() and vnp_adjust_tail(): the socket, or the sender of what is answered,
 * gets the datagram as the program made it, others see what came.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/udp.h>
#include <limits.h>
#include <sched.h>
#include "burst.h"
#define LIGHT_LEAVES_OUT	"lo_ip6", "lo_gso", "wire_ip4", "single_ip4"
#include "harness.h"
#include "object.h"
#include "../progs/resize.h"

#define LEN_MAX		65536

/* resized() - what becomes of @len bytes.  Return: their length, or -1 if that cannot be */
static int resized(__u8 *to, const __u8 *from, int len, int head, int tail)
{
	static __u8 middle[LEN_MAX * 2];
	const int mid = len - head, end = mid + tail;

	if (mid < 0 || end < 0)
		return -1;
	memset(middle, 0, sizeof(middle));
	if (head < 0)
		memcpy(middle - head, from, len);
	else
		memcpy(middle, from + head, mid);
	memset(to, 0, end);
	memcpy(to, middle, mid < end ? mid : end);
	return end;
}

/*
 * ---- Over the network ------------------------------------------------------
 */

FIXTURE(resize) {
	struct vnp_object *obj;
	struct change *change;
	struct wire wire;
	struct flow flow;
	int link;
	int max;
	struct vnp_link_info info;
	__u8 sent[LEN_MAX];
	__u8 want[LEN_MAX];
	__u8 got[LEN_MAX];
};

FIXTURE_VARIANT(resize) {
	enum flow_kind kind;
	enum net_path path;
	bool gro;	/* the application wants super-packets */
	bool filtered;	/* there is a socket filter, which passes everything */
};

FIXTURE_VARIANT_ADD(resize, lo_ip4) { FLOW_IP4, LO_SINGLE };
FIXTURE_VARIANT_ADD(resize, lo_ip6) { FLOW_IP6, LO_SINGLE };
FIXTURE_VARIANT_ADD(resize, lo_mapped) { FLOW_MAPPED, LO_SINGLE };
FIXTURE_VARIANT_ADD(resize, lo_gso) { FLOW_IP4, LO_GSO };
FIXTURE_VARIANT_ADD(resize, lo_gso_gro) { FLOW_IP6, LO_GSO, .gro = true };
FIXTURE_VARIANT_ADD(resize, lo_filtered) { FLOW_IP4, LO_SINGLE, .filtered = true };
FIXTURE_VARIANT_ADD(resize, wire_ip4) { FLOW_IP4, WIRE_GSO };
FIXTURE_VARIANT_ADD(resize, wire_ip6_filtered_gro) {
	FLOW_IP6, WIRE_GSO, .gro = true, .filtered = true
};
FIXTURE_VARIANT_ADD(resize, single_ip4) { FLOW_IP4, WIRE_SINGLE };
FIXTURE_VARIANT_ADD(resize, single_ip6_gro) { FLOW_IP6, WIRE_SINGLE, .gro = true };

static int pass_all(int sock)
{
	struct sock_filter insn = { BPF_RET | BPF_K, 0, 0, UINT32_MAX };
	struct sock_fprog prog = { 1, &insn };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

FIXTURE_SETUP(resize)
{
	pin(0);
	ASSERT_EQ(0, object_load("resize", &self->obj));
	self->change = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->change);
	ASSERT_EQ(0, path_setup(&self->wire, variant->path));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, variant->path, variant->kind));
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	ASSERT_EQ(0, sock_set(self->flow.tx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	if (variant->gro)
		ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 1));
	if (variant->filtered)
		ASSERT_EQ(0, pass_all(self->flow.rx));
	self->link = object_link(self->obj, "resize", self->flow.rx, 0);
	ASSERT_OK(self->link);
	self->max = variant->kind == FLOW_IP6 ? 65527 : 65507;
	self->change->verdict = VNP_PASS;
	fill_random(self->sent, sizeof(self->sent), 31);
}

FIXTURE_TEARDOWN(resize)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

#define USE(prog)							\
	ASSERT_EQ(0, link_update(self->link, object_prog(self->obj, prog), -1))

/* What the helpers should return, and do */
static int expect(FIXTURE_DATA(resize) *self, int len, int *head_ret, int *tail_ret)
{
	const long long head = self->change->head, tail = self->change->tail;
	const long long mid = len - head;
	int end;

	*head_ret = mid < 0 ? -EINVAL : mid > self->max ? -EMSGSIZE : 0;
	end = resized(self->want, self->sent, len, *head_ret ? 0 : head, 0);
	*tail_ret = end + tail < 0 ? -EINVAL : end + tail > self->max ? -EMSGSIZE : 0;
	return resized(self->want, self->sent, len, *head_ret ? 0 : head,
		       *tail_ret ? 0 : tail);
}

/* Send @len bytes, and check what arrives at @sock.  Return: what is wrong, or NULL */
static const char *wrong(FIXTURE_DATA(resize) *self, int sock, int len)
{
	const struct change *change = self->change;
	int head_ret, tail_ret, end = expect(self, len, &head_ret, &tail_ret);

	if (send(self->flow.tx, self->sent, len, 0) != len)
		return "send";
	/* MSG_TRUNC: the whole length is returned, however short the buffer is. */
	if (recv(sock, self->got, 1, MSG_PEEK | MSG_TRUNC) != end)
		return "MSG_TRUNC";
	if (recv(sock, self->got, LEN_MAX, 0) != end)
		return "length";
	if (change->head_ret != head_ret || change->tail_ret != tail_ret)
		return "returned";
	if ((int)change->len != end)
		return "ctx->len";
	if ((!head_ret || !tail_ret) && (int)change->direct != end)
		return "data_end";
	return mem_differ(self->want, self->got, end) < 0 ? NULL : "bytes";
}

#define TRY(bytes, ...)							\
({									\
	const char *___wrong;						\
									\
	*self->change = (struct change){ __VA_ARGS__, .verdict = verdict };	\
	___wrong = wrong(self, sock, bytes);				\
	ASSERT_EQ(NULL, ___wrong) {					\
		TH_LOG("%d bytes, head %d, tail %d: %s (%d, %d, %u)", bytes,	\
		       self->change->head, self->change->tail, ___wrong,	\
		       self->change->head_ret, self->change->tail_ret,	\
		       self->change->len);				\
	}								\
})

static void lengths(struct __test_metadata *_metadata, FIXTURE_DATA(resize) *self,
		    int sock, __u32 verdict)
{
	static const int lens[] = { 0, 3, 4, 1400, 1473, 65507 };
	static const int deltas[] = { 0, 4, 40, 300 };

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const int len = lens[i], max = self->max;

		for (size_t k = 0; k < ARRAY_SIZE(deltas); k++) {
			const int delta = deltas[k];

			TRY(len, .head = delta);
			TRY(len, .head = -delta);
			TRY(len, .tail = delta);
			TRY(len, .tail = -delta);
			TRY(len, .head = delta, .tail = delta);
			TRY(len, .head = -delta, .tail = -delta);
			TRY(len, .head = delta, .tail = -delta);
		}
		TRY(len, .head = len);
		TRY(len, .tail = -len);
		TRY(len, .head = len + 1);
		TRY(len, .tail = -len - 1);
		TRY(len, .head = len - max);
		TRY(len, .tail = max - len);
		TRY(len, .head = len - max - 1);
		TRY(len, .tail = max - len + 1);
		TRY(len, .head = len, .tail = max);
		TRY(len, .head = len - max, .tail = -max);
		TRY(len, .head = INT_MIN, .tail = INT_MAX);
		TRY(len, .head = INT_MAX, .tail = INT_MIN);
	}
}

TEST_F(resize, passed)
{
	lengths(_metadata, self, self->flow.rx, VNP_PASS);
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(self->info.packets, self->info.verdicts[VNP_PASS]);
	EXPECT_EQ(0, sock_drops(self->flow.rx));
}

TEST_F(resize, answered)
{
	if (variant->gro)
		return;
	lengths(_metadata, self, self->flow.tx, VNP_REPLY);
	ASSERT_EQ(0, link_info(self->link, &self->info));
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
}

/* Those who have a clone of the packet see what was sent. */
TEST_F(resize, sniffed)
{
	const int header = variant->kind == FLOW_IP6 ? 48 : 28, verdict = VNP_PASS;
	const int there = variant->path == WIRE_GSO || variant->path == WIRE_SINGLE ?
			  self->wire.there : netns_here();
	const int sock = self->flow.rx;
	int tap = sniffer_open(there, variant->kind == FLOW_IP6 ? ETH_P_IPV6 : ETH_P_IP);
	int seen = 0, n;

	ASSERT_OK(tap);
	TRY(1000, .head = 4);
	TRY(1000, .head = -4);
	TRY(1000, .tail = 4);
	TRY(1000, .tail = -4);
	TRY(1000, .head = -2000);
	TRY(1000, .head = 1000);
	while ((n = recv(tap, self->got, LEN_MAX, MSG_DONTWAIT)) >= 0) {
		ASSERT_EQ(header + 1000, n);
		EXPECT_MEM(self->sent, self->got + header, 1000);
		seen++;
	}
	EXPECT_LE(6, seen);
	close(tap);
}

/* Addresses and control messages of recvmsg() come from headers that have moved. */
TEST_F(resize, addresses)
{
	static const int heads[] = { 0, 4, -4, 100, -100, -20000 };
	const bool ip6 = variant->kind == FLOW_IP6;
	const int rx = self->flow.rx, tx = self->flow.tx, hops = 77;
	struct sockaddr_storage from;
	struct in6_pktinfo info6;
	struct in_pktinfo info;
	socklen_t len;
	int ttl;

	if (variant->kind == FLOW_MAPPED || variant->filtered)
		return;
	ASSERT_EQ(0, ip6 ? sock_set(tx, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops) :
			   sock_set(tx, IPPROTO_IP, IP_TTL, hops));
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		self->change->head = heads[i];
		self->change->tail = 1;
		len = sizeof(from);
		ASSERT_EQ(200, send(tx, self->sent, 200, 0));
		ASSERT_EQ(201 - heads[i], recvfrom(rx, self->got, LEN_MAX, 0, (void *)&from,
						   &len));
		EXPECT_MEM(&self->flow.tx_addr, &from, ip6 ? 24 : 8);
		ASSERT_EQ(0, sock_set(rx, ip6 ? IPPROTO_IPV6 : IPPROTO_IP,
				      ip6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1));
		if (ip6) {
			ASSERT_EQ(200, send(tx, self->sent, 200, 0));
			ASSERT_EQ(sizeof(info6), sock_cmsg(rx, IPPROTO_IPV6, IPV6_PKTINFO,
							   &info6, sizeof(info6)));
			EXPECT_MEM(&((struct sockaddr_in6 *)&self->flow.rx_addr)->sin6_addr,
				   &info6.ipi6_addr, 16);
		} else {
			ASSERT_EQ(200, send(tx, self->sent, 200, 0));
			ASSERT_EQ(sizeof(info), sock_cmsg(rx, IPPROTO_IP, IP_PKTINFO, &info,
							  sizeof(info)));
			EXPECT_MEM(&((struct sockaddr_in *)&self->flow.rx_addr)->sin_addr,
				   &info.ipi_addr, 4);
		}
		ASSERT_EQ(0, sock_set(rx, ip6 ? IPPROTO_IPV6 : IPPROTO_IP,
				      ip6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, 1));
		ASSERT_EQ(200, send(tx, self->sent, 200, 0));
		ASSERT_LT(0, ip6 ? sock_cmsg(rx, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, 4) :
				   sock_cmsg(rx, IPPROTO_IP, IP_TTL, &ttl, 4));
		EXPECT_EQ(hops, ttl);
	}
}

/* Checksums that nobody has verified yet, and none at all */
TEST_F(resize, checksums)
{
	const int verdict = VNP_PASS;
	int sock = self->flow.rx;

	if (variant->path == WIRE_GSO || variant->path == WIRE_SINGLE) {
		ASSERT_OK(if_checksum("tx0", false));
		ASSERT_EQ(0, setns(self->wire.there, CLONE_NEWNET));
		ASSERT_OK(if_checksum("rx0", false));
		ASSERT_EQ(0, setns(self->wire.here, CLONE_NEWNET));
	}
	for (int len = 100; len < 3000; len += 211) {
		TRY(len, .head = 4);
		TRY(len, .head = -4, .tail = 7);
		TRY(len, .tail = -90);
	}
	for (int len = 100; len < 3000 && !variant->gro; len += 211) {
		*self->change = (struct change){ .head = -4, .tail = 3,
						 .verdict = VNP_REPLY };
		ASSERT_EQ(NULL, wrong(self, self->flow.tx, len));
	}
	ASSERT_EQ(0, sock_set(self->flow.tx, SOL_SOCKET, SO_NO_CHECK, 1));
	if (variant->kind == FLOW_IP6)
		return;
	for (int len = 100; len < 3000; len += 211)
		TRY(len, .head = -4, .tail = 3);
}

/* bursts() - of datagrams that do different things */
static void bursts(struct __test_metadata *_metadata, FIXTURE_DATA(resize) *self,
		   enum net_path path, bool gro, const char *orders, int len)
{
	static struct burst sent, back, through;
	static __u32 seq;

	burst_fill_equal(&sent, &seq, orders, len);
	back.cnt = 0;
	through.cnt = 0;
	for (int i = 0; i < sent.cnt; i++) {
		struct burst *to = orders[i] == ORDER_REPLY ||
				   self->change->verdict == VNP_REPLY ? &back : &through;
		int head = 0, tail = 0;

		sent.data[i][0] = orders[i];
		switch (orders[i]) {
		case ORDER_DROPPED:
			continue;
		case ORDER_REPLY:
		case ORDER_FRONT_MORE:
			head = -ORDER_BYTES;
			break;
		case ORDER_FRONT_LESS:
			head = ORDER_BYTES;
			break;
		case ORDER_BACK_MORE:
			tail = ORDER_BYTES;
			break;
		case ORDER_BACK_LESS:
			tail = -ORDER_BYTES;
			break;
		case ORDER_NOTHING_LEFT:
			tail = -len;
			break;
		}
		to->len[to->cnt] = resized(to->data[to->cnt], sent.data[i], len, head, tail);
		to->cnt++;
	}
	ASSERT_EQ(0, burst_send(self->flow.tx, &sent, path));
	EXPECT_LE(!!through.cnt, burst_recv(self->flow.rx, &through, gro)) {
		TH_LOG("%d bytes, %s", len, orders);
	}
	EXPECT_LE(!!back.cnt, burst_recv(self->flow.tx, &back, false)) {
		TH_LOG("%d bytes, %s", len, orders);
	}
}

static const char *const all_orders[] = {
	"PPFFFFPPP", "FfBb0PDFfBb0PD", "0", "00000", "FFFF0FFF", "ffffF", "BBBBbbbbBBBB",
	"RRRRFFFFRRRR", "DDFDDR", "FBfbFFBBffbbFFFFBBBBffffbbbb", "RFRFRFRf0R",
};

static void mixed(struct __test_metadata *_metadata, FIXTURE_DATA(resize) *self,
		  enum net_path path, bool gro)
{
	USE("by_order");
	/* Some arrive before merging begins, some after. */
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_SIZE(all_orders); i++)
			for (int len = 32; len < 1440; len += 1400)
				bursts(_metadata, self, path, gro, all_orders[i], len);
	ASSERT_EQ(0, link_info(self->link, &self->info));
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
}

TEST_F(resize, mixed)
{
	mixed(_metadata, self, variant->path, variant->gro);
}

TEST_F(resize, mixed_answered)
{
	self->change->verdict = VNP_REPLY;
	mixed(_metadata, self, variant->path, variant->gro);
}

/* What was one packet has more bytes than one can have. */
TEST_F(resize, too_long_for_a_packet)
{
	char orders[BURST_MAX + 1] = "";

	USE("by_order");
	for (int k = 0; k < 4; k++) {
		memset(orders, k & 1 ? ORDER_REPLY : ORDER_FRONT_MORE, BURST_MAX);
		bursts(_metadata, self, variant->path, variant->gro, orders, 1016);
		memset(orders, k & 1 ? ORDER_REPLY : ORDER_BACK_MORE, BURST_MAX);
		bursts(_metadata, self, variant->path, variant->gro, orders, 1018);
	}
}

/* Each segment of a super-packet gets the headroom of the first: programs cannot make it long. */
TEST_F(resize, headroom)
{
	static struct burst sent;
	__u32 seq = 0;

	if (variant->path != LO_GSO)
		return;
	USE("rotate");
	burst_fill_equal(&sent, &seq, "PPPPPPPPPPPPPPPP", ROTATE_LEN);
	ASSERT_EQ(0, burst_send(self->flow.tx, &sent, variant->path));
	ASSERT_EQ(ROTATE_LEN, recv(self->flow.tx, self->got, LEN_MAX, 0));
	EXPECT_GE(sent.cnt * 16384, sock_rmem(self->flow.tx));
	for (int i = 1; i < sent.cnt; i++)
		EXPECT_EQ(ROTATE_LEN, recv(self->flow.tx, self->got, LEN_MAX, 0));
}

/* The counters say how long datagrams have become. */
TEST_F(resize, counted)
{
	__u64 bytes;

	USE("by_order");
	ASSERT_EQ(0, link_info(self->link, &self->info));
	bytes = self->info.bytes;
	bursts(_metadata, self, variant->path, variant->gro, "FFfBBbP", 100);
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(bytes + 700 + 2 * ORDER_BYTES, self->info.bytes);
}

/* TURN: the application deals with data, its peer with ChannelData. */
TEST_F(resize, channel_data)
{
	const int padded = 4 + 201 + 3;

	USE("unwrap");
	memcpy(self->sent, (__u8[]){ 0x40, 0x01, 0, 201 }, 4);
	ASSERT_EQ(padded, send(self->flow.tx, self->sent, padded, 0));
	ASSERT_EQ(201, recv(self->flow.rx, self->got, LEN_MAX, 0));
	EXPECT_MEM(self->sent + 4, self->got, 201);

	USE("wrap");
	ASSERT_EQ(201, send(self->flow.tx, self->sent + 4, 201, 0));
	ASSERT_EQ(205, recv(self->flow.tx, self->got, LEN_MAX, 0));
	EXPECT_MEM(self->sent, self->got, 205);
}

/*
 * ---- On bytes of the caller's ----------------------------------------------
 */

FIXTURE(run) {
	struct vnp_object *obj;
	struct change *change;
	__u8 in[1024];
	__u8 out[LEN_MAX];
	__u8 want[LEN_MAX];
};

FIXTURE_VARIANT(run) {
	__u32 direct;
};

FIXTURE_VARIANT_ADD(run, whole) { 0 };
FIXTURE_VARIANT_ADD(run, first_byte) { 1 };
FIXTURE_VARIANT_ADD(run, odd) { 333 };

FIXTURE_SETUP(run)
{
	ASSERT_EQ(0, object_load("resize", &self->obj));
	self->change = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->change);
	fill_random(self->in, sizeof(self->in), 32);
}

FIXTURE_TEARDOWN(run)
{
	vnp_object_close(self->obj);
}

TEST_F(run, resize)
{
	static const int deltas[] = { 0, 1, -1, 4, -4, 63, -63, -64, -65, 332, 334, 1024, -9000 };

	for (size_t i = 0; i < ARRAY_SIZE(deltas) * ARRAY_SIZE(deltas); i++) {
		const int head = deltas[i / ARRAY_SIZE(deltas)];
		const int tail = -deltas[i % ARRAY_SIZE(deltas)];
		struct vnp_prog_run r = {
			.data_out = (uintptr_t)self->out,
			.data_out_len = LEN_MAX,
			.direct_len = variant->direct,
		};
		const int end = resized(self->want, self->in, 1024, head, tail);

		if (end < 0)
			continue;
		*self->change = (struct change){ head, tail, VNP_PASS };
		ASSERT_EQ(0, prog_run(object_prog(self->obj, "resize"), self->in, 1024, &r));
		EXPECT_EQ(0, r.fault);
		EXPECT_EQ(0, self->change->head_ret);
		EXPECT_EQ(0, self->change->tail_ret);
		ASSERT_EQ(end, r.data_out_len);
		EXPECT_EQ(end, self->change->direct);
		EXPECT_MEM(self->want, self->out, end);
	}
}

/* Each execution sees what the one before has left. */
TEST_F(run, again_and_again)
{
	struct vnp_prog_run r = {
		.data_out = (uintptr_t)self->out,
		.data_out_len = LEN_MAX,
		.direct_len = variant->direct,
		.repeat = 100,
	};

	*self->change = (struct change){ -40, -41, VNP_PASS };
	ASSERT_EQ(0, prog_run(object_prog(self->obj, "resize"), self->in, 1024, &r));
	ASSERT_EQ(924, r.data_out_len);
	memset(self->want, 0, 924);
	EXPECT_MEM(self->want, self->out, 924);
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
	object_prepare("resize");
}

TEST_HARNESS_MAIN
