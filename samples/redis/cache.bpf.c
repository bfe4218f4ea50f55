// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * With --cache: GETs of keys that are in a map are answered, all other commands are passed.  Those
 * that may change a value are passed after the key's generation has changed.
 *
 * A command that is not fully understood is treated as one that changes all keys.
 */
#include <stdbool.h>
#include "cache.h"
#include "resp.h"

struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, CACHE_MAP_ENTRIES);
	__type(key, struct cache_key);
	__type(value, struct cache_entry);
} entries SEC(".maps");

/* Values are enum cache_class. */
struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, 256);
	__type(key, struct cache_name);
	__type(value, __u32);
} commands SEC(".maps");

/* A command waits on the connection: no other one is unanswered, or others may be */
#define WAITS_ALONE	1
#define WAITS		2

/**
 * struct connection - what is known of a connection
 * @state:	there was a command that may change what later ones mean
 * @pushed:	the server may send what is not an answer
 * @waits:	WAITS*: a later command may be executed at any time
 * @left:	strings of the command that are still to be passed
 */
struct connection {
	bool state;
	bool pushed;
	__u16 waits;
	__u32 left;
};

/* Keys are struct vnp_ctx::link_id.  The process removes those of connections that have ended. */
struct {
	__uint(type, VNP_MAP_HASH);
	__uint(max_entries, CACHE_CONNECTIONS);
	__type(key, __u32);
	__type(value, struct connection);
} connections SEC(".maps");

struct cache_state state;

struct request {
	__u32 class;
	__u32 cnt;
	struct cache_key key;
};

static __always_inline void turn_off(enum cache_off why)
{
	if (!state.off)
		state.off = why;
}

/*
 * ---- What does the command do? ----------------------------------------------
 */

/* Load a word of @len bytes, in lower case.  Return: false: it is too long */
static __always_inline bool word(struct vnp_ctx *ctx, __u32 off, __u64 len, struct cache_name *name)
{
	__u32 i;

	__builtin_memset(name, 0, sizeof(*name));
	if (len - 1 >= CACHE_WORD_MAX || vnp_load_bytes(ctx, off, name->word, len))
		return false;
#pragma unroll
	for (i = 0; i < CACHE_WORD_MAX; i++)
		if (name->word[i] >= 'A' && name->word[i] <= 'Z')
			name->word[i] |= 0x20;
	return true;
}

static __always_inline __u32 class_of(const struct cache_name *name)
{
	const __u32 *class = vnp_map_lookup(&commands, name);

	return class ? *class : CACHE_STATE;
}

/* The class by the second word, which is a string of @len bytes at @off */
static __always_inline __u32 class_of_second(struct vnp_ctx *ctx, __u32 off, __u32 len,
					     const struct cache_name *first)
{
	struct cache_name name;
	const __u32 *class;

	if (!word(ctx, off, len, &name))
		return CACHE_OFF;
	name.first[0] = first->word[0];
	name.first[1] = first->word[1];
	class = vnp_map_lookup(&commands, &name);
	return class ? *class : CACHE_OFF;
}

/* Load the key.  Return: false: there is no entry for such a key */
static __always_inline bool load_key(struct vnp_ctx *ctx, __u32 off, __u64 len,
				     struct cache_key *key)
{
	if (len - 1 >= CACHE_KEY_MAX || vnp_load_bytes(ctx, off, key->text, len))
		return false;
	key->len = len;
	return true;
}

/* The class of a command whose second string has @len bytes, at @off */
static __always_inline __u32 class_with(struct vnp_ctx *ctx, struct request *req, __u32 class,
					const struct cache_name *name, __u32 off, __u32 len)
{
	if (class == CACHE_SUB)
		return class_of_second(ctx, off, len, name);
	if (class == CACHE_ONE)
		return req->cnt == 2 ? CACHE_READ : CACHE_STATE;
	if (class == CACHE_KEYS)
		class = req->cnt == 2 ? CACHE_KEY : CACHE_ALL;
	if (class == CACHE_GET && req->cnt != 2)
		return CACHE_READ;
	if ((class == CACHE_GET || class == CACHE_KEY) && !load_key(ctx, off, len, &req->key))
		return CACHE_READ;
	return class;
}

/* The class of a command without arguments, which may be an error */
static __always_inline __u32 class_alone(__u32 class)
{
	switch (class) {
	case CACHE_GET:
	case CACHE_ONE:
		return CACHE_READ;
	case CACHE_KEY:
	case CACHE_KEYS:
		return CACHE_ALL;
	case CACHE_SUB:
		return CACHE_OFF;
	}
	return class;
}

/* The class of an array "*COUNT\r\n$LENGTH\r\nNAME\r\n$LENGTH\r\nSTRING\r\n..." */
static __always_inline __u32 class_of_array(struct vnp_ctx *ctx, struct request *req)
{
	struct cache_name name;
	__u32 len, class, off = get_key(ctx, &len);
	__s32 head;

	if (off) {
		req->cnt = 2;
		return load_key(ctx, off, len, &req->key) ? CACHE_GET : CACHE_READ;
	}
	head = number(ctx, 0, '*', &req->cnt);
	off = head;
	if (head <= 0)
		return CACHE_UNKNOWN;
	if (!req->cnt)
		return CACHE_READ;
	head = number(ctx, off, '$', &len);
	if (head <= 0)
		return CACHE_UNKNOWN;
	off += head;
	class = word(ctx, off, len, &name) ? class_of(&name) : CACHE_STATE;
	off += len + 2;
	if (req->cnt == 1)
		return class_alone(class);
	head = number(ctx, off, '$', &len);
	if (head <= 0)
		return CACHE_UNKNOWN;
	return class_with(ctx, req, class, &name, off + head, len);
}

/* The class of a line, if it begins with an unquoted word */
static __always_inline __u32 class_of_line(struct vnp_ctx *ctx)
{
	struct cache_name name = {};
	char bytes[CACHE_WORD_MAX + 1] = {}, end = 0, c;
	__u32 i, class;

	load(ctx, 0, bytes, sizeof(bytes));
#pragma unroll
	for (i = 0; i < sizeof(bytes); i++) {
		c = bytes[i] | 0x20;
		if (end || c < 'a' || c > 'z')
			end = end ?: bytes[i];
		else if (i < CACHE_WORD_MAX)
			name.word[i] = c;
	}
	if (bytes[0] == '\r' || bytes[0] == '\n')
		return CACHE_READ;
	if (bytes[0] == ' ' || (end != ' ' && end != '\r' && end != '\n'))
		return CACHE_UNKNOWN;
	class = class_of(&name);
	return class == CACHE_ONE ? CACHE_STATE : class_alone(class);
}

static __always_inline __u32 class_of_message(struct vnp_ctx *ctx, struct request *req,
					      struct connection *conn)
{
	char type = 0;

	vnp_load_bytes(ctx, 0, &type, 1);
	if (type == '*')
		return class_of_array(ctx, req);
	if (type != '$')
		return class_of_line(ctx);
	if (!conn || !conn->left)
		return CACHE_UNKNOWN;
	conn->left--;
	return CACHE_ALL;
}

/*
 * ---- What it changes ----------------------------------------------------------
 */

/* The server has answered the command that waited: it has sent something since it has read all. */
static __always_inline void note_answer(const struct vnp_ctx *ctx, struct connection *conn)
{
	if (conn && conn->waits == WAITS_ALONE && !(ctx->unanswered & 1))
		conn->waits = 0;
}

/* The first that is to be known of a connection.  Now and then the process is woken by the log. */
static __always_inline void add_connection(struct vnp_ctx *ctx, const struct connection *conn)
{
	const __u32 id = ctx->link_id;

	if (vnp_map_update(&connections, &id, conn, VNP_MAP_ANY))
		turn_off(CACHE_OFF_CONNECTIONS);
	else if (__sync_fetch_and_add(&state.connections, 1) % CACHE_NEW == CACHE_NEW - 1)
		vnp_printk(ctx, "%u connections are new", CACHE_NEW);
}

static __always_inline void note_connection(struct vnp_ctx *ctx, const struct request *req,
					    struct connection *conn)
{
	struct connection own = {};

	if (conn)
		own = *conn;
	if (req->class == CACHE_STATE || req->class == CACHE_PUSH || req->class == CACHE_UNKNOWN)
		own.state = true;
	if (req->class == CACHE_PUSH || req->class == CACHE_UNKNOWN)
		own.pushed = true;
	if (req->class == CACHE_WAITS || req->class == CACHE_UNKNOWN)
		own.waits = own.pushed || own.waits || ctx->unanswered & 1 ? WAITS : WAITS_ALONE;
	if (req->cnt)
		own.left = req->cnt > STRINGS_MAX ? req->cnt - STRINGS_MAX : 0;
	if (conn)
		*conn = own;
	else if (own.state || own.waits || own.left)
		add_connection(ctx, &own);
}

static __always_inline void note_change(const struct request *req, const struct connection *conn)
{
	/* As class_with() has decided, this is no command of CACHE_KEYS, CACHE_ONE or CACHE_SUB. */
	if (req->class == CACHE_GET || req->class == CACHE_READ || req->class == CACHE_WAITS)
		return;
	/* The server may execute it at any time. */
	if (conn && conn->waits)
		turn_off(CACHE_OFF_ORDER);
	if (req->class == CACHE_KEY)
		__sync_fetch_and_add(&state.changes[cache_bucket(&req->key)], 1);
	else
		__sync_fetch_and_add(&state.flushes, 1);
	if (req->class == CACHE_OFF)
		turn_off(CACHE_OFF_COMMAND);
}

/*
 * ---- Answering ------------------------------------------------------------------
 */

/* The key is logged as numbers, which fill.c parses. */
static __always_inline void note_miss(struct vnp_ctx *ctx, const struct cache_key *key)
{
	vnp_printk(ctx, "%lx %lx %lx %lx %lx %lx %lx %lx", key->words[0], key->words[1],
		   key->words[2], key->words[3], key->words[4], key->words[5],
		   key->words[6], key->words[7]);
}

/* Return: was it answered? */
static __always_inline bool answer(struct vnp_ctx *ctx, const struct cache_key *key,
				   const struct connection *conn)
{
	const struct cache_entry *entry;
	__u64 len;

	if (!state.ready || state.off || (conn && (conn->state || conn->waits)))
		return false;
	entry = vnp_map_lookup(&entries, key);
	if (!entry || entry->generation != cache_generation(&state, key)) {
		note_miss(ctx, key);
		return false;
	}
	len = entry->len;
	if (ctx->unanswered || len - 1 >= CACHE_TEXT_MAX)
		return false;
	return !vnp_reply(ctx, 0, &entry->send, sizeof(entry->send) + len);
}

SEC("vnp/message")
int cache_answer(struct vnp_ctx *ctx)
{
	struct request req = {};
	const __u32 id = ctx->link_id;
	struct connection *conn = vnp_map_lookup(&connections, &id);

	note_answer(ctx, conn);
	req.class = class_of_message(ctx, &req, conn);
	if (req.class == CACHE_GET && answer(ctx, &req.key, conn)) {
		__sync_fetch_and_add(&state.answered, 1);
		return VNP_REPLY;
	}
	note_change(&req, conn);
	note_connection(ctx, &req, conn);
	__sync_fetch_and_add(&state.passed, 1);
	return VNP_PASS;
}

SEC("vnp/stream")
int cache(struct vnp_ctx *ctx)
{
	const __s32 len = measure(ctx);

	/* From here on all is passed, whatever it is. */
	if (len < 0)
		turn_off(CACHE_OFF_FRAMING);
	return len;
}
