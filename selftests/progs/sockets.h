/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_SOCKETS_H
#define _VNP_TEST_SOCKETS_H

#define SOCKETS_MAX	64

/* An entry of a map with groups, as a key */
struct socket_member {
	__u32 group;
	__u32 member;
};

/**
 * struct socket_orders - what the programs of sockets.bpf.c are told, and what they saw
 * @sockets:	they send to sockets 0 to @sockets - 1
 * @framed:	with the length in front, in four bytes, big-endian
 * @skip:	without so many bytes at the front
 * @ret:	what the helper returned last, by socket
 */
struct socket_orders {
	__u32 sockets;
	__u32 framed;
	__u32 skip;
	__s64 ret[SOCKETS_MAX];
};

#endif /* _VNP_TEST_SOCKETS_H */
