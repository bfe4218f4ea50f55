/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Queries, and the results that dnsguard must have when the map "allowed" has the
 * questions below.  The test uses all of them; the demo sends the malformed ones to a
 * server.
 */
#ifndef _DNSGUARD_QUERIES_H
#define _DNSGUARD_QUERIES_H

#include <stddef.h>
#include "dnsguard.h"

/* The header: id and flags, then four counts */
#define QUERY		"\x12\x34" "\1\0"
#define RESPONSE	"\x12\x34" "\x85\x80"
#define UPDATE		"\x12\x34" "\x28\0"
#define NONE		"\0\0"
#define ONE		"\0\1"
#define TWO		"\0\2"
#define ASKS		QUERY ONE NONE NONE NONE
#define ASKS_EDNS	QUERY ONE NONE NONE ONE

/* A question: name, type, class */
#define WWW		"\3www\7example\0"
#define A		"\0\1"
#define NS		"\0\2"
#define MX		"\0\17"
#define TXT		"\0\20"
#define AAAA		"\0\34"
#define ANY		"\0\377"
#define IN		"\0\1"
#define CHAOS		"\0\3"

/* An EDNS option record, whose last field is the length of what follows */
#define OPT		"\0" "\0\51" "\4\320" "\0\0\0\0"
#define COOKIE		"\0\12" "\0\10" "saltsalt"

/* Labels of up to 63 bytes, and a name of 254 bytes without the root label */
#define TEN		"0123456789"
#define SIXTY		TEN TEN TEN TEN TEN TEN
#define LABEL_60	"\74" SIXTY
#define LABEL_61	"\75" SIXTY "a"
#define LABEL_63	"\77" SIXTY "abc"
#define LONGEST		LABEL_63 LABEL_63 LABEL_63 LABEL_61

/**
 * struct query - a datagram and its expected result
 * @what:	description
 * @expect:	enum outcome
 * @bytes:	payload
 * @len:	bytes of it
 */
struct query {
	const char *what;
	enum outcome expect;
	const char *bytes;
	size_t len;
};

#define Q(expect, what, bytes)	{ what, expect, bytes, sizeof(bytes) - 1 }

/* The contents of the map in the test, as arguments of dnsguard */
static const char *const allowed[] = {
	"www.example:A", "www.example:AAAA", "example:MX", ".:NS", "x:A",
	"a[b.example:A",
	SIXTY "abc.example:A",
	SIXTY "abc." SIXTY "abc." SIXTY "abc." SIXTY "a:A",
};

static const struct query queries[] = {
	Q(GOOD, "a simple query", ASKS WWW A IN),
	Q(GOOD, "another type", ASKS WWW AAAA IN),
	Q(GOOD, "another name", ASKS "\7example\0" MX IN),
	Q(GOOD, "the root", ASKS "\0" NS IN),
	Q(GOOD, "a label of one byte", ASKS "\1x\0" A IN),
	Q(GOOD, "a label of 63 bytes", ASKS LABEL_63 "\7example\0" A IN),
	Q(GOOD, "a name of 255 bytes", ASKS LONGEST "\0" A IN),
	Q(GOOD, "capital letters", ASKS "\3wWW\7EXAMPLE\0" A IN),
	Q(GOOD, "a byte just above the letters", ASKS "\3A[B\7example\0" A IN),
	Q(GOOD, "no recursion desired", "\0\0\0\0" ONE NONE NONE NONE WWW A IN),
	Q(GOOD, "DNSSEC: AD and CD bits", "\0\0\1\60" ONE NONE NONE NONE WWW A IN),
	Q(GOOD, "EDNS", ASKS_EDNS WWW A IN OPT NONE),
	Q(GOOD, "EDNS with a cookie", ASKS_EDNS WWW A IN OPT "\0\14" COOKIE),

	Q(UNWANTED, "a valid name with another type", ASKS WWW TXT IN),
	Q(UNWANTED, "ANY", ASKS WWW ANY IN),
	Q(UNWANTED, "a type above 255", ASKS WWW "\1\1" IN),
	Q(UNWANTED, "another class", ASKS WWW A CHAOS),
	Q(UNWANTED, "another name", ASKS "\3ftp\7example\0" A IN),
	Q(UNWANTED, "a name below a valid one", ASKS "\1a" WWW A IN),
	Q(UNWANTED, "the name above a valid one", ASKS "\7example\0" A IN),
	Q(UNWANTED, "the beginning of a valid name", ASKS "\3www\0" A IN),
	Q(UNWANTED, "a valid name, longer by a byte", ASKS "\3www\10examples\0" A IN),
	Q(UNWANTED, "a dot within a label", ASKS "\13www.example\0" A IN),
	Q(UNWANTED, "a zero within a label", ASKS "\4www\0\7example\0" A IN),
	Q(UNWANTED, "[ is not a capital {", ASKS "\3a{b\7example\0" A IN),
	Q(UNWANTED, "the root, another type", ASKS "\0" A IN),
	Q(UNWANTED, "a name of 255 bytes, another type", ASKS LONGEST "\0" NS IN),
	Q(UNWANTED, "a name of 127 labels", ASKS
	  "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"
	  "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"
	  "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"
	  "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"
	  "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"
	  "\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a\1a"
	  "\1a\0" A IN),

	Q(MALFORMED, "one byte", "\x12"),
	Q(MALFORMED, "a header truncated by a byte", QUERY ONE NONE NONE "\0"),
	Q(MALFORMED, "a header alone", ASKS),
	Q(MALFORMED, "no question", QUERY NONE NONE NONE NONE),
	Q(MALFORMED, "question count 0, but there is a question",
	  QUERY NONE NONE NONE NONE WWW A IN),
	Q(MALFORMED, "two questions", QUERY TWO NONE NONE NONE WWW A IN WWW AAAA IN),
	Q(MALFORMED, "256 questions", QUERY "\1\0" NONE NONE NONE WWW A IN),
	Q(MALFORMED, "a response", RESPONSE ONE NONE NONE NONE WWW A IN),
	Q(MALFORMED, "an update", UPDATE ONE NONE NONE NONE WWW A IN),
	Q(MALFORMED, "answer count 1", QUERY ONE ONE NONE NONE WWW A IN),
	Q(MALFORMED, "authority count 1", QUERY ONE NONE ONE NONE WWW A IN),
	Q(MALFORMED, "a name without end", ASKS "\3www\7example"),
	Q(MALFORMED, "a label one byte longer than the datagram",
	  ASKS "\3www\10example"),
	Q(MALFORMED, "a label far longer than the datagram", ASKS "\77www"),
	Q(MALFORMED, "a label of 64 bytes", ASKS "\100" SIXTY "abcd\0" A IN),
	Q(MALFORMED, "an extended label", ASKS "\101\10x\0" A IN),
	Q(MALFORMED, "a label of 128", ASKS "\200" SIXTY SIXTY "01234567\0" A IN),
	Q(MALFORMED, "a label of 255",
	  ASKS "\377" SIXTY SIXTY SIXTY SIXTY "012345678901234\0" A IN),
	Q(MALFORMED, "compression: a pointer to itself", ASKS "\300\14" A IN),
	Q(MALFORMED, "compression: a pointer into the header", ASKS "\300\0" A IN),
	Q(MALFORMED, "compression: two pointers in a ring", ASKS "\300\16\300\14" A IN),
	Q(MALFORMED, "compression: after a label", ASKS "\3www\300\14" A IN),
	Q(MALFORMED, "compression: a truncated pointer", ASKS "\3www\300"),
	Q(MALFORMED, "a name of 256 bytes",
	  ASKS LABEL_63 LABEL_63 LABEL_63 "\76" SIXTY "ab\0" A IN),
	Q(MALFORMED, "a name of 256 bytes, the last label short",
	  ASKS LABEL_63 LABEL_63 LABEL_63 LABEL_60 "\1x\0" A IN),
	Q(MALFORMED, "a name of 300 bytes",
	  ASKS LABEL_60 LABEL_60 LABEL_60 LABEL_60 LABEL_60 "\0" A IN),
	Q(MALFORMED, "neither type nor class", ASKS WWW),
	Q(MALFORMED, "no class", ASKS WWW A),
	Q(MALFORMED, "a truncated class", ASKS WWW A "\0"),
	Q(MALFORMED, "a byte after the question", ASKS WWW A IN "x"),
	Q(MALFORMED, "garbage after the question", ASKS WWW A IN SIXTY SIXTY SIXTY),
	Q(MALFORMED, "EDNS counted, but missing", ASKS_EDNS WWW A IN),
	Q(MALFORMED, "EDNS present, but not counted", ASKS WWW A IN OPT NONE),
	Q(MALFORMED, "EDNS truncated by a byte", ASKS_EDNS WWW A IN OPT "\0"),
	Q(MALFORMED, "EDNS with a name", ASKS_EDNS WWW A IN "\1" OPT NONE),
	Q(MALFORMED, "EDNS shorter than its length",
	  ASKS_EDNS WWW A IN OPT "\0\15" COOKIE),
	Q(MALFORMED, "EDNS longer than its length", ASKS_EDNS WWW A IN OPT "\0\13" COOKIE),
	Q(MALFORMED, "EDNS with length 65535", ASKS_EDNS WWW A IN OPT "\377\377" COOKIE),
	Q(MALFORMED, "EDNS twice", QUERY ONE NONE NONE TWO WWW A IN OPT NONE OPT NONE),
	Q(MALFORMED, "a record that is not EDNS",
	  ASKS_EDNS WWW A IN "\0" A IN "\0\0\0\0" NONE),
};

#define QUERIES		(sizeof(queries) / sizeof(queries[0]))

#endif
