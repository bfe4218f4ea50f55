/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP's window, while the receive queue has messages that the application cannot read yet.
 *
 * TCP computes the window from the memory that the queue takes, and closes it long before it would
 * collapse the queue: then the end of a message could never arrive.  The window is never zero with
 * at most half of sk_rcvbuf charged (__tcp_select_window()).  So while the application has nothing
 * to read, the queue is repacked, and sk_rcvbuf raised unless the application has set it, until at
 * most 3/8 are charged; and an ACK tells the peer.  3/8 can always be reached, as at most
 * vnp_stream_limit() bytes are kept from the application; except while TCP is short of memory, when
 * it does not raise sk_rcvbuf either.  The right edge of the window does not retract, unless the
 * network namespace permits it (net.ipv4.tcp_shrink_window).
 *
 * After a pass (repack.h) the packets in the queue take at most 6.4/16 of sk_rcvbuf.  So until
 * those that have arrived since take 1/16, less than half is charged for the queue, and another
 * pass would gain little.  If the buffer is crowded nevertheless, that is because of packets out
 * of order, which are not repacked: then there is a hole in the window, and TCP accepts what fills
 * it.
 *
 * Another pass also pays when the new packets take 512 KiB.  This bounds the walk over them, for
 * each packet that arrives while the buffer is crowded: root of a network namespace can set the
 * buffer's size to 2 GiB.
 *
 * Context of all functions here: the socket's lock.
 */
#ifndef _VNP_TCP_WINDOW_H
#define _VNP_TCP_WINDOW_H

#include <linux/types.h>

#include "kmod/tcp/repack.h"

struct sock;

/**
 * struct vnp_window - state of keeping the window open
 * @pass:	the pass that is in progress, if @active, else the latest
 * @active:	a pass is in progress
 * @end:	the end of the queue when the latest pass ended, or before that if packets were
 *		replaced since
 * @rcvbuf:	sk_rcvbuf when the latest pass ended; 0: there was none
 * @limit:	how many bytes may be kept from the application, as of vnp_window_follow(), when
 *		sk_rcvbuf could be raised up to @limit_rcvbuf
 * @limit_rcvbuf: the vnp_window_rcvbuf_max() for which @limit was computed; 0: none
 */
struct vnp_window {
	struct vnp_repack pass;
	bool active;
	u32 end;
	int rcvbuf;
	u32 limit;
	int limit_rcvbuf;
};

/*
 * vnp_window_follow() - advance the sequence numbers that are kept to what was read, as they can
 * only be compared within 2^31; and compute @window->limit again if the largest possible sk_rcvbuf
 * has changed.  Must be called each time that TCP calls sk_data_ready, at least
 */
void vnp_window_follow(const struct sock *sk, struct vnp_window *window);

/* vnp_window_limit_any() - how many bytes may be kept from the application.  Context: any */
u32 vnp_window_limit_any(const struct sock *sk);

/* vnp_window_is_crowded() - does the queue take so much that the window may soon be zero? */
bool vnp_window_is_crowded(const struct sock *sk);

/*
 * vnp_window_room() - how many bytes may arrive before vnp_window_is_crowded() must be called
 * again; 0: call it for each packet
 */
u32 vnp_window_room(const struct sock *sk);

/**
 * vnp_window_open() - make room in a crowded queue
 * @sk:		a socket from which the application can read nothing
 * @window:	its window
 * @gfp:	how to allocate
 *
 * Return: 0; -EAGAIN: call again, as only a slice was repacked; -ENOMEM: call again after a delay.
 */
int vnp_window_open(struct sock *sk, struct vnp_window *window, gfp_t gfp);

/* vnp_window_pack() - repack a slice of all packets, if a pass pays.  Return: as above */
int vnp_window_pack(struct sock *sk, struct vnp_window *window, gfp_t gfp);

/* vnp_window_tell() - send an ACK if the window grew, or one is due; @read: after a read */
void vnp_window_tell(struct sock *sk, bool read);

#endif /* _VNP_TCP_WINDOW_H */
