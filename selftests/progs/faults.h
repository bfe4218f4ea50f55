/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_FAULTS_H
#define _VNP_TEST_FAULTS_H

/* What a payload of faults.bpf.c begins with */
struct order {
	__u8 index;		/* which byte to use */
	__u8 verdict;		/* what to return in the end */
};

#define PLACES		32	/* bytes of the arrays that the index goes into */

/* .bss of faults.bpf.c.  The places are last: what is behind them is outside. */
struct traces {
	volatile __u64 turns;	/* of loops */
	__u8 places[PLACES];
};

#endif /* _VNP_TEST_FAULTS_H */
