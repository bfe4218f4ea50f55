/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Secrets: keys that are ready for use.
 *
 * A secret is made of a struct vnp_key, owned by the map that holds it (map/keys.c), and
 * used by the helpers (prog/helpers_crypto.c) under RCU.  Its algorithm is a struct vnp_cipher;
 * there is a file for each of the kernel's interfaces that implement some (aes.c, chacha.c,
 * hmac.c).
 *
 * All functions are synchronous.
 */
#ifndef _VNP_CRYPTO_SECRET_H
#define _VNP_CRYPTO_SECRET_H

#include <crypto/algapi.h>
#include <linux/build_bug.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vnp.h>

struct crypto_aead;
struct crypto_shash;
struct crypto_skcipher;
struct vnp_secret;
struct vnp_work;

/* Bytes of a tag of an encrypted text */
#define VNP_SECRET_TAG		16

/*
 * struct vnp_text - a range of bytes; @data is in the linear mapping even if @len is 0, unless the
 * job has a @work with a list of pages
 */
struct vnp_text {
	u8 *data;
	u32 len;
};

/**
 * struct vnp_crypt_job - what is to be encrypted, decrypted or authenticated
 * @text:	the text; the tag of an encrypted one follows it, and is not included
 * @aad:	additional data
 * @extra:	further additional data, anywhere
 * @nonce:	%VNP_CRYPT_NONCE_MAX bytes, without the salt (vnp_secret_nonce()); NULL: the
 *		algorithm takes none
 * @work:	memory to work with (work.h); NULL: that of the CPU
 */
struct vnp_crypt_job {
	struct vnp_text text;
	struct vnp_text aad;
	struct vnp_text extra;
	const u8 *nonce;
	struct vnp_work *work;
};

/**
 * struct vnp_cipher - an algorithm
 * @key_min:	minimum bytes of its keys
 * @key_max:	maximum bytes of its keys
 * @nonce:	bytes of its nonces
 * @tag:	bytes of its tags
 * @tag_min:	bytes of the shortest tag that a key may ask for; 0: @tag
 * @reserve:	approximate bytes that the crypto API allocates for a key (vnp_secret::reserve)
 * @once_le:	%VNP_KEY_F_ONCE takes nonces as little-endian numbers
 * @name:	of the crypto API's algorithm, if it is used
 * @create:	prepare a secret.  Context: process.  Return: 0, -ENOMEM, or vnp_crypto_errno()
 * @destroy:	undo that; NULL: nothing to do.  Context: process
 * @seal:	encrypt the text, and write the tag after it.  Return: 0 or errno
 * @open:	verify the tag, and decrypt the text.  Return: 0; -EBADMSG: not authentic, and
 *		the text contains no plaintext
 * @mac:	write the tag of a text in clear to @tag, which has
 *		%VNP_CRYPT_TAG_MAX bytes.  Return: 0 or errno
 *
 * An algorithm has @seal and @open, or @mac.  Context of these: softirqs off, or process if the job
 * has a @work; under RCU.
 */
struct vnp_cipher {
	u8 key_min;
	u8 key_max;
	u8 nonce;
	u8 tag;
	u8 tag_min;
	u16 reserve;
	bool once_le;
	const char *name;
	int (*create)(struct vnp_secret *secret, const u8 *key, u32 len);
	void (*destroy)(struct vnp_secret *secret);
	int (*seal)(const struct vnp_secret *secret, const struct vnp_crypt_job *job);
	int (*open)(const struct vnp_secret *secret, const struct vnp_crypt_job *job);
	int (*mac)(const struct vnp_secret *secret, const struct vnp_crypt_job *job,
		   u8 *tag);
};

/**
 * struct vnp_secret - a key that is ready for use
 * @cipher:	its algorithm
 * @tag:	bytes of its tags
 * @salt:	for nonces
 * @words:	the key, of ChaCha20
 * @aead:	transforms of the crypto API: @fast requires crypto_simd_usable(), @sync does not;
 *		they may be the same
 * @stream:	likewise
 * @hash:	transform of the crypto API
 * @reserve:	unused; its size is charged to the user in place of the crypto API's own memory
 * @once:	the nonces that were used; NULL: not checked
 * @once_lock:	for @once
 */
struct vnp_secret {
	const struct vnp_cipher *cipher;
	u8 tag;
	u8 salt[VNP_CRYPT_NONCE_MAX];
	union {
		u32 words[8];
		struct {
			struct crypto_aead *fast, *sync;
		} aead;
		struct {
			struct crypto_skcipher *fast, *sync;
		} stream;
		struct crypto_shash *hash;
	};
	void *reserve;
	struct vnp_replay *once;
	spinlock_t once_lock;	/* once */
};

extern const struct vnp_cipher vnp_cipher_chacha20_poly1305;
extern const struct vnp_cipher vnp_cipher_xchacha20_poly1305;
extern const struct vnp_cipher vnp_cipher_poly1305;
extern const struct vnp_cipher vnp_cipher_aes_128_gcm;
extern const struct vnp_cipher vnp_cipher_aes_256_gcm;
extern const struct vnp_cipher vnp_cipher_aes_128_ctr;
extern const struct vnp_cipher vnp_cipher_aes_256_ctr;
extern const struct vnp_cipher vnp_cipher_hmac_sha256;
extern const struct vnp_cipher vnp_cipher_hmac_sha1_80;
extern const struct vnp_cipher vnp_cipher_hmac_sha1_32;

/**
 * vnp_secret_init() - make a secret
 * @secret:	zeroed memory
 * @key:	the value that the user has set; bytes from a keyring are copied to it
 *
 * Context: process.
 * Return: 0, or an errno of VNP_MAP_UPDATE.
 */
int vnp_secret_init(struct vnp_secret *secret, struct vnp_key *key);

/* vnp_secret_destroy() - undo it; it is not in use.  Context: process */
void vnp_secret_destroy(struct vnp_secret *secret);

/*
 * vnp_secret_nonce() - combine the first @size bytes of a job's nonce with the salt; @size is a
 * constant, and a multiple of 8.  The caller must clear @nonce after use
 */
static __always_inline void vnp_secret_nonce(const struct vnp_secret *secret,
					     const struct vnp_crypt_job *job, u8 *nonce,
					     size_t size)
{
	BUILD_BUG_ON(size % sizeof(u64) || size > VNP_CRYPT_NONCE_MAX);
	crypto_xor_cpy(nonce, job->nonce, secret->salt, size);
}

/**
 * vnp_secret_once() - may a nonce be used to seal?
 * @secret:	the secret
 * @nonce:	not combined with the salt, as numbers would not ascend after that
 *
 * Context: softirqs off.
 * Return: 0: yes, and it is recorded as used; -EKEYREJECTED.
 */
int vnp_secret_once(struct vnp_secret *secret, const u8 *nonce);

/* vnp_secret_verify() - vnp_mac_verify(): is @tag that of a text?  Return: 0, -EBADMSG, errno */
int vnp_secret_verify(const struct vnp_secret *secret, const struct vnp_crypt_job *job,
		      const u8 *tag);

#endif /* _VNP_CRYPTO_SECRET_H */
