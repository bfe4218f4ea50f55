// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * accept() and accept4() of a server link the connection before they return it: what has
 * arrived by then goes through the program, too, and the server cannot have read it.  A
 * connection that cannot be linked is closed.
 */
#define _GNU_SOURCE
#include "accept.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/vnp.h>

#define PUBLIC __attribute__((visibility("default")))

/* As in the environment; @port 0: nothing is linked */
static struct {
	int dev;
	int prog;
	__u32 flags;
	__u32 eof;
	unsigned int port;
} config;

static void __attribute__((constructor)) configure(void)
{
	const char *text = getenv(ACCEPT_VARIABLE);

	if (!text || sscanf(text, ACCEPT_FORMAT, &config.dev, &config.prog, &config.flags,
			    &config.eof, &config.port) != 5) {
		config.port = 0;
		return;
	}
	/* Not for what the server starts */
	unsetenv(ACCEPT_VARIABLE);
	fcntl(config.dev, F_SETFD, FD_CLOEXEC);
	fcntl(config.prog, F_SETFD, FD_CLOEXEC);
}

static unsigned int local_port(int sock)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(sock, (struct sockaddr *)&addr, &len))
		return 0;
	switch (addr.ss_family) {
	case AF_INET:
		return ntohs(((struct sockaddr_in *)&addr)->sin_port);
	case AF_INET6:
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	default:
		return 0;
	}
}

/* The link stays with the socket, without its descriptor. */
static bool connection_link(int sock)
{
	static bool warned;
	struct vnp_link_create create = {
		.size = sizeof(create),
		.flags = config.flags,
		.prog_fd = config.prog,
		.sock_fd = sock,
		.eof = config.eof,
	};
	int link = ioctl(config.dev, VNP_LINK_CREATE, &create);

	if (link >= 0) {
		close(link);
		return true;
	}
	/* ENOTCONN: the peer has ended it already. */
	if (errno != ENOTCONN && !warned) {
		fprintf(stderr, "accept.so: cannot link a connection: %s\n", strerror(errno));
		warned = true;
	}
	return false;
}

static int accepted(int sock)
{
	if (sock < 0 || !config.port || local_port(sock) != config.port ||
	    connection_link(sock))
		return sock;
	close(sock);
	errno = ECONNABORTED;
	return -1;
}

PUBLIC int accept(int listener, struct sockaddr *addr, socklen_t *len)
{
	static int (*next)(int listener, struct sockaddr *addr, socklen_t *len);

	if (!next)
		next = dlsym(RTLD_NEXT, "accept");
	return accepted(next(listener, addr, len));
}

PUBLIC int accept4(int listener, struct sockaddr *addr, socklen_t *len, int flags)
{
	static int (*next)(int listener, struct sockaddr *addr, socklen_t *len, int flags);

	if (!next)
		next = dlsym(RTLD_NEXT, "accept4");
	return accepted(next(listener, addr, len, flags));
}
