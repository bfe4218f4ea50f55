// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Common C idioms, compiled by all compilers: selftests/progs/idioms.bpf.c */
#include "compiled.h"

#include <linux/vnp.h>

/*
 * Results of choose(): by the first byte, the values of the second one that are passed if
 * the others are 0
 */
static const struct {
	__u8 first, passed[4], dropped[4];
} chosen[] = {
	{ 0, { 0, 1, 2, 3 }, {} },
	{ 1, { 1, 1, 1, 1 }, { 0, 2, 3, 4 } },
	{ 2, { 1, 2, 5, 7 }, { 0, 3, 4, 6 } },
	{ 3, { 0, 1, 2, 6 }, { 3, 4, 5, 7 } },
	{ 4, { 0, 2, 3, 6 }, { 1, 4, 5, 7 } },
	{ 5, { 0, 2, 4, 6 }, { 1, 3, 5, 7 } },
	{ 6, { 0, 6, 14, 21 }, { 7, 28, 35, 49 } },
	{ 9, { 0, 6, 8, 10 }, { 1, 2, 3, 4 } },
	{ 11, { 0, 1, 2, 3 }, {} },
	{ 12, {}, { 0, 1, 2, 3 } },
	{ 14, {}, { 0, 1, 2, 3 } },
};

static void check_choices(struct vnp_object *obj, __u32 mode)
{
	size_t i, k;

	for (i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		for (k = 0; k < 4; k++) {
			const __u8 passed[4] = { chosen[i].first, chosen[i].passed[k] };
			const __u8 dropped[4] = { chosen[i].first, chosen[i].dropped[k] };

			if (chosen[i].passed[3])
				assert_verdict(VNP_PASS, "choose", passed, 4, 0);
			if (chosen[i].dropped[3])
				assert_verdict(VNP_DROP, "choose", dropped, 4, 0);
		}
	}
	assert_verdict(VNP_DROP, "choose", "\0\0\0", 3, 0);
	/* case 13 depends on the length: 13 is dropped, 18 passed */
	assert_verdict(VNP_DROP, "choose", "\r            ", 13, 0);
	assert_verdict(VNP_PASS, "choose", "\r                 ", 18, 0);
}

/* Number of calls: not for -O1, where the compiled program is refused */
static __u32 names;

static void check_names(struct vnp_object *obj, __u32 mode)
{
	assert_verdict(VNP_PASS, "is_name", "\3www\2ab", 8, 0);
	assert_verdict(VNP_DROP, "is_name", "\3www\2ab", 7, 0);
	assert_verdict(VNP_DROP, "is_name", "\77", 1, 0);
	assert_verdict(VNP_PASS, "is_name", "", 1, 0);
	assert_verdict(VNP_DROP, "is_name", "", 0, 0);
	names++;
}

static void check(struct vnp_object *obj, __u32 mode)
{
	static const __u8 skips[8] = { 2 }, longer[8] = { 0, 0, 0, 0, 0, 0, 0, 0x80 };
	__u8 bytes[12] = {};

	assert_verdict(VNP_PASS, "five_left", "\1......", 7, 0);
	assert_verdict(VNP_DROP, "five_left", "\2......", 7, 0);
	assert_verdict(VNP_DROP, "five_left", "\6", 2, 0);
	assert_verdict(VNP_DROP, "five_left", "\377..", 3, 0);
	assert_verdict(VNP_PASS, "five_left", "\377....", 5, 0);

	__builtin_memcpy(bytes, skips, 8);
	bytes[10] = 1;
	assert_verdict(VNP_PASS, "skip_length", bytes, 11, 0);
	assert_verdict(VNP_DROP, "skip_length", bytes, 10, 0);
	bytes[10] = 2;
	bytes[9] = 1;
	assert_verdict(VNP_DROP, "skip_length", bytes, 11, 0);
	__builtin_memcpy(bytes, longer, 8);
	assert_verdict(VNP_DROP, "skip_length", bytes, 12, 0);

	if (vnp_object_find_program(obj, "is_name"))
		check_names(obj, mode);
	check_choices(obj, mode);
}

static void idioms(void **state)
{
	__u32 objects = compiled_each("idioms", check);

	(void)state;
	assert_int_equal(names, objects / 3 * 2 * COMPILED_MODES);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(idioms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
