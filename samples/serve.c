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

static int link_sockets(const struct sample *sample, const struct vnp_object *obj, pid_t server,
			int port)
{
	const struct vnp_link_opts opts = {
		.sz = sizeof(opts),
		.flags = VNP_LINK_F_FAULT_PASS | VNP_LINK_F_STREAM_PASS,
		.eof = VNP_EOF_DROP,
	};
	struct vnp_socket *socks;
	size_t cnt, i;
	int err;

	err = find_sockets(server, port, &socks, &cnt);
	if (err)
		return sample_complain(sample, "find the server's socket", err);
	for (i = 0; i < cnt && !err; i++)
		err = vnp_link_attach_object(obj, socks[i].fd, &opts, NULL);
	vnp_socket_free(socks, cnt);
	return err;
}

/* Return: the process that links, which waits for the server; or negative */
static pid_t start_linking(const struct sample *sample, const struct vnp_object *obj, int port)
{
	const pid_t server = getpid();
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
		_exit(link_sockets(sample, obj, server, port) ? 1 : 0);
	}
	close(ends[1]);
	if (between < 0 || read(ends[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -1;
	close(ends[0]);
	waitpid(between, NULL, 0);
	return pid;
}

static int serve(const struct sample *sample, int port, char **argv)
{
	struct vnp_object *obj;
	pid_t pid;
	int err = sample_load(sample, &obj);

	if (err)
		return err;
	pid = start_linking(sample, obj, port);
	vnp_object_close(obj);
	if (pid < 0)
		return sample_complain(sample, "start another process", -EAGAIN);
	/* It may take the server's sockets, whatever kernel.yama.ptrace_scope says. */
	prctl(PR_SET_PTRACER, pid);
	execvp(argv[0], argv);
	return sample_complain(sample, "start the server", -errno);
}

int sample_serve_main(const struct sample *sample, const char *usage, int argc, char **argv)
{
	const int port = argc < 3 ? 0 : sample_port(argv[1]);

	if (!port) {
		fputs(usage, stderr);
		return 2;
	}
	serve(sample, port, argv + 2);
	return 1;
}
