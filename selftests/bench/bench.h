/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bench: datagrams from an emulated card (hook/nic.c), their receiver (receive.c), the
 * measured systems (systems.c), and the total cost.  The bench exits with an error if
 * something fails, or if unexpected datagrams arrive.
 */
#ifndef _VNP_BENCH_H
#define _VNP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <pthread.h>
#include <linux/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* die() - print an error message, and exit; the text is a sentence, errno is not added */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ticks() - the time stamp counter, which counts instructions here */
static inline __u64 ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/*
 * CRYPT_MODULES - to be loaded before keys are set; RETRY() - a call that sets one.  The kernel
 * waits a minute until an algorithm is found and tested, but the clock of a guest that counts
 * instructions jumps while all wait for a file.  Then the call fails, and may succeed later.
 */
#define CRYPT_MODULES	"aesni_intel ghash_clmulni_intel ghash_generic gcm ctr sha1_ssse3 hmac"

#define RETRY(call) ({							\
	int _err, _tries = 10;						\
									\
	do {								\
		_err = (call);						\
	} while (_err && --_tries);					\
	_err;								\
})

/* least() - the minimum of values */
double least(const double *values, int cnt);

/* median() - the median of values, which are sorted */
double median(double *values, int cnt);

/*
 * ---- Results -------------------------------------------------------------
 */

/**
 * struct row - a line of the table and of bench.json
 * @workload:	the workload
 * @system:	the system
 * @kase:	variant of the workload, or NULL
 * @size:	bytes of payload; for verification, instructions of the program
 * @burst:	datagrams of a burst or super-packet
 * @unwanted:	percent to be dropped
 * @fanout:	relay: peers that each datagram is sent to
 * @rewritten:	relay: bytes at the beginning that differ for each peer
 * @messages:	profile of a stream: messages of a round, and @interrupts; 0: TRAFFIC_CNT
 *		datagrams
 * @insns:	instructions per datagram, from GRO on; or in total; NAN: refused
 * @arrival:	instructions per datagram in the card's driver and GRO
 * @switches:	context switches of the receiver per datagram
 * @syscalls:	system calls per datagram
 * @guards:	VNP programs: accesses with a guard
 * @masks:	likewise: masked sides of accesses
 * @barriers:	likewise: speculation barriers
 */
struct row {
	const char *workload;
	const char *system;
	const char *kase;
	int size;
	int burst;
	int unwanted;
	int fanout;
	int rewritten;
	int messages;
	int interrupts;
	double insns;
	double arrival;
	double switches;
	double syscalls;
	int guards;
	int masks;
	int barriers;
};

/* row_add() - add a row to the results, and print it */
void row_add(const struct row *row);

/* rows_begin() - print a heading; rows_write() - write all rows to a file */
void rows_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rows_write(const char *path);

/*
 * ---- Traffic -------------------------------------------------------------
 */

enum arrival {
	ALONE,		/* one datagram per interrupt */
	BURST,		/* several, from different senders */
	MERGED,		/* several from one sender, which GRO merges if allowed */
};

#define UNWANTED	'D'	/* the first byte of the payload */
#define WANTED		'W'

/**
 * struct traffic - datagrams that arrive repeatedly
 * @arrival:	how they arrive
 * @burst:	datagrams per interrupt and sender, at most 64, a power of 2; 0: 16, or 1 if
 *		ALONE
 * @size:	bytes of payload, at least 8
 * @unwanted:	percent to be dropped
 * @fill:	writes the payload of datagram number i; NULL: random bytes, UNWANTED or WANTED
 *		first
 * @senders:	MERGED: number of senders, each sending @burst at once; 0: one
 * @open:	the process decrypts a datagram in place.  Returns its length then, or -1 if it
 *		is not authentic; NULL: it does not
 * @want:	what datagram number i is for the process, @overhead bytes shorter; NULL: what
 *		arrives
 * @overhead:	see @want
 * @seal:	relay: the process writes what a peer gets of a datagram.  Returns its length; NULL:
 *		as it came, or with other bytes in front
 * @is_new:	the datagrams of each round are new: @fill is called again
 * @deferred:	the kernel or the process may still be at work when the last datagram has
 *		arrived: its cost includes what is done until both sleep
 */
struct traffic {
	enum arrival arrival;
	int burst;
	int size;
	int unwanted;
	int senders;
	void (*fill)(__u8 *payload, int i);
	int (*open)(__u8 *data, int len);
	const __u8 *(*want)(int i);
	int overhead;
	int (*seal)(const __u8 *data, int len, int peer, __u8 *to);
	bool is_new;
	bool deferred;
};

const char *traffic_name(const struct traffic *traffic);

/*
 * ---- The receiver --------------------------------------------------------
 */

/**
 * struct receiver - a receiving thread, and its counters
 * @sock:	its socket
 * @traffic:	what arrives
 * @check:	compare each datagram with what was sent
 * @stop:	exit when woken
 * @wanted:	datagrams received
 * @discarded:	datagrams received and discarded
 * @calls:	system calls made
 * @next:	the number of the next datagram, if @check
 */
struct receiver {
	int sock;
	const struct traffic *traffic;
	volatile bool check;
	volatile bool stop;
	volatile long wanted;
	volatile long discarded;
	volatile long calls;
	int next;
};

typedef void (*receive_fn)(struct receiver *rx);

void receive_each(struct receiver *rx);		/* recv(), woken by epoll */
void receive_many(struct receiver *rx);		/* recvmmsg() */
void receive_merged(struct receiver *rx);	/* the same, with UDP_GRO */
void answer_many(struct receiver *rx);		/* recvmmsg() and sendmmsg() */
void answer_merged(struct receiver *rx);	/* UDP_GRO and UDP_SEGMENT */

/* Every datagram is sent to several peers, to at most RELAY_PEERS if it is sealed for each */
#define RELAY_PEERS	8

void relay_each(struct receiver *rx);		/* recvmmsg() and sendmmsg() */
void relay_segments(struct receiver *rx);	/* the same with UDP_SEGMENT */
void relay_merged(struct receiver *rx);		/* and with UDP_GRO */

/* relay_unlimited() - raise the limits of sending, which such a guest is fast enough to reach */
void relay_unlimited(void);

/*
 * ---- Systems -------------------------------------------------------------
 */

/**
 * struct system - VNP, or an alternative
 * @name:	as in bench.json
 * @receive:	how the process receives passed datagrams
 * @filters:	drops unwanted datagrams before the process sees them
 * @attach:	attach it to a socket, or NULL
 * @detach:	detach what is not closed with the socket, or NULL
 * @serve:	instead of @receive and @attach: start a process with a socket of its own,
 *		which answers everything.  Returns the thread that does; @detach ends it
 */
struct system {
	const char *name;
	receive_fn receive;
	bool filters;
	void (*attach)(int sock);
	void (*detach)(void);
	pid_t (*serve)(void);
};

void attach_vnp(int sock);
void attach_vnp_hardened(int sock);
void attach_vnp_unmerged(int sock);
void attach_vnp_trivial(int sock);
void attach_vnp_reply(int sock);

/* attach_vnp_relay() - every datagram is sent to eight peers, then dropped */
void attach_vnp_relay(int sock);

/* attach_floor_relay() - the same by the module's bare hook */
void attach_floor_relay(int sock);

void attach_vnp_hold(int sock);
void attach_hook(int sock);
void attach_filter(int sock);
void attach_bpf(int sock);
void attach_tc(int sock);
void attach_tc_reply(int sock);
void detach_tc(void);
void attach_xdp(int sock);
void attach_xdp_reply(int sock);
void detach_xdp(void);

/*
 * ---- Measuring -----------------------------------------------------------
 */

/* Where datagrams are sent to */
#define RIG_ADDRESS	"10.9.0.1"
#define RIG_PORT	"9000"

/* rig_open() - module, card, addresses */
void rig_open(void);

/*
 * The minimum of several rounds is used, as the kernel also does other work: a timer ticks
 * every four million instructions, and a round takes about one million.
 */
#define BATCHES		31
#define WARM		3	/* rounds before the measured ones */

/* round_fn - let everything of a round arrive.  Returns the cost of one; @arrival: of card and GRO */
typedef double (*round_fn)(void *arg, double *arrival);

/* rig_warm() - the rounds before those, in which the receiver checks what it gets */
void rig_warm(round_fn round, void *arg, struct receiver *rx);

/*
 * rig_rounds() - measure rounds of @cnt datagrams, messages or requests, after the warm ones; @tid:
 * the thread of @rx
 */
void rig_rounds(round_fn round, void *arg, const struct receiver *rx, pid_t tid, int cnt,
		struct row *row);

/* rig_load() - IP packets for the card, @len bytes apart, each as long as its header says */
void rig_load(const void *data, int cnt, int len);

/*
 * rig_play() - let packets arrive in one interrupt.  Returns the ticks of driver and GRO;
 * rig_play_cost() - what an interrupt without packets costs
 */
__u64 rig_play(int first, int cnt);
double rig_play_cost(void);

/* rig_yield() - set whether this thread yields to all others (SCHED_IDLE) */
void rig_yield(bool yields);

/* rig_checksum() - the Internet checksum of an even number of bytes, added to @sum */
__u16 rig_checksum(const void *data, size_t len, __u32 sum);

/* rig_hook() - attach the module's bare hook to this socket */
void rig_hook(int sock);

/* rig_fanout() - likewise one that sends what arrives to so many ports, from the first on */
void rig_fanout(int sock, int cnt, const char *address, int port);

/* rig_native() - execute a program in the module; its result */
__u32 rig_native(const char *name, const void *data, __u32 len, __u32 repeat);

/*
 * rig_crypt() - what the kernel's own transform takes to open @size bytes of additional data,
 * text and tag; @gcm_key: bytes of the key of AES-GCM, 0: ChaCha20-Poly1305
 */
double rig_crypt(__u32 gcm_key, __u32 size, bool forged);

/* rig_sent() - packets sent by the card */
long rig_sent(void);

/* rig_datagrams() - datagrams that arrive for one rig_measure() */
long rig_datagrams(void);

/* rig_cpus() - number of CPUs */
int rig_cpus(void);

/* rig_measure() - measure the cost of datagrams; fills @row except the workload */
void rig_measure(const struct system *system, const struct traffic *traffic,
		 struct row *row);

/*
 * rig_profile() - the same, profiled (profile.h); rig_profile_play() - the same number of
 * calls with the card receiving nothing
 */
void rig_profile(const struct system *system, const struct traffic *traffic,
		 struct row *row);
void rig_profile_play(void);

/* rig_sizes() - measure the cost of datagrams, with rows for small and large ones */
void rig_sizes(const char *workload, const struct system *system,
	       struct traffic *traffic);

/* traffic_payload() - the payload of datagram number @i */
const __u8 *traffic_payload(int i);
#define TRAFFIC_CNT	320

/*
 * ---- Workloads -----------------------------------------------------------
 */

void bench_drop(void);
void bench_times(void);
void bench_pass(void);
void bench_reply(void);
void bench_kvcache(void);
void bench_relay(void);
void bench_srelay(void);
void bench_hold(void);
void bench_stream(void);
void bench_answer(void);
void bench_stream_profile(void);
void bench_aead_open(void);
void bench_aead_forged(void);
void bench_aead_profile(void);
void bench_aead_timing(void);
void bench_verify(void);
void bench_processor(void);
void bench_profile(void);

#endif /* _VNP_BENCH_H */
