// SPDX-License-Identifier: GPL-2.0
/* Messages, as of selftests/kmod/stream.h, that are answered, or sent to others. */
#include <vnp/program.h>
#include "answer.h"

#define HEADER	4

struct {
	__uint(type, VNP_MAP_GROUPS);
	__uint(max_entries, 64);
	__type(key, struct answer_member);
	__type(value, struct vnp_peer);
} peers SEC(".maps");

struct {
	__uint(type, VNP_MAP_SOCKETS);
	__uint(max_entries, 64);
	__type(key, struct answer_member);
	__type(value, struct vnp_connection);
} connections SEC(".maps");

struct {
	__uint(type, VNP_MAP_KEYS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vnp_key);
} keys SEC(".maps");

struct long_answer {
	struct vnp_send send;
	__u8 bytes[ANSWER_LONG_LEN];
};

struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct long_answer);
} answers SEC(".maps");

struct answer_orders orders;

struct framed {
	struct vnp_send send;
	__u8 head[ANSWER_HEAD];
};

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	__u8 header[HEADER];

	if (vnp_load_bytes(ctx, 0, header, sizeof(header)))
		return 0;
	return HEADER + (header[1] << 16 | header[2] << 8 | header[3]);
}

static __always_inline long reply_framed(struct vnp_ctx *ctx, __u32 len)
{
	struct framed framed = {
		.send = { sizeof(framed.send), 0, HEADER, len },
		.head = { '1', '2', '3', '4', '5' },
	};

	return vnp_reply(ctx, 0, &framed, sizeof(framed.send) + ANSWER_HEAD);
}

static __always_inline long reply_long(struct vnp_ctx *ctx)
{
	__u32 key = 0;
	struct long_answer *answer = vnp_map_lookup(&answers, &key);

	if (!answer)
		return -1;
	answer->send.size = sizeof(answer->send);
	answer->send.flags = 0;
	answer->send.off = HEADER;
	answer->send.len = VNP_SEND_REST;
	return vnp_reply(ctx, 0, answer, sizeof(*answer));
}

static __always_inline long send_sealed(struct vnp_ctx *ctx)
{
	struct answer_member member = {};
	struct vnp_seal seal = {
		.size = sizeof(seal),
		.off = HEADER,
		.len = VNP_SEND_REST,
	};

	return vnp_send_sealed(ctx, &peers, &member, &keys, &seal);
}

static __always_inline int done(long ret, int verdict)
{
	orders.ret = ret;
	if (ret < 0)
		return VNP_PASS;
	orders.sent++;
	return verdict;
}

SEC("vnp/message")
int answer(struct vnp_ctx *ctx)
{
	struct answer_member member = {};
	__u8 type = 0;
	long ret;

	orders.seen = ctx->unanswered;
	orders.link_id = ctx->link_id;
	vnp_load_bytes(ctx, 0, &type, sizeof(type));
	switch (type) {
	case 'D':
		return VNP_DROP;
	case 'H':
		return VNP_HELD;
	case ANSWER_ALL:
		return done(vnp_reply(ctx, 0, NULL, 0), VNP_REPLY);
	case ANSWER_VERDICT:
		return VNP_REPLY;
	case ANSWER_TAIL:
		return done(reply_framed(ctx, VNP_SEND_REST), VNP_REPLY);
	case ANSWER_LONG:
		return done(reply_long(ctx), VNP_REPLY);
	case ANSWER_BLIND:
		done(reply_long(ctx), VNP_REPLY);
		return VNP_REPLY;
	case ANSWER_IDLE:
		return ctx->unanswered ? VNP_PASS :
					 done(vnp_reply(ctx, 0, NULL, 0), VNP_REPLY);
	case ANSWER_ACK:
		return done(reply_framed(ctx, 0), VNP_PASS);
	case SEND_PEER:
		return done(vnp_send(ctx, &peers, &member, NULL, 0), VNP_DROP);
	case SEND_PASS:
		return done(vnp_send(ctx, &peers, &member, NULL, 0), VNP_PASS);
	case SEND_GROUP:
		ret = vnp_send_group(ctx, &peers, &member, NULL, 0);
		if (ret >= 0)
			ret = vnp_send_group(ctx, &connections, &member, NULL, 0);
		return done(ret, VNP_DROP);
	case SEND_SEALED:
		return done(send_sealed(ctx), VNP_DROP);
	}
	return VNP_PASS;
}

/* Executed on the queue itself, not on a copy */
SEC("vnp/message")
int echo(struct vnp_ctx *ctx)
{
	return ctx->len ? VNP_REPLY : VNP_DROP;
}
