// SPDX-License-Identifier: GPL-2.0
/*
 * The lower bound for costs: a bare hook, written in C, that decides by the first byte of
 * the payload.  A super-packet is passed or dropped as a whole, by its first byte.
 */
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/route.h>
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

/*
 * The floor of sending to peers: what the stack and a packet's memory cost, without checks,
 * limits, counters, and error handling.
 */

/* For headers, and the space that the stack needs after them */
#define BENCH_FANOUT_HEADROOM	128
#define BENCH_FANOUT_SIZE	512

static struct bench_fanout bench_fanout;
static struct dst_entry *bench_fanout_dst;
static __be32 bench_fanout_source;

static int bench_fanout_route(struct sock *sk)
{
	struct flowi4 fl4 = {
		.daddr = bench_fanout.address,
		.flowi4_proto = IPPROTO_UDP,
	};
	struct rtable *rt = ip_route_output_flow(sock_net(sk), &fl4, sk);

	if (IS_ERR(rt))
		return PTR_ERR(rt);
	dst_release(bench_fanout_dst);
	bench_fanout_dst = &rt->dst;
	bench_fanout_source = fl4.saddr;
	return 0;
}

static void bench_fanout_refer(struct sk_buff *skb, struct page *page, u32 off, u32 len)
{
	get_page(page);
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, off, len, len);
}

/* References to the payload of a packet, whose linear data is in a page */
static struct sk_buff *bench_fanout_copy(const struct sk_buff *skb)
{
	const u8 *payload = skb->data + sizeof(struct udphdr);
	struct page *page = virt_to_head_page(payload);
	struct sk_buff *copy;
	const skb_frag_t *frag;
	void *head;
	int i;

	head = napi_alloc_frag(BENCH_FANOUT_SIZE);
	copy = head ? napi_build_skb(head, BENCH_FANOUT_SIZE) : NULL;
	if (!copy)
		return NULL;
	skb_reserve(copy, BENCH_FANOUT_HEADROOM);
	bench_fanout_refer(copy, page, payload - (u8 *)page_address(page),
			   skb_headlen(skb) - sizeof(struct udphdr));
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		frag = &skb_shinfo(skb)->frags[i];
		bench_fanout_refer(copy, skb_frag_page(frag), skb_frag_off(frag),
				   skb_frag_size(frag));
	}
	skb_shinfo(copy)->gso_size = skb_shinfo(skb)->gso_size;
	skb_shinfo(copy)->gso_segs = skb_shinfo(skb)->gso_segs;
	if (skb_shinfo(copy)->gso_size)
		skb_shinfo(copy)->gso_type = SKB_GSO_UDP_L4;
	return copy;
}

static void bench_fanout_headers(struct sock *sk, struct sk_buff *skb, u16 port)
{
	struct udphdr *uh = __skb_push(skb, sizeof(*uh));
	struct iphdr *iph;

	skb_reset_transport_header(skb);
	uh->source = inet_sk(sk)->inet_sport;
	uh->dest = htons(port);
	uh->len = htons(skb->len);
	uh->check = ~csum_tcpudp_magic(bench_fanout_source, bench_fanout.address, skb->len,
				       IPPROTO_UDP, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb->transport_header;
	skb->csum_offset = offsetof(struct udphdr, check);
	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	*(__be16 *)iph = htons(0x4500);
	iph->id = 0;
	iph->frag_off = htons(IP_DF);
	iph->ttl = 64;
	iph->protocol = IPPROTO_UDP;
	iph->saddr = bench_fanout_source;
	iph->daddr = bench_fanout.address;
	skb->protocol = htons(ETH_P_IP);
}

static int bench_fanout_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *copy;
	u32 i;

	for (i = 0; i < bench_fanout.cnt; i++) {
		copy = bench_fanout_copy(skb);
		if (!copy)
			break;
		bench_fanout_headers(sk, copy, bench_fanout.port + i);
		skb_dst_set_noref(copy, bench_fanout_dst);
		skb_set_owner_w(copy, sk);
		ip_local_out(sock_net(sk), sk, copy);
	}
	kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
	return 0;
}

static int bench_hook_set(int fd, int (*rcv)(struct sock *sk, struct sk_buff *skb))
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
	if (rcv == bench_fanout_rcv) {
		ret = bench_fanout_route(sk);
		if (ret)
			goto out;
	}
	lock_sock(sk);
	udp_sk(sk)->encap_rcv = rcv;
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

int bench_hook_attach(int fd)
{
	return bench_hook_set(fd, bench_hook_rcv);
}

int bench_hook_fanout(const struct bench_fanout *fanout)
{
	bench_fanout = *fanout;
	return bench_hook_set(fanout->fd, bench_fanout_rcv);
}

void bench_hook_destroy(void)
{
	dst_release(bench_fanout_dst);
}
