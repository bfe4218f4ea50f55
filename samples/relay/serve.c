// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "../common.h"
#include "control.h"
#include "serve.h"

int relay_complain(const struct relay_sample *sample, const char *failed, int err)
{
	fprintf(stderr, "%s: cannot %s: %s\n", sample->name, failed, strerror(-err));
	return err;
}

/*
 * All datagrams being sent are charged to one send buffer, which is made as large as the
 * user may.
 *
 * Return: a socket for IPv6 and IPv4, or a negative errno, after a complaint
 */
static int open_port(const struct relay_sample *relay, int port)
{
	const struct sample sample = { .name = relay->name };
	const int size = 1 << 24;
	int sock = sample_open_port(&sample, port, 0);

	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return sock;
}

/* The object must stay open, as it owns the maps of receivers.  Return: the program, or NULL */
static struct vnp_program *load(const struct relay_sample *sample, struct members *members)
{
	const struct vnp_open_opts opts = {
		.sz = sizeof(opts),
		.name = sample->name,
	};
	struct vnp_object *obj;
	size_t len;
	void *addr;
	int err;

	err = vnp_object_open_mem(sample->elf, sample->elf_len, &opts, &obj);
	if (err) {
		relay_complain(sample, "read the program", err);
		return NULL;
	}
	if (sample->budget)
		err = vnp_program_set_budget(vnp_object_find_program(obj, sample->name),
					     sample->budget);
	if (!err)
		err = vnp_object_load(obj, NULL);
	if (err) {
		relay_complain(sample, "load the program", err);
		return NULL;
	}
	members->ops = sample->ops;
	members->max = sample->max;
	members->peers = vnp_object_find_map(obj, "receivers");
	members->streams = vnp_object_find_map(obj, "streams");
	members->keys = vnp_object_find_map(obj, "keys");
	err = vnp_map_mmap(vnp_object_find_map(obj, ".bss"), true, &addr, &len);
	if (err) {
		relay_complain(sample, "share the program's variables", err);
		return NULL;
	}
	members->state = addr;
	if (sample->prepare && sample->prepare(members))
		return NULL;
	return vnp_object_find_program(obj, sample->name);
}

int relay_open(const struct relay_sample *sample, int port, struct members *members,
	       struct vnp_link **link)
{
	int sock = open_port(sample, port), err;
	struct vnp_program *prog;

	if (sock < 0)
		return sock;
	prog = load(sample, members);
	if (!prog)
		return -EINVAL;
	err = vnp_link_attach(prog, sock, NULL, link);
	if (err)
		return relay_complain(sample, "link the program to the port", err);
	printf("UDP port %d is relayed\n", port);
	fflush(stdout);
	return 0;
}

void relay_close(const struct relay_sample *sample, struct members *members,
		 struct vnp_link *link)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	vnp_link_detach(link);
	members_end(members, stdout);
	if (vnp_link_get_info(link, &info))
		return;
	printf("%llu datagrams (%llu bytes) received: ", info.packets, info.bytes);
	sample->report(members, &info);
	printf("%llu sent to %llu receivers, %llu not sent or not delivered\n", members->sent,
	       members->joins, members->failed);
}

int relay_serve(const struct relay_sample *sample, int port, const char *path)
{
	static struct members members;
	struct vnp_link *link;
	sigset_t signals;
	int control, err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	control = control_open(path);
	if (control < 0)
		return relay_complain(sample, "open the control socket", control);
	err = relay_open(sample, port, &members, &link);
	if (!err) {
		err = control_serve(control, signalfd(-1, &signals, SFD_CLOEXEC), &members);
		relay_close(sample, &members, link);
	}
	unlink(path);
	return err;
}

int relay_ask(const struct relay_sample *sample, const char *path, char **words)
{
	int err = control_ask(path, words);

	if (err < 0)
		relay_complain(sample, "ask the relay", err);
	return err ? 1 : 0;
}
