// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * feed: what is published at a UDP port is sent to those who have subscribed to its topic, in
 * the kernel, by UDP or TCP.  This process only changes the list of subscribers.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "../common.h"
#include "clients.h"
#include "subscribers.h"

SAMPLE(feed_sample, feed)

static const char usage[] =
	"usage: feed PORT\n"
	"\n"
	"Datagrams that arrive at UDP port PORT begin with a topic, a number below 256 in\n"
	"four bytes.  Each is sent to those who have subscribed to its topic, in the\n"
	"kernel.  Lines of the standard input change the list of subscribers:\n"
	"\n"
	"	subscribe HOST:PORT TOPIC,TOPIC,...\n"
	"	unsubscribe HOST:PORT\n"
	"\n"
	"Each is answered by a line.  Who connects to TCP port PORT publishes by a line\n"
	"\n"
	"	publish\n"
	"\n"
	"which is answered; after that each datagram has its length in front, in four bytes.\n"
	"Or subscribes by a line\n"
	"\n"
	"	TOPIC,TOPIC,... [newest | oldest | disconnect]\n"
	"\n"
	"and then gets datagrams with their length in front, in four bytes.  The word says\n"
	"what happens if they are not read in time: the newest or the oldest are dropped, or\n"
	"the connection is reset.\n"
	"\n"
	"It ends at SIGINT or SIGTERM, and prints its counters.\n";

static struct subscribers subscribers;
static struct clients clients;

/* Return: a socket for IPv6 and IPv4, or a negative errno, after a complaint */
static int open_port(const struct sample *sample, int port)
{
	const int size = 1 << 24;
	int sock = sample_open_port(sample, port, 0);

	if (sock >= 0)
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return sock;
}

/* Return: a socket that listens, or a negative errno */
static int open_listener(int port)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	const int off = 0, on = 1, size = 1 << 15;
	int sock = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (sock < 0)
		return -errno;
	/* Connections inherit them.  What is in the send buffer cannot be dropped any more. */
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) &&
	    !bind(sock, (const struct sockaddr *)&addr, sizeof(addr)) && !listen(sock, 64))
		return sock;
	err = -errno;
	close(sock);
	return err;
}

/* The object stays open: the subscribers are in its maps.  Return: the program, or NULL */
static struct vnp_program *load(const struct sample *sample)
{
	struct vnp_program *prog;
	struct vnp_object *obj;
	int err;

	if (sample_open(sample, &obj))
		return NULL;
	prog = vnp_object_find_program(obj, "feed");
	clients.stream = vnp_object_find_program(obj, "measure");
	clients.message = vnp_object_find_program(obj, "feed_message");
	/* As much as an ordinary user may have: there may be many to send to. */
	err = vnp_program_set_budget(prog, 262144) ?:
	      vnp_program_set_budget(clients.message, 262144) ?: vnp_object_load(obj, NULL);
	if (err) {
		sample_complain(sample, "load the program", err);
		return NULL;
	}
	subscribers.peers = vnp_object_find_map(obj, "subscribers");
	subscribers.groups = vnp_object_find_map(obj, "groups");
	clients.map = vnp_object_find_map(obj, "connections");
	subscribers.state = sample_variables(sample, obj);
	return subscribers.state ? prog : NULL;
}

static void command(char *line)
{
	char *word = strtok(line, " \t\r"), *address = strtok(NULL, " \t\r");
	char *topics = strtok(NULL, " \t\r");

	if (address && topics && !strcmp(word, "subscribe"))
		subscribers_set(&subscribers, address, topics);
	else if (address && !topics && !strcmp(word, "unsubscribe"))
		subscribers_remove(&subscribers, address);
	else
		printf("error: write subscribe HOST:PORT TOPIC,... or unsubscribe HOST:PORT\n");
}

/* Return: false: there is no more */
static bool read_commands(void)
{
	static char text[1 << 16];
	static size_t have;
	ssize_t len = read(STDIN_FILENO, text + have, sizeof(text) - 1 - have);
	char *line = text, *end;

	if (len <= 0)
		return false;
	have += len;
	text[have] = 0;
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		command(line);
	}
	have -= line - text;
	memmove(text, line, have);
	fflush(stdout);
	return have < sizeof(text) - 1;
}

static void serve(int signals)
{
	struct pollfd fds[2 + CLIENTS_FDS] = {
		{ .fd = signals, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	clients_fds(&clients, fds + 2);
	while (poll(fds, 2 + CLIENTS_FDS, -1) > 0 && !fds[0].revents) {
		if (fds[1].revents && !read_commands())
			fds[1].fd = -1;
		clients_serve(&clients, fds + 2);
		fflush(stdout);
	}
}

static void report(void)
{
	subscribers_count(&subscribers);
	clients_count(&clients);
	printf("%llu datagrams published, %llu others; %llu sent to subscribers, %llu not sent or not delivered\n",
	       subscribers.state->published, subscribers.state->others,
	       subscribers.sent + clients.sent, subscribers.failed + clients.failed);
}

int main(int argc, char **argv)
{
	const int port = argc == 2 ? sample_port(argv[1]) : 0;
	const struct sample sample = feed_sample();
	struct vnp_program *prog;
	struct vnp_link *link;
	sigset_t signals;
	int sock, err;

	if (!port) {
		fputs(usage, stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	sock = open_port(&sample, port);
	if (sock < 0)
		return 1;
	clients.listener = open_listener(port);
	if (clients.listener < 0)
		return sample_complain(&sample, "listen", clients.listener) ? 1 : 0;
	prog = load(&sample);
	if (!prog)
		return 1;
	err = vnp_link_attach(prog, sock, NULL, &link);
	if (err)
		return sample_complain(&sample, "link the program to the port", err) ? 1 : 0;
	printf("UDP port %d is a feed\n", port);
	fflush(stdout);
	serve(signalfd(-1, &signals, SFD_CLOEXEC));
	vnp_link_detach(link);
	report();
	return 0;
}
