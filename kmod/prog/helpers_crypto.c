// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers that encrypt and authenticate: they check what a program asks for, and have the
 * datagram in a form that crypto/ can work on.
 *
 * Context of all: softirq, or process context with softirqs off; under RCU.
 */
#include <linux/skbuff.h>
#include <linux/string.h>

#include "kmod/crypto/secret.h"
#include "kmod/map/keys.h"
#include "kmod/map/map.h"
#include "kmod/map/replay.h"
#include "kmod/path/dgram.h"
#include "kmod/path/resize.h"
#include "kmod/prog/helpers.h"
#include "kmod/prog/prog.h"
#include "vm/code.h"
#include "vm/helper.h"

unsigned int vnp_prog_authenticate(const void *ctx, const struct bpf_insn *insns)
{
	struct vnp_dgram *dgram = vnp_dgram_of((unsigned long)ctx);
	u32 ret;

	dgram->unauthentic = false;
	ret = bpf_dispatcher_nop_func(ctx, insns, dgram->prog->bpf->bpf_func);
	if (likely(!dgram->unauthentic))
		return ret;
	dgram->exec.fault = VNP_EXEC_UNAUTHENTIC;
	return VNP_EXEC_UNAUTHENTIC;
}

/**
 * struct vnp_crypt_use - a call of a helper
 * @dgram:	the datagram
 * @secret:	the key
 * @crypt:	what the program asks for, copied: another CPU may write to its own
 * @nonce:	with the salt
 */
struct vnp_crypt_use {
	struct vnp_dgram *dgram;
	struct vnp_secret *secret;
	struct vnp_crypt crypt;
	u8 nonce[VNP_CRYPT_NONCE_MAX];
};

static int vnp_crypt_copy(struct vnp_crypt *crypt, const void *from, u32 len)
{
	const u32 known = min_t(u32, len, sizeof(*crypt));

	memset(crypt, 0, sizeof(*crypt));
	if (len > known && memchr_inv(from + known, 0, len - known))
		return -E2BIG;
	memcpy(crypt, from, known);
	return 0;
}

/* Return: 0, -EINVAL, -ERANGE: something that is named is not in the payload */
static int vnp_crypt_check(struct vnp_crypt_use *use)
{
	struct vnp_crypt *crypt = &use->crypt;
	struct vnp_dgram *dgram = use->dgram;
	const u32 nonce = use->secret->cipher->nonce;

	if (crypt->flags & ~VNP_CRYPT_F_TRY || crypt->reserved ||
	    crypt->aad_len > VNP_CRYPT_AAD_MAX || crypt->extra_len > VNP_CRYPT_EXTRA_MAX ||
	    memchr_inv(crypt->nonce + nonce, 0, VNP_CRYPT_NONCE_MAX - nonce))
		return -EINVAL;
	if (crypt->len == VNP_CRYPT_END && crypt->off <= dgram->exec.ctx.len)
		crypt->len = dgram->exec.ctx.len - crypt->off;
	if (!vnp_dgram_has(dgram, crypt->off, crypt->len) ||
	    !vnp_dgram_has(dgram, crypt->aad_off, crypt->aad_len))
		return -ERANGE;
	return 0;
}

static int vnp_crypt_begin(struct vnp_crypt_use *use, u64 ctx, u64 map, u64 key, u64 crypt,
			   u32 crypt_len)
{
	u32 i;
	int ret;

	use->dgram = vnp_dgram_of(ctx);
	ret = vnp_crypt_copy(&use->crypt, (void *)(unsigned long)crypt, crypt_len);
	if (ret)
		return ret;
	use->secret = vnp_keys_find((void *)(unsigned long)map,
				    (void *)(unsigned long)key);
	if (!use->secret)
		return -ENOENT;
	ret = vnp_crypt_check(use);
	for (i = 0; i < sizeof(use->nonce); i++)
		use->nonce[i] = use->crypt.nonce[i] ^ use->secret->salt[i];
	return ret;
}

/* All that is named is direct, but for a tag that follows @len bytes of text. */
static void vnp_crypt_job(struct vnp_crypt_use *use, struct vnp_crypt_job *job, u32 len)
{
	u8 *payload = use->dgram->exec.ctx.data;
	struct vnp_crypt *crypt = &use->crypt;

	*job = (struct vnp_crypt_job) {
		.text = { payload + crypt->off, len },
		.aad = { payload + crypt->aad_off, crypt->aad_len },
		.extra = { crypt->extra, crypt->extra_len },
	};
	memcpy(job->nonce, use->nonce, sizeof(job->nonce));
}

/* A failure is the datagram's, unless the program only tries and can try another key. */
static int vnp_crypt_fail(struct vnp_crypt_use *use, int ret, bool spoilt)
{
	if (ret && (spoilt || !(use->crypt.flags & VNP_CRYPT_F_TRY)))
		use->dgram->unauthentic = true;
	return ret;
}

/* Is additional data before the text, and the tag after it? */
static bool vnp_crypt_is_apart(const struct vnp_crypt *crypt)
{
	return !crypt->tag_off &&
	       (!crypt->aad_len || crypt->aad_off + crypt->aad_len <= crypt->off);
}

/* Remove a tag from the payload; what follows moves. */
static int vnp_crypt_remove_tag(struct vnp_dgram *dgram, u32 off, u32 tag)
{
	u8 *payload = dgram->exec.ctx.data;

	memmove(payload + off, payload + off + tag, dgram->exec.ctx.len - off - tag);
	return vnp_resize_tail(dgram, -(s32)tag);
}

static int vnp_crypt_open(struct vnp_crypt_use *use, bool *spoilt)
{
	const struct vnp_cipher *cipher = use->secret->cipher;
	struct vnp_crypt *crypt = &use->crypt;
	struct vnp_crypt_job job;
	int ret;

	if (!cipher->open || !vnp_crypt_is_apart(crypt))
		return -EINVAL;
	*spoilt = crypt->len < cipher->tag;
	if (*spoilt)
		return -EBADMSG;
	/* The length holds from here on. */
	vnp_dgram_settle(use->dgram);
	ret = vnp_resize_own(use->dgram);
	if (ret)
		return ret;
	*spoilt = true;
	vnp_crypt_job(use, &job, crypt->len - cipher->tag);
	ret = cipher->open(use->secret, &job);
	if (ret || !cipher->tag)
		return ret;
	return vnp_crypt_remove_tag(use->dgram, crypt->off + job.text.len, cipher->tag);
}

u64 vnp_helper_open(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	struct vnp_crypt_use use;
	bool spoilt = false;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!ret)
		ret = vnp_crypt_open(&use, &spoilt);
	return vnp_crypt_fail(&use, ret, spoilt);
}

/* Make room for a tag in the payload; what follows moves. */
static int vnp_crypt_add_tag(struct vnp_dgram *dgram, u32 off, u32 tag)
{
	const u32 len = dgram->exec.ctx.len;
	int ret = vnp_resize_tail(dgram, tag);
	u8 *payload = dgram->exec.ctx.data;

	if (!ret)
		memmove(payload + off + tag, payload + off, len - off);
	return ret;
}

static int vnp_crypt_seal(struct vnp_crypt_use *use)
{
	const struct vnp_cipher *cipher = use->secret->cipher;
	const struct vnp_crypt *crypt = &use->crypt;
	struct vnp_dgram *dgram = use->dgram;
	struct vnp_crypt_job job;
	int ret;

	if (!cipher->seal || !vnp_crypt_is_apart(crypt))
		return -EINVAL;
	ret = vnp_crypt_add_tag(dgram, crypt->off + crypt->len, cipher->tag);
	if (ret)
		return ret;
	ret = vnp_secret_once(use->secret, crypt->nonce);
	if (!ret) {
		vnp_crypt_job(use, &job, crypt->len);
		ret = cipher->seal(use->secret, &job);
	}
	if (ret)
		vnp_crypt_remove_tag(dgram, crypt->off + crypt->len, cipher->tag);
	return ret;
}

u64 vnp_helper_seal(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	struct vnp_crypt_use use;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	return ret ?: vnp_crypt_seal(&use);
}

/*
 * Have direct what a tag of a text in clear is made of, and the tag.  In memory of our own:
 * pages may be the sender's (sendfile()), who could change what was verified.
 */
static int vnp_crypt_begin_mac(struct vnp_crypt_use *use)
{
	if (!use->secret->cipher->mac)
		return -EINVAL;
	if (!vnp_dgram_has(use->dgram, use->crypt.tag_off, use->secret->tag))
		return -ERANGE;
	return vnp_resize_own(use->dgram);
}

u64 vnp_helper_mac_verify(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	struct vnp_crypt_use use;
	struct vnp_crypt_job job;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!ret)
		ret = vnp_crypt_begin_mac(&use);
	if (!ret) {
		vnp_crypt_job(&use, &job, use.crypt.len);
		ret = vnp_secret_verify(use.secret, &job,
					use.dgram->exec.ctx.data + use.crypt.tag_off);
	}
	return vnp_crypt_fail(&use, ret, false);
}

u64 vnp_helper_mac(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	u8 tag[VNP_CRYPT_TAG_MAX];
	struct vnp_crypt_use use;
	struct vnp_crypt_job job;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!ret)
		ret = vnp_crypt_begin_mac(&use);
	if (ret)
		return ret;
	vnp_crypt_job(&use, &job, use.crypt.len);
	ret = use.secret->cipher->mac(use.secret, &job, tag);
	if (!ret)
		memcpy(use.dgram->exec.ctx.data + use.crypt.tag_off, tag, use.secret->tag);
	return ret;
}

u64 vnp_helper_replay_check(u64 map, u64 key, u64 number, u64 r4, u64 r5)
{
	return vnp_replay_check((void *)(unsigned long)map, (void *)(unsigned long)key,
				number);
}

u64 vnp_helper_replay_commit(u64 map, u64 key, u64 number, u64 r4, u64 r5)
{
	return vnp_replay_commit((void *)(unsigned long)map, (void *)(unsigned long)key,
				 number);
}
