// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of type VNP_PROG_PACKET see the whole IP packet of a datagram, and the socket
 * receives the datagram as without a program.
 */
#include <linux/filter.h>
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include "harness.h"
#include "net.h"
#include "object.h"
#include "../progs/packet.h"

#define LONGEST		9000

FIXTURE(packet) {
	struct vnp_object *obj;
	struct packet_view *view;
	struct flow flow;
	int link;
	__u32 header;		/* bytes before the payload */
	__u64 packets;		/* that kernel_passes() and vnp_passes() have sent */
	__u8 sent[LONGEST];
	__u8 got[LONGEST];
};

FIXTURE_VARIANT(packet) {
	enum flow_kind kind;
	bool datagram;	/* in jumbograms, a program that sees the payload only */
};

FIXTURE_VARIANT_ADD(packet, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(packet, ip6) { FLOW_IP6 };
FIXTURE_VARIANT_ADD(packet, mapped) { FLOW_MAPPED };
FIXTURE_VARIANT_ADD(packet, ip6_datagram) { FLOW_IP6, .datagram = true };

FIXTURE_SETUP(packet)
{
	pin(0);
	ASSERT_EQ(0, object_load("packet", &self->obj));
	self->view = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->view);
	ASSERT_EQ(0, netns_new());
	ASSERT_EQ(0, flow_open(&self->flow, variant->kind));
	self->link = object_link(self->obj, "view_packet", self->flow.rx, 0);
	ASSERT_OK(self->link);
	self->header = variant->kind == FLOW_IP6 ? 40 + 8 : 20 + 8;
	fill_random(self->sent, LONGEST, 5);
}

FIXTURE_TEARDOWN(packet)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

/* Send and receive, and compare what the program saw */
static const char *pass(FIXTURE_DATA(packet) *self, __u32 len, __u32 want)
{
	struct packet_view *view = self->view;
	__u32 total = self->header + len;

	memset(view, 0, sizeof(*view));
	view->pull_len = want;
	if (flow_send(&self->flow, self->sent, len) != (int)len ||
	    flow_recv(&self->flow, self->got, LONGEST) != (int)len)
		return "not received";
	if (mem_differ(self->sent, self->got, len) != -1)
		return "changed";
	if (view->total != total || view->direct > total)
		return "length";
	if (view->local_port != (__u32)sock_port(self->flow.rx))
		return "port";
	if (view->header[0] != (self->header == 28 ? 0x45 : 0x60))
		return "version";
	if (view->family != (self->header == 28 ? AF_INET : AF_INET6))
		return "family";
	if (mem_differ(view->end, self->sent + len - 4, 4) != -1)
		return "end";
	if (view->direct == total && view->direct_end != self->sent[len - 1])
		return "direct end";
	return view->pulled ? "pull" : NULL;
}

TEST_F(packet, short_and_long)
{
	static const int lens[] = { 20, 21, 100, 1472, 4000, LONGEST };

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const char *wrong = pass(self, lens[i], 0);

		EXPECT_EQ(NULL, wrong) {
			TH_LOG("%d bytes: %s", lens[i], wrong);
		}
	}
}

/* In fragments, all of which become readable by pulling */
TEST_F(packet, fragments)
{
	const char *wrong;

	ASSERT_EQ(0, if_mtu("lo", 1500));
	for (int len = 1400; len <= LONGEST; len += 1520) {
		const __u32 wants[] = { 0, 1, self->header - 9, self->header - 8,
					self->header - 7, 1500, self->header + len - 1,
					self->header + len };

		for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
			if (wants[i] > self->header + len)
				continue;
			wrong = pass(self, len, wants[i]);
			EXPECT_EQ(NULL, wrong) {
				TH_LOG("%d bytes, %u pulled: %s", len, wants[i], wrong);
			}
			EXPECT_LE(wants[i], self->view->direct);
		}
	}
	pass(self, LONGEST, self->header + LONGEST + 1);
	EXPECT_EQ(-ERANGE, self->view->pulled);
}

/*
 * Loads from a datagram that was reassembled of hundreds of fragments would walk a long list each
 * time: it is contiguous.  The smallest MTU of IPv6 makes few.
 */
TEST_F(packet, many_fragments)
{
	const char *wrong;

	if (variant->kind == FLOW_IP6)
		return;
	ASSERT_EQ(0, if_mtu("lo", 1500));
	wrong = pass(self, LONGEST, 0);
	EXPECT_EQ(NULL, wrong) {
		TH_LOG("%s", wrong);
	}
	EXPECT_GT(self->header + LONGEST, self->view->direct);
	ASSERT_EQ(0, if_mtu("lo", 68));
	wrong = pass(self, LONGEST, 0);
	EXPECT_EQ(NULL, wrong) {
		TH_LOG("%s", wrong);
	}
	EXPECT_EQ(self->header + LONGEST, self->view->direct);
}

/* kernel_passes() - does the socket's filter pass a datagram? */
static int kernel_passes(FIXTURE_DATA(packet) *self, const struct sock_fprog *fprog,
			 __u32 len)
{
	const int before = sock_drops(self->flow.rx);
	int passed = 0, unused = 0;

	if (setsockopt(self->flow.rx, SOL_SOCKET, SO_ATTACH_FILTER, fprog, sizeof(*fprog)))
		return -errno;
	if (flow_send(&self->flow, self->sent, len) != (int)len)
		return -EPROTO;
	while (!passed && sock_drops(self->flow.rx) == before)
		passed = recv(self->flow.rx, self->got, LONGEST, MSG_DONTWAIT) == (int)len;
	self->packets += passed;
	return setsockopt(self->flow.rx, SOL_SOCKET, SO_DETACH_FILTER, &unused,
			  sizeof(unused)) ? -errno : passed;
}

/* vnp_passes() - does the same filter pass it as a program? */
static int vnp_passes(FIXTURE_DATA(packet) *self, struct sock_filter *insns, __u32 cnt,
		      __u32 len)
{
	struct vnp_link_info info;
	struct vnp_object *obj;
	int err, prog;

	err = vnp_object_open_cbpf(insns, cnt, VNP_DLT_RAW, NULL, &obj);
	prog = err ? 0 : vnp_object_load(obj, NULL);
	err = err ? err : prog ? prog :
	      link_update(self->link, object_prog(obj, "cbpf"), -1);
	vnp_object_close(obj);
	if (err || flow_send(&self->flow, self->sent, len) != (int)len ||
	    link_settle(self->link, ++self->packets, &info))
		return err ? err : -EPROTO;
	err = recv(self->flow.rx, self->got, LONGEST, MSG_DONTWAIT) == (int)len;
	link_update(self->link, object_prog(self->obj, "view_packet"), -1);
	return err;
}

/*
 * Loads at fragment boundaries: the kernel's filter on the same socket begins at the UDP
 * header, VNP's at the IP header.
 */
TEST_F(packet, classic_loads_in_fragments)
{
	static const __u16 sizes[] = { BPF_B, BPF_H, BPF_W };
	const __u32 len = 5000, ip = self->header - 8;

	ASSERT_EQ(0, if_mtu("lo", 1500));
	for (__u32 at = 1470; at < len + 16; at += at % 1480 < 20 ? 1 : at < 4980 ? 211 : 1)
		for (int i = 0; i < 6; i++) {
			bool indirect = i / 3, kernel;
			struct sock_filter insns[] = {
				{ BPF_LDX | BPF_IMM, 0, 0, indirect ? 700 : 0 },
				{ BPF_LD | sizes[i % 3] | (indirect ? BPF_IND : BPF_ABS),
				  0, 0, at - (indirect ? 700 : 0) },
				{ BPF_JMP | BPF_JSET | BPF_K, 0, 1, 0x10 },
				{ BPF_RET | BPF_K, 0, 0, 0x10000 },
				{ BPF_RET | BPF_K, 0, 0, 0 },
			};

			struct sock_fprog fprog = { 5, insns };

			kernel = kernel_passes(self, &fprog, len);
			insns[1].k += ip;
			ASSERT_EQ(kernel, vnp_passes(self, insns, 5, len)) {
				TH_LOG("load %d at %u", i, at);
			}
			if (at + (1 << i % 3) > len + 8)
				ASSERT_EQ(0, kernel);
		}
}

/*
 * jumbogram_send() - UDP of @len zeroes from ::1 to ::1, in an IPv6 packet longer than
 * its header can represent
 */
static int jumbogram_send(__u16 port, __u32 len)
{
	struct {
		struct ip6_hdr ip;
		__u8 options[4];
		__be32 jumbo;
		struct udphdr udp;
		__u8 payload[66000];
	} *p = calloc(1, sizeof(*p));
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = if_nametoindex("lo"),
	};
	int sock = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;
	__u32 total = sizeof(*p) - sizeof(p->payload) + len;
	__u32 udp_len = sizeof(p->udp) + len, sum;

	p->ip.ip6_flow = htonl(0x60000000);
	p->ip.ip6_nxt = IPPROTO_HOPOPTS;
	p->ip.ip6_hlim = 64;
	p->ip.ip6_src = in6addr_loopback;
	p->ip.ip6_dst = in6addr_loopback;
	memcpy(p->options, (__u8[]){ IPPROTO_UDP, 0, IP6OPT_JUMBO, 4 }, 4);
	p->jumbo = htonl(total - sizeof(p->ip));
	p->udp.source = htons(9);
	p->udp.dest = htons(port);
	/* its length is 0; the addresses have a sum of 2 */
	sum = 2 + IPPROTO_UDP + (udp_len >> 16) + (udp_len & 0xffff) + 9 + port;
	sum = (sum & 0xffff) + (sum >> 16);
	p->udp.check = htons(~((sum & 0xffff) + (sum >> 16)));
	sock_set(sock, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	n = sendto(sock, p, total, 0, (void *)&addr, sizeof(addr));
	n = n < 0 ? -errno : 0;
	close(sock);
	free(p);
	return n;
}

/*
 * The verifier assumed a maximum length of datagrams, and a jumbogram can be longer.  Only
 * a socket without a link receives it; no program ever sees it.
 */
TEST_F(packet, jumbograms)
{
	/* with or without headers, just above the verifier's maximum */
	const int too_long = variant->datagram ? 65536 : 65536 - 16;
	struct vnp_link_info info;
	struct vnp_object *obj;

	if (variant->kind != FLOW_IP6)
		return;
	ASSERT_EQ(0, if_mtu("lo", 100000));
	ASSERT_OK(sock_set(self->flow.rx, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	if (variant->datagram) {
		ASSERT_EQ(0, object_load("verdict", &obj));
		ASSERT_EQ(0, link_update(self->link, object_prog(obj, "pass"), -1));
		vnp_object_close(obj);
	}
	ASSERT_EQ(0, jumbogram_send(sock_port(self->flow.rx), too_long));
	ASSERT_EQ(4, flow_puts(&self->flow, "next"));
	EXPECT_EQ(1, flow_next_is(&self->flow, "next"));
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(1, info.errors[VNP_ERROR_LENGTH]);
	EXPECT_EQ(1, info.packets);

	ASSERT_EQ(0, link_detach(self->link));
	ASSERT_EQ(0, jumbogram_send(sock_port(self->flow.rx), too_long));
	EXPECT_EQ(too_long, (int)recv(self->flow.rx, NULL, 0, MSG_TRUNC));
}

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5	/* Linux 6.2 */
#endif
#ifndef SOL_UDP
#define SOL_UDP		17
#endif

#define GIANT_SIZE	65000	/* with the headers it is longer than VNP_PACKET_MAX */
#define GIANT_LAST	3000
#define GIANT_LEN	(GIANT_SIZE + GIANT_LAST)

struct giant {
	struct virtio_net_hdr vnet;
	struct ip6_hdr ip;
	__u8 options[4];
	__be32 jumbo;
	__u8 more[768];		/* destination options of unknown types, which are skipped */
	struct udphdr udp;
	__u8 payload[GIANT_LEN];
} __attribute__((packed));

static struct giant *giant_new(__u16 port)
{
	const __u32 headers = offsetof(struct giant, udp) - offsetof(struct giant, ip);
	struct giant *p = calloc(1, sizeof(*p));

	p->vnet = (struct virtio_net_hdr) {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.gso_size = GIANT_SIZE,
		.csum_start = headers,
		.csum_offset = offsetof(struct udphdr, check),
	};
	p->ip.ip6_flow = htonl(0x60000000);
	p->ip.ip6_nxt = IPPROTO_HOPOPTS;
	p->ip.ip6_hlim = 64;
	inet_pton(AF_INET6, "fd06::2", &p->ip.ip6_src);
	inet_pton(AF_INET6, "fd06::1", &p->ip.ip6_dst);
	memcpy(p->options, (__u8[]){ IPPROTO_DSTOPTS, 0, IP6OPT_JUMBO, 4 }, 4);
	p->jumbo = htonl(headers - sizeof(p->ip) + sizeof(p->udp) + GIANT_LEN);
	p->more[0] = IPPROTO_UDP;
	p->more[1] = sizeof(p->more) / 8 - 1;
	for (int i = 0; i < 3; i++)
		memcpy(p->more + 2 + 254 * i, (__u8[]){ 0x1e, 252 }, 2);
	memcpy(p->more + 764, (__u8[]){ IP6OPT_PADN, 2 }, 2);
	p->udp.source = htons(9);
	p->udp.dest = htons(port);
	/* It is still to be computed, so nobody verifies it, but 0 would be refused. */
	p->udp.check = 1;
	return p;
}

/* Two datagrams in a jumbogram.  Return: -EINVAL: the kernel does not know such packets */
static int giant_send(int tun, __u16 port)
{
	struct giant *p = giant_new(port);
	int n = write(tun, p, sizeof(*p)) == sizeof(*p) ? 0 : -errno;

	free(p);
	return n;
}

/* Each datagram of a super-packet can be longer than the verifier assumed. */
TEST_F(packet, jumbogram_of_several)
{
	struct vnp_link_info info;
	int tun, sock, link, err;

	if (variant->kind != FLOW_IP6 || variant->datagram)
		return;
	shell("modprobe -q tun");
	tun = tun_open("giant0", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, 0);
	ASSERT_OK(tun);
	ASSERT_EQ(0, ip_batch("link set giant0 up\n"
			      "addr add fd06::1/64 dev giant0 nodad\n"));
	sock = udp_socket("fd06::1", 0);
	ASSERT_OK(sock);
	ASSERT_OK(sock_set(sock, SOL_UDP, UDP_GRO, 1));
	ASSERT_OK(sock_set(sock, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	link = object_link(self->obj, "view_packet", sock, 0);
	ASSERT_OK(link);
	err = giant_send(tun, sock_port(sock));
	if (err == -EINVAL)
		SKIP(return, "the kernel has no super-packets of UDP from tun");
	ASSERT_EQ(0, err);
	ASSERT_EQ(0, link_settle(link, 1, &info));
	EXPECT_EQ(1, info.errors[VNP_ERROR_LENGTH]);
	EXPECT_EQ(1, info.verdicts[VNP_PASS]);
	EXPECT_GT(VNP_PACKET_MAX, self->view->total);
	EXPECT_EQ(GIANT_LAST, recv(sock, NULL, 0, MSG_TRUNC | MSG_DONTWAIT));
	close(link);
	close(sock);
	close(tun);
}

TEST_HARNESS_MAIN
