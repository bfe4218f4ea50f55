/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_GLOBALS_H
#define _VNP_TEST_GLOBALS_H

/* .bss of globals.bpf.c: values read from other sections */
struct readings {
	__u64 runs;
	__u32 number;
	__u8 letters[8];
	__u64 constant;
	__u32 table_sum;
	__u8 word[8];
};

#endif /* _VNP_TEST_GLOBALS_H */
