// SPDX-License-Identifier: GPL-2.0
/*
 * The lower bound for costs: a bare hook, written in C, that decides by the first byte of
 * the payload.  A super-packet is passed or dropped as a whole, by its first byte.
 */
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/gro.h>
#include <net/sock.h>
#include <net/udp_tunnel.h>

#include "bench.h"

/* An encap_type that is not used otherwise */
#define BENCH_ENCAP	0xf6

static int bench_hook_rcv(struct sock *sk, struct sk_buff *skb)
{
	const u8 *payload = skb->data + sizeof(struct udphdr);

	if (skb_headlen(skb) <= sizeof(struct udphdr) || *payload != 'D')
		return 1;
	kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
	return 0;
}

/* Deliver super-packets to the hook without segmentation, as udp_gro_complete_segment(). */
static int bench_hook_gro_complete(struct sock *sk, struct sk_buff *skb, int off)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	skb->encapsulation = 0;
	skb->csum_start = skb_headroom(skb) + off - sizeof(struct udphdr);
	skb->csum_offset = offsetof(struct udphdr, check);
	skb->ip_summed = CHECKSUM_PARTIAL;
	shinfo->gso_segs = NAPI_GRO_CB(skb)->count;
	shinfo->gso_type |= SKB_GSO_UDP_L4;
	return 0;
}

int bench_hook_attach(int fd)
{
	struct socket *sock;
	struct sock *sk;
	int ret;

	sock = sockfd_lookup(fd, &ret);
	if (!sock)
		return ret;
	sk = sock->sk;
	ret = -EOPNOTSUPP;
	if (sk->sk_family != AF_INET || sk->sk_protocol != IPPROTO_UDP)
		goto out;
	lock_sock(sk);
	udp_sk(sk)->encap_rcv = bench_hook_rcv;
	udp_sk(sk)->gro_complete = bench_hook_gro_complete;
	WRITE_ONCE(udp_sk(sk)->encap_type, BENCH_ENCAP);
	udp_set_bit(ACCEPT_L4, sk);
	udp_set_bit(GRO_ENABLED, sk);
	udp_tunnel_encap_enable(sk);
	release_sock(sk);
	ret = 0;
out:
	sockfd_put(sock);
	return ret;
}
