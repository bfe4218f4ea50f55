/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * IPv4 in UDP, as in tunnels: the checksums of the inner IP header with its options, and of
 * the inner UDP datagram, if there is one (RFC 791, RFC 768, RFC 1071).
 */
#ifndef _VNP_BENCH_IP_CSUM_H
#define _VNP_BENCH_IP_CSUM_H

#include "processor.h"

#define IP_CSUM_HEADER_LEN	20
#define IP_CSUM_UDP		17

/* Sum of the bytes from @p to @end, which may be an odd number */
static __always_inline __u64 ip_csum_add(__u64 sum, __u8 *p, __u8 *end)
{
	for (; p + 2 <= end; p += 2)
		sum += get_be16(p);
	if (p < end)
		sum += (__u32)*p << 8;
	return sum;
}

static __always_inline __u32 ip_csum_fold(__u64 sum)
{
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return sum ^ 0xffff;
}

/* 1 if the IP checksum is valid, 2 if there is also a valid UDP checksum */
static __always_inline __u32 ip_csum(void *ctx, __u8 *data, __u8 *end)
{
	__u8 *body;
	__u32 len;
	__u64 sum;

	(void)ctx;
	if (data + IP_CSUM_HEADER_LEN > end || data[0] >> 4 != 4)
		return 0;
	body = data + 4 * (data[0] & 15);
	len = get_be16(data + 2);
	if (body < data + IP_CSUM_HEADER_LEN || body > data + len || data + len > end)
		return 0;
	if (ip_csum_fold(ip_csum_add(0, data, body)))
		return 0;
	end = data + len;
	if (data[9] != IP_CSUM_UDP || body + 8 > end || !get_be16(body + 6))
		return 1;
	sum = ip_csum_add(IP_CSUM_UDP + (end - body), data + 12, data + 20);
	return ip_csum_fold(ip_csum_add(sum, body, end)) ? 0 : 2;
}

PROCESSOR(ip_csum)

#endif /* _VNP_BENCH_IP_CSUM_H */
