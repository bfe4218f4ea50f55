/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listening sockets: what they accept is linked before the application gets its descriptor.
 *
 * Only the operations of the struct socket are replaced, and of these accept(): it lets TCP accept,
 * and gives the connection a link of its own (vnp_link_inherit()).  Data that arrived before goes
 * through the program when that link is made, like on any other connection.  So it does not matter
 * how the connection came about (SYN cookies, TCP fast open, before the link of the listening
 * socket), and nothing is allocated for a connection in softirq.
 *
 * struct proto stays the kernel's: sk_clone_lock() copies it to connections, together with
 * sk_prot_creator, which is used when they are freed, perhaps after the module.  Connections that
 * were not accepted have nothing of ours; they can be closed, reset or moved to another listener at
 * any time.
 *
 * do_accept() reads socket::ops, then sleeps, and then calls; and it copies the pointer to the new
 * socket.  So the operations may be used at any time after the link has ended, and after the
 * module: they are allocated, not freed if they were used, and all the kernel's again when the
 * module is removed.
 */
#ifndef _VNP_TCP_LISTEN_H
#define _VNP_TCP_LISTEN_H

struct sock;
struct vnp_hook_ops;

extern const struct vnp_hook_ops vnp_listen_hook;

/*
 * vnp_listen_refresh() - end the link of a socket that does not listen any more, and restore
 * operations without a link.  Context: process, the socket's lock; the socket stays open
 */
void vnp_listen_refresh(struct sock *sk);

/* Context: process, at module init and exit; after vnp_tcp_proto_copy() */
int vnp_listen_subsys_create(void);
void vnp_listen_subsys_destroy(void);

/* vnp_listen_stop() - no call begins any more.  Context: process, at module exit */
void vnp_listen_stop(void);

#endif /* _VNP_TCP_LISTEN_H */
