// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel filters a datagram after encap_rcv(), in sk_filter_trim_cap(): BPF programs
 * of the socket's cgroup (systemd's IPAddressDeny=), security modules, the filter of
 * SO_ATTACH_FILTER.  A program must not see what these deny.  So where there is one of
 * them the hook calls the same function before it runs the program, and puts what the
 * program passes into the socket's queue itself, or it would be filtered twice: a filter
 * may count what it sees, and one that has cut a datagram may not know it again.
 *
 * That needs __udp_enqueue_schedule_skb(), which not all kernels export.  Without it the
 * kernel does filter what was passed a second time.
 *
 * Whether a security module looks at datagrams cannot be asked.  Those with labels do,
 * SELinux and Smack, and are known by the extended attribute that holds these; others in
 * the kernel look at datagrams with a secmark only.  For programs that are attached to
 * the security hooks themselves (BPF LSM) there is a parameter.
 */
#include "kmod/udp/filter.h"

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/security.h>
#include <linux/xattr.h>
#include <net/busy_poll.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/transp_v6.h>
#include <net/udp.h>

#include "kmod/core/compat.h"
#include "kmod/udp/mib.h"

DEFINE_STATIC_KEY_FALSE(vnp_udp_lsm_key);

static bool lsm;
module_param(lsm, bool, 0444);
MODULE_PARM_DESC(lsm, "a BPF LSM program on socket_sock_rcv_skb decides before programs run");

static typeof(&__udp_enqueue_schedule_skb) vnp_udp_kernel_enqueue;

void vnp_udp_filter_init(void)
{
	vnp_udp_kernel_enqueue = symbol_get(__udp_enqueue_schedule_skb);
	if (lsm || security_ismaclabel(XATTR_SELINUX_SUFFIX) ||
	    security_ismaclabel(XATTR_SMACK_SUFFIX))
		static_branch_enable(&vnp_udp_lsm_key);
}

void vnp_udp_filter_exit(void)
{
	if (vnp_udp_kernel_enqueue)
		symbol_put(__udp_enqueue_schedule_skb);
}

/* The kernel takes what does not come back from the hook as received by a tunnel. */
static void vnp_udp_uncount(const struct sock *sk, const struct sk_buff *skb)
{
	SNMP_DEC_STATS(vnp_udp_mib(sk, skb), UDP_MIB_INDATAGRAMS);
}

bool vnp_udp_filter(struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason = vnp_sk_filter(sk, skb);

	if (likely(!reason))
		return true;
	vnp_udp_uncount(sk, skb);
	SNMP_INC_STATS(vnp_udp_mib(sk, skb), UDP_MIB_INERRORS);
	vnp_sk_drops_inc(sk);
	kfree_skb_reason(skb, reason);
	return false;
}

/*
 * As ipv4_pktinfo_prepare(), which is not exported.
 * Return: false: a broadcast or multicast datagram, whose receiver wants an address of
 * the interface; choosing one is not exported either
 */
static bool vnp_udp_pktinfo(const struct sock *sk, struct sk_buff *skb)
{
	struct in_pktinfo *pktinfo = PKTINFO_SKB_CB(skb);
	const struct rtable *rt = skb_rtable(skb);

	if (!rt || !(vnp_inet_pktinfo(sk) || ipv6_sk_rxinfo(sk))) {
		pktinfo->ipi_ifindex = 0;
		pktinfo->ipi_spec_dst.s_addr = 0;
		return true;
	}
	if ((rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL)) != RTCF_LOCAL)
		return false;
	/* The first member is what struct inet_skb_parm has there, too. */
	if (pktinfo->ipi_ifindex == LOOPBACK_IFINDEX)
		pktinfo->ipi_ifindex = inet_iif(skb);
	else if (ipv4_l3mdev_skb(IPCB(skb)->flags) && rt->rt_iif)
		pktinfo->ipi_ifindex = rt->rt_iif;
	pktinfo->ipi_spec_dst.s_addr = ip_hdr(skb)->daddr;
	return true;
}

static void vnp_udp_mark_sock(struct sock *sk, const struct sk_buff *skb)
{
	const bool connected = skb->protocol == htons(ETH_P_IPV6) ?
			       !ipv6_addr_any(&sk->sk_v6_daddr) :
			       inet_sk(sk)->inet_daddr;

	if (connected) {
		sock_rps_save_rxhash(sk, skb);
		sk_mark_napi_id(sk, skb);
		sk_incoming_cpu_update(sk);
	} else {
		sk_mark_napi_id_once(sk, skb);
	}
}

bool vnp_udp_enqueue(struct sock *sk, struct sk_buff *skb)
{
	typeof(vnp_udp_mib(sk, skb)) mib = vnp_udp_mib(sk, skb);
	const bool ip4 = skb->protocol != htons(ETH_P_IPV6);
	int ret;

	if (!vnp_udp_kernel_enqueue || (ip4 && !vnp_udp_pktinfo(sk, skb)))
		return false;
	vnp_udp_uncount(sk, skb);
	udp_csum_pull_header(skb);
	skb_dst_drop(skb);
	vnp_udp_mark_sock(sk, skb);
	ret = vnp_udp_kernel_enqueue(sk, skb);
	if (likely(ret >= 0))
		return true;

	/* It counts in sk_drops itself. */
	SNMP_INC_STATS(mib, ret == -ENOMEM ? UDP_MIB_RCVBUFERRORS : UDP_MIB_MEMERRORS);
	SNMP_INC_STATS(mib, UDP_MIB_INERRORS);
	kfree_skb_reason(skb, ret == -ENOMEM ? SKB_DROP_REASON_SOCKET_RCVBUFF :
					       SKB_DROP_REASON_PROTO_MEM);
	return true;
}
