/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * DNS (RFC 1035 4.1): does the first answer belong to the question? Names are compared by
 * hash and case-insensitively, following compression pointers.
 */
#ifndef _VNP_BENCH_DNS_NAME_H
#define _VNP_BENCH_DNS_NAME_H

#include "processor.h"

#define DNS_HEADER_LEN	12
#define DNS_HOPS_MAX	8

static __always_inline __u8 dns_lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Hash of the name at @p; 0 if it is invalid */
static __always_inline __u32 dns_hash(__u8 *data, __u8 *p, __u8 *end)
{
	__u32 hash = HASH_SEED, hops = 0, len, i;

	while (p < end) {
		len = *p++;
		if (!len)
			return hash | 1;
		if (len >= 0xc0) {
			if (p + 1 > end || ++hops > DNS_HOPS_MAX)
				return 0;
			p = data + ((len & 0x3f) << 8 | *p);
			continue;
		}
		if (len > 63 || p + len > end)
			return 0;
		for (i = 0; i < len; i++)
			hash = hash_byte(hash, dns_lower(p[i]));
		hash = hash_byte(hash, '.');
		p += len;
	}
	return 0;
}

/* The byte after the name at @p, or NULL */
static __always_inline __u8 *dns_skip(__u8 *p, __u8 *end)
{
	while (p < end) {
		if (*p >= 0xc0)
			return p + 2;
		if (!*p)
			return p + 1;
		p += 1 + *p;
	}
	return NULL;
}

/* 1 + the time to live of the first answer, truncated to 31 bits */
static __always_inline __u32 dns_name(void *ctx, __u8 *data, __u8 *end)
{
	__u8 *question = data + DNS_HEADER_LEN, *answer, *p;
	__u32 asked;

	(void)ctx;
	if (question > end || get_be16(data + 4) != 1 || !get_be16(data + 6))
		return 0;
	asked = dns_hash(data, question, end);
	answer = dns_skip(question, end);
	if (!asked || !answer)
		return 0;
	answer += 4;
	if (dns_hash(data, answer, end) != asked)
		return 0;
	p = dns_skip(answer, end);
	if (!p || p + 10 > end || p + 10 + get_be16(p + 8) > end)
		return 0;
	return 1 + (get_be32(p + 4) & 0x7fffffff);
}

PROCESSOR(dns_name)

#endif /* _VNP_BENCH_DNS_NAME_H */
