/* SPDX-License-Identifier: GPL-2.0 */
/* A thread that waits in accept() */
#ifndef _VNP_TEST_WAITING_H
#define _VNP_TEST_WAITING_H

#include <pthread.h>
#include <stdatomic.h>

/**
 * struct waiting - a thread that waits in accept()
 * @thread:	the thread
 * @tid:	its thread ID
 * @listener:	the socket that listens
 * @sock:	what accept() has returned, or a negative errno
 */
struct waiting {
	pthread_t thread;
	atomic_int tid;
	int listener;
	int sock;
};

/* waiting_start() - wait until it sleeps in accept() */
int waiting_start(struct waiting *w, int listener);

/* waiting_end() - wait until accept() returns.  Return: the connection, or a negative errno */
int waiting_end(struct waiting *w);

#endif /* _VNP_TEST_WAITING_H */
