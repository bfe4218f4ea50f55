/* SPDX-License-Identifier: GPL-2.0 */
/* Datagrams that libsrtp seals and opens, with AES-128-GCM */
#ifndef _VNP_BENCH_SRTP_H
#define _VNP_BENCH_SRTP_H

#include <linux/types.h>

/* srtp_begin() - before a measurement; srtp_end() - after it */
void srtp_begin(void);
void srtp_end(void);

/*
 * srtp_seal() - make datagram number @i of a header, which is replaced but for its first byte, and
 * @text bytes after it; the tag follows
 */
void srtp_seal(__u8 *packet, int i, int text);

/* srtp_open() - open one in place.  Returns its length then, or -1 */
int srtp_open(__u8 *packet, int len);

#endif /* _VNP_BENCH_SRTP_H */
