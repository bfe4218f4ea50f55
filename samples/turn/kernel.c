// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A map of peers has one socket that it sends from, from when it is made: so an allocation
 * that begins gets a new map, and from_client() is replaced by one that has it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../common.h"
#include "kernel.h"

SAMPLE(turn_sample, turn)

/* Return: the number of an allocation, if the map is that of its peers, else -1 */
static int map_allocation(const struct vnp_map *map)
{
	unsigned int n;

	return sscanf(vnp_map_name(map), "peers_%3o", &n) == 1 ? (int)n : -1;
}

static void find_peers(struct kernel *kernel, struct vnp_object *obj)
{
	struct vnp_map *map;
	int i;

	for (map = NULL; (map = vnp_object_next_map(obj, map));) {
		i = map_allocation(map);
		if (i >= 0)
			kernel->peers[i] = map;
	}
}

/* All maps are those that are there, but for the peers of new allocations. */
static int reuse_maps(struct kernel *kernel, struct vnp_object *obj)
{
	struct vnp_map *map, *old;
	int i, err = 0;

	for (map = NULL; !err && (map = vnp_object_next_map(obj, map));) {
		i = map_allocation(map);
		if (i >= 0 && kernel->allocations[i].used && kernel->allocations[i].sock >= 0) {
			err = vnp_map_set_socket(map, kernel->allocations[i].sock);
			continue;
		}
		old = i >= 0 ? kernel->peers[i] :
			       vnp_object_find_map(kernel->base, vnp_map_name(map));
		err = vnp_map_reuse_fd(map, vnp_map_fd(old));
	}
	return err;
}

static int replace_program(struct kernel *kernel, const struct vnp_object *obj)
{
	const struct vnp_program *prog = vnp_object_find_program(obj, "from_client");
	size_t i;
	int err = 0;

	for (i = 0; i < kernel->listener_cnt && !err; i++)
		err = vnp_link_update(kernel->listeners[i], prog, NULL);
	return err;
}

/* Give new allocations maps of peers that send from their sockets. */
static int renew(struct kernel *kernel)
{
	const struct sample sample = turn_sample();
	struct vnp_object *obj;
	int err = sample_open(&sample, &obj);

	if (err)
		return err;
	vnp_program_set_autoload(vnp_object_find_program(obj, "from_peer"), false);
	err = reuse_maps(kernel, obj);
	if (!err)
		err = vnp_object_load(obj, NULL);
	if (!err)
		err = replace_program(kernel, obj);
	if (err) {
		vnp_object_close(obj);
		return err;
	}
	find_peers(kernel, obj);
	kernel->replaced[kernel->replaced_cnt++] = kernel->object;
	kernel->object = obj;
	return 0;
}

void kernel_close_replaced(struct kernel *kernel)
{
	struct vnp_object *obj;

	while (kernel->replaced_cnt) {
		obj = kernel->replaced[--kernel->replaced_cnt];
		if (obj != kernel->base)
			vnp_object_close(obj);
	}
}

int kernel_log(const struct vnp_object *obj)
{
	return vnp_program_fd(vnp_object_find_program(obj, "from_client"));
}

/* Return: coturn's socket of this address, or a negative errno */
static int take_socket(struct kernel *kernel, struct endpoint relay)
{
	struct in_addr addr = { relay.ip4 };
	struct vnp_socket *socks;
	char spec[16];
	size_t cnt, i;
	int sock = -ENOENT;

	snprintf(spec, sizeof(spec), "udp:%u", relay.port);
	if (vnp_socket_find(kernel->pid, spec, NULL, &socks, &cnt))
		return -ENOENT;
	for (i = 0; i < cnt && sock < 0; i++)
		if (!strcmp(socks[i].address, inet_ntoa(addr))) {
			sock = socks[i].fd;
			socks[i] = socks[--cnt];
		}
	vnp_socket_free(socks, cnt);
	return sock;
}

struct allocation *kernel_find(struct kernel *kernel, struct endpoint client)
{
	struct allocation *a;

	for (a = kernel->allocations; a < kernel->allocations + TURN_ALLOCATIONS; a++)
		if (a->used && endpoint_is(a->client, client))
			return a;
	return NULL;
}

bool kernel_add(struct kernel *kernel, struct endpoint client, struct endpoint relay)
{
	struct allocation *a = kernel->allocations;
	int sock;

	while (a < kernel->allocations + TURN_ALLOCATIONS && a->used)
		a++;
	if (a == kernel->allocations + TURN_ALLOCATIONS ||
	    kernel->replaced_cnt == TURN_ALLOCATIONS)
		return false;
	sock = take_socket(kernel, relay);
	if (sock < 0)
		return false;
	*a = (struct allocation) {
		.used = true,
		.sock = sock,
		.client = client,
		.relay = relay,
	};
	return true;
}

void kernel_commit(struct kernel *kernel)
{
	const struct vnp_program *prog = vnp_object_find_program(kernel->base, "from_peer");
	const int err = renew(kernel);
	struct allocation *a;

	for (a = kernel->allocations; a < kernel->allocations + TURN_ALLOCATIONS; a++) {
		if (!a->used || a->sock < 0)
			continue;
		a->used = !err && !vnp_link_attach(prog, a->sock, NULL, &a->link);
		close(a->sock);
		a->sock = -1;
	}
}

/* If coturn has closed the socket, the link is detached already. */
void kernel_remove(struct allocation *allocation)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	if (!vnp_link_get_info(allocation->link, &info) && info.attached)
		vnp_link_detach(allocation->link);
	vnp_link_close(allocation->link);
	allocation->used = false;
}

static int load(struct kernel *kernel, int sock)
{
	const struct sample sample = turn_sample();
	int err = sample_open(&sample, &kernel->base);

	if (err)
		return err;
	kernel->object = kernel->base;
	kernel->clients = vnp_object_find_map(kernel->base, "clients");
	kernel->bindings = vnp_object_find_map(kernel->base, "bindings");
	kernel->channels = vnp_object_find_map(kernel->base, "channels");
	find_peers(kernel, kernel->base);
	err = vnp_map_set_socket(kernel->clients, sock);
	return err ?: vnp_object_load(kernel->base, NULL);
}

static int attach(struct kernel *kernel, const struct vnp_socket *socks, size_t cnt)
{
	const struct vnp_program *prog = vnp_object_find_program(kernel->base, "from_client");
	size_t i;
	int err;

	for (i = 0; i < cnt; i++) {
		err = vnp_link_attach(prog, socks[i].fd, NULL, &kernel->listeners[i]);
		if (err)
			return err;
		kernel->listener_cnt++;
	}
	return 0;
}

int kernel_start(struct kernel *kernel, pid_t pid, int port)
{
	struct vnp_socket *socks;
	char spec[16];
	size_t cnt, i;
	int err;

	kernel->pid = pid;
	snprintf(spec, sizeof(spec), "udp:%d", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return err;
	for (i = 0; i < cnt && !err; i++)
		if (i == KERNEL_LISTENERS || strcmp(socks[i].address, socks[0].address))
			err = -EADDRNOTAVAIL;
	kernel->server.port = port;
	if (!err && inet_pton(AF_INET, socks[0].address, &kernel->server.ip4) != 1)
		err = -EAFNOSUPPORT;
	if (!err)
		err = load(kernel, socks[0].fd);
	if (!err)
		err = attach(kernel, socks, cnt);
	vnp_socket_free(socks, cnt);
	return err;
}

void kernel_end(struct kernel *kernel)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	__u64 relayed = 0, passed = 0;
	size_t i;

	for (i = 0; i < kernel->listener_cnt; i++) {
		vnp_link_detach(kernel->listeners[i]);
		if (!vnp_link_get_info(kernel->listeners[i], &info)) {
			relayed += info.verdicts[VNP_DROP];
			passed += info.verdicts[VNP_PASS];
		}
	}
	for (i = 0; i < TURN_ALLOCATIONS; i++)
		if (kernel->allocations[i].used)
			kernel_remove(&kernel->allocations[i]);
	printf("%llu datagrams of clients relayed in the kernel, %llu passed to coturn\n",
	       relayed, passed);
}
