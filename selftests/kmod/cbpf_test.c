// SPDX-License-Identifier: GPL-2.0
/*
 * Classic BPF on a socket, by VNP, and on the same packets by the kernel's
 * SO_ATTACH_FILTER on packet sockets, which see the frame or the IP packet as tcpdump
 * does: both must pass the same packets.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sched.h>
#include "harness.h"
#include "net.h"
#include "object.h"
#include "../unit/classic.h"
#include "../unit/random_program.h"

enum { IP4, IP6, FAMILIES };

static const __u16 ports[] = { 53, 5060 };

#define PACKETS		24
#define PACKET_MAX	400

/*
 * ---- Random packets -------------------------------------------------------
 */

struct packet {
	__u8 bytes[PACKET_MAX];
	__u32 len;
	int family;
};

static __u32 pick(__u64 *random, __u32 below)
{
	return (random_next(random) >> 16) % below;
}

/* The UDP datagram at @at, after the headers; begins with its number */
static void put_udp(__u64 *random, struct packet *p, __u32 at, __u16 number)
{
	struct udphdr *uh = (void *)&p->bytes[at];
	__u32 len = 8 + (pick(random, 3) ? 2 + pick(random, 40) : 2 + pick(random, 250));
	__u32 i;

	uh->source = htons(pick(random, 3) ? ports[pick(random, 2)] :
					     1000 + pick(random, 40000));
	uh->dest = htons(ports[pick(random, 2)]);
	uh->len = htons(len);
	uh->check = 0;
	for (i = 8; i < len; i++)
		p->bytes[at + i] = pick(random, 256);
	p->bytes[at + 8] = number >> 8;
	p->bytes[at + 9] = number;
	p->len = at + len;
}

/* IPv4, with options or without; the kernel fills in length and checksum, too late */
static void packet_ip4(__u64 *random, struct packet *p, __u16 number)
{
	struct iphdr *ip = (void *)p->bytes;
	__u32 options = pick(random, 3) ? 0 : pick(random, 11);

	put_udp(random, p, sizeof(*ip) + 4 * options, number);
	memset(ip, 1, sizeof(*ip) + 4 * options);	/* 1: an option that does nothing */
	ip->version = 4;
	ip->ihl = 5 + options;
	ip->tos = pick(random, 256);
	ip->tot_len = htons(p->len);
	ip->id = htons(number + 1);
	ip->frag_off = htons(pick(random, 2) ? IP_DF : 0);
	ip->ttl = 1 + pick(random, 255);
	ip->protocol = IPPROTO_UDP;
	ip->saddr = htonl(INADDR_LOOPBACK + pick(random, 5));
	ip->daddr = htonl(INADDR_LOOPBACK);
}

/* The checksum for IPv6: of the datagram and a pseudo header */
static __u16 udp6_checksum(const struct packet *p, __u32 at)
{
	__u32 sum = IPPROTO_UDP + p->len - at, i;

	for (i = 8; i < 40; i += 2)
		sum += p->bytes[i] << 8 | p->bytes[i + 1];
	for (i = at; i < p->len; i++)
		sum += (i - at) % 2 ? p->bytes[i] : p->bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum ?: 0xffff);
}

/* IPv6, with extension headers or without */
static void packet_ip6(__u64 *random, struct packet *p, __u16 number)
{
	static const __u8 kinds[] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_UDP };
	struct ip6_hdr *ip = (void *)p->bytes;
	__u32 at = sizeof(*ip), kind = pick(random, 5);
	__u8 *next = &ip->ip6_nxt;
	struct udphdr *uh;

	memset(ip, 0, sizeof(*ip));
	for (kind = kind > 2 ? 2 : kind; kinds[kind] != IPPROTO_UDP; kind++) {
		__u32 size = 8 * (1 + pick(random, 3));

		*next = kinds[kind];
		next = &p->bytes[at];
		memset(next, 0, size);
		next[1] = size / 8 - 1;
		next[2] = 0x1e;		/* an unknown option, to be skipped */
		next[3] = size - 4;
		at += size;
	}
	*next = IPPROTO_UDP;
	put_udp(random, p, at, number);
	ip->ip6_flow = htonl(0x60000000 | pick(random, 256) << 20 | (number + 1));
	ip->ip6_plen = htons(p->len - sizeof(*ip));
	ip->ip6_hlim = 1 + pick(random, 255);
	inet_pton(AF_INET6, "::1", &ip->ip6_dst);
	inet_pton(AF_INET6, pick(random, 2) ? "::1" : "fd09::2", &ip->ip6_src);
	uh = (void *)&p->bytes[at];
	uh->check = udp6_checksum(p, at);
}

static void packet_make(__u64 *random, struct packet *p, __u16 number)
{
	p->family = pick(random, FAMILIES);
	if (p->family == IP4)
		packet_ip4(random, p, number);
	else
		packet_ip6(random, p, number);
}

/*
 * ---- Both filters ---------------------------------------------------------
 */

/* Results for each packet: bytes from packet sockets, and whether VNP passed it */
struct outcome {
	int kernel[PACKETS];
	int vnp[PACKETS];
};

FIXTURE(cbpf) {
	int raw[FAMILIES];
	int rx[FAMILIES][ARRAY_SIZE(ports)];
	int link[FAMILIES][ARRAY_SIZE(ports)];
	int tap[2][FAMILIES];	/* [0]: from the IP header on, [1]: from the frame's */
	__u64 sent;
	__u64 random;
	struct packet packets[PACKETS];
	struct outcome outcome;
	int dev;
};

static int tap_open(int type, int family)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(family == IP4 ? ETH_P_IP : ETH_P_IPV6),
	};
	int sock = socket(AF_PACKET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (sock < 0 || bind(sock, (void *)&addr, sizeof(addr)))
		return -errno;
	return sock;
}

FIXTURE_SETUP(cbpf)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	int prog;

	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	prog = prog_verdict(self->dev, VNP_PASS);
	ASSERT_EQ(0, netns_new());
	for (int f = 0; f < FAMILIES; f++) {
		self->raw[f] = socket(f == IP4 ? AF_INET : AF_INET6, SOCK_RAW, IPPROTO_RAW);
		ASSERT_OK(self->raw[f]);
		self->tap[0][f] = tap_open(SOCK_DGRAM, f);
		self->tap[1][f] = tap_open(SOCK_RAW, f);
		ASSERT_OK(self->tap[0][f]);
		ASSERT_OK(self->tap[1][f]);
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
			self->rx[f][i] = udp_socket(addresses[f], ports[i]);
			ASSERT_OK(self->rx[f][i]);
			self->link[f][i] = link_create(self->dev, prog, self->rx[f][i], 0);
			ASSERT_OK(self->link[f][i]);
		}
	}
	self->random = 88172645463325252ULL;
}

FIXTURE_TEARDOWN(cbpf)
{
}

/* Apply the program to all packets: 0 or the error of a refusal */
static int filter_use(FIXTURE_DATA(cbpf) *self, struct sock_filter *insns, __u32 cnt,
		      enum vnp_dlt dlt)
{
	struct sock_filter nothing = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog fprog = { cnt, insns }, none = { 1, &nothing };
	bool ether = dlt == VNP_DLT_EN10MB;
	struct vnp_object *obj;
	int err = vnp_object_open_cbpf(insns, cnt, dlt, NULL, &obj);

	if (!err)
		err = vnp_object_load(obj, NULL);
	if (err)
		return err;
	for (int f = 0; f < FAMILIES && !err; f++) {
		for (size_t i = 0; i < ARRAY_SIZE(ports) && !err; i++)
			err = link_update(self->link[f][i], object_prog(obj, "cbpf"), -1);
		if (setsockopt(self->tap[ether][f], SOL_SOCKET, SO_ATTACH_FILTER, &fprog,
			       sizeof(fprog)) ||
		    setsockopt(self->tap[!ether][f], SOL_SOCKET, SO_ATTACH_FILTER, &none,
			       sizeof(none)))
			err = -errno;
	}
	vnp_object_close(obj);
	return err;
}

static int packet_send(FIXTURE_DATA(cbpf) *self, const struct packet *p)
{
	struct sockaddr_in to4 = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	void *to = p->family == IP4 ? (void *)&to4 : &to6;
	int n = sendto(self->raw[p->family], p->bytes, p->len, 0, to,
		       p->family == IP4 ? sizeof(to4) : sizeof(to6));

	self->sent++;
	return n < 0 ? -errno : n == (int)p->len ? 0 : -EPROTO;
}

/* Wait until all packets have reached the program, and so the packet sockets */
static int packets_settle(FIXTURE_DATA(cbpf) *self)
{
	struct vnp_link_info info;
	__u64 seen, faults;
	int tries = 0;

	do {
		seen = faults = 0;
		for (int f = 0; f < FAMILIES; f++)
			for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
				if (link_info(self->link[f][i], &info))
					return -EPROTO;
				seen += info.packets;
				faults += link_faults(&info);
			}
		sched_yield();
	} while (seen < self->sent && tries++ < 100000);
	return faults ? -EFAULT : seen == self->sent ? 0 : -ETIMEDOUT;
}

/* The number of a packet from a packet socket: in the id of IPv4, the label of IPv6 */
static int number_of(const __u8 *ip)
{
	return (ip[0] >> 4 == 4 ? ip[4] << 8 | ip[5] : ip[2] << 8 | ip[3]) - 1;
}

static int taps_read(FIXTURE_DATA(cbpf) *self, int ether)
{
	__u8 bytes[PACKET_MAX + 14];
	int n, number;

	for (int f = 0; f < FAMILIES; f++)
		while ((n = recv(self->tap[ether][f], bytes, sizeof(bytes), 0)) >= 0) {
			/* truncated to less than the header, it has no number */
			number = n >= 14 * ether + 8 ? number_of(bytes + 14 * ether) : -1;
			if (number < 0 || number >= PACKETS)
				return -EPROTO;
			self->outcome.kernel[number] = n;
		}
	return 0;
}

static int sockets_read(FIXTURE_DATA(cbpf) *self)
{
	__u8 bytes[PACKET_MAX];
	int n, number;

	for (int f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
			while ((n = recv(self->rx[f][i], bytes, sizeof(bytes),
					 MSG_DONTWAIT)) >= 0) {
				number = n < 2 ? -1 : bytes[0] << 8 | bytes[1];
				if (number < 0 || number >= PACKETS)
					return -EPROTO;
				self->outcome.vnp[number] = 1;
			}
	return 0;
}

/* Send random packets to both filters */
static int packets_pass(FIXTURE_DATA(cbpf) *self, enum vnp_dlt dlt)
{
	int err = 0, i;

	memset(&self->outcome, 0, sizeof(self->outcome));
	for (i = 0; i < PACKETS && !err; i++) {
		packet_make(&self->random, &self->packets[i], i);
		err = packet_send(self, &self->packets[i]);
	}
	if (!err)
		err = packets_settle(self);
	if (!err)
		err = taps_read(self, dlt == VNP_DLT_EN10MB);
	return err ? err : sockets_read(self);
}

/* The result of the unit tests' interpreter: bytes of the packet that pass */
static int classic_passes(const struct sock_filter *insns, const struct packet *p,
			  __u32 link_len)
{
	struct classic_packet packet = {
		.link_len = link_len, .len = p->len, .ifindex = 1,
	};
	__u32 ret;

	memcpy(packet.frame + link_len, p->bytes, p->len);
	if (link_len) {
		packet.frame[12] = p->family == IP4 ? 0x08 : 0x86;
		packet.frame[13] = p->family == IP4 ? 0x00 : 0xdd;
	}
	if (p->family == IP4) {	/* the kernel has filled it in meanwhile */
		__u8 *ip = packet.frame + link_len;
		__u32 sum = 0, i;

		ip[10] = 0;
		ip[11] = 0;
		for (i = 0; i < (ip[0] & 15) * 4U; i += 2)
			sum += ip[i] << 8 | ip[i + 1];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		ip[10] = ~sum >> 8;
		ip[11] = ~sum;
	}
	ret = classic_run(insns, &packet, NULL);
	return ret < link_len + p->len ? ret : link_len + p->len;
}

/*
 * ---- Programs -------------------------------------------------------------
 */

/* Read the next program of the file that selftests/progs/expressions made */
static bool expression_read(FILE *file, char *text, size_t size, struct sock_filter *insns,
			    __u32 *cnt, enum vnp_dlt *dlt)
{
	__u32 i;

	if (!fgets(text, size, file))
		return false;
	*dlt = strncmp(text, "= RAW ", 6) ? VNP_DLT_EN10MB : VNP_DLT_RAW;
	if (fscanf(file, "%u", cnt) != 1 || *cnt > BPF_MAXINSNS)
		return false;
	for (i = 0; i < *cnt; i++)
		if (fscanf(file, "%hu %hhu %hhu %u\n", &insns[i].code, &insns[i].jt,
			   &insns[i].jf, &insns[i].k) != 4)
			return false;
	return true;
}

/* A snapshot length that truncates the number of a packet cannot be used here. */
static void snapshots_lengthen(struct sock_filter *insns, __u32 cnt)
{
	for (__u32 i = 0; i < cnt; i++)
		if (insns[i].code == (BPF_RET | BPF_K) && insns[i].k && insns[i].k < 22)
			insns[i].k += 22;
}

TEST_F(cbpf, expressions)
{
	FILE *file = fopen(object_path("../progs/expressions.txt"), "r");
	int passed = 0, dropped = 0, cut = 0, programs = 0;
	struct sock_filter insns[BPF_MAXINSNS];
	enum vnp_dlt dlt;
	char text[512];
	__u32 cnt;

	ASSERT_NE(NULL, file);
	for (; expression_read(file, text, sizeof(text), insns, &cnt, &dlt); programs++) {
		snapshots_lengthen(insns, cnt);
		ASSERT_EQ(0, filter_use(self, insns, cnt, dlt)) {
			TH_LOG("%s", text);
		}
		ASSERT_EQ(0, packets_pass(self, dlt)) {
			TH_LOG("%s", text);
		}
		for (int i = 0; i < PACKETS; i++) {
			const struct packet *p = &self->packets[i];
			int link_len = dlt == VNP_DLT_EN10MB ? 14 : 0;

			ASSERT_EQ(!!self->outcome.kernel[i], self->outcome.vnp[i]) {
				TH_LOG("packet %d: %s", i, text);
			}
			ASSERT_EQ(classic_passes(insns, p, link_len),
				  self->outcome.kernel[i]) {
				TH_LOG("packet %d: %s", i, text);
			}
			passed += self->outcome.vnp[i];
			dropped += !self->outcome.vnp[i];
			cut += self->outcome.kernel[i] &&
			       self->outcome.kernel[i] < (int)p->len + link_len;
		}
	}
	TH_LOG("%d expressions: %d packets passed, %d dropped, %d cut by the kernel",
	       programs, passed, dropped, cut);
	EXPECT_LE(150, programs);
	EXPECT_LE(programs * PACKETS / 5, passed);
	EXPECT_LE(programs * PACKETS / 5, dropped);
	fclose(file);
}

/* Is the last instruction the only return? */
static bool returns_once(const struct sock_filter *insns, __u32 cnt)
{
	for (__u32 i = 0; i < cnt - 1; i++)
		if (BPF_CLASS(insns[i].code) == BPF_RET)
			return false;
	return true;
}

/*
 * Random opcodes.  The result is A; for the kernel its lower bits are visible as the
 * length to which the packet was truncated, which is made long enough for the packet's
 * number.
 */
TEST_F(cbpf, random_programs)
{
	struct sock_filter insns[CLASSIC_INSNS_MAX + 2];
	int passed = 0, dropped = 0;
	__u32 cnt;

	for (__u64 seed = 1; seed <= 240; seed++) {
		enum vnp_dlt dlt = seed % 2 ? VNP_DLT_EN10MB : VNP_DLT_RAW;

		cnt = classic_program(seed * 77, insns);
		if (!returns_once(insns, cnt))
			continue;
		insns[cnt - 1] = (struct sock_filter){ BPF_ALU | BPF_AND | BPF_K, 0, 0, 63 };
		insns[cnt++] = (struct sock_filter){ BPF_ALU | BPF_ADD | BPF_K, 0, 0, 24 };
		insns[cnt++] = (struct sock_filter){ BPF_RET | BPF_A, 0, 0, 0 };
		ASSERT_EQ(0, filter_use(self, insns, cnt, dlt)) {
			TH_LOG("seed %llu", seed);
		}
		ASSERT_EQ(0, packets_pass(self, dlt)) {
			TH_LOG("seed %llu", seed);
		}
		for (int i = 0; i < PACKETS; i++) {
			ASSERT_EQ(!!self->outcome.kernel[i], self->outcome.vnp[i]) {
				TH_LOG("seed %llu, packet %d", seed, i);
			}
			ASSERT_EQ(classic_passes(insns, &self->packets[i],
						 dlt == VNP_DLT_EN10MB ? 14 : 0),
				  self->outcome.kernel[i]) {
				TH_LOG("seed %llu, packet %d", seed, i);
			}
			passed += self->outcome.vnp[i];
			dropped += !self->outcome.vnp[i];
		}
	}
	TH_LOG("%d packets passed, %d dropped", passed, dropped);
	EXPECT_LE(500, passed);
	EXPECT_LE(500, dropped);
}

TEST_HARNESS_MAIN
