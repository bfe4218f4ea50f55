// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "control.h"
#include "serve.h"

/*
 * All datagrams being sent are charged to one send buffer, which is made as large as the
 * user may.
 *
 * Return: a socket for IPv6 and IPv4, or a negative errno, after a complaint
 */
static int open_port(const struct relay_sample *relay, int port)
{
	const int size = 1 << 24;
	int sock = sample_open_port(&relay->sample, port, 0);

	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return sock;
}

/* The object must stay open, as it owns the maps of receivers.  Return: the program, or NULL */
static struct vnp_program *load(const struct relay_sample *relay, struct members *members)
{
	struct vnp_program *prog;
	struct vnp_object *obj;
	int err;

	if (sample_open(&relay->sample, &obj))
		return NULL;
	prog = vnp_object_find_program(obj, relay->sample.name);
	err = relay->budget ? vnp_program_set_budget(prog, relay->budget) : 0;
	err = err ?: vnp_object_load(obj, NULL);
	if (err) {
		sample_complain(&relay->sample, "load the program", err);
		return NULL;
	}
	members->ops = relay->ops;
	members->max = relay->max;
	members->peers = vnp_object_find_map(obj, "receivers");
	members->streams = vnp_object_find_map(obj, "streams");
	members->keys = vnp_object_find_map(obj, "keys");
	members->state = sample_variables(&relay->sample, obj);
	if (!members->state || (relay->prepare && relay->prepare(members)))
		return NULL;
	return prog;
}

int relay_open(const struct relay_sample *relay, int port, struct members *members,
	       struct vnp_link **link)
{
	int sock = open_port(relay, port), err;
	struct vnp_program *prog;

	if (sock < 0)
		return sock;
	prog = load(relay, members);
	if (!prog)
		return -EINVAL;
	err = vnp_link_attach(prog, sock, NULL, link);
	if (err)
		return sample_complain(&relay->sample, "link the program to the port", err);
	printf("UDP port %d is relayed\n", port);
	fflush(stdout);
	return 0;
}

void relay_close(const struct relay_sample *relay, struct members *members,
		 struct vnp_link *link)
{
	struct vnp_link_info info = { .size = sizeof(info) };

	vnp_link_detach(link);
	members_end(members, stdout);
	if (vnp_link_get_info(link, &info))
		return;
	printf("%llu datagrams (%llu bytes) received: ", info.packets, info.bytes);
	relay->report(members, &info);
	printf("%llu sent to %llu receivers, %llu not sent or not delivered\n", members->sent,
	       members->joins, members->failed);
}

int relay_serve(const struct relay_sample *relay, int port, const char *path)
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
		return sample_complain(&relay->sample, "open the control socket", control);
	err = relay_open(relay, port, &members, &link);
	if (!err) {
		err = control_serve(control, signalfd(-1, &signals, SFD_CLOEXEC), &members);
		relay_close(relay, &members, link);
	}
	unlink(path);
	return err;
}

int relay_ask(const struct relay_sample *relay, const char *path, char **words)
{
	int err = control_ask(path, words);

	if (err < 0)
		sample_complain(&relay->sample, "ask the relay", err);
	return err ? 1 : 0;
}
