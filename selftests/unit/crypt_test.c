// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Cryptography in the reference interpreter, tested with published vectors;
 * kmod/crypt_test.c executes the same program and vectors natively.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libgen.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../progs/crypt_run.h"
#include "vm/replay.h"

static struct crypt_run run;

static int setup(void **state)
{
	static const struct vnp_load_opts load_opts = {
		.sz = sizeof(load_opts), .flags = VNP_LOAD_F_USER,
	};
	char self[PATH_MAX] = "", path[2 * PATH_MAX];

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/../progs/crypt.bpf.o", dirname(self));
	assert_int_equal(vnp_object_open_file(path, NULL, &run.obj), 0);
	assert_int_equal(vnp_object_load(run.obj, &load_opts), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vnp_object_close(run.obj);
	return 0;
}

static void published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTOR_CNT; i++)
		if (vector_check(&run, &vectors[i], 0, true) ||
		    vector_check(&run, &vectors[i], 1, false))
			fail_msg("%s: %s", vectors[i].from, run.why);
}

/* A simple model of a replay window: the set of all accepted numbers */
struct model {
	__u64 next;
	bool seen[4096];
};

static int model_mark(struct model *model, __u32 window, __u64 number)
{
	if (number < model->next && model->next - number > window)
		return -ESTALE;
	if (model->seen[number])
		return -EALREADY;
	model->seen[number] = true;
	if (number >= model->next)
		model->next = number + 1;
	return 0;
}

static void windows_are_those_of_a_model(void **state)
{
	static const __u32 windows[] = { 64, 128, 192, 1024, 8192 };
	static union {
		struct vnp_replay replay;
		char size[VNP_REPLAY_SIZE(8192)];
	} at;
	static struct model model;

	(void)state;
	srand(1);
	for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
		memset(&at, 0, sizeof(at));
		memset(&model, 0, sizeof(model));
		for (int i = 0; i < 20000; i++) {
			__u64 number = rand() % 4096;

			/* mostly near the highest number, which increases */
			if (i % 16)
				number = (model.next + rand() % 300 > 200 ?
					  model.next + rand() % 300 - 200 : 0) % 4096;
			assert_int_equal(model_mark(&model, windows[w], number),
					 vnp_replay_mark(&at.replay, windows[w], number));
			assert_int_equal(model.next, at.replay.next);
		}
	}
}

static void window_limits(void **state)
{
	static union {
		struct vnp_replay replay;
		char size[VNP_REPLAY_SIZE(64)];
	} at;

	(void)state;
	assert_int_equal(vnp_replay_mark(&at.replay, 64, 0), 0);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, 0), -EALREADY);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, UINT64_MAX), -ERANGE);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, UINT64_MAX - 1), 0);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, UINT64_MAX - 1), -EALREADY);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, UINT64_MAX - 64), 0);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, UINT64_MAX - 65), -ESTALE);
	assert_int_equal(vnp_replay_mark(&at.replay, 64, 1), -ESTALE);
}

/* As the kernel does; a key that only the kernel may read is refused. */
static void keys_come_from_keyrings(void **state)
{
	struct vnp_key key = { .alg = VNP_KEY_CHACHA20_POLY1305, .flags = VNP_KEY_F_KEYRING };
	static const char bytes[33] = "a key that is 32 bytes in length";
	long serial;

	(void)state;
	serial = syscall(SYS_add_key, "user", "vnp", bytes, 32, KEY_SPEC_PROCESS_KEYRING);
	if (serial < 0)
		skip();
	key.serial = serial;
	assert_int_equal(crypt_set(&run, 0, &key), 0);
	key.alg = VNP_KEY_AES_128_GCM;
	assert_int_equal(crypt_set(&run, 0, &key), -EINVAL);
	key.alg = VNP_KEY_CHACHA20_POLY1305;
	key.key_len = 32;
	assert_int_equal(crypt_set(&run, 0, &key), -EINVAL);
	key.key_len = 0;
	serial = syscall(SYS_add_key, "logon", "vnp:key", bytes, 32, KEY_SPEC_PROCESS_KEYRING);
	assert_true(serial > 0);
	key.serial = serial;
	assert_int_equal(crypt_set(&run, 0, &key), -EOPNOTSUPP);
}

static void assert_hex(const char *hex, const __u8 *seen)
{
	__u8 want[256];
	__u32 len = unhex(hex, want, sizeof(want));

	assert_memory_equal(want, seen, len);
}

/* RFC 3711, B.3; RFC 5869, A.1 to A.3 */
static void keys_are_derived(void **state)
{
	__u8 key[80], salt[80], info[80], to[94];

	(void)state;
	unhex("e1f97a0d3e018be0d64fa32c06de4139", key, 16);
	unhex("0ec675ad498afeebb6960b3aabe6", salt, 14);
	assert_int_equal(vnp_derive_srtp(key, 16, salt, 14, VNP_SRTP_ENCRYPTION, to, 16), 0);
	assert_hex("c61e7a93744f39ee10734afe3ff7a087", to);
	assert_int_equal(vnp_derive_srtp(key, 16, salt, 14, VNP_SRTP_SALT, to, 14), 0);
	assert_hex("30cbbc08863d8c85d49db34a9ae1", to);
	assert_int_equal(vnp_derive_srtp(key, 16, salt, 14, VNP_SRTP_AUTHENTICATION, to, 94),
			 0);
	assert_hex("cebe321f6ff7716b6fd4ab49af256a156d38baa4", to);
	assert_int_equal(vnp_derive_srtp(key, 24, salt, 14, VNP_SRTP_SALT, to, 14), -EINVAL);
	assert_int_equal(vnp_derive_srtp(key, 16, salt, 13, VNP_SRTP_SALT, to, 14), -EINVAL);

	memset(key, 0x0b, 22);
	unhex("000102030405060708090a0b0c", salt, 13);
	unhex("f0f1f2f3f4f5f6f7f8f9", info, 10);
	assert_int_equal(vnp_derive_hkdf(key, 22, salt, 13, info, 10, to, 42), 0);
	assert_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8"
		   "87185865", to);
	assert_int_equal(vnp_derive_hkdf(key, 22, NULL, 0, NULL, 0, to, 42), 0);
	assert_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4"
		   "b61a96c8", to);
	for (int i = 0; i < 80; i++) {
		key[i] = i;
		salt[i] = 0x60 + i;
		info[i] = 0xb0 + i;
	}
	assert_int_equal(vnp_derive_hkdf(key, 80, salt, 80, info, 80, to, 82), 0);
	assert_hex("b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7"
		   "827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5"
		   "c1f3434f1d87", to);
	assert_int_equal(vnp_derive_hkdf(key, 80, salt, 80, info, 80, to, 8161), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(windows_are_those_of_a_model),
		cmocka_unit_test(window_limits),
		cmocka_unit_test(keys_come_from_keyrings),
		cmocka_unit_test(keys_are_derived),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
