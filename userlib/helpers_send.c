// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The helpers that send, in this process: nothing is sent, but the counters of peers are
 * updated.  The module's are in kmod/prog/helpers_send.c and helpers_seal.c.
 */
#include "crypto.h"
#include "user_exec.h"
#include "user_map.h"
#include "vm/helper.h"
#include "vm/map_traits.h"

#define ptr(type, reg)	((type)(uintptr_t)(reg))

/* Check the parameters, as in the kernel.  Return: number of bytes to send, or an error */
static int send_len(u64 ctx, u64 mem, u32 size, u32 head_max, u16 flags, struct vnp_send *send)
{
	const struct vnp_user_exec *user = user_of(ctx);
	u32 len = user->len;

	memset(send, 0, sizeof(*send));
	if (user->unauthentic)
		return -EBADMSG;
	if (!size)
		return len;
	if (size < sizeof(*send) || size - sizeof(*send) > head_max)
		return -EINVAL;
	memcpy(send, ptr(void *, mem), sizeof(*send));
	if (send->size != sizeof(*send) || send->flags & ~flags)
		return -EINVAL;
	if (send->off > len)
		return -ERANGE;
	len -= send->off;
	if (send->len != VNP_SEND_REST) {
		if (send->len > len)
			return -ERANGE;
		len = send->len;
	}
	return size - sizeof(*send) + len;
}

static int count_connection(struct vnp_connection *conn, int len)
{
	if (len > VNP_RUN_DATAGRAM_MAX) {
		conn->errors[VNP_ERROR_LENGTH]++;
		return -ENOBUFS;
	}
	conn->sent++;
	conn->bytes += len;
	return 0;
}

static int count_peer(struct vnp_peer *peer, int len)
{
	if (len > VNP_RUN_DATAGRAM_MAX) {
		peer->errors[VNP_ERROR_LENGTH]++;
		return -EMSGSIZE;
	}
	peer->sent++;
	peer->bytes += len;
	return 0;
}

/* Count it at the value of a key. */
static int count(struct vnp_user_map *map, void *value, int len)
{
	return map->def.type == VNP_MAP_SOCKETS ? count_connection(value, len) :
						  count_peer(value, len);
}

u64 vnp_helper_send(u64 ctx, u64 map_reg, u64 key, u64 mem, u64 size)
{
	struct vnp_user_map *map = ptr(struct vnp_user_map *, map_reg);
	struct vnp_send send;
	void *peer;
	int len = send_len(ctx, mem, size, VNP_SEND_HEAD_MAX, 0, &send);

	if (len < 0)
		return len;
	peer = vnp_user_map_find(map, ptr(void *, key));
	return peer ? count(map, peer, len) : -ENOENT;
}

u64 vnp_helper_send_group(u64 ctx, u64 map_reg, u64 key_reg, u64 mem, u64 size)
{
	struct vnp_user_map *map = ptr(struct vnp_user_map *, map_reg);
	const void *key = ptr(void *, key_reg);
	const size_t key_len = map->def.key_size;
	char each[VNP_MAP_KEY_MAX];
	struct vnp_send send;
	int len = send_len(ctx, mem, size, VNP_SEND_HEAD_MAX, VNP_SEND_F_OTHERS, &send), err = 0;
	u64 cnt = 0;

	if (len < 0)
		return len;
	for (err = vnp_user_map_next_key(map, NULL, each); !err;
	     err = vnp_user_map_next_key(map, each, each)) {
		if (memcmp(each, key, sizeof(__u32)) ||
		    (send.flags & VNP_SEND_F_OTHERS && !memcmp(each, key, key_len)))
			continue;
		err = count(map, vnp_user_map_find(map, each), len);
		if (err)
			return err;
		cnt++;
	}
	return cnt;
}

u64 vnp_helper_reply(u64 ctx, u64 flags, u64 mem, u64 size, u64 r5)
{
	struct vnp_send send;
	int len;

	(void)r5;
	if ((u32)flags)
		return -EINVAL;
	len = send_len(ctx, mem, size, VNP_REPLY_HEAD_MAX, 0, &send);
	return len < 0 ? len : 0;
}

/* Check the range, as in the kernel.  Return: bytes to be sealed, or an error */
static int seal_len(const struct vnp_user_exec *user, const struct vnp_seal *seal)
{
	u32 len = user->len;

	if (seal->size != sizeof(*seal) || seal->flags & ~VNP_SEAL_F_MAC ||
	    seal->reserved[0] || seal->reserved[1] || seal->reserved[2] ||
	    seal->head_len > VNP_SEAL_HEAD_MAX || seal->aad_len > VNP_CRYPT_AAD_MAX ||
	    seal->extra_len > VNP_CRYPT_EXTRA_MAX)
		return -EINVAL;
	if (seal->off > len)
		return -ERANGE;
	len -= seal->off;
	if (seal->len != VNP_SEND_REST) {
		if (seal->len > len)
			return -ERANGE;
		len = seal->len;
	}
	len += seal->head_len;
	return seal->aad_len > len ? -ERANGE : (int)len;
}

static bool nonce_ends(const struct vnp_seal *seal, u32 len)
{
	for (; len < sizeof(seal->nonce); len++)
		if (seal->nonce[len])
			return false;
	return true;
}

/* Find the keys, and check what they are for.  Return: length of the tag, or an error */
static int seal_keys(struct vnp_user_map *keys, const struct vnp_seal *seal,
		     struct vnp_user_key **key)
{
	struct vnp_user_key *mac;
	u32 tag;

	*key = vnp_user_map_find(keys, seal->key);
	if (!*key)
		return -ENOKEY;
	if (!vnp_user_key_encrypts(&(*key)->key) ||
	    !nonce_ends(seal, vnp_user_key_nonce(&(*key)->key)))
		return -EINVAL;
	tag = vnp_user_key_tag(&(*key)->key);
	if (!(seal->flags & VNP_SEAL_F_MAC))
		return tag;
	mac = vnp_user_map_find(keys, seal->mac_key);
	if (!mac)
		return -ENOKEY;
	if (tag || vnp_user_key_encrypts(&mac->key) || vnp_user_key_nonce(&mac->key))
		return -EINVAL;
	return vnp_user_key_tag(&mac->key);
}

/* The limit for messages of streams */
static int seal_draw(struct vnp_user_exec *user, u32 len)
{
	if (user->crypt_left == U32_MAX)
		return 0;
	if (len > user->crypt_left)
		return -EDQUOT;
	user->crypt_left -= len;
	return 0;
}

u64 vnp_helper_send_sealed(u64 ctx, u64 peers, u64 peer_key, u64 keys, u64 seal_mem)
{
	struct vnp_user_exec *user = user_of(ctx);
	struct vnp_user_key *key;
	struct vnp_peer *peer;
	struct vnp_seal seal;
	int len, tag, err;

	memcpy(&seal, ptr(void *, seal_mem), sizeof(seal));
	len = seal_len(user, &seal);
	if (len < 0)
		return len;
	tag = seal_keys(ptr(struct vnp_user_map *, keys), &seal, &key);
	if (tag < 0)
		return tag;
	peer = vnp_user_map_find(ptr(struct vnp_user_map *, peers), ptr(void *, peer_key));
	if (!peer)
		return -ENOENT;
	if (user->unauthentic)
		return -EBADMSG;
	err = seal_draw(user, len) ?: vnp_user_key_once(key, seal.nonce);
	return err ? err : count_peer(peer, len + tag);
}
