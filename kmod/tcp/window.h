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
 * application; except while TCP is short of memory, when it does not raise sk_rcvbuf either.  The
 * right edge of the window never retracts.
 *
 * After a pass (repack.h) the packets in the queue take at most 6.4/16 of sk_rcvbuf.  So until
 * those that have arrived since take 1/16, less than half is charged for the queue, and another
 * pass would gain little.  If the buffer is crowded nevertheless, that is because of packets out
 * of order, which are not repacked: then there is a hole in the window, and what fills it is
 * accepted.
 *
 * Packets that take 512 KiB are enough, too: they are walked for each packet while the buffer is
 * crowded, and root of a network namespace can set its size to 2 GiB.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_WINDOW_H
#define _VNP_TCP_WINDOW_H

#include <linux/types.h>

#include "kmod/tcp/repack.h"

struct sock;

/**
 * struct vnp_window - what was done for the window
 * @pass:	the pass that is in progress, if @active, else the latest
 * @active:	a pass is in progress
 * @end:	the end of the queue when a pass had ended
 * @rcvbuf:	sk_rcvbuf at that time, or 0
 */
struct vnp_window {
	struct vnp_repack pass;
	bool active;
	u32 end;
	int rcvbuf;
};

/*
 * vnp_window_follow() - let the sequence numbers that are kept follow what was read, as they can
 * only be compared within 2^31.  To be called for each packet and read
 */
void vnp_window_follow(const struct sock *sk, struct vnp_window *window);

/* vnp_window_limit() - how many bytes may be kept from the application of this socket */
u32 vnp_window_limit(const struct sock *sk);

/* vnp_window_is_crowded() - does the queue take so much that the window may soon be zero? */
bool vnp_window_is_crowded(const struct sock *sk);

/*
 * vnp_window_room() - how many bytes may arrive before somebody looks whether it is; 0: none
 */
u32 vnp_window_room(const struct sock *sk);

/**
 * vnp_window_open() - make room in a crowded queue
 * @sk:		a socket that the application can read nothing from
 * @window:	its window
 * @gfp:	how to allocate
 *
 * Return: 0; -EAGAIN: a slice was repacked, and it is to be called again; -ENOMEM: likewise, after
 * a while.
 */
int vnp_window_open(struct sock *sk, struct vnp_window *window, gfp_t gfp);

/* vnp_window_pack() - a slice of a pass over all packets, if one pays.  Return: as above */
int vnp_window_pack(struct sock *sk, struct vnp_window *window, gfp_t gfp);

/* vnp_window_tell() - tell the peer, if it pays; @read: the application has read */
void vnp_window_tell(struct sock *sk, bool read);

#endif /* _VNP_TCP_WINDOW_H */
