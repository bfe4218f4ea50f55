// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "server.h"

/* Bytes of an answer, at most: longer ones are cut */
#define ANSWER_MAX	(1 << 20)

/* How long coturn may take to answer, in seconds */
#define TIMEOUT_S	5

/* Return: the answer up to a line that begins with @end, or a negative errno */
static int ask(int sock, const char *command, const char *end, char *answer, size_t size)
{
	size_t len = 0;
	ssize_t ret;

	if (command && send(sock, command, strlen(command), MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		ret = recv(sock, answer + len, size - 1 - len, 0);
		if (ret <= 0)
			return ret ? -errno : -ECONNRESET;
		len += ret;
		answer[len] = 0;
	} while (!strstr(answer, end) && len < size - 1);
	return 0;
}

static int log_in(int sock, const char *password)
{
	char answer[4096], line[256];
	int err;

	err = ask(sock, NULL, "password:", answer, sizeof(answer));
	if (err)
		return err;
	snprintf(line, sizeof(line), "%s\r\n", password);
	err = ask(sock, line, "> ", answer, sizeof(answer));
	return err == -EAGAIN ? -EACCES : err;
}

int server_connect(int port, const char *password)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	const struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	err = connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) ? -errno :
	      log_in(sock, password);
	if (!err)
		return sock;
	close(sock);
	return err;
}

static bool read_endpoint(const char *text, struct endpoint *endpoint)
{
	struct in_addr addr;
	char ip4[16];

	if (sscanf(text, "%15[0-9.]:%hu", ip4, &endpoint->port) != 2 ||
	    inet_pton(AF_INET, ip4, &addr) != 1)
		return false;
	endpoint->ip4 = addr.s_addr;
	return true;
}

/* A line of an allocation */
static void read_line(struct session *session, const char *line)
{
	const char *server = strstr(line, ", server addr ");

	line += strspn(line, " ");
	if (!strncmp(line, "client addr ", 12) && server) {
		read_endpoint(line + 12, &session->client);
		read_endpoint(server + 14, &session->server);
	} else if (!strncmp(line, "relay addr ", 11)) {
		read_endpoint(line + 11, &session->relay);
	} else if (!strncmp(line, "client protocol ", 16)) {
		session->udp = !strncmp(line, "client protocol UDP, relay protocol UDP", 39);
	} else if (session->peer_cnt < SERVER_PEERS &&
		   read_endpoint(line, &session->peers[session->peer_cnt])) {
		session->peer_cnt++;
	} else {
		sscanf(line, "expiring in %u secs", &session->seconds);
	}
}

int server_ask(int sock, struct session *sessions)
{
	static char answer[ANSWER_MAX];
	char *line, *next = answer;
	int cnt = 0, n, err;

	err = ask(sock, "ps\r\n", "Total sessions: ", answer, sizeof(answer));
	if (err)
		return err;
	while ((line = strsep(&next, "\r\n"))) {
		if (sscanf(line, " %d) id=%*s", &n) == 1 && strstr(line, ") id=")) {
			if (cnt == SERVER_SESSIONS)
				break;
			memset(&sessions[cnt++], 0, sizeof(*sessions));
		} else if (cnt) {
			read_line(&sessions[cnt - 1], line);
		}
	}
	return cnt;
}
