/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links: a program on a socket, and what came of it.
 *
 * A link is held by its descriptors and, while it is attached, by its socket.
 * @sk says whether it is: the one whose vnp_link_claim() sets it to NULL ends the
 * attachment, undoes it in the socket and gives the socket's reference back.  A
 * link does not hold its socket: while @sk is there so is the socket's memory, for
 * the last thing a socket does is to claim its link.
 *
 * A link holds a reference to the module from its making to its end.
 */
#ifndef _VNP_LINK_LINK_H
#define _VNP_LINK_LINK_H

#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <linux/udp.h>
#include <net/sock.h>
#include "kmod/prog/account.h"
#include "kmod/core/object.h"
#include "kmod/prog/prog.h"

/**
 * struct vnp_link_stats - what happened on one CPU.  Context: softirq
 * @seen:	flows that datagrams were dropped of (udp/merge.h); nobody else's
 * @bytes:	payload the program ran on
 * @verdict:	datagrams by enum vnp_verdict
 * @faults:	datagrams by enum vnp_fault
 * @lost:	datagrams dropped, but by no verdict, as struct vnp_link_info says
 * @syncp:	for readers on other CPUs
 */
struct vnp_link_stats {
	u32 seen[8];
	u64_stats_t bytes;
	u64_stats_t verdict[VNP_PASS + 1];
	u64_stats_t faults[__VNP_FAULT_CNT];
	u64_stats_t lost;
	struct u64_stats_sync syncp;
};

/**
 * struct vnp_link - a link
 * @obj:	the object; first member
 * @flags:	VNP_LINK_F_*
 * @prog:	the program in force, with a reference; vnp_prog_none, without one:
 *		detached.  Written under @lock, read under RCU
 * @stats:	counters
 * @user:	on whose account its programs run, with a reference
 * @fault:	the latest fault: program id << 32 | struct vnp_exec::fault
 * @lock:	for @prog, @sk and @gro_rests; softirqs are off while it is held
 * @sk:		the socket; NULL: detached
 * @family:	of the socket when it was attached
 * @cookie:	SO_COOKIE of the socket
 * @gro_forced:	the socket's UDP_GRO is set because of the link, or will be; written
 *		under the socket's lock
 * @gro_rests:	will be, when that pays (udp/merge.h)
 */
struct vnp_link {
	struct vnp_obj obj;
	u32 flags;
	struct vnp_prog __rcu *prog;
	struct vnp_link_stats __percpu *stats;
	struct vnp_user *user;
	u64 fault;

	spinlock_t lock;	/* prog, sk, gro_rests */
	struct sock *sk;
	u32 family;
	u64 cookie;
	bool gro_forced;
	bool gro_rests;
};

/* All that struct vnp_link_create::flags can have */
#define VNP_LINK_F_KNOWN	(VNP_LINK_F_FAULT_PASS | VNP_LINK_F_NO_MERGE)

extern const struct vnp_obj_ops vnp_link_obj_ops;

/* vnp_link_create() - VNP_LINK_CREATE.  Context: process.  Return: descriptor or errno */
long vnp_link_create(const struct vnp_link_create *attr);

/**
 * vnp_link_claim() - end the attachment
 * @link:	the link
 *
 * Context: any but hard interrupts.
 * Return: true: the caller has to undo it and to give the socket's reference back;
 * false: somebody else has ended it.
 */
bool vnp_link_claim(struct vnp_link *link);

/* vnp_link_put() - gives a reference back.  Context: any but hard interrupts */
static inline void vnp_link_put(struct vnp_link *link)
{
	vnp_obj_put(&link->obj);
}

/**
 * vnp_link_fault() - count a fault and say what becomes of the datagram
 * @link:	the link
 * @prog:	the program
 * @run:	how it ended
 *
 * Context: softirq.
 * Return: enum vnp_verdict.
 */
u32 vnp_link_fault(struct vnp_link *link, const struct vnp_prog *prog,
		   const struct vnp_exec *run);

/**
 * vnp_link_throttle() - count datagrams for which the owner's account has nothing left
 * @link:	the link
 * @prog:	the program that did not run
 * @cnt:	how many
 * @bytes:	their payload
 *
 * Context: softirq.
 * Return: enum vnp_verdict.
 */
u32 vnp_link_throttle(struct vnp_link *link, const struct vnp_prog *prog, u32 cnt,
		      u32 bytes);

/* vnp_link_lose() - count datagrams dropped for want of memory.  Context: softirq */
void vnp_link_lose(struct vnp_link *link, u32 cnt);

/**
 * vnp_link_count() - count datagrams on which the program has come to a verdict
 * @link:	the link
 * @verdict:	enum vnp_verdict
 * @cnt:	how many
 * @bytes:	their payload
 *
 * Context: softirq.
 */
static __always_inline void vnp_link_count(struct vnp_link *link, u32 verdict,
					   u32 cnt, u32 bytes)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->bytes, bytes);
	u64_stats_add(&stats->verdict[verdict], cnt);
	u64_stats_update_end(&stats->syncp);
}

/**
 * vnp_link_judge() - what becomes of a datagram after a run, which is counted
 * @link:	the link
 * @prog:	its program
 * @run:	how it ended
 * @ret:	what it returned
 *
 * Context: softirq, under RCU.
 * Return: enum vnp_verdict.
 */
static __always_inline u32 vnp_link_judge(struct vnp_link *link,
					  const struct vnp_prog *prog,
					  const struct vnp_exec *run, u32 ret)
{
	if (likely(ret == VNP_DROP)) {
		vnp_link_count(link, VNP_DROP, 1, run->ctx.len);
		return VNP_DROP;
	}
	if (unlikely(ret != VNP_PASS))
		return vnp_link_fault(link, prog, run);
	vnp_link_count(link, VNP_PASS, 1, run->ctx.len);
	return VNP_PASS;
}

/* vnp_link_exec() - run a link's program as far as its owner's account goes */
static __always_inline u64 vnp_link_exec(struct vnp_link *link,
					 const struct vnp_prog *prog,
					 struct vnp_exec *run)
{
	if (prog->light_ns)
		return vnp_prog_run(prog, run);
	return vnp_account_run(link->user, prog, run);
}

/* vnp_link_run() - run a link's program on a datagram, and count it.  As above */
static __always_inline u32 vnp_link_run(struct vnp_link *link,
					const struct vnp_prog *prog,
					struct vnp_exec *run)
{
	const u64 ret = vnp_link_exec(link, prog, run);

	return vnp_link_judge(link, prog, run, min_t(u64, ret, U32_MAX));
}

#endif /* _VNP_LINK_LINK_H */
