// SPDX-License-Identifier: GPL-2.0
/*
 * A socket with encap_rcv() gets packets merged by GRO only if GRO treats them as a
 * tunnel's.  So a link's socket has:
 *
 *	UDP_FLAGS_GRO_ENABLED	GRO merges its datagrams
 *	UDP_FLAGS_ACCEPT_L4	merged packets are not segmented before they reach the socket
 *	gro_complete		marks them as a tunnel's, as the kernel segments all others for a
 *				socket that has encap_rcv()
 *
 * gro_complete stays after the link was detached (udp/sock.c says why), and then marks nothing.
 *
 * UDP_FLAGS_GRO_ENABLED also is the application's option UDP_GRO.  While it is only set because
 * of a link (link->gro_forced), no super-packet reaches the application, and getsockopt() returns
 * the application's setting (udp/opt.c).  If the application sets it later, its setting counts; if
 * it sets it to 0, nothing is merged any more.  A link does not set it before merging saves more
 * than it costs (udp/merge.h).
 */
#include "kmod/udp/gro.h"

#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/ppp_defs.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/gro.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/sock.h>
#include <net/udp.h>

#include "kmod/link/link.h"
#include "kmod/udp/rcv.h"

/*
 * The gso_type of a packet that must not be segmented before our hook: types of tunnels,
 * although the packet is not encapsulated.  The packet may be forwarded instead, by a bridge, a
 * router or a redirection that is not known here, and a device that relies on the type
 * would look for inner headers.  No device supports the second type, so such a packet is
 * segmented before any device gets it, and the segments have neither type.  Segmentation in
 * software ignores both, since skb->encapsulation is not set.
 */
#define VNP_GSO_MARK	(SKB_GSO_UDP_TUNNEL_CSUM | SKB_GSO_TUNNEL_REMCSUM)

/* sizeof(struct pppoe_hdr), whose header file makes sparse warn */
#define VNP_PPPOE_HLEN	6

/* Is there a hook that accepts super-packets?  Context: under RCU */
static bool vnp_udp_gro_is_hooked(struct sock *sk)
{
	const struct vnp_link *link;

	if (READ_ONCE(udp_sk(sk)->encap_rcv) != vnp_udp_rcv)
		return false;
	link = rcu_dereference(__sk_user_data(sk));
	return link && !(link->flags & VNP_LINK_F_NO_MERGE);
}

/**
 * struct vnp_udp_gro_at - position in the headers of a packet merged by GRO
 * @pos:	position after the current header
 * @protocol:	EtherType of the next header
 * @transport:	if @protocol is IP and its header was skipped: IPPROTO_*
 * @ip6:	the IP header is one of IPv6
 * @ip:		the IP header
 */
struct vnp_udp_gro_at {
	int pos;
	const void *ip;
	__be16 protocol;
	u8 transport;
	bool ip6;
};

/* Skip what GRO parses between the Ethernet header and the first IP header: VLAN and PPPoE. */
static void vnp_udp_gro_link_layer(const struct sk_buff *skb,
				   struct vnp_udp_gro_at *at)
{
	const struct vlan_hdr *vlan;
	__be16 ppp;

	at->pos = 0;
	at->protocol = skb->protocol;
	while (eth_type_vlan(at->protocol)) {
		vlan = (const void *)(skb->data + at->pos);
		at->protocol = vlan->h_vlan_encapsulated_proto;
		at->pos += VLAN_HLEN;
	}
	if (at->protocol != htons(ETH_P_PPP_SES))
		return;
	at->pos += VNP_PPPOE_HLEN;
	memcpy(&ppp, skb->data + at->pos, sizeof(ppp));
	at->protocol = htons(ntohs(ppp) == PPP_IPV6 ? ETH_P_IPV6 : ETH_P_IP);
	at->pos += sizeof(ppp);
}

/* Advance past the first IP header and its extension headers.  Return: false if none */
static bool vnp_udp_gro_ip(const struct sk_buff *skb, struct vnp_udp_gro_at *at)
{
	__be16 frag_off;

	vnp_udp_gro_link_layer(skb, at);
	at->ip = skb->data + at->pos;
	at->ip6 = at->protocol == htons(ETH_P_IPV6);
	if (at->ip6) {
		at->transport = ((const struct ipv6hdr *)at->ip)->nexthdr;
		at->pos = ipv6_skip_exthdr(skb, at->pos + sizeof(struct ipv6hdr),
					   &at->transport, &frag_off);
		return at->pos >= 0;
	}
	at->transport = ((const struct iphdr *)at->ip)->protocol;
	at->pos += sizeof(struct iphdr);
	return at->protocol == htons(ETH_P_IP);
}

/*
 * Set the checksum of a tunnel's UDP header to that of the pseudo header, as for CHECKSUM_PARTIAL.
 * Some kernels have computed it with the addresses of the inner packet.
 */
static void vnp_udp_gro_pseudo(const struct vnp_udp_gro_at *at, struct udphdr *uh,
			       u32 len)
{
	const struct ipv6hdr *ip6 = at->ip;
	const struct iphdr *ip4 = at->ip;

	if (at->ip6)
		uh->check = ~udp_v6_check(len, &ip6->saddr, &ip6->daddr, 0);
	else
		uh->check = ~udp_v4_check(len, ip4->saddr, ip4->daddr, 0);
}

/*
 * GRO also parses the inner packets of tunnels, whatever their destination: a socket that is bound
 * to no address is found for every inner packet to its port, also if that will be forwarded.  Then
 * udp_gro_complete() has overwritten the gso_type that the tunnel's own function had set; this
 * restores it.  A tunnel in UDP whose payload is IP without another header (FOU) has set two bits.
 *
 * Return: 0: it is not a tunnel's packet.
 */
static u32 vnp_udp_gro_tunnel(struct sk_buff *skb, int off)
{
	struct udphdr *uh;
	struct vnp_udp_gro_at at;
	u32 type;

	if (!vnp_udp_gro_ip(skb, &at))
		return 0;
	switch (at.transport) {
	case IPPROTO_UDP:
		uh = (void *)(skb->data + at.pos);
		if (at.pos + (int)sizeof(*uh) == off)
			return 0;
		type = uh->check ? SKB_GSO_UDP_TUNNEL_CSUM : SKB_GSO_UDP_TUNNEL;
		if (uh->check)
			vnp_udp_gro_pseudo(&at, uh, skb->len - at.pos);
		at.pos += sizeof(*uh);
		if (skb_inner_network_offset(skb) == at.pos)
			type |= at.ip6 ? SKB_GSO_IPXIP6 : SKB_GSO_IPXIP4;
		return type;
	case IPPROTO_GRE:
		return SKB_GSO_GRE;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		return at.ip6 ? SKB_GSO_IPXIP6 : SKB_GSO_IPXIP4;
	}
	return 0;
}

/* Most packets have an Ethernet header, and an IP header without options. */
static bool vnp_udp_gro_is_common(const struct sk_buff *skb, int off)
{
	if (skb->protocol == htons(ETH_P_IP))
		return off == sizeof(struct iphdr) + sizeof(struct udphdr);
	return skb->protocol == htons(ETH_P_IPV6) &&
	       off == sizeof(struct ipv6hdr) + sizeof(struct udphdr);
}

/*
 * GRO calls this when a super-packet is complete; @off is after the UDP header.  It has
 * already marked the packet; apart from the mark the packet must be as made by
 * udp_gro_complete_segment().
 */
int vnp_udp_gro_complete(struct sock *sk, struct sk_buff *skb, int off)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	const u32 tunnel = vnp_udp_gro_is_common(skb, off) ?
			   0 : vnp_udp_gro_tunnel(skb, off);

	skb->csum_start = skb_headroom(skb) + off - sizeof(struct udphdr);
	skb->csum_offset = offsetof(struct udphdr, check);
	skb->ip_summed = CHECKSUM_PARTIAL;
	shinfo->gso_segs = NAPI_GRO_CB(skb)->count;
	if (tunnel) {
		shinfo->gso_type = tunnel;
		skb->inner_transport_header = skb->transport_header;
	} else {
		shinfo->gso_type = vnp_udp_gro_is_hooked(sk) ? VNP_GSO_MARK : 0;
		skb->encapsulation = 0;
	}
	shinfo->gso_type |= SKB_GSO_UDP_L4;
	return 0;
}

void vnp_udp_gro_merge(struct vnp_link *link)
{
	spin_lock_bh(&link->lock);
	if (link->gro_deferred && link->sk) {
		WRITE_ONCE(link->gro_deferred, false);
		udp_set_bit(GRO_ENABLED, link->sk);
	}
	spin_unlock_bh(&link->lock);
}

void vnp_udp_gro_start(struct vnp_link *link, struct sock *sk)
{
	if (udp_test_bit(GRO_ENABLED, sk))
		return;
	WRITE_ONCE(link->gro_forced, true);
	udp_set_bit(ACCEPT_L4, sk);
	spin_lock_bh(&link->lock);
	WRITE_ONCE(link->gro_deferred, true);
	spin_unlock_bh(&link->lock);
}

void vnp_udp_gro_stop(struct vnp_link *link, struct sock *sk)
{
	if (!link->gro_forced)
		return;
	spin_lock_bh(&link->lock);
	WRITE_ONCE(link->gro_deferred, false);
	spin_unlock_bh(&link->lock);
	udp_clear_bit(GRO_ENABLED, sk);
	udp_clear_bit(ACCEPT_L4, sk);
}

bool vnp_udp_gro_wanted(const struct vnp_link *link, const struct sock *sk)
{
	return udp_test_bit(GRO_ENABLED, sk) && !READ_ONCE(link->gro_forced);
}

bool vnp_udp_gro_is_merged(const struct sk_buff *skb)
{
	return skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM;
}
