// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each datagram is sent to all receivers. RTP is sent with an SSRC and sequence numbers of
 * the receiver, so that it gets one stream without gaps whenever it joins, even if the
 * source changes; other datagrams, such as MPEG-TS, are sent unchanged.
 */
#include <stdbool.h>
#include <vnp/program.h>
#include "relay.h"

/* Attempts to update a stream's position, in case of races with other CPUs */
#define TRIES	4

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, RELAY_MEMBERS);
	__type(key, struct relay_key);
	__type(value, struct vnp_peer);
} receivers SEC(".maps");

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, RELAY_MEMBERS);
	__type(key, struct relay_key);
	__type(value, struct relay_stream);
} streams SEC(".maps");

struct relay_state state;

/* The header that replaces the first bytes of a datagram */
struct own {
	struct vnp_send send;
	struct relay_rtp rtp;
};

/* RTCP may use the same port (RFC 5761). */
static __always_inline bool is_rtcp(const struct relay_rtp *rtp)
{
	return (rtp->type & 0xe0) == 0xc0;
}

/* Compute the position after @rtp, and replace its sequence number by that of the receiver */
static __always_inline __u64 advance(__u64 position, struct relay_rtp *rtp)
{
	const __u32 source = vnp_ntohl(rtp->ssrc);
	const __u16 sequence = vnp_ntohs(rtp->sequence);
	__u16 next = position, added = position >> 16;

	if (source != position >> 32)
		added = next - sequence;
	rtp->sequence = vnp_htons(sequence + added);
	/* Datagrams may have been reordered. */
	if ((__s16)(sequence + added - next) >= 0)
		next = sequence + added + 1;
	return (__u64)source << 32 | (__u32)added << 16 | next;
}

/*
 * If the receiver leaves meanwhile, the memory may be used for the stream of another one:
 * then the position has changed, too, and there is no peer with this key to send to.
 */
static __always_inline void send_to(struct vnp_ctx *ctx, __u32 member,
				    const struct relay_rtp *rtp)
{
	struct relay_key key = { .member = member };
	struct relay_stream *stream;
	struct own own = {
		.send = { sizeof(own.send), 0, sizeof(*rtp), VNP_SEND_REST },
	};
	__u64 before, after;
	__u32 i;

	for (i = 0; i < TRIES; i++) {
		stream = vnp_map_lookup(&streams, &key);
		if (!stream)
			return;
		own.rtp = *rtp;
		before = *(volatile __u64 *)&stream->position;
		after = advance(before, &own.rtp);
		own.rtp.ssrc = stream->ssrc;
		if (__sync_val_compare_and_swap(&stream->position, before, after) == before)
			break;
	}
	if (i < TRIES)
		vnp_send(ctx, &receivers, &key, &own, sizeof(own));
}

SEC("vnp/datagram")
int relay(struct vnp_ctx *ctx)
{
	struct relay_key all = {};
	struct relay_rtp rtp;
	__u32 i, member;

	if (vnp_load_bytes(ctx, 0, &rtp, sizeof(rtp)) || rtp.first >> 6 != 2) {
		vnp_send_group(ctx, &receivers, &all, NULL, 0);
		__sync_fetch_and_add(&state.raw, 1);
		return VNP_DROP;
	}
	if (is_rtcp(&rtp)) {
		__sync_fetch_and_add(&state.rtcp, 1);
		return VNP_DROP;
	}
	for (i = 0; i < RELAY_MEMBERS && i < state.slots; i++) {
		member = *(volatile __u32 *)&state.members[i];
		if (member)
			send_to(ctx, member, &rtp);
	}
	__sync_fetch_and_add(&state.rtp, 1);
	return VNP_DROP;
}
