/* SPDX-License-Identifier: GPL-2.0 */
/* Which users of /dev/vnp may load programs, and create maps and links. */
#ifndef _VNP_CORE_ACCESS_H
#define _VNP_CORE_ACCESS_H

#include <linux/types.h>

/*
 * vnp_access_privileged() - does the task have CAP_BPF or CAP_SYS_ADMIN? Context: process
 */
bool vnp_access_privileged(void);

/* vnp_access_unprivileged() - may tasks without these load and create?  Context: any */
bool vnp_access_unprivileged(void);

/**
 * vnp_access_check() - may the task load and create?
 *
 * Context: process.
 * Return: 0, -EPERM.
 */
int vnp_access_check(void);

#endif /* _VNP_CORE_ACCESS_H */
