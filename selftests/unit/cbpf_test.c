// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Classic BPF: a translated program has the same results as the original, in both
 * interpreters, and programs that the kernel would refuse are refused.  In the environment,
 * CLASSIC_PROGRAMS=N and CLASSIC_SEED=N set the number of random programs and the first
 * seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classic.h"
#include "userlib/cbpf.h"
#include "vm_util.h"

#define STMT(code, k)		{ (code), 0, 0, (k) }
#define JUMP(code, k, jt, jf)	{ (code), (jt), (jf), (k) }

static __u64 from_env(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static enum vnp_dlt dlt_of(const struct classic_packet *packet)
{
	return packet->link_len ? VNP_DLT_EN10MB : VNP_DLT_RAW;
}

/* Does the translation pass the packet? */
static bool passes(const struct sock_filter *insns, __u32 cnt,
		   const struct classic_packet *packet)
{
	__u8 ip[CLASSIC_PACKET_MAX];
	char why[VNP_CBPF_WHY] = "";
	struct vm_result result;
	struct vnp_cbpf cbpf;

	if (vnp_cbpf_translate(insns, cnt, dlt_of(packet), &cbpf, why))
		fail_msg("program %llu: %s", vm_name, why);
	memcpy(ip, packet->frame + packet->link_len, packet->len);
	vm_type = VNP_PROG_PACKET;
	result = vm_run(cbpf.insns, cbpf.insn_cnt, ip, packet->len);
	vm_type = VNP_PROG_DATAGRAM;
	vnp_cbpf_free(&cbpf);
	if (result.fault)
		fail_msg("program %llu: fault %u at %u", vm_name, result.fault, result.insn);
	assert_in_range(result.retval, VNP_DROP, VNP_PASS);
	assert_memory_equal(ip, packet->frame + packet->link_len, packet->len);
	return result.retval == VNP_PASS;
}

/* Make "ret" at the end pass only if A is @a */
static __u32 return_if_equal(struct sock_filter *insns, __u32 cnt, __u32 a)
{
	const struct sock_filter end[] = {
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 0, 1),
		STMT(BPF_RET | BPF_K, 96),
		STMT(BPF_RET | BPF_K, 0),
	};

	memcpy(insns + cnt - 1, end, sizeof(end));
	return cnt + 2;
}

struct tally {
	__u32 runs;
	__u32 whole;
	__u32 dropped;
	bool seen[256];
	__u32 opcodes;
};

static void count_opcodes(struct tally *tally, const struct sock_filter *insns, __u32 cnt)
{
	__u32 i;

	for (i = 0; i < cnt; i++) {
		tally->opcodes += !tally->seen[insns[i].code];
		tally->seen[insns[i].code] = true;
	}
}

/* On a packet: not only the same verdict, but the same A. */
static void compare(__u64 seed, const struct classic_packet *packet, struct tally *tally)
{
	struct sock_filter insns[CLASSIC_INSNS_MAX + 2];
	__u32 cnt = classic_program(seed, insns), a;
	bool whole;

	assert_true(cnt <= CLASSIC_INSNS_MAX);
	count_opcodes(tally, insns, cnt);
	a = classic_run(insns, packet, &whole);
	if (passes(insns, cnt, packet) != !!a)
		fail_msg("program %llu: A is not %u", vm_name, a);
	tally->runs++;
	tally->dropped += !a;
	cnt = return_if_equal(insns, cnt, a);
	if (!whole)
		return;
	tally->whole++;
	a = classic_run(insns, packet, NULL);
	assert_int_equal(passes(insns, cnt, packet), !!a);
}

static void random_programs(__u32 link_len)
{
	__u64 programs = from_env("CLASSIC_PROGRAMS", 400);
	__u64 first = from_env("CLASSIC_SEED", 1), seed;
	struct classic_packet packet;
	struct tally tally = {};
	__u32 i;

	for (seed = first; seed < first + programs; seed++) {
		vm_name = seed;
		for (i = 0; i < 4; i++) {
			classic_packet(seed * 4 + i, link_len, &packet);
			packet.ifindex = 0;	/* counters of a test */
			vm_direct = i % 2 ? 1 + seed % 60 : 0;
			compare(seed, &packet, &tally);
		}
	}
	vm_direct = 0;
	printf("# %u executions, %u to the end, %u drop, %u opcodes\n", tally.runs, tally.whole,
	       tally.dropped, tally.opcodes);
	/* 21 arithmetic opcodes, 9 jumps, 7 loads from the packet, 10 moves, 2 returns */
	if (programs >= 300)
		assert_int_equal(tally.opcodes, 49);
	assert_true(tally.whole > tally.runs / 4);
	assert_true(tally.dropped > tally.runs / 8);
}

static void random_programs_ether(void **state)
{
	(void)state;
	random_programs(14);
}

static void random_programs_raw(void **state)
{
	(void)state;
	random_programs(0);
}

/* The result of a load from a packet, or -1 if it ends the program with 0 */
static __s64 loaded(struct sock_filter insn, const struct classic_packet *packet)
{
	struct sock_filter insns[] = {
		insn,
		STMT(BPF_MISC | BPF_TXA, 0),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		STMT(BPF_RET | BPF_K, 1),
		STMT(BPF_RET | BPF_K, 0),
	};
	__u32 bit, value = 0;

	if (BPF_CLASS(insn.code) == BPF_LD)
		insns[1] = (struct sock_filter)STMT(BPF_ALU | BPF_OR | BPF_K, 0);
	for (bit = 1; bit; bit <<= 1) {
		insns[2].code = BPF_JMP | BPF_JSET | BPF_K;
		insns[2].k = bit;
		if (passes(insns, 5, packet))
			value |= bit;
	}
	insns[2].code = BPF_JMP | BPF_JEQ | BPF_K;
	insns[2].k = value;
	return passes(insns, 5, packet) ? (__s64)value : -1;
}

#define LOADED(code, k)	\
	loaded((struct sock_filter)STMT(code, k), &packet)

/* The emulated Ethernet header has zero addresses, and the protocol. */
static void ethernet_header(void **state)
{
	struct classic_packet packet = { .link_len = 14, .len = 60 };
	__u32 i;

	(void)state;
	for (i = 0; i < packet.len; i++)
		packet.frame[14 + i] = i + 0x60;
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, 0), 0);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, 8), 0);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, 11), 0);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_H, 11), 0x86);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, 12), 0x86);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, 13), 0xdd);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_H, 12), 0x86dd);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, 12), 0x86dd6061);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, 13), 0xdd606162);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_H, SKF_LL_OFF + 12), 0x86dd);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_H, SKF_NET_OFF), 0x6061);
	assert_int_equal(LOADED(BPF_LDX | BPF_MSH | BPF_B, 14 + 7), 4 * 7);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, 13 + 60), 0x60 + 59);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_H, 13 + 60), -1);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, 14 + 60), -1);
	assert_int_equal(LOADED(BPF_LD | BPF_LEN, 0), 74);
	assert_int_equal(LOADED(BPF_LDX | BPF_W | BPF_LEN, 0), 74);
}

static void ancillary_loads(void **state)
{
	static const __u8 ipv6[] = { [0] = 0x60, [6] = 0, [40] = 60, [48] = 17, [49] = 2, [79] = 1 };
	struct classic_packet packet = { .len = sizeof(ipv6) };

	(void)state;
	memcpy(packet.frame, ipv6, sizeof(ipv6));
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_H, SKF_AD_OFF + SKF_AD_PROTOCOL),
			 0x86dd);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, SKF_AD_OFF + SKF_AD_PAY_OFFSET),
			 40 + 8 + 24 + 8);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, SKF_AD_OFF + SKF_AD_IFINDEX), 0);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, SKF_LL_OFF - 1), -1);
	packet.frame[0] = 0x47;
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_B, SKF_AD_OFF + SKF_AD_PROTOCOL),
			 0x0800);
	assert_int_equal(LOADED(BPF_LD | BPF_ABS | BPF_W, SKF_AD_OFF + SKF_AD_PAY_OFFSET),
			 28 + 8);
}

/* Loads of random numbers return different ones. */
static void random_load(void **state)
{
	const struct sock_filter insns[] = {
		STMT(BPF_LD | BPF_ABS | BPF_W, SKF_AD_OFF + SKF_AD_RANDOM),
		JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		STMT(BPF_RET | BPF_K, 1),
		STMT(BPF_RET | BPF_K, 0),
	};
	struct vnp_object *obj;
	struct vnp_run_opts opts = { .sz = sizeof(opts) };
	const struct vnp_load_opts load = { .sz = sizeof(load), .flags = VNP_LOAD_F_USER };
	__u32 seen[2] = {}, i;

	(void)state;
	assert_int_equal(vnp_object_open_cbpf(insns, 4, VNP_DLT_RAW, NULL, &obj), 0);
	assert_int_equal(vnp_object_load(obj, &load), 0);
	for (i = 0; i < 200; i++) {
		assert_int_equal(vnp_program_run(vnp_object_next_program(obj, NULL), &opts),
				 0);
		seen[opts.retval]++;
	}
	assert_true(seen[0] && seen[1]);
	vnp_object_close(obj);
}

static void refused(const struct sock_filter *insns, __u32 cnt, enum vnp_dlt dlt, int err,
		    const char *text)
{
	char why[VNP_CBPF_WHY] = "";
	struct vnp_cbpf cbpf;

	assert_int_equal(vnp_cbpf_translate(insns, cnt, dlt, &cbpf, why), err);
	if (!strstr(why, text))
		fail_msg("expected \"%s\", got \"%s\"", text, why);
	assert_null(cbpf.insns);
	assert_null(cbpf.start);
}

#define CLASSIC(...)	((const struct sock_filter[]){ __VA_ARGS__ }),	\
	sizeof((const struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter)
#define RET		STMT(BPF_RET | BPF_K, 0)

static void invalid(const char *text, const struct sock_filter *insns, __u32 cnt)
{
	refused(insns, cnt, VNP_DLT_RAW, -EINVAL, text);
}

static void what_the_kernel_refuses(void **state)
{
	static const __u16 codes[] = {
		BPF_LD | BPF_B | BPF_LEN, BPF_LD | BPF_H | BPF_IMM, BPF_LD | BPF_MSH | BPF_B,
		BPF_LDX | BPF_ABS, BPF_LDX | BPF_IND, BPF_ST | BPF_MEM, BPF_STX | BPF_ABS,
		BPF_ALU | BPF_NEG | BPF_X, BPF_ALU | 0xb0, BPF_ALU | 0xf0,
		BPF_JMP | BPF_JA | BPF_X, BPF_JMP | 0x50, BPF_RET | BPF_X, BPF_MISC | 0x40,
		0x100 | BPF_RET, 0xffff,
	};
	struct sock_filter many[BPF_MAXINSNS + 1];
	__u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(codes); i++)
		invalid("which is not valid in classic BPF", CLASSIC(STMT(codes[i], 0), RET));
	for (i = 0; i <= BPF_MAXINSNS; i++)
		many[i] = (struct sock_filter)RET;
	invalid("1 to 4096", many, 0);
	invalid("1 to 4096", many, BPF_MAXINSNS + 1);
	invalid("Instruction 0 divides by zero",
		CLASSIC(STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET));
	invalid("Instruction 0 divides by zero",
		CLASSIC(STMT(BPF_ALU | BPF_MOD | BPF_K, 0), RET));
	invalid("shifts 32 bits by 32", CLASSIC(STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET));
	invalid("shifts 32 bits by 33", CLASSIC(STMT(BPF_ALU | BPF_RSH | BPF_K, 33), RET));
	invalid("Instruction 0 jumps to 2, beyond the last one (1)",
		CLASSIC(STMT(BPF_JMP | BPF_JA, 1), RET));
	invalid("jumps to 4294967296", CLASSIC(STMT(BPF_JMP | BPF_JA, -1), RET));
	invalid("jumps to 2", CLASSIC(JUMP(BPF_JMP | BPF_JEQ, 0, 1, 0), RET));
	invalid("jumps to 256", CLASSIC(JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 0, 255), RET));
	invalid("uses M[16]", CLASSIC(STMT(BPF_ST, 16), RET));
	invalid("uses M[4294967295]", CLASSIC(STMT(BPF_STX, -1), RET));
	invalid("uses M[16]", CLASSIC(STMT(BPF_LD | BPF_MEM, 16), RET));
	invalid("uses M[16]", CLASSIC(STMT(BPF_LDX | BPF_MEM, 16), RET));
	invalid("is not a RET", CLASSIC(RET, STMT(BPF_LD | BPF_IMM, 0)));
	invalid("reads M[3]", CLASSIC(STMT(BPF_ST, 2), STMT(BPF_LD | BPF_MEM, 3), RET));
	invalid("Instruction 3 reads M[1]",
		CLASSIC(JUMP(BPF_JMP | BPF_JEQ, 0, 0, 1), STMT(BPF_ST, 1), STMT(BPF_ST, 0),
			STMT(BPF_LDX | BPF_MEM, 1), RET));
	invalid("SKF_AD_OFF + 2)", CLASSIC(STMT(BPF_LD | BPF_ABS, SKF_AD_OFF + 2), RET));
	invalid("SKF_AD_OFF + 64)", CLASSIC(STMT(BPF_LD | BPF_ABS, SKF_AD_OFF + 64), RET));
	refused(CLASSIC(RET), 0, -EINVAL, "Data link type 0");
}

/* Valid classic BPF that is not supported here */
static void what_vnp_refuses(void **state)
{
	static const struct { __u32 what; const char *text; } unknown[] = {
		{ SKF_AD_PKTTYPE, "packet type" }, { SKF_AD_NLATTR, "netlink" },
		{ SKF_AD_NLATTR_NEST, "netlink" }, { SKF_AD_MARK, "mark" },
		{ SKF_AD_QUEUE, "queue" }, { SKF_AD_HATYPE, "hardware type" },
		{ SKF_AD_RXHASH, "hash" }, { SKF_AD_CPU, "CPU" },
		{ SKF_AD_VLAN_TAG, "VLAN" }, { SKF_AD_VLAN_TAG_PRESENT, "VLAN" },
		{ SKF_AD_VLAN_TPID, "VLAN" },
	};
	__u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		refused(CLASSIC(STMT(BPF_LD | BPF_ABS | BPF_W, SKF_AD_OFF + unknown[i].what),
				RET), VNP_DLT_EN10MB, -EOPNOTSUPP, unknown[i].text);
	refused(CLASSIC(STMT(BPF_LD | BPF_ABS | BPF_W, SKF_LL_OFF), RET), VNP_DLT_RAW,
		-EOPNOTSUPP, "link-layer header");
	refused(CLASSIC(STMT(BPF_LDX | BPF_MSH | BPF_B, SKF_LL_OFF), RET), VNP_DLT_RAW,
		-EOPNOTSUPP, "link-layer header");
}

/* The longest programs: too long ones are refused with a message. */
static void long_programs(void **state)
{
	struct classic_packet packet = { .len = 60 };
	struct sock_filter insns[BPF_MAXINSNS];
	__u32 i;

	(void)state;
	for (i = 0; i < BPF_MAXINSNS - 1; i++)
		insns[i] = (struct sock_filter)STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	insns[i] = (struct sock_filter)STMT(BPF_RET | BPF_A, 0);
	assert_true(passes(insns, BPF_MAXINSNS, &packet));
	insns[0] = (struct sock_filter)STMT(BPF_JMP | BPF_JA, BPF_MAXINSNS - 2);
	assert_false(passes(insns, BPF_MAXINSNS, &packet));
	for (i = 1; i < BPF_MAXINSNS - 1; i++)
		insns[i] = (struct sock_filter)STMT(BPF_LD | BPF_IND | BPF_W, 1);
	refused(insns, BPF_MAXINSNS, VNP_DLT_EN10MB, -EOPNOTSUPP, "the limit is 65536");
	for (i = 1000; i < BPF_MAXINSNS - 1; i++)
		insns[i] = (struct sock_filter)STMT(BPF_ALU | BPF_NEG, 1);
	refused(insns, BPF_MAXINSNS, VNP_DLT_EN10MB, -EOPNOTSUPP, "jumps too far");
}

static void record(void *ctx, enum vnp_print_level level, const char *line)
{
	(void)level;
	snprintf(ctx, VNP_CBPF_WHY, "%s", line);
}

/* The classic instructions are the program's source lines. */
static void source_lines(void **state)
{
	const struct sock_filter insns[] = {
		STMT(BPF_LD | BPF_ABS | BPF_H, 12),
		JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x86dd, 1, 0),
		STMT(BPF_LD | BPF_IND | BPF_B, -4),
		STMT(BPF_RET | BPF_K, 262144),
		STMT(BPF_LD | BPF_IMM, 0),
	};
	char text[VNP_CBPF_WHY] = "";
	const struct vnp_open_opts opts = {
		.sz = sizeof(opts), .name = "filter", .print = record, .print_ctx = text,
	};
	struct vnp_source_line line;
	struct vnp_object *obj;
	struct vnp_program *prog;

	(void)state;
	assert_int_equal(vnp_object_open_cbpf(insns, 4, VNP_DLT_EN10MB, &opts, &obj), 0);
	prog = vnp_object_next_program(obj, NULL);
	assert_string_equal(vnp_program_name(prog), "filter");
	assert_int_equal(vnp_program_source(prog, 0, &line), 0);
	assert_string_equal(line.text, "ldh [12]");
	assert_string_equal(line.file, "filter");
	assert_int_equal(line.line, 2);
	assert_int_equal(vnp_program_source(prog, 8, &line), 0);
	assert_string_equal(line.text, "jeq #0x86dd jt 3 jf 2");
	assert_int_equal(vnp_program_source(prog, 10, &line), 0);
	assert_string_equal(line.text, "ldb [x - 4]");
	assert_int_equal(vnp_program_source(prog, 1000, &line), 0);
	assert_string_equal(line.text, "ret #262144");
	assert_int_equal(line.line, 5);
	vnp_object_close(obj);

	assert_int_equal(vnp_object_open_cbpf(insns, 5, VNP_DLT_EN10MB, &opts, &obj), -EINVAL);
	assert_string_equal(text, "The last instruction (4) is not a RET.");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_ether),
		cmocka_unit_test(random_programs_raw),
		cmocka_unit_test(ethernet_header),
		cmocka_unit_test(ancillary_loads),
		cmocka_unit_test(random_load),
		cmocka_unit_test(what_the_kernel_refuses),
		cmocka_unit_test(what_vnp_refuses),
		cmocka_unit_test(long_programs),
		cmocka_unit_test(source_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
