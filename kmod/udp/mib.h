/* SPDX-License-Identifier: GPL-2.0 */
/* UDP's counters, /proc/net/snmp and snmp6. */
#ifndef _VNP_UDP_MIB_H
#define _VNP_UDP_MIB_H

#include <linux/skbuff.h>
#include <net/snmp.h>
#include <net/sock.h>

/* vnp_udp_mib() - the counters of the protocol that a packet came by */
static inline typeof(((struct net *)NULL)->mib.udp_statistics)
vnp_udp_mib(const struct sock *sk, const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (skb->protocol == htons(ETH_P_IPV6))
		return sock_net(sk)->mib.udp_stats_in6;
#endif
	return sock_net(sk)->mib.udp_statistics;
}

#endif /* _VNP_UDP_MIB_H */
