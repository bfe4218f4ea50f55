/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP errors, for encap_err_rcv().  Newer kernels pass it what must be reported to the
 * application, and export the functions that put it into the error queue.  For others
 * this does the same as icmp_unreach(), __udp4_lib_err(), ip_icmp_error() and their
 * counterparts for IPv6.
 *
 * VNP_ENCAP_ERR_RCV(name) - head of an encap_err_rcv() function
 * VNP_ENCAP_ERR_PASS(fn) - in it, call fn(sk, skb, err, port, info, payload)
 */
#ifndef _VNP_CORE_COMPAT_ICMP_H
#define _VNP_CORE_COMPAT_ICMP_H

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/icmp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "probed.h"

#ifdef HAVE_ENCAP_ERR_RCV_PAYLOAD

#define VNP_ENCAP_ERR_RCV(name)						\
	void name(struct sock *sk, struct sk_buff *skb, int err,	\
		  __be16 port, u32 info, u8 *payload)
#define VNP_ENCAP_ERR_PASS(fn)	fn(sk, skb, err, port, info, payload)

static inline void vnp_icmp_error(struct sock *sk, struct sk_buff *skb, int err,
				  __be16 port, u32 info, u8 *payload)
{
	if (skb->protocol != htons(ETH_P_IPV6))
		ip_icmp_error(sk, skb, err, port, info, payload);
#if IS_ENABLED(CONFIG_IPV6)
	else
		ipv6_icmp_error(sk, skb, err, port, info, payload);
#endif
}

#else

#define VNP_ENCAP_ERR_RCV(name)						\
	void name(struct sock *sk, struct sk_buff *skb, unsigned int offset)
#define VNP_ENCAP_ERR_PASS(fn)	vnp_icmp_pass(sk, skb, skb->data + offset, fn)

/* Return: a negative errno */
static inline int vnp_icmp_errno4(const struct icmphdr *icmp)
{
	if (icmp->type == ICMP_PARAMETERPROB)
		return -EPROTO;
	if (icmp->type != ICMP_DEST_UNREACH || icmp->code > NR_ICMP_UNREACH)
		return -EHOSTUNREACH;
	if (icmp->code == ICMP_FRAG_NEEDED)
		return -EMSGSIZE;
	return -icmp_err_convert[icmp->code].errno;
}

/* With the sysctl set, ICMP errors about the path MTU are ignored. */
static inline u32 vnp_icmp_info4(const struct net *net, const struct icmphdr *icmp)
{
	if (icmp->type == ICMP_PARAMETERPROB)
		return ntohl(icmp->un.gateway) >> 24;
	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED &&
	    !READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc))
		return ntohs(icmp->un.frag.mtu);
	return 0;
}

static inline void vnp_icmp_pass(struct sock *sk, struct sk_buff *skb, u8 *data,
				 void (*fn)(struct sock *sk, struct sk_buff *skb, int err,
					    __be16 port, u32 info, u8 *payload))
{
	const struct udphdr *uh = (const struct udphdr *)data;
	const struct icmp6hdr *icmp6;
	int err;

	if (skb->protocol != htons(ETH_P_IPV6)) {
		fn(sk, skb, -vnp_icmp_errno4(icmp_hdr(skb)), uh->dest,
		   vnp_icmp_info4(sock_net(sk), icmp_hdr(skb)), data + sizeof(*uh));
		return;
	}
	icmp6 = icmp6_hdr(skb);
	icmpv6_err_convert(icmp6->icmp6_type, icmp6->icmp6_code, &err);
	fn(sk, skb, err, uh->dest, ntohl(icmp6->icmp6_mtu), data + sizeof(*uh));
}

/* ICMP extensions after the original datagram, if the application has asked for them */
static inline void vnp_icmp_rfc4884(const struct sock *sk, const struct sk_buff *skb,
				    struct sock_ee_data_rfc4884 *out)
{
	const struct icmp6hdr *icmp6 = icmp6_hdr(skb);
	const struct icmphdr *icmp = icmp_hdr(skb);

	if (skb->protocol == htons(ETH_P_IPV6)) {
		if (inet6_sk(sk)->recverr_rfc4884 &&
		    (icmp6->icmp6_type == ICMPV6_TIME_EXCEED ||
		     icmp6->icmp6_type == ICMPV6_DEST_UNREACH))
			ip_icmp_error_rfc4884(skb, out, sizeof(*icmp6),
					      icmp6->icmp6_datagram_len * 8);
	} else if (inet_sk(sk)->recverr_rfc4884 &&
		   (icmp->type == ICMP_DEST_UNREACH || icmp->type == ICMP_TIME_EXCEEDED ||
		    icmp->type == ICMP_PARAMETERPROB)) {
		ip_icmp_error_rfc4884(skb, out, sizeof(*icmp), icmp->un.reserved[1] * 4);
	}
}

static inline void vnp_icmp_describe(struct sock_exterr_skb *serr, const struct sk_buff *skb)
{
	const struct icmp6hdr *icmp6 = icmp6_hdr(skb);
	const struct icmphdr *icmp = icmp_hdr(skb);
	const void *daddr;

	if (skb->protocol == htons(ETH_P_IPV6)) {
		serr->ee.ee_origin = SO_EE_ORIGIN_ICMP6;
		serr->ee.ee_type = icmp6->icmp6_type;
		serr->ee.ee_code = icmp6->icmp6_code;
		daddr = &((const struct ipv6hdr *)(icmp6 + 1))->daddr;
	} else {
		serr->ee.ee_origin = SO_EE_ORIGIN_ICMP;
		serr->ee.ee_type = icmp->type;
		serr->ee.ee_code = icmp->code;
		daddr = &((const struct iphdr *)(icmp + 1))->daddr;
	}
	serr->addr_offset = daddr - (const void *)skb_network_header(skb);
}

static inline void vnp_icmp_error(struct sock *sk, struct sk_buff *skb, int err,
				  __be16 port, u32 info, u8 *payload)
{
	struct sock_exterr_skb *serr;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return;
	serr = SKB_EXT_ERR(skb);
	/* Only this field, as recvmsg() needs the bytes before it for IP_PKTINFO and others */
	memset(&serr->ee, 0, sizeof(serr->ee));
	vnp_icmp_describe(serr, skb);
	serr->ee.ee_errno = err;
	serr->ee.ee_info = info;
	serr->port = port;
	if (skb_pull(skb, payload - skb->data)) {
		vnp_icmp_rfc4884(sk, skb, &serr->ee.ee_rfc4884);
		skb_reset_transport_header(skb);
		if (!sock_queue_err_skb(sk, skb))
			return;
	}
	kfree_skb(skb);
}

#endif

#endif /* _VNP_CORE_COMPAT_ICMP_H */
