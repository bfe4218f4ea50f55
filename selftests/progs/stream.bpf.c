// SPDX-License-Identifier: GPL-2.0
/* The messages of selftests/kmod/stream.h, by the two programs of one object. */
#include <vnp/program.h>

#define HEADER	4

SEC("vnp/stream")
int measure(struct vnp_ctx *ctx)
{
	__u8 header[HEADER];

	if (vnp_load_bytes(ctx, 0, header, sizeof(header)))
		return 0;
	if (header[0] == 'X')
		return -1;
	return HEADER + (header[1] << 16 | header[2] << 8 | header[3]);
}

SEC("vnp/message")
int decide(struct vnp_ctx *ctx)
{
	__u8 type = 0;

	vnp_load_bytes(ctx, 0, &type, sizeof(type));
	return type == 'D' ? VNP_DROP : type == 'H' ? VNP_HELD : VNP_PASS;
}
