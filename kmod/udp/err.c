// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors.  The kernel takes a socket with encap_type for a tunnel, whose
 * owner in user space has not sent the datagram and so does not hear of what became
 * of it.  Ours has: this does what __udp4_lib_err() and __udp6_lib_err() do for
 * sockets without encapsulation.
 */
#include "kmod/udp/err.h"

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/skbuff.h>
#include <net/icmp.h>
#include <net/inet_sock.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "kmod/udp/udp.h"

/**
 * struct vnp_udp_err - an error, as IPv4 and IPv6 have it in common
 * @hard:	a connected socket is told, even if it did not ask
 * @recverr:	the application has asked for the error queue
 * @daddr:	where the datagram was to go, in the packet that came back
 * @ee:		what the error queue is given
 */
struct vnp_udp_err {
	bool hard;
	bool recverr;
	const void *daddr;
	struct sock_extended_err ee;
};

static bool vnp_udp_err_ip4(const struct sock *sk, const struct sk_buff *skb,
			    struct vnp_udp_err *err)
{
	const struct icmphdr *icmp = icmp_hdr(skb);

	err->recverr = vnp_inet_recverr(sk);
	err->daddr = &((const struct iphdr *)(icmp + 1))->daddr;
	err->ee.ee_origin = SO_EE_ORIGIN_ICMP;
	err->ee.ee_type = icmp->type;
	err->ee.ee_code = icmp->code;
	err->ee.ee_errno = EHOSTUNREACH;

	switch (icmp->type) {
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
		return false;
	case ICMP_PARAMETERPROB:
		err->ee.ee_errno = EPROTO;
		err->ee.ee_info = ntohl(icmp->un.gateway) >> 24;
		err->hard = true;
		return true;
	case ICMP_DEST_UNREACH:
		break;
	default:
		return true;
	}

	if (icmp->code == ICMP_FRAG_NEEDED) {
		err->ee.ee_errno = EMSGSIZE;
		err->ee.ee_info = ntohs(icmp->un.frag.mtu);
		err->hard = true;
		return inet_sk(sk)->pmtudisc != IP_PMTUDISC_DONT;
	}
	if (icmp->code <= NR_ICMP_UNREACH) {
		err->ee.ee_errno = icmp_err_convert[icmp->code].errno;
		err->hard = icmp_err_convert[icmp->code].fatal;
	}
	return true;
}

static bool vnp_udp_err_ip6(const struct sock *sk, const struct sk_buff *skb,
			    struct vnp_udp_err *err)
{
	const struct icmp6hdr *icmp = icmp6_hdr(skb);
	int code;

	err->recverr = vnp_inet6_recverr(sk);
	err->daddr = &((const struct ipv6hdr *)(icmp + 1))->daddr;
	err->ee.ee_origin = SO_EE_ORIGIN_ICMP6;
	err->ee.ee_type = icmp->icmp6_type;
	err->ee.ee_code = icmp->icmp6_code;
	err->ee.ee_info = ntohl(icmp->icmp6_mtu);
	err->hard = icmpv6_err_convert(icmp->icmp6_type, icmp->icmp6_code, &code);
	err->ee.ee_errno = code;

	if (icmp->icmp6_type == ICMPV6_PKT_TOOBIG) {
		if (!ip6_sk_accept_pmtu(sk))
			return false;
		if (inet6_sk(sk)->pmtudisc != IPV6_PMTUDISC_DONT)
			err->hard = true;
	}
	return icmp->icmp6_type != NDISC_REDIRECT;
}

/* Into the error queue goes the payload, behind the headers that came back. */
static void vnp_udp_err_queue(struct sock *sk, struct sk_buff *skb,
			      const struct vnp_udp_err *err,
			      const struct udphdr *uh)
{
	struct sock_exterr_skb *serr;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return;

	serr = SKB_EXT_ERR(skb);
	memset(serr, 0, sizeof(*serr));
	serr->ee = err->ee;
	serr->addr_offset = err->daddr - (void *)skb_network_header(skb);
	serr->port = uh->dest;
	if (skb_pull(skb, (u8 *)(uh + 1) - skb->data)) {
		skb_reset_transport_header(skb);
		if (!sock_queue_err_skb(sk, skb))
			return;
	}
	kfree_skb(skb);
}

static void vnp_udp_err(struct sock *sk, struct sk_buff *skb,
			const struct udphdr *uh)
{
	struct vnp_udp_err err = {};
	bool told;

	if (skb->protocol == htons(ETH_P_IPV6))
		told = vnp_udp_err_ip6(sk, skb, &err);
	else
		told = vnp_udp_err_ip4(sk, skb, &err);
	if (!told)
		return;

	if (err.recverr)
		vnp_udp_err_queue(sk, skb, &err, uh);
	else if (!err.hard || sk->sk_state != TCP_ESTABLISHED)
		return;
	WRITE_ONCE(sk->sk_err, err.ee.ee_errno);
	sk_error_report(sk);
}

/* The kernel calls it for any encap_type.  What became 0 just now was ours. */
VNP_ENCAP_ERR_RCV(vnp_udp_err_rcv)
{
	const u8 type = READ_ONCE(udp_sk(sk)->encap_type);

	if (type && type != VNP_UDP_ENCAP)
		return;
	vnp_udp_err(sk, skb, VNP_ENCAP_ERR_UDPHDR);
}
