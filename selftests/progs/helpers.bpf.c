// SPDX-License-Identifier: GPL-2.0
/* Helpers that use neither the payload nor maps. */
#include <vnp/program.h>
#include "helpers.h"

struct sums sums;					/* in .bss */
struct numbers numbers = { .time = { 1, 1 } };	/* in .data */

SEC("vnp/datagram")
int diff(struct vnp_ctx *ctx)
{
	__u32 from_len = sums.from_len, to_len = sums.to_len;

	if (from_len > CSUM_MAX || to_len > CSUM_MAX)
		return VNP_DROP;
	sums.ret = vnp_csum_diff(sums.from, from_len, sums.to, to_len, sums.seed);
	return VNP_PASS;
}

SEC("vnp/datagram")
int diff_from_nothing(struct vnp_ctx *ctx)
{
	__u32 to_len = sums.to_len;

	if (to_len > CSUM_MAX)
		return VNP_DROP;
	sums.ret = vnp_csum_diff(NULL, 0, sums.to, to_len, sums.seed);
	return VNP_PASS;
}

SEC("vnp/datagram")
int diff_to_nothing(struct vnp_ctx *ctx)
{
	__u32 from_len = sums.from_len;

	if (from_len > CSUM_MAX)
		return VNP_DROP;
	sums.ret = vnp_csum_diff(sums.from, from_len, NULL, 0, sums.seed);
	return VNP_PASS;
}

SEC("vnp/datagram")
int ask(struct vnp_ctx *ctx)
{
	numbers.time[0] = vnp_time_ns();
	for (int i = 0; i < 64; i++)
		numbers.random[i] = vnp_random_u32();
	numbers.time[1] = vnp_time_ns();
	return VNP_PASS;
}
