/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TLS (RFC 8446 4.1.2, RFC 6066 3): finds the server name in the extensions of a
 * ClientHello record.
 */
#ifndef _VNP_BENCH_TLS_SNI_H
#define _VNP_BENCH_TLS_SNI_H

#include "processor.h"

#define TLS_RECORD_HANDSHAKE	22
#define TLS_CLIENT_HELLO	1
#define TLS_RECORD_LEN		5
#define TLS_HANDSHAKE_LEN	4
#define TLS_RANDOM_END		34	/* version and random number */
#define TLS_SERVER_NAME		0

/* Skip a list of bytes with a one-byte length. Returns its end, or NULL */
static __always_inline __u8 *tls_skip8(__u8 *p, __u8 *end)
{
	if (!p || p + 1 > end)
		return NULL;
	return p + 1 + *p;
}

static __always_inline __u8 *tls_skip16(__u8 *p, __u8 *end)
{
	if (!p || p + 2 > end)
		return NULL;
	return p + 2 + get_be16(p);
}

/* Hash of the name in a server_name extension: a list, of which the first entry is used */
static __always_inline __u32 tls_host(__u8 *p, __u8 *end)
{
	__u32 hash = HASH_SEED, len;

	if (p + 5 > end || p[2])
		return 0;
	len = get_be16(p + 3);
	p += 5;
	if (!len || p + len > end)
		return 0;
	while (len--)
		hash = hash_byte(hash, *p++);
	return hash | 1;
}

/* Hash of the server's name */
static __always_inline __u32 tls_sni(void *ctx, __u8 *data, __u8 *end)
{
	__u8 *p = data + TLS_RECORD_LEN + TLS_HANDSHAKE_LEN, *next;
	__u32 type;

	(void)ctx;
	if (p > end || data[0] != TLS_RECORD_HANDSHAKE ||
	    data[TLS_RECORD_LEN] != TLS_CLIENT_HELLO)
		return 0;
	p = tls_skip8(p + TLS_RANDOM_END, end);		/* session */
	p = tls_skip16(p, end);				/* cipher suites */
	p = tls_skip8(p, end);				/* compression */
	if (!p || p + 2 > end)
		return 0;
	if (p + 2 + get_be16(p) < end)
		end = p + 2 + get_be16(p);
	p += 2;
	while (p + 4 <= end) {
		type = get_be16(p);
		next = p + 4 + get_be16(p + 2);
		if (next > end)
			return 0;
		if (type == TLS_SERVER_NAME)
			return tls_host(p + 4, next);
		p = next;
	}
	return 0;
}

PROCESSOR(tls_sni)

#endif /* _VNP_BENCH_TLS_SNI_H */
