// SPDX-License-Identifier: GPL-2.0
/*
 * AES, by the kernel's crypto API.
 *
 * A key has two transforms.  The fast one uses vector instructions.  Where these cannot be
 * used, as in a softirq that interrupted code which uses them, some kernels' implementations
 * defer to a thread (crypto/simd.c): then the other transform is used, which is not
 * asynchronous, and slower.  Implementations that defer at other times, as those of
 * accelerator cards and cryptd, are never used.
 */
#include <asm/simd.h>
#include <crypto/aead.h>
#include <crypto/aes.h>
#include <crypto/gcm.h>
#include <crypto/internal/simd.h>
#include <crypto/skcipher.h>
#include <linux/err.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

#include "kmod/crypto/secret.h"
#include "kmod/crypto/work.h"

/*
 * Does an asynchronous implementation only defer while !crypto_simd_usable()?  Not one of a
 * template, such as pcrypt(): any user can have them made, by AF_ALG.
 */
static bool vnp_aes_is_simd(const struct crypto_alg *alg)
{
	return !strchr(alg->cra_driver_name, '(') &&
	       (strstr(alg->cra_driver_name, "-aesni") ||
		strstr(alg->cra_driver_name, "-vaes"));
}

static bool vnp_aes_defers(const struct crypto_alg *alg)
{
	return alg->cra_flags & CRYPTO_ALG_ASYNC && !vnp_aes_is_simd(alg);
}

/* What crypto_alloc_*() says of an algorithm that the kernel does not have */
static int vnp_aes_errno(long ret)
{
	return ret == -ENOMEM || ret == -EINTR ? ret : -EOPNOTSUPP;
}

/*
 * ---- AES-GCM --------------------------------------------------------------
 */

static struct crypto_aead *vnp_gcm_alloc(u32 mask, const u8 *key, u32 len)
{
	struct crypto_aead *tfm = crypto_alloc_aead("gcm(aes)", 0, mask);
	int ret;

	if (IS_ERR(tfm))
		return ERR_PTR(vnp_aes_errno(PTR_ERR(tfm)));
	ret = crypto_aead_setauthsize(tfm, VNP_SECRET_TAG);
	if (!ret)
		ret = crypto_aead_setkey(tfm, key, len);
	if (!ret && sizeof(struct aead_request) + crypto_aead_reqsize(tfm) > VNP_WORK_REQUEST)
		ret = -EOPNOTSUPP;
	if (ret) {
		crypto_free_aead(tfm);
		return ERR_PTR(ret);
	}
	return tfm;
}

static int vnp_gcm_create(struct vnp_secret *secret, const u8 *key, u32 len)
{
	struct crypto_aead *sync = vnp_gcm_alloc(CRYPTO_ALG_ASYNC, key, len), *fast;

	if (IS_ERR(sync))
		return PTR_ERR(sync);
	fast = vnp_gcm_alloc(0, key, len);
	if (IS_ERR(fast)) {
		crypto_free_aead(sync);
		return PTR_ERR(fast);
	}
	if (vnp_aes_defers(&crypto_aead_alg(fast)->base)) {
		crypto_free_aead(fast);
		fast = sync;
	}
	secret->aead.fast = fast;
	secret->aead.sync = sync;
	return 0;
}

static void vnp_gcm_destroy(struct vnp_secret *secret)
{
	if (secret->aead.fast != secret->aead.sync)
		crypto_free_aead(secret->aead.fast);
	crypto_free_aead(secret->aead.sync);
}

/* @len: bytes of text, with the tag if it is opened.  The scatterlist is in-place. */
static struct aead_request *vnp_gcm_request(const struct vnp_secret *secret,
					    const struct vnp_crypt_job *job,
					    struct scatterlist sg[2], u32 len)
{
	const u32 aad_len = job->aad.len + job->extra.len;
	struct vnp_work *work = vnp_work_get();
	struct aead_request *req = (void *)work->request;

	memcpy(work->aad, job->aad.data, job->aad.len);
	memcpy(work->aad + job->aad.len, job->extra.data, job->extra.len);
	memcpy(work->iv, job->nonce, GCM_AES_IV_SIZE);
	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], work->aad, aad_len);
	sg_set_buf(&sg[1], job->text.data, job->text.len + VNP_SECRET_TAG);

	aead_request_set_tfm(req, crypto_simd_usable() ? secret->aead.fast :
							secret->aead.sync);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, aad_len);
	aead_request_set_crypt(req, aad_len ? sg : sg + 1, aad_len ? sg : sg + 1, len,
			       work->iv);
	return req;
}

static int vnp_gcm_seal(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	struct scatterlist sg[2];

	return crypto_aead_encrypt(vnp_gcm_request(secret, job, sg, job->text.len));
}

/* Some implementations decrypt before they know whether the text is authentic. */
static int vnp_gcm_open(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	struct scatterlist sg[2];
	int ret;

	ret = crypto_aead_decrypt(vnp_gcm_request(secret, job, sg,
						  job->text.len + VNP_SECRET_TAG));
	if (ret)
		memset(job->text.data, 0, job->text.len + VNP_SECRET_TAG);
	return ret;
}

/*
 * ---- AES in counter mode --------------------------------------------------
 */

static struct crypto_skcipher *vnp_ctr_alloc(u32 mask, const u8 *key, u32 len)
{
	struct crypto_skcipher *tfm = crypto_alloc_skcipher("ctr(aes)", 0, mask);
	int ret;

	if (IS_ERR(tfm))
		return ERR_PTR(vnp_aes_errno(PTR_ERR(tfm)));
	ret = crypto_skcipher_setkey(tfm, key, len);
	if (!ret && sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm) >
		    VNP_WORK_REQUEST)
		ret = -EOPNOTSUPP;
	if (ret) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(ret);
	}
	return tfm;
}

static int vnp_ctr_create(struct vnp_secret *secret, const u8 *key, u32 len)
{
	struct crypto_skcipher *sync = vnp_ctr_alloc(CRYPTO_ALG_ASYNC, key, len), *fast;

	if (IS_ERR(sync))
		return PTR_ERR(sync);
	fast = vnp_ctr_alloc(0, key, len);
	if (IS_ERR(fast)) {
		crypto_free_skcipher(sync);
		return PTR_ERR(fast);
	}
	if (vnp_aes_defers(&crypto_skcipher_alg(fast)->base)) {
		crypto_free_skcipher(fast);
		fast = sync;
	}
	secret->stream.fast = fast;
	secret->stream.sync = sync;
	return 0;
}

static void vnp_ctr_destroy(struct vnp_secret *secret)
{
	if (secret->stream.fast != secret->stream.sync)
		crypto_free_skcipher(secret->stream.fast);
	crypto_free_skcipher(secret->stream.sync);
}

/* Encryption and decryption are the same. */
static int vnp_ctr_crypt(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	struct vnp_work *work = vnp_work_get();
	struct skcipher_request *req = (void *)work->request;
	struct scatterlist sg;

	if (!job->text.len)
		return 0;
	memcpy(work->iv, job->nonce, sizeof(work->iv));
	sg_init_one(&sg, job->text.data, job->text.len);
	skcipher_request_set_tfm(req, crypto_simd_usable() ? secret->stream.fast :
							    secret->stream.sync);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, &sg, &sg, job->text.len, work->iv);
	return crypto_skcipher_encrypt(req);
}

/* The second transform has a table of 4 KiB for GHASH. */
#define VNP_GCM(size) {							\
	.key_min	= (size),					\
	.key_max	= (size),					\
	.nonce		= GCM_AES_IV_SIZE,				\
	.tag		= VNP_SECRET_TAG,				\
	.reserve	= 8192,						\
	.create		= vnp_gcm_create,				\
	.destroy	= vnp_gcm_destroy,				\
	.seal		= vnp_gcm_seal,					\
	.open		= vnp_gcm_open,					\
}

#define VNP_CTR(size) {							\
	.key_min	= (size),					\
	.key_max	= (size),					\
	.nonce		= AES_BLOCK_SIZE,				\
	.reserve	= 4096,						\
	.create		= vnp_ctr_create,				\
	.destroy	= vnp_ctr_destroy,				\
	.seal		= vnp_ctr_crypt,				\
	.open		= vnp_ctr_crypt,				\
}

const struct vnp_cipher vnp_cipher_aes_128_gcm = VNP_GCM(AES_KEYSIZE_128);
const struct vnp_cipher vnp_cipher_aes_256_gcm = VNP_GCM(AES_KEYSIZE_256);
const struct vnp_cipher vnp_cipher_aes_128_ctr = VNP_CTR(AES_KEYSIZE_128);
const struct vnp_cipher vnp_cipher_aes_256_ctr = VNP_CTR(AES_KEYSIZE_256);
