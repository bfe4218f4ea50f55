// SPDX-License-Identifier: GPL-2.0
/*
 * Maps used by programs: lookup, update and delete of every type, global variables, and
 * programs executing on several CPUs while user space changes the same map.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "harness.h"
#include "object.h"
#include "../progs/globals.h"
#include "../progs/tables.h"

FIXTURE(table) {
	struct vnp_object *obj;
	struct job *job;
	int prog;
	struct vnp_map *map;
};

/* The maps of a program that has one of each type */
FIXTURE_VARIANT(table) {
	const char *map;
	const char *prog;
	bool array;
};

FIXTURE_VARIANT_ADD(table, hash) { "hash", "on_hash", false };
FIXTURE_VARIANT_ADD(table, array) { "array", "on_array", true };
FIXTURE_VARIANT_ADD(table, percpu) { "percpu", "on_percpu", true };

FIXTURE_SETUP(table)
{
	ASSERT_EQ(0, object_load("tables", &self->obj));
	self->job = object_globals(self->obj, ".data");
	ASSERT_NE(NULL, self->job);
	self->prog = object_prog(self->obj, variant->prog);
	ASSERT_OK(self->prog);
	self->map = vnp_object_find_map(self->obj, variant->map);
	ASSERT_NE(NULL, self->map);
	pin(1);
}

FIXTURE_TEARDOWN(table)
{
	vnp_object_close(self->obj);
}

/* act() - have the program call a helper; the helper's result */
static __s64 act(int prog, struct job *job, enum map_op op, __u32 key, __u64 value,
		 __u64 flags)
{
	struct vnp_prog_run r = { 0 };
	__u8 in = 0;

	*job = (struct job) {
		.op = op,
		.key = key,
		.value = value,
		.flags = flags,
		.ret = -EPROTO,
	};
	if (prog_run(prog, &in, 1, &r) || r.fault)
		return -EPROTO;
	return job->ret;
}

#define ACT(op, key, value, flags)	\
	act(self->prog, self->job, op, key, value, flags)

TEST_F_SMP(table, update_and_lookup)
{
	EXPECT_EQ(0, ACT(UPDATE, 3, 33, VNP_MAP_ANY));
	EXPECT_EQ(0, ACT(UPDATE, 4, 44, VNP_MAP_ANY));
	EXPECT_EQ(1, ACT(LOOKUP, 3, 0, 0));
	EXPECT_EQ(33, self->job->value);
	EXPECT_EQ(1, ACT(LOOKUP, 4, 0, 0));
	EXPECT_EQ(44, self->job->value);
}

TEST_F_SMP(table, flags)
{
	const bool array = variant->array;

	EXPECT_EQ(array ? 0 : -ENOENT, ACT(UPDATE, 3, 1, VNP_MAP_EXIST));
	EXPECT_EQ(array ? -EEXIST : 0, ACT(UPDATE, 3, 2, VNP_MAP_NOEXIST));
	EXPECT_EQ(-EEXIST, ACT(UPDATE, 3, 3, VNP_MAP_NOEXIST));
	EXPECT_EQ(0, ACT(UPDATE, 3, 4, VNP_MAP_EXIST));
	EXPECT_EQ(-EINVAL, ACT(UPDATE, 3, 5, 3));
	EXPECT_EQ(-EINVAL, ACT(UPDATE, 3, 5, 1ULL << 32));
	EXPECT_EQ(-EINVAL, ACT(UPDATE, 3, 5, -1ULL));
	EXPECT_EQ(1, ACT(LOOKUP, 3, 0, 0));
	EXPECT_EQ(4, self->job->value);
}

TEST_F_SMP(table, beyond_the_end)
{
	const bool array = variant->array;

	for (__u32 key = 0; key < HASH_MAX && !array; key++)
		ASSERT_EQ(0, ACT(UPDATE, key, key, VNP_MAP_ANY));
	EXPECT_EQ(0, ACT(LOOKUP, array ? ARRAY_MAX : HASH_MAX, 0, 0));
	EXPECT_EQ(0, ACT(LOOKUP, UINT32_MAX, 0, 0));
	EXPECT_EQ(array ? -ENOENT : -ENOSPC, ACT(UPDATE, HASH_MAX, 0, VNP_MAP_ANY));
	EXPECT_EQ(array ? -ENOENT : -ENOSPC, ACT(UPDATE, UINT32_MAX, 0, VNP_MAP_ANY));
}

TEST_F_SMP(table, delete)
{
	ASSERT_EQ(0, ACT(UPDATE, 3, 33, VNP_MAP_ANY));
	EXPECT_EQ(variant->array ? -EINVAL : 0, ACT(DELETE, 3, 0, 0));
	EXPECT_EQ(variant->array ? -EINVAL : -ENOENT, ACT(DELETE, 3, 0, 0));
	EXPECT_EQ(variant->array ? 1 : 0, ACT(LOOKUP, 3, 0, 0));
}

/* A value that was looked up does not change when its entry is deleted. */
TEST_F_SMP(table, deleted)
{
	if (variant->array)
		return;
	for (__u64 n = 1; n < 200; n++) {
		ASSERT_EQ(0, ACT(UPDATE, 3, n, VNP_MAP_ANY));
		ASSERT_EQ(0, ACT(LOOKUP_STALE, 3, ~n, 0));
		ASSERT_EQ(n, self->job->value);
	}
}

/* User space reads what the program wrote; in a per-CPU map only for its CPU. */
TEST_F_SMP(table, is_what_user_space_sees)
{
	const int cpus = strcmp(variant->map, "percpu") ? 1 : cpu_count();
	__u64 values[64] = { 0 };
	__u32 key = 5;

	ASSERT_GE(64, cpus);
	ASSERT_EQ(0, ACT(UPDATE, key, 55, VNP_MAP_ANY));
	ASSERT_EQ(0, vnp_map_lookup(self->map, &key, values));
	for (int cpu = 0; cpu < cpus; cpu++)
		EXPECT_EQ(cpus == 1 || cpu == 1 ? 55 : 0, values[cpu]);

	for (int cpu = 0; cpu < cpus; cpu++)
		values[cpu] = 100 + cpu;
	ASSERT_EQ(0, vnp_map_update(self->map, &key, values, VNP_MAP_ANY));
	EXPECT_EQ(1, ACT(LOOKUP, key, 0, 0));
	EXPECT_EQ(cpus == 1 ? 100 : 101, self->job->value);
}

/* Freezing affects user space only; the program can still write. */
TEST_F_SMP(table, frozen)
{
	struct vnp_map_freeze freeze = { .size = sizeof(freeze) };

	ASSERT_EQ(0, do_ioctl(vnp_map_fd(self->map), VNP_MAP_FREEZE, &freeze));
	EXPECT_EQ(0, ACT(UPDATE, 3, 33, VNP_MAP_ANY));
	EXPECT_EQ(1, ACT(LOOKUP, 3, 0, 0));
	EXPECT_EQ(33, self->job->value);
}

FIXTURE(traffic) {
	struct vnp_object *obj;
	struct tally *tally;
	struct flow flow;
	int link;
};

FIXTURE_SETUP(traffic)
{
	ASSERT_EQ(0, object_load("tables", &self->obj));
	self->tally = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->tally);
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
}

FIXTURE_TEARDOWN(traffic)
{
	vnp_object_close(self->obj);
	flow_close(&self->flow);
	close(self->link);
}

struct sender {
	pthread_t thread;
	int cpu;
	struct flow flow;
	__u32 first;		/* key of the first datagram */
	__u32 cnt;
	long failed;
};

/* send_keys() - a thread on a CPU of its own, sending ascending keys */
static void *send_keys(void *arg)
{
	struct sender *s = arg;

	s->failed += pin(s->cpu) < 0;
	for (__u32 i = 0; i < s->cnt; i++) {
		__u32 key = s->first + i;

		if (flow_send(&s->flow, &key, sizeof(key)) != sizeof(key))
			s->failed++;
	}
	return NULL;
}

/* start_senders() - one on each of two CPUs */
static int start_senders(struct sender s[2], const struct flow *flow, __u32 cnt)
{
	for (int i = 0; i < 2; i++) {
		s[i] = (struct sender) {
			.cpu = i,
			.flow = *flow,
			.first = i * cnt,
			.cnt = cnt,
		};
		s[i].flow.tx = udp_socket("127.0.0.1", 0);
		if (s[i].flow.tx < 0 ||
		    pthread_create(&s[i].thread, NULL, send_keys, &s[i]))
			return -1;
	}
	return 0;
}

static long join_senders(struct sender s[2])
{
	for (int i = 0; i < 2; i++) {
		pthread_join(s[i].thread, NULL);
		close(s[i].flow.tx);
	}
	return s[0].failed + s[1].failed;
}

/* Two CPUs count in a per-CPU array, and with an atomic: no update is missed. */
TEST_F_SMP(traffic, counts_are_exact)
{
	const __u32 cnt = 2000, key = 0;
	__u64 values[64], sum = 0;
	struct vnp_link_info info;
	struct sender s[2];

	self->link = object_link(self->obj, "count", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, start_senders(s, &self->flow, cnt));
	ASSERT_EQ(0, join_senders(s));
	ASSERT_EQ(0, link_settle(self->link, 2 * cnt, &info));
	EXPECT_EQ(2 * cnt, info.packets);
	EXPECT_EQ(2 * cnt, info.verdicts[VNP_DROP]);
	EXPECT_EQ(2 * cnt * sizeof(__u32), info.bytes);
	EXPECT_EQ(2 * cnt, self->tally->shared);
	ASSERT_EQ(0, vnp_map_lookup(vnp_object_find_map(self->obj, "percpu"),
				    &key, values));
	for (int cpu = 0; cpu < cpu_count(); cpu++)
		sum += values[cpu];
	EXPECT_EQ(2 * cnt, sum);
	EXPECT_LT(0, values[0]);
	EXPECT_LT(0, values[1]);
}

/* Programs on two CPUs and user space fill one map: exactly max_entries succeed. */
TEST_F_SMP(traffic, limit_is_exact)
{
	struct vnp_map *map = vnp_object_find_map(self->obj, "hash");
	const __u32 cnt = 200;
	struct vnp_link_info link;
	struct vnp_map_info info = { .size = sizeof(info) };
	struct sender s[2];
	__u64 mine = 0, value = 2;

	self->link = object_link(self->obj, "insert", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, start_senders(s, &self->flow, cnt));
	for (__u32 key = 10000; key < 10000 + cnt; key++)
		mine += !vnp_map_update(map, &key, &value, VNP_MAP_NOEXIST);
	ASSERT_EQ(0, join_senders(s));
	ASSERT_EQ(0, link_settle(self->link, 2 * cnt, &link));
	EXPECT_EQ(HASH_MAX, mine + self->tally->shared);
	ASSERT_EQ(0, vnp_map_get_info(map, &info));
	EXPECT_EQ(HASH_MAX, info.entries);
}

static atomic_bool stop;

/* replace_wholes() - a thread that replaces values that the programs read */
static void *replace_wholes(void *arg)
{
	const struct vnp_map *map = arg;
	struct record record;

	for (__u64 n = 0; !stop; n++) {
		__u32 key = n & 3;

		for (int i = 0; i < WORDS; i++)
			record.word[i] = n;
		vnp_map_update(map, &key, &record, VNP_MAP_ANY);
		if (!(n & 15))
			vnp_map_delete(map, &key);
	}
	return NULL;
}

/* A program never sees a torn value written by user space. */
TEST_F_SMP(traffic, values_are_whole)
{
	struct vnp_map *map = vnp_object_find_map(self->obj, "records");
	const __u32 cnt = 1500;
	struct vnp_link_info info;
	struct sender s[2];
	pthread_t thread;

	self->link = object_link(self->obj, "check_record", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, pthread_create(&thread, NULL, replace_wholes, map));
	ASSERT_EQ(0, start_senders(s, &self->flow, cnt));
	ASSERT_EQ(0, join_senders(s));
	ASSERT_EQ(0, link_settle(self->link, 2 * cnt, &info));
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, link_faults(&info));
	EXPECT_LT(0, self->tally->seen);
	EXPECT_EQ(0, self->tally->torn);
}

/* Programs and user space delete and insert the same keys; no element leaks. */
TEST_F_SMP(traffic, churn)
{
	struct vnp_map *map = vnp_object_find_map(self->obj, "hash");
	struct vnp_map_info info = { .size = sizeof(info) };
	const __u32 cnt = 1500;
	struct vnp_link_info link;
	struct sender s[2];
	__u32 key, next;
	__u64 deleted = 0;
	int err;

	self->link = object_link(self->obj, "insert", self->flow.rx, 0);
	ASSERT_OK(self->link);
	ASSERT_EQ(0, start_senders(s, &self->flow, cnt));
	for (int i = 0; i < 3000; i++) {
		if (!vnp_map_next_key(map, NULL, &key))
			deleted += !vnp_map_delete(map, &key);
	}
	ASSERT_EQ(0, join_senders(s));
	ASSERT_EQ(0, link_settle(self->link, 2 * cnt, &link));
	ASSERT_EQ(0, vnp_map_get_info(map, &info));
	EXPECT_EQ(self->tally->shared, deleted + info.entries);

	while (!(err = vnp_map_next_key(map, NULL, &next)))
		ASSERT_EQ(0, vnp_map_delete(map, &next));
	EXPECT_EQ(-ENOENT, err);
	ASSERT_EQ(0, vnp_map_get_info(map, &info));
	EXPECT_EQ(0, info.entries);
}

FIXTURE(globals) {
	struct vnp_object *obj;
	struct vnp_prog_run r;
};

FIXTURE_SETUP(globals)
{
	ASSERT_EQ(0, object_open("globals", &self->obj));
	ASSERT_EQ(0, vnp_program_set_autoload(
			     vnp_object_find_program(self->obj, "writes_constant"),
			     false));
}

FIXTURE_TEARDOWN(globals)
{
	vnp_object_close(self->obj);
}

static int run_prog(struct vnp_object *obj, const char *name, struct vnp_prog_run *r)
{
	__u8 in = 0;

	return prog_run(object_prog(obj, name), &in, 1, r);
}

TEST_F(globals, begin_as_written)
{
	struct readings *read;

	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	read = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, read);
	ASSERT_EQ(0, run_prog(self->obj, "reads", &self->r));
	EXPECT_EQ(1, read->runs);
	EXPECT_EQ(42, read->number);
	EXPECT_MEM("letters", read->letters, 8);
	EXPECT_EQ(0x123456789abcdef0, read->constant);
	EXPECT_EQ(4321, read->table_sum);
	EXPECT_MEM("inside\0", read->word, 8);
}

TEST_F(globals, live_between_runs)
{
	struct readings *read;

	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	read = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, read);
	ASSERT_EQ(0, run_prog(self->obj, "writes", &self->r));
	EXPECT_EQ(VNP_PASS, self->r.retval);
	ASSERT_EQ(0, run_prog(self->obj, "writes", &self->r));
	EXPECT_EQ(VNP_DROP, self->r.retval);
	ASSERT_EQ(0, run_prog(self->obj, "reads", &self->r));
	EXPECT_EQ(44, read->number);
	EXPECT_MEM("Letters", read->letters, 8);
}

/* User space sets constants before loading, and variables at any time. */
TEST_F(globals, set_by_user_space)
{
	struct vnp_map *rodata = vnp_object_find_map(self->obj, ".rodata");
	struct readings *read;
	size_t len;
	__u8 *bytes;
	const __u64 old = 0x123456789abcdef0, new = 99;

	ASSERT_NE(NULL, rodata);
	bytes = vnp_map_initial_value(rodata, &len);
	ASSERT_NE(NULL, bytes);
	bytes = memmem(bytes, len, &old, sizeof(old));
	ASSERT_NE(NULL, bytes);
	memcpy(bytes, &new, sizeof(new));
	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	read = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, read);
	ASSERT_EQ(0, run_prog(self->obj, "reads", &self->r));
	EXPECT_EQ(99, read->constant);
	read->runs = 1000;
	ASSERT_EQ(0, run_prog(self->obj, "reads", &self->r));
	EXPECT_EQ(1001, read->runs);
}

/* Constants cannot be written after loading. */
TEST_F(globals, constants_stay)
{
	struct vnp_map *rodata = vnp_object_find_map(self->obj, ".rodata");
	struct vnp_map_info info = { .size = sizeof(info) };
	__u8 value[4096] = { 0 };
	__u32 key = 0;

	ASSERT_EQ(0, vnp_object_load(self->obj, NULL));
	ASSERT_EQ(0, vnp_map_get_info(rodata, &info));
	EXPECT_EQ(1, info.frozen);
	EXPECT_TRUE(info.flags & VNP_MAP_F_RDONLY_PROG);
	ASSERT_GE(sizeof(value), info.value_size);
	EXPECT_EQ(-EPERM, vnp_map_update(rodata, &key, value, VNP_MAP_ANY));
	EXPECT_EQ(NULL, object_globals(self->obj, ".rodata"));
}

TEST_F(globals, writing_a_constant_is_refused)
{
	struct vnp_program *prog;

	prog = vnp_object_find_program(self->obj, "writes_constant");
	ASSERT_EQ(0, vnp_program_set_autoload(prog, true));
	EXPECT_EQ(-EACCES, vnp_object_load(self->obj, NULL));
	EXPECT_NE(NULL, strstr(vnp_program_log(prog), "globals.bpf.c"));
}

TEST_HARNESS_MAIN
