/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VNP_MAP_PEERS and VNP_MAP_GROUPS: addresses that programs send to.
 *
 * The address of a peer does not change: setting another one replaces the struct
 * vnp_target.  Programs find it under RCU; a packet for it that is sent after RCU is unlocked
 * holds a reference.  A target holds a reference to the socket from which packets are sent to
 * it, and is freed after a grace period.
 */
#ifndef _VNP_MAP_PEERS_H
#define _VNP_MAP_PEERS_H

#include <linux/in6.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/rculist.h>
#include <linux/u64_stats_sync.h>
#include <linux/vnp.h>
#include "kmod/path/route.h"
#include "kmod/path/send.h"

struct sock;
struct vnp_map;
struct vnp_target;
struct vnp_udp_block;

/**
 * struct vnp_target_stats - what happened on one CPU.  Context: softirq
 * @sent:	datagrams
 * @bytes:	their payload
 * @errors:	datagrams not sent, by enum vnp_error
 * @syncp:	for readers on other CPUs
 */
struct vnp_target_stats {
	u64_stats_t sent;
	u64_stats_t bytes;
	u64_stats_t errors[__VNP_ERROR_CNT];
	struct u64_stats_sync syncp;
};

/**
 * struct vnp_pending - what is to be sent to a peer
 * @block:	payload to be sent as it is, or NULL; a reference
 * @skb:	otherwise the packet that is being made, or NULL
 * @off:	beginning of the range of @block
 * @len:	its length
 * @size:	payload of the first datagram
 * @cnt:	datagrams; 0: nothing
 * @cnt_max:	how many there may be in @skb; 0: not known yet
 * @hops:	their TTL, at most
 */
struct vnp_pending {
	struct vnp_udp_block *block;
	struct sk_buff *skb;
	u32 off;
	u32 len;
	u32 size;
	u16 cnt;
	u16 cnt_max;
	u8 hops;
};

/**
 * struct vnp_target_cpu - a peer on one CPU.  Context: softirq
 * @entry:	in the CPU's queue while something is @pending
 * @target:	the peer; a reference while @entry is held
 * @pending:	what is to be sent
 * @route:	the latest route
 * @stats:	counters
 */
struct vnp_target_cpu {
	struct vnp_send_entry entry;
	struct vnp_target *target;
	struct vnp_pending pending;
	struct vnp_route route;
	struct vnp_target_stats stats;
};

/**
 * struct vnp_target_addr - where and how datagrams are sent
 * @addr:	destination; an address of IPv4 is in its first four bytes
 * @saddr:	source, likewise; 0: chosen by the route
 * @scope_id:	interface of a link-local @addr
 * @port:	of the destination
 * @family:	AF_INET or AF_INET6
 * @cgroup:	BPF programs of the cgroup on sendmsg() have permitted it
 */
struct vnp_target_addr {
	struct in6_addr addr;
	struct in6_addr saddr;
	u32 scope_id;
	__be16 port;
	u16 family;
	bool cgroup;
};

/**
 * struct vnp_target - a peer
 * @node:	in the bucket of its key
 * @member:	in the bucket of its group, of %VNP_MAP_GROUPS
 * @address:	in the bucket of its address, if there is @sk
 * @refs:	one of the map, and one for each CPU that has queued a packet for it
 * @gone:	it was replaced or deleted
 * @sk:		the socket to send from, with a reference; NULL: the map has none yet
 * @to:		where to send, as permitted by @sk's hook
 * @peer:	as it was set
 * @cpu:	its state on each CPU
 * @unreachable: ICMP errors
 * @rcu:	frees it
 * @key:	its key
 */
struct vnp_target {
	struct hlist_node node;
	struct hlist_node member;
	struct hlist_node address;
	refcount_t refs;
	bool gone;
	struct sock *sk;
	struct vnp_target_addr to;
	struct vnp_peer peer;
	struct vnp_target_cpu __percpu *cpu;
	atomic64_t unreachable;
	struct rcu_head rcu;
	u8 key[] __aligned(8);
};

/* vnp_target_get_live() - get a reference unless there are none left.  Context: RCU */
static inline bool vnp_target_get_live(struct vnp_target *target)
{
	return refcount_inc_not_zero(&target->refs);
}

/* vnp_target_put() - put a reference.  Context: any but hard interrupts */
void vnp_target_put(struct vnp_target *target);

/* vnp_target_error() - count datagrams that are not sent.  Context: softirq */
void vnp_target_error(struct vnp_target_cpu *cpu, enum vnp_error error, u32 cnt);

/* vnp_target_sent() - count datagrams that were sent.  Context: softirq */
void vnp_target_sent(struct vnp_target_cpu *cpu, u32 cnt, u32 bytes);

/* vnp_peers_find() - the peer of a key, or NULL.  Context: RCU */
struct vnp_target *vnp_peers_find(struct vnp_map *map, const void *key);

/**
 * vnp_peers_next() - iterate over the members of a group
 * @map:	a map of groups
 * @key:	a key that begins with the group
 * @target:	the member before, NULL for the first
 *
 * Context: RCU, from the first to the last.
 * Return: the member, or NULL after the last.
 */
struct vnp_target *vnp_peers_next(struct vnp_map *map, const void *key,
				  const struct vnp_target *target);

/**
 * vnp_peers_unreachable() - count an ICMP error at the peer it concerns
 * @map:	any map
 * @sk:		the socket that has sent the datagram
 * @family:	of the address
 * @addr:	where it was sent to, as in struct vnp_target_addr
 * @port:	likewise
 *
 * Context: softirq, under RCU.
 */
void vnp_peers_unreachable(struct vnp_map *map, const struct sock *sk, u16 family,
			   const struct in6_addr *addr, __be16 port);

#endif /* _VNP_MAP_PEERS_H */
