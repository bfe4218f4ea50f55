/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Messages of executions without a link (VNP_PROG_RUN and the reference interpreter): the helpers
 * behave as on a link that holds nothing.
 *
 * Layer: below everything but env.h.
 */
#ifndef _VNP_VM_HELD_H
#define _VNP_VM_HELD_H

#include "vm/env.h"
#include <linux/vnp.h>

/**
 * struct vnp_held_one - the only datagram there is
 * @message:	the key of its message
 * @info:	what vnp_held() says of that
 * @asked:	vnp_hold() has held it in this execution
 * @exists:	the message was neither released nor discarded
 */
struct vnp_held_one {
	u64 message;
	struct vnp_held info;
	bool asked;
	bool exists;
};

/* vnp_held_one_hold() - vnp_hold() of a datagram with @bytes after its argument @from */
static inline int vnp_held_one_hold(struct vnp_held_one *one, u64 message, u32 order,
				    u32 bytes)
{
	if (one->asked)
		return -EBUSY;
	one->message = message;
	one->info.bytes = bytes;
	one->info.fragments = 1;
	one->info.first = order;
	one->info.last = order;
	one->info.contiguous = 1;
	one->asked = true;
	one->exists = true;
	return 0;
}

static inline bool vnp_held_one_is(const struct vnp_held_one *one, u64 message)
{
	return one->exists && one->message == message;
}

/* vnp_held_one_query() - vnp_held(); @info is zero unless the message exists */
static inline int vnp_held_one_query(const struct vnp_held_one *one, u64 message,
				     struct vnp_held *info)
{
	if (!vnp_held_one_is(one, message)) {
		memset(info, 0, sizeof(*info));
		return -ENOENT;
	}
	*info = one->info;
	return 0;
}

/* vnp_held_one_end() - vnp_release(), vnp_release_each() and vnp_discard() */
static inline int vnp_held_one_end(struct vnp_held_one *one, u64 message)
{
	if (!vnp_held_one_is(one, message))
		return -ENOENT;
	one->exists = false;
	return 0;
}

/* vnp_held_cnt() - how much of struct vnp_held a program gets that asks for @len bytes */
static inline u32 vnp_held_cnt(u32 len)
{
	return min_t(u32, len, sizeof(struct vnp_held));
}

/* vnp_held_copy() - copy @cnt bytes of @info to @to, and fill it up to @len with zeroes */
static inline void vnp_held_copy(void *to, u32 len, u32 cnt, const struct vnp_held *info)
{
	memcpy(to, info, cnt);
	memset((u8 *)to + cnt, 0, len - cnt);
}

#endif /* _VNP_VM_HELD_H */
