// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on every operand of a table (unit/operation.h), as native code: trusted,
 * hardened, and with constants that the kernel blinds.  unit/operation_test.c does the
 * same with the interpreters.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "../unit/operation.h"
#include "harness.h"
#include "insn.h"

#define SYSCTL_BLIND	"/proc/sys/net/core/bpf_jit_harden"

FIXTURE(operation) {
	int dev;
	struct map map;
	struct op_memory *memory;
};

/**
 * @flags:	to load programs with
 * @blind:	what is written to SYSCTL_BLIND
 * @step:	only every nth input is tried: blinding of constants does not depend on
 *		memory
 */
FIXTURE_VARIANT(operation) {
	__u32 flags;
	const char *blind;
	__u32 step;
};

FIXTURE_VARIANT_ADD(operation, trusted) { 0, "0", 1 };
FIXTURE_VARIANT_ADD(operation, trusted_blinded) { 0, "2", 3 };
FIXTURE_VARIANT_ADD(operation, hardened) { VNP_PROG_F_HARDEN, "0", 2 };
FIXTURE_VARIANT_ADD(operation, hardened_blinded) { VNP_PROG_F_HARDEN, "2", 3 };

FIXTURE_SETUP(operation)
{
	ASSERT_OK(write_text(SYSCTL_BLIND, variant->blind));
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->map, VNP_MAP_ARRAY, 4,
			     sizeof(struct op_memory), 1, VNP_MAP_F_MMAP));
	self->memory = mmap(NULL, sizeof(struct op_memory), PROT_READ | PROT_WRITE,
			    MAP_SHARED, self->map.fd, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
}

FIXTURE_TEARDOWN(operation)
{
	munmap(self->memory, sizeof(struct op_memory));
	close(self->map.fd);
	close(self->dev);
	write_text(SYSCTL_BLIND, "0");
}

static int load(FIXTURE_DATA(operation) *self, const struct op *ops, __u32 cnt,
		const struct op_input *known, __u32 flags)
{
	static struct bpf_insn insns[OP_INSNS_MAX];
	struct vnp_prog_load attr;

	attr = prog_attr(insns, op_program(ops, cnt, known, 0, insns));
	attr.flags = flags;
	attr.map_fds = (uintptr_t)&self->map.fd;
	attr.map_cnt = 1;
	return do_ioctl(self->dev, VNP_PROG_LOAD, &attr);
}

static void try(struct __test_metadata *_metadata, FIXTURE_DATA(operation) *self, int prog,
		const struct op *ops, __u32 cnt, const struct op_input *in)
{
	struct vnp_prog_run run = {};

	self->memory->in = *in;
	ASSERT_OK(prog_run(prog, NULL, 0, &run));
	ASSERT_EQ(0, run.fault);
	for (__u32 i = 0; i < cnt; i++) {
		struct op_output expected = op_expect(&ops[i], in);
		const struct op_output *seen = &self->memory->out[i];
		const struct bpf_insn *insn = &ops[i].insn;

		ASSERT_MEM(&expected, seen, sizeof(expected)) {
			TH_LOG("code 0x%02x dst %u src %u off %d imm %d on 0x%llx, 0x%llx, 0x%llx: 0x%llx, 0x%llx, 0x%llx, not 0x%llx, 0x%llx, 0x%llx",
			       insn->code, insn->dst_reg, insn->src_reg, insn->off, insn->imm,
			       in->dst, in->src, in->r0, seen->dst, seen->src, seen->r0,
			       expected.dst, expected.src, expected.r0);
		}
	}
}

/* Operands come from memory */
TEST_F(operation, on_unknown)
{
	__u32 cnt, step;
	const struct op *ops = op_table(&cnt);
	struct op_input in;
	int prog;

	for (__u32 at = 0; at < cnt; at += step) {
		step = cnt - at < OPS_MAX ? cnt - at : OPS_MAX;
		prog = load(self, ops + at, step, NULL, variant->flags);
		ASSERT_OK(prog);
		for (__u32 n = 0; op_input(n, &in); n += variant->step)
			try(_metadata, self, prog, ops + at, step, &in);
		close(prog);
	}
}

/* The verifier knows the operands, and so may know the result; the JIT has constants */
TEST_F(operation, on_known)
{
	struct op ops[OPS_MAX];
	struct op_input in;
	__u32 at = 0, step;
	int prog;

	while ((step = op_firsts(&at, ops))) {
		/* a program for each input: only some here, the unit test has all */
		for (__u32 n = at % 31; op_input(n, &in); n += 31 * variant->step) {
			prog = load(self, ops, step, &in, variant->flags);
			ASSERT_OK(prog);
			try(_metadata, self, prog, ops, step, &in);
			close(prog);
		}
	}
}

/*
 * If blinding moves the target of a jump out of its reach, the kernel does not compile the
 * program.  An instruction with a constant becomes three.
 */
TEST_F(operation, jump_over_constants)
{
	static const struct {
		__u32 cnt;
		bool blinded_too;
	} programs[] = { { 10900, true }, { 10930, false } };
	static struct bpf_insn insns[11000];

	if (variant->flags)	/* lowering has blinded constants, and limits jumps */
		return;
	insns[0] = (struct bpf_insn)LDX(BPF_W, R0, R1, CTX(len));
	insns[1] = (struct bpf_insn)LDX(BPF_W, R2, R1, CTX(ifindex));
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		const __u32 cnt = programs[i].cnt;
		const bool fits = programs[i].blinded_too || variant->blind[0] == '0';
		int prog;

		insns[2] = (struct bpf_insn)JMP_REG(BPF_JEQ, R0, R2, cnt);
		for (__u32 k = 3; k < cnt + 3; k++)
			insns[k] = (struct bpf_insn)ALU64_IMM(BPF_XOR, R0, 0x1234);
		insns[cnt + 3] = (struct bpf_insn)EXIT();
		prog = prog_load(self->dev, insns, cnt + 4, NULL, 0);
		if (fits) {
			EXPECT_OK(prog);
		} else {
			EXPECT_EQ(-ENOMEM, prog);
		}
		close(prog);
	}
}

TEST_HARNESS_MAIN
