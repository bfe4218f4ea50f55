// SPDX-License-Identifier: GPL-2.0
/*
 * The steps between the socket's filters and its queue, as in the kernel's udp_queue_rcv_one_skb().
 * Not all kernels export the functions that it calls.
 *
 * recvmsg() releases the memory of a queued packet: it subtracts the truesize noted in
 * skb->dev_scratch from sk_rmem_alloc and sk_forward_alloc.  So a packet has no
 * destructor. sk_forward_alloc is protected by the lock of sk_receive_queue.  Kernels
 * with a queue for each node move its datagrams to sk_receive_queue under the same lock,
 * so this works there too.  But until they are moved, what is put into sk_receive_queue here
 * overtakes them.
 */
#include "kmod/udp/enqueue.h"

#include <linux/inetdevice.h>
#include <net/busy_poll.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/transp_v6.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "kmod/core/compat.h"

/* As in the kernel's udp.c: the packet has no state to be released after recvmsg(). */
#define UDP_SKB_IS_STATELESS	0x80000000

/* As fib_result_prefsrc(), but without caching the result */
static __be32 vnp_udp_prefsrc(const struct fib_result *res)
{
	const struct fib_nh_common *nhc = res->nhc;

	if (res->fi->fib_prefsrc)
		return res->fi->fib_prefsrc;
	return inet_select_addr(nhc->nhc_dev,
				nhc->nhc_family == AF_INET ? nhc->nhc_gw.ipv4 : 0,
				res->fi->fib_scope);
}

/* As fib_compute_spec_dst(): the source address for a reply to this datagram */
static __be32 vnp_udp_spec_dst(const struct sk_buff *skb)
{
	const u32 to_us = RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL;
	const struct iphdr *iph = ip_hdr(skb);
	struct net_device *dev = skb->dev;
	struct in_device *in_dev = __in_dev_get_rcu(dev);
	struct fib_result res;
	struct flowi4 fl4 = {
		.flowi4_iif = LOOPBACK_IFINDEX,
		.daddr = iph->saddr,
		.flowi4_scope = RT_SCOPE_UNIVERSE,
	};

	if ((skb_rtable(skb)->rt_flags & to_us) == RTCF_LOCAL)
		return iph->daddr;
	if (ipv4_is_zeronet(iph->saddr))
		return inet_select_addr(dev, iph->saddr, RT_SCOPE_LINK);

	fl4.flowi4_l3mdev = l3mdev_master_ifindex_rcu(dev);
	if (in_dev && IN_DEV_SRC_VMARK(in_dev))
		fl4.flowi4_mark = skb->mark;
	vnp_flowi4_set_tos(&fl4, iph);
	if (!fib_lookup(dev_net(dev), &fl4, &res, 0))
		return vnp_udp_prefsrc(&res);
	return inet_select_addr(dev, iph->saddr, RT_SCOPE_UNIVERSE);
}

/* As ipv4_pktinfo_prepare() */
static void vnp_udp_pktinfo(const struct sock *sk, struct sk_buff *skb)
{
	struct in_pktinfo *pktinfo = PKTINFO_SKB_CB(skb);
	const struct rtable *rt = skb_rtable(skb);

	if (!rt || !(vnp_inet_pktinfo(sk) || ipv6_sk_rxinfo(sk))) {
		pktinfo->ipi_ifindex = 0;
		pktinfo->ipi_spec_dst.s_addr = 0;
		return;
	}
	/* The first member of skb->cb was struct inet_skb_parm::iif. */
	if (pktinfo->ipi_ifindex == LOOPBACK_IFINDEX)
		pktinfo->ipi_ifindex = inet_iif(skb);
	else if (ipv4_l3mdev_skb(IPCB(skb)->flags) && rt->rt_iif)
		pktinfo->ipi_ifindex = rt->rt_iif;
	pktinfo->ipi_spec_dst.s_addr = vnp_udp_spec_dst(skb);
}

static __always_inline void vnp_udp_mark_sock(struct sock *sk, const struct sk_buff *skb)
{
	const bool connected = skb->protocol == htons(ETH_P_IPV6) ?
			       !ipv6_addr_any(&sk->sk_v6_daddr) :
			       inet_sk(sk)->inet_daddr != 0;

	if (connected) {
		sock_rps_save_rxhash(sk, skb);
		sk_mark_napi_id(sk, skb);
		sk_incoming_cpu_update(sk);
	} else {
		sk_mark_napi_id_once(sk, skb);
	}
}

/* As skb_condense(): if the buffer is half full, a few bytes must not keep whole pages */
static void vnp_udp_condense(struct sk_buff *skb)
{
	if (skb->data_len &&
	    (skb->data_len > skb->end - skb->tail || skb_cloned(skb) ||
	     !__pskb_pull_tail(skb, skb->data_len)))
		return;
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}

/* As udp_set_dev_scratch().  Overwrites skb->dev. */
static __always_inline void vnp_udp_note(struct sk_buff *skb)
{
	struct udp_dev_scratch *scratch = udp_skb_scratch(skb);

	scratch->_tsize_state = skb->truesize;
#if BITS_PER_LONG == 64
	scratch->len = skb->len;
	scratch->csum_unnecessary = !!skb_csum_unnecessary(skb);
	scratch->is_linear = !skb_is_nonlinear(skb);
#endif
	if (secpath_exists(skb))
		return;
	if (skb_has_extensions(skb))
		skb_ext_reset(skb);
	scratch->_tsize_state |= UDP_SKB_IS_STATELESS;
}

/*
 * Charge memory to the protocol and the socket's cgroup.  Context: the queue's lock.  Return:
 * false: a limit is reached
 */
static bool vnp_udp_take(struct sock *sk, int size)
{
	const int lacking = size - sk->sk_forward_alloc;

	if (lacking > 0 && !__sk_mem_schedule(sk, lacking, SK_MEM_RECV))
		return false;
	/* Others read it without the lock. */
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc - size);
	return true;
}

/* Context: the queue's lock */
static __always_inline void vnp_udp_queue(struct sock *sk, struct sk_buff *skb)
{
	sock_skb_set_dropcount(sk, skb);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
}

/*
 * Charge @size for a packet, and queue it.  Return: false: the memory limit of the protocol or the
 * socket's cgroup is reached, and the packet is unchanged
 */
static __always_inline bool vnp_udp_queue_append(struct sock *sk, struct sk_buff *skb, int size)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	bool charged;

	atomic_add(size, &sk->sk_rmem_alloc);
	spin_lock(&queue->lock);
	charged = vnp_udp_take(sk, size);
	if (likely(charged)) {
		skb_dst_drop(skb);
		skb->truesize = size;
		vnp_udp_note(skb);
		vnp_udp_queue(sk, skb);
	}
	spin_unlock(&queue->lock);
	if (unlikely(!charged))
		atomic_sub(size, &sk->sk_rmem_alloc);
	return charged;
}

bool vnp_udp_charge(struct sock *sk, u32 size)
{
	bool charged;

	atomic_add(size, &sk->sk_rmem_alloc);
	spin_lock(&sk->sk_receive_queue.lock);
	charged = vnp_udp_take(sk, size);
	spin_unlock(&sk->sk_receive_queue.lock);
	if (unlikely(!charged))
		atomic_sub(size, &sk->sk_rmem_alloc);
	return charged;
}

void vnp_udp_uncharge(struct sock *sk, u32 size)
{
	spin_lock(&sk->sk_receive_queue.lock);
	WRITE_ONCE(sk->sk_forward_alloc, sk->sk_forward_alloc + (int)size);
	sk_mem_reclaim(sk);
	spin_unlock(&sk->sk_receive_queue.lock);
	atomic_sub(size, &sk->sk_rmem_alloc);
}

static void vnp_udp_wake(struct sock *sk)
{
	void (*data_ready)(struct sock *sk) = READ_ONCE(sk->sk_data_ready);

	if (!sock_flag(sk, SOCK_DEAD))
		data_ready(sk);
}

/* As __udp_enqueue_schedule_skb().  Return: 0, or why the packet was refused */
static enum skb_drop_reason vnp_udp_schedule(struct sock *sk, struct sk_buff *skb)
{
	const unsigned int rmem = atomic_read(&sk->sk_rmem_alloc);
	const unsigned int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	if (!vnp_udp_rcvbuf_takes(rmem, skb->truesize, rcvbuf))
		return SKB_DROP_REASON_SOCKET_RCVBUFF;
	if (rmem > rcvbuf >> 1)
		vnp_udp_condense(skb);
	if (!vnp_udp_queue_append(sk, skb, skb->truesize))
		return SKB_DROP_REASON_PROTO_MEM;
	vnp_udp_wake(sk);
	return 0;
}

void vnp_udp_put_route(struct sock *sk, struct sk_buff *skb)
{
	if (skb->protocol != htons(ETH_P_IPV6))
		vnp_udp_pktinfo(sk, skb);
	skb_dst_drop(skb);
}

bool vnp_udp_enqueue_prepared(struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason;

	vnp_udp_mark_sock(sk, skb);
	reason = vnp_udp_schedule(sk, skb);
	if (likely(!reason))
		return true;

	SNMP_INC_STATS(vnp_udp_mib(sk, skb), reason == SKB_DROP_REASON_SOCKET_RCVBUFF ?
		       UDP_MIB_RCVBUFERRORS : UDP_MIB_MEMERRORS);
	vnp_udp_count_drops(sk, skb, 1);
	kfree_skb_reason(skb, reason);
	return false;
}

void vnp_udp_enqueue(struct sock *sk, struct sk_buff *skb)
{
	udp_csum_pull_header(skb);
	vnp_udp_put_route(sk, skb);
	vnp_udp_enqueue_prepared(sk, skb);
}

void vnp_udp_enqueue_charged(struct sock *sk, struct sk_buff *skb)
{
	vnp_udp_mark_sock(sk, skb);
	vnp_udp_note(skb);
	spin_lock(&sk->sk_receive_queue.lock);
	vnp_udp_queue(sk, skb);
	spin_unlock(&sk->sk_receive_queue.lock);
	vnp_udp_wake(sk);
}

bool vnp_udp_enqueue_only(struct sock *sk, struct sk_buff *skb, u32 size)
{
	if (skb->protocol != htons(ETH_P_IPV6))
		vnp_udp_pktinfo(sk, skb);
	vnp_udp_mark_sock(sk, skb);
	if (unlikely(!vnp_udp_queue_append(sk, skb, size)))
		return false;
	vnp_udp_wake(sk);
	return true;
}
