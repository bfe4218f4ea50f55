// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Key derivation of protocols: keys are derived before they are written to a map. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "internal.h"

#define SHA256_LEN	32
#define SRTP_SALT_MAX	14
#define AES_BLOCK	16

/* HMAC-SHA-256 of @block, which may be empty, @info and @n */
static int hkdf_block(const __u8 prk[SHA256_LEN], __u8 block[SHA256_LEN], size_t block_len,
		      const void *info, size_t info_len, __u8 n)
{
	__u8 *text = malloc(block_len + info_len + 1);
	int ok;

	if (!text)
		return -ENOMEM;
	memcpy(text, block, block_len);
	if (info_len)
		memcpy(text + block_len, info, info_len);
	text[block_len + info_len] = n;
	ok = !!HMAC(EVP_sha256(), prk, SHA256_LEN, text, block_len + info_len + 1, block,
		    NULL);
	OPENSSL_cleanse(text, block_len);
	free(text);
	return ok ? 0 : -ENOMEM;
}

VNP_API int vnp_derive_hkdf(const void *secret, size_t secret_len, const void *salt,
			    size_t salt_len, const void *info, size_t info_len, void *to,
			    size_t len)
{
	__u8 prk[SHA256_LEN], block[SHA256_LEN];
	size_t done, now;
	int err = 0;

	if (len > 255 * SHA256_LEN)
		return -EINVAL;
	if (!HMAC(EVP_sha256(), salt_len ? salt : "", salt_len, secret, secret_len, prk, NULL))
		return -ENOMEM;
	for (done = 0; !err && done < len; done += now) {
		err = hkdf_block(prk, block, done ? SHA256_LEN : 0, info, info_len,
				 done / SHA256_LEN + 1);
		now = len - done < SHA256_LEN ? len - done : SHA256_LEN;
		if (!err)
			memcpy((__u8 *)to + done, block, now);
	}
	OPENSSL_cleanse(prk, sizeof(prk));
	OPENSSL_cleanse(block, sizeof(block));
	return err;
}

/* AES in counter mode over zeroes */
static int srtp_stream(const void *key, const EVP_CIPHER *cipher, const __u8 iv[AES_BLOCK],
		       void *to, size_t len)
{
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	int out, ok;

	memset(to, 0, len);
	ok = evp && EVP_EncryptInit_ex(evp, cipher, NULL, key, iv) &&
	     EVP_EncryptUpdate(evp, to, &out, to, len);
	EVP_CIPHER_CTX_free(evp);
	return ok ? 0 : -ENOMEM;
}

VNP_API int vnp_derive_srtp(const void *key, size_t key_len, const void *salt,
			    size_t salt_len, enum vnp_srtp_label label, void *to, size_t len)
{
	const EVP_CIPHER *cipher = key_len == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
	__u8 iv[AES_BLOCK] = {};

	if ((key_len != 16 && key_len != 32) || (salt_len != 12 && salt_len != 14) ||
	    label > VNP_SRTP_RTCP_SALT || len > 256)
		return -EINVAL;
	memcpy(iv, salt, salt_len);
	iv[SRTP_SALT_MAX - 7] ^= label;
	return srtp_stream(key, cipher, iv, to, len);
}
