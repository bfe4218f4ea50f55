// SPDX-License-Identifier: GPL-2.0
/*
 * Super-packets that GRO has not made: senders on this host make them, by UDP_SEGMENT, and
 * lo and veth carry them as they are.  With a link an application that has asked for
 * super-packets gets what it would get without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/udp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include "burst.h"
#define LIGHT_LEAVES_OUT	"lo_ip4", "veth_ip6"
#include "harness.h"
#include "object.h"
#include "../progs/orders.h"

#define ALL		"PPPPPPPPPPPPPPPP"
#define SIZE		200

FIXTURE(segments) {
	struct vnp_object *obj;
	struct wire wire;
	struct flow flow;
	int link;
	__u32 seq;
	struct burst sent;
	struct burst want;
	struct counts counts;
	struct vnp_link_info info;
};

FIXTURE_VARIANT(segments) {
	enum net_path path;
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(segments, lo_ip4) { LO_GSO, FLOW_IP4 };
FIXTURE_VARIANT_ADD(segments, lo_ip6) { LO_GSO, FLOW_IP6 };
FIXTURE_VARIANT_ADD(segments, lo_mapped) { LO_GSO, FLOW_MAPPED };
FIXTURE_VARIANT_ADD(segments, veth_ip4) { WIRE_WHOLE, FLOW_IP4 };
FIXTURE_VARIANT_ADD(segments, veth_ip6) { WIRE_WHOLE, FLOW_IP6 };

FIXTURE_SETUP(segments)
{
	pin(0);
	self->link = -1;
	ASSERT_EQ(0, object_load("orders", &self->obj));
	ASSERT_EQ(0, path_setup(&self->wire, variant->path));
	ASSERT_EQ(0, path_flow(&self->flow, &self->wire, variant->path, variant->kind));
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 1));
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
}

FIXTURE_TEARDOWN(segments)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

#define LINK_FLAGS(prog, flags)						\
	({								\
		self->link = object_link(self->obj, prog, self->flow.rx, flags); \
		ASSERT_OK(self->link);					\
	})
#define LINK(prog)	LINK_FLAGS(prog, 0)
#define UNLINK()							\
	({								\
		ASSERT_EQ(0, link_detach(self->link));			\
		close(self->link);					\
		self->link = -1;					\
	})

/* deliver_sent() - what is in self->sent.  Return: packets it arrives in, or negative */
static int deliver_sent(FIXTURE_DATA(segments) *self, enum net_path path, bool scribbles, bool gro)
{
	int err;

	burst_expect(&self->want, &self->sent, scribbles, false, &self->counts);
	err = burst_send(self->flow.tx, &self->sent, path);
	return err ? err : burst_recv(self->flow.rx, &self->want, gro);
}

#define FILL(orders, len)	burst_fill_equal(&self->sent, &self->seq, orders, len)
#define DELIVER(scribbles)	deliver_sent(self, variant->path, scribbles, true)

/* The counters say what became of each datagram. */
#define COUNTED()							\
	({								\
		ASSERT_EQ(0, link_settle(self->link, self->counts.packets, &self->info)); \
		EXPECT_EQ(self->counts.packets, self->info.packets);	\
		EXPECT_EQ(self->counts.bytes, self->info.bytes);	\
		EXPECT_EQ(self->counts.pass, self->info.verdicts[VNP_PASS]); \
		EXPECT_EQ(self->counts.drop, self->info.verdicts[VNP_DROP]); \
	})

/* What passes is what was sent: one packet, of any number, of any size. */
TEST_F(segments, passed)
{
	static const int cnts[] = { 1, 2, 3, 16, 17, 18, 40, BURST_MAX };
	static const int lens[] = { 1, 8, 64, 1000, PAYLOAD_MAX };
	char orders[BURST_MAX + 1];

	LINK("read_only");
	for (size_t i = 0; i < ARRAY_SIZE(cnts); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(lens); j++) {
			if (cnts[i] * lens[j] > 65000)
				continue;
			memset(orders, 'P', cnts[i]);
			orders[cnts[i]] = 0;
			FILL(orders, lens[j]);
			EXPECT_EQ(1, DELIVER(false)) {
				TH_LOG("%d of %d bytes", cnts[i], lens[j]);
			}
			/* The last may be shorter. */
			if (lens[j] < 64)
				continue;
			FILL(orders, lens[j]);
			self->sent.len[cnts[i] - 1] = 1;
			self->sent.data[cnts[i] - 1][0] = 'P';
			EXPECT_EQ(1, DELIVER(false));
		}
	}
	COUNTED();
}

/* Neighbours that pass arrive together, in order, without what was between them. */
TEST_F(segments, verdicts)
{
	static const struct {
		const char *orders;
		int packets;
	} cases[] = {
		{ "PPPPDDPPPPPPDPPP", 3 },
		{ "DPPPPPPPPPPPPPPP", 1 },
		{ "PPPPPPPPPPPPPPPD", 1 },
		{ "PDPDPDPDPDPDPDPD", 8 },
		{ "DDDDDDDDDDDDDDDD", 0 },
		{ "PD", 1 },
		{ "DP", 1 },
	};
	static const char *const progs[] = { "read_only", "apply", "read_headers", "write_direct" };

	for (size_t i = 0; i < ARRAY_SIZE(progs); i++) {
		LINK(progs[i]);
		memset(&self->counts, 0, sizeof(self->counts));
		for (size_t j = 0; j < ARRAY_SIZE(cases); j++) {
			FILL(cases[j].orders, SIZE);
			EXPECT_EQ(cases[j].packets, DELIVER(false)) {
				TH_LOG("%s: %s", progs[i], cases[j].orders);
			}
		}
		ASSERT_EQ(0, link_settle(self->link, self->counts.packets, &self->info));
		EXPECT_EQ(self->counts.pass, self->info.verdicts[VNP_PASS]);
		EXPECT_EQ(self->counts.drop, self->info.verdicts[VNP_DROP]);
		UNLINK();
	}
}

/* Programs that write, and that fault */
TEST_F(segments, written)
{
	LINK("write_direct");
	FILL("IIIIPPPPSSDDPPFV", SIZE);
	EXPECT_LT(0, DELIVER(true));
	FILL("IIIIIIIIIIIIIIII", SIZE);
	EXPECT_EQ(1, DELIVER(true));
	COUNTED();
	EXPECT_EQ(self->counts.fault + self->counts.verdict, link_faults(&self->info));
}

/* A socket without UDP_GRO gets no super-packets. */
TEST_F(segments, not_asked)
{
	LINK("read_only");
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 0));
	FILL(ALL, SIZE);
	EXPECT_EQ(16, deliver_sent(self, variant->path, false, false));
	FILL("PPPPDDPPPPPPDPPP", SIZE);
	EXPECT_EQ(13, deliver_sent(self, variant->path, false, false));
	UNLINK();

	/* Nor where datagrams of others are merged for the link. */
	LINK("read_only");
	for (int i = 0; i < 2; i++) {
		FILL("DDDDDDDDDDDDDDDD", SIZE);
		EXPECT_EQ(0, deliver_sent(self, variant->path, false, false));
		FILL(ALL, SIZE);
		EXPECT_EQ(16, deliver_sent(self, variant->path, false, false));
	}
}

TEST_F(segments, not_to_be_merged)
{
	LINK_FLAGS("read_only", VNP_LINK_F_NO_MERGE);
	FILL(ALL, SIZE);
	EXPECT_EQ(16, DELIVER(false));
	COUNTED();
}

/* The socket's own filter sees the packet once, as it does without a link. */
TEST_F(segments, own_filter)
{
	const int headers = 8;
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, headers + 16 * SIZE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x7fffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog whole = { ARRAY_SIZE(insns), insns };
	const int drops = sock_drops(self->flow.rx);

	ASSERT_EQ(0, setsockopt(self->flow.rx, SOL_SOCKET, SO_ATTACH_FILTER, &whole,
				sizeof(whole)));
	FILL(ALL, SIZE);
	EXPECT_EQ(1, DELIVER(false));
	LINK("read_only");
	memset(&self->counts, 0, sizeof(self->counts));
	FILL(ALL, SIZE);
	EXPECT_EQ(1, DELIVER(false));
	FILL("PPPPDDPPPPPPDPPP", SIZE);
	EXPECT_EQ(3, DELIVER(false));
	COUNTED();
	EXPECT_EQ(drops, sock_drops(self->flow.rx));
}

/* What goes back is one packet, too. */
TEST_F(segments, replied)
{
	struct vnp_object *reply;
	int prog, packets;

	ASSERT_EQ(0, object_load("reply", &reply));
	prog = object_prog(reply, "reply");
	LINK("read_only");
	ASSERT_EQ(0, link_update(self->link, prog, -1));
	ASSERT_EQ(0, sock_set(self->flow.tx, SOL_UDP, UDP_GRO, 1));
	for (int len = 20; len < PAYLOAD_MAX; len += 400) {
		FILL(ALL, len);
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
		packets = burst_recv(self->flow.tx, &self->sent, true);
		EXPECT_EQ(1, packets) {
			TH_LOG("%d bytes each", len);
		}
	}
	EXPECT_TRUE(flow_empty(&self->flow));
	ASSERT_EQ(0, link_info(self->link, &self->info));
	EXPECT_EQ(self->info.packets, self->info.verdicts[VNP_REPLY]);
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
	vnp_object_close(reply);
}

/* filter_keep() - attach a filter that trims packets to @len bytes of payload */
static int filter_keep(int sock, __u32 len)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 8 + len);
	struct sock_fprog prog = { 1, &insn };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* A filter can trim a packet to any number of its segments, to one, and to less than one. */
TEST_F(segments, replied_trimmed)
{
	static const int lens[] = { 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, 5 * SIZE - 1 };
	struct vnp_object *reply;

	ASSERT_EQ(0, object_load("reply", &reply));
	LINK("read_only");
	ASSERT_EQ(0, link_update(self->link, object_prog(reply, "reply"), -1));
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(0, filter_keep(self->flow.rx, lens[i]));
		FILL(ALL, SIZE);
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
		self->sent.cnt = (lens[i] + SIZE - 1) / SIZE;
		self->sent.len[self->sent.cnt - 1] = lens[i] - (self->sent.cnt - 1) * SIZE;
		EXPECT_EQ(self->sent.cnt, burst_recv(self->flow.tx, &self->sent, false)) {
			TH_LOG("trimmed to %d bytes", lens[i]);
		}
	}
	ASSERT_EQ(0, link_info(self->link, &self->info));
	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		EXPECT_EQ(0, self->info.errors[i]);
	vnp_object_close(reply);
}

/* member() - a socket in the group, which takes super-packets.  Return: it, or negative */
static int member(const struct sockaddr_in *group)
{
	const struct ip_mreq mreq = { group->sin_addr, { htonl(INADDR_LOOPBACK) } };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (sock_set(sock, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    sock_set(sock, SOL_UDP, UDP_GRO, 1) ||
	    bind(sock, (const void *)group, sizeof(*group)) ||
	    setsockopt(sock, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)))
		return -errno;
	return sock;
}

/* What a program writes is in the packet of its own socket, not in those of the others. */
TEST_F(segments, multicast)
{
	const struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in group = {
		.sin_family = AF_INET,
		.sin_port = htons(4711),
		.sin_addr.s_addr = inet_addr("239.9.0.1"),
	};
	int members[3];

	if (variant->path != LO_GSO || variant->kind != FLOW_IP4)
		return;
	ASSERT_EQ(0, setsockopt(self->flow.tx, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)));
	ASSERT_EQ(0, connect(self->flow.tx, (const void *)&group, sizeof(group)));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(members[i] = member(&group));
	for (int linked = 0; linked < 3; linked++) {
		self->link = object_link(self->obj, "write_direct", members[linked], 0);
		ASSERT_OK(self->link);
		FILL("PPIIDDPPIIIIPPPP", SIZE);
		burst_expect(&self->want, &self->sent, true, false, &self->counts);
		ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
		EXPECT_LT(0, burst_recv(members[linked], &self->want, true));
		for (int i = 0; i < 3; i++) {
			if (i != linked)
				EXPECT_EQ(1, burst_recv(members[i], &self->sent, true));
		}
		UNLINK();
	}
	for (int i = 0; i < 3; i++)
		close(members[i]);
}

/*
 * ---- What else can be seen of it ------------------------------------------
 */

/* Counters and the queue's memory move as they do without a link, or nearly so. */
TEST_F(segments, accounts)
{
	static const int lens[] = { 64, 1000 };
	const bool ip6 = variant->kind == FLOW_IP6, lo = variant->path == LO_GSO;
	long used[2], counted[2];

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		for (int linked = 0; linked < 2; linked++) {
			if (linked)
				LINK("read_only");
			counted[linked] = lo ? netns_received(ip6) : 0;
			FILL(ALL, lens[i]);
			burst_expect(&self->want, &self->sent, false, false, &self->counts);
			ASSERT_EQ(0, burst_send(self->flow.tx, &self->sent, variant->path));
			ASSERT_EQ(1, recv(self->flow.rx, &(char){ 0 }, 1, MSG_PEEK));
			used[linked] = sock_rmem(self->flow.rx);
			EXPECT_EQ(1, burst_recv(self->flow.rx, &self->want, true));
			EXPECT_EQ(0, sock_rmem(self->flow.rx));
			if (lo)
				counted[linked] = netns_received(ip6) - counted[linked];
		}
		UNLINK();
		EXPECT_EQ(counted[0], counted[1]);
		EXPECT_LT(0, used[0]);
		EXPECT_LE(used[1], used[0] + 1024) {
			TH_LOG("%d bytes each: %ld, not %ld", lens[i], used[1], used[0]);
		}
	}
}

/*
 * ---- While packets do not stop --------------------------------------------
 */

/* More than the queue holds: after reading this many, all that were there have been read. */
#define QUEUE	64

/*
 * read_packets() - more than what has arrived: datagrams in order from @seq on, 16 in each
 * packet if @whole, else 1 or 16.  Return: 0, or what is wrong
 */
static int read_packets(int sock, __u32 *seq, bool whole)
{
	static struct arrival arrival;
	struct mark mark;

	for (int i = 0; i < QUEUE; i++) {
		if (burst_recv_one(sock, &arrival))
			return -1;
		if (arrival.len != 16 * SIZE && (whole || arrival.len != SIZE))
			return arrival.len;
		for (int pos = 0; pos < arrival.len; pos += SIZE) {
			memcpy(&mark, arrival.data + pos, sizeof(mark));
			if (mark.len != SIZE || mark.seq < *seq ||
			    arrival.data[pos + SIZE - 1] != (__u8)mark.seq)
				return -2;
			*seq = mark.seq + 1;
		}
	}
	return 0;
}

/*
 * While links are created and detached, datagrams arrive in order, except those of a packet that the
 * kernel segments at that moment.
 */
TEST_F_SMP(segments, links_come_and_go)
{
	static const char *const names[] = { "read_only", "write_direct", "read_headers", "apply" };
	struct burst_sender sender = { self->flow.tx, variant->path, ALL, SIZE };
	__u32 seq = 0;

	/* A mapped address is another path only once the datagram is at the socket. */
	if (variant->kind == FLOW_MAPPED)
		return;
	pin(1);
	ASSERT_EQ(0, sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, 1 << 14));
	ASSERT_EQ(0, burst_sender_start(&sender));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		LINK(names[i]);
		EXPECT_EQ(0, read_packets(self->flow.rx, &seq, false));
		EXPECT_EQ(0, read_packets(self->flow.rx, &seq, true));
		UNLINK();
		EXPECT_EQ(0, read_packets(self->flow.rx, &seq, false));
		EXPECT_EQ(0, read_packets(self->flow.rx, &seq, true));
	}
	/* The application switches UDP_GRO off and on. */
	LINK("read_only");
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, i % 2));
		EXPECT_EQ(0, read_packets(self->flow.rx, &seq, false));
	}
	burst_sender_stop(&sender);
}

/* Linked sockets are closed, and the next one takes the port. */
TEST_F_SMP(segments, sockets_end)
{
	struct burst_sender sender = { self->flow.tx, variant->path, ALL, SIZE };
	const int port = sock_port(self->flow.rx);
	const char *address = "127.0.0.1";
	__u32 seq;

	if (variant->kind == FLOW_MAPPED || variant->path != LO_GSO)
		return;
	if (variant->kind == FLOW_IP6)
		address = "::1";
	pin(1);
	ASSERT_EQ(0, burst_sender_start(&sender));
	for (int i = 0; i < 8; i++) {
		LINK(i % 2 ? "write_direct" : "read_only");
		seq = 0;
		/* Datagrams that arrived before UDP_GRO was set come one by one. */
		EXPECT_EQ(0, read_packets(self->flow.rx, &seq, false));
		close(self->flow.rx);
		close(self->link);
		self->flow.rx = udp_socket(address, port);
		ASSERT_OK(self->flow.rx);
		ASSERT_EQ(0, sock_set(self->flow.rx, SOL_UDP, UDP_GRO, 1));
	}
	burst_sender_stop(&sender);
	self->link = -1;
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
	object_prepare("orders");
}

TEST_HARNESS_MAIN
