/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Shared by the program and its loader. */
#ifndef _DNSGUARD_H
#define _DNSGUARD_H

#include <linux/types.h>

#define DNS_NAME_MAX	255	/* bytes of a name on the wire, RFC 1035 3.1 */
#define DNS_LABEL_MAX	63

/**
 * struct question - the question of a query; key of the map "allowed"
 * @type:	query type, host byte order
 * @name:	name as on the wire, in lower case, zero-padded
 */
struct question {
	__u16 type;
	__u8 name[DNS_NAME_MAX];
	__u8 pad[7];
} __attribute__((aligned(8)));

/* Why a query was passed or dropped; index of the map "counts" */
enum outcome {
	GOOD,		/* a name and type of the map */
	UNWANTED,	/* well formed, but not in the map */
	MALFORMED,	/* not a valid query */
	OUTCOMES
};

#endif
