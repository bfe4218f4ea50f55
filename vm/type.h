/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Program types: what the context of each looks like, and what is known of it.
 */
#ifndef _VNP_VM_TYPE_H
#define _VNP_VM_TYPE_H

#include "env.h"

enum vnp_field_kind {
	VNP_FIELD_SCALAR,
	VNP_FIELD_PACKET,	/* first byte of the payload; read whole */
	VNP_FIELD_PACKET_END,	/* one past its last byte; read whole */
};

/**
 * struct vnp_field - a field of the context
 * @off:	its place
 * @size:	bytes, of an array all of them
 * @unit:	bytes of an element; the field itself if it is no array
 * @kind:	enum vnp_field_kind
 * @max:	scalar: greatest value an element can have; 0: the type's packet_max
 */
struct vnp_field {
	u16 off;
	u16 size;
	u8 unit;
	u8 kind;
	u64 max;
};

/**
 * struct vnp_type - a program type
 * @fields:	of the context, ascending; what lies between them is not readable
 * @field_cnt:	how many
 * @packet_max:	bytes between data and data_end at most
 * @packet_rdonly: they may not be written
 * @data_off:	where the context has data
 * @data_end_off: where it has data_end
 */
struct vnp_type {
	const struct vnp_field *fields;
	u32 field_cnt;
	u32 packet_max;
	bool packet_rdonly;
	u16 data_off;
	u16 data_end_off;
};

/* vnp_type_get() - by enum vnp_prog_type; NULL if there is none */
const struct vnp_type *vnp_type_get(u32 type);

/* vnp_type_field() - the field that the byte at @off is part of, or NULL */
const struct vnp_field *vnp_type_field(const struct vnp_type *type, u32 off);

#endif /* _VNP_VM_TYPE_H */
