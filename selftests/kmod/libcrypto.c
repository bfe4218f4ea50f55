// SPDX-License-Identifier: GPL-2.0
#include "libcrypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>

#define TAG	16	/* bytes of the tag of an AEAD */

static const EVP_CIPHER *cipher_of(const struct vnp_key *key)
{
	switch (key->alg) {
	case VNP_KEY_AES_128_GCM:
		return EVP_aes_128_gcm();
	case VNP_KEY_AES_256_GCM:
		return EVP_aes_256_gcm();
	case VNP_KEY_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	case VNP_KEY_AES_128_CTR:
		return EVP_aes_128_ctr();
	case VNP_KEY_AES_256_CTR:
		return EVP_aes_256_ctr();
	default:
		return NULL;
	}
}

int libcrypto_encrypt(const struct vnp_key *key, const __u8 *nonce, const struct iovec *aad,
		      int aad_cnt, const void *text, size_t len, void *to)
{
	const EVP_CIPHER *cipher = cipher_of(key);
	const bool aead = cipher && EVP_CIPHER_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	__u8 iv[VNP_CRYPT_NONCE_MAX], *end = (__u8 *)to + len;
	int done, ok;

	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = nonce[i] ^ key->salt[i];
	ok = cipher && EVP_EncryptInit_ex(ctx, cipher, NULL, key->key, iv);
	for (int i = 0; aead && i < aad_cnt; i++)
		if (ok && aad[i].iov_len)
			ok = EVP_EncryptUpdate(ctx, NULL, &done, aad[i].iov_base, aad[i].iov_len);
	if (ok && len)
		ok = EVP_EncryptUpdate(ctx, to, &done, text, len);
	if (ok)
		ok = EVP_EncryptFinal_ex(ctx, end, &done);
	if (ok && aead)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, end);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? (int)len + (aead ? TAG : 0) : -1;
}

int libcrypto_hmac(const struct vnp_key *key, const void *data, size_t len, void *tag)
{
	const EVP_MD *md = key->alg == VNP_KEY_HMAC_SHA256 ? EVP_sha256() : EVP_sha1();
	unsigned int done;

	return HMAC(md, key->key, key->key_len, data, len, tag, &done) ? (int)done : -1;
}
