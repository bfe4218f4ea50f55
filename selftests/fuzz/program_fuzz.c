// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Fuzzes the verifier, lowering, and both interpreters.  An accepted program is executed by
 * the reference interpreter, which checks each access against the real objects, and
 * lowered, for a trusted and an untrusted user: results, memory and faults must be the
 * same. vnp_check_lowered() checks the code for the latter. vm_util.c does all this, and
 * aborts if a check fails.
 *
 * Input: struct header, the payload, then instructions, or bytes from which
 * random_program_of() generates them.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "selftests/unit/random_program.h"
#include "selftests/unit/vm_util.h"

#define FLAG_RAW	BIT(0)	/* the input has instructions */
#define FLAG_PACKET	BIT(1)	/* a program of type VNP_PROG_PACKET */
#define FLAG_SMALL	BIT(2)	/* small budget */
#define FLAG_STATES	BIT(3)	/* report the states at all instructions */
#define FLAG_PARSE	BIT(4)	/* RANDOM_PARSE */
#define FLAG_INDEX	BIT(5)	/* RANDOM_INDEX */
#define FLAG_ATTACK	BIT(6)	/* RANDOM_ATTACK */
#define FLAG_KINDS	BIT(7)	/* RANDOM_KINDS */

/**
 * struct header - beginning of an input
 * @flags:	FLAG_*
 * @payload_len: bytes of the payload, which follows
 * @direct:	number of bytes that can be read directly
 * @mutations:	number of mutations, in the lower two bits
 * @seed:	seed of the mutations
 */
struct header {
	__u8 flags;
	__u8 payload_len;
	__u8 direct;
	__u8 mutations;
	__u32 seed;
};

/* Offset of the bytes after the payload, in an input of @size bytes */
static size_t program_offset(const uint8_t *data, size_t size)
{
	size_t payload_len = data[offsetof(struct header, payload_len)];

	return min(size, sizeof(struct header) + payload_len);
}

static __u32 with(__u8 flags)
{
	return (flags & FLAG_PARSE ? RANDOM_PARSE : 0) |
	       (flags & FLAG_INDEX ? RANDOM_INDEX : 0) |
	       (flags & FLAG_ATTACK ? RANDOM_ATTACK : 0) |
	       (flags & FLAG_KINDS ? RANDOM_KINDS : 0);
}

static __u32 make_program(const struct header *h, const uint8_t *rest, size_t len,
			  struct bpf_insn *insns)
{
	__u64 random = h->seed * 2ULL + 1;
	__u32 cnt, n;

	if (h->flags & FLAG_RAW) {
		cnt = min_t(size_t, len / sizeof(*insns), RANDOM_INSNS_MAX);
		memcpy(insns, rest, cnt * sizeof(*insns));
	} else {
		cnt = random_program_of(rest, len, with(h->flags), insns);
	}
	for (n = h->mutations & 3; n && cnt; n--)
		random_mutate(insns, cnt, &random);
	return cnt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	struct vm_result result;
	__u8 payload[U8_MAX];
	struct header h;
	size_t at;
	__u32 cnt;

	if (size < sizeof(h))
		return fuzz_result(false);
	memcpy(&h, data, sizeof(h));
	at = program_offset(data, size);
	memcpy(payload, data + sizeof(h), at - sizeof(h));
	cnt = make_program(&h, data + at, size - at, insns);
	if (!cnt)
		return fuzz_result(false);

	vm_type = h.flags & FLAG_PACKET ? VNP_PROG_PACKET : VNP_PROG_DATAGRAM;
	vm_budget = h.flags & FLAG_SMALL ? 100 : 5000;
	vm_log_level = h.flags & FLAG_STATES ? VNP_LOG_STATES : VNP_LOG_NORMAL;
	vm_direct = h.direct;
	return fuzz_result(vm_try(insns, cnt, payload, at - sizeof(h), &result));
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);

/* In half of the cases mutate instructions, otherwise bytes */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	__u64 random = seed * 2ULL + 1;
	size_t at, cnt, n;

	random_next(&random);
	if (size < sizeof(struct header) || !(data[0] & FLAG_RAW) ||
	    random_next(&random) >> 40 & 1)
		return LLVMFuzzerMutate(data, size, max_size);
	at = program_offset(data, size);
	cnt = min_t(size_t, (size - at) / sizeof(*insns), RANDOM_INSNS_MAX);
	if (!cnt)
		return LLVMFuzzerMutate(data, size, max_size);
	memcpy(insns, data + at, cnt * sizeof(*insns));
	for (n = 1 + random_next(&random) % 4; n; n--)
		random_mutate(insns, cnt, &random);
	memcpy(data + at, insns, cnt * sizeof(*insns));
	return size;
}
