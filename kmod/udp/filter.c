// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel filters a datagram after encap_rcv(), in sk_filter_trim_cap(): BPF programs
 * of the socket's cgroup (systemd's IPAddressDeny=), security modules, the filter of
 * SO_ATTACH_FILTER.  A program must not see what these deny.  So if there is one of them
 * the hook calls the same function before it executes the program, and puts passed
 * datagrams into the socket's queue itself.  Otherwise they would be filtered twice: a
 * filter may count datagrams, and may not accept one again that it has truncated.
 *
 * Whether a security module checks datagrams cannot be queried.  Those with labels do,
 * SELinux and Smack, and are detected by the extended attribute of their labels; others
 * in the kernel only check datagrams with a secmark.  For programs attached to the
 * security hooks themselves (BPF LSM) there is a parameter: filtering every datagram
 * costs about 100 instructions each if nothing is attached.
 */
#include "kmod/udp/filter.h"

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/security.h>
#include <linux/xattr.h>

#include "kmod/core/compat.h"
#include "kmod/udp/enqueue.h"

DEFINE_STATIC_KEY_FALSE(vnp_udp_lsm_key);

static bool lsm;
module_param(lsm, bool, 0444);
MODULE_PARM_DESC(lsm, "filter every datagram before programs see it, for BPF LSM programs on socket_sock_rcv_skb");

void vnp_udp_filter_init(void)
{
	if (lsm || security_ismaclabel(XATTR_SELINUX_SUFFIX) ||
	    security_ismaclabel(XATTR_SMACK_SUFFIX))
		static_branch_enable(&vnp_udp_lsm_key);
}

bool vnp_udp_filter(struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason = vnp_sk_filter(sk, skb);

	if (likely(!reason))
		return true;
	vnp_udp_count_drops(sk, skb, 1);
	kfree_skb_reason(skb, reason);
	return false;
}
