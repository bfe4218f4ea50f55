// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Questions as text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "question.h"

static const struct {
	const char *name;
	__u16 type;
} types[] = {
	{ "A", 1 }, { "NS", 2 }, { "CNAME", 5 }, { "SOA", 6 }, { "PTR", 12 },
	{ "MX", 15 }, { "TXT", 16 }, { "AAAA", 28 }, { "SRV", 33 },
	{ "NAPTR", 35 }, { "DS", 43 }, { "DNSKEY", 48 }, { "TLSA", 52 },
	{ "SVCB", 64 }, { "HTTPS", 65 }, { "CAA", 257 },
};

static const char *type_parse(__u16 *type, const char *text)
{
	unsigned long n;
	char *end;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!strcasecmp(text, types[i].name)) {
			*type = types[i].type;
			return NULL;
		}
	}
	/* RFC 3597 */
	if (strncasecmp(text, "TYPE", 4) || !isdigit((unsigned char)text[4]))
		return "unknown type; write TYPE and a number";
	n = strtoul(text + 4, &end, 10);
	if (*end || n > 65535)
		return "the number of a type is at most 65535";
	*type = n;
	return NULL;
}

/* Convert @len bytes of @text to a name on the wire; @name has DNS_NAME_MAX bytes */
static const char *name_parse(__u8 *name, const char *text, size_t len)
{
	__u8 *label = name;	/* the length byte of the current label */
	size_t n = 0;

	if (len && text[len - 1] == '.')
		len--;
	if (!len)
		return NULL;
	if (len > DNS_NAME_MAX - 2)
		return "a name has at most 255 bytes";
	for (size_t i = 0; i <= len; i++) {
		if (i == len || text[i] == '.') {
			if (!n)
				return "a label is empty";
			if (n > DNS_LABEL_MAX)
				return "a label has at most 63 bytes";
			*label = n;
			label += 1 + n;
			n = 0;
		} else if (text[i] == '\\') {
			return "escapes are not supported";
		} else {
			label[++n] = tolower((unsigned char)text[i]);
		}
	}
	return NULL;
}

const char *question_parse(struct question *q, const char *text)
{
	const char *colon = strrchr(text, ':'), *wrong;

	memset(q, 0, sizeof(*q));
	if (!colon || colon == text)
		return "should be NAME:TYPE";
	wrong = name_parse(q->name, text, colon - text);
	return wrong ? wrong : type_parse(&q->type, colon + 1);
}
