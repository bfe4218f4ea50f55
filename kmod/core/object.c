// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/object.h"

#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "kmod/core/memory.h"

/*
 * Ids by kind.  They are allocated cyclically, so that a freed id is not soon reused.  The
 * locks are also taken in softirq: freeing a socket can free its link.
 */
#define VNP_IDS_FLAGS	(XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH | XA_FLAGS_ACCOUNT)

struct vnp_ids {
	struct xarray objs;
	u32 last;
};

static struct vnp_ids vnp_ids[] = {
	[VNP_OBJ_PROG] = {
		.objs = XARRAY_INIT(vnp_ids[VNP_OBJ_PROG].objs, VNP_IDS_FLAGS),
	},
	[VNP_OBJ_MAP] = {
		.objs = XARRAY_INIT(vnp_ids[VNP_OBJ_MAP].objs, VNP_IDS_FLAGS),
	},
	[VNP_OBJ_LINK] = {
		.objs = XARRAY_INIT(vnp_ids[VNP_OBJ_LINK].objs, VNP_IDS_FLAGS),
	},
};

static struct workqueue_struct *vnp_obj_wq;

int vnp_obj_subsys_create(void)
{
	vnp_obj_wq = alloc_workqueue("vnp", WQ_UNBOUND, 0);

	return vnp_obj_wq ? 0 : -ENOMEM;
}

void vnp_obj_subsys_destroy(void)
{
	u32 kind;

	/*
	 * Wait until all grace periods have ended, so that their work is queued; then for the work.
	 * It puts no objects, and so does not queue more work.
	 */
	rcu_barrier();
	destroy_workqueue(vnp_obj_wq);

	for (kind = VNP_OBJ_PROG; kind <= VNP_OBJ_LINK; kind++)
		xa_destroy(&vnp_ids[kind].objs);
}

static struct vnp_ids *vnp_ids_get(u32 kind)
{
	if (kind < VNP_OBJ_PROG || kind > VNP_OBJ_LINK)
		return NULL;
	return &vnp_ids[array_index_nospec(kind, ARRAY_SIZE(vnp_ids))];
}

bool vnp_obj_name_ok(const char *name)
{
	size_t len = strnlen(name, VNP_NAME_LEN);
	size_t i;

	if (len == VNP_NAME_LEN)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("_.-", name[i])))
			return false;
	return !memchr_inv(name + len, 0, VNP_NAME_LEN - len);
}

void vnp_obj_init(struct vnp_obj *obj, const struct vnp_obj_ops *ops,
		  const char *name)
{
	obj->ops = ops;
	refcount_set(&obj->refs, 1);
	obj->id = 0;
	obj->uid = current_euid();
	obj->pid_ns = NULL;
	memcpy(obj->name, name, VNP_NAME_LEN);
}

void vnp_obj_inherit(struct vnp_obj *obj, const struct vnp_obj *from)
{
	obj->uid = from->uid;
	obj->pid_ns = get_pid_ns(from->pid_ns);
}

int vnp_obj_publish(struct vnp_obj *obj)
{
	struct vnp_ids *ids = &vnp_ids[obj->ops->kind];
	int ret;

	if (!obj->pid_ns)
		obj->pid_ns = get_pid_ns(task_active_pid_ns(current));
	/* The id is stored before the object can be found. */
	ret = xa_alloc_cyclic_bh(&ids->objs, &obj->id, obj,
				 XA_LIMIT(1, S32_MAX), &ids->last, VNP_GFP_USER);
	if (ret >= 0)
		return 0;
	/* The id may have been stored before the failure, and be that of another object now. */
	obj->id = 0;
	return ret == -EBUSY ? -ENOSPC : ret;
}

static void vnp_obj_free_work(struct work_struct *work)
{
	struct vnp_obj *obj = container_of(to_rcu_work(work), struct vnp_obj,
					   rwork);
	struct pid_namespace *pid_ns = obj->pid_ns;

	obj->ops->free(obj);
	if (pid_ns)
		put_pid_ns(pid_ns);
}

void vnp_obj_put(struct vnp_obj *obj)
{
	if (!refcount_dec_and_test(&obj->refs))
		return;

	if (obj->id)
		xa_erase_bh(&vnp_ids[obj->ops->kind].objs, obj->id);
	if (obj->ops->release)
		obj->ops->release(obj);
	INIT_RCU_WORK(&obj->rwork, vnp_obj_free_work);
	queue_rcu_work(vnp_obj_wq, &obj->rwork);
}

/* May the caller see objects of others? */
static bool vnp_obj_sees_all(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/*
 * Does the object belong to the caller: was it created by the same user, in the caller's pid
 * namespace or one below?  So a container does not see the objects outside.
 */
static bool vnp_obj_is_own(const struct vnp_obj *obj)
{
	const struct pid_namespace *own = task_active_pid_ns(current);
	const struct pid_namespace *ns = obj->pid_ns;

	while (ns && ns != own)
		ns = ns->parent;
	return ns && uid_eq(obj->uid, current_euid());
}

struct vnp_obj *vnp_obj_find(u32 kind, u32 id)
{
	struct vnp_ids *ids = vnp_ids_get(kind);
	struct vnp_obj *obj;

	if (!ids)
		return ERR_PTR(-EINVAL);

	rcu_read_lock();
	obj = xa_load(&ids->objs, id);
	if (!obj || !vnp_obj_get_live(obj)) {
		rcu_read_unlock();
		return ERR_PTR(-ENOENT);
	}
	rcu_read_unlock();

	if (!vnp_obj_is_own(obj) && !vnp_obj_sees_all()) {
		vnp_obj_put(obj);
		return ERR_PTR(-ENOENT);
	}
	return obj;
}

int vnp_obj_next(u32 kind, u32 *id)
{
	struct vnp_ids *ids = vnp_ids_get(kind);
	bool all = vnp_obj_sees_all();
	unsigned long index = *id;
	struct vnp_obj *obj;
	bool visible;

	if (!ids)
		return -EINVAL;

	/* Others may have any number of objects: leave RCU after each. */
	do {
		rcu_read_lock();
		obj = xa_find_after(&ids->objs, &index, S32_MAX, XA_PRESENT);
		visible = obj && (all || vnp_obj_is_own(obj));
		rcu_read_unlock();

		if (!obj)
			return -ENOENT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (!visible);

	*id = index;
	return 0;
}

struct vnp_obj *vnp_obj_from_fd(const struct vnp_obj_ops *ops, int fd)
{
	struct vnp_obj *obj = ERR_PTR(-EBADF);
	struct file *file = fget(fd);

	if (!file)
		return obj;
	if (file->f_op == ops->fops) {
		obj = file->private_data;
		vnp_obj_get(obj);
	}
	fput(file);
	return obj;
}

int vnp_fd_reserve(struct vnp_obj *obj, struct vnp_fd *nfd)
{
	int ret;

	nfd->fd = get_unused_fd_flags(O_CLOEXEC);
	if (nfd->fd < 0)
		return nfd->fd;

	nfd->file = anon_inode_getfile(obj->ops->name, obj->ops->fops, obj,
				       O_RDWR | O_CLOEXEC);
	if (IS_ERR(nfd->file)) {
		ret = PTR_ERR(nfd->file);
		goto err_put_fd;
	}
	vnp_obj_get(obj);
	return 0;

err_put_fd:
	put_unused_fd(nfd->fd);
	return ret;
}

int vnp_fd_install(struct vnp_fd *nfd)
{
	fd_install(nfd->fd, nfd->file);
	return nfd->fd;
}

void vnp_fd_cancel(struct vnp_fd *nfd)
{
	put_unused_fd(nfd->fd);
	fput(nfd->file);
}

int vnp_obj_open(struct vnp_obj *obj)
{
	struct vnp_fd nfd;
	int ret;

	ret = vnp_fd_reserve(obj, &nfd);
	if (ret)
		return ret;
	return vnp_fd_install(&nfd);
}

int vnp_obj_fop_release(struct inode *inode, struct file *file)
{
	vnp_obj_put(file->private_data);
	return 0;
}

u32 vnp_obj_uid(const struct vnp_obj *obj)
{
	return from_kuid_munged(current_user_ns(), obj->uid);
}
