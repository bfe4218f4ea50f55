// SPDX-License-Identifier: GPL-2.0
/*
 * One CPU.  A thread of the lowest scheduling class makes the card receive; the receiver
 * that this wakes preempts it, and it continues when the receiver sleeps again.  So the
 * time between two of its clock readings is the cost of the datagrams, plus that of making
 * the card receive, which is measured separately and subtracted.
 *
 * With two CPUs, where times are measured, the receiver has its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "hook/ioctl.h"
#include "profile.h"
#include "../kmod/common.h"

#define HERE		RIG_ADDRESS
#define THERE		"10.9.0.2"
#define RCVBUF		(8 << 20)

#define HEADERS		(sizeof(struct iphdr) + sizeof(struct udphdr))
#define FRAME_MAX	2048

static __u8 frames[TRAFFIC_CNT * FRAME_MAX];
static int frame_len;
static int card = -1;
static int cpus;
static double play_cost;	/* cost of an interrupt without datagrams */
static pid_t ksoftirqd;		/* of CPU 0, where datagrams arrive */

/*
 * ---- Traffic -------------------------------------------------------------
 */

static int traffic_burst(const struct traffic *traffic)
{
	return traffic->burst ?: traffic->arrival == ALONE ? 1 : 16;
}

/* Datagrams per interrupt */
static int traffic_at_once(const struct traffic *traffic)
{
	return traffic_burst(traffic) * (traffic->senders ?: 1);
}

const char *traffic_name(const struct traffic *traffic)
{
	static const char * const names[] = { "single", "burst", "super-packet" };

	return traffic->senders ? "super-packets" : names[traffic->arrival];
}

/* The source port, by which senders are distinguished */
static __u16 traffic_port(const struct traffic *traffic, int i)
{
	const int senders = traffic->arrival == BURST ? 16 : traffic->senders ?: 1;
	const int row = traffic->arrival == BURST ? 1 : traffic_burst(traffic);

	return 10000 + i / row % senders;
}

const __u8 *traffic_payload(int i)
{
	return frames + i * frame_len + HEADERS;
}

__u16 rig_checksum(const void *data, size_t len, __u32 sum)
{
	const __u16 *p = data;
	size_t i;

	for (i = 0; i < len / 2; i++)
		sum += p[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* The sum of the pseudo header of UDP's checksum */
static __u32 checksum_pseudo(const struct iphdr *ip, __u16 len)
{
	const __u32 sum = (ip->saddr & 0xffff) + (ip->saddr >> 16) +
			  (ip->daddr & 0xffff) + (ip->daddr >> 16);

	return sum + htons(ip->protocol) + len;
}

static bool is_wanted(const struct traffic *traffic, int i)
{
	return i % 10 >= traffic->unwanted / 10;
}

/* The number of the datagram follows the first byte.  GRO requires a checksum. */
static void frame_write(const struct traffic *traffic, int i)
{
	__u8 *at = frames + i * frame_len, *payload = at + HEADERS;
	struct udphdr *udp = (void *)(at + sizeof(struct iphdr));
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(frame_len),
		.frag_off = htons(IP_DF),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = inet_addr(THERE),
		.daddr = inet_addr(HERE),
	};

	ip.check = rig_checksum(&ip, sizeof(ip), 0);
	memcpy(at, &ip, sizeof(ip));
	*udp = (struct udphdr) {
		.source = htons(traffic_port(traffic, i)),
		.dest = htons(atoi(RIG_PORT)),
		.len = htons(frame_len - sizeof(ip)),
	};
	if (traffic->fill) {
		traffic->fill(payload, i);
	} else {
		fill_random(payload, traffic->size, i);
		payload[0] = is_wanted(traffic, i) ? WANTED : UNWANTED;
		memcpy(payload + 1, &i, sizeof(i));
	}
	/* 0 means "no checksum": GRO would not merge such a datagram, and reorder it. */
	udp->check = rig_checksum(udp, frame_len - sizeof(ip),
				  checksum_pseudo(&ip, udp->len)) ?: 0xffff;
}

void rig_load(const void *data, int cnt, int len)
{
	struct bench_frames arg = { .data = (uintptr_t)data, .cnt = cnt, .len = len };

	if (ioctl(card, BENCH_FRAMES, &arg))
		die("The card does not accept frames: %s.", strerror(errno));
}

static void traffic_load(const struct traffic *traffic)
{
	int i;

	frame_len = HEADERS + traffic->size;
	for (i = 0; i < TRAFFIC_CNT; i++)
		frame_write(traffic, i);
	rig_load(frames, TRAFFIC_CNT, frame_len);
}

__u64 rig_play(int first, int cnt)
{
	struct bench_play arg = { .first = first, .cnt = cnt };

	if (ioctl(card, BENCH_PLAY, &arg))
		die("The card cannot receive: %s.", strerror(errno));
	return arg.arrival;
}

/*
 * ---- The rig -------------------------------------------------------------
 */

static void measure_play(void)
{
	double values[BATCHES];
	__u64 start;
	int i, k;

	for (i = 0; i < BATCHES; i++) {
		start = ticks();
		for (k = 0; k < TRAFFIC_CNT; k++)
			rig_play(0, 0);
		values[i] = (ticks() - start) / (double)TRAFFIC_CNT;
	}
	play_cost = least(values, BATCHES);
}

double rig_play_cost(void)
{
	return play_cost;
}

int rig_cpus(void)
{
	return cpus;
}

long rig_sent(void)
{
	char text[32];

	if (read_text("/sys/class/net/" BENCH_INTERFACE "/statistics/tx_packets", text,
		      sizeof(text)) < 0)
		die("Cannot read the card's counter of sent packets.");
	return atol(text);
}

long rig_datagrams(void)
{
	return (WARM + BATCHES) * TRAFFIC_CNT;
}

/* The kernel thread that softirqs are deferred to */
static pid_t find_ksoftirqd(void)
{
	char path[64], name[32];
	pid_t pid;

	for (pid = 2; pid < 1000; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		if (read_text(path, name, sizeof(name)) > 0 && !strcmp(name, "ksoftirqd/0\n"))
			return pid;
	}
	die("There is no ksoftirqd.");
}

void rig_open(void)
{
	static const struct traffic any = { ALONE, .size = 64, .unwanted = 100 };

	card = open(BENCH_DEVICE, O_RDWR | O_CLOEXEC);
	if (card < 0)
		die("%s cannot be opened: %s.", BENCH_DEVICE, strerror(errno));
	/* What it sends is counted: nothing of its own, like router solicitations */
	if (write_text("/proc/sys/net/ipv6/conf/" BENCH_INTERFACE "/disable_ipv6", "1") < 0)
		die("IPv6 cannot be disabled on the card.");
	if (shell("ip link set %s up && ip addr add " HERE "/24 dev %s && "
		  "ip neigh add " THERE " lladdr 02:00:00:00:00:01 dev %s",
		  BENCH_INTERFACE, BENCH_INTERFACE, BENCH_INTERFACE))
		die("The card cannot be set up.");
	if (write_text("/proc/sys/net/core/gro_normal_batch", "1024") < 0 ||
	    write_text("/proc/sys/net/core/rmem_max", "16777216") < 0)
		die("The network's settings cannot be changed.");
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	ksoftirqd = find_ksoftirqd();
	if (pin(0))
		die("This thread cannot be kept on a CPU: %s.", strerror(errno));
	traffic_load(&any);
	measure_play();
}

void rig_hook(int sock)
{
	if (ioctl(card, BENCH_HOOK, &sock))
		die("The bare hook cannot be attached to the socket: %s.", strerror(errno));
}

void rig_fanout(int sock, int cnt, const char *address, int port)
{
	struct bench_fanout arg = {
		.fd = sock,
		.cnt = cnt,
		.address = inet_addr(address),
		.port = port,
	};

	if (ioctl(card, BENCH_FANOUT, &arg))
		die("The bare hook does not send: %s.", strerror(errno));
}

__u32 rig_native(const char *name, const void *data, __u32 len, __u32 repeat)
{
	struct bench_native arg = {
		.data = (uintptr_t)data,
		.len = len,
		.repeat = repeat,
	};

	snprintf(arg.name, sizeof(arg.name), "%s", name);
	if (ioctl(card, BENCH_NATIVE, &arg))
		die("The module cannot execute %s: %s.", name, strerror(errno));
	return arg.result;
}

double rig_crypt(__u32 gcm_key, __u32 size, bool forged)
{
	struct bench_crypt arg = { .gcm_key = gcm_key, .size = size, .forged = forged };

	if (ioctl(card, BENCH_CRYPT, &arg))
		die("The module cannot open a text: %s.", strerror(errno));
	return arg.ticks;
}

/* Not udp_socket(), which sets a timeout: that costs a timer. */
static int open_socket(void)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(RIG_PORT)),
		.sin_addr.s_addr = inet_addr(HERE),
	};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || bind(sock, (const void *)&address, sizeof(address)) ||
	    sock_set(sock, SOL_SOCKET, SO_RCVBUF, RCVBUF) < 0)
		die("The receiving socket cannot be opened: %s.", strerror(errno));
	return sock;
}

/*
 * ---- Measuring -----------------------------------------------------------
 */

/**
 * struct session - a measurement of a system
 * @system:	the system
 * @traffic:	the traffic
 * @rx:		the receiver
 * @thread:	its thread
 * @tid:	its thread id, or that of a process
 * @sent:	packets that the card had sent before
 * @finish_cost: of session_finish(), if the traffic is @deferred
 * @watched:	the round is profiled (profile.h)
 */
struct session {
	const struct system *system;
	const struct traffic *traffic;
	struct receiver rx;
	pthread_t thread;
	volatile pid_t tid;
	long sent;
	double finish_cost;
	bool watched;
};

void rig_yield(bool yields)
{
	const struct sched_param param = { 0 };

	if (sched_setscheduler(0, yields ? SCHED_IDLE : SCHED_OTHER, &param))
		die("The thread's class cannot be set: %s.", strerror(errno));
}

static void *receiver_main(void *arg)
{
	struct session *session = arg;

	if (pin(rig_cpus() - 1))
		die("The receiver cannot be kept on a CPU: %s.", strerror(errno));
	session->tid = gettid();
	session->system->receive(&session->rx);
	return NULL;
}

/* Wait until all datagrams that arrived have been received. */
static void session_settle(const struct session *session)
{
	if (thread_sleeps(session->tid) < 0)
		die("The receiver does not wait for datagrams.");
}

/* Wait until the kernel and the process have done all that follows from the datagrams. */
static void session_finish(const struct session *session)
{
	if (thread_sleeps(ksoftirqd) < 0)
		die("The kernel does not end processing softirqs.");
	session_settle(session);
}

/* What session_finish() costs when there is nothing to wait for */
static void measure_finish(struct session *session)
{
	double values[BATCHES];
	__u64 start;
	int i;

	session_finish(session);
	for (i = 0; i < BATCHES; i++) {
		start = ticks();
		session_finish(session);
		values[i] = ticks() - start;
	}
	session->finish_cost = least(values, BATCHES);
}

static void session_start_thread(struct session *session)
{
	session->rx.sock = open_socket();
	if (pthread_create(&session->thread, NULL, receiver_main, session))
		die("The receiver's thread cannot be started.");
	while (!session->tid)
		sched_yield();
	session_settle(session);
	/* Last: UDP_GRO is already set, if needed. */
	if (session->system->attach)
		session->system->attach(session->rx.sock);
}

static void session_start(struct session *session)
{
	if (session->system->serve)
		session->tid = session->system->serve();
	else
		session_start_thread(session);
	session->sent = rig_sent();
	rig_yield(true);
}

static void session_stop_thread(struct session *session)
{
	session->rx.stop = true;
	/* Wakes sleeping receivers, though it fails as the socket is not connected. */
	shutdown(session->rx.sock, SHUT_RDWR);
	pthread_join(session->thread, NULL);
}

static void session_stop(struct session *session)
{
	if (!session->system->serve)
		session_stop_thread(session);
	rig_yield(false);
	if (session->system->detach)
		session->system->detach();
	if (!session->system->serve)
		close(session->rx.sock);
}

/* Let all datagrams arrive.  Returns the cost per datagram; @arrival: of card and GRO */
static double session_round(void *arg, double *arrival)
{
	const struct session *session = arg;
	const int at_once = traffic_at_once(session->traffic);
	__u64 before = 0, start;
	double all;
	int i;

	if (session->traffic->is_new)
		traffic_load(session->traffic);
	start = ticks();
	if (session->watched)
		profile_begin();
	for (i = 0; i < TRAFFIC_CNT; i += at_once)
		before += rig_play(i, at_once);
	/* A receiver on another CPU may still be busy. */
	if (rig_cpus() > 1)
		session_settle(session);
	if (session->traffic->deferred)
		session_finish(session);
	all = (ticks() - start - session->finish_cost) / TRAFFIC_CNT - play_cost / at_once;
	*arrival = before / (double)TRAFFIC_CNT;
	if (session->watched)
		profile_end();
	session_settle(session);
	return all - *arrival;
}

/*
 * Check that all wanted datagrams were received, and no others unless the process discards
 * them.
 */
static void session_check(const struct session *session, int batches)
{
	const long sent = (long)batches * TRAFFIC_CNT;
	const long unwanted = sent * session->traffic->unwanted / 100;
	const long discarded = session->system->filters ? 0 : unwanted;

	if (session->system->serve) {
		if (rig_sent() - session->sent != sent)
			die("%s, %s: of %ld requests %ld were answered.", session->system->name,
			    traffic_name(session->traffic), sent, rig_sent() - session->sent);
		return;
	}
	if (session->rx.wanted != sent - unwanted || session->rx.discarded != discarded)
		die("%s, %s of %d bytes: %ld wanted datagrams and %ld others arrived, not %ld and %ld.",
		    session->system->name, traffic_name(session->traffic), session->traffic->size,
		    session->rx.wanted, session->rx.discarded, sent - unwanted, discarded);
}

void rig_warm(round_fn round, void *arg, struct receiver *rx)
{
	double arrival;
	int i;

	rx->check = true;
	for (i = 0; i < WARM; i++)
		round(arg, &arrival);
	rx->check = false;
}

void rig_rounds(round_fn round, void *arg, const struct receiver *rx, pid_t tid, int cnt,
		struct row *row)
{
	const double all = (double)BATCHES * cnt;
	double insns[BATCHES], arrival[BATCHES];
	const long calls = rx->calls, switches = voluntary_switches(tid);
	int i;

	for (i = 0; i < BATCHES; i++)
		insns[i] = round(arg, &arrival[i]);
	row->insns = least(insns, BATCHES);
	row->arrival = least(arrival, BATCHES);
	row->syscalls = (rx->calls - calls) / all;
	row->switches = (voluntary_switches(tid) - switches) / all;
}

static void session_measure(struct session *session, struct row *row)
{
	rig_warm(session_round, session, &session->rx);
	session_check(session, WARM);
	rig_rounds(session_round, session, &session->rx, session->tid, TRAFFIC_CNT, row);
	session_check(session, WARM + BATCHES);
}

static void session_profile(struct session *session, struct row *row)
{
	double arrival;
	int i;

	for (i = 0; i < WARM; i++)
		session_round(session, &arrival);
	session->watched = true;
	row->insns = session_round(session, &row->arrival);
	session_check(session, WARM + 1);
}

void rig_profile_play(void)
{
	int i;

	for (i = 0; i < TRAFFIC_CNT; i++)
		rig_play(0, 0);
	profile_begin();
	for (i = 0; i < TRAFFIC_CNT; i++)
		rig_play(0, 0);
	profile_end();
}

/* Set up a system and its receiver, and call @measure */
static void rig_session(const struct system *system, const struct traffic *traffic,
		    struct row *row, void (*measure)(struct session *session, struct row *row))
{
	struct session session = {
		.system = system,
		.traffic = traffic,
		.rx = { .traffic = traffic },
	};

	row->system = system->name;
	row->kase = traffic_name(traffic);
	row->size = traffic->size;
	row->burst = traffic_burst(traffic);
	row->unwanted = traffic->unwanted;
	traffic_load(traffic);
	session_start(&session);
	if (traffic->deferred)
		measure_finish(&session);
	measure(&session, row);
	session_stop(&session);
}

void rig_measure(const struct system *system, const struct traffic *traffic,
		 struct row *row)
{
	rig_session(system, traffic, row, session_measure);
}

void rig_profile(const struct system *system, const struct traffic *traffic,
		 struct row *row)
{
	rig_session(system, traffic, row, session_profile);
}

void rig_sizes(const char *workload, const struct system *system,
	       struct traffic *traffic)
{
	static const int sizes[] = { 64, 512, 1400 };
	struct row row = { .workload = workload };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		traffic->size = sizes[i];
		rig_measure(system, traffic, &row);
		row_add(&row);
	}
}
