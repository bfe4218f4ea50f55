// SPDX-License-Identifier: GPL-2.0
/*
 * Many connections at once, in several processes: random messages, which arrive in random segments,
 * of all connections alternately.  What is read of each must be what a model says, and not before;
 * and nothing may stall.  Processes differ: connections are IPv4 or IPv6, their links are those of
 * a listening socket or their own, and receive buffers are the default or the smallest.
 *
 *	VNP_STREAM_CONNECTIONS=N	in each test
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "harness.h"
#include "net.h"
#include "stream.h"

#define MESSAGES	6	/* of a connection */
#define LONGEST		600	/* which can be kept with the smallest buffer */
#define SMALL_RCVBUF	2304
#define OF_PROCESS	2000	/* connections, and both ends of them */
#define PROCESSES	4	/* or more */
#define SPARE		64	/* descriptors for all else */

/* How long nothing may happen, in slices: also on a busy machine each is one wake-up. */
#define SLICE_MS	50
#define STALL		(1000 / SLICE_MS)

/**
 * struct plan - what a process does
 * @kind:	addresses of its connections
 * @small:	their receive buffers are small, so what is held may be delivered early
 * @each:	each connection gets a link of its own, instead of that of a listening socket
 * @ends:	connections end in different ways, under traffic
 * @killed:	and the process does: an eventfd, which tells when; 0: it does not
 */
struct plan {
	enum flow_kind kind;
	bool small;
	bool each;
	bool ends;
	int killed;
};

/* Each connection with @ends, when half of them have been sent whole */
enum ending {
	UNDECIDED,
	GOES_ON,
	IS_DETACHED,
	IS_CLOSED,
	IS_RESET,
	ENDINGS,
};

/**
 * struct one - a connection and its model
 * @conn:	both ends
 * @id:		its link, or 0: not known yet
 * @len:	bytes to be sent
 * @sent:	of these
 * @got:	bytes that were read
 * @want_len:	bytes to be read
 * @messages:	when so many bytes were sent, and not before, so many may be read, and with what is
 *		held so many
 * @early:	what is held was read
 * @ended:	all has been read
 * @ending:	what has been done to it
 * @parsed:	if it is detached: the link has seen so many bytes, of which so many are read
 * @all:	what is sent
 * @want:	what is read
 */
struct one {
	struct conn conn;
	__u32 id;
	int len, sent, got, want_len;
	struct {
		int sent, read, kept;
	} messages[MESSAGES];
	bool early;
	bool ended;
	enum ending ending;
	struct {
		int sent, read;
	} parsed;
	__u8 all[MESSAGES * LONGEST];
	__u8 want[MESSAGES * LONGEST];
};

static struct one ones[OF_PROCESS];
static int cnt;
static struct plan plan;
static int dev;

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
		one->messages[i].sent = one->len;
		one->messages[i].kept = one->want_len;
		one->messages[i].read = type == MSG_PASS ? one->want_len : i ?
					one->messages[i - 1].read : 0;
	}
}

/* How much may have been read; @kept: with what is held */
static int readable(const struct one *one, bool kept)
{
	int len = 0;

	if (one->ending == IS_DETACHED)
		return one->parsed.read + one->sent - one->parsed.sent;
	if (one->ending == IS_RESET)
		return one->sent;
	for (int i = 0; i < MESSAGES && one->messages[i].sent <= one->sent; i++)
		len = kept ? one->messages[i].kept : one->messages[i].read;
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
	/* lo's queue has room for 1,000 segments: let them be received. */
	sched_yield();
	return one->sent < one->len || !shutdown(one->conn.tx, SHUT_WR);
}

/*
 * ---- Links ---------------------------------------------------------------
 */

/* struct linker - programs, and the listening socket with its link, or -1 */
struct linker {
	int stream, message;
	int listener, link;
};

static int link_socket(const struct linker *linker, int sock)
{
	return stream_link_with(dev, (struct vnp_link_create){
		.sock_fd = sock, .prog_fd = linker->stream, .message_fd = linker->message,
		.eof = VNP_EOF_DELIVER,
	});
}

static int linker_open(struct linker *linker)
{
	int err;

	dev = device_open();
	if (dev < 0)
		return dev;
	linker->listener = stream_listen(plan.kind, plan.small ? SMALL_RCVBUF : 0);
	linker->link = -1;
	err = linker->listener < 0 ? linker->listener :
				     stream_progs(dev, &linker->stream, &linker->message);
	if (err || plan.each)
		return err;
	linker->link = link_socket(linker, linker->listener);
	return linker->link < 0 ? linker->link : 0;
}

/* A link of its own, which has no descriptor then, as those that are inherited */
static int link_one(const struct linker *linker, struct one *one)
{
	struct vnp_link_info info;
	const int link = link_socket(linker, one->conn.rx);
	const int err = link < 0 ? link : link_info(link, &info);

	one->id = info.id;
	close(link);
	return err;
}

static __u64 cookie_of(int sock)
{
	__u64 cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(sock, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static int compare_cookies(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* find_links() - fill in struct one::id: all links of the user are looked at */
static int find_links(void)
{
	static struct {
		__u64 cookie;
		struct one *one;
	} sorted[OF_PROCESS], *found;
	struct vnp_obj_id next = { .size = sizeof(next), .kind = VNP_OBJ_LINK };
	struct vnp_link_info info;
	int err, link;

	for (int i = 0; i < cnt; i++) {
		sorted[i].cookie = cookie_of(ones[i].conn.rx);
		sorted[i].one = &ones[i];
	}
	qsort(sorted, cnt, sizeof(sorted[0]), compare_cookies);
	while (!(err = do_ioctl(dev, VNP_OBJ_NEXT, &next))) {
		/* Another process may have ended it meanwhile. */
		link = obj_open(dev, VNP_OBJ_LINK, next.id);
		if (link < 0)
			continue;
		err = link_info(link, &info);
		close(link);
		found = err ? NULL : bsearch(&info.sock_cookie, sorted, cnt, sizeof(sorted[0]),
					     compare_cookies);
		if (found)
			found->one->id = next.id;
	}
	return err == -ENOENT ? 0 : err;
}

/* link_of() - a descriptor of its link */
static int link_of(const struct one *one)
{
	const int err = one->id ? 0 : find_links();

	return err ?: obj_open(dev, VNP_OBJ_LINK, one->id);
}

/* From now on it is read as it is sent.  Return: 0 or negative */
static int detach(struct one *one)
{
	const int link = link_of(one);
	struct vnp_link_info info;
	int err = link < 0 ? link : link_detach(link) ?: link_info(link, &info);

	close(link);
	if (err || info.packets > MESSAGES || (one->early && !info.errors[VNP_ERROR_EVICTED]))
		return err ?: -EBADMSG;
	one->early = false;
	if (info.packets) {
		one->parsed.sent = one->messages[info.packets - 1].sent;
		one->parsed.read = one->messages[info.packets - 1].kept;
	}
	one->want_len = one->parsed.read + one->len - one->parsed.sent;
	return 0;
}

/* What was held was read early: has the link counted that? */
static bool early_is_counted(const struct one *one)
{
	const int link = link_of(one);
	struct vnp_link_info info;
	const int err = link < 0 ? link : link_info(link, &info);

	close(link);
	return !err && info.errors[VNP_ERROR_EVICTED];
}

/*
 * ---- Traffic --------------------------------------------------------------
 */

/* Half of them have been sent something when they are accepted. */
static bool begin(struct one *one, const struct linker *linker, int edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = one };

	messages_make(one);
	return !conn_begin(&one->conn, linker->listener) && (rnd(2) || put(one)) &&
	       !conn_accept(&one->conn, linker->listener) &&
	       (!plan.each || !link_one(linker, one)) &&
	       !epoll_ctl(edges, EPOLL_CTL_ADD, one->conn.rx, &event);
}

/* Are these bytes next, if programs see only the first @sent bytes, of which @read are read? */
static bool bytes_match(const struct one *one, int sent, int read, const __u8 *data, int len)
{
	const int at = one->got, of_want = at >= read ? 0 : at + len < read ? len : read - at;

	return !memcmp(data, one->want + at, of_want) &&
	       !memcmp(data + of_want, one->all + sent + at + of_want - read, len - of_want);
}

/* After a reset any message may be the last that has arrived, and may not be whole. */
static bool is_right(const struct one *one, const __u8 *data, int len)
{
	bool right;

	if (one->got + len > readable(one, plan.small))
		return false;
	if (one->ending == IS_DETACHED)
		return bytes_match(one, one->parsed.sent, one->parsed.read, data, len);
	right = bytes_match(one, one->len, one->want_len, data, len);
	for (int i = 0; i < MESSAGES && one->ending == IS_RESET && !right; i++)
		right = bytes_match(one, i ? one->messages[i - 1].sent : 0,
				    i ? one->messages[i - 1].kept : 0, data, len);
	return right;
}

static int wrong_bytes(const struct one *one, ssize_t n)
{
	printf("# wrong bytes, at %d of %d, %zd of them, sent %d of %d, ending %d\n", one->got,
	       one->want_len, n, one->sent, one->len, one->ending);
	fflush(stdout);
	return -1;
}

/* take() - read all that is ready.  Return: 1 if this is all there is, 0, or negative: wrong */
static int take(struct one *one)
{
	__u8 data[MESSAGES * LONGEST];
	ssize_t n;

	/* There can be another edge after the end has been read. */
	if (one->ended)
		return 0;
	while ((n = recv(one->conn.rx, data, 1 + rnd(sizeof(data)), MSG_DONTWAIT)) > 0) {
		if (!is_right(one, data, n))
			return wrong_bytes(one, n);
		one->got += n;
		one->early |= one->got > readable(one, false);
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	one->ended = true;
	if (one->ending == IS_RESET)
		return n < 0 && errno == ECONNRESET ? 1 : -1;
	return !n && one->got == one->want_len && (!one->early || early_is_counted(one)) ? 1 : -1;
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

		if (one->ended || one->ending == IS_CLOSED)
			continue;
		shown++;
		ioctl(one->conn.rx, FIONREAD, &bytes);
		getsockopt(one->conn.tx, IPPROTO_TCP, TCP_INFO, &info, &len);
		printf("# %d: sent %d of %d, read %d of %d, ready %d, ending %d, not acknowledged %u, retransmissions %u\n",
		       i, one->sent, one->len, one->got, one->want_len, bytes, one->ending,
		       info.tcpi_unacked, info.tcpi_total_retrans);
	}
	fflush(stdout);
}

/*
 * What lo has dropped, as too many packets waited, TCP sends again, each time after twice as long.
 * But not resets: forget_resets() counts these connections as ended.  Return: how many
 */
static int forget_resets(void)
{
	int forgotten = 0;

	for (int i = 0; i < cnt; i++) {
		if (ones[i].ended || ones[i].ending != IS_RESET)
			continue;
		ones[i].ended = true;
		forgotten++;
	}
	printf("# packets were dropped; %d connections that were reset do not know it\n", forgotten);
	return forgotten;
}

/* end_one() - Return: how many connections have ended: 0 or 1, or negative */
static int end_one(struct one *one)
{
	const struct linger linger = { .l_onoff = 1 };

	if (one->ended)
		return 0;
	one->ending = GOES_ON + rnd(ENDINGS - GOES_ON);
	switch (one->ending) {
	case IS_DETACHED:
		return detach(one);
	case IS_CLOSED:
		conn_close(&one->conn);
		return 1;
	case IS_RESET:
		setsockopt(one->conn.tx, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(one->conn.tx);
		one->conn.tx = -1;
		return 0;
	default:
		return 0;
	}
}

/* Is nothing more sent on it? */
static bool is_sent(const struct one *one)
{
	return one->sent == one->len || one->ending == IS_CLOSED || one->ending == IS_RESET;
}

/* send_some() - to a connection, and end it if it is time.  Return: as end_one() */
static int send_some(struct one *one, bool ending)
{
	const int ended = ending && one->ending == UNDECIDED ? end_one(one) : 0;

	/* It may have been sent whole before it was accepted. */
	return ended < 0 || is_sent(one) || put(one) ? ended : -EPIPE;
}

/* traffic() - of all connections, until they have ended.  Return: 0, or what is wrong */
static int traffic(int edges)
{
	int left[OF_PROCESS], sending = cnt, ended = 0, quiet = 0, patience = STALL, i, n;
	const long drops = backlog_drops();
	bool any;

	for (i = 0; i < cnt; i++)
		left[i] = i;
	while (ended < cnt) {
		if (sending) {
			i = rnd(sending);
			n = send_some(&ones[left[i]], plan.ends && sending <= cnt / 2);
			if (n < 0)
				return 10;
			ended += n;
			if (is_sent(&ones[left[i]])) {
				left[i] = left[--sending];
				if (plan.killed && sending == cnt / 4)
					post(plan.killed);
			}
		}
		n = take_ready(edges, sending ? 0 : SLICE_MS, &any);
		if (n < 0)
			return 11;
		ended += n;
		quiet = any || sending ? 0 : quiet + 1;
		if (quiet == STALL && patience == STALL && backlog_drops() > drops) {
			patience = 20 * STALL;
			ended += forget_resets();
		} else if (quiet == patience) {
			show_stalled(ended);
			return 12;
		}
	}
	return 0;
}

/* connections_begin() - Return: 0, or what is wrong */
static int connections_begin(struct linker *linker, int edges)
{
	if (linker_open(linker))
		return 1;
	for (int i = 0; i < cnt; i++)
		if (!begin(&ones[i], linker, edges))
			return 2;
	return 0;
}

/* One process, which tells the others when its connections have been made. */
static int process(int number, int ready, int go)
{
	const int edges = epoll_create1(EPOLL_CLOEXEC);
	struct vnp_link_info info;
	struct linker linker;
	int ret;

	state = number;
	ret = connections_begin(&linker, edges);
	/* Nobody waits for one that has failed. */
	if (post(ready) || eventfd_read(go, &(eventfd_t){ 0 }))
		ret = 3;
	ret = ret ?: traffic(edges);
	if (ret) {
		if (plan.killed)
			eventfd_write(plan.killed, 2);
		return ret;
	}
	if (plan.killed)
		pause();
	if (!plan.each && (link_info(linker.link, &info) || info.accepted != cnt))
		return 4;
	for (int i = 0; i < cnt; i++)
		if (ones[i].ending != IS_CLOSED)
			conn_close(&ones[i].conn);
	return 0;
}

/* How many a process can have, of so many in all */
static int connections_max(int all)
{
	const int share = (all + PROCESSES - 1) / PROCESSES;
	struct rlimit limit;
	int max;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	max = (limit.rlim_max - SPARE) / 2;
	max = max < OF_PROCESS ? max : OF_PROCESS;
	return max < share ? max : share;
}

static struct plan plan_of(int number, bool ends)
{
	return (struct plan){
		.kind = number % 3,
		.small = number % 2,
		.each = number % 4 >= 2,
		.ends = ends,
		.killed = ends && number % 3 == 2 ? eventfd(0, EFD_CLOEXEC) : 0,
	};
}

/* process_end() - Return: is everything right? */
static bool process_end(const struct plan *its, pid_t child)
{
	eventfd_t near_end = 1;
	int status;

	if (its->killed && !eventfd_read(its->killed, &near_end) && near_end == 1)
		kill(child, SIGKILL);
	status = finish(child);
	if (status == (its->killed ? 128 + SIGKILL : 0))
		return true;
	printf("# a process with%s%s%s connections of family %d: %d\n",
	       its->small ? " small" : "", its->each ? " separate" : "",
	       its->killed ? " killed" : "", its->kind, status);
	fflush(stdout);
	return false;
}

/* processes() - with @all connections together.  Return: how many processes failed, or negative */
static int processes(int all, bool ends)
{
	const int ready = eventfd(0, EFD_SEMAPHORE), go = eventfd(0, EFD_SEMAPHORE);
	const int max = connections_max(all);
	struct plan plans[64];
	pid_t children[64];
	int n = 0, failed = 0;

	if (max <= 0 || all / max + 1 > (int)ARRAY_SIZE(plans))
		return -EINVAL;
	for (int left = all; left > 0; left -= cnt, n++) {
		cnt = left < max ? left : max;
		plan = plan_of(n, ends);
		plans[n] = plan;
		children[n] = fork();
		if (!children[n])
			_exit(process(n, ready, go));
	}
	/* All of them have been made before there is any traffic. */
	for (int i = 0; i < n; i++)
		eventfd_read(ready, &(eventfd_t){ 0 });
	eventfd_write(go, n);
	for (int i = 0; i < n; i++)
		failed += !process_end(&plans[i], children[i]);
	printf("# %d connections of %d processes\n", all, n);
	fflush(stdout);
	close(ready);
	close(go);
	return failed;
}

static int number_of_connections(int otherwise)
{
	const char *wanted = getenv("VNP_STREAM_CONNECTIONS");

	return wanted ? atoi(wanted) : otherwise;
}

TEST(connections)
{
	ASSERT_EQ(0, processes(number_of_connections(10000), false));
}

/* They are detached, closed and reset, and processes are killed; then nothing is left. */
TEST(ends)
{
	int before, device = device_open();

	ASSERT_OK(device);
	before = obj_count_all(device);
	ASSERT_EQ(0, processes(number_of_connections(1000), true));
	while (obj_count_all(device) > before)
		poll(NULL, 0, 10);
	close(device);
}

TEST_HARNESS_MAIN
