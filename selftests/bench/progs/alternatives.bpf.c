// SPDX-License-Identifier: GPL-2.0
/*
 * Like drop.bpf.c, for the kernel's own hooks.  Programs that see all packets of a card
 * must first look for those of the socket.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

unsigned long long load_byte(void *skb, unsigned long long off)
	asm("llvm.bpf.load.byte");

SEC("socket")
int socket_drop(struct __sk_buff *skb)
{
	return load_byte(skb, sizeof(struct udphdr)) == 'D' ? 0 : -1;
}

static __always_inline int is_unwanted(__u64 at, __u64 end)
{
	const struct ethhdr *eth = (void *)at;
	const struct iphdr *ip = (void *)(eth + 1);
	const struct udphdr *udp = (void *)(ip + 1);
	const __u8 *payload = (void *)(udp + 1);

	return (__u64)(payload + 1) <= end && eth->h_proto == bpf_htons(ETH_P_IP) &&
	       ip->ihl == 5 && ip->protocol == IPPROTO_UDP &&
	       udp->dest == bpf_htons(9000) && *payload == 'D';
}

SEC("tc")
int tc_drop(struct __sk_buff *skb)
{
	return is_unwanted(skb->data, skb->data_end) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("xdp")
int xdp_drop(struct xdp_md *ctx)
{
	return is_unwanted(ctx->data, ctx->data_end) ? XDP_DROP : XDP_PASS;
}

/* Reply to a datagram for the socket: swap addresses and ports. */
static __always_inline int turn_around(__u64 at, __u64 end)
{
	struct ethhdr *eth = (void *)at;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__u8 mac[ETH_ALEN];
	__be32 addr;
	__be16 port;

	if ((__u64)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP || udp->dest != bpf_htons(9000))
		return 0;
	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	addr = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = addr;
	port = udp->source;
	udp->source = udp->dest;
	udp->dest = port;
	return 1;
}

SEC("tc")
int tc_reply(struct __sk_buff *skb)
{
	return turn_around(skb->data, skb->data_end) ? bpf_redirect(skb->ifindex, 0) :
						       TC_ACT_OK;
}

SEC("xdp")
int xdp_reply(struct xdp_md *ctx)
{
	return turn_around(ctx->data, ctx->data_end) ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
