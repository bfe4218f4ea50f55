/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A string in the payload, by Horspool's algorithm (1980).
 */
#ifndef _VNP_BENCH_SEARCH_H
#define _VNP_BENCH_SEARCH_H

#include "processor.h"

#define SEARCH_MAX	32

/* @shift: for each byte value, the distance of its last occurrence from the end */
struct search_pattern {
	__u32 len;
	__u8 text[SEARCH_MAX];
	__u8 shift[256];
};

PROCESSOR_ARRAY(search_map, struct search_pattern, 1);

/* 1 + the position of the string */
static __always_inline __u32 search(void *ctx, __u8 *data, __u8 *end)
{
	struct search_pattern *pattern = array_get(search_map, 0);
	__u8 *p = data;
	__u32 len, i;

	(void)ctx;
	if (!pattern)
		return 0;
	len = pattern->len;
	if (!len || len > SEARCH_MAX)
		return 0;
	while (p + len <= end) {
		for (i = len; i && p[i - 1] == pattern->text[i - 1]; i--)
			;
		if (!i)
			return 1 + (p - data);
		p += pattern->shift[p[len - 1]];
	}
	return 0;
}

PROCESSOR(search)

#ifndef __bpf__
static inline void search_fill(struct search_pattern *pattern)
{
	static const char text[] = "sip:alice@";
	__u32 i;

	pattern->len = sizeof(text) - 1;
	memcpy(pattern->text, text, pattern->len);
	memset(pattern->shift, pattern->len, sizeof(pattern->shift));
	for (i = 0; i + 1 < pattern->len; i++)
		pattern->shift[pattern->text[i]] = pattern->len - 1 - i;
}
#endif

#endif /* _VNP_BENCH_SEARCH_H */
