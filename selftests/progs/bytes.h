/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_BYTES_H
#define _VNP_TEST_BYTES_H

#define CHUNK	64

/* Arguments of the programs in bytes.bpf.c, and their results */
struct bytes_op {
	__u32 off;
	__u32 len;		/* load(), store(): at most CHUNK; pull(): any */
	__u8 chunk[CHUNK];	/* load(): output; store(): input */
	__s64 ret;		/* return value of the helper */
	__u64 direct;		/* data_end - data, afterwards */
	__u32 total;		/* ctx->len, afterwards */
	__u64 sum;		/* of all bytes between data and data_end, afterwards */
};

#endif /* _VNP_TEST_BYTES_H */
