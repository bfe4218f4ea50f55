/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * RTP (RFC 3550 5.1): skips the list of contributing sources, parses one-byte header
 * extensions (RFC 8285 4.2), and padding.  Finds the audio level (RFC 6464), the extension
 * with id 1.
 */
#ifndef _VNP_BENCH_RTP_H
#define _VNP_BENCH_RTP_H

#include "processor.h"

#define RTP_HEADER_LEN		12
#define RTP_VERSION		2
#define RTP_ONE_BYTE		0xbede
#define RTP_LEVEL_ID		1
#define RTP_STOP_ID		15

static __always_inline __u32 rtp_level(__u8 *p, __u8 *end)
{
	__u32 id, len, level = 0;

	while (p < end) {
		if (!*p) {		/* padding */
			p++;
			continue;
		}
		id = *p >> 4;
		len = (*p & 15) + 1;
		p++;
		if (id == RTP_STOP_ID || p + len > end)
			break;
		if (id == RTP_LEVEL_ID)
			level = 0x100 | *p;
		p += len;
	}
	return level;
}

/* Payload length << 16 | sources << 9 | audio level, plus 1 */
static __always_inline __u32 rtp(void *ctx, __u8 *data, __u8 *end)
{
	__u8 *p = data + RTP_HEADER_LEN, *extension;
	__u32 sources, level = 0, mixed = 0, i;

	(void)ctx;
	if (p > end || data[0] >> 6 != RTP_VERSION)
		return 0;
	sources = data[0] & 15;
	if (p + 4 * sources > end)
		return 0;
	for (i = 0; i < sources; i++) {
		mixed ^= get_be32(p);
		p += 4;
	}
	if (data[0] & 0x10) {
		if (p + 4 > end)
			return 0;
		extension = p + 4;
		p = extension + 4 * get_be16(extension - 2);
		if (p > end)
			return 0;
		if (get_be16(extension - 4) == RTP_ONE_BYTE)
			level = rtp_level(extension, p);
	}
	if (data[0] & 0x20) {
		if (!end[-1] || p + end[-1] > end)
			return 0;
		end -= end[-1];
	}
	return 1 + ((__u32)(end - p) << 16 | sources << 9 | level) + (mixed & 1);
}

PROCESSOR(rtp)

#endif /* _VNP_BENCH_RTP_H */
