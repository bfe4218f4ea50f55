// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Common mistakes of authors, for message_test.c. */
#include <linux/bpf.h>
#include <vnp/program.h>

/* as <bpf/bpf_helpers.h> has them */
static __u32 (*const kernel_random)(void) = (void *)BPF_FUNC_get_prandom_u32;
static __u32 (*const kernel_cpu)(void) = (void *)BPF_FUNC_get_smp_processor_id;

SEC("vnp/datagram")
int kernel_helper(struct vnp_ctx *ctx)
{
	(void)ctx;
	return kernel_random() & 1;
}

SEC("vnp/datagram")
int kernel_helper_only(struct vnp_ctx *ctx)
{
	(void)ctx;
	return kernel_cpu() & 1;
}

SEC("vnp/datagram")
int bad_conversion(struct vnp_ctx *ctx)
{
	vnp_printk(ctx, "from %pI4 %s", ctx->remote_ip4, ctx->len);
	return VNP_PASS;
}

SEC("vnp/datagram")
int bad_count(struct vnp_ctx *ctx)
{
	vnp_printk(ctx, "%u of %u", ctx->len);
	return VNP_PASS;
}

/* one of two formats, so that the verifier does not know it */
SEC("vnp/datagram")
int bad_sometimes(struct vnp_ctx *ctx)
{
	static const char good[] = "%d", bad[] = "%s";
	__u64 arg = 1;

	return vnp_log(ctx, ctx->len ? good : bad, sizeof(good), &arg, sizeof(arg)) ?
	       VNP_PASS : VNP_DROP;
}

SEC("vnp/datagram")
int never_verdict(struct vnp_ctx *ctx)
{
	return ctx->len > 5 ? 99 : -1;
}

SEC("vnp/datagram")
int sometimes_verdict(struct vnp_ctx *ctx)
{
	unsigned char *p = ctx->data;

	if (p + 2 > (unsigned char *)ctx->data_end)
		return -1;
	return p[0] == p[1] ? VNP_PASS : VNP_DROP;
}

SEC("vnp/message")
int answers_message(struct vnp_ctx *ctx)
{
	return ctx->len > 5 ? VNP_REPLY : VNP_HELD;
}

static __attribute__((noinline)) int parse(struct vnp_ctx *ctx)
{
	unsigned char *p = ctx->data;

	if (p + 2 > (unsigned char *)ctx->data_end)
		return -7;
	return p[0];
}

/* what parse() returns is not a verdict, but is not returned as one */
SEC("vnp/datagram")
int verdict_of_number(struct vnp_ctx *ctx)
{
	int n = parse(ctx);

	if (n == -7)
		return VNP_DROP;
	return n & 1;
}

SEC("vnp/datagram")
int passes_number_on(struct vnp_ctx *ctx)
{
	int n = parse(ctx);

	if (n < 0)
		return n;
	return VNP_PASS;
}
