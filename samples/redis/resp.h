/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * For programs of type stream.  A message is a command of RESP: "*COUNT", and as many strings,
 * "$LENGTH" and so many bytes; or a line.
 */
#ifndef _REDIS_RESP_H
#define _REDIS_RESP_H

#include "../load.h"

#define COMMAND_MAX	(1U << 20)	/* longer ones are passed as they arrive */
#define STRINGS_MAX	200		/* that are waited for together */
#define LINE_MAX	1024
#define DIGITS_MAX	9
#define BYTES		64

/* The number after @type at @off.  Return: bytes up to the next line, MORE or PASS_ALL */
static __always_inline __s32 number(struct vnp_ctx *ctx, __u32 off, char type, __u32 *val)
{
	char text[16] = {};
	__u32 n = load(ctx, off, text, sizeof(text)), i;

	*val = 0;
	if (n && text[0] != type)
		return PASS_ALL;
	for (i = 1; i <= DIGITS_MAX && text[i] >= '0' && text[i] <= '9'; i++)
		*val = *val * 10 + text[i] - '0';
	if (i >= n)
		return MORE;
	if (i == 1 || text[i] != '\r')
		return PASS_ALL;
	if (i + 1 == n)
		return MORE;
	return text[i + 1] == '\n' ? i + 2 : PASS_ALL;
}

/* Up to @cnt strings from @off on.  Return: where they end, MORE or PASS_ALL */
static __always_inline __s32 strings(struct vnp_ctx *ctx, __u32 off, __u32 cnt)
{
	__u32 i, len = 0;
	__s32 head;

	for (i = 0; i < STRINGS_MAX && i < cnt; i++) {
		head = number(ctx, off, '$', &len);
		if (head <= 0)
			return head;
		if (len > COMMAND_MAX)
			return PASS_ALL;
		off += head + len + 2;
		if (off > COMMAND_MAX)
			return PASS_ALL;
	}
	return off;
}

static __always_inline __s32 line(struct vnp_ctx *ctx)
{
	char bytes[BYTES];
	__u32 off = 0, i, n;

	while (off < LINE_MAX) {
		n = load(ctx, off, bytes, sizeof(bytes));
		if (!n)
			return MORE;
		for (i = 0; i < BYTES && i < n; i++)
			if (bytes[i] == '\n')
				return off + i + 1;
		off += n;
	}
	return PASS_ALL;
}

#define GET_LEN		14	/* offset in "GET KEY" of the digits of the key's length */

/* The beginning of "GET KEY": up to two digits, and the end of that line */
union get {
	char text[GET_LEN + 4];
	__u64 words[2];
};

/*
 * Most commands: "GET KEY" with a key of up to 99 bytes, by one load.  @len: length of the key
 * Return: where it begins; 0: it is another command, or incomplete
 */
static __always_inline __u32 get_key(struct vnp_ctx *ctx, __u32 *len)
{
	static const union get model = { .text = "*2\r\n$3\r\nget\r\n$\0\0" };
	const __u64 lower_case = 0x202020, mask = (1ULL << 48) - 1;
	union get get;
	const char *digits = get.text + GET_LEN;
	__u8 tens, ones;

	*len = 0;
	if (vnp_load_bytes(ctx, 0, get.text, sizeof(get.text)) ||
	    get.words[0] != model.words[0] ||
	    ((get.words[1] | lower_case) & mask) != model.words[1])
		return 0;
	tens = digits[0] - '0';
	ones = digits[1] - '0';
	if (tens > 9)
		return 0;
	if (digits[1] == '\r' && digits[2] == '\n') {
		*len = tens;
		return GET_LEN + 3;
	}
	*len = tens * 10 + ones;
	return ones <= 9 && digits[2] == '\r' && digits[3] == '\n' ? GET_LEN + 4 : 0;
}

/* measure() - the result of the program */
static __always_inline __s32 measure(struct vnp_ctx *ctx)
{
	__u32 cnt = 0, len, off = get_key(ctx, &len);
	__s32 head;
	char type = 0;

	if (off)
		return off + len + 2;
	if (!load(ctx, 0, &type, 1))
		return MORE;
	/* More strings of a command that has more than STRINGS_MAX */
	if (type == '$')
		return strings(ctx, 0, 1);
	if (type != '*')
		return line(ctx);
	head = number(ctx, 0, '*', &cnt);
	return head <= 0 ? head : strings(ctx, head, cnt);
}

#endif /* _REDIS_RESP_H */
