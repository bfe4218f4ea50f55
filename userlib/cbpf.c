// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * The translation.  A, X and M[] keep their 32 bits; a load from outside the packet and a
 * division by zero end the program with 0, as in the kernel.
 *
 * For the classic program the packet is a frame: an emulated link-layer header, followed by
 * the IP packet.  Offsets are relative to the frame or, in names with "ip", to the IP
 * packet.
 */
#include <sys/socket.h>

#include "cbpf.h"
#include "internal.h"
#include "vm/code.h"
#include "vm/isa/insn.h"

/* Registers: these are callee-saved, R0 to R5 are free between classic instructions */
#define CTX	BPF_REG_6
#define A	BPF_REG_7
#define X	BPF_REG_8
#define DATA	BPF_REG_9

/* The stack, as offsets from R10 */
#define MEM_OFF(k)	(-4 * BPF_MEMWORDS + 4 * (int)(k))
#define COPY_OFF	-72	/* 8 bytes: the loaded value */
#define NEXT_OFF	-80	/* 8 bytes: PAY_OFFSET's next header */
#define FRAME_OFF	-104	/* 24 bytes: the emulated first bytes of the frame */

#define ETHER_LEN	14
#define ETHER_TYPE	12	/* offset of its two bytes; all bytes before are 0 */

#define PROTO_IP	0x0800
#define PROTO_IPV6	0x86dd

#define NEXTHDR_HOP	0
#define NEXTHDR_ROUTING	43
#define NEXTHDR_DEST	60

/**
 * struct translate - a translation in progress
 * @to:		output; without @insns in the first of two passes, which counts
 *		instructions
 * @cnt:	instructions emitted so far
 * @link_len:	bytes of the link-layer header
 * @why:	out: the message of an error
 */
struct translate {
	struct vnp_cbpf *to;
	__u32 cnt;
	__u32 link_len;
	char *why;
};

static __u32 emit(struct translate *t, __u8 code, __u8 dst, __u8 src, __s16 off, __s32 imm)
{
	if (t->to->insns)
		t->to->insns[t->cnt] = (struct bpf_insn){
			.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm,
		};
	return t->cnt++;
}

/* 32 bit arithmetic, with a constant or a register */
static void alu_k(struct translate *t, __u8 op, __u8 dst, __s32 k)
{
	emit(t, BPF_ALU | op | BPF_K, dst, 0, 0, k);
}

static void alu_x(struct translate *t, __u8 op, __u8 dst, __u8 src)
{
	emit(t, BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

/* Pointers */
static void pointer_set(struct translate *t, __u8 dst, __u8 src)
{
	emit(t, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void pointer_move(struct translate *t, __u8 dst, __s32 by)
{
	emit(t, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, by);
}

static void load(struct translate *t, __u8 size, __u8 dst, __u8 src, __s16 off)
{
	emit(t, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

#define load_ctx(t, size, dst, field)	\
	load(t, size, dst, CTX, offsetof(struct vnp_ctx, field))

static void store_k(struct translate *t, __u8 size, __s16 off, __s32 k)
{
	emit(t, BPF_ST | BPF_MEM | size, BPF_REG_10, 0, off, k);
}

/* A forward jump; pass the result to land() at its target.  32 bits are compared */
static __u32 skip_if(struct translate *t, __u8 op, __u8 reg, __s32 k)
{
	return emit(t, BPF_JMP32 | op | BPF_K, reg, 0, 0, k);
}

static __u32 skip(struct translate *t)
{
	return emit(t, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static void land(struct translate *t, __u32 at)
{
	if (t->to->insns)
		t->to->insns[at].off = t->cnt - at - 1;
}

static void emit_return(struct translate *t, enum vnp_verdict verdict)
{
	alu_k(t, BPF_MOV, BPF_REG_0, verdict);
	emit(t, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void drop_unless(struct translate *t, __u8 op, __u8 reg, __s32 k)
{
	__u32 at = skip_if(t, op, reg, k);

	emit_return(t, VNP_DROP);
	land(t, at);
}

static void to_host_order(struct translate *t, __u8 reg, __u32 size)
{
	if (size > 1)
		emit(t, BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, size * 8);
}

static __u8 size_code(__u32 size)
{
	return size == 1 ? BPF_B : size == 2 ? BPF_H : BPF_W;
}

/*
 * ---- Loads from the packet ------------------------------------------------
 */

/* Copy bytes of the IP packet, from the offset in R2, to the stack */
static void copy_ip(struct translate *t, __s32 stack_off, __u32 size)
{
	pointer_set(t, BPF_REG_1, CTX);
	pointer_set(t, BPF_REG_3, BPF_REG_10);
	pointer_move(t, BPF_REG_3, stack_off);
	if (size)
		alu_k(t, BPF_MOV, BPF_REG_4, size);
	emit(t, BPF_JMP | BPF_CALL, 0, 0, 0, VNP_HELPER_load_bytes);
	drop_unless(t, BPF_JEQ, BPF_REG_0, 0);
}

/*
 * Load from @base + @off, which is byte @off of the IP packet, or byte R2 if @base is not
 * DATA.  Bytes that are not directly readable are copied.
 */
static void load_ip_at(struct translate *t, __u8 dst, __u32 size, __u8 base, __s16 off)
{
	__u32 slow, done;

	pointer_set(t, BPF_REG_4, base);
	pointer_move(t, BPF_REG_4, off + size);
	load_ctx(t, BPF_DW, BPF_REG_5, data_end);
	slow = emit(t, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_5, 0, 0);
	load(t, size_code(size), dst, base, off);
	done = skip(t);
	land(t, slow);
	if (base == DATA)
		alu_k(t, BPF_MOV, BPF_REG_2, off);
	copy_ip(t, COPY_OFF, size);
	load(t, size_code(size), dst, BPF_REG_10, COPY_OFF);
	land(t, done);
	to_host_order(t, dst, size);
}

/* From the offset in R2 */
static void load_ip_var(struct translate *t, __u8 dst, __u32 size)
{
	drop_unless(t, BPF_JLE, BPF_REG_2, VNP_PACKET_MAX);
	pointer_set(t, BPF_REG_3, DATA);
	emit(t, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	load_ip_at(t, dst, size, BPF_REG_3, 0);
}

static void load_ip(struct translate *t, __u8 dst, __u32 size, __u32 off)
{
	if (off > VNP_PACKET_MAX) {	/* loads from there always fail */
		emit_return(t, VNP_DROP);
	} else if (off > S16_MAX - 4) {
		alu_k(t, BPF_MOV, BPF_REG_2, off);
		load_ip_var(t, dst, size);
	} else {
		load_ip_at(t, dst, size, DATA, off);
	}
}

/* Jump to land() if the packet is IPv6 */
static __u32 skip_if_ipv6(struct translate *t)
{
	load_ctx(t, BPF_W, BPF_REG_1, family);
	return skip_if(t, BPF_JEQ, BPF_REG_1, AF_INET6);
}

static void load_protocol(struct translate *t, __u8 dst)
{
	__u32 at;

	alu_k(t, BPF_MOV, dst, PROTO_IPV6);
	at = skip_if_ipv6(t);
	alu_k(t, BPF_MOV, dst, PROTO_IP);
	land(t, at);
}

/*
 * Load from byte R2 of the frame, which is in the Ethernet header.  Addresses are zero,
 * as on lo.  If the load extends into the IP packet, its bytes are copied after the
 * header.
 */
static void load_ether_var(struct translate *t, __u8 dst, __u32 size)
{
	__s32 ip_off = FRAME_OFF + ETHER_LEN, type_off = FRAME_OFF + ETHER_TYPE;
	__u32 at;

	store_k(t, BPF_DW, FRAME_OFF, 0);
	store_k(t, BPF_DW, FRAME_OFF + 8, 0);
	load_protocol(t, BPF_REG_3);
	to_host_order(t, BPF_REG_3, 2);
	emit(t, BPF_STX | BPF_MEM | BPF_H, BPF_REG_10, BPF_REG_3, type_off, 0);

	alu_x(t, BPF_MOV, BPF_REG_4, BPF_REG_2);
	alu_k(t, BPF_ADD, BPF_REG_4, (__s32)size - ETHER_LEN);
	at = skip_if(t, BPF_JSLE, BPF_REG_4, 0);
	emit(t, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_2, NEXT_OFF, 0);
	alu_k(t, BPF_MOV, BPF_REG_2, 0);
	copy_ip(t, ip_off, 0);
	load(t, BPF_W, BPF_REG_2, BPF_REG_10, NEXT_OFF);
	land(t, at);

	pointer_set(t, BPF_REG_1, BPF_REG_10);
	emit(t, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	load(t, size_code(size), dst, BPF_REG_1, FRAME_OFF);
	to_host_order(t, dst, size);
}

static void load_frame(struct translate *t, __u8 dst, __u32 size, __u32 off)
{
	if (off >= t->link_len) {
		load_ip(t, dst, size, off - t->link_len);
	} else if (off + size <= ETHER_TYPE) {
		alu_k(t, BPF_MOV, dst, 0);
	} else if (off == ETHER_TYPE && size == 2) {
		load_protocol(t, dst);
	} else {
		alu_k(t, BPF_MOV, BPF_REG_2, off);
		load_ether_var(t, dst, size);
	}
}

/*
 * Negative offsets, as in the kernel: from SKF_NET_OFF on they are relative to the IP
 * header, from SKF_LL_OFF on to the link-layer header.
 */
static int load_absolute(struct translate *t, __u8 dst, const struct sock_filter *insn)
{
	__u32 size = vnp_cbpf_size(insn);
	__s32 off = insn->k;

	if (off >= 0) {
		load_frame(t, dst, size, off);
	} else if (off >= SKF_NET_OFF) {
		load_ip(t, dst, size, off - SKF_NET_OFF);
	} else if (off < SKF_LL_OFF) {
		emit_return(t, VNP_DROP);
	} else if (t->link_len) {
		load_frame(t, dst, size, off - SKF_LL_OFF);
	} else {
		return -EOPNOTSUPP;
	}
	return 0;
}

static void load_indirect(struct translate *t, const struct sock_filter *insn)
{
	__u32 size = vnp_cbpf_size(insn), to_frame, to_frame2 = 0, to_ip, to_ether, done;

	alu_x(t, BPF_MOV, BPF_REG_2, X);
	alu_k(t, BPF_ADD, BPF_REG_2, insn->k);
	to_frame = skip_if(t, BPF_JSGE, BPF_REG_2, 0);
	alu_k(t, BPF_ADD, BPF_REG_2, -SKF_NET_OFF);
	to_ip = skip_if(t, BPF_JSGE, BPF_REG_2, 0);
	if (t->link_len) {
		alu_k(t, BPF_ADD, BPF_REG_2, SKF_NET_OFF - SKF_LL_OFF);
		to_frame2 = skip_if(t, BPF_JSGE, BPF_REG_2, 0);
	}
	emit_return(t, VNP_DROP);

	land(t, to_frame);
	if (!t->link_len) {
		land(t, to_ip);
		load_ip_var(t, A, size);
		return;
	}
	land(t, to_frame2);
	to_ether = skip_if(t, BPF_JLT, BPF_REG_2, t->link_len);
	alu_k(t, BPF_SUB, BPF_REG_2, t->link_len);
	land(t, to_ip);
	load_ip_var(t, A, size);
	done = skip(t);
	land(t, to_ether);
	load_ether_var(t, A, size);
	land(t, done);
}

/*
 * ---- Ancillary loads ------------------------------------------------------
 */

/* Byte A + @off of the IP packet to R0 */
static void load_after_a(struct translate *t, __u32 off)
{
	alu_x(t, BPF_MOV, BPF_REG_2, A);
	alu_k(t, BPF_ADD, BPF_REG_2, off);
	copy_ip(t, COPY_OFF, 1);
	load(t, BPF_B, BPF_REG_0, BPF_REG_10, COPY_OFF);
}

/* The offset of the UDP payload, also after IPv6 extension headers */
static void load_payload_offset(struct translate *t)
{
	__u32 ipv6, ipv4, loop, found[3], done, i;
	static const __u8 nexthdrs[] = { NEXTHDR_HOP, NEXTHDR_ROUTING, NEXTHDR_DEST };

	ipv6 = skip_if_ipv6(t);
	alu_k(t, BPF_MOV, A, 0);
	load_after_a(t, 0);
	alu_k(t, BPF_AND, BPF_REG_0, 0xf);
	alu_k(t, BPF_LSH, BPF_REG_0, 2);
	alu_x(t, BPF_MOV, A, BPF_REG_0);
	ipv4 = skip(t);

	land(t, ipv6);
	alu_k(t, BPF_MOV, A, 0);
	load_after_a(t, 6);
	alu_k(t, BPF_MOV, A, 40);
	loop = t->cnt;
	for (i = 0; i < ARRAY_SIZE(nexthdrs); i++)
		found[i] = skip_if(t, BPF_JEQ, BPF_REG_0, nexthdrs[i]);
	done = skip(t);
	for (i = 0; i < ARRAY_SIZE(nexthdrs); i++)
		land(t, found[i]);
	load_after_a(t, 0);
	emit(t, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, NEXT_OFF, 0);
	load_after_a(t, 1);
	alu_k(t, BPF_ADD, BPF_REG_0, 1);
	alu_k(t, BPF_LSH, BPF_REG_0, 3);
	alu_x(t, BPF_ADD, A, BPF_REG_0);
	load(t, BPF_W, BPF_REG_0, BPF_REG_10, NEXT_OFF);
	emit(t, BPF_JMP | BPF_JA, 0, 0, loop - t->cnt - 1, 0);

	land(t, done);
	land(t, ipv4);
	alu_k(t, BPF_ADD, A, 8 + t->link_len);
}

static const char *const ancillary_names[SKF_AD_MAX / 4] = {
	[SKF_AD_PKTTYPE / 4] = "packet type (tcpdump's inbound, outbound)",
	[SKF_AD_NLATTR / 4] = "netlink attribute",
	[SKF_AD_NLATTR_NEST / 4] = "netlink attribute",
	[SKF_AD_MARK / 4] = "mark",
	[SKF_AD_QUEUE / 4] = "queue",
	[SKF_AD_HATYPE / 4] = "hardware type",
	[SKF_AD_RXHASH / 4] = "hash",
	[SKF_AD_CPU / 4] = "CPU",
	[SKF_AD_VLAN_TAG / 4] = "VLAN tag",
	[SKF_AD_VLAN_TAG_PRESENT / 4] = "VLAN tag",
	[SKF_AD_VLAN_TPID / 4] = "VLAN tag",
};

static int load_ancillary(struct translate *t, const struct sock_filter *insn, __u32 at)
{
	__u32 what = insn->k - SKF_AD_OFF;

	switch (what) {
	case SKF_AD_PROTOCOL:
		load_protocol(t, A);
		return 0;
	case SKF_AD_IFINDEX:
		load_ctx(t, BPF_W, A, ifindex);
		return 0;
	case SKF_AD_ALU_XOR_X:
		alu_x(t, BPF_XOR, A, X);
		return 0;
	case SKF_AD_PAY_OFFSET:
		load_payload_offset(t);
		return 0;
	case SKF_AD_RANDOM:
		emit(t, BPF_JMP | BPF_CALL, 0, 0, 0, VNP_HELPER_random_u32);
		alu_x(t, BPF_MOV, A, BPF_REG_0);
		return 0;
	default:
		return vnp_cbpf_refuse(t->why, -EOPNOTSUPP,
				       "Instruction %u loads the %s, which VNP does not support.",
				       at, ancillary_names[what / 4]);
	}
}

/*
 * ---- Instructions ---------------------------------------------------------
 */

static void load_len(struct translate *t, __u8 dst)
{
	load_ctx(t, BPF_W, dst, len);
	if (t->link_len)
		alu_k(t, BPF_ADD, dst, t->link_len);
}

static int translate_load(struct translate *t, const struct sock_filter *insn, __u32 at)
{
	__u8 dst = BPF_CLASS(insn->code) == BPF_LD ? A : X;

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		alu_k(t, BPF_MOV, dst, insn->k);
		return 0;
	case BPF_MEM:
		load(t, BPF_W, dst, BPF_REG_10, MEM_OFF(insn->k));
		return 0;
	case BPF_LEN:
		load_len(t, dst);
		return 0;
	case BPF_IND:
		load_indirect(t, insn);
		return 0;
	case BPF_ABS:
		if (vnp_cbpf_is_ancillary(insn))
			return load_ancillary(t, insn, at);
	}
	if (load_absolute(t, dst, insn))
		return vnp_cbpf_refuse(t->why, -EOPNOTSUPP,
				       "Instruction %u loads from the link-layer header (SKF_LL_OFF), but this data link type has none.",
				       at);
	if (BPF_MODE(insn->code) == BPF_MSH) {
		alu_k(t, BPF_AND, X, 0xf);
		alu_k(t, BPF_LSH, X, 2);
	}
	return 0;
}

static void translate_alu(struct translate *t, const struct sock_filter *insn)
{
	__u8 op = BPF_OP(insn->code);

	if (op == BPF_NEG || BPF_SRC(insn->code) == BPF_K) {
		alu_k(t, op, A, op == BPF_NEG ? 0 : insn->k);
		return;
	}
	if (op == BPF_DIV || op == BPF_MOD)
		drop_unless(t, BPF_JNE, X, 0);
	alu_x(t, op, A, X);
}

/* A jump to a classic instruction */
static int jump(struct translate *t, __u8 code, __s32 k, __u32 from, __u32 to)
{
	bool uses_x = BPF_SRC(code) == BPF_X;
	__s64 off = (__s64)t->to->start[to] - t->cnt - 1;

	if (t->to->insns && off > S16_MAX)
		return vnp_cbpf_refuse(t->why, -EOPNOTSUPP,
				       "Instruction %u jumps too far: translated it would be %lld instructions, the limit is %d.",
				       from, off, S16_MAX);
	emit(t, code, code == (BPF_JMP | BPF_JA) ? 0 : A, uses_x ? X : 0, off,
	     uses_x ? 0 : k);
	return 0;
}

/* The inverse condition */
static __u8 jump_inverse(__u16 code)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return BPF_JNE;
	case BPF_JGT:
		return BPF_JLE;
	default:
		return BPF_JLT;
	}
}

static int translate_jump(struct translate *t, const struct sock_filter *insn, __u32 at)
{
	__u8 ja = BPF_JMP | BPF_JA;
	int err;

	if (BPF_OP(insn->code) == BPF_JA)
		return jump(t, ja, 0, at, at + 1 + insn->k);
	if (!insn->jt && BPF_OP(insn->code) != BPF_JSET)
		return jump(t, BPF_JMP32 | jump_inverse(insn->code) | BPF_SRC(insn->code),
			    insn->k, at, at + 1 + insn->jf);
	err = jump(t, BPF_JMP32 | BPF_OP(insn->code) | BPF_SRC(insn->code), insn->k, at,
		   at + 1 + insn->jt);
	if (!err && insn->jf)
		err = jump(t, ja, 0, at, at + 1 + insn->jf);
	return err;
}

static void translate_return(struct translate *t, const struct sock_filter *insn)
{
	if (BPF_RVAL(insn->code) == BPF_K) {
		emit_return(t, insn->k ? VNP_PASS : VNP_DROP);
		return;
	}
	drop_unless(t, BPF_JNE, A, 0);
	emit_return(t, VNP_PASS);
}

static int translate_insn(struct translate *t, const struct sock_filter *insn, __u32 at)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		return translate_load(t, insn, at);
	case BPF_ST:
	case BPF_STX:
		emit(t, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10,
		     BPF_CLASS(insn->code) == BPF_ST ? A : X, MEM_OFF(insn->k), 0);
		return 0;
	case BPF_ALU:
		translate_alu(t, insn);
		return 0;
	case BPF_JMP:
		return translate_jump(t, insn, at);
	case BPF_RET:
		translate_return(t, insn);
		return 0;
	default:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			alu_x(t, BPF_MOV, X, A);
		else
			alu_x(t, BPF_MOV, A, X);
		return 0;
	}
}

static int translate_pass(struct translate *t, const struct sock_filter *insns, size_t cnt)
{
	int err = 0;
	__u32 i;

	t->cnt = 0;
	pointer_set(t, CTX, BPF_REG_1);
	load_ctx(t, BPF_DW, DATA, data);
	alu_k(t, BPF_MOV, A, 0);
	alu_k(t, BPF_MOV, X, 0);
	for (i = 0; i < cnt && !err; i++) {
		t->to->start[i] = t->cnt;
		err = translate_insn(t, &insns[i], i);
	}
	return err;
}

/*
 * The first pass records where each classic instruction begins, the second emits jumps
 * there.
 */
static int translate(struct translate *t, const struct sock_filter *insns, size_t cnt)
{
	struct vnp_cbpf *to = t->to;
	int err;

	to->start = calloc(cnt, sizeof(*to->start));
	if (!to->start)
		return -ENOMEM;
	err = translate_pass(t, insns, cnt);
	if (err)
		return err;
	if (t->cnt > VNP_INSN_MAX)
		return vnp_cbpf_refuse(t->why, -EOPNOTSUPP,
				       "The translated program has %u instructions, the limit is %u.",
				       t->cnt, VNP_INSN_MAX);
	to->insn_cnt = t->cnt;
	to->insns = calloc(to->insn_cnt, sizeof(*to->insns));
	return to->insns ? translate_pass(t, insns, cnt) : -ENOMEM;
}

int vnp_cbpf_translate(const struct sock_filter *insns, size_t cnt, enum vnp_dlt dlt,
		       struct vnp_cbpf *to, char why[VNP_CBPF_WHY])
{
	struct translate t = {
		.to = to,
		.link_len = dlt == VNP_DLT_EN10MB ? ETHER_LEN : 0,
		.why = why,
	};
	int err;

	memset(to, 0, sizeof(*to));
	if (dlt != VNP_DLT_EN10MB && dlt != VNP_DLT_RAW)
		return vnp_cbpf_refuse(why, -EINVAL, "Data link type %u is not supported.",
				       dlt);
	err = vnp_cbpf_check(insns, cnt, why);
	if (!err)
		err = translate(&t, insns, cnt);
	if (err)
		vnp_cbpf_free(to);
	return err;
}

void vnp_cbpf_free(struct vnp_cbpf *cbpf)
{
	free(cbpf->insns);
	free(cbpf->start);
	memset(cbpf, 0, sizeof(*cbpf));
}
