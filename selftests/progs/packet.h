/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_PACKET_H
#define _VNP_TEST_PACKET_H

#include <linux/types.h>

/* .bss of packet.bpf.c: how much to pull, and the bytes seen afterwards */
struct sight {
	__u32 want;
	__s32 pulled;
	__u32 direct;
	__u32 total;
	__u32 family;
	__u32 local_port;
	__u8 header[40];	/* bytes at the start, directly */
	__u8 end[4];		/* the last bytes, copied */
	__u8 direct_end;	/* the last direct byte */
};

#endif /* _VNP_TEST_PACKET_H */
