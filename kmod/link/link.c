// SPDX-License-Identifier: GPL-2.0
#include "kmod/link/link.h"

#include <linux/file.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <net/inet_sock.h>

#include "kmod/core/args.h"
#include "kmod/core/memory.h"
#include "kmod/core/socket.h"
#include "kmod/map/map.h"
#include "kmod/path/hold.h"
#include "kmod/path/dgram.h"
#include "kmod/path/hook.h"
#include "vm/code.h"

static void vnp_link_free(struct vnp_obj *obj)
{
	struct vnp_link *link = container_of(obj, struct vnp_link, obj);

	if (link->hook->free)
		link->hook->free(link);
	vnp_hold_destroy(link);
	vnp_routes_destroy(&link->routes);
	vnp_user_put(link->user);
	free_percpu(link->stats);
	kfree(link);
	/* This is executed on the module's workqueue, and module exit waits for it. */
	module_put(THIS_MODULE);
}

static struct vnp_link *vnp_link_alloc(const struct vnp_link_create *attr,
				       const struct vnp_hook_ops *hook)
{
	static const char name[VNP_NAME_LEN];
	struct vnp_link *link;
	int cpu, ret;

	link = kzalloc(sizeof(*link), VNP_GFP_USER);
	if (!link)
		return ERR_PTR(-ENOMEM);
	link->stats = alloc_percpu_gfp(struct vnp_link_stats, VNP_GFP_USER);
	if (!link->stats) {
		ret = -ENOMEM;
		goto err_free;
	}
	link->user = vnp_user_get();
	if (IS_ERR(link->user)) {
		ret = PTR_ERR(link->user);
		goto err_free_stats;
	}
	ret = vnp_routes_init(&link->routes);
	if (ret)
		goto err_put_user;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(link->stats, cpu)->syncp);

	vnp_obj_init(&link->obj, &vnp_link_obj_ops, name);
	link->flags = attr->flags;
	link->hook = hook;
	link->hold_bytes = attr->hold_bytes;
	link->hold_messages = attr->hold_messages ?: VNP_HOLD_MESSAGES;
	link->hold_age_ms = attr->hold_age_ms ?: VNP_HOLD_AGE_MS;
	link->hold_mark = attr->hold_mark;
	link->eof = attr->eof;
	RCU_INIT_POINTER(link->prog, &vnp_prog_none);
	spin_lock_init(&link->lock);
	__module_get(THIS_MODULE);
	return link;

err_put_user:
	vnp_user_put(link->user);
err_free_stats:
	free_percpu(link->stats);
err_free:
	kfree(link);
	return ERR_PTR(ret);
}

/* The socket becomes that of the program's maps of peers that have none yet. */
static int vnp_link_bind_maps(const struct vnp_link *link, const struct vnp_prog *prog,
			      struct socket *sock)
{
	u32 i;
	int ret = 0;

	if (!link->hook->send)
		return 0;
	for (i = 0; i < prog->map_cnt && !ret; i++)
		ret = vnp_map_bind(prog->maps[i], sock);
	return ret;
}

/*
 * Attach to the socket last: after that nothing can fail, and before it there is nothing that
 * must be undone.  Maps that have got the socket keep it.
 */
static long vnp_link_attach(struct vnp_link *link, struct vnp_prog *prog,
			    struct vnp_prog *message, struct sock *sk)
{
	struct vnp_fd nfd;
	long ret;

	ret = prog->holds ? vnp_hold_create(link) : 0;
	if (ret)
		return ret;
	ret = vnp_obj_publish(&link->obj);
	if (ret)
		return ret;
	ret = vnp_link_bind_maps(link, prog, sk->sk_socket);
	if (ret)
		return ret;
	ret = vnp_fd_reserve(&link->obj, &nfd);
	if (ret)
		return ret;
	ret = link->hook->attach(link, prog, message, sk);
	if (ret) {
		vnp_fd_cancel(&nfd);
		return ret;
	}
	return vnp_fd_install(&nfd);
}

/* Does the hook take programs of this type? */
static bool vnp_link_takes(const struct vnp_hook_ops *hook, const struct vnp_prog *prog)
{
	return hook->prog_types & BIT(prog->code->type);
}

static long vnp_link_create_on(const struct vnp_link_create *attr, struct vnp_prog *prog,
			       struct vnp_prog *message, struct sock *sk)
{
	const struct vnp_hook_ops *hook = vnp_hook_find(sk);
	struct vnp_link *link;
	long fd;

	if (!hook || !vnp_link_takes(hook, prog) || prog->code->type == VNP_PROG_MESSAGE)
		return -EOPNOTSUPP;
	if (attr->flags & ~hook->link_flags)
		return -EINVAL;
	link = vnp_link_alloc(attr, hook);
	if (IS_ERR(link))
		return PTR_ERR(link);
	fd = vnp_link_attach(link, prog, message, sk);
	vnp_link_put(link);
	return fd;
}

/* The program for whole messages, or NULL */
static struct vnp_prog *vnp_link_message(const struct vnp_link_create *attr)
{
	struct vnp_prog *message;

	if (!(attr->flags & VNP_LINK_F_MESSAGE))
		return NULL;
	message = vnp_prog_from_fd(attr->message_fd);
	if (!IS_ERR(message) && message->code->type != VNP_PROG_MESSAGE) {
		vnp_prog_put(message);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return message;
}

static bool vnp_link_attr_ok(const struct vnp_link_create *attr)
{
	return !attr->reserved && attr->hold_messages <= VNP_HOLD_MESSAGES_MAX &&
	       attr->hold_age_ms <= VNP_HOLD_AGE_MS_MAX && attr->eof <= VNP_EOF_ABORT &&
	       (attr->flags & VNP_LINK_F_MESSAGE || !attr->message_fd);
}

long vnp_link_create(const struct vnp_link_create *attr)
{
	struct vnp_prog *prog, *message;
	struct socket *sock;
	int ret;
	long fd;

	if (attr->flags & ~VNP_LINK_F_KNOWN ||
	    (attr->flags & VNP_LINK_F_HOLD_LATE) == VNP_LINK_F_HOLD_LATE ||
	    !vnp_link_attr_ok(attr))
		return -EINVAL;
	prog = vnp_prog_from_fd(attr->prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	message = vnp_link_message(attr);
	if (IS_ERR(message)) {
		fd = PTR_ERR(message);
		goto put_prog;
	}
	sock = sockfd_lookup(attr->sock_fd, &ret);
	if (!sock) {
		fd = ret;
		goto put_message;
	}

	fd = vnp_link_create_on(attr, prog, message, sock->sk);

	sockfd_put(sock);
put_message:
	if (message)
		vnp_prog_put(message);
put_prog:
	vnp_prog_put(prog);
	return fd;
}

void vnp_link_bind(struct vnp_link *link, struct vnp_prog *prog, struct vnp_prog *message,
		   struct sock *sk)
{
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	link->cookie = cookie[0] | (u64)cookie[1] << 32;
	link->family = sk->sk_family;

	vnp_obj_get(&prog->obj);
	if (message)
		vnp_obj_get(&message->obj);
	vnp_obj_get(&link->obj);
	spin_lock_bh(&link->lock);
	rcu_assign_pointer(link->prog, prog);
	rcu_assign_pointer(link->message, message);
	link->sk = sk;
	spin_unlock_bh(&link->lock);
}

bool vnp_link_claim(struct vnp_link *link)
{
	struct vnp_prog *prog = NULL, *message = NULL;
	bool claimed;

	spin_lock_bh(&link->lock);
	claimed = link->sk;
	link->sk = NULL;
	if (claimed) {
		prog = rcu_replace_pointer(link->prog, &vnp_prog_none,
					   lockdep_is_held(&link->lock));
		message = rcu_replace_pointer(link->message, NULL,
					      lockdep_is_held(&link->lock));
		vnp_hold_permit(link, false);
	}
	spin_unlock_bh(&link->lock);

	if (claimed)
		vnp_prog_put(prog);
	if (message)
		vnp_prog_put(message);
	return claimed;
}

static enum vnp_action vnp_link_faults(struct vnp_link *link, const struct vnp_prog *prog,
				       u32 fault, u32 cnt, u32 bytes)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->bytes, bytes);
	u64_stats_add(&stats->faults[VNP_EXEC_FAULT_KIND(fault)], cnt);
	u64_stats_update_end(&stats->syncp);
	WRITE_ONCE(link->fault, (u64)prog->obj.id << 32 | fault);
	return vnp_link_passes_faults(link, prog) ? VNP_ACTION_PASS : VNP_ACTION_DROP;
}

enum vnp_action vnp_link_throttle(struct vnp_link *link, const struct vnp_prog *prog,
				  u32 cnt, u32 bytes)
{
	return vnp_link_faults(link, prog, VNP_EXEC_FAULT(VNP_FAULT_THROTTLED, 0), cnt,
			       bytes);
}

enum vnp_action vnp_link_fault(struct vnp_link *link, const struct vnp_prog *prog,
			       const struct vnp_exec *exec)
{
	if (exec->fault == VNP_EXEC_UNAUTHENTIC) {
		vnp_link_count(link, VNP_ACTION_DROP, 1, exec->ctx.len);
		vnp_link_error(link, VNP_ERROR_AUTH, 1);
		return VNP_ACTION_DROP;
	}
	return vnp_link_faults(link, prog,
			       exec->fault ?: VNP_EXEC_FAULT(VNP_FAULT_VERDICT, 0), 1,
			       exec->ctx.len);
}

/*
 * ---- Operations on descriptors --------------------------------------------
 */

/* Counters as numbers, in the order of struct vnp_link_stats */
struct vnp_link_counts {
	u64 bytes;
	u64 actions[VNP_ACTION_NONE];
	u64 faults[__VNP_FAULT_CNT];
	u64 errors[__VNP_ERROR_CNT];
};

static void vnp_link_stats_read(const struct vnp_link_stats *stats,
				struct vnp_link_counts *counts)
{
	const u64_stats_t *from = &stats->bytes;
	u64 *to = &counts->bytes;
	unsigned int start;
	size_t i;

	BUILD_BUG_ON(offsetof(struct vnp_link_stats, syncp) -
		     offsetof(struct vnp_link_stats, bytes) != sizeof(*counts));
	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		for (i = 0; i < sizeof(*counts) / sizeof(u64); i++)
			to[i] = u64_stats_read(&from[i]);
	} while (u64_stats_fetch_retry(&stats->syncp, start));
}

static void vnp_link_stats_sum(const struct vnp_link *link,
			       struct vnp_link_info *info)
{
	struct vnp_link_counts counts;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		vnp_link_stats_read(per_cpu_ptr(link->stats, cpu), &counts);
		info->bytes += counts.bytes;
		for (i = 0; i < VNP_ACTION_NONE; i++)
			info->verdicts[i] += counts.actions[i];
		for (i = 0; i < __VNP_FAULT_CNT; i++)
			info->faults[i] += counts.faults[i];
		for (i = 0; i < __VNP_ERROR_CNT; i++)
			info->errors[i] += counts.errors[i];
	}
	for (i = 0; i < VNP_ACTION_NONE; i++)
		info->packets += info->verdicts[i];
	for (i = 0; i < __VNP_FAULT_CNT; i++)
		info->packets += info->faults[i];
}

/*
 * A setsockopt() of UDP_ENCAP that began before the link was created may have replaced
 * the hook: then the link is detached.
 */
static void vnp_link_refresh(struct vnp_link *link)
{
	struct sock *sk = vnp_link_sock_get(link);

	if (!sk)
		return;
	if (!link->hook->is_attached(sk))
		link->hook->detach(link, sk);
	sock_put(sk);
}

static long vnp_link_fop_info(struct file *file, void *args, void __user *uargs)
{
	struct vnp_link *link = file->private_data;
	u64 fault = READ_ONCE(link->fault);
	struct vnp_link_info *info = args;
	const struct vnp_prog *prog;
	struct sock *sk;

	vnp_link_refresh(link);
	*info = (struct vnp_link_info) {
		.size = info->size,
		.id = link->obj.id,
		.flags = link->flags,
		.uid = vnp_obj_uid(&link->obj),
		.family = link->family,
		.sock_cookie = link->cookie,
		.fault_prog_id = fault >> 32,
		.fault = VNP_EXEC_FAULT_KIND((u32)fault),
		.fault_insn = VNP_EXEC_FAULT_INSN((u32)fault),
	};

	rcu_read_lock();
	prog = rcu_dereference(link->prog);
	info->prog_id = prog->obj.id;
	rcu_read_unlock();

	sk = vnp_link_sock_get(link);
	if (sk) {
		info->attached = 1;
		info->local_port = ntohs(inet_sk(sk)->inet_sport);
		sock_put(sk);
	}
	vnp_link_stats_sum(link, info);
	vnp_hold_info(link, info);
	return 0;
}

/* vnp_link_bind_maps() for a program that replaces another.  Return: also -ENOLINK */
static int vnp_link_rebind_maps(struct vnp_link *link, const struct vnp_prog *prog)
{
	struct sock *sk = vnp_link_sock_get(link);
	struct socket *sock;
	struct file *file;
	int ret = -ENOLINK;

	if (!sk)
		return ret;
	file = vnp_socket_get(sk, &sock);
	if (file) {
		ret = vnp_link_bind_maps(link, prog, sock);
		fput(file);
	}
	sock_put(sk);
	return ret;
}

/*
 * Make @prog the current program, or that for messages if it is for them; its reference passes
 * to the link.  Return: errno
 */
static int vnp_link_replace(struct vnp_link *link, struct vnp_prog *prog,
			    const struct vnp_prog *expected)
{
	const bool message = prog->code->type == VNP_PROG_MESSAGE;
	struct vnp_prog __rcu **at = message ? &link->message : &link->prog;
	struct vnp_prog *old;
	int ret = 0;

	spin_lock_bh(&link->lock);
	old = rcu_dereference_protected(*at, lockdep_is_held(&link->lock));
	if (!link->sk)
		ret = -ENOLINK;
	else if (expected && old != expected)
		ret = -EEXIST;
	else
		rcu_assign_pointer(*at, prog);
	if (!ret)
		vnp_hold_permit(link, prog->holds);
	spin_unlock_bh(&link->lock);

	if (!ret && old)
		vnp_prog_put(old);
	return ret;
}

/* After an update to a program that does not hold: held messages could not be released. */
static void vnp_link_clear(struct vnp_link *link)
{
	struct sock *sk = vnp_link_sock_get(link);

	if (!sk)
		return;
	vnp_hold_clear(link, sk);
	sock_put(sk);
}

static long vnp_link_fop_update(struct file *file, void *args,
				void __user *uargs)
{
	const struct vnp_link_update *update = args;
	struct vnp_prog *prog, *expected = NULL;
	struct vnp_link *link = file->private_data;
	bool holds;
	int ret;

	if (update->flags)
		return -EINVAL;
	vnp_link_refresh(link);
	prog = vnp_prog_from_fd(update->prog_fd);
	if (IS_ERR(prog))
		return PTR_ERR(prog);
	if (!vnp_link_takes(link->hook, prog)) {
		ret = -EOPNOTSUPP;
		goto put_prog;
	}
	if (update->old_prog_fd >= 0) {
		expected = vnp_prog_from_fd(update->old_prog_fd);
		if (IS_ERR(expected)) {
			ret = PTR_ERR(expected);
			goto put_prog;
		}
	}

	holds = prog->holds;
	ret = vnp_link_rebind_maps(link, prog);
	if (!ret && holds)
		ret = vnp_hold_create(link);
	if (!ret)
		ret = vnp_link_replace(link, prog, expected);
	if (!ret && !holds)
		vnp_link_clear(link);

	if (expected)
		vnp_prog_put(expected);
put_prog:
	if (ret)
		vnp_prog_put(prog);
	return ret;
}

static long vnp_link_fop_detach(struct file *file, void *args,
				void __user *uargs)
{
	struct vnp_link *link = file->private_data;
	const struct vnp_link_detach *detach = args;
	struct sock *sk;
	bool detached;

	if (detach->flags)
		return -EINVAL;
	sk = vnp_link_sock_get(link);
	if (!sk)
		return -ENOLINK;

	detached = link->hook->detach(link, sk);
	sock_put(sk);
	return detached ? 0 : -ENOLINK;
}

static const struct vnp_ioctl vnp_link_ioctls[] = {
	{ VNP_LINK_INFO, sizeof(struct vnp_link_info),
	  offsetofend(struct vnp_link_info, reserved), true, vnp_link_fop_info },
	{ VNP_LINK_UPDATE, sizeof(struct vnp_link_update),
	  offsetofend(struct vnp_link_update, old_prog_fd), false,
	  vnp_link_fop_update },
	{ VNP_LINK_DETACH, sizeof(struct vnp_link_detach),
	  offsetofend(struct vnp_link_detach, flags), false,
	  vnp_link_fop_detach },
};

static long vnp_link_fop_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	return vnp_ioctl_run(vnp_link_ioctls, ARRAY_SIZE(vnp_link_ioctls), file,
			     cmd, arg);
}

static const struct file_operations vnp_link_fops = {
	.owner		= THIS_MODULE,
	.release	= vnp_obj_fop_release,
	.unlocked_ioctl	= vnp_link_fop_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

const struct vnp_obj_ops vnp_link_obj_ops = {
	.kind	= VNP_OBJ_LINK,
	.name	= "vnp-link",
	.fops	= &vnp_link_fops,
	.free	= vnp_link_free,
};
