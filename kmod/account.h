/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accounts: what the programs on one user's links may take of each CPU's softirq time.
 *
 * An account has a token bucket for each CPU, in ns.  Executions draw on it, and time
 * fills it: by softirq_share percent, up to softirq_burst_us.  While it is empty the
 * user's programs do not run, and his datagrams meet the fault VNP_FAULT_THROTTLED.
 *
 * A program that cannot cost more than VNP_ACCOUNT_LIGHT units draws a constant; the
 * clock is looked at only when the bucket seems empty.  Others are timed, and begin only
 * while there is enough for the worst that they can take, or half of the burst.
 *
 * So softirqs stay off for (burst / 2) / (1 - share), and an execution, at most: with the
 * defaults 0.96 ms, and 65536 units that take VNP_ACCOUNT_WORST_NS each, 1.05 ms.
 *
 * An account is shared by all links of a user, and held by them.  Those made in a user
 * namespace belong to the user who made the namespace, so nobody gets more accounts by
 * having more uids there.
 */
#ifndef _VNP_ACCOUNT_H
#define _VNP_ACCOUNT_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/refcount.h>
#include <linux/uidgid.h>
#include "prog.h"

/* Units of the budget beyond which a program is timed */
#define VNP_ACCOUNT_LIGHT	256

/* What a light program draws for a unit, in ns: several times what it mostly takes */
#define VNP_ACCOUNT_UNIT_NS	4

/*
 * The longest that a unit takes, in ns: a speculation barrier takes as long, and what can
 * take longer counts for several units (vm/cost.h).
 */
#define VNP_ACCOUNT_WORST_NS	16

/**
 * struct vnp_bucket - of one CPU.  Context: softirq
 * @left:	ns; below 0: one execution took longer than there was
 * @stamp:	ktime_get_ns() until which it is filled
 */
struct vnp_bucket {
	s64 left;
	u64 stamp;
};

/**
 * struct vnp_account - a user's account
 * @bucket:	of each CPU
 * @uid:	whose it is
 * @refs:	links
 * @list:	in the list of all accounts
 */
struct vnp_account {
	struct vnp_bucket __percpu *bucket;
	kuid_t uid;
	refcount_t refs;
	struct list_head list;
};

/* vnp_account_get() - the caller's, with a reference.  Context: process.  ERR_PTR() */
struct vnp_account *vnp_account_get(void);

/* vnp_account_put() - gives a reference back; NULL is fine.  Context: process */
void vnp_account_put(struct vnp_account *account);

/* vnp_account_budget_max() - the largest budget without CAP_SYS_ADMIN */
u32 vnp_account_budget_max(void);

/* vnp_account_limits() - what VNP_FEATURE says of the parameters */
void vnp_account_limits(struct vnp_feature *feature);

/* vnp_account_refill() - as vnp_account_draw(), when the bucket was found empty */
bool vnp_account_refill(struct vnp_account *account, u32 ns);

/**
 * vnp_account_draw() - draw what is known
 * @account:	the account
 * @ns:		how much; 0 asks whether there is anything
 *
 * Context: softirq.
 * Return: false: there is not so much, and nothing was drawn.
 */
static __always_inline bool vnp_account_draw(struct vnp_account *account, u32 ns)
{
	struct vnp_bucket *bucket = this_cpu_ptr(account->bucket);

	bucket->left -= ns;
	return likely(bucket->left >= 0) || vnp_account_refill(account, ns);
}

/**
 * vnp_account_run() - one timed execution
 * @account:	the account
 * @prog:	a program that is not light
 * @run:	as vnp_prog_run() wants it
 *
 * Context: softirqs off, under RCU.
 * Return: as vnp_prog_run(); if the program must not run its fault is
 * %VNP_FAULT_THROTTLED.
 */
u64 vnp_account_run(struct vnp_account *account, const struct vnp_prog *prog,
		    struct vnp_run *run);

#endif /* _VNP_ACCOUNT_H */
