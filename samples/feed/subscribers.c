// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A topic that more than FEED_MATCHES have subscribed to has a group, which the program uses
 * when it is complete.  It keeps it, as long as it has members.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "subscribers.h"

static bool has(const __u64 *filter, __u32 topic)
{
	return filter[topic / 64] >> topic % 64 & 1;
}

bool topics_parse(const char *text, __u64 *filter)
{
	unsigned long topic;
	char *end;

	do {
		topic = strtoul(text, &end, 10);
		if (end == text || topic >= FEED_TOPICS || (*end && *end != ','))
			return false;
		filter[topic / 64] |= 1ULL << topic % 64;
		text = end + 1;
	} while (*end);
	return true;
}

/* By its address; an empty one: a slot that is free */
static struct subscriber *find(struct subscribers *subscribers, const char *address)
{
	int i;

	for (i = 0; i < FEED_SUBSCRIBERS; i++)
		if (!strcmp(subscribers->list[i].address, address))
			return &subscribers->list[i];
	return NULL;
}

static __u32 slot_of(const struct subscribers *subscribers, const struct subscriber *subscriber)
{
	return subscriber - subscribers->list;
}

/* What a peer has counted */
static void count(struct subscribers *subscribers, const struct vnp_map *map, const void *key)
{
	struct vnp_peer peer;
	int i;

	if (vnp_map_lookup(map, key, &peer))
		return;
	subscribers->sent += peer.sent;
	subscribers->failed += peer.unreachable;
	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		subscribers->failed += peer.errors[i];
}

static int group_add(struct subscribers *subscribers, __u32 topic, __u32 slot)
{
	const struct feed_member key = { topic, slot };

	return vnp_map_update(subscribers->groups, &key, &subscribers->list[slot].peer,
			      VNP_MAP_ANY);
}

static int group_remove(struct subscribers *subscribers, __u32 topic, __u32 slot)
{
	const struct feed_member key = { topic, slot };

	count(subscribers, subscribers->groups, &key);
	return vnp_map_delete(subscribers->groups, &key);
}

/* All who have subscribed so far, or none */
static int group_make(struct subscribers *subscribers, __u32 topic)
{
	__u32 slot;
	int err = 0;

	for (slot = 0; slot < FEED_SUBSCRIBERS && !err; slot++)
		if (has(subscribers->list[slot].filter, topic))
			err = group_add(subscribers, topic, slot);
	if (!err) {
		subscribers->state->grouped[topic] = 1;
		return 0;
	}
	while (slot--)
		if (has(subscribers->list[slot].filter, topic))
			group_remove(subscribers, topic, slot);
	return err;
}

/* A subscriber's filter has a topic, or does not have it any more. */
static int topic_changed(struct subscribers *subscribers, __u32 topic, __u32 slot, bool on)
{
	subscribers->cnt[topic] += on ? 1 : -1;
	if (subscribers->state->grouped[topic]) {
		if (!subscribers->cnt[topic])
			subscribers->state->grouped[topic] = 0;
		return on ? group_add(subscribers, topic, slot) :
			    group_remove(subscribers, topic, slot);
	}
	return subscribers->cnt[topic] > FEED_MATCHES ? group_make(subscribers, topic) : 0;
}

static int set_filter(struct subscribers *subscribers, struct subscriber *subscriber,
		      const __u64 *filter)
{
	const __u32 slot = slot_of(subscribers, subscriber);
	__u64 before[FEED_WORDS];
	__u32 topic, word;
	int err = 0;

	memcpy(before, subscriber->filter, sizeof(before));
	memcpy(subscriber->filter, filter, sizeof(before));
	for (word = 0; word < FEED_WORDS; word++)
		subscribers->state->filters[word][slot] = filter[word];
	for (topic = 0; topic < FEED_TOPICS; topic++)
		if (has(before, topic) != has(filter, topic))
			err = topic_changed(subscribers, topic, slot, has(filter, topic)) ?: err;
	return err;
}

/*
 * An execution that has seen the filter may still send to the slot: the next subscriber gets it
 * when all have ended.
 */
static void end(struct subscribers *subscribers, struct subscriber *subscriber)
{
	static const __u64 none[FEED_WORDS];
	const __u32 slot = slot_of(subscribers, subscriber);

	set_filter(subscribers, subscriber, none);
	count(subscribers, subscribers->peers, &slot);
	vnp_map_delete(subscribers->peers, &slot);
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	memset(subscriber, 0, sizeof(*subscriber));
}

/* Return: a subscriber that gets nothing yet, or NULL and an answer was printed */
static struct subscriber *begin(struct subscribers *subscribers, const struct vnp_peer *peer,
				const char *address)
{
	struct subscriber *subscriber = find(subscribers, "");
	__u32 slot;
	int err;

	if (!subscriber) {
		printf("error: there are %d subscribers already\n", FEED_SUBSCRIBERS);
		return NULL;
	}
	slot = slot_of(subscribers, subscriber);
	err = vnp_map_update(subscribers->peers, &slot, peer, VNP_MAP_NOEXIST);
	if (err) {
		printf("error: %s: %s\n", address, strerror(-err));
		return NULL;
	}
	subscriber->peer = *peer;
	strcpy(subscriber->address, address);
	if (subscribers->state->slots <= slot)
		subscribers->state->slots = slot + 1;
	return subscriber;
}

void subscribers_set(struct subscribers *subscribers, const char *address, const char *topics)
{
	char text[VNP_PEER_TEXT_LEN];
	struct subscriber *subscriber;
	__u64 filter[FEED_WORDS] = {};
	struct vnp_peer peer;
	int err;

	if (!topics_parse(topics, filter) || vnp_peer_parse(address, NULL, &peer)) {
		printf("error: write subscribe HOST:PORT TOPIC,TOPIC,...\n");
		return;
	}
	vnp_peer_print(&peer, text);
	subscriber = find(subscribers, text) ?: begin(subscribers, &peer, text);
	if (!subscriber)
		return;
	err = set_filter(subscribers, subscriber, filter);
	if (err) {
		end(subscribers, subscriber);
		printf("error: %s: %s\n", text, strerror(-err));
		return;
	}
	printf("subscribed %s\n", text);
}

void subscribers_remove(struct subscribers *subscribers, const char *address)
{
	char text[VNP_PEER_TEXT_LEN];
	struct subscriber *subscriber;
	struct vnp_peer peer;

	if (vnp_peer_parse(address, NULL, &peer)) {
		printf("error: write unsubscribe HOST:PORT\n");
		return;
	}
	subscriber = find(subscribers, vnp_peer_print(&peer, text));
	if (!subscriber) {
		printf("error: %s has not subscribed\n", text);
		return;
	}
	end(subscribers, subscriber);
	printf("unsubscribed %s\n", text);
}

void subscribers_count(struct subscribers *subscribers)
{
	__u32 slot, topic;

	for (slot = 0; slot < FEED_SUBSCRIBERS; slot++) {
		count(subscribers, subscribers->peers, &slot);
		for (topic = 0; topic < FEED_TOPICS; topic++)
			if (subscribers->state->grouped[topic])
				count(subscribers, subscribers->groups,
				      &(struct feed_member) { topic, slot });
	}
}
