/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * STUN (RFC 8489 5, 14): the attributes of a message, each padded to 4 bytes.  Returns the
 * address in XOR-MAPPED-ADDRESS, if a MESSAGE-INTEGRITY follows.
 */
#ifndef _VNP_BENCH_STUN_H
#define _VNP_BENCH_STUN_H

#include "processor.h"

#define STUN_HEADER_LEN		20
#define STUN_COOKIE		0x2112a442
#define STUN_INTEGRITY		0x0008
#define STUN_XOR_MAPPED		0x0020
#define STUN_IPV4		1

/* The address, or 0 */
static __always_inline __u32 stun(void *ctx, __u8 *data, __u8 *end)
{
	__u8 *p = data + STUN_HEADER_LEN;
	__u32 type, len, address = 0;

	(void)ctx;
	if (p > end || data[0] >> 6 || get_be32(data + 4) != STUN_COOKIE)
		return 0;
	len = get_be16(data + 2);
	if (len % 4 || p + len != end)
		return 0;
	while (p + 4 <= end) {
		type = get_be16(p);
		len = get_be16(p + 2);
		p += 4;
		if (p + len > end)
			return 0;
		switch (type) {
		case STUN_XOR_MAPPED:
			if (len < 8 || p[1] != STUN_IPV4)
				return 0;
			address = get_be32(p + 4) ^ STUN_COOKIE;
			break;
		case STUN_INTEGRITY:
			return len == 20 ? address : 0;
		}
		p += (len + 3) & ~3U;
	}
	return 0;
}

PROCESSOR(stun)

#endif /* _VNP_BENCH_STUN_H */
