// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int sample_complain(const struct sample *sample, const char *failed, int err)
{
	fprintf(stderr, "%s: cannot %s: %s\n", sample->name, failed, strerror(-err));
	return err;
}

int sample_port(const char *text)
{
	const int port = atoi(text);

	return port > 0 && port <= 65535 ? port : 0;
}

int sample_open_port(const struct sample *sample, int port, int rcvbuf)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	const int off = 0;
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (sock < 0)
		return sample_complain(sample, "open a socket", -errno);
	if (rcvbuf)
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (!setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return sock;
	err = -errno;
	close(sock);
	return sample_complain(sample, "open the port", err);
}

int sample_open(const struct sample *sample, struct vnp_object **obj)
{
	const struct vnp_open_opts open_opts = {
		.sz = sizeof(open_opts),
		.name = sample->name,
	};
	int err = vnp_object_open_mem(sample->object, sample->object_len, &open_opts, obj);

	return err ? sample_complain(sample, "read the program", err) : 0;
}

int sample_load(const struct sample *sample, struct vnp_object **obj)
{
	int err = sample_open(sample, obj);

	if (err)
		return err;
	err = vnp_object_load(*obj, NULL);
	if (!err)
		return 0;
	vnp_object_close(*obj);
	return sample_complain(sample, "load the program", err);
}

void *sample_variables(const struct sample *sample, const struct vnp_object *obj)
{
	size_t len;
	void *addr;
	int err = vnp_map_mmap(vnp_object_find_map(obj, ".bss"), true, &addr, &len);

	if (!err)
		return addr;
	sample_complain(sample, "share the program's variables", err);
	return NULL;
}

int sample_attach(const struct sample *sample, int sock, const struct vnp_link_opts *opts,
		  struct vnp_link **link)
{
	struct vnp_object *obj;
	int err = sample_load(sample, &obj);

	if (err)
		return err;
	err = vnp_link_attach(vnp_object_find_program(obj, sample->name), sock, opts, link);
	vnp_object_close(obj);
	return err ? sample_complain(sample, "link the program to the port", err) : 0;
}
