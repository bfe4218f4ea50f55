/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Users: limits that all objects of one user share: softirq time (account.h), sending, and memory.
 *
 * A user without programs and links is kept until all buckets are full again, so that nobody gets
 * rid of a debt by closing everything.
 *
 * Native code is not charged to a memory cgroup, and the kernel has a single limit for
 * all unprivileged users (net.core.bpf_jit_limit): a user who reached it would keep all
 * others from loading programs, socket filters included.
 */
#ifndef _VNP_CORE_USER_H
#define _VNP_CORE_USER_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/* Seconds after which every bucket is full, however low the rates are */
#define VNP_BUCKET_FULL_S	100

/**
 * struct vnp_bucket - token buckets of one CPU.  Context: softirq
 * @left:	ns (account.h); below 0 if an execution took longer than was left
 * @stamp:	ktime_get_ns() of the last refill
 * @sends:	datagrams that may be sent to peers (path/send.h)
 * @send_bytes:	bytes of their payload
 * @send_stamp:	jiffies of their last refill
 */
struct vnp_bucket {
	s64 left;
	u64 stamp;
	s64 sends;
	s64 send_bytes;
	unsigned long send_stamp;
};

/**
 * struct vnp_user - a user who has programs or links
 * @refs:	one for each of them, each packet that waits to be sent by their programs, and
 *		each of @outlets; and one while there are no others (@idle)
 * @idle:	the only reference is that of @linger.  Under the lock of the array of users
 * @until:	if @idle: jiffies when the user may be freed.  Under the same lock
 * @linger:	work item: frees the user then
 * @uid:	the user
 * @bucket:	what programs on the user's links may take of each CPU now
 * @jit_lock:	held while one of the user's programs is compiled, so that temporary memory is
 *		allocated for one at a time
 * @jit_bytes:	native code of the user's programs.  Increased under @jit_lock
 * @jit_released:	the amount of it in programs that wait for a grace period
 * @jit_freed:	woken when some of it was freed
 * @copies:	memory for messages that a worker executes programs on (tcp/copy.h)
 * @outlets:	TCP sockets in the user's maps (tcp/outlet.h)
 * @outlet_bytes: size of their queues
 * @aborts:	connections of these that are being reset
 * @hold_slot:	the latest jiffy that was reserved for held messages of one of the user's links
 *		(hold/expiry.c)
 */
struct vnp_user {
	refcount_t refs;
	bool idle;
	unsigned long until;
	struct delayed_work linger;
	u32 uid;
	struct vnp_bucket __percpu *bucket;
	struct mutex jit_lock;	/* compilation, and so increases of jit_bytes */
	atomic64_t jit_bytes;
	atomic64_t jit_released;
	wait_queue_head_t jit_freed;
	atomic64_t copies;
	atomic_t outlets;
	atomic64_t outlet_bytes;
	atomic_t aborts;
	unsigned long hold_slot;
};

/*
 * vnp_user_subsys_create(), _destroy() - Context: module init; module exit, after all references
 * were put
 */
int vnp_user_subsys_create(void);
void vnp_user_subsys_destroy(void);

/* vnp_user_jit_max() - bytes of native code that a user may have */
u64 vnp_user_jit_max(void);

/**
 * vnp_user_get() - the user whom the caller's actions are charged to
 *
 * It is identified by the effective uid.  As a user namespace gives its owner any number of
 * uids, all callers in one are charged to one user: the creator of the outermost namespace.  If
 * root has created that, they are charged to the uid to which it maps its own uid 0; if it maps
 * none, to their own uids.
 *
 * Context: process.
 * Return: the user, for vnp_user_put(), or ERR_PTR(-ENOMEM).
 */
struct vnp_user *vnp_user_get(void);

/*
 * vnp_user_hold() - get another reference.  The caller has one, or is under RCU, under which it has
 * found a link that has one.  Context: any
 */
static inline void vnp_user_hold(struct vnp_user *user)
{
	refcount_inc(&user->refs);
}

/* vnp_user_put() - put a reference.  Context: any but hard interrupts */
void vnp_user_put(struct vnp_user *user);

/**
 * vnp_user_jit_charge() - count native code
 * @user:	its owner, whose @jit_lock is held
 * @bytes:	its size
 *
 * If the limit is exceeded only because of programs that are still being freed, wait for
 * these: a user who has closed a program can load another one.
 *
 * Context: process.
 * Return: 0, -EINTR (a fatal signal), or -EDQUOT if it exceeds the user's limit; CAP_BPF and
 * CAP_SYS_ADMIN are not limited, as with net.core.bpf_jit_limit.
 */
int vnp_user_jit_charge(struct vnp_user *user, u64 bytes);

/* vnp_user_jit_release() - its program has no more references.  Context: any */
static inline void vnp_user_jit_release(struct vnp_user *user, u64 bytes)
{
	atomic64_add(bytes, &user->jit_released);
}

/* vnp_user_jit_uncharge() - it is freed, after vnp_user_jit_release().  Context: any */
void vnp_user_jit_uncharge(struct vnp_user *user, u64 bytes);

#endif /* _VNP_CORE_USER_H */
