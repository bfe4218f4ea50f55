// SPDX-License-Identifier: GPL-2.0
#include "waiting.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common.h"

static void *wait_in_accept(void *arg)
{
	struct waiting *w = arg;

	atomic_store(&w->tid, syscall(SYS_gettid));
	w->sock = accept(w->listener, NULL, NULL);
	if (w->sock < 0)
		w->sock = -errno;
	return NULL;
}

int waiting_start(struct waiting *w, int listener)
{
	w->listener = listener;
	atomic_init(&w->tid, 0);
	if (pthread_create(&w->thread, NULL, wait_in_accept, w))
		return -EAGAIN;
	while (!atomic_load(&w->tid))
		sched_yield();
	return thread_sleeps(atomic_load(&w->tid));
}

int waiting_end(struct waiting *w)
{
	const int err = pthread_join(w->thread, NULL);

	return err ? -err : w->sock;
}
