/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_SEND_H
#define _VNP_TEST_SEND_H

#define SEND_PEERS_MAX	64
#define SEND_HEAD_MAX	40

/* What send_listed() does for each of the first bytes of a datagram; others: nothing */
#define SEND_LIST	6	/* so many bytes */
#define SEND_TO		0	/* ... to this member, as it is */
#define SEND_FRONT	8	/* ... to this member, with SEND_MARK in front */
#define SEND_ALL	16	/* to all members, as it is */
#define SEND_NOBODY	17

#define SEND_MARK	0x5a

/* A member of a group, as a key */
struct member {
	__u32 group;
	__u32 member;
};

/**
 * struct orders - what the programs of send.bpf.c are told, and what they saw
 * @verdict:	what they return
 * @peers:	they send to peers 0 to @peers - 1
 * @params:	they send with a struct vnp_send, and @head_len bytes of their own
 * @size:	what it says its size is; 0: the right one
 * @flags:	of it
 * @off:	of it
 * @len:	of it
 * @head_len:	at most SEND_HEAD_MAX
 * @member:	the key for send_group()
 * @ret:	what the helper returned last, by peer
 */
struct orders {
	__u32 verdict;
	__u32 peers;
	__u32 params;
	__u32 size;
	__u32 flags;
	__u32 off;
	__u32 len;
	__u32 head_len;
	struct member member;
	__s64 ret[SEND_PEERS_MAX];
};

#endif /* _VNP_TEST_SEND_H */
