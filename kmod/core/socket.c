// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/socket.h"

#include <linux/file.h>
#include <linux/net.h>
#include <net/sock.h>

#include "kmod/core/compat.h"

/* close() takes the lock to clear sk_socket (sock_orphan()), before *sk_socket is freed. */
struct file *vnp_socket_get(struct sock *sk, struct socket **sock)
{
	struct file *file = NULL;

	read_lock_bh(&sk->sk_callback_lock);
	*sock = sk->sk_socket;
	if (*sock)
		file = vnp_file_get_live(&(*sock)->file);
	read_unlock_bh(&sk->sk_callback_lock);
	return file;
}
