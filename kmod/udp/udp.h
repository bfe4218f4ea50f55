/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets: attaching and detaching the hook. */
#ifndef _VNP_UDP_UDP_H
#define _VNP_UDP_UDP_H

#include <linux/types.h>

struct vnp_hook_ops;

/* An encap_type that nothing else uses: the socket has a link's hook */
#define VNP_UDP_ENCAP	0xf7

/* Context: process, at module init and exit */
int vnp_udp_subsys_create(void);
void vnp_udp_subsys_destroy(void);

/* UDP sockets as a hook */
extern const struct vnp_hook_ops vnp_udp_hook;

#endif /* _VNP_UDP_UDP_H */
