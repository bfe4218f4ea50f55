/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test executions of crypt.bpf.c, in the kernel or in the reference interpreter: what both
 * must do.
 */
#ifndef _VNP_TEST_CRYPT_RUN_H
#define _VNP_TEST_CRYPT_RUN_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "crypt.h"
#include "vectors.h"

#define CRYPT_TRAILER	"after"	/* follows a text in payloads */

/**
 * struct crypt_run - a test execution
 * @obj:	crypt.bpf.c, loaded
 * @order:	in and out
 * @in:		the payload
 * @in_len:	its bytes
 * @out:	the payload as it is left
 * @out_len:	its bytes
 * @direct:	bytes that are direct; 0: all
 * @opts:	results
 * @why:	what is wrong, for messages
 */
struct crypt_run {
	struct vnp_object *obj;
	struct order order;
	__u8 in[65536];
	__u32 in_len;
	__u8 out[65536];
	__u32 out_len;
	__u32 direct;
	struct vnp_run_opts opts;
	char why[256];
};

#define WRONG(run, ...)	(snprintf((run)->why, sizeof((run)->why), __VA_ARGS__), -1)

/* crypt_run() - execute a program.  Return: 0, or a negative errno */
static inline int crypt_run(struct crypt_run *run, const char *prog)
{
	struct vnp_map *bss = vnp_object_find_map(run->obj, ".bss");
	size_t len = vnp_map_value_len(bss);
	__u8 value[4096] = {};
	__u32 zero = 0;
	int err;

	memcpy(value, &run->order, sizeof(run->order));
	err = len > sizeof(value) ? -E2BIG : vnp_map_update(bss, &zero, value, VNP_MAP_ANY);
	run->opts = (struct vnp_run_opts){
		.sz = sizeof(run->opts),
		.data_in = run->in,
		.data_in_len = run->in_len,
		.data_out = run->out,
		.data_out_len = sizeof(run->out),
		.direct_len = run->direct,
	};
	if (!err)
		err = vnp_program_run(vnp_object_find_program(run->obj, prog), &run->opts);
	if (!err)
		err = vnp_map_lookup(bss, &zero, value);
	memcpy(&run->order, value, sizeof(run->order));
	run->out_len = run->opts.data_out_len;
	return err;
}

static inline int crypt_set(struct crypt_run *run, __u32 key, const struct vnp_key *value)
{
	return vnp_map_update(vnp_object_find_map(run->obj, "keys"), &key, value, VNP_MAP_ANY);
}

/* vector_prepare() - make an order of a vector.  Return: length of its text */
static inline __u32 vector_prepare(struct crypt_run *run, const struct vector *v)
{
	struct vnp_crypt *crypt = &run->order.crypt;
	__u32 aad, text;

	aad = unhex(v->aad, run->in, sizeof(run->in));
	text = unhex(v->text, run->in + aad, sizeof(run->in) - aad);
	memcpy(run->in + aad + text, CRYPT_TRAILER, sizeof(CRYPT_TRAILER));
	run->in_len = aad + text + sizeof(CRYPT_TRAILER);
	memset(&run->order, 0, sizeof(run->order));
	run->order.crypt_len = sizeof(*crypt);
	run->order.verdict = VNP_PASS;
	crypt->off = aad;
	crypt->len = text;
	crypt->aad_len = aad;
	unhex(v->nonce, crypt->nonce, sizeof(crypt->nonce));
	return text;
}

/* Execute a program: the payload afterwards must be @want */
static inline int crypt_expect(struct crypt_run *run, const char *prog, const void *want,
			       __u32 len)
{
	int err = crypt_run(run, prog);

	if (err || run->order.ret || run->opts.fault)
		return WRONG(run, "%s: %d, %lld, fault %u", prog, err,
			     (long long)run->order.ret, run->opts.fault);
	if (run->opts.retval != run->order.verdict)
		return WRONG(run, "%s: verdict %llu", prog, (long long)run->opts.retval);
	if (run->out_len != len || run->order.len != len)
		return WRONG(run, "%s: %u bytes, %u for the program, not %u", prog,
			     run->out_len, run->order.len, len);
	if (memcmp(run->out, want, len))
		return WRONG(run, "%s: other bytes", prog);
	return 0;
}

/* Execute a program: authentication must fail, and override the program's verdict */
static inline int crypt_expect_forged(struct crypt_run *run, const char *prog, int ret)
{
	int err = crypt_run(run, prog);

	if (err || run->order.ret != ret || run->opts.fault)
		return WRONG(run, "%s: %d, %lld, fault %u", prog, err,
			     (long long)run->order.ret, run->opts.fault);
	if (run->opts.retval != VNP_DROP)
		return WRONG(run, "%s: verdict %llu", prog, (long long)run->opts.retval);
	return 0;
}

/* The payload must not contain plaintext after opening it has failed */
static inline int crypt_expect_spoilt(struct crypt_run *run, const struct vector *v, __u32 off,
				      __u32 len)
{
	const bool gcm = v->alg == VNP_KEY_AES_128_GCM || v->alg == VNP_KEY_AES_256_GCM;
	__u32 i;

	if (run->out_len != run->in_len)
		return WRONG(run, "a forged payload has %u bytes, not %u", run->out_len,
			     run->in_len);
	for (i = 0; i < run->in_len; i++)
		if (run->out[i] != (gcm && i >= off && i < off + len ? 0 : run->in[i]))
			return WRONG(run, "a forged payload has changed at %u", i);
	return 0;
}

/*
 * Tags as in Wycheproof's cases: single bits, among them those at both ends of words, and
 * whole tags that are inverted, zero, all ones, or have a bit of each byte changed
 */
static inline int vector_forge_tags(struct crypt_run *run, __u32 at, __u32 len, const char *prog)
{
	static const __u8 bits[] = { 0, 1, 7, 8, 31, 32, 33, 63, 64, 71, 77, 79, 80, 96, 97,
				     120, 121, 126, 127 };
	static const __u8 and[] = { 0xff, 0, 0, 0xff, 0xff };
	static const __u8 xor[] = { 0xff, 0, 0xff, 0x80, 0x01 };
	__u8 tag[VNP_CRYPT_TAG_MAX];
	__u32 i, k;
	int err = 0;

	memcpy(tag, run->in + at, len);
	for (i = 0; !err && i < sizeof(bits); i++) {
		if (bits[i] / 8 >= len)
			continue;
		run->in[at + bits[i] / 8] ^= 1 << bits[i] % 8;
		err = crypt_expect_forged(run, prog, -EBADMSG);
		memcpy(run->in + at, tag, len);
	}
	for (i = 0; !err && i < sizeof(xor); i++) {
		for (k = 0; k < len; k++)
			run->in[at + k] = (tag[k] & and[i]) ^ xor[i];
		err = crypt_expect_forged(run, prog, -EBADMSG);
		memcpy(run->in + at, tag, len);
	}
	return err;
}

/* Authentication fails if any byte of text, tag or additional data, or a length, is changed */
static inline int vector_forge(struct crypt_run *run, const struct vector *v)
{
	struct vnp_crypt *crypt = &run->order.crypt;
	const __u32 len = crypt->len, aad = crypt->aad_len;
	__u32 i;
	int err;

	for (i = 0; i < aad + len; i++) {
		run->in[i] ^= 1 << i % 8;
		err = crypt_expect_forged(run, "open", -EBADMSG);
		if (!err)
			err = crypt_expect_spoilt(run, v, aad, len);
		run->in[i] ^= 1 << i % 8;
		if (err)
			return err;
	}
	for (i = 0; i < len; i++) {
		crypt->len = i;
		err = crypt_expect_forged(run, "open", -EBADMSG);
		if (err)
			return err;
	}
	crypt->len = len;
	err = vector_forge_tags(run, aad + len - vector_tag(v->alg), vector_tag(v->alg), "open");
	if (err)
		return err;
	crypt->nonce[0] ^= 1;
	err = crypt_expect_forged(run, "open", -EBADMSG);
	crypt->nonce[0] ^= 1;
	return err;
}

/* vector_crypt() - check a vector of an encrypted text.  Return: 0, or -1 with @run->why */
static inline int vector_crypt(struct crypt_run *run, const struct vector *v, bool forge)
{
	const __u32 text = vector_prepare(run, v), aad = run->order.crypt.aad_len;
	static __u8 clear[4096], sealed[4096];
	const __u32 clear_len = run->in_len;
	__u32 len, sealed_len;
	int err;

	memcpy(clear, run->in, clear_len);
	memcpy(sealed, run->in, aad);
	len = unhex(v->sealed, sealed + aad, sizeof(sealed) - aad);
	memcpy(sealed + aad + len, CRYPT_TRAILER, sizeof(CRYPT_TRAILER));
	sealed_len = aad + len + sizeof(CRYPT_TRAILER);
	if (len != text + vector_tag(v->alg))
		return WRONG(run, "the vector is wrong");

	err = crypt_expect(run, "seal", sealed, sealed_len);
	if (err)
		return err;
	memcpy(run->in, sealed, sealed_len);
	run->in_len = sealed_len;
	run->order.crypt.len = len;
	err = crypt_expect(run, "open", clear, clear_len);
	if (err || !forge || !vector_tag(v->alg))
		return err;
	return vector_forge(run, v);
}

/* vector_mac() - check a vector of a text that is not encrypted, with the tag after and before it */
static inline int vector_mac(struct crypt_run *run, const struct vector *v, bool forge)
{
	const __u32 text = vector_prepare(run, v), tag = vector_tag(v->alg);
	struct vnp_crypt *crypt = &run->order.crypt;
	static __u8 want[4096];
	__u32 i;
	int err;

	memset(run->in + text, 0xee, tag);
	run->in_len = text + tag;
	memcpy(want, run->in, text);
	if (unhex(v->sealed, want + text, tag) != tag)
		return WRONG(run, "the vector is wrong");
	crypt->tag_off = text;
	err = crypt_expect(run, "mac", want, run->in_len);
	if (err)
		return err;
	memcpy(run->in, want, run->in_len);
	err = crypt_expect(run, "mac_verify", want, run->in_len);
	for (i = 0; !err && forge && i < run->in_len; i++) {
		run->in[i] ^= 0x80;
		err = crypt_expect_forged(run, "mac_verify", -EBADMSG);
		run->in[i] ^= 0x80;
	}
	if (!err && forge)
		err = vector_forge_tags(run, text, tag, "mac_verify");
	if (err)
		return err;

	memcpy(run->in, want + text, tag);
	memcpy(run->in + tag, want, text);
	memcpy(want, run->in, run->in_len);
	crypt->tag_off = 0;
	crypt->off = tag;
	crypt->len = VNP_CRYPT_END;
	return crypt_expect(run, "mac_verify", want, run->in_len);
}

/* vector_check() - check a vector, with payloads of which the first @direct bytes are direct */
static inline int vector_check(struct crypt_run *run, const struct vector *v, __u32 direct,
			       bool forge)
{
	const struct vnp_key key = vector_key(v);
	int err = crypt_set(run, 0, &key);

	if (err)
		return WRONG(run, "a key cannot be set: %d", err);
	run->direct = direct;
	return vector_encrypts(v->alg) ? vector_crypt(run, v, forge) :
					 vector_mac(run, v, forge);
}

#endif /* _VNP_TEST_CRYPT_RUN_H */
