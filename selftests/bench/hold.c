// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that arrive in several datagrams: the process gets them as a whole, or receives the
 * datagrams and copies their bytes to where they belong.  All figures are those of a message.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "hold.h"

#define BATCH		64
#define MESSAGE_MAX	65536

/* Datagrams of a message */
static int fragments;

/* A message that the process assembles, by its number */
struct assembly {
	int cnt;
	__u8 data[MESSAGE_MAX];
};

static void write_fragment(__u8 *payload, int i)
{
	const struct fragment_header header = {
		.wanted = WANTED,
		.cnt = fragments,
		.order = i % fragments,
		.message = i / fragments,
	};

	memcpy(payload, &header, sizeof(header));
}

/* The bytes of the message that is expected, one datagram after the other */
static void check_message(struct receiver *rx, const __u8 *data, int len)
{
	const int size = rx->traffic->size - sizeof(struct fragment_header);
	int i;

	if (len != size * fragments)
		die("A message has %d bytes, not %d.", len, size * fragments);
	for (i = 0; i < fragments; i++)
		if (memcmp(traffic_payload(rx->next + i) + sizeof(struct fragment_header),
			   data + i * size, size))
			die("A message arrived that differs from the one sent.");
	rx->next = (rx->next + fragments) % TRAFFIC_CNT;
}

static void take_message(struct receiver *rx, const __u8 *data, int len)
{
	if (rx->check)
		check_message(rx, data, len);
	rx->wanted += fragments;
}

static void receive_messages(struct receiver *rx)
{
	static __u8 data[MESSAGE_MAX];
	int len;

	while (!rx->stop) {
		rx->calls++;
		len = recv(rx->sock, data, sizeof(data), 0);
		if (len > 0)
			take_message(rx, data, len);
	}
}

/* Copy a datagram's bytes to their message. */
static void assemble(struct receiver *rx, const __u8 *data, int len)
{
	static struct assembly assemblies[TRAFFIC_CNT];
	const struct fragment_header *header = (const void *)data;
	struct assembly *to = &assemblies[header->message % TRAFFIC_CNT];

	len -= sizeof(*header);
	memcpy(to->data + header->order * len, header + 1, len);
	if (++to->cnt < header->cnt)
		return;
	take_message(rx, to->data, len * to->cnt);
	to->cnt = 0;
}

static void assemble_merged(struct receiver *rx, const struct mmsghdr *msg)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg->msg_hdr);
	const __u8 *data = msg->msg_hdr.msg_iov->iov_base;
	int size = msg->msg_len, len = msg->msg_len, pos;

	if (cmsg && cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
		memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
	for (pos = 0; pos < len; pos += size)
		assemble(rx, data + pos, len - pos < size ? len - pos : size);
}

static void receive_and_assemble(struct receiver *rx, bool merged)
{
	static union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control[BATCH];
	static __u8 data[BATCH][MESSAGE_MAX];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	int i, n = BATCH;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec) { data[i], MESSAGE_MAX };
		msgs[i].msg_hdr = (struct msghdr) {
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = merged ? &control[i] : NULL,
		};
	}
	while (!rx->stop) {
		for (i = 0; merged && i < n; i++)
			msgs[i].msg_hdr.msg_controllen = sizeof(control[i]);
		rx->calls++;
		n = recvmmsg(rx->sock, msgs, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			die("recvmmsg() fails: %s.", strerror(errno));
		/* At the end it is woken without a datagram: the length is 0. */
		for (i = 0; i < n && msgs[i].msg_len; i++) {
			if (merged)
				assemble_merged(rx, &msgs[i]);
			else
				assemble(rx, data[i], msgs[i].msg_len);
		}
	}
}

static void receive_fragments(struct receiver *rx)
{
	receive_and_assemble(rx, false);
}

static void receive_each_fragment(struct receiver *rx)
{
	static __u8 data[MESSAGE_MAX];
	int len;

	while (!rx->stop) {
		rx->calls++;
		len = recv(rx->sock, data, sizeof(data), 0);
		if (len > 0)
			assemble(rx, data, len);
	}
}

static void receive_merged_fragments(struct receiver *rx)
{
	const int on = 1;

	if (setsockopt(rx->sock, SOL_UDP, UDP_GRO, &on, sizeof(on)))
		die("The socket refuses UDP_GRO: %s.", strerror(errno));
	receive_and_assemble(rx, true);
}

static const struct system systems[] = {
	{ "vnp", receive_messages, true, attach_vnp_hold },
	{ "recvmmsg+memcpy", receive_fragments },
	{ "UDP_GRO+memcpy", receive_merged_fragments },
	{ "recv+memcpy", receive_each_fragment },
};

void bench_hold(void)
{
	static const int cnts[] = { 1, 8, 32 }, sizes[] = { 64, 1400 };
	struct traffic traffic = { .fill = write_fragment };
	struct row row = { .workload = "hold" };
	size_t i, k, n;

	for (n = 0; n < ARRAY_SIZE(cnts); n++)
		for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
			fragments = cnts[n];
			if (fragments == 1 && traffic.arrival != ALONE)
				continue;
			traffic.burst = traffic.arrival == ALONE ? 1 : fragments;
			rows_begin("messages of %d datagrams, %s (figures of a message)", fragments,
				   traffic_name(&traffic));
			for (i = 0; i < ARRAY_SIZE(systems); i++)
				for (k = 0; k < ARRAY_SIZE(sizes); k++) {
					traffic.size = sizes[k];
					rig_measure(&systems[i], &traffic, &row);
					row.burst = fragments;
					row.insns *= fragments;
					row.arrival *= fragments;
					row.switches *= fragments;
					row.syscalls *= fragments;
					row_add(&row);
				}
		}
}
