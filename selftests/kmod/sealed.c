// SPDX-License-Identifier: GPL-2.0
#include "sealed.h"

#include <string.h>
#include <unistd.h>
#include "libcrypto.h"

static const __u8 secret[32] = "What the messages are sealed by";

static struct vnp_key key_of(__u8 number)
{
	struct vnp_key key = { .alg = VNP_KEY_CHACHA20_POLY1305, .key_len = sizeof(secret) };

	if (number == SEALED_AES) {
		key.alg = VNP_KEY_AES_128_GCM;
		key.key_len = 16;
	} else if (number == SEALED_MAC) {
		key.alg = VNP_KEY_HMAC_SHA256;
	}
	memcpy(key.key, secret, key.key_len);
	return key;
}

static size_t tag_len(__u8 key)
{
	return key == SEALED_MAC ? 32 : 16;
}

size_t sealed_len(__u8 key, size_t len)
{
	return sizeof(struct sealed_header) + len + tag_len(key);
}

size_t sealed_make(void *to, struct sealed_header *header, const void *text, size_t len)
{
	const size_t all = sealed_len(header->key, len), after = all - STREAM_HEADER;
	const struct vnp_key key = key_of(header->key);
	const struct iovec aad = { header, sizeof(*header) };
	__u8 *at = to, nonce[VNP_CRYPT_NONCE_MAX] = {};

	header->len[0] = after >> 16;
	header->len[1] = after >> 8;
	header->len[2] = after;
	memcpy(at, header, sizeof(*header));
	if (header->key == SEALED_MAC) {
		memcpy(at + sizeof(*header), text, len);
		libcrypto_hmac(&key, at, sizeof(*header) + len, at + sizeof(*header) + len);
		return all;
	}
	memcpy(nonce + 4, &header->number, sizeof(header->number));
	libcrypto_encrypt(&key, nonce, &aad, 1, text, len, at + sizeof(*header));
	return all;
}

size_t sealed_opened(void *to, const struct sealed_header *header, const void *text, size_t len)
{
	const size_t kept = header->flags & SEALED_F_KEEP ? sizeof(*header) : 0;
	__u8 *at = to;

	memcpy(at, header, kept);
	if (header->flags & SEALED_F_EMPTY)
		return kept;
	memcpy(at + kept, text, len);
	if (header->flags & SEALED_F_WRITE && len >= sizeof(header->number))
		memcpy(at + kept, &header->number, sizeof(header->number));
	return kept + len;
}

static int set_key(struct vnp_object *obj, __u32 number)
{
	const struct vnp_key key = key_of(number);

	return vnp_map_update(vnp_object_find_map(obj, "keys"), &number, &key, VNP_MAP_ANY);
}

int sealed_load(struct vnp_object **obj)
{
	int err = object_load("sealed", obj);

	if (!err)
		err = set_key(*obj, SEALED_CHACHA);
	if (!err)
		err = set_key(*obj, SEALED_AES);
	return err ? err : set_key(*obj, SEALED_MAC);
}

int sealed_link(struct vnp_object *obj, struct conn *conn, __u32 flags, __u32 eof)
{
	int dev = device_open(), err;

	if (dev < 0)
		return dev;
	err = conn_link_to(conn, dev, object_prog(obj, "measure"), object_prog(obj, "decide"),
			   flags, eof);
	close(dev);
	return err;
}
