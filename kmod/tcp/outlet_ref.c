// SPDX-License-Identifier: GPL-2.0
/* The references to an outlet, and what is freed with the last one. */
#include <linux/slab.h>
#include <net/sock.h>

#include "kmod/core/user.h"
#include "kmod/tcp/outlet.h"
#include "kmod/tcp/outlet_send.h"

void vnp_outlet_uncharge(struct vnp_user *user, u32 bytes)
{
	atomic_dec(&user->outlets);
	atomic64_sub(bytes, &user->outlet_bytes);
}

void vnp_outlet_free(struct vnp_outlet *outlet)
{
	vnp_outlet_uncharge(outlet->user, outlet->shown.queue_bytes);
	vnp_user_put(outlet->user);
	sock_put(outlet->sk);
	vnp_fifo_destroy(&outlet->fifo);
	kfree(outlet);
}

/* It can be freed at once, as it was removed from the table before its targets' grace period. */
void vnp_outlet_put(struct vnp_outlet *outlet)
{
	if (refcount_dec_and_test(&outlet->refs))
		vnp_outlet_free(outlet);
}
