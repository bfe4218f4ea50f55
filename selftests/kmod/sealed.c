// SPDX-License-Identifier: GPL-2.0
#include "sealed.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

static const __u8 secret[32] = "What the messages are sealed by";

static size_t tag_len(__u8 key)
{
	return key == SEALED_MAC ? 32 : 16;
}

size_t sealed_len(__u8 key, size_t len)
{
	return sizeof(struct sealed_header) + len + tag_len(key);
}

/* Return: the tag's length */
static size_t encrypt(__u8 *at, const struct sealed_header *header, const void *text, size_t len)
{
	const EVP_CIPHER *cipher = header->key == SEALED_AES ? EVP_aes_128_gcm() :
							       EVP_chacha20_poly1305();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	__u8 nonce[12] = {};
	int n, done = 0;

	memcpy(nonce + 4, &header->number, sizeof(header->number));
	EVP_EncryptInit_ex(ctx, cipher, NULL, secret, nonce);
	EVP_EncryptUpdate(ctx, NULL, &n, (const __u8 *)header, sizeof(*header));
	if (len && EVP_EncryptUpdate(ctx, at, &n, text, len))
		done = n;
	EVP_EncryptFinal_ex(ctx, at + done, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, at + len);
	EVP_CIPHER_CTX_free(ctx);
	return 16;
}

size_t sealed_make(void *to, struct sealed_header *header, const void *text, size_t len)
{
	const size_t all = sealed_len(header->key, len), after = all - STREAM_HEADER;
	__u8 *at = to;

	header->len[0] = after >> 16;
	header->len[1] = after >> 8;
	header->len[2] = after;
	memcpy(at, header, sizeof(*header));
	if (header->key != SEALED_MAC) {
		encrypt(at + sizeof(*header), header, text, len);
		return all;
	}
	memcpy(at + sizeof(*header), text, len);
	HMAC(EVP_sha256(), secret, sizeof(secret), at, sizeof(*header) + len,
	     at + sizeof(*header) + len, NULL);
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

static int set_key(struct vnp_object *obj, __u32 at, __u32 alg, __u32 len)
{
	struct vnp_key key = { .alg = alg, .key_len = len };

	memcpy(key.key, secret, len);
	return vnp_map_update(vnp_object_find_map(obj, "keys"), &at, &key, VNP_MAP_ANY);
}

int sealed_load(struct vnp_object **obj)
{
	int err = object_load("sealed", obj);

	if (!err)
		err = set_key(*obj, SEALED_CHACHA, VNP_KEY_CHACHA20_POLY1305, 32);
	if (!err)
		err = set_key(*obj, SEALED_AES, VNP_KEY_AES_128_GCM, 16);
	return err ? err : set_key(*obj, SEALED_MAC, VNP_KEY_HMAC_SHA256, sizeof(secret));
}

int sealed_link(struct vnp_object *obj, struct conn *conn, __u32 flags, __u32 eof)
{
	struct vnp_link_create attr = {
		.size = sizeof(attr),
		.flags = VNP_LINK_F_MESSAGE | flags,
		.prog_fd = object_prog(obj, "measure"),
		.message_fd = object_prog(obj, "decide"),
		.sock_fd = conn->rx,
		.eof = eof,
	};
	int dev = device_open();

	if (dev < 0)
		return dev;
	conn->link = do_ioctl(dev, VNP_LINK_CREATE, &attr);
	close(dev);
	return conn->link < 0 ? conn->link : 0;
}
