/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sealing what vnp_send_sealed() sends: a copy, made by the hook (udp/send_packet.c), to which
 * there are no other references.
 */
#ifndef _VNP_CRYPTO_SEAL_H
#define _VNP_CRYPTO_SEAL_H

#include "kmod/crypto/secret.h"

/**
 * struct vnp_sealing - how a datagram is sealed
 * @secret:	encrypts, and makes the tag unless there is @mac
 * @mac:	makes the tag of what is encrypted, or NULL
 * @seal:	checked copy of the program's struct; the secrets have suitable algorithms
 */
struct vnp_sealing {
	struct vnp_secret *secret;
	const struct vnp_secret *mac;
	struct vnp_seal seal;
};

/* vnp_sealing_tag() - bytes that are added at the end */
static inline u32 vnp_sealing_tag(const struct vnp_sealing *sealing)
{
	return sealing->mac ? sealing->mac->tag : sealing->secret->tag;
}

/**
 * vnp_sealing_apply() - seal a datagram in place
 * @sealing:	how; @data has at least the @aad_len bytes of its @seal
 * @data:	contiguous and in the linear mapping, with space for the tag at the end
 * @len:	without the tag
 *
 * Context: softirqs off, under RCU.
 * Return: 0, -EKEYREJECTED, or another errno: then @data must not be sent.
 */
int vnp_sealing_apply(const struct vnp_sealing *sealing, u8 *data, u32 len);

#endif /* _VNP_CRYPTO_SEAL_H */
