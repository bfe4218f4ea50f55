/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Traffic on TCP for which links may begin and end at any byte: any may be the first of a message,
 * and none is dropped, so that all bytes must be read.
 */
#ifndef _VNP_TEST_STREAMS_H
#define _VNP_TEST_STREAMS_H

#include <pthread.h>
#include <stdatomic.h>
#include "stream.h"

/**
 * struct streams - traffic, by four threads
 * @threads:	they send and receive on @conn, connect, and accept
 * @conn:	a connection; its bytes are numbers: 0, 1, ...
 * @accepting:	its @rx listens; connections to it have a few messages each
 * @stop:	they end
 * @read:	bytes that were read, of @conn
 * @accepted:	connections that were read to their end
 * @wrong:	0, or what was found
 */
struct streams {
	pthread_t threads[4];
	struct conn conn;
	struct conn accepting;
	atomic_bool stop;
	atomic_long read;
	atomic_long accepted;
	atomic_int wrong;
};

int streams_start(struct streams *s);

/* streams_end() - let them end.  Return: @s->wrong */
int streams_end(struct streams *s);

/* streams_pass() - wait until there has been more of both */
void streams_pass(struct streams *s);

/* streams_progs() - messages of a few bytes, each second of which is held */
int streams_progs(int dev, int *stream, int *message);

/*
 * streams_link() - link both sockets to these programs.  streams_unlink() - detach; fails if the
 * programs have seen nothing
 */
int streams_link(struct streams *s, int dev);
int streams_unlink(struct streams *s);

#endif /* _VNP_TEST_STREAMS_H */
