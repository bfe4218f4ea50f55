// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/user.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "kmod/core/access.h"
#include "kmod/core/memory.h"

static unsigned int vnp_jit_user_max = SZ_16M;
module_param_named(jit_user_max, vnp_jit_user_max, uint, 0644);
MODULE_PARM_DESC(jit_user_max,
		 "Bytes of native code that programs of one user without CAP_BPF may have (default 16 MiB)");

/*
 * Users by uid, with at least one reference each: the last one is not put, but transferred to the
 * work item, under the lock of the array.
 */
static DEFINE_XARRAY_FLAGS(vnp_users, XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT);

static struct workqueue_struct *vnp_user_wq;

int vnp_user_subsys_create(void)
{
	vnp_user_wq = alloc_workqueue("vnp_user", WQ_UNBOUND, 0);
	return vnp_user_wq ? 0 : -ENOMEM;
}

u64 vnp_user_jit_max(void)
{
	return READ_ONCE(vnp_jit_user_max);
}

/*
 * The owner of a namespace is the user who created it.  Root creates namespaces for containers,
 * which must not share the limits of root: the uids that root has mapped tell these apart.
 */
static kuid_t vnp_user_uid(void)
{
	struct user_namespace *ns = current_user_ns();
	kuid_t uid = current_euid(), inner_root;

	if (!ns->parent)
		return uid;
	while (ns->parent->parent)
		ns = ns->parent;
	if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
		return ns->owner;
	inner_root = make_kuid(ns, 0);
	return uid_valid(inner_root) ? inner_root : uid;
}

static void vnp_user_free(struct vnp_user *user)
{
	mutex_destroy(&user->jit_lock);
	free_percpu(user->bucket);
	kfree(user);
}

/* Queue the work item, unless it is queued already.  Context: the array's lock */
static void vnp_user_queue(struct vnp_user *user)
{
	const unsigned long now = jiffies;

	queue_delayed_work(vnp_user_wq, &user->linger,
			   time_after(user->until, now) ? user->until - now : 0);
}

static void vnp_user_linger(struct work_struct *work)
{
	struct vnp_user *user = container_of(to_delayed_work(work), struct vnp_user, linger);
	bool free;

	xa_lock_bh(&vnp_users);
	/* If it was queued again since it began, it must not be freed yet. */
	free = user->idle && !time_before(jiffies, user->until) &&
	       !delayed_work_pending(&user->linger);
	if (free)
		__xa_erase(&vnp_users, user->uid);
	else if (user->idle)
		vnp_user_queue(user);	/* There were references meanwhile. */
	xa_unlock_bh(&vnp_users);
	if (free)
		vnp_user_free(user);
}

/* Remove any user, so that the work item does not free it.  Return: the user, or NULL */
static struct vnp_user *vnp_user_remove_any(void)
{
	struct vnp_user *user;
	unsigned long uid = 0;

	xa_lock_bh(&vnp_users);
	user = xa_find(&vnp_users, &uid, ULONG_MAX, XA_PRESENT);
	if (user) {
		user->idle = false;
		__xa_erase(&vnp_users, uid);
	}
	xa_unlock_bh(&vnp_users);
	return user;
}

void vnp_user_subsys_destroy(void)
{
	struct vnp_user *user;

	while ((user = vnp_user_remove_any())) {
		cancel_delayed_work_sync(&user->linger);
		vnp_user_free(user);
	}
	destroy_workqueue(vnp_user_wq);
}

static struct vnp_user *vnp_user_alloc(u32 uid)
{
	struct vnp_user *user = kzalloc(sizeof(*user), VNP_GFP_USER);

	if (!user)
		return NULL;
	user->bucket = alloc_percpu_gfp(struct vnp_bucket, VNP_GFP_USER);
	if (!user->bucket) {
		kfree(user);
		return NULL;
	}
	refcount_set(&user->refs, 1);
	INIT_DELAYED_WORK(&user->linger, vnp_user_linger);
	user->uid = uid;
	user->hold_slot = jiffies;
	mutex_init(&user->jit_lock);
	init_waitqueue_head(&user->jit_freed);
	return user;
}

/* Return: the user with a reference, or NULL */
static struct vnp_user *vnp_user_find(u32 uid)
{
	struct vnp_user *user;

	xa_lock_bh(&vnp_users);
	user = xa_load(&vnp_users, uid);
	if (user && user->idle)
		user->idle = false;	/* Its reference passes to the caller. */
	else if (user)
		refcount_inc(&user->refs);
	xa_unlock_bh(&vnp_users);
	return user;
}

static struct vnp_user *vnp_user_create(u32 uid)
{
	struct vnp_user *user = vnp_user_alloc(uid), *other;
	int ret;

	if (!user)
		return ERR_PTR(-ENOMEM);
	do {
		ret = xa_insert_bh(&vnp_users, uid, user, VNP_GFP_USER);
		if (!ret)
			return user;
		/* Another process was faster. */
		other = ret == -EBUSY ? vnp_user_find(uid) : ERR_PTR(ret);
	} while (!other);
	vnp_user_free(user);
	return other;
}

struct vnp_user *vnp_user_get(void)
{
	const u32 uid = __kuid_val(vnp_user_uid());

	return vnp_user_find(uid) ?: vnp_user_create(uid);
}

void vnp_user_put(struct vnp_user *user)
{
	if (refcount_dec_not_one(&user->refs))
		return;
	xa_lock_bh(&vnp_users);
	if (!refcount_dec_not_one(&user->refs)) {
		user->idle = true;
		user->until = jiffies + VNP_BUCKET_FULL_S * HZ;
		/* Under the lock: an older work item may free the user afterwards. */
		vnp_user_queue(user);
	}
	xa_unlock_bh(&vnp_users);
}

static bool vnp_user_jit_fits(s64 bytes)
{
	return bytes <= (s64)vnp_user_jit_max();
}

/* Is there room now, or will there be none even when all pending memory is freed? */
static bool vnp_user_jit_settled(struct vnp_user *user, u64 bytes)
{
	s64 released = atomic64_read(&user->jit_released);
	s64 all;

	/* Read jit_released first: memory freed in between must not count in jit_bytes only. */
	smp_rmb();
	all = atomic64_read(&user->jit_bytes) + bytes;
	return vnp_user_jit_fits(all) || !vnp_user_jit_fits(all - released);
}

int vnp_user_jit_charge(struct vnp_user *user, u64 bytes)
{
	lockdep_assert_held(&user->jit_lock);
	if (!vnp_access_privileged()) {
		if (wait_event_killable(user->jit_freed,
					vnp_user_jit_settled(user, bytes)))
			return -EINTR;
		if (!vnp_user_jit_fits(atomic64_read(&user->jit_bytes) + bytes))
			return -EDQUOT;
	}
	atomic64_add(bytes, &user->jit_bytes);
	return 0;
}

void vnp_user_jit_uncharge(struct vnp_user *user, u64 bytes)
{
	atomic64_sub(bytes, &user->jit_bytes);
	smp_wmb();	/* vnp_user_jit_settled() */
	atomic64_sub(bytes, &user->jit_released);
	wake_up_all(&user->jit_freed);
}
