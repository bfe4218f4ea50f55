/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * Text that others have made, such as the source lines of their programs, before it is printed: a
 * terminal would obey control characters, and JSON must be UTF-8.
 */
#ifndef _VNP_USERLIB_UTF8_H
#define _VNP_USERLIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that begins with this one; 0: none does */
static inline size_t utf8_expected(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 :
	       first < 0xf5 ? 4 : 0;
}

/* utf8_len() - bytes of the character at @text, which has @left bytes; 0: it is not valid */
static inline size_t utf8_len(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	const size_t len = utf8_expected(*p);
	size_t i;

	if (!len || len > left)
		return 0;
	for (i = 1; i < len; i++)
		if (p[i] >> 6 != 2)
			return 0;
	/* Not the shortest form, a surrogate, or too large */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] >= 0xa0) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] >= 0x90))
		return 0;
	return len;
}

/* Is the character, of @len bytes, a control character: U+0000 to U+001F, U+007F to U+009F? */
static inline bool utf8_is_control(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	return len == 1 ? *p < ' ' || *p == 0x7f : len == 2 && *p == 0xc2 && p[1] < 0xa0;
}

/**
 * utf8_clean() - replace what is not valid
 * @text:	the text; may have zeroes
 * @len:	its bytes
 * @controls:	keep control characters; otherwise only zeroes and tabs are kept
 */
static inline void utf8_clean(char *text, size_t len, bool controls)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = utf8_len(text + i, len - i);
		if (n && (controls || !text[i] || text[i] == '\t' || !utf8_is_control(text + i, n)))
			continue;
		text[i] = '?';
		n = 1;
	}
}

#endif /* _VNP_USERLIB_UTF8_H */
