/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_FAULTS_H
#define _VNP_TEST_FAULTS_H

/* The beginning of a payload for faults.bpf.c */
struct order {
	__u8 index;		/* which byte to use */
	__u8 verdict;		/* return value */
};

#define INDEXED_LEN		32	/* size of the indexed arrays in bytes */

/* .bss of faults.bpf.c.  @bytes is last: what follows it is out of bounds. */
struct traces {
	volatile __u64 iterations;	/* of loops */
	__u8 bytes[INDEXED_LEN];
};

#endif /* _VNP_TEST_FAULTS_H */
