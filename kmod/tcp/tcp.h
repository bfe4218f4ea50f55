/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TCP_TCP_H
#define _VNP_TCP_TCP_H

#include <linux/types.h>

struct vnp_hook_ops;

/* Flags of links to connections, and to listening sockets, from which connections inherit them */
#define VNP_TCP_LINK_FLAGS						\
	(VNP_LINK_F_FAULT_PASS | VNP_LINK_F_MESSAGE | VNP_LINK_F_STREAM_PASS | \
	 VNP_LINK_F_FORGED_END | VNP_LINK_F_BOUNDARIES | VNP_LINK_F_REPLY_RESET | \
	 VNP_LINK_F_REPLY_IDLE)

extern const struct vnp_hook_ops vnp_tcp_hook;

/* Context: process, at module init and exit */
int vnp_tcp_subsys_create(void);
void vnp_tcp_subsys_destroy(void);

#endif /* _VNP_TCP_TCP_H */
