// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/deliver.h"

#include <linux/ktime.h>
#include <linux/skbuff.h>
#include <net/protocol.h>
#include <net/sock.h>
#include <net/udp.h>

#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/path/batch.h"
#include "kmod/prog/account.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/gro.h"

DEFINE_PER_CPU(struct sock *, vnp_udp_delivering);

/*
 * Set the gso_type of a super-packet for udp_queue_rcv_skb().  @whole: mark it as a tunnel's, so
 * that it is not segmented.  Return: false: out of memory, and the packet was freed
 */
static bool vnp_udp_mark(struct vnp_link *link, struct sk_buff *skb, bool whole)
{
	const u32 head = sizeof(struct udphdr);

	if (!skb_is_gso(skb))
		return true;
	/* Clones share gso_type. */
	if (skb_unclone(skb, GFP_ATOMIC)) {
		vnp_link_error(link, VNP_ERROR_MEMORY,
			       vnp_batch_cnt(skb->len - head, vnp_batch_size(skb, head)));
		kfree_skb(skb);
		return false;
	}
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	if (whole)
		skb_shinfo(skb)->gso_type |= SKB_GSO_UDP_TUNNEL_CSUM;
	return true;
}

/*
 * Attach the socket to the packet, as early demux does: so it is not looked up again, and
 * only this member of a multicast group gets the packet.
 */
static void vnp_udp_receive(struct sock *sk, struct sk_buff *skb)
{
	if (!refcount_inc_not_zero(&sk->sk_refcnt)) {
		kfree_skb(skb);
		return;
	}
	skb->sk = sk;
	skb->destructor = sock_edemux;

	if (skb->protocol == htons(ETH_P_IPV6))
		rcu_dereference(inet6_protos[IPPROTO_UDP])->handler(skb);
	else
		rcu_dereference(inet_protos[IPPROTO_UDP])->handler(skb);
}

void vnp_udp_deliver(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		     bool filtered)
{
	if (filtered) {
		vnp_udp_enqueue(sk, skb);
		return;
	}
	if (!vnp_udp_mark(link, skb, vnp_udp_gro_wanted(link, sk)))
		return;
	__this_cpu_write(vnp_udp_delivering, sk);
	vnp_udp_receive(sk, skb);
	__this_cpu_write(vnp_udp_delivering, NULL);
}

int vnp_udp_pass(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		 bool filtered)
{
	if (!filtered) {
		if (!skb_is_gso(skb) || vnp_udp_gro_wanted(link, sk))
			return 1;
		vnp_udp_count_taken(sk, skb);
	}
	vnp_udp_deliver(link, sk, skb, filtered);
	return 0;
}

void vnp_udp_segment(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	if (vnp_udp_mark(link, skb, false))
		vnp_udp_receive(sk, skb);
}

/* As udp_queue_rcv_skb() does with a packet that the socket does not accept as a whole. */
void vnp_udp_segment_tunnel(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	const bool ip4 = skb->protocol != htons(ETH_P_IPV6);
	const u64 start = ktime_get_ns();
	struct sk_buff *segment, *next;

	__skb_push(skb, -skb_mac_offset(skb));
	segment = udp_rcv_segment(sk, skb, ip4);
	vnp_account_take(link->user, ktime_get_ns() - start);
	for (; segment; segment = next) {
		next = segment->next;
		skb_mark_not_on_list(segment);
		__skb_pull(segment, skb_transport_offset(segment));
		udp_post_segment_fix_csum(segment);
		vnp_udp_receive(sk, segment);
	}
}
