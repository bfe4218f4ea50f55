/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* For samples that start a server which knows nothing of VNP */
#ifndef _VNP_SAMPLE_SERVE_H
#define _VNP_SAMPLE_SERVE_H

#include <sys/types.h>
#include "common.h"

/**
 * struct sample_server - a server, and what is linked to its socket
 * @sample:	the sample
 * @object:	its programs, loaded
 * @opts:	of the links
 * @port:	the TCP port
 * @argv:	the server's command
 * @linked:	called in another process once a socket is linked; @pid: the server, @listener:
 *		its socket.  It calls sample_link_more() when the server listens at all addresses.
 *		NULL: nothing.  Return: 0 or a negative errno
 */
struct sample_server {
	const struct sample *sample;
	struct vnp_object *object;
	struct vnp_link_opts opts;
	int port;
	char **argv;
	int (*linked)(const struct sample_server *server, pid_t pid,
		      const struct vnp_socket *listener);
};

/*
 * sample_serve() - become this server.  Returns only if that fails: a negative errno, after a
 * complaint
 */
int sample_serve(const struct sample_server *server);

/*
 * sample_link_more() - if the server also listens with a socket that has no link, link this, and its
 * connections.  Return: 0 or a negative errno
 */
int sample_link_more(const struct sample_server *server, pid_t pid);

/* sample_link_info() - of the link with this id.  Return: 0, -ENOENT: it has ended, or errno */
int sample_link_info(__u32 id, struct vnp_link_info *info);

/* sample_link_of() - of the socket's link.  Return: 0, -ENOENT: it has none, or errno */
int sample_link_of(int sock, struct vnp_link_info *info);

/**
 * sample_serve_main() - main(): become a server, with the sample's program on the TCP sockets that
 * listen at a port, and so on each connection that they accept.  These are all that it has about ten
 * seconds after the first.  Bytes that are not a message are passed, and an incomplete message at
 * the end of the stream is dropped
 * @sample:	the sample
 * @usage:	of the sample
 * @argc:	of main()
 * @argv:	of main(): PORT, and the server's command
 *
 * Return: exit status, after a complaint; it only returns if that fails.
 */
int sample_serve_main(const struct sample *sample, const char *usage, int argc, char **argv);

#endif /* _VNP_SAMPLE_SERVE_H */
