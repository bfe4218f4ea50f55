// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel executes native code with guards, the reference interpreter the original
 * program: for every program of the tests, in both instruction set versions, and for
 * every payload the results must be the same.
 */
#include "harness.h"
#include "object.h"

#define PAYLOADS	40
#define LONGEST		700

FIXTURE(oracle) {
	struct vnp_object *kernel;
	struct vnp_object *user;
};

/**
 * @file:	object file with programs
 * @not:	one of them whose result differs each time, or NULL
 * @prog_flags:	to load it with
 */
FIXTURE_VARIANT(oracle) {
	const char *file;
	const char *not;
	__u32 prog_flags;
};

#define ORACLE(name, not)						\
FIXTURE_VARIANT_ADD(oracle, name) { #name, not };			\
FIXTURE_VARIANT_ADD(oracle, name##_hardened) {				\
	#name, not, VNP_PROG_F_HARDEN,					\
};									\
FIXTURE_VARIANT_ADD(oracle, name##_v2) { #name ".v2", not };		\
FIXTURE_VARIANT_ADD(oracle, name##_v2_hardened) {			\
	#name ".v2", not, VNP_PROG_F_HARDEN,				\
}

/* By the newest of the compilers */
#define NEWEST(name)							\
FIXTURE_VARIANT_ADD(oracle, name##_newest) { #name ".newest", NULL };	\
FIXTURE_VARIANT_ADD(oracle, name##_newest_hardened) {			\
	#name ".newest", NULL, VNP_PROG_F_HARDEN,			\
}

ORACLE(compute, NULL);
NEWEST(compute);
ORACLE(calls, NULL);
NEWEST(calls);
FIXTURE_VARIANT_ADD(oracle, calls_O1) { "calls.O1", NULL };
FIXTURE_VARIANT_ADD(oracle, calls_Os) { "calls.Os", NULL };
ORACLE(faults, NULL);
ORACLE(bytes, NULL);
ORACLE(tables, NULL);
ORACLE(globals, "writes_constant");
ORACLE(two_kinds, NULL);
NEWEST(two_kinds);
ORACLE(idioms, NULL);
NEWEST(idioms);
ORACLE(helpers, "ask");
ORACLE(verdict, NULL);
ORACLE(packet, NULL);

/* The interpreter is slow: a small budget for infinite loops. */
#define BUDGET		20000

/* load() - into the kernel or into this process */
static int load(const char *file, const char *not, __u32 flags, __u32 prog_flags,
		struct vnp_object **obj)
{
	struct vnp_load_opts opts = {
		.sz = sizeof(opts),
		.flags = flags,
		.prog_flags = prog_flags,
	};
	struct vnp_program *prog = NULL;
	int err = object_open(file, obj);

	while (!err && (prog = vnp_object_next_program(*obj, prog)))
		err = vnp_program_set_budget(prog, BUDGET);
	if (!err && not)
		err = vnp_program_set_autoload(vnp_object_find_program(*obj, not),
					       false);
	return err ? err : vnp_object_load(*obj, &opts);
}

FIXTURE_SETUP(oracle)
{
	ASSERT_EQ(0, load(variant->file, variant->not, 0, variant->prog_flags,
			  &self->kernel));
	ASSERT_EQ(0, load(variant->file, variant->not, VNP_LOAD_F_USER,
			  variant->prog_flags, &self->user));
	pin(0);
}

FIXTURE_TEARDOWN(oracle)
{
	vnp_object_close(self->kernel);
	vnp_object_close(self->user);
}

/* make_payload() - of any length; small numbers, letters and noise */
static __u32 make_payload(__u8 *data, int n)
{
	static const char letters[] = "The quick brown fox 0123456789\n";
	__u32 len = n < 20 ? n : n * 2654435761U % LONGEST;

	fill_random(data, LONGEST, n);
	for (__u32 i = 0; i < len; i++) {
		if (n % 3 == 1)
			data[i] = letters[data[i] % (sizeof(letters) - 1)];
		else if (n % 3 == 2)
			data[i] %= 4;
	}
	return len;
}

/* struct answer - all results of an execution except the maps */
struct answer {
	__u8 out[LONGEST];
	struct vnp_run_opts run;
};

static int ask(struct vnp_program *prog, const __u8 *data, __u32 len, __u32 direct,
	       struct answer *a)
{
	memset(a, 0, sizeof(*a));
	a->run = (struct vnp_run_opts) {
		.sz = sizeof(a->run),
		.data_in = data,
		.data_in_len = len,
		.data_out = a->out,
		.data_out_len = LONGEST,
		.direct_len = direct,
	};
	return vnp_program_run(prog, &a->run);
}

/* maps_differ() - the name of a map with a different value, or NULL */
static const char *maps_differ(struct vnp_object *a, struct vnp_object *b)
{
	static __u8 mine[1 << 16], other[1 << 16], key[512];
	struct vnp_map *map = NULL, *twin;
	const void *prev;

	while ((map = vnp_object_next_map(a, map))) {
		twin = vnp_object_find_map(b, vnp_map_name(map));
		if (!twin || vnp_map_value_len(map) > sizeof(mine))
			return "?";
		for (prev = NULL; !vnp_map_next_key(map, prev, key); prev = key) {
			if (vnp_map_lookup(map, key, mine) ||
			    vnp_map_lookup(twin, key, other) ||
			    memcmp(mine, other, vnp_map_value_len(map)))
				return vnp_map_name(map);
		}
	}
	return NULL;
}

/* compare() - one program with one payload in the kernel and in the interpreter */
static void compare(struct __test_metadata *_metadata, struct vnp_program *prog,
		    struct vnp_program *twin, const __u8 *data, __u32 len,
		    __u32 direct)
{
	struct answer kernel, user;

	ASSERT_EQ(0, ask(prog, data, len, direct, &kernel));
	ASSERT_EQ(0, ask(twin, data, len, direct, &user));
	ASSERT_EQ(user.run.retval, kernel.run.retval) {
		TH_LOG("%s, %u bytes, %u direct", vnp_program_name(prog), len, direct);
	}
	ASSERT_EQ(user.run.fault, kernel.run.fault) {
		TH_LOG("%s, %u bytes, %u direct", vnp_program_name(prog), len, direct);
	}
	EXPECT_EQ(user.run.fault_insn, kernel.run.fault_insn);
	EXPECT_EQ(user.run.data_out_len, kernel.run.data_out_len);
	ASSERT_MEM(user.out, kernel.out, LONGEST) {
		TH_LOG("%s, %u bytes, %u direct", vnp_program_name(prog), len, direct);
	}
}

/* Consecutive executions on the same maps, payload by payload. */
TEST_F(oracle, agrees)
{
	struct vnp_program *prog = NULL, *twin;
	__u8 data[LONGEST];
	const char *map;

	while ((prog = vnp_object_next_program(self->kernel, prog))) {
		const char *name = vnp_program_name(prog);

		if (variant->not && !strcmp(name, variant->not))
			continue;
		twin = vnp_object_find_program(self->user, name);
		ASSERT_NE(NULL, twin);
		for (int n = 0; n < PAYLOADS; n++) {
			__u32 len = make_payload(data, n);

			compare(_metadata, prog, twin, data, len,
				n % 4 == 3 ? len / 2 : 0);
			map = maps_differ(self->kernel, self->user);
			ASSERT_EQ(NULL, map) {
				TH_LOG("%s: map %s, payload %d", name, map, n);
			}
		}
	}
}

/* The verifier's results are the same in the kernel and in user space. */
TEST_F(oracle, verified_alike)
{
	struct vnp_prog_info kernel, user;
	struct vnp_program *prog = NULL, *twin;

	while ((prog = vnp_object_next_program(self->kernel, prog))) {
		kernel.size = user.size = sizeof(kernel);
		if (vnp_program_get_info(prog, &kernel))
			continue;
		twin = vnp_object_find_program(self->user, vnp_program_name(prog));
		ASSERT_EQ(0, vnp_program_get_info(twin, &user));
		EXPECT_EQ(user.insn_cnt, kernel.insn_cnt);
		EXPECT_EQ(user.access_cnt, kernel.access_cnt);
		EXPECT_EQ(user.guard_cnt, kernel.guard_cnt);
		EXPECT_EQ(user.loop_cnt, kernel.loop_cnt);
		EXPECT_EQ(user.budget, kernel.budget);
	}
}

TEST_HARNESS_MAIN
