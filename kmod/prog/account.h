/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accounts: what the programs on one user's links may take of each CPU's softirq time.
 *
 * A user has a token bucket for each CPU, in ns.  Executions draw from it, and it is
 * refilled at softirq_share percent of the time, up to softirq_burst_us.  While it is
 * empty the user's programs are not executed, and datagrams get the fault
 * VNP_FAULT_THROTTLED.
 *
 * A program that cannot cost more than VNP_ACCOUNT_LIGHT units draws a constant, for all
 * datagrams of a packet at once; the clock is read only when the bucket seems empty.  On messages
 * of a stream a microsecond at once is drawn for several executions; what those for a packet draw
 * beyond the first is replaced by the time that they took, as short messages would exhaust the
 * bucket.
 * Other programs are timed, one execution at a time, and begin only if the bucket has a reserve:
 * their maximum duration, but at most half of the burst.
 *
 * So the longest time for which programs keep softirqs off is (burst - reserve) / (1 - share),
 * which takes a full bucket down to the reserve although it is refilled meanwhile, plus one
 * execution that begins then.  The number of datagrams, and whether they arrive in one packet
 * or in many, makes no difference.  With the default parameters, and the largest budget of
 * 262,144 units that take VNP_ACCOUNT_UNIT_NS each, this is 0.96 ms + 1.05 ms; with the
 * smallest budget 1.92 ms, with those in between less than 2.01 ms.
 *
 * An account belongs to a user (user.h), and so covers all links of the user.
 */
#ifndef _VNP_PROG_ACCOUNT_H
#define _VNP_PROG_ACCOUNT_H

#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include "kmod/core/user.h"
#include "kmod/prog/exec.h"
#include "kmod/prog/prog.h"

/* Units of the budget beyond which a program is timed */
#define VNP_ACCOUNT_LIGHT	256

/*
 * Maximum duration of a unit, in ns: a load that misses the first-level cache.  Operations
 * that can take longer cost several units (vm/analysis/cost.h), except speculation barriers.
 */
#define VNP_ACCOUNT_UNIT_NS	4

/* Factor by which a unit takes longer in programs with speculation barriers */
#define VNP_ACCOUNT_BARRIER	4

/*
 * What leaving an untrusted program takes, in ns: on some processors the JIT clears the branch
 * history there (jit.c)
 */
#define VNP_ACCOUNT_EXIT_NS	64

/* What is charged at most for work that was timed, in ns: more than any takes */
#define VNP_ACCOUNT_CHARGE_MAX	(10ULL * NSEC_PER_MSEC)

/*
 * Likewise if other tasks were executed on the CPU meanwhile.  How long these took is not known,
 * and they can be another user's: so it is what the default burst allows to softirqs.
 */
#define VNP_ACCOUNT_PREEMPTED_MAX	NSEC_PER_MSEC

/* vnp_account_budget_max() - the largest budget without CAP_SYS_ADMIN */
u32 vnp_account_budget_max(void);

/* vnp_account_limits() - the parameters reported by VNP_FEATURE */
void vnp_account_limits(struct vnp_feature *feature);

/* vnp_account_refill() - as vnp_account_draw(), when the bucket was found empty */
bool vnp_account_refill(struct vnp_user *user, u32 ns);

/**
 * vnp_account_draw() - draw a known amount
 * @user:	owner of the account
 * @ns:		amount; 0 tests whether the bucket is at least 0
 *
 * Context: softirqs off.
 * Return: false: there is not enough, and nothing was drawn.
 */
static __always_inline bool vnp_account_draw(struct vnp_user *user, u32 ns)
{
	struct vnp_bucket *bucket = this_cpu_ptr(user->bucket);

	bucket->left -= ns;
	return likely(bucket->left >= 0) || vnp_account_refill(user, ns);
}

/* vnp_account_is_solvent() - is the bucket on this CPU not overdrawn?  Context: any */
bool vnp_account_is_solvent(struct vnp_user *user);

/*
 * vnp_account_settle() - replace @ns that were drawn since @start, of ktime_get_ns(), by the time
 * since then.  Context: softirqs off, since then
 */
void vnp_account_settle(struct vnp_user *user, u32 ns, u64 start);

/* vnp_account_take() - charge @ns, whether there is so much or not.  Context: softirqs off */
static __always_inline void vnp_account_take(struct vnp_user *user, s64 ns)
{
	this_cpu_sub(user->bucket->left, ns);
}

/*
 * vnp_account_charge() - charge work that was done for a user's programs.  Context: any but hard
 * interrupts
 */
void vnp_account_charge(struct vnp_user *user, u64 ns);

/**
 * struct vnp_account_timer - measures work that is charged by its time
 * @start:	when it began, of ktime_get_ns()
 * @switches:	how often the task had been switched out at @start
 */
struct vnp_account_timer {
	u64 start;
	unsigned long switches;
};

/* Switches of the current task; they do not change while softirqs are off, or in one. */
static inline unsigned long vnp_account_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

/* vnp_account_start() - the work begins.  Context: as vnp_account_stop() */
static inline struct vnp_account_timer vnp_account_start(void)
{
	return (struct vnp_account_timer) {
		.start = ktime_get_ns(),
		.switches = vnp_account_switches(),
	};
}

/*
 * vnp_account_stop() - charge the time since vnp_account_start().  Context: any but hard
 * interrupts, the task or softirq that called vnp_account_start()
 */
void vnp_account_stop(struct vnp_user *user, const struct vnp_account_timer *timer);

/**
 * vnp_account_timed() - one timed execution
 * @user:	owner of the account
 * @prog:	a program that is not light
 * @exec:	as for vnp_prog_exec()
 *
 * Context: softirqs off, under RCU.
 * Return: as vnp_prog_exec(); if the program must not be executed its fault is
 * %VNP_FAULT_THROTTLED.
 */
u64 vnp_account_timed(struct vnp_user *user, const struct vnp_prog *prog,
		      struct vnp_exec *exec);

/* vnp_account_exec() - one execution of a program whose constant was drawn, or timed */
static __always_inline u64 vnp_account_exec(struct vnp_user *user,
					    const struct vnp_prog *prog,
					    struct vnp_exec *exec)
{
	return prog->light_ns ? vnp_prog_exec(prog, exec) :
				vnp_account_timed(user, prog, exec);
}

#endif /* _VNP_PROG_ACCOUNT_H */
