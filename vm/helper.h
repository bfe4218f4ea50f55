/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The table of helpers: all that the verifier, lowering, the interpreter and the
 * disassembler know of each, and which programs may call it.  Which maps may be its argument is
 * in the table of map types (map_traits.h).  Elsewhere in vm/ a helper is named only for the
 * check of vnp_log()'s format.  The functions are in kmod/prog/helpers*.c for the module, and in
 * userlib/ for the library.
 *
 * To add one: an id in <linux/vnp.h>, a prototype in <vnp/program.h>, a row in
 * helper.c, and the two functions; if it takes a map, its bit in map_traits.c, which is for
 * VNP_ARG_MAP (a second map, VNP_ARG_KEYS, is checked by verify/call.c).
 *
 * Layer: below code.h; everything may use it.
 */
#ifndef _VNP_VM_HELPER_H
#define _VNP_VM_HELPER_H

#include "vm/env.h"
#include <linux/vnp.h>

/**
 * enum vnp_arg_kind - what a helper takes
 * @VNP_ARG_NONE:	nothing
 * @VNP_ARG_SCALAR:	a number
 * @VNP_ARG_CTX:	the program's context
 * @VNP_ARG_MAP:	a map's handle; which map must be known when loading
 * @VNP_ARG_KEYS:	likewise, a second map, of type %VNP_MAP_KEYS
 * @VNP_ARG_MAP_KEY:	memory of the map's key_size, read
 * @VNP_ARG_MAP_VALUE:	memory of the map's value_size, read
 * @VNP_ARG_SEAL:	memory of sizeof(struct vnp_seal), read
 * @VNP_ARG_MEM_READ:	memory, read; the next argument is its size
 * @VNP_ARG_MEM_READ_OR_NULL: likewise, or NULL if the size is 0
 * @VNP_ARG_MEM_WRITE:	memory, written as a whole; the next argument is its size
 * @VNP_ARG_SIZE:	bytes, at least 1
 * @VNP_ARG_SIZE_OR_0:	bytes, may be 0: then the memory is not touched
 */
enum vnp_arg_kind {
	VNP_ARG_NONE,
	VNP_ARG_SCALAR,
	VNP_ARG_CTX,
	VNP_ARG_MAP,
	VNP_ARG_KEYS,
	VNP_ARG_MAP_KEY,
	VNP_ARG_MAP_VALUE,
	VNP_ARG_SEAL,
	VNP_ARG_MEM_READ,
	VNP_ARG_MEM_READ_OR_NULL,
	VNP_ARG_MEM_WRITE,
	VNP_ARG_SIZE,
	VNP_ARG_SIZE_OR_0,
};

enum vnp_ret_kind {
	VNP_RET_SCALAR,
	VNP_RET_MAP_VALUE_OR_NULL,	/* of the map in the first argument */
};

/**
 * enum vnp_cost_kind - the bytes that a helper touches
 * @VNP_COST_FLAT:	so few that the cost of the call covers them
 * @VNP_COST_KEY:	a key of the map
 * @VNP_COST_VALUE:	a key and a value of the map
 * @VNP_COST_MEMBERS:	a key of the map, and its entries: one group may have all
 * @VNP_COST_SIZE:	as many as the size argument in R4 says
 * @VNP_COST_PACKET:	the payload, as long as it is
 * @VNP_COST_RESIZE:	likewise, and as many as R2 changes its length by, of either sign
 * @VNP_COST_CRYPT:	the payload, each byte of which is encrypted or authenticated
 */
enum vnp_cost_kind {
	VNP_COST_FLAT,
	VNP_COST_KEY,
	VNP_COST_VALUE,
	VNP_COST_MEMBERS,
	VNP_COST_SIZE,
	VNP_COST_PACKET,
	VNP_COST_RESIZE,
	VNP_COST_CRYPT,
};

/* Bytes of a struct vnp_crypt at most, also in future: what follows the known ones is searched */
#define VNP_CRYPT_LEN_MAX	256

/*
 * vnp_crypt_limit() - how many bytes may be encrypted or authenticated by one execution on a
 * message of a stream, of @len bytes; the budget does not limit that (cost.h)
 */
static inline u32 vnp_crypt_limit(u32 len)
{
	const u32 least = 65536;

	return 4 * len > least ? 4 * len : least;
}

typedef u64 (*vnp_helper_fn)(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

#define VNP_HELPER_ARGS_MAX	5

/**
 * struct vnp_helper - a helper
 * @name:	without the prefix vnp_
 * @fn:		the function
 * @arg:	kinds of R1 to R5
 * @ret:	kind of R0
 * @prog_types:	bit n: programs of enum vnp_prog_type n may call it
 * @moves_packet: it invalidates pointers into the payload
 * @writes_packet: it may change the payload
 * @writes_map:	it changes the map in its first argument
 * @holds:	it works on messages that are held with the link
 * @bytes:	enum vnp_cost_kind: which bytes it touches, for the budget
 * @cost:	units of the budget that a call takes without these
 */
struct vnp_helper {
	const char *name;
	vnp_helper_fn fn;
	u8 arg[VNP_HELPER_ARGS_MAX];
	u8 ret;
	u32 prog_types;
	bool moves_packet;
	bool writes_packet;
	bool writes_map;
	bool holds;
	u8 bytes;
	u16 cost;
};

/* vnp_helper_get() - by id; NULL if there is none */
const struct vnp_helper *vnp_helper_get(u32 id);

/**
 * vnp_bpf_helper_name() - name of a helper of the kernel's own eBPF
 * @id:		its number, of enum bpf_func_id
 *
 * VNP has none of these.  A program that was compiled against <linux/bpf.h> or libbpf's
 * headers gets a message that names the one it calls.
 *
 * Return: the name with its prefix bpf_, or NULL if the kernel whose headers
 * this was built with has no such helper.
 */
const char *vnp_bpf_helper_name(u32 id);

/* vnp_bpf_helper_counterpart() - VNP's function to be used instead, or NULL */
const char *vnp_bpf_helper_counterpart(u32 id);

/* The functions.  Context: softirq, or process context with softirqs off. */
#define __VNP_HELPER_FN(name, id) \
	u64 vnp_helper_##name(u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);
VNP_HELPER_MAPPER(__VNP_HELPER_FN)
#undef __VNP_HELPER_FN

#endif /* _VNP_VM_HELPER_H */
