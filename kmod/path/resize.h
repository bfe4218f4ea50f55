/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams that programs make longer or shorter, at either end.
 *
 * Context of all that is here: softirqs off, under RCU.
 */
#ifndef _VNP_PATH_RESIZE_H
#define _VNP_PATH_RESIZE_H

#include <linux/types.h>

/* Maximum headroom after removing bytes at the front */
#define VNP_RESIZE_HEADROOM	2048

struct vnp_dgram;

/**
 * vnp_resize_own() - make a datagram linear and private, in a packet of its own
 * @dgram:	the datagram; it may be shared
 *
 * Return: 0, -ENOMEM.
 */
int vnp_resize_own(struct vnp_dgram *dgram);

/**
 * vnp_resize_head() - remove or add bytes at the front of a datagram's payload
 * @dgram:	the datagram; it may be shared
 * @delta:	bytes to remove; less than 0: zero bytes to add
 *
 * Afterwards the datagram is linear, private and alone in its packet, whose headers have the new
 * length, and the context is updated.
 *
 * Return: 0; -EINVAL (the payload is shorter), -EMSGSIZE (it would be too long), -ENOMEM: the
 * payload has not changed.
 */
int vnp_resize_head(struct vnp_dgram *dgram, s32 delta);

/* vnp_resize_tail() - the same at the end; @delta: bytes to add; less than 0: to remove */
int vnp_resize_tail(struct vnp_dgram *dgram, s32 delta);

/* vnp_resize_trim() - remove bytes at the end, no more than there are, after vnp_resize_own() */
void vnp_resize_trim(struct vnp_dgram *dgram, u32 len);

#endif /* _VNP_PATH_RESIZE_H */
