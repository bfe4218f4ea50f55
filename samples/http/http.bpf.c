// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A message is a request of HTTP/1: its header, and a short body.  If the body is long, has no
 * length, or is only sent after an answer, all is passed from the header on.
 */
#include <stdbool.h>
#include "../load.h"

#define HEADER_MAX	8192	/* longer ones are passed as they arrive */
#define LINES_MAX	128
#define BODY_MAX	16384
#define BYTES		256	/* looked at together */
#define WORDS		3	/* of the names of fields that matter, with the colon */

#define ONES		0x0101010101010101ULL
#define CASE		(0x20 * ONES)
#define LINE_FEEDS	('\n' * ONES)

/* union line - how a line begins */
union line {
	char bytes[WORDS * 8];
	__u64 words[WORDS];
};

/**
 * struct request - what its fields say about the body
 * @length:	offset of its length, or 0
 * @pass:	it is not to be waited for
 */
struct request {
	__u32 length;
	bool pass;
};

/* Has the word a byte that is LF? */
static __always_inline bool has_lf(__u64 word)
{
	const __u64 diff = word ^ LINE_FEEDS;

	return (diff - ONES) & ~diff & ONES << 7;
}

/* Return: where the line at @off ends, after its LF; 0: it has not arrived */
static __always_inline __u32 line_end(struct vnp_ctx *ctx, __u32 off)
{
	union {
		char bytes[BYTES];
		__u64 words[BYTES / 8];
	} part;
	__u32 i, k, n;

	while (off < HEADER_MAX) {
		n = load(ctx, off, part.bytes, sizeof(part.bytes));
		if (!n)
			return 0;
		for (i = 0; i < BYTES && i < n; i += 8)
			if (has_lf(part.words[i / 8]))
				break;
		for (k = 0; k < 8 && i < n && i < BYTES; k++, i++)
			if (part.bytes[i] == '\n')
				return off + i + 1;
		off += n;
	}
	return 0;
}

/* Bytes at @i * 8 of a name of @len bytes */
static __always_inline __u64 mask(__u32 len, __u32 i)
{
	return len >= i * 8 + 8 ? ~0ULL : len <= i * 8 ? 0 : (1ULL << (len - i * 8) * 8) - 1;
}

/* Does the line begin with this name? Letters are compared without case. */
static __always_inline bool is_name(const __u64 *line, const __u64 *name, __u32 len)
{
	return !(((line[0] | CASE) ^ name[0]) & mask(len, 0)) &&
	       !(((line[1] | CASE) ^ name[1]) & mask(len, 1)) &&
	       !(((line[2] | CASE) ^ name[2]) & mask(len, 2));
}

/* @text: the name and its colon, in lower case */
#define IS_FIELD(line, text) ({							\
	const union {								\
		char text_[WORDS * 8];						\
		__u64 words[WORDS];						\
	} name_ = { text };							\
	is_name((line)->words, name_.words, sizeof(text) - 1); })

/* The number at @off, up to seven digits */
static __always_inline __u32 number(struct vnp_ctx *ctx, __u32 off)
{
	char text[16] = {};
	__u32 i = 0, val = 0;

	load(ctx, off, text, sizeof(text));
	while (i < 8 && (text[i] == ' ' || text[i] == '\t'))
		i++;
	for (; i < sizeof(text) && text[i] >= '0' && text[i] <= '9' && val <= BODY_MAX; i++)
		val = val * 10 + text[i] - '0';
	return val;
}

static __always_inline void parse_field(__u32 off, const union line *line,
					struct request *req)
{
	if (IS_FIELD(line, "content-length:"))
		req->length = off + sizeof("content-length:") - 1;
	else if (IS_FIELD(line, "transfer-encoding:") || IS_FIELD(line, "expect:") ||
		 IS_FIELD(line, "upgrade:"))
		req->pass = true;
}

static __always_inline bool is_blank(const char *line)
{
	return line[0] == '\n' || (line[0] == '\r' && line[1] == '\n');
}

/* May be between requests */
static __always_inline bool is_space(char c)
{
	return c == '\r' || c == '\n';
}

/* A server refuses everything else at once. */
static __always_inline bool is_method(char c)
{
	return (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* Return: where the header ends, MORE or PASS_ALL */
static __always_inline __s32 header_end(struct vnp_ctx *ctx, struct request *req)
{
	__s32 end = MORE;
	bool begun = false;
	__u32 off = 0, i;
	union line line;

	for (i = 0; i < LINES_MAX; i++) {
		end = MORE;
		__builtin_memset(&line, 0, sizeof(line));
		if (!load(ctx, off, line.bytes, sizeof(line)))
			break;
		if (!begun && is_space(line.bytes[0])) {
			off++;
			continue;
		}
		if (!begun && !is_method(line.bytes[0]))
			return PASS_ALL;
		begun = true;
		end = line_end(ctx, off);
		if (!end || is_blank(line.bytes))
			break;
		parse_field(off, &line, req);
		off = end;
	}
	if (i == LINES_MAX || (end == MORE && ctx->len >= HEADER_MAX))
		return PASS_ALL;
	return end;
}

SEC("vnp/stream")
int http(struct vnp_ctx *ctx)
{
	struct request req = {};
	const __s32 end = header_end(ctx, &req);
	__u32 body;

	if (end <= 0)
		return end;
	body = req.length ? number(ctx, req.length) : 0;
	return req.pass || body > BODY_MAX ? PASS_ALL : end + body;
}
