// SPDX-License-Identifier: GPL-2.0
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "hook/ioctl.h"
#include "../kmod/common.h"

#define PEER		"10.9.0.2"
#define FIRST_PORT	20000
#define WINDOW		502	/* in units of 128 bytes */
#define WSCALE		7
#define FIRST_SEQ	1000000	/* in either direction */
#define FRAME_LEN	(sizeof(struct frame) + SEGMENT_LEN)

/* Codes of TCP's options */
#define OPT_NOP		1
#define OPT_MSS		2
#define OPT_WINDOW	3
#define OPT_SACK	4
#define OPT_TIMESTAMP	8
#define OPT_TIMESTAMP_LEN 10

/* struct frame - what precedes the bytes of a segment; these are aligned as on the wire */
struct frame {
	struct iphdr ip;
	struct tcphdr tcp;
	__u8 nop[2];
	__u8 kind;
	__u8 len;
	__be32 value;
	__be32 echo;
} __attribute__((packed, aligned(4)));

static __u8 frames[BENCH_FRAMES_MAX * FRAME_LEN];

static void set(int sock, int name, const void *val, size_t len)
{
	if (setsockopt(sock, IPPROTO_TCP, name, val, len))
		die("The connection cannot be set up: %s.", strerror(errno));
}

static void set_int(int sock, int name, int val)
{
	set(sock, name, &val, sizeof(val));
}

static void set_seq(int sock, int queue)
{
	set_int(sock, TCP_REPAIR_QUEUE, queue);
	set_int(sock, TCP_QUEUE_SEQ, FIRST_SEQ);
}

void connection_open(struct connection *conn)
{
	static const struct tcp_repair_opt opts[] = {
		{ OPT_MSS, 1460 }, { OPT_WINDOW, WSCALE | WSCALE << 16 }, { OPT_SACK },
		{ OPT_TIMESTAMP },
	};
	static const struct linger abort = { .l_onoff = 1 };
	static __u16 port = FIRST_PORT;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(RIG_PORT)),
		.sin_addr.s_addr = inet_addr(RIG_ADDRESS),
	};

	conn->port = port++;
	conn->seq = FIRST_SEQ;
	conn->ack = FIRST_SEQ;
	conn->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_int(conn->sock, TCP_REPAIR, TCP_REPAIR_ON);
	set_seq(conn->sock, TCP_SEND_QUEUE);
	set_seq(conn->sock, TCP_RECV_QUEUE);
	if (sock_set(conn->sock, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    setsockopt(conn->sock, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)) ||
	    bind(conn->sock, (const void *)&address, sizeof(address)))
		die("The connection has no address: %s.", strerror(errno));
	address.sin_port = htons(conn->port);
	address.sin_addr.s_addr = inet_addr(PEER);
	if (connect(conn->sock, (const void *)&address, sizeof(address)))
		die("There is no connection: %s.", strerror(errno));
	set(conn->sock, TCP_REPAIR_OPTIONS, opts, sizeof(opts));
	set_int(conn->sock, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
}

void connection_close(struct connection *conn)
{
	close(conn->sock);
}

/* The card has verified TCP's checksum, so it need not be right. */
static void write_frame(const struct connection *conn, __u8 *at, const void *data, size_t len,
			bool last)
{
	struct frame frame = {
		.ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(frame) + len),
			.id = htons(conn->frames),
			.frag_off = htons(IP_DF),
			.ttl = 64,
			.protocol = IPPROTO_TCP,
			.saddr = inet_addr(PEER),
			.daddr = inet_addr(RIG_ADDRESS),
		},
		.tcp = {
			.source = htons(conn->port),
			.dest = htons(atoi(RIG_PORT)),
			.seq = htonl(conn->seq),
			.ack_seq = htonl(conn->ack),
			.doff = (sizeof(frame) - sizeof(frame.ip)) / 4,
			.ack = 1,
			.psh = last,
			.window = htons(WINDOW),
		},
		.nop = { OPT_NOP, OPT_NOP },
		.kind = OPT_TIMESTAMP,
		.len = OPT_TIMESTAMP_LEN,
		.value = htonl(1),
	};

	frame.ip.check = rig_checksum(&frame.ip, sizeof(frame.ip), 0);
	memcpy(at, &frame, sizeof(frame));
	memcpy(at + sizeof(frame), data, len);
}

static void add_frame(struct connection *conn, const void *data, size_t len, bool last)
{
	if (conn->frames == BENCH_FRAMES_MAX)
		die("There are more segments than the card can have.");
	write_frame(conn, frames + conn->frames * FRAME_LEN, data, len, last);
	conn->seq += len;
	conn->frames++;
}

void connection_add(struct connection *conn, const void *data, size_t len)
{
	const __u8 *end = data + len;
	const __u8 *from;
	size_t n;

	for (from = data; from < end; from += n) {
		n = (size_t)(end - from) < SEGMENT_LEN ? (size_t)(end - from) : SEGMENT_LEN;
		add_frame(conn, from, n, from + n == end);
	}
}

void connection_add_ack(struct connection *conn)
{
	add_frame(conn, NULL, 0, false);
}

void connection_commit(const struct connection *conn)
{
	rig_load(frames, conn->frames, FRAME_LEN);
}

void connection_load(struct connection *conn, const void *data, size_t len)
{
	conn->frames = 0;
	connection_add(conn, data, len);
	connection_commit(conn);
}
