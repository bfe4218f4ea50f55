/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the program and the process share */
#ifndef _FEED_H
#define _FEED_H

#include <linux/types.h>

#define FEED_SUBSCRIBERS	1024
#define FEED_TOPICS		256
#define FEED_WORDS		(FEED_TOPICS / 64)

/* Subscribers that are compared one by one; a topic with more is sent to a group. */
#define FEED_MATCHES		440

/* Members of all groups */
#define FEED_MEMBERS		8192

/* Subscribers by TCP, and entries of the map of their connections: one for each topic */
#define FEED_CLIENTS		256
#define FEED_CONNECTIONS	4096

/* Longest datagram of a connection that publishes: what a UDP datagram can have */
#define FEED_LEN_MAX		65507

/* Of so many messages of such a connection the process is woken for one. */
#define FEED_WAKES		256

/* In front of each datagram that is published */
struct feed_header {
	__be32 topic;
};

/**
 * struct feed_member - of a group, as a key
 * @topic:	the group
 * @slot:	the subscriber, or the client
 */
struct feed_member {
	__u32 topic;
	__u32 slot;
};

/**
 * struct feed_state - the program's global variables
 * @slots:	subscribers are in slots below
 * @grouped:	by topic: it has a group
 * @filters:	the subscriber's topics, bit n of word m: 64 * m + n
 * @published:	datagrams of a topic
 * @others:	others, which are dropped, too
 */
struct feed_state {
	__u32 slots;
	__u32 grouped[FEED_TOPICS];
	__u64 filters[FEED_WORDS][FEED_SUBSCRIBERS];
	__u64 published;
	__u64 others;
};

#endif /* _FEED_H */
