/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For programs of type stream: read the bytes of a message that have arrived */
#ifndef _VNP_SAMPLE_LOAD_H
#define _VNP_SAMPLE_LOAD_H

#include <vnp/program.h>

/* Results of a program of type stream */
#define MORE		0	/* the length is not known yet */
#define PASS_ALL	(-1)	/* this is no message: with VNP_LINK_F_STREAM_PASS */

/* load() - up to @len bytes from @off on.  Return: how many there are */
static __always_inline __u32 load(struct vnp_ctx *ctx, __u32 off, char *to, __u32 len)
{
	__u32 n = ctx->len - off;

	if (off >= ctx->len)
		return 0;
	if (n > len)
		n = len;
	return vnp_load_bytes(ctx, off, to, n) ? 0 : n;
}

#endif /* _VNP_SAMPLE_LOAD_H */
