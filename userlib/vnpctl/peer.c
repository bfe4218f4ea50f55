// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Values of maps of peers, as text: 192.0.2.1:5004, [2001:db8::1]:5004. */
#include <arpa/inet.h>
#include <net/if.h>

#include "ctl.h"

static int peer_ip6(struct vnp_peer *peer, char *host)
{
	char *scope = strchr(host, '%');

	if (scope) {
		*scope++ = 0;
		peer->scope_id = if_nametoindex(scope);
		if (!peer->scope_id)
			return error("There is no interface \"%s\".", scope);
	}
	peer->family = AF_INET6;
	if (inet_pton(AF_INET6, host, peer->ip6) != 1)
		return error("\"%s\" is not an IPv6 address.", host);
	return 0;
}

static int peer_ip4(struct vnp_peer *peer, const char *host)
{
	peer->family = AF_INET;
	if (inet_pton(AF_INET, host, &peer->ip4) != 1)
		return error("\"%s\" is not an IPv4 address; one of IPv6 is put in brackets.",
			     host);
	return 0;
}

static int peer_number(const char *word, unsigned long max, const char *what,
		       unsigned long *val)
{
	char *end;

	*val = strtoul(word, &end, 0);
	if (end == word || *end || *word == '-' || *val > max)
		return error("\"%s\" is not a %s.", word, what);
	return 0;
}

static int peer_address(struct vnp_peer *peer, const char *word)
{
	const bool ip6 = *word == '[';
	const char *colon = strrchr(word, ':');
	char host[64];
	unsigned long port;
	size_t len;

	if (!colon || (ip6 && (colon == word || colon[-1] != ']')))
		return error("\"%s\" is not an address and port, like 192.0.2.1:5004 or [2001:db8::1]:5004.",
			     word);
	len = colon - word - (ip6 ? 2 : 0);
	if (len >= sizeof(host))
		return error("\"%s\" is too long for an address.", word);
	memcpy(host, word + ip6, len);
	host[len] = 0;
	if (peer_number(colon + 1, 65535, "port", &port))
		return -EINVAL;
	if (!port)
		return error("The port is 0.");
	peer->port = port;
	return ip6 ? peer_ip6(peer, host) : peer_ip4(peer, host);
}

int peer_parse(struct args *args, struct vnp_peer *peer)
{
	const char *word = args_want(args, "address");
	unsigned long val;

	memset(peer, 0, sizeof(*peer));
	if (!word || peer_address(peer, word))
		return -EINVAL;
	for (;;) {
		if (args_take(args, "ttl")) {
			word = args_want(args, "TTL");
			if (!word || peer_number(word, 255, "TTL", &val))
				return -EINVAL;
			peer->ttl = val;
		} else if (args_take(args, "tos")) {
			word = args_want(args, "TOS");
			if (!word || peer_number(word, 255, "TOS", &val))
				return -EINVAL;
			peer->tos = val;
			peer->flags |= VNP_PEER_F_TOS;
		} else {
			return 0;
		}
	}
}

/* The address and port as one word */
static void peer_text(const struct vnp_peer *peer, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?", scope[IF_NAMESIZE + 1] = "";

	if (peer->family == AF_INET) {
		inet_ntop(AF_INET, &peer->ip4, host, sizeof(host));
		snprintf(text, size, "%s:%u", host, peer->port);
		return;
	}
	inet_ntop(AF_INET6, peer->ip6, host, sizeof(host));
	if (peer->scope_id && if_indextoname(peer->scope_id, scope + 1))
		*scope = '%';
	snprintf(text, size, "[%s%s]:%u", host, scope, peer->port);
}

void peer_print(const struct vnp_peer *peer)
{
	char text[96];
	__u32 i;

	peer_text(peer, text, sizeof(text));
	printf("%s", text);
	if (peer->ttl)
		printf(" ttl %u", peer->ttl);
	if (peer->flags & VNP_PEER_F_TOS)
		printf(" tos %#x", peer->tos);
	printf("\n  sent: %llu datagrams, %llu bytes", peer->sent, peer->bytes);
	if (peer->unreachable)
		printf("\n  unreachable (ICMP): %llu", peer->unreachable);
	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		if (peer->errors[i])
			printf("\n  not sent (%s): %llu", error_name(i), peer->errors[i]);
}

struct json_object *peer_json(const struct vnp_peer *peer)
{
	struct json_object *obj = json_object_new_object(), *errors;
	char text[96];
	__u32 i;

	peer_text(peer, text, sizeof(text));
	add_str(obj, "address", text);
	if (peer->ttl)
		add_u64(obj, "ttl", peer->ttl);
	if (peer->flags & VNP_PEER_F_TOS)
		add_u64(obj, "tos", peer->tos);
	add_u64(obj, "sent", peer->sent);
	add_u64(obj, "bytes", peer->bytes);
	add_u64(obj, "unreachable", peer->unreachable);
	errors = json_object_new_object();
	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		if (peer->errors[i])
			add_u64(errors, error_name(i), peer->errors[i]);
	json_object_object_add(obj, "errors", errors);
	return obj;
}
