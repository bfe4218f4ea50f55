// SPDX-License-Identifier: GPL-2.0
#include "kmod/map/target.h"

#include <linux/slab.h>
#include <net/sock.h>

#include "kmod/core/memory.h"
#include "kmod/tcp/outlet.h"

static void vnp_target_free_cpus(struct vnp_target *target)
{
	int cpu;

	for_each_possible_cpu(cpu)
		vnp_route_forget(&per_cpu_ptr(target->cpu, cpu)->route);
	free_percpu(target->cpu);
}

void vnp_target_free(struct vnp_target *target)
{
	if (target->cpu)
		vnp_target_free_cpus(target);
	if (target->outlet)
		vnp_outlet_put(target->outlet);
	if (target->sk)
		sock_put(target->sk);
	kfree(target);
}

static void vnp_target_free_rcu(struct rcu_head *rcu)
{
	vnp_target_free(container_of(rcu, struct vnp_target, rcu));
}

void vnp_target_put(struct vnp_target *target)
{
	if (refcount_dec_and_test(&target->refs))
		call_rcu(&target->rcu, vnp_target_free_rcu);
}

void vnp_target_end(struct vnp_target *target)
{
	WRITE_ONCE(target->gone, true);
	if (target->outlet)
		vnp_outlet_leave(target->outlet);
	vnp_target_put(target);
}

struct vnp_target *vnp_target_alloc(const void *key, u32 key_size)
{
	struct vnp_target *target = kzalloc(sizeof(*target) + key_size, VNP_GFP_USER);

	if (!target)
		return NULL;
	refcount_set(&target->refs, 1);
	memcpy(target->key, key, key_size);
	return target;
}

int vnp_target_alloc_cpus(struct vnp_target *target)
{
	struct vnp_target_cpu *on;
	int cpu;

	target->cpu = alloc_percpu_gfp(struct vnp_target_cpu, VNP_GFP_USER);
	if (!target->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		on = per_cpu_ptr(target->cpu, cpu);
		on->target = target;
		u64_stats_init(&on->stats.syncp);
	}
	return 0;
}

struct vnp_target *vnp_target_create(const void *key, u32 key_size,
				     const struct vnp_peer *peer)
{
	struct vnp_target *target = vnp_target_alloc(key, key_size);

	if (!target)
		return NULL;
	if (vnp_target_alloc_cpus(target)) {
		kfree(target);
		return NULL;
	}
	target->peer = *peer;
	return target;
}

/*
 * ---- Counters -----------------------------------------------------------
 */

void vnp_target_error(struct vnp_target_cpu *cpu, enum vnp_error error, u32 cnt)
{
	u64_stats_update_begin(&cpu->stats.syncp);
	u64_stats_add(&cpu->stats.errors[error], cnt);
	u64_stats_update_end(&cpu->stats.syncp);
}

void vnp_target_sent(struct vnp_target_cpu *cpu, u32 cnt, u32 bytes)
{
	u64_stats_update_begin(&cpu->stats.syncp);
	u64_stats_add(&cpu->stats.sent, cnt);
	u64_stats_add(&cpu->stats.bytes, bytes);
	u64_stats_update_end(&cpu->stats.syncp);
}

static void vnp_target_stats_add(const struct vnp_target_stats *stats, struct vnp_peer *peer)
{
	u64 sent, bytes, errors[__VNP_ERROR_CNT];
	unsigned int start;
	int i;

	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		sent = u64_stats_read(&stats->sent);
		bytes = u64_stats_read(&stats->bytes);
		for (i = 0; i < __VNP_ERROR_CNT; i++)
			errors[i] = u64_stats_read(&stats->errors[i]);
	} while (u64_stats_fetch_retry(&stats->syncp, start));

	peer->sent += sent;
	peer->bytes += bytes;
	for (i = 0; i < __VNP_ERROR_CNT; i++)
		peer->errors[i] += errors[i];
}

void vnp_target_read(const struct vnp_target *target, struct vnp_peer *peer)
{
	int cpu;

	*peer = target->peer;
	peer->unreachable = atomic64_read(&target->unreachable);
	for_each_possible_cpu(cpu)
		vnp_target_stats_add(&per_cpu_ptr(target->cpu, cpu)->stats, peer);
}
