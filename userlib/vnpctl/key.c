// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Values of maps of keys as text. */
#include "ctl.h"

/* The longest tag of all algorithms: of HMAC-SHA256 */
#define TAG_MAX	32

/* Names of algorithms, and how many bytes their keys have */
static const struct {
	const char *name;
	__u32 min;
	__u32 max;
} algs[] = {
	[VNP_KEY_CHACHA20_POLY1305] = { "chacha20-poly1305", 32, 32 },
	[VNP_KEY_XCHACHA20_POLY1305] = { "xchacha20-poly1305", 32, 32 },
	[VNP_KEY_AES_128_GCM] = { "aes-128-gcm", 16, 16 },
	[VNP_KEY_AES_256_GCM] = { "aes-256-gcm", 32, 32 },
	[VNP_KEY_AES_128_CTR] = { "aes-128-ctr", 16, 16 },
	[VNP_KEY_AES_256_CTR] = { "aes-256-ctr", 32, 32 },
	[VNP_KEY_HMAC_SHA256] = { "hmac-sha256", 1, VNP_KEY_MAX },
	[VNP_KEY_HMAC_SHA1_80] = { "hmac-sha1-80", 1, VNP_KEY_MAX },
	[VNP_KEY_HMAC_SHA1_32] = { "hmac-sha1-32", 1, VNP_KEY_MAX },
	[VNP_KEY_POLY1305] = { "poly1305", 32, 32 },
};

static int alg_parse(struct args *args, __u32 *alg)
{
	const char *word = args_want(args, "The algorithm of the key");

	if (!word)
		return -EINVAL;
	for (*alg = 1; *alg < ARRAY_SIZE(algs); ++*alg)
		if (!strcmp(word, algs[*alg].name))
			return 0;
	return error("\"%s\" is not an algorithm; see vnpctl map help.", word);
}

/* A word of hex digits.  Return: bytes, or a negative errno */
static int hex_parse(struct args *args, const char *what, __u8 *to, size_t size)
{
	const char *word = args_want(args, what);
	unsigned int byte;
	size_t len, i;

	if (!word)
		return -EINVAL;
	len = strlen(word);
	if (len % 2 || len / 2 > size || strspn(word, "0123456789abcdefABCDEF") != len)
		return error("%s must be an even number of hex digits, at most %zu.", what,
			     2 * size);
	for (i = 0; i < len / 2; i++) {
		sscanf(word + 2 * i, "%2x", &byte);
		to[i] = byte;
	}
	return len / 2;
}

static int file_parse(struct args *args, struct vnp_key *key)
{
	const char *path = args_want(args, "The file with the key");
	void *bytes;
	size_t len;
	int err;

	if (!path)
		return -EINVAL;
	err = hex_read(path, &bytes, &len);
	if (err)
		return err;
	if (len > sizeof(key->key)) {
		err = error("The key in %s has %zu bytes; it must have at most %zu.", path, len,
			    sizeof(key->key));
	} else {
		memcpy(key->key, bytes, len);
		key->key_len = len;
	}
	explicit_bzero(bytes, len);
	free(bytes);
	return err;
}

static int secret_parse(struct args *args, struct vnp_key *key)
{
	__u64 serial;
	int len;

	/* Before "keyring", of which it is an abbreviation, too */
	if (args_take(args, "key")) {
		len = hex_parse(args, "The key", key->key, sizeof(key->key));
		key->key_len = len < 0 ? 0 : len;
		return len < 0 ? len : 0;
	}
	if (args_take(args, "file"))
		return file_parse(args, key);
	if (!args_take(args, "keyring"))
		return error("The key is missing: key HEX, file FILE or keyring SERIAL.");
	if (args_number(args, "The serial number of the key", 1, INT32_MAX, &serial))
		return -EINVAL;
	key->flags |= VNP_KEY_F_KEYRING;
	key->serial = serial;
	return 0;
}

static int length_check(const struct vnp_key *key)
{
	const __u32 min = algs[key->alg].min, max = algs[key->alg].max;

	if (key->flags & VNP_KEY_F_KEYRING || (key->key_len >= min && key->key_len <= max))
		return 0;
	if (min == max)
		return error("%s takes a key of %u bytes; this one has %u.", algs[key->alg].name,
			     max, key->key_len);
	return error("%s takes a key of %u to %u bytes; this one has %u.", algs[key->alg].name,
		     min, max, key->key_len);
}

/* "[salt HEX] [tag N] [once]" in any order */
static int opts_parse(struct args *args, struct vnp_key *key)
{
	__u64 tag;
	int len;

	for (;;) {
		if (args_take(args, "salt")) {
			len = hex_parse(args, "The salt", key->salt, sizeof(key->salt));
			if (len < 0)
				return len;
		} else if (args_take(args, "tag")) {
			if (args_number(args, "The number of bytes of the tag", 0, TAG_MAX, &tag))
				return -EINVAL;
			key->tag_len = tag;
		} else if (args_take(args, "once")) {
			key->flags |= VNP_KEY_F_ONCE;
		} else {
			return 0;
		}
	}
}

int key_parse(struct args *args, struct vnp_key *key)
{
	memset(key, 0, sizeof(*key));
	return alg_parse(args, &key->alg) ?: secret_parse(args, key) ?: length_check(key) ?:
	       opts_parse(args, key);
}
