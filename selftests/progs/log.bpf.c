// SPDX-License-Identifier: GPL-2.0
/* Programs that write to their log. */
#include <vnp/program.h>

__s64 ret;
__u64 number;

SEC("vnp/datagram")
int log_len(struct vnp_ctx *ctx)
{
	ret = vnp_printk(ctx, "len %u", ctx->len);
	return VNP_PASS;
}

/* Every conversion, with the same arguments as for printf(). */
SEC("vnp/datagram")
int log_all(struct vnp_ctx *ctx)
{
	ret = vnp_printk(ctx, "%d %i %u %x %c %% %ld %lu %lx %lld %llu %llx",
			 -5, -6, 7U, 0xabcU, 'c', -1L, 2UL, 0x123456789UL,
			 -3LL, 0xffffffffffffffffULL, 0xfedcba9876543210ULL);
	return VNP_PASS;
}

SEC("vnp/datagram")
int log_no_args(struct vnp_ctx *ctx)
{
	ret = vnp_printk(ctx, "no arguments");
	return VNP_PASS;
}

/* Numbered lines, to detect which were dropped. */
SEC("vnp/datagram")
int log_number(struct vnp_ctx *ctx)
{
	ret = vnp_printk(ctx, "number %llu of many, many, many", number++);
	return VNP_PASS;
}

/*
 * Invalid formats: the helper returns an error, and reads nothing out of bounds.  The
 * verifier does not check them, as they are in writable memory.
 */
#define BAD_FORMAT(name, fmt, ...)						\
char name##_fmt[] = fmt;							\
SEC("vnp/datagram")								\
int name(struct vnp_ctx *ctx)							\
{										\
	__u64 args[] = { 0, ##__VA_ARGS__ };					\
										\
	ret = vnp_log(ctx, name##_fmt, sizeof(name##_fmt), args + 1,		\
		      sizeof(args) - sizeof(args[0]));				\
	return VNP_PASS;							\
}

BAD_FORMAT(bad_string, "%s", 0x1000UL)
BAD_FORMAT(bad_pointer, "%p", 0x1000UL)
BAD_FORMAT(bad_n, "%n", 0x1000UL)
BAD_FORMAT(bad_end, "the end %")
BAD_FORMAT(bad_end_l, "the end %l")
BAD_FORMAT(bad_lll, "%llld", 1UL)
BAD_FORMAT(bad_count, "%d %d", 1UL)
