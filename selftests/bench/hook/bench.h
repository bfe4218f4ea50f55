/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_BENCH_H
#define _VNP_BENCH_H

#include "ioctl.h"

/* nic.c */
int bench_nic_create(void);
void bench_nic_destroy(void);
int bench_nic_load(const struct bench_frames *frames);
int bench_nic_play(struct bench_play *play);

/*
 * hook.c: the socket keeps the hook until it is closed, which is before the module is
 * removed
 */
int bench_hook_attach(int fd);
int bench_hook_fanout(const struct bench_fanout *fanout);
void bench_hook_destroy(void);

/* crypt.c */
int bench_crypt_run(struct bench_crypt *crypt);

/* native.c */
void bench_native_fill(void);
int bench_native_run(struct bench_native *native);

#endif /* _VNP_BENCH_H */
