/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What program and process share. */
#ifndef _VNP_SAMPLE_TELEMETRY_H
#define _VNP_SAMPLE_TELEMETRY_H

#include <linux/types.h>

#define TELEMETRY_TAG		16
#define TELEMETRY_TEXT_MAX	(1 << 20)	/* bytes of a record's plaintext */
#define TELEMETRY_WINDOW	1024		/* numbers that may arrive late */

/**
 * struct telemetry_header - a record: this, which is authenticated, the ciphertext, and its tag
 * @len:	bytes of ciphertext and tag, big-endian
 * @number:	of the record, never used twice with a key; little-endian
 */
struct telemetry_header {
	__u8 len[4];
	__u8 number[8];
};

/* struct telemetry_stats - records */
struct telemetry_stats {
	__u64 opened;
	__u64 replayed;
};

#endif /* _VNP_SAMPLE_TELEMETRY_H */
