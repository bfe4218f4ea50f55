// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Single-key GETs of memcached's UDP protocol, answered from a map.  All other requests
 * pass; those that may change a value do so after the key's generation has changed.
 *
 * A request that is not fully understood is treated as one that changes all keys.
 */
#include <stdbool.h>
#include <vnp/program.h>
#include "kvcache.h"

/* Longer requests are treated as if they had several lines. */
#define SCAN_MAX	4096

#define HEAD		((__u32)sizeof(struct kvcache_frame))
#define GET		"get "
#define GETS		"gets"
#define SET		"set "
#define DELETE		"dele"

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, KVCACHE_ENTRIES);
	__type(key, struct kvcache_key);
	__type(value, struct kvcache_entry);
} entries SEC(".maps");

struct kvcache_state state;

static __always_inline bool begins(const unsigned char *p, const char *word)
{
	return p[0] == word[0] && p[1] == word[1] && p[2] == word[2] && p[3] == word[3];
}

/* Is the request a single line? */
static __always_inline bool one_line(const unsigned char *p, const unsigned char *end)
{
	__u32 len = end - p, i;

	if (len > SCAN_MAX)
		return false;
	for (i = HEAD; i + 1 < len && i < SCAN_MAX; i++)
		if (p + i + 1 > end || p[i] == '\n')
			return false;
	return true;
}

/* Read the key at @at.  Return: the position after it, or 0 if it is empty or too long */
static __always_inline __u32 read_key(const unsigned char *p, const unsigned char *end,
				      __u32 at, struct kvcache_key *key)
{
	unsigned char c;
	__u32 i;

	for (i = 0; i <= KVCACHE_KEY_MAX; i++) {
		if (p + at + i + 1 > end)
			return 0;
		c = p[at + i];
		if (c == ' ' || c == '\r')
			return i ? at + i : 0;
		/* For memcached a NUL also ends a line; keys may contain all other bytes. */
		if (!c || c == '\n' || i == KVCACHE_KEY_MAX)
			return 0;
		key->text[i] = c;
	}
	return 0;
}

/*
 * " FLAGS EXPTIME BYTES[ noreply]\r\n" at @at.  Return: length of the request, including
 * BYTES bytes after that and another "\r\n"; 0 if it is malformed.  If memcached refused
 * the line, it would parse the bytes as requests: so numbers that it refuses are malformed.
 */
static __always_inline __u32 set_length(const unsigned char *p, const unsigned char *end,
					__u32 at)
{
	__u32 words = 0, digits = 0, bytes = 0, i;
	unsigned char c;

	/* No change, but the verifier needs the bound. */
	at &= 0xff;
	asm volatile("" : "+r"(at));
	for (i = 0; i < 64; i++) {
		if (p + at + i + 2 > end)
			return 0;
		c = p[at + i];
		if (c == '\r')
			return (words > 3 || (words == 3 && digits)) &&
			       p[at + i + 1] == '\n' ? at + i + 2 + bytes + 2 : 0;
		if (c == ' ') {
			if (words && !digits)
				return 0;
			words++;
			digits = 0;
		} else if (words <= 3) {
			if (c < '0' || c > '9' || ++digits > 9)
				return 0;
			if (words == 3)
				bytes = bytes * 10 + c - '0';
		} else if (words > 4 || c < 'a' || c > 'z') {
			return 0;
		}
	}
	return 0;
}

/* Does the request change at most one key, and which one? */
static __always_inline bool changes_key(const unsigned char *p, const unsigned char *end,
					struct kvcache_key *key)
{
	__u32 at;

	if (begins(p + HEAD, SET)) {
		at = read_key(p, end, HEAD + 4, key);
		return at && set_length(p, end, at) == end - p;
	}
	if (begins(p + HEAD, DELETE))
		return read_key(p, end, HEAD + 7, key) && one_line(p, end);
	return false;
}

static __always_inline void note_change(const unsigned char *p, const unsigned char *end)
{
	struct kvcache_key key = {};

	if (changes_key(p, end, &key))
		__sync_fetch_and_add(&state.changes[kvcache_bucket(&key)], 1);
	else
		__sync_fetch_and_add(&state.flushes, 1);
}

/* The key is logged as numbers, which kvcache.c parses. */
static __always_inline void note_miss(struct vnp_ctx *ctx, const struct kvcache_key *key)
{
	vnp_printk(ctx, "%lx %lx %lx %lx %lx %lx %lx %lx", key->words[0], key->words[1],
		   key->words[2], key->words[3], key->words[4], key->words[5],
		   key->words[6], key->words[7]);
}

static __always_inline __u64 serial_now(const __u64 *serial)
{
	return *(const volatile __u64 *)serial;
}

static __always_inline bool is_of_key(const struct kvcache_entry *entry,
				      const struct kvcache_key *key)
{
	__u64 differs = 0;
	__u32 i;

	for (i = 0; i < KVCACHE_KEY_MAX / sizeof(__u64); i++)
		differs |= entry->key.words[i] ^ key->words[i];
	return !differs;
}

/* @serial: that at the end of the entry, read before the other fields */
static __always_inline int answer(struct vnp_ctx *ctx, const struct kvcache_entry *entry,
				  __u64 serial)
{
	const __u64 len = entry->len;
	struct kvcache_frame *frame;

	if (len - 1 >= KVCACHE_TEXT_MAX || vnp_adjust_tail(ctx, HEAD + len - ctx->len))
		return VNP_PASS;
	if (vnp_store_bytes(ctx, HEAD, entry->text, len))
		return VNP_DROP;
	/* The memory of a replaced entry may meanwhile be used for another key. */
	if (serial_now(&entry->serial) != serial)
		return VNP_DROP;
	frame = ctx->data;
	if ((void *)(frame + 1) > ctx->data_end)
		return VNP_DROP;
	frame->sequence = 0;
	frame->reserved = 0;
	return VNP_REPLY;
}

static __always_inline int get(struct vnp_ctx *ctx, const unsigned char *p,
			       const unsigned char *end)
{
	const struct kvcache_frame *frame = (const void *)p;
	const __u64 len = end - p, key_len = len - HEAD - 6;
	const struct kvcache_entry *entry;
	struct kvcache_key key = {};
	__u64 serial;

	if (key_len - 1 < KVCACHE_KEY_MAX && frame->datagrams == vnp_htons(1) &&
	    p[len - 2] == '\r' && p[len - 1] == '\n' &&
	    !vnp_load_bytes(ctx, HEAD + 4, &key, key_len)) {
		entry = vnp_map_lookup(&entries, &key);
		serial = entry ? serial_now(&entry->serial_end) : 0;
		if (entry && is_of_key(entry, &key) &&
		    entry->generation == kvcache_generation(&state, &key))
			return answer(ctx, entry, serial);
		note_miss(ctx, &key);
	}
	if (!one_line(p, end))
		__sync_fetch_and_add(&state.flushes, 1);
	return VNP_PASS;
}

/*
 * Is it from kvcache? Source and destination are the same local address, which no other
 * host can use, and no other socket on this host has the port at that address.
 */
static __always_inline bool is_filler(const struct vnp_ctx *ctx)
{
	return ctx->remote_port == state.filler_port && ctx->family == AF_INET &&
	       ctx->remote_ip4 == state.filler_ip4 && ctx->remote_ip4 == ctx->local_ip4;
}

SEC("vnp/datagram")
int kvcache(struct vnp_ctx *ctx)
{
	const unsigned char *p = ctx->data, *end = ctx->data_end;

	if (is_filler(ctx))
		return VNP_PASS;
	if (end - p != ctx->len) {
		if (vnp_pull(ctx, 0))
			return VNP_DROP;
		p = ctx->data;
		end = ctx->data_end;
	}
	if (p + HEAD + 4 > end)
		return VNP_PASS;
	if (begins(p + HEAD, GET))
		return get(ctx, p, end);
	if (!begins(p + HEAD, GETS) || !one_line(p, end))
		note_change(p, end);
	return VNP_PASS;
}
