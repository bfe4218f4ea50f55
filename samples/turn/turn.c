// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * turn: relay bound channels of a coturn that runs already, in the kernel.
 *
 * The program passes all requests on to coturn and logs those that concern allocations.  This
 * process asks coturn for their outcome, and sets up what coturn has permitted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "../common.h"
#include "channels.h"

/* How long a permission lasts, in seconds (RFC 8656); a channel lasts longer */
#define SECONDS		300

/* Interval of looking at coturn's allocations, in ms: while it has requests to answer, and else */
#define SOON		20
#define LATER		10000

/* STUN (RFC 8489), and attributes of TURN */
#define STUN_COOKIE		0x2112a442
#define STUN_CHANNEL_NUMBER	0x0c
#define STUN_XOR_PEER_ADDRESS	0x12
#define STUN_IPV4		1

static const char usage[] =
	"usage: turn PID PORT CLI-PORT\n"
	"\n"
	"Relay ChannelData of coturn PID, which clients send to its UDP port PORT, in the\n"
	"kernel.  All else is left to coturn.  Which channels there are is asked for at\n"
	"coturn's own command line, at TCP port CLI-PORT of 127.0.0.1, with the password\n"
	"in the environment variable TURN_CLI_PASSWORD.  It ends at SIGINT or SIGTERM, and\n"
	"prints its counters.\n"
	"\n"
	"You need to be the user that runs coturn, and in group vnp.\n";

static struct kernel kernel;
static struct channels channels = { .kernel = &kernel, .seconds = SECONDS };

static int complain(const char *failed, int err)
{
	fprintf(stderr, "turn: cannot %s: %s\n", failed, strerror(-err));
	return err;
}

/*
 * The attributes CHANNEL-NUMBER and XOR-PEER-ADDRESS (RFC 8656) of a request.  Return: false:
 * they are not among the first ones, or the address is of IPv6
 */
static bool read_attributes(const __u8 *data, size_t size, struct turn_key *key,
			    struct endpoint *peer)
{
	size_t at = 0, len;
	const __u8 *value;

	for (at = 0; at + 12 <= size; at += 4 + ((len + 3) & ~3UL)) {
		len = data[at + 2] << 8 | data[at + 3];
		value = data + at + 4;
		if (data[at] || !len)
			continue;
		if (data[at + 1] == STUN_CHANNEL_NUMBER)
			key->channel = value[0] << 8 | value[1];
		if (data[at + 1] == STUN_XOR_PEER_ADDRESS && value[1] == STUN_IPV4) {
			peer->port = (value[2] << 8 | value[3]) ^ STUN_COOKIE >> 16;
			memcpy(&peer->ip4, value + 4, sizeof(peer->ip4));
			peer->ip4 ^= htonl(STUN_COOKIE);
		}
	}
	return key->channel && peer->port;
}

static void read_bind(const char *line)
{
	unsigned long words[TURN_WORDS];
	struct endpoint peer = {};
	struct turn_key key = {};
	int i, len;

	if (sscanf(line, "bind %u %hu%n", &key.client, &key.port, &len) != 2)
		return;
	for (i = 0; i < TURN_WORDS; i++)
		if (sscanf(line += len, "%lx%n", &words[i], &len) != 1)
			return;
	if (read_attributes((const __u8 *)words, sizeof(words), &key, &peer))
		channels_ask(&channels, &key, peer);
}

static void read_tos(const char *line)
{
	struct turn_key key;
	unsigned int tos;

	if (sscanf(line, "tos %u %hu %hu %u", &key.client, &key.port, &key.channel, &tos) == 4)
		channels_add_tos(&channels, &key, tos);
}

/* A line of the program's log.  Return: has coturn something to answer? */
static bool read_line(const char *line)
{
	if (!strncmp(line, "tos ", 4)) {
		read_tos(line);
		return false;
	}
	if (!strncmp(line, "bind ", 5))
		read_bind(line);
	return *line;
}

static int read_log(int log, bool *asked)
{
	static char text[1 << 16];
	char *line, *next = text;
	ssize_t len = read(log, text, sizeof(text) - 1);

	if (len < 0)
		return complain("read what clients ask for", -errno);
	text[len] = 0;
	while ((line = strsep(&next, "\n")))
		*asked |= read_line(line);
	return 0;
}

/* Programs that have been replaced since the last time */
static int read_replaced(bool *asked)
{
	struct pollfd log = { .events = POLLIN };
	int err = 0;
	size_t i;

	for (i = 0; i < kernel.replaced_cnt; i++) {
		log.fd = kernel_log(kernel.replaced[i]);
		while (!err && poll(&log, 1, 0) > 0)
			err = read_log(log.fd, asked);
	}
	kernel_close_replaced(&kernel);
	return err;
}

static int update(int server, bool *asked)
{
	static struct session sessions[SERVER_SESSIONS];
	int err = read_replaced(asked), cnt;

	if (err)
		return err;
	cnt = server_ask(server, sessions);
	if (cnt < 0)
		return complain("ask coturn for its allocations", cnt);
	channels_update(&channels, sessions, cnt);
	*asked |= kernel.replaced_cnt > 0;
	return 0;
}

/* Until a signal arrives */
static int serve(int server, int signals)
{
	struct pollfd fds[2] = {
		{ .fd = signals, .events = POLLIN },
		{ .events = POLLIN },
	};
	bool asked = false;
	int err = 0, cnt;

	while (!err) {
		fds[1].fd = kernel_log(kernel.object);
		cnt = poll(fds, 2, asked || channels.asked_cnt ? SOON : LATER);
		if (cnt < 0 || fds[0].revents)
			break;
		if (cnt) {
			err = read_log(fds[1].fd, &asked);
			continue;
		}
		asked = false;
		err = update(server, &asked);
	}
	return err;
}

int main(int argc, char **argv)
{
	const char *password = getenv("TURN_CLI_PASSWORD");
	const int pid = argc == 4 ? sample_number(argv[1], INT_MAX) : 0;
	int server, err;
	sigset_t signals;

	if (!pid || !sample_port(argv[2]) || !sample_port(argv[3]) || !password) {
		fputs(usage, stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	server = server_connect(sample_port(argv[3]), password);
	if (server < 0)
		return complain("log in at coturn's command line", server) ? 1 : 0;
	err = kernel_start(&kernel, pid, sample_port(argv[2]));
	if (err) {
		complain("use coturn's socket", err);
		kernel_end(&kernel);
		return 1;
	}
	printf("UDP port %s is relayed\n", argv[2]);
	fflush(stdout);
	err = serve(server, signalfd(-1, &signals, SFD_CLOEXEC));
	kernel_end(&kernel);
	return err ? 1 : 0;
}
