// SPDX-License-Identifier: GPL-2.0
#include "kmod/crypto/seal.h"

#include <linux/string.h>

#include "kmod/core/compat.h"

static int vnp_sealing_encrypt(const struct vnp_sealing *sealing, u8 *data, u32 len)
{
	const struct vnp_secret *secret = sealing->secret;
	const struct vnp_seal *seal = &sealing->seal;
	const struct vnp_crypt_job job = {
		.text = { data + seal->aad_len, len - seal->aad_len },
		.aad = { data, seal->aad_len },
		.extra = { (u8 *)seal->extra, seal->extra_len },
		.nonce = seal->nonce,
	};

	return secret->cipher->seal(secret, &job);
}

static int vnp_sealing_authenticate(const struct vnp_sealing *sealing, u8 *data, u32 len)
{
	const struct vnp_seal *seal = &sealing->seal;
	const struct vnp_secret *mac = sealing->mac;
	const struct vnp_crypt_job job = {
		.text = { data, len },
		.aad = { data, 0 },
		.extra = { (u8 *)seal->extra, seal->extra_len },
	};
	u8 tag[VNP_CRYPT_TAG_MAX];
	int ret;

	ret = mac->cipher->mac(mac, &job, tag);
	if (!ret)
		memcpy(data + len, tag, mac->tag);
	/* The computed tag may be longer than the one that is sent. */
	memzero_explicit(tag, sizeof(tag));
	return ret;
}

int vnp_sealing_apply(const struct vnp_sealing *sealing, u8 *data, u32 len)
{
	int ret = vnp_secret_once(sealing->secret, sealing->seal.nonce);

	if (!ret)
		ret = vnp_sealing_encrypt(sealing, data, len);
	if (!ret && sealing->mac)
		ret = vnp_sealing_authenticate(sealing, data, len);
	return ret;
}
