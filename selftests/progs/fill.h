/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_FILL_H
#define _VNP_TEST_FILL_H

/* The map of fill.bpf.c: elements of 1 KiB, 8 MiB in total */
#define FILL_MAX	8192
#define FILL_VALUE	1024

/* Updates that one datagram causes */
#define FILL_AT_ONCE	64

/* .bss of fill.bpf.c: results of its updates */
struct fill {
	__u64 inserted;
	__u64 full;		/* -ENOSPC */
	__u64 replaced;
	__u64 failed;		/* anything else */
	__u32 next;		/* key that was never inserted */
};

#endif /* _VNP_TEST_FILL_H */
