// SPDX-License-Identifier: GPL-2.0
#include "kmod/tcp/ranges.h"

void vnp_ranges_add(struct vnp_ranges *ranges, u32 start, u32 end)
{
	struct vnp_range *last = vnp_ranges_at(ranges, ranges->last - 1);

	if (!vnp_ranges_empty(ranges) && last->end == start) {
		last->end = end;
		return;
	}
	*vnp_ranges_at(ranges, ranges->last) = (struct vnp_range){ start, end };
	ranges->last++;
}

u32 vnp_ranges_bytes(struct vnp_ranges *ranges, u32 start, u32 end)
{
	const struct vnp_range *range;
	u32 i, from, to, bytes = 0;

	for (i = ranges->first; i != ranges->last; i++) {
		range = vnp_ranges_at(ranges, i);
		from = before(range->start, start) ? start : range->start;
		to = after(range->end, end) ? end : range->end;
		if (before(from, to))
			bytes += to - from;
	}
	return bytes;
}

u32 vnp_ranges_after(struct vnp_ranges *ranges, u32 seq)
{
	const struct vnp_range *range;
	u32 i;

	for (i = ranges->first; i != ranges->last; i++) {
		range = vnp_ranges_at(ranges, i);
		if (!after(range->start, seq) && after(range->end, seq))
			return range->end;
	}
	return seq;
}
