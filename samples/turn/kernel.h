/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The programs, their maps and links */
#ifndef _TURN_KERNEL_H
#define _TURN_KERNEL_H

#include <sys/types.h>
#include <vnp/libvnp.h>
#include "server.h"
#include "turn.h"

/* Sockets that clients send to, at most: coturn has one for each of its threads */
#define KERNEL_LISTENERS	64

/**
 * struct allocation - one of coturn's that is relayed in the kernel
 * @used:	this one is
 * @sock:	its socket, until there is @link; otherwise -1
 * @client:	who has it
 * @relay:	where peers send to
 * @link:	of its socket
 */
struct allocation {
	bool used;
	int sock;
	struct endpoint client;
	struct endpoint relay;
	struct vnp_link *link;
};

/**
 * struct kernel - what there is in the kernel
 * @pid:	coturn
 * @base:	has all maps but those of @peers, and from_peer()
 * @object:	has from_client() and @peers
 * @replaced_cnt: number of @replaced
 * @replaced:	had from_client() before @object; their logs may have lines not read yet
 * @bindings:	these as in turn.bpf.c
 * @channels:	...
 * @clients:	...
 * @peers:	of each allocation
 * @listener_cnt: number of @listeners
 * @listeners:	links of the sockets that clients send to
 * @server:	their address
 * @allocations: by the numbers that from_client() has for them
 */
struct kernel {
	pid_t pid;
	struct vnp_object *base;
	struct vnp_object *object;
	size_t replaced_cnt;
	struct vnp_object *replaced[TURN_ALLOCATIONS];
	struct vnp_map *bindings;
	struct vnp_map *channels;
	struct vnp_map *clients;
	struct vnp_map *peers[TURN_ALLOCATIONS];
	size_t listener_cnt;
	struct vnp_link *listeners[KERNEL_LISTENERS];
	struct endpoint server;
	struct allocation allocations[TURN_ALLOCATIONS];
};

/* kernel_start() - link to the sockets that clients send to.  Return: 0 or a negative errno */
int kernel_start(struct kernel *kernel, pid_t pid, int port);

/* kernel_find() - Return: the allocation of a client, or NULL */
struct allocation *kernel_find(struct kernel *kernel, struct endpoint client);

/* kernel_add() - begin with an allocation: kernel_commit() follows.  Return: can it be? */
bool kernel_add(struct kernel *kernel, struct endpoint client, struct endpoint relay);

/* kernel_commit() - allocations that were added are relayed, or do not exist */
void kernel_commit(struct kernel *kernel);

/* kernel_remove() - end with an allocation, which has no bindings any more */
void kernel_remove(struct allocation *allocation);

/* kernel_log() - Return: a descriptor, from which the log of from_client() is read */
int kernel_log(const struct vnp_object *obj);

/* kernel_close_replaced() - close programs whose logs have been read */
void kernel_close_replaced(struct kernel *kernel);

/* kernel_end() - detach everything, and print how much was relayed */
void kernel_end(struct kernel *kernel);

#endif /* _TURN_KERNEL_H */
