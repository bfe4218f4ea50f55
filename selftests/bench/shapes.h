/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs of any size, to measure the cost of verification.
 */
#ifndef _VNP_BENCH_SHAPES_H
#define _VNP_BENCH_SHAPES_H

#include <stdbool.h>
#include <linux/bpf.h>

#define TEXT_MAX	(1 << 16)
#define SHAPE_CNT	6

/**
 * struct text - a program
 * @insns:	space for %TEXT_MAX instructions
 * @cnt:	number of instructions
 * @max:	their maximum
 * @len_off:	offset of the payload's length in the context
 * @random:	state of a random number generator
 */
struct text {
	struct bpf_insn *insns;
	__u32 cnt;
	__u32 max;
	__u32 len_off;
	__u32 random;
};

/**
 * struct shape - a kind of program
 * @name:	its name
 * @block:	appends a code block
 * @room:	maximum number of instructions of a block
 */
extern const struct shape {
	const char *name;
	void (*block)(struct text *t, __u32 i);
	__u32 room;
} shapes[SHAPE_CNT];

/* text_make() - for VNP, or for the kernel's BPF_PROG_TYPE_SCHED_CLS */
void text_make(struct text *t, const struct shape *shape, bool kernel);

#endif /* _VNP_BENCH_SHAPES_H */
