/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links: a program on a socket.
 *
 * This header has what the code that processes packets needs of a link.  Links are
 * created, attached and freed by kmod/link/attach.c, changed through their descriptors by
 * kmod/link/fops.c, and counted by kmod/link/stats.h.
 *
 * A link is referenced by its descriptors and, while it is attached, by its socket. @sk
 * says whether it is: the caller whose vnp_link_claim() sets it to NULL ends the
 * attachment, undoes it in the socket and puts the socket's reference.  A link has no
 * reference to its socket: while @sk is set the socket's memory exists, because
 * vnp_link_claim() is called before the socket is freed.
 *
 * A link holds a reference to the module until it is freed.
 */
#ifndef _VNP_LINK_LINK_H
#define _VNP_LINK_LINK_H

#include <linux/percpu.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <net/sock.h>
#include "kmod/core/object.h"
#include "kmod/core/user.h"
#include "kmod/path/hook.h"
#include "kmod/path/route.h"
#include "kmod/prog/prog.h"

struct vnp_hold;
struct vnp_link_stats;
struct vnp_stream;

/**
 * struct vnp_link - a link
 * @obj:	the object; first member
 * @flags:	VNP_LINK_F_*
 * @prog:	the current program, with a reference; if detached vnp_prog_none, without one.
 *		Written under @lock, read under RCU
 * @message:	the program for whole messages of a stream, or NULL; likewise
 * @hook:	the hook for its socket
 * @stats:	counters (link/stats.h)
 * @routes:	routes of replies
 * @net:	the socket's network namespace, with a reference, as @routes can outlive the
 *		socket; NULL: the hook does not reply
 * @may_send:	security modules allowed its creator to send on the socket
 * @user:	the user its programs are charged to, with a reference
 * @hold:	held messages (hold/hold.h); NULL until there is a program that holds
 * @hold_bytes:	maximum memory of held messages; 0: the socket's receive buffer
 * @hold_messages: maximum number of held messages
 * @hold_age_ms: maximum time that a message is held
 * @hold_mark:	the mark of messages that are delivered because of their age, or 0
 * @stream:	the messages of its stream (tcp/stream.h), or NULL
 * @eof:	what happens to a message that is not whole when the stream ends: enum vnp_eof
 * @reply_bytes: size of the queue for answers; 0: no queue
 * @listener_id: id of the listening socket's link that this one was inherited from, or 0
 * @accepted:	connections that a listening socket has accepted and linked
 * @refused:	connections that it has closed because they could not be linked
 * @fault:	the latest fault: program id << 32 | struct vnp_exec::fault
 * @update:	serializes updates, as one to a program that does not hold discards what is held
 * @lock:	for @prog, @message, @sk and @gro_deferred; softirqs are off while it is held
 * @sk:		the socket; NULL: detached
 * @family:	of the socket when it was attached
 * @cookie:	SO_COOKIE of the socket
 * @gro_forced:	the socket's UDP_GRO is or will be set because of the link; written
 *		under the socket's lock
 * @gro_deferred:	it will be set when merging saves more than it costs (udp/merge.h)
 *
 * Members without a lock above are constant once the link is attached, except @hold (set once, by
 * cmpxchg()), @accepted and @refused (atomic), and @fault (READ_ONCE(), WRITE_ONCE()).
 *
 * Lock order: @update, the locks of a map of peers, the socket's lock, @lock, that of struct
 * vnp_hold, the lock of the socket's receive queue.
 */
struct vnp_link {
	struct vnp_obj obj;
	u32 flags;
	struct vnp_prog __rcu *prog;
	struct vnp_prog __rcu *message;
	const struct vnp_hook_ops *hook;
	struct vnp_link_stats __percpu *stats;
	struct vnp_routes routes;
	struct net *net;
	bool may_send;
	struct vnp_user *user;
	struct vnp_hold *hold;
	u32 hold_bytes;
	u32 hold_messages;
	u32 hold_age_ms;
	u32 hold_mark;
	struct vnp_stream *stream;
	u32 eof;
	u32 reply_bytes;
	u32 listener_id;
	atomic64_t accepted;
	atomic64_t refused;
	u64 fault;

	struct mutex update;	/* programs, and what the old one held */
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
	 VNP_LINK_F_MESSAGE | VNP_LINK_F_STREAM_PASS | VNP_LINK_F_FORGED_END |	\
	 VNP_LINK_F_BOUNDARIES | VNP_LINK_F_REPLY_RESET | VNP_LINK_F_REPLY_IDLE)

/* What to do with messages that are too old: at most one of these may be set */
#define VNP_LINK_F_HOLD_LATE	(VNP_LINK_F_HOLD_DELIVER | VNP_LINK_F_HOLD_EACH)

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

#endif /* _VNP_LINK_LINK_H */
