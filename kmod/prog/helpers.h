/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files with helpers share.  Context of all functions here: softirqs off, under
 * RCU.
 */
#ifndef _VNP_PROG_HELPERS_H
#define _VNP_PROG_HELPERS_H

#include <linux/errno.h>
#include <linux/types.h>

#include "kmod/path/dgram.h"
#include "kmod/path/send.h"
#include "vm/code.h"

/*
 * vnp_dgram_has() - are bytes off..off+len-1 in the payload?  If so, this holds on mispredicted
 * paths, too: it has a speculation barrier
 */
bool vnp_dgram_has(const struct vnp_dgram *dgram, u32 off, u32 len);

/**
 * vnp_send_range() - set @msg->off and @msg->len, the range of the payload that is sent
 * @dgram:	the datagram
 * @off:	first byte
 * @len:	number of bytes; %VNP_SEND_REST: all after @off
 * @msg:	what is sent
 *
 * The caller calls vnp_dgram_nospec() after its last check.
 *
 * Return: 0, -ERANGE.
 */
static __always_inline int vnp_send_range(const struct vnp_dgram *dgram, u32 off, u32 len,
					  struct vnp_send_msg *msg)
{
	const u32 payload = dgram->exec.ctx.len;

	if (off > payload)
		return -ERANGE;
	msg->off = off;
	msg->len = payload - off;
	if (len == VNP_SEND_REST)
		return 0;
	if (len > msg->len)
		return -ERANGE;
	msg->len = len;
	return 0;
}

/*
 * vnp_crypt_draw() - may @len more bytes be encrypted or authenticated?  Messages of streams can be
 * long: how much may be done is limited for each execution.  Return: 0, -EDQUOT
 */
static inline int vnp_crypt_draw(struct vnp_dgram *dgram, u32 len)
{
	if (likely(dgram->prog->code->type != VNP_PROG_MESSAGE))
		return 0;
	if (len > dgram->crypt_left)
		return -EDQUOT;
	dgram->crypt_left -= len;
	return 0;
}

#endif /* _VNP_PROG_HELPERS_H */
