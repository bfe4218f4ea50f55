// SPDX-License-Identifier: GPL-2.0
/*
 * The helper that sends sealed copies; see helpers.c.  It checks arguments, and the hook makes the
 * copy.
 */
#include <linux/string.h>

#include "kmod/core/compat.h"
#include "kmod/crypto/seal.h"
#include "kmod/map/keys.h"
#include "kmod/map/peers.h"
#include "kmod/path/dgram.h"
#include "kmod/path/send.h"
#include "kmod/prog/helpers.h"
#include "vm/code.h"
#include "vm/helper.h"

/* Find the range of the payload that is sent.  Return: 0, -EINVAL, -ERANGE */
static int vnp_seal_range(const struct vnp_dgram *dgram, const struct vnp_seal *seal,
			  struct vnp_send_msg *msg)
{
	int ret;

	if (seal->size != sizeof(*seal) || seal->flags & ~VNP_SEAL_F_MAC ||
	    seal->reserved[0] | seal->reserved[1] | seal->reserved[2] ||
	    seal->head_len > VNP_SEAL_HEAD_MAX || seal->aad_len > VNP_CRYPT_AAD_MAX ||
	    seal->extra_len > VNP_CRYPT_EXTRA_MAX)
		return -EINVAL;
	ret = vnp_send_range(dgram, seal->off, seal->len, msg);
	if (ret)
		return ret;
	msg->head = seal->head;
	msg->head_len = seal->head_len;
	if (seal->aad_len > msg->head_len + msg->len)
		return -ERANGE;
	/* Speculation barrier: from here on the checks above also hold on mispredicted paths. */
	vnp_dgram_nospec(dgram);
	return 0;
}

/* Are the bytes after the nonce zero? */
static bool vnp_seal_nonce_ends(const struct vnp_seal *seal, u32 len)
{
	return !memchr_inv(seal->nonce + len, 0, sizeof(seal->nonce) - len);
}

/* Return: 0, -ENOKEY, -EINVAL: the algorithm of a key is not suitable */
static int vnp_seal_keys(struct vnp_map *keys, struct vnp_sealing *sealing)
{
	const struct vnp_seal *seal = &sealing->seal;
	const struct vnp_cipher *cipher;

	sealing->secret = vnp_keys_find(keys, seal->key);
	if (!sealing->secret)
		return -ENOKEY;
	cipher = sealing->secret->cipher;
	if (!cipher->seal || (cipher->nonce < sizeof(seal->nonce) &&
			      !vnp_seal_nonce_ends(seal, cipher->nonce)))
		return -EINVAL;
	sealing->mac = NULL;
	if (!(seal->flags & VNP_SEAL_F_MAC))
		return 0;
	sealing->mac = vnp_keys_find(keys, seal->mac_key);
	if (!sealing->mac)
		return -ENOKEY;
	/* Only one of the keys may make a tag, and only one take a nonce. */
	return cipher->tag || !sealing->mac->cipher->mac || sealing->mac->cipher->nonce ?
	       -EINVAL : 0;
}

u64 vnp_helper_send_sealed(u64 ctx, u64 peers, u64 peer, u64 keys, u64 seal)
{
	struct vnp_dgram *dgram = vnp_dgram_of(ctx);
	struct vnp_sealing sealing __vnp_uninitialized;
	struct vnp_target *target;
	struct vnp_send_msg msg;
	int ret;

	/* Another CPU may write to it. */
	memcpy(&sealing.seal, (const void *)(unsigned long)seal, sizeof(sealing.seal));
	ret = vnp_seal_range(dgram, &sealing.seal, &msg);
	if (!ret)
		ret = vnp_seal_keys((struct vnp_map *)(unsigned long)keys, &sealing);
	if (ret)
		return ret;
	msg.tag = vnp_sealing_tag(&sealing);
	msg.sealing = &sealing;
	target = vnp_peers_find((struct vnp_map *)(unsigned long)peers,
				(const void *)(unsigned long)peer);
	if (!target)
		return -ENOENT;
	if (unlikely(vnp_dgram_is_forged(dgram)))
		return -EBADMSG;
	ret = vnp_crypt_draw(dgram, msg.head_len + msg.len);
	if (ret)
		return ret;
	if (dgram->ops->send)
		return dgram->ops->send(dgram, target, &msg, false);
	/* VNP_PROG_RUN has no link, and sends nothing. */
	return vnp_secret_once(sealing.secret, sealing.seal.nonce);
}
