/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Opening of SRTP and SRTCP (RFC 3711, RFC 7714) for programs: srtp_open() restores
 * the packet of RTP or RTCP that was sealed, or fails.
 */
#ifndef _VNP_SAMPLE_SRTP_OPEN_H
#define _VNP_SAMPLE_SRTP_OPEN_H

#include <stdbool.h>
#include <vnp/program.h>
#include "srtp.h"

#define SRTP_HMAC	10	/* bytes of the tag of HMAC-SHA1-80 */
#define SRTP_GCM	16	/* of that of AES-GCM */
#define SRTP_NONCE_CTR	4	/* where SSRC and index are in nonces of AES-CM */
#define SRTP_NONCE_GCM	2
#define SRTCP_HEADER	8
#define SRTCP_WORD	4	/* number of an SRTCP packet, and in its highest bit E */

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, SRTP_MASTERS * SRTP_USES);
	__type(key, struct srtp_key_id);
	__type(value, struct vnp_key);
} keys SEC(".maps");

struct {
	__uint(type, VNP_MAP_REPLAY);
	__uint(max_entries, SRTP_STREAMS);
	__type(key, struct srtp_stream);
	__type(value, __u8[VNP_REPLAY_SIZE(SRTP_WINDOW)]);
} windows SEC(".maps");

struct srtp_rtp {
	__u8 first;
	__u8 type;
	__be16 sequence;
	__be32 timestamp;
	__be32 ssrc;
};

/**
 * struct srtp_packet - a packet that is being opened
 * @state:	the program's variables
 * @stream:	its stream
 * @index:	its number, of 48 bits or 31
 * @header:	bytes that are not encrypted
 * @mki:	identifier of its master key
 * @word:	SRTCP: the bytes with the number
 */
struct srtp_packet {
	struct srtp_state *state;
	struct srtp_stream stream;
	__u64 index;
	__u32 header;
	__be32 mki;
	__be32 word;
};

/* RFC 5761 */
static __always_inline bool srtp_is_rtcp(const struct srtp_rtp *rtp)
{
	return (rtp->type & 0xe0) == 0xc0;
}

/* Bytes of the header of RTP with sources and an extension, or -1 */
static __always_inline int srtp_header_len(struct vnp_ctx *ctx, const struct srtp_rtp *rtp)
{
	__u32 len = sizeof(*rtp) + 4 * (rtp->first & 15);
	__be16 extension[2];

	if (!(rtp->first & 0x10))
		return len;
	if (vnp_load_bytes(ctx, len, extension, sizeof(extension)))
		return -1;
	len += sizeof(extension) + 4 * vnp_ntohs(extension[1]);
	return len <= VNP_CRYPT_AAD_MAX ? (int)len : -1;
}

/* The highest number so far is in the window.  Return: 0, or -1: it cannot be accepted */
static __always_inline int srtp_find_index(struct srtp_packet *p, const struct srtp_rtp *rtp)
{
	const struct vnp_replay *window = vnp_map_lookup(&windows, &p->stream);

	p->index = vnp_srtp_index(window ? window->next : 0, vnp_ntohs(rtp->sequence));
	return vnp_replay_check(&windows, &p->stream, p->index) ? -1 : 0;
}

/* The mask tells the verifier how long it can be. */
static __always_inline __u32 srtp_mki_len(const struct srtp_packet *p)
{
	return p->state->mki_len & SRTP_MKI_LEN;
}

/* SSRC and index, in a nonce to which the helper adds the key's salt */
static __always_inline void srtp_nonce(__be32 ssrc, __u64 number, __u8 *at)
{
	const __be64 index = vnp_cpu_to_be64(number);

	__builtin_memcpy(at, &ssrc, 4);
	__builtin_memcpy(at + 4, (const __u8 *)&index + 2, 6);
}

static __always_inline int srtp_decrypt(struct vnp_ctx *ctx, const struct srtp_packet *p,
					struct vnp_crypt *crypt)
{
	struct srtp_key_id id = {
		.mki = p->mki,
		.use = p->stream.is_rtcp ? SRTP_RTCP_CIPHER : SRTP_RTP_CIPHER,
	};

	return vnp_open(ctx, &keys, &id, crypt, sizeof(*crypt)) ? -1 : 0;
}

/* HMAC-SHA1-80 of all but the identifier and the tag, which are the last */
static __always_inline int srtp_verify(struct vnp_ctx *ctx, const struct srtp_packet *p,
				       __u32 end)
{
	const __be32 roc = vnp_htonl(p->index >> 16);
	struct vnp_crypt crypt = {
		.len = end,
		.tag_off = end + srtp_mki_len(p),
		.extra_len = p->stream.is_rtcp ? 0 : sizeof(roc),
	};
	struct srtp_key_id id = {
		.mki = p->mki,
		.use = p->stream.is_rtcp ? SRTP_RTCP_MAC : SRTP_RTP_MAC,
	};

	if (!p->stream.is_rtcp)
		__builtin_memcpy(crypt.extra, &roc, sizeof(roc));
	return vnp_mac_verify(ctx, &keys, &id, &crypt, sizeof(crypt)) ? -1 : 0;
}

/* @end: where number, identifier and tag begin */
static __always_inline int srtp_open_macs(struct vnp_ctx *ctx, const struct srtp_packet *p,
					  __u32 end)
{
	const __u32 word = p->stream.is_rtcp ? SRTCP_WORD : 0;
	struct vnp_crypt crypt = { .off = p->header, .len = end - p->header };

	srtp_nonce(p->stream.ssrc, p->index, crypt.nonce + SRTP_NONCE_CTR);
	if (srtp_verify(ctx, p, end + word))
		return -1;
	/* RTCP need not be encrypted. */
	if ((!word || vnp_ntohl(p->word) >> 31) && srtp_decrypt(ctx, p, &crypt))
		return -1;
	return vnp_adjust_tail(ctx, -(word + srtp_mki_len(p) + SRTP_HMAC)) ? -1 : 0;
}

/* @end: where number and identifier begin, after the tag */
static __always_inline int srtp_open_gcm(struct vnp_ctx *ctx, const struct srtp_packet *p,
					 __u32 end)
{
	const __u32 word = p->stream.is_rtcp ? SRTCP_WORD : 0;
	struct vnp_crypt crypt = {
		.off = p->header,
		.aad_len = p->header,
		.extra_len = word,
	};

	srtp_nonce(p->stream.ssrc, p->index, crypt.nonce + SRTP_NONCE_GCM);
	if (word)
		__builtin_memcpy(crypt.extra, &p->word, SRTCP_WORD);
	if (word && !(vnp_ntohl(p->word) >> 31)) {
		crypt.off = end - SRTP_GCM;
		crypt.aad_len = crypt.off;
	}
	crypt.len = end - crypt.off;
	if (srtp_decrypt(ctx, p, &crypt))
		return -1;
	if (!(word + srtp_mki_len(p)))
		return 0;
	return vnp_adjust_tail(ctx, -(word + srtp_mki_len(p))) ? -1 : 0;
}

/* Read what is after the text.  Return: where that begins, or 0 */
static __always_inline __u32 srtp_read_end(struct vnp_ctx *ctx, struct srtp_packet *p)
{
	const __u32 word = p->stream.is_rtcp ? SRTCP_WORD : 0;
	const __u32 mac = p->state->has_macs ? SRTP_HMAC : 0;
	const __u32 least = p->header + (p->state->has_macs ? 0 : SRTP_GCM);
	const __u32 tail = word + srtp_mki_len(p) + mac;
	const __u32 end = ctx->len - tail;

	if (ctx->len < least + tail)
		return 0;
	if (word && vnp_load_bytes(ctx, end, &p->word, sizeof(p->word)))
		return 0;
	if (srtp_mki_len(p) && vnp_load_bytes(ctx, end + word, &p->mki, sizeof(p->mki)))
		return 0;
	return end;
}

/**
 * srtp_open() - open a packet of SRTP or SRTCP
 * @ctx:	the program's context
 * @p:		with @state; out: which it was
 *
 * Return: 0, or -1: it must be dropped.
 */
static __always_inline int srtp_open(struct vnp_ctx *ctx, struct srtp_packet *p)
{
	struct srtp_stream stream;
	struct srtp_rtp rtp;
	__u32 end;
	int len;

	if (vnp_load_bytes(ctx, 0, &rtp, sizeof(rtp)) || rtp.first >> 6 != 2)
		return -1;
	p->stream.is_rtcp = srtp_is_rtcp(&rtp);
	/* RTCP has the SSRC where RTP has the timestamp. */
	p->stream.ssrc = p->stream.is_rtcp ? rtp.timestamp : rtp.ssrc;
	len = p->stream.is_rtcp ? SRTCP_HEADER : srtp_header_len(ctx, &rtp);
	if (len < 0)
		return -1;
	p->header = len;
	end = srtp_read_end(ctx, p);
	if (!end)
		return -1;
	p->index = vnp_ntohl(p->word) & 0x7fffffff;
	if (p->stream.is_rtcp ? vnp_replay_check(&windows, &p->stream, p->index) != 0 :
				srtp_find_index(p, &rtp) != 0)
		goto replayed;
	if (p->state->has_macs ? srtp_open_macs(ctx, p, end) : srtp_open_gcm(ctx, p, end))
		return -1;
	/* The compiler would keep the address of p->stream where it also keeps numbers: a barrier. */
	stream = p->stream;
	if (vnp_replay_commit(&windows, &stream, p->index))
		goto replayed;
	__sync_fetch_and_add(&p->state->opened, 1);
	return 0;
replayed:
	__sync_fetch_and_add(&p->state->replayed, 1);
	return -1;
}

#endif /* _VNP_SAMPLE_SRTP_OPEN_H */
