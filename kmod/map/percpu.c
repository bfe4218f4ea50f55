// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_PERCPU_ARRAY: a value for each possible CPU.  Programs are executed with softirqs off, so
 * no other execution changes the value of this CPU meanwhile.  There is one exception: softirqs are
 * on while a program for long messages of streams encrypts or authenticates (tcp/copy.h).
 */
#include "kmod/map/map.h"

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "kmod/core/memory.h"
#include "kmod/map/index.h"
#include "kmod/map/value.h"
#include "vm/map_traits.h"

/* A value can be allocated by one call of the percpu allocator. */
static_assert(VNP_MAP_PERCPU_MAX <= PCPU_MIN_UNIT_SIZE);

struct vnp_percpu {
	struct vnp_map map;
	void __percpu **values;
};

static struct vnp_percpu *vnp_percpu_of(struct vnp_map *map)
{
	return container_of(map, struct vnp_percpu, map);
}

static void vnp_percpu_free(struct vnp_percpu *percpu, u32 cnt)
{
	while (cnt--) {
		free_percpu(percpu->values[cnt]);
		cond_resched();
	}
	kvfree(percpu->values);
}

static void vnp_percpu_destroy(struct vnp_map *map)
{
	vnp_percpu_free(vnp_percpu_of(map), map->max_entries);
}

static u64 vnp_percpu_size(struct vnp_map *map)
{
	return (u64)map->max_entries * (sizeof(void *) +
					(u64)map->stride * num_possible_cpus());
}

static int vnp_percpu_create(struct vnp_map *map)
{
	struct vnp_percpu *percpu = vnp_percpu_of(map);
	u32 i;

	percpu->values = vnp_memory((u64)map->max_entries * sizeof(*percpu->values));
	if (!percpu->values)
		return -ENOMEM;

	for (i = 0; i < map->max_entries; i++) {
		percpu->values[i] = __alloc_percpu_gfp(map->stride, sizeof(u64),
						       VNP_GFP_USER);
		if (!percpu->values[i]) {
			vnp_percpu_free(percpu, i);
			return -ENOMEM;
		}
		if (fatal_signal_pending(current)) {
			vnp_percpu_free(percpu, i + 1);
			return -EINTR;
		}
		cond_resched();
	}
	return 0;
}

void *vnp_percpu_lookup(struct vnp_map *map, const void *key)
{
	u32 index;

	if (!vnp_index_get(map, key, &index))
		return NULL;
	return this_cpu_ptr(vnp_percpu_of(map)->values[index]);
}

static long vnp_percpu_update(struct vnp_map *map, const void *key,
			      const void *value, u64 flags)
{
	int ret = vnp_index_check(map, flags);
	void *to;

	if (ret)
		return ret;
	to = vnp_percpu_lookup(map, key);
	if (!to)
		return -ENOENT;
	vnp_value_store(to, value, map->value_size);
	return 0;
}

static int vnp_percpu_read(struct vnp_map *map, const void *key, void *value)
{
	u32 index;
	int cpu;

	if (!vnp_index_get(map, key, &index))
		return -ENOENT;
	for_each_possible_cpu(cpu) {
		vnp_value_load(value,
			       per_cpu_ptr(vnp_percpu_of(map)->values[index],
					   cpu), map->stride);
		value += map->stride;
	}
	return 0;
}

static long vnp_percpu_write(struct vnp_map *map, const void *key,
			     const void *value, u64 flags)
{
	int ret = vnp_index_check(map, flags);
	u32 index;
	int cpu;

	if (ret)
		return ret;
	if (!vnp_index_get(map, key, &index))
		return -ENOENT;
	for_each_possible_cpu(cpu) {
		vnp_value_store(per_cpu_ptr(vnp_percpu_of(map)->values[index],
					    cpu), value, map->value_size);
		value += map->stride;
	}
	return 0;
}

const struct vnp_map_ops vnp_percpu_ops = {
	.obj_size	= sizeof(struct vnp_percpu),
	.size		= vnp_percpu_size,
	.create		= vnp_percpu_create,
	.destroy	= vnp_percpu_destroy,
	.lookup		= vnp_percpu_lookup,
	.update		= vnp_percpu_update,
	.delete		= vnp_index_delete,
	.next_key	= vnp_index_next_key,
	.read		= vnp_percpu_read,
	.write		= vnp_percpu_write,
	.entries	= vnp_index_entries,
};
