/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_RESIZE_H
#define _VNP_TEST_RESIZE_H

/**
 * struct change - what resize() of resize.bpf.c is told, and what it saw
 * @head:	by how much it adjusts the head, first
 * @tail:	by how much it adjusts the tail
 * @verdict:	what it returns; of by_order(), too
 * @head_ret:	what the helper said
 * @tail_ret:	likewise
 * @len:	ctx->len afterwards
 * @direct:	bytes between data and data_end
 */
struct change {
	__s32 head;
	__s32 tail;
	__u32 verdict;
	__s32 head_ret;
	__s32 tail_ret;
	__u32 len;
	__u32 direct;
};

/* by_order(): what the first byte says, and how many bytes are added or removed */
#define ORDER_FRONT_MORE	'F'
#define ORDER_FRONT_LESS	'f'
#define ORDER_BACK_MORE		'B'
#define ORDER_BACK_LESS		'b'
#define ORDER_NOTHING_LEFT	'0'
#define ORDER_AS_IT_IS		'P'
#define ORDER_DROPPED		'D'
#define ORDER_REPLY		'R'	/* in front, and back to the sender */
#define ORDER_BYTES		8

/* rotate(): the length of all datagrams */
#define ROTATE_LEN		1000

#endif /* _VNP_TEST_RESIZE_H */
