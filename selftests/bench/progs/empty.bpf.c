// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What it costs to run a program that does nothing */
#include "../processor/processor.h"

static __always_inline __u32 empty(void *ctx, __u8 *data, __u8 *end)
{
	return 0;
}

PROCESSOR(empty)
