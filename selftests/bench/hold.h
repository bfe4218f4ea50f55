/* SPDX-License-Identifier: GPL-2.0 */
/* Messages in several datagrams, for the workload hold. */
#ifndef _VNP_BENCH_HOLD_H
#define _VNP_BENCH_HOLD_H

#include <linux/types.h>

/* struct fragment_header - what a datagram begins with; the message's bytes follow */
struct fragment_header {
	__u8 wanted;		/* WANTED */
	__u8 reserved;
	__u16 cnt;		/* datagrams of the message */
	__u32 order;		/* of this one */
	__u32 message;
};

#endif /* _VNP_BENCH_HOLD_H */
