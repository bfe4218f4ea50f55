// SPDX-License-Identifier: GPL-2.0
/* A program that fills a hash map with as many updates as possible. */
#include <vnp/program.h>
#include "fill.h"

#define ENOSPC	28

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, FILL_MAX);
	__type(key, __u32);
	__uint(value_size, FILL_VALUE);
} elements SEC(".maps");

struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, FILL_VALUE);
} values SEC(".maps");

struct fill fill;

/* Insert new keys until the map is full, then replace existing ones. */
SEC("vnp/datagram")
int insert(struct vnp_ctx *ctx)
{
	__u32 zero = 0, key;
	void *value = vnp_map_lookup(&values, &zero);
	long err;
	int i;

	if (!value)
		return VNP_PASS;
	for (i = 0; i < FILL_AT_ONCE; i++) {
		key = fill.next;
		err = vnp_map_update(&elements, &key, value, VNP_MAP_NOEXIST);
		if (!err) {
			fill.next++;
			fill.inserted++;
			continue;
		}
		if (err != -ENOSPC) {
			fill.failed++;
			continue;
		}
		fill.full++;
		key = (fill.replaced + i) % FILL_MAX;
		if (vnp_map_update(&elements, &key, value, VNP_MAP_EXIST))
			fill.failed++;
		else
			fill.replaced++;
	}
	return VNP_DROP;
}
