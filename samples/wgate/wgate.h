/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What clients put in front of each datagram, and the program takes off. */
#ifndef _VNP_SAMPLE_WGATE_H
#define _VNP_SAMPLE_WGATE_H

#include <linux/types.h>

#define WGATE_TAG	16	/* bytes of HMAC-SHA-256 */
#define WGATE_KEY	32
#define WGATE_CLIENTS	1024
#define WGATE_WINDOW	256	/* numbers that may overtake one another */

/**
 * struct wgate_header - what precedes a datagram
 * @tag:	HMAC-SHA-256 of all that follows, by the client's key; its first bytes
 * @client:	whose key
 * @reserved:	zero
 * @number:	counted by the client, so that each is accepted once
 */
struct wgate_header {
	__u8 tag[WGATE_TAG];
	__be32 client;
	__be32 reserved;
	__be64 number;
};

#endif /* _VNP_SAMPLE_WGATE_H */
