// SPDX-License-Identifier: GPL-2.0
/*
 * A linked socket with a filter gets datagrams from the module, not from the kernel.  So
 * everything is done twice here: with such a socket, and with one that has the same
 * filter and no link.  Both must look the same.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "harness.h"
#include "wire.h"

#define RCVBUF		8192
#define FLOOD		64

/* Counters of a socket, and of its network namespace */
struct counters {
	long received, errors, no_buffer, no_memory, drops, used;
};

/* One of the two sockets, and its previous counters */
struct twin {
	struct flow flow;
	struct counters before;
};

FIXTURE(enqueue) {
	int dev;
	int link;
	struct twin twins[2];	/* linked, unlinked */
	struct flow marker;
};

FIXTURE_VARIANT(enqueue) {
	enum flow_kind kind;
};

FIXTURE_VARIANT_ADD(enqueue, ip4) { FLOW_IP4 };
FIXTURE_VARIANT_ADD(enqueue, ip6) { FLOW_IP6 };
FIXTURE_VARIANT_ADD(enqueue, mapped) { FLOW_MAPPED };

/* Deny what begins with 'X'. */
static int attach_filter(int sock)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'X', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
	};
	const struct sock_fprog fprog = { ARRAY_SIZE(insns), insns };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &fprog, sizeof(fprog)) ?
	       -errno : 0;
}

/* ip6_counter() - one of this namespace's */
static long ip6_counter(const char *name)
{
	char line[128], seen[64];
	FILE *file = fopen("/proc/net/snmp6", "r");
	long value = -1, n;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld", seen, &n) == 2 && !strcmp(seen, name))
			value = n;
	if (file)
		fclose(file);
	return value;
}

static int counters_read(const struct flow *flow, bool ip6, struct counters *counters)
{
	__u32 mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);
	char text[4096], *at;

	if (getsockopt(flow->rx, SOL_SOCKET, SO_MEMINFO, mem, &len))
		return -errno;
	counters->drops = mem[SK_MEMINFO_DROPS];
	counters->used = mem[SK_MEMINFO_RMEM_ALLOC];
	if (ip6) {
		counters->received = ip6_counter("Udp6InDatagrams");
		counters->errors = ip6_counter("Udp6InErrors");
		counters->no_buffer = ip6_counter("Udp6RcvbufErrors");
		counters->no_memory = ip6_counter("Udp6MemErrors");
		return 0;
	}
	if (read_text("/proc/net/snmp", text, sizeof(text)) < 0)
		return -EIO;
	at = strstr(text, "\nUdp: ");
	at = at ? strstr(at + 1, "\nUdp: ") : NULL;
	return at && sscanf(at, "\nUdp: %ld %*d %ld %*d %ld %*d %*d %*d %ld",
			    &counters->received, &counters->errors,
			    &counters->no_buffer, &counters->no_memory) == 4 ? 0 : -EPROTO;
}

static int twin_open(struct twin *twin, enum flow_kind kind)
{
	const int err = flow_open(&twin->flow, kind);

	return err ?: attach_filter(twin->flow.rx);
}

FIXTURE_SETUP(enqueue)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, netns_new());
	ASSERT_EQ(0, flow_open(&self->marker, variant->kind));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, twin_open(&self->twins[i], variant->kind));
	self->link = link_create(self->dev, prog_by_first_byte(self->dev),
				 self->twins[0].flow.rx, 0);
	ASSERT_OK(self->link);
}

FIXTURE_TEARDOWN(enqueue)
{
	for (int i = 0; i < 2; i++)
		flow_close(&self->twins[i].flow);
	flow_close(&self->marker);
	close(self->link);
	close(self->dev);
}

/* twin_count() - begin to count for one socket, or return the increase */
static int twin_count(struct twin *twin, enum flow_kind kind, struct counters *moved)
{
	struct counters *before = &twin->before, now;
	const int err = counters_read(&twin->flow, kind == FLOW_IP6, moved ? &now : before);

	if (err || !moved)
		return err;
	moved->received = now.received - before->received;
	moved->errors = now.errors - before->errors;
	moved->no_buffer = now.no_buffer - before->no_buffer;
	moved->no_memory = now.no_memory - before->no_memory;
	moved->drops = now.drops - before->drops;
	moved->used = now.used;
	return 0;
}

/*
 * all_arrived() - wait until everything sent from this CPU has arrived: lo keeps the
 * order, but delivers later if ksoftirqd is running.  Return: 1
 */
static int all_arrived(FIXTURE_DATA(enqueue) *self)
{
	const int err = flow_puts(&self->marker, "m");

	return err < 0 ? err : flow_next_is(&self->marker, "m");
}

TEST_F(enqueue, denied)
{
	struct counters moved[2];

	for (int i = 0; i < 2; i++) {
		struct twin *twin = &self->twins[i];

		ASSERT_EQ(0, twin_count(twin, variant->kind, NULL));
		for (const char *at = "XpXpX"; *at; at++)
			ASSERT_EQ(1, flow_send(&twin->flow, at, 1));
		ASSERT_EQ(1, all_arrived(self));
		EXPECT_EQ(2, sock_drain(twin->flow.rx));
		ASSERT_EQ(0, twin_count(twin, variant->kind, &moved[i]));
	}
	EXPECT_MEM(&moved[1], &moved[0], sizeof(moved[0]));
	EXPECT_EQ(3, moved[0].drops);
}

/* The same number fits into the receive buffer, and drops are counted alike. */
TEST_F(enqueue, overflow)
{
	static const int sizes[] = { 1, 300, 1400 };
	struct counters full[2], read[2];
	char data[1400] = "p";
	int cnt[2];

	for (int size = 0; size < (int)ARRAY_SIZE(sizes); size++) {
		for (int i = 0; i < 2; i++) {
			struct twin *twin = &self->twins[i];

			ASSERT_OK(sock_set(twin->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
			ASSERT_EQ(0, twin_count(twin, variant->kind, NULL));
			for (int n = 0; n < FLOOD; n++)
				ASSERT_EQ(sizes[size],
					  flow_send(&twin->flow, data, sizes[size]));
			ASSERT_EQ(1, all_arrived(self));
			ASSERT_EQ(0, twin_count(twin, variant->kind, &full[i]));
			cnt[i] = sock_drain(twin->flow.rx);
			ASSERT_EQ(0, twin_count(twin, variant->kind, &read[i]));
		}
		EXPECT_EQ(cnt[1], cnt[0]);
		EXPECT_EQ(FLOOD - cnt[0], full[0].drops);
		EXPECT_EQ(FLOOD - cnt[0], full[0].no_buffer);
		EXPECT_MEM(&full[1], &full[0], sizeof(full[0]));
		EXPECT_MEM(&read[1], &read[0], sizeof(read[0]));
	}
}

/* The number of drops that SO_RXQ_OVFL reports with the next datagram */
TEST_F(enqueue, overflow_is_told)
{
	char data[1400] = "p";
	__u32 told[2];

	for (int i = 0; i < 2; i++) {
		struct flow *flow = &self->twins[i].flow;

		ASSERT_OK(sock_set(flow->rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
		ASSERT_OK(sock_set(flow->rx, SOL_SOCKET, SO_RXQ_OVFL, 1));
		for (int n = 0; n < FLOOD; n++)
			ASSERT_OK(flow_send(flow, data, sizeof(data)));
		ASSERT_EQ(1, all_arrived(self));
		sock_drain(flow->rx);
		ASSERT_OK(flow_puts(flow, "p"));
		ASSERT_EQ(sizeof(told[i]), sock_cmsg(flow->rx, SOL_SOCKET, SO_RXQ_OVFL,
						     &told[i], sizeof(told[i])));
	}
	EXPECT_NE(0, told[0]);
	EXPECT_EQ(told[1], told[0]);
}

TEST_F(enqueue, timestamps)
{
	struct flow *flow = &self->twins[0].flow;
	struct timespec told, before, after;

	ASSERT_OK(sock_timestamps(flow->rx));
	clock_gettime(CLOCK_REALTIME, &before);
	ASSERT_OK(flow_puts(flow, "p"));
	clock_gettime(CLOCK_REALTIME, &after);
	ASSERT_EQ(sizeof(told), sock_cmsg(flow->rx, SOL_SOCKET, SO_TIMESTAMPNS, &told,
					  sizeof(told)));
	EXPECT_LE(before.tv_sec, told.tv_sec);
	EXPECT_GE(after.tv_sec, told.tv_sec);
}

TEST_F(enqueue, peeked)
{
	struct flow *flow = &self->twins[0].flow;
	char data[16];

	ASSERT_OK(flow_puts(flow, "pqr"));
	ASSERT_OK(flow_puts(flow, "pst"));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(3, recv(flow->rx, data, sizeof(data), MSG_PEEK));
		EXPECT_MEM("pqr", data, 3);
	}
	EXPECT_EQ(1, flow_next_is(flow, "pqr"));
	EXPECT_EQ(1, flow_next_is(flow, "pst"));
	EXPECT_EQ(1, flow_empty(flow));
}

/* Each datagram that is passed is an event, and nothing else is. */
TEST_F(enqueue, edges)
{
	struct flow *flow = &self->twins[0].flow;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	const int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_OK(epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, flow->rx, &event));
	for (int i = 0; i < 3; i++) {
		ASSERT_OK(flow_puts(flow, "p"));
		ASSERT_EQ(1, all_arrived(self));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 0));
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		ASSERT_OK(flow_puts(flow, "X"));
		ASSERT_OK(flow_puts(flow, "D"));
		ASSERT_EQ(1, all_arrived(self));
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	}
	close(epoll);
}

#define SENDS	5000

/* A thread that sends to a socket from a CPU of its own */
struct sender {
	struct sockaddr_storage to;
	int sock;
	int cpu;
	atomic_int *active;
};

static void *sender_main(void *arg)
{
	const struct sender *sender = arg;
	char data[1000] = "p";
	long sent = 0;

	pin(sender->cpu);
	for (int n = 0; n < SENDS; n++)
		sent += sendto(sender->sock, data, 1 + n % (int)sizeof(data), 0,
			       (void *)&sender->to, sizeof(struct sockaddr_in6)) > 0;
	atomic_fetch_sub(sender->active, 1);
	return (void *)sent;
}

/* Senders on two CPUs, and a reader: each datagram is received or counted as dropped. */
TEST_F_SMP(enqueue, two_cpus)
{
	struct flow *flow = &self->twins[0].flow;
	atomic_int active = 2;
	struct sender senders[2];
	pthread_t threads[2];
	struct counters moved;
	int received = 0;
	long sum = 0, lost = backlog_drops();
	void *sent;

	ASSERT_EQ(0, twin_count(&self->twins[0], variant->kind, NULL));
	for (int i = 0; i < 2; i++) {
		senders[i] = (struct sender){ flow->rx_addr, self->twins[i].flow.tx, i,
					      &active };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, sender_main, &senders[i]));
	}
	while (atomic_load(&active))
		received += sock_drain(flow->rx);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &sent));
		sum += (long)sent;
		pin(i);
		ASSERT_EQ(1, all_arrived(self));
	}
	received += sock_drain(flow->rx);
	ASSERT_EQ(0, twin_count(&self->twins[0], variant->kind, &moved));
	EXPECT_EQ(2 * SENDS, sum);
	lost = backlog_drops() - lost;
	EXPECT_EQ(sum, received + moved.drops + lost);
	EXPECT_EQ(received + 2, moved.received);	/* and the markers */
	EXPECT_EQ(moved.drops, moved.no_buffer);
	EXPECT_EQ(moved.drops, moved.errors);
}

/* Closed with datagrams in the queue: the kernel warns if memory is not accounted. */
TEST_F(enqueue, closed_full)
{
	char data[1400] = "p";

	for (int i = 0; i < 2; i++)
		for (int n = 0; n < FLOOD; n++)
			ASSERT_OK(flow_send(&self->twins[i].flow, data, sizeof(data)));
}

/* The destination of a datagram, and the setup of the receiver */
FIXTURE(pktinfo) {
	struct wire wire;
};

FIXTURE_VARIANT(pktinfo) {
	const char *to;
	const char *routes;	/* for ip(8) */
	const char *from;	/* an address of the sender's; the usual one */
	const char *spec_dst;
};

FIXTURE_VARIANT_ADD(pktinfo, unicast) { "10.9.0.1", .spec_dst = "10.9.0.1" };
FIXTURE_VARIANT_ADD(pktinfo, multicast) { "239.1.2.3", .spec_dst = "10.9.0.1" };
FIXTURE_VARIANT_ADD(pktinfo, broadcast) { "10.9.0.255", .spec_dst = "10.9.0.1" };

FIXTURE_VARIANT_ADD(pktinfo, route_with_source) {
	"239.1.2.3",
	"addr add 10.9.0.7/24 dev rx0\nroute add 10.9.0.2/32 dev rx0 src 10.9.0.7\n",
	.spec_dst = "10.9.0.7",
};

FIXTURE_VARIANT_ADD(pktinfo, rule) {
	"239.1.2.3",
	"addr add 10.9.0.8/24 dev rx0\nrule add from 0.0.0.0/0 table 77 pref 5\n"
	"route add 10.9.0.2/32 dev rx0 src 10.9.0.8 table 77\n",
	.spec_dst = "10.9.0.8",
};

FIXTURE_VARIANT_ADD(pktinfo, gateway) {
	"239.1.2.3",
	"addr add 10.5.0.1/24 dev rx0\nroute add 10.6.0.0/24 via 10.5.0.2 dev rx0\n",
	"10.6.0.2", "10.5.0.1",
};

FIXTURE_VARIANT_ADD(pktinfo, no_route) {
	"239.1.2.3", "", "10.6.0.2", "10.9.0.1",
};

FIXTURE_SETUP(pktinfo)
{
	pin(0);
	ASSERT_EQ(0, wire_new(&self->wire));
	if (variant->from)
		ASSERT_EQ(0, ip_batch("addr add %s/24 dev tx0\n", variant->from));
	ASSERT_EQ(0, setns(self->wire.there, CLONE_NEWNET));
	if (variant->routes)
		ASSERT_EQ(0, ip_batch("%s", variant->routes));
	ASSERT_EQ(0, setns(self->wire.here, CLONE_NEWNET));
}

FIXTURE_TEARDOWN(pktinfo)
{
	close(self->wire.here);
	close(self->wire.there);
}

/* receiver() - a socket at the other end that gets multicast, and its control messages */
static int receiver(const struct wire *wire)
{
	const struct ip_mreq group = {
		.imr_multiaddr.s_addr = inet_addr("239.1.2.3"),
		.imr_interface.s_addr = inet_addr("10.9.0.1"),
	};
	int sock, err = 0;

	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	sock = udp_socket("0.0.0.0", 0);
	if (setsockopt(sock, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)))
		err = -errno;
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err ?: sock_set(sock, IPPROTO_IP, IP_PKTINFO, 1) ?: sock;
}

static int send_from(const char *from, const char *to, int port)
{
	const int sock = udp_socket(from ?: "10.9.0.2", 0);
	const struct in_addr interface = { inet_addr("10.9.0.2") };
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(to),
	};
	int ret;

	if (sock < 0 || sock_set(sock, SOL_SOCKET, SO_BROADCAST, 1) ||
	    setsockopt(sock, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)))
		return -EPROTO;
	ret = sendto(sock, "p", 1, 0, (void *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	close(sock);
	return ret;
}

TEST_F(pktinfo, same)
{
	const int dev = device_open();
	struct in_pktinfo told[2];
	int sock, link = -1;

	for (int i = 0; i < 2; i++) {
		sock = receiver(&self->wire);
		ASSERT_OK(sock);
		ASSERT_EQ(0, attach_filter(sock));
		if (!i)
			link = link_create(dev, prog_by_first_byte(dev), sock, 0);
		ASSERT_OK(link);
		ASSERT_EQ(0, send_from(variant->from, variant->to, sock_port(sock)));
		ASSERT_EQ(sizeof(told[i]), sock_cmsg(sock, IPPROTO_IP, IP_PKTINFO,
						     &told[i], sizeof(told[i])));
	}
	EXPECT_MEM(&told[1], &told[0], sizeof(told[0]));
	EXPECT_EQ(inet_addr(variant->spec_dst), told[0].ipi_spec_dst.s_addr);
	EXPECT_EQ(inet_addr(variant->to), told[0].ipi_addr.s_addr);
}

TEST_HARNESS_MAIN
