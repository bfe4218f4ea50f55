// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What clients send on bound channels goes to the peers, from the socket of the allocation;
 * what these answer goes to the clients as ChannelData, from the socket that clients send to.
 * All else is passed to the server.
 */
#include <stdbool.h>
#include <vnp/program.h>
#include "turn.h"

#define STUN_COOKIE		0x2112a442
#define STUN_ALLOCATE		0x003
#define STUN_REFRESH		0x004
#define STUN_CHANNEL_BIND	0x009

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, TURN_CHANNELS);
	__type(key, struct turn_key);
	__type(value, struct turn_binding);
} bindings SEC(".maps");

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, TURN_CHANNELS);
	__type(key, struct turn_origin);
	__type(value, struct turn_channel);
} channels SEC(".maps");

/* The clients, by who sends to them */
struct {
	__uint(type, VNP_MAP_PEERS);
	__uint(max_entries, TURN_CHANNELS);
	__type(key, struct turn_origin);
	__type(value, struct vnp_peer);
} clients SEC(".maps");

#define FOR_EACH_8(F, n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7)
/* In octal: TURN_ALLOCATIONS of them */
#define FOR_EACH_ALLOCATION(F)						\
	FOR_EACH_8(F, 00) FOR_EACH_8(F, 01) FOR_EACH_8(F, 02)		\
	FOR_EACH_8(F, 03) FOR_EACH_8(F, 04) FOR_EACH_8(F, 05)

/* The peers of an allocation, which are sent to from its socket */
#define PEERS(n)							\
struct {								\
	__uint(type, VNP_MAP_PEERS);					\
	__uint(max_entries, TURN_PEERS);				\
	__type(key, struct turn_peer_key);				\
	__type(value, struct vnp_peer);					\
} peers_##n SEC(".maps");
FOR_EACH_ALLOCATION(PEERS)

struct channel_data {
	__be16 channel;
	__be16 len;
};

struct stun {
	__be16 type;
	__be16 len;
	__be32 cookie;
	__u8 transaction[12];
};

static __always_inline long send_from(struct vnp_ctx *ctx, __u32 allocation,
				      const struct turn_peer_key *key,
				      const struct vnp_send *send)
{
	switch (allocation) {
#define SEND(n)								\
	case n:								\
		return vnp_send(ctx, &peers_##n, key, send, sizeof(*send));
	FOR_EACH_ALLOCATION(SEND)
	}
	return -1;
}

static __always_inline int relay_to_peer(struct vnp_ctx *ctx, const struct channel_data *head)
{
	struct turn_peer_key key = {
		.key = {
			.client = ctx->remote_ip4,
			.port = ctx->remote_port,
			.channel = vnp_ntohs(head->channel),
		},
		.tos = ctx->tos,
	};
	const struct vnp_send send = {
		.size = sizeof(send),
		.off = sizeof(*head),
		.len = vnp_ntohs(head->len),
	};
	struct turn_binding *binding = vnp_map_lookup(&bindings, &key.key);

	if (!binding || vnp_time_ns() >= binding->until || !send.len)
		return VNP_PASS;
	if (!send_from(ctx, binding->allocation, &key, &send))
		return VNP_DROP;
	if (binding->tos_cnt < TURN_TOS_MAX)
		vnp_printk(ctx, "tos %u %u %u %u", key.key.client, key.key.port,
			   key.key.channel, key.tos);
	return VNP_PASS;
}

/* The process looks for the attributes, and asks the server later what became of it. */
static __always_inline void tell(struct vnp_ctx *ctx, const struct stun *stun)
{
	__u64 words[TURN_WORDS] = {};
	__u32 len = ctx->len - sizeof(*stun);

	if (len > sizeof(words))
		len = sizeof(words);
	if (!len || vnp_load_bytes(ctx, sizeof(*stun), words, len))
		return;
	vnp_printk(ctx, "bind %u %u %lx %lx %lx %lx %lx %lx %lx %lx", ctx->remote_ip4,
		   ctx->remote_port, words[0], words[1], words[2], words[3], words[4],
		   words[5], words[6], words[7]);
}

static __always_inline void see_request(struct vnp_ctx *ctx)
{
	struct stun stun;

	if (vnp_load_bytes(ctx, 0, &stun, sizeof(stun)) ||
	    stun.cookie != vnp_htonl(STUN_COOKIE))
		return;
	if (stun.type == vnp_htons(STUN_CHANNEL_BIND))
		tell(ctx, &stun);
	else if (stun.type == vnp_htons(STUN_REFRESH) || stun.type == vnp_htons(STUN_ALLOCATE))
		vnp_printk(ctx, "change %u %u", ctx->remote_ip4, ctx->remote_port);
}

/* On the socket that clients send to */
SEC("vnp/datagram")
int from_client(struct vnp_ctx *ctx)
{
	struct channel_data head;

	if (ctx->family != AF_INET || vnp_load_bytes(ctx, 0, &head, sizeof(head)))
		return VNP_PASS;
	if (vnp_ntohs(head.channel) >> 14 == 1)
		return relay_to_peer(ctx, &head);
	see_request(ctx);
	return VNP_PASS;
}

/* On the sockets of allocations */
SEC("vnp/datagram")
int from_peer(struct vnp_ctx *ctx)
{
	const struct turn_origin origin = {
		.relay = ctx->local_ip4,
		.peer = ctx->remote_ip4,
		.relay_port = ctx->local_port,
		.peer_port = ctx->remote_port,
	};
	struct turn_channel *channel = vnp_map_lookup(&channels, &origin);
	struct {
		struct vnp_send send;
		struct channel_data head;
	} own = {
		.send = { sizeof(own.send), 0, 0, VNP_SEND_REST },
	};

	if (!channel || vnp_time_ns() >= channel->until || !ctx->len)
		return VNP_PASS;
	own.head.channel = vnp_htons(channel->channel);
	own.head.len = vnp_htons(ctx->len);
	return vnp_send(ctx, &clients, &origin, &own, sizeof(own)) ? VNP_PASS : VNP_DROP;
}
