/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of a stream that are encrypted or authenticated, for selftests/progs/sealed.bpf.c; made by
 * libcrypto.
 */
#ifndef _VNP_TEST_SEALED_H
#define _VNP_TEST_SEALED_H

#include "object.h"
#include "stream.h"
#include "../progs/sealed.h"

/* Bytes of a message besides its text, at most */
#define SEALED_MORE	(sizeof(struct sealed_header) + 32)

/* sealed_len() - bytes of a message whose text has @len bytes */
size_t sealed_len(__u8 key, size_t len);

/**
 * sealed_make() - make a message
 * @to:		the message
 * @header:	type, key, flags and number; the length is filled in
 * @text:	its text
 * @len:	bytes of the text
 *
 * Return: its length.
 */
size_t sealed_make(void *to, struct sealed_header *header, const void *text, size_t len);

/* sealed_opened() - what the reader gets if it is passed.  Return: its length */
size_t sealed_opened(void *to, const struct sealed_header *header, const void *text, size_t len);

/* sealed_load() - the programs, with their keys */
int sealed_load(struct vnp_object **obj);

/* sealed_link() - link a connection to them */
int sealed_link(struct vnp_object *obj, struct conn *conn, __u32 flags, __u32 eof);

#endif /* _VNP_TEST_SEALED_H */
