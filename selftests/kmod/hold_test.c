// SPDX-License-Identifier: GPL-2.0
/* VNP_HELD: limits, age, accounts; what happens to held messages when the link ends. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include "burst.h"
#include "harness.h"
#include "held.h"
#include "net.h"
#include "object.h"

FIXTURE(app) {
	struct rig rig;
};

FIXTURE_SETUP(app)
{
	ASSERT_OK(rig_open(&self->rig, FLOW_IP4, LO_SINGLE, NULL));
}

FIXTURE_TEARDOWN(app)
{
	rig_close(&self->rig);
}

/*
 * ---- Limits --------------------------------------------------------------
 */

static int limited(struct rig *rig, const struct vnp_link_create *limits)
{
	int err = link_detach(rig->link);

	if (err)
		return err;
	close(rig->link);
	return rig_link(rig, "hold", limits);
}

TEST_F(app, refused)
{
	struct vnp_link_create limits = { .hold_messages = VNP_HOLD_MESSAGES_MAX + 1 };
	struct rig *rig = &self->rig;

	EXPECT_EQ(-EINVAL, limited(rig, &limits));
	limits = (struct vnp_link_create){ .hold_age_ms = VNP_HOLD_AGE_MS_MAX + 1 };
	EXPECT_EQ(-EINVAL, rig_link(rig, "hold", &limits));
	limits = (struct vnp_link_create){ .hold_age_ms = 1, .hold_messages = 2, .hold_bytes = 3,
					   .hold_mark = 4, .flags = VNP_LINK_F_HOLD_DELIVER };
	ASSERT_OK(rig_link(rig, "hold", &limits));
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(1, rig->info.hold_age_ms);
	EXPECT_EQ(2, rig->info.hold_messages);
	EXPECT_EQ(3, rig->info.hold_bytes);
	EXPECT_EQ(4, rig->info.hold_mark);
	EXPECT_EQ(VNP_LINK_F_HOLD_DELIVER, rig->info.flags);
}

TEST_F(app, most_messages)
{
	struct vnp_link_create limits = { .hold_messages = 3 };
	struct rig *rig = &self->rig;

	ASSERT_OK(limited(rig, &limits));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, message(rig, i, 2, 100, 1, false, HOLD_ONLY));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(3, rig->info.held_messages);
	EXPECT_EQ(14, rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_TRUE(balanced(&rig->info, 6));
	/* The oldest were evicted. */
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, put(rig, 50, (struct fragment){ .order = HOLD_RELEASE,
							      .message = i }));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(200, recv(rig->flow.rx, rig->got, sizeof(rig->got), 0));
	EXPECT_EQ(1, queue_empty(rig));
}

TEST_F(app, most_bytes)
{
	struct vnp_link_create limits = { .hold_bytes = 20000 };
	struct rig *rig = &self->rig;

	ASSERT_OK(limited(rig, &limits));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, put(rig, 1400, (struct fragment){ HOLD_ONLY, 0, NEVER, 0, i }));
		ASSERT_EQ(0, settle(rig));
		ASSERT_GE(20000, rig->info.held_bytes);
		ASSERT_EQ(rig->info.held_bytes,
			  memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	}
	EXPECT_LT(2, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, rig->info.held_messages));
}

/* A datagram that is passed is not dropped because of held ones. */
TEST_F(app, pass_comes_first)
{
	struct rig *rig = &self->rig;
	int passed = 0, drops;

	for (int size = 4096; size <= 65536; size *= 4) {
		ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUF, size / 2));
		drops = sock_drops(rig->flow.rx);
		for (int i = 0; i < 200; i++) {
			ASSERT_EQ(0, put(rig, 500, (struct fragment){ HOLD_ONLY, 0, NEVER, i, i }));
			if (i % 3)
				continue;
			ASSERT_EQ(0, put(rig, 700, (struct fragment){ HOLD_PASS }));
			ASSERT_EQ(700, flow_recv(&rig->flow, rig->got, sizeof(rig->got)));
			passed++;
		}
		EXPECT_EQ(drops, sock_drops(rig->flow.rx));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(passed, rig->info.verdicts[VNP_PASS]);
	EXPECT_LT(0, rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_TRUE(balanced(&rig->info, rig->info.held_messages));
}

/* A message of one datagram, released as soon as it is held: others make room for it. */
TEST_F(app, one_datagram)
{
	struct fragment fragment = { .order = HOLD_HOLD, .cnt = 1 };
	struct rig *rig = &self->rig;
	int drops;

	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUF, 4096));
	drops = sock_drops(rig->flow.rx);
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(0, put(rig, 500, (struct fragment){ HOLD_ONLY, 0, NEVER, i, i }));
		fragment.message = 1000 + i;
		fragment.strip = i % 2;
		ASSERT_EQ(0, put(rig, 700, fragment));
		ASSERT_EQ(0, settle(rig));
		expect(rig, 700, fragment);
		ASSERT_EQ(1, seen(rig));
	}
	EXPECT_EQ(drops, sock_drops(rig->flow.rx));
	EXPECT_EQ(50, rig->info.released);
	EXPECT_EQ(50, rig->info.released_fragments);
	EXPECT_LT(0, rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_EQ(50, rig->info.held_messages + rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_TRUE(balanced(&rig->info, rig->info.held_messages));
	EXPECT_EQ(rig->info.held_bytes, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* Likewise, but the program returns another verdict: it is not delivered as a message. */
TEST_F(app, one_datagram_passed)
{
	struct fragment fragment = { .order = HOLD_HOLD_THEN_PASS, .strip = 1, .cnt = 1 };
	struct rig *rig = &self->rig;

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, put(rig, 100, fragment));
		ASSERT_EQ(0, settle(rig));
		EXPECT_EQ(0, rig->seen->end);
		EXPECT_EQ(100, recv(rig->flow.rx, rig->got, sizeof(rig->got), 0));
		EXPECT_EQ(1, queue_empty(rig));
	}
	EXPECT_EQ(3, rig->info.verdicts[VNP_PASS]);
	EXPECT_EQ(0, rig->info.released);
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

#define UDP_MEM		"/proc/sys/net/ipv4/udp_mem"

/*
 * Limit the memory of all UDP sockets; @former: out: the limits before, or NULL.  Only the first
 * network namespace has this parameter.
 */
static int limit_udp(const char *limits, char *former, size_t size)
{
	const int init = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC), here = netns_here();
	int err = setns(init, CLONE_NEWNET) ? -errno : 0;

	if (!err && former)
		err = read_text(UDP_MEM, former, size);
	if (err >= 0)
		err = write_text(UDP_MEM, limits);
	if (setns(here, CLONE_NEWNET))
		err = -errno;
	close(here);
	close(init);
	return err < 0 ? err : 0;
}

FIXTURE(memory) {
	struct rig rig;
	char limits[64];
};

FIXTURE_SETUP(memory)
{
	struct rig *rig = &self->rig;

	if (!as_root())
		return;
	ASSERT_OK(rig_open(rig, FLOW_IP4, LO_SINGLE, "hold"));
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF));
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_IP, IP_PKTINFO, 1));
}

FIXTURE_TEARDOWN(memory)
{
	if (as_root())
		rig_close(&self->rig);
}

/* A message that is held makes room for one of one datagram, if UDP sockets may use no more. */
TEST_F(memory, one_datagram)
{
	struct fragment fragment = { .order = HOLD_HOLD, .strip = 1, .cnt = 1, .message = 2 };
	struct rig *rig = &self->rig;
	struct in_pktinfo info;

	if (!as_root())
		SKIP(return, "parameters are root's");
	for (int i = 1; i <= 2; i++) {
		for (int k = 0; k < 1000; k++)
			ASSERT_EQ(0, put(rig, 1400, (struct fragment){ HOLD_ONLY, 0, NEVER, k, 1 }));
		ASSERT_EQ(0, settle(rig));
		ASSERT_EQ(0, limit_udp("16 16 16", self->limits, sizeof(self->limits)));
		EXPECT_EQ(0, put(rig, 8000, fragment));
		EXPECT_EQ(0, settle(rig));
		ASSERT_EQ(0, limit_udp(self->limits, NULL, 0));
		expect(rig, 8000, fragment);
		if (i == 1) {
			ASSERT_EQ(1, seen(rig));
			continue;
		}
		ASSERT_EQ(sizeof(info), sock_cmsg(rig->flow.rx, SOL_IP, IP_PKTINFO, &info,
						  sizeof(info)));
		EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
		EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_spec_dst.s_addr);
		EXPECT_LT(0, info.ipi_ifindex);
	}
	EXPECT_EQ(2, rig->info.released);
	EXPECT_EQ(2000, rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* wait_released() - wait until no message is held */
static int wait_released(struct rig *rig)
{
	for (int i = 0; i < 100000; i++) {
		if (link_info(rig->link, &rig->info))
			return -errno;
		if (!rig->info.held_messages)
			return 0;
		sched_yield();
		usleep(1000);
	}
	return -ETIME;
}

TEST_F(app, too_old)
{
	struct vnp_link_create limits = { .hold_age_ms = 50 };
	struct rig *rig = &self->rig;

	ASSERT_OK(limited(rig, &limits));
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 0, NEVER, 0, i }));
	ASSERT_EQ(0, settle(rig));
	ASSERT_EQ(0, wait_released(rig));
	EXPECT_EQ(100, rig->info.errors[VNP_ERROR_EXPIRED]);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(1, queue_empty(rig));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

TEST_F(app, too_old_each)
{
	struct vnp_link_create limits = {
		.hold_age_ms = 50, .flags = VNP_LINK_F_HOLD_EACH | VNP_LINK_F_HOLD_DELIVER,
	};
	struct rig *rig = &self->rig;

	EXPECT_EQ(-EINVAL, limited(rig, &limits));
	limits.flags = VNP_LINK_F_HOLD_EACH;
	ASSERT_OK(rig_link(rig, "hold", &limits));
	for (int i = 2; i >= 0; i--)
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 1, NEVER, i, 0 }));
	for (int i = 0; i < 3; i++) {
		expect(rig, 100, (struct fragment){ HOLD_ONLY, 1, NEVER, i, 0 });
		EXPECT_EQ(1, seen(rig));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(1, rig->info.late);
	EXPECT_EQ(3, rig->info.released_fragments);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

TEST_F(app, too_old_delivered)
{
	struct vnp_link_create limits = {
		.hold_age_ms = 50, .hold_mark = 0x51a1e, .flags = VNP_LINK_F_HOLD_DELIVER,
	};
	struct rig *rig = &self->rig;
	__u32 mark = 0;

	ASSERT_OK(limited(rig, &limits));
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVMARK, 1));
	for (int k = 0; k < 2; k++) {
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 0, 3, 2, k }));
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 0, 3, 0, k }));
		expect(rig, 100, (struct fragment){ HOLD_ONLY, 0, 3, 0, k });
		expect(rig, 100, (struct fragment){ HOLD_ONLY, 0, 3, 2, k });
		if (!k) {
			EXPECT_EQ(1, seen(rig));
		} else {
			ASSERT_EQ(sizeof(mark), sock_cmsg(rig->flow.rx, SOL_SOCKET, SO_MARK,
							  &mark, sizeof(mark)));
			EXPECT_EQ(0x51a1e, mark);
		}
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(2, rig->info.late);
	EXPECT_EQ(2, rig->info.released);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/* group_socket() - one of several that receive what is sent to a group on lo */
static int group_socket(int port)
{
	struct ip_mreqn group = {
		.imr_multiaddr.s_addr = inet_addr("239.1.2.3"),
		.imr_address.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = { .tv_sec = 30 };
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (sock_set(sock, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(sock, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)) ||
	    bind(sock, (void *)&sin, sizeof(sin)))
		return -errno;
	return sock;
}

/* group_open() - send the rig's flow to a multicast group, which another socket has joined, too */
static int group_open(struct rig *rig)
{
	struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = inet_addr("239.1.2.3"),
	};
	int other;

	flow_close(&rig->flow);
	rig->flow.rx = group_socket(0);
	to.sin_port = htons(sock_port(rig->flow.rx));
	other = group_socket(sock_port(rig->flow.rx));
	rig->flow.tx = udp_socket("127.0.0.1", 0);
	if (setsockopt(rig->flow.tx, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)) ||
	    connect(rig->flow.tx, (void *)&to, sizeof(to)))
		return -errno;
	return other;
}

/* shared_ok() - does the other socket have the message's datagrams as they were sent? */
static int shared_ok(int sock, struct rig *rig, __u64 key, int cnt, int len, bool strip)
{
	struct fragment fragment = {
		.order = HOLD_HOLD, .strip = strip, .cnt = cnt, .message = key,
	};
	__u8 want[4096];

	for (; fragment.index < cnt; fragment.index++) {
		fragment_fill(want, len, &fragment);
		if (recv(sock, rig->got, sizeof(rig->got), 0) != len ||
		    mem_differ(want, rig->got, len) != -1)
			return 0;
	}
	return 1;
}

/* IP fragments of a datagram are shared by all who receive it. */
TEST_F(app, shared_with_another)
{
	struct rig *rig = &self->rig;
	int other;

	ASSERT_EQ(0, if_mtu("lo", 1500));
	ASSERT_EQ(0, link_detach(rig->link));
	close(rig->link);
	other = group_open(rig);
	ASSERT_OK(other);
	ASSERT_OK(rig_link(rig, "hold", NULL));
	for (int i = 0; i < 8; i++) {
		const bool strip = i & 1, first = i & 2;

		ASSERT_EQ(0, message(rig, i, 2, 4000, 1, strip, HOLD_HOLD));
		if (first)
			ASSERT_EQ(1, seen(rig));
		ASSERT_EQ(1, shared_ok(other, rig, i, 2, 4000, strip));
		if (!first)
			ASSERT_EQ(1, seen(rig));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(8, rig->info.released);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	EXPECT_EQ(0, memory_of(other, SK_MEMINFO_RMEM_ALLOC));
	close(other);
}

/*
 * ---- Messages that take long to deliver or free ---------------------------
 */

#define BURST		"/sys/module/vnp/parameters/softirq_burst_us"
#define SHARE		"/sys/module/vnp/parameters/softirq_share"
#define LARGE		VNP_MESSAGE_FRAGMENTS_MAX

FIXTURE(late) {
	struct rig rig;
	char burst[16];
	char share[16];
};

/* Accounts with time for executions, but not for delivering large messages */
FIXTURE_SETUP(late)
{
	struct rig *rig = &self->rig;

	if (!as_root())
		return;
	ASSERT_LT(0, read_text(BURST, self->burst, sizeof(self->burst)));
	ASSERT_LT(0, read_text(SHARE, self->share, sizeof(self->share)));
	ASSERT_OK(rig_open(rig, FLOW_IP4, WIRE_GSO, "hold"));
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF));
}

FIXTURE_TEARDOWN(late)
{
	if (!as_root())
		return;
	write_text(SHARE, self->share);
	write_text(BURST, self->burst);
	rig_close(&self->rig);
}

/* Hold a message of as many fragments as it can have. */
static int hold_large(struct rig *rig, __u64 key)
{
	const int err = message(rig, key, LARGE, 60, 1, true, HOLD_ONLY);

	rig->want_len = 0;
	return err ?: link_settle(rig->link, rig->sent, &rig->info);
}

static int accounts_small(const char *burst)
{
	const int err = write_text(BURST, burst);

	return err < 0 ? err : write_text(SHARE, "90");
}

/*
 * start_over() - repeat a test with a new link.  For tests that need several executions, one
 * directly after another: on a loaded machine one of them may be throttled, as the time for which
 * a virtual machine waits for a processor is charged, too.
 */
static int start_over(FIXTURE_DATA(late) *self)
{
	struct rig *rig = &self->rig;
	int err;

	write_text(SHARE, self->share);
	write_text(BURST, self->burst);
	err = link_detach(rig->link);
	close(rig->link);
	while (recv(rig->flow.rx, rig->got, sizeof(rig->got), MSG_DONTWAIT) >= 0)
		;
	rig->want_len = 0;
	err = err ?: sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF);
	return err ?: rig_link(rig, "hold", NULL) < 0 ? -1 : 0;
}

/* put_executed() - repeat put() until it was not throttled; see start_over() */
static int put_executed(struct rig *rig, struct fragment fragment)
{
	__u64 throttled;
	int err;

	do {
		throttled = rig->info.faults[VNP_FAULT_THROTTLED];
		err = put(rig, 60, fragment) ?: settle(rig);
	} while (!err && rig->info.faults[VNP_FAULT_THROTTLED] != throttled);
	return err;
}

/* Released messages are delivered by the work item, in their order. */
TEST_F(late, released)
{
	struct rig *rig = &self->rig;

	if (!as_root())
		SKIP(return, "parameters are root's");
	for (int i = 0; i < 3; i++)
		ASSERT_OK(hold_large(rig, i));
	ASSERT_OK(accounts_small("50"));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, put_executed(rig, (struct fragment){ .order = HOLD_RELEASE,
								   .message = i }));
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < LARGE; k++)
			expect(rig, 60, (struct fragment){ HOLD_ONLY, true, LARGE, k, i });
		ASSERT_EQ(1, seen(rig));
	}
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(3, rig->info.released);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/* Messages that are freed by the work item are charged until then. */
TEST_F(late, discarded)
{
	struct rig *rig = &self->rig;

	if (!as_root())
		SKIP(return, "parameters are root's");
	for (int i = 0; i < 3; i++)
		ASSERT_OK(hold_large(rig, i));
	ASSERT_OK(accounts_small("50"));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, put_executed(rig, (struct fragment){ .order = HOLD_DISCARD,
								   .message = i }));
	for (int i = 0; i < 10000 && memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC); i++)
		usleep(1000);
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(3 * LARGE, rig->info.errors[VNP_ERROR_DISCARDED]);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/*
 * Send datagrams at once: the kernel receives all of them before a work item is executed.  Return:
 * true if all datagrams that the program passes arrive, so none was dropped for lack of memory
 */
static int burst_passes(struct rig *rig, const struct burst *burst)
{
	const int drops = sock_drops(rig->flow.rx);
	int err = burst_send(rig->flow.tx, burst, WIRE_GSO);

	rig->sent += burst->cnt;
	err = err ?: settle(rig);
	if (err)
		return err;
	if (sock_drops(rig->flow.rx) != drops)
		return 0;
	for (__u64 i = 0; i < rig->info.verdicts[VNP_PASS]; i++)
		if (recv(rig->flow.rx, rig->got, sizeof(rig->got), 0) != 60)
			return 0;
	return 1;
}

/* A message is freed at once if the receive buffer has no room for it. */
TEST_F(late, evicted)
{
	struct rig *rig = &self->rig;
	static struct burst burst;
	int passes;

	if (!as_root())
		SKIP(return, "parameters are root's");
	do {
		ASSERT_EQ(0, start_over(self));
		ASSERT_OK(hold_large(rig, 0));
		ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUF, 8192));
		ASSERT_OK(accounts_small("400"));
		burst.cnt = 0;
		burst_message(&burst, 1, 0, 1, NEVER, 60, true, HOLD_ONLY);
		burst_message(&burst, 0, 0, 3, 1, 60, true, HOLD_PASS);
		passes = burst_passes(rig, &burst);
	} while (rig->info.faults[VNP_FAULT_THROTTLED]);
	ASSERT_EQ(1, passes);
	EXPECT_EQ(LARGE, rig->info.errors[VNP_ERROR_EVICTED]);
	EXPECT_EQ(1, rig->info.held_messages);
	EXPECT_EQ(rig->info.held_bytes, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	EXPECT_TRUE(balanced(&rig->info, 1));
}

/* Datagrams that are passed are not dropped because of messages that wait to be freed. */
TEST_F(late, passed)
{
	struct rig *rig = &self->rig;
	static struct burst burst;
	int passes;

	if (!as_root())
		SKIP(return, "parameters are root's");
	do {
		ASSERT_EQ(0, start_over(self));
		ASSERT_OK(hold_large(rig, 0));
		/* Room for the message, and no more: the kernel doubles it. */
		ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUFFORCE,
				      memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC) / 2 + 1));
		ASSERT_OK(accounts_small("400"));
		burst.cnt = 0;
		burst_message(&burst, 0, 0, 1, 1, 60, true, HOLD_DISCARD);
		burst_message(&burst, 0, 0, 3, 1, 60, true, HOLD_PASS);
		passes = burst_passes(rig, &burst);
	} while (rig->info.faults[VNP_FAULT_THROTTLED]);
	ASSERT_EQ(1, passes);
	EXPECT_EQ(LARGE, rig->info.errors[VNP_ERROR_DISCARDED]);
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/* When the link ends, messages that were deferred are delivered or freed before detaching returns. */
TEST_F(late, detached)
{
	struct rig *rig = &self->rig;

	if (!as_root())
		SKIP(return, "parameters are root's");
	do {
		ASSERT_EQ(0, start_over(self));
		for (int i = 0; i < 4; i++)
			ASSERT_OK(hold_large(rig, i));
		ASSERT_OK(accounts_small("50"));
		for (int i = 0; i < 4; i++)
			ASSERT_EQ(0, put(rig, 60, (struct fragment){
				.order = i % 2 ? HOLD_DISCARD : HOLD_RELEASE, .message = i }));
		ASSERT_EQ(0, settle(rig));
	} while (rig->info.faults[VNP_FAULT_THROTTLED]);
	ASSERT_EQ(0, link_detach(rig->link));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(LARGE * (60 - HEADER), recv(rig->flow.rx, rig->got,
						      sizeof(rig->got), 0));
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(2, rig->info.released);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/*
 * ---- When the program, the link or the socket ends -------------------------
 */

TEST_F(app, replaced)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, message(rig, 1, 5, 200, 2, false, HOLD_ONLY));
	ASSERT_EQ(0, link_update(rig->link, object_prog(rig->obj, "hold_writes"), -1));
	ASSERT_EQ(0, put(rig, 60, (struct fragment){ .order = HOLD_RELEASE, .message = 1 }));
	EXPECT_EQ(1, seen(rig));

	ASSERT_EQ(0, message(rig, 1, 5, 200, 2, false, HOLD_ONLY));
	ASSERT_EQ(0, link_update(rig->link, object_prog(rig->obj, "passes"), -1));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(5, rig->info.errors[VNP_ERROR_DISCARDED]);
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	ASSERT_EQ(0, link_update(rig->link, object_prog(rig->obj, "hold"), -1));
	rig->want_len = 0;
	ASSERT_EQ(0, message(rig, 1, 5, 200, 2, false, HOLD_HOLD));
	EXPECT_EQ(1, seen(rig));
}

TEST_F(app, detached)
{
	struct rig *rig = &self->rig;

	for (int i = 0; i < 200; i++)
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 0, NEVER, 0, i }));
	ASSERT_EQ(0, settle(rig));
	ASSERT_LT(0, rig->info.held_messages);
	ASSERT_EQ(0, link_detach(rig->link));
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

TEST_F(app, closed)
{
	struct rig *rig = &self->rig;

	for (int i = 0; i < 200; i++)
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ HOLD_ONLY, 0, NEVER, 0, i }));
	ASSERT_EQ(0, message(rig, 1000, 3, 200, 1, false, HOLD_HOLD));
	close(rig->flow.rx);
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(0, rig->info.attached);
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/* Disconnecting a socket: held messages stay, as queued datagrams do. */
TEST_F(app, disconnected)
{
	const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct rig *rig = &self->rig;

	/* Bound explicitly, as otherwise disconnecting would unbind it. */
	close(rig->link);
	close(rig->flow.rx);
	rig->flow.rx = udp_socket("127.0.0.1", 7110);
	ASSERT_OK(rig->flow.rx);
	ASSERT_OK(rig_link(rig, "hold", NULL));
	ASSERT_EQ(0, sock_addr(rig->flow.rx, &rig->flow.rx_addr));
	ASSERT_EQ(0, connect(rig->flow.tx, (void *)&rig->flow.rx_addr,
			     sizeof(struct sockaddr_in)));
	ASSERT_EQ(0, connect(rig->flow.rx, (void *)&rig->flow.tx_addr,
			     sizeof(struct sockaddr_in)));
	ASSERT_EQ(0, message(rig, 1, 5, 200, 2, false, HOLD_ONLY));
	ASSERT_EQ(0, settle(rig));
	ASSERT_EQ(1, rig->info.held_messages);
	ASSERT_EQ(0, connect(rig->flow.rx, &unspec, sizeof(unspec)));
	ASSERT_EQ(0, put(rig, 60, (struct fragment){ .order = HOLD_RELEASE, .message = 1 }));
	EXPECT_EQ(1, seen(rig));
	ASSERT_EQ(0, message(rig, 1, 5, 200, 2, false, HOLD_ONLY));
	ASSERT_EQ(0, settle(rig));
	ASSERT_EQ(0, connect(rig->flow.rx, (void *)&rig->flow.tx_addr,
			     sizeof(struct sockaddr_in)));
	ASSERT_EQ(0, connect(rig->flow.rx, &unspec, sizeof(unspec)));
	close(rig->flow.rx);
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/* A process with messages that are held in a namespace, which ends with it */
static int hold_in_namespace(struct rig *rig)
{
	int err = netns_another();

	if (!err)
		err = flow_open(&rig->flow, FLOW_IP4);
	if (!err)
		err = connect(rig->flow.tx, (void *)&rig->flow.rx_addr,
			      sizeof(struct sockaddr_in)) ? -errno : 0;
	if (err || rig_link(rig, "hold", NULL) < 0)
		return 1;
	for (int i = 0; i < 100; i++)
		err |= put(rig, 100, (struct fragment){ HOLD_ONLY, 0, NEVER, 0, i });
	if (err || settle(rig) || rig->info.held_messages != 100)
		return 2;
	return 0;
}

TEST_F(app, namespace_ends)
{
	const int dev = device_open();
	pid_t pid;

	ASSERT_LE(0, dev);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(hold_in_namespace(&self->rig));
		EXPECT_EQ(0, finish(pid));
	}
	for (int i = 0; obj_count(dev, VNP_OBJ_LINK) > 1 && i < 10000; i++)
		usleep(1000);
	EXPECT_EQ(1, obj_count(dev, VNP_OBJ_LINK));
	close(dev);
}

/* A thread that sends fragments of many messages */
struct sender {
	pthread_t thread;
	_Atomic bool stop;
	struct sockaddr_storage to;
};

static void *send_always(void *arg)
{
	struct sender *s = arg;
	int sock = udp_socket("127.0.0.1", 0);
	struct fragment fragment = { .cnt = 4 };
	__u8 data[300];
	unsigned int seed = 1;

	while (!s->stop) {
		fragment.message = seed / 7 % 64;
		fragment.index = seed / 64 % 6;
		fragment.order = seed / 1024 % 16;
		fragment.strip = seed / 65536 % 2;
		seed = seed * 1103515245 + 12345;
		fragment_fill(data, sizeof(data), &fragment);
		sendto(sock, data, sizeof(data), 0, (void *)&s->to, sizeof(struct sockaddr_in));
	}
	close(sock);
	return NULL;
}

static int sender_start(struct sender *s, struct rig *rig)
{
	s->stop = false;
	s->to = rig->flow.rx_addr;
	return -pthread_create(&s->thread, NULL, send_always, s);
}

static void sender_stop(struct sender *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
}

TEST_F_SMP(app, ends_under_traffic)
{
	struct vnp_link_create limits = {
		.hold_age_ms = 1, .flags = VNP_LINK_F_HOLD_DELIVER, .hold_messages = 16,
	};
	struct rig *rig = &self->rig;
	static struct sender senders[2];

	ASSERT_EQ(0, link_detach(rig->link));
	close(rig->link);
	/* The senders may execute on any CPU. */
	sched_setaffinity(0, sizeof(cpu_set_t), &(cpu_set_t){ .__bits = { ~0UL } });
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, sender_start(&senders[i], rig));
	for (int i = 0; i < 30; i++) {
		ASSERT_OK(rig_link(rig, i % 2 ? "hold" : "hold_writes", i % 3 ? NULL : &limits));
		for (int k = 0; k < 20; k++)
			recv(rig->flow.rx, rig->got, sizeof(rig->got), MSG_DONTWAIT);
		if (i % 5 == 1)
			ASSERT_EQ(0, link_update(rig->link, object_prog(rig->obj, "passes"), -1));
		if (i % 5 == 2)
			ASSERT_EQ(0, link_update(rig->link, object_prog(rig->obj, "hold"), -1));
		ASSERT_EQ(0, link_settle(rig->link, 200, &rig->info));
		if (i % 2) {
			ASSERT_EQ(0, link_detach(rig->link));
		} else {
			const int port = sock_port(rig->flow.rx);

			close(rig->flow.rx);
			rig->flow.rx = udp_socket("127.0.0.1", port);
			ASSERT_LE(0, rig->flow.rx);
		}
		ASSERT_EQ(0, link_info(rig->link, &rig->info));
		EXPECT_EQ(0, rig->info.attached);
		EXPECT_EQ(0, rig->info.held_messages);
		close(rig->link);
	}
	for (int i = 0; i < 2; i++)
		sender_stop(&senders[i]);
	while (recv(rig->flow.rx, rig->got, sizeof(rig->got), MSG_DONTWAIT) > 0)
		;
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
	ASSERT_OK(rig_link(rig, "hold", NULL));
}

/* Two CPUs bring fragments of the same messages: each is delivered once, or counted. */
TEST_F_SMP(app, account_under_traffic)
{
	struct rig *rig = &self->rig;
	static struct sender senders[2];

	sched_setaffinity(0, sizeof(cpu_set_t), &(cpu_set_t){ .__bits = { ~0UL } });
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, sender_start(&senders[i], rig));
	do {
		for (int k = 0; k < 100; k++)
			recv(rig->flow.rx, rig->got, sizeof(rig->got), MSG_DONTWAIT);
		ASSERT_EQ(0, link_info(rig->link, &rig->info));
	} while (rig->info.packets < 20000);
	for (int i = 0; i < 2; i++)
		sender_stop(&senders[i]);
	ASSERT_EQ(0, link_detach(rig->link));
	while (recv(rig->flow.rx, rig->got, sizeof(rig->got), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(0, link_info(rig->link, &rig->info));
	EXPECT_LT(0, rig->info.released);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* A process with a link that holds, which is killed */
static void hold_and_wait(struct rig *rig, int port, int ready)
{
	rig->flow.rx = udp_socket("127.0.0.1", port);
	if (rig_link(rig, "hold", NULL) < 0)
		exit(1);
	for (int i = 0; i < 100; i++)
		put(rig, 100, (struct fragment){ HOLD_ONLY, 0, NEVER, 0, i });
	post(ready);
	for (;;)
		pause();
}

TEST_F(app, killed)
{
	const int ready = eventfd(0, EFD_CLOEXEC), dev = device_open();
	struct rig *rig = &self->rig;
	const int port = sock_port(rig->flow.rx);
	static struct sender sender;
	pid_t pid;

	ASSERT_LE(0, ready);
	ASSERT_LE(0, dev);
	close(rig->flow.rx);
	close(rig->link);
	ASSERT_EQ(0, sender_start(&sender, rig));
	for (int i = 0; i < 5; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			hold_and_wait(rig, port, ready);
		ASSERT_EQ(0, await(ready));
		EXPECT_EQ(1, obj_count(dev, VNP_OBJ_LINK));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		finish(pid);
	}
	sender_stop(&sender);
	for (int i = 0; obj_count(dev, VNP_OBJ_LINK) && i < 10000; i++)
		usleep(1000);
	EXPECT_EQ(0, obj_count(dev, VNP_OBJ_LINK));
	rig->flow.rx = udp_socket("127.0.0.1", port);
	rig->link = -1;
	close(dev);
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
}

TEST_HARNESS_MAIN
