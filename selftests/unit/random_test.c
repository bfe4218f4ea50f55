// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Random programs on random payloads: for accepted programs, the reference interpreter must
 * confirm what the verifier has proven, and lowered code must do the same. In the
 * environment, RANDOM_PROGRAMS=N and RANDOM_SEED=N set the number of programs and the first
 * seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_program.h"
#include "vm_util.h"

static __u64 from_env(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Bytes of a payload */
#define DATAGRAM_MAX	256
#define MESSAGE_MAX	200000

struct tally {
	__u32 programs;
	__u32 accepted;
	__u32 runs;
	__u32 faults;
};

/* A quarter of the payloads of messages have up to MESSAGE_MAX bytes, more than any datagram. */
static __u32 random_len(__u64 *random)
{
	return random_next(random) % (vm_type == VNP_PROG_MESSAGE && random_next(random) % 4 == 0 ?
				      MESSAGE_MAX : DATAGRAM_MAX);
}

/* Execute it on a few payloads */
static void run_some(const struct bpf_insn *insns, __u32 cnt, __u64 seed,
		     struct tally *tally)
{
	static __u8 payload[MESSAGE_MAX];
	__u64 random = seed * 31 + 7;
	struct vm_set *set;
	__u32 run;

	vm_type = seed % 4 ? VNP_PROG_DATAGRAM : VNP_PROG_MESSAGE;
	vm_name = seed;
	tally->programs++;
	set = vm_set_open(insns, cnt);
	if (!set)
		return;
	tally->accepted++;
	for (run = 0; run < 3; run++) {
		__u32 len = random_len(&random);

		random_payload(payload, len, &random);
		tally->runs++;
		tally->faults += !!vm_set_run(set, payload, len).fault;
	}
	vm_set_close(set);
}

static void check_tally(const struct tally *tally, __u32 share)
{
	printf("# %u of %u accepted, %u of %u executions ended with a fault\n",
	       tally->accepted, tally->programs, tally->faults, tally->runs);
	/* otherwise the generated programs test nothing */
	assert_true(tally->accepted > tally->programs / share);
	assert_true(tally->faults < tally->runs / 10 * 9);
}

static __u32 mutated_program(__u64 seed, struct bpf_insn *insns)
{
	__u32 cnt = random_program(seed, insns), n;
	__u64 random = seed * 77 + 5;

	for (n = 1 + random_next(&random) % 4; n; n--)
		random_mutate(insns, cnt, &random);
	return cnt;
}

/* At least one in @share programs must be accepted */
static void run_programs(__u32 (*make)(__u64 seed, struct bpf_insn *insns), __u32 share)
{
	__u64 programs = from_env("RANDOM_PROGRAMS", 1500);
	__u64 first = from_env("RANDOM_SEED", 1), seed;
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	struct tally tally = {};

	vm_budget = 20000;
	for (seed = first; seed < first + programs; seed++)
		run_some(insns, make(seed, insns), seed, &tally);
	vm_budget = 0;
	check_tally(&tally, share);
}

static void random_programs_run_alike(void **state)
{
	(void)state;
	run_programs(random_program, 2);
}

static void wide_programs_run_alike(void **state)
{
	(void)state;
	run_programs(random_wide_program, 2);
}

static void mutated_programs_run_alike(void **state)
{
	(void)state;
	run_programs(mutated_program, 8);
}

/* Seeds whose programs were once refused by the checker, or had different results */
static void past_failures(void **state)
{
	static const __u64 seeds[] = {
		3010828, /* after its mask, R1 is 1 on all paths, so the guard always faults */
		2162, /* a slot that holds a pointer on one path is unwritten on another */
	};
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	struct tally tally = {};
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		run_some(insns, random_program(seeds[i], insns), seeds[i], &tally);
	assert_int_equal(tally.accepted, tally.programs);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_run_alike),
		cmocka_unit_test(wide_programs_run_alike),
		cmocka_unit_test(mutated_programs_run_alike),
		cmocka_unit_test(past_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
