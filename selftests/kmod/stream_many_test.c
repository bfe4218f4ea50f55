// SPDX-License-Identifier: GPL-2.0
/*
 * Many connections at once, of one listening socket in each process: random messages, which arrive
 * in random segments, of all connections alternately.  What is read of each must be what a model
 * says, and not before; and nothing may stall.
 *
 *	VNP_STREAM_CONNECTIONS=N	instead of 10,000
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "harness.h"
#include "stream.h"

#define MESSAGES	6	/* of a connection */
#define LONGEST		300
#define OF_PROCESS	2000	/* connections, and both ends of them */
#define SPARE		64	/* descriptors for all else */

/* How long nothing may happen, in slices: also on a busy machine each is one wake-up. */
#define SLICE_MS	50
#define STALL		(1000 / SLICE_MS)

/**
 * struct one - a connection and its model
 * @conn:	both ends
 * @len:	bytes to be sent
 * @sent:	of these
 * @got:	bytes that were read
 * @want_len:	bytes to be read
 * @passed:	when so many bytes were sent, and not before, so many may be read
 * @all:	what is sent
 * @want:	what is read
 */
struct one {
	struct conn conn;
	int len, sent, got, want_len;
	struct {
		int sent, read;
	} passed[MESSAGES];
	__u8 all[MESSAGES * LONGEST];
	__u8 want[MESSAGES * LONGEST];
};

static struct one ones[OF_PROCESS];
static int cnt;

static __u64 state;

static unsigned int rnd(unsigned int n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

/* messages_make() - what is sent, and the model; the last message releases what is held */
static void messages_make(struct one *one)
{
	int len;

	for (int i = 0; i < MESSAGES; i++) {
		const char type = i == MESSAGES - 1 ? MSG_PASS : "PHHD"[rnd(4)];

		len = STREAM_HEADER + 1 + rnd(LONGEST - STREAM_HEADER);
		message_make(one->all + one->len, type, len, rnd(1 << 30));
		if (type != MSG_DROP) {
			memcpy(one->want + one->want_len, one->all + one->len, len);
			one->want_len += len;
		}
		one->len += len;
		one->passed[i].sent = one->len;
		one->passed[i].read = type == MSG_PASS ? one->want_len : i ?
				      one->passed[i - 1].read : 0;
	}
}

/* What may have been read */
static int readable(const struct one *one)
{
	int len = 0;

	for (int i = 0; i < MESSAGES && one->passed[i].sent <= one->sent; i++)
		len = one->passed[i].read;
	return len;
}

/* Return: true, or it fails */
static bool put(struct one *one)
{
	int n = 1 + rnd(2 * LONGEST);

	if (n > one->len - one->sent)
		n = one->len - one->sent;
	if (conn_put(&one->conn, one->all + one->sent, n))
		return false;
	one->sent += n;
	return one->sent < one->len || !shutdown(one->conn.tx, SHUT_WR);
}

/* Half of them have been sent something when they are accepted. */
static bool begin(struct one *one, int listener, int edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = one };

	messages_make(one);
	return !conn_begin(&one->conn, listener) && (rnd(2) || put(one)) &&
	       !conn_accept(&one->conn, listener) &&
	       !epoll_ctl(edges, EPOLL_CTL_ADD, one->conn.rx, &event);
}

/* take() - read all that is ready.  Return: 1 if this is all there is, 0, or negative: wrong */
static int take(struct one *one)
{
	__u8 data[MESSAGES * LONGEST];
	ssize_t n;

	while ((n = recv(one->conn.rx, data, 1 + rnd(sizeof(data)), MSG_DONTWAIT)) > 0) {
		if (one->got + n > readable(one) || memcmp(data, one->want + one->got, n)) {
			printf("# wrong bytes, at %d of %d, %zd of them, sent %d of %d\n", one->got,
			       one->want_len, n, one->sent, one->len);
			fflush(stdout);
			return -1;
		}
		one->got += n;
	}
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	return one->got == one->want_len ? 1 : -1;
}

/* take_ready() - the same, of all that are ready.  Return: how many have ended, or negative */
static int take_ready(int edges, int patience_ms, bool *any)
{
	struct epoll_event events[64];
	int n = epoll_wait(edges, events, ARRAY_SIZE(events), patience_ms), ended = 0, ret;

	*any = n > 0;
	for (int i = 0; i < n; i++) {
		ret = take(events[i].data.ptr);
		if (ret < 0)
			return ret;
		ended += ret;
	}
	return n < 0 ? n : ended;
}

/* What became of those that have not ended */
static void show_stalled(int ended)
{
	int shown = 0, bytes;

	printf("# stalled: %d of %d have ended\n", ended, cnt);
	for (int i = 0; i < cnt && shown < 5; i++) {
		const struct one *one = &ones[i];
		struct tcp_info info = {};
		socklen_t len = sizeof(info);

		if (one->got == one->want_len)
			continue;
		shown++;
		ioctl(one->conn.rx, FIONREAD, &bytes);
		getsockopt(one->conn.tx, IPPROTO_TCP, TCP_INFO, &info, &len);
		printf("# %d: sent %d of %d, read %d of %d, ready %d, not acknowledged %u, retransmissions %u\n",
		       i, one->sent, one->len, one->got, one->want_len, bytes, info.tcpi_unacked,
		       info.tcpi_total_retrans);
	}
	fflush(stdout);
}

/* traffic() - of all connections, until they have ended.  Return: 0, or what is wrong */
static int traffic(int edges)
{
	int left[OF_PROCESS], sending = cnt, ended = 0, quiet = 0, i, n;
	bool any;

	for (i = 0; i < cnt; i++)
		left[i] = i;
	while (ended < cnt) {
		if (sending) {
			i = rnd(sending);
			/* It may have been sent whole before it was accepted. */
			if (ones[left[i]].sent < ones[left[i]].len && !put(&ones[left[i]]))
				return 10;
			if (ones[left[i]].sent == ones[left[i]].len)
				left[i] = left[--sending];
		}
		n = take_ready(edges, sending ? 0 : SLICE_MS, &any);
		if (n < 0)
			return 11;
		ended += n;
		quiet = any || sending ? 0 : quiet + 1;
		if (quiet == STALL) {
			show_stalled(ended);
			return 12;
		}
	}
	return 0;
}

/* One process, which tells the others when its connections have been made. */
static int process(int number, int ready, int go)
{
	int edges = epoll_create1(EPOLL_CLOEXEC), listener = stream_listen(number % 3, 0);
	int link = stream_link(listener, 0, VNP_EOF_DELIVER), ret = link < 0;
	struct vnp_link_info info;

	state = number;
	for (int i = 0; i < cnt && !ret; i++)
		ret = begin(&ones[i], listener, edges) ? 0 : 2;
	/* Nobody waits for one that has failed. */
	if (eventfd_write(ready, 1) || eventfd_read(go, &(eventfd_t){ 0 }))
		ret = 3;
	ret = ret ?: traffic(edges);
	if (ret || link_info(link, &info))
		return ret ?: 4;
	if (info.accepted != cnt || info.errors[VNP_ERROR_EVICTED])
		return 5;
	for (int i = 0; i < cnt; i++)
		conn_close(&ones[i].conn);
	return 0;
}

/* How many a process can have */
static int connections_max(void)
{
	struct rlimit limit;
	int max;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	max = (limit.rlim_max - SPARE) / 2;
	return max < OF_PROCESS ? max : OF_PROCESS;
}

TEST(connections)
{
	const char *wanted = getenv("VNP_STREAM_CONNECTIONS");
	const int all = wanted ? atoi(wanted) : 10000, max = connections_max();
	int ready = eventfd(0, EFD_SEMAPHORE), go = eventfd(0, EFD_SEMAPHORE), processes = 0;
	pid_t children[64];

	ASSERT_LT(0, max);
	ASSERT_GE(ARRAY_SIZE(children), all / max + 1);
	for (int left = all; left > 0; left -= cnt) {
		cnt = left < max ? left : max;
		children[processes] = fork();
		if (!children[processes])
			_exit(process(processes, ready, go));
		processes++;
	}
	/* All of them have been made before there is any traffic. */
	for (int i = 0; i < processes; i++)
		ASSERT_EQ(0, eventfd_read(ready, &(eventfd_t){ 0 }));
	ASSERT_EQ(0, eventfd_write(go, processes));
	for (int i = 0; i < processes; i++)
		EXPECT_EQ(0, finish(children[i]));
	TH_LOG("%d connections of %d processes", all, processes);
	close(ready);
	close(go);
}

TEST_HARNESS_MAIN
