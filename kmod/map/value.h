/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vnp_value_load(), vnp_value_store() - copy a value out of a map, and into it, in words
 * of 8 bytes, so that none is torn
 *
 * The value in the map is aligned to 8 and padded to a multiple of 8.  For
 * vnp_value_load() @to must be too.
 */
#ifndef _VNP_MAP_VALUE_H
#define _VNP_MAP_VALUE_H

#include <linux/types.h>

void vnp_value_load(void *to, const void *value, u32 size);
void vnp_value_store(void *value, const void *from, u32 size);

#endif /* _VNP_MAP_VALUE_H */
