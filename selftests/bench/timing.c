// SPDX-License-Identifier: GPL-2.0
/*
 * Does the cost of a wrong tag reveal where it is wrong?  A datagram with a tag that differs from the
 * right one in one byte must take the same number of instructions wherever that byte is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "../kmod/common.h"
#include "../kmod/object.h"
#include "../progs/crypt_run.h"

#define TEXT		64	/* bytes */
#define TRIES		40

static const struct {
	const char *name;
	__u32 alg, key_len;
} timed[] = {
	{ "chacha20-poly1305", VNP_KEY_CHACHA20_POLY1305, 32 },
	{ "xchacha20-poly1305", VNP_KEY_XCHACHA20_POLY1305, 32 },
	{ "aes-128-gcm", VNP_KEY_AES_128_GCM, 16 },
	{ "aes-256-gcm", VNP_KEY_AES_256_GCM, 32 },
	{ "hmac-sha256", VNP_KEY_HMAC_SHA256, 32 },
	{ "hmac-sha1-80", VNP_KEY_HMAC_SHA1_80, 20 },
	{ "hmac-sha1-32", VNP_KEY_HMAC_SHA1_32, 20 },
	{ "poly1305", VNP_KEY_POLY1305, 32 },
};

static struct crypt_run crypt;

/* Instructions of an execution that ends as it should */
static double time_one(const char *prog, int want)
{
	struct vnp_program *program = vnp_object_find_program(crypt.obj, prog);
	const struct order order = crypt.order;
	double values[TRIES];
	__u64 start;
	int i;

	if (crypt_run(&crypt, prog) || crypt.order.ret != want)
		die("%s: %lld instead of %d.", prog, (long long)crypt.order.ret, want);
	crypt.order = order;
	for (i = 0; i < TRIES; i++) {
		crypt.opts.data_out_len = sizeof(crypt.out);
		start = ticks();
		if (vnp_program_run(program, &crypt.opts))
			die("%s cannot be executed: %s.", prog, strerror(errno));
		values[i] = ticks() - start;
	}
	return least(values, TRIES);
}

/* The range of a key for vnp_open(), sealed, or in clear with its tag; the tag is last. */
static __u32 seal_text(__u32 alg)
{
	const __u32 tag = vector_tag(alg);

	crypt.order = (struct order) {
		.crypt = { .off = 0, .len = TEXT },
		.crypt_len = sizeof(struct vnp_crypt),
		.verdict = VNP_PASS,
	};
	fill_random(crypt.in, TEXT + tag, alg);
	crypt.in_len = vector_encrypts(alg) ? TEXT : TEXT + tag;
	crypt.order.crypt.tag_off = vector_encrypts(alg) ? 0 : TEXT;
	if (crypt_run(&crypt, vector_encrypts(alg) ? "seal" : "mac") || crypt.order.ret)
		die("A text cannot be sealed.");
	memcpy(crypt.in, crypt.out, TEXT + tag);
	crypt.in_len = TEXT + tag;
	if (vector_encrypts(alg))
		crypt.order.crypt.len = TEXT + tag;
	return tag;
}

/* Print a row.  Return: does each wrong tag take the same? */
static bool time_key(const char *name, __u32 alg)
{
	const char *prog = vector_encrypts(alg) ? "open" : "mac_verify";
	const __u32 tag = seal_text(alg);
	const double right = time_one(prog, 0);
	double wrong, lowest = 0, highest = 0;
	__u32 i;

	for (i = 0; i < tag; i++) {
		crypt.in[TEXT + i] ^= 1;
		wrong = time_one(prog, -EBADMSG);
		crypt.in[TEXT + i] ^= 1;
		lowest = i && lowest < wrong ? lowest : wrong;
		highest = highest > wrong ? highest : wrong;
	}
	printf("%-20s %10.0f %11.0f %11.0f %10u\n", name, right, lowest, highest, tag);
	fflush(stdout);
	return lowest == highest;
}

void bench_aead_timing(void)
{
	struct vnp_key key;
	bool same = true;
	int err;

	printf("\n%-20s %10s %11s %11s %10s\n", "instructions", "right tag", "wrong: from", "to",
	       "positions");
	shell("modprobe -a -q " CRYPT_MODULES);
	err = vnp_object_open_file(object_path("../progs/crypt.bpf.o"), NULL, &crypt.obj);
	if (!err)
		err = vnp_object_load(crypt.obj, NULL);
	if (err)
		die("The program cannot be loaded: %s.", strerror(-err));
	for (size_t i = 0; i < ARRAY_SIZE(timed); i++) {
		key = (struct vnp_key) { .alg = timed[i].alg, .key_len = timed[i].key_len };
		fill_random(key.key, timed[i].key_len, i);
		err = RETRY(crypt_set(&crypt, 0, &key));
		if (err)
			die("The key of %s cannot be set: %s.", timed[i].name, strerror(-err));
		same &= time_key(timed[i].name, timed[i].alg);
	}
	vnp_object_close(crypt.obj);
	if (!same)
		die("The cost of a wrong tag reveals where it is wrong.");
}
