/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP's window, while messages lie in the receive queue that the application cannot read yet.
 *
 * TCP computes it from the memory that the queue takes, and closes it long before it would
 * collapse the queue: then the end of a message could never arrive.  With at most half of
 * sk_rcvbuf charged the window is never zero (__tcp_select_window()).  So when the application
 * has nothing to read, and it is up to us that more arrives, the queue is repacked and
 * sk_rcvbuf is raised, if it may be, until at most 3/8 are charged; and the peer is told.
 * That is always possible, as no more than vnp_window_limit() bytes are kept from the
 * application.  The right edge of the window never retracts.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_WINDOW_H
#define _VNP_TCP_WINDOW_H

#include <linux/types.h>

struct sock;

/* vnp_window_limit() - how many bytes may be kept from the application of this socket */
u32 vnp_window_limit(const struct sock *sk);

/* vnp_window_is_crowded() - does the queue take so much that the window may soon be zero? */
bool vnp_window_is_crowded(const struct sock *sk);

/**
 * vnp_window_open() - make room in a crowded queue
 * @sk:		a socket that the application can read nothing from
 * @gfp:	how to allocate
 *
 * Return: 0, -ENOMEM: it is to be called again.
 */
int vnp_window_open(struct sock *sk, gfp_t gfp);

/* vnp_window_tell() - tell the peer, if it pays; @read: the application has read */
void vnp_window_tell(struct sock *sk, bool read);

#endif /* _VNP_TCP_WINDOW_H */
