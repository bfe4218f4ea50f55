// SPDX-License-Identifier: GPL-2.0
/*
 * AES, by the kernel's crypto API.
 *
 * A key has two transforms.  The fast one uses vector instructions.  Where these cannot be
 * used, as in a softirq that interrupted code which uses them, the other one is used, which is
 * slower.
 *
 * Both are synchronous.  Some kernels have an implementation with vector instructions only
 * inside an asynchronous one, which defers to a thread where they cannot be used
 * (crypto/simd.c).  The inner one, whose name begins with two underscores, is used directly, if
 * crypto_simd_usable().  Other asynchronous implementations are not used, such as those of
 * accelerators, and of cryptd and pcrypt, which any user can instantiate through AF_ALG.
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

#include "kmod/core/compat.h"
#include "kmod/crypto/secret.h"
#include "kmod/crypto/work.h"

/*
 * Mask and type for crypto_alloc_*(): a synchronous implementation, with type 0, or the inner
 * one of an asynchronous implementation, for which no module is loaded.
 */
#define VNP_AES_MASK	(CRYPTO_ALG_ASYNC | CRYPTO_ALG_INTERNAL)
#define VNP_AES_INSIDE	CRYPTO_ALG_INTERNAL

/* As sg_init_one(), which takes longer because it calls memset() */
static void vnp_aes_list(struct scatterlist *sg, void *data, u32 len)
{
	*sg = (struct scatterlist){};
	sg_init_marker(sg, 1);
	sg_set_buf(sg, data, len);
}

/* Data in vmalloc memory.  @skip: number of entries to leave free before it.  Return: the list */
static noinline struct scatterlist *vnp_aes_pages(struct vnp_work *work, u32 skip, u8 *data,
						  u32 len)
{
	u32 i = skip, n;

	for (; len && i < work->sg_cnt; i++, data += n, len -= n) {
		n = min_t(u32, len, PAGE_SIZE - offset_in_page(data));
		work->sg[i] = (struct scatterlist){};
		sg_set_page(&work->sg[i], vmalloc_to_page(data), n, offset_in_page(data));
	}
	sg_init_marker(work->sg, i);
	return work->sg;
}

/*
 * Make a scatterlist of data, with @skip free entries before it.  @one: used if the data is in the
 * linear mapping, as it always is if @work has no list.  Return: the list
 */
static __always_inline struct scatterlist *vnp_aes_data(struct vnp_work *work,
							struct scatterlist *one, u32 skip,
							u8 *data, u32 len)
{
	if (unlikely(work->sg_cnt) && is_vmalloc_addr(data))
		return vnp_aes_pages(work, skip, data, len);
	vnp_aes_list(one + skip, data, len);
	return one;
}

/*
 * ---- AES-GCM --------------------------------------------------------------
 */

static struct crypto_aead *vnp_gcm_alloc(const char *name, u32 type, const u8 *key, u32 len)
{
	const u32 mask = VNP_AES_MASK | (type ? CRYPTO_NOLOAD : 0);
	struct crypto_aead *tfm = crypto_alloc_aead(name, type, mask);
	int ret;

	if (IS_ERR(tfm))
		return ERR_PTR(vnp_crypto_errno(PTR_ERR(tfm)));
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
	struct crypto_aead *sync = vnp_gcm_alloc("gcm(aes)", 0, key, len), *fast;

	if (IS_ERR(sync))
		return PTR_ERR(sync);
	fast = vnp_gcm_alloc("__gcm(aes)", VNP_AES_INSIDE, key, len);
	if (fast == ERR_PTR(-ENOMEM) || fast == ERR_PTR(-EINTR)) {
		crypto_free_aead(sync);
		return PTR_ERR(fast);
	}
	secret->aead.fast = IS_ERR(fast) ? sync : fast;
	secret->aead.sync = sync;
	return 0;
}

static void vnp_gcm_destroy(struct vnp_secret *secret)
{
	if (secret->aead.fast != secret->aead.sync)
		crypto_free_aead(secret->aead.fast);
	crypto_free_aead(secret->aead.sync);
}

/*
 * If an operation fails, wipe its text, of @len bytes: some implementations decrypt before they
 * know whether it is authentic, or can fail in the middle, and neither plaintext nor a text that is
 * partly encrypted may be used.  Return: @ret
 */
static int vnp_aes_fail(const struct vnp_crypt_job *job, u32 len, int ret)
{
	if (ret)
		memset(job->text.data, 0, len);
	return ret;
}

/*
 * Make a scatterlist of additional data, text and tag.  Additional data is usually a header
 * directly before the text.  @one: used if the text is in the linear mapping.  @aad: out: bytes of
 * additional data
 */
static struct scatterlist *vnp_gcm_list(struct vnp_work *work, const struct vnp_crypt_job *job,
					struct scatterlist one[2], u32 *aad)
{
	const u32 text = job->text.len + VNP_SECRET_TAG, len = job->aad.len + job->extra.len;
	struct scatterlist *sg;

	*aad = len;
	if (!len || (!job->extra.len && job->aad.data + len == job->text.data))
		return vnp_aes_data(work, one, 0, job->text.data - len, len + text);
	memcpy(work->aad, job->aad.data, job->aad.len);
	memcpy(work->aad + job->aad.len, job->extra.data, job->extra.len);
	sg = vnp_aes_data(work, one, 1, job->text.data, text);
	sg[0] = (struct scatterlist){};
	sg_set_buf(&sg[0], work->aad, len);
	return sg;
}

/* @len: bytes of text, with the tag if it is opened */
static struct aead_request *vnp_gcm_request(struct vnp_work *work,
					    const struct vnp_secret *secret,
					    const struct vnp_crypt_job *job,
					    struct scatterlist one[2], u32 len)
{
	struct aead_request *req = (void *)work->request;
	struct scatterlist *sg;
	u32 aad;

	sg = vnp_gcm_list(work, job, one, &aad);
	/* The bytes after the nonce are 0. */
	vnp_secret_nonce(secret, job, work->iv, sizeof(work->iv));
	aead_request_set_tfm(req, crypto_simd_usable() ? secret->aead.fast :
							secret->aead.sync);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, aad);
	aead_request_set_crypt(req, sg, sg, len, work->iv);
	return req;
}

static int vnp_gcm_seal(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	struct vnp_work *work = vnp_work_get(job->work);
	struct scatterlist sg[2] __vnp_uninitialized;
	int ret;

	ret = crypto_aead_encrypt(vnp_gcm_request(work, secret, job, sg, job->text.len));
	vnp_work_put(work, job->work);
	return vnp_aes_fail(job, job->text.len, ret);
}

static int vnp_gcm_open(const struct vnp_secret *secret, const struct vnp_crypt_job *job)
{
	const u32 len = job->text.len + VNP_SECRET_TAG;
	struct vnp_work *work = vnp_work_get(job->work);
	struct scatterlist sg[2] __vnp_uninitialized;
	int ret;

	ret = crypto_aead_decrypt(vnp_gcm_request(work, secret, job, sg, len));
	vnp_work_put(work, job->work);
	return vnp_aes_fail(job, len, ret);
}

/*
 * ---- AES in counter mode --------------------------------------------------
 */

static struct crypto_skcipher *vnp_ctr_alloc(const char *name, u32 type, const u8 *key,
					     u32 len)
{
	const u32 mask = VNP_AES_MASK | (type ? CRYPTO_NOLOAD : 0);
	struct crypto_skcipher *tfm = crypto_alloc_skcipher(name, type, mask);
	int ret;

	if (IS_ERR(tfm))
		return ERR_PTR(vnp_crypto_errno(PTR_ERR(tfm)));
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
	struct crypto_skcipher *sync = vnp_ctr_alloc("ctr(aes)", 0, key, len), *fast;

	if (IS_ERR(sync))
		return PTR_ERR(sync);
	fast = vnp_ctr_alloc("__ctr(aes)", VNP_AES_INSIDE, key, len);
	if (fast == ERR_PTR(-ENOMEM) || fast == ERR_PTR(-EINTR)) {
		crypto_free_skcipher(sync);
		return PTR_ERR(fast);
	}
	secret->stream.fast = IS_ERR(fast) ? sync : fast;
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
	struct skcipher_request *req;
	struct scatterlist one __vnp_uninitialized, *sg;
	struct vnp_work *work;
	int ret;

	if (!job->text.len)
		return 0;
	work = vnp_work_get(job->work);
	req = (void *)work->request;
	vnp_secret_nonce(secret, job, work->iv, sizeof(work->iv));
	sg = vnp_aes_data(work, &one, 0, job->text.data, job->text.len);
	skcipher_request_set_tfm(req, crypto_simd_usable() ? secret->stream.fast :
							    secret->stream.sync);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, sg, sg, job->text.len, work->iv);
	ret = crypto_skcipher_encrypt(req);
	vnp_work_put(work, job->work);
	return vnp_aes_fail(job, job->text.len, ret);
}

/* @reserve: the transform without vector instructions has a table of 4 KiB for GHASH. */
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
