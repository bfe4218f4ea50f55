/* SPDX-License-Identifier: GPL-2.0 */
/* Encrypted datagrams of the bench: a header in clear, text, and a tag. */
#ifndef _VNP_BENCH_AEAD_H
#define _VNP_BENCH_AEAD_H

#define AEAD_HEADER	12	/* bytes; its last 8 are those of the nonce */
#define AEAD_TAG	16

#endif /* _VNP_BENCH_AEAD_H */
