/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of messages that are held: a link with a program of ../progs/hold.bpf.c, fragments that
 * are sent to it, and what should be received.
 */
#ifndef _VNP_TEST_HELD_H
#define _VNP_TEST_HELD_H

#include "burst.h"
#include "object.h"
#include "../progs/hold.h"

#define HEADER		sizeof(struct fragment)

/* The program does not release it. */
#define NEVER		UINT16_MAX

/* What every test has */
struct rig {
	struct vnp_object *obj;
	struct hold_seen *seen;
	struct wire wire;
	struct flow flow;
	int link;
	__u64 sent;		/* datagrams */
	struct vnp_link_info info;
	__u8 want[70000];
	int want_len;
	__u8 got[70000];
};

/* rig_link() - link the socket to this program.  Return: the link */
int rig_link(struct rig *rig, const char *prog, const struct vnp_link_create *limits);

/* rig_open() - everything, on this path; with one program, or with all if @prog is NULL */
int rig_open(struct rig *rig, enum flow_kind kind, enum net_path path, const char *prog);
void rig_close(struct rig *rig);

/* settle() - wait until the program has seen all that was sent */
int settle(struct rig *rig);

/* fragment_fill() - a datagram of @len bytes */
void fragment_fill(__u8 *data, int len, const struct fragment *fragment);

/* put() - send a datagram, of at least HEADER bytes */
int put(struct rig *rig, int len, struct fragment fragment);

/* expect() - the datagram's bytes come next in the message */
void expect(struct rig *rig, int len, struct fragment fragment);

/* seen() - is the next datagram the expected one? 1, 0, or negative */
int seen(struct rig *rig);

/* queue_empty() - is there nothing to receive? */
int queue_empty(struct rig *rig);

/* balanced() - is every datagram with the verdict accounted for, if @held are held? */
bool balanced(const struct vnp_link_info *info, __u64 held);

/*
 * message() - send fragments in an order that @step makes, each of @len bytes, and expect() them
 * as they should come
 */
int message(struct rig *rig, __u64 key, int cnt, int len, int step, bool strip,
	    enum hold_order order);

/*
 * burst_message() - add fragments @first to @first + @cnt - 1 of a message to a burst, each of @len
 * bytes; the message has @all fragments
 */
void burst_message(struct burst *burst, __u64 key, int first, int cnt, int all, int len,
		   bool strip, enum hold_order order);

#endif /* _VNP_TEST_HELD_H */
