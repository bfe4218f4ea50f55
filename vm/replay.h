/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sliding windows of sequence numbers, as in RFC 6479: struct vnp_replay of <linux/vnp.h>.
 * The bitmap is a ring that is one word longer than the window, so that a whole word is
 * cleared when the window enters it.
 *
 * Callers must serialize access to a window.
 *
 * Layer: below everything but env.h.
 */
#ifndef _VNP_VM_REPLAY_H
#define _VNP_VM_REPLAY_H

#include "vm/env.h"
#include <linux/vnp.h>

/* vnp_replay_window() - the length of a window whose value has @value_size bytes */
static inline u32 vnp_replay_window(u32 value_size)
{
	return (value_size / sizeof(u64) - 2) * 64;
}

/**
 * vnp_replay_look() - is a sequence number acceptable?
 * @replay:	the window
 * @window:	its length
 * @number:	the number
 *
 * Return: 0; -EALREADY: it was marked; -ESTALE: it is before the window; -ERANGE: it is U64_MAX,
 * as no number can follow it.
 */
int vnp_replay_look(const struct vnp_replay *replay, u32 window, u64 number);

/* vnp_replay_mark() - likewise, and mark the number if it is acceptable */
int vnp_replay_mark(struct vnp_replay *replay, u32 window, u64 number);

#endif /* _VNP_VM_REPLAY_H */
