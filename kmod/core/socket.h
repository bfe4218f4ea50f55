/* SPDX-License-Identifier: GPL-2.0 */
/* From a struct sock to its struct socket and file, in process context. */
#ifndef _VNP_CORE_SOCKET_H
#define _VNP_CORE_SOCKET_H

struct file;
struct sock;
struct socket;

/**
 * vnp_socket_get() - keep a socket from being closed
 * @sk:		the caller has a reference
 * @sock:	out: its struct socket
 *
 * Context: process.
 * Return: its file, for fput(), or NULL: it is closed or being closed.
 */
struct file *vnp_socket_get(struct sock *sk, struct socket **sock);

#endif /* _VNP_CORE_SOCKET_H */
