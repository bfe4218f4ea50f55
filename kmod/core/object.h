/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs, maps and links have in common: an owner, a name, an id, a
 * reference count and descriptors.
 *
 * Lifetime: the creator initializes its object, then vnp_obj_publish() makes it visible
 * by id; afterwards it only changes under its own locks.  A descriptor holds one
 * reference.  The last vnp_obj_put() removes the id and calls @release; @free is called
 * after a grace period.  So an object found under RCU may be used until
 * rcu_read_unlock(); to use it longer, call vnp_obj_get_live().
 */
#ifndef _VNP_CORE_OBJECT_H
#define _VNP_CORE_OBJECT_H

#include <linux/fs.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/vnp.h>

struct pid_namespace;
struct vnp_obj;

/**
 * struct vnp_obj_ops - a kind of object
 * @kind:	enum vnp_obj_kind
 * @name:	what /proc/PID/fd shows for its descriptors
 * @fops:	of its descriptors; also identify them
 * @release:	put its references; the last reference to it was put, but there may be
 *		readers under RCU.  Any context but hard interrupts.  May be NULL
 * @free:	free it; there are no more readers.  Process context
 */
struct vnp_obj_ops {
	u32 kind;
	const char *name;
	const struct file_operations *fops;
	void (*release)(struct vnp_obj *obj);
	void (*free)(struct vnp_obj *obj);
};

/**
 * struct vnp_obj - first member of every object
 * @ops:	its kind
 * @refs:	descriptors, and other objects that hold a reference
 * @id:		0 until it is published
 * @uid:	effective uid of its creator, the owner
 * @pid_ns:	of its creator, with a reference; set when it is published, or inherited
 * @name:	for listings, NUL-padded
 * @rwork:	frees it
 */
struct vnp_obj {
	const struct vnp_obj_ops *ops;
	refcount_t refs;
	u32 id;
	kuid_t uid;
	struct pid_namespace *pid_ns;
	char name[VNP_NAME_LEN];
	struct rcu_work rwork;
};

/**
 * struct vnp_fd - a descriptor that is not installed yet
 * @fd:		its number
 * @file:	the file it will refer to; holds a reference to the object
 */
struct vnp_fd {
	int fd;
	struct file *file;
};

/* Context: process, at module init and exit */
int vnp_obj_subsys_create(void);
void vnp_obj_subsys_destroy(void);

/* vnp_obj_name_ok() - is the name allowed by <linux/vnp.h>? */
bool vnp_obj_name_ok(const char *name);

/* vnp_obj_init() - initialize an object, with one reference for the caller */
void vnp_obj_init(struct vnp_obj *obj, const struct vnp_obj_ops *ops,
		  const char *name);

/* vnp_obj_inherit() - give an initialized object the owner of a published one */
void vnp_obj_inherit(struct vnp_obj *obj, const struct vnp_obj *from);

/**
 * vnp_obj_publish() - give an initialized object its id
 * @obj:	the object
 *
 * Context: process.
 * Return: 0, -ENOMEM, -ENOSPC (no id is free); the caller keeps its reference.
 */
int vnp_obj_publish(struct vnp_obj *obj);

/* vnp_obj_get() - get another reference; the caller must have one */
static inline void vnp_obj_get(struct vnp_obj *obj)
{
	refcount_inc(&obj->refs);
}

/* vnp_obj_get_live() - get a reference unless there are none left.  Context: RCU */
static inline bool vnp_obj_get_live(struct vnp_obj *obj)
{
	return refcount_inc_not_zero(&obj->refs);
}

/* vnp_obj_put() - put a reference.  Context: any but hard interrupts */
void vnp_obj_put(struct vnp_obj *obj);

/**
 * vnp_obj_find() - an object the caller may see: one of the same user, created in the caller's
 *		    pid namespace or one below; with CAP_SYS_ADMIN any
 * @kind:	enum vnp_obj_kind
 * @id:		its id
 *
 * Context: process.
 * Return: the object with a reference, or ERR_PTR: -EINVAL (the kind), -ENOENT.
 */
struct vnp_obj *vnp_obj_find(u32 kind, u32 id);

/**
 * vnp_obj_next() - the next object the caller may see
 * @kind:	enum vnp_obj_kind
 * @id:		in: the id to start after; out: the id found
 *
 * Context: process.
 * Return: 0, -EINVAL (the kind), -ENOENT, -EINTR (a fatal signal).
 */
int vnp_obj_next(u32 kind, u32 *id);

/**
 * vnp_obj_from_fd() - the object of a descriptor of the caller
 * @ops:	the kind it must be
 * @fd:		the descriptor
 *
 * Context: process.
 * Return: the object with a reference, or ERR_PTR(-EBADF).
 */
struct vnp_obj *vnp_obj_from_fd(const struct vnp_obj_ops *ops, int fd);

/**
 * vnp_fd_reserve() - do everything that can fail when a descriptor is created
 * @obj:	the object; gets a reference
 * @nfd:	out
 *
 * Context: process.
 * Return: 0, -EMFILE, -ENFILE, -ENOMEM.
 */
int vnp_fd_reserve(struct vnp_obj *obj, struct vnp_fd *nfd);

/* vnp_fd_install() - make it usable by user space.  Return: its number */
int vnp_fd_install(struct vnp_fd *nfd);

/* vnp_fd_cancel() - undo vnp_fd_reserve() */
void vnp_fd_cancel(struct vnp_fd *nfd);

/* vnp_obj_open() - reserve and install at once.  Return: descriptor or errno */
int vnp_obj_open(struct vnp_obj *obj);

/* vnp_obj_fop_release() - file_operations::release of all kinds */
int vnp_obj_fop_release(struct inode *inode, struct file *file);

/* vnp_obj_uid() - the owner's uid in the caller's user namespace */
u32 vnp_obj_uid(const struct vnp_obj *obj);

#endif /* _VNP_CORE_OBJECT_H */
