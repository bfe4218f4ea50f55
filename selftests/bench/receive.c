// SPDX-License-Identifier: GPL-2.0
/*
 * The receiving process: it uses wanted datagrams, and discards unwanted ones that it
 * receives.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define BATCH		64
#define PACKET_MAX	2048
#define MERGED_MAX	65536

static const __u8 *wanted_payload(const struct traffic *traffic, int i)
{
	return traffic->want ? traffic->want(i) : traffic_payload(i);
}

/* If the system filters, no unwanted datagram may arrive. */
static void check(struct receiver *rx, const __u8 *data, int len)
{
	int tries = TRAFFIC_CNT;

	while (--tries && traffic_payload(rx->next)[0] != data[0])
		rx->next = (rx->next + 1) % TRAFFIC_CNT;
	if (len != rx->traffic->size - rx->traffic->overhead ||
	    memcmp(wanted_payload(rx->traffic, rx->next), data, len))
		die("A datagram arrived that differs from the one sent.");
	rx->next = (rx->next + 1) % TRAFFIC_CNT;
}

static void take(struct receiver *rx, __u8 *data, int len)
{
	if (rx->traffic->open)
		len = rx->traffic->open(data, len);
	if (len < 0) {
		rx->discarded++;
		return;
	}
	if (rx->check)
		check(rx, data, len);
	if (data[0] == WANTED)
		rx->wanted++;
	else
		rx->discarded++;
}

void receive_each(struct receiver *rx)
{
	const bool alone = rx->traffic->arrival == ALONE;
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), len;
	__u8 data[PACKET_MAX];

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, rx->sock, &event))
		die("epoll does not accept the socket: %s.", strerror(errno));
	while (!rx->stop) {
		rx->calls++;
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			die("epoll_wait() fails: %s.", strerror(errno));
		/* With single datagrams, checking for more would be a waste. */
		do {
			rx->calls++;
			len = recv(rx->sock, data, sizeof(data), MSG_DONTWAIT);
			if (len > 0)
				take(rx, data, len);
		} while (len > 0 && !alone);
	}
	close(epoll);
}

/**
 * struct batch - buffers for recvmmsg()
 * @msgs:	the messages
 * @iov:	their data
 * @control:	their control messages
 */
struct batch {
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control[BATCH];
};

static int batch_receive(struct receiver *rx, struct batch *batch)
{
	int n;

	rx->calls++;
	n = recvmmsg(rx->sock, batch->msgs, BATCH, MSG_WAITFORONE, NULL);
	if (n < 0)
		die("recvmmsg() fails: %s.", strerror(errno));
	return n;
}

/* Send the first @n back to their senders; @batch is ready to receive again. */
static void batch_answer(struct receiver *rx, struct batch *batch, int n, size_t room)
{
	int i, sent;

	for (i = 0; i < n; i++)
		batch->iov[i].iov_len = batch->msgs[i].msg_len;
	for (sent = 0; sent < n; sent += i) {
		rx->calls++;
		i = sendmmsg(rx->sock, batch->msgs + sent, n - sent, 0);
		if (i <= 0)
			die("sendmmsg() fails: %s.", strerror(errno));
	}
	for (i = 0; i < n; i++)
		batch->iov[i].iov_len = room;
}

static void handle_many(struct receiver *rx, bool answer)
{
	static __u8 data[BATCH][PACKET_MAX];
	static struct sockaddr_in from[BATCH];
	static struct batch batch;
	int i, n;

	for (i = 0; i < BATCH; i++) {
		batch.iov[i] = (struct iovec) { data[i], PACKET_MAX };
		batch.msgs[i].msg_hdr.msg_iov = &batch.iov[i];
		batch.msgs[i].msg_hdr.msg_iovlen = 1;
		batch.msgs[i].msg_hdr.msg_name = answer ? &from[i] : NULL;
		batch.msgs[i].msg_hdr.msg_namelen = answer ? sizeof(from[i]) : 0;
	}
	while (!rx->stop) {
		n = batch_receive(rx, &batch);
		if (answer && !rx->stop)
			batch_answer(rx, &batch, n, PACKET_MAX);
		for (i = 0; i < n; i++)
			take(rx, data[i], batch.msgs[i].msg_len);
	}
}

void receive_many(struct receiver *rx)
{
	handle_many(rx, false);
}

void answer_many(struct receiver *rx)
{
	handle_many(rx, true);
}

static void take_merged(struct receiver *rx, const struct mmsghdr *msg)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg->msg_hdr);
	__u8 *data = msg->msg_hdr.msg_iov->iov_base;
	int size = msg->msg_len, len = msg->msg_len, pos;

	if (cmsg && cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
		memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
	for (pos = 0; pos < len; pos += size)
		take(rx, data + pos, len - pos < size ? len - pos : size);
}

/* Send them with the segment size that recvmsg() returned. */
static void answer_as_merged(struct receiver *rx, struct batch *batch, int n)
{
	struct cmsghdr *cmsg;
	__u16 size;
	int i, value;

	for (i = 0; i < n; i++) {
		cmsg = CMSG_FIRSTHDR(&batch->msgs[i].msg_hdr);
		if (!cmsg)
			continue;
		memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
		size = value;
		cmsg->cmsg_type = UDP_SEGMENT;
		cmsg->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(cmsg), &size, sizeof(size));
		batch->msgs[i].msg_hdr.msg_controllen = CMSG_SPACE(sizeof(size));
	}
	batch_answer(rx, batch, n, MERGED_MAX);
}

static void handle_merged(struct receiver *rx, bool answer)
{
	static __u8 data[BATCH][MERGED_MAX];
	static struct sockaddr_in from[BATCH];
	static struct batch batch;
	int i, n = BATCH, on = 1;

	if (setsockopt(rx->sock, SOL_UDP, UDP_GRO, &on, sizeof(on)))
		die("The socket refuses UDP_GRO: %s.", strerror(errno));
	for (i = 0; i < BATCH; i++) {
		batch.iov[i] = (struct iovec) { data[i], MERGED_MAX };
		batch.msgs[i].msg_hdr.msg_iov = &batch.iov[i];
		batch.msgs[i].msg_hdr.msg_iovlen = 1;
		batch.msgs[i].msg_hdr.msg_control = &batch.control[i];
		batch.msgs[i].msg_hdr.msg_name = answer ? &from[i] : NULL;
		batch.msgs[i].msg_hdr.msg_namelen = answer ? sizeof(from[i]) : 0;
	}
	while (!rx->stop) {
		/* Reset the lengths of used control buffers. */
		for (i = 0; i < n; i++)
			batch.msgs[i].msg_hdr.msg_controllen = sizeof(batch.control[i]);
		n = batch_receive(rx, &batch);
		for (i = 0; i < n; i++)
			take_merged(rx, &batch.msgs[i]);
		if (answer && !rx->stop)
			answer_as_merged(rx, &batch, n);
	}
}

void receive_merged(struct receiver *rx)
{
	handle_merged(rx, false);
}

void answer_merged(struct receiver *rx)
{
	handle_merged(rx, true);
}
