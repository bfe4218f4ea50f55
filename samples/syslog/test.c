// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * rsyslogd, as Debian has it, with the sample and without: does it write the same messages, how
 * often is it woken, and how often does it call recvmmsg()?  The sample is
 * build/samples/syslog/syslog, in the directory of this program; loggen is in build/loggen, where
 * selftests/setup/loggen puts it.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../test.h"

#define PORT		"7017"
#define MESSAGES	200
#define BATCH		"20"
#define BATCHES		(MESSAGES / 20)
#define COLLECTOR	"/usr/sbin/rsyslogd"

/* What loggen sends: the messages of a second at once, and then this many per second */
#define LOAD		120
#define LOAD_TEXT	"120"
#define LOAD_RATE	"50"

/* struct collector - rsyslogd, its directory, and the thread that receives */
struct collector {
	char dir[32];
	pid_t pid;
	pid_t thread;
	int sent;
};

static int write_config(const struct collector *c, char *path, size_t size)
{
	FILE *file;

	snprintf(path, size, "%s/conf", c->dir);
	file = fopen(path, "w");
	if (!file)
		return -1;
	fprintf(file,
		"module(load=\"imudp\")\n"
		"module(load=\"impstats\" interval=\"1\" log.syslog=\"off\" log.file=\"%s/stats\")\n"
		"input(type=\"imudp\" address=\"127.0.0.1\" port=\"" PORT "\")\n"
		"template(name=\"raw\" type=\"string\" string=\"%%msg%%\\n\")\n"
		"action(type=\"omfile\" file=\"%s/out\" template=\"raw\")\n", c->dir, c->dir);
	return fclose(file);
}

/* A file of the collector's thread: its first line with this name, or its only one */
static int thread_file(const struct collector *c, pid_t thread, const char *name,
		       const char *fmt, void *to)
{
	char path[64], line[128];
	FILE *file;
	int seen = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", c->pid, thread, name);
	file = fopen(path, "r");
	while (file && !seen && fgets(line, sizeof(line), file))
		seen = sscanf(line, fmt, to) == 1;
	if (file)
		fclose(file);
	return seen;
}

/* Return: the thread that receives, or 0 */
static pid_t find_thread(const struct collector *c)
{
	char path[64], name[32];
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", c->pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)))
		if (thread_file(c, atoi(entry->d_name), "comm", "%31s", name) &&
		    !strncmp(name, "imudp", 5))
			found = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

static int lines(const struct collector *c)
{
	char path[64], line[256];
	FILE *file;
	int cnt = 0;

	snprintf(path, sizeof(path), "%s/out", c->dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		cnt++;
	if (file)
		fclose(file);
	return cnt;
}

/* Wait until it has written so many messages. */
static int wait_lines(const struct collector *c, int cnt)
{
	return test_until(lines(c) >= cnt) && lines(c) == cnt;
}

static int collector_start(struct collector *c)
{
	char conf[64], pid[64];

	strcpy(c->dir, "/dev/shm/syslog.XXXXXX");
	if (!mkdtemp(c->dir) || write_config(c, conf, sizeof(conf)))
		return -1;
	snprintf(pid, sizeof(pid), "%s/pid", c->dir);
	c->pid = fork();
	if (!c->pid) {
		execl(COLLECTOR, "rsyslogd", "-n", "-C", "-f", conf, "-i", pid, NULL);
		_exit(127);
	}
	return test_until((c->thread = find_thread(c))) ? 0 : -1;
}

static void collector_end(const struct collector *c)
{
	char command[64];

	kill(c->pid, SIGTERM);
	waitpid(c->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", c->dir);
	if (system(command))
		printf("# %s remains\n", c->dir);
}

/* One after the other, whenever it sleeps.  Return: how often it was woken */
static long send_messages(struct collector *c, int sock, int cnt, int priority)
{
	const long before = sleeps_of(c->thread);
	char text[64];
	int i, len;

	for (i = 0; i < cnt; i++) {
		len = snprintf(text, sizeof(text), "<%d>Jan  1 00:00:00 host test: seq %d",
			       priority, c->sent++);
		if (send(sock, text, len, 0) != len || sleeps_of(c->thread) < 0)
			return -1;
	}
	return sleeps_of(c->thread) - before;
}

static int attach(const struct collector *c, const char *self, const char *ms)
{
	char pid[16];
	int status;

	snprintf(pid, sizeof(pid), "%d", c->pid);
	if (!fork()) {
		execl(test_path(self, "syslog"), "syslog", pid, PORT, BATCH, ms, NULL);
		_exit(127);
	}
	return wait(&status) > 0 && !status;
}

/* Each message once, in the order in which they were sent; their numbers are below @cycle */
static int file_ok(const struct collector *c, int cycle)
{
	char path[64], line[256], *text;
	int cnt = 0, seq, ok = 1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/out", c->dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		text = strstr(line, "seq");
		ok &= text && sscanf(text, "seq%*[: ]%d", &seq) == 1 && seq == cnt++ % cycle;
	}
	if (file)
		fclose(file);
	return ok && cnt == c->sent;
}

static int open_sender(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(atoi(PORT)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return connect(sock, (const void *)&to, sizeof(to)) ? -1 : sock;
}

/*
 * ---- The load of loggen ----------------------------------------------------
 */

/* struct load - how often the collector has been woken, and has called recvmmsg() */
struct load {
	long woken;
	long calls;
};

/* Calls of recvmmsg() until so many messages had been received, or -1: there are no such figures */
static long calls_until(const struct collector *c, long received)
{
	char path[64], line[512], *at;
	long calls, cnt, found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/stats", c->dir);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		at = strstr(line, "called.recvmmsg=");
		if (at && sscanf(at, "called.recvmmsg=%ld called.recvmsg=%*d msgs.received=%ld",
				 &calls, &cnt) == 2 && cnt == received)
			found = calls;
	}
	if (file)
		fclose(file);
	return found;
}

static int start_loggen(const char *self)
{
	const char *dir = test_path(self, "../../loggen/usr");
	char program[256], libraries[256];
	int status, null;

	snprintf(program, sizeof(program), "%s/bin/loggen", dir);
	snprintf(libraries, sizeof(libraries), "%s/lib/syslog-ng", dir);
	if (!fork()) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		setenv("SYSLOGNG_PREFIX", dir, 1);
		setenv("LD_LIBRARY_PATH", libraries, 1);
		execl(program, "loggen", "-Q", "-i", "-D", "-r", LOAD_RATE, "-n", LOAD_TEXT,
		      "-s", "150", "127.0.0.1", PORT, NULL);
		_exit(127);
	}
	return wait(&status) > 0 && !status;
}

/* Return: has it written all messages? */
static int load_collector(struct collector *c, const char *self, struct load *load)
{
	const long woken = sleeps_of(c->thread);
	const long calls = c->sent ? calls_until(c, c->sent) : 0;

	c->sent += LOAD;
	if (!start_loggen(self) || !wait_lines(c, c->sent))
		return 0;
	load->woken = sleeps_of(c->thread) - woken;
	return test_until((load->calls = calls_until(c, c->sent) - calls) >= 0);
}

static void test_load(const char *self)
{
	struct collector c = { .sent = 0 };
	struct load without = {}, with = {};

	if (access(test_path(self, "../../loggen/usr/bin/loggen"), X_OK)) {
		report_skip("messages of loggen", "there is no loggen");
		report_skip("it is woken less by loggen", "there is no loggen");
		return;
	}
	report(!collector_start(&c) && load_collector(&c, self, &without) &&
	       attach(&c, self, "10000") && load_collector(&c, self, &with) &&
	       file_ok(&c, LOAD), "messages of loggen");
	printf("# loggen: %d messages woke it %ld times, in batches %ld times; %ld and %ld calls of recvmmsg()\n",
	       LOAD, without.woken, with.woken, without.calls, with.calls);
	/* Two batches can arrive before it has been scheduled. */
	report(with.woken > 0 && with.woken <= 2 * LOAD / 20 &&
	       without.woken >= 2 * with.woken && without.calls >= 2 * with.calls,
	       "it is woken less by loggen");
	collector_end(&c);
}

int main(int argc, char **argv)
{
	struct collector c = { .sent = 0 };
	int sock = open_sender();
	long without, with;

	(void)argc;
	if (access(COLLECTOR, X_OK))
		return test_skip_all("no rsyslogd");
	test_plan(8);
	if (sock < 0 || collector_start(&c))
		return test_bail_out("The collector does not start.");
	without = send_messages(&c, sock, MESSAGES, 14);
	report(wait_lines(&c, MESSAGES), "messages without the sample");
	report(attach(&c, argv[0], "500"), "the sample is linked to the running collector");
	with = send_messages(&c, sock, MESSAGES, 14);
	report(wait_lines(&c, 2 * MESSAGES), "messages in batches");
	printf("# %d messages woke it %ld times, in batches %ld times\n", MESSAGES, without, with);
	report(with >= BATCHES && with <= 2 * BATCHES && without >= MESSAGES / 4,
	       "it is woken once or twice a batch");
	send_messages(&c, sock, 3, 14);
	report(wait_lines(&c, c.sent), "less than a batch arrives when it is old");
	send_messages(&c, sock, 3, 14);
	send_messages(&c, sock, 1, 10);
	report(wait_lines(&c, c.sent) && file_ok(&c, c.sent), "all messages once, and in order");
	collector_end(&c);
	test_load(argv[0]);
	return test_status();
}
