// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Eight receivers in their own network namespaces record what they get from the relay,
 * which is the sample in the directory of this program.  Checks that these are the bytes
 * that were sent, each datagram once and in order, with an SSRC and sequence numbers of the
 * receiver, while others join and leave, and that the relay slept.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../test.h"
#include "relay.h"

#define TESTS		22
#define PORT		7012
#define RECEIVERS	8
#define RECORDS		(1 << 17)

/* Maximum number of datagrams that the slowest receiver has not received yet */
#define WINDOW		32

/* Datagrams per packet that the sender segments; their length changes only after so many */
#define SEGMENTS	16

/* Joins and leaves under traffic, and the time limit for them in seconds */
#define CHANGES		10000
#define CHANGES_SECONDS	120

#define TICKS		960
#define ANSWER		4096
#define TIMEOUT_SECONDS 20

/* The sources, one after the other */
#define SSRC		0x01020304
#define SSRC_SECOND	0xf1f2f3f4
#define SEQUENCE	65500
#define SEQUENCE_SECOND	17

/**
 * struct record - a datagram that a receiver got
 * @ssrc:	SSRC as received; 0: not RTP
 * @index:	the number that it was sent with
 * @sequence:	sequence number as received
 */
struct record {
	__u32 ssrc;
	__u32 index;
	__u32 sequence;
};

/**
 * struct receiver - shared by a receiver and the test
 * @address:	its address
 * @pid:	its process
 * @ssrc:	SSRC of its stream
 * @got:	number of @records; a futex
 * @awaited:	somebody waits for @got to change
 * @wrong:	number of @records that differ from what was sent
 * @records:	in the order in which they arrived
 */
struct receiver {
	char address[64];
	pid_t pid;
	__u32 ssrc;
	_Atomic __u32 got;
	_Atomic __u32 awaited;
	_Atomic __u32 wrong;
	struct record records[RECORDS];
};

/* Shared by all processes of the test; @sent is incremented before a datagram is sent */
static struct shared {
	_Atomic __u32 sent;
	struct receiver receivers[RECEIVERS];
} *shared;

static int media, control;
static pid_t relay;
static char control_path[64];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/*
 * ---- Media -----------------------------------------------------------------
 */

static size_t make_raw(unsigned char *p, __u32 index)
{
	int i;

	for (i = 0; i < 7 * 188; i++)
		p[i] = i % 188 ? i * 13 + index : 0x47;
	memcpy(p + 4, &index, sizeof(index));
	return 7 * 188;
}

static size_t make_rtp(unsigned char *p, __u32 index, __u32 ssrc, __u16 sequence)
{
	struct relay_rtp rtp = {
		.first = 0x80,
		.type = 96 | (index % 10 ? 0 : 0x80),
		.sequence = htons(sequence),
		.timestamp = htonl(index * TICKS),
		.ssrc = htonl(ssrc),
	};
	size_t len = sizeof(rtp) + index / SEGMENTS * 97 % 1200, i;

	memcpy(p, &rtp, sizeof(rtp));
	for (i = sizeof(rtp); i < len; i++)
		p[i] = i * 7 + index * 31;
	return len;
}

/* Are these the bytes that were sent, but for SSRC and sequence number? */
static int parse(const unsigned char *p, size_t len, struct record *record)
{
	unsigned char expected[2048];
	struct relay_rtp rtp;

	memset(record, 0, sizeof(*record));
	if (len == 7 * 188 && *p == 0x47) {
		memcpy(&record->index, p + 4, sizeof(record->index));
		return make_raw(expected, record->index) == len && !memcmp(p, expected, len);
	}
	if (len < sizeof(rtp))
		return 0;
	memcpy(&rtp, p, sizeof(rtp));
	record->ssrc = ntohl(rtp.ssrc);
	record->sequence = ntohs(rtp.sequence);
	record->index = ntohl(rtp.timestamp) / TICKS;
	return make_rtp(expected, record->index, record->ssrc, record->sequence) == len &&
	       !memcmp(p, expected, len);
}

/*
 * ---- A receiver --------------------------------------------------------------
 */

static void receive(struct receiver *receiver, int sock)
{
	unsigned char data[2048];
	struct record *record;
	ssize_t len;
	__u32 got;

	for (;;) {
		len = recv(sock, data, sizeof(data), 0);
		got = atomic_load(&receiver->got);
		if (len < 0 || got == RECORDS)
			_exit(1);
		record = &receiver->records[got];
		if (!parse(data, len, record))
			atomic_fetch_add(&receiver->wrong, 1);
		atomic_store(&receiver->got, got + 1);
		if (atomic_exchange(&receiver->awaited, 0))
			syscall(SYS_futex, &receiver->got, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

static int open_receiver(int i)
{
	const struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(6000 + i),
	};
	const int size = 1 << 20;
	int sock = socket(AF_INET6, SOCK_DGRAM, 0);

	setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return bind(sock, (const struct sockaddr *)&addr, sizeof(addr)) ? -1 : sock;
}

/* The other end of its device is in the test's network. */
static int make_network(pid_t pid, int i)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "ip -batch - <<-END\n"
		 "link add v%d type veth peer name e netns %d\n"
		 "addr add 10.0.%d.1/24 dev v%d\n"
		 "addr add fd00:0:0:%d::1/64 dev v%d nodad\n"
		 "link set v%d up\n"
		 "END\n", i, pid, i, i, i, i, i);
	return system(command);
}

static int enter_network(int i)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "ip -batch - <<-END\n"
		 "link set lo up\n"
		 "link set e up\n"
		 "addr add 10.0.%d.2/24 dev e\n"
		 "addr add fd00:0:0:%d::2/64 dev e nodad\n"
		 "END\n", i, i);
	return system(command);
}

/* Start a receiver.  Return: 0 when it is ready */
static int start_receiver(int i)
{
	struct receiver *receiver = &shared->receivers[i];
	char ready = 0;
	int ends[2];
	pid_t pid;

	snprintf(receiver->address, sizeof(receiver->address),
		 i % 2 ? "[fd00:0:0:%d::2]:%d" : "10.0.%d.2:%d", i, 6000 + i);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		ready = !unshare(CLONE_NEWNET);
		if (write(ends[1], &ready, 1) != 1 || read(ends[1], &ready, 1) != 1 ||
		    enter_network(i))
			_exit(1);
		i = open_receiver(i);
		if (i < 0 || write(ends[1], &ready, 1) != 1)
			_exit(1);
		receive(receiver, i);
	}
	close(ends[1]);
	receiver->pid = pid;
	if (read(ends[0], &ready, 1) != 1 || !ready || make_network(pid, i) ||
	    write(ends[0], &ready, 1) != 1 || read(ends[0], &ready, 1) != 1)
		ready = 0;
	close(ends[0]);
	return ready ? 0 : -1;
}

/*
 * ---- The sender --------------------------------------------------------------
 */

static __u32 last_index(const struct receiver *receiver)
{
	const __u32 got = atomic_load(&receiver->got);

	return got ? receiver->records[got - 1].index : 0;
}

static int await_receiver(struct receiver *receiver, __u32 index)
{
	const struct timespec timeout = { .tv_sec = TIMEOUT_SECONDS };
	__u32 got;

	for (;;) {
		atomic_store(&receiver->awaited, 1);
		got = atomic_load(&receiver->got);
		if (last_index(receiver) >= index)
			return 1;
		if (syscall(SYS_futex, &receiver->got, FUTEX_WAIT, got, &timeout, NULL, 0) &&
		    errno == ETIMEDOUT)
			return 0;
	}
}

/* Wait until the receivers in @mask have received @index.  Return: true if they have */
static int await_index(unsigned int mask, __u32 index)
{
	int i, ok = 1;

	for (i = 0; i < RECEIVERS && ok; i++)
		if (mask & 1U << i)
			ok = await_receiver(&shared->receivers[i], index);
	return ok;
}

/* The first index is 1. */
static __u32 next_index(void)
{
	return atomic_fetch_add(&shared->sent, 1) + 1;
}

static void send_one(int family, const void *data, size_t len)
{
	const struct sockaddr_in ip4 = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr_in6 ip6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(PORT),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in6 mapped = ip6;

	if (family == AF_INET6) {
		sendto(media, data, len, 0, (const void *)&ip6, sizeof(ip6));
		return;
	}
	mapped.sin6_addr = (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff),
							     ip4.sin_addr.s_addr } };
	sendto(media, data, len, 0, (const void *)&mapped, sizeof(mapped));
}

/* Send @cnt datagrams; wait for receivers in @mask that are too slow */
static int send_rtp(unsigned int mask, int cnt, int family)
{
	unsigned char data[2048];
	__u32 index;

	while (cnt--) {
		index = next_index();
		send_one(family, data, make_rtp(data, index, SSRC, SEQUENCE + index));
		if (index > WINDOW && !await_index(mask, index - WINDOW))
			return 0;
	}
	return await_index(mask, atomic_load(&shared->sent));
}

/* The same in packets of @SEGMENTS, which begin where the length changes */
static int send_segments(unsigned int mask, int cnt)
{
	static unsigned char data[SEGMENTS * 2048];
	size_t len = 0, one;
	__u32 index = 0;
	int i;

	while (cnt--) {
		for (i = 0, len = 0; i < SEGMENTS; i++, len += one) {
			index = next_index();
			one = make_rtp(data + len, index, SSRC, SEQUENCE + index);
		}
		setsockopt(media, IPPROTO_UDP, UDP_SEGMENT, &(int){ one }, sizeof(int));
		send_one(AF_INET, data, len);
		if (!await_index(mask, index - SEGMENTS))
			break;
	}
	setsockopt(media, IPPROTO_UDP, UDP_SEGMENT, &(int){ 0 }, sizeof(int));
	return await_index(mask, atomic_load(&shared->sent));
}

/* Send datagrams until a packet of @SEGMENTS can begin */
static int send_to_edge(unsigned int mask)
{
	return send_rtp(mask, SEGMENTS - 1 - atomic_load(&shared->sent) % SEGMENTS, AF_INET);
}

static int send_raw(unsigned int mask, int cnt)
{
	unsigned char data[2048];
	__u32 index;

	while (cnt--) {
		index = next_index();
		send_one(AF_INET, data, make_raw(data, index));
		if (!await_index(mask, index - WINDOW))
			return 0;
	}
	return await_index(mask, atomic_load(&shared->sent));
}

/* Continue with a new source */
static int send_second(unsigned int mask, int cnt)
{
	unsigned char data[2048];
	int i;

	for (i = 0; i < cnt; i++) {
		send_one(AF_INET, data,
			 make_rtp(data, next_index(), SSRC_SECOND, SEQUENCE_SECOND + i));
		if (!await_index(mask, atomic_load(&shared->sent) - WINDOW))
			return 0;
	}
	return await_index(mask, atomic_load(&shared->sent));
}

/* Sender reports */
static void send_rtcp(int cnt)
{
	static const unsigned char rtcp[28] = { 0x80, 200, 0, 6 };

	while (cnt--)
		send_one(AF_INET, rtcp, sizeof(rtcp));
}

/*
 * ---- The control socket ------------------------------------------------------
 */

static int open_control(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = TIMEOUT_SECONDS };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, control_path);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) ? -1 : sock;
}

/* Does the answer to "VERB ADDRESS" begin with this text? */
static int ask(int sock, const char *verb, const char *address, const char *begins,
	       char answer[ANSWER])
{
	char line[256];
	ssize_t len;

	snprintf(line, sizeof(line), "%s %s\n", verb, address);
	if (send(sock, line, strlen(line), MSG_NOSIGNAL) < 0)
		return 0;
	len = recv(sock, answer, ANSWER - 1, 0);
	answer[len < 0 ? 0 : len] = 0;
	return !strncmp(answer, begins, strlen(begins));
}

static int answers(const char *verb, const char *address, const char *begins)
{
	char answer[ANSWER];
	int ok = ask(control, verb, address, begins, answer);

	if (!ok)
		printf("# %s %s: %s", verb, address, answer);
	return ok;
}

static int join(int sock, struct receiver *receiver)
{
	const char *at;
	char answer[ANSWER];

	if (!ask(sock, "join", receiver->address, "joined ", answer))
		return 0;
	at = strstr(answer, " ssrc ");
	return at && sscanf(at, " ssrc %x", &receiver->ssrc) == 1;
}

/* Return: the number of datagrams that were sent to it, or -1 */
static long leave(int sock, const struct receiver *receiver)
{
	char answer[ANSWER];
	const char *at;

	if (!ask(sock, "leave", receiver->address, "left ", answer))
		return -1;
	at = strstr(answer, " sent ");
	return at ? atol(at + 6) : -1;
}

/*
 * ---- Checking the records --------------------------------------------------------
 */

/* Is the datagram the next one after the previous record? */
static int follows(const struct record *before, const struct record *record)
{
	return record->index == before->index + 1 &&
	       record->sequence == ((before->sequence + 1) & 0xffff);
}

/* Did it receive all RTP datagrams from @first to @last, in one stream without gaps? */
static int got_stream(const struct receiver *receiver, __u32 first, __u32 last)
{
	const __u32 got = atomic_load(&receiver->got);
	const struct record *record = receiver->records;
	__u32 i = 0, cnt;

	while (i < got && record[i].index < first)
		i++;
	for (cnt = 0; i < got && record[i].index <= last; i++, cnt++)
		if (record[i].ssrc != receiver->ssrc ||
		    record[i].index != first + cnt ||
		    (cnt && !follows(&record[i - 1], &record[i]))) {
			printf("# %s: after %u of %u: index %u, sequence %u, ssrc %08x\n",
			       receiver->address, cnt, last - first + 1, record[i].index,
			       record[i].sequence, record[i].ssrc);
			return 0;
		}
	return cnt == last - first + 1 && !atomic_load(&receiver->wrong);
}

static int all_got_stream(unsigned int mask, __u32 first, __u32 last)
{
	int i, ok = 1;

	for (i = 0; i < RECEIVERS; i++)
		if (mask & 1U << i)
			ok &= got_stream(&shared->receivers[i], first, last);
	return ok;
}

static int got_raw(unsigned int mask, __u32 first, __u32 last)
{
	int i, ok = 1;
	__u32 n, got, index;

	for (i = 0; i < RECEIVERS; i++) {
		const struct receiver *receiver = &shared->receivers[i];

		if (!(mask & 1U << i))
			continue;
		got = atomic_load(&receiver->got);
		for (n = 0; n < got && receiver->records[n].index < first; n++)
			;
		for (index = first; index <= last; index++, n++)
			ok &= n < got && !receiver->records[n].ssrc &&
			      receiver->records[n].index == index;
		ok &= !atomic_load(&receiver->wrong);
	}
	return ok;
}

/*
 * ---- Tests ---------------------------------------------------------------------
 */

#define ALL		((1U << RECEIVERS) - 1)

/* Receivers that stay while others join and leave */
#define STEADY		0x0f

static void test_join(void)
{
	struct receiver *receiver = shared->receivers;
	int i, ok = 1;

	for (i = 0; i < RECEIVERS; i++)
		ok &= join(control, &receiver[i]);
	report(ok, "eight receivers join");
	report(answers("list", "", "receivers 8\n"), "they are listed");
	for (i = 0; i < RECEIVERS; i++)
		ok &= receiver[i].ssrc != receiver[(i + 1) % RECEIVERS].ssrc &&
		      receiver[i].ssrc != SSRC;
	report(ok, "each has an SSRC of its own");
}

static void show_counters(void)
{
	if (system("vnpctl map dump name receivers | sed 's/^/# /'"))
		printf("# vnpctl cannot be executed\n");
}

static void test_streams(void)
{
	long slept = sleeps_of(relay);
	__u32 first;
	int ok;

	ok = send_rtp(ALL, 1000, AF_INET);
	report(ok && all_got_stream(ALL, 1, 1000), "1,000 datagrams of IPv4");
	ok = send_rtp(ALL, 1000, AF_INET6);
	report(ok && all_got_stream(ALL, 1, 2000), "1,000 datagrams of IPv6");
	ok = send_to_edge(ALL) && send_segments(ALL, 128);
	report(ok && all_got_stream(ALL, 1, atomic_load(&shared->sent)),
	       "128 packets of 16 datagrams");
	first = atomic_load(&shared->sent) + 1;
	ok = send_raw(ALL, 500);
	ok = ok && got_raw(ALL, first, first + 499);
	report(ok, "500 datagrams of MPEG-TS, unchanged");
	if (!ok)
		show_counters();
	report(slept > 0 && sleeps_of(relay) == slept, "the relay has slept");
}

/* The sequence numbers continue; SSRC and timestamps are correct. */
static void test_sources(void)
{
	__u32 first = atomic_load(&shared->sent) + 1;
	int ok;

	send_rtcp(10);
	ok = send_rtp(ALL, 100, AF_INET) && send_second(ALL, 100) &&
	     send_rtp(ALL, 100, AF_INET6);
	report(ok && all_got_stream(ALL, first, first + 299),
	       "the source changes without gaps in the streams, RTCP is not relayed");
}

static void test_refused(void)
{
	static const struct { const char *address, *what; } tries[] = {
		{ "nonsense", "no address" },
		{ "10.0.0.2:0", "no port" },
		{ "10.0.0.2:1 10.0.0.3:1", "two addresses" },
		{ "198.51.100.1:5004", "no route" },
		{ "[2001:db8::1]:5004", "no route, IPv6" },
		{ "10.0.0.255:5004", "broadcast" },
		{ "10.0.0.2:6000", "joined already" },
	};
	int ok = 1;
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		ok &= answers("join", tries[i].address, "error: ");
	report(ok, "receivers that are refused");
	report(answers("leave", "10.0.0.3:5004", "error: ") &&
	       answers("sing", "10.0.0.2:6000", "error: ") &&
	       answers("list", "", "receivers 8\n"), "commands that are refused");
}

/* A closed port, and a device that is down: other receivers are not affected. */
static void test_unreachable(void)
{
	struct receiver *away = &shared->receivers[6];
	const unsigned int others = ALL & ~(1U << 6);
	__u32 first = atomic_load(&shared->sent) + 1;
	char answer[ANSWER];
	long sent = -1, unreachable = 0, not_sent = 0;
	int ok;

	ok = answers("join", "127.0.0.1:9", "joined ") && !system("ip link set v6 down") &&
	     send_rtp(others, 200, AF_INET);
	report(ok && all_got_stream(others, first, first + 199),
	       "two receivers are unreachable, the others get all");
	ok = ask(control, "leave", "127.0.0.1:9", "left ", answer) &&
	     sscanf(strstr(answer, " sent "), " sent %ld bytes %*d unreachable %ld", &sent,
		    &unreachable) == 2;
	report(ok && sent == 200 && unreachable > 0,
	       "the port is closed: unreachable is counted");
	ok = ask(control, "leave", away->address, "left ", answer) &&
	     sscanf(strstr(answer, " failed "), " failed %ld", &not_sent) == 1;
	report(ok && not_sent > 0, "the device is down: failed is counted");
	if (!ok || not_sent <= 0)
		printf("# %s", answer);
	first = atomic_load(&shared->sent) + 1;
	ok = !system("ip link set v6 up") && join(control, away) &&
	     send_rtp(ALL, 200, AF_INET);
	report(ok && all_got_stream(ALL, first, first + 199),
	       "the device is up again: all datagrams arrive");
}

/**
 * struct membership - a period in which a receiver was a member
 * @receiver:	its index
 * @ssrc:	SSRC of its stream
 * @last:	the last datagram that may have been sent to it
 * @sent:	minimum number of datagrams that were sent to it
 */
struct membership {
	int receiver;
	__u32 ssrc;
	__u32 last;
	long sent;
};

static struct membership *memberships;

/* Joins and leaves, in another process with its own connection */
static int change(void)
{
	struct receiver *receivers = shared->receivers;
	struct membership *m = memberships;
	int sock = open_control(), i, n;

	for (n = 0; n < CHANGES / 2; n++, m++) {
		i = m->receiver = RECEIVERS / 2 + n % (RECEIVERS / 2);
		if (n >= RECEIVERS / 2) {
			struct membership *before = m - RECEIVERS / 2;

			before->sent = leave(sock, &receivers[i]);
			before->last = atomic_load(&shared->sent);
			if (before->sent < 0)
				return 1;
		}
		if (!join(sock, &receivers[i]))
			return 1;
		m->ssrc = receivers[i].ssrc;
		m->last = ~0U;
	}
	return 0;
}

/* Was this receiver a member whenever it received a datagram, from record @from on? */
static int got_memberships(int i, __u32 from, __u32 *changed)
{
	const struct receiver *receiver = &shared->receivers[i];
	const __u32 got = atomic_load(&receiver->got);
	int n = i - RECEIVERS / 2;
	const struct record *record;
	__u32 k;

	for (k = from, *changed = 0; k < got; k++) {
		record = &receiver->records[k];
		if (k > from && record->ssrc == record[-1].ssrc) {
			if (!follows(record - 1, record))
				break;
		} else {
			++*changed;
			while (n < CHANGES / 2 && memberships[n].ssrc != record->ssrc)
				n += RECEIVERS / 2;
		}
		if (n >= CHANGES / 2 || record->index > memberships[n].last)
			break;
	}
	if (k < got)
		printf("# %s: record %u: index %u after %u, sequence %u after %u, ssrc %08x\n",
		       receiver->address, k, record->index, record[-1].index,
		       record->sequence, record[-1].sequence, record->ssrc);
	return k == got && !atomic_load(&receiver->wrong);
}

/* Datagrams that were sent to a receiver since @from and have not arrived */
static long missing(int i, __u32 from)
{
	long sent = 0;
	int n;

	for (n = i - RECEIVERS / 2; n < CHANGES / 2; n += RECEIVERS / 2)
		sent += memberships[n].sent;
	return sent - (long)(atomic_load(&shared->receivers[i].got) - from);
}

static void check_changes(const __u32 *from)
{
	const double end = now() + TIMEOUT_SECONDS;
	__u32 changed, streams = 0;
	int i, ok = 1, complete = 1;

	for (i = RECEIVERS / 2; i < RECEIVERS; i++) {
		while (missing(i, from[i]) > 0 && now() < end)
			sched_yield();
		complete &= missing(i, from[i]) <= 0;
		ok &= got_memberships(i, from[i], &changed);
		streams += changed;
	}
	printf("# %u of %d streams were long enough to have a datagram\n", streams,
	       CHANGES / 2);
	report(ok && streams > CHANGES / 100,
	       "members get datagrams only while they are members");
	report(complete, "members get all datagrams meanwhile");
}

static void test_changes(void)
{
	const __u32 first = atomic_load(&shared->sent) + 1;
	__u32 from[RECEIVERS];
	int i, status = 1, ok = 1;
	double begin = now();
	pid_t pid;

	for (i = RECEIVERS / 2; i < RECEIVERS; i++) {
		ok &= leave(control, &shared->receivers[i]) >= 0;
		from[i] = atomic_load(&shared->receivers[i].got);
	}
	pid = fork();
	if (!pid)
		_exit(change());
	/* The sender must leave most CPU time to the processes that join and leave. */
	setpriority(PRIO_PROCESS, 0, 5);
	while (ok && !waitpid(pid, &status, WNOHANG))
		ok &= send_rtp(STEADY, 16, AF_INET);
	begin = now() - begin;
	printf("# %d changes took %.1f s, in which %u datagrams were relayed\n", CHANGES, begin,
	       atomic_load(&shared->sent) - first + 1);
	report(ok && !status && begin < CHANGES_SECONDS,
	       "10,000 joins and leaves while datagrams are relayed");
	report(all_got_stream(STEADY, first, atomic_load(&shared->sent)),
	       "permanent receivers are not affected");
	check_changes(from);
}

/* A receiver's network namespace is removed, with the device on this side. */
static void test_vanished(void)
{
	const unsigned int others = STEADY & ~1U;
	__u32 first = atomic_load(&shared->sent) + 1;
	int ok;

	kill(shared->receivers[0].pid, SIGKILL);
	waitpid(shared->receivers[0].pid, NULL, 0);
	ok = send_rtp(others, 500, AF_INET);
	report(ok && all_got_stream(others, first, first + 499),
	       "a receiver's network is removed, the others get all");
}

static void test_end(FILE *out)
{
	unsigned long long packets = 0, rtp = 0, raw = 0, rtcp = 0, sent = 0;
	char line[256];

	kill(relay, SIGTERM);
	while (fgets(line, sizeof(line), out)) {
		printf("# %s", line);
		if (strstr(line, " received: "))
			sscanf(line, "%llu datagrams (%*u bytes) received: %llu of RTP, %llu others, %llu of RTCP",
			       &packets, &rtp, &raw, &rtcp);
		else if (strstr(line, " sent to "))
			sscanf(line, "%llu", &sent);
	}
	waitpid(relay, NULL, 0);
	report(packets == atomic_load(&shared->sent) + 10ULL && rtp + raw + rtcp == packets &&
	       raw == 500 && rtcp == 10 && sent > packets, "it prints the counters");
	report(access(control_path, F_OK) && errno == ENOENT, "its control socket is removed");
}

/*
 * ---- Setting it up ---------------------------------------------------------------
 */

static int write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -1;
	fputs(text, file);
	return fclose(file);
}

/* An ordinary user becomes root in a user namespace, without more permissions for /dev/vnp. */
static int own_network(void)
{
	char uid[32], gid[32];

	snprintf(uid, sizeof(uid), "0 %d 1", geteuid());
	snprintf(gid, sizeof(gid), "0 %d 1", getegid());
	if (geteuid() && (unshare(CLONE_NEWUSER) || write_text("/proc/self/setgroups", "deny") ||
			  write_text("/proc/self/uid_map", uid) ||
			  write_text("/proc/self/gid_map", gid)))
		return -1;
	return unshare(CLONE_NEWNET) || system("ip link set lo up") ? -1 : 0;
}

/* Zeroed memory, shared by all processes */
static void *share(size_t size)
{
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

static int set_up(const char *self, FILE **out)
{
	char port[16];
	const char *const args[] = { "relay", port, control_path, NULL };
	cpu_set_t cpus;
	int i;

	/* One CPU must send all datagrams, to keep them in order. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	shared = share(sizeof(*shared));
	memberships = share(CHANGES / 2 * sizeof(*memberships));
	if (!shared || !memberships)
		return -1;
	for (i = 0; i < RECEIVERS; i++)
		if (start_receiver(i))
			return -1;
	snprintf(port, sizeof(port), "%d", PORT);
	relay = test_start(self, args, NULL, out);
	if (relay < 0)
		return -1;
	sched_setaffinity(0, sizeof(cpus), &cpus);
	media = socket(AF_INET6, SOCK_DGRAM, 0);
	control = open_control();
	return media < 0 || control < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	FILE *out = NULL;

	(void)argc;
	if (own_network())
		return test_skip_all("no network namespace can be made");
	test_plan(TESTS);
	/* In a guest, the file system of /tmp does not support sockets. */
	snprintf(control_path, sizeof(control_path), "/dev/shm/relay-test.%d", getpid());
	if (set_up(argv[0], &out))
		return test_bail_out("The relay, or a receiver, does not start.");
	test_join();
	test_streams();
	test_sources();
	test_refused();
	test_unreachable();
	test_changes();
	test_vanished();
	test_end(out);
	return test_status();
}
