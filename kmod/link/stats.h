/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a link: what happened to its datagrams.
 *
 * Each CPU has its own, so counting takes no lock and no atomic operation.  Counters are only
 * changed with softirqs off; readers add the counters of all CPUs.
 *
 * These functions only use struct vnp_link, not the files that create and attach links, so the
 * code that processes packets may call them.
 */
#ifndef _VNP_LINK_STATS_H
#define _VNP_LINK_STATS_H

#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>
#include "kmod/link/link.h"
#include "kmod/path/action.h"
#include "kmod/prog/prog.h"

/**
 * struct vnp_link_stats - what happened on one CPU.  Context: softirqs off
 * @seen:	flows of the latest datagrams that were not passed; only used by udp/merge.h
 * @bytes:	payload the program was executed on
 * @actions:	datagrams by enum vnp_action
 * @faults:	datagrams by enum vnp_fault
 * @errors:	datagrams by enum vnp_error
 * @syncp:	for readers on other CPUs
 */
struct vnp_link_stats {
	u32 seen[8];
	u64_stats_t bytes;
	u64_stats_t actions[VNP_ACTION_NONE];
	u64_stats_t faults[__VNP_FAULT_CNT];
	u64_stats_t errors[__VNP_ERROR_CNT];
	struct u64_stats_sync syncp;
};

/**
 * vnp_link_fault() - count a fault and return the action for the datagram
 * @link:	the link
 * @prog:	the program
 * @exec:	how its execution ended
 *
 * Context: softirqs off.
 * Return: VNP_ACTION_DROP or VNP_ACTION_PASS.
 */
enum vnp_action vnp_link_fault(struct vnp_link *link, const struct vnp_prog *prog,
			       const struct vnp_exec *exec);

/**
 * vnp_link_throttle() - count datagrams for which the owner's account is empty
 * @link:	the link
 * @prog:	the program that was not executed
 * @cnt:	number of datagrams
 * @bytes:	their payload
 *
 * Context: softirqs off.
 * Return: as vnp_link_fault().
 */
enum vnp_action vnp_link_throttle(struct vnp_link *link, const struct vnp_prog *prog,
				  u32 cnt, u32 bytes);

/*
 * vnp_link_passes_faults() - are datagrams passed after a fault?  Not if the program authenticates
 * them
 */
static inline bool vnp_link_passes_faults(const struct vnp_link *link,
					  const struct vnp_prog *prog)
{
	return link->flags & VNP_LINK_F_FAULT_PASS && prog->func != vnp_prog_authenticate;
}

/* vnp_link_error() - count datagrams dropped because of an error.  Context: softirqs off */
static inline void vnp_link_error(struct vnp_link *link, enum vnp_error error, u32 cnt)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->errors[error], cnt);
	u64_stats_update_end(&stats->syncp);
}

/**
 * vnp_link_count() - count datagrams with a verdict of the program
 * @link:	the link
 * @action:	the verdict's action; not VNP_ACTION_NONE
 * @cnt:	number of datagrams
 * @bytes:	their payload
 *
 * Context: softirqs off.
 */
static __always_inline void vnp_link_count(struct vnp_link *link, enum vnp_action action,
					   u32 cnt, u32 bytes)
{
	struct vnp_link_stats *stats = this_cpu_ptr(link->stats);

	u64_stats_update_begin(&stats->syncp);
	u64_stats_add(&stats->bytes, bytes);
	u64_stats_add(&stats->actions[action], cnt);
	u64_stats_update_end(&stats->syncp);
}

/* vnp_link_stats_sum() - add the counters of all CPUs to @info.  Context: process */
void vnp_link_stats_sum(const struct vnp_link *link, struct vnp_link_info *info);

#endif /* _VNP_LINK_STATS_H */
