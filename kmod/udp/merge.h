/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When merging begins: as soon as it saves more than it costs.
 *
 * If a socket's datagrams are merged, GRO holds each until it knows whether others of the
 * same flow follow, which takes some 200 instructions.  A datagram that is dropped
 * together with others saves some 1,500, one that is replied to more.  One that is passed
 * saves nothing, unless the application accepts super-packets, and such an application decides
 * about merging itself (UDP_GRO).
 *
 * So merging for a link's socket does not begin before two datagrams of one flow that GRO could
 * have merged were dropped, replied to or held: in one softirq, or consecutive if the device delays
 * datagrams for this.  A datagram that is held and released at once is delivered as one that is
 * passed, and so does not count.
 *
 * Merging is not ended again: datagrams that GRO holds at that moment would be overtaken by later
 * ones, and it is not known whether it holds some on other CPUs.
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
#include "kmod/link/stats.h"
#include "kmod/udp/gro.h"

/*
 * Could GRO have merged this with another datagram that was consumed?  Yes, if @seen has an
 * entry of the same flow and softirq.  A flow is identified by its ports here.  Any other entry
 * is overwritten.
 */
static __always_inline bool vnp_udp_merge_seen(struct vnp_link_stats __percpu *stats,
					       const struct sk_buff *skb)
{
	const u32 ports = *(const u32 *)skb->data;
	const size_t slot = skb->data[1] % ARRAY_SIZE(stats->seen);
	u32 softirq = __this_cpu_read(kstat.softirqs[NET_RX_SOFTIRQ]);
	u32 before, now;

	/*
	 * A device that delays datagrams for merging delivers them in later softirqs.  Read without
	 * locking: one datagram more or less makes no difference.
	 */
	if (unlikely(data_race(skb->dev->gro_flush_timeout)))
		softirq = 0;
	now = ports ^ softirq * GOLDEN_RATIO_32;
	before = __this_cpu_read(stats->seen[slot]);
	__this_cpu_write(stats->seen[slot], now);
	return before == now;
}

/**
 * vnp_udp_merge_consumed() - note that a single datagram is not passed to the socket
 * @link:	the link
 * @skb:	the datagram, at its UDP header
 *
 * Context: softirq, under RCU.
 */
static __always_inline void vnp_udp_merge_consumed(struct vnp_link *link,
						   const struct sk_buff *skb)
{
	/* vnp_udp_gro_merge() checks again, under the lock. */
	if (data_race(link->gro_deferred) &&
	    unlikely(vnp_udp_merge_seen(link->stats, skb)))
		vnp_udp_gro_merge(link);
}

#endif /* _VNP_UDP_MERGE_H */
