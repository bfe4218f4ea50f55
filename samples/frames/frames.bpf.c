// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames of VP8, each in several RTP packets, are delivered when they are complete, in
 * the form that a decoder needs: without the headers of packets.
 */
#include <vnp/program.h>
#include "frames.h"

/* Orders of a frame's packets begin here, whichever comes first. */
#define MIDDLE	0x8000

/* What is known of a frame */
struct frame {
	__u64 key;
	__u32 first;		/* orders, or 0 */
	__u32 last;
	__u16 base;		/* sequence number of the order MIDDLE */
};

/* Frames that are incomplete at the same time */
struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct frame);
} incomplete SEC(".maps");

/* The frame delivered last */
static __u32 newest;
static __u32 delivered;
static __u32 ssrc;

/* Return: bytes before the frame's own ones, with the descriptor's first byte in @vp8; 0: none */
static __always_inline __u32 payload_at(struct vnp_ctx *ctx, const struct rtp_header *rtp,
					__u8 *vp8)
{
	__u32 at = sizeof(*rtp) + (rtp->flags & RTP_SOURCES) * 4;
	__u8 more, id;

	if (rtp->flags & (RTP_EXTENSION | RTP_PADDING) || vnp_load_bytes(ctx, at, vp8, 1))
		return 0;
	at++;
	if (!(*vp8 & VP8_EXTENDED))
		return at;
	if (vnp_load_bytes(ctx, at, &more, 1))
		return 0;
	at++;
	if (more & VP8_PICTURE_ID) {
		if (vnp_load_bytes(ctx, at, &id, 1))
			return 0;
		at += id & VP8_LONG_ID ? 2 : 1;
	}
	if (more & VP8_TL0PICIDX)
		at++;
	if (more & VP8_TID_OR_KEY)
		at++;
	return at;
}

static __always_inline struct frame *frame_of(__u64 key, __u32 timestamp, __u16 seq)
{
	/* Timestamps of neighbours differ by the duration of a frame. */
	const __u32 slot = timestamp * 0x9e3779b1u >> 26;
	struct frame *frame = vnp_map_lookup(&incomplete, &slot);

	if (frame && frame->key != key) {
		frame->key = key;
		frame->first = 0;
		frame->last = 0;
		frame->base = seq;
	}
	return frame;
}

static __always_inline int is_late(const struct rtp_header *rtp)
{
	return delivered && rtp->ssrc == ssrc &&
	       (__s32)(vnp_ntohl(rtp->timestamp) - newest) <= 0;
}

static __always_inline int is_complete(struct vnp_ctx *ctx, const struct frame *frame, __u64 key)
{
	struct vnp_held held;

	return frame->first && frame->last && !vnp_held(ctx, key, &held, sizeof(held)) &&
	       held.contiguous && held.first == frame->first && held.last == frame->last;
}

SEC("vnp/datagram")
int frames(struct vnp_ctx *ctx)
{
	struct rtp_header rtp;
	struct frame *frame;
	__u32 order, from;
	__u64 key;
	__u8 vp8;

	if (vnp_load_bytes(ctx, 0, &rtp, sizeof(rtp)) ||
	    (rtp.flags & RTP_VERSION_MASK) != RTP_VERSION || is_late(&rtp))
		return VNP_DROP;
	from = payload_at(ctx, &rtp, &vp8);
	if (!from)
		return VNP_DROP;
	key = (__u64)rtp.ssrc << 32 | rtp.timestamp;
	frame = frame_of(key, vnp_ntohl(rtp.timestamp), vnp_ntohs(rtp.seq));
	if (!frame)
		return VNP_DROP;
	order = MIDDLE + (__s16)(vnp_ntohs(rtp.seq) - frame->base);
	if (vnp_hold(ctx, key, order, from))
		return VNP_DROP;
	if (vp8 & VP8_START && !(vp8 & VP8_PARTITION))
		frame->first = order;
	if (rtp.type & RTP_MARKER)
		frame->last = order;
	if (is_complete(ctx, frame, key) && !vnp_release(ctx, key)) {
		newest = vnp_ntohl(rtp.timestamp);
		ssrc = rtp.ssrc;
		delivered = 1;
	}
	return VNP_HELD;
}
