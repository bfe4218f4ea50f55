// SPDX-License-Identifier: GPL-2.0
/*
 * ChaCha20 and Poly1305, by the kernel's library: it is always synchronous, and selects vector
 * instructions by itself.  Its functions for both together only take 8 bytes of nonce.
 */
#include <crypto/poly1305.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/string.h>

#include "kmod/core/compat.h"
#include "kmod/core/compat_chacha.h"
#include "kmod/crypto/secret.h"

/**
 * struct vnp_chacha_use - one use of a key
 * @stream:	encrypts the text
 * @mac:	authenticates it
 * @nonce:	the nonce
 * @derived:	of XChaCha20: the key of this nonce
 * @one_time:	the key of Poly1305
 * @tag:	the tag
 */
struct vnp_chacha_use {
	struct vnp_chacha stream;
	struct poly1305_desc_ctx mac;
	u8 nonce[VNP_CRYPT_NONCE_MAX];
	u32 derived[8];
	u8 one_time[POLY1305_KEY_SIZE];
	u8 tag[POLY1305_DIGEST_SIZE];
};

static int vnp_chacha_create(struct vnp_secret *secret, const u8 *key, u32 len)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(secret->words); i++)
		secret->words[i] = get_unaligned_le32(key + i * sizeof(u32));
	return 0;
}

/* The first block is for the key of Poly1305, and the text begins with the second. */
static void vnp_chacha_start(struct vnp_chacha_use *use, const u32 key[8],
			     const u8 nonce[CHACHAPOLY_IV_SIZE])
{
	u8 iv[CHACHA_IV_SIZE] = {};

	memcpy(iv + CHACHA_IV_SIZE - CHACHAPOLY_IV_SIZE, nonce, CHACHAPOLY_IV_SIZE);
	vnp_chacha_init(&use->stream, key, iv);
	memset(use->one_time, 0, sizeof(use->one_time));
	vnp_chacha_crypt(&use->stream, use->one_time, use->one_time,
			 sizeof(use->one_time));
	poly1305_init(&use->mac, use->one_time);
	/* @iv includes the salt of the key. */
	memzero_explicit(iv, sizeof(iv));
}

/* The first 16 bytes of the nonce select a key, the other 8 are its nonce. */
static void vnp_xchacha_start(struct vnp_chacha_use *use, const u32 key[8])
{
	u8 inner[CHACHAPOLY_IV_SIZE] = {};

	vnp_chacha_derive(&use->stream, use->derived, key, use->nonce);
	memcpy(inner + 4, use->nonce + CHACHA_IV_SIZE, 8);
	vnp_chacha_start(use, use->derived, inner);
	memzero_explicit(inner, sizeof(inner));
}

/* XChaCha20 has the longest nonce. */
static void vnp_chacha_begin(struct vnp_chacha_use *use, const struct vnp_secret *secret,
			     const struct vnp_crypt_job *job)
{
	vnp_secret_nonce(secret, job, use->nonce, sizeof(use->nonce));
	if (secret->cipher->nonce == VNP_CRYPT_NONCE_MAX)
		vnp_xchacha_start(use, secret->words);
	else
		vnp_chacha_start(use, secret->words, use->nonce);
}

static void vnp_chacha_end(struct vnp_chacha_use *use)
{
	memzero_explicit(use, sizeof(*use));
}

static void vnp_poly1305_pad(struct vnp_chacha_use *use, u32 len)
{
	static const u8 zeroes[POLY1305_BLOCK_SIZE];

	poly1305_update(&use->mac, zeroes, -len % POLY1305_BLOCK_SIZE);
}

/* The tag of additional data and encrypted text, as in RFC 8439, 2.8 */
static void vnp_chacha_tag(struct vnp_chacha_use *use, const struct vnp_crypt_job *job)
{
	const u32 aad_len = job->aad.len + job->extra.len;
	__le64 lens[] = { cpu_to_le64(aad_len), cpu_to_le64(job->text.len) };

	poly1305_update(&use->mac, job->aad.data, job->aad.len);
	/* Usually empty: save the call. */
	if (job->extra.len)
		poly1305_update(&use->mac, job->extra.data, job->extra.len);
	vnp_poly1305_pad(use, aad_len);
	poly1305_update(&use->mac, job->text.data, job->text.len);
	vnp_poly1305_pad(use, job->text.len);
	poly1305_update(&use->mac, (const u8 *)lens, sizeof(lens));
	poly1305_final(&use->mac, use->tag);
}

static int vnp_chacha_seal(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	const struct vnp_text *text = &job->text;
	struct vnp_chacha_use use;

	vnp_chacha_begin(&use, secret, job);
	vnp_chacha_crypt(&use.stream, text->data, text->data, text->len);
	vnp_chacha_tag(&use, job);
	memcpy(text->data + text->len, use.tag, sizeof(use.tag));
	vnp_chacha_end(&use);
	return 0;
}

/* A text that is not authentic is not decrypted. */
static int vnp_chacha_open(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	const struct vnp_text *text = &job->text;
	struct vnp_chacha_use use;
	int ret = 0;

	vnp_chacha_begin(&use, secret, job);
	vnp_chacha_tag(&use, job);
	if (crypto_memneq(use.tag, text->data + text->len, sizeof(use.tag)))
		ret = -EBADMSG;
	else
		vnp_chacha_crypt(&use.stream, text->data, text->data, text->len);
	vnp_chacha_end(&use);
	return ret;
}

static int vnp_poly1305_mac(const struct vnp_secret *secret, const struct vnp_crypt_job *job,
			    u8 *tag)
{
	struct vnp_chacha_use use;

	vnp_chacha_begin(&use, secret, job);
	poly1305_update(&use.mac, job->aad.data, job->aad.len);
	poly1305_update(&use.mac, job->text.data, job->text.len);
	poly1305_update(&use.mac, job->extra.data, job->extra.len);
	poly1305_final(&use.mac, tag);
	vnp_chacha_end(&use);
	return 0;
}

const struct vnp_cipher vnp_cipher_chacha20_poly1305 = {
	.key_min	= CHACHA_KEY_SIZE,
	.key_max	= CHACHA_KEY_SIZE,
	.nonce		= CHACHAPOLY_IV_SIZE,
	.tag		= POLY1305_DIGEST_SIZE,
	.once_le	= true,
	.create		= vnp_chacha_create,
	.seal		= vnp_chacha_seal,
	.open		= vnp_chacha_open,
};

const struct vnp_cipher vnp_cipher_xchacha20_poly1305 = {
	.key_min	= CHACHA_KEY_SIZE,
	.key_max	= CHACHA_KEY_SIZE,
	.nonce		= VNP_CRYPT_NONCE_MAX,
	.tag		= POLY1305_DIGEST_SIZE,
	.once_le	= true,
	.create		= vnp_chacha_create,
	.seal		= vnp_chacha_seal,
	.open		= vnp_chacha_open,
};

const struct vnp_cipher vnp_cipher_poly1305 = {
	.key_min	= CHACHA_KEY_SIZE,
	.key_max	= CHACHA_KEY_SIZE,
	.nonce		= CHACHAPOLY_IV_SIZE,
	.tag		= POLY1305_DIGEST_SIZE,
	.create		= vnp_chacha_create,
	.mac		= vnp_poly1305_mac,
};
