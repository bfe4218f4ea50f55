// SPDX-License-Identifier: GPL-2.0
#include "kmod/map/value.h"

#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/string.h>

#include "kmod/core/compat.h"

void vnp_value_load(void *to, const void *value, u32 size)
{
	const u64 *from = value;
	u64 *word = to;
	u32 i;

	for (i = 0; i < DIV_ROUND_UP(size, sizeof(u64)); i++)
		word[i] = READ_ONCE(from[i]);
}

void vnp_value_store(void *value, const void *from, u32 size)
{
	u32 words = size / sizeof(u64);
	u64 *word = value;
	u32 i;

	for (i = 0; i < words; i++)
		WRITE_ONCE(word[i], get_unaligned((const u64 *)from + i));
	memcpy(word + words, from + words * sizeof(u64), size % sizeof(u64));
}
