// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * This process becomes the server.  Another one, which is not its child, so that the server need
 * not wait for it, links its sockets when the server listens, and ends.
 */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_US		1000	/* microseconds between attempts to find the socket */
#define ATTEMPTS	60000
#define WATCH_US	10000000	/* for how long to look for more sockets, about */

static void ignore(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

int sample_link_info(__u32 id, struct vnp_link_info *info)
{
	const struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = ignore };
	struct vnp_link *link;
	int err = vnp_link_open(id, &quiet, &link);

	*info = (struct vnp_link_info){ .size = sizeof(*info) };
	if (err)
		return err;
	err = vnp_link_get_info(link, info);
	vnp_link_close(link);
	return err;
}

int sample_link_of(int sock, struct vnp_link_info *info)
{
	socklen_t len = sizeof(__u64);
	__u64 cookie;
	__u32 id = 0;

	if (getsockopt(sock, SOL_SOCKET, SO_COOKIE, &cookie, &len))
		return -errno;
	while (!vnp_id_next(VNP_OBJ_LINK, &id))
		if (!sample_link_info(id, info) && info->sock_cookie == cookie)
			return 0;
	return -ENOENT;
}

static int find_sockets(const struct sample_server *server, pid_t pid, struct vnp_socket **socks,
			size_t *cnt)
{
	const struct vnp_open_opts quiet = { .sz = sizeof(quiet), .print = ignore };
	char spec[16];

	snprintf(spec, sizeof(spec), "tcp:%d", server->port);
	return vnp_socket_find(pid, spec, &quiet, socks, cnt);
}

/*
 * Its sockets at the port, once there are some.  Return: 0, or a negative errno, if it has ended, or
 * there are none after a minute or more
 */
static int await_sockets(const struct sample_server *server, pid_t pid, struct vnp_socket **socks,
			 size_t *cnt)
{
	int attempts = 0, err;

	for (;;) {
		err = find_sockets(server, pid, socks, cnt);
		/* EPERM: before PR_SET_PTRACER, and while it executes another file */
		if ((err != -ENOENT && err != -EPERM) || ++attempts == ATTEMPTS)
			return err;
		if (kill(pid, 0) && errno == ESRCH)
			return -ESRCH;
		usleep(POLL_US);
	}
}

/* Listening sockets come first.  A connection may have ended since it was found. */
static int link_sockets(const struct sample_server *server, const struct vnp_socket *socks, size_t cnt)
{
	struct vnp_link_info info;
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		if (!sample_link_of(socks[i].fd, &info))
			continue;
		err = vnp_link_attach_object(server->object, socks[i].fd, &server->opts, NULL);
		if (err == -ENOTCONN && socks[i].remote_port)
			err = 0;
	}
	return err;
}

int sample_link_more(const struct sample_server *server, pid_t pid)
{
	struct vnp_link_info info;
	struct vnp_socket *socks;
	size_t cnt, i;
	int err;

	err = find_sockets(server, pid, &socks, &cnt);
	if (err)
		return err;
	for (i = 0; i < cnt && !socks[i].remote_port; i++)
		if (sample_link_of(socks[i].fd, &info))
			break;
	if (i < cnt && !socks[i].remote_port)
		err = link_sockets(server, socks, cnt);
	vnp_socket_free(socks, cnt);
	return err;
}

/*
 * A server that listens at several addresses, such as those of IPv4 and IPv6, may have been found
 * when it listened at the first, or at the last, as the kernel's lists are read one after another.
 */
static void watch(const struct sample_server *server, pid_t pid)
{
	for (unsigned int us = POLL_US; us < WATCH_US; us *= 2) {
		usleep(us);
		if (sample_link_more(server, pid))
			break;
	}
}

static int link_server(const struct sample_server *server, pid_t pid)
{
	struct vnp_socket *socks;
	size_t cnt;
	int err;

	err = await_sockets(server, pid, &socks, &cnt);
	if (err)
		return sample_complain(server->sample, "find the server's socket", err);
	err = link_sockets(server, socks, cnt);
	if (!err && server->linked)
		err = server->linked(server, pid, socks);
	vnp_socket_free(socks, cnt);
	/* Without the sockets: they would keep the port in use after the server has ended. */
	if (!err && !server->linked)
		watch(server, pid);
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
		_exit(link_server(server, self) ? 1 : 0);
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
