// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * An echo server that authenticates nobody, with wgate on its socket: does it sleep while
 * datagrams arrive from those who have no key?  wgate is the sample itself, found beside this
 * program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../test.h"
#include "client.h"

#define PORT		"7017"
#define ROUNDS		40
#define BAD		12	/* datagrams of each kind in a round */

static int sock;
static unsigned long bad, forged;

static int socket_to(struct sockaddr_in *to)
{
	const struct timeval timeout = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*to = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

/* It answers everything. */
static pid_t start_server(void)
{
	struct sockaddr_in to, from;
	int fd = socket_to(&to);
	pid_t pid;

	if (bind(fd, (void *)&to, sizeof(to)))
		return -1;
	pid = fork();
	while (!pid) {
		socklen_t len = sizeof(from);
		char data[2048];
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (void *)&from, &len);

		if (n >= 0)
			sendto(fd, data, n, 0, (void *)&from, len);
	}
	close(fd);
	return pid;
}

/**
 * struct gate - wgate, as a child
 * @pid:	the child
 * @in:		its input
 * @out:	its output
 */
struct gate {
	pid_t pid;
	FILE *in;
	FILE *out;
};

static int gate_says(struct gate *gate, const char *expected)
{
	char line[128];

	return fgets(line, sizeof(line), gate->out) && !strcmp(line, expected);
}

static int gate_start(struct gate *gate, const char *self, pid_t server)
{
	char pid[16];
	const char *const args[] = { "wgate", pid, PORT, NULL };

	snprintf(pid, sizeof(pid), "%d", server);
	gate->pid = test_start(self, args, &gate->in, &gate->out);
	return gate->pid > 0;
}

static int gate_admit(struct gate *gate, const struct wgate_client *client)
{
	fprintf(gate->in, "%u ", client->id);
	for (int i = 0; i < WGATE_KEY; i++)
		fprintf(gate->in, "%02x", client->key[i]);
	fprintf(gate->in, "\n");
	fflush(gate->in);
	return gate_says(gate, "set\n");
}

static int is_echoed(struct wgate_client *client, const void *data, size_t len)
{
	char got[2048];

	return wgate_send(client, sock, data, len) == (ssize_t)len &&
	       recv(sock, got, sizeof(got), 0) == (ssize_t)len && !memcmp(got, data, len);
}

/* Wrong in one bit, of no client, too short, without a header, and sent before */
static void attack(struct wgate_client *client, struct wgate_client *stranger)
{
	__u8 data[256], sealed[512];
	size_t len;

	memset(data, 'x', sizeof(data));
	for (int i = 0; i < BAD; i++) {
		len = wgate_seal(client, data, sizeof(data), sealed);
		sealed[(i * 23) % len] ^= 1 << i % 8;
		/* A wrong header may be rejected for another reason, before authentication. */
		forged += (i * 23) % len < WGATE_TAG || (i * 23) % len >= sizeof(struct wgate_header);
		send(sock, sealed, len, 0);
		len = wgate_seal(stranger, data, sizeof(data), sealed);
		send(sock, sealed, len, 0);
		forged++;
		send(sock, sealed, i, 0);
		send(sock, data, sizeof(data), 0);
		bad += 4;
	}
}

static void test_attack(struct wgate_client *client, struct wgate_client *stranger,
			pid_t server)
{
	long before, all = 0;
	int ok = 1;

	for (int i = 0; i < ROUNDS; i++) {
		/* It sleeps: the answer was its last. */
		ok &= is_echoed(client, "before", 6);
		before = sleeps_of(server);
		ok &= before > 0;
		attack(client, stranger);
		ok &= is_echoed(client, "after", 5);
		all += sleeps_of(server) - before;
	}
	report(ok, "good datagrams are answered, and no others");
	/* Once for the good one, and once more if it had not slept yet when it was asked. */
	report(all <= 2 * ROUNDS, "the server is woken by good datagrams alone");
	printf("# %lu bad datagrams, %d good ones in between, woken %ld times\n", bad, ROUNDS,
	       all);
}

static void test_replay(struct wgate_client *client)
{
	__u8 sealed[128], got[128];
	size_t len = wgate_seal(client, "once", 4, sealed);
	int ok;

	for (int i = 0; i < 10; i++)
		send(sock, sealed, len, 0);
	ok = recv(sock, got, sizeof(got), 0) == 4 && is_echoed(client, "next", 4);
	bad += 9;
	report(ok, "a datagram is accepted once");
}

static void test_removal(struct gate *gate, struct wgate_client *client,
			 struct wgate_client *other)
{
	int ok;

	ok = gate_admit(gate, other) && is_echoed(other, "hello", 5);
	fprintf(gate->in, "%u -\n", other->id);
	fflush(gate->in);
	ok &= gate_says(gate, "set\n");
	wgate_send(other, sock, "hello", 5);
	bad++;
	forged++;
	ok &= is_echoed(client, "last", 4);
	report(ok, "a client that was removed is not accepted any more");
}

static void test_counters(struct gate *gate, unsigned long good)
{
	unsigned long passed, dropped, counted;
	char line[128] = "";

	fclose(gate->in);
	report(fgets(line, sizeof(line), gate->out) &&
	       sscanf(line, "%lu passed, %lu dropped: %lu not authentic", &passed, &dropped,
		      &counted) == 3 && passed == good && dropped == bad && counted >= forged,
	       "it has counted them");
	printf("# %s", line);
}

static void test_end(struct gate *gate)
{
	char got[16];

	waitpid(gate->pid, NULL, 0);
	report(send(sock, "plain", 5, 0) == 5 && recv(sock, got, sizeof(got), 0) == 5 &&
	       !memcmp(got, "plain", 5), "afterwards the server gets all datagrams");
}

int main(int argc, char **argv)
{
	struct wgate_client client = { 1, 0, "a key" }, stranger = { 1, 1 << 20, "another" };
	struct wgate_client other = { 2, 0, "a third" };
	struct sockaddr_in to;
	struct gate gate;
	pid_t server;

	(void)argc;
	test_plan(6);
	server = start_server();
	sock = socket_to(&to);
	if (server < 0 || connect(sock, (void *)&to, sizeof(to)) ||
	    !gate_start(&gate, argv[0], server) || !gate_admit(&gate, &client))
		return test_bail_out("The server or the gate does not start.");
	test_attack(&client, &stranger, server);
	test_replay(&client);
	test_removal(&gate, &client, &other);
	test_counters(&gate, 2 * ROUNDS + 2 + 2);
	test_end(&gate);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return test_status();
}
