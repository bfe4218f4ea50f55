// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The format engine of vnp_log(). */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "random_program.h"
#include "vm/isa/format.h"
#include "vm/report/log.h"
#include "vm_util.h"

static char line[64];

static int format(const char *fmt, __u32 cnt, const u64 *args)
{
	return vnp_format(line, sizeof(line), fmt, strlen(fmt) + 1, args,
			  cnt * sizeof(*args));
}

#define ARGS(...)							\
	sizeof((const u64[]){ 0, ##__VA_ARGS__ }) / sizeof(u64) - 1,	\
	(const u64[]){ 0, ##__VA_ARGS__ } + 1

#define assert_line(text, fmt, ...)					\
	do {								\
		assert_int_equal(format(fmt, ARGS(__VA_ARGS__)), strlen(text));	\
		assert_string_equal(line, text);			\
	} while (0)

static void conversions(void **state)
{
	(void)state;
	assert_line("", "");
	assert_line("hello, world", "hello, world\n");
	assert_line("100%", "100%%");
	assert_line("0 -1 5", "%d %d %i", 0, -1ULL, 5);
	assert_line("-2147483648", "%d", 0x80000000);
	assert_line("4294967295", "%u", -1ULL);
	assert_line("ffffffff 0", "%x %x", -1ULL, 0x100000000);
	assert_line("-1 -9223372036854775808", "%ld %lld", -1ULL, 1ULL << 63);
	assert_line("18446744073709551615", "%lu", -1ULL);
	assert_line("123456789abcdef0", "%llx", 0x123456789abcdef0);
	assert_line("[A]", "[%c]", 'A');
	assert_line("1 2 3 4 5 6 7 8 9 10 11 12", "%u %u %u %u %u %u %u %u %u %u %u %u",
		    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
}

static void control_characters_are_replaced(void **state)
{
	(void)state;
	assert_line("?[31m?", "%c[31m%c", 27, 7);
	assert_line("a?b?", "a\nb\r\n");
	assert_line("??", "\x80\xff");
	assert_line("?", "%c", 0);
}

static void bad_formats(void **state)
{
	static const char * const bad[] = {
		"%", "%s", "%p", "%n", "%5d", "%-d", "%.3u", "%hd", "%llld", "%l",
		"%ll", "%lc", "%f", "%*d", "%d%", "%\n",
	};
	u64 args[12] = {};
	char no_end[4] = "abcd";
	__u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(format(bad[i], 1, args), -EINVAL);
	/* too many and too few arguments */
	assert_int_equal(format("%d", 0, args), -EINVAL);
	assert_int_equal(format("%d", 2, args), -EINVAL);
	assert_int_equal(format("", 1, args), -EINVAL);
	/* invalid lengths */
	assert_int_equal(vnp_format(line, 64, no_end, 4, args, 0), -EINVAL);
	assert_int_equal(vnp_format(line, 64, "", 0, args, 0), -EINVAL);
	assert_int_equal(vnp_format(line, 64, NULL, VNP_FORMAT_MAX + 1, args, 0), -EINVAL);
	assert_int_equal(vnp_format(line, 64, "%d", 3, args, 7), -EINVAL);
	assert_int_equal(vnp_format(line, 64, "", 1, NULL,
				    (VNP_FORMAT_ARGS_MAX + 1) * sizeof(*args)), -EINVAL);
}

static void assert_says(const char *text, const char *fmt, __u32 cnt)
{
	char printed[VNP_FORMAT_LINE_MAX];
	u64 args[VNP_FORMAT_ARGS_MAX] = {};

	assert_int_equal(vnp_format(printed, sizeof(printed), fmt, strlen(fmt) + 1, args,
				    cnt * sizeof(*args)), -EINVAL);
	assert_string_equal(printed, text);
}

/* The logged line says what is wrong with the format */
static void bad_formats_are_explained(void **state)
{
#define HAS	": it has %d, %i, %u and %x, with l or ll, %c and %%"

	(void)state;
	assert_says("vnp_printk() has no conversion %s" HAS, "addr %s %p", 4);
	assert_says("vnp_printk() has no conversion %p" HAS, "%d %pI4", 2);
	assert_says("vnp_printk() has no conversion %-08ld" HAS, "%-08ld", 1);
	assert_says("vnp_printk() has no conversion %hd" HAS, "%hd %d", 2);
	assert_says("vnp_printk() has no conversion %llld" HAS, "%llld", 1);
	assert_says("vnp_printk() has no conversion %" HAS, "the end %", 1);
	assert_says("vnp_printk() has no conversion %?" HAS, "%\33", 1);
	assert_says("vnp_printk() is given 1 numbers for 2 conversions", "%d %u", 1);
	assert_says("vnp_printk() takes 128 bytes of format and 12 numbers at most", "", 13);
}

static void lines_are_truncated(void **state)
{
	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(vnp_format(line, 5, "123456", 7, NULL, 0), 4);
	assert_string_equal(line, "1234");
	assert_int_equal(line[5], 'x');
	assert_int_equal(vnp_format(line, 1, "1", 2, NULL, 0), 0);
	assert_string_equal(line, "");
}

/* The longest possible line fits VNP_FORMAT_LINE_MAX */
static void longest_line(void **state)
{
	char fmt[VNP_FORMAT_MAX], text[VNP_FORMAT_LINE_MAX];
	u64 args[VNP_FORMAT_ARGS_MAX];
	__u32 i, len = 0;

	(void)state;
	for (i = 0; i < VNP_FORMAT_ARGS_MAX; i++) {
		args[i] = 1ULL << 63;
		memcpy(fmt + len, "%ld", 3);
		len += 3;
	}
	memset(fmt + len, 'a', sizeof(fmt) - len - 1);
	fmt[sizeof(fmt) - 1] = 0;
	assert_int_equal(vnp_format(text, sizeof(text), fmt, sizeof(fmt), args,
				    sizeof(args)),
			 20 * VNP_FORMAT_ARGS_MAX + sizeof(fmt) - 1 - len);
}

static void random_formats(void **state)
{
	__u64 random = 1;
	u64 args[4] = { 1, 2, 3, 4 };
	__u32 n, i;

	(void)state;
	for (n = 0; n < 100000; n++) {
		char fmt[16], out[24];
		int len;

		for (i = 0; i < sizeof(fmt); i++)
			fmt[i] = "%dlluxc ia\n\0s%%"[random_next(&random) % 15];
		fmt[sizeof(fmt) - 1] = 0;
		memset(out, 'x', sizeof(out));
		len = vnp_format(out, sizeof(out), fmt, sizeof(fmt), args,
				 n % 5 * sizeof(*args));
		assert_true(strlen(out) < sizeof(out));
		assert_true(len == -EINVAL || len == (int)strlen(out));
	}
}

/* The last byte of a format, which alternately is a NUL, until @stop */
struct end {
	volatile char *byte;
	atomic_bool stop;
};

static void *change_end(void *arg)
{
	struct end *end = arg;

	while (!atomic_load_explicit(&end->stop, memory_order_relaxed)) {
		*end->byte = 0;
		*end->byte = 'x';
	}
	return NULL;
}

/*
 * A format in a frozen map is checked when the program is loaded.  User space may still write to the
 * map's memory, if it has pinned that before.
 */
static void constant_format_changes(void **state)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *value = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct vnp_map_desc map = {
		.type = VNP_MAP_ARRAY, .flags = VNP_MAP_F_RDONLY_PROG, .key_size = 4,
		.value_size = page, .max_entries = 1, .handle = value, .value = value,
		.constant = true,
	};
	const struct bpf_insn insns[] = {
		BPF_LD_MAP_VALUE(R2, 0, page - VNP_FORMAT_MAX), BPF_MOV64_IMM(R3, VNP_FORMAT_MAX),
		BPF_MOV64_IMM(R4, 0), BPF_MOV64_IMM(R5, 0), BPF_CALL_HELPER(log),
		RETURN(VNP_PASS),
	};
	struct vnp_log log = { .size = 0 };
	const struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM, .insns = insns, .insn_cnt = ARRAY_SIZE(insns),
		.maps = &map, .map_cnt = 1, .budget = VNP_BUDGET_MAX, .log = &log,
	};
	struct end end = { .byte = value + page - 1 };
	struct vnp_code *code;
	pthread_t changer;
	int ret;

	(void)state;
	assert_ptr_not_equal(value, MAP_FAILED);
	memset(value, 'x', page);
	assert_int_equal(mprotect(value + page, page, PROT_NONE), 0);
	assert_int_equal(pthread_create(&changer, NULL, change_end, &end), 0);
	for (int i = 0; i < 40000; i++) {
		code = NULL;
		assert_int_equal(vnp_code_create(&attr, &code), 0);
		ret = vnp_code_check(code);
		assert_true(!ret || ret == -EACCES);
		vnp_code_destroy(code);
	}
	end.stop = true;
	pthread_join(changer, NULL);
	munmap(value, 2 * page);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversions),
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(bad_formats),
		cmocka_unit_test(bad_formats_are_explained),
		cmocka_unit_test(lines_are_truncated),
		cmocka_unit_test(longest_line),
		cmocka_unit_test(random_formats),
		cmocka_unit_test(constant_format_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
