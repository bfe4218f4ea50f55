// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each datagram is sent to those who have subscribed to its topic, and so is each message of the
 * connections that publish: a datagram with its length in front.
 */
#include <vnp/program.h>
#include "feed.h"

struct {
	__uint(type, VNP_MAP_PEERS);
	__uint(max_entries, FEED_SUBSCRIBERS);
	__type(key, __u32);
	__type(value, struct vnp_peer);
} subscribers SEC(".maps");

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, FEED_MEMBERS);
	__type(key, struct feed_member);
	__type(value, struct vnp_peer);
} groups SEC(".maps");

struct {
	__uint(type, VNP_MAP_SOCKETS);
	__uint(max_entries, FEED_CONNECTIONS);
	__type(key, struct feed_member);
	__type(value, struct vnp_connection);
} connections SEC(".maps");

struct feed_state state;

/* In front of each datagram that is sent over TCP */
struct framed {
	struct vnp_send send;
	__be32 len;
};

/* Two loops, as each iteration is charged what the longest path through its body costs. */
static __always_inline void match(struct vnp_ctx *ctx, __u32 topic, const void *send, __u32 size)
{
	const volatile __u64 *filters = state.filters[topic / 64 & (FEED_WORDS - 1)];
	const __u64 bit = 1ULL << (topic & 63);
	__u32 i = 0, left;

	for (left = FEED_MATCHES; left; left--, i++) {
		while (i < FEED_SUBSCRIBERS && i < state.slots) {
			/* Otherwise clang counts with a pointer, which needs a guard. */
			asm volatile("" : "+r"(i));
			if (filters[i & (FEED_SUBSCRIBERS - 1)] & bit)
				break;
			i++;
		}
		if (i >= FEED_SUBSCRIBERS || i >= state.slots)
			break;
		vnp_send(ctx, &subscribers, &i, send, size);
	}
}

/**
 * publish() - a datagram that begins at @off
 * @ctx:	the context
 * @off:	where it begins
 * @send:	what subscribers by UDP get, and its size, for vnp_send()
 * @size:	likewise
 * @framed:	what those by TCP get
 * @framed_size: likewise
 */
static __always_inline void publish(struct vnp_ctx *ctx, __u32 off, const void *send, __u32 size,
				    const void *framed, __u32 framed_size)
{
	struct feed_member group = {};
	struct feed_header header;

	if (vnp_load_bytes(ctx, off, &header, sizeof(header)) ||
	    vnp_ntohl(header.topic) >= FEED_TOPICS) {
		__sync_fetch_and_add(&state.others, 1);
		return;
	}
	group.topic = vnp_ntohl(header.topic);
	if (*(volatile __u32 *)&state.grouped[group.topic & (FEED_TOPICS - 1)])
		vnp_send_group(ctx, &groups, &group, send, size);
	else
		match(ctx, group.topic, send, size);
	vnp_send_group(ctx, &connections, &group, framed, framed_size);
	__sync_fetch_and_add(&state.published, 1);
}

SEC("vnp/datagram")
int feed(struct vnp_ctx *ctx)
{
	struct framed framed = {
		.send = { sizeof(framed.send), 0, 0, VNP_SEND_REST },
		.len = vnp_htonl(ctx->len),
	};

	publish(ctx, 0, NULL, 0, &framed, sizeof(framed));
	return VNP_DROP;
}

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	__be32 len;

	if (vnp_load_bytes(ctx, 0, &len, sizeof(len)))
		return 0;
	return vnp_ntohl(len) > FEED_LEN_MAX ? -1 : (int)(sizeof(len) + vnp_ntohl(len));
}

/* The process is woken from time to time, or the kernel would send no more (VNP_STREAM_SENDS_MAX). */
SEC("vnp/message")
int feed_message(struct vnp_ctx *ctx)
{
	const struct vnp_send send = { sizeof(send), 0, sizeof(__be32), VNP_SEND_REST };

	publish(ctx, sizeof(__be32), &send, sizeof(send), NULL, 0);
	return vnp_random_u32() % FEED_WAKES ? VNP_DROP : VNP_PASS;
}
