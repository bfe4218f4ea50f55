// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Input and output of bytes as text. */
#include <ctype.h>

#include "ctl.h"

struct buffer {
	unsigned char *bytes;
	size_t len;
	size_t room;
};

static int buffer_add(struct buffer *buf, unsigned char byte)
{
	unsigned char *bytes;

	if (buf->len == buf->room) {
		buf->room = 2 * buf->room + 64;
		bytes = realloc(buf->bytes, buf->room);
		if (!bytes)
			return error("Out of memory.");
		buf->bytes = bytes;
	}
	buf->bytes[buf->len++] = byte;
	return 0;
}

static int digit_value(int c)
{
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

/* The next character that is neither a space nor in a comment */
static int digit_read(FILE *file)
{
	int c;

	for (;;) {
		c = fgetc(file);
		if (c == '#')
			while (c != '\n' && c != EOF)
				c = fgetc(file);
		if (c == EOF || !isspace(c))
			return c;
	}
}

static int digits_read(FILE *file, const char *path, struct buffer *buf)
{
	int hi, lo;

	while ((hi = digit_read(file)) != EOF) {
		lo = digit_read(file);
		if (lo == EOF)
			return error("%s has an odd number of hex digits.", path);
		if (!isxdigit(hi) || !isxdigit(lo))
			return error("%s has a '%c' where a hex digit is expected.", path,
				     isxdigit(hi) ? lo : hi);
		if (buffer_add(buf, digit_value(hi) << 4 | digit_value(lo)))
			return -ENOMEM;
	}
	return ferror(file) ? error("Cannot read %s: %s.", path, strerror(errno)) : 0;
}

int hex_read(const char *path, void **bytes, size_t *len)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	struct buffer buf = {};
	int err;

	if (!file)
		return error("Cannot read %s: %s.", path, strerror(errno));
	err = digits_read(file, path, &buf);
	if (!is_stdin)
		fclose(file);
	if (err) {
		free(buf.bytes);
		return err;
	}
	*bytes = buf.bytes;
	*len = buf.len;
	return 0;
}

int hex_write(const char *path, const void *bytes, size_t len)
{
	bool is_stdout = !strcmp(path, "-");
	FILE *file = is_stdout ? stdout : fopen(path, "we");
	size_t i;

	if (!file)
		return error("Cannot write %s: %s.", path, strerror(errno));
	for (i = 0; i < len; i++)
		fprintf(file, "%02x%c", ((const unsigned char *)bytes)[i],
			i % 16 == 15 || i == len - 1 ? '\n' : ' ');
	if (is_stdout ? fflush(file) : fclose(file))
		return error("Cannot write %s: %s.", path, strerror(errno));
	return 0;
}

static int bytes_parse_list(struct args *args, const char *what,
			    unsigned char *bytes, size_t len, int base)
{
	const char *word;
	__u64 val;
	size_t i;

	for (i = 0; i < len; i++) {
		word = args_next(args);
		if (!word)
			return error("The %s has %zu bytes; only %zu are given.", what,
				     len, i);
		if (!number_parse(word, base, 0, 0xff, &val))
			return error("\"%s\" is not a byte of the %s (which has %zu, separated by spaces).",
				     word, what, len);
		bytes[i] = val;
	}
	return 0;
}

static int bytes_parse_number(struct args *args, const char *what, void *bytes,
			      size_t len, unsigned int bits)
{
	char label[16];
	__u64 val;

	if (len != bits / 8)
		return error("The %s has %zu bytes: u%u does not fit.", what, len, bits);
	snprintf(label, sizeof(label), "The %s", what);
	if (args_number(args, label, 0, ~0ULL >> (64 - bits), &val))
		return -EINVAL;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	val <<= 64 - bits;
#endif
	memcpy(bytes, &val, len);
	return 0;
}

static int bytes_parse_text(struct args *args, const char *what, void *bytes, size_t len)
{
	const char *word = args_next(args);

	if (!word)
		return error("The text of the %s is missing: str TEXT.", what);
	if (strlen(word) > len)
		return error("\"%s\" is longer than the %zu bytes of the %s.", word, len,
			     what);
	memset(bytes, 0, len);
	memcpy(bytes, word, strlen(word));
	return 0;
}

int bytes_parse(struct args *args, const char *what, void *bytes, size_t len)
{
	static const struct { const char *name; unsigned int bits; } numbers[] = {
		{ "u8", 8 }, { "u16", 16 }, { "u32", 32 }, { "u64", 64 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (args->cnt && !strcmp(*args->words, numbers[i].name)) {
			args_next(args);
			return bytes_parse_number(args, what, bytes, len,
						  numbers[i].bits);
		}
	if (args_take(args, "str"))
		return bytes_parse_text(args, what, bytes, len);
	if (args_take(args, "hex"))
		return bytes_parse_list(args, what, bytes, len, 16);
	return bytes_parse_list(args, what, bytes, len, 0);
}

bool bytes_number(const void *bytes, size_t len, __u64 *val)
{
	__u64 num = 0;

	if (len != 1 && len != 2 && len != 4 && len != 8)
		return false;
	memcpy(&num, bytes, len);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	num >>= 64 - 8 * len;
#endif
	*val = num;
	return true;
}

/* Contains a letter, and only zeroes after the text */
static bool bytes_are_text(const unsigned char *bytes, size_t len)
{
	bool letter = false;
	size_t i;

	for (i = 0; i < len && isprint(bytes[i]); i++)
		letter |= isalpha(bytes[i]) != 0;
	while (i < len && !bytes[i])
		i++;
	return letter && i == len;
}

void bytes_print(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	__u64 val;
	size_t i;

	for (i = 0; i < len; i++)
		printf("%s%02x", i ? " " : "", b[i]);
	if (bytes_are_text(b, len))
		printf("  \"%.*s\"", (int)len, (const char *)b);
	else if (bytes_number(b, len, &val))
		printf("  %llu", val);
}
