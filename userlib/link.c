// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Links: a program on a socket. */
#include <unistd.h>

#include "internal.h"

struct vnp_link {
	int fd;
	struct vnp_printer print;
};

static int link_new(int fd, const struct vnp_printer *print, struct vnp_link **to)
{
	struct vnp_link *link = malloc(sizeof(*link));

	if (!link)
		return -ENOMEM;
	*link = (struct vnp_link){ .fd = fd, .print = *print };
	*to = link;
	return 0;
}

static const char *type_mismatch(const struct vnp_program *prog)
{
	switch (prog->type) {
	case VNP_PROG_STREAM:
		return "it is not a TCP socket, the kernel has given its data to another protocol (MPTCP), or this module does not link TCP sockets";
	case VNP_PROG_MESSAGE:
		return "it must be the second program of a link, after one of type stream";
	default:
		return "it is not a UDP socket, or a multicast address is in a map of peers";
	}
}

static void attach_failed(const struct vnp_program *prog, int dev, int err)
{
	const char *why = strerror(-err);

	if (err == -EPERM && vnp_device_denied(dev, &prog->print))
		return;
	switch (err) {
	case -EBUSY:
		why = "it already has a link (vnpctl link list), or the kernel uses it, e.g. for a tunnel";
		break;
	case -EOPNOTSUPP:
		why = type_mismatch(prog);
		break;
	case -ENOTCONN:
		why = "it is neither connected nor listens";
		break;
	case -ENOTSOCK:
		why = "the descriptor is not a socket";
		break;
	case -EPERM:
		why = "its filter is locked (SO_LOCK_FILTER), or it may not send to a peer that is in a map of the program";
		break;
	case -EBADF:
		why = "the descriptor is closed";
		break;
	}
	vnp_error(&prog->print, "Program %s cannot be linked to the socket: %s.",
		  prog->name, why);
}

VNP_API int vnp_link_attach(const struct vnp_program *prog, int sock_fd,
			    const struct vnp_link_opts *opts, struct vnp_link **link)
{
	const struct vnp_program *message = OPTS_GET(opts, message);
	struct vnp_link_create create = {
		.size = sizeof(create),
		.flags = OPTS_GET(opts, flags) | (message ? VNP_LINK_F_MESSAGE : 0),
		.prog_fd = prog->fd,
		.sock_fd = sock_fd,
		.hold_bytes = OPTS_GET(opts, hold_bytes),
		.hold_messages = OPTS_GET(opts, hold_messages),
		.hold_age_ms = OPTS_GET(opts, hold_age_ms),
		.hold_mark = OPTS_GET(opts, hold_mark),
		.message_fd = message ? message->fd : 0,
		.eof = OPTS_GET(opts, eof),
		.reply_bytes = OPTS_GET(opts, reply_bytes),
	};
	struct vnp_link_detach detach = { .size = sizeof(detach) };
	int dev, fd, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	if (prog->fd < 0 || (message && message->fd < 0))
		return -ENOENT;

	dev = vnp_device_open(&prog->print);
	if (dev < 0)
		return dev;
	fd = vnp_ioctl(dev, VNP_LINK_CREATE, &create);
	if (fd < 0)
		attach_failed(prog, dev, fd);
	close(dev);
	if (fd < 0)
		return fd;

	if (!link) {
		close(fd);
		return 0;
	}
	err = link_new(fd, &prog->print, link);
	if (err) {
		vnp_ioctl(fd, VNP_LINK_DETACH, &detach);
		close(fd);
	}
	return err;
}

/* The program to be linked, and the one for its messages.  Return: false: there are others */
static bool object_programs(const struct vnp_object *obj, const struct vnp_program **main,
			    const struct vnp_program **message)
{
	const struct vnp_program *prog, **to;

	*main = NULL;
	*message = NULL;
	for (prog = obj->programs; prog; prog = prog->next) {
		if (!prog->autoload)
			continue;
		to = prog->type == VNP_PROG_MESSAGE ? message : main;
		if (*to)
			return false;
		*to = prog;
	}
	return *main && (!*message || (*main)->type == VNP_PROG_STREAM);
}

VNP_API int vnp_link_attach_object(const struct vnp_object *obj, int sock_fd,
				   const struct vnp_link_opts *opts, struct vnp_link **link)
{
	struct vnp_link_opts both = {};
	const struct vnp_program *main;

	if (!OPTS_VALID(opts) || OPTS_GET(opts, message))
		return -EINVAL;
	if (opts)
		memcpy(&both, opts, opts->sz < sizeof(both) ? opts->sz : sizeof(both));
	both.sz = sizeof(both);
	if (!object_programs(obj, &main, &both.message)) {
		vnp_error(&obj->print, "Object %s must have one program to be linked, or one of type stream and one of type message.",
			  obj->name);
		return -EINVAL;
	}
	return vnp_link_attach(main, sock_fd, &both, link);
}

VNP_API int vnp_link_open(__u32 id, const struct vnp_open_opts *opts,
			  struct vnp_link **link)
{
	struct vnp_printer print;
	int fd, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	fd = vnp_id_open(VNP_OBJ_LINK, id, &print);
	if (fd < 0)
		return fd;
	err = link_new(fd, &print, link);
	if (err)
		close(fd);
	return err;
}

VNP_API void vnp_link_close(struct vnp_link *link)
{
	if (!link)
		return;
	close(link->fd);
	free(link);
}

VNP_API int vnp_link_fd(const struct vnp_link *link)
{
	return link->fd;
}

VNP_API int vnp_link_get_info(const struct vnp_link *link,
			      struct vnp_link_info *info)
{
	return vnp_ioctl(link->fd, VNP_LINK_INFO, info);
}

VNP_API int vnp_link_update(struct vnp_link *link, const struct vnp_program *prog,
			    const struct vnp_program *old)
{
	struct vnp_link_update update = {
		.size = sizeof(update),
		.prog_fd = prog->fd,
		.old_prog_fd = old ? old->fd : -1,
	};
	int err;

	if (prog->fd < 0 || (old && old->fd < 0))
		return -ENOENT;
	err = vnp_ioctl(link->fd, VNP_LINK_UPDATE, &update);
	if (err == -ENOLINK)
		vnp_error(&link->print, "The link is detached, or its socket is closed.");
	else if (err == -EEXIST)
		vnp_error(&link->print, "The link has another program than %s.", old->name);
	else if (err)
		vnp_error(&link->print, "The link's program cannot be replaced: %s.",
			  strerror(-err));
	return err;
}

VNP_API int vnp_link_detach(struct vnp_link *link)
{
	struct vnp_link_detach detach = { .size = sizeof(detach) };
	int err = vnp_ioctl(link->fd, VNP_LINK_DETACH, &detach);

	if (err == -ENOLINK)
		vnp_error(&link->print, "The link is detached already, or its socket is closed.");
	else if (err)
		vnp_error(&link->print, "The link cannot be detached: %s.", strerror(-err));
	return err;
}
