/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bench: what arrives by a card of its own (hook/nic.c), who receives it
 * (receive.c), what is put between (systems.c), and what that costs in all.  Where
 * something does not work, or not what was meant arrives, the bench ends.
 */
#ifndef _VNP_BENCH_H
#define _VNP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <pthread.h>
#include <linux/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* die() - say what is wrong, and end; the text is a sentence, errno is not added */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ticks() - of the time stamp counter, which counts instructions here */
static inline __u64 ticks(void)
{
	return __builtin_ia32_rdtsc();
}

/* least() - of values */
double least(const double *values, int cnt);

/* median() - of values, which are sorted by it */
double median(double *values, int cnt);

/*
 * ---- Results -------------------------------------------------------------
 */

/**
 * struct row - a line of the table and of bench.json
 * @workload:	what is done
 * @system:	who does it
 * @kase:	which of several, or NULL
 * @size:	bytes of payload; of verification instructions of the program
 * @pieces:	datagrams of a burst or super-packet
 * @unwanted:	percent
 * @insns:	instructions a datagram, from where it has left GRO; or of the whole;
 *		NAN: it is refused
 * @arrival:	instructions a datagram before that, in the card's driver and GRO
 * @switches:	times a datagram that the receiver was put to sleep
 * @syscalls:	system calls a datagram
 * @guards:	of a program of VNP: accesses that carry one
 * @masks:	likewise: sides on which an access is masked
 * @barriers:	likewise: instructions that hold speculation up
 */
struct row {
	const char *workload;
	const char *system;
	const char *kase;
	int size;
	int pieces;
	int unwanted;
	double insns;
	double arrival;
	double switches;
	double syscalls;
	int guards;
	int masks;
	int barriers;
};

/* row_add() - keep it for the file, and print it */
void row_add(const struct row *row);

/* rows_begin() - a heading; rows_write() - the file */
void rows_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rows_write(const char *path);

/*
 * ---- What arrives --------------------------------------------------------
 */

enum arrival {
	ALONE,		/* one datagram an interrupt */
	BURST,		/* several, each of another sender */
	MERGED,		/* several of one sender, which GRO merges if it may */
};

#define UNWANTED	'D'	/* the first byte of the payload */
#define WANTED		'W'

/**
 * struct traffic - datagrams that arrive again and again
 * @arrival:	how
 * @pieces:	how many at once, at most 64, a power of 2; 0: sixteen, or one if alone
 * @size:	bytes of payload, at least 8
 * @unwanted:	percent of them
 * @fill:	writes what datagram number i holds; NULL: bytes by chance, UNWANTED or WANTED
 *		first
 * @senders:	MERGED: who each send so many at once; 0: one
 */
struct traffic {
	enum arrival arrival;
	int pieces;
	int size;
	int unwanted;
	int senders;
	void (*fill)(__u8 *payload, int i);
};

const char *traffic_name(const struct traffic *traffic);

/*
 * ---- Who receives it -----------------------------------------------------
 */

/**
 * struct receiver - a thread that receives, and what it has received
 * @sock:	its socket
 * @traffic:	what arrives
 * @check:	hold each datagram against what was sent
 * @stop:	end, when it is woken
 * @wanted:	datagrams
 * @discarded:	datagrams that it was given only to discard them
 * @calls:	system calls it has made
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

/*
 * ---- What is put between -------------------------------------------------
 */

/**
 * struct system - VNP, or a rival
 * @name:	as in bench.json
 * @receive:	how the process receives what is left
 * @filters:	discards what is unwanted before the process sees it
 * @attach:	put it on a socket, or NULL
 * @detach:	take away what does not go with the socket, or NULL
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

/* rig_hook() - the module's bare hook on this socket */
void rig_hook(int sock);

/* rig_native() - run a program of the module's; what it found */
__u32 rig_native(const char *name, const void *data, __u32 len, __u32 repeat);

/* rig_sent() - packets that have left by the card */
long rig_sent(void);

/* rig_cpus() - how many there are */
int rig_cpus(void);

/* rig_measure() - what datagrams cost; fills all of @row but the workload */
void rig_measure(const struct system *system, const struct traffic *traffic,
		 struct row *row);

/*
 * rig_profile() - the same, watched (profile.h); rig_profile_play() - having the card
 * receive nothing, as often as datagrams come otherwise
 */
void rig_profile(const struct system *system, const struct traffic *traffic,
		 struct row *row);
void rig_profile_play(void);

/* rig_sizes() - what datagrams cost, in rows of their own for small and large ones */
void rig_sizes(const char *workload, const struct system *system,
	       struct traffic *traffic);

/* traffic_payload() - what datagram number @i holds */
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
void bench_verify(void);
void bench_processor(void);
void bench_profile(void);

#endif /* _VNP_BENCH_H */
