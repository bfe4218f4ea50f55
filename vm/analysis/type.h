/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Program types, a row of a table for each: what its context looks like, what a program
 * may do to the payload and return.  Which helpers it may call is in the table of
 * helpers (helper.h).
 *
 * Layer: above scalar.h.
 */
#ifndef _VNP_VM_ANALYSIS_TYPE_H
#define _VNP_VM_ANALYSIS_TYPE_H

#include "vm/env.h"
#include "vm/analysis/scalar.h"

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
 * @name:	in messages; its section without the prefix vnp/
 * @fields:	of the context, ascending; what lies between them is not readable
 * @field_cnt:	how many
 * @packet_max:	bytes between data and data_end at most
 * @packet_rdonly: they may not be written
 * @data_off:	where the context has data
 * @data_end_off: where it has data_end
 * @verdicts:	bit n: n is a verdict.  0: any number of 32 bits is a result
 */
struct vnp_type {
	const char *name;
	const struct vnp_field *fields;
	u32 field_cnt;
	u32 packet_max;
	bool packet_rdonly;
	u16 data_off;
	u16 data_end_off;
	u64 verdicts;
};

/* vnp_type_get() - by enum vnp_prog_type; NULL if there is none */
const struct vnp_type *vnp_type_get(u32 type);

/* vnp_type_returns() - is each number from @min to @max a verdict, or result, of the type? */
bool vnp_type_returns(const struct vnp_type *type, u64 min, u64 max);

/* vnp_type_field() - the field that the byte at @off is part of, or NULL */
const struct vnp_field *vnp_type_field(const struct vnp_type *type, s64 off);

/*
 * vnp_type_end() - the end of the last field that programs of this type have.  So later fields,
 * which only other types have, do not change which programs of this type are accepted
 */
s64 vnp_type_end(const struct vnp_type *type);

/* vnp_type_words() - bits of struct vnp_code::ctx_fields for @size bytes at @off */
static inline u64 vnp_type_words(u32 off, u32 size)
{
	return BIT_ULL(off / 8) | BIT_ULL((off + size - 1) / 8);
}

/**
 * vnp_type_run() - the adjacent numeric fields of the context around an offset
 * @type:	whose context
 * @at:		the offset
 * @lo:		out: where they begin
 * @hi:		out: where they end
 *
 * Return: false if there is none.
 */
bool vnp_type_run(const struct vnp_type *type, s64 at, s64 *lo, s64 *hi);

/**
 * vnp_type_numbers() - a load of the context at an offset that varies
 * @type:	whose context
 * @at:		what the offset can be
 * @size:	bytes
 * @words:	gets the vnp_type_words() of all offsets
 * @bad:	gets an offset where some byte is not in a numeric field
 *
 * Return: false if there is such an offset.
 */
bool vnp_type_numbers(const struct vnp_type *type, const struct vnp_scalar *at, u32 size,
		      u64 *words, s64 *bad);

#endif /* _VNP_VM_ANALYSIS_TYPE_H */
