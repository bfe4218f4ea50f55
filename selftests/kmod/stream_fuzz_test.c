// SPDX-License-Identifier: GPL-2.0
/*
 * Random messages, segments, verdicts, buffers and readers.  What is read must be what a model
 * says, byte by byte, and not before; and nothing may stall.  In one of three cases the messages
 * are opened, and some are forged; in one of three no read may go beyond the end of a message.  In
 * some tests the reader changes SO_RCVLOWAT.
 *
 *	STREAM_SEED=N		begin with this seed, instead of a fixed one
 *	STREAM_SECONDS=N	until so many seconds are over, instead of a few cases
 *
 * The model is the list of messages: it uses neither sequence numbers nor TCP's queue.
 */
#include <fcntl.h>
#include <liburing.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "harness.h"
#include "net.h"
#include "sealed.h"

#define MOST		(4 << 20)
#define MESSAGES	20000

/* How long nothing may happen, in slices: also on a busy machine each is one wake-up. */
#define SLICE_MS	50
#define STALL		(1000 / SLICE_MS)

/* What TCP can charge on these machines; see kmod/tcp/repack.c */
#define CHUNK		3776
#define CHUNK_TRUESIZE	4352

/* A message that is read: its end in what is read, and what must have been sent before */
struct due {
	size_t end, whole, passed;
};

static struct {
	__u64 rnd;
	unsigned int seed;
	bool lossy;
	bool lowers;		/* change SO_RCVLOWAT */
	int lowat;
	struct conn conn;
	__u8 all[MOST], want[MOST];
	size_t all_len, want_len;
	struct due due[MESSAGES];
	struct due counted[MESSAGES];	/* each message: @end of what is read before the next */
	int due_cnt, due_at, counted_cnt;
	struct vnp_object *sealed_obj;
	bool sealed;
	bool bounded;
	__u64 number;		/* of the latest message that is sealed */
	int style, eof;
	bool oversize, truncated, forged_end;
	atomic_size_t sent;
	pthread_t sender;
	int pipe[2];
	size_t piped;		/* bytes in the pipe */
	struct io_uring ring;
	bool has_ring;
	int edges;		/* epoll, edge-triggered */
	size_t got;
	size_t limit;
	bool early;		/* read what was held */
	bool detached;
	const char *wrong;
} c;

static unsigned int rnd(unsigned int n)
{
	c.rnd = c.rnd * 6364136223846793005ULL + 1442695040888963407ULL;
	return (c.rnd >> 33) % n;
}

/* ---- The model ---- */

static size_t rcvbuf_max(int fd, bool locked)
{
	size_t rcvbuf = sock_int(fd, SOL_SOCKET, SO_RCVBUF);
	char text[64] = "";
	unsigned int max = 0;

	if (!locked && read_text("/proc/sys/net/ipv4/tcp_rmem", text, sizeof(text)) >= 0)
		sscanf(text, "%*u %*u %u", &max);
	return max > rcvbuf ? max : rcvbuf;
}

static size_t limit_of(size_t rcvbuf)
{
	size_t charge = rcvbuf / 8 * 3, left = charge % CHUNK_TRUESIZE;
	size_t bytes = charge / CHUNK_TRUESIZE * CHUNK, head = 1024;

	if (left < 256 + 1024)
		return bytes;
	while (head * 2 <= left - 256)
		head *= 2;
	return bytes + head - 320;
}

/* model_plain() - make a message; *@read is what is read of it.  Return: is it dropped? */
static bool model_plain(__u8 *message, char type, size_t len, const __u8 **read, size_t *read_len)
{
	bool dropped = type == MSG_DROP;

	message_make(message, type, len, rnd(1 << 30));
	if (type == MSG_LAST) {
		dropped = rnd(2);
		message[len - 1] = dropped ? MSG_DROP : MSG_PASS;
	}
	*read = message;
	*read_len = len;
	return dropped;
}

/* model_sealed() - the same, for a message that is opened, if it is @whole; *@len is not changed */
static bool model_sealed(__u8 *message, char type, size_t len, bool whole, const __u8 **read,
			 size_t *read_len)
{
	static __u8 text[MOST], opened[MOST];
	struct sealed_header header = {
		.type = type, .key = rnd(SEALED_MISSING), .number = ++c.number,
		.flags = rnd(2) ? 0 : rnd(SEALED_F_FAULT),
	};
	const size_t more = sealed_len(header.key, 0), text_len = len - more;
	bool dropped = type == MSG_DROP;

	fill_random(text, text_len, c.number);
	if (type == MSG_LAST) {
		dropped = rnd(2);
		text[text_len - 1] = dropped ? MSG_DROP : MSG_PASS;
	}
	if (header.flags & SEALED_F_TRY && header.key == SEALED_MAC)
		header.flags &= ~SEALED_F_TRY;
	sealed_make(message, &header, text, text_len);
	*read = opened;
	*read_len = sealed_opened(opened, &header, text, text_len);
	if (whole && !c.forged_end && rnd(10) == 0) {
		message[8 + rnd(len - 8)] ^= 1 << rnd(8);
		dropped = true;
		*read_len = len;
	}
	return dropped || !whole;
}

/* model_add() - a message of which the first @part bytes are sent */
static void model_add(char type, size_t len, size_t part)
{
	const bool whole = part == len;
	const __u8 *read;
	size_t read_len;
	bool dropped;

	dropped = c.sealed ? model_sealed(c.all + c.all_len, type, len, whole, &read, &read_len) :
			     model_plain(c.all + c.all_len, type, len, &read, &read_len);
	if (!whole && !c.sealed) {
		dropped = c.eof != VNP_EOF_DELIVER;
		read_len = part;
	}
	c.all_len += part;
	c.counted[c.counted_cnt++] = (struct due){
		.end = c.want_len + (dropped ? 0 : read_len), .whole = c.all_len,
	};
	if (dropped)
		return;
	memcpy(c.want + c.want_len, read, read_len);
	c.want_len += read_len;
	/* It releases what is held, but nothing is read of it. */
	if (!read_len && type == MSG_HOLD)
		return;
	c.due[c.due_cnt++] = (struct due){ c.want_len, c.all_len, c.all_len };
	if (type == MSG_HOLD)
		c.due[c.due_cnt - 1].passed = SIZE_MAX;
	else
		for (int i = c.due_cnt - 1; i-- && c.due[i].passed == SIZE_MAX;)
			c.due[i].passed = c.all_len;
}

static size_t random_len(size_t budget)
{
	const size_t most = rnd(3) ? c.limit / 8 : c.limit;
	size_t len = rnd(4) ? rnd(most / 16 + 1) : rnd(most);

	if (rnd(12) == 0)
		len = c.limit;
	if (len > budget)
		len = rnd(budget);
	if (c.sealed)
		return len < SEALED_MORE + 1 ? SEALED_MORE + 1 : len;
	return len < STREAM_HEADER + 1 ? STREAM_HEADER + 1 : len;
}

/* How the stream is cut */
enum { ONE, TINY, SMALL, BIG, HUGE, MIXED, STYLES };

static size_t random_cut(int style)
{
	switch (style) {
	case ONE:
		return 1;
	case TINY:
		return 1 + rnd(60);
	case SMALL:
		return 1 + rnd(1460);
	case BIG:
		return 1 + rnd(20000);
	case HUGE:
		return 1 + rnd(300000);
	default:
		return random_cut(TINY + rnd(HUGE - TINY));
	}
}

static void model_whole(size_t budget)
{
	const char type = "PPHHHDDL"[rnd(8)];
	const size_t len = random_len(budget);

	model_add(type, len, len);
}

static void model_build(void)
{
	static const size_t budgets[STYLES] = { 3000, 20000, 100000, 1000000, 1500000, 60000 };
	const size_t budget = budgets[c.style];

	c.all_len = 0;
	c.want_len = 0;
	c.due_cnt = 0;
	c.due_at = 0;
	c.counted_cnt = 0;
	while (c.all_len < budget && c.counted_cnt < MESSAGES - 10 &&
	       c.all_len + c.limit * 2 < MOST / 2)
		model_whole(budget);
}

/* model_end() - how the stream ends */
static void model_end(void)
{
	size_t len;

	if (c.forged_end) {
		model_add(MSG_DROP, 100, 100);
		c.all[c.all_len - 1] ^= 1;
	} else if (c.oversize) {
		len = c.limit + 1 + rnd(c.limit);
		message_make(c.all + c.all_len, MSG_PASS, len, 1);
		c.all_len += len;
	} else if (c.truncated) {
		len = 100 + rnd(1000);
		c.truncated = len <= c.limit;
		if (c.truncated)
			model_add(MSG_PASS, len, 1 + rnd(len - 1));
	}
}

/* ---- The sender ---- */

static void *sender(void *arg)
{
	unsigned int state = c.seed;
	size_t done = 0, n;
	ssize_t ret;

	while (done < c.all_len) {
		/* A random number; the thread has a state of its own. */
		state = state * 1103515245 + 12345;
		n = ((size_t *)arg)[(state >> 16) % 64];
		if (n > c.all_len - done)
			n = c.all_len - done;
		atomic_store(&c.sent, done + n);
		ret = send(c.conn.tx, c.all + done, n, MSG_NOSIGNAL);
		if (ret <= 0)
			return NULL;
		done += ret;
		if ((state >> 8) % 64 == 0)
			usleep(100);
	}
	shutdown(c.conn.tx, SHUT_WR);
	return NULL;
}

/* ---- The reader ---- */

static void check(const __u8 *data, size_t len)
{
	if (c.got + len > c.want_len || memcmp(data, c.want + c.got, len))
		c.wrong = c.wrong ?: "wrong bytes";
	if (c.got + len > c.want_len)
		return;
	c.got += len;
	if (c.detached)
		return;
	for (; c.due_at < c.due_cnt; c.due_at++) {
		const struct due *due = &c.due[c.due_at];
		const size_t start = c.due_at ? due[-1].end : 0;

		if (start >= c.got)
			return;
		if (atomic_load(&c.sent) < due->whole)
			c.wrong = c.wrong ?: "read before it was whole";
		if (due->passed == SIZE_MAX ? atomic_load(&c.sent) < c.all_len :
					      atomic_load(&c.sent) < due->passed)
			c.early = true;
		if (due->end > c.got)
			return;
	}
}

/* Do bytes that one call has read go beyond the end of a message? */
static bool crosses(size_t len)
{
	int i = c.due_at;

	if (!c.bounded || c.detached)
		return false;
	while (i < c.due_cnt && c.due[i].end <= c.got)
		i++;
	return i < c.due_cnt && c.got + len > c.due[i].end;
}

/* pipe_read() - check bytes that were spliced a while ago */
static void pipe_read(size_t len)
{
	static __u8 buffer[65536];
	ssize_t n;

	while (c.piped && len) {
		n = read(c.pipe[0], buffer, len < sizeof(buffer) ? len : sizeof(buffer));
		if (n <= 0) {
			c.wrong = c.wrong ?: "the pipe is empty";
			return;
		}
		check(buffer, n);
		c.piped -= n;
		len -= n;
	}
}

/* Bytes stay in the pipe for a while, but the socket is waited for, not the pipe. */
static ssize_t read_splice(size_t len)
{
	ssize_t n = -1;

	if (c.piped)
		n = splice(c.conn.rx, NULL, c.pipe[1], NULL, len, SPLICE_F_NONBLOCK);
	if (n < 0) {
		pipe_read(c.piped);
		n = splice(c.conn.rx, NULL, c.pipe[1], NULL, len, 0);
	}
	if (n > 0)
		c.piped += n;
	if (rnd(2))
		pipe_read(1 + rnd(65536));
	return n;
}

static ssize_t read_recv(__u8 *buffer, size_t len, int flags, bool peek)
{
	ssize_t n, m;

	pipe_read(c.piped);
	if (peek) {
		n = recv(c.conn.rx, buffer, len, MSG_PEEK);
		if (n <= 0)
			return n;
		if (c.got + n > c.want_len || memcmp(buffer, c.want + c.got, n))
			c.wrong = c.wrong ?: "wrong bytes, peeked";
		if (crosses(n))
			c.wrong = c.wrong ?: "bytes of two messages, peeked";
		m = recv(c.conn.rx, buffer, n, MSG_DONTWAIT);
		if (m != n)
			c.wrong = c.wrong ?: "what was peeked is gone";
		n = m;
	} else {
		n = recv(c.conn.rx, buffer, len, flags);
	}
	if (n > 0 && crosses(n))
		c.wrong = c.wrong ?: "bytes of two messages";
	if (n > 0)
		check(buffer, n);
	return n;
}

/* uring_result() - wait for both entries.  Return: what recv() would return */
static ssize_t uring_result(void)
{
	struct io_uring_cqe *cqe;
	ssize_t n = 0;

	for (int i = 0; i < 2; i++) {
		if (io_uring_wait_cqe(&c.ring, &cqe)) {
			c.wrong = c.wrong ?: "io_uring";
			return -1;
		}
		if (cqe->user_data)
			n = cqe->res;
		io_uring_cqe_seen(&c.ring, cqe);
	}
	if (n >= 0)
		return n;
	errno = n == -ECANCELED || n == -EINTR ? EAGAIN : -n;
	return -1;
}

/* It waits with the socket's wake-ups, as poll() does, but reads when it is woken. */
static ssize_t read_uring(__u8 *buffer, size_t len)
{
	struct __kernel_timespec patience = { .tv_nsec = SLICE_MS * 1000000 };
	struct io_uring_sqe *sqe;
	ssize_t n;

	if (!c.has_ring)
		return read_recv(buffer, len, 0, false);
	pipe_read(c.piped);
	sqe = io_uring_get_sqe(&c.ring);
	io_uring_prep_recv(sqe, c.conn.rx, buffer, len, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_sqe_set_data64(sqe, 1);
	sqe = io_uring_get_sqe(&c.ring);
	io_uring_prep_link_timeout(sqe, &patience, 0);
	io_uring_sqe_set_data64(sqe, 0);
	io_uring_submit(&c.ring);
	n = uring_result();
	if (n > 0)
		check(buffer, n);
	return n;
}

/* not_ready() - from poll() and the like, as from recv() */
static ssize_t not_ready(int n)
{
	if (!n)
		errno = EAGAIN;
	return -1;
}

/* bytes_ready() - what can be read now, which is not more than what is due */
static int bytes_ready(void)
{
	int bytes = 0;

	ioctl(c.conn.rx, FIONREAD, &bytes);
	if (c.got + c.piped + bytes > c.want_len && !c.detached)
		c.wrong = c.wrong ?: "FIONREAD";
	return bytes;
}

/* After all has been read, there is an edge for each byte that is ready. */
static ssize_t read_edge(__u8 *buffer, size_t len)
{
	struct epoll_event event;
	ssize_t n;

	n = read_recv(buffer, len, MSG_DONTWAIT, false);
	if (n >= 0 || errno != EAGAIN)
		return n;
	n = epoll_wait(c.edges, &event, 1, SLICE_MS);
	if (!n && bytes_ready() >= c.lowat) {
		n = epoll_wait(c.edges, &event, 1, 1000);
		if (!n)
			c.wrong = c.wrong ?: "no edge";
	}
	/* EPOLLRDHUP alone: the end has arrived, and what comes before it is not ready. */
	if (n <= 0 || !(event.events & EPOLLIN))
		return not_ready(n < 0 ? n : 0);
	n = read_recv(buffer, len, MSG_DONTWAIT, false);
	if (n < 0 && errno == EAGAIN)
		c.wrong = c.wrong ?: "epoll_wait() lied";
	return n;
}

static ssize_t read_polled(__u8 *buffer, size_t len)
{
	struct pollfd poll_fd = { .fd = c.conn.rx, .events = POLLIN };
	ssize_t n = poll(&poll_fd, 1, SLICE_MS);

	if (n <= 0)
		return not_ready(n);
	bytes_ready();
	n = read_recv(buffer, len, MSG_DONTWAIT, false);
	if (n < 0 && errno == EAGAIN)
		c.wrong = c.wrong ?: "poll() lied";
	return n;
}

/* The link limits it to what can become ready. */
static void change_lowat(void)
{
	static const int most[] = { 1, 100, 10000, 1 << 30 };

	c.lowat = 1 + rnd(most[rnd(ARRAY_SIZE(most))]);
	if (sock_set(c.conn.rx, SOL_SOCKET, SO_RCVLOWAT, c.lowat) < 0)
		c.wrong = c.wrong ?: "SO_RCVLOWAT";
}

static ssize_t read_some(void)
{
	static __u8 buffer[1 << 20];
	const size_t len = rnd(4) ? 1 + rnd(3000) : 1 + rnd(sizeof(buffer));

	if (c.lowers && rnd(8) == 0)
		change_lowat();
	switch (rnd(9)) {
	case 0:
		return read_polled(buffer, len);
	case 1:
		return read_recv(buffer, len, 0, true);
	case 2:
		return read_recv(buffer, len, MSG_WAITALL, false);
	case 3:
	case 4:
		return read_splice(len);
	case 5:
	case 6:
		return read_uring(buffer, len);
	case 7:
		return read_edge(buffer, len);
	default:
		return read_recv(buffer, len, 0, false);
	}
}

static __u64 received(void)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(c.conn.rx, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_bytes_received;
}

/* The link is gone: what was not parsed is read as it was sent. */
static void detach(void)
{
	struct vnp_link_info info;
	size_t at = 0;

	pipe_read(c.piped);
	if (link_detach(c.conn.link) || link_info(c.conn.link, &info)) {
		c.wrong = c.wrong ?: "cannot be detached";
		return;
	}
	c.detached = true;
	c.oversize = false;
	/* the messages that the link has counted, of these what was not dropped */
	c.want_len = 0;
	if (info.packets) {
		at = c.counted[info.packets - 1].whole;
		c.want_len = c.counted[info.packets - 1].end;
	}
	/* unless it ended before, and that was dropped */
	if (info.errors[VNP_ERROR_TRUNCATED])
		return;
	memcpy(c.want + c.want_len, c.all + at, c.all_len - at);
	c.want_len += c.all_len - at;
}

static void read_all(size_t detach_at)
{
	int quiet = 0, error = 0;
	__u64 arrived = 0;
	ssize_t n;

	while (!c.wrong) {
		if (!c.detached && c.got >= detach_at)
			detach();
		n = read_some();
		/* by what io_uring does in this thread */
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 || (n < 0 && errno == EAGAIN && received() != arrived)) {
			arrived = received();
			quiet = 0;
			continue;
		}
		error = n < 0 ? errno : 0;
		if (error != EAGAIN)
			break;
		if (++quiet == (c.lossy ? 10 * STALL : STALL))
			c.wrong = "stalled";
	}
	pipe_read(c.piped);
	if (!c.wrong && error != (c.forged_end && !c.detached ? EBADMSG : c.oversize ? EMSGSIZE :
				  c.truncated && c.eof == VNP_EOF_ABORT && !c.detached ?
				  ECONNABORTED : 0))
		c.wrong = "wrong end";
	if (!c.wrong && c.got != c.want_len)
		c.wrong = "bytes are missing";
}

/* ---- A case ---- */

/* readers_open() - what some ways to read need.  Without io_uring, recv() is called instead. */
static int readers_open(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };

	c.has_ring = !io_uring_queue_init(4, &c.ring, 0);
	c.edges = epoll_create1(EPOLL_CLOEXEC);
	return pipe2(c.pipe, O_CLOEXEC) || epoll_ctl(c.edges, EPOLL_CTL_ADD, c.conn.rx, &event);
}

static void readers_close(void)
{
	if (c.has_ring)
		io_uring_queue_exit(&c.ring);
	close(c.edges);
	close(c.pipe[0]);
	close(c.pipe[1]);
}

static int case_open(void)
{
	static const int rcvbufs[] = { 0, 0, 0, 2304, 4096, 8192, 32768, 65536, 212992 };
	const int rcvbuf = rcvbufs[rnd(ARRAY_SIZE(rcvbufs))];
	struct timeval patience = { .tv_usec = SLICE_MS * 1000 };
	int err = conn_open(&c.conn, rnd(3), rcvbuf);

	if (err)
		return err;
	if (rnd(2))
		sock_set(c.conn.tx, SOL_SOCKET, SO_SNDBUF, 4096 << rnd(9));
	setsockopt(c.conn.rx, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	c.limit = limit_of(rcvbuf_max(c.conn.rx, rcvbuf));
	if (c.limit > 600000)
		c.limit = 600000;
	c.style = rnd(STYLES);
	c.eof = rnd(3);
	c.sealed = rnd(3) == 0 && c.limit > 4 * SEALED_MORE;
	c.forged_end = c.sealed && rnd(5) == 0;
	/* Only a limit that is known can be exceeded. */
	c.oversize = !c.sealed && rcvbuf && rnd(5) == 0;
	c.truncated = !c.oversize && !c.forged_end && rnd(3) == 0;
	return 0;
}

static void case_execute(unsigned int seed)
{
	const __u32 flags = seed % 3 ? 0 : VNP_LINK_F_BOUNDARIES;
	struct vnp_link_info info = {};
	size_t cuts[64], detach_at = SIZE_MAX;
	int charged;
	bool before;

	c.rnd = seed * 7919ULL + 13;
	c.seed = seed;
	c.lowat = 1;
	c.bounded = flags;
	c.wrong = NULL;
	c.early = false;
	c.detached = false;
	c.got = 0;
	c.piped = 0;
	before = rnd(3) == 0;
	atomic_store(&c.sent, 0);
	if (case_open() || readers_open()) {
		c.wrong = "no connection";
		return;
	}
	model_build();
	model_end();
	for (int i = 0; i < 64; i++)
		cuts[i] = random_cut(c.style);
	if (rnd(4) == 0)
		detach_at = rnd(c.want_len + 1);
	/* It may have begun to arrive before the link. */
	if (before)
		pthread_create(&c.sender, NULL, sender, cuts);
	for (int i = before ? rnd(20) : 0; i; i--)
		sched_yield();
	if (c.sealed ? sealed_link(c.sealed_obj, &c.conn,
				   flags | (c.forged_end ? VNP_LINK_F_FORGED_END : 0), c.eof) :
		       conn_link(&c.conn, flags, c.eof))
		c.wrong = "no link";
	if (!before)
		pthread_create(&c.sender, NULL, sender, cuts);
	read_all(detach_at);
	link_info(c.conn.link, &info);
	charged = sock_rmem(c.conn.rx);
	if (c.early && !info.errors[VNP_ERROR_EVICTED])
		c.wrong = c.wrong ?: "read while it was held";
	shutdown(c.conn.rx, SHUT_RDWR);
	shutdown(c.conn.tx, SHUT_RDWR);
	pthread_join(c.sender, NULL);
	if (c.wrong)
		printf("# seed %u: %s: style %d rcvbuf %d limit %zu eof %u%s%s%s%s%s%s: read %zu (%zu) of %zu, sent %zu of %zu, arrived %llu, packets %llu bytes %llu evicted %llu repacked %llu charged %d errno %d\n",
		       seed, c.wrong, c.style, sock_int(c.conn.rx, SOL_SOCKET, SO_RCVBUF), c.limit,
		       c.eof, c.oversize ? " oversize" : "", c.truncated ? " truncated" : "",
		       c.detached ? " detached" : "", c.sealed ? " sealed" : "",
		       c.forged_end ? " forged" : "", c.bounded ? " bounded" : "", c.got, c.piped, c.want_len,
		       atomic_load(&c.sent), c.all_len, (unsigned long long)received(),
		       (unsigned long long)info.packets, (unsigned long long)info.bytes,
		       (unsigned long long)info.errors[VNP_ERROR_EVICTED],
		       (unsigned long long)info.repacked, charged, errno);
	readers_close();
	conn_close(&c.conn);
}

static unsigned int number(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

/* Return: how many cases are wrong */
static int cases(unsigned int cnt)
{
	const unsigned int seconds = number("STREAM_SECONDS", 0);
	unsigned int seed = number("STREAM_SEED", 1), done = 0;
	const time_t start = time(NULL);
	int wrong = sealed_load(&c.sealed_obj) ? 1 : 0;

	/* Stalled once: a long packet, retransmitted, of which nearly all had been read before */
	case_execute(4111);
	wrong += !!c.wrong;
	for (; seconds ? time(NULL) - start < seconds : done < cnt; done++) {
		case_execute(seed + done);
		wrong += !!c.wrong;
		fflush(stdout);
	}
	vnp_object_close(c.sealed_obj);
	printf("# %u cases from seed %u, %d wrong\n", done, seed, wrong);
	fflush(stdout);
	return wrong;
}

/* Segments of lo are as long as those of a network. */
static int use_short_mtu(void)
{
	return netns_new() ?: if_mtu("lo", 1500);
}

/* Return: whether there is netem */
static bool use_netem(void)
{
	c.lossy = true;
	return !shell("tc qdisc add dev lo root netem delay 500us reorder 30%% loss 1%% limit 10000 2>/dev/null");
}

TEST(lo)
{
	ASSERT_EQ(0, cases(32));
}

TEST(short_mtu)
{
	ASSERT_EQ(0, use_short_mtu());
	ASSERT_EQ(0, cases(24));
}

TEST(lossy)
{
	ASSERT_EQ(0, use_short_mtu());
	if (!use_netem())
		SKIP(return, "there is no netem");
	ASSERT_EQ(0, cases(8));
}

TEST(lo_low_water)
{
	c.lowers = true;
	ASSERT_EQ(0, cases(12));
}

TEST(short_mtu_low_water)
{
	c.lowers = true;
	ASSERT_EQ(0, use_short_mtu());
	ASSERT_EQ(0, cases(12));
}

TEST(lossy_low_water)
{
	c.lowers = true;
	ASSERT_EQ(0, use_short_mtu());
	if (!use_netem())
		SKIP(return, "there is no netem");
	ASSERT_EQ(0, cases(4));
}

TEST_HARNESS_MAIN
