/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The process that fills the map of values of cache.bpf.c */
#ifndef _REDIS_FILL_H
#define _REDIS_FILL_H

#include "../serve.h"

/* fill_prepare() - before the program is linked.  Return: 0 or a negative errno */
int fill_prepare(const struct vnp_object *obj);

/* fill_serve() - struct sample_server::linked: fill the map until the server has ended */
int fill_serve(const struct sample_server *server, pid_t pid, const struct vnp_socket *listener);

#endif /* _REDIS_FILL_H */
