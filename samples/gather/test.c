// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Up to eight senders send records of 60 kB at once: each must arrive complete, and no
 * other. The receiver is the sample gather, in the directory of this program.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../test.h"
#include "sender.h"

#define PORT		"7008"
#define SENDERS		8
#define RECORDS		10

/* Number of parallel senders */
static int sender_cnt;

/* Send the fragments of all senders alternately, each sender in another order */
static int send_all(struct sender *senders, int record)
{
	/* not divisors of SENDER_CNT */
	static const int steps[SENDERS] = { 1, 3, 5, 7, 9, 13, 15, 17 };
	int i, k, ok = 1;

	for (k = 0; k < sender_cnt; k++)
		sender_fill(&senders[k], record);
	for (i = 0; i < SENDER_CNT; i++)
		for (k = 0; k < sender_cnt; k++)
			ok &= sender_send(&senders[k], record, (i * steps[k] + k) % SENDER_CNT);
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
	static const char *const args[] = { "gather", PORT, NULL };
	static struct sender senders[SENDERS];
	char line[128] = "", expected[128], what[64];
	FILE *out = NULL;
	pid_t pid;
	int i;

	(void)argc;
	test_plan(RECORDS + 2);
	sender_cnt = senders_that_fit();
	if (sender_cnt > SENDERS)
		sender_cnt = SENDERS;
	pid = test_start(argv[0], args, NULL, &out);
	for (i = 0; i < SENDERS && pid > 0; i++)
		if (sender_open(&senders[i], atoi(PORT), i))
			pid = -1;
	if (pid < 0)
		return test_bail_out("The receiver does not start.");
	for (i = 0; i < RECORDS; i++) {
		snprintf(what, sizeof(what), "record %d of %d senders", i, sender_cnt);
		report(test_record(senders, i), what);
	}
	/* Otherwise its receipt would be the next that the sender gets. */
	sender_send(&senders[0], RECORDS, 0);
	report(test_record(senders, RECORDS + 1), "an incomplete record is not delivered");
	kill(pid, SIGTERM);
	snprintf(expected, sizeof(expected),
		 "%d records in %d datagrams; 0 datagrams of incomplete records\n",
		 (RECORDS + 1) * sender_cnt, (RECORDS + 1) * sender_cnt * SENDER_CNT);
	report(fgets(line, sizeof(line), out) && !strcmp(line, expected),
	       "it prints the counters");
	waitpid(pid, NULL, 0);
	return test_status();
}
