// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The cost of executing an empty program */
#include "../processor/processor.h"

static __always_inline __u32 empty(void *ctx, __u8 *data, __u8 *end)
{
	return 0;
}

PROCESSOR(empty)
