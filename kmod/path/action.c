// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/action.h"

#include "kmod/hold/hold.h"
#include "kmod/link/link.h"
#include "kmod/path/batch.h"
#include "kmod/path/hook.h"

/**
 * struct vnp_action_ops - an action
 * @packet:	apply it to a packet made of a batch; consumed
 * @whole:	apply it to the packet that arrived.  Return: as @pass of struct vnp_hook_ops
 * @joins:	datagrams in packets of their own are joined to one packet
 */
struct vnp_action_ops {
	void (*packet)(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		       bool filtered);
	int (*whole)(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		     bool filtered);
	bool (*joins)(const struct vnp_link *link, const struct sock *sk);
};

static int vnp_drop_whole(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			  bool filtered)
{
	link->hook->drop(link, skb);
	vnp_batch_drop(skb);
	return 0;
}

static void vnp_pass_packet(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			    bool filtered)
{
	link->hook->deliver(link, sk, skb, filtered);
}

static int vnp_pass_whole(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			  bool filtered)
{
	return link->hook->pass(link, sk, skb, filtered);
}

/* An application gets a super-packet only if it has asked for them. */
static bool vnp_pass_joins(const struct vnp_link *link, const struct sock *sk)
{
	return link->hook->wants_batches(link, sk);
}

static void vnp_reply_packet(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			     bool filtered)
{
	link->hook->reply(link, sk, skb);
}

static int vnp_reply_whole(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			   bool filtered)
{
	link->hook->reply(link, sk, skb);
	return 0;
}

static bool vnp_reply_joins(const struct vnp_link *link, const struct sock *sk)
{
	return true;
}

static void vnp_held_packet(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			    bool filtered)
{
	vnp_hold_packet(vnp_hold_cb(skb)->holding, skb);
}

static int vnp_held_whole(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			  bool filtered)
{
	vnp_hold_packet(vnp_hold_cb(skb)->holding, skb);
	return 0;
}

/* Not needed: a fragment has a list of packets, and vnp_release_each() delivers each alone. */
static bool vnp_held_joins(const struct vnp_link *link, const struct sock *sk)
{
	return false;
}

static const struct vnp_action_ops vnp_actions[] = {
	[VNP_ACTION_DROP] = {
		.whole = vnp_drop_whole,
	},
	[VNP_ACTION_PASS] = {
		.packet = vnp_pass_packet,
		.whole = vnp_pass_whole,
		.joins = vnp_pass_joins,
	},
	[VNP_ACTION_REPLY] = {
		.packet = vnp_reply_packet,
		.whole = vnp_reply_whole,
		.joins = vnp_reply_joins,
	},
	[VNP_ACTION_HOLD] = {
		.packet = vnp_held_packet,
		.whole = vnp_held_whole,
		.joins = vnp_held_joins,
	},
};

bool vnp_action_joins(enum vnp_action action, const struct vnp_link *link,
		      const struct sock *sk)
{
	return vnp_actions[action].joins(link, sk);
}

void vnp_action_do(enum vnp_action action, struct vnp_link *link, struct sock *sk,
		   struct sk_buff *skb, bool filtered)
{
	vnp_actions[action].packet(link, sk, skb, filtered);
}

int vnp_action_do_whole(enum vnp_action action, struct vnp_link *link, struct sock *sk,
			struct sk_buff *skb, bool filtered)
{
	return vnp_actions[action].whole(link, sk, skb, filtered);
}
