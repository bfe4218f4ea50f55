/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_target: a peer that programs send to, as an entry of a map of peers.
 *
 * The address of a peer does not change: setting another one replaces the struct
 * vnp_target.  Programs find it under RCU; a packet for it that is sent after RCU is unlocked
 * holds a reference.  A target holds a reference to the socket from which packets are sent to
 * it, and is freed after a grace period.
 *
 * In a map of sockets, a target either refers to an outlet (tcp/outlet.h) and has no address, or
 * has the address that a UDP socket is connected to.
 *
 * What is pending for it, and its counters, are per CPU: only softirqs of that CPU change them,
 * without a lock.
 */
#ifndef _VNP_MAP_TARGET_H
#define _VNP_MAP_TARGET_H

#include <linux/in6.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <linux/u64_stats_sync.h>
#include <linux/vnp.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp_states.h>
#include "kmod/path/route.h"
#include "kmod/path/send.h"

struct vnp_map;
struct vnp_outlet;
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
 * @to:		where bytes can be appended to @skb: they are in @len at once, in the fields of @skb
 *		only after vnp_udp_send_sync()
 * @space:	how many
 * @off:	beginning of the range of @block
 * @len:	payload: length of that range, or bytes of @skb
 * @size:	payload of the first datagram
 * @cnt:	datagrams; 0: nothing
 * @cnt_max:	maximum number of datagrams in @skb; 0: not known yet
 * @hops:	maximum of their TTL
 */
struct vnp_pending {
	struct vnp_udp_block *block;
	struct sk_buff *skb;
	u8 *to;
	u32 space;
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
 * @again:	the next one that the previous datagram was sent to (struct vnp_repeat)
 * @route:	the latest route
 * @stats:	counters
 */
struct vnp_target_cpu {
	struct vnp_send_entry entry;
	struct vnp_target *target;
	struct vnp_pending pending;
	struct vnp_target_cpu *again;
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
 * @cgroup:	the cgroup's BPF programs for sendmsg() have permitted it, or need not be executed
 * @connected:	send only while the socket is connected to @addr and @port
 */
struct vnp_target_addr {
	struct in6_addr addr;
	struct in6_addr saddr;
	u32 scope_id;
	__be16 port;
	u16 family;
	bool cgroup;
	bool connected;
};

/**
 * struct vnp_target - a peer
 * @node:	in the bucket of its key
 * @member:	in the bucket of its group, in maps with groups
 * @outlet:	the TCP connection to send to, of %VNP_MAP_SOCKETS; else NULL
 * @address:	in the bucket of its address, if there is @sk
 * @refs:	one of the map, and one for each CPU that has queued a packet for it
 * @gone:	it was replaced or deleted: nothing is sent to it any more
 * @map:	the map that it is in, or was; only compared
 * @sk:		the socket to send from, with a reference; NULL: the map has none yet
 * @to:		where to send, as permitted by @sk's hook
 * @peer:	as it was set
 * @cpu:	its state on each CPU; NULL if there is @outlet
 * @unreachable: ICMP errors
 * @rcu:	frees it
 * @key:	its key
 */
struct vnp_target {
	struct hlist_node node;
	struct hlist_node member;
	struct vnp_outlet *outlet;
	struct hlist_node address;
	refcount_t refs;
	bool gone;
	const struct vnp_map *map;
	struct sock *sk;
	struct vnp_target_addr to;
	struct vnp_peer peer;
	struct vnp_target_cpu __percpu *cpu;
	atomic64_t unreachable;
	struct rcu_head rcu;
	u8 key[] __aligned(8);
};

/**
 * vnp_target_create() - allocate a target, which is in no map yet
 * @key:	its key
 * @key_size:	length of that
 * @peer:	what user space has set
 *
 * Context: process.
 * Return: the target, with one reference; NULL: no memory.
 */
struct vnp_target *vnp_target_create(const void *key, u32 key_size,
				     const struct vnp_peer *peer);

/*
 * vnp_target_alloc() - likewise, for a connection: the caller sets @outlet, whose reference passes
 * to it
 */
struct vnp_target *vnp_target_alloc(const void *key, u32 key_size);

/* vnp_target_alloc_cpus() - allocate @cpu, if it gets no outlet.  Return: 0, -ENOMEM */
int vnp_target_alloc_cpus(struct vnp_target *target);

/* vnp_target_free() - free a target that never was in a map, or after a grace period */
void vnp_target_free(struct vnp_target *target);

/*
 * vnp_target_end() - it was removed from all buckets, or is a connection that never was in one:
 * put the map's reference.  Context: process
 */
void vnp_target_end(struct vnp_target *target);

/* vnp_target_get_live() - get a reference unless there are none left.  Context: RCU */
static inline bool vnp_target_get_live(struct vnp_target *target)
{
	return refcount_inc_not_zero(&target->refs);
}

/* vnp_target_put() - put a reference.  Context: any but hard interrupts */
void vnp_target_put(struct vnp_target *target);

/* vnp_target_is_connected() - is the socket connected to the target's address?  Context: any */
static inline bool vnp_target_is_connected(const struct vnp_target *target)
{
	const struct vnp_target_addr *to = &target->to;
	const struct sock *sk = target->sk;

	if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED || sk->sk_dport != to->port)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (to->family == AF_INET6)
		return ipv6_addr_equal(&sk->sk_v6_daddr, &to->addr);
#endif
	return sk->sk_daddr == to->addr.s6_addr32[0];
}

/* vnp_target_error() - count datagrams that are not sent.  Context: softirq */
void vnp_target_error(struct vnp_target_cpu *cpu, enum vnp_error error, u32 cnt);

/* vnp_target_sent() - count datagrams that were sent.  Context: softirq */
void vnp_target_sent(struct vnp_target_cpu *cpu, u32 cnt, u32 bytes);

/* vnp_target_read() - the peer as user space reads it, with counters.  Context: process */
void vnp_target_read(const struct vnp_target *target, struct vnp_peer *peer);

#endif /* _VNP_MAP_TARGET_H */
