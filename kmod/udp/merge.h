/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When merging is worth its price.
 *
 * For a socket whose datagrams are to be merged, GRO holds each until it knows whether
 * others follow that go with it: some 200 instructions.  A datagram that is dropped
 * together with others saves some 1,500, one that is answered more.  One that is passed saves
 * nothing, unless the application wants super-packets, and then it decides about merging
 * itself.
 *
 * So a link's socket is not merged for before two datagrams of one flow were dropped or
 * answered that GRO would have had together: in one softirq, or one after the other where the
 * device has datagrams wait for others.
 *
 * From then on it stays so.  When merging ends, what is held back is overtaken by
 * what is not, and nobody can know what is held back, on all CPUs.
 */
#ifndef _VNP_UDP_MERGE_H
#define _VNP_UDP_MERGE_H

#include <linux/compiler.h>
#include <linux/hash.h>
#include <linux/interrupt.h>
#include <linux/kernel_stat.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "kmod/link/link.h"
#include "kmod/udp/gro.h"

/*
 * Could GRO have merged this with another datagram that was consumed?  A flow is known by
 * its ports here.  Who takes another's place among those seen was of another flow, or
 * came later.
 */
static __always_inline bool vnp_udp_merge_seen(struct vnp_link_stats __percpu *stats,
					       const struct sk_buff *skb)
{
	const u32 ports = *(const u32 *)skb->data;
	const size_t slot = skb->data[1] % ARRAY_SIZE(stats->seen);
	u32 softirq = __this_cpu_read(kstat.softirqs[NET_RX_SOFTIRQ]);
	u32 before, now;

	/* Whoever changes it, one datagram more or less makes no difference. */
	if (unlikely(data_race(skb->dev->gro_flush_timeout)))
		softirq = 0;
	now = ports ^ softirq * GOLDEN_RATIO_32;
	before = __this_cpu_read(stats->seen[slot]);
	__this_cpu_write(stats->seen[slot], now);
	return before == now;
}

/**
 * vnp_udp_merge_consumed() - a datagram that came alone does not go to the socket
 * @link:	the link
 * @skb:	the datagram, at its UDP header
 *
 * Context: softirq, under RCU.
 */
static __always_inline void vnp_udp_merge_consumed(struct vnp_link *link,
						   const struct sk_buff *skb)
{
	/* vnp_udp_gro_merge() looks again, under the lock. */
	if (data_race(link->gro_deferred) &&
	    unlikely(vnp_udp_merge_seen(link->stats, skb)))
		vnp_udp_gro_merge(link);
}

#endif /* _VNP_UDP_MERGE_H */
