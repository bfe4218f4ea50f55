// SPDX-License-Identifier: GPL-2.0
/* HMAC, by the kernel's crypto API: its shash algorithms are synchronous. */
#include <crypto/hash.h>
#include <linux/err.h>

#include "kmod/crypto/secret.h"
#include "kmod/crypto/work.h"

static int vnp_hmac_create(struct vnp_secret *secret, const u8 *key, u32 len)
{
	struct crypto_shash *hash = crypto_alloc_shash(secret->cipher->name, 0, 0);
	int ret;

	if (IS_ERR(hash))
		return vnp_crypto_errno(PTR_ERR(hash));
	ret = crypto_shash_setkey(hash, key, len);
	if (!ret && (sizeof(struct shash_desc) + crypto_shash_descsize(hash) >
		     VNP_WORK_REQUEST || crypto_shash_digestsize(hash) > VNP_CRYPT_TAG_MAX))
		ret = -EOPNOTSUPP;
	if (ret) {
		crypto_free_shash(hash);
		return ret;
	}
	secret->hash = hash;
	return 0;
}

static void vnp_hmac_destroy(struct vnp_secret *secret)
{
	crypto_free_shash(secret->hash);
}

static int vnp_hmac_mac(const struct vnp_secret *secret, const struct vnp_crypt_job *job,
			u8 *tag)
{
	struct vnp_work *work = vnp_work_get(job->work);
	struct shash_desc *desc = (void *)work->request;
	int ret;

	desc->tfm = secret->hash;
	ret = crypto_shash_init(desc);
	if (!ret && job->aad.len)
		ret = crypto_shash_update(desc, job->aad.data, job->aad.len);
	if (!ret)
		ret = crypto_shash_update(desc, job->text.data, job->text.len);
	if (!ret)
		ret = crypto_shash_finup(desc, job->extra.data, job->extra.len, tag);
	/* Clear states of the hash: other texts' tags could be computed from them. */
	shash_desc_zero(desc);
	vnp_work_put(work, job->work);
	return ret;
}

/* A key is at most a block (64 bytes): longer ones would be hashed first. */
#define VNP_HMAC(algorithm, size, least) {				\
	.key_min	= 1,						\
	.key_max	= VNP_KEY_MAX,					\
	.tag		= (size),					\
	.tag_min	= (least),					\
	.reserve	= 1024,						\
	.name		= (algorithm),					\
	.create		= vnp_hmac_create,				\
	.destroy	= vnp_hmac_destroy,				\
	.mac		= vnp_hmac_mac,					\
}

const struct vnp_cipher vnp_cipher_hmac_sha256 = VNP_HMAC("hmac(sha256)", 32, 16);
const struct vnp_cipher vnp_cipher_hmac_sha1_80 = VNP_HMAC("hmac(sha1)", 10, 0);
const struct vnp_cipher vnp_cipher_hmac_sha1_32 = VNP_HMAC("hmac(sha1)", 4, 0);
