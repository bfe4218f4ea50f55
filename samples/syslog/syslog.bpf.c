// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Messages to a syslog collector arrive in batches, each a datagram as it came, and at once if
 * one is critical.
 */
#include <vnp/program.h>

#define CRITICAL	2	/* RFC 5424: and what is more severe */

/* Set by the process: how many datagrams a batch has */
__u32 batch = 32;

static __u32 next;

/* The severity in "<PRIORITY>..."; 7 if there is none */
static __always_inline __u32 severity(struct vnp_ctx *ctx)
{
	char text[5] = {};
	__u32 priority = 0;
	int i;

	if (vnp_load_bytes(ctx, 0, text, sizeof(text)) || text[0] != '<')
		return 7;
	for (i = 1; i < 4 && text[i] >= '0' && text[i] <= '9'; i++)
		priority = priority * 10 + text[i] - '0';
	return text[i] == '>' ? priority & 7 : 7;
}

SEC("vnp/datagram")
int syslog(struct vnp_ctx *ctx)
{
	struct vnp_held held;

	if (vnp_hold(ctx, 0, __sync_fetch_and_add(&next, 1), 0))
		return VNP_PASS;
	if (!vnp_held(ctx, 0, &held, sizeof(held)) &&
	    (held.fragments >= batch || severity(ctx) <= CRITICAL))
		vnp_release_each(ctx, 0);
	return VNP_HELD;
}
