// SPDX-License-Identifier: GPL-2.0
/*
 * A BPF LSM program on socket_sock_rcv_skb decides before a link's program is executed,
 * if the module was loaded with lsm=1: as root, on a kernel with BTF and the LSM "bpf".
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "bpf.h"
#include "harness.h"
#include "insn.h"
#include "module.h"
#include "net.h"

#define DENIED		'X'	/* the first byte of a datagram that is denied */
#define ALLOWED		'P'
#define UDP_HEADER	8

FIXTURE(lsm) {
	int counter;		/* datagrams that the LSM program has seen */
	int prog;
	int attached;
	int dev;
	struct flow flow;
	int link;
};

/* skb_data_offset() - of the member data in this kernel's struct sk_buff */
static int skb_data_offset(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT) : -ENOENT;
	int offset = -ENOENT;

	if (id > 0) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		for (int i = 0; i < btf_vlen(type); i++) {
			const struct btf_member *member = btf_members(type) + i;

			if (!strcmp(btf__name_by_offset(btf, member->name_off), "data"))
				offset = btf_member_bit_offset(type, i) / 8;
		}
	}
	btf__free(btf);
	return offset;
}

/* lsm_load() - a program that counts datagrams by their first byte, and denies some */
static int lsm_load(int counter)
{
	const int data = skb_data_offset();
	const int hook = libbpf_find_vmlinux_btf_id("socket_sock_rcv_skb", BPF_LSM_MAC);
	const struct bpf_insn insns[] = {
		LDX(BPF_DW, R3, R1, 8),
		LDX(BPF_DW, R3, R3, data),
		ALU64_IMM(BPF_ADD, R3, UDP_HEADER),
		ST(BPF_DW, FP, -16, 0),
		MOV_REG(R1, FP),
		ALU64_IMM(BPF_ADD, R1, -16),
		MOV_IMM(R2, 1),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel),
		LDX(BPF_B, R6, FP, -16),
		JMP_IMM(BPF_JEQ, R6, DENIED, 3),
		JMP_IMM(BPF_JEQ, R6, ALLOWED, 2),
		MOV_IMM(R0, 0),
		EXIT(),
		BPF_COUNT(counter),
		MOV_IMM(R0, 0),
		JMP_IMM(BPF_JNE, R6, DENIED, 1),
		MOV_IMM(R0, -EPERM),
		EXIT(),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_LSM,
		.expected_attach_type = BPF_LSM_MAC,
		.attach_btf_id = hook,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};

	if (data < 0 || hook < 0)
		return -ENOENT;
	return bpf_call(BPF_PROG_LOAD, &attr);
}

static int lsm_attach(int prog)
{
	union bpf_attr attr = { .raw_tracepoint.prog_fd = prog };

	return bpf_call(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

FIXTURE_SETUP(lsm)
{
	ASSERT_EQ(0, module_needed());
	ASSERT_EQ(0, module_remove_soon());
	ASSERT_EQ(0, module_load("lsm=1"));
	self->counter = bpf_counter_create();
	ASSERT_OK(self->counter);
	self->prog = lsm_load(self->counter);
	ASSERT_OK(self->prog);
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_EQ(0, flow_open(&self->flow, FLOW_IP4));
	self->link = link_create(self->dev, prog_by_first_byte(self->dev),
				 self->flow.rx, 0);
	ASSERT_OK(self->link);
	self->attached = lsm_attach(self->prog);
	ASSERT_OK(self->attached);
}

FIXTURE_TEARDOWN(lsm)
{
	close(self->attached);
	close(self->prog);
	close(self->counter);
	close(self->link);
	flow_close(&self->flow);
	close(self->dev);
	module_remove_soon();
	module_load("");
}

TEST_F(lsm, denied_before_the_program)
{
	static const char *const sent[] = { "Xa", "Pa", "Xb", "Pb", "Xc" };
	struct vnp_link_info info;
	char data[8];

	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		ASSERT_OK(flow_puts(&self->flow, sent[i]));
	ASSERT_EQ(2, recv(self->flow.rx, data, sizeof(data), 0));
	EXPECT_MEM("Pa", data, 2);
	ASSERT_EQ(2, recv(self->flow.rx, data, sizeof(data), 0));
	EXPECT_MEM("Pb", data, 2);
	ASSERT_EQ(0, link_info(self->link, &info));
	EXPECT_EQ(2, info.packets);
	EXPECT_EQ(3, sock_drops(self->flow.rx));
	/* Once for each datagram, passed or denied */
	EXPECT_EQ(5, bpf_counter_read(self->counter));
}

TEST_HARNESS_MAIN
