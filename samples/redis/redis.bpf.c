// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Without --cache: whole commands are passed. */
#include "resp.h"

SEC("vnp/stream")
int redis(struct vnp_ctx *ctx)
{
	return measure(ctx);
}
