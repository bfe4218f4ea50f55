// SPDX-License-Identifier: GPL-2.0
/* vnpctl relay: receivers get what is sent to the port, and it says how much that was. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "harness.h"

#define RECEIVERS	2

/**
 * FIXTURE(relay) - two receivers and a sender
 * @rx:		receivers, IPv4 and IPv6
 * @tx:		sends to @port
 * @port:	what is relayed
 * @tool:	vnpctl
 * @from:	its output
 * @out:	what was read of it
 */
FIXTURE(relay) {
	int rx[RECEIVERS];
	int tx;
	int port;
	pid_t tool;
	FILE *from;
	char out[1 << 14];
};

/* free_port() - one that nobody has */
static int free_port(void)
{
	int sock = udp_socket("::", 0), port = sock_port(sock);

	close(sock);
	return port;
}

FIXTURE_SETUP(relay)
{
	pin(0);
	self->rx[0] = udp_socket("127.0.0.1", 0);
	self->rx[1] = udp_socket("::1", 0);
	self->tx = udp_socket("127.0.0.1", 0);
	self->port = free_port();
	self->tool = -1;
	ASSERT_OK(self->rx[0]);
	ASSERT_OK(self->rx[1]);
	ASSERT_OK(self->tx);
}

FIXTURE_TEARDOWN(relay)
{
	if (self->tool > 0)
		kill(self->tool, SIGKILL);
	for (int i = 0; i < RECEIVERS; i++)
		close(self->rx[i]);
	close(self->tx);
}

/* start() - vnpctl with these words.  Return: 0 */
static int start(FIXTURE_DATA(relay) *self, const char *option, const char *to)
{
	char spec[16];
	int ends[2];

	snprintf(spec, sizeof(spec), "udp:%d", self->port);
	if (pipe(ends))
		return -errno;
	self->tool = fork();
	if (!self->tool) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("vnpctl", "vnpctl", "relay", spec, "to", to, option, NULL);
		_exit(127);
	}
	close(ends[1]);
	self->from = fdopen(ends[0], "r");
	return self->tool < 0 || !self->from ? -errno : 0;
}

/* ready() - has it said that it relays? */
static bool ready(FIXTURE_DATA(relay) *self)
{
	return fgets(self->out, sizeof(self->out), self->from) &&
	       strstr(self->out, " is relayed to ");
}

/* status() - its exit status; its output is in @out */
static int status(FIXTURE_DATA(relay) *self)
{
	size_t len = fread(self->out, 1, sizeof(self->out) - 1, self->from);
	pid_t pid = self->tool;

	self->out[len] = 0;
	fclose(self->from);
	self->tool = -1;
	return finish(pid);
}

/* interrupt() - Ctrl-C; its exit status */
static int interrupt(FIXTURE_DATA(relay) *self)
{
	kill(self->tool, SIGINT);
	return status(self);
}

static int start_both(FIXTURE_DATA(relay) *self, const char *option)
{
	char to[64];

	snprintf(to, sizeof(to), "127.0.0.1:%d,[::1]:%d", sock_port(self->rx[0]),
		 sock_port(self->rx[1]));
	return start(self, option, to);
}

static int send_port(FIXTURE_DATA(relay) *self, const void *data, size_t len)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(self->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return sendto(self->tx, data, len, 0, (const void *)&to, sizeof(to));
}

TEST_F(relay, datagrams_arrive_unchanged)
{
	static const size_t lens[] = { 0, 1, 64, 1400, 9000, 40000 };
	static __u8 sent[40000], seen[sizeof(sent) + 1];
	char row[64];
	size_t i, all = 0;

	ASSERT_EQ(0, start_both(self, NULL));
	ASSERT_TRUE(ready(self)) {
		TH_LOG("%s", self->out);
	}
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		fill_random(sent, lens[i], i);
		ASSERT_EQ(lens[i], send_port(self, sent, lens[i]));
		for (int k = 0; k < RECEIVERS; k++) {
			ASSERT_EQ(lens[i], recv(self->rx[k], seen, sizeof(seen), 0));
			EXPECT_MEM(sent, seen, lens[i]);
		}
		all += lens[i];
	}
	EXPECT_EQ(0, interrupt(self));
	EXPECT_NE(NULL, strstr(self->out, "RECEIVER"));
	snprintf(row, sizeof(row), "127.0.0.1:%d", sock_port(self->rx[0]));
	EXPECT_NE(NULL, strstr(self->out, row));
	snprintf(row, sizeof(row), "%zu datagrams (%zu bytes) received", i, all);
	EXPECT_NE(NULL, strstr(self->out, row)) {
		TH_LOG("%s", self->out);
	}
	snprintf(row, sizeof(row), "  %zu  %zu            0         0  -", i, all);
	EXPECT_NE(NULL, strstr(self->out, row)) {
		TH_LOG("%s", self->out);
	}
}

/* The process is asleep. */
TEST_F(relay, without_a_context_switch)
{
	char seen[16];
	long before;

	ASSERT_EQ(0, start_both(self, NULL));
	ASSERT_TRUE(ready(self));
	thread_sleeps(self->tool);
	before = voluntary_switches(self->tool);
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(4, send_port(self, "data", 4));
		for (int k = 0; k < RECEIVERS; k++)
			ASSERT_EQ(4, recv(self->rx[k], seen, sizeof(seen), 0));
	}
	EXPECT_EQ(before, voluntary_switches(self->tool));
	EXPECT_EQ(0, interrupt(self));
}

TEST_F(relay, json)
{
	char seen[16];

	ASSERT_EQ(0, start_both(self, "-j"));
	ASSERT_TRUE(ready(self));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(4, send_port(self, "data", 4));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(4, recv(self->rx[1], seen, sizeof(seen), 0));
	EXPECT_EQ(0, interrupt(self));
	EXPECT_EQ('{', self->out[0]);
	EXPECT_NE(NULL, strstr(self->out, "\"receivers\":[{\"address\":\"127.0.0.1:"));
	EXPECT_NE(NULL, strstr(self->out, "\"sent\":3,\"bytes\":12,\"unreachable\":0,")) {
		TH_LOG("%s", self->out);
	}
}

/* Somebody else detaches the link: it says so, and what was relayed until then. */
TEST_F(relay, detached)
{
	struct vnp_link *link;
	char seen[16];
	__u32 id = 0;

	ASSERT_EQ(0, start_both(self, NULL));
	ASSERT_TRUE(ready(self));
	ASSERT_EQ(4, send_port(self, "data", 4));
	ASSERT_EQ(4, recv(self->rx[1], seen, sizeof(seen), 0));
	ASSERT_EQ(0, vnp_id_next(VNP_OBJ_LINK, &id));
	ASSERT_EQ(0, vnp_link_open(id, NULL, &link));
	ASSERT_EQ(0, vnp_link_detach(link));
	vnp_link_close(link);
	EXPECT_EQ(0, interrupt(self));
	EXPECT_NE(NULL, strstr(self->out, "Warning: the link was detached before"));
	EXPECT_NE(NULL, strstr(self->out, "1 datagrams (4 bytes) received")) {
		TH_LOG("%s", self->out);
	}
}

/* One is not there: the other gets all the same. */
TEST_F(relay, unreachable)
{
	char to[64], seen[16];
	int gone = free_port();

	snprintf(to, sizeof(to), "127.0.0.1:%d,[::1]:%d", gone, sock_port(self->rx[1]));
	ASSERT_EQ(0, start(self, "-j", to));
	ASSERT_TRUE(ready(self));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(4, send_port(self, "data", 4));
		ASSERT_EQ(4, recv(self->rx[1], seen, sizeof(seen), 0));
	}
	EXPECT_EQ(0, interrupt(self));
	EXPECT_NE(NULL, strstr(self->out, "\"sent\":3,\"bytes\":12,\"unreachable\":3,")) {
		TH_LOG("%s", self->out);
	}
	EXPECT_NE(NULL, strstr(self->out, "\"sent\":3,\"bytes\":12,\"unreachable\":0,"));
}

TEST_F(relay, refused)
{
	static const struct { const char *to, *why; } tries[] = {
		{ "127.0.0.1", "is not a peer" },
		{ "127.0.0.1:5004,", "is not a peer" },
		{ "127.0.0.1:5004,127.0.0.1:5004", "is listed twice" },
		{ "127.0.0.1:5004,198.51.100.1:5004",
		  "Cannot send to 198.51.100.1:5004: Network is unreachable" },
		{ "127.255.255.255:5004", "Cannot send to 127.255.255.255:5004: Permission denied" },
		{ "224.0.0.1:5004", "Cannot send to 224.0.0.1:5004: it is a multicast address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		ASSERT_EQ(0, start(self, NULL, tries[i].to));
		EXPECT_EQ(1, status(self));
		EXPECT_NE(NULL, strstr(self->out, tries[i].why)) {
			TH_LOG("%s: %s", tries[i].to, self->out);
		}
	}
	self->port = sock_port(self->tx);
	ASSERT_EQ(0, start(self, NULL, "127.0.0.1:5004"));
	EXPECT_EQ(1, status(self));
	EXPECT_NE(NULL, strstr(self->out, "Address already in use"));
}

TEST_HARNESS_MAIN
