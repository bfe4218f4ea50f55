/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: the kernel's filters, which must accept a datagram before the program sees it.
 */
#ifndef _VNP_UDP_FILTER_H
#define _VNP_UDP_FILTER_H

#include <linux/bpf.h>
#include <linux/bpf-cgroup.h>
#include <linux/jump_label.h>
#include <linux/skbuff.h>
#include <net/sock.h>

/* Enabled: a security module may check any datagram, not only those with a secmark. */
DECLARE_STATIC_KEY_FALSE(vnp_udp_lsm_key);

/* Is there a BPF program on this socket's cgroup, or an ancestor? */
static __always_inline bool vnp_udp_cgroup_filters(struct sock *sk)
{
#ifdef CONFIG_CGROUP_BPF
	return cgroup_bpf_enabled(CGROUP_INET_INGRESS) &&
	       cgroup_bpf_sock_enabled(sk, CGROUP_INET_INGRESS);
#else
	return false;
#endif
}

/* May a security module check this datagram? */
static __always_inline bool vnp_udp_lsm_filters(const struct sk_buff *skb)
{
#ifdef CONFIG_NETWORK_SECMARK
	if (unlikely(skb->secmark))
		return true;
#endif
	return static_branch_unlikely(&vnp_udp_lsm_key);
}

/**
 * vnp_udp_is_filtered() - would the kernel filter a datagram after the hook?
 * @sk:		the socket
 * @skb:	the packet
 *
 * Context: softirq, under RCU.
 * Return: true: the program may only see datagrams that vnp_udp_filter() accepts.
 */
static __always_inline bool vnp_udp_is_filtered(struct sock *sk,
						const struct sk_buff *skb)
{
	return rcu_access_pointer(sk->sk_filter) || vnp_udp_lsm_filters(skb) ||
	       vnp_udp_cgroup_filters(sk);
}

/* vnp_udp_filter_init() - Context: process, at init */
void vnp_udp_filter_init(void);

/**
 * vnp_udp_filter() - apply cgroup programs, security modules and the socket's filter
 * @sk:		the socket
 * @skb:	the packet, at its UDP header; may be trimmed, is freed if it is denied
 *
 * A denied packet is counted as the kernel counts it; the caller must undo what the
 * kernel counts when the hook consumes a packet.
 *
 * Context: softirq, under RCU.
 * Return: false: it was denied.
 */
bool vnp_udp_filter(struct sock *sk, struct sk_buff *skb);

#endif /* _VNP_UDP_FILTER_H */
