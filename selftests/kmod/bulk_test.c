// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs, and mutated ones, executed by the kernel as native code: hardened as
 * an ordinary user, trusted as root.  Return value, fault, payload and maps must be the
 * same as in the reference interpreter, and the same programs must be refused.
 * BULK_SEED=N in the environment selects others.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "../fuzz/kernel_vm.h"
#include "../unit/random_program.h"
#include "harness.h"

/*
 * Their number; fewer on a kernel with all checkers enabled.  "make fuzz-native" tries
 * more.
 */
#define PROGRAMS_MIN	200
#define PROGRAMS_MAX	3000
#define SECONDS		15

#define PAYLOAD_MAX	100
#define BUDGET		3000

FIXTURE(bulk) {
	int dev;
	__u8 payload[PAYLOAD_MAX];
	__u32 payload_len;
	__u32 direct;
};

FIXTURE_SETUP(bulk)
{
	pin(0);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	/* failures in vm_util.c end this test */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	vm_budget = BUDGET;
}

FIXTURE_TEARDOWN(bulk)
{
	close(self->dev);
}

/* The program of a seed and its payload; 0 if this test cannot use it */
static __u32 program_make(FIXTURE_DATA(bulk) *self, __u64 seed, struct bpf_insn *insns)
{
	__u32 cnt = random_program(seed, insns), mutations = seed % 4 ? 0 : 1 + seed / 4 % 3;
	__u64 random = seed * 2 + 1;

	while (mutations--)
		random_mutate(insns, cnt, &random);
	self->payload_len = random_next(&random) % PAYLOAD_MAX;
	self->direct = seed % 3 ? 0 : self->payload_len / 2;
	fill_random(self->payload, PAYLOAD_MAX, seed);
	return is_nondeterministic(insns, cnt) ? 0 : cnt;
}

struct tally {
	int run;
	int refused;
	int faults;
};

/* Kernel and interpreter have the same results */
static void compare(struct __test_metadata *_metadata, FIXTURE_DATA(bulk) *self,
		    struct vm *vm, const struct kernel_vm *kernel, struct tally *tally)
{
	__u8 payload[PAYLOAD_MAX], out[PAYLOAD_MAX];
	struct vm_values expected, seen;
	struct vm_result result, native;

	memcpy(payload, self->payload, sizeof(payload));
	memcpy(out, self->payload, sizeof(out));
	result = vm_interpret(vm, payload, self->payload_len);
	ASSERT_EQ(0, kernel_vm_run(kernel, out, self->payload_len, &native));
	ASSERT_EQ(result.fault, native.fault) {
		TH_LOG("program %llu: instructions %u and %u", vm_name, result.insn,
		       native.insn);
	}
	ASSERT_EQ(result.fault ? result.insn : 0, native.insn) {
		TH_LOG("program %llu", vm_name);
	}
	ASSERT_EQ(result.fault ? 0 : result.retval, native.retval) {
		TH_LOG("program %llu", vm_name);
	}
	ASSERT_EQ(result.len, native.len) {
		TH_LOG("program %llu", vm_name);
	}
	ASSERT_MEM(payload, out, self->payload_len) {
		TH_LOG("program %llu", vm_name);
	}
	vm_read_maps(vm, &expected);
	kernel_vm_values(kernel, &seen);
	ASSERT_MEM(&expected, &seen, sizeof(expected)) {
		TH_LOG("program %llu", vm_name);
	}
	tally->run++;
	tally->faults += result.fault != 0;
}

/* A program in the kernel and in the interpreter */
static void try(struct __test_metadata *_metadata, FIXTURE_DATA(bulk) *self,
		const struct bpf_insn *insns, __u32 cnt, struct tally *tally)
{
	struct vm *vm = vm_open(insns, cnt);
	struct kernel_vm kernel;
	int err;

	vm_direct = self->direct;
	err = kernel_vm_open(&kernel, self->dev, insns, cnt, 0);
	if (!vm) {
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
	compare(_metadata, self, vm, &kernel, tally);
	kernel_vm_close(&kernel);
	vm_close(vm);
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
		try(_metadata, self, insns, cnt, &tally);
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
