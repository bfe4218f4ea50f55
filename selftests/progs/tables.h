/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_TABLES_H
#define _VNP_TEST_TABLES_H

#define HASH_MAX	64
#define ARRAY_MAX	16

/* Operations of tables.bpf.c on a map, and their results */
enum map_op { LOOKUP, UPDATE, DELETE, LOOKUP_STALE };

struct job {
	__u32 op;
	__u32 key;
	__u64 value;		/* UPDATE: input; LOOKUP, LOOKUP_STALE: output */
	__u64 flags;
	__s64 ret;		/* return value of the helper; LOOKUP: 1 if found */
};

/* .bss of tables.bpf.c: counters of all CPUs */
struct tally {
	__u64 shared;		/* datagrams, or insertions that succeeded */
	__u64 seen;		/* records read */
	__u64 torn;		/* words of these that differ from the first */
};

/* A value whose words are all equal, unless it was read while being written */
#define WORDS	8
struct record {
	__u64 word[WORDS];
};

#endif /* _VNP_TEST_TABLES_H */
