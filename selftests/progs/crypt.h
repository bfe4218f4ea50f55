/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_CRYPT_H
#define _VNP_TEST_CRYPT_H

#include <linux/vnp.h>

#define CRYPT_KEYS	8		/* keys that the map of crypt.bpf.c can have */
#define CRYPT_WINDOW	128		/* length of the windows */
#define CRYPT_HEADER	16		/* of datagrams for open_header() */

/* Orders for crypt.bpf.c, and its results */
struct order {
	struct vnp_crypt crypt;
	__u8 more[256];		/* for a struct that is longer than the kernel's */
	__u32 crypt_len;	/* 1 to the size of both */
	__u32 key;
	__u32 stream;		/* which window */
	__u32 verdict;
	__u64 number;
	__s64 ret;		/* of the helper */
	__s64 then;		/* of the second helper */
	__u32 len;		/* ctx->len, afterwards */
	__u32 direct;		/* data_end - data, afterwards */
};

/* struct header - of datagrams for open_header(), which is authenticated */
struct header {
	__u32 key;
	__u32 unused;
	__u64 number;		/* the last 8 bytes of the nonce */
};

#endif /* _VNP_TEST_CRYPT_H */
