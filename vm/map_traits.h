/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The table of map types: what a map of each may look like, and which helpers may use
 * it.  How its entries are kept is not said here, but by struct vnp_map_ops
 * (kmod/map/map.h) in the module, and struct vnp_user_map_ops (userlib/user_map.h) in
 * the library.
 *
 * To add one: a number in <linux/vnp.h>, a row in map_traits.c, and the two sets of
 * operations.
 *
 * Layer: below code.h; everything may use it.
 */
#ifndef _VNP_VM_MAP_TRAITS_H
#define _VNP_VM_MAP_TRAITS_H

#include "vm/env.h"
#include <linux/vnp.h>

/* Limits, as documented in <linux/vnp.h> */
#define VNP_MAP_KEY_MAX		512U		/* bytes of a key */
#define VNP_MAP_VALUE_MAX	(1U << 20)	/* of a value */
#define VNP_MAP_PERCPU_MAX	(32U << 10)	/* of a value that each CPU has */
#define VNP_MAP_BYTES_MAX	(1U << 30)	/* of a whole map */

/**
 * struct vnp_map_traits - a type of map
 * @name:	in messages
 * @flags:	VNP_MAP_F_* that a map may be created with
 * @key_size:	bytes of its keys; 0: chosen when it is created
 * @key_min:	bytes of a key at least
 * @value_min:	bytes of a value at least; 0: 1
 * @value_max:	bytes of a value at most
 * @value_unit:	its bytes are a multiple of this; 0: any number
 * @percpu:	an entry has a value for each possible CPU; programs see their CPU's
 * @secret:	values cannot be read
 * @helpers:	bit n: the helper %VNP_HELPER_BASE + n may use it, as its %VNP_ARG_MAP
 */
struct vnp_map_traits {
	const char *name;
	u32 flags;
	u32 key_size;
	u32 key_min;
	u32 value_min;
	u32 value_max;
	u32 value_unit;
	bool percpu;
	bool secret;
	u64 helpers;
};

/* vnp_map_traits_get() - by enum vnp_map_type; NULL if there is none */
const struct vnp_map_traits *vnp_map_traits_get(u32 type);

/* vnp_map_traits_take() - can maps of this type be arguments of an existing helper? */
static inline bool vnp_map_traits_take(const struct vnp_map_traits *traits, u32 helper)
{
	return traits->helpers & BIT_ULL(helper - VNP_HELPER_BASE);
}

/**
 * vnp_map_traits_check() - are the parameters of a new map valid for its type?
 * @traits:	traits of its type
 * @attr:	parameters; only flags, sizes and number of entries are checked
 *
 * The amount of memory is not checked: that depends on the implementation.
 *
 * Return: 0, -EINVAL.
 */
int vnp_map_traits_check(const struct vnp_map_traits *traits,
			 const struct vnp_map_create *attr);

#endif /* _VNP_VM_MAP_TRAITS_H */
