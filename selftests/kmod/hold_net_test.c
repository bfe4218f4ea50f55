// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_HELD on a network that loses, duplicates, reorders and corrupts datagrams, and against
 * senders that never complete a message: whole messages are received, each once, and each datagram
 * is counted.  About VNP_DATAGRAMS datagrams are sent, by default some thousands.
 */
#include <linux/if_link.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include "held.h"
#define LIGHT_LEAVES_OUT	"ip4_bad", "ip6_lossy"
#include "harness.h"
#include "rtnl.h"

#define CNT		8	/* datagrams of a message */
#define LEN		200	/* bytes of each */

static long datagrams(long otherwise)
{
	const char *text = getenv("VNP_DATAGRAMS");
	const long cnt = text ? atol(text) : 0;

	return cnt > 0 ? cnt : otherwise;
}

/*
 * ---- Counters of the network ----------------------------------------------
 */

/* struct wire_counts - packets on the wire */
struct wire_counts {
	__u64 passed;		/* by netem, duplicates included */
	__u64 lost;		/* by netem */
	__u64 queued;		/* netem still has them */
	__u64 damaged;		/* refused by the receiver: Ethernet, IP, UDP */
};

static int netem_counts(struct wire_counts *counts)
{
	FILE *out = popen("tc -s qdisc show dev tx0", "r");
	char line[256];
	int seen = 0;

	if (!out)
		return -errno;
	while (fgets(line, sizeof(line), out)) {
		seen += sscanf(line, " Sent %*u bytes %llu pkt (dropped %llu,", &counts->passed,
			       &counts->lost) == 2;
		seen += sscanf(line, " backlog %*s %llup", &counts->queued) == 1;
	}
	pclose(out);
	return seen == 2 ? 0 : -EPROTO;
}

/* A counter of /proc/net/snmp: a line has the names of a group, the next one their values */
static long snmp_value(const char *text, const char *group, const char *name)
{
	const char *names = strstr(text, group);
	const char *values = names ? strstr(names + 1, group) : NULL;
	const char *end = values ? strstr(names, name) : NULL;

	for (; values && names < end; names++)
		if (*names == ' ')
			values = strchr(values, ' ') + 1;
	return end ? atol(values) : 0;
}

/* A counter of /proc/net/snmp6: each line has a name and its value */
static long snmp6_value(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? atol(line + strlen(name)) : 0;
}

static long damaged_ip4(const char *text)
{
	return snmp_value(text, "Ip:", "InHdrErrors") + snmp_value(text, "Ip:", "InAddrErrors") +
	       snmp_value(text, "Udp:", "InErrors") + snmp_value(text, "Udp:", "NoPorts");
}

static long damaged_ip6(const char *text)
{
	return snmp6_value(text, "Ip6InHdrErrors") + snmp6_value(text, "Ip6InNoRoutes") +
	       snmp6_value(text, "Ip6InAddrErrors") + snmp6_value(text, "Ip6InUnknownProtos") +
	       snmp6_value(text, "Ip6InTruncatedPkts") + snmp6_value(text, "Udp6InErrors") +
	       snmp6_value(text, "Udp6NoPorts");
}

/* Context: the receiver's namespace */
static long damaged_here(bool ip6)
{
	static char text[16384];
	struct rtnl_link_stats64 stats;
	int err = read_text(ip6 ? "/proc/thread-self/net/snmp6" : "/proc/thread-self/net/snmp",
			    text, sizeof(text));

	if (err >= 0)
		err = rtnl_stats("rx0", &stats);
	if (err < 0)
		return err;
	return (ip6 ? damaged_ip6(text) : damaged_ip4(text)) + stats.rx_dropped +
	       stats.rx_otherhost_dropped;
}

static long damaged(const struct rig *rig, bool ip6)
{
	long sum;

	if (setns(rig->wire.there, CLONE_NEWNET))
		return -errno;
	sum = damaged_here(ip6);
	return setns(rig->wire.here, CLONE_NEWNET) ? -errno : sum;
}

/* Wait until netem has no more packets, and the program has seen all that it passed. */
static int wire_settle(struct rig *rig, bool ip6, struct wire_counts *counts)
{
	int err;
	long sum;

	do {
		err = netem_counts(counts);
	} while (!err && counts->queued);
	for (int i = 0; !err && i < 1000; i++) {
		sum = damaged(rig, ip6);
		err = sum < 0 ? sum : link_info(rig->link, &rig->info);
		counts->damaged = sum;
		if (rig->info.packets + sum >= counts->passed)
			break;
		usleep(1000);
	}
	return err;
}

/*
 * ---- A bad network -------------------------------------------------------
 */

FIXTURE(net) {
	struct rig rig;
	long messages;
	bool *got;
};

FIXTURE_VARIANT(net) {
	enum flow_kind kind;
	const char *netem;
	bool loses;
	bool corrupts;
};

FIXTURE_VARIANT_ADD(net, ip4_bad) {
	FLOW_IP4, "delay 500us reorder 30% loss 1% duplicate 3% corrupt 1%", true, true,
};

FIXTURE_VARIANT_ADD(net, ip6_bad) {
	FLOW_IP6, "delay 500us reorder 30% loss 1% duplicate 3% corrupt 1%", true, true,
};

FIXTURE_VARIANT_ADD(net, ip6_lossy) {
	FLOW_IP6, "delay 500us reorder 30% loss 2% duplicate 3%", true, false,
};

FIXTURE_VARIANT_ADD(net, ip4_whole) {
	FLOW_IP4, "delay 500us reorder 30% duplicate 3%", false, false,
};

FIXTURE_SETUP(net)
{
	struct vnp_link_create limits = { .hold_age_ms = VNP_HOLD_AGE_MS_MAX };
	struct rig *rig = &self->rig;

	self->messages = datagrams(8000) / CNT;
	self->got = calloc(self->messages, sizeof(*self->got));
	ASSERT_NE(NULL, self->got);
	ASSERT_OK(rig_open(rig, variant->kind, WIRE_SINGLE, "hold"));
	ASSERT_EQ(0, link_detach(rig->link));
	close(rig->link);
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	ASSERT_OK(rig_link(rig, "hold", &limits));
	ASSERT_EQ(0, shell("tc qdisc add dev tx0 root netem limit 100000 %s", variant->netem));
}

FIXTURE_TEARDOWN(net)
{
	shell("tc qdisc del dev tx0 root");
	rig_close(&self->rig);
	free(self->got);
}

/* Check a message that was received: all of it, and for the first time. */
static bool message_ok(struct rig *rig, int len, bool *got, long messages)
{
	const struct fragment *first = (const void *)rig->got;
	const __u64 key = first->message;

	if (len != CNT * LEN || key >= (__u64)messages || got[key])
		return false;
	got[key] = true;
	rig->want_len = 0;
	for (int i = 0; i < CNT; i++)
		expect(rig, LEN, (struct fragment){ HOLD_HOLD, 0, CNT, i, key });
	rig->want_len = 0;
	return mem_differ(rig->want, rig->got, len) == -1;
}

/* Receive all messages in the queue.  Return: their number; negative: one is wrong */
static int receive_messages(struct rig *rig, bool *got, long messages)
{
	int cnt = 0, len;

	while ((len = recv(rig->flow.rx, rig->got, sizeof(rig->got), MSG_DONTWAIT)) > 0) {
		if (!message_ok(rig, len, got, messages))
			return -EBADMSG;
		cnt++;
	}
	return cnt;
}

TEST_F(net, each_message_once)
{
	struct fragment fragment = { .order = HOLD_HOLD, .cnt = CNT };
	struct rig *rig = &self->rig;
	const bool ip6 = variant->kind == FLOW_IP6;
	struct wire_counts counts = {};
	long received = 0;
	int cnt;

	for (long i = 0; i < self->messages; i++) {
		fragment.message = i;
		for (fragment.index = 0; fragment.index < CNT; fragment.index++)
			ASSERT_EQ(0, put(rig, LEN, fragment));
		cnt = receive_messages(rig, self->got, self->messages);
		ASSERT_OK(cnt);
		received += cnt;
	}
	ASSERT_EQ(0, wire_settle(rig, ip6, &counts));
	ASSERT_EQ(0, link_detach(rig->link));
	cnt = receive_messages(rig, self->got, self->messages);
	ASSERT_OK(cnt);
	received += cnt;
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	TH_LOG("%llu sent, %llu passed, %llu lost, %llu damaged; %ld of %ld messages",
	       (unsigned long long)rig->sent, (unsigned long long)counts.passed,
	       (unsigned long long)counts.lost, (unsigned long long)counts.damaged, received,
	       self->messages);

	/* Each datagram is counted: on the wire, by the link, and with its message */
	EXPECT_LT(rig->sent, counts.passed + counts.lost);
	if (ip6 && variant->corrupts) {
		/* IPv6 does not count all packets with a damaged address. */
		EXPECT_GE(counts.passed, rig->info.packets + counts.damaged);
	} else {
		EXPECT_EQ(counts.passed, rig->info.packets + counts.damaged);
	}
	EXPECT_EQ(rig->info.packets, rig->info.verdicts[VNP_HELD] +
				     rig->info.verdicts[VNP_DROP]);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(received, rig->info.released);
	EXPECT_EQ(received * CNT, rig->info.released_fragments);
	if (variant->loses) {
		EXPECT_LT(self->messages / 2, received);
	} else {
		EXPECT_EQ(self->messages, received);
	}
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/*
 * ---- Messages that never complete ----------------------------------------
 */

FIXTURE(flood) {
	struct rig rig;
};

FIXTURE_VARIANT(flood) {
	enum flow_kind kind;
	bool strip;
};

FIXTURE_VARIANT_ADD(flood, ip4) { FLOW_IP4, true };
FIXTURE_VARIANT_ADD(flood, ip6) { FLOW_IP6, false };

FIXTURE_SETUP(flood)
{
	ASSERT_OK(rig_open(&self->rig, variant->kind, LO_SINGLE, "hold"));
}

FIXTURE_TEARDOWN(flood)
{
	rig_close(&self->rig);
}

/* Messages that are complete are delivered, and memory does not exceed the receive buffer. */
TEST_F(flood, of_first_fragments)
{
	const int rcvbuf = 100000, at_once = 32, len = 1400;
	const long cnt = datagrams(8000) / at_once;
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUF, rcvbuf / 2));
	for (long i = 0; i < cnt; i++) {
		for (int k = 0; k < at_once; k++)
			ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 0, NEVER, 0,
						cnt + i * at_once + k }));
		ASSERT_GE(rcvbuf, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
		ASSERT_EQ(0, message(rig, i, 4, len, 1, variant->strip, HOLD_HOLD));
		ASSERT_EQ(1, seen(rig));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(cnt, rig->info.released);
	EXPECT_LT(0, rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_EQ(0, rig->info.errors[VNP_ERROR_MEMORY]);
	EXPECT_TRUE(balanced(&rig->info, rig->info.held_messages));
}

TEST_HARNESS_MAIN
