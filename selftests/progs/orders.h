/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_ORDERS_H
#define _VNP_TEST_ORDERS_H

/* The beginning of a datagram; a shorter one is passed */
struct mark {
	__u8 order;
	__u8 pad;
	__u16 len;		/* of the datagram */
	__u32 seq;		/* the last byte of the datagram is its lowest byte */
};

/* Orders.  Datagrams with bytes to change have at least ORDER_LEN. */
#define ORDER_PASS	'P'
#define ORDER_DROP	'D'
#define ORDER_FAULT	'F'
#define ORDER_VERDICT	'V'	/* return a value that is not a verdict */
#define ORDER_PULL	'L'	/* read all of it directly, pass */
#define ORDER_STORE	'S'	/* invert four bytes in the middle, pass */
#define ORDER_INVERT	'I'	/* the same, and eight bytes after the mark directly */
#define ORDER_LEN	24

/* .bss of orders.bpf.c */
struct tally {
	/* Expected values common to all datagrams */
	__u32 family;
	__be32 remote_ip4;
	__be32 local_ip4;
	__be32 remote_ip6[4];
	__be32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 next_seq;		/* of the next datagram */
	__u64 seen;
	__u64 wrong;		/* datagrams that were not as expected */
	__u64 unread;		/* datagrams whose mark could not be read directly */
};

#endif /* _VNP_TEST_ORDERS_H */
