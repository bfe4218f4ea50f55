// SPDX-License-Identifier: GPL-2.0
/*
 * Programs by chance, and such with instructions changed, which the
 * kernel runs as native code: hardened as an ordinary user, trusted as root.  What they
 * return, where they fault, and what they leave in the payload and in maps must be what
 * the reference interpreter makes of them; and what is refused here is refused there.
 * BULK_SEED=N in the environment for others.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "../unit/random_program.h"
#include "../unit/vm_util.h"
#include "harness.h"

/* So many, and from there on as many as a kernel with all its checkers on can */
#define PROGRAMS_MIN	200
#define PROGRAMS_MAX	3000
#define SECONDS		30

#define PAYLOAD_MAX	100
#define BUDGET		3000

FIXTURE(bulk) {
	int dev;
	int maps[MAP_CNT];
	struct vm_values values;
	__u8 payload[PAYLOAD_MAX];
	__u32 payload_len;
	__u32 direct;
};

FIXTURE_SETUP(bulk)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	/* what vm_util.c finds wrong ends this test */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	vm_budget = BUDGET;
}

FIXTURE_TEARDOWN(bulk)
{
	close(self->dev);
}

/* Those of each program are new */
static int maps_make(FIXTURE_DATA(bulk) *self)
{
	for (int i = 0; i < MAP_CNT; i++) {
		struct vnp_map_create attr = vm_maps[i];

		self->maps[i] = do_ioctl(self->dev, VNP_MAP_CREATE, &attr);
		if (self->maps[i] < 0)
			return self->maps[i];
	}
	return 0;
}

static void maps_close(const FIXTURE_DATA(bulk) *self)
{
	for (int i = 0; i < MAP_CNT; i++)
		close(self->maps[i]);
}

static void maps_read(FIXTURE_DATA(bulk) *self)
{
	memset(&self->values, 0, sizeof(self->values));
	for (int i = 0; i < MAP_CNT; i++) {
		struct map map = {
			.fd = self->maps[i],
			.key_size = vm_maps[i].key_size,
			.value_len = vm_maps[i].value_size,
		};
		__u32 keys = vm_maps[i].type == VNP_MAP_ARRAY ?
			     vm_maps[i].max_entries : MAP_KEYS;

		for (__u32 key = 0; key < keys; key++)
			self->values.there[i][key] =
				!map_lookup(&map, &key, self->values.value[i][key]);
	}
}

/* Load the program and run it once: 0 or what was refused */
static int kernel_run(FIXTURE_DATA(bulk) *self, const struct bpf_insn *insns, __u32 cnt,
		      struct vnp_prog_run *run, __u8 *out)
{
	struct vnp_prog_load attr = prog_attr(insns, cnt);
	int prog, err;

	attr.map_fds = (uintptr_t)self->maps;
	attr.map_cnt = MAP_CNT;
	attr.budget = BUDGET;
	prog = do_ioctl(self->dev, VNP_PROG_LOAD, &attr);
	if (prog < 0)
		return prog;
	*run = (struct vnp_prog_run){
		.data_out = (uintptr_t)out,
		.data_out_len = PAYLOAD_MAX,
		.direct_len = self->direct,
	};
	err = prog_run(prog, self->payload, self->payload_len, run);
	close(prog);
	maps_read(self);
	return err < 0 ? err : 0;
}

/* Does it call a helper whose answer is another one each time, or is for others to read */
static bool is_fickle(const struct bpf_insn *insns, __u32 cnt)
{
	for (__u32 i = 0; i < cnt; i++) {
		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg)
			continue;
		switch (insns[i].imm) {
		case VNP_HELPER_time_ns:
		case VNP_HELPER_random_u32:
		case VNP_HELPER_log:
			return true;
		}
	}
	return false;
}

/* The program of a seed and what it is run on; 0 if this test cannot use it */
static __u32 program_make(FIXTURE_DATA(bulk) *self, __u64 seed, struct bpf_insn *insns)
{
	__u32 cnt = random_program(seed, insns), mutations = seed % 4 ? 0 : 1 + seed / 4 % 3;
	__u64 random = seed * 2 + 1;

	while (mutations--)
		random_mutate(insns, cnt, &random);
	self->payload_len = random_next(&random) % PAYLOAD_MAX;
	self->direct = seed % 3 ? 0 : self->payload_len / 2;
	fill_random(self->payload, PAYLOAD_MAX, seed);
	return is_fickle(insns, cnt) ? 0 : cnt;
}

struct tally {
	int run;
	int refused;
	int faults;
};

/* A program in both worlds */
static void compare(struct __test_metadata *_metadata, FIXTURE_DATA(bulk) *self,
		    const struct bpf_insn *insns, __u32 cnt, struct tally *tally)
{
	__u8 payload[PAYLOAD_MAX], out[PAYLOAD_MAX];
	struct vm_values values;
	struct vm_result result;
	struct vnp_prog_run run;
	int err;

	memcpy(payload, self->payload, sizeof(payload));
	vm_direct = self->direct;
	err = kernel_run(self, insns, cnt, &run, out);
	if (!vm_reference(insns, cnt, payload, self->payload_len, &result, &values)) {
		ASSERT_TRUE(err == -EACCES || err == -E2BIG) {
			TH_LOG("program %llu: %d, but the verifier says: %s", vm_name, err,
			       vm_log);
		}
		tally->refused++;
		return;
	}
	ASSERT_EQ(0, err) {
		TH_LOG("program %llu is refused by the kernel alone", vm_name);
	}
	ASSERT_EQ(result.fault, run.fault) {
		TH_LOG("program %llu: instructions %u and %u", vm_name, result.insn,
		       run.fault_insn);
	}
	ASSERT_EQ(result.fault ? result.insn : 0, run.fault_insn) {
		TH_LOG("program %llu", vm_name);
	}
	ASSERT_EQ(result.fault ? 0 : result.retval, run.retval) {
		TH_LOG("program %llu", vm_name);
	}
	ASSERT_EQ(self->payload_len, run.data_out_len);
	ASSERT_MEM(payload, out, self->payload_len) {
		TH_LOG("program %llu", vm_name);
	}
	ASSERT_MEM(&values, &self->values, sizeof(values)) {
		TH_LOG("program %llu", vm_name);
	}
	tally->run++;
	tally->faults += result.fault != 0;
}

static __u64 first_seed(void)
{
	const char *text = getenv("BULK_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

static bool goes_on(int programs, time_t start)
{
	return programs < PROGRAMS_MIN ||
	       (programs < PROGRAMS_MAX && time(NULL) < start + SECONDS);
}

TEST_F(bulk, random_programs)
{
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	time_t start = time(NULL);
	struct tally tally = {};
	__u32 cnt;
	int n;

	for (__u64 seed = first_seed(); goes_on(tally.run + tally.refused, start); seed++) {
		vm_name = seed;
		cnt = program_make(self, seed, insns);
		if (!cnt)
			continue;
		ASSERT_EQ(0, maps_make(self));
		compare(_metadata, self, insns, cnt, &tally);
		maps_close(self);
	}
	TH_LOG("%d programs run, %d of which fault; %d refused", tally.run, tally.faults,
	       tally.refused);
	n = tally.run + tally.refused;
	EXPECT_LE(n / 2, tally.run);
	EXPECT_LE(n / 10, tally.faults);
	EXPECT_LE(n / 10, tally.run - tally.faults);
	EXPECT_LE(n / 20, tally.refused);
}

TEST_HARNESS_MAIN
