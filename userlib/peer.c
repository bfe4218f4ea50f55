// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Peers as people write them: 192.0.2.1:5004, [2001:db8::1]:5004, host.example:5004. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "internal.h"

/**
 * struct host_port - "HOST:PORT" in its two components
 * @host:	a name or an address, without brackets
 * @port:	host byte order
 */
struct host_port {
	char host[256];
	__u16 port;
};

static bool port_parse(const char *text, __u16 *port)
{
	unsigned int val;
	int end = 0;

	if (sscanf(text, "%5u%n", &val, &end) != 1 || *text < '0' || *text > '9' ||
	    text[end] || !val || val > 0xffff)
		return false;
	*port = val;
	return true;
}

/* An address that has colons itself must be in brackets. */
static bool host_port_split(const char *text, struct host_port *to)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? colon - text : 0;

	if (!len || !port_parse(colon + 1, &to->port))
		return false;
	if (*text == '[') {
		if (len < 3 || text[len - 1] != ']')
			return false;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	if (len >= sizeof(to->host))
		return false;
	memcpy(to->host, text, len);
	to->host[len] = 0;
	return true;
}

static void peer_from_addr(struct vnp_peer *peer, const struct sockaddr *addr, __u16 port)
{
	memset(peer, 0, sizeof(*peer));
	peer->family = addr->sa_family;
	peer->port = port;
	if (addr->sa_family == AF_INET) {
		const struct sockaddr_in *ip4 = (const void *)addr;

		peer->ip4 = ip4->sin_addr.s_addr;
	} else {
		const struct sockaddr_in6 *ip6 = (const void *)addr;

		memcpy(peer->ip6, &ip6->sin6_addr, sizeof(peer->ip6));
		peer->scope_id = ip6->sin6_scope_id;
	}
}

static int resolve_failed(const struct vnp_printer *print, const char *host, int code)
{
	const int err = code == EAI_SYSTEM ? -errno : code == EAI_MEMORY ? -ENOMEM :
			code == EAI_AGAIN ? -EAGAIN : -ENOENT;

	vnp_error(print, "There is no address for \"%s\": %s.", host,
		  code == EAI_SYSTEM ? strerror(-err) : gai_strerror(code));
	return err;
}

static int resolve(const struct host_port *from, const struct vnp_printer *print,
		   struct vnp_peer *peer)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	const struct addrinfo *at;
	struct addrinfo *list;
	int code;

	code = getaddrinfo(from->host, NULL, &hints, &list);
	if (code)
		return resolve_failed(print, from->host, code);
	at = list;
	while (at && at->ai_family != AF_INET && at->ai_family != AF_INET6)
		at = at->ai_next;
	if (at)
		peer_from_addr(peer, at->ai_addr, from->port);
	freeaddrinfo(list);
	return at ? 0 : resolve_failed(print, from->host, EAI_NONAME);
}

VNP_API int vnp_peer_parse(const char *text, const struct vnp_open_opts *opts,
			   struct vnp_peer *peer)
{
	struct vnp_printer print;
	struct host_port from;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	if (host_port_split(text, &from))
		return resolve(&from, &print, peer);
	vnp_error(&print, "\"%s\" is not a peer: write HOST:PORT, such as 192.0.2.1:5004 or [2001:db8::1]:5004.",
		  text);
	return -EINVAL;
}

/* "%eth0", or "%7" if the interface does not exist here */
static void scope_text(__u32 scope_id, char text[IF_NAMESIZE + 1])
{
	text[0] = 0;
	if (!scope_id)
		return;
	text[0] = '%';
	if (!if_indextoname(scope_id, text + 1))
		snprintf(text + 1, IF_NAMESIZE, "%u", scope_id);
}

VNP_API const char *vnp_peer_print(const struct vnp_peer *peer,
				   char text[VNP_PEER_TEXT_LEN])
{
	char address[INET6_ADDRSTRLEN] = "", scope[IF_NAMESIZE + 1];

	if (peer->family == AF_INET) {
		inet_ntop(AF_INET, &peer->ip4, address, sizeof(address));
		snprintf(text, VNP_PEER_TEXT_LEN, "%s:%u", address, peer->port);
	} else {
		inet_ntop(AF_INET6, peer->ip6, address, sizeof(address));
		scope_text(peer->scope_id, scope);
		snprintf(text, VNP_PEER_TEXT_LEN, "[%s%s]:%u", address, scope, peer->port);
	}
	return text;
}
