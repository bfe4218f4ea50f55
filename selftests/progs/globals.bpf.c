// SPDX-License-Identifier: GPL-2.0
/* Global variables of every section. */
#include <vnp/program.h>
#include "globals.h"

__u32 number = 42;
__u8 letters[8] = "letters";
const volatile __u64 constant = 0x123456789abcdef0;
const volatile __u32 table[4] = { 1, 20, 300, 4000 };
struct readings readings;
static __u64 hidden = 7;

SEC("vnp/datagram")
int reads(struct vnp_ctx *ctx)
{
	static const char word[8] = "inside";

	readings.runs++;
	readings.number = number;
	for (int i = 0; i < 8; i++) {
		readings.letters[i] = letters[i];
		readings.word[i] = ((const volatile char *)word)[i];
	}
	readings.constant = constant;
	readings.table_sum = table[0] + table[1] + table[2] + table[3];
	return VNP_PASS;
}

SEC("vnp/datagram")
int writes(struct vnp_ctx *ctx)
{
	number++;
	letters[0] = 'L';
	hidden *= 3;
	return hidden == 21 ? VNP_PASS : VNP_DROP;
}

/*
 * Writes to .rodata through a pointer that clang cannot see through: it would drop the
 * store.
 */
SEC("vnp/datagram")
int writes_constant(struct vnp_ctx *ctx)
{
	__u64 *p = (__u64 *)&constant;

	asm volatile("" : "+r"(p));
	*p = 1;
	return VNP_PASS;
}
