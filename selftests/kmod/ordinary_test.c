// SPDX-License-Identifier: GPL-2.0
/*
 * A linked socket behaves like an unlinked one where the kernel treats it as a tunnel's:
 * errors, offloads of other machines, options, routes.  As root, to make packets and
 * devices.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_tun.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "burst.h"
#include "faulting.h"
#include "harness.h"
#include "net.h"
#include "object.h"

/*
 * ---- Errors ---------------------------------------------------------------
 */

/* ICMP errors of a router; @word is the four bytes after the checksum */
struct complaint {
	__u8 type;
	__u8 code;
	__u32 word;
};

static const struct complaint complaints4[] = {
	{ 3, 0, 0 }, { 3, 1, 0 }, { 3, 2, 0 }, { 3, 3, 0 }, { 3, 4, 1400 }, { 3, 4, 0 },
	{ 3, 5, 0 }, { 3, 13, 0 }, { 3, 15, 0 }, { 3, 3, 32 << 16 }, { 3, 4, 32 << 16 | 1300 },
	{ 3, 3, 33 << 16 }, { 3, 3, 2 << 16 }, { 4, 0, 0 }, { 11, 0, 0 }, { 11, 0, 32 << 16 },
	{ 12, 0, 20 << 24 }, { 12, 0, 20 << 24 | 32 << 16 },
};

static const struct complaint complaints6[] = {
	{ 1, 0, 0 }, { 1, 1, 0 }, { 1, 3, 0 }, { 1, 4, 0 }, { 1, 4, 16 << 24 },
	{ 1, 4, 17 << 24 }, { 1, 6, 0 }, { 2, 0, 1300 }, { 3, 0, 0 }, { 3, 0, 16 << 24 },
	{ 4, 0, 40 }, { 4, 1, 6 },
};

/* An error with the original datagram, and an extension after 128 bytes */
struct error_packet {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 word;
	__u8 original[128];
	__u8 extension[16];
};

static void error_fill(struct error_packet *packet, const struct complaint *c, bool ip6,
		       __u16 from, __u16 to)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 60, .protocol = IPPROTO_UDP,
			    .tot_len = htons(sizeof(packet->original)),
			    .saddr = htonl(INADDR_LOOPBACK), .daddr = htonl(INADDR_LOOPBACK) };
	struct ip6_hdr ip6h = { .ip6_src = in6addr_loopback, .ip6_dst = in6addr_loopback };
	const size_t hlen = ip6 ? sizeof(ip6h) : sizeof(ip);
	const struct udphdr udp = { htons(from), htons(to),
				    htons(sizeof(packet->original) - hlen), 0 };
	static const __u8 object[8] = { 0, 8, 1, 1, 1, 2, 3, 4 };

	memset(packet, 'x', sizeof(*packet));
	packet->type = c->type;
	packet->code = c->code;
	packet->check = 0;
	packet->word = htonl(c->word);
	ip6h.ip6_vfc = 6 << 4;
	ip6h.ip6_nxt = IPPROTO_UDP;
	ip6h.ip6_plen = udp.len;
	memcpy(packet->original, ip6 ? (void *)&ip6h : &ip, hlen);
	memcpy(packet->original + hlen, &udp, sizeof(udp));

	/* RFC 4884: version 2, then objects */
	memset(packet->extension, 0, sizeof(packet->extension));
	packet->extension[0] = 2 << 4;
	memcpy(packet->extension + 4, object, sizeof(object));
	memcpy(packet->extension + 12, "\0\4\1", 3);
	*(__u16 *)(packet->extension + 2) =
		~fold16(sum16(packet->extension, sizeof(packet->extension), 0));
	if (!ip6)	/* the kernel does it for IPv6 */
		packet->check = ~fold16(sum16(packet, sizeof(*packet), 0));
}

/* What one socket receives about an error */
struct heard {
	int len;
	int error;
	size_t control_len;
	__u32 flags;
	__u8 data[256];
	__u8 control[512];
	struct sockaddr_in6 name;
};

static void hear(int sock, struct heard *heard)
{
	struct iovec iov = { heard->data, sizeof(heard->data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_name = &heard->name, .msg_namelen = sizeof(heard->name),
			      .msg_control = heard->control,
			      .msg_controllen = sizeof(heard->control) };

	memset(heard, 0, sizeof(*heard));
	heard->error = sock_int(sock, SOL_SOCKET, SO_ERROR);
	heard->len = recvmsg(sock, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (heard->len < 0)
		heard->len = -errno;
	else
		heard->control_len = msg.msg_controllen;
	heard->flags = msg.msg_flags;
}

/* Options that change this */
struct listening {
	bool recverr;
	bool rfc4884;
	bool connected;
	bool pktinfo;
	int mtu_discover;
};

FIXTURE(errors) {
	int dev;
	int prog;
	int raw;
	int twin[2];	/* the first is linked */
	int peer;
};

FIXTURE_VARIANT(errors) {
	bool ip6;
	const char *no_pmtu_disc;
};

FIXTURE_VARIANT_ADD(errors, ip4) { .no_pmtu_disc = "0" };
FIXTURE_VARIANT_ADD(errors, ip4_no_pmtu_disc) { .no_pmtu_disc = "1" };
FIXTURE_VARIANT_ADD(errors, ip4_pmtu_disc_hardened) { .no_pmtu_disc = "3" };
FIXTURE_VARIANT_ADD(errors, ip6) { .ip6 = true, .no_pmtu_disc = "0" };

FIXTURE_SETUP(errors)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->prog = prog_verdict(self->dev, VNP_PASS);
	ASSERT_OK(self->prog);
	ASSERT_EQ(0, netns_new());
	ASSERT_OK(write_text("/proc/sys/net/ipv4/ip_no_pmtu_disc", variant->no_pmtu_disc));
	self->raw = variant->ip6 ? socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) :
				   socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	ASSERT_LE(0, self->raw);
}

FIXTURE_TEARDOWN(errors)
{
	close(self->raw);
	close(self->prog);
	close(self->dev);
}

static int listening_open(int peer, bool ip6, const struct listening *how)
{
	const int level = ip6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int sock = udp_socket(ip6 ? "::1" : "127.0.0.1", 0);
	struct sockaddr_storage to;

	if (sock < 0 || sock_addr(peer, &to))
		return -1;
	if (how->connected && connect(sock, (void *)&to, ip6 ? sizeof(struct sockaddr_in6) :
							 sizeof(struct sockaddr_in)))
		return -1;
	if (how->recverr)
		sock_set(sock, level, ip6 ? IPV6_RECVERR : IP_RECVERR, 1);
	if (how->rfc4884)
		sock_set(sock, level, ip6 ? 31 /* IPV6_RECVERR_RFC4884 */ :
					    26 /* IP_RECVERR_RFC4884 */, 1);
	if (how->pktinfo)
		sock_set(sock, level, ip6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
	sock_set(sock, level, ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, how->mtu_discover);
	return sock;
}

static int complain(int raw, bool ip6, const struct complaint *c, int sock, int peer)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct error_packet packet;

	error_fill(&packet, c, ip6, sock_port(sock), sock_port(peer));
	return sendto(raw, &packet, sizeof(packet), 0, ip6 ? (void *)&to6 : &to,
		      ip6 ? sizeof(to6) : sizeof(to)) == sizeof(packet) ? 0 : -errno;
}

/* The application receives the same as without a link, byte for byte. */
static void compare_errors(struct __test_metadata *_metadata, int raw, bool ip6,
			   const struct complaint *c, const int twin[2], int peer, int *told)
{
	struct heard heard[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, complain(raw, ip6, c, twin[i], peer));
		hear(twin[i], &heard[i]);
	}
	*told += heard[1].len > 0 || heard[1].error;
	EXPECT_MEM(&heard[1], &heard[0], sizeof(heard[0])) {
		TH_LOG("type %d code %d word %#x: length %d and %d, errno %d and %d", c->type,
		       c->code, c->word, heard[1].len, heard[0].len, heard[1].error,
		       heard[0].error);
	}
}

TEST_F(errors, as_without_a_link)
{
	const struct complaint *list = variant->ip6 ? complaints6 : complaints4;
	const int cnt = variant->ip6 ? ARRAY_SIZE(complaints6) : ARRAY_SIZE(complaints4);
	const int peer = udp_socket(variant->ip6 ? "::1" : "127.0.0.1", 0);
	int told = 0;

	for (int bits = 0; bits < 32; bits++) {
		const struct listening how = {
			bits & 1, bits & 2, bits & 4, bits & 8,
			bits & 16 ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT,
		};
		int twin[2], link;

		for (int i = 0; i < 2; i++) {
			twin[i] = listening_open(peer, variant->ip6, &how);
			ASSERT_LE(0, twin[i]);
		}
		link = link_create(self->dev, self->prog, twin[0], 0);
		ASSERT_OK(link);
		for (int i = 0; i < cnt; i++)
			compare_errors(_metadata, self->raw, variant->ip6, &list[i], twin,
				       peer, &told);
		close(twin[0]);
		close(twin[1]);
		close(link);
	}
	EXPECT_LT(100, told);
	close(peer);
}

/*
 * ---- UDP fragmentation offload ----------------------------------------------
 */

static int ufo_device(void)
{
	int fd;

	shell("modprobe -q tun");
	fd = tun_open("ufo0", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, 0);
	if (fd < 0)
		return fd;
	return ip_batch("link set ufo0 up\n"
			"addr add 10.6.0.1/24 dev ufo0\n") ?: fd;
}

#define UFO_LEN		4000

/* A datagram that a machine beyond the device has not fragmented */
static int ufo_send(int tun, __u16 port)
{
	struct {
		struct virtio_net_hdr vnet;
		struct iphdr ip;
		struct udphdr udp;
		__u8 data[UFO_LEN];
	} __attribute__((packed)) frame = {
		.vnet = { VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP, 28, 1480, 20, 6 },
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(28 + UFO_LEN), .saddr = htonl(0x0a060002),
			.daddr = htonl(0x0a060001) },
		.udp = { htons(4000), htons(port), htons(8 + UFO_LEN), 0 },
	};
	const __be16 pseudo[] = { htons(IPPROTO_UDP), frame.udp.len };

	frame.ip.check = ~fold16(sum16(&frame.ip, sizeof(frame.ip), 0));
	frame.udp.check = fold16(sum16(pseudo, sizeof(pseudo),
				       sum16(&frame.ip.saddr, 8, 0)));
	return write(tun, &frame, sizeof(frame)) == sizeof(frame) ? 0 : -errno;
}

/*
 * The kernel drops them before it calls the hook of any socket that has one
 * (security.rst), and counts them for the socket.
 */
TEST(ufo_is_dropped_and_counted)
{
	struct vnp_link_info info;
	char got[UFO_LEN + 1];
	int tun, sock, link, dev = device_open();

	ASSERT_EQ(0, netns_new());
	tun = ufo_device();
	ASSERT_OK(tun);
	sock = udp_socket("10.6.0.1", 0);
	ASSERT_OK(sock);
	ASSERT_EQ(0, ufo_send(tun, sock_port(sock)));
	EXPECT_EQ(UFO_LEN, recv(sock, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(0, sock_drops(sock));

	link = link_create(dev, prog_verdict(dev, VNP_PASS), sock, 0);
	ASSERT_OK(link);
	ASSERT_EQ(0, ufo_send(tun, sock_port(sock)));
	EXPECT_EQ(-1, recv(sock, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(1, sock_drops(sock));
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(0, info.packets);

	ASSERT_EQ(0, link_detach(link));
	ASSERT_EQ(0, ufo_send(tun, sock_port(sock)));
	EXPECT_EQ(UFO_LEN, recv(sock, got, sizeof(got), MSG_DONTWAIT));
	EXPECT_EQ(1, sock_drops(sock));
}

/*
 * ---- UDP_ENCAP under way -----------------------------------------------------
 */

struct setter {
	int sock;
	void *value;
	int ret;
};

static void *set_encap(void *arg)
{
	struct setter *setter = arg;

	setter->ret = setsockopt(setter->sock, IPPROTO_UDP, UDP_ENCAP, setter->value,
				 sizeof(int)) ? -errno : 0;
	return NULL;
}

FIXTURE(encap) {
	int dev;
	int drop;
	struct flow flow;
};

FIXTURE_VARIANT(encap) {
	enum flow_kind kind;
	int value;
};

FIXTURE_VARIANT_ADD(encap, ip4_esp) { FLOW_IP4, UDP_ENCAP_ESPINUDP };
FIXTURE_VARIANT_ADD(encap, ip4_l2tp) { FLOW_IP4, UDP_ENCAP_L2TPINUDP };
FIXTURE_VARIANT_ADD(encap, ip4_none) { FLOW_IP4, 0 };
FIXTURE_VARIANT_ADD(encap, ip6_esp) { FLOW_IP6, UDP_ENCAP_ESPINUDP };

FIXTURE_SETUP(encap)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	self->drop = prog_verdict(self->dev, VNP_DROP);
	ASSERT_OK(self->drop);
	ASSERT_EQ(0, flow_open(&self->flow, variant->kind));
}

FIXTURE_TEARDOWN(encap)
{
	flow_close(&self->flow);
	close(self->drop);
	close(self->dev);
}

/* The call began before the link was created, and replaces its hook: the link says so. */
TEST_F_SMP(encap, under_way_when_linked)
{
	struct setter setter = { .sock = self->flow.rx };
	struct vnp_link_info info;
	struct faulting faulting;
	pthread_t thread;
	int link;

	ASSERT_EQ(0, faulting_open(&faulting, 1));
	setter.value = faulting.page;
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_encap, &setter));
	ASSERT_EQ(0, faulting_await(&faulting, 1));
	link = link_create(self->dev, self->drop, self->flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(1, info.attached);
	EXPECT_EQ(4, flow_puts(&self->flow, "drop"));
	ASSERT_EQ(0, link_settle(link, 1, &info));
	EXPECT_EQ(1, info.verdicts[VNP_DROP]);

	ASSERT_EQ(0, faulting_fill(&faulting, variant->value));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, setter.ret);
	EXPECT_EQ(-ENOLINK, link_update(link, self->drop, -1));
	ASSERT_EQ(0, link_info(link, &info));
	EXPECT_EQ(0, info.attached);
	EXPECT_EQ(0, info.prog_id);
	EXPECT_EQ(-ENOLINK, link_detach(link));
	EXPECT_EQ(variant->value, sock_int(self->flow.rx, IPPROTO_UDP, UDP_ENCAP));
	if (!variant->value) {
		EXPECT_EQ(4, flow_puts(&self->flow, "pass"));
		EXPECT_EQ(1, flow_next_is(&self->flow, "pass"));
	}
	faulting_close(&faulting);
	close(link);
}

struct racer {
	pthread_t thread;
	struct setter setter;
	atomic_int *go;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	while (!atomic_load(racer->go))
		;
	return set_encap(&racer->setter);
}

/* In any order: either there is a link, or the application's UDP_ENCAP, never both. */
TEST_F_SMP(encap, races_with_a_link)
{
	int value = variant->value, attached = 0;
	struct vnp_link_info info;

	for (int i = 0; i < 300; i++) {
		atomic_int go = 0;
		int sock = udp_socket(variant->kind == FLOW_IP6 ? "::1" : "127.0.0.1", 0), link;
		struct racer racer = { .setter = { sock, &value }, .go = &go };

		ASSERT_OK(sock);
		ASSERT_EQ(0, pthread_create(&racer.thread, NULL, race, &racer));
		atomic_store(&go, 1);
		link = link_create(self->dev, self->drop, sock, 0);
		ASSERT_EQ(0, pthread_join(racer.thread, NULL));
		info.attached = 0;
		if (link < 0) {
			EXPECT_EQ(-EBUSY, link);
		} else {
			ASSERT_EQ(0, link_info(link, &info));
		}
		attached += info.attached;
		if (info.attached && value) {
			EXPECT_EQ(0, sock_int(sock, IPPROTO_UDP, UDP_ENCAP));
			EXPECT_EQ(-EBUSY, sock_set(sock, IPPROTO_UDP, UDP_ENCAP, value));
		}
		close(link);
		close(sock);
	}
	TH_LOG("%d of 300 were linked", attached);
}

/*
 * ---- Routes ------------------------------------------------------------------
 */

/* Datagrams passed from the hook pin neither a device nor a namespace. */
TEST(device_and_namespace_go)
{
	struct vnp_object *obj;
	struct counts counts = { 0 };
	struct burst sent, want;
	const int init = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	struct wire wire;
	struct flow flow;
	__u32 seq = 0;
	int link;

	pin(0);
	ASSERT_EQ(0, object_load("orders", &obj));
	ASSERT_EQ(0, path_setup(&wire, WIRE_GSO));
	ASSERT_EQ(0, path_flow(&flow, &wire, WIRE_GSO, FLOW_IP4));
	link = object_link(obj, "read_only", flow.rx, 0);
	ASSERT_OK(link);
	for (int i = 0; i < 10; i++) {
		burst_fill_equal(&sent, &seq, "PDPPDDPPPPDPPDPDDDPP", 200);
		burst_expect(&want, &sent, false, false, &counts);
		ASSERT_EQ(0, burst_send(flow.tx, &sent, WIRE_GSO));
		ASSERT_LT(0, burst_recv(flow.rx, &want, false));
	}

	/*
	 * This waits for all references to the device; the linked socket is still open.
	 */
	ASSERT_EQ(0, setns(wire.there, CLONE_NEWNET));
	ASSERT_EQ(0, ip_batch("link del rx0\n"
			      "link add probe1 type veth peer name probe0 netns 1\n"));
	ASSERT_EQ(0, setns(init, CLONE_NEWNET));
	ASSERT_LT(0, if_nametoindex("probe0"));

	/* A device's peer is removed with the device's namespace. */
	flow_close(&flow);
	close(link);
	vnp_object_close(obj);
	close(wire.there);
	close(wire.here);
	for (int i = 0; i < 6000 && if_nametoindex("probe0"); i++)
		poll(NULL, 0, 10);
	EXPECT_EQ(0, if_nametoindex("probe0"));
}

/*
 * probe_add() - add a veth device @name here, whose peer is in namespace @net: so it disappears
 * when that is destroyed
 */
static int probe_add(int net, const char *name)
{
	const int init = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	char batch[128];
	int err;

	snprintf(batch, sizeof(batch), "link add probe type veth peer name %s netns 1\n", name);
	err = setns(net, CLONE_NEWNET) ?: ip_batch(batch) ?: setns(init, CLONE_NEWNET);
	close(init);
	return err ?: !if_nametoindex(name);
}

static void probe_wait(const char *name)
{
	for (int i = 0; i < 6000 && if_nametoindex(name); i++)
		poll(NULL, 0, 10);
}

/* The routes of replies refer to the namespace, also when the socket is closed. */
TEST(link_keeps_namespace)
{
	struct vnp_object *obj;
	struct vnp_link_info info;
	struct wire wire, other;
	struct flow flow;
	int link;

	pin(0);
	ASSERT_EQ(0, object_load("reply", &obj));
	ASSERT_EQ(0, wire_new(&wire));
	ASSERT_EQ(0, wire_new(&other));
	ASSERT_EQ(0, wire_flow(&wire, &flow, FLOW_IP6));
	link = object_link(obj, "reply", flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_OK(flow_puts(&flow, "P"));
	ASSERT_EQ(0, link_settle(link, 1, &info));
	EXPECT_EQ(0, info.errors[VNP_ERROR_ROUTE]);
	ASSERT_EQ(0, probe_add(wire.there, "probe0"));
	ASSERT_EQ(0, probe_add(other.there, "probe1"));
	flow_close(&flow);
	vnp_object_close(obj);
	close(wire.there);
	close(wire.here);
	/* Namespaces are destroyed in the order in which their last references were put. */
	close(other.there);
	close(other.here);
	probe_wait("probe1");
	EXPECT_EQ(0, if_nametoindex("probe1"));
	EXPECT_LT(0, if_nametoindex("probe0"));
	close(link);
	probe_wait("probe0");
	EXPECT_EQ(0, if_nametoindex("probe0"));
}

TEST_HARNESS_MAIN
