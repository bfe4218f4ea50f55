// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * This process becomes the server.  Another one, which is not its child, so that the server need
 * not wait for it, links the socket when the server listens, and ends.
 */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_US		1000	/* microseconds between attempts to find the socket */
#define ATTEMPTS	60000

static void ignore(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

/*
 * Its sockets at the port, once there are some.  Return: 0, or a negative errno, if it has ended, or
 * there are none after a minute or more
 */
static int find_sockets(pid_t server, int port, struct vnp_socket **socks, size_t *cnt)
{
	struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = ignore };
	int attempts = 0, err;
	char spec[16];

	snprintf(spec, sizeof(spec), "tcp:%d", port);
	for (;;) {
		err = vnp_socket_find(server, spec, &quiet, socks, cnt);
		/* EPERM: before PR_SET_PTRACER, and while it executes another file */
		if ((err != -ENOENT && err != -EPERM) || ++attempts == ATTEMPTS)
			return err;
		if (kill(server, 0) && errno == ESRCH)
			return -ESRCH;
		usleep(POLL_US);
	}
}

/* Listening sockets come first. */
static int link_sockets(const struct sample_server *server, pid_t pid)
{
	struct vnp_socket *socks;
	size_t cnt, i;
	int err;

	err = find_sockets(pid, server->port, &socks, &cnt);
	if (err)
		return sample_complain(server->sample, "find the server's socket", err);
	for (i = 0; i < cnt && !err; i++) {
		err = vnp_link_attach_object(server->object, socks[i].fd, &server->opts, NULL);
		/* The connection has ended. */
		if (err == -ENOTCONN)
			err = 0;
	}
	if (!err && server->linked)
		err = server->linked(server, pid, socks);
	vnp_socket_free(socks, cnt);
	return err;
}

/* Return: the process that links, which waits for the server; or negative */
static pid_t start_linking(const struct sample_server *server)
{
	const pid_t self = getpid();
	pid_t pid = -1, between;
	int ends[2];

	if (pipe(ends))
		return -errno;
	between = fork();
	if (!between) {
		pid = fork();
		if (pid)
			_exit(0);
		pid = getpid();
		if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		close(ends[0]);
		close(ends[1]);
		_exit(link_sockets(server, self) ? 1 : 0);
	}
	close(ends[1]);
	if (between < 0 || read(ends[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -1;
	close(ends[0]);
	waitpid(between, NULL, 0);
	return pid;
}

int sample_serve(const struct sample_server *server)
{
	const pid_t pid = start_linking(server);

	vnp_object_close(server->object);
	if (pid < 0)
		return sample_complain(server->sample, "start another process", -EAGAIN);
	/* It may take the server's sockets, whatever kernel.yama.ptrace_scope says. */
	prctl(PR_SET_PTRACER, pid);
	execvp(server->argv[0], server->argv);
	return sample_complain(server->sample, "start the server", -errno);
}

int sample_serve_main(const struct sample *sample, const char *usage, int argc, char **argv)
{
	struct sample_server server = {
		.sample = sample,
		.opts = {
			.sz = sizeof(server.opts),
			.flags = VNP_LINK_F_FAULT_PASS | VNP_LINK_F_STREAM_PASS,
			.eof = VNP_EOF_DROP,
		},
		.port = argc < 3 ? 0 : sample_port(argv[1]),
		.argv = argv + 2,
	};

	if (!server.port) {
		fputs(usage, stderr);
		return 2;
	}
	if (!sample_load(sample, &server.object))
		sample_serve(&server);
	return 1;
}
