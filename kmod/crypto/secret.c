// SPDX-License-Identifier: GPL-2.0
#include "kmod/crypto/secret.h"

#include <keys/user-type.h>
#include <linux/err.h>
#include <linux/key.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "kmod/core/compat.h"
#include "kmod/core/memory.h"
#include "vm/replay.h"

static const struct vnp_cipher *const vnp_ciphers[] = {
	[VNP_KEY_CHACHA20_POLY1305]	= &vnp_cipher_chacha20_poly1305,
	[VNP_KEY_XCHACHA20_POLY1305]	= &vnp_cipher_xchacha20_poly1305,
	[VNP_KEY_AES_128_GCM]		= &vnp_cipher_aes_128_gcm,
	[VNP_KEY_AES_256_GCM]		= &vnp_cipher_aes_256_gcm,
	[VNP_KEY_AES_128_CTR]		= &vnp_cipher_aes_128_ctr,
	[VNP_KEY_AES_256_CTR]		= &vnp_cipher_aes_256_ctr,
	[VNP_KEY_HMAC_SHA256]		= &vnp_cipher_hmac_sha256,
	[VNP_KEY_HMAC_SHA1_80]		= &vnp_cipher_hmac_sha1_80,
	[VNP_KEY_HMAC_SHA1_32]		= &vnp_cipher_hmac_sha1_32,
	[VNP_KEY_POLY1305]		= &vnp_cipher_poly1305,
};

static const struct vnp_cipher *vnp_cipher_get(u32 alg)
{
	if (alg >= ARRAY_SIZE(vnp_ciphers))
		return NULL;
	return vnp_ciphers[array_index_nospec(alg, ARRAY_SIZE(vnp_ciphers))];
}

static bool vnp_zeroes(const u8 *bytes, u32 from, u32 to)
{
	return from >= to || !memchr_inv(bytes + from, 0, to - from);
}

static int vnp_secret_check(const struct vnp_key *key, const struct vnp_cipher *cipher)
{
	const bool from_keyring = key->flags & VNP_KEY_F_KEYRING;

	if (key->flags & ~(VNP_KEY_F_ONCE | VNP_KEY_F_KEYRING) || key->reserved)
		return -EINVAL;
	if (from_keyring ? key->key_len : key->serial)
		return -EINVAL;
	if (key->key_len > VNP_KEY_MAX ||
	    !vnp_zeroes(key->key, key->key_len, VNP_KEY_MAX) ||
	    !vnp_zeroes(key->salt, cipher->nonce, VNP_CRYPT_NONCE_MAX))
		return -EINVAL;
	/* In counter mode the blocks after different nonces can overlap. */
	if (key->flags & VNP_KEY_F_ONCE && (!cipher->seal || !cipher->tag))
		return -EINVAL;
	if (key->tag_len && (!cipher->tag_min || key->tag_len < cipher->tag_min ||
			     key->tag_len > cipher->tag))
		return -EINVAL;
	return 0;
}

#ifdef CONFIG_KEYS
/* Copy the bytes of a key that is referenced and valid. */
static int vnp_keyring_copy(struct vnp_key *to, struct key *from)
{
	const struct user_key_payload *payload;
	int ret = -EINVAL;

	if (from->type != &key_type_user && from->type != &key_type_logon)
		return -EINVAL;
	down_read(&from->sem);
	payload = user_key_payload_locked(from);
	if (!payload) {
		ret = -EKEYREVOKED;
	} else if (payload->datalen <= VNP_KEY_MAX) {
		memcpy(to->key, payload->data, payload->datalen);
		to->key_len = payload->datalen;
		ret = 0;
	}
	up_read(&from->sem);
	return ret;
}

static int vnp_keyring_read(struct vnp_key *key)
{
	key_ref_t ref = lookup_user_key(key->serial, 0, KEY_NEED_SEARCH);
	int ret;

	if (IS_ERR(ref))
		return PTR_ERR(ref);
	ret = key_validate(key_ref_to_ptr(ref));
	if (!ret)
		ret = vnp_keyring_copy(key, key_ref_to_ptr(ref));
	key_ref_put(ref);
	return ret;
}
#else
static int vnp_keyring_read(struct vnp_key *key)
{
	return -EOPNOTSUPP;
}
#endif

static int vnp_secret_alloc(struct vnp_secret *secret, const struct vnp_key *key)
{
	spin_lock_init(&secret->once_lock);
	if (secret->cipher->reserve) {
		secret->reserve = kmalloc(secret->cipher->reserve, VNP_GFP_USER);
		if (!secret->reserve)
			return -ENOMEM;
	}
	if (key->flags & VNP_KEY_F_ONCE) {
		secret->once = kzalloc(VNP_REPLAY_SIZE(VNP_KEY_ONCE_WINDOW), VNP_GFP_USER);
		if (!secret->once)
			return -ENOMEM;
	}
	return 0;
}

static void vnp_secret_free(struct vnp_secret *secret)
{
	kfree(secret->once);
	kfree(secret->reserve);
	memzero_explicit(secret, sizeof(*secret));
}

int vnp_secret_init(struct vnp_secret *secret, struct vnp_key *key)
{
	const struct vnp_cipher *cipher = vnp_cipher_get(key->alg);
	int ret;

	if (!cipher)
		return -EINVAL;
	ret = vnp_secret_check(key, cipher);
	if (!ret && key->flags & VNP_KEY_F_KEYRING)
		ret = vnp_keyring_read(key);
	if (ret)
		return ret;
	if (key->key_len < cipher->key_min || key->key_len > cipher->key_max)
		return -EINVAL;

	secret->cipher = cipher;
	secret->tag = key->tag_len ?: cipher->tag;
	memcpy(secret->salt, key->salt, sizeof(secret->salt));
	ret = vnp_secret_alloc(secret, key);
	if (!ret)
		ret = cipher->create(secret, key->key, key->key_len);
	if (ret)
		vnp_secret_free(secret);
	return ret;
}

void vnp_secret_destroy(struct vnp_secret *secret)
{
	if (secret->cipher->destroy)
		secret->cipher->destroy(secret);
	vnp_secret_free(secret);
}

int vnp_secret_once(struct vnp_secret *secret, const u8 *nonce)
{
	const u8 *last = nonce + secret->cipher->nonce - sizeof(u64);
	u64 number;
	int ret;

	if (!secret->once)
		return 0;
	number = secret->cipher->once_le ? get_unaligned_le64(last) :
					   get_unaligned_be64(last);
	spin_lock(&secret->once_lock);
	ret = vnp_replay_mark(secret->once, VNP_KEY_ONCE_WINDOW, number);
	spin_unlock(&secret->once_lock);
	return ret ? -EKEYREJECTED : 0;
}

int vnp_secret_verify(const struct vnp_secret *secret, const struct vnp_crypt_job *job,
		      const u8 *tag)
{
	u8 right[VNP_CRYPT_TAG_MAX];
	int ret;

	ret = secret->cipher->mac(secret, job, right);
	if (!ret && crypto_memneq(right, tag, secret->tag))
		ret = -EBADMSG;
	memzero_explicit(right, sizeof(right));
	return ret;
}
