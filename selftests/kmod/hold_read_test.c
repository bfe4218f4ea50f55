// SPDX-License-Identifier: GPL-2.0
/* VNP_HELD: the application gets whole messages, in order, and is woken once for each. */
#include <arpa/inet.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include "burst.h"
#include "harness.h"
#include "held.h"
#include "object.h"

/*
 * ---- Bytes and order -----------------------------------------------------
 */

FIXTURE(hold) {
	struct rig rig;
};

FIXTURE_VARIANT(hold) {
	enum flow_kind kind;
	enum net_path path;
	bool filter;
	bool gro;
	const char *prog;
};

FIXTURE_VARIANT_ADD(hold, lo_ip4) { FLOW_IP4, LO_SINGLE, .prog = "hold" };
FIXTURE_VARIANT_ADD(hold, lo_ip6_filter) { FLOW_IP6, LO_SINGLE, true, .prog = "hold" };
FIXTURE_VARIANT_ADD(hold, lo_mapped_writes) { FLOW_MAPPED, LO_SINGLE, .prog = "hold_writes" };
FIXTURE_VARIANT_ADD(hold, wire_ip4) { FLOW_IP4, WIRE_GSO, .prog = "hold" };
FIXTURE_VARIANT_ADD(hold, wire_ip6_gro) { FLOW_IP6, WIRE_GSO, .gro = true, .prog = "hold" };
FIXTURE_VARIANT_ADD(hold, wire_ip4_writes) { FLOW_IP4, WIRE_GSO, .prog = "hold_writes" };
FIXTURE_VARIANT_ADD(hold, wire_ip6_single_gro_writes) {
	FLOW_IP6, WIRE_SINGLE, .gro = true, .prog = "hold_writes",
};

static int filter_all(int sock)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 0x7fffffff);
	struct sock_fprog prog = { 1, &insn };

	return setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ?
	       -errno : 0;
}

FIXTURE_SETUP(hold)
{
	ASSERT_OK(rig_open(&self->rig, variant->kind, variant->path, variant->prog));
	ASSERT_EQ(0, sock_set(self->rig.flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	if (variant->filter)
		ASSERT_EQ(0, filter_all(self->rig.flow.rx));
	if (variant->gro)
		ASSERT_EQ(0, sock_set(self->rig.flow.rx, SOL_UDP, 104, 1));
}

FIXTURE_TEARDOWN(hold)
{
	rig_close(&self->rig);
}

TEST_F(hold, whole)
{
	static const int cnts[] = { 1, 2, 8, 32 }, lens[] = { HEADER, HEADER + 1, 64, 1400 };
	struct rig *rig = &self->rig;
	__u64 key = 0;

	for (size_t k = 0; k < ARRAY_SIZE(cnts); k++)
		for (size_t l = 0; l < ARRAY_SIZE(lens); l++)
			for (int strip = 0; strip < 2; strip++)
				for (int step = 1; step < 6; step += 4) {
					ASSERT_EQ(0, message(rig, key++, cnts[k], lens[l], step,
							     strip, HOLD_HOLD));
					ASSERT_EQ(1, seen(rig)) {
						TH_LOG("%d of %d bytes, strip %d, step %d", cnts[k],
						       lens[l], strip, step);
					}
					ASSERT_EQ(1, queue_empty(rig));
				}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(key, rig->info.released);
	EXPECT_EQ(rig->sent, rig->info.released_fragments);
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_EQ(0, rig->info.held_bytes);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

TEST_F(hold, each)
{
	struct fragment fragment = { .order = HOLD_EACH, .cnt = 8 };
	struct rig *rig = &self->rig;

	for (fragment.strip = 0; fragment.strip < 2; fragment.strip++, fragment.message++) {
		for (int i = 7; i >= 0; i--) {
			fragment.index = i;
			ASSERT_EQ(0, put(rig, 100 + i, fragment));
		}
		for (int i = 0; i < 8; i++) {
			fragment.index = i;
			expect(rig, 100 + i, fragment);
			ASSERT_EQ(1, seen(rig));
		}
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(1, queue_empty(rig));
	EXPECT_EQ(16, rig->info.released_fragments);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

static void expect_burst(struct rig *rig, const struct burst *burst, int first, int cnt)
{
	for (int i = first; i < first + cnt; i++) {
		const struct fragment *fragment = (const void *)burst->data[i];
		const int from = fragment->strip ? HEADER : 0;

		memcpy(rig->want + rig->want_len, burst->data[i] + from, burst->len[i] - from);
		rig->want_len += burst->len[i] - from;
	}
}

TEST_F(hold, bursts)
{
	static const int cnts[] = { 2, 8, 16, 32 }, lens[] = { HEADER, 64, 1400 };
	struct rig *rig = &self->rig;
	static struct burst burst;
	__u64 key = 0;

	for (size_t k = 0; k < ARRAY_SIZE(cnts); k++)
		for (size_t l = 0; l < ARRAY_SIZE(lens); l++)
			for (int i = 0; i < 4; i++) {
				burst.cnt = 0;
				burst_message(&burst, key++, 0, cnts[k], cnts[k], lens[l], i % 2,
					      HOLD_HOLD);
				ASSERT_EQ(0, burst_send(rig->flow.tx, &burst, variant->path));
				rig->sent += burst.cnt;
				expect_burst(rig, &burst, 0, burst.cnt);
				ASSERT_EQ(1, seen(rig)) {
					TH_LOG("%d of %d bytes, strip %d", cnts[k], lens[l], i % 2);
				}
			}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(1, queue_empty(rig));
	EXPECT_EQ(key, rig->info.released);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* Two messages, one in two batches, with other datagrams between them */
TEST_F(hold, bursts_mixed)
{
	struct rig *rig = &self->rig;
	static struct burst burst;

	for (__u64 key = 0; key < 40; key += 2) {
		const bool strip = key % 4;

		burst.cnt = 0;
		burst_message(&burst, key, 0, 4, 8, 200, strip, HOLD_HOLD);
		burst_message(&burst, 0, 0, 1, 1, 200, false, HOLD_PASS);
		burst_message(&burst, key + 1, 0, 6, 6, 200, strip, HOLD_HOLD);
		burst_message(&burst, 0, 0, 2, 1, 200, false, HOLD_DROP);
		burst_message(&burst, key, 4, 4, 8, 200, strip, HOLD_HOLD);
		burst_message(&burst, 0, 3, 1, 1, 200, false, HOLD_PASS);
		ASSERT_EQ(0, burst_send(rig->flow.tx, &burst, variant->path));
		rig->sent += burst.cnt;

		expect_burst(rig, &burst, 4, 1);
		ASSERT_EQ(1, seen(rig));
		expect_burst(rig, &burst, 5, 6);
		ASSERT_EQ(1, seen(rig));
		expect_burst(rig, &burst, 0, 4);
		expect_burst(rig, &burst, 13, 4);
		ASSERT_EQ(1, seen(rig));
		expect_burst(rig, &burst, 17, 1);
		ASSERT_EQ(1, seen(rig));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(40, rig->info.released);
	EXPECT_EQ(40, rig->info.verdicts[VNP_PASS]);
	EXPECT_EQ(40, rig->info.verdicts[VNP_DROP]);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* vnp_release_each() of super-packets, as an application expects them that has set UDP_GRO */
TEST_F(hold, bursts_each)
{
	static struct burst burst, want;
	struct rig *rig = &self->rig;

	for (__u64 key = 0; key < 8; key++) {
		const bool strip = key % 2;

		burst.cnt = 0;
		burst_message(&burst, key, 0, 16, 16, 300, strip, HOLD_EACH);
		ASSERT_EQ(0, burst_send(rig->flow.tx, &burst, variant->path));
		rig->sent += burst.cnt;
		want = burst;
		for (int i = 0; strip && i < want.cnt; i++) {
			want.len[i] -= HEADER;
			memmove(want.data[i], want.data[i] + HEADER, want.len[i]);
		}
		ASSERT_LT(0, burst_recv(rig->flow.rx, &want, variant->gro));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(1, queue_empty(rig));
	EXPECT_EQ(8 * 16, rig->info.released_fragments);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* What the program does after vnp_hold() decides whether the datagram is held. */
TEST_F(hold, undone)
{
	static const enum hold_order orders[] = {
		HOLD_THEN_PASS, HOLD_THEN_FAULT, HOLD_NOT, HOLD_THEN_DISCARD,
	};
	struct fragment fragment = { .cnt = 3 };
	struct rig *rig = &self->rig;
	static struct burst burst;

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		burst.cnt = 0;
		burst_message(&burst, i, 0, 1, 3, 150, false, HOLD_ONLY);
		burst_message(&burst, i, 1, 1, 3, 150, false, orders[i]);
		burst_message(&burst, i, 1, 1, 3, 150, false, HOLD_ONLY);
		ASSERT_EQ(0, burst_send(rig->flow.tx, &burst, variant->path));
		rig->sent += burst.cnt;
		ASSERT_EQ(0, settle(rig));
	}
	EXPECT_EQ(2, rig->info.faults[VNP_FAULT_VERDICT]);
	EXPECT_EQ(1, rig->info.verdicts[VNP_PASS]);
	EXPECT_EQ(2, rig->info.errors[VNP_ERROR_DISCARDED]);
	EXPECT_EQ(4, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 7));
	burst.cnt = 0;
	burst_message(&burst, 0, 1, 1, 3, 150, false, HOLD_THEN_PASS);
	expect_burst(rig, &burst, 0, 1);
	EXPECT_EQ(1, seen(rig));

	/* Messages 0 to 2 hold fragments 0 and 1, message 3 only 1. */
	for (fragment.message = 0; fragment.message < 4; fragment.message++) {
		fragment.order = HOLD_HOLD;
		fragment.index = 2;
		if (fragment.message == 3)
			fragment.cnt = 2;
		ASSERT_EQ(0, put(rig, 150, fragment));
		burst.cnt = 0;
		burst_message(&burst, fragment.message, 0, 2, 3, 150, false, HOLD_ONLY);
		expect_burst(rig, &burst, fragment.message == 3, fragment.message == 3 ? 1 : 2);
		expect(rig, 150, fragment);
		EXPECT_EQ(1, seen(rig));
	}
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* A fragment that is held already is refused, and the message does not change. */
TEST_F(hold, duplicates)
{
	struct fragment fragment = { .order = HOLD_HOLD, .cnt = 9, .message = 5 };
	struct rig *rig = &self->rig;
	static struct burst burst;

	for (int i = 0; i < 3; i++) {
		burst.cnt = 0;
		burst_message(&burst, 5, 2 * i, 4, 9, 150, false, HOLD_HOLD);
		ASSERT_EQ(0, burst_send(rig->flow.tx, &burst, variant->path));
		rig->sent += burst.cnt;
		ASSERT_EQ(0, settle(rig));
		EXPECT_EQ(4 + 2 * i, rig->info.verdicts[VNP_HELD]);
		EXPECT_EQ(2 * i, rig->info.verdicts[VNP_DROP]);
		EXPECT_EQ(1, rig->info.held_messages);
	}
	fragment.index = 0;
	ASSERT_EQ(0, put(rig, 150, fragment));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(-EEXIST, rig->seen->hold);
	fragment.index = 8;
	ASSERT_EQ(0, put(rig, 150, fragment));
	for (int i = 0; i < 9; i++) {
		fragment.index = i;
		expect(rig, 150, fragment);
	}
	EXPECT_EQ(1, seen(rig));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(0, rig->info.held_messages);
	EXPECT_TRUE(balanced(&rig->info, 0));
}

/*
 * ---- What the application sees -------------------------------------------
 */

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

TEST_F(app, queries)
{
	struct fragment fragment = { .order = HOLD_ONLY, .cnt = NEVER, .message = 1, .index = 7 };
	struct rig *rig = &self->rig;
	struct hold_seen *s = rig->seen;

	ASSERT_EQ(0, put(rig, 100, fragment));
	fragment.order = HOLD_HOLD;
	fragment.index = 9;
	ASSERT_EQ(0, put(rig, 60, fragment));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(0, s->hold);
	EXPECT_EQ(0, s->held);
	EXPECT_EQ(160, s->bytes);
	EXPECT_EQ(2, s->fragments);
	EXPECT_EQ(7, s->first);
	EXPECT_EQ(9, s->last);
	EXPECT_EQ(0, s->contiguous);
	fragment.index = 8;
	fragment.strip = 1;
	ASSERT_EQ(0, put(rig, 60, fragment));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(160 + 60 - HEADER, s->bytes);
	EXPECT_EQ(3, s->fragments);
	EXPECT_EQ(1, s->contiguous);

	fragment.order = HOLD_TWICE;
	fragment.index = 0xffffffff;
	ASSERT_EQ(0, put(rig, 60, fragment));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(-EBUSY, s->again);
	fragment.message = 2;
	fragment.order = HOLD_RELEASE;
	ASSERT_EQ(0, put(rig, 60, fragment));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(-ENOENT, s->end);
	fragment.order = HOLD_DISCARD;
	fragment.message = 1;
	ASSERT_EQ(0, put(rig, 60, fragment));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(0, s->end);
	EXPECT_EQ(4, rig->info.errors[VNP_ERROR_DISCARDED]);
	EXPECT_TRUE(balanced(&rig->info, 0));
	EXPECT_EQ(0, memory_of(rig->flow.rx, SK_MEMINFO_RMEM_ALLOC));
}

/* A message is released by a datagram that does not belong to it, and also if that faults. */
TEST_F(app, released_by_another)
{
	static const enum hold_order orders[] = { HOLD_RELEASE, HOLD_RELEASE_FAULT };
	struct fragment end = { .message = 3 };
	struct rig *rig = &self->rig;

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		ASSERT_EQ(0, message(rig, 3, 5, 200, 2, true, HOLD_ONLY));
		EXPECT_EQ(1, queue_empty(rig));
		end.order = orders[i];
		ASSERT_EQ(0, put(rig, 100, end));
		EXPECT_EQ(1, seen(rig));
		EXPECT_EQ(1, queue_empty(rig));
	}
	ASSERT_EQ(0, message(rig, 3, 2, 200, 1, false, HOLD_ONLY));
	end.order = HOLD_RELEASE_EACH;
	ASSERT_EQ(0, put(rig, 100, end));
	EXPECT_EQ(200, recv(rig->flow.rx, rig->got, sizeof(rig->got), 0));
	EXPECT_EQ(200, recv(rig->flow.rx, rig->got, sizeof(rig->got), 0));
	EXPECT_EQ(1, queue_empty(rig));
}

/* The longest message, and one that is longer, which is not released */
TEST_F(app, longest)
{
	struct fragment end = { .order = HOLD_RELEASE, .message = 1 };
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVBUF, RCVBUF));
	/* 47 * 1393 + 36 = 65507 */
	ASSERT_EQ(0, message(rig, 1, 47, 1393, 5, false, HOLD_ONLY));
	ASSERT_EQ(0, put(rig, 36, (struct fragment){ HOLD_ONLY, 0, NEVER, 47, 1 }));
	expect(rig, 36, (struct fragment){ HOLD_ONLY, 0, NEVER, 47, 1 });
	ASSERT_EQ(0, put(rig, 100, end));
	EXPECT_EQ(65507, rig->want_len);
	EXPECT_EQ(1, seen(rig));

	ASSERT_EQ(0, message(rig, 1, 47, 1394, 5, false, HOLD_ONLY));
	rig->want_len = 0;
	ASSERT_EQ(0, put(rig, 100, end));
	ASSERT_EQ(0, settle(rig));
	EXPECT_EQ(-EMSGSIZE, rig->seen->end);
	EXPECT_EQ(1, rig->info.held_messages);
	end.order = HOLD_RELEASE_EACH;
	ASSERT_EQ(0, put(rig, 100, end));
	for (int i = 0; i < 47; i++)
		EXPECT_EQ(1394, recv(rig->flow.rx, rig->got, sizeof(rig->got), 0));
	EXPECT_EQ(1, queue_empty(rig));
}

TEST_F(app, events)
{
	struct rig *rig = &self->rig;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct pollfd pfd = { .fd = rig->flow.rx, .events = POLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), bytes;

	ASSERT_LE(0, ep);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, rig->flow.rx, &event));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, message(rig, i, 7, 300, 3, false, HOLD_ONLY));
		EXPECT_EQ(0, poll(&pfd, 1, 0));
		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
		ASSERT_EQ(0, ioctl(rig->flow.rx, FIONREAD, &bytes));
		EXPECT_EQ(0, bytes);
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ .order = HOLD_RELEASE,
							       .message = i }));
		EXPECT_EQ(1, poll(&pfd, 1, 0));
		EXPECT_EQ(1, epoll_wait(ep, &event, 1, 0));
		EXPECT_EQ(0, epoll_wait(ep, &event, 1, 0));
		ASSERT_EQ(0, ioctl(rig->flow.rx, FIONREAD, &bytes));
		EXPECT_EQ(2100, bytes);
		EXPECT_EQ(2100, recv(rig->flow.rx, rig->got, 3000, MSG_PEEK));
		EXPECT_EQ(2100, recv(rig->flow.rx, rig->got, 10, MSG_PEEK | MSG_TRUNC));
		EXPECT_EQ(1, seen(rig));
	}
	close(ep);
}

TEST_F(app, recvmmsg)
{
	static __u8 data[4][4096];
	struct rig *rig = &self->rig;
	struct mmsghdr msgs[4] = {};
	struct iovec iov[4];

	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ data[i], i == 2 ? 100 : 4096 };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		ASSERT_EQ(0, message(rig, i, 3 + i, 500, 1, true, HOLD_HOLD));
	}
	ASSERT_EQ(4, recvmmsg(rig->flow.rx, msgs, 4, 0, NULL));
	for (int i = 0, from = 0; i < 4; i++) {
		const int len = (3 + i) * (500 - HEADER);

		EXPECT_EQ(i == 2 ? 100 : len, msgs[i].msg_len);
		EXPECT_EQ(i == 2 ? MSG_TRUNC : 0, msgs[i].msg_hdr.msg_flags);
		EXPECT_MEM(rig->want + from, data[i], msgs[i].msg_len);
		from += len;
	}
}

/* Address, time and destination are those of the first fragment, in whatever order it arrived. */
TEST_F(app, control_messages)
{
	struct fragment fragment = { .order = HOLD_HOLD, .cnt = 3, .message = 1 };
	struct sockaddr_in from, other;
	socklen_t len = sizeof(from);
	struct rig *rig = &self->rig;
	struct timespec before, after, stamp;
	int another = udp_socket("127.0.0.1", 0), tx = rig->flow.tx;
	struct in_pktinfo info;

	ASSERT_LE(0, another);
	ASSERT_EQ(0, connect(another, (void *)&rig->flow.rx_addr, sizeof(struct sockaddr_in)));
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_IP, IP_PKTINFO, 1));
	ASSERT_EQ(0, sock_timestamps(rig->flow.rx));
	for (int i = 0; i < 3; i++) {
		fragment.index = 2;
		ASSERT_EQ(0, put(rig, 100, fragment));
		rig->flow.tx = another;
		fragment.index = 0;
		clock_gettime(CLOCK_REALTIME, &before);
		ASSERT_EQ(0, put(rig, 100, fragment));
		clock_gettime(CLOCK_REALTIME, &after);
		rig->flow.tx = tx;
		fragment.index = 1;
		ASSERT_EQ(0, put(rig, 100, fragment));
		if (i == 0) {
			ASSERT_EQ(300, recvfrom(rig->flow.rx, rig->got, 1000, 0, (void *)&from,
						&len));
			ASSERT_EQ(0, getsockname(another, (void *)&other, &len));
			EXPECT_EQ(other.sin_port, from.sin_port);
		} else if (i == 1) {
			ASSERT_EQ(sizeof(info), sock_cmsg(rig->flow.rx, SOL_IP, IP_PKTINFO, &info,
							  sizeof(info)));
			EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
			EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_spec_dst.s_addr);
			EXPECT_LT(0, info.ipi_ifindex);
		} else {
			ASSERT_EQ(sizeof(stamp), sock_cmsg(rig->flow.rx, SOL_SOCKET,
							   SCM_TIMESTAMPNS, &stamp,
							   sizeof(stamp)));
			EXPECT_LE(before.tv_sec * 1000000000L + before.tv_nsec,
				  stamp.tv_sec * 1000000000L + stamp.tv_nsec);
			EXPECT_GE(after.tv_sec * 1000000000L + after.tv_nsec,
				  stamp.tv_sec * 1000000000L + stamp.tv_nsec);
		}
	}
	close(another);
}

/* Likewise, of a message of one datagram */
TEST_F(app, control_messages_one)
{
	struct fragment fragment = { .order = HOLD_HOLD, .strip = 1, .cnt = 1 };
	struct sockaddr_in from, tx;
	socklen_t len = sizeof(from);
	struct rig *rig = &self->rig;
	struct in_pktinfo info;

	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_IP, IP_PKTINFO, 1));
	ASSERT_EQ(0, put(rig, 100, fragment));
	ASSERT_EQ(100 - HEADER, recvfrom(rig->flow.rx, rig->got, sizeof(rig->got), 0,
					 (void *)&from, &len));
	ASSERT_EQ(0, getsockname(rig->flow.tx, (void *)&tx, &len));
	EXPECT_EQ(tx.sin_port, from.sin_port);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), from.sin_addr.s_addr);
	ASSERT_EQ(0, put(rig, 100, fragment));
	ASSERT_EQ(sizeof(info), sock_cmsg(rig->flow.rx, SOL_IP, IP_PKTINFO, &info, sizeof(info)));
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_addr.s_addr);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), info.ipi_spec_dst.s_addr);
	EXPECT_LT(0, info.ipi_ifindex);
}

/* A thread that receives messages */
struct reader {
	pthread_t thread;
	_Atomic pid_t tid;
	_Atomic bool last;
	int sock;
	int cnt;
	__u8 data[65536];
};

static void *read_all(void *arg)
{
	struct reader *r = arg;

	r->tid = syscall(SYS_gettid);
	while (recv(r->sock, r->data, sizeof(r->data), 0) > 0 && !r->last)
		r->cnt++;
	return NULL;
}

TEST_F(app, one_wakeup)
{
	struct rig *rig = &self->rig;
	static struct reader r;
	long before;

	r = (struct reader){ .sock = rig->flow.rx };
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, read_all, &r));
	while (!r.tid)
		sched_yield();
	ASSERT_EQ(0, thread_sleeps(r.tid));
	before = voluntary_switches(r.tid);
	for (int i = 0; i < 20; i++) {
		rig->want_len = 0;
		ASSERT_EQ(0, message(rig, i, 8, 1400, 3, false, HOLD_HOLD));
		ASSERT_EQ(0, thread_sleeps(r.tid));
	}
	EXPECT_EQ(before + 20, voluntary_switches(r.tid));
	r.last = true;
	ASSERT_EQ(0, put(rig, HEADER, (struct fragment){ HOLD_PASS }));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(20, r.cnt);
}

/* Begin to receive with io_uring.  Return: 1 */
static int uring_submit(struct io_uring *ring, struct rig *rig)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_recv(sqe, rig->flow.rx, rig->got, sizeof(rig->got), 0);
	return io_uring_submit(ring);
}

TEST_F(app, io_uring)
{
	struct rig *rig = &self->rig;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int err = io_uring_queue_init(4, &ring, 0);

	if (err == -EPERM || err == -ENOSYS)
		SKIP(return, "no io_uring");
	ASSERT_EQ(0, err);
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(1, uring_submit(&ring, rig));
		ASSERT_EQ(0, message(rig, i, 7, 300, 3, false, HOLD_ONLY));
		EXPECT_EQ(-EAGAIN, io_uring_peek_cqe(&ring, &cqe));
		ASSERT_EQ(0, put(rig, 100, (struct fragment){ .order = HOLD_RELEASE,
							       .message = i }));
		ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
		EXPECT_EQ(rig->want_len, cqe->res);
		EXPECT_MEM(rig->want, rig->got, rig->want_len);
		io_uring_cqe_seen(&ring, cqe);
		rig->want_len = 0;
	}
	io_uring_queue_exit(&ring);
}

/* SO_RCVLOWAT: UDP ignores it for datagrams, and so it must for messages. */
TEST_F(app, lowest_size)
{
	struct pollfd pfd = { .events = POLLIN };
	struct rig *rig = &self->rig;

	pfd.fd = rig->flow.rx;
	ASSERT_EQ(0, sock_set(rig->flow.rx, SOL_SOCKET, SO_RCVLOWAT, 3000));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, message(rig, i, 3 + 10 * i, 300, 1, false, HOLD_HOLD));
		EXPECT_EQ(1, poll(&pfd, 1, 1000));
		EXPECT_EQ(1, seen(rig));
	}
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
}

TEST_HARNESS_MAIN
