/* SPDX-License-Identifier: GPL-2.0 */
/* Encryption and authentication by libcrypto, with the keys of maps */
#ifndef _VNP_TEST_LIBCRYPTO_H
#define _VNP_TEST_LIBCRYPTO_H

#include <stddef.h>
#include <sys/uio.h>
#include <linux/vnp.h>

/**
 * libcrypto_encrypt() - encrypt, and append the tag of an AEAD
 * @key:	the key; its salt is combined with @nonce
 * @nonce:	VNP_CRYPT_NONCE_MAX bytes
 * @aad:	what an AEAD authenticates besides; other ciphers ignore it
 * @aad_cnt:	ranges at @aad
 * @text:	the plaintext
 * @len:	its bytes
 * @to:		@len bytes and the tag; may be @text
 *
 * Return: bytes at @to; negative: libcrypto failed.
 */
int libcrypto_encrypt(const struct vnp_key *key, const __u8 *nonce, const struct iovec *aad,
		      int aad_cnt, const void *text, size_t len, void *to);

/* libcrypto_hmac() - the HMAC of @len bytes, whole.  Return: its bytes; negative: it failed */
int libcrypto_hmac(const struct vnp_key *key, const void *data, size_t len, void *tag);

#endif /* _VNP_TEST_LIBCRYPTO_H */
