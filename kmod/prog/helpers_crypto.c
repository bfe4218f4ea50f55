// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers that encrypt and authenticate: they check arguments, and make the datagram linear and
 * private for crypto/.
 *
 * Context of all: softirq, or process context with softirqs off; under RCU.
 */
#include <linux/skbuff.h>
#include <linux/string.h>

#include "kmod/core/compat.h"
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
 * @is_message:	it is a message of a stream
 * @crypt:	copy of the program's struct, to which another CPU may write
 */
struct vnp_crypt_use {
	struct vnp_dgram *dgram;
	struct vnp_secret *secret;
	bool is_message;
	struct vnp_crypt crypt;
};

static int vnp_crypt_copy(struct vnp_crypt *crypt, const void *from, u32 len)
{
	/* The usual length.  As it is a constant here, the copy is a few moves. */
	if (likely(len == sizeof(*crypt))) {
		memcpy(crypt, from, sizeof(*crypt));
		return 0;
	}
	/* Even if it is refused: vnp_crypt_fail() uses the flags. */
	memset(crypt, 0, sizeof(*crypt));
	/* A limit, as the cost of the helper does not depend on this length */
	if (len > VNP_CRYPT_LEN_MAX)
		return -E2BIG;
	if (len > sizeof(*crypt) &&
	    memchr_inv(from + sizeof(*crypt), 0, len - sizeof(*crypt)))
		return -E2BIG;
	memcpy(crypt, from, min_t(u32, len, sizeof(*crypt)));
	return 0;
}

/* Are the bytes after the @len bytes of a nonce zero?  @len is a multiple of 4. */
static bool vnp_crypt_nonce_ends(const struct vnp_crypt *crypt, u32 len)
{
	u32 i, bits = 0;

	for (i = len; i < VNP_CRYPT_NONCE_MAX; i += sizeof(u32))
		bits |= get_unaligned((const u32 *)(crypt->nonce + i));
	return !bits;
}

/* Return: 0, -EINVAL, -EDQUOT, -ERANGE: a range is not in the payload */
static int vnp_crypt_check(struct vnp_crypt_use *use)
{
	struct vnp_crypt *crypt = &use->crypt;
	struct vnp_dgram *dgram = use->dgram;

	if (crypt->flags & ~VNP_CRYPT_F_TRY || crypt->reserved ||
	    crypt->aad_len > VNP_CRYPT_AAD_MAX || crypt->extra_len > VNP_CRYPT_EXTRA_MAX ||
	    !vnp_crypt_nonce_ends(crypt, use->secret->cipher->nonce))
		return -EINVAL;
	if (crypt->len == VNP_CRYPT_END && crypt->off <= dgram->exec.ctx.len)
		crypt->len = dgram->exec.ctx.len - crypt->off;
	if (!vnp_dgram_has(dgram, crypt->off, crypt->len) ||
	    !vnp_dgram_has(dgram, crypt->aad_off, crypt->aad_len))
		return -ERANGE;
	return vnp_crypt_draw(dgram, crypt->len + crypt->aad_len);
}

static int vnp_crypt_begin(struct vnp_crypt_use *use, u64 ctx, u64 map, u64 key, u64 crypt,
			   u32 crypt_len)
{
	int ret;

	use->dgram = vnp_dgram_of(ctx);
	use->is_message = use->dgram->prog->code->type == VNP_PROG_MESSAGE;
	ret = vnp_crypt_copy(&use->crypt, (void *)(unsigned long)crypt, crypt_len);
	if (ret)
		return ret;
	use->secret = vnp_keys_find((void *)(unsigned long)map,
				    (void *)(unsigned long)key);
	if (!use->secret)
		return -ENOENT;
	return vnp_crypt_check(use);
}

/*
 * Are softirqs enabled during the operation?  The caller of the program permits that by @work, as
 * there are no other references to the payload.  For the program, executions on this CPU in between
 * are like those on other CPUs, except that they use the same values of per-CPU maps.
 */
static bool vnp_crypt_yields(const struct vnp_crypt_job *job)
{
	return unlikely(job->work);
}

/*
 * The payload is linear.  @len: bytes of text, without a tag that follows it.  Must be followed by
 * vnp_crypt_job_end()
 */
static void vnp_crypt_job(struct vnp_crypt_use *use, struct vnp_crypt_job *job, u32 len)
{
	u8 *payload = use->dgram->exec.ctx.data;
	struct vnp_crypt *crypt = &use->crypt;

	job->text = (struct vnp_text){ payload + crypt->off, len };
	job->aad = (struct vnp_text){ payload + crypt->aad_off, crypt->aad_len };
	job->extra = (struct vnp_text){ crypt->extra, crypt->extra_len };
	job->nonce = crypt->nonce;
	job->work = unlikely(use->is_message) ? use->dgram->work : NULL;
	if (vnp_crypt_yields(job))
		local_bh_enable();
}

static void vnp_crypt_job_end(const struct vnp_crypt_job *job)
{
	if (vnp_crypt_yields(job))
		local_bh_disable();
}

/*
 * After a failure the datagram is not authentic, unless the program only tries a key
 * (%VNP_CRYPT_F_TRY).  @spoilt: even then, as the text is too short for a tag, or not authentic
 */
static int vnp_crypt_fail(struct vnp_crypt_use *use, int ret, bool spoilt)
{
	if (ret && (spoilt || !(use->crypt.flags & VNP_CRYPT_F_TRY)))
		use->dgram->unauthentic = true;
	return ret;
}

/* Does additional data end before the text, and is there no offset for the tag? */
static bool vnp_crypt_is_apart(const struct vnp_crypt *crypt)
{
	return !crypt->tag_off &&
	       (!crypt->aad_len || crypt->aad_off + crypt->aad_len <= crypt->off);
}

/* The bytes after the text are moved, if there are any.  Return: 0, -EDQUOT */
static int vnp_crypt_draw_move(struct vnp_crypt_use *use)
{
	struct vnp_dgram *dgram = use->dgram;

	return vnp_crypt_draw(dgram, dgram->exec.ctx.len - use->crypt.off - use->crypt.len);
}

/* Remove a tag from a payload that is linear and private, and move what follows it. */
static void vnp_crypt_remove_tag(struct vnp_dgram *dgram, u32 off, u32 tag)
{
	const u32 after = dgram->exec.ctx.len - off - tag;
	u8 *payload = dgram->exec.ctx.data;

	if (after)
		memmove(payload + off, payload + off + tag, after);
	vnp_resize_trim(dgram, tag);
}

static int vnp_crypt_open(struct vnp_crypt_use *use, bool *spoilt)
{
	const struct vnp_cipher *cipher = use->secret->cipher;
	struct vnp_crypt *crypt = &use->crypt;
	struct vnp_crypt_job job __vnp_uninitialized;
	int ret;

	if (!cipher->open || !vnp_crypt_is_apart(crypt))
		return -EINVAL;
	*spoilt = crypt->len < cipher->tag;
	if (*spoilt)
		return -EBADMSG;
	/* Speculation barrier: from here on the checks above also hold on mispredicted paths. */
	vnp_dgram_nospec(use->dgram);
	ret = vnp_crypt_draw_move(use) ?: vnp_resize_own(use->dgram);
	if (ret)
		return ret;
	*spoilt = true;
	vnp_crypt_job(use, &job, crypt->len - cipher->tag);
	ret = cipher->open(use->secret, &job);
	vnp_crypt_job_end(&job);
	if (!ret && cipher->tag)
		vnp_crypt_remove_tag(use->dgram, crypt->off + job.text.len, cipher->tag);
	return ret;
}

u64 vnp_helper_open(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	struct vnp_crypt_use use __vnp_uninitialized;
	bool spoilt = false;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!ret)
		ret = vnp_crypt_open(&use, &spoilt);
	return vnp_crypt_fail(&use, ret, spoilt);
}

/* Insert space for a tag in the payload, and move what follows it. */
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
	struct vnp_crypt_job job __vnp_uninitialized;
	int ret;

	if (!cipher->seal || !vnp_crypt_is_apart(crypt))
		return -EINVAL;
	ret = vnp_crypt_draw_move(use) ?:
	      vnp_crypt_add_tag(dgram, crypt->off + crypt->len, cipher->tag);
	if (ret)
		return ret;
	ret = vnp_secret_once(use->secret, crypt->nonce);
	if (!ret) {
		vnp_crypt_job(use, &job, crypt->len);
		ret = cipher->seal(use->secret, &job);
		vnp_crypt_job_end(&job);
	}
	if (ret)
		vnp_crypt_remove_tag(dgram, crypt->off + crypt->len, cipher->tag);
	return ret;
}

u64 vnp_helper_seal(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	struct vnp_crypt_use use __vnp_uninitialized;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	return ret ?: vnp_crypt_seal(&use);
}

/*
 * Make the payload linear and private, to compute the tag of a text in clear.  Private, as its
 * pages may be shared with the sender (sendfile()), which could change them after verification.
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
	struct vnp_crypt_use use __vnp_uninitialized;
	struct vnp_crypt_job job __vnp_uninitialized;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!ret)
		ret = vnp_crypt_begin_mac(&use);
	if (!ret) {
		vnp_crypt_job(&use, &job, use.crypt.len);
		ret = vnp_secret_verify(use.secret, &job,
					use.dgram->exec.ctx.data + use.crypt.tag_off);
		vnp_crypt_job_end(&job);
	}
	return vnp_crypt_fail(&use, ret, false);
}

u64 vnp_helper_mac(u64 ctx, u64 map, u64 key, u64 crypt, u64 crypt_len)
{
	u8 tag[VNP_CRYPT_TAG_MAX];
	struct vnp_crypt_use use __vnp_uninitialized;
	struct vnp_crypt_job job __vnp_uninitialized;
	int ret;

	ret = vnp_crypt_begin(&use, ctx, map, key, crypt, crypt_len);
	if (!ret)
		ret = vnp_crypt_begin_mac(&use);
	if (ret)
		return ret;
	vnp_crypt_job(&use, &job, use.crypt.len);
	ret = use.secret->cipher->mac(use.secret, &job, tag);
	vnp_crypt_job_end(&job);
	if (!ret)
		memcpy(use.dgram->exec.ctx.data + use.crypt.tag_off, tag, use.secret->tag);
	/* The tag may be longer than what is written to the payload. */
	memzero_explicit(tag, sizeof(tag));
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
