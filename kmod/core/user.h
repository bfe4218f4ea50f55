/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Users, as far as there is something that all objects of one share: time in softirq
 * (account.h), and memory for native code.
 *
 * No memory cgroup pays for native code, and the kernel has one limit for all who are not
 * privileged (net.core.bpf_jit_limit): a user who reached it would keep all others from
 * loading programs, socket filters included.
 */
#ifndef _VNP_CORE_USER_H
#define _VNP_CORE_USER_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct vnp_bucket - of one CPU (account.h).  Context: softirq
 * @left:	ns; below 0: one execution took longer than there was
 * @stamp:	ktime_get_ns() until which it is filled
 */
struct vnp_bucket {
	s64 left;
	u64 stamp;
};

/**
 * struct vnp_user - a user who has programs or links
 * @refs:	one for each of them
 * @uid:	who it is
 * @bucket:	what his links' programs may take of each CPU now
 * @jit_lock:	held while a program of his is compiled: what that takes for a while is
 *		taken once only
 * @jit_bytes:	native code of his programs.  Rises under @jit_lock
 * @jit_going:	how much of it belongs to programs that only wait for a grace period
 * @jit_freed:	woken when some of it was freed
 */
struct vnp_user {
	refcount_t refs;
	u32 uid;
	struct vnp_bucket __percpu *bucket;
	struct mutex jit_lock;	/* compiling, so that jit_bytes rises */
	atomic64_t jit_bytes;
	atomic64_t jit_going;
	wait_queue_head_t jit_freed;
};

/* vnp_user_jit_max() - bytes of native code that a user may have */
u64 vnp_user_jit_max(void);

/**
 * vnp_user_get() - the user on whose account the caller does something
 *
 * That is his effective uid.  A user namespace gives its owner any number of others:
 * in one, it is the user who made it, or of nested ones the outermost.
 *
 * Context: process.
 * Return: the user, for vnp_user_put(), or ERR_PTR(-ENOMEM).
 */
struct vnp_user *vnp_user_get(void);

/* vnp_user_put() - gives a reference back.  Context: process */
void vnp_user_put(struct vnp_user *user);

/**
 * vnp_user_jit_charge() - count native code
 * @user:	who has it, his @jit_lock held
 * @bytes:	how much
 *
 * Waits for programs that are being freed, if there is room without them: who closed a
 * program may load another one.
 *
 * Context: process.
 * Return: 0, -EINTR (a fatal signal), or -EDQUOT if he may not have so much; CAP_BPF and
 * CAP_SYS_ADMIN may have any amount, as with net.core.bpf_jit_limit.
 */
int vnp_user_jit_charge(struct vnp_user *user, u64 bytes);

/* vnp_user_jit_going() - its program has no references any more.  Context: any */
static inline void vnp_user_jit_going(struct vnp_user *user, u64 bytes)
{
	atomic64_add(bytes, &user->jit_going);
}

/* vnp_user_jit_uncharge() - it is freed, after vnp_user_jit_going().  Context: any */
void vnp_user_jit_uncharge(struct vnp_user *user, u64 bytes);

#endif /* _VNP_CORE_USER_H */
