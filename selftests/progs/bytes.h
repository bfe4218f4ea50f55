/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_BYTES_H
#define _VNP_TEST_BYTES_H

#define CHUNK	64

/* Orders for bytes.bpf.c, and its results */
struct wish {
	__u32 off;
	__u32 len;		/* of load, store: at most CHUNK; of pull: any */
	__u8 chunk[CHUNK];	/* loaded; to be stored */
	__s64 ret;		/* of the helper */
	__u64 direct;		/* data_end - data, afterwards */
	__u32 total;		/* ctx->len, afterwards */
	__u64 sum;		/* of all bytes between data and data_end, afterwards */
};

#endif /* _VNP_TEST_BYTES_H */
