/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_ends: the ends of a stream's messages that were not read yet, ready or held
 * (VNP_LINK_F_BOUNDARIES), in ascending order.
 *
 * Context of all functions here: the socket's lock, unless stated otherwise.
 */
#ifndef _VNP_TCP_ENDS_H
#define _VNP_TCP_ENDS_H

#include <linux/types.h>
#include <linux/vnp.h>
#include <net/tcp.h>

/**
 * struct vnp_ends - a ring of ends.  An index is taken modulo %VNP_BOUNDARIES_MAX
 * @first:	index of the first end
 * @ready:	index after the last end that is ready
 * @last:	index after the last end
 * @end:	the ring, of sequence numbers; NULL: ends are not kept
 */
struct vnp_ends {
	u32 first;
	u32 ready;
	u32 last;
	u32 *end;
};

/* vnp_ends_create() - Context: process.  Return: 0, -ENOMEM */
int vnp_ends_create(struct vnp_ends *ends);
void vnp_ends_destroy(struct vnp_ends *ends);

/* vnp_ends_at() - the end with index @i, from @ends->first to before @ends->last */
static inline u32 *vnp_ends_at(const struct vnp_ends *ends, u32 i)
{
	return &ends->end[i % VNP_BOUNDARIES_MAX];
}

/* vnp_ends_full() - is there no room for another one?  Context: any */
static inline bool vnp_ends_full(const struct vnp_ends *ends)
{
	return READ_ONCE(ends->last) - READ_ONCE(ends->first) >= VNP_BOUNDARIES_MAX;
}

/* vnp_ends_add() - add the end of a message, before @seq, after all other ends */
static inline void vnp_ends_add(struct vnp_ends *ends, u32 seq)
{
	if (!ends->end)
		return;
	*vnp_ends_at(ends, ends->last) = seq;
	WRITE_ONCE(ends->last, ends->last + 1);
}

/* vnp_ends_follow() - all bytes before @seq were read: remove the ends up to @seq */
static inline void vnp_ends_follow(struct vnp_ends *ends, u32 seq)
{
	while (ends->first != ends->last && !after(*vnp_ends_at(ends, ends->first), seq)) {
		if (ends->ready == ends->first)
			WRITE_ONCE(ends->ready, ends->ready + 1);
		WRITE_ONCE(ends->first, ends->first + 1);
	}
}

/* vnp_ends_settle() - mark messages that end at @ready or before as ready */
static inline void vnp_ends_settle(struct vnp_ends *ends, u32 ready)
{
	while (ends->ready != ends->last && !after(*vnp_ends_at(ends, ends->ready), ready))
		WRITE_ONCE(ends->ready, ends->ready + 1);
}

/* vnp_ends_first() - the end of the first message that is ready, or NULL */
static inline const u32 *vnp_ends_first(const struct vnp_ends *ends)
{
	return ends->first == ends->ready ? NULL : vnp_ends_at(ends, ends->first);
}

/* vnp_ends_cnt() - number of messages that are ready.  Context: any */
u32 vnp_ends_cnt(const struct vnp_ends *ends);

#endif /* _VNP_TCP_ENDS_H */
