// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Up to eight senders send records of 60 kB at once: each must arrive complete, and no
 * other. The receiver is the sample gather, in the directory of this program.
 */
#include <arpa/inet.h>
#include <libgen.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "gather.h"

#define PORT		"7008"
#define SENDERS		8
#define RECORDS		10
#define RECORD_LEN	60000
#define CNT		((RECORD_LEN + GATHER_BYTES_MAX - 1) / GATHER_BYTES_MAX)

/* Memory that an incomplete record takes */
#define RECORD_SIZE	(CNT * 2500)

static int tests, failed;

/*
 * Number of parallel senders: as many as fit into the receive buffer, which the system
 * limits
 */
static int sender_cnt;

static void report(int ok, const char *what)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++tests, what);
	failed += !ok;
}

/* Return: the receiver's pid, after it has printed that it is ready */
static pid_t start(const char *self, FILE **out)
{
	char path[4096], line[128];
	int pipes[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s", self);
	snprintf(line, sizeof(line), "%s/gather", dirname(path));
	if (pipe(pipes) || (pid = fork()) < 0)
		return -1;
	if (!pid) {
		dup2(pipes[1], STDOUT_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execl(line, "gather", PORT, NULL);
		_exit(127);
	}
	close(pipes[1]);
	*out = fdopen(pipes[0], "r");
	return fgets(line, sizeof(line), *out) ? pid : -1;
}

static int senders_that_fit(void)
{
	FILE *file = fopen("/proc/sys/net/core/rmem_max", "r");
	long max = 0;

	if (file && fscanf(file, "%ld", &max) != 1)
		max = 0;
	if (file)
		fclose(file);
	/* The kernel doubles what SO_RCVBUF asks for. */
	max = 2 * max / RECORD_SIZE;
	return max < 1 ? 1 : max < SENDERS ? max : SENDERS;
}

/* struct sender - one of the parallel senders */
struct sender {
	int sock;
	int rank;
	__u8 record[RECORD_LEN];
};

static int sender_open(struct sender *s, int rank)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval timeout = { .tv_sec = 10 };

	s->rank = rank;
	s->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(s->sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return connect(s->sock, (const void *)&to, sizeof(to));
}

static void sender_fill(struct sender *s, int record)
{
	int i;

	for (i = 0; i < RECORD_LEN; i++)
		s->record[i] = i * 31 + s->rank * 7 + record;
}

static int sender_send(const struct sender *s, int record, int index)
{
	const int from = index * GATHER_BYTES_MAX;
	const int len = RECORD_LEN - from < (int)GATHER_BYTES_MAX ?
			RECORD_LEN - from : (int)GATHER_BYTES_MAX;
	__u8 datagram[GATHER_DATAGRAM_MAX];
	const struct gather_header header = {
		.rank = htonl(s->rank), .record = htonl(record),
		.index = htons(index), .cnt = htons(CNT),
	};

	memcpy(datagram, &header, sizeof(header));
	memcpy(datagram + sizeof(header), s->record + from, len);
	return send(s->sock, datagram, sizeof(header) + len, 0) ==
	       (ssize_t)sizeof(header) + len;
}

static int sender_has_receipt(const struct sender *s)
{
	struct gather_receipt receipt;

	return recv(s->sock, &receipt, sizeof(receipt), 0) == sizeof(receipt) &&
	       ntohl(receipt.bytes) == RECORD_LEN &&
	       ntohl(receipt.sum) == gather_sum(s->record, RECORD_LEN);
}

/* Send the fragments of all senders alternately, each sender in another order */
static int send_all(struct sender *senders, int record)
{
	/* not divisors of CNT */
	static const int steps[SENDERS] = { 1, 3, 5, 7, 9, 13, 15, 17 };
	int i, k, ok = 1;

	for (k = 0; k < sender_cnt; k++)
		sender_fill(&senders[k], record);
	for (i = 0; i < (int)CNT; i++)
		for (k = 0; k < sender_cnt; k++)
			ok &= sender_send(&senders[k], record, (i * steps[k] + k) % CNT);
	return ok;
}

static int test_record(struct sender *senders, int record)
{
	int k, ok = send_all(senders, record);

	for (k = 0; k < sender_cnt; k++)
		ok &= sender_has_receipt(&senders[k]);
	return ok;
}

int main(int argc, char **argv)
{
	static struct sender senders[SENDERS];
	char line[128] = "", expected[128], what[64];
	FILE *out = NULL;
	pid_t pid;
	int i;

	(void)argc;
	printf("TAP version 13\n1..%d\n", RECORDS + 2);
	sender_cnt = senders_that_fit();
	pid = start(argv[0], &out);
	for (i = 0; i < SENDERS && pid > 0; i++)
		if (sender_open(&senders[i], i))
			pid = -1;
	if (pid < 0) {
		printf("Bail out! The receiver does not start.\n");
		return 1;
	}
	for (i = 0; i < RECORDS; i++) {
		snprintf(what, sizeof(what), "record %d of %d senders", i, sender_cnt);
		report(test_record(senders, i), what);
	}
	/* An incomplete record is not delivered. */
	sender_send(&senders[0], RECORDS, 0);
	report(recv(senders[0].sock, line, 1, MSG_DONTWAIT) < 0,
	       "an incomplete record is not delivered");
	kill(pid, SIGTERM);
	snprintf(expected, sizeof(expected),
		 "%d records in %d datagrams; 0 datagrams of incomplete records\n",
		 RECORDS * sender_cnt, RECORDS * sender_cnt * (int)CNT);
	report(fgets(line, sizeof(line), out) && !strcmp(line, expected),
	       "it prints the counters");
	waitpid(pid, NULL, 0);
	return failed ? 1 : 0;
}
