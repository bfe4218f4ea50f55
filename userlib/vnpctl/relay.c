// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Send what arrives at a port to others, in the kernel, until Ctrl-C. */
#include <netinet/in.h>
#include <signal.h>
#include <unistd.h>

#include "ctl.h"
#include "relay.h"

/* relay.bpf.o, which is linked into this program */
extern const char _binary_relay_bpf_o_start[];
extern const char _binary_relay_bpf_o_end[];

static const char help[] =
	"Usage: vnpctl relay udp:PORT to HOST:PORT[,HOST:PORT]...\n"
	"\n"
	"  Send each datagram that arrives at UDP port PORT to all of these, in the kernel\n"
	"  and unchanged.  It ends with Ctrl-C, and prints what was sent to each.\n";

/**
 * struct relay - what is relayed
 * @port:	the UDP port
 * @sock:	socket bound to the port
 * @obj:	the program
 * @map:	the map of receivers
 * @link:	of program and socket
 * @peers:	the receivers
 * @cnt:	their number
 */
struct relay {
	__u32 port;
	int sock;
	struct vnp_object *obj;
	struct vnp_map *map;
	struct vnp_link *link;
	struct vnp_peer *peers;
	size_t cnt;
};

static int port_parse(struct args *args, __u32 *port)
{
	const char *spec = args_want(args, "The port, udp:PORT");
	__u64 number;

	if (!spec)
		return -EINVAL;
	if (strncmp(spec, "udp:", 4) || !number_parse(spec + 4, 10, 1, 0xffff, &number))
		return error("\"%s\" is not a port: write udp:PORT, such as udp:5004.", spec);
	*port = number;
	return 0;
}

static int peer_add(struct relay *relay, const char *text)
{
	struct vnp_peer *peers, peer;
	size_t i;
	int err;

	err = vnp_peer_parse(text, &open_opts, &peer);
	if (err)
		return err;
	for (i = 0; i < relay->cnt; i++)
		if (!memcmp(&relay->peers[i], &peer, sizeof(peer)))
			return error("%s is listed twice.", text);
	peers = realloc(relay->peers, (relay->cnt + 1) * sizeof(*peers));
	if (!peers)
		return error("Out of memory.");
	relay->peers = peers;
	peers[relay->cnt++] = peer;
	return 0;
}

/* Receivers: one or more words "HOST:PORT,HOST:PORT" */
static int peers_parse(struct relay *relay, struct args *args)
{
	const char *word = args_want(args, "A receiver, HOST:PORT");
	char *list, *at, *text;
	int err = 0;

	while (word && !err) {
		list = strdup(word);
		if (!list)
			return error("Out of memory.");
		for (at = list; !err && (text = strsep(&at, ",")); )
			err = peer_add(relay, text);
		free(list);
		word = args_next(args);
	}
	return relay->cnt ? err : -EINVAL;
}

/* Datagrams to all receivers are charged to the send buffer: make it as large as allowed */
static void buffer_set(int sock)
{
	const int size = 1 << 24;

	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* A socket for IPv6 and IPv4, or only for IPv4 if the kernel has no IPv6 */
static int port_open(__u32 port)
{
	const struct sockaddr_in6 ip6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const struct sockaddr_in ip4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (sock >= 0) {
		setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int));
		err = bind(sock, (const struct sockaddr *)&ip6, sizeof(ip6));
	} else {
		sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (sock < 0)
			return -errno;
		err = bind(sock, (const struct sockaddr *)&ip4, sizeof(ip4));
	}
	if (!err) {
		buffer_set(sock);
		return sock;
	}
	err = -errno;
	close(sock);
	return err;
}

static int program_load(struct relay *relay)
{
	const struct vnp_open_opts opts = {
		.sz = sizeof(opts),
		.name = "relay",
		.print = open_opts.print,
	};
	int err;

	err = vnp_object_open_mem(_binary_relay_bpf_o_start,
				  _binary_relay_bpf_o_end - _binary_relay_bpf_o_start, &opts,
				  &relay->obj);
	if (err)
		return err;
	relay->map = vnp_object_find_map(relay->obj, "receivers");
	err = vnp_map_set_max_entries(relay->map, relay->cnt);
	if (!err)
		err = vnp_map_set_socket(relay->map, relay->sock);
	return err ?: vnp_object_load(relay->obj, NULL);
}

static int peers_set(const struct relay *relay)
{
	char text[VNP_PEER_TEXT_LEN];
	struct relay_key key = {};
	int err = 0;

	while (!err && key.receiver < relay->cnt) {
		err = vnp_map_update(relay->map, &key, &relay->peers[key.receiver],
				     VNP_MAP_NOEXIST);
		if (!err)
			key.receiver++;
	}
	if (!err)
		return 0;
	vnp_peer_print(&relay->peers[key.receiver], text);
	if (err == -EOPNOTSUPP)
		return error("Cannot send to %s: it is a multicast address, or 255.255.255.255.", text);
	return failed(err, "Cannot send to %s", text);
}

static int relay_begin(struct relay *relay)
{
	const struct vnp_program *prog;
	int err;

	relay->sock = port_open(relay->port);
	if (relay->sock < 0)
		return failed(relay->sock, "Cannot open UDP port %u", relay->port);
	err = program_load(relay);
	if (err)
		return failed(err, "Cannot load the program");
	err = peers_set(relay);
	if (err)
		return err;
	prog = vnp_object_find_program(relay->obj, "relay");
	err = vnp_link_attach(prog, relay->sock, NULL, &relay->link);
	return err ? failed(err, "Cannot link the program to the port") : 0;
}

/* Datagrams that were not sent, by reason */
static void reasons(const struct vnp_peer *peer, char *text, size_t len)
{
	size_t used = 0;
	int i;

	snprintf(text, len, "-");
	for (i = 0; i < __VNP_ERROR_CNT && used < len; i++)
		if (peer->errors[i])
			used += snprintf(text + used, len - used, "%s%s %llu",
					 used ? ", " : "", error_name(i), peer->errors[i]);
}

static void peer_row(struct table *table, const struct vnp_peer *peer)
{
	char address[VNP_PEER_TEXT_LEN], why[200];
	__u64 not_sent = 0;
	int i;

	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		not_sent += peer->errors[i];
	reasons(peer, why, sizeof(why));
	table_add(table, "%s", vnp_peer_print(peer, address));
	table_add(table, "%llu", peer->sent);
	table_add(table, "%llu", peer->bytes);
	table_add(table, "%llu", peer->unreachable);
	table_add(table, "%llu", not_sent);
	table_add(table, "%s", why);
}

static int relay_report(const struct relay *relay)
{
	struct table *table = table_new("-RECEIVER SENT BYTES UNREACHABLE NOT-SENT -REASONS");
	struct json_object *list = json_object_new_array(), *obj = json_object_new_object();
	struct vnp_link_info info = { .size = sizeof(info) };
	struct relay_key key = {};
	struct vnp_peer peer;
	int err;

	err = vnp_link_get_info(relay->link, &info);
	for (; !err && key.receiver < relay->cnt; key.receiver++) {
		err = vnp_map_lookup(relay->map, &key, &peer);
		if (err)
			break;
		peer_row(table, &peer);
		json_object_array_add(list, peer_json(&peer));
	}
	add_u64(obj, "port", relay->port);
	add_u64(obj, "packets", info.packets);
	add_u64(obj, "bytes", info.bytes);
	json_object_object_add(obj, "receivers", list);
	if (!err && settings.json) {
		json_print(json_object_get(obj));
	} else if (!err) {
		printf("%llu datagrams (%llu bytes) received\n", info.packets, info.bytes);
		table_print(table, "");
		table = NULL;
	}
	json_object_put(obj);
	if (table)
		table_free(table);
	return err ? failed(err, "Cannot read the counters") : 0;
}

/* Until SIGINT or SIGTERM.  Before, they end this process, and with its socket the link. */
static int relay_wait(const struct relay *relay)
{
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fprintf(stderr, "UDP port %u is relayed to %zu receiver%s until Ctrl-C.\n", relay->port,
		relay->cnt, relay->cnt == 1 ? "" : "s");
	return -sigwait(&signals, &sig);
}

/* Detach the link, unless somebody else has done so. */
static int relay_end(const struct relay *relay)
{
	char *why;
	int err;

	errors_catch();
	err = vnp_link_detach(relay->link);
	why = errors_caught();
	if (err == -ENOLINK)
		fprintf(stderr, "Warning: the link was detached before, so not all was relayed.\n");
	else if (err)
		error("%s", why ?: "Out of memory.");
	free(why);
	return err == -ENOLINK ? 0 : err;
}

static void relay_close(struct relay *relay)
{
	vnp_link_close(relay->link);
	vnp_object_close(relay->obj);
	if (relay->sock >= 0)
		close(relay->sock);
	free(relay->peers);
}

int relay_command(struct args *args)
{
	struct relay relay = { .sock = -1 };
	int err;

	if (!args->cnt || args_take(args, "help")) {
		fputs(help, stdout);
		return 0;
	}
	err = port_parse(args, &relay.port);
	if (!err && !args_take(args, "to"))
		err = error("The receivers are missing: relay udp:PORT to HOST:PORT,...");
	err = err ?: peers_parse(&relay, args) ?: relay_begin(&relay) ?: relay_wait(&relay) ?:
	      relay_end(&relay) ?: relay_report(&relay);
	relay_close(&relay);
	return err;
}
