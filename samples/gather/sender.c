// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "sender.h"

/* Memory that an incomplete record takes */
#define RECORD_SIZE	(SENDER_CNT * 2500)

int senders_that_fit(void)
{
	FILE *file = fopen("/proc/sys/net/core/rmem_max", "r");
	long max = 0;

	if (file && fscanf(file, "%ld", &max) != 1)
		max = 0;
	if (file)
		fclose(file);
	/* The kernel doubles what SO_RCVBUF asks for. */
	max = 2 * max / RECORD_SIZE;
	return max < 1 ? 1 : max;
}

int sender_open(struct sender *s, int port, int rank)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval timeout = { .tv_sec = 10 };

	s->rank = rank;
	s->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(s->sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return connect(s->sock, (const void *)&to, sizeof(to));
}

void sender_fill(struct sender *s, int record)
{
	int i;

	for (i = 0; i < SENDER_RECORD_LEN; i++)
		s->record[i] = i * 31 + s->rank * 7 + record;
}

int sender_send(const struct sender *s, int record, int index)
{
	const int from = index * GATHER_BYTES_MAX;
	const int len = SENDER_RECORD_LEN - from < (int)GATHER_BYTES_MAX ?
			SENDER_RECORD_LEN - from : (int)GATHER_BYTES_MAX;
	__u8 datagram[GATHER_DATAGRAM_MAX];
	const struct gather_header header = {
		.rank = htonl(s->rank), .record = htonl(record),
		.index = htons(index), .cnt = htons(SENDER_CNT),
	};

	memcpy(datagram, &header, sizeof(header));
	memcpy(datagram + sizeof(header), s->record + from, len);
	return send(s->sock, datagram, sizeof(header) + len, 0) ==
	       (ssize_t)sizeof(header) + len;
}

int sender_has_receipt(const struct sender *s)
{
	struct gather_receipt receipt;

	return recv(s->sock, &receipt, sizeof(receipt), 0) == sizeof(receipt) &&
	       ntohl(receipt.bytes) == SENDER_RECORD_LEN &&
	       ntohl(receipt.sum) == gather_sum(s->record, SENDER_RECORD_LEN);
}
