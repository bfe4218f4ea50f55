// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "members.h"

/* The library's message is the answer. */
static void answer_error(void *ctx, enum vnp_print_level level, const char *line)
{
	if (level == VNP_PRINT_ERROR)
		fprintf(ctx, "error: %s\n", line);
}

static void answer_errno(FILE *out, const char *address, int err)
{
	fprintf(out, "error: %s: %s\n", address, strerror(-err));
}

/* Return: false after an error, which was printed as the answer */
static bool parse(const char *address, FILE *out, struct vnp_peer *peer,
		  char text[VNP_PEER_TEXT_LEN])
{
	const struct vnp_open_opts opts = {
		.sz = sizeof(opts),
		.print = answer_error,
		.print_ctx = out,
	};

	if (vnp_peer_parse(address, &opts, peer))
		return false;
	vnp_peer_print(peer, text);
	return true;
}

static struct member *find(struct members *members, const char *address)
{
	int i;

	for (i = 0; i < RELAY_MEMBERS; i++)
		if (members->list[i].id && !strcmp(members->list[i].address, address))
			return &members->list[i];
	return NULL;
}

bool members_has(struct members *members, const char *address)
{
	return find(members, address);
}

static struct member *find_free(struct members *members)
{
	int i;

	for (i = 0; i < members->max; i++)
		if (!members->list[i].id)
			return &members->list[i];
	return NULL;
}

/* Add it to the list last: from then on the program sends to it. */
static void publish(struct members *members, const struct member *member)
{
	const __u32 slot = member - members->list;

	members->state->members[slot] = member->id;
	if (members->state->slots <= slot)
		members->state->slots = slot + 1;
}

static int add(struct members *members, struct member *member, const struct vnp_peer *peer,
	       char *secret)
{
	const struct relay_key key = { .member = member->id };
	int err;

	err = members->ops->start(members, member, secret);
	if (err)
		return err;
	err = vnp_map_update(members->peers, &key, peer, VNP_MAP_NOEXIST);
	if (err) {
		members->ops->stop(members, member);
		return err;
	}
	publish(members, member);
	return 0;
}

void members_join(struct members *members, const char *address, char *key, FILE *out)
{
	struct member *member = find_free(members);
	char text[VNP_PEER_TEXT_LEN];
	struct vnp_peer peer;
	int err;

	if (!key == members->ops->wants_key) {
		fprintf(out, "error: write join HOST:PORT%s\n", key ? "" : " KEY");
		return;
	}
	if (!parse(address, out, &peer, text))
		return;
	if (find(members, text)) {
		fprintf(out, "error: %s has joined already\n", text);
		return;
	}
	if (!member) {
		fprintf(out, "error: there are %d receivers already\n", members->max);
		return;
	}
	member->id = ++members->last_id;
	strcpy(member->address, text);
	err = add(members, member, &peer, key);
	if (err) {
		member->id = 0;
		answer_errno(out, text, err);
		return;
	}
	members->joins++;
	fprintf(out, "joined %s ssrc %08x\n", text, ntohl(member->ssrc));
}

static __u64 not_sent(const struct vnp_peer *peer)
{
	__u64 cnt = 0;
	int i;

	for (i = 0; i < VNP_ERROR_SLOTS; i++)
		cnt += peer->errors[i];
	return cnt;
}

/* Counters of a receiver, in @peer, or NULL */
static const struct vnp_peer *counters(const struct members *members,
				       const struct member *member, struct vnp_peer *peer)
{
	const struct relay_key key = { .member = member->id };

	return vnp_map_lookup(members->peers, &key, peer) ? NULL : peer;
}

static void print_counters(const struct member *member, const struct vnp_peer *peer,
			   const char *verb, FILE *out)
{
	fprintf(out, "%s %s ssrc %08x sent %llu bytes %llu unreachable %llu failed %llu\n",
		verb, member->address, ntohl(member->ssrc), peer->sent, peer->bytes,
		peer->unreachable, not_sent(peer));
}

static void remove_member(struct members *members, struct member *member, FILE *out)
{
	const struct relay_key key = { .member = member->id };
	struct vnp_peer peer;

	members->state->members[member - members->list] = 0;
	members->ops->stop(members, member);
	if (counters(members, member, &peer)) {
		print_counters(member, &peer, "left", out);
		members->sent += peer.sent;
		members->failed += not_sent(&peer) + peer.unreachable;
	}
	vnp_map_delete(members->peers, &key);
	member->id = 0;
}

void members_leave(struct members *members, const char *address, FILE *out)
{
	char text[VNP_PEER_TEXT_LEN];
	struct member *member;
	struct vnp_peer peer;

	if (!parse(address, out, &peer, text))
		return;
	member = find(members, text);
	if (member)
		remove_member(members, member, out);
	else
		fprintf(out, "error: %s has not joined\n", text);
}

void members_list(const struct members *members, FILE *out)
{
	struct vnp_peer peer;
	int i, cnt = 0;

	for (i = 0; i < RELAY_MEMBERS; i++)
		cnt += members->list[i].id != 0;
	fprintf(out, "receivers %d\n", cnt);
	for (i = 0; i < RELAY_MEMBERS; i++)
		if (members->list[i].id && counters(members, &members->list[i], &peer))
			print_counters(&members->list[i], &peer, "receiver", out);
}

void members_end(struct members *members, FILE *out)
{
	int i;

	for (i = 0; i < RELAY_MEMBERS; i++)
		if (members->list[i].id)
			remove_member(members, &members->list[i], out);
}
