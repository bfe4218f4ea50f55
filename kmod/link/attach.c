// SPDX-License-Identifier: GPL-2.0
#include "kmod/link/attach.h"

#include <linux/file.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/sock_diag.h>
#include <net/sock.h>

#include "kmod/core/memory.h"
#include "kmod/hold/hold.h"
#include "kmod/link/link.h"
#include "kmod/link/stats.h"
#include "kmod/map/map.h"
#include "kmod/path/hook.h"
#include "vm/code.h"

/*
 * ---- Creation and destruction ---------------------------------------------
 */

static void vnp_link_free(struct vnp_obj *obj)
{
	struct vnp_link *link = container_of(obj, struct vnp_link, obj);

	if (link->hook->free)
		link->hook->free(link);
	vnp_hold_destroy(link);
	vnp_routes_destroy(&link->routes);
	/* After the routes: dst_release() uses the dst_ops of IPv6, which are in the namespace. */
	if (link->net)
		put_net(link->net);
	vnp_user_put(link->user);
	free_percpu(link->stats);
	kfree(link);
	/* This is executed on the module's workqueue, and module exit waits for it. */
	module_put(THIS_MODULE);
}

/* The reference to @user passes to the link.  Return: NULL: out of memory */
static struct vnp_link *vnp_link_new(const struct vnp_hook_ops *hook, struct vnp_user *user)
{
	static const char name[VNP_NAME_LEN];
	struct vnp_link *link;
	int cpu;

	link = kzalloc(sizeof(*link), VNP_GFP_USER);
	if (!link)
		return NULL;
	link->stats = alloc_percpu_gfp(struct vnp_link_stats, VNP_GFP_USER);
	if (!link->stats)
		goto err_free;
	if (vnp_routes_init(&link->routes))
		goto err_free_stats;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(link->stats, cpu)->syncp);

	vnp_obj_init(&link->obj, &vnp_link_obj_ops, name);
	link->hook = hook;
	link->user = user;
	RCU_INIT_POINTER(link->prog, &vnp_prog_none);
	mutex_init(&link->update);
	spin_lock_init(&link->lock);
	__module_get(THIS_MODULE);
	return link;

err_free_stats:
	free_percpu(link->stats);
err_free:
	kfree(link);
	return NULL;
}

static struct vnp_link *vnp_link_alloc(const struct vnp_link_create *attr,
				       const struct vnp_hook_ops *hook)
{
	struct vnp_user *user = vnp_user_get();
	struct vnp_link *link;

	if (IS_ERR(user))
		return ERR_CAST(user);
	link = vnp_link_new(hook, user);
	if (!link) {
		vnp_user_put(user);
		return ERR_PTR(-ENOMEM);
	}
	link->flags = attr->flags;
	link->hold_bytes = attr->hold_bytes;
	link->hold_messages = attr->hold_messages ?: VNP_HOLD_MESSAGES;
	link->hold_age_ms = attr->hold_age_ms ?: VNP_HOLD_AGE_MS;
	link->hold_mark = attr->hold_mark;
	link->eof = attr->eof;
	if (attr->reply_bytes)
		link->reply_bytes = roundup_pow_of_two(attr->reply_bytes);
	return link;
}

int vnp_link_bind_maps(const struct vnp_link *link, const struct vnp_prog *prog,
		       struct socket *sock)
{
	u32 i;
	int ret = 0;

	/*
	 * Datagrams are sent to peers from UDP sockets.  For a TCP socket vnp_map_bind() fails if a
	 * map has no socket yet, which only matters if the program sends.
	 */
	if (!link->hook->dgram.send && !prog->sends)
		return 0;
	for (i = 0; i < prog->map_cnt && !ret; i++)
		ret = vnp_map_bind(prog->maps[i], sock);
	return ret;
}

/*
 * Attach to the socket last, so that this never has to be undone.  Maps of peers that were bound to
 * the socket keep it if attaching fails.
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
	if (!ret && message)
		ret = vnp_link_bind_maps(link, message, sk->sk_socket);
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

bool vnp_link_takes(const struct vnp_hook_ops *hook, const struct vnp_prog *prog)
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
	if (attr->flags & ~hook->link_flags ||
	    (attr->reply_bytes && !(hook->prog_types & BIT(VNP_PROG_MESSAGE))))
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

static bool vnp_link_reply_ok(u32 bytes)
{
	return !bytes || (bytes >= VNP_SOCKET_QUEUE_MIN && bytes <= VNP_SOCKET_QUEUE_MAX);
}

static bool vnp_link_attr_ok(const struct vnp_link_create *attr)
{
	return !attr->reserved && !attr->reserved2 && vnp_link_reply_ok(attr->reply_bytes) &&
	       attr->hold_messages <= VNP_HOLD_MESSAGES_MAX &&
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

/*
 * ---- Connections of a listening socket ------------------------------------
 */

/* Return: NULL: out of memory */
static struct vnp_link *vnp_link_alloc_child(const struct vnp_link *listener)
{
	struct vnp_link *link;

	vnp_user_hold(listener->user);
	link = vnp_link_new(listener->hook->inherit, listener->user);
	if (!link) {
		vnp_user_put(listener->user);
		return NULL;
	}
	vnp_obj_inherit(&link->obj, &listener->obj);
	link->listener_id = listener->obj.id;
	link->flags = listener->flags;
	link->hold_bytes = listener->hold_bytes;
	link->hold_messages = listener->hold_messages;
	link->hold_age_ms = listener->hold_age_ms;
	link->hold_mark = listener->hold_mark;
	link->eof = listener->eof;
	link->reply_bytes = listener->reply_bytes;
	return link;
}

/* The current programs, with references.  Return: false: detached */
static bool vnp_link_programs(struct vnp_link *link, struct vnp_prog **prog,
			      struct vnp_prog **message)
{
	bool attached;

	spin_lock_bh(&link->lock);
	attached = link->sk;
	if (attached) {
		*prog = rcu_dereference_protected(link->prog, lockdep_is_held(&link->lock));
		*message = rcu_dereference_protected(link->message,
						     lockdep_is_held(&link->lock));
		vnp_obj_get(&(*prog)->obj);
		if (*message)
			vnp_obj_get(&(*message)->obj);
	}
	spin_unlock_bh(&link->lock);
	return attached;
}

int vnp_link_inherit(struct vnp_link *listener, struct sock *sk)
{
	struct vnp_prog *prog, *message;
	struct vnp_link *link;
	int ret = -ENOMEM;

	if (!vnp_link_programs(listener, &prog, &message))
		return -ENOLINK;
	link = vnp_link_alloc_child(listener);
	if (link) {
		ret = vnp_obj_publish(&link->obj);
		if (!ret)
			ret = link->hook->attach(link, prog, message, sk);
		vnp_link_put(link);
	}
	if (message)
		vnp_prog_put(message);
	vnp_prog_put(prog);
	return ret;
}

const struct vnp_obj_ops vnp_link_obj_ops = {
	.kind	= VNP_OBJ_LINK,
	.name	= "vnp-link",
	.fops	= &vnp_link_fops,
	.free	= vnp_link_free,
};

/*
 * ---- What hooks call ------------------------------------------------------
 */

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
