// SPDX-License-Identifier: GPL-2.0
/* Operations on the descriptor of a link: VNP_LINK_INFO, VNP_LINK_UPDATE, VNP_LINK_DETACH. */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_sock.h>

#include "kmod/core/args.h"
#include "kmod/core/socket.h"
#include "kmod/hold/hold.h"
#include "kmod/link/attach.h"
#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/path/hook.h"
#include "vm/code.h"

/*
 * A setsockopt() of UDP_ENCAP that began before the link was created may have replaced
 * the hook, or a socket may not listen any more: then the link is detached.
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
	const struct vnp_prog *prog, *message;
	struct sock *sk;

	vnp_link_refresh(link);
	*info = (struct vnp_link_info) {
		.size = info->size,
		.id = link->obj.id,
		.flags = link->flags,
		.uid = vnp_obj_uid(&link->obj),
		.family = link->family,
		.sock_cookie = link->cookie,
		.listener_id = link->listener_id,
		.reply_bytes = link->reply_bytes,
		.eof = link->eof,
		.accepted = atomic64_read(&link->accepted),
		.refused = atomic64_read(&link->refused),
		.fault_prog_id = fault >> 32,
		.fault = VNP_EXEC_FAULT_KIND((u32)fault),
		.fault_insn = VNP_EXEC_FAULT_INSN((u32)fault),
	};

	rcu_read_lock();
	prog = rcu_dereference(link->prog);
	info->prog_id = prog->obj.id;
	message = rcu_dereference(link->message);
	if (message)
		info->message_prog_id = message->obj.id;
	rcu_read_unlock();

	sk = vnp_link_sock_get(link);
	if (sk) {
		info->attached = 1;
		info->local_port = ntohs(inet_sk(sk)->inet_sport);
	}
	vnp_link_stats_sum(link, info);
	vnp_hold_info(link, info);
	if (link->hook->info)
		link->hook->info(link, sk, info);
	if (sk)
		sock_put(sk);
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
 * Make @prog the current program, or the program for messages if it is a %VNP_PROG_MESSAGE.
 * Return: 0: the caller's reference has passed to the link; or errno
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
	if (ret)
		goto unlock;
	/* Other CPUs can execute the program once it is visible, and the old one until then. */
	if (prog->holds)
		vnp_hold_permit(link, true);
	rcu_assign_pointer(*at, prog);
	if (!prog->holds)
		vnp_hold_permit(link, false);
unlock:
	spin_unlock_bh(&link->lock);
	if (!ret && old)
		vnp_prog_put(old);
	return ret;
}

/* Free held messages after an update to a program that does not hold, and cannot release them. */
static void vnp_link_clear(struct vnp_link *link)
{
	struct sock *sk = vnp_link_sock_get(link);

	if (!sk)
		return;
	vnp_hold_clear(link, sk);
	sock_put(sk);
}

/* Replace the program.  Return: as vnp_link_replace(), or another errno */
static int vnp_link_change(struct vnp_link *link, struct vnp_prog *prog,
			   const struct vnp_prog *expected)
{
	/* After it was replaced it may be freed. */
	const bool holds = prog->holds;
	int ret;

	if (mutex_lock_killable(&link->update))
		return -EINTR;
	ret = vnp_link_rebind_maps(link, prog);
	if (!ret && holds)
		ret = vnp_hold_create(link);
	if (!ret)
		ret = vnp_link_replace(link, prog, expected);
	if (!ret && !holds)
		vnp_link_clear(link);
	mutex_unlock(&link->update);
	return ret;
}

static long vnp_link_fop_update(struct file *file, void *args,
				void __user *uargs)
{
	const struct vnp_link_update *update = args;
	struct vnp_prog *prog, *expected = NULL;
	struct vnp_link *link = file->private_data;
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

	ret = vnp_link_change(link, prog, expected);
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
	int ret;

	if (detach->flags)
		return -EINVAL;
	sk = vnp_link_sock_get(link);
	if (!sk)
		return -ENOLINK;

	ret = link->hook->detach(link, sk);
	sock_put(sk);
	return ret;
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

const struct file_operations vnp_link_fops = {
	.owner		= THIS_MODULE,
	.release	= vnp_obj_fop_release,
	.unlocked_ioctl	= vnp_link_fop_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};
