/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links: a program on a socket, and its counters.
 *
 * A link is referenced by its descriptors and, while it is attached, by its socket. @sk
 * says whether it is: the caller whose vnp_link_claim() sets it to NULL ends the
 * attachment, undoes it in the socket and puts the socket's reference.  A link has no
 * reference to its socket: while @sk is set the socket's memory exists, because a socket
 * claims its link before it is freed.
 *
 * A link holds a reference to the module from its creation to its release.
 */
#ifndef _VNP_LINK_LINK_H
#define _VNP_LINK_LINK_H

#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <linux/udp.h>
#include <net/sock.h>
#include "kmod/core/object.h"
#include "kmod/core/user.h"
#include "kmod/path/action.h"
#include "kmod/path/hook.h"
#include "kmod/prog/prog.h"
#include "kmod/path/route.h"

struct vnp_hold;
struct vnp_stream;

/**
 * struct vnp_link_stats - what happened on one CPU.  Context: softirq
 * @seen:	flows of dropped datagrams; only used by udp/merge.h
 * @bytes:	payload the program was executed on
 * @actions:	datagrams by enum vnp_action
 * @faults:	datagrams by enum vnp_fault
 * @errors:	datagrams by enum vnp_error
 * @syncp:	for readers on other CPUs
 */
struct vnp_link_stats {
	u32 seen[8];
	u64_stats_t bytes;
	u64_stats_t actions[VNP_ACTION_NONE];
	u64_stats_t faults[__VNP_FAULT_CNT];
	u64_stats_t errors[__VNP_ERROR_CNT];
	struct u64_stats_sync syncp;
};

/**
 * struct vnp_link - a link
 * @obj:	the object; first member
 * @flags:	VNP_LINK_F_*
 * @prog:	the current program, with a reference; if detached vnp_prog_none, without one.
 *		Written under @lock, read under RCU
 * @message:	the program for whole messages of a stream, or NULL; likewise
 * @hook:	the hook for its socket
 * @stats:	counters
 * @routes:	routes of replies
 * @may_send:	security modules allowed its creator to send on the socket
 * @user:	the user its programs are charged to, with a reference
 * @hold:	what it holds (path/hold.h); NULL until there is a program that holds
 * @hold_bytes:	most memory that it may take; 0: the socket's receive buffer
 * @hold_messages: most messages
 * @hold_age_ms: most time that they are held
 * @hold_mark:	the mark of those that are delivered then, or 0
 * @stream:	the messages of its stream (tcp/stream.h), or NULL
 * @eof:	what happens to a message that is not whole when the stream ends: enum vnp_eof
 * @fault:	the latest fault: program id << 32 | struct vnp_exec::fault
 * @lock:	for @prog, @message, @sk and @gro_deferred; softirqs are off while it is held
 * @sk:		the socket; NULL: detached
 * @family:	of the socket when it was attached
 * @cookie:	SO_COOKIE of the socket
 * @gro_forced:	the socket's UDP_GRO is or will be set because of the link; written
 *		under the socket's lock
 * @gro_deferred:	it will be set when merging saves more than it costs (udp/merge.h)
 */
struct vnp_link {
	struct vnp_obj obj;
	u32 flags;
	struct vnp_prog __rcu *prog;
	struct vnp_prog __rcu *message;
	const struct vnp_hook_ops *hook;
	struct vnp_link_stats __percpu *stats;
	struct vnp_routes routes;
	bool may_send;
	struct vnp_user *user;
	struct vnp_hold *hold;
	u32 hold_bytes;
	u32 hold_messages;
	u32 hold_age_ms;
	u32 hold_mark;
	struct vnp_stream *stream;
	u32 eof;
	u64 fault;

	spinlock_t lock;	/* prog, message, sk, gro_deferred */
	struct sock *sk;
	u32 family;
	u64 cookie;
	bool gro_forced;
	bool gro_deferred;
};

/* All flags of struct vnp_link_create */
#define VNP_LINK_F_KNOWN						\
	(VNP_LINK_F_FAULT_PASS | VNP_LINK_F_NO_MERGE | VNP_LINK_F_HOLD_LATE |	\
	 VNP_LINK_F_MESSAGE | VNP_LINK_F_STREAM_PASS)

/* What to do with messages that are too old: at most one of these may be set */
#define VNP_LINK_F_HOLD_LATE	(VNP_LINK_F_HOLD_DELIVER | VNP_LINK_F_HOLD_EACH)

extern const struct vnp_obj_ops vnp_link_obj_ops;

/* vnp_link_create() - VNP_LINK_CREATE.  Context: process.  Return: descriptor or errno */
long vnp_link_create(const struct vnp_link_create *attr);

/**
 * vnp_link_bind() - begin the attachment
 * @link:	the link; gets references to the programs
 * @prog:	its program
 * @message:	the one for messages, or NULL
 * @sk:		the socket; gets a reference to the link
 *
 * Context: process, the socket's lock.
 */
void vnp_link_bind(struct vnp_link *link, struct vnp_prog *prog, struct vnp_prog *message,
		   struct sock *sk);

/**
 * vnp_link_claim() - end the attachment
 * @link:	the link
 *
 * Context: any but hard interrupts.
 * Return: true: the caller must undo it and put the socket's reference; false: it was
 * already ended.
 */
bool vnp_link_claim(struct vnp_link *link);

/* vnp_link_sock_get() - the socket with a reference of its own, or NULL.  Context: process */
static inline struct sock *vnp_link_sock_get(struct vnp_link *link)
{
	struct sock *sk;

	spin_lock_bh(&link->lock);
	sk = link->sk;
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	spin_unlock_bh(&link->lock);
	return sk;
}

/* vnp_link_put() - put a reference.  Context: any but hard interrupts */
static inline void vnp_link_put(struct vnp_link *link)
{
	vnp_obj_put(&link->obj);
}

/**
 * vnp_link_fault() - count a fault and return the action for the datagram
 * @link:	the link
 * @prog:	the program
 * @exec:	how its execution ended
 *
 * Context: softirq.
 * Return: VNP_ACTION_DROP or VNP_ACTION_PASS.
 */
enum vnp_action vnp_link_fault(struct vnp_link *link, const struct vnp_prog *prog,
			       const struct vnp_exec *exec);

/**
 * vnp_link_throttle() - count datagrams for which the owner's account is empty
 * @link:	the link
 * @prog:	the program that was not executed
 * @cnt:	number of datagrams
 * @bytes:	their payload
 *
 * Context: softirq.
 * Return: as above.
 */
enum vnp_action vnp_link_throttle(struct vnp_link *link, const struct vnp_prog *prog,
				  u32 cnt, u32 bytes);

/*
 * vnp_link_passes_faults() - are datagrams passed after a fault?  None that a program should have
 * authenticated
 */
static inline bool vnp_link_passes_faults(const struct vnp_link *link,
					  const struct vnp_prog *prog)
{
	return link->flags & VNP_LINK_F_FAULT_PASS && prog->func != vnp_prog_authenticate;
}

/* vnp_link_error() - count datagrams dropped because of an error.  Context: softirqs off */
static inline void vnp_link_error(struct vnp_link *link, enum vnp_error error, u32 cnt)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->errors[error], cnt);
	u64_stats_update_end(&stats->syncp);
}

/**
 * vnp_link_count() - count datagrams with a verdict of the program
 * @link:	the link
 * @action:	the verdict's action; not VNP_ACTION_NONE
 * @cnt:	number of datagrams
 * @bytes:	their payload
 *
 * Context: softirq.
 */
static __always_inline void vnp_link_count(struct vnp_link *link, enum vnp_action action,
					   u32 cnt, u32 bytes)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->bytes, bytes);
	u64_stats_add(&stats->actions[action], cnt);
	u64_stats_update_end(&stats->syncp);
}

/**
 * vnp_link_settle() - count one execution, and return the action for its datagram
 * @link:	the link
 * @prog:	its program
 * @exec:	how the execution ended
 * @ret:	what it returned
 *
 * Context: softirq, under RCU.
 * Return: not VNP_ACTION_NONE.
 */
static __always_inline enum vnp_action
vnp_link_settle(struct vnp_link *link, const struct vnp_prog *prog,
		const struct vnp_exec *exec, u64 ret)
{
	const enum vnp_action action = vnp_action_of(ret);

	/* A constant index saves the fast path two instructions. */
	if (likely(action == VNP_ACTION_DROP)) {
		vnp_link_count(link, VNP_ACTION_DROP, 1, exec->ctx.len);
		return VNP_ACTION_DROP;
	}
	if (unlikely(action == VNP_ACTION_NONE))
		return vnp_link_fault(link, prog, exec);
	vnp_link_count(link, action, 1, exec->ctx.len);
	return action;
}

#endif /* _VNP_LINK_LINK_H */
