// SPDX-License-Identifier: GPL-2.0
#include "kmod/prog/account.h"

#include <linux/ktime.h>
#include <linux/moduleparam.h>

#include "kmod/path/dgram.h"
#include "kmod/path/send.h"
#include "vm/code.h"

static unsigned int budget_max = VNP_BUDGET_MAX;
module_param(budget_max, uint, 0644);
MODULE_PARM_DESC(budget_max, "largest budget of a program that is loaded without CAP_SYS_ADMIN");

static unsigned int softirq_share = 48;
module_param(softirq_share, uint, 0644);
MODULE_PARM_DESC(softirq_share, "percent of a CPU that the programs of one user may take in softirq; 100: no limit");

static unsigned int softirq_burst_us = 1000;
module_param(softirq_burst_us, uint, 0644);
MODULE_PARM_DESC(softirq_burst_us, "microseconds that the programs of one user may take in softirq at once (burst)");

u32 vnp_account_budget_max(void)
{
	return READ_ONCE(budget_max);
}

void vnp_account_limits(struct vnp_feature *feature)
{
	feature->budget_max = vnp_account_budget_max();
	feature->budget = min_t(u32, VNP_BUDGET_DEFAULT, feature->budget_max);
	feature->softirq_share = min(READ_ONCE(softirq_share), 100U);
	feature->softirq_burst_us = READ_ONCE(softirq_burst_us);
}

static s64 vnp_account_burst(void)
{
	return (s64)READ_ONCE(softirq_burst_us) * NSEC_PER_USEC;
}

static void vnp_bucket_fill(struct vnp_bucket *bucket, u64 now)
{
	const u64 share = min(READ_ONCE(softirq_share), 100U);
	const s64 burst = vnp_account_burst();
	const u64 since = min_t(u64, now - bucket->stamp, VNP_BUCKET_FULL_S * (u64)NSEC_PER_SEC);

	bucket->left = min_t(s64, bucket->left + div_u64(since * share, 100), burst);
	bucket->stamp = now;
}

noinline bool vnp_account_refill(struct vnp_user *user, u32 ns)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);

	bucket->left += ns;
	vnp_bucket_fill(bucket, ktime_get_ns());
	if (READ_ONCE(softirq_share) < 100 && bucket->left < (s64)ns)
		return false;
	bucket->left -= ns;
	return true;
}

bool vnp_account_is_solvent(struct vnp_user *user)
{
	bool solvent;

	local_bh_disable();
	solvent = vnp_account_draw(user, 0);
	local_bh_enable();
	return solvent;
}

void vnp_account_settle(struct vnp_user *user, u32 ns, u64 start)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);
	const s64 took = ktime_get_ns() - start;

	bucket->left = min(bucket->left + ns - took, max(bucket->left, vnp_account_burst()));
}

void vnp_account_charge(struct vnp_user *user, u64 ns)
{
	struct vnp_bucket *bucket;

	local_bh_disable();
	bucket = this_cpu_ptr(user->bucket);
	bucket->left -= min(ns, VNP_ACCOUNT_CHARGE_MAX);
	local_bh_enable();
}

void vnp_account_stop(struct vnp_user *user, const struct vnp_account_timer *timer)
{
	u64 took = ktime_get_ns() - timer->start;

	if (unlikely(vnp_account_switches() != timer->switches))
		took = min(took, (u64)VNP_ACCOUNT_PREEMPTED_MAX);
	vnp_account_charge(user, took);
}

u64 vnp_account_timed(struct vnp_user *user, const struct vnp_prog *prog,
		      struct vnp_exec *exec)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);
	const s64 reserve = min_t(s64, prog->worst_ns, vnp_account_burst() / 2);
	u64 start = ktime_get_ns(), ret;

	vnp_bucket_fill(bucket, start);
	/* At least 1: if the burst is 0 nothing may be executed. */
	if (READ_ONCE(softirq_share) < 100 && bucket->left < max_t(s64, reserve, 1)) {
		exec->fault = VNP_EXEC_FAULT(VNP_FAULT_THROTTLED, 0);
		return exec->fault;
	}
	/* A program that sends is always timed: each call costs more than VNP_ACCOUNT_LIGHT. */
	if (prog->ctx_fields & VNP_CTX_SENDS)
		vnp_send_execute(start);
	ret = vnp_prog_exec(prog, exec);
	bucket->left -= ktime_get_ns() - start;
	return ret;
}
