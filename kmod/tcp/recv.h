/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading from a TCP socket that has a link: as if only what is ready were in its receive queue.
 */
#ifndef _VNP_TCP_RECV_H
#define _VNP_TCP_RECV_H

#include <linux/net.h>
#include <linux/poll.h>
#include <net/sock.h>

#include "kmod/core/compat_tcp.h"

/*
 * vnp_recv_restart() - the link has ended: have the system call restarted, which then calls the
 * kernel's operation.  Return: what this operation must return
 */
int vnp_recv_restart(void);

/* vnp_recv_msg_set() - set the operation that reads, in a copy of TCP's.  Context: module init */
void vnp_recv_msg_set(struct proto *proto);

/* As in struct proto and struct proto_ops */
int vnp_recv_ioctl(struct sock *sk, int cmd, VNP_IOCTL_ARG arg);
__poll_t vnp_recv_poll(struct file *file, struct socket *sock, poll_table *wait);
ssize_t vnp_recv_splice(struct socket *sock, loff_t *pos, struct pipe_inode_info *pipe,
			size_t len, unsigned int flags);

#endif /* _VNP_TCP_RECV_H */
