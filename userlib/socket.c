// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Sockets of running processes.  /proc/PID/net/{udp,tcp}{,6} lists the sockets of the
 * process's network namespace that are bound to a port, /proc/PID/fd those that the process
 * has open, and pidfd_getfd(2) duplicates each of these.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* What is looked for */
struct wanted {
	bool tcp;
	__u32 port;
};

/* A growing list; its sockets belong to the caller */
struct socket_list {
	struct vnp_socket *socks;
	size_t cnt;
};

/* @fd: -1: any that are sockets */
static int take_failed(const struct vnp_printer *print, pid_t pid, int fd, int err)
{
	if (err == -ESRCH)
		vnp_error(print, "There is no process %d.", pid);
	else if (err == -EBADF)
		vnp_error(print, "Process %d has no descriptor %d.", pid, fd);
	else if (err == -EPERM)
		vnp_error(print, "You may not take sockets of process %d: this requires the right to trace it. Become its user, or root; if it is your own process, kernel.yama.ptrace_scope forbids it (0 allows).",
			  pid);
	else if (err == -ENOSYS)
		vnp_error(print, "This kernel has no pidfd_getfd(2), which requires Linux 5.6.");
	else if (err == -EMFILE)
		vnp_error(print, "This process may not open as many files as there are sockets: raise its limit (ulimit -n).");
	else if (fd < 0)
		vnp_error(print, "Cannot take the sockets of process %d: %s.", pid, strerror(-err));
	else
		vnp_error(print, "Cannot take descriptor %d of process %d: %s.", fd, pid,
			  strerror(-err));
	return err;
}

static int pidfd_get(pid_t pid, int fd)
{
	int pidfd, ret;

	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	ret = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (ret < 0)
		ret = -errno;
	close(pidfd);
	return ret;
}

VNP_API int vnp_socket_take(pid_t pid, int fd, const struct vnp_open_opts *opts)
{
	struct vnp_printer print;
	int ret;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	ret = pidfd_get(pid, fd);
	return ret < 0 ? take_failed(&print, pid, fd, ret) : ret;
}

static int spec_parse(const char *spec, const struct vnp_printer *print,
		      struct wanted *wanted)
{
	unsigned int val;
	char proto[4];
	int end = 0;

	if (sscanf(spec, "%3[a-z]:%5u%n", proto, &val, &end) == 2 && !spec[end] && val &&
	    val <= 0xffff && (!strcmp(proto, "udp") || !strcmp(proto, "tcp"))) {
		wanted->tcp = *proto == 't';
		wanted->port = val;
		return 0;
	}
	vnp_error(print, "\"%s\" is not a socket: write udp:PORT, such as udp:53, or tcp:PORT.",
		  spec);
	return -EINVAL;
}

static void address_text(int family, const char *hex, char *text, size_t len)
{
	unsigned int words[4] = {};

	/* each word is printed in host byte order */
	if (family == AF_INET)
		sscanf(hex, "%8x", &words[0]);
	else
		sscanf(hex, "%8x%8x%8x%8x", &words[0], &words[1], &words[2], &words[3]);
	inet_ntop(family, words, text, len);
}

static int list_add(struct socket_list *list, const struct vnp_socket *sock)
{
	struct vnp_socket *socks;

	socks = realloc(list->socks, (list->cnt + 1) * sizeof(*socks));
	if (!socks)
		return -ENOMEM;
	list->socks = socks;
	socks[list->cnt++] = *sock;
	return 0;
}

/* Can a TCP socket in this state be linked? Its data can arrive or be there, or it listens */
static bool is_used(unsigned int state)
{
	return 1U << state & (1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 |
			      1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT |
			      1U << TCP_LAST_ACK | 1U << TCP_CLOSING | 1U << TCP_LISTEN);
}

/*
 * A line of /proc/PID/net/{udp,tcp}:
 * "sl: ADDR:PORT ADDR:PORT st tx:rx tr:when retrnsmt uid timeout inode ..."
 */
static int bound_line(const char *line, int family, const struct wanted *wanted,
		      struct socket_list *list)
{
	struct vnp_socket sock = { .fd = -1, .family = family };
	char local[33], remote[33];
	unsigned int state;

	if (sscanf(line, " %*u: %32[0-9A-F]:%x %32[0-9A-F]:%x %x %*s %*s %*s %*u %*u %lu",
		   local, &sock.port, remote, &sock.remote_port, &state, &sock.inode) != 6 ||
	    sock.port != wanted->port || (wanted->tcp && !is_used(state)))
		return 0;
	address_text(family, local, sock.address, sizeof(sock.address));
	if (sock.remote_port)
		address_text(family, remote, sock.remote_address,
			     sizeof(sock.remote_address));
	return list_add(list, &sock);
}

static int bound_read(pid_t pid, int family, const struct wanted *wanted,
		      struct socket_list *list)
{
	char path[64], line[512];
	int err = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s%s", pid, wanted->tcp ? "tcp" : "udp",
		 family == AF_INET ? "" : "6");
	file = fopen(path, "re");
	if (!file)	/* a kernel without IPv6 has no udp6 */
		return errno == ENOENT && family == AF_INET6 ? 0 : -errno;
	while (!err && fgets(line, sizeof(line), file))
		err = bound_line(line, family, wanted, list);
	fclose(file);
	return err;
}

/* A descriptor of @pid refers to @inode: if it is in the list, duplicate it */
static int inode_take(pid_t pid, int fd, unsigned long inode, struct socket_list *list)
{
	struct stat st;
	size_t i;
	int ret;

	for (i = 0; i < list->cnt; i++) {
		struct vnp_socket *sock = &list->socks[i];

		if (sock->inode != inode || sock->fd >= 0)
			continue;
		ret = pidfd_get(pid, fd);
		if (ret == -EBADF)
			continue;
		if (ret < 0)
			return ret;
		/* closed in the meantime, and its number reused */
		if (fstat(ret, &st) || st.st_ino != inode) {
			close(ret);
			continue;
		}
		sock->fd = ret;
	}
	return 0;
}

static int held_take(pid_t pid, struct socket_list *list)
{
	char path[64], target[64];
	unsigned long inode;
	struct dirent *entry;
	ssize_t len;
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		if (sscanf(target, "socket:[%lu]", &inode) == 1)
			err = inode_take(pid, atoi(entry->d_name), inode, list);
	}
	closedir(dir);
	return err;
}

/* Remove sockets that other processes have */
static void list_compact(struct socket_list *list)
{
	size_t i, kept = 0;

	for (i = 0; i < list->cnt; i++)
		if (list->socks[i].fd >= 0)
			list->socks[kept++] = list->socks[i];
	list->cnt = kept;
}

/* Listening sockets first: what they accept from then on need not be found. */
static int list_compare(const void *a, const void *b)
{
	const struct vnp_socket *x = a, *y = b;

	return !!x->remote_port - !!y->remote_port;
}

static int find_none(const struct vnp_printer *print, pid_t pid, const struct wanted *wanted,
		     bool elsewhere)
{
	if (wanted->tcp)
		vnp_error(print, "Process %d has no TCP socket on port %u%s.", pid,
			  wanted->port,
			  elsewhere ? "; another process in its network namespace has one (see ss -tlnp, ss -tnp)" : "");
	else
		vnp_error(print, "Process %d has no UDP socket on port %u%s.", pid,
			  wanted->port,
			  elsewhere ? "; another process in its network namespace has one (see ss -lunp)" : "");
	return -ENOENT;
}

VNP_API int vnp_socket_find(pid_t pid, const char *spec,
			    const struct vnp_open_opts *opts,
			    struct vnp_socket **socks, size_t *cnt)
{
	struct socket_list list = {};
	struct vnp_printer print;
	struct wanted wanted;
	bool bound;
	int err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	err = spec_parse(spec, &print, &wanted);
	if (err)
		return err;

	err = bound_read(pid, AF_INET, &wanted, &list);
	if (!err)
		err = bound_read(pid, AF_INET6, &wanted, &list);
	bound = list.cnt;
	if (!err)
		err = held_take(pid, &list);
	list_compact(&list);
	if (err == -ENOENT)	/* the process's directory in /proc does not exist */
		err = -ESRCH;
	else if (err == -EACCES)
		err = -EPERM;
	if (err)
		err = take_failed(&print, pid, -1, err);
	else if (!list.cnt)
		err = find_none(&print, pid, &wanted, bound);
	if (err) {
		vnp_socket_free(list.socks, list.cnt);
		return err;
	}
	qsort(list.socks, list.cnt, sizeof(*list.socks), list_compare);
	*socks = list.socks;
	*cnt = list.cnt;
	return 0;
}

VNP_API void vnp_socket_free(struct vnp_socket *socks, size_t cnt)
{
	size_t i;

	for (i = 0; i < cnt; i++)
		close(socks[i].fd);
	free(socks);
}
