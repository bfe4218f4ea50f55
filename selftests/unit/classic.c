// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <stdint.h>
#include <string.h>

#include "classic.h"
#include "random_program.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * ---- The interpreter ------------------------------------------------------
 */

struct machine {
	const struct classic_packet *packet;
	__u32 a;
	__u32 x;
	__u32 mem[BPF_MEMWORDS];
	bool ended;
};

static __u32 fetch(struct machine *m, __u32 k, __u32 size)
{
	const struct classic_packet *p = m->packet;
	__s64 at = (__s32)k;
	__u32 val = 0, i;

	if (at < SKF_LL_OFF || (at < SKF_NET_OFF && !p->link_len))
		at = sizeof(p->frame);
	else if (at < SKF_NET_OFF)
		at -= SKF_LL_OFF;
	else if (at < 0)
		at += p->link_len - SKF_NET_OFF;
	if (at + size > p->link_len + p->len) {
		m->ended = true;
		return 0;
	}
	for (i = 0; i < size; i++)
		val = val << 8 | p->frame[at + i];
	return val;
}

static __u32 size_of(__u16 code)
{
	return BPF_SIZE(code) == BPF_B ? 1 : BPF_SIZE(code) == BPF_H ? 2 : 4;
}

static bool is_ipv6(const struct classic_packet *p)
{
	return p->len && p->frame[p->link_len] >> 4 == 6;
}

static __u32 payload_offset(struct machine *m)
{
	__u32 at = 40, next;

	if (!is_ipv6(m->packet))
		return m->packet->link_len + (fetch(m, SKF_NET_OFF, 1) & 15) * 4 + 8;
	next = fetch(m, SKF_NET_OFF + 6, 1);
	while (!m->ended && (next == 0 || next == 43 || next == 60)) {
		next = fetch(m, SKF_NET_OFF + at, 1);
		at += 8 + 8 * fetch(m, SKF_NET_OFF + at + 1, 1);
	}
	return m->packet->link_len + at + 8;
}

static __u32 ancillary(struct machine *m, __u32 what)
{
	switch (what) {
	case SKF_AD_PROTOCOL:
		return is_ipv6(m->packet) ? 0x86dd : 0x0800;
	case SKF_AD_IFINDEX:
		return m->packet->ifindex;
	case SKF_AD_ALU_XOR_X:
		return m->a ^ m->x;
	case SKF_AD_RANDOM:
		return m->packet->random;
	default:
		return payload_offset(m);
	}
}

static __u32 load_value(struct machine *m, const struct sock_filter *insn)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		return insn->k;
	case BPF_MEM:
		return m->mem[insn->k];
	case BPF_LEN:
		return m->packet->link_len + m->packet->len;
	case BPF_IND:
		return fetch(m, m->x + insn->k, size_of(insn->code));
	case BPF_MSH:
		return 4 * (fetch(m, insn->k, 1) & 15);
	default:
		if (insn->k >= (__u32)SKF_AD_OFF)
			return ancillary(m, insn->k - SKF_AD_OFF);
		return fetch(m, insn->k, size_of(insn->code));
	}
}

static __u32 compute(struct machine *m, __u16 code, __u32 b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return m->a + b;
	case BPF_SUB:
		return m->a - b;
	case BPF_MUL:
		return m->a * b;
	case BPF_DIV:
		m->ended = !b;
		return b ? m->a / b : 0;
	case BPF_MOD:
		m->ended = !b;
		return b ? m->a % b : 0;
	case BPF_OR:
		return m->a | b;
	case BPF_AND:
		return m->a & b;
	case BPF_XOR:
		return m->a ^ b;
	case BPF_LSH:
		return m->a << (b & 31);
	case BPF_RSH:
		return m->a >> (b & 31);
	default:
		return -m->a;
	}
}

static bool holds(const struct machine *m, __u16 code, __u32 b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return m->a == b;
	case BPF_JGT:
		return m->a > b;
	case BPF_JGE:
		return m->a >= b;
	default:
		return m->a & b;
	}
}

/* One instruction, not "ret"; how many to skip after it */
static __u32 step(struct machine *m, const struct sock_filter *insn)
{
	__u32 b = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		m->a = load_value(m, insn);
		return 0;
	case BPF_LDX:
		m->x = load_value(m, insn);
		return 0;
	case BPF_ST:
		m->mem[insn->k] = m->a;
		return 0;
	case BPF_STX:
		m->mem[insn->k] = m->x;
		return 0;
	case BPF_ALU:
		m->a = compute(m, insn->code, b);
		return 0;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_JA)
			return insn->k;
		return holds(m, insn->code, b) ? insn->jt : insn->jf;
	default:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return 0;
	}
}

__u32 classic_run(const struct sock_filter *insns, const struct classic_packet *packet,
		  bool *whole)
{
	struct machine m = { .packet = packet };
	__u32 i;

	for (i = 0; BPF_CLASS(insns[i].code) != BPF_RET && !m.ended; i++)
		i += step(&m, &insns[i]);
	if (whole)
		*whole = !m.ended;
	if (m.ended)
		return 0;
	return BPF_RVAL(insns[i].code) == BPF_A ? m.a : insns[i].k;
}

/*
 * ---- Random programs ------------------------------------------------------
 */

struct generator {
	__u64 random;
	struct sock_filter *insns;
	__u32 cnt;
};

static __u32 pick(struct generator *g, __u32 below)
{
	return (random_next(&g->random) >> 16) % below;
}

static void put(struct generator *g, __u16 code, __u32 k)
{
	g->insns[g->cnt++] = (struct sock_filter){ code, 0, 0, k };
}

/* Interesting numbers */
static __u32 number(struct generator *g)
{
	switch (pick(g, 5)) {
	case 0:
		return pick(g, 64);
	case 1:
		return pick(g, 65536);
	case 2:
		return -pick(g, 64);
	case 3:
		return 1U << pick(g, 32);
	default:
		return random_next(&g->random) >> 16;
	}
}

/* Offsets inside the packet, near its end, far beyond it, and negative ones */
static __u32 offset(struct generator *g)
{
	static const __u32 far[] = {
		32763, 32764, 32767, 32768, 65535, 65574, 65575, 65576, 65590, 1 << 20,
		0x7fffffff, 0x80000000, SKF_LL_OFF - 1, SKF_AD_OFF - 4,
	};

	switch (pick(g, 16)) {
	case 0:
		return SKF_NET_OFF + pick(g, 64);
	case 1:
		return far[pick(g, ARRAY_SIZE(far))];
	case 2:
		return pick(g, CLASSIC_PACKET_MAX);
	case 3:
	case 4:
		return pick(g, 18);
	default:
		return 14 + pick(g, 44);
	}
}

static void put_load(struct generator *g)
{
	static const __u16 sizes[] = { BPF_B, BPF_H, BPF_W };
	static const __u32 extra[] = {
		SKF_AD_PROTOCOL, SKF_AD_IFINDEX, SKF_AD_ALU_XOR_X, SKF_AD_PAY_OFFSET,
	};
	__u16 size = sizes[pick(g, 3)];

	switch (pick(g, 12)) {
	case 0:
		put(g, BPF_LD | BPF_IMM, number(g));
		break;
	case 1:
		put(g, BPF_LDX | BPF_IMM, number(g));
		break;
	case 2:
		put(g, (pick(g, 2) ? BPF_LD : BPF_LDX) | BPF_W | BPF_LEN, number(g));
		break;
	case 3:
		put(g, BPF_LDX | BPF_B | BPF_MSH, offset(g));
		break;
	case 4:
		put(g, BPF_LD | BPF_ABS | size, SKF_AD_OFF + extra[pick(g, 4)]);
		break;
	case 5:	/* any x, the sum may wrap */
		put(g, BPF_LD | BPF_IND | size, offset(g));
		break;
	case 6:	/* an x with which the offset becomes negative */
		put(g, BPF_LDX | BPF_IMM, SKF_NET_OFF - 30 + pick(g, 60));
		put(g, BPF_LD | BPF_IND | size, pick(g, 40));
		break;
	case 7:
	case 8:
		put(g, BPF_LDX | BPF_IMM, pick(g, 40));
		put(g, BPF_LD | BPF_IND | size, pick(g, 40) - 10);
		break;
	default:
		put(g, BPF_LD | BPF_ABS | size, offset(g));
	}
}

static void put_alu(struct generator *g)
{
	__u16 op = pick(g, 11) << 4, src = pick(g, 2) ? BPF_X : BPF_K;
	__u32 k = number(g);

	if (op == BPF_NEG)
		src = 0;
	else if (src == BPF_K && (op == BPF_DIV || op == BPF_MOD))
		k |= 1;
	else if (src == BPF_K && (op == BPF_LSH || op == BPF_RSH))
		k %= 32;
	put(g, BPF_ALU | op | src, k);
}

/* A jump over up to three of the instructions that follow */
static void put_jump(struct generator *g)
{
	static const __u16 ops[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JA };
	struct sock_filter *insn = &g->insns[g->cnt];
	__u16 op = ops[pick(g, 5)];

	if (op == BPF_JA) {
		put(g, BPF_JMP | BPF_JA, pick(g, 4));
		return;
	}
	put(g, BPF_JMP | op | (pick(g, 2) ? BPF_X : BPF_K), number(g));
	insn->jt = pick(g, 4);
	insn->jf = pick(g, 4);
}

static void put_any(struct generator *g)
{
	switch (pick(g, 8)) {
	case 0:
	case 1:
		put_load(g);
		break;
	case 2:
	case 3:
		put_alu(g);
		break;
	case 4:
		put_jump(g);
		break;
	case 5:
		put(g, pick(g, 2) ? BPF_ST : BPF_STX, pick(g, BPF_MEMWORDS));
		break;
	case 6:
		put(g, (pick(g, 2) ? BPF_LD : BPF_LDX) | BPF_MEM, pick(g, BPF_MEMWORDS));
		break;
	default:
		put(g, BPF_MISC | (pick(g, 2) ? BPF_TAX : BPF_TXA), 0);
		if (!pick(g, 10))
			put(g, BPF_RET | BPF_K, pick(g, 2) * number(g));
	}
}

__u32 classic_program(__u64 seed, struct sock_filter *insns)
{
	struct generator g = { .random = seed * 2 + 1, .insns = insns };
	__u32 i, body;

	for (i = 0; i < 8; i++)
		random_next(&g.random);
	for (i = 0; i < BPF_MEMWORDS; i++) {
		put(&g, BPF_LD | BPF_IMM, number(&g));
		put(&g, BPF_ST, i);
	}
	body = g.cnt + 1 + pick(&g, 40);
	while (g.cnt < body)
		put_any(&g);
	/* targets of the last jumps; the result depends on A, X and all of M[] */
	for (i = 0; i < 4; i++)
		put(&g, BPF_ALU | BPF_XOR | BPF_X, 0);
	for (i = 0; i < BPF_MEMWORDS; i++) {
		put(&g, BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1);
		put(&g, BPF_LDX | BPF_MEM, i);
		put(&g, BPF_ALU | BPF_ADD | BPF_X, 0);
	}
	put(&g, BPF_RET | BPF_A, 0);
	return g.cnt;
}

void classic_packet(__u64 seed, __u32 link_len, struct classic_packet *packet)
{
	static const __u8 chain[] = { 0, 43, 60, 17 };
	struct generator g = { .random = seed * 2 + 1 };
	__u8 *ip = packet->frame + link_len;
	bool ipv6 = pick(&g, 2);
	__u32 i;

	memset(packet, 0, sizeof(*packet));
	packet->link_len = link_len;
	packet->len = pick(&g, 4) ? 28 + pick(&g, 200) : pick(&g, 60);
	packet->ifindex = 1 + pick(&g, 9);
	for (i = 0; i < packet->len; i++)
		ip[i] = pick(&g, 3) ? pick(&g, 256) : 0;
	if (packet->len)
		ip[0] = ipv6 ? 0x60 | (ip[0] & 15) : 0x45 + (pick(&g, 4) ? 0 : pick(&g, 11));
	if (ipv6 && packet->len > 6)
		ip[6] = chain[pick(&g, 4)];
	if (ipv6 && packet->len > 64) {
		ip[40] = chain[pick(&g, 4)];
		ip[41] = pick(&g, 3);
		ip[48] = chain[pick(&g, 4)];
	}
	if (link_len) {
		packet->frame[12] = is_ipv6(packet) ? 0x86 : 0x08;
		packet->frame[13] = is_ipv6(packet) ? 0xdd : 0x00;
	}
}
