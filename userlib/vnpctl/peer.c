// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Values of maps of peers, as text: 192.0.2.1:5004, [2001:db8::1]:5004. */
#include "ctl.h"

int peer_parse(struct args *args, struct vnp_peer *peer)
{
	const char *word = args_want(args, "The address (HOST:PORT)");
	__u64 val;
	int err;

	if (!word)
		return -EINVAL;
	err = vnp_peer_parse(word, &open_opts, peer);
	if (err)
		return err;
	for (;;) {
		if (args_take(args, "ttl")) {
			if (args_number(args, "The TTL", 0, 255, &val))
				return -EINVAL;
			peer->ttl = val;
		} else if (args_take(args, "tos")) {
			if (args_number(args, "The TOS", 0, 255, &val))
				return -EINVAL;
			peer->tos = val;
			peer->flags |= VNP_PEER_F_TOS;
		} else {
			return 0;
		}
	}
}

void peer_print(const struct vnp_peer *peer)
{
	char text[VNP_PEER_TEXT_LEN];

	printf("%s", vnp_peer_print(peer, text));
	if (peer->ttl)
		printf(" ttl %u", peer->ttl);
	if (peer->flags & VNP_PEER_F_TOS)
		printf(" tos %#x", peer->tos);
	printf("\n  sent: %llu datagrams, %llu bytes", peer->sent, peer->bytes);
	if (peer->unreachable)
		printf("\n  unreachable (ICMP): %llu", peer->unreachable);
	errors_print(peer->errors, "\n  not sent", "");
}

struct json_object *peer_json(const struct vnp_peer *peer)
{
	struct json_object *obj = json_object_new_object();
	char text[VNP_PEER_TEXT_LEN];

	add_str(obj, "address", vnp_peer_print(peer, text));
	if (peer->ttl)
		add_u64(obj, "ttl", peer->ttl);
	if (peer->flags & VNP_PEER_F_TOS)
		add_u64(obj, "tos", peer->tos);
	add_u64(obj, "sent", peer->sent);
	add_u64(obj, "bytes", peer->bytes);
	add_u64(obj, "unreachable", peer->unreachable);
	json_object_object_add(obj, "errors", errors_json(peer->errors, false));
	return obj;
}
