/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_TABLES_H
#define _VNP_TEST_TABLES_H

#define HASH_MAX	64
#define ARRAY_MAX	16

/* Operations of tables.bpf.c on a map, and their results */
enum deed { LOOKUP, UPDATE, DELETE, LOOK_BACK };

struct job {
	__u32 deed;
	__u32 key;
	__u64 value;		/* of UPDATE; found by LOOKUP, LOOK_BACK */
	__u64 flags;
	__s64 ret;		/* of the helper; of LOOKUP 1 if found */
};

/* .bss of tables.bpf.c: counters of all CPUs */
struct tally {
	__u64 shared;		/* datagrams, or insertions that succeeded */
	__u64 seen;		/* wholes read */
	__u64 torn;		/* of these, with words that differ */
};

/* A value of which all words must be the same */
#define WORDS	8
struct whole {
	__u64 word[WORDS];
};

#endif /* _VNP_TEST_TABLES_H */
