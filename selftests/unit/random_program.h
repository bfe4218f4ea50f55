/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Random programs, structured so that most are accepted: the kinds of registers are
 * tracked, and jumps form branches and loops.  The maps are those of vm_util.h.
 */
#ifndef _VNP_UNIT_RANDOM_PROGRAM_H
#define _VNP_UNIT_RANDOM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/types.h>

#define RANDOM_INSNS_MAX	512

/* Optional contents of a program */
#define RANDOM_PARSE	1	/* loops over lengths from the payload, as in parsers */
#define RANDOM_INDEX	2	/* fields of the context read at an index */
#define RANDOM_ATTACK	4	/* far pointers, any sizes, halves of registers, partially written slots */
#define RANDOM_KINDS	8	/* pointers of different kinds that join and are used */

/**
 * random_program() - make a program
 * @seed:	determines the program
 * @insns:	out: space for RANDOM_INSNS_MAX instructions
 *
 * Return: how many instructions it has.
 */
__u32 random_program(__u64 seed, struct bpf_insn *insns);

/* random_wide_program() - likewise, imitating attacks on verifiers */
__u32 random_wide_program(__u64 seed, struct bpf_insn *insns);

/**
 * random_program_of() - make a program from bytes of the caller
 * @bytes:	each determines a decision; the program ends after the last
 * @len:	number of @bytes
 * @with:	RANDOM_*
 * @insns:	out: space for RANDOM_INSNS_MAX instructions
 *
 * Return: how many instructions it has.
 */
__u32 random_program_of(const void *bytes, size_t len, __u32 with, struct bpf_insn *insns);

/*
 * random_mutate() - change a field of one of @cnt instructions, mostly to that of another
 * one
 */
void random_mutate(struct bpf_insn *insns, __u32 cnt, __u64 *random);

/*
 * random_payload() - @len bytes: random, small numbers, or words at or near the limits of
 * 32 and 64 bits
 */
void random_payload(void *payload, size_t len, __u64 *random);

/* random_next() - a pseudo-random number; *@state must not be 0 */
__u64 random_next(__u64 *state);

#endif /* _VNP_UNIT_RANDOM_PROGRAM_H */
