// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto.h"
#include "vm/env.h"
#include "vm/replay.h"

/* struct cipher - an algorithm; as struct vnp_cipher of kmod/crypto/secret.h */
struct cipher {
	u8 key_min;
	u8 key_max;
	u8 nonce;
	u8 tag;
	u8 tag_min;
	bool encrypts;
	bool once_le;
	const EVP_CIPHER *(*evp)(void);
	const EVP_MD *(*digest)(void);
};

static const struct cipher ciphers[] = {
	[VNP_KEY_CHACHA20_POLY1305] = {
		32, 32, 12, 16, .encrypts = true, .once_le = true,
		.evp = EVP_chacha20_poly1305,
	},
	[VNP_KEY_XCHACHA20_POLY1305] = {
		32, 32, 24, 16, .encrypts = true, .once_le = true,
		.evp = EVP_chacha20_poly1305,
	},
	[VNP_KEY_AES_128_GCM] = {
		16, 16, 12, 16, .encrypts = true, .evp = EVP_aes_128_gcm,
	},
	[VNP_KEY_AES_256_GCM] = {
		32, 32, 12, 16, .encrypts = true, .evp = EVP_aes_256_gcm,
	},
	[VNP_KEY_AES_128_CTR] = {
		16, 16, 16, 0, .encrypts = true, .evp = EVP_aes_128_ctr,
	},
	[VNP_KEY_AES_256_CTR] = {
		32, 32, 16, 0, .encrypts = true, .evp = EVP_aes_256_ctr,
	},
	[VNP_KEY_HMAC_SHA256] = { 1, 64, 0, 32, 16, .digest = EVP_sha256 },
	[VNP_KEY_HMAC_SHA1_80] = { 1, 64, 0, 10, .digest = EVP_sha1 },
	[VNP_KEY_HMAC_SHA1_32] = { 1, 64, 0, 4, .digest = EVP_sha1 },
	[VNP_KEY_POLY1305] = { 32, 32, 12, 16, .encrypts = false },
};

static const struct cipher *cipher_of(const struct vnp_key *key)
{
	return &ciphers[key->alg];
}

static bool zeroes(const u8 *bytes, u32 from, u32 to)
{
	for (; from < to; from++)
		if (bytes[from])
			return false;
	return true;
}

static int key_check(const struct vnp_key *key, const struct cipher *cipher)
{
	const bool from_keyring = key->flags & VNP_KEY_F_KEYRING;

	if (key->flags & ~(VNP_KEY_F_ONCE | VNP_KEY_F_KEYRING) || key->reserved)
		return -EINVAL;
	if (from_keyring ? key->key_len != 0 : key->serial != 0)
		return -EINVAL;
	if (key->key_len > VNP_KEY_MAX || !zeroes(key->key, key->key_len, VNP_KEY_MAX) ||
	    !zeroes(key->salt, cipher->nonce, VNP_CRYPT_NONCE_MAX))
		return -EINVAL;
	/*
	 * In counter mode the nonce is a counter block, and later blocks of one text may be
	 * nonces of others.
	 */
	if (key->flags & VNP_KEY_F_ONCE && (!cipher->encrypts || !cipher->tag))
		return -EINVAL;
	if (key->tag_len && (!cipher->tag_min || key->tag_len < cipher->tag_min ||
			     key->tag_len > cipher->tag))
		return -EINVAL;
	return 0;
}

/* A key of type "logon" cannot be read here: EOPNOTSUPP. */
static int keyring_read(struct vnp_key *key)
{
	const long len = syscall(SYS_keyctl, KEYCTL_READ, key->serial, key->key, VNP_KEY_MAX);

	if (len < 0)
		return -errno;
	if (len > VNP_KEY_MAX)
		return -EINVAL;
	key->key_len = len;
	return 0;
}

int vnp_user_key_load(struct vnp_key *key)
{
	const struct cipher *cipher;
	int err;

	if (key->alg >= ARRAY_SIZE(ciphers) || !ciphers[key->alg].key_max)
		return -EINVAL;
	cipher = cipher_of(key);
	err = key_check(key, cipher);
	if (!err && key->flags & VNP_KEY_F_KEYRING)
		err = keyring_read(key);
	if (err)
		return err;
	return key->key_len < cipher->key_min || key->key_len > cipher->key_max ? -EINVAL : 0;
}

u32 vnp_user_key_nonce(const struct vnp_key *key)
{
	return cipher_of(key)->nonce;
}

u32 vnp_user_key_tag(const struct vnp_key *key)
{
	return key->tag_len ?: cipher_of(key)->tag;
}

bool vnp_user_key_encrypts(const struct vnp_key *key)
{
	return cipher_of(key)->encrypts;
}

int vnp_user_key_once(struct vnp_user_key *key, const u8 *nonce)
{
	const struct cipher *cipher = cipher_of(&key->key);
	u64 number = 0;
	u32 i, at;

	if (!(key->key.flags & VNP_KEY_F_ONCE))
		return 0;
	for (i = 0; i < 8; i++) {
		at = cipher->once_le ? cipher->nonce - 1 - i : cipher->nonce - 8 + i;
		number = number << 8 | nonce[at];
	}
	return vnp_replay_mark(&key->once, VNP_KEY_ONCE_WINDOW, number) ? -EKEYREJECTED : 0;
}

static u32 get_le32(const u8 *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24;
}

static void put_le32(u8 *at, u32 word)
{
	u32 i;

	for (i = 0; i < 4; i++)
		at[i] = word >> 8 * i;
}

static u32 rotate(u32 word, u32 by)
{
	return word << by | word >> (32 - by);
}

static void quarter_round(u32 *x, u32 a, u32 b, u32 c, u32 d)
{
	x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7);
}

/* HChaCha20 of draft-irtf-cfrg-xchacha, 2.2 */
static void hchacha20(u8 to[32], const u8 key[32], const u8 nonce[16])
{
	static const char text[] = "expand 32-byte k";
	u32 x[16], i;

	for (i = 0; i < 4; i++) {
		x[i] = get_le32((const u8 *)text + 4 * i);
		x[12 + i] = get_le32(nonce + 4 * i);
	}
	for (i = 0; i < 8; i++)
		x[4 + i] = get_le32(key + 4 * i);
	for (i = 0; i < 10; i++) {
		quarter_round(x, 0, 4, 8, 12), quarter_round(x, 1, 5, 9, 13);
		quarter_round(x, 2, 6, 10, 14), quarter_round(x, 3, 7, 11, 15);
		quarter_round(x, 0, 5, 10, 15), quarter_round(x, 1, 6, 11, 12);
		quarter_round(x, 2, 7, 8, 13), quarter_round(x, 3, 4, 9, 14);
	}
	for (i = 0; i < 4; i++) {
		put_le32(to + 4 * i, x[i]);
		put_le32(to + 16 + 4 * i, x[12 + i]);
	}
}

/* Encrypt or decrypt by libcrypto. With a wrong tag, the text is decrypted nevertheless */
static int crypt_steps(EVP_CIPHER_CTX *evp, const struct cipher *cipher, const u8 *key,
		       const u8 *nonce, struct vnp_user_job *job, bool open)
{
	u8 *tag = job->text + job->len;
	int len, ok;

	ok = EVP_CipherInit_ex(evp, cipher->evp(), NULL, key, nonce, !open);
	if (ok && job->aad_len)
		ok = EVP_CipherUpdate(evp, NULL, &len, job->aad, job->aad_len);
	if (ok && job->extra_len)
		ok = EVP_CipherUpdate(evp, NULL, &len, job->extra, job->extra_len);
	if (ok && job->len)
		ok = EVP_CipherUpdate(evp, job->text, &len, job->text, job->len);
	if (ok && open && cipher->tag)
		ok = EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, cipher->tag, tag);
	if (!ok)
		return -ENOMEM;
	if (!EVP_CipherFinal_ex(evp, job->text + job->len, &len))
		return -EBADMSG;
	if (!open && cipher->tag)
		ok = EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, cipher->tag, tag);
	return ok ? 0 : -ENOMEM;
}

/*
 * As in the kernel: a text that is not authentic is restored for ChaCha20, and zeroed for
 * AES-GCM.
 */
static void crypt_undo(const struct vnp_key *key, struct vnp_user_job *job, const u8 *before)
{
	const u32 len = job->len + vnp_user_key_tag(key);

	if (key->alg == VNP_KEY_AES_128_GCM || key->alg == VNP_KEY_AES_256_GCM)
		memset(job->text, 0, len);
	else
		memcpy(job->text, before, len);
}

int vnp_user_crypt(const struct vnp_key *key, struct vnp_user_job *job, bool open)
{
	const u32 len = job->len + vnp_user_key_tag(key);
	const u8 *bytes = key->key, *nonce = job->nonce;
	const struct cipher *cipher = cipher_of(key);
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	u8 derived[32], inner[12] = {};
	u8 *before = malloc(len + 1);
	int err = -ENOMEM;

	if (key->alg == VNP_KEY_XCHACHA20_POLY1305) {
		hchacha20(derived, key->key, job->nonce);
		memcpy(inner + 4, job->nonce + 16, 8);
		bytes = derived;
		nonce = inner;
	}
	if (evp && before) {
		memcpy(before, job->text, len);
		err = crypt_steps(evp, cipher, bytes, nonce, job, open);
		if (err && open)
			crypt_undo(key, job, before);
	}
	free(before);
	EVP_CIPHER_CTX_free(evp);
	return err;
}

/* The key of Poly1305 for a nonce: the first bytes of ChaCha20 (RFC 8439, 2.6) */
static int poly1305_key(u8 to[32], const struct vnp_key *key, const u8 *nonce)
{
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
	static const u8 zero[32];
	u8 iv[16] = {};
	int len, ok;

	memcpy(iv + 4, nonce, 12);
	ok = evp && EVP_EncryptInit_ex(evp, EVP_chacha20(), NULL, key->key, iv) &&
	     EVP_EncryptUpdate(evp, to, &len, zero, sizeof(zero));
	EVP_CIPHER_CTX_free(evp);
	return ok ? 0 : -ENOMEM;
}

static int poly1305(u8 *tag, const u8 one_time[32], const u8 *text, size_t len)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *evp = mac ? EVP_MAC_CTX_new(mac) : NULL;
	size_t tag_len;
	int ok;

	ok = evp && EVP_MAC_init(evp, one_time, 32, NULL) && EVP_MAC_update(evp, text, len) &&
	     EVP_MAC_final(evp, tag, &tag_len, 16);
	EVP_MAC_CTX_free(evp);
	EVP_MAC_free(mac);
	return ok ? 0 : -ENOMEM;
}

static int mac_of(const struct vnp_key *key, const u8 *nonce, const u8 *text, size_t len,
		  u8 *tag)
{
	u8 full[EVP_MAX_MD_SIZE], one_time[32];
	int err;

	if (key->alg == VNP_KEY_POLY1305) {
		err = poly1305_key(one_time, key, nonce);
		return err ? err : poly1305(tag, one_time, text, len);
	}
	if (!HMAC(cipher_of(key)->digest(), key->key, key->key_len, text, len, full, NULL))
		return -ENOMEM;
	memcpy(tag, full, vnp_user_key_tag(key));
	return 0;
}

int vnp_user_mac(const struct vnp_key *key, const struct vnp_user_job *job,
		 u8 tag[VNP_CRYPT_TAG_MAX])
{
	const size_t len = (size_t)job->aad_len + job->len + job->extra_len;
	u8 *text = calloc(1, len + 1);
	int err;

	if (!text)
		return -ENOMEM;
	if (job->aad_len)
		memcpy(text, job->aad, job->aad_len);
	if (job->len)
		memcpy(text + job->aad_len, job->text, job->len);
	memcpy(text + job->aad_len + job->len, job->extra, job->extra_len);
	err = mac_of(key, job->nonce, text, len, tag);
	free(text);
	return err;
}
