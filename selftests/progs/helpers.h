/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_HELPERS_H
#define _VNP_TEST_HELPERS_H

#define CSUM_MAX	512

/* Arguments of the programs in helpers.bpf.c, and their results */
struct sums {
	__u32 from_len;
	__u32 to_len;
	__u32 seed;
	__u8 from[CSUM_MAX];
	__u8 to[CSUM_MAX];
	__s64 ret;
};

struct numbers {
	__u64 time[2];
	__u32 random[64];
};

#endif /* _VNP_TEST_HELPERS_H */
