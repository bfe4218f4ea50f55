/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_RUNS_H
#define _VNP_TEST_RUNS_H

/* What a datagram begins with; a shorter one than this is passed */
struct mark {
	__u8 order;
	__u8 pad;
	__u16 len;		/* of the datagram */
	__u32 seq;		/* the lowest byte of which is also its last byte */
};

/* Orders.  Where there are bytes to change there are at least ORDER_LEN. */
#define ORDER_PASS	'P'
#define ORDER_DROP	'D'
#define ORDER_FAULT	'F'
#define ORDER_VERDICT	'V'	/* return something that is no verdict */
#define ORDER_PULL	'L'	/* read all of it directly, pass */
#define ORDER_STORE	'S'	/* invert four bytes in the middle, pass */
#define ORDER_INVERT	'I'	/* the same, and eight bytes behind the mark directly */
#define ORDER_LEN	24

/* .bss of runs.bpf.c */
struct tally {
	/* What all datagrams should have in common */
	__u32 family;
	__be32 remote_ip4;
	__be32 local_ip4;
	__be32 remote_ip6[4];
	__be32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 next_seq;		/* of the datagram that comes next */
	__u64 seen;
	__u64 wrong;		/* not as they should be */
	__u64 unread;		/* whose mark could not be read directly */
};

#endif /* _VNP_TEST_RUNS_H */
