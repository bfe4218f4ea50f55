// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Every operation on every operand of a table (operation.h): both interpreters have the
 * expected results, with code lowered trusted and hardened.  kmod/operation_test.c does
 * the same with native code.
 */
#include <stdio.h>
#include <string.h>

#include "operation.h"
#include "userlib/user_map.h"
#include "userlib/user_exec.h"
#include "vm/interp/interp.h"
#include "vm/report/log.h"
#include "vm/lower/lower.h"
#include "vm_util.h"

/* A program with its map */
struct subject {
	struct vnp_user_map *map;
	struct vnp_map_desc desc;
	struct op_memory *memory;
	struct vnp_log log;
	struct vnp_code *code;
};

static void subject_make(struct subject *s, const struct op *ops, __u32 cnt,
			 const struct op_input *known, bool harden)
{
	static const struct vnp_map_create map = {
		.size = sizeof(map), .type = VNP_MAP_ARRAY, .key_size = 4,
		.value_size = sizeof(struct op_memory), .max_entries = 1,
	};
	static struct bpf_insn insns[OP_INSNS_MAX];
	struct vnp_code_attr attr = {
		.type = VNP_PROG_DATAGRAM, .harden = harden, .insns = insns,
		.insn_cnt = op_program(ops, cnt, known, 0, insns),
		.maps = &s->desc, .map_cnt = 1, .log = &s->log,
	};

	memset(s, 0, sizeof(*s));
	s->log.buf = vm_log;
	s->log.size = sizeof(vm_log);
	s->log.level = VNP_LOG_NORMAL;
	assert_int_equal(vnp_user_map_create(&map, &s->map), 0);
	vnp_user_map_desc(s->map, &s->desc);
	s->memory = s->desc.value;
	if (vnp_code_create(&attr, &s->code) || vnp_code_check(s->code) ||
	    vnp_lower(s->code))
		fail_msg("%s", vm_log);
}

static void subject_free(struct subject *s)
{
	vnp_code_destroy(s->code);
	vnp_user_map_free(s->map);
}

static void subject_run(struct subject *s, const struct op *ops, __u32 cnt,
			const struct op_input *in, bool lowered)
{
	struct vnp_run_opts opts = { .sz = sizeof(opts), .data_in = "" };
	struct vnp_printer print = {};
	struct vnp_user_exec user = {};
	__u32 i;

	s->memory->in = *in;
	assert_int_equal(vnp_user_exec_init(&user, VNP_PROG_DATAGRAM, &opts, &print), 0);
	if (lowered ? vnp_interp_exec_lowered(s->code, &user.exec) :
		      vnp_interp_exec(s->code, &user.exec))
		fail_msg("%s", vm_log);
	assert_int_equal(user.exec.fault, 0);
	vnp_user_exec_destroy(&user);
	for (i = 0; i < cnt; i++) {
		const struct op_output *seen = &s->memory->out[i];
		struct op_output expected = op_expect(&ops[i], in);
		const struct bpf_insn *insn = &ops[i].insn;

		if (memcmp(&expected, seen, sizeof(expected)))
			fail_msg("code 0x%02x dst %u src %u off %d imm %d on 0x%llx, 0x%llx, 0x%llx: 0x%llx, 0x%llx, 0x%llx, not 0x%llx, 0x%llx, 0x%llx",
				 insn->code, insn->dst_reg, insn->src_reg, insn->off,
				 insn->imm, in->dst, in->src, in->r0, seen->dst, seen->src,
				 seen->r0, expected.dst, expected.src, expected.r0);
	}
}

/* Operands come from memory */
static void operands_are_unknown(void **state)
{
	__u32 cnt, at, n, harden, step;
	const struct op *ops = op_table(&cnt);
	struct op_input in;
	struct subject s;

	(void)state;
	for (at = 0; at < cnt; at += step) {
		step = cnt - at < OPS_MAX ? cnt - at : OPS_MAX;
		for (harden = 0; harden < 2; harden++) {
			subject_make(&s, ops + at, step, NULL, harden);
			for (n = 0; op_input(n, &in); n++) {
				if (!harden)
					subject_run(&s, ops + at, step, &in, false);
				subject_run(&s, ops + at, step, &in, true);
			}
			subject_free(&s);
		}
	}
	printf("# %u operations on %u inputs\n", cnt, n);
}

/* The verifier knows the operands, and may compute the result */
static void operands_are_known(void **state)
{
	struct op some[OPS_MAX];
	__u32 at = 0, n, harden, step;
	struct op_input in;
	struct subject s;

	(void)state;
	while ((step = op_firsts(&at, some))) {
		for (n = 0; op_input(n, &in); n++) {
			for (harden = 0; harden < 2; harden++) {
				subject_make(&s, some, step, &in, harden);
				subject_run(&s, some, step, &in, false);
				subject_run(&s, some, step, &in, true);
				subject_free(&s);
			}
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(operands_are_unknown),
		cmocka_unit_test(operands_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
