/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TCP_TCP_H
#define _VNP_TCP_TCP_H

#include <linux/types.h>

struct vnp_hook_ops;

extern const struct vnp_hook_ops vnp_tcp_hook;

/*
 * vnp_tcp_enter() - begin a call that must not fail, can sleep, and can end after the link
 *
 * It keeps a reference to the module until vnp_tcp_leave().  It cannot get one if the link had
 * ended when it began, and the module is being removed: then the removal waits for it.
 *
 * Return: for vnp_tcp_leave().
 */
bool vnp_tcp_enter(void);
void vnp_tcp_leave(bool held);

/* Context: process, at module init and exit */
int vnp_tcp_subsys_create(void);
void vnp_tcp_subsys_destroy(void);

#endif /* _VNP_TCP_TCP_H */
