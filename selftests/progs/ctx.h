/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_CTX_H
#define _VNP_TEST_CTX_H

/* The context of the latest datagram in ctx.bpf.c */
struct seen {
	__u32 len;
	__u64 direct;
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 ifindex;
	__u32 ttl;
	__u32 tos;
	__u64 tstamp;
	__u64 time;
};

#endif /* _VNP_TEST_CTX_H */
