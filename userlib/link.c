// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Links: a program on a socket. */
#include <netinet/in.h>
#include <sys/socket.h>
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

static bool socket_is(int fd, int type, int protocol)
{
	int is_type, is_protocol;
	socklen_t len = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &is_type, &len) && is_type == type &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &is_protocol, &len) &&
	       is_protocol == protocol;
}

static const char *type_mismatch(const struct vnp_program *prog,
				 const struct vnp_program *message, int sock_fd)
{
	if (message && message->type != VNP_PROG_MESSAGE)
		return "the second program of a link must be of type message";
	switch (prog->type) {
	case VNP_PROG_STREAM:
		if (socket_is(sock_fd, SOCK_STREAM, IPPROTO_TCP))
			return "a program that sends uses a map of peers without a UDP socket: add from udp:PORT (vnpctl link attach), or call vnp_map_set_socket() before the object is loaded";
		if (socket_is(sock_fd, SOCK_STREAM, IPPROTO_MPTCP))
			return "it is not a TCP socket, but one of MPTCP: the application must open it with IPPROTO_TCP";
		return "it is not a TCP socket, as a program of type stream needs";
	case VNP_PROG_MESSAGE:
		return "it must be the second program of a link, after one of type stream";
	default:
		if (socket_is(sock_fd, SOCK_DGRAM, IPPROTO_UDP))
			return "a multicast address, or 255.255.255.255, is in a map of peers: programs cannot send there";
		return "it is not a UDP socket, as a program of type datagram or packet needs";
	}
}

/* Errors of entries in maps of peers, and of what any link needs.  Return: NULL: none of these */
static const char *peers_refused(int err)
{
	switch (err) {
	case -EPERM:
		return "its filter is locked (SO_LOCK_FILTER), or it may not send to a peer that is in a map of the program";
	case -EACCES:
		return "a broadcast address is in a map of peers: set SO_BROADCAST on the socket first";
	case -EAFNOSUPPORT:
		return "an IPv6 address is in a map of peers, and it is an IPv4 socket";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "there is no route to a peer that is in a map of the program (IPV6_V6ONLY excludes IPv4)";
	case -ENOMEM:
		return "out of memory, or the memory cgroup's limit is reached";
	}
	return NULL;
}

static const char *option_invalid(const struct vnp_link_create *create)
{
	const __u32 late = VNP_LINK_F_HOLD_DELIVER | VNP_LINK_F_HOLD_EACH;

	if (create->hold_messages > VNP_HOLD_MESSAGES_MAX ||
	    create->hold_age_ms > VNP_HOLD_AGE_MS_MAX)
		return "a limit of held messages is out of range (VNP_HOLD_MESSAGES_MAX, VNP_HOLD_AGE_MS_MAX)";
	if (create->reply_bytes && (create->reply_bytes < VNP_SOCKET_QUEUE_MIN ||
				    create->reply_bytes > VNP_SOCKET_QUEUE_MAX))
		return "the queue for answers must have 4 KiB to 16 MiB";
	if ((create->flags & late) == late)
		return "messages that are too old cannot be delivered both whole and one by one";
	return "an option does not apply to this socket: merge and late are for UDP; unframed, forged, boundaries, answers, unsent and answered are for TCP";
}

static const char *attach_refused(const struct vnp_program *prog,
				  const struct vnp_program *message,
				  const struct vnp_link_create *create, int err)
{
	switch (err) {
	case -EBUSY:
		return create->reply_bytes ?
		       "it already has a link (vnpctl link list), the kernel uses it for something else, or it is in a map of sockets, with another policy or size of its queue than the link asks for" :
		       "it already has a link (vnpctl link list), or the kernel uses it, e.g. for a tunnel";
	case -EOPNOTSUPP:
		return type_mismatch(prog, message, create->sock_fd);
	case -EINVAL:
		return option_invalid(create);
	case -EDQUOT:
		return "your connections with a queue, or the bytes of these, have reached the module's limit (parameters sockets_user_max and sockets_user_bytes)";
	case -ENOTCONN:
		return "it is neither connected nor listens";
	case -ENOTSOCK:
		return "the descriptor is not a socket";
	case -EBADF:
		return "the descriptor is closed";
	case -E2BIG:
		return "the module is older than this library, and does not have one of the options";
	}
	return peers_refused(err) ?: strerror(-err);
}

/* NULL is what vnp_object_find_program() returns for a name that is misspelt. */
static int program_check(const struct vnp_program *prog)
{
	static const struct vnp_printer none;

	if (!prog) {
		vnp_error(&none, "There is no program to be linked: the object has none of this name.");
		return -ENOENT;
	}
	if (prog->fd >= 0)
		return 0;
	vnp_error(&prog->print, "Program %s is not in the kernel: call vnp_object_load() before, without VNP_LOAD_F_USER.",
		  prog->name);
	return -ENOENT;
}

VNP_API int vnp_link_attach(const struct vnp_program *prog, int sock_fd,
			    const struct vnp_link_opts *opts, struct vnp_link **link)
{
	const struct vnp_program *message = OPTS_GET(opts, message);
	struct vnp_link_create create = {
		.size = sizeof(create),
		.flags = OPTS_GET(opts, flags) | (message ? VNP_LINK_F_MESSAGE : 0),
		.sock_fd = sock_fd,
		.hold_bytes = OPTS_GET(opts, hold_bytes),
		.hold_messages = OPTS_GET(opts, hold_messages),
		.hold_age_ms = OPTS_GET(opts, hold_age_ms),
		.hold_mark = OPTS_GET(opts, hold_mark),
		.eof = OPTS_GET(opts, eof),
		.reply_bytes = OPTS_GET(opts, reply_bytes),
	};
	struct vnp_link_detach detach = { .size = sizeof(detach) };
	int dev, fd, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	err = program_check(prog) ?: (message ? program_check(message) : 0);
	if (err)
		return err;
	create.prog_fd = prog->fd;
	create.message_fd = message ? message->fd : 0;

	dev = vnp_device_open(&prog->print);
	if (dev < 0)
		return dev;
	fd = vnp_ioctl(dev, VNP_LINK_CREATE, &create);
	if (fd < 0 && !(fd == -EPERM && vnp_device_denied(dev, &prog->print)))
		vnp_error(&prog->print, "Program %s cannot be linked to the socket: %s.",
			  prog->name, attach_refused(prog, message, &create, fd));
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
		.old_prog_fd = old ? old->fd : -1,
	};
	int err = program_check(prog);

	if (err || (old && old->fd < 0))
		return -ENOENT;
	update.prog_fd = prog->fd;
	err = vnp_ioctl(link->fd, VNP_LINK_UPDATE, &update);
	if (err == -ENOLINK)
		vnp_error(&link->print, "The link is detached, or its socket is closed.");
	else if (err == -EEXIST)
		vnp_error(&link->print, "The link has another program than %s.", old->name);
	else if (err == -EOPNOTSUPP)
		vnp_error(&link->print, "The link's program cannot be replaced by %s: its type is not for this socket, or a map of peers has a multicast address, or no UDP socket.",
			  prog->name);
	else if (err)
		vnp_error(&link->print, "The link's program cannot be replaced by %s: %s.",
			  prog->name, peers_refused(err) ?: strerror(-err));
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
