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

/* struct field - where the words of a key or value go: what is left of it */
struct field {
	const char *what;
	size_t size;
	unsigned char *to;
	size_t left;
};

static int field_add(struct field *field, const void *bytes, size_t len)
{
	if (len > field->left)
		return error("The %s has %zu bytes, but more are given.", field->what,
			     field->size);
	memcpy(field->to, bytes, len);
	field->to += len;
	field->left -= len;
	return 0;
}

static int field_add_number(struct args *args, struct field *field, unsigned int bits)
{
	char label[16];
	__u64 val;

	if (bits / 8 > field->left)
		return error("The %s has %zu bytes: u%u does not fit.", field->what, field->size,
			     bits);
	snprintf(label, sizeof(label), "The %s", field->what);
	if (args_number(args, label, 0, ~0ULL >> (64 - bits), &val))
		return -EINVAL;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	val <<= 64 - bits;
#endif
	return field_add(field, &val, bits / 8);
}

/* It is padded with zeroes to the end of the key or value. */
static int field_add_text(struct args *args, struct field *field)
{
	const char *word = args_next(args);
	size_t len = word ? strlen(word) : 0;

	if (!word)
		return error("The text of the %s is missing: str TEXT.", field->what);
	if (len > field->left)
		return error("\"%s\" is longer than the %zu bytes of the %s.", word, field->left,
			     field->what);
	memset(field->to + len, 0, field->left - len);
	memcpy(field->to, word, len);
	field->left = 0;
	return 0;
}

/* A byte as a number; after "hex" a digit, or pairs of digits */
static int field_add_bytes(struct field *field, const char *word, bool hex)
{
	const size_t digits = strspn(word, "0123456789abcdefABCDEF");
	const bool pairs = hex && digits % 2 == 0 && digits == strlen(word);
	unsigned char byte;
	__u64 val;
	int err = 0;

	if (!pairs) {
		if (!number_parse(word, hex ? 16 : 0, 0, 0xff, &val) || (hex && digits > 1))
			return error("\"%s\" is not a byte of the %s, which has %zu; %zu are given before it.",
				     word, field->what, field->size, field->size - field->left);
		byte = val;
		return field_add(field, &byte, 1);
	}
	for (; !err && *word; word += 2) {
		byte = digit_value(word[0]) << 4 | digit_value(word[1]);
		err = field_add(field, &byte, 1);
	}
	return err;
}

/* Return: size in bits of the type u8, u16, u32 or u64; 0: not a type */
static unsigned int number_bits(const char *word)
{
	static const struct { const char *name; unsigned int bits; } numbers[] = {
		{ "u8", 8 }, { "u16", 16 }, { "u32", 32 }, { "u64", 64 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(word, numbers[i].name))
			return numbers[i].bits;
	return 0;
}

int bytes_parse(struct args *args, const char *what, void *bytes, size_t len)
{
	struct field field = { .what = what, .size = len, .to = bytes, .left = len };
	bool hex = false;
	const char *word;
	int err = 0;

	while (!err && field.left) {
		if (args_take(args, "str"))
			return field_add_text(args, &field);
		if (args_take(args, "hex"))
			hex = true;
		word = args_next(args);
		if (!word)
			return error("The %s has %zu bytes; only %zu are given.", what, len,
				     len - field.left);
		if (number_bits(word))
			err = field_add_number(args, &field, number_bits(word));
		else
			err = field_add_bytes(&field, word, hex);
	}
	return err;
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
