/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_SEALED_PROG_H
#define _VNP_TEST_SEALED_PROG_H

#include <linux/types.h>

/* Keys of the map; no message has the last one, which is not set. */
enum {
	SEALED_CHACHA,
	SEALED_AES,
	SEALED_MAC,
	SEALED_MISSING,
	SEALED_KEYS,
};

/* struct sealed_header::flags */
#define SEALED_F_KEEP	1	/* the header stays */
#define SEALED_F_TRY	2	/* a key that is missing is tried before */
#define SEALED_F_WRITE	4	/* its number is written over the first bytes of the text */
#define SEALED_F_EMPTY	8	/* all bytes are removed */
#define SEALED_F_FAULT	16	/* the program faults afterwards */

/**
 * struct sealed_header - a message: this, the text, its tag
 * @type:	MSG_*; for %MSG_LAST the last byte of the text says it
 * @len:	bytes after the first four, big-endian
 * @key:	the key
 * @flags:	SEALED_F_*
 * @unused:	zero
 * @number:	end of the nonce
 */
struct sealed_header {
	__u8 type;
	__u8 len[3];
	__u8 key;
	__u8 flags;
	__u8 unused[2];
	__u64 number;
};

#endif /* _VNP_TEST_SEALED_PROG_H */
