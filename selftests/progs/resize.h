/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_RESIZE_H
#define _VNP_TEST_RESIZE_H

/**
 * struct change - arguments and results of resize() in resize.bpf.c
 * @head:	argument of vnp_adjust_head(), which is called first
 * @tail:	argument of vnp_adjust_tail()
 * @verdict:	what resize() and by_order() return
 * @head_ret:	return value of vnp_adjust_head()
 * @tail_ret:	return value of vnp_adjust_tail()
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

/* by_order(): values of the first byte, and the number of bytes to add or remove */
#define ORDER_FRONT_MORE	'F'
#define ORDER_FRONT_LESS	'f'
#define ORDER_BACK_MORE		'B'
#define ORDER_BACK_LESS		'b'
#define ORDER_NOTHING_LEFT	'0'
#define ORDER_AS_IT_IS		'P'
#define ORDER_DROPPED		'D'
#define ORDER_REPLY		'R'	/* add at the head, and reply */
#define ORDER_BYTES		8

/* rotate(): the length of all datagrams */
#define ROTATE_LEN		1000

#endif /* _VNP_TEST_RESIZE_H */
