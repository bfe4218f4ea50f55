// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Tells a terminal that work is in progress.  This is done by a thread, as a timer's
 * signal would interrupt an execution in the kernel.
 */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define SECONDS_QUIET	2

static struct {
	const char *what;
	bool running;
	bool stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
} progress = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.cond = PTHREAD_COND_INITIALIZER,
};

static void *progress_thread(void *arg)
{
	struct timespec wake;
	unsigned int seconds;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &wake);
	pthread_mutex_lock(&progress.lock);
	for (seconds = 1; !progress.stop; seconds++) {
		wake.tv_sec++;
		while (!progress.stop &&
		       !pthread_cond_timedwait(&progress.cond, &progress.lock, &wake))
			;
		if (!progress.stop && seconds >= SECONDS_QUIET)
			fprintf(stderr, "\r%s: %u s ", progress.what, seconds);
	}
	if (seconds > SECONDS_QUIET + 1)
		fprintf(stderr, "\r\033[K");
	pthread_mutex_unlock(&progress.lock);
	return NULL;
}

void progress_start(const char *what)
{
	if (!isatty(STDERR_FILENO))
		return;
	progress.what = what;
	progress.stop = false;
	progress.running = !pthread_create(&progress.thread, NULL, progress_thread, NULL);
}

void progress_stop(void)
{
	if (!progress.running)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.stop = true;
	pthread_cond_signal(&progress.cond);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	progress.running = false;
}
