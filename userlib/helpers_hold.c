// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The helpers that hold messages, in this process: only the current datagram can be held. */
#include "user_exec.h"
#include "vm/helper.h"

u64 vnp_helper_hold(u64 ctx, u64 message, u64 order, u64 from, u64 r5)
{
	struct vnp_user_exec *user = user_of(ctx);

	(void)r5;
	if (user->unauthentic)
		return -EBADMSG;
	if ((u32)from > user->len)
		return -EINVAL;
	return vnp_held_one_hold(&user->held, message, order, user->len - (u32)from);
}

u64 vnp_helper_held(u64 ctx, u64 message, u64 to, u64 len, u64 r5)
{
	struct vnp_held info = {};
	int ret;

	(void)r5;
	ret = vnp_held_one_query(&user_of(ctx)->held, message, &info);
	vnp_held_copy((void *)(uintptr_t)to, len, vnp_held_cnt(len), &info);
	return ret;
}

u64 vnp_helper_release(u64 ctx, u64 message, u64 r3, u64 r4, u64 r5)
{
	(void)r3, (void)r4, (void)r5;
	return vnp_held_one_end(&user_of(ctx)->held, message);
}

u64 vnp_helper_release_each(u64 ctx, u64 message, u64 r3, u64 r4, u64 r5)
{
	(void)r3, (void)r4, (void)r5;
	return vnp_held_one_end(&user_of(ctx)->held, message);
}

u64 vnp_helper_discard(u64 ctx, u64 message, u64 r3, u64 r4, u64 r5)
{
	(void)r3, (void)r4, (void)r5;
	return vnp_held_one_end(&user_of(ctx)->held, message);
}
