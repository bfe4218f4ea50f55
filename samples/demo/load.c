// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* load: what the demo sends to servers on this host, in the same way with VNP and without. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../common.h"
#include "../gather/sender.h"
#include "../relay/relay.h"
#include "../stream_client.h"
#include "../wgate/client.h"

#define SENDERS		8

/* A frame of video: what a sender gives to the kernel at once */
#define FRAME_PACKETS	10
#define PACKET_LEN	1200
#define RECEIVERS	8

/* Clients of a web server, and bytes that each sends at once */
#define CLIENTS		8
#define SEGMENT		32

/*
 * Microseconds between datagrams of records, as at 100 Mbit/s; of strangers; between frames;
 * between segments of requests
 */
#define RECORD_US	100
#define STRANGER_US	1000
#define FRAME_US	10000
#define SEGMENT_US	500

static const struct sample self = { .name = "load" };

static const char usage[] =
	"usage: load records PORT CNT\n"
	"       load strangers PORT KEY CNT\n"
	"       load frames PORT RECEIVER CNT\n"
	"       load requests PORT CNT\n"
	"\n"
	"Send to port PORT of this host, and print the number of datagrams or segments that\n"
	"were sent, and what came back:\n"
	"\n"
	"	records		CNT records of samples/gather, from parallel senders, and\n"
	"			their receipts\n"
	"	strangers	CNT forged datagrams to samples/wgate, and a good one after\n"
	"			each 20, of client 1 with this key, and answers\n"
	"	frames		CNT frames of RTP to samples/relay, and what eight receivers\n"
	"			get at the ports from RECEIVER on\n"
	"	requests	CNT requests to a web server, on eight connections in small\n"
	"			segments, and those that are answered\n";

/* Return: a socket that is connected to this port of this host, or -1 after a complaint */
static int connect_to(int port)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval timeout = { .tv_sec = 20 };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (!connect(sock, (const void *)&to, sizeof(to)))
		return sock;
	perror("load: cannot open a socket");
	return -1;
}

/* A dot for each tenth of the work */
static void progress(int done, int all)
{
	if (done * 10 / all != (done - 1) * 10 / all)
		fputc('.', stderr);
}

/*
 * ---- Records -----------------------------------------------------------------
 */

static struct sender senders[SENDERS];
static int sender_cnt;

/* The fragments of all senders' records, alternately */
static int send_records(int number)
{
	int i, k, sent = 0;

	for (k = 0; k < sender_cnt; k++)
		sender_fill(&senders[k], number);
	for (i = 0; i < SENDER_CNT; i++)
		for (k = 0; k < sender_cnt; k++) {
			sent += sender_send(&senders[k], number, i);
			usleep(RECORD_US);
		}
	return sent;
}

static int load_records(int port, char **args)
{
	const int cnt = atoi(args[0]);
	int i, k, sent = 0, receipts = 0;

	sender_cnt = senders_that_fit();
	if (sender_cnt > SENDERS)
		sender_cnt = SENDERS;
	for (k = 0; k < sender_cnt; k++)
		if (sender_open(&senders[k], port, k)) {
			perror("load: cannot open a socket");
			return 1;
		}
	for (i = 0; i < cnt; i += sender_cnt) {
		if (sender_cnt > cnt - i)
			sender_cnt = cnt - i;
		sent += send_records(i);
		for (k = 0; k < sender_cnt; k++) {
			receipts += sender_has_receipt(&senders[k]);
			progress(i + k + 1, cnt);
		}
	}
	printf("%d %d\n", sent, receipts);
	return 0;
}

/*
 * ---- Strangers ---------------------------------------------------------------
 */

static int sock;
static struct wgate_client client = { .id = 1 }, stranger = { .id = 1, .number = 1 << 20 };

/* The last good datagram */
static __u8 good[512];
static size_t good_len;

/* Return: true if a good datagram is answered */
static int is_answered(const void *data, size_t len)
{
	__u8 got[512];

	good_len = wgate_seal(&client, data, len, good);
	return send(sock, good, good_len, 0) == (ssize_t)good_len &&
	       recv(sock, got, sizeof(got), 0) == (ssize_t)len && !memcmp(got, data, len);
}

/* With another key, wrong in one bit, sent before, without a header */
static int send_forged(int i, const void *data, size_t len)
{
	__u8 sealed[512];
	size_t sealed_len;

	switch (i % 4) {
	case 0:
		sealed_len = wgate_seal(&stranger, data, len, sealed);
		return send(sock, sealed, sealed_len, 0) > 0;
	case 1:
		sealed_len = wgate_seal(&client, data, len, sealed);
		sealed[i % sealed_len] ^= 1 << i % 8;
		return send(sock, sealed, sealed_len, 0) > 0;
	case 2:
		return send(sock, good, good_len, 0) > 0;
	default:
		return send(sock, data, len, 0) > 0;
	}
}

static int load_strangers(int port, char **args)
{
	const int cnt = atoi(args[1]);
	int i, sent = 0, forged = 0, answered = 0;
	__u8 data[256];

	memset(data, 'x', sizeof(data));
	memset(stranger.key, 's', sizeof(stranger.key));
	for (i = 0; i < WGATE_KEY; i++)
		if (sscanf(args[0] + 2 * i, "%2hhx", &client.key[i]) != 1)
			return 2;
	sock = connect_to(port);
	if (sock < 0)
		return 1;
	for (i = 0; i < cnt; i++) {
		if (i % 20 == 0) {
			sent++;
			answered += is_answered(data, sizeof(data));
		}
		forged += send_forged(i, data, sizeof(data));
		usleep(STRANGER_US);
		progress(i + 1, cnt);
	}
	/* When it is answered, the forged ones have been handled, too. */
	sent++;
	answered += is_answered(data, sizeof(data));
	printf("%d %d %d\n", sent, answered, forged);
	return 0;
}

/*
 * ---- Frames ------------------------------------------------------------------
 */

/* A receiver, and the header that must come next */
static struct receiver {
	int sock;
	int has_stream;
	__be32 ssrc;
	__u16 sequence;
} receivers[RECEIVERS];

static int receivers_open(int port)
{
	const struct timeval timeout = { .tv_sec = 5 };
	int i;

	for (i = 0; i < RECEIVERS; i++) {
		receivers[i].sock = sample_open_port(&self, port + i, 0);
		if (receivers[i].sock < 0)
			return -1;
		setsockopt(receivers[i].sock, SOL_SOCKET, SO_RCVTIMEO, &timeout,
			   sizeof(timeout));
	}
	return 0;
}

static int send_frame(int number)
{
	static __u8 frame[FRAME_PACKETS][PACKET_LEN];
	int i;

	for (i = 0; i < FRAME_PACKETS; i++) {
		const struct relay_rtp rtp = {
			.first = 0x80,
			.type = 96 | (i == FRAME_PACKETS - 1 ? 0x80 : 0),
			.sequence = htons(number * FRAME_PACKETS + i),
			.timestamp = htonl(number * 3600),
			.ssrc = htonl(7),
		};

		memcpy(frame[i], &rtp, sizeof(rtp));
		memset(frame[i] + sizeof(rtp), number + i, PACKET_LEN - sizeof(rtp));
	}
	return send(sock, frame, sizeof(frame), 0) == sizeof(frame) ? FRAME_PACKETS : 0;
}

/* Is it the packet that follows the last one of this stream? */
static int is_next(struct receiver *receiver, const __u8 *data, int number, int i)
{
	struct relay_rtp rtp;

	memcpy(&rtp, data, sizeof(rtp));
	if (!receiver->has_stream) {
		receiver->has_stream = 1;
		receiver->ssrc = rtp.ssrc;
		receiver->sequence = ntohs(rtp.sequence);
	}
	return rtp.ssrc == receiver->ssrc && ntohs(rtp.sequence) == receiver->sequence++ &&
	       data[PACKET_LEN - 1] == (__u8)(number + i);
}

/* Return: packets of the frame that this receiver got, in their order */
static int receive_frame(struct receiver *receiver, int number)
{
	static __u8 data[PACKET_LEN + 1];
	int i, got = 0;

	for (i = 0; i < FRAME_PACKETS; i++) {
		if (recv(receiver->sock, data, sizeof(data), 0) != PACKET_LEN)
			break;
		got += is_next(receiver, data, number, i);
	}
	return got;
}

static int load_frames(int port, char **args)
{
	const int cnt = atoi(args[1]), len = PACKET_LEN;
	int i, k, sent = 0, got = 0;

	sock = connect_to(port);
	if (sock < 0 || receivers_open(atoi(args[0])))
		return 1;
	setsockopt(sock, IPPROTO_UDP, UDP_SEGMENT, &len, sizeof(len));
	for (i = 0; i < cnt; i++) {
		sent += send_frame(i);
		for (k = 0; k < RECEIVERS; k++)
			got += receive_frame(&receivers[k], i);
		progress(i + 1, cnt);
		usleep(FRAME_US);
	}
	printf("%d %d\n", sent, got);
	return 0;
}

/*
 * ---- Requests ----------------------------------------------------------------
 */

static const char request[] =
	"GET /page HTTP/1.1\r\n"
	"Host: demo.example\r\n"
	"User-Agent: load (a client whose segments are small)\r\n"
	"Accept: text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8\r\n"
	"Accept-Language: en, de;q=0.5\r\n"
	"Cookie: session=0123456789abcdef0123456789abcdef; seen=yes\r\n"
	"\r\n";

/* The next segment of a request; 1, or 0 if it cannot be sent */
static int send_segment(int client, size_t at)
{
	const size_t left = sizeof(request) - 1 - at;
	const size_t len = left < SEGMENT ? left : SEGMENT;

	return send(client, request + at, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Is the answer a page? */
static int is_page(int client)
{
	static const char status[] = "HTTP/1.1 200", name[] = "Content-Length: ";
	const char *body = NULL, *field;
	size_t len = 0, whole = 0;
	char got[4096];
	ssize_t n;

	while (!body || len < whole) {
		n = recv(client, got + len, sizeof(got) - len, 0);
		if (n <= 0)
			return 0;
		len += n;
		body = body ?: memmem(got, len, "\r\n\r\n", 4);
		field = memmem(got, len, name, sizeof(name) - 1);
		if (body && field)
			whole = body + 4 - got + atoi(field + sizeof(name) - 1);
	}
	return len == whole && !memcmp(got, status, sizeof(status) - 1);
}

/* Requests of @clients at the same time.  Return: segments */
static int send_requests(const int *clients, int cnt)
{
	int i, sent = 0;
	size_t at;

	for (at = 0; at < sizeof(request) - 1; at += SEGMENT)
		for (i = 0; i < cnt; i++) {
			sent += send_segment(clients[i], at);
			usleep(SEGMENT_US);
		}
	return sent;
}

static int load_requests(int port, char **args)
{
	const int cnt = atoi(args[0]);
	int clients[CLIENTS], i, k, most, sent = 0, answered = 0;

	for (k = 0; k < CLIENTS; k++) {
		clients[k] = stream_connect(port, 20);
		if (clients[k] < 0) {
			perror("load: cannot connect");
			return 1;
		}
	}
	for (i = 0; i < cnt; i += most) {
		most = cnt - i < CLIENTS ? cnt - i : CLIENTS;
		sent += send_requests(clients, most);
		for (k = 0; k < most; k++) {
			answered += is_page(clients[k]);
			progress(i + k + 1, cnt);
		}
	}
	printf("%d %d\n", sent, answered);
	return 0;
}

static const struct kind {
	const char *name;
	int arg_cnt;
	int (*load)(int port, char **args);
} kinds[] = {
	{ "records", 1, load_records },
	{ "strangers", 2, load_strangers },
	{ "frames", 2, load_frames },
	{ "requests", 1, load_requests },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds) && argc > 3; i++)
		if (!strcmp(kinds[i].name, argv[1]) && argc == 3 + kinds[i].arg_cnt &&
		    sample_port(argv[2]) && atoi(argv[argc - 1]) > 0)
			return kinds[i].load(sample_port(argv[2]), argv + 3);
	fputs(usage, stderr);
	return 2;
}
