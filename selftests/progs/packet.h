/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_PACKET_H
#define _VNP_TEST_PACKET_H

#include <linux/types.h>

/* .bss of packet.bpf.c: how much to pull, and the bytes seen afterwards */
struct packet_view {
	__u32 pull_len;
	__s32 pulled;
	__u32 direct;
	__u32 total;
	__u32 family;
	__u32 local_port;
	__u8 header[40];	/* first bytes, by direct access */
	__u8 end[4];		/* last bytes, by vnp_load_bytes() */
	__u8 direct_end;	/* the last direct byte */
};

#endif /* _VNP_TEST_PACKET_H */
