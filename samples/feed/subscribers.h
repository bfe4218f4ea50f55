/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The subscribers: in the program's maps, and in this process to be found by address. */
#ifndef _FEED_SUBSCRIBERS_H
#define _FEED_SUBSCRIBERS_H

#include <stdbool.h>
#include <stdio.h>
#include <vnp/libvnp.h>
#include "feed.h"

/**
 * struct subscriber - one of them
 * @peer:	where it is
 * @address:	the same as text; empty if the slot is free
 * @filter:	its topics
 */
struct subscriber {
	struct vnp_peer peer;
	char address[VNP_PEER_TEXT_LEN];
	__u64 filter[FEED_WORDS];
};

/**
 * struct subscribers - all of them
 * @peers:	the program's maps
 * @groups:	...
 * @state:	its variables
 * @cnt:	by topic: how many have subscribed
 * @sent:	datagrams that were sent to subscribers that are gone
 * @failed:	datagrams that were not, or did not arrive
 * @list:	by slot
 */
struct subscribers {
	struct vnp_map *peers;
	struct vnp_map *groups;
	volatile struct feed_state *state;
	unsigned int cnt[FEED_TOPICS];
	unsigned long long sent;
	unsigned long long failed;
	struct subscriber list[FEED_SUBSCRIBERS];
};

/* topics_parse() - "1,2,3" to a filter, FEED_WORDS long, which was zero */
bool topics_parse(const char *text, __u64 *filter);

/* subscribers_set() - to these topics, "1,2,3", and no others; the answer is printed */
void subscribers_set(struct subscribers *subscribers, const char *address, const char *topics);

/* subscribers_remove() - the answer is printed */
void subscribers_remove(struct subscribers *subscribers, const char *address);

/* subscribers_count() - those that are there: @sent and @failed are complete */
void subscribers_count(struct subscribers *subscribers);

#endif /* _FEED_SUBSCRIBERS_H */
