// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_HELD on a network that loses, duplicates, reorders and corrupts datagrams, and against
 * senders that never complete a message: whole messages are received, each once, and each datagram
 * is counted.
 *
 *	VNP_DATAGRAMS=N		datagrams of all networks together, and of both floods together; by
 *				default some thousands
 */
#include <linux/if_link.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include "held.h"
#define LIGHT_LEAVES_OUT	"ip4_bad", "ip6_lossy"
#include "harness.h"
#include "rtnl.h"

#define CNT		8	/* datagrams of a message */
#define LEN		200	/* bytes of each */
#define AT_ONCE		8	/* messages that are sent with one call, and received with one */
#define NETWORKS	4	/* variants below */
#define FLOODS		2

/* datagrams() - of each of @tests */
static long datagrams(int tests)
{
	const char *text = getenv("VNP_DATAGRAMS");
	const long cnt = text ? atol(text) : 0;

	return cnt > 0 ? cnt / tests : 8000;
}

/*
 * ---- Counters of the network ----------------------------------------------
 */

/* struct wire_counts - packets on the wire */
struct wire_counts {
	__u64 passed;		/* by netem, duplicates included */
	__u64 lost;		/* by netem */
	__u64 queued;		/* netem still has them */
	__u64 overrun;		/* too many for the receiving device */
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
	struct rtnl_link_stats64 stats;
	int err;
	long sum;

	do {
		err = netem_counts(counts);
	} while (!err && counts->queued);
	err = err ?: rtnl_stats("tx0", &stats);
	counts->overrun = stats.tx_dropped;
	for (int i = 0; !err && i < 1000; i++) {
		sum = damaged(rig, ip6);
		err = sum < 0 ? sum : link_info(rig->link, &rig->info);
		/* rx0 also counts what tx0 could not put into its queue. */
		counts->damaged = sum - counts->overrun;
		if (rig->info.packets + sum >= counts->passed)
			break;
		usleep(1000);
	}
	return err;
}

/*
 * ---- A bad network -------------------------------------------------------
 */

/**
 * struct sender - sends datagrams of each message, from a CPU of its own
 * @sock:	what it sends on
 * @cpu:	the CPU; fragments of these indices: @cpu, @cpu + @step, ...
 * @step:	how many senders there are
 * @messages:	how many messages
 * @sent:	datagrams that have been sent
 * @err:	0 or negative
 * @barrier:	all senders have sent their datagrams of AT_ONCE messages
 * @thread:	the thread, except that of the first
 * @data:	of one call
 * @iov:	likewise
 * @calls:	likewise
 */
struct sender {
	int sock;
	int cpu;
	int step;
	long messages;
	long sent;
	int err;
	pthread_barrier_t *barrier;
	pthread_t thread;
	__u8 data[AT_ONCE * CNT][LEN];
	struct iovec iov[AT_ONCE * CNT];
	struct mmsghdr calls[AT_ONCE * CNT];
};

/* struct inbox - messages that are received with one call, each longer than it should be */
struct inbox {
	__u8 data[AT_ONCE][CNT * LEN + 1];
	struct iovec iov[AT_ONCE];
	struct mmsghdr calls[AT_ONCE];
};

FIXTURE(net) {
	struct rig rig;
	struct wire_counts counts;
	struct sender senders[2];
	struct inbox inbox;
	pthread_barrier_t barrier;
	long messages;
	long received;
	bool *got;
};

#define SELF	struct _test_data_net
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

	self->messages = datagrams(NETWORKS) / CNT;
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

/* Send its datagrams of messages @first to @end - 1. */
static void send_some(struct sender *s, long first, long end)
{
	struct fragment fragment = { .order = HOLD_HOLD, .cnt = CNT };
	int cnt = 0;

	for (long i = first; i < end; i++) {
		fragment.message = i;
		for (fragment.index = s->cpu; fragment.index < CNT; fragment.index += s->step)
			fragment_fill(s->data[cnt++], LEN, &fragment);
	}
	s->sent += cnt;
	if (sendmmsg(s->sock, s->calls, cnt, 0) != cnt)
		s->err = -errno;
}

/* Check a message that was received: all of it, and for the first time. */
static bool message_ok(SELF *self, const __u8 *data, int len)
{
	struct fragment fragment = { .order = HOLD_HOLD, .cnt = CNT };
	__u8 want[CNT][LEN];

	fragment.message = ((const struct fragment *)data)->message;
	if (len != sizeof(want) || fragment.message >= (__u64)self->messages ||
	    self->got[fragment.message])
		return false;
	self->got[fragment.message] = true;
	for (; fragment.index < CNT; fragment.index++)
		fragment_fill(want[fragment.index], LEN, &fragment);
	return !memcmp(want, data, sizeof(want));
}

/* Receive all messages in the queue.  Return: 0, or negative: one is wrong */
static int receive_messages(SELF *self)
{
	struct inbox *inbox = &self->inbox;
	int cnt;

	do {
		cnt = recvmmsg(self->rig.flow.rx, inbox->calls, AT_ONCE, MSG_DONTWAIT, NULL);
		for (int i = 0; i < cnt; i++)
			if (!message_ok(self, inbox->data[i], inbox->calls[i].msg_len))
				return -EBADMSG;
		self->received += cnt > 0 ? cnt : 0;
	} while (cnt == AT_ONCE);
	return cnt >= 0 || errno == EAGAIN ? 0 : -errno;
}

/* The first sender also receives. */
static int send_all(SELF *self, struct sender *s)
{
	int err = 0;

	pin(s->cpu);
	for (long i = 0; i < s->messages; i += AT_ONCE) {
		send_some(s, i, i + AT_ONCE < s->messages ? i + AT_ONCE : s->messages);
		pthread_barrier_wait(s->barrier);
		/* rx0's queue has room for 256 packets: let ksoftirqd receive them. */
		sched_yield();
		if (!s->cpu)
			err = err ?: receive_messages(self);
	}
	return err ?: s->err;
}

static void *send_also(void *arg)
{
	return (void *)(long)send_all(NULL, arg);
}

static void sender_init(SELF *self, int cpu, int cnt)
{
	struct sender *s = &self->senders[cpu];

	s->sock = self->rig.flow.tx;
	s->cpu = cpu;
	s->step = cnt;
	s->messages = self->messages;
	s->barrier = &self->barrier;
	for (int i = 0; i < AT_ONCE * CNT; i++) {
		s->iov[i] = (struct iovec){ s->data[i], LEN };
		s->calls[i].msg_hdr = (struct msghdr){ .msg_iov = &s->iov[i], .msg_iovlen = 1 };
	}
}

static void inbox_init(struct inbox *inbox)
{
	for (int i = 0; i < AT_ONCE; i++) {
		inbox->iov[i] = (struct iovec){ inbox->data[i], sizeof(inbox->data[i]) };
		inbox->calls[i].msg_hdr = (struct msghdr){ .msg_iov = &inbox->iov[i],
							   .msg_iovlen = 1 };
	}
}

/* Have @cnt CPUs send all messages.  Return: 0 or negative */
static int send_from(SELF *self, int cnt)
{
	void *ret = NULL;
	int err;

	pthread_barrier_init(&self->barrier, NULL, cnt);
	inbox_init(&self->inbox);
	for (int i = 0; i < cnt; i++)
		sender_init(self, i, cnt);
	if (cnt > 1 && pthread_create(&self->senders[1].thread, NULL, send_also,
				      &self->senders[1]))
		return -EAGAIN;
	err = send_all(self, &self->senders[0]);
	if (cnt > 1)
		pthread_join(self->senders[1].thread, &ret);
	pthread_barrier_destroy(&self->barrier);
	self->rig.sent = self->senders[0].sent + self->senders[1].sent;
	return err ?: (long)ret;
}

/* exchange_messages() - send them, and receive them until the link is detached */
static int exchange_messages(SELF *self, int cpus, bool ip6)
{
	return send_from(self, cpus) ?: wire_settle(&self->rig, ip6, &self->counts) ?:
	       link_detach(self->rig.link) ?: receive_messages(self) ?:
	       link_info(self->rig.link, &self->rig.info);
}

static void show_counts(const SELF *self)
{
	const struct wire_counts *counts = &self->counts;
	const struct vnp_link_info *info = &self->rig.info;

	printf("# %llu datagrams sent, %llu passed, %llu lost, %llu damaged, %llu overrun\n"
	       "# %ld of %ld messages; datagrams: %llu released, %llu dropped, %llu evicted, %llu expired, %llu discarded\n",
	       (unsigned long long)self->rig.sent, (unsigned long long)counts->passed,
	       (unsigned long long)counts->lost, (unsigned long long)counts->damaged,
	       (unsigned long long)counts->overrun, self->received, self->messages,
	       (unsigned long long)info->released_fragments,
	       (unsigned long long)info->verdicts[VNP_DROP],
	       (unsigned long long)info->errors[VNP_ERROR_EVICTED],
	       (unsigned long long)info->errors[VNP_ERROR_EXPIRED],
	       (unsigned long long)info->errors[VNP_ERROR_DISCARDED]);
	fflush(stdout);
}

/* IPv6 does not count all packets with a damaged address. */
static bool wire_counts_all(const FIXTURE_VARIANT(net) *variant)
{
	return variant->kind != FLOW_IP6 || !variant->corrupts;
}

/* Each datagram is counted: on the wire, by the link, and with its message */
static bool counted(const SELF *self, bool all)
{
	const struct wire_counts *counts = &self->counts;
	const struct vnp_link_info *info = &self->rig.info;
	const __u64 arrived = info->packets + counts->damaged + counts->overrun;

	return self->rig.sent < counts->passed + counts->lost &&
	       (all ? counts->passed == arrived : counts->passed >= arrived) &&
	       info->packets == info->verdicts[VNP_HELD] + info->verdicts[VNP_DROP] &&
	       balanced(info, 0) && info->released == (__u64)self->received &&
	       info->released_fragments == (__u64)self->received * CNT &&
	       !memory_of(self->rig.flow.rx, SK_MEMINFO_RMEM_ALLOC);
}

static int each_message_once(SELF *self, const FIXTURE_VARIANT(net) *variant, int cpus)
{
	const int err = exchange_messages(self, cpus, variant->kind == FLOW_IP6);
	const __s64 missing = self->messages - self->received;

	show_counts(self);
	if (err || !counted(self, wire_counts_all(variant)))
		return err ?: 1;
	return variant->loses ? missing >= self->messages / 2 :
				missing > (__s64)self->counts.overrun;
}

TEST_F(net, each_message_once)
{
	EXPECT_EQ(0, each_message_once(self, variant, 1));
}

/* Each CPU sends half of the datagrams of each message. */
TEST_F_SMP(net, each_message_once_smp)
{
	EXPECT_EQ(0, each_message_once(self, variant, 2));
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
	const long cnt = datagrams(FLOODS) / at_once;
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
