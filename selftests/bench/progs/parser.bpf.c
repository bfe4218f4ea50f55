// SPDX-License-Identifier: GPL-2.0
/*
 * Parsers for the kernel's own stream parser (KCM, sockmap).  Where in the packet the message
 * begins is in the packet's struct strp_msg, which programs cannot read, so they cannot read the
 * length of any but the first.  They are told it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile int message_len;

SEC("socket")
int kcm_parse(struct __sk_buff *skb)
{
	return message_len;
}

SEC("sk_skb/stream_parser")
int sockmap_parse(struct __sk_buff *skb)
{
	return message_len;
}

SEC("sk_skb/stream_verdict")
int sockmap_pass(struct __sk_buff *skb)
{
	return SK_PASS;
}

char LICENSE[] SEC("license") = "GPL";
