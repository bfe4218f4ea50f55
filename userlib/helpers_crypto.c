// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The helpers of kmod/prog/helpers_crypto.c, in this process */
#include <openssl/crypto.h>

#include "crypto.h"
#include "user_map.h"
#include "user_exec.h"
#include "vm/helper.h"
#include "vm/replay.h"

/* struct use - a call of a helper */
struct use {
	struct vnp_user_exec *user;
	struct vnp_user_key *key;
	struct vnp_crypt crypt;
	u8 nonce[VNP_CRYPT_NONCE_MAX];
};

static bool zeroes(const u8 *bytes, u32 from, u32 to)
{
	for (; from < to; from++)
		if (bytes[from])
			return false;
	return true;
}

static int use_check(struct use *use)
{
	struct vnp_crypt *crypt = &use->crypt;

	if (crypt->flags & ~VNP_CRYPT_F_TRY || crypt->reserved ||
	    crypt->aad_len > VNP_CRYPT_AAD_MAX || crypt->extra_len > VNP_CRYPT_EXTRA_MAX ||
	    !zeroes(crypt->nonce, vnp_user_key_nonce(&use->key->key), VNP_CRYPT_NONCE_MAX))
		return -EINVAL;
	if (crypt->len == VNP_CRYPT_END && crypt->off <= use->user->len)
		crypt->len = use->user->len - crypt->off;
	if (!range_ok(use->user, crypt->off, crypt->len) ||
	    !range_ok(use->user, crypt->aad_off, crypt->aad_len))
		return -ERANGE;
	if (crypt->len + crypt->aad_len > use->user->crypt_left)
		return -EDQUOT;
	/* for datagrams the budget limits it */
	if (use->user->crypt_left != U32_MAX)
		use->user->crypt_left -= crypt->len + crypt->aad_len;
	return 0;
}

static int use_begin(struct use *use, u64 ctx, u64 map, u64 key, u64 crypt, u32 len)
{
	const u32 known = min_t(u32, len, sizeof(use->crypt));
	u32 i;
	int err;

	memset(use, 0, sizeof(*use));
	use->user = user_of(ctx);
	if (len > VNP_CRYPT_LEN_MAX || !zeroes(ptr(const u8 *, crypt), known, len))
		return -E2BIG;
	memcpy(&use->crypt, ptr(void *, crypt), known);
	use->key = vnp_user_map_find(ptr(struct vnp_user_map *, map), ptr(void *, key));
	if (!use->key)
		return -ENOENT;
	err = use_check(use);
	for (i = 0; i < sizeof(use->nonce); i++)
		use->nonce[i] = use->crypt.nonce[i] ^ use->key->key.salt[i];
	return err;
}

static struct vnp_user_job use_job(struct use *use, u32 len)
{
	const struct vnp_crypt *crypt = &use->crypt;
	struct vnp_user_job job = {
		.text = use->user->direct + crypt->off,
		.len = len,
		.aad = use->user->direct + crypt->aad_off,
		.aad_len = crypt->aad_len,
		.extra = crypt->extra,
		.extra_len = crypt->extra_len,
	};

	memcpy(job.nonce, use->nonce, sizeof(job.nonce));
	return job;
}

static u64 use_end(struct use *use, int err, bool spoilt)
{
	if (err && (spoilt || !(use->crypt.flags & VNP_CRYPT_F_TRY)))
		use->user->unauthentic = true;
	return err;
}

static bool is_apart(const struct vnp_crypt *crypt)
{
	return !crypt->tag_off &&
	       (!crypt->aad_len || crypt->aad_off + crypt->aad_len <= crypt->off);
}

static int remove_tag(struct vnp_user_exec *user, u32 off, u32 tag)
{
	if (!tag)
		return 0;
	memmove(user->direct + off, user->direct + off + tag, user->len - off - tag);
	return vnp_user_exec_resize(user, 0, (s64)user->len - tag);
}

static int open_text(struct use *use, bool *spoilt)
{
	const u32 tag = vnp_user_key_tag(&use->key->key);
	struct vnp_user_job job;
	int err;

	if (!vnp_user_key_encrypts(&use->key->key) || !is_apart(&use->crypt))
		return -EINVAL;
	*spoilt = use->crypt.len < tag;
	if (*spoilt)
		return -EBADMSG;
	err = vnp_user_exec_direct(use->user, use->user->len);
	if (err)
		return err;
	*spoilt = true;
	job = use_job(use, use->crypt.len - tag);
	err = vnp_user_crypt(&use->key->key, &job, true);
	return err ? err : remove_tag(use->user, use->crypt.off + job.len, tag);
}

u64 vnp_helper_open(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	bool spoilt = false;
	struct use use;
	int err;

	err = use_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!err)
		err = open_text(&use, &spoilt);
	return use_end(&use, err, spoilt);
}

static int seal_text(struct use *use)
{
	const u32 tag = vnp_user_key_tag(&use->key->key), len = use->user->len;
	const u32 end = use->crypt.off + use->crypt.len;
	struct vnp_user_exec *user = use->user;
	struct vnp_user_job job;
	int err;

	if (!vnp_user_key_encrypts(&use->key->key) || !is_apart(&use->crypt))
		return -EINVAL;
	err = vnp_user_exec_resize(user, 0, (s64)len + tag);
	if (err)
		return err;
	memmove(user->direct + end + tag, user->direct + end, len - end);
	err = vnp_user_key_once(use->key, use->crypt.nonce);
	if (!err) {
		job = use_job(use, use->crypt.len);
		err = vnp_user_crypt(&use->key->key, &job, false);
	}
	if (err)
		remove_tag(user, end, tag);
	return err;
}

u64 vnp_helper_seal(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	struct use use;
	int err;

	err = use_begin(&use, ctx, map, key, crypt, crypt_len);
	return err ? err : seal_text(&use);
}

/* Authenticate a text in clear; afterwards all of the payload is direct */
static int use_mac(struct use *use, u8 tag[VNP_CRYPT_TAG_MAX])
{
	const u32 len = vnp_user_key_tag(&use->key->key);
	const struct vnp_crypt *crypt = &use->crypt;
	struct vnp_user_job job;
	int err;

	if (vnp_user_key_encrypts(&use->key->key))
		return -EINVAL;
	if (!range_ok(use->user, crypt->tag_off, len))
		return -ERANGE;
	err = vnp_user_exec_direct(use->user, use->user->len);
	if (err)
		return err;
	job = use_job(use, crypt->len);
	return vnp_user_mac(&use->key->key, &job, tag);
}

u64 vnp_helper_mac_verify(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	u8 tag[VNP_CRYPT_TAG_MAX];
	struct use use;
	int err;

	err = use_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!err)
		err = use_mac(&use, tag);
	if (!err && CRYPTO_memcmp(use.user->direct + use.crypt.tag_off, tag,
				  vnp_user_key_tag(&use.key->key)))
		err = -EBADMSG;
	return use_end(&use, err, false);
}

u64 vnp_helper_mac(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	u8 tag[VNP_CRYPT_TAG_MAX];
	struct use use;
	int err;

	err = use_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!err)
		err = use_mac(&use, tag);
	if (!err)
		memcpy(use.user->direct + use.crypt.tag_off, tag,
		       vnp_user_key_tag(&use.key->key));
	return err;
}

u64 vnp_helper_replay_check(u64 map_reg, u64 key, u64 number, u64 r4, u64 r5)
{
	struct vnp_user_map *map = ptr(struct vnp_user_map *, map_reg);
	const struct vnp_replay *replay = vnp_user_map_find(map, ptr(void *, key));
	static const u64 empty[VNP_REPLAY_SIZE(64) / sizeof(u64)];

	(void)r4, (void)r5;
	return vnp_replay_look(replay ?: (const struct vnp_replay *)empty,
			       vnp_replay_window(map->def.value_size), number);
}

u64 vnp_helper_replay_commit(u64 map_reg, u64 key, u64 number, u64 r4, u64 r5)
{
	static const u64 empty[VNP_REPLAY_SIZE(8192) / sizeof(u64)];
	struct vnp_user_map *map = ptr(struct vnp_user_map *, map_reg);
	int err;

	(void)r4, (void)r5;
	if (number == U64_MAX)
		return -ERANGE;
	if (!vnp_user_map_find(map, ptr(void *, key))) {
		err = vnp_user_map_set(map, ptr(void *, key), empty, VNP_MAP_NOEXIST);
		if (err)
			return err;
	}
	return vnp_replay_mark(vnp_user_map_find(map, ptr(void *, key)),
			       vnp_replay_window(map->def.value_size), number);
}
