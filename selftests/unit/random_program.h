/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Programs by chance, structured so that most are accepted: what a register holds
 * is kept track of, jumps make branches and loops.  The maps are those of vm_util.h.
 */
#ifndef _VNP_UNIT_RANDOM_PROGRAM_H
#define _VNP_UNIT_RANDOM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/types.h>

#define RANDOM_INSNS_MAX	512

/* What there is in a program besides */
#define RANDOM_PARSE	1	/* what parsers do: walk through as much as the payload says */
#define RANDOM_INDEX	2	/* fields of the context that are read at an index */
#define RANDOM_HARSH	4	/* far pointers, any sizes, halves of registers, slots half written */
#define RANDOM_KINDS	8	/* pointers of different kinds that meet and are used */

/**
 * random_program() - make a program
 * @seed:	for each seed another, and always the same
 * @insns:	where to, RANDOM_INSNS_MAX instructions
 *
 * Return: how many instructions it has.
 */
__u32 random_program(__u64 seed, struct bpf_insn *insns);

/* random_wide_program() - likewise, with what attackers of the verifier write */
__u32 random_wide_program(__u64 seed, struct bpf_insn *insns);

/**
 * random_program_of() - make a program of bytes that somebody else chose
 * @bytes:	each says what comes next; when they are used up, the program ends
 * @len:	how many
 * @with:	RANDOM_*
 * @insns:	where to, RANDOM_INSNS_MAX instructions
 *
 * Return: how many instructions it has.
 */
__u32 random_program_of(const void *bytes, size_t len, __u32 with, struct bpf_insn *insns);

/*
 * random_mutate() - change a field of one of @cnt instructions, mostly to what another
 * one has there
 */
void random_mutate(struct bpf_insn *insns, __u32 cnt, __u64 *random);

/* random_next() - a number by chance; *@state must not be 0 */
__u64 random_next(__u64 *state);

#endif /* _VNP_UNIT_RANDOM_PROGRAM_H */
