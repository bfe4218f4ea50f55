/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TCP_TCP_H
#define _VNP_TCP_TCP_H

struct vnp_hook_ops;

extern const struct vnp_hook_ops vnp_tcp_hook;

/* Context: process, at module init and exit */
int vnp_tcp_subsys_create(void);
void vnp_tcp_subsys_destroy(void);

#endif /* _VNP_TCP_TCP_H */
