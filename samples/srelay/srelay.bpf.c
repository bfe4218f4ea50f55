// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What arrives as SRTP and SRTCP is opened once, and sent to all receivers, for each sealed with
 * its own key, SSRC and numbers (RFC 3711, RFC 7714).
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

static __always_inline void relay_rtp(struct vnp_ctx *ctx, const struct srtp_packet *packet)
{
	struct relay_rtp rtp;
	__u32 i, member;

	if (vnp_load_bytes(ctx, 0, &rtp, sizeof(rtp)))
		return;
	for (i = 0; i < SRELAY_MEMBERS; i++) {
		member = *(volatile __u32 *)&state.relay.members[i];
		if (member)
			send_to(ctx, packet, rtp, member);
	}
	__sync_fetch_and_add(&state.relay.rtp, 1);
}

/*
 * ---- RTCP -----------------------------------------------------------------
 *
 * The number of a packet of SRTCP is sent in clear, after the tag of AES-GCM and before that of
 * HMAC, so vnp_send_sealed() cannot make it: the datagram itself is sealed, sent, and opened again
 * with the same key, for one receiver after the other.
 */

#define RTCP_PACKETS	8	/* packets of a compound one whose SSRC is replaced */
#define SRTCP_ENCRYPTED	(1U << 31)
#define SRTCP_MAX	(1U << 31)	/* so many numbers a key has */

struct rtcp_header {
	__u8 first;
	__u8 type;
	__be16 words;	/* of the packet, less one */
	__be32 ssrc;	/* of whoever sends it; SDES: of its first chunk */
};

/* In reports, descriptions and BYE alike, the SSRC follows the first word. */
static __always_inline void rtcp_rename(struct vnp_ctx *ctx, __be32 from, __be32 to)
{
	struct rtcp_header header;
	__u32 at = 0, i;

	for (i = 0; i < RTCP_PACKETS; i++) {
		if (vnp_load_bytes(ctx, at, &header, sizeof(header)))
			return;
		if (header.ssrc == from)
			vnp_store_bytes(ctx, at + 4, &to, sizeof(to));
		at += 4 * (vnp_ntohs(header.words) + 1);
	}
}

/**
 * struct rtcp_seal - how RTCP is sealed for a receiver
 * @crypt:	what vnp_seal() gets, and vnp_open() after that
 * @cipher:	key of the cipher
 * @word:	number, and that it is encrypted
 * @tail:	bytes after the text and the tag of AES-GCM
 */
struct rtcp_seal {
	struct vnp_crypt crypt;
	struct srtp_key_id cipher;
	__be32 word;
	__u32 tail;
};

static __always_inline void rtcp_prepare(struct rtcp_seal *seal, __u32 member, __be32 ssrc,
					 __u32 number)
{
	seal->word = vnp_htonl(number | SRTCP_ENCRYPTED);
	seal->cipher.mki = vnp_htonl(member);
	seal->cipher.use = SRTP_RTCP_CIPHER;
	seal->crypt.off = SRTCP_HEADER;
	seal->crypt.len = VNP_CRYPT_END;
	if (state.srtp.has_macs) {
		srtp_nonce(ssrc, number, seal->crypt.nonce + SRTP_NONCE_CTR);
		seal->tail = SRTCP_WORD + SRTP_HMAC;
		return;
	}
	srtp_nonce(ssrc, number, seal->crypt.nonce + SRTP_NONCE_GCM);
	seal->crypt.aad_len = SRTCP_HEADER;
	seal->crypt.extra_len = SRTCP_WORD;
	__builtin_memcpy(seal->crypt.extra, &seal->word, SRTCP_WORD);
	seal->tail = SRTCP_WORD;
}

/* The tag of HMAC, of all before it */
static __always_inline long rtcp_authenticate(struct vnp_ctx *ctx, const struct rtcp_seal *seal)
{
	const struct srtp_key_id id = { .mki = seal->cipher.mki, .use = SRTP_RTCP_MAC };
	struct vnp_crypt mac = { .len = ctx->len - SRTP_HMAC, .tag_off = ctx->len - SRTP_HMAC };

	return vnp_mac(ctx, &keys, &id, &mac, sizeof(mac));
}

/* Append number and tag, and send it. */
static __always_inline void rtcp_finish(struct vnp_ctx *ctx, const struct rtcp_seal *seal,
					const struct relay_key *to)
{
	if (!vnp_store_bytes(ctx, ctx->len - seal->tail, &seal->word, SRTCP_WORD) &&
	    (!state.srtp.has_macs || !rtcp_authenticate(ctx, seal)))
		vnp_send(ctx, &receivers, to, NULL, 0);
}

/**
 * rtcp_send_to() - send RTCP in clear to a receiver, sealed
 * @ctx:	the program's context
 * @ssrc:	which SSRC it has; out: that of the receiver's stream
 * @member:	the receiver
 *
 * Return: 0, or -1: the datagram is not in clear any more, as the receiver has just left, or there
 * was no memory.
 */
static __always_inline int rtcp_send_to(struct vnp_ctx *ctx, __be32 *ssrc, __u32 member)
{
	const struct relay_key to = { .member = member };
	struct srelay_stream *stream = vnp_map_lookup(&streams, &to);
	struct rtcp_seal seal = {};
	__u64 number;

	if (!stream)
		return 0;
	number = __sync_fetch_and_add(&stream->rtcp, 1);
	if (number >= SRTCP_MAX)
		return 0;
	rtcp_rename(ctx, *ssrc, stream->ssrc);
	*ssrc = stream->ssrc;
	rtcp_prepare(&seal, member, *ssrc, number);
	if (vnp_seal(ctx, &keys, &seal.cipher, &seal.crypt, sizeof(seal.crypt)))
		return 0;
	if (vnp_adjust_tail(ctx, seal.tail))
		return -1;
	rtcp_finish(ctx, &seal, &to);
	if (vnp_adjust_tail(ctx, -seal.tail))
		return -1;
	seal.crypt.flags = VNP_CRYPT_F_TRY;
	return vnp_open(ctx, &keys, &seal.cipher, &seal.crypt, sizeof(seal.crypt)) ? -1 : 0;
}

static __always_inline void relay_rtcp(struct vnp_ctx *ctx, const struct srtp_packet *packet)
{
	__be32 ssrc = packet->stream.ssrc;
	__u32 i, member;

	for (i = 0; i < SRELAY_MEMBERS; i++) {
		member = *(volatile __u32 *)&state.relay.members[i];
		if (member && rtcp_send_to(ctx, &ssrc, member))
			return;
	}
	__sync_fetch_and_add(&state.relay.rtcp, 1);
}

/* Does the packet belong to the stream that is relayed? RTP says which one that is. */
static __always_inline bool is_of_source(const struct srtp_stream *stream)
{
	__be32 source = *(volatile __be32 *)&state.source;

	if (!source && !stream->is_rtcp)
		source = __sync_val_compare_and_swap(&state.source, 0, stream->ssrc) ?:
			 stream->ssrc;
	return source == stream->ssrc;
}

SEC("vnp/datagram")
int srelay(struct vnp_ctx *ctx)
{
	struct srtp_packet packet = {};

	packet.state = &state.srtp;
	if (srtp_open(ctx, &packet))
		return VNP_DROP;
	if (!is_of_source(&packet.stream))
		__sync_fetch_and_add(&state.foreign, 1);
	else if (packet.stream.is_rtcp)
		relay_rtcp(ctx, &packet);
	else
		relay_rtp(ctx, &packet);
	return VNP_DROP;
}
