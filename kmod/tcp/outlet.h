/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_outlet: a TCP connection that programs send to, with its queue.
 *
 * Softirq appends to the queue (outlet.c), and a work item sends its contents (outlet_send.c).  The
 * work never sleeps: it sends under the socket's spinlock, in slices, and only if no call of the
 * application owns the socket; otherwise it tries again later.  So a user who keeps sockets locked,
 * or has no memory left, delays no other user.
 *
 * Of the socket, sk_write_space is replaced, to continue the work when the send buffer has room
 * again; and icsk_ulp_ops is set as for a link (tcp.c), so that kTLS and sockmap, which would
 * replace sk_write_space, too, refuse the socket.  Outlets are found by socket in a hash table, as
 * sk_user_data is that of a link.
 *
 * Lifetime.  @entries counts entries of maps, and a link; the outlet ends when the last one is
 * removed.  Each of them has a reference (@refs), which is put after a grace period; pending work
 * has one, too.  An outlet holds a reference to the socket, but not to its file: the application
 * can close it.  It also holds one to the module while sk_write_space is replaced.
 *
 * Lock order: the socket's lock or spinlock, then @lock, for which softirqs are off; and in process
 * context the table's lock, which protects @entries.
 */
#ifndef _VNP_TCP_OUTLET_H
#define _VNP_TCP_OUTLET_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/vnp.h>
#include <linux/workqueue.h>
#include "kmod/path/outlet.h"
#include "kmod/tcp/fifo.h"

struct sock;
struct socket;
struct vnp_feature;
struct vnp_user;

/**
 * enum vnp_outlet_state - what the queue waits for
 * @VNP_OUTLET_IDLE:	nothing, as it is empty
 * @VNP_OUTLET_PUSHED:	the work is pending, or executing
 * @VNP_OUTLET_WAITS:	for room in the send buffer
 * @VNP_OUTLET_ENDED:	nothing: no more is sent, or queued
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
 * @entries:	entries of maps, and a link, that use it; under the table's lock.  0: it is about to
 *		be removed from the table
 * @refs:	see above
 * @sk:		the socket, with a reference
 * @user:	the user who owns the entries, with a reference
 * @write_space: the function that it has set as sk_write_space of @sk
 * @writers:	number of the application's writes in progress, if the socket has a link: nothing is
 *		sent from the queue during them (tcp/write.c).  Atomic
 * @shown:	the constant fields of what user space reads
 * @lock:	protects @state to @errors, and @aborting
 * @state:	enum vnp_outlet_state
 * @sending:	the work is sending what it has claimed
 * @split:	some, but not all, bytes of a datagram were sent
 * @error:	why it has ended, an errno, or 0
 * @fifo:	the queue
 * @sent:	datagrams that were sent completely
 * @bytes:	their bytes
 * @errors:	datagrams that were dropped, by enum vnp_error
 * @work:	sends; with a reference
 * @delay:	jiffies until @work tries again; 0: it did not fail.  Only used by @work
 * @abort:	resets the connection; with a reference, and one to the module
 * @abort_delay: as @delay, of @abort
 * @aborting:	@abort was queued
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

/* vnp_outlet_limits() - the parameters reported by VNP_FEATURE.  Context: any */
void vnp_outlet_limits(struct vnp_feature *feature);

/**
 * vnp_outlet_open() - make a socket an outlet, or find the one it has, for another entry
 * @sock:	the socket, which stays open
 * @user:	who is charged for its queue
 * @value:	its policy and size of queue, which were checked
 *
 * Context: process.  Takes the socket's lock.
 * Return: the outlet, with a reference and an entry, or ERR_PTR.
 */
struct vnp_outlet *vnp_outlet_open(struct socket *sock, struct vnp_user *user,
				   const struct vnp_connection *value);

/*
 * vnp_outlet_leave() - an entry was removed from its map.  Programs that are being executed may
 * still call vnp_outlet_append(), which then fails.  Context: process
 */
void vnp_outlet_leave(struct vnp_outlet *outlet);

/* vnp_outlet_put() - put a reference.  Context: any but hard interrupts */
void vnp_outlet_put(struct vnp_outlet *outlet);

/*
 * vnp_outlet_drain() - send what is queued when it is called, even beyond the send buffer's size.
 * Context: process, the socket's lock.  Return: 0, -ENOMEM
 */
int vnp_outlet_drain(struct vnp_outlet *outlet);

/*
 * vnp_outlet_is_written() - is a call of the application writing, or waiting in the middle of that?
 * Context: the socket's lock
 */
bool vnp_outlet_is_written(const struct vnp_outlet *outlet);

/*
 * vnp_outlet_failure() - why can nothing be sent over the connection any more?  Context: any.
 * Return: 0 or errno
 */
int vnp_outlet_failure(const struct sock *sk);

/* vnp_outlet_kick() - a write has ended: send what was queued during it.  Context: process */
void vnp_outlet_kick(struct vnp_outlet *outlet);

/* vnp_outlet_queued() - bytes in the queue.  Context: process */
u32 vnp_outlet_queued(struct vnp_outlet *outlet);

/* vnp_outlet_read() - what user space reads.  Context: process */
void vnp_outlet_read(struct vnp_outlet *outlet, struct vnp_connection *value);

#endif /* _VNP_TCP_OUTLET_H */
