/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_outlet: a TCP connection that programs send to, with its queue.
 *
 * Softirq appends to the queue (outlet.c), and a work item gives TCP what is in it
 * (outlet_send.c).  The work never sleeps: it sends under the socket's spinlock, in slices, and
 * only if no call of the application owns the socket; otherwise it tries again later.  A user who
 * keeps his sockets locked, or out of memory, delays nobody else.
 *
 * Of the socket only sk_write_space is replaced, by which the work continues when the send buffer
 * has room again, and icsk_ulp_ops is set as for a link (tcp.c), so that kTLS and sockmap, which
 * would replace it as well, refuse the socket.  Outlets are found by socket in a hash table; so
 * sk_user_data remains that of a link.
 *
 * Lifetime.  Entries of maps are counted in @entries; the last one that leaves ends the outlet.
 * References are those of their targets, which are put after a grace period, and of pending work.
 * An outlet holds a reference to the socket, but not to its file: the application can close it.
 * It also holds one to the module while sk_write_space is replaced.
 *
 * Locking.  Socket's lock, then @lock.  Softirqs are off in both.
 */
#ifndef _VNP_TCP_OUTLET_H
#define _VNP_TCP_OUTLET_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/vnp.h>
#include <linux/workqueue.h>
#include "kmod/tcp/fifo.h"

struct sock;
struct socket;
struct vnp_dgram;
struct vnp_link;
struct vnp_send_msg;
struct vnp_sending;
struct vnp_user;

/**
 * enum vnp_outlet_state - what is to happen with the queue
 * @VNP_OUTLET_IDLE:	nothing, as it is empty
 * @VNP_OUTLET_PUSHED:	the work is pending, or executing
 * @VNP_OUTLET_WAITS:	for room in the send buffer
 * @VNP_OUTLET_ENDED:	nothing any more
 */
enum vnp_outlet_state {
	VNP_OUTLET_IDLE,
	VNP_OUTLET_PUSHED,
	VNP_OUTLET_WAITS,
	VNP_OUTLET_ENDED,
};

/**
 * struct vnp_outlet - a connection
 * @node:	in the table, by @sk
 * @entries:	of maps that name it; under the table's lock.  0: it is about to be removed
 * @refs:	see above
 * @sk:		the socket, with a reference
 * @user:	whose entries they are, with a reference
 * @write_space: the sk_write_space that @sk has because of it
 * @writers:	calls by which the application writes to a socket that has a link: what is queued
 *		is sent before and after them (tcp/answer.c)
 * @shown:	what does not change of what user space reads
 * @lock:	protects what follows
 * @state:	enum vnp_outlet_state
 * @sending:	the work is sending what it has claimed
 * @split:	a datagram was sent in part
 * @error:	why it has ended, an errno, or 0
 * @fifo:	the queue
 * @sent:	datagrams that TCP has got
 * @bytes:	their bytes
 * @errors:	datagrams that were dropped, by enum vnp_error
 * @work:	sends; with a reference
 * @delay:	jiffies until it tries again; 0: it did not fail.  Only used by @work
 * @abort:	resets the connection; with a reference, and one to the module
 * @abort_delay: as @delay, of @abort
 * @aborting:	it was scheduled
 */
struct vnp_outlet {
	struct hlist_node node;
	u32 entries;
	refcount_t refs;
	struct sock *sk;
	struct vnp_user *user;
	void (*write_space)(struct sock *sk);
	atomic_t writers;
	struct vnp_connection shown;

	spinlock_t lock;	/* see above */
	enum vnp_outlet_state state;
	bool sending;
	bool split;
	int error;
	struct vnp_fifo fifo;
	u64 sent;
	u64 bytes;
	u64 errors[__VNP_ERROR_CNT];

	struct delayed_work work;
	unsigned long delay;
	struct delayed_work abort;
	unsigned long abort_delay;
	bool aborting;
};

/* Context: process, at module init and exit */
int vnp_outlet_subsys_create(void);
void vnp_outlet_subsys_destroy(void);

/**
 * vnp_outlet_open() - make a socket an outlet, or find the one it has, for another entry
 * @sock:	the socket, which stays open
 * @user:	who is charged for its queue
 * @value:	how, as checked
 *
 * Context: process.  It sleeps in the socket's lock.
 * Return: the outlet, with a reference and an entry, or ERR_PTR.
 */
struct vnp_outlet *vnp_outlet_open(struct socket *sock, struct vnp_user *user,
				   const struct vnp_connection *value);

/*
 * vnp_outlet_leave() - an entry was removed from its map.  Programs that execute may still append
 * to what has ended.  Context: process
 */
void vnp_outlet_leave(struct vnp_outlet *outlet);

/* vnp_outlet_put() - put a reference.  Context: any but hard interrupts */
void vnp_outlet_put(struct vnp_outlet *outlet);

/**
 * vnp_outlet_append() - queue a datagram
 * @outlet:	the outlet
 * @link:	the link on which the program executes
 * @sending:	what the execution may still send
 * @dgram:	the datagram, or message
 * @msg:	what is sent of it; NULL: all
 *
 * Context: softirq, under RCU.
 * Return: 0; -EDQUOT: a limit of the execution or the user; -ENOBUFS: it was dropped; -ENOTCONN:
 * likewise, as the connection has ended; -ENOMEM.
 */
int vnp_outlet_append(struct vnp_outlet *outlet, struct vnp_link *link,
		      struct vnp_sending *sending, const struct vnp_dgram *dgram,
		      const struct vnp_send_msg *msg);

/*
 * vnp_outlet_drain() - send all that is queued now, even beyond the send buffer.  Context: the
 * socket's lock, as a process.  Return: 0, -ENOMEM
 */
int vnp_outlet_drain(struct vnp_outlet *outlet);

/* vnp_outlet_kick() - what had to wait for @writers may be sent.  Context: process */
void vnp_outlet_kick(struct vnp_outlet *outlet);

/* vnp_outlet_queued() - bytes in the queue.  Context: process */
u32 vnp_outlet_queued(struct vnp_outlet *outlet);

/* vnp_outlet_read() - what user space reads.  Context: process */
void vnp_outlet_read(struct vnp_outlet *outlet, struct vnp_connection *value);

#endif /* _VNP_TCP_OUTLET_H */
