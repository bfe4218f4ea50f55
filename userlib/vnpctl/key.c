// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Values of maps of keys as text. */
#include "ctl.h"

/* The longest tag of all algorithms: of HMAC-SHA256 */
#define TAG_MAX	32

static const char *const algs[] = {
	[VNP_KEY_CHACHA20_POLY1305] = "chacha20-poly1305",
	[VNP_KEY_XCHACHA20_POLY1305] = "xchacha20-poly1305",
	[VNP_KEY_AES_128_GCM] = "aes-128-gcm",
	[VNP_KEY_AES_256_GCM] = "aes-256-gcm",
	[VNP_KEY_AES_128_CTR] = "aes-128-ctr",
	[VNP_KEY_AES_256_CTR] = "aes-256-ctr",
	[VNP_KEY_HMAC_SHA256] = "hmac-sha256",
	[VNP_KEY_HMAC_SHA1_80] = "hmac-sha1-80",
	[VNP_KEY_HMAC_SHA1_32] = "hmac-sha1-32",
	[VNP_KEY_POLY1305] = "poly1305",
};

static int alg_parse(struct args *args, __u32 *alg)
{
	const char *word = args_want(args, "The algorithm of the key");

	if (!word)
		return -EINVAL;
	for (*alg = 1; *alg < ARRAY_SIZE(algs); ++*alg)
		if (!strcmp(word, algs[*alg]))
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

int key_parse(struct args *args, struct vnp_key *key)
{
	__u64 tag = 0;
	int err;

	memset(key, 0, sizeof(*key));
	err = alg_parse(args, &key->alg) ?: secret_parse(args, key);
	if (!err && args_take(args, "salt"))
		err = hex_parse(args, "The salt", key->salt, sizeof(key->salt));
	if (err >= 0 && args_take(args, "tag"))
		err = args_number(args, "The number of bytes of the tag", 0, TAG_MAX, &tag);
	key->tag_len = tag;
	if (err >= 0 && args_take(args, "once"))
		key->flags |= VNP_KEY_F_ONCE;
	return err < 0 ? err : 0;
}
