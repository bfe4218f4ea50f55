/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* May GETs be answered for this server? */
#ifndef _REDIS_SUITABLE_H
#define _REDIS_SUITABLE_H

#include "../serve.h"
#include "client.h"

/*
 * suitable() - link all sockets that the server listens with, close connections that were accepted
 * before, add the commands that the server calls blocking to the map, and ask for its configuration.  Return: 1: they may
 * be answered; 0, after a complaint: not
 */
int suitable(const struct sample_server *server, pid_t pid, struct client *client,
	     const struct vnp_map *commands);

#endif /* _REDIS_SUITABLE_H */
