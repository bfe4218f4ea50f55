// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#define _GNU_SOURCE
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

/* How often it is asked whether a process sleeps: takes ten seconds or more */
#define ASKED_MAX	500000

static int planned, tests, failed;

void test_plan(int cnt)
{
	planned = cnt;
	printf("TAP version 13\n1..%d\n", cnt);
	fflush(stdout);
}

int test_skip_all(const char *why)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", why);
	return 4;
}

int test_bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	return 1;
}

void report(int ok, const char *what)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++tests, what);
	fflush(stdout);
	failed += !ok;
}

void report_skip(const char *what, const char *why)
{
	printf("ok %d %s # SKIP %s\n", ++tests, what, why);
	fflush(stdout);
}

int test_status(void)
{
	if (tests != planned)
		printf("# %d tests instead of %d\n", tests, planned);
	return failed || tests != planned ? 1 : 0;
}

const char *test_path(const char *self, const char *name)
{
	static char path[8192];
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", self);
	snprintf(path, sizeof(path), "%s/%s", dirname(copy), name);
	return path;
}

/* In a child, @in is the end of a pipe that it reads, or -1, @out of one that it writes */
static void become(const char *path, const char *const *args, int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execv(path, (char *const *)args);
	_exit(127);
}

pid_t test_start(const char *self, const char *const *args, FILE **in, FILE **out)
{
	int to[2] = { -1, -1 }, from[2];
	char line[256];
	pid_t pid;

	if (pipe2(from, O_CLOEXEC) || (in && pipe2(to, O_CLOEXEC)))
		return -1;
	pid = fork();
	if (!pid)
		become(test_path(self, args[0]), args, to[0], from[1]);
	close(from[1]);
	*out = fdopen(from[0], "r");
	if (in) {
		close(to[0]);
		*in = fdopen(to[1], "w");
	}
	return pid > 0 && fgets(line, sizeof(line), *out) ? pid : -1;
}

/* Of a process or thread: state, and how often it has slept.  Return: 0 or -1 */
static int read_status(const char *path, char *state, long *cnt)
{
	FILE *file = fopen(path, "r");
	char line[128];

	*state = 0;
	*cnt = -1;
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "State: %c", state);
		sscanf(line, "voluntary_ctxt_switches: %ld", cnt);
	}
	fclose(file);
	return *cnt < 0 || *state == 'Z' || *state == 'X' ? -1 : 0;
}

long sleeps_of(pid_t pid)
{
	char path[64], state;
	long cnt;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	for (i = 0; i < ASKED_MAX; i++) {
		/* Let softirqs be executed that were deferred, and may wake it. */
		sched_yield();
		if (read_status(path, &state, &cnt))
			return -1;
		if (state == 'S')
			return cnt;
	}
	return -1;
}

long sleeps_of_threads(pid_t pid)
{
	char path[64 + 256], state;
	struct dirent *entry;
	long all = -1, cnt;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (!atoi(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		if (!read_status(path, &state, &cnt))
			all = all < 0 ? cnt : all + cnt;
	}
	if (dir)
		closedir(dir);
	return all;
}
