// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/ends.h"

#include <linux/slab.h>

#include "kmod/core/memory.h"

int vnp_ends_create(struct vnp_ends *ends)
{
	ends->end = kcalloc(VNP_BOUNDARIES_MAX, sizeof(*ends->end), VNP_GFP_USER);
	return ends->end ? 0 : -ENOMEM;
}

void vnp_ends_destroy(struct vnp_ends *ends)
{
	kfree(ends->end);
}

/* Without the lock the two values may be of different times. */
u32 vnp_ends_cnt(const struct vnp_ends *ends)
{
	const s32 cnt = READ_ONCE(ends->ready) - READ_ONCE(ends->first);

	return clamp(cnt, 0, VNP_BOUNDARIES_MAX);
}
