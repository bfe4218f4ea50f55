// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A thousand subscribers, at addresses of their own, get what they have subscribed to, and
 * nothing else, while the feed sleeps.  Six more subscribe by TCP, of which three do not read.  Some
 * datagrams are published by TCP.  The feed is the sample itself, in the directory of this program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "../test.h"
#include "feed.h"

#define PORT		"7018"
#define FIRST_PORT	7020

/* Each socket gets what is for so many subscribers, and has a receive buffer for it */
#define SOCKETS		20
#define EACH		50
#define SUBSCRIBERS	(SOCKETS * EACH)

/* Topics: of one in ten, of one in fifty, and of all */
#define TENTH(n)	((n) % 10)
#define FIFTIETH(n)	(64 + (n) % 50)
#define ALL		200
#define NOBODY		255

/* A topic of clients by TCP, of which one of each policy does not read */
#define TCP_TOPIC	210
#define CLIENTS		6
#define STALLED		3

/* Datagrams that are more than is kept for one that does not read */
#define TCP_DATAGRAMS	500

static int publisher, stream = -1, socks[SOCKETS];
static FILE *commands, *answers;
static pid_t feed;

/* Datagrams that each subscriber got, by topic */
static unsigned int got[SUBSCRIBERS][FEED_TOPICS];
static unsigned int published[FEED_TOPICS];
static unsigned long sent;

/* An address of 127.0.0.0/8, by which the socket tells subscribers apart */
static const char *address_of(int n)
{
	static char text[32];

	snprintf(text, sizeof(text), "127.1.%d.%d:%d", n / 200, n % 200 + 1,
		 FIRST_PORT + n / EACH);
	return text;
}

/* Return: did the feed answer so? */
static int answered(const char *want)
{
	char line[256];

	if (!fgets(line, sizeof(line), answers))
		return 0;
	if (!strncmp(line, want, strlen(want)))
		return 1;
	printf("# %s", line);
	return 0;
}

static int subscribe(int n, const char *topics)
{
	fprintf(commands, "subscribe %s %s\n", address_of(n), topics);
	fflush(commands);
	return answered("subscribed ");
}

static int unsubscribe(int n)
{
	fprintf(commands, "unsubscribe %s\n", address_of(n));
	fflush(commands);
	return answered("unsubscribed ");
}

/* A datagram for subscriber @n: 127.1.x.y is in IP_PKTINFO.  Return: is one of a topic there? */
static int receive_one(int sock, int ms)
{
	struct pollfd readable = { .fd = sock, .events = POLLIN };
	struct {
		struct feed_header header;
		__u8 data[96];
	} datagram;
	struct iovec iov = { &datagram, sizeof(datagram) };
	char control[64];
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct in_pktinfo *info;
	__u32 topic, to;
	size_t i;

	if (poll(&readable, 1, ms) != 1 || recvmsg(sock, &msg, 0) != sizeof(datagram))
		return 0;
	info = (const void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	to = ntohl(info->ipi_addr.s_addr);
	topic = ntohl(datagram.header.topic);
	to = (to >> 8 & 0xff) * 200 + (to & 0xff) - 1;
	for (i = 0; i < sizeof(datagram.data); i++)
		if (datagram.data[i] != (__u8)(i + topic))
			return 0;
	if (to < SUBSCRIBERS && topic < FEED_TOPICS)
		got[to][topic]++;
	return 1;
}

/* By the connection, with its length in front, or as a datagram.  Return: was it sent? */
static int send_to(int by_stream, const void *data, __u32 len)
{
	const __be32 head = htonl(len);
	const struct iovec vec[] = { { (void *)&head, sizeof(head) }, { (void *)data, len } };
	const struct msghdr msg = { .msg_iov = (void *)vec, .msg_iovlen = 2 };

	if (by_stream)
		return sendmsg(stream, &msg, 0) == (ssize_t)(sizeof(head) + len);
	return send(publisher, data, len, 0) == (ssize_t)len;
}

/* Publish on a topic with so many subscribers, and receive as many datagrams. */
static int publish(__u32 topic, unsigned int subscribers)
{
	struct {
		struct feed_header header;
		__u8 data[96];
	} datagram = { .header = { htonl(topic) } };
	unsigned int cnt = 0;
	size_t i;
	int k;

	for (i = 0; i < sizeof(datagram.data); i++)
		datagram.data[i] = i + topic;
	if (!send_to(stream >= 0, &datagram, sizeof(datagram)))
		return 0;
	published[topic]++;
	sent += subscribers;
	/* Sockets in the order in which they are sent to, or in that of the group */
	for (k = 0; cnt < subscribers && k < SOCKETS; k++)
		while (receive_one(socks[k], 0))
			cnt++;
	for (k = 0; cnt < subscribers && k < SOCKETS; k++)
		while (cnt < subscribers && receive_one(socks[k], k ? 100 : 1000))
			cnt++;
	if (cnt != subscribers)
		printf("# topic %u: %u instead of %u\n", topic, cnt, subscribers);
	return cnt == subscribers;
}

static int is_subscribed(int n, __u32 topic, int first)
{
	return n >= first && (topic == (__u32)TENTH(n) || topic == (__u32)FIFTIETH(n) ||
			      topic == ALL);
}

/* Has everybody got what was published since then, from subscriber @first on? */
static int all_got(int first)
{
	__u32 topic;
	int n, ok = 1;

	for (n = 0; n < SUBSCRIBERS; n++)
		for (topic = 0; topic < FEED_TOPICS; topic++)
			ok &= got[n][topic] == (is_subscribed(n, topic, first) ?
						published[topic] : 0);
	memset(got, 0, sizeof(got));
	memset(published, 0, sizeof(published));
	return ok;
}

/*
 * ---- Tests ---------------------------------------------------------------------
 */

static void test_subscribe(void)
{
	char topics[64];
	int n, ok = 1;

	for (n = 0; n < SUBSCRIBERS && ok; n++) {
		snprintf(topics, sizeof(topics), "%d,%d,%d", TENTH(n), FIFTIETH(n), ALL);
		ok = subscribe(n, topics);
	}
	report(ok, "1,000 subscribers");
}

static void test_topics(void)
{
	const long slept = sleeps_of(feed);
	int i, ok = 1;

	for (i = 0; i < 10; i++)
		ok &= publish(TENTH(i), SUBSCRIBERS / 10) &&
		      publish(FIFTIETH(i), SUBSCRIBERS / 50) && publish(NOBODY, 0);
	report(ok && all_got(0), "topics of some: only their subscribers get them, and get all");
	for (i = 0; i < 5; i++)
		ok &= publish(ALL, SUBSCRIBERS);
	report(ok && all_got(0), "a topic of all");
	report(slept > 0 && sleeps_of(feed) == slept, "the feed has slept");
}

static void test_changed(void)
{
	int n, i, ok = 1;

	for (n = 0; n < SUBSCRIBERS / 2; n++)
		ok &= n % 10 ? subscribe(n, "254") : unsubscribe(n);
	report(ok, "half of them have another filter, or unsubscribe");
	for (i = 0; i < 5; i++)
		ok &= publish(TENTH(i), SUBSCRIBERS / 20) &&
		      publish(FIFTIETH(i), SUBSCRIBERS / 100);
	ok &= publish(ALL, SUBSCRIBERS / 2);
	report(ok && all_got(SUBSCRIBERS / 2), "they get nothing any more, the others all");
	report(publish(254, SUBSCRIBERS / 20 * 9), "subscribers with another filter receive its topic");
}

/*
 * ---- TCP ---------------------------------------------------------------------
 */

static int clients[CLIENTS];

/* struct numbered - a datagram of the topic, as clients get it */
struct numbered {
	__be32 len;
	struct feed_header header;
	__be32 number;
	__u8 data[1400];
};

static int read_all(int sock, void *to, size_t len)
{
	ssize_t n;

	for (; len; to = (char *)to + n, len -= n) {
		n = recv(sock, to, len, 0);
		if (n <= 0)
			return 0;
	}
	return 1;
}

/* Return: the number of the next datagram, which is whole, or -1 */
static int next_number(int sock)
{
	struct numbered got;
	size_t i;

	if (!read_all(sock, &got, sizeof(got)) ||
	    ntohl(got.len) != sizeof(got) - sizeof(got.len) ||
	    ntohl(got.header.topic) != TCP_TOPIC)
		return -1;
	for (i = 0; i < sizeof(got.data); i++)
		if (got.data[i] != (__u8)(i + ntohl(got.number)))
			return -1;
	return ntohl(got.number);
}

static int publish_number(int number)
{
	struct numbered datagram = { .header = { htonl(TCP_TOPIC) }, .number = htonl(number) };
	const size_t len = sizeof(datagram) - sizeof(datagram.len);
	size_t i;

	for (i = 0; i < sizeof(datagram.data); i++)
		datagram.data[i] = i + number;
	return send_to(number & 1, &datagram.header, len);
}

/* Return: a connection that has sent a line, or -1 */
static int connect_client(const char *line, int small)
{
	const struct timeval timeout = { .tv_sec = 20 };
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4096;

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (small)
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    send(sock, line, strlen(line), 0) != (ssize_t)strlen(line))
		return -1;
	return sock;
}

static void test_clients(void)
{
	static const char *const words[CLIENTS] = { "newest", "oldest", "disconnect" };
	char line[64];
	int i, ok = 1;

	for (i = 0; i < CLIENTS; i++) {
		snprintf(line, sizeof(line), "%d %s\n", TCP_TOPIC, i < STALLED ? words[i] : "");
		clients[i] = connect_client(line, i < STALLED);
		ok &= clients[i] >= 0 && answered("subscribed tcp 127.0.0.1:");
	}
	report(ok, "clients by TCP");
	i = connect_client("300\n", 0);
	report(answered("error: tcp ") && answered("unsubscribed tcp "), "one asks for nonsense");
	close(i);
}

/* From now on each second datagram of the clients' topic is published by TCP. */
static void test_publisher(void)
{
	static const char want[] = "publishing\n";
	char got[sizeof(want) - 1];

	stream = connect_client("publish\n", 0);
	report(stream >= 0 && answered("publishing tcp ") && read_all(stream, got, sizeof(got)) &&
	       !memcmp(want, got, sizeof(got)), "a publisher by TCP");
	report(publish(254, SUBSCRIBERS / 20 * 9), "subscribers by UDP receive what it publishes");
}

static void test_stalled(void)
{
	int i, n, ok = 1;

	for (n = 0; n < TCP_DATAGRAMS && ok; n++) {
		ok = publish_number(n);
		for (i = STALLED; i < CLIENTS; i++)
			ok &= next_number(clients[i]) == n;
	}
	report(ok, "those that read get everything, although others do not");
}

/* Return: the number of whole datagrams, whose numbers ascend, up to @last; or -1 */
static int ascending(int sock, int last)
{
	int cnt = 0, before = -1, n;

	for (; before != last; before = n, cnt++) {
		n = next_number(sock);
		if (n <= before)
			return -1;
	}
	return cnt;
}

static void test_policies(void)
{
	int newest, oldest, n;

	oldest = ascending(clients[1], TCP_DATAGRAMS - 1);
	report(oldest > 0 && oldest < TCP_DATAGRAMS, "oldest: the latest ones arrive");
	for (newest = 0; (n = next_number(clients[0])) == newest && newest < 30; newest++)
		;
	report(newest == 30, "newest: the first ones arrive");
	do {
		n = next_number(clients[2]);
	} while (n >= 0);
	report(errno == ECONNRESET && answered("unsubscribed tcp "),
	       "disconnect: the connection is reset");
}

static void test_gone(void)
{
	int i, ok = 1;

	for (i = 0; i < CLIENTS; i++) {
		close(clients[i]);
		if (i != 2)
			ok &= answered("unsubscribed tcp ");
	}
	close(stream);
	stream = -1;
	ok &= answered("published tcp ");
	report(ok, "they close their connections");
}

static void test_refused(void)
{
	static const char *const lines[] = {
		"subscribe nonsense 1", "subscribe 127.0.0.1:1 256", "subscribe 127.0.0.1:1 1,",
		"subscribe 127.0.0.1:1", "subscribe 127.0.0.1:0 1", "unsubscribe 127.0.0.1:1",
		"subscribe 224.0.0.1:1 1", "subscribe 255.255.255.255:1 1", "sing", "",
	};
	const __u8 shorter[3] = {}, other[4] = { 0, 0, 1, 0 };
	int ok = 1;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		fprintf(commands, "%s\n", lines[i]);
		fflush(commands);
		ok &= answered("error: ");
	}
	report(ok, "commands that are refused");
	send(publisher, shorter, sizeof(shorter), 0);
	send(publisher, other, sizeof(other), 0);
	report(publish(TENTH(3), SUBSCRIBERS / 20), "datagrams without a topic are dropped");
}

static void test_end(void)
{
	unsigned long long others = 0, relayed = 0, missed = 0;
	char line[256];

	kill(feed, SIGTERM);
	while (fgets(line, sizeof(line), answers)) {
		printf("# %s", line);
		sscanf(line, "%*u datagrams published, %llu others; %llu sent to subscribers, %llu",
		       &others, &relayed, &missed);
	}
	waitpid(feed, NULL, 0);
	/* Not what was published after a client had been disconnected */
	sent += CLIENTS * TCP_DATAGRAMS;
	report(others == 2 && relayed + missed <= sent &&
	       relayed + missed > sent - TCP_DATAGRAMS && missed < STALLED * TCP_DATAGRAMS,
	       "it has counted them");
}

static int open_sockets(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	const int on = 1, size = 1 << 20;
	int i;

	for (i = 0; i < SOCKETS; i++) {
		addr.sin_port = htons(FIRST_PORT + i);
		socks[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		setsockopt(socks[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(socks[i], IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
		if (bind(socks[i], (const struct sockaddr *)&addr, sizeof(addr)))
			return -1;
	}
	addr.sin_port = htons(atoi(PORT));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	publisher = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return connect(publisher, (const struct sockaddr *)&addr, sizeof(addr));
}

int main(int argc, char **argv)
{
	static const char *const args[] = { "feed", PORT, NULL };

	(void)argc;
	if (access(VNP_DEVICE, F_OK))
		return test_skip_all("no " VNP_DEVICE);
	test_plan(19);
	feed = open_sockets() ? -1 : test_start(argv[0], args, &commands, &answers);
	if (feed < 0)
		return test_bail_out("The feed does not start.");
	test_subscribe();
	test_topics();
	test_changed();
	test_clients();
	test_publisher();
	test_stalled();
	test_policies();
	test_gone();
	test_refused();
	test_end();
	return test_status();
}
