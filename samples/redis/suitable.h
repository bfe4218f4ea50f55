/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* May GETs be answered for this server? */
#ifndef _REDIS_SUITABLE_H
#define _REDIS_SUITABLE_H

#include "../serve.h"
#include "client.h"

/*
 * suitable() - close connections that were accepted before the program was linked, add the commands
 * that the server calls blocking to the map, and ask for its configuration.  Return: 1: they may
 * be answered; 0, after a complaint: not
 */
int suitable(const struct sample_server *server, pid_t pid, struct client *client,
	     const struct vnp_map *commands);

/* suitable_ignore() - struct vnp_open_opts::print, for what may fail */
void suitable_ignore(void *ctx, enum vnp_print_level level, const char *line);

#endif /* _REDIS_SUITABLE_H */
