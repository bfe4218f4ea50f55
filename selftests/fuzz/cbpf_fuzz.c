// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Fuzzes the translation of classic BPF: if the translator accepts a filter, the verifier
 * must accept the translation, and that must have the same verdict as the simple
 * interpreter in selftests/unit, without changing the packet. vm_util.c checks the
 * execution, as for any program.
 *
 * Input: struct header, the packet, then instructions (struct sock_filter).
 */
#include <string.h>

#include "fuzz.h"
#include "selftests/unit/classic.h"
#include "selftests/unit/random_program.h"
#include "selftests/unit/vm_util.h"
#include "userlib/cbpf.h"

#define FLAG_ETHER	BIT(0)	/* the filter expects an Ethernet header */
#define ETHER_LEN	14

/**
 * struct header - beginning of an input
 * @flags:	FLAG_*
 * @packet_len:	bytes of the packet, which follows
 * @direct:	number of bytes that can be read directly
 */
struct header {
	__u8 flags;
	__u8 packet_len;
	__u8 direct;
};

/* A filter, with space for the instructions that same_value() appends */
struct filter {
	struct sock_filter insns[BPF_MAXINSNS + 3];
	__u32 cnt;
};

/* Offset of the instructions in an input of @size bytes */
static size_t insns_offset(const uint8_t *data, size_t size)
{
	size_t packet_len = data[offsetof(struct header, packet_len)];

	return min(size, sizeof(struct header) + packet_len);
}

/* A packet as sockets receive it: IP version 4 or 6, and a valid header length */
static void make_packet(const struct header *h, const uint8_t *bytes, size_t len,
			struct classic_packet *packet)
{
	__u8 *ip;
	bool ipv6;

	memset(packet, 0, sizeof(*packet));
	packet->link_len = h->flags & FLAG_ETHER ? ETHER_LEN : 0;
	packet->len = len;
	packet->random = FUZZ_RANDOM;
	ip = packet->frame + packet->link_len;
	memcpy(ip, bytes, len);
	ipv6 = len && ip[0] >> 4 & 1;
	if (ipv6)
		ip[0] = 0x60 | (ip[0] & 15);
	else if (len)
		ip[0] = 0x40 | max(ip[0] & 15, 5);
	if (packet->link_len) {
		packet->frame[12] = ipv6 ? 0x86 : 0x08;
		packet->frame[13] = ipv6 ? 0xdd : 0x00;
	}
}

/* Return: 1 if the packet passes, 0 if it is dropped, or the error if the filter is refused */
static int passes(const struct filter *filter, const struct classic_packet *packet)
{
	const __u8 *ip = packet->frame + packet->link_len;
	char why[VNP_CBPF_WHY] = "";
	__u8 copy[CLASSIC_PACKET_MAX];
	struct vm_result result;
	struct vnp_cbpf cbpf;
	int err;

	err = vnp_cbpf_translate(filter->insns, filter->cnt,
				 packet->link_len ? VNP_DLT_EN10MB : VNP_DLT_RAW,
				 &cbpf, why);
	fuzz_check(!err || *why, "error %d without a message", err);
	if (err)
		return err;
	memcpy(copy, ip, packet->len);
	fuzz_check(vm_try(cbpf.insns, cbpf.insn_cnt, copy, packet->len, &result),
		   "the verifier refuses the translation: %s", vm_log);
	vnp_cbpf_free(&cbpf);
	fuzz_check(!result.fault, "fault %u at %u", result.fault, result.insn);
	fuzz_check(result.retval == VNP_DROP || result.retval == VNP_PASS,
		   "returns %llu", result.retval);
	fuzz_check(!memcmp(copy, ip, packet->len), "changes the packet");
	return result.retval == VNP_PASS;
}

/* Replace each return of A: pass the packet only if A is @a */
static void same_value(struct filter *filter, __u32 a)
{
	const struct sock_filter end[] = {
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, a },
		{ BPF_RET | BPF_K, 0, 0, 1 },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	__u32 i;

	for (i = 0; i < filter->cnt; i++)
		if (filter->insns[i].code == (BPF_RET | BPF_A))
			filter->insns[i] = (struct sock_filter){
				BPF_JMP | BPF_JA, 0, 0, filter->cnt - i - 1,
			};
	memcpy(filter->insns + filter->cnt, end, sizeof(end));
	filter->cnt += ARRAY_SIZE(end);
}

static bool try_filter(struct filter *filter, const struct classic_packet *packet)
{
	int pass = passes(filter, packet);
	bool whole;
	__u32 a;

	if (pass < 0)
		return false;
	a = classic_run(filter->insns, packet, &whole);
	fuzz_check(pass == !!a, "%s, but the interpreter returns %u",
		   pass ? "passes" : "drops", a);
	if (!whole || filter->cnt + 3 > BPF_MAXINSNS)
		return true;
	same_value(filter, a);
	a = classic_run(filter->insns, packet, NULL);
	pass = passes(filter, packet);
	fuzz_check(pass == -EOPNOTSUPP || pass == !!a, "A is not %u", a);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter filter;
	struct classic_packet packet;
	struct header h;
	size_t at;

	if (size < sizeof(h))
		return fuzz_result(false);
	memcpy(&h, data, sizeof(h));
	at = insns_offset(data, size);
	make_packet(&h, data + sizeof(h), at - sizeof(h), &packet);
	filter.cnt = min_t(size_t, (size - at) / sizeof(*filter.insns), BPF_MAXINSNS);
	memcpy(filter.insns, data + at, filter.cnt * sizeof(*filter.insns));

	vm_type = VNP_PROG_PACKET;
	vm_direct = h.direct;
	return fuzz_result(try_filter(&filter, &packet));
}

/* ---- Mutations -------------------------------------------------------------- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);

/* Set a field to that of another instruction, or add a small number to it */
static void mutate(struct sock_filter *insns, size_t cnt, __u64 *random)
{
	struct sock_filter *insn = &insns[random_next(random) % cnt];
	const struct sock_filter *other = &insns[random_next(random) % cnt];
	__u64 by = random_next(random) >> 20;

	switch (random_next(random) % 8) {
	case 0:
		*insn = *other;
		break;
	case 1:
		insn->k = other->k;
		break;
	case 2:
		insn->k += by % 33 - 16;
		break;
	case 3:
		insn->jt = by % 4;
		insn->jf = by / 4 % 4;
		break;
	case 4:
		insn->code ^= BPF_X;
		break;
	case 5:
		insn->code = (insn->code & ~BPF_OP(~0)) | (by % 11 << 4);
		break;
	case 6:
		insn->code = (insn->code & ~(BPF_SIZE(~0) | BPF_MODE(~0))) |
			     (by % 3 << 3) | (by / 3 % 6 << 5);
		break;
	default:
		insn->code = (insn->code & ~BPF_CLASS(~0)) | by % 8;
	}
}

/* In three of four cases mutate instructions, otherwise bytes */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	static struct sock_filter insns[BPF_MAXINSNS];
	__u64 random = seed * 2ULL + 1;
	size_t at, cnt, n;

	random_next(&random);
	if (size < sizeof(struct header) || !(random_next(&random) >> 40 & 3))
		return LLVMFuzzerMutate(data, size, max_size);
	at = insns_offset(data, size);
	cnt = min_t(size_t, (size - at) / sizeof(*insns), BPF_MAXINSNS);
	if (!cnt)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(insns, data + at, cnt * sizeof(*insns));
	for (n = 1 + random_next(&random) % 4; n; n--)
		mutate(insns, cnt, &random);
	memcpy(data + at, insns, cnt * sizeof(*insns));
	return size;
}
