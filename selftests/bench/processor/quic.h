/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * QUIC (RFC 9000 17.2): a long header; where does the protected packet number begin, and
 * to which connection does it belong?  Numbers are of variable length (section 16).
 */
#ifndef _VNP_BENCH_QUIC_H
#define _VNP_BENCH_QUIC_H

#include "processor.h"

#define QUIC_LONG	0xc0	/* with the fixed bit */
#define QUIC_INITIAL	0
#define QUIC_RETRY	3
#define QUIC_ID_MAX	20
#define QUIC_BAD	(~0ULL)

static __always_inline __u64 quic_varint(__u8 **pos, __u8 *end)
{
	__u8 *p = *pos;
	__u32 len;
	__u64 v;

	if (p + 1 > end)
		return QUIC_BAD;
	len = 1 << (*p >> 6);
	if (p + len > end)
		return QUIC_BAD;
	v = *p++ & 0x3f;
	while (--len)
		v = v << 8 | *p++;
	*pos = p;
	return v;
}

/* Hash of the connection's id */
static __always_inline __u32 quic_id(__u8 *p, __u32 len)
{
	__u32 hash = HASH_SEED, i;

	for (i = 0; i < len; i++)
		hash = hash_byte(hash, p[i]);
	return hash;
}

/* Offset of the packet number, with some bits of the hash in front */
static __always_inline __u32 quic(void *ctx, __u8 *data, __u8 *end)
{
	__u8 *p = data + 6;
	__u32 hash, type, len;
	__u64 v;

	(void)ctx;
	if (p > end || (data[0] & QUIC_LONG) != QUIC_LONG || !get_be32(data + 1))
		return 0;
	type = data[0] >> 4 & 3;
	len = data[5];
	if (type == QUIC_RETRY || len > QUIC_ID_MAX || p + len + 1 > end)
		return 0;
	hash = quic_id(p, len);
	p += len;
	if (*p > QUIC_ID_MAX)
		return 0;
	p += 1 + *p;
	if (type == QUIC_INITIAL) {
		v = quic_varint(&p, end);
		if (v > 0xffff)
			return 0;
		p += v;			/* the token */
	}
	v = quic_varint(&p, end);
	if (v > 0xffff || p + v > end)
		return 0;
	return hash << 16 | (__u32)(p - data);
}

PROCESSOR(quic)

#endif /* _VNP_BENCH_QUIC_H */
