/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * For tests of vm/: make a program, execute it with both interpreters, and compare.
 *
 * Maps that programs of tests can use: see vm_maps in vm_util.c.
 */
#ifndef _VNP_UNIT_VM_UTIL_H
#define _VNP_UNIT_VM_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "insn_macros.h"
#include "vm/code.h"
#include "vm/exec.h"

enum vm_map {
	MAP_HASH,	/* __u32 -> 16 bytes, empty */
	MAP_ARRAY,	/* 8 entries of 16 bytes */
	MAP_DATA,	/* one entry of 64 bytes: global variables */
	MAP_RDONLY,	/* likewise, 16 bytes, read-only for programs */
	MAP_CNT
};

extern const struct vnp_map_create vm_maps[MAP_CNT];

/* Keys 0 to MAP_KEYS - 1 are compared: more than an array has */
#define MAP_KEYS	16

/* The contents of the maps */
struct vm_values {
	bool there[MAP_CNT][MAP_KEYS];
	__u8 value[MAP_CNT][MAP_KEYS][64];
};

/* The results of an execution */
struct vm_result {
	__u64 retval;
	enum vnp_fault fault;
	__u32 insn;
	__u32 len;	/* length of the payload after the execution */
};

/* The verifier's report on the last program */
extern char vm_log[65536];

/* vm_make() - verify and lower; destroy with vm_free(). Return: 0 or an error */
int vm_make(const struct bpf_insn *insns, __u32 cnt, struct vnp_code **code);
void vm_free(struct vnp_code *code);

/* options for the next programs; zero is the default (vm_type: %VNP_PROG_DATAGRAM) */
extern __u32 vm_type;
extern __u32 vm_direct;	/* bytes of payload that are direct; 0: all */
extern __u32 vm_budget;
extern __u32 vm_log_level;
extern bool vm_harden;
extern bool vm_trusted;	/* do not compare with hardened code */
extern struct vnp_source vm_source;

/* number of the current program, for messages */
extern __u64 vm_name;

/**
 * vm_run() - execute a program with both interpreters; the test fails if results differ
 * @insns:	the program, which must be accepted
 * @cnt:	number of instructions
 * @payload:	in: the payload; out: as the program has changed it
 * @len:	bytes
 */
struct vm_result vm_run(const struct bpf_insn *insns, __u32 cnt, void *payload,
			__u32 len);

/*
 * vm_run_each() - likewise, on @n consecutive payloads of @len bytes, verified only once
 */
void vm_run_each(const struct bpf_insn *insns, __u32 cnt, void *payloads, __u32 len,
		 __u32 n, struct vm_result *results);

/* vm_try() - likewise; false if it is refused, true with *@result if it was executed */
bool vm_try(const struct bpf_insn *insns, __u32 cnt, void *payload, __u32 len,
	    struct vm_result *result);

/*
 * vm_set_open() - the same in steps: verify once; NULL if it is refused.  vm_set_run() -
 * execute it on one payload; maps keep their contents.  vm_set_close() frees it.
 */
struct vm_set *vm_set_open(const struct bpf_insn *insns, __u32 cnt);
struct vm_result vm_set_run(struct vm_set *set, void *payload, __u32 len);
void vm_set_close(struct vm_set *set);

/*
 * vm_open() - a program with its own maps, for the reference interpreter only; NULL if it
 * is refused.  vm_interpret() - execute it.  vm_read_maps() - contents of its maps.
 * vm_close() frees it.
 */
struct vm *vm_open(const struct bpf_insn *insns, __u32 cnt);
struct vm_result vm_interpret(struct vm *vm, void *payload, __u32 len);
void vm_read_maps(const struct vm *vm, struct vm_values *values);
void vm_close(struct vm *vm);

#define PROG(...)	((const struct bpf_insn[]){ __VA_ARGS__ }),	\
	sizeof((const struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn)

/* The program is refused with a message that contains @text */
#define assert_refused(text, ...)	vm_assert_refused(text, PROG(__VA_ARGS__))
void vm_assert_refused(const char *text, const struct bpf_insn *insns, __u32 cnt);

/* The program is accepted with a report that contains @text */
#define assert_accepted(text, ...)	vm_assert_accepted(text, PROG(__VA_ARGS__))
void vm_assert_accepted(const char *text, const struct bpf_insn *insns, __u32 cnt);

/* It returns @value on a payload of @len zeroes */
#define assert_returns(value, len, ...)					\
	vm_assert_returns(value, len, PROG(__VA_ARGS__))
void vm_assert_returns(__u64 value, __u32 len, const struct bpf_insn *insns,
		       __u32 cnt);

/* It ends with a fault in instruction @insn */
#define assert_faults(kind, insn, len, ...)				\
	vm_assert_faults(kind, insn, len, PROG(__VA_ARGS__))
void vm_assert_faults(enum vnp_fault kind, __u32 insn, __u32 len,
		      const struct bpf_insn *insns, __u32 cnt);

#endif /* _VNP_UNIT_VM_UTIL_H */
