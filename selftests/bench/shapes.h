/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs of any size, for what verifying them costs.
 */
#ifndef _VNP_BENCH_SHAPES_H
#define _VNP_BENCH_SHAPES_H

#include <stdbool.h>
#include <linux/bpf.h>

#define TEXT_MAX	(1 << 16)
#define SHAPE_CNT	6

/**
 * struct text - a program
 * @insns:	room for %TEXT_MAX instructions
 * @cnt:	how many there are
 * @max:	how many there may be
 * @len_off:	where the context has the payload's length
 * @chance:	state of a generator of numbers
 */
struct text {
	struct bpf_insn *insns;
	__u32 cnt;
	__u32 max;
	__u32 len_off;
	__u32 chance;
};

/**
 * struct shape - a kind of program
 * @name:	its name
 * @piece:	adds another piece
 * @room:	instructions a piece takes at most
 */
extern const struct shape {
	const char *name;
	void (*piece)(struct text *t, __u32 i);
	__u32 room;
} shapes[SHAPE_CNT];

/* text_make() - for VNP, or for the kernel's BPF_PROG_TYPE_SCHED_CLS */
void text_make(struct text *t, const struct shape *shape, bool kernel);

#endif /* _VNP_BENCH_SHAPES_H */
