// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/access.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/moduleparam.h>
#include <linux/user_namespace.h>

static int unprivileged = 1;
module_param(unprivileged, int, 0644);
MODULE_PARM_DESC(unprivileged,
		 "0: loading programs and creating maps and links requires CAP_BPF or CAP_SYS_ADMIN (default 1)");

/* Checked in the initial user namespace, as users have all capabilities in their own. */
bool vnp_access_privileged(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_BPF) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

bool vnp_access_unprivileged(void)
{
	return READ_ONCE(unprivileged);
}

int vnp_access_check(void)
{
	return vnp_access_unprivileged() || vnp_access_privileged() ? 0 : -EPERM;
}
