/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_SEND_H
#define _VNP_TEST_SEND_H

#define SEND_PEERS_MAX	64
#define SEND_HEAD_MAX	40

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
