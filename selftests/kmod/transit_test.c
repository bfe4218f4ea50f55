// SPDX-License-Identifier: GPL-2.0
/*
 * Packets in all kinds of encapsulation, forwarded by a machine with a linked socket that
 * is bound to their port and no address: a bridge or a router forwards the same frames
 * with and without the link.  Packets for the machine itself reach the socket through the
 * link.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "burst.h"
#include "harness.h"
#include "object.h"
#include "rtnl.h"

#define LEN		200
#define ORDERS		"PPDPPPDP"
#define FRAMES		((int)sizeof(ORDERS) - 1)
#define FRAME_MAX	1024
#define PORT		7000
#define VXLAN_PORT	4789
#define GENEVE_PORT	6081
#define PATIENCE	50000000L

/* Where the machine forwards packets to */
#define BRIDGED		1
#define ROUTED		2
#define LOCAL		4
#define ANYWHERE	(BRIDGED | ROUTED | LOCAL)

/**
 * struct shape - headers of a packet
 * @headers:	from the outside, without the first Ethernet header:
 *		v, q  a tag of 802.1Q, of 802.1ad
 *		p     PPPoE
 *		4, 6  IP; the last of them has the datagram
 *		g     GRE
 *		x, n  VXLAN, Geneve, without a checksum; X, N: with one
 *		e     Ethernet
 * @where:	destinations to which it can be sent
 */
static const struct shape {
	const char *headers;
	int where;
} shapes[] = {
	{ "4", ANYWHERE }, { "6", ANYWHERE },
	{ "v4", ANYWHERE }, { "v6", ANYWHERE },
	{ "qv4", ANYWHERE }, { "qv6", ANYWHERE },
	{ "p4", BRIDGED }, { "p6", BRIDGED },
	{ "4g4", ANYWHERE }, { "4g6", ANYWHERE }, { "6g4", ANYWHERE },
	{ "v4g4", ANYWHERE }, { "4ge4", ANYWHERE }, { "qv6ge6", BRIDGED | ROUTED },
	{ "44", ANYWHERE }, { "v44", ANYWHERE }, { "46", ANYWHERE },
	{ "qv46", ANYWHERE }, { "64", ANYWHERE }, { "v66", ANYWHERE },
	{ "4xe4", ANYWHERE }, { "4Xe6", ANYWHERE }, { "v4xe4", ANYWHERE },
	{ "v4Xe4", ANYWHERE }, { "v6Xe6", BRIDGED | ROUTED },
	{ "qv4xe4", ANYWHERE }, { "4xev4", BRIDGED | ROUTED },
	{ "v4xev4", BRIDGED | ROUTED }, { "p4xe4", BRIDGED },
	{ "4ne4", ANYWHERE }, { "4Ne6", ANYWHERE }, { "v4ne4", ANYWHERE },
	{ "qv4Ne4", ANYWHERE }, { "p4ne4", BRIDGED },
};

/*
 * ---- Frames -------------------------------------------------------------
 */

/* Last byte of Ethernet addresses: of the machine, and of others */
#define MACHINE		0
#define SENDER		5
#define RECEIVER	7

/**
 * struct frame - a frame that is built from its end
 * @at:		its beginning in @data
 * @type:	EtherType of what begins there
 * @protocol:	IPPROTO_* of it
 * @check:	a UDP header begins there that must have a checksum
 * @inside:	there is already an IP header
 */
struct frame {
	int at;
	__u16 type;
	__u8 protocol;
	bool check;
	bool inside;
	__u8 data[FRAME_MAX];
};

static int frame_len(const struct frame *frame)
{
	return FRAME_MAX - frame->at;
}

static void *frame_push(struct frame *frame, const void *header, int len)
{
	frame->at -= len;
	return memcpy(frame->data + frame->at, header, len);
}

/* frame_check() - the checksum of a UDP header, with the addresses of its IP header */
static void frame_check(struct frame *frame, const void *addresses, int len)
{
	struct udphdr *udp = (void *)(frame->data + frame->at);
	__u32 sum = IPPROTO_UDP + frame_len(frame);

	if (!frame->check)
		return;
	frame->check = false;
	sum = sum16(addresses, len, sum);
	udp->check = (__u16)~fold16(sum16(udp, frame_len(frame), sum)) ?: 0xffff;
}

static void push_udp(struct frame *frame, __u16 from, __u16 to, bool check)
{
	struct udphdr udp = { htons(from), htons(to), htons(frame_len(frame) + 8) };

	frame_push(frame, &udp, sizeof(udp));
	frame->protocol = IPPROTO_UDP;
	frame->check = check;
}

static void push_ip4(struct frame *frame, int seq)
{
	const char net = frame->inside ? 8 : 9;
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = frame->protocol,
		.id = htons(1000 * net + seq), .frag_off = htons(IP_DF),
		.saddr = htonl(0x0a000002 | net << 16),
		.daddr = htonl(0x0a000001 | net << 16),
	};

	frame_check(frame, &ip.saddr, 8);
	ip.tot_len = htons(frame_len(frame) + sizeof(ip));
	ip.check = ~fold16(sum16(&ip, sizeof(ip), 0));
	frame_push(frame, &ip, sizeof(ip));
	frame->type = ETH_P_IP;
	frame->protocol = IPPROTO_IPIP;
	frame->inside = true;
}

static void push_ip6(struct frame *frame)
{
	const char net = frame->inside ? 8 : 9;
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28), .ip6_hlim = 64, .ip6_nxt = frame->protocol,
		.ip6_plen = htons(frame_len(frame)),
		.ip6_src.s6_addr = { 0xfd, net, [15] = 2 },
		.ip6_dst.s6_addr = { 0xfd, net, [15] = 1 },
	};

	frame_check(frame, &ip.ip6_src, 32);
	frame_push(frame, &ip, sizeof(ip));
	frame->type = ETH_P_IPV6;
	frame->protocol = IPPROTO_IPV6;
	frame->inside = true;
}

static void push_gre(struct frame *frame)
{
	frame_push(frame, (__be16[]) { 0, htons(frame->type) }, 4);
	frame->protocol = IPPROTO_GRE;
}

static void push_ethernet(struct frame *frame, __u8 to)
{
	struct ethhdr eth = { { 2, 0, 0, 0, 9, to }, { 2, 0, 0, 0, 9, SENDER },
			      htons(frame->type) };

	frame_push(frame, &eth, sizeof(eth));
	frame->type = ETH_P_TEB;
}

static void push_tag(struct frame *frame, __u16 type, __u16 id)
{
	frame_push(frame, (__be16[]) { htons(id), htons(frame->type) }, 4);
	frame->type = type;
}

static void push_pppoe(struct frame *frame)
{
	const __u16 ppp = frame->type == ETH_P_IP ? 0x21 : 0x57;
	const __be16 header[] = { htons(0x1100), htons(1),
				  htons(frame_len(frame) + 2), htons(ppp) };

	frame_push(frame, header, sizeof(header));
	frame->type = ETH_P_PPP_SES;
}

static void push_vxlan(struct frame *frame, bool check)
{
	frame_push(frame, (__be32[]) { htonl(0x08000000), htonl(1 << 8) }, 8);
	push_udp(frame, 5000, VXLAN_PORT, check);
}

static void push_geneve(struct frame *frame, bool check)
{
	frame_push(frame, (__be32[]) { htonl(ETH_P_TEB), htonl(1 << 8) }, 8);
	push_udp(frame, 5000, GENEVE_PORT, check);
}

static void frame_header(struct frame *frame, char header, int seq)
{
	switch (header) {
	case '4':
		return push_ip4(frame, seq);
	case '6':
		return push_ip6(frame);
	case 'v':
		return push_tag(frame, ETH_P_8021Q, 5);
	case 'q':
		return push_tag(frame, ETH_P_8021AD, 6);
	case 'p':
		return push_pppoe(frame);
	case 'g':
		return push_gre(frame);
	case 'e':
		return push_ethernet(frame, MACHINE);
	case 'x':
	case 'X':
		return push_vxlan(frame, header == 'X');
	case 'n':
	case 'N':
		return push_geneve(frame, header == 'N');
	}
}

static void frame_make(struct frame *frame, const char *headers, __u8 to, int seq,
		       const void *data, int len)
{
	frame->at = FRAME_MAX;
	frame->inside = false;
	frame_push(frame, data, len);
	push_udp(frame, 6000, PORT, true);
	for (int i = strlen(headers) - 1; i >= 0; i--)
		frame_header(frame, headers[i], seq);
	push_ethernet(frame, to);
}

/*
 * ---- The machine --------------------------------------------------------
 */

FIXTURE(transit) {
	struct vnp_object *obj;
	int in;		/* frames for the machine, which it delays for merging */
	int out;	/* frames from it */
	int tap;	/* packets in its stack */
	__u8 to;	/* destination of the frames */
	__u32 seq;
	struct burst sent;
	struct burst want;
};

FIXTURE_VARIANT(transit) {
	int where;
};

FIXTURE_VARIANT_ADD(transit, bridged) { BRIDGED };
FIXTURE_VARIANT_ADD(transit, routed) { ROUTED };
FIXTURE_VARIANT_ADD(transit, local) { LOCAL };

/* setup_tags() - for packets of a port that is not a bridge's */
static int setup_tags(void)
{
	return ip_batch("link add link rx0 name v0 type vlan id 5\n"
			"link add link rx0 name q0 type vlan proto 802.1ad id 6\n"
			"link add link q0 name qv0 type vlan id 5\n") ?:
	       rtnl_up_silent("v0") ?: rtnl_up_silent("q0") ?: rtnl_up_silent("qv0");
}

/* Tunnel endpoints: GRO parses those of the same kind as a local one. */
static int setup_tunnels(void)
{
	static const char *const types[] = {
		"vxlan id 1 dstport 4789 local 10.8.0.1 remote 10.8.0.2",
		"geneve id 1 remote 10.8.0.2",
		"gre local 10.8.0.1 remote 10.8.0.2",
		"gretap local 10.8.0.1 remote 10.8.0.2",
		"ipip local 10.8.0.1 remote 10.8.0.2",
		"sit local 10.8.0.1 remote 10.8.0.2",
		"ip6gre local fd08::1 remote fd08::2 encaplimit none",
		"ip6tnl mode any local fd08::1 remote fd08::2 encaplimit none",
	};
	char name[8];
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(types); i++) {
		const bool frames = i < 2 || i == 3;

		snprintf(name, sizeof(name), "t%zu", i);
		err = ip_batch("link add %s %s type %s\n", name,
			       frames ? "address " TAP_MAC : "", types[i]) ?:
		      rtnl_up_silent(name);
	}
	return err;
}

static int setup_way(int where)
{
	int err = rtnl_up_silent("rx0") ?: rtnl_up_silent("tx0");

	if (err)
		return err;
	if (where == BRIDGED)
		return ip_batch("link add br0 type bridge forward_delay 0 mcast_snooping 0\n"
				"link set br0 addrgenmode none\n"
				"link set rx0 master br0\n"
				"link set tx0 master br0\n"
				"link set br0 up\n");
	err = setup_tags();
	if (err)
		return err;
	if (where == LOCAL)
		return ip_batch("addr add 10.8.0.1/32 dev lo\n"
				"addr add 10.9.0.1/32 dev lo\n"
				"addr add fd08::1/128 dev lo\n"
				"addr add fd09::1/128 dev lo\n");
	err = write_text("/proc/sys/net/ipv4/ip_forward", "1");
	if (err >= 0)
		err = write_text("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	return err < 0 ? err : ip_batch("route add 10.8.0.1 dev tx0\n"
					"route add 10.9.0.1 dev tx0\n"
					"route add fd08::1 dev tx0\n"
					"route add fd09::1 dev tx0\n");
}

FIXTURE_SETUP(transit)
{
	pin(0);
	self->to = variant->where == BRIDGED ? RECEIVER : MACHINE;
	ASSERT_EQ(0, object_load("orders", &self->obj));
	ASSERT_EQ(0, netns_new());
	self->in = tap_new("rx0", 0);
	ASSERT_OK(self->in);
	self->out = tap_new("tx0", O_NONBLOCK);
	ASSERT_OK(self->out);
	ASSERT_EQ(0, setup_way(variant->where));
	ASSERT_EQ(0, setup_tunnels());
	ASSERT_EQ(0, if_patience(netns_here(), "rx0", PATIENCE));
	self->tap = sniffer_open(netns_here(), ETH_P_ALL);
	ASSERT_OK(self->tap);
}

FIXTURE_TEARDOWN(transit)
{
	close(self->tap);
	close(self->in);
	close(self->out);
	vnp_object_close(self->obj);
}

/*
 * send_frames() - a burst whose last datagram is shorter, so GRO does not wait for more
 */
static int send_frames(FIXTURE_DATA(transit) *self, const char *headers)
{
	struct frame frame;
	int len;

	burst_fill_equal(&self->sent, &self->seq, ORDERS, LEN);
	self->sent.len[FRAMES - 1] -= 1;
	sniffer_widest(self->tap);
	for (int i = 0; i < FRAMES; i++) {
		frame_make(&frame, headers, self->to, i, self->sent.data[i],
			   self->sent.len[i]);
		len = frame_len(&frame);
		if (write(self->in, frame.data + frame.at, len) != len)
			return -errno;
	}
	return 0;
}

/* Frames that came out */
struct output {
	int len[FRAMES];
	__u8 data[FRAMES][FRAME_MAX];
};

/* read_frame() - skips packets of the machine itself, which are to multicast groups */
static int read_frame(int out, __u8 *data)
{
	struct pollfd readable = { out, POLLIN };
	int len;

	do {
		if (poll(&readable, 1, 2000) != 1)
			return -ETIMEDOUT;
		len = read(out, data, FRAME_MAX);
	} while (len > 0 && data[0] & 1);
	return len < 0 ? -errno : len;
}

static int read_frames(FIXTURE_DATA(transit) *self, struct output *output)
{
	memset(output, 0, sizeof(*output));
	for (int i = 0; i < FRAMES; i++) {
		output->len[i] = read_frame(self->out, output->data[i]);
		if (output->len[i] < 0)
			return output->len[i];
	}
	return 0;
}

/*
 * transit_widest() - bytes of the largest packet that arrives at @tap, when the input was
 * merged.  A tick between two frames prevents that.
 */
static int transit_widest(FIXTURE_DATA(transit) *self, const char *headers, int tap)
{
	int err = 0;

	for (int tries = 0; tries < 20; tries++) {
		sniffer_widest(tap);
		err = send_frames(self, headers);
		if (err || sniffer_widest(self->tap) >= FRAMES / 2 * LEN)
			break;
	}
	return err ?: sniffer_widest(tap);
}

/* The outputs differ; larger than any errno */
#define DIFFERENT	(-5000)

static int transit_once(FIXTURE_DATA(transit) *self, const char *headers,
			const struct output *before)
{
	static struct output output;
	int err;

	self->seq = 0;
	err = send_frames(self, headers) ?: read_frames(self, &output);
	if (err)
		return err;
	if (mem_differ(before, &output, sizeof(output)) >= 0)
		return DIFFERENT;
	return sniffer_widest(self->tap) >= 2 * LEN;
}

static int socket_gro(void)
{
	int sock = udp_socket("::", PORT);

	return sock < 0 || !sock_set(sock, SOL_UDP, UDP_GRO, 1) ? sock : -errno;
}

/*
 * transit_merges() - was any of it merged?  Fails if the output differs.  A tick between
 * two frames prevents merging, so there are several attempts.
 */
static int transit_merges(FIXTURE_DATA(transit) *self, const char *headers,
			  const struct output *before)
{
	int merged = 0;

	for (int tries = 0; !merged && tries < 5; tries++)
		merged = transit_once(self, headers, before);
	return merged;
}

static void transit_forward(struct __test_metadata *_metadata,
			    FIXTURE_DATA(transit) *self, const char *headers)
{
	static struct output before;
	int sock, link, merges;
	struct vnp_link_info info;

	self->seq = 0;
	ASSERT_EQ(0, send_frames(self, headers));
	ASSERT_EQ(0, read_frames(self, &before))
		TH_LOG("%s: alone", headers);
	sock = socket_gro();
	ASSERT_OK(sock);
	/* Kernels before 6.10 give a tunnel's UDP header a wrong checksum. */
	merges = transit_merges(self, headers, &before);
	if (merges == DIFFERENT)
		merges = 1;
	ASSERT_OK(merges);
	link = object_link(self->obj, "read_only", sock, 0);
	ASSERT_OK(link);
	EXPECT_EQ(merges, transit_merges(self, headers, &before))
		TH_LOG("%s: with a link", headers);
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(0, info.packets);
	close(link);
	close(sock);
}

static void transit_arrive(struct __test_metadata *_metadata,
			   FIXTURE_DATA(transit) *self, const char *headers)
{
	struct counts counts = { 0 };
	struct vnp_link_info info;
	int sock, link;

	sock = socket_gro();
	ASSERT_OK(sock);
	link = object_link(self->obj, "read_only", sock, 0);
	ASSERT_OK(link);
	ASSERT_EQ(0, send_frames(self, headers));
	burst_expect(&self->want, &self->sent, false, false, &counts);
	ASSERT_LT(0, burst_recv(sock, &self->want, true))
		TH_LOG("%s", headers);
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(counts.pass, info.verdicts[VNP_PASS]);
	EXPECT_EQ(counts.drop, info.verdicts[VNP_DROP]);
	close(link);
	close(sock);
}

/*
 * Packets without a tunnel that were merged for the link's socket are marked as a
 * tunnel's: a device that segments tunnels' packets must not get them marked.
 */
static void transit_segmented(struct __test_metadata *_metadata,
			      FIXTURE_DATA(transit) *self)
{
	static const char *const headers[] = { "4", "6", "v4", "qv6" };
	struct sockaddr_ll at = { AF_PACKET, htons(ETH_P_ALL) };
	int sock, tap, link;

	ASSERT_EQ(0, ip_batch("link add e0 type veth peer name e1\n"));
	ASSERT_EQ(0, rtnl_up_silent("e0") ?: rtnl_up_silent("e1"));
	ASSERT_EQ(0, ip_batch("route replace 10.9.0.1 dev e0\n"
			      "route replace fd09::1 dev e0\n"));
	tap = sniffer_open(netns_here(), ETH_P_ALL);
	ASSERT_OK(tap);
	at.sll_ifindex = if_nametoindex("e1");
	ASSERT_EQ(0, bind(tap, (void *)&at, sizeof(at)));

	sock = socket_gro();
	ASSERT_OK(sock);
	EXPECT_LE(2 * LEN, transit_widest(self, headers[0], tap));
	link = object_link(self->obj, "read_only", sock, 0);
	ASSERT_OK(link);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		int widest = transit_widest(self, headers[i], tap);

		EXPECT_LT(LEN, widest);
		EXPECT_GT(2 * LEN, widest)
			TH_LOG("%s", headers[i]);
	}
	close(link);
	close(sock);
	close(tap);
}

TEST_F(transit, is_unchanged)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (!(shapes[i].where & variant->where))
			continue;
		if (variant->where == LOCAL)
			transit_arrive(_metadata, self, shapes[i].headers);
		else
			transit_forward(_metadata, self, shapes[i].headers);
	}
	if (variant->where == ROUTED)
		transit_segmented(_metadata, self);
}

TEST_HARNESS_MAIN
