/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions shared by links, listening sockets and outlets: may a TCP socket be changed, preventing
 * others from changing it, and calls that can outlast the link.
 */
#ifndef _VNP_TCP_SOCK_H
#define _VNP_TCP_SOCK_H

#include <linux/types.h>

struct sock;
struct vnp_link;

/*
 * vnp_tcp_enter() - begin a call that must not fail, can sleep, and can end after the link
 *
 * Holds a reference to the module until vnp_tcp_leave().  If it cannot get one, as the link has
 * ended and the module is being removed, the removal waits for the call.
 *
 * Return: for vnp_tcp_leave().
 */
bool vnp_tcp_enter(void);
void vnp_tcp_leave(bool held);

/* vnp_tcp_suits() - is it a TCP socket? */
bool vnp_tcp_suits(const struct sock *sk);

/* vnp_tcp_is_plain() - are its operations TCP's own, or those for a link?  Context: its lock */
bool vnp_tcp_is_plain(const struct sock *sk);

/* vnp_tcp_is_free() - is it used by nothing in the kernel but a link?  Context: its lock */
bool vnp_tcp_is_free(const struct sock *sk);

/* vnp_tcp_keep_ulp() - let kTLS, sockmap and SMC refuse it until it is freed.  Context: its lock */
void vnp_tcp_keep_ulp(struct sock *sk);

/* vnp_tcp_check() - can it be linked?  Context: its lock.  Return: 0, or -EBUSY */
int vnp_tcp_check(const struct sock *sk);

/* vnp_tcp_set_user_data() - set to @link or NULL; clones get NULL.  Context: the socket's lock */
void vnp_tcp_set_user_data(struct sock *sk, struct vnp_link *link);

/* vnp_tcp_calls_drain() - wait for calls that got no reference.  Context: module exit */
void vnp_tcp_calls_drain(void);

/* vnp_tcp_ulp_create() - allocate what vnp_tcp_keep_ulp() sets.  Context: module init and exit */
int vnp_tcp_ulp_create(void);
void vnp_tcp_ulp_destroy(void);

#endif /* _VNP_TCP_SOCK_H */
