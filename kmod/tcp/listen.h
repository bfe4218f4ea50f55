/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listening sockets: what they accept is linked before the application gets its descriptor.
 *
 * Only socket::ops is replaced.  accept() calls TCP's, and gives the connection a link of its own
 * (vnp_link_inherit()); other operations end the link when the socket stops listening.  Data that
 * arrived before goes through the program when the connection's link is created, as on any other
 * connection.  So it does not matter how the connection was established (SYN cookies, TCP fast
 * open, before the link of the listening socket), and nothing is allocated for it in softirq.
 *
 * sk_prot is not replaced: sk_clone_lock() copies it to connections, as sk_prot_creator, too, which
 * is used when they are freed, possibly after the module was removed.  So connections that were not
 * accepted refer to nothing of this module; they can be closed, reset or moved to another listener
 * at any time.
 *
 * do_accept() reads socket::ops, and can sleep before it calls accept(); and it copies the pointer
 * to the new socket.  So the operations may be used at any time after the link has ended, and even
 * after the module was removed: the struct is allocated, is not freed if it was ever used, and gets
 * the kernel's functions again when the module is removed.
 */
#ifndef _VNP_TCP_LISTEN_H
#define _VNP_TCP_LISTEN_H

struct sock;
struct vnp_hook_ops;

extern const struct vnp_hook_ops vnp_listen_hook;

/*
 * vnp_listen_refresh() - end the link of a socket that does not listen any more; if there is no
 * link, restore the operations.  Context: process, the socket's lock; the socket stays open
 */
void vnp_listen_refresh(struct sock *sk);

/* Context: process, at module init and exit; after vnp_tcp_proto_copy() */
int vnp_listen_subsys_create(void);
void vnp_listen_subsys_destroy(void);

/* vnp_listen_stop() - let no more calls begin.  Context: process, at module exit */
void vnp_listen_stop(void);

#endif /* _VNP_TCP_LISTEN_H */
