// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors.  To the kernel a socket with encap_type is a tunnel, whose owner in user
 * space has not sent the datagram and gets no error.  Here the application has sent it:
 * so do as __udp4_lib_err() and __udp6_lib_err() do for sockets without encapsulation.
 */
#include "kmod/udp/err.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/skbuff.h>
#include <net/icmp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/link/link.h"
#include "kmod/map/peers.h"
#include "kmod/udp/udp.h"

/* Maximum number of peers that an error is compared with, as nobody is charged for that */
#define VNP_UDP_ERR_PEERS_MAX	64

/* Does a connected socket get this error even without IP_RECVERR? */
static bool vnp_udp_err_is_hard(const struct sock *sk, const struct sk_buff *skb)
{
	const struct icmp6hdr *icmp6 = icmp6_hdr(skb);
	const struct icmphdr *icmp = icmp_hdr(skb);
	int err;

	if (skb->protocol == htons(ETH_P_IPV6))
		return icmpv6_err_convert(icmp6->icmp6_type, icmp6->icmp6_code, &err) ||
		       (icmp6->icmp6_type == ICMPV6_PKT_TOOBIG &&
			inet6_sk(sk)->pmtudisc != IPV6_PMTUDISC_DONT);
	if (icmp->type != ICMP_DEST_UNREACH)
		return icmp->type == ICMP_PARAMETERPROB;
	return icmp->code == ICMP_FRAG_NEEDED ||
	       (icmp->code <= NR_ICMP_UNREACH && icmp_err_convert[icmp->code].fatal);
}

/* Count the error for peers in the program's maps to whose address the datagram was sent. */
static void vnp_udp_err_count(struct sock *sk, const struct sk_buff *skb, __be16 port)
{
	const u16 family = skb->protocol == htons(ETH_P_IPV6) ? AF_INET6 : AF_INET;
	const struct vnp_prog *prog;
	struct in6_addr addr = {};
	struct vnp_link *link;
	u32 left = VNP_UDP_ERR_PEERS_MAX, i;

	/* While the type is ours sk_user_data is the link, or NULL. */
	link = READ_ONCE(udp_sk(sk)->encap_type) == VNP_UDP_ENCAP ?
	       rcu_dereference(__sk_user_data(sk)) : NULL;
	if (!link)
		return;
	/* The datagram's IP header */
	if (family == AF_INET6)
		addr = ((const struct ipv6hdr *)skb->data)->daddr;
	else
		addr.s6_addr32[0] = ((const struct iphdr *)skb->data)->daddr;
	prog = rcu_dereference(link->prog);
	for (i = 0; i < prog->map_cnt && left; i++)
		vnp_peers_unreachable(prog->maps[i], sk, family, &addr, port, &left);
}

static void vnp_udp_err(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
			u32 info, u8 *payload)
{
	const bool recverr = skb->protocol == htons(ETH_P_IPV6) ?
			     vnp_inet6_recverr(sk) : vnp_inet_recverr(sk);

	vnp_udp_err_count(sk, skb, port);
	if (recverr)
		vnp_icmp_error(sk, skb, err, port, info, payload);
	else if (sk->sk_state != TCP_ESTABLISHED || !vnp_udp_err_is_hard(sk, skb))
		return;
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
}

/*
 * The kernel calls this for any encap_type other than 0: if it is 0 now, the link has just been
 * detached.  It is not called for errors that only concern routes, or that the socket's
 * IP_MTU_DISCOVER suppresses.
 */
VNP_ENCAP_ERR_RCV(vnp_udp_err_rcv)
{
	const u8 type = READ_ONCE(udp_sk(sk)->encap_type);

	if (type && type != VNP_UDP_ENCAP)
		return;
	VNP_ENCAP_ERR_PASS(vnp_udp_err);
}
