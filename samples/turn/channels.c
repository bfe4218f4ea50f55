// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A channel is relayed in the kernel if its client has asked for it and coturn lists its peer
 * as one that a channel of this client is bound to.  A client has at most one channel for a
 * peer, so the number can only be wrong if it has asked for two: then it is left to coturn.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "channels.h"

#define SECOND		1000000000ULL

/* How long coturn may take to answer a client */
#define TIMEOUT_NS	(2 * SECOND)

__u64 channels_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static bool key_is(const struct turn_key *a, const struct turn_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct endpoint client_of(const struct turn_key *key)
{
	return (struct endpoint) { key->client, key->port };
}

static struct turn_origin origin_of(const struct bound *bound)
{
	return (struct turn_origin) {
		.relay = bound->allocation->relay.ip4,
		.peer = bound->peer.ip4,
		.relay_port = bound->allocation->relay.port,
		.peer_port = bound->peer.port,
	};
}

static struct vnp_peer peer_of(struct endpoint to)
{
	return (struct vnp_peer) { .family = AF_INET, .port = to.port, .ip4 = to.ip4 };
}

/*
 * ---- What is in the kernel -------------------------------------------------
 */

/* from_client() may use it while there is a binding. */
static int write_binding(struct kernel *kernel, const struct bound *bound)
{
	const struct turn_binding binding = {
		.until = bound->until,
		.allocation = bound->allocation - kernel->allocations,
		.tos_cnt = bound->tos_cnt,
	};

	return vnp_map_update(kernel->bindings, &bound->key, &binding, VNP_MAP_ANY);
}

static int write_channel(struct kernel *kernel, const struct bound *bound)
{
	const struct turn_origin origin = origin_of(bound);
	const struct turn_channel channel = { bound->until, bound->key.channel };

	return vnp_map_update(kernel->channels, &origin, &channel, VNP_MAP_ANY);
}

static void erase(struct kernel *kernel, const struct bound *bound)
{
	const size_t allocation = bound->allocation - kernel->allocations;
	struct turn_peer_key peer = { .key = bound->key };
	const struct turn_origin origin = origin_of(bound);
	__u32 i;

	vnp_map_delete(kernel->bindings, &bound->key);
	vnp_map_delete(kernel->channels, &origin);
	vnp_map_delete(kernel->clients, &origin);
	for (i = 0; i < bound->tos_cnt; i++) {
		peer.tos = bound->tos[i];
		vnp_map_delete(kernel->peers[allocation], &peer);
	}
}

static int write_all(struct kernel *kernel, const struct bound *bound)
{
	const struct vnp_peer client = peer_of(bound->allocation->client);
	const struct turn_origin origin = origin_of(bound);
	int err = vnp_map_update(kernel->clients, &origin, &client, VNP_MAP_ANY);

	if (!err)
		err = write_channel(kernel, bound);
	if (!err)
		err = write_binding(kernel, bound);
	if (err)
		erase(kernel, bound);
	return err;
}

/*
 * ---- Requests --------------------------------------------------------------
 */

void channels_ask(struct channels *channels, const struct turn_key *key, struct endpoint peer)
{
	struct asked *asked = channels->asked, *end = asked + channels->asked_cnt;

	while (asked < end && !(key_is(&asked->key, key) && endpoint_is(asked->peer, peer)))
		asked++;
	if (asked == channels->asked + CHANNELS_ASKED)
		return;
	*asked = (struct asked) { *key, peer, channels_now() + TIMEOUT_NS };
	if (asked == end)
		channels->asked_cnt++;
}

static bool excludes(const struct asked *asked, const struct turn_key *key, struct endpoint peer)
{
	const bool same_peer = endpoint_is(asked->peer, peer);

	return endpoint_is(client_of(&asked->key), client_of(key)) &&
	       same_peer != key_is(&asked->key, key);
}

/* Could another channel of the client be the one that coturn has bound to this peer? */
static bool is_ambiguous(const struct channels *channels, const struct asked *asked)
{
	size_t i;

	for (i = 0; i < channels->asked_cnt; i++)
		if (excludes(asked, &channels->asked[i].key, channels->asked[i].peer) &&
		    (key_is(&asked->key, &channels->asked[i].key) ||
		     endpoint_is(asked->peer, channels->asked[i].peer)))
			return true;
	for (i = 0; i < channels->bound_cnt; i++)
		if (excludes(asked, &channels->bound[i].key, channels->bound[i].peer) &&
		    (key_is(&asked->key, &channels->bound[i].key) ||
		     endpoint_is(asked->peer, channels->bound[i].peer)))
			return true;
	return false;
}

static struct bound *find(struct channels *channels, const struct turn_key *key)
{
	size_t i;

	for (i = 0; i < channels->bound_cnt; i++)
		if (key_is(&channels->bound[i].key, key))
			return &channels->bound[i];
	return NULL;
}

void channels_add_tos(struct channels *channels, const struct turn_key *key, __u32 tos)
{
	const struct turn_peer_key peer_key = { *key, tos };
	struct bound *bound = find(channels, key);
	struct vnp_peer peer;

	if (!bound || bound->tos_cnt == TURN_TOS_MAX ||
	    memchr(bound->tos, tos, bound->tos_cnt))
		return;
	/* As coturn: the TOS is the client's, and the TTL one less than it was. */
	peer = peer_of(bound->peer);
	peer.ttl = 255;
	peer.tos = tos;
	peer.flags = VNP_PEER_F_TOS;
	if (vnp_map_update(channels->kernel->peers[bound->allocation -
						  channels->kernel->allocations],
			   &peer_key, &peer, VNP_MAP_ANY))
		return;
	bound->tos[bound->tos_cnt++] = tos;
	write_binding(channels->kernel, bound);
}

/*
 * ---- What coturn has -------------------------------------------------------
 */

static const struct session *find_session(const struct channels *channels,
					  const struct session *sessions, int cnt,
					  struct endpoint client)
{
	int i;

	for (i = 0; i < cnt; i++)
		if (sessions[i].udp && endpoint_is(sessions[i].client, client) &&
		    endpoint_is(sessions[i].server, channels->kernel->server))
			return &sessions[i];
	return NULL;
}

static bool has_peer(const struct session *session, struct endpoint peer)
{
	unsigned int i;

	for (i = 0; i < session->peer_cnt; i++)
		if (endpoint_is(session->peers[i], peer))
			return true;
	return false;
}

static __u64 lasts_until(const struct channels *channels, const struct session *session)
{
	const unsigned int seconds = session->seconds < channels->seconds ? session->seconds :
									    channels->seconds;

	return channels_now() + seconds * SECOND;
}

static void bind_channel(struct channels *channels, const struct asked *asked,
			 const struct session *session)
{
	struct bound *bound = find(channels, &asked->key);
	struct kernel *kernel = channels->kernel;

	if (bound) {
		bound->until = lasts_until(channels, session);
		write_channel(kernel, bound);
		write_binding(kernel, bound);
		return;
	}
	if (channels->bound_cnt == TURN_CHANNELS)
		return;
	bound = &channels->bound[channels->bound_cnt];
	*bound = (struct bound) { .key = asked->key, .peer = asked->peer };
	bound->until = lasts_until(channels, session);
	bound->allocation = kernel_find(kernel, session->client);
	if (bound->allocation && !write_all(kernel, bound))
		channels->bound_cnt++;
}

/* Return: the client's allocation, if coturn has bound the channel, else NULL */
static const struct session *granted(const struct channels *channels, const struct asked *asked,
				     const struct session *sessions, int cnt)
{
	const struct session *session = find_session(channels, sessions, cnt,
						     client_of(&asked->key));

	return session && has_peer(session, asked->peer) && !is_ambiguous(channels, asked) ?
	       session : NULL;
}

/* The allocations of channels that coturn has bound */
static void add_allocations(struct channels *channels, const struct session *sessions, int cnt)
{
	const struct session *session;
	bool added = false;
	size_t i;

	for (i = 0; i < channels->asked_cnt; i++) {
		session = granted(channels, &channels->asked[i], sessions, cnt);
		if (session && !kernel_find(channels->kernel, session->client))
			added |= kernel_add(channels->kernel, session->client,
					    session->relay);
	}
	if (added)
		kernel_commit(channels->kernel);
}

/* Return: is the outcome known, or will it not be? */
static bool is_answered(struct channels *channels, const struct asked *asked,
			const struct session *sessions, int cnt)
{
	const struct session *session = granted(channels, asked, sessions, cnt);

	if (session)
		bind_channel(channels, asked, session);
	return session || channels_now() >= asked->until;
}

static void remove_ended(struct channels *channels, const struct session *sessions, int cnt)
{
	const struct session *session;
	struct bound *bound;
	size_t i;

	for (i = channels->bound_cnt; i--;) {
		bound = &channels->bound[i];
		session = find_session(channels, sessions, cnt, client_of(&bound->key));
		if (session && has_peer(session, bound->peer) &&
		    endpoint_is(session->relay, bound->allocation->relay) &&
		    channels_now() < bound->until)
			continue;
		erase(channels->kernel, bound);
		*bound = channels->bound[--channels->bound_cnt];
	}
}

static void remove_allocations(struct channels *channels, const struct session *sessions,
			       int cnt)
{
	struct allocation *allocation = channels->kernel->allocations;
	const struct session *session;
	int i;

	for (i = 0; i < TURN_ALLOCATIONS; i++, allocation++) {
		if (!allocation->used)
			continue;
		session = find_session(channels, sessions, cnt, allocation->client);
		if (!session || !endpoint_is(session->relay, allocation->relay))
			kernel_remove(allocation);
	}
}

void channels_update(struct channels *channels, const struct session *sessions, int cnt)
{
	size_t i, kept = 0;

	remove_ended(channels, sessions, cnt);
	remove_allocations(channels, sessions, cnt);
	add_allocations(channels, sessions, cnt);
	for (i = 0; i < channels->asked_cnt; i++)
		if (!is_answered(channels, &channels->asked[i], sessions, cnt))
			channels->asked[kept++] = channels->asked[i];
	channels->asked_cnt = kept;
}
