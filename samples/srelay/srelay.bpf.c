// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What arrives as SRTP is opened once, and sent to all receivers, for each sealed with its own key,
 * SSRC and sequence numbers.
 *
 * No nonce is used twice with a key.  It is made of SSRC and number.  Numbers of the sender's stream
 * are accepted once, as they are in a replay window; what a receiver's stream adds to them never
 * changes; and before a receiver's entries are removed, its key is (struct members_ops::stop).
 */
#include "../srtp/open.h"
#include "srelay.h"

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, SRELAY_MEMBERS);
	__type(key, struct relay_key);
	__type(value, struct vnp_peer);
} receivers SEC(".maps");

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, SRELAY_MEMBERS);
	__type(key, struct relay_key);
	__type(value, struct srelay_stream);
} streams SEC(".maps");

struct srelay_state state;

/* Numbers have 48 bits.  Those from here on are before the first of the stream. */
#define INDEX_MASK	((1ULL << 48) - 1)
#define INDEX_MAX	(1ULL << 47)

/* The number of a packet in a receiver's stream */
static __always_inline __u64 own_index(struct srelay_stream *stream, __u64 index)
{
	__u64 added = *(volatile __u64 *)&stream->added, first;

	if (!added) {
		first = SRELAY_ADDED | ((stream->first - index) & INDEX_MASK);
		added = __sync_val_compare_and_swap(&stream->added, 0, first) ?: first;
	}
	return (index + added) & INDEX_MASK;
}

static __always_inline void set_key(__u8 key[VNP_SEAL_KEY_MAX], __u32 member, __u32 use)
{
	const struct srtp_key_id id = { .mki = vnp_htonl(member), .use = use };

	__builtin_memcpy(key, &id, sizeof(id));
}

static __always_inline void send_to(struct vnp_ctx *ctx, const struct srtp_packet *p,
				    struct relay_rtp rtp, __u32 member)
{
	const struct relay_key key = { .member = member };
	struct srelay_stream *stream = vnp_map_lookup(&streams, &key);
	struct vnp_seal seal = {
		.size = sizeof(seal),
		.off = sizeof(rtp),
		.len = VNP_SEND_REST,
		.head_len = sizeof(rtp),
		.aad_len = p->header,
	};
	__be32 roc;
	__u64 index;

	if (!stream)
		return;
	index = own_index(stream, p->index);
	if (index >= INDEX_MAX)
		return;
	rtp.sequence = vnp_htons(index);
	rtp.ssrc = stream->ssrc;
	__builtin_memcpy(seal.head, &rtp, sizeof(rtp));
	set_key(seal.key, member, SRTP_RTP_CIPHER);
	if (state.srtp.has_macs) {
		seal.flags = VNP_SEAL_F_MAC;
		set_key(seal.mac_key, member, SRTP_RTP_MAC);
		srtp_nonce(rtp.ssrc, index, seal.nonce + SRTP_NONCE_CTR);
		roc = vnp_htonl(index >> 16);
		__builtin_memcpy(seal.extra, &roc, sizeof(roc));
		seal.extra_len = sizeof(roc);
	} else {
		srtp_nonce(rtp.ssrc, index, seal.nonce + SRTP_NONCE_GCM);
	}
	vnp_send_sealed(ctx, &receivers, &key, &keys, &seal);
}

/* Does the packet belong to the stream that is relayed? */
static __always_inline bool is_of_source(__be32 ssrc)
{
	__be32 source = *(volatile __be32 *)&state.source;

	if (!source)
		source = __sync_val_compare_and_swap(&state.source, 0, ssrc) ?: ssrc;
	return source == ssrc;
}

SEC("vnp/datagram")
int srelay(struct vnp_ctx *ctx)
{
	struct srtp_packet packet = {};
	struct srtp_rtp first;
	struct relay_rtp rtp;
	__u32 i, member;

	packet.state = &state.srtp;
	if (!vnp_load_bytes(ctx, 0, &first, sizeof(first)) && srtp_is_rtcp(&first)) {
		__sync_fetch_and_add(&state.relay.rtcp, 1);
		return VNP_DROP;
	}
	if (srtp_open(ctx, &packet) || vnp_load_bytes(ctx, 0, &rtp, sizeof(rtp)))
		return VNP_DROP;
	if (!is_of_source(rtp.ssrc)) {
		__sync_fetch_and_add(&state.foreign, 1);
		return VNP_DROP;
	}
	for (i = 0; i < SRELAY_MEMBERS; i++) {
		member = *(volatile __u32 *)&state.relay.members[i];
		if (member)
			send_to(ctx, &packet, rtp, member);
	}
	__sync_fetch_and_add(&state.relay.rtp, 1);
	return VNP_DROP;
}
