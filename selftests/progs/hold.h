/* SPDX-License-Identifier: GPL-2.0 */
/* Orders in the datagrams of hold_test.c, for hold.bpf.c. */
#ifndef _VNP_TEST_HOLD_H
#define _VNP_TEST_HOLD_H

#include <linux/types.h>

/* What the program does with the datagram */
enum hold_order {
	HOLD_PASS,		/* pass it on */
	HOLD_DROP,		/* drop it */
	HOLD_HOLD,		/* hold it; release the message if it is complete */
	HOLD_EACH,		/* hold it; release each if it is complete */
	HOLD_ONLY,		/* hold it, and release nothing */
	HOLD_RELEASE,		/* drop it, and release the message */
	HOLD_RELEASE_EACH,	/* drop it, and release each of the message */
	HOLD_DISCARD,		/* drop it, and discard the message */
	HOLD_THEN_DISCARD,	/* hold it, and discard the message with it */
	HOLD_THEN_PASS,		/* hold it, and return another verdict */
	HOLD_THEN_FAULT,	/* hold it, and end with a fault */
	HOLD_RELEASE_FAULT,	/* release the message, and end with a fault */
	HOLD_NOT,		/* return the verdict, without holding it */
	HOLD_WRITE,		/* as HOLD_HOLD, with the last byte inverted */
	HOLD_TWICE,		/* as HOLD_ONLY, calling vnp_hold() twice */
	HOLD_HOLD_THEN_PASS,	/* as HOLD_HOLD, and return another verdict */
};

/* struct fragment - the header of each datagram */
struct fragment {
	__u8 order;		/* enum hold_order */
	__u8 strip;		/* remove this header from what is released */
	__u16 cnt;		/* fragments of the message */
	__u32 index;		/* of this one */
	__u64 message;
} __attribute__((packed));

/* struct hold_seen - what the helpers returned to the latest execution */
struct hold_seen {
	__s64 hold;
	__s64 again;
	__s64 held;
	__s64 end;
	__u32 bytes;
	__u32 fragments;
	__u32 first;
	__u32 last;
	__u32 contiguous;
	__u32 reserved;
};

#endif /* _VNP_TEST_HOLD_H */
