// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/release.h"

#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/sock.h>
#include <net/udp.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/udp/assemble.h"
#include "kmod/udp/enqueue.h"
#include "kmod/udp/gro.h"
#include "kmod/udp/held.h"
#include "kmod/udp/merge.h"
#include "kmod/udp/packet.h"

bool vnp_udp_keep(struct vnp_link *link, struct sock *sk, struct sk_buff *skb)
{
	/*
	 * The kernel's reserves of memory are for swapping over the network: it does not queue
	 * packets in them to other sockets, either.  Clones share gso_size and gso_type, which are
	 * reset below.
	 */
	if (skb_pfmemalloc(skb) || (skb_is_gso(skb) && skb_unclone(skb, GFP_ATOMIC))) {
		kfree_skb(skb);
		return false;
	}
	if (skb_is_gso(skb))
		skb_gso_reset(skb);
	else
		vnp_udp_merge_consumed(link, skb);
	skb_orphan(skb);
	vnp_udp_put_route(sk, skb);
	skb->dev = NULL;
	/* The checksum was verified, and the program may have changed the payload since. */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	return true;
}

/*
 * ---- A message as one datagram ------------------------------------------
 */

/*
 * A packet made of others may take more memory than was charged for those: charge the difference,
 * if the kernel would accept a datagram of this size now.
 */
static int vnp_udp_recharge(struct sock *sk, struct sk_buff *skb, u32 charge)
{
	const unsigned int rmem = atomic_read(&sk->sk_rmem_alloc) - charge;

	if (skb->truesize <= charge) {
		skb->truesize = charge;
		return 0;
	}
	if (!vnp_udp_rcvbuf_takes(rmem, skb->truesize, READ_ONCE(sk->sk_rcvbuf)) ||
	    !vnp_udp_charge(sk, skb->truesize - charge))
		return -ENOMEM;
	return 0;
}

/* Deliver a copy of a message.  Return: false, without changes, if that is not possible */
static bool vnp_udp_release_copy(struct sock *sk, struct sk_buff *list, u32 charge)
{
	struct sk_buff *new = vnp_udp_assemble_copy(list), *skb, *next;

	if (!new)
		return false;
	if (new->truesize >= charge && vnp_udp_recharge(sk, new, charge)) {
		kfree_skb(new);
		return false;
	}
	for (skb = list; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		consume_skb(skb);
	}
	if (new->truesize < charge)
		vnp_udp_uncharge(sk, charge - new->truesize);
	vnp_udp_enqueue_charged(sk, new);
	return true;
}

int vnp_udp_release(struct sock *sk, struct sk_buff *list, u32 charge)
{
	struct sk_buff *skb;
	int ret;

	if (vnp_udp_release_copy(sk, list, charge))
		return 0;
	ret = vnp_udp_assemble(list, &skb);
	if (!ret)
		ret = vnp_udp_recharge(sk, skb, charge);
	if (ret) {
		kfree_skb(skb);
		vnp_udp_uncharge(sk, charge);
		return ret;
	}
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	vnp_udp_enqueue_charged(sk, skb);
	return 0;
}

bool vnp_udp_release_only(struct sock *sk, struct sk_buff *skb, u32 from, u32 charge)
{
	const u32 start = sizeof(struct udphdr) + from;

	if (skb_pfmemalloc(skb) || skb_is_gso(skb) || start > skb_headlen(skb) ||
	    skb->len - start > VNP_MESSAGE_MAX)
		return false;
	skb_orphan(skb);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	__skb_pull(skb, start);
	if (likely(vnp_udp_enqueue_only(sk, skb, charge)))
		return true;
	__skb_push(skb, start);
	return false;
}

/*
 * ---- Each datagram ------------------------------------------------------
 */

/* May it be delivered as a super-packet?  Not if bytes of each datagram must be left out. */
static bool vnp_udp_stays_batch(const struct vnp_link *link, const struct sock *sk,
				const struct sk_buff *skb)
{
	return !vnp_hold_cb(skb)->from && vnp_udp_gro_wanted(link, sk);
}

/* Return: number of datagrams that were not delivered; likewise the functions below */
static u32 vnp_udp_release_batch(struct sock *sk, struct sk_buff *skb)
{
	const u32 size = vnp_hold_cb(skb)->size;
	const u32 cnt = DIV_ROUND_UP(skb->len - sizeof(struct udphdr), size);

	skb_shinfo(skb)->gso_size = size;
	skb_shinfo(skb)->gso_segs = cnt;
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	__skb_pull(skb, sizeof(struct udphdr));
	return vnp_udp_enqueue_prepared(sk, skb) ? 0 : cnt;
}

static u32 vnp_udp_release_cuts(struct sock *sk, struct sk_buff *skb)
{
	struct vnp_udp_range range;
	struct sk_buff *cut;
	u32 pos, failed = 0;

	for (pos = sizeof(struct udphdr); pos < skb->len; pos = range.next) {
		range = vnp_udp_range(skb, pos);
		cut = vnp_udp_packet_cut(skb, range.start, range.end,
					 range.end - range.start);
		if (!cut) {
			failed++;
			continue;
		}
		__skb_pull(cut, sizeof(struct udphdr));
		failed += !vnp_udp_enqueue_prepared(sk, cut);
	}
	consume_skb(skb);
	return failed;
}

static u32 vnp_udp_release_single(struct sock *sk, struct sk_buff *skb)
{
	const struct vnp_udp_range range = vnp_udp_range(skb, sizeof(struct udphdr));

	if (!pskb_pull(skb, range.start)) {
		kfree_skb(skb);
		return 1;
	}
	return !vnp_udp_enqueue_prepared(sk, skb);
}

u32 vnp_udp_release_each(struct vnp_link *link, struct sock *sk, struct sk_buff *list,
			 u32 charge)
{
	struct sk_buff *skb, *next;
	u32 failed = 0;

	vnp_udp_uncharge(sk, charge);
	for (skb = list; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		if (vnp_udp_is_single(skb))
			failed += vnp_udp_release_single(sk, skb);
		else if (vnp_udp_stays_batch(link, sk, skb))
			failed += vnp_udp_release_batch(sk, skb);
		else
			failed += vnp_udp_release_cuts(sk, skb);
	}
	return failed;
}
