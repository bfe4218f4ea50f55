// SPDX-License-Identifier: GPL-2.0
#include "kmod/link/stats.h"

static enum vnp_action vnp_link_faults(struct vnp_link *link, const struct vnp_prog *prog,
				       u32 fault, u32 cnt, u32 bytes)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->bytes, bytes);
	u64_stats_add(&stats->faults[VNP_EXEC_FAULT_KIND(fault)], cnt);
	u64_stats_update_end(&stats->syncp);
	WRITE_ONCE(link->fault, (u64)prog->obj.id << 32 | fault);
	return vnp_link_passes_faults(link, prog) ? VNP_ACTION_PASS : VNP_ACTION_DROP;
}

enum vnp_action vnp_link_throttle(struct vnp_link *link, const struct vnp_prog *prog,
				  u32 cnt, u32 bytes)
{
	return vnp_link_faults(link, prog, VNP_EXEC_FAULT(VNP_FAULT_THROTTLED, 0), cnt,
			       bytes);
}

enum vnp_action vnp_link_fault(struct vnp_link *link, const struct vnp_prog *prog,
			       const struct vnp_exec *exec)
{
	if (exec->fault == VNP_EXEC_UNAUTHENTIC) {
		vnp_link_count(link, VNP_ACTION_DROP, 1, exec->ctx.len);
		vnp_link_error(link, VNP_ERROR_AUTH, 1);
		return VNP_ACTION_DROP;
	}
	return vnp_link_faults(link, prog,
			       exec->fault ?: VNP_EXEC_FAULT(VNP_FAULT_VERDICT, 0), 1,
			       exec->ctx.len);
}

/*
 * ---- Reading them.  Context: process --------------------------------------
 */

/* Counters as numbers, in the order of struct vnp_link_stats */
struct vnp_link_counts {
	u64 bytes;
	u64 actions[VNP_ACTION_NONE];
	u64 faults[__VNP_FAULT_CNT];
	u64 errors[__VNP_ERROR_CNT];
};

static void vnp_link_stats_read(const struct vnp_link_stats *stats,
				struct vnp_link_counts *counts)
{
	const u64_stats_t *from = &stats->bytes;
	u64 *to = &counts->bytes;
	unsigned int start;
	size_t i;

	BUILD_BUG_ON(offsetof(struct vnp_link_stats, syncp) -
		     offsetof(struct vnp_link_stats, bytes) != sizeof(*counts));
	do {
		start = u64_stats_fetch_begin(&stats->syncp);
		for (i = 0; i < sizeof(*counts) / sizeof(u64); i++)
			to[i] = u64_stats_read(&from[i]);
	} while (u64_stats_fetch_retry(&stats->syncp, start));
}

void vnp_link_stats_sum(const struct vnp_link *link, struct vnp_link_info *info)
{
	struct vnp_link_counts counts;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		vnp_link_stats_read(per_cpu_ptr(link->stats, cpu), &counts);
		info->bytes += counts.bytes;
		for (i = 0; i < VNP_ACTION_NONE; i++)
			info->verdicts[i] += counts.actions[i];
		for (i = 0; i < __VNP_FAULT_CNT; i++)
			info->faults[i] += counts.faults[i];
		for (i = 0; i < __VNP_ERROR_CNT; i++)
			info->errors[i] += counts.errors[i];
	}
	for (i = 0; i < VNP_ACTION_NONE; i++)
		info->packets += info->verdicts[i];
	for (i = 0; i < __VNP_FAULT_CNT; i++)
		info->packets += info->faults[i];
}
