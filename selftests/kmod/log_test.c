// SPDX-License-Identifier: GPL-2.0
/* The log of a program: writers and readers. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "harness.h"
#include "insn.h"
#include "object.h"

FIXTURE(log) {
	struct vnp_object *obj;
	__s64 *ret;
	__u64 *number;
};

/* .bss of log.bpf.c */
struct log_globals {
	__s64 ret;
	__u64 number;
};

FIXTURE_SETUP(log)
{
	struct log_globals *globals;

	ASSERT_EQ(0, object_load("log", &self->obj));
	globals = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, globals);
	self->ret = &globals->ret;
	self->number = &globals->number;
}

FIXTURE_TEARDOWN(log)
{
	vnp_object_close(self->obj);
}

/* log_of() - a descriptor of the program for non-blocking reads */
static int log_of(struct vnp_object *obj, const char *prog)
{
	int fd = object_prog(obj, prog);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int execute(int fd, __u32 len, __u32 repeat)
{
	struct vnp_prog_run r = { .repeat = repeat };
	__u8 in[256] = { 0 };

	return prog_run(fd, in, len, &r) ?: (int)r.fault;
}

static int poll_log(int fd, int timeout)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout) == 1 ? pfd.revents : 0;
}

/* read_log() - the available lines, as a string */
static int read_log(int fd, char *text, size_t size)
{
	int n = read(fd, text, size - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

TEST_F(log, line)
{
	int fd = log_of(self->obj, "log_len");
	char text[256];

	EXPECT_EQ(-EAGAIN, read_log(fd, text, sizeof(text)));
	EXPECT_EQ(0, poll_log(fd, 0));
	ASSERT_EQ(0, execute(fd, 5, 1));
	EXPECT_EQ(0, *self->ret);
	EXPECT_EQ(POLLIN, poll_log(fd, 0));
	ASSERT_LT(0, read_log(fd, text, sizeof(text)));
	EXPECT_STREQ("len 5\n", text);
	EXPECT_EQ(-EAGAIN, read_log(fd, text, sizeof(text)));
	EXPECT_EQ(0, poll_log(fd, 0));
}

TEST_F(log, conversions)
{
	int fd = log_of(self->obj, "log_all");
	char text[256];

	ASSERT_EQ(0, execute(fd, 1, 1));
	EXPECT_EQ(0, *self->ret);
	ASSERT_LT(0, read_log(fd, text, sizeof(text)));
	EXPECT_STREQ("-5 -6 7 abc c % -1 2 123456789 -3 18446744073709551615 "
		     "fedcba9876543210\n", text);
}

TEST_F(log, no_arguments)
{
	int fd = log_of(self->obj, "log_no_args");
	char text[256];

	ASSERT_EQ(0, execute(fd, 1, 1));
	ASSERT_LT(0, read_log(fd, text, sizeof(text)));
	EXPECT_STREQ("no arguments\n", text);
}

TEST_F(log, bad_formats)
{
#define NO_CONVERSION(text)							\
	"vnp_printk() has no conversion " text ": it has %d, %i, %u and %x, "	\
	"with l or ll, %c and %%\n"
	static const struct {
		const char *prog, *text;
	} bad[] = {
		{ "bad_string", NO_CONVERSION("%s") },
		{ "bad_pointer", NO_CONVERSION("%p") },
		{ "bad_n", NO_CONVERSION("%n") },
		{ "bad_end", NO_CONVERSION("%") },
		{ "bad_end_l", NO_CONVERSION("%l") },
		{ "bad_lll", NO_CONVERSION("%llld") },
		{ "bad_count", "vnp_printk() is given 1 numbers for 2 conversions\n" },
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd = log_of(self->obj, bad[i].prog);

		*self->ret = 1;
		ASSERT_EQ(0, execute(fd, 1, 1));
		EXPECT_EQ(-EINVAL, *self->ret) {
			TH_LOG("%s", bad[i].prog);
		}
		ASSERT_LT(0, read_log(fd, text, sizeof(text)));
		EXPECT_STREQ(bad[i].text, text);
	}
}

/* A constant format is checked when the program is loaded. */
TEST_F(log, bad_constant_format)
{
	static const char format[8] = "%s";
	const struct bpf_insn insns[] = {
		LD_VALUE(R2, 0, 0), MOV_IMM(R3, 3), MOV_REG(R4, FP),
		ALU64_IMM(BPF_ADD, R4, -8), ST(BPF_DW, FP, -8, 1), MOV_IMM(R5, 8),
		CALL(log), MOV_IMM(R0, VNP_PASS), EXIT(),
	};
	int dev = device_open(), fd;
	struct map map;

	ASSERT_LE(0, dev);
	ASSERT_OK(map_create(dev, &map, VNP_MAP_ARRAY, 4, sizeof(format), 1,
			     VNP_MAP_F_RDONLY_PROG));
	ASSERT_EQ(0, map_update(&map, &(__u32){ 0 }, format, VNP_MAP_ANY));
	fd = PROG_LOAD_MAP(dev, insns, &map);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, map_freeze(&map));
	EXPECT_EQ(-EACCES, PROG_LOAD_MAP(dev, insns, &map));
	close(map.fd);
	close(dev);
}

/* A read returns whole lines, as many as fit; a buffer too small for one is an error. */
TEST_F(log, whole_lines)
{
	int fd = log_of(self->obj, "log_len");
	char text[256];

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, execute(fd, 10 * i, 1));
	EXPECT_GT(0, read_log(fd, text, 1 + 3));
	ASSERT_EQ(6, read_log(fd, text, 1 + 6 + 6));
	EXPECT_STREQ("len 0\n", text);
	ASSERT_EQ(14, read_log(fd, text, 1 + 14));
	EXPECT_STREQ("len 10\nlen 20\n", text);
	ASSERT_EQ(7, read_log(fd, text, sizeof(text)));
	EXPECT_STREQ("len 30\n", text);
}

TEST_F(log, bad_buffer)
{
	int fd = log_of(self->obj, "log_len");
	char text[256];

	ASSERT_EQ(0, execute(fd, 7, 1));
	EXPECT_EQ(-1, read(fd, UNMAPPED, 100));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(fd, map_page(PROT_READ), 100));
	EXPECT_EQ(-1, read(fd, KERNEL_ADDRESS, 100));
	ASSERT_LT(0, read_log(fd, text, sizeof(text)));
	EXPECT_STREQ("len 7\n", text);
	EXPECT_EQ(-1, write(fd, "x", 1));
}

/**
 * struct counted - numbered lines that were read
 * @next:	the expected number
 * @dropped:	lines that were reported dropped
 * @wrong:	other lines, or lines out of order
 */
struct counted {
	__u64 next;
	__u64 dropped;
	long wrong;
};

static void count_line(const char *line, struct counted *c)
{
	unsigned long long number;
	int end = 0;

	if (sscanf(line, "number %llu of many, many, many%n", &number, &end) == 1 &&
	    end) {
		c->wrong += number != c->next;
		c->next = number + 1;
	} else if (sscanf(line, "%llu", &number) == 1 && strstr(line, "dropped")) {
		c->dropped += number;
		c->next += number;
	} else {
		c->wrong++;
	}
}

static void count_lines(int fd, struct counted *c)
{
	char text[4096], *line, *end;

	while (read_log(fd, text, sizeof(text)) > 0) {
		for (line = text; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			count_line(line, c);
		}
	}
}

/* Without a reader lines are dropped, and their number is reported in their place. */
TEST_F(log, overflow)
{
	int fd = log_of(self->obj, "log_number");
	struct counted c = { 0 };

	ASSERT_EQ(0, execute(fd, 1, 5000));
	EXPECT_EQ(-ENOSPC, *self->ret);
	count_lines(fd, &c);
	ASSERT_EQ(0, execute(fd, 1, 10));
	EXPECT_EQ(0, *self->ret);
	count_lines(fd, &c);
	EXPECT_EQ(0, c.wrong);
	EXPECT_EQ(5010, c.next);
	EXPECT_LT(0, c.dropped);
	EXPECT_GT(5000, c.dropped);
}

struct reader {
	pthread_t thread;
	int fd;
	atomic_int tid;
	char text[256];
	int result;
};

static void *read_one(void *arg)
{
	struct reader *r = arg;

	r->tid = syscall(SYS_gettid);
	r->result = read_log(r->fd, r->text, sizeof(r->text));
	return NULL;
}

static int start_reader(struct reader *r, int fd)
{
	r->fd = fd;
	if (pthread_create(&r->thread, NULL, read_one, r))
		return -1;
	while (!r->tid)
		sched_yield();
	return thread_sleeps(r->tid);
}

TEST_F(log, reader_waits)
{
	int fd = object_prog(self->obj, "log_len");
	struct reader r = { 0 };

	ASSERT_EQ(0, start_reader(&r, fd));
	ASSERT_EQ(0, execute(fd, 44, 1));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(7, r.result);
	EXPECT_STREQ("len 44\n", r.text);
}

/* Two readers wait, two lines are written: each gets one, or one gets both. */
TEST_F(log, two_readers)
{
	int fd = object_prog(self->obj, "log_len");
	struct reader r[2] = { 0 };
	int bytes;

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, start_reader(&r[i], fd));
	ASSERT_EQ(0, execute(fd, 44, 2));
	while (poll_log(fd, 0))
		sched_yield();
	ASSERT_EQ(0, execute(fd, 44, 1));
	for (int i = 0; i < 2; i++)
		pthread_join(r[i].thread, NULL);
	bytes = r[0].result + r[1].result;
	EXPECT_TRUE(bytes == 14 || bytes == 21);
}

static void ignore(int sig)
{
}

TEST_F(log, signal_interrupts)
{
	const struct sigaction action = { .sa_handler = ignore };
	int fd = object_prog(self->obj, "log_len");
	struct reader r = { 0 };

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, start_reader(&r, fd));
	ASSERT_EQ(0, pthread_kill(r.thread, SIGUSR1));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(-EINTR, r.result);
}

static void *poll_one(void *arg)
{
	struct reader *r = arg;

	r->tid = syscall(SYS_gettid);
	r->result = poll_log(r->fd, -1);
	return NULL;
}

/* A line written in softirq wakes a poll(). */
TEST_F(log, datagram_wakes_poll)
{
	struct reader r = { .fd = object_prog(self->obj, "log_len") };
	struct flow flow;
	char text[64];
	int link;

	ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
	link = object_link(self->obj, "log_len", flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, poll_one, &r));
	while (!r.tid)
		sched_yield();
	ASSERT_EQ(0, thread_sleeps(r.tid));
	ASSERT_EQ(3, flow_puts(&flow, "abc"));
	pthread_join(r.thread, NULL);
	EXPECT_EQ(POLLIN, r.result);
	ASSERT_LT(0, read_log(r.fd, text, sizeof(text)));
	EXPECT_STREQ("len 3\n", text);
	flow_close(&flow);
	close(link);
}

static atomic_bool stop;

static void *execute_on(void *arg)
{
	while (!stop)
		execute(*(int *)arg, 1, 100);
	return NULL;
}

/* Lines written while others are read: whole, in order, or counted as dropped. */
TEST_F_SMP(log, read_while_written)
{
	int fd = log_of(self->obj, "log_number");
	struct counted c = { 0 };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, execute_on, &fd));
	while (c.next < 20000)
		count_lines(fd, &c);
	stop = true;
	pthread_join(thread, NULL);
	count_lines(fd, &c);
	EXPECT_EQ(0, c.wrong);
	EXPECT_EQ(*self->number, c.next);
}

/* A descriptor opened by id can be read too. */
TEST_F(log, by_id)
{
	int fd = object_prog(self->obj, "log_len"), dev = device_open(), other;
	struct vnp_prog_info info;
	char text[64];

	ASSERT_EQ(0, prog_info(fd, &info));
	other = obj_open(dev, VNP_OBJ_PROG, info.id);
	ASSERT_OK(other);
	ASSERT_EQ(0, execute(fd, 1, 1));
	ASSERT_EQ(6, read_log(other, text, sizeof(text)));
	EXPECT_STREQ("len 1\n", text);
	close(other);
	close(dev);
}

TEST_HARNESS_MAIN
