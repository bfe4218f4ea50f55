/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Cryptography in this process, for programs executed by the reference interpreter.  It is
 * equivalent to the module's (kmod/crypto/), but uses libcrypto.
 */
#ifndef _VNP_USERLIB_CRYPTO_H
#define _VNP_USERLIB_CRYPTO_H

#include "internal.h"

/**
 * struct vnp_user_key - a value of a map of keys
 * @key:	as the user set it
 * @once:	with %VNP_KEY_F_ONCE: the nonces that have been used
 */
struct vnp_user_key {
	struct vnp_key key;
	union {
		struct vnp_replay once;
		char once_size[VNP_REPLAY_SIZE(VNP_KEY_ONCE_WINDOW)];
	};
};

/**
 * struct vnp_user_job - what is to be encrypted, decrypted or authenticated
 * @text:	text; the tag of an encrypted one follows it
 * @len:	bytes of text, without the tag
 * @aad:	additional data
 * @aad_len:	its bytes
 * @extra:	further additional data
 * @extra_len:	its bytes
 * @nonce:	with the salt
 */
struct vnp_user_job {
	__u8 *text;
	__u32 len;
	const __u8 *aad;
	__u32 aad_len;
	const __u8 *extra;
	__u32 extra_len;
	__u8 nonce[VNP_CRYPT_NONCE_MAX];
};

/* vnp_user_key_load() - get a key's bytes; fails like VNP_MAP_UPDATE of a map of keys */
int vnp_user_key_load(struct vnp_key *key);

/* vnp_user_key_nonce(), _tag() - length of nonce and tag of a key's algorithm, in bytes */
__u32 vnp_user_key_nonce(const struct vnp_key *key);
__u32 vnp_user_key_tag(const struct vnp_key *key);

/* vnp_user_key_encrypts() - is it for vnp_open() and vnp_seal()? */
bool vnp_user_key_encrypts(const struct vnp_key *key);

/* vnp_user_key_once() - may a nonce, as the program gives it, be used to seal? */
int vnp_user_key_once(struct vnp_user_key *key, const __u8 *nonce);

/* vnp_user_crypt() - encrypt or decrypt.  Return: 0, -EBADMSG, -ENOMEM */
int vnp_user_crypt(const struct vnp_key *key, struct vnp_user_job *job, bool open);

/* vnp_user_mac() - the tag of a text in clear.  Return: 0, -ENOMEM */
int vnp_user_mac(const struct vnp_key *key, const struct vnp_user_job *job,
		 __u8 tag[VNP_CRYPT_TAG_MAX]);

#endif /* _VNP_USERLIB_CRYPTO_H */
