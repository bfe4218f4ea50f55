// SPDX-License-Identifier: GPL-2.0
/*
 * Each datagram contains an order, which selects the verdict; the program checks everything
 * that it can see of the datagram.
 */
#include <vnp/program.h>
#include "orders.h"

struct tally tally;

static __always_inline int same4(const __be32 *a, const __be32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline int same_flow(const struct vnp_ctx *ctx)
{
	return ctx->family == tally.family &&
	       ctx->remote_ip4 == tally.remote_ip4 &&
	       ctx->local_ip4 == tally.local_ip4 &&
	       same4(ctx->remote_ip6, tally.remote_ip6) &&
	       same4(ctx->local_ip6, tally.local_ip6) &&
	       ctx->remote_port == tally.remote_port &&
	       ctx->local_port == tally.local_port;
}

/* is_mark() - if the mark can be read directly, is it the one that was loaded? */
static __always_inline int is_mark(const struct vnp_ctx *ctx,
				   const struct mark *mark)
{
	const struct mark *p = ctx->data;

	if ((void *)(p + 1) > ctx->data_end) {
		tally.unread++;
		return 1;
	}
	return p->order == mark->order && p->len == mark->len &&
	       p->seq == mark->seq;
}

static __always_inline int is_whole(struct vnp_ctx *ctx, const struct mark *mark)
{
	__u8 last;

	return mark->len == ctx->len && mark->seq == tally.next_seq &&
	       !vnp_load_bytes(ctx, ctx->len - 1, &last, 1) &&
	       last == (__u8)mark->seq &&
	       vnp_load_bytes(ctx, ctx->len, &last, 1);
}

static __always_inline int pull(struct vnp_ctx *ctx, __u32 seq)
{
	__u8 *p, *end;
	__u32 last;

	if (vnp_pull(ctx, 0))
		return 0;
	p = ctx->data;
	end = ctx->data_end;
	last = ctx->len - 1;
	return last < 65536 && p + last + 1 == end && p[last] == (__u8)seq;
}

static __always_inline int invert_middle(struct vnp_ctx *ctx)
{
	__u32 bytes;

	if (vnp_load_bytes(ctx, ctx->len / 2, &bytes, sizeof(bytes)))
		return 0;
	bytes = ~bytes;
	return !vnp_store_bytes(ctx, ctx->len / 2, &bytes, sizeof(bytes));
}

static __always_inline int verdict(struct vnp_ctx *ctx, const struct mark *mark)
{
	switch (mark->order) {
	case ORDER_DROP:
		return VNP_DROP;
	case ORDER_FAULT:
		return ((__u8 *)ctx->data)[ctx->len + 70000];
	case ORDER_VERDICT:
		return 7;
	case ORDER_PULL:
		tally.wrong += !pull(ctx, mark->seq);
		return VNP_PASS;
	case ORDER_STORE:
	case ORDER_INVERT:
		if (invert_middle(ctx))
			return VNP_PASS;
		/* Out of memory: do not pass the datagram unchanged. */
		tally.wrong++;
		return VNP_DROP;
	}
	return VNP_PASS;
}

static __always_inline int apply_mark(struct vnp_ctx *ctx, struct mark *mark)
{
	tally.seen++;
	if (vnp_load_bytes(ctx, 0, mark, sizeof(*mark))) {
		mark->order = ORDER_PASS;
		tally.next_seq++;
		return VNP_PASS;
	}
	tally.wrong += !same_flow(ctx) || !is_mark(ctx, mark) ||
		       !is_whole(ctx, mark);
	tally.next_seq++;
	return verdict(ctx, mark);
}

SEC("vnp/datagram")
int apply(struct vnp_ctx *ctx)
{
	struct mark mark;

	return apply_mark(ctx, &mark);
}

/* Never writes to the payload, so passed datagrams need not be copied. */
SEC("vnp/datagram")
int read_only(struct vnp_ctx *ctx)
{
	struct mark mark;

	tally.seen++;
	tally.next_seq++;
	if (vnp_load_bytes(ctx, 0, &mark, sizeof(mark)))
		return VNP_PASS;
	tally.wrong += !same_flow(ctx) || !is_mark(ctx, &mark);
	if (mark.order == ORDER_PULL)
		tally.wrong += !pull(ctx, mark.seq);
	return mark.order != ORDER_DROP;
}

/* headers_match() - do the IP and UDP headers agree with the context? */
static __always_inline int headers_match(struct vnp_ctx *ctx, __u32 headers)
{
	const __u32 len_at = ctx->family == 10 ? 4 : 2;
	const __u32 not_counted = ctx->family == 10 ? 40 : 0;
	__be16 ip_len, udp_len, ports[2];

	return !vnp_load_bytes(ctx, len_at, &ip_len, 2) &&
	       !vnp_load_bytes(ctx, headers - 8, ports, 4) &&
	       !vnp_load_bytes(ctx, headers - 4, &udp_len, 2) &&
	       vnp_ntohs(ip_len) + not_counted == ctx->len &&
	       vnp_ntohs(udp_len) == ctx->len - headers + 8 &&
	       vnp_ntohs(ports[0]) == tally.remote_port &&
	       vnp_ntohs(ports[1]) == tally.local_port;
}

/* As read_only(), for a program that sees the headers */
SEC("vnp/packet")
int read_headers(struct vnp_ctx *ctx)
{
	const __u32 headers = ctx->family == 10 ? 48 : 28;
	struct mark mark;

	tally.seen++;
	tally.wrong += !same_flow(ctx) || !headers_match(ctx, headers);
	if (vnp_load_bytes(ctx, headers, &mark, sizeof(mark)))
		return VNP_PASS;
	tally.wrong += mark.len != ctx->len - headers;
	return mark.order != ORDER_DROP;
}

/* As apply(), with direct writes for ORDER_INVERT */
SEC("vnp/datagram")
int write_direct(struct vnp_ctx *ctx)
{
	struct mark mark;
	int ret = apply_mark(ctx, &mark);
	__u8 *p = ctx->data;

	if (mark.order != ORDER_INVERT)
		return ret;
	if (p + 16 > (__u8 *)ctx->data_end) {
		vnp_pull(ctx, 16);
		p = ctx->data;
	}
	if (p + 16 > (__u8 *)ctx->data_end)
		return VNP_DROP;
	for (int i = 8; i < 16; i++)
		p[i] = ~p[i];
	return ret;
}
