// SPDX-License-Identifier: GPL-2.0
/* Access to maps of each type by programs. */
#include <vnp/program.h>
#include "tables.h"

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, HASH_MAX);
	__type(key, __u32);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, VNP_MAP_ARRAY);
	__uint(max_entries, ARRAY_MAX);
	__type(key, __u32);
	__type(value, __u64);
} array SEC(".maps");

struct {
	__uint(type, VNP_MAP_PERCPU_ARRAY);
	__uint(max_entries, ARRAY_MAX);
	__type(key, __u32);
	__type(value, __u64);
} percpu SEC(".maps");

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct record);
} records SEC(".maps");

struct job job = { .op = LOOKUP, .ret = 1 };	/* in .data */
struct tally tally;

static __always_inline void work(void *map)
{
	__u32 key = job.key;
	__u64 *found, value = job.value;

	switch (job.op) {
	case LOOKUP:
		found = vnp_map_lookup(map, &key);
		job.ret = !!found;
		job.value = found ? *found : 0;
		break;
	case UPDATE:
		job.ret = vnp_map_update(map, &key, &value, job.flags);
		break;
	case DELETE:
		job.ret = vnp_map_delete(map, &key);
		break;
	case LOOKUP_STALE:
		/* read a value that was deleted, after another one was inserted */
		found = vnp_map_lookup(map, &key);
		job.ret = vnp_map_delete(map, &key);
		key++;
		vnp_map_update(map, &key, &value, VNP_MAP_ANY);
		job.value = found ? *found : 0;
		break;
	}
}

SEC("vnp/datagram")
int on_hash(struct vnp_ctx *ctx)
{
	work(&hash);
	return VNP_PASS;
}

SEC("vnp/datagram")
int on_array(struct vnp_ctx *ctx)
{
	work(&array);
	return VNP_PASS;
}

SEC("vnp/datagram")
int on_percpu(struct vnp_ctx *ctx)
{
	work(&percpu);
	return VNP_PASS;
}

/* Count datagrams per CPU, and on all CPUs. */
SEC("vnp/datagram")
int count(struct vnp_ctx *ctx)
{
	__u32 key = 0;
	__u64 *mine = vnp_map_lookup(&percpu, &key);

	if (mine)
		*mine += 1;
	__sync_fetch_and_add(&tally.shared, 1);
	return VNP_DROP;
}

/* Look up the record that the first byte selects, and check whether it is torn. */
SEC("vnp/datagram")
int check_record(struct vnp_ctx *ctx)
{
	struct record *record, copy;
	__u32 key = 0;

	if (vnp_load_bytes(ctx, 0, &key, 1))
		return VNP_DROP;
	record = vnp_map_lookup(&records, &key);
	if (!record)
		return VNP_PASS;
	__sync_fetch_and_add(&tally.seen, 1);
	__builtin_memcpy(&copy, record, sizeof(copy));
	for (int i = 1; i < WORDS; i++) {
		if (copy.word[i] != copy.word[0])
			__sync_fetch_and_add(&tally.torn, 1);
	}
	return VNP_PASS;
}

/* Insert the first four bytes of the payload as a key, in parallel to user space. */
SEC("vnp/datagram")
int insert(struct vnp_ctx *ctx)
{
	__u64 value = 1;
	__u32 key;

	if (vnp_load_bytes(ctx, 0, &key, sizeof(key)))
		return VNP_DROP;
	if (!vnp_map_update(&hash, &key, &value, VNP_MAP_NOEXIST))
		__sync_fetch_and_add(&tally.shared, 1);
	return VNP_DROP;
}
