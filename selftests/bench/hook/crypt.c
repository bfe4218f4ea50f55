// SPDX-License-Identifier: GPL-2.0
/*
 * The floor of cryptography: the kernel's own transforms on one buffer, with nothing around
 * them.  Before each time that is taken the text is sealed again, as opening destroys it.
 */
#include <crypto/aead.h>
#include <crypto/chacha20poly1305.h>
#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timex.h>

#include "bench.h"

#define BENCH_AAD	12
#define BENCH_TAG	16
#define BENCH_ROUNDS	20

/**
 * struct bench_text - what is opened
 * @data:	additional data, text and tag
 * @len:	bytes of the text
 * @key:	the key
 * @forged:	the tag is wrong
 * @tfm:	AES-GCM
 * @req:	likewise
 */
struct bench_text {
	u8 *data;
	u32 len;
	u8 key[32];
	bool forged;
	struct crypto_aead *tfm;
	struct aead_request *req;
};

static void bench_gcm_request(struct bench_text *text, struct scatterlist *sg, u8 *iv, u32 len)
{
	memset(iv, 0, 16);
	sg_init_one(sg, text->data, BENCH_AAD + text->len + BENCH_TAG);
	aead_request_set_callback(text->req, 0, NULL, NULL);
	aead_request_set_ad(text->req, BENCH_AAD);
	aead_request_set_crypt(text->req, sg, sg, len, iv);
}

static void bench_gcm_seal(struct bench_text *text, u8 *iv)
{
	struct scatterlist sg;

	bench_gcm_request(text, &sg, iv, text->len);
	crypto_aead_encrypt(text->req);
}

static bool bench_gcm_open(struct bench_text *text, u8 *iv)
{
	struct scatterlist sg;

	bench_gcm_request(text, &sg, iv, text->len + BENCH_TAG);
	return !crypto_aead_decrypt(text->req);
}

static void bench_chacha_seal(struct bench_text *text, u8 *iv)
{
	u8 *at = text->data + BENCH_AAD;

	chacha20poly1305_encrypt(at, at, text->len, text->data, BENCH_AAD, 0, text->key);
}

static bool bench_chacha_open(struct bench_text *text, u8 *iv)
{
	u8 *at = text->data + BENCH_AAD;

	return chacha20poly1305_decrypt(at, at, text->len + BENCH_TAG, text->data, BENCH_AAD, 0,
					text->key);
}

/* Return: the ticks of the fastest, or a negative errno */
static s64 bench_open(struct bench_text *text, u8 *iv)
{
	u64 least = U64_MAX, ticks;
	bool authentic = true;
	u32 i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		if (text->tfm)
			bench_gcm_seal(text, iv);
		else
			bench_chacha_seal(text, iv);
		text->data[BENCH_AAD + text->len + BENCH_TAG - 1] ^= text->forged;
		ticks = get_cycles();
		authentic = text->tfm ? bench_gcm_open(text, iv) :
					bench_chacha_open(text, iv);
		ticks = get_cycles() - ticks;
		if (authentic == text->forged)
			return -EBADMSG;
		least = min(least, ticks);
	}
	return least;
}

static int bench_gcm_create(struct bench_text *text, u32 key_len)
{
	int ret;

	text->tfm = crypto_alloc_aead("gcm(aes)", 0, 0);
	if (IS_ERR(text->tfm))
		return PTR_ERR(text->tfm);
	ret = crypto_aead_setauthsize(text->tfm, BENCH_TAG);
	if (!ret)
		ret = crypto_aead_setkey(text->tfm, text->key, key_len);
	if (!ret) {
		text->req = aead_request_alloc(text->tfm, GFP_KERNEL);
		ret = text->req ? 0 : -ENOMEM;
	}
	if (ret)
		crypto_free_aead(text->tfm);
	return ret;
}

int bench_crypt_run(struct bench_crypt *crypt)
{
	const u32 size = BENCH_AAD + BENCH_TAG;
	struct bench_text text = { .forged = crypt->forged };
	u8 *iv;
	s64 ret = 0;

	if (crypt->size < size || crypt->size > BENCH_FRAME_LEN_MAX)
		return -EINVAL;
	text.len = crypt->size - size;
	text.data = kzalloc(crypt->size + 16, GFP_KERNEL);
	if (!text.data)
		return -ENOMEM;
	iv = text.data + crypt->size;
	if (crypt->gcm_key)
		ret = bench_gcm_create(&text, crypt->gcm_key);
	if (!ret) {
		local_bh_disable();
		ret = bench_open(&text, iv);
		local_bh_enable();
		if (crypt->gcm_key) {
			aead_request_free(text.req);
			crypto_free_aead(text.tfm);
		}
	}
	kfree(text.data);
	crypt->ticks = ret;
	return ret < 0 ? ret : 0;
}
