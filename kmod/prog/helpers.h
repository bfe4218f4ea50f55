/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files with helpers share.  Context of all functions here: softirqs off, under
 * RCU.
 */
#ifndef _VNP_PROG_HELPERS_H
#define _VNP_PROG_HELPERS_H

#include <linux/types.h>

struct vnp_dgram;

/*
 * vnp_dgram_has() - are bytes off..off+len-1 in the payload?  If so, this holds on mispredicted
 * paths, too: it has a speculation barrier
 */
bool vnp_dgram_has(const struct vnp_dgram *dgram, u32 off, u32 len);

#endif /* _VNP_PROG_HELPERS_H */
