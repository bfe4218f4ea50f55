// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "common.h"

#include <ctype.h>
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

int sample_number(const char *text, int max)
{
	char *end;
	long val;

	if (!isdigit((unsigned char)*text))
		return 0;
	errno = 0;
	val = strtol(text, &end, 10);
	return errno || *end || val > max ? 0 : val;
}

int sample_port(const char *text)
{
	return sample_number(text, 65535);
}

int sample_hex(const char *hex, void *to, size_t len)
{
	__u8 *bytes = to;
	size_t i;

	if (strlen(hex) != 2 * len || strspn(hex, "0123456789abcdefABCDEF") != 2 * len)
		return -EINVAL;
	for (i = 0; i < len; i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
	return 0;
}

int sample_socket(const struct sample *sample, int rcvbuf)
{
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return sample_complain(sample, "open a socket", -errno);
	if (rcvbuf)
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	return sock;
}

int sample_bind(const struct sample *sample, int sock, int port)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	const int off = 0;

	if (!setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return 0;
	return sample_complain(sample, "open the port", -errno);
}

int sample_open_port(const struct sample *sample, int port, int rcvbuf)
{
	int sock = sample_socket(sample, rcvbuf), err;

	if (sock < 0)
		return sock;
	err = sample_bind(sample, sock, port);
	if (!err)
		return sock;
	close(sock);
	return err;
}

volatile sig_atomic_t sample_ended;

static int ended_sock;

/* A call of recv() that has not begun yet does not wait, either. */
static void on_end(int sig)
{
	(void)sig;
	sample_ended = 1;
	shutdown(ended_sock, SHUT_RD);
}

void sample_end_by_signal(int sock)
{
	const struct sigaction action = { .sa_handler = on_end };

	ended_sock = sock;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
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

int sample_link_all(const struct sample *sample, const struct vnp_program *prog,
		    const struct vnp_socket *socks, size_t cnt, const struct vnp_link_opts *opts,
		    const char *verb)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	struct vnp_link *links[cnt];
	size_t n, i;
	int err = 0;

	for (n = 0; n < cnt; n++) {
		err = vnp_link_attach(prog, socks[n].fd, opts, &links[n]);
		if (err)
			break;
	}
	if (err)
		sample_complain(sample, "link the program to the port", err);
	for (i = 0; i < n; i++) {
		if (err)
			vnp_link_detach(links[i]);
		else if (!vnp_link_get_info(links[i], &info))
			printf("link %u %s %s, UDP port %u\n", info.id, verb, socks[i].address,
			       socks[i].port);
		/* Frees only the handle; the link exists as long as the socket. */
		vnp_link_close(links[i]);
	}
	return err;
}
