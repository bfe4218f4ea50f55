// SPDX-License-Identifier: GPL-2.0
/*
 * What drop.bpf.c does, where the kernel's own programs can be put.  Those that see
 * all packets of a card must find the socket's first.
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

char LICENSE[] SEC("license") = "GPL";
