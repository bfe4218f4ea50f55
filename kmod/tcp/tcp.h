/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TCP_TCP_H
#define _VNP_TCP_TCP_H

#include <linux/types.h>

struct vnp_hook_ops;

extern const struct vnp_hook_ops vnp_tcp_hook;

/*
 * vnp_tcp_enter() - a call that cannot fail, may sleep, and outlasts the link.  If it began when
 * the link was already gone, and the module is being removed, that waits.
 * Return: for vnp_tcp_leave()
 */
bool vnp_tcp_enter(void);
void vnp_tcp_leave(bool held);

/* Context: process, at module init and exit */
int vnp_tcp_subsys_create(void);
void vnp_tcp_subsys_destroy(void);

#endif /* _VNP_TCP_TCP_H */
