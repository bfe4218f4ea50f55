/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_ranges: ranges of a stream that were dropped, and not removed from the queue yet.
 *
 * They ascend, and are not adjacent.  Context of all functions here: the socket's lock, unless
 * stated otherwise.
 */
#ifndef _VNP_TCP_RANGES_H
#define _VNP_TCP_RANGES_H

#include <linux/types.h>
#include <net/tcp.h>

#define VNP_RANGES_MAX	256

/* struct vnp_range - sequence numbers from @start to before @end */
struct vnp_range {
	u32 start;
	u32 end;
};

/**
 * struct vnp_ranges - a ring of ranges.  An index is taken modulo %VNP_RANGES_MAX
 * @first:	index of the first range
 * @last:	index after the last range
 * @range:	the ring
 */
struct vnp_ranges {
	u32 first;
	u32 last;
	struct vnp_range range[VNP_RANGES_MAX];
};

/* vnp_ranges_at() - the range with index @i, from @ranges->first to before @ranges->last */
static inline struct vnp_range *vnp_ranges_at(struct vnp_ranges *ranges, u32 i)
{
	return &ranges->range[i % VNP_RANGES_MAX];
}

static inline bool vnp_ranges_empty(const struct vnp_ranges *ranges)
{
	return ranges->first == ranges->last;
}

/* vnp_ranges_first() - the first, or NULL */
static inline struct vnp_range *vnp_ranges_first(struct vnp_ranges *ranges)
{
	return vnp_ranges_empty(ranges) ? NULL : vnp_ranges_at(ranges, ranges->first);
}

/*
 * vnp_ranges_full() - is there space for less than three ranges?  A message can need two, and one
 * is reserved for the end of the stream.  Context: any
 */
static inline bool vnp_ranges_full(const struct vnp_ranges *ranges)
{
	return READ_ONCE(ranges->last) - READ_ONCE(ranges->first) >= VNP_RANGES_MAX - 2;
}

/* vnp_ranges_add() - add one after all others */
void vnp_ranges_add(struct vnp_ranges *ranges, u32 start, u32 end);

/* vnp_ranges_pop() - remove the first */
static inline void vnp_ranges_pop(struct vnp_ranges *ranges)
{
	ranges->first++;
}

/* vnp_ranges_bytes() - count the bytes from @start to before @end that are in ranges */
u32 vnp_ranges_bytes(struct vnp_ranges *ranges, u32 start, u32 end);

/* vnp_ranges_after() - the first sequence number from @seq on that is in no range */
u32 vnp_ranges_after(struct vnp_ranges *ranges, u32 seq);

#endif /* _VNP_TCP_RANGES_H */
