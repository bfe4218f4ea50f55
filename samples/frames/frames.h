/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* RTP (RFC 3550) and its payload of VP8 (RFC 7741), as far as they are needed here. */
#ifndef _VNP_SAMPLE_FRAMES_H
#define _VNP_SAMPLE_FRAMES_H

#include <linux/types.h>

struct rtp_header {
	__u8 flags;		/* version, padding, extension, number of sources */
	__u8 type;		/* marker: the frame's last packet; payload type */
	__be16 seq;
	__be32 timestamp;	/* the same for all packets of a frame */
	__be32 ssrc;
};

#define RTP_VERSION	0x80
#define RTP_VERSION_MASK 0xc0
#define RTP_PADDING	0x20
#define RTP_EXTENSION	0x10
#define RTP_SOURCES	0x0f
#define RTP_MARKER	0x80

/* The first byte of VP8's descriptor, and the second, if there is one */
#define VP8_EXTENDED	0x80
#define VP8_START	0x10
#define VP8_PARTITION	0x07
#define VP8_PICTURE_ID	0x80
#define VP8_TL0PICIDX	0x40
#define VP8_TID_OR_KEY	0x30
#define VP8_LONG_ID	0x80	/* in the picture id: it has two bytes */

#endif /* _VNP_SAMPLE_FRAMES_H */
