// SPDX-License-Identifier: GPL-2.0
/* The helpers for checksums, times and random numbers. */
#include <arpa/inet.h>
#include <time.h>
#include "harness.h"
#include "object.h"
#include "../progs/helpers.h"

FIXTURE(csum) {
	struct vnp_object *obj;
	struct sums *sums;
};

FIXTURE_SETUP(csum)
{
	ASSERT_EQ(0, object_load("helpers", &self->obj));
	self->sums = object_globals(self->obj, ".bss");
	ASSERT_NE(NULL, self->sums);
}

FIXTURE_TEARDOWN(csum)
{
	vnp_object_close(self->obj);
}

static __s64 diff(struct vnp_object *obj, struct sums *sums, const char *prog)
{
	struct vnp_prog_run r = { 0 };
	__u8 in = 0;

	sums->ret = -EPROTO;
	if (prog_run(object_prog(obj, prog), &in, 1, &r) || r.fault)
		return -EPROTO;
	return sums->ret;
}

#define DIFF(prog)	diff(self->obj, self->sums, prog)

static __u16 fold(__u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* checksum() - RFC 1071, over words as they are in memory, not inverted */
static __u16 checksum(const __u8 *data, size_t len)
{
	__u64 sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += *(const __u16 *)(data + i);
	return fold(sum);
}

/* Equal as checksums: 0 and 0xffff are the same. */
static bool same_sum(__u16 a, __u16 b)
{
	return a % 0xffff == b % 0xffff;
}

/* Replace bytes of a message and update the sum. */
TEST_F(csum, follows_a_change)
{
	static const __u32 lens[] = { 4, 8, 12, 20, 64, 256, 508, 512 };
	__u8 message[CSUM_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		for (int round = 0; round < 20; round++) {
			const __u32 len = lens[i];

			fill_random(message, len, round);
			self->sums->from_len = self->sums->to_len = len;
			memcpy(self->sums->from, message, len);
			fill_random(self->sums->to, len, round + 1000);
			self->sums->seed = checksum(message, len);
			ASSERT_LE(0, DIFF("diff"));
			ASSERT_TRUE(same_sum(checksum(self->sums->to, len),
					     fold(self->sums->ret)));
		}
	}
}

TEST_F(csum, from_nothing_and_to_nothing)
{
	self->sums->from_len = self->sums->to_len = 64;
	fill_random(self->sums->from, 64, 1);
	fill_random(self->sums->to, 64, 2);
	self->sums->seed = 0;
	ASSERT_LE(0, DIFF("diff_from_nothing"));
	EXPECT_TRUE(same_sum(checksum(self->sums->to, 64), fold(self->sums->ret)));
	self->sums->seed = checksum(self->sums->from, 64);
	ASSERT_LE(0, DIFF("diff_to_nothing"));
	EXPECT_TRUE(same_sum(0, fold(self->sums->ret)));
}

TEST_F(csum, carries)
{
	memset(self->sums->to, 0xff, CSUM_MAX);
	memset(self->sums->from, 0, CSUM_MAX);
	self->sums->from_len = self->sums->to_len = CSUM_MAX;
	self->sums->seed = UINT32_MAX;
	ASSERT_LE(0, DIFF("diff"));
	EXPECT_GE(UINT32_MAX, self->sums->ret);
	EXPECT_TRUE(same_sum(0, fold(self->sums->ret)));
}

TEST_F(csum, lengths)
{
	for (__u32 len = 0; len <= 20; len++) {
		self->sums->from_len = len;
		self->sums->to_len = 0;
		EXPECT_EQ(len % 4 ? -EINVAL : 0, DIFF("diff") < 0 ? -EINVAL : 0);
		self->sums->from_len = 0;
		self->sums->to_len = len;
		EXPECT_EQ(len % 4 ? -EINVAL : 0, DIFF("diff") < 0 ? -EINVAL : 0);
	}
	self->sums->seed = 1234;
	self->sums->from_len = self->sums->to_len = 0;
	EXPECT_EQ(1234, DIFF("diff"));
}

FIXTURE(ask) {
	struct vnp_object *obj;
	struct numbers *numbers;
};

FIXTURE_SETUP(ask)
{
	ASSERT_EQ(0, object_load("helpers", &self->obj));
	self->numbers = object_globals(self->obj, ".data");
	ASSERT_NE(NULL, self->numbers);
}

FIXTURE_TEARDOWN(ask)
{
	vnp_object_close(self->obj);
}

TEST_F(ask, time)
{
	struct vnp_prog_run r = { 0 };
	__u64 before, after;
	__u8 in = 0;

	before = clock_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(0, prog_run(object_prog(self->obj, "ask"), &in, 1, &r));
	after = clock_ns(CLOCK_MONOTONIC);
	EXPECT_LE(before, self->numbers->time[0]);
	EXPECT_LE(self->numbers->time[0], self->numbers->time[1]);
	EXPECT_LE(self->numbers->time[1], after);
}

/* Not a test of randomness; but no number repeats, and every bit is used. */
TEST_F(ask, random)
{
	struct vnp_prog_run r = { 0 };
	__u32 *n = self->numbers->random, ones = 0, zeroes = 0;
	__u8 in = 0;
	int same = 0;

	ASSERT_EQ(0, prog_run(object_prog(self->obj, "ask"), &in, 1, &r));
	for (int i = 0; i < 64; i++) {
		ones |= n[i];
		zeroes |= ~n[i];
		for (int j = 0; j < i; j++)
			same += n[i] == n[j];
	}
	EXPECT_EQ(UINT32_MAX, ones);
	EXPECT_EQ(UINT32_MAX, zeroes);
	EXPECT_GE(1, same);
}

TEST_HARNESS_MAIN
