/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_ranges: ranges of a stream that were dropped, and that the reader has not reached.
 *
 * They ascend, and there are other bytes between any two of them.  Context of all functions
 * here: the socket's lock.
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
 * struct vnp_ranges - a ring of them
 * @first:	the first, modulo %VNP_RANGES_MAX
 * @last:	after the last, likewise
 * @range:	the ring
 */
struct vnp_ranges {
	u32 first;
	u32 last;
	struct vnp_range range[VNP_RANGES_MAX];
};

/* vnp_ranges_at() - number @i from @ranges->first on, which is below @ranges->last */
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
 * vnp_ranges_full() - is there room for less than three? A message can need two, and one is kept
 * for the end of the stream.  Context: any
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

/* vnp_ranges_bytes() - how many bytes from @start to before @end are in ranges */
u32 vnp_ranges_bytes(struct vnp_ranges *ranges, u32 start, u32 end);

/* vnp_ranges_after() - the first byte from @seq on that is in no range */
u32 vnp_ranges_after(struct vnp_ranges *ranges, u32 seq);

#endif /* _VNP_TCP_RANGES_H */
