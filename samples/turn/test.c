// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Do a client and a peer of Debian's coturn get the same with turn and without, does coturn
 * sleep meanwhile, and is nothing relayed that coturn refuses?  turn is the sample itself,
 * found beside this program.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vnp/libvnp.h>
#include "../test.h"

#define PORT		"7478"
#define CLI_PORT	"7766"
#define PASSWORD	"secret"
#define TURNSERVER	"/usr/bin/turnserver"
#define UCLIENT		"/usr/bin/turnutils_uclient"

/* Of uclient, which also uses the next one */
#define ECHO_PORT	7480

#define LOCAL		0x7f000001
#define DENIED		0x7f000009

#define COOKIE		0x2112a442
#define ALLOCATE	0x003
#define REFRESH		0x004
#define CHANNEL_BIND	0x009
#define SUCCESS		0x100

/* Of the client, as the network had changed the TTL already */
#define TOS		0x22
#define TTL		47

/* How often it is tried whether datagrams are relayed as they should be */
#define TRIES		2000

static int client, peer;
static struct sockaddr_in relay;
static char directory[] = "/dev/shm/turn-test.XXXXXX";

/*
 * ---- A client ------------------------------------------------------------------
 */

static void put16(__u8 *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(__u8 *at, unsigned int value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static size_t put_attribute(__u8 *at, int type, const void *value, int len)
{
	put16(at, type);
	put16(at + 2, len);
	memcpy(at + 4, value, len);
	return 4 + len;
}

/* Wait as long as a datagram may take.  Return: its length, or -1 */
static int receive(int sock, void *data, size_t size, int ms)
{
	struct pollfd readable = { .fd = sock, .events = POLLIN };

	return poll(&readable, 1, ms) == 1 ? recv(sock, data, size, 0) : -1;
}

/* Return: the type of the answer, which is in @answer; 0: there was none */
static int request(int type, const __u8 *attributes, size_t len, __u8 answer[512])
{
	static unsigned int number;
	__u8 data[256];
	int got;

	put16(data, type);
	put16(data + 2, len);
	put32(data + 4, COOKIE);
	put32(data + 8, 0);
	put32(data + 12, 0);
	put32(data + 16, ++number);
	memcpy(data + 20, attributes, len);
	send(client, data, 20 + len, 0);
	do {
		got = receive(client, answer, 512, 5000);
		if (got < 0)
			return 0;
	} while (got < 20 || memcmp(answer + 4, data + 4, 16));
	return answer[0] << 8 | answer[1];
}

/* Return: did it get a relay address, which is in @relay? */
static int allocate(void)
{
	static const __u8 udp[4] = { IPPROTO_UDP };
	__u8 attributes[8], answer[512];
	int at, len, end;

	put_attribute(attributes, 0x19, udp, sizeof(udp));
	if (request(ALLOCATE, attributes, sizeof(attributes), answer) != (ALLOCATE | SUCCESS))
		return 0;
	end = 20 + (answer[2] << 8 | answer[3]);
	for (at = 20; at + 12 <= end; at += 4 + ((len + 3) & ~3)) {
		len = answer[at + 2] << 8 | answer[at + 3];
		if (answer[at] || answer[at + 1] != 0x16)
			continue;
		relay.sin_family = AF_INET;
		relay.sin_port = htons((answer[at + 6] << 8 | answer[at + 7]) ^ COOKIE >> 16);
		memcpy(&relay.sin_addr, answer + at + 8, 4);
		relay.sin_addr.s_addr ^= htonl(COOKIE);
		return 1;
	}
	return 0;
}

static int refresh(unsigned int seconds)
{
	__u8 attributes[8], value[4], answer[512];

	put32(value, seconds);
	put_attribute(attributes, 0x0d, value, sizeof(value));
	return request(REFRESH, attributes, sizeof(attributes), answer) == (REFRESH | SUCCESS);
}

static int bind_channel(int channel, unsigned int ip4, int port)
{
	__u8 attributes[20], number[4] = {}, address[8] = { 0, 1 }, answer[512];
	size_t len;

	put16(number, channel);
	put16(address + 2, port ^ COOKIE >> 16);
	put32(address + 4, ip4 ^ COOKIE);
	len = put_attribute(attributes, 0x0c, number, sizeof(number));
	len += put_attribute(attributes + len, 0x12, address, sizeof(address));
	return request(CHANNEL_BIND, attributes, len, answer) == (CHANNEL_BIND | SUCCESS);
}

static int port_of(int sock)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	return getsockname(sock, (struct sockaddr *)&addr, &len) ? -1 : ntohs(addr.sin_port);
}

/* An own socket, which sees TOS and TTL.  Return: it, or -1 */
static int open_socket(const char *connect_to)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	addr.sin_addr.s_addr = htonl(LOCAL);
	setsockopt(sock, SOL_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(sock, SOL_IP, IP_RECVTOS, &on, sizeof(on));
	if (bind(sock, (const struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	addr.sin_port = htons(connect_to ? atoi(connect_to) : 0);
	return connect_to && connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) ? -1 :
											   sock;
}

/*
 * ---- Datagrams -----------------------------------------------------------------
 */

/**
 * struct seen - a datagram that has arrived
 * @len:	its length; -1: none has
 * @tos:	its TOS
 * @ttl:	its TTL
 * @data:	its payload
 */
struct seen {
	int len;
	int tos;
	int ttl;
	__u8 data[2048];
};

static void see(int sock, int ms, struct seen *seen)
{
	struct iovec iov = { seen->data, sizeof(seen->data) };
	char control[128];
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd readable = { .fd = sock, .events = POLLIN };
	struct cmsghdr *cmsg;

	seen->len = poll(&readable, 1, ms) == 1 ? recvmsg(sock, &msg, 0) : -1;
	if (seen->len < 0)
		return;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_type == IP_TTL)
			seen->ttl = *(int *)CMSG_DATA(cmsg);
		else if (cmsg->cmsg_type == IP_TOS)
			seen->tos = *CMSG_DATA(cmsg);
}

/* ChannelData of @len bytes, and @more of padding, which are not data */
static void send_channel(int channel, int len, int more)
{
	__u8 data[2048];
	int i;

	put16(data, channel);
	put16(data + 2, len);
	for (i = 0; i < len + more; i++)
		data[4 + i] = i * 7 + len;
	send(client, data, 4 + len + more, 0);
}

static int is_sent(const struct seen *seen, const __u8 *data, int len)
{
	int i, ok = seen->len == len + (data - seen->data);

	for (i = 0; i < len && ok; i++)
		ok = data[i] == (__u8)(i * 7 + len);
	return ok;
}

/* There and back, as long as it may take.  Return: did it arrive both times as it was? */
static int there_and_back(int channel, int len, int more, struct seen *there,
			  struct seen *back)
{
	send_channel(channel, len, more);
	see(peer, 5000, there);
	if (!is_sent(there, there->data, len))
		return 0;
	sendto(peer, there->data, len, 0, (const struct sockaddr *)&relay, sizeof(relay));
	see(client, 5000, back);
	return is_sent(back, back->data + 4, len) &&
	       back->data[0] == channel >> 8 && back->data[1] == (channel & 0xff) &&
	       back->data[2] == len >> 8 && back->data[3] == (len & 0xff);
}

/* Datagrams relayed in the kernel by all links, in both directions */
static __u64 relayed(void)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	struct vnp_link *link;
	__u64 cnt = 0;
	__u32 id = 0;

	while (!vnp_id_next(VNP_OBJ_LINK, &id)) {
		if (vnp_link_open(id, NULL, &link))
			continue;
		vnp_link_get_info(link, &info);
		cnt += info.verdicts[VNP_DROP];
		vnp_link_close(link);
	}
	return cnt;
}

/* It takes a moment until a channel is.  Return: is it relayed in the kernel? */
static int is_in_kernel(int channel)
{
	struct seen there, back;
	__u64 before;
	int i;

	for (i = 0; i < TRIES; i++) {
		before = relayed();
		if (!there_and_back(channel, 20, 0, &there, &back))
			return 0;
		if (relayed() == before + 2)
			return 1;
		usleep(1000);
	}
	return 0;
}

/*
 * ---- Tests ---------------------------------------------------------------------
 */

static struct seen coturn_there, coturn_back;

static void test_coturn(void)
{
	report(allocate(), "a client allocates");
	report(bind_channel(0x4000, LOCAL, port_of(peer)) &&
	       bind_channel(0x7fff, LOCAL, ECHO_PORT - 1), "channels are bound");
	report(there_and_back(0x4000, 100, 0, &coturn_there, &coturn_back),
	       "a datagram comes there and back");
}

static void test_same(void)
{
	static const int sizes[] = { 1, 3, 4, 100, 160, 255, 256, 257, 1000, 1400 };
	struct seen there, back;
	__u64 before;
	int ok = 1, headers = 1;
	size_t i;

	report(is_in_kernel(0x4000), "the channel is relayed in the kernel");
	before = relayed();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ok &= there_and_back(0x4000, sizes[i], 0, &there, &back);
		ok &= there_and_back(0x4000, sizes[i], 3, &there, &back);
		headers &= there.tos == coturn_there.tos && there.ttl == coturn_there.ttl &&
			   back.tos == coturn_back.tos && back.ttl == coturn_back.ttl - 1;
	}
	report(ok && relayed() - before == 2 * 2 * i,
	       "data of all sizes, padding is left out");
	report(headers && there.tos == TOS && there.ttl == TTL - 1,
	       "TOS and TTL are coturn's, and the TTL of answers one less");
	if (!headers)
		printf("# there %x %d, coturn %x %d; back %x %d, coturn %x %d\n", there.tos,
		       there.ttl, coturn_there.tos, coturn_there.ttl, back.tos, back.ttl,
		       coturn_back.tos, coturn_back.ttl);
}

/* A TOS that was not seen yet goes through coturn first. */
static void test_tos(void)
{
	struct seen there, back;
	__u64 before;
	int tos, i, ok = 1;

	for (i = 0; i < 6; i++) {
		tos = i * 4;
		setsockopt(client, SOL_IP, IP_TOS, &tos, sizeof(tos));
		if (i < 3)
			ok &= is_in_kernel(0x4000);
		ok &= there_and_back(0x4000, 50, 0, &there, &back) && there.tos == tos;
	}
	before = relayed();
	ok &= there_and_back(0x4000, 50, 0, &there, &back);
	report(ok && relayed() == before + 1,
	       "four values of TOS in the kernel, more by coturn");
	tos = TOS;
	setsockopt(client, SOL_IP, IP_TOS, &tos, sizeof(tos));
}

static void test_left_to_coturn(void)
{
	static const __u8 cut[6] = { 0x40, 0x00, 0x01, 0x00 };
	const __u64 before = relayed();
	struct seen there, back;
	int stranger = open_socket(NULL);

	send_channel(0x4001, 10, 0);
	send(client, cut, sizeof(cut), 0);
	send(client, cut, 3, 0);
	send(client, NULL, 0, 0);
	sendto(stranger, cut, sizeof(cut), 0, (const struct sockaddr *)&relay, sizeof(relay));
	close(stranger);
	/* Its address has a permission: it becomes a Data indication. */
	see(client, 5000, &back);
	report(back.len > 20 && back.data[1] == 0x17 &&
	       there_and_back(0x4000, 10, 0, &there, &back) && relayed() == before + 2,
	       "unbound channels, cut ChannelData and strangers are left to coturn");
	report(!bind_channel(0x4002, DENIED, port_of(peer)) &&
	       !bind_channel(0x4000, LOCAL, port_of(peer) + 1), "coturn refuses channels");
	send_channel(0x4002, 10, 0);
	report(is_in_kernel(0x4000) && refresh(600) && is_in_kernel(0x4000),
	       "these are not relayed, and the other one still is");
}

/* It has timers, and is asked for its allocations every ten seconds. */
static void test_sleeps(pid_t coturn)
{
	const long before = sleeps_of_threads(coturn);
	struct seen there, back;
	int i, ok = 1;

	for (i = 0; i < 2000 && ok; i++)
		ok = there_and_back(0x4000, 160, 0, &there, &back);
	i = sleeps_of_threads(coturn) - before;
	printf("# coturn slept %d times\n", i);
	report(ok && before > 0 && i < 400, "coturn sleeps while 4,000 datagrams are relayed");
}

/* Clients by others */
static void test_uclient(void)
{
	const __u64 before = relayed();
	float percent = 100;
	char line[256];
	FILE *file;

	file = popen("timeout 60 " UCLIENT " -c -p " PORT
		     " -e 127.0.0.1 -r 7480 -n 100 -m 3 -l 200 -z 5 127.0.0.1 2>&1", "r");
	while (file && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, "Total lost packets ");

		if (at)
			sscanf(at, "Total lost packets %*d (%f%%)", &percent);
	}
	if (file)
		pclose(file);
	printf("# %llu of 600 datagrams were relayed in the kernel\n", relayed() - before);
	report(percent == 0 && relayed() - before > 450, "uclient misses nothing");
}

/* The end of an allocation: coturn closes its socket some time after it has said so. */
static void test_end_of_allocation(void)
{
	struct seen there = { .len = 0 };
	int i, ok = refresh(0);

	for (i = 0; i < TRIES && there.len >= 0; i++) {
		usleep(5000);
		send_channel(0x4000, 10, 0);
		see(peer, 200, &there);
	}
	report(ok && there.len < 0, "after the allocation nothing is relayed");
	report(test_until(allocate()) && bind_channel(0x4567, LOCAL, port_of(peer)) && is_in_kernel(0x4567),
	       "another one is");
}

static void test_end(pid_t turn, FILE *out)
{
	struct seen there, back;
	char line[256] = "";
	__u32 id = 0;
	int status;

	kill(turn, SIGTERM);
	while (fgets(line, sizeof(line), out))
		printf("# %s", line);
	waitpid(turn, &status, 0);
	report(!status && strstr(line, "relayed in the kernel") &&
	       vnp_id_next(VNP_OBJ_LINK, &id), "turn ends, and there are no links any more");
	report(there_and_back(0x4567, 100, 0, &there, &back), "coturn relays without it");
}

/*
 * ---- The processes ---------------------------------------------------------------
 */

static pid_t start_coturn(void)
{
	static const __u8 binding[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	char db[64], pidfile[64];
	pid_t pid = fork();
	__u8 answer[512];

	snprintf(db, sizeof(db), "%s/db", directory);
	snprintf(pidfile, sizeof(pidfile), "%s/pid", directory);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execl(TURNSERVER, "turnserver", "-n", "--log-file", "stdout", "--simple-log",
		      "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", PORT, "--min-port", "24000",
		      "--max-port", "24999", "--no-auth", "--allow-loopback-peers",
		      "--denied-peer-ip=127.0.0.9", "--no-tls", "--no-dtls", "--no-tcp",
		      "--no-tcp-relay", "--userdb", db, "--pidfile", pidfile, "-m", "1",
		      "--cli-ip=127.0.0.1", "--cli-port=" CLI_PORT,
		      "--cli-password=" PASSWORD, NULL);
		_exit(127);
	}
	return test_until((send(client, binding, sizeof(binding), 0),
			   receive(client, answer, sizeof(answer), 10) > 0)) ? pid : -1;
}

static pid_t start_turn(const char *self, pid_t coturn, FILE **out)
{
	char number[16];
	const char *const args[] = { "turn", number, PORT, CLI_PORT, NULL };

	snprintf(number, sizeof(number), "%d", coturn);
	setenv("TURN_CLI_PASSWORD", PASSWORD, 1);
	return test_start(self, args, NULL, out);
}

/* What uclient sends to: two ports that send back what arrives */
static void echo(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct pollfd socks[2];
	socklen_t len;
	char data[2048];
	int i, got;

	addr.sin_addr.s_addr = htonl(LOCAL);
	for (i = 0; i < 2; i++) {
		addr.sin_port = htons(ECHO_PORT + i);
		socks[i].fd = socket(AF_INET, SOCK_DGRAM, 0);
		socks[i].events = POLLIN;
		if (bind(socks[i].fd, (const struct sockaddr *)&addr, sizeof(addr)))
			_exit(1);
	}
	while (poll(socks, 2, -1) > 0)
		for (i = 0; i < 2; i++) {
			if (!socks[i].revents)
				continue;
			len = sizeof(addr);
			got = recvfrom(socks[i].fd, data, sizeof(data), 0,
				       (struct sockaddr *)&addr, &len);
			if (got >= 0)
				sendto(socks[i].fd, data, got, 0,
				       (const struct sockaddr *)&addr, len);
		}
}

static pid_t start_echo(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo();
		_exit(1);
	}
	return pid;
}

static void drain(int sock)
{
	char data[512];

	while (receive(sock, data, sizeof(data), 100) >= 0)
		;
}

int main(int argc, char **argv)
{
	const int tos = TOS, ttl = TTL;
	pid_t coturn, turn, echoes;
	FILE *out = NULL;

	(void)argc;
	if (access(TURNSERVER, X_OK) || access(UCLIENT, X_OK) || access(VNP_DEVICE, F_OK))
		return test_skip_all("no coturn, or no " VNP_DEVICE);
	test_plan(16);
	client = open_socket(PORT);
	peer = open_socket(NULL);
	if (client < 0 || peer < 0 || !mkdtemp(directory))
		return test_bail_out("There are no sockets.");
	setsockopt(client, SOL_IP, IP_TOS, &tos, sizeof(tos));
	setsockopt(client, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	coturn = start_coturn();
	if (coturn < 0)
		return test_bail_out("coturn does not start.");
	drain(client);
	turn = start_turn(argv[0], coturn, &out);
	if (turn < 0)
		return test_bail_out("turn does not start.");
	echoes = start_echo();
	test_coturn();
	test_same();
	test_tos();
	test_left_to_coturn();
	test_sleeps(coturn);
	test_uclient();
	test_end_of_allocation();
	test_end(turn, out);
	kill(echoes, SIGKILL);
	kill(coturn, SIGKILL);
	return test_status();
}
