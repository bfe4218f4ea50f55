// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"
#include <linux/vnp.h>

#define CTX_FIELD(name, _unit, _kind, _max) {				\
	.off = offsetof(struct vnp_ctx, name),				\
	.size = sizeof(((struct vnp_ctx *)0)->name),			\
	.unit = (_unit),						\
	.kind = VNP_FIELD_##_kind,					\
	.max = (_max),							\
}

/* A pointer takes 8 bytes, whatever the size of the machine's own */
#define CTX_POINTER(name, _kind) {					\
	.off = offsetof(struct vnp_ctx, name),				\
	.size = 8,							\
	.unit = 8,							\
	.kind = VNP_FIELD_##_kind,					\
}

static const struct vnp_field vnp_packet_fields[] = {
	CTX_POINTER(data, PACKET),
	CTX_POINTER(data_end, PACKET_END),
	CTX_FIELD(len, 4, SCALAR, 0),
	CTX_FIELD(family, 4, SCALAR, U16_MAX),
	CTX_FIELD(remote_ip4, 4, SCALAR, U32_MAX),
	CTX_FIELD(local_ip4, 4, SCALAR, U32_MAX),
	CTX_FIELD(remote_ip6, 4, SCALAR, U32_MAX),
	CTX_FIELD(local_ip6, 4, SCALAR, U32_MAX),
	CTX_FIELD(remote_port, 4, SCALAR, U16_MAX),
	CTX_FIELD(local_port, 4, SCALAR, U16_MAX),
	CTX_FIELD(ifindex, 4, SCALAR, S32_MAX),
	CTX_FIELD(ttl, 4, SCALAR, U8_MAX),
	CTX_FIELD(tos, 4, SCALAR, U8_MAX),
	CTX_FIELD(tstamp, 8, SCALAR, U64_MAX),
	CTX_FIELD(unanswered, 4, SCALAR, 3),
	CTX_FIELD(link_id, 4, SCALAR, S32_MAX),
};

/* The last two fields only exist for messages. */
#define PACKET_FIELD_CNT	(ARRAY_SIZE(vnp_packet_fields) - 2)

static const struct vnp_type vnp_types[] = {
	[VNP_PROG_DATAGRAM] = {
		.name = "datagram",
		.fields = vnp_packet_fields,
		.field_cnt = PACKET_FIELD_CNT,
		.packet_max = U16_MAX,
		.data_off = offsetof(struct vnp_ctx, data),
		.data_end_off = offsetof(struct vnp_ctx, data_end),
		.verdicts = BIT_ULL(VNP_DROP) | BIT_ULL(VNP_PASS) | BIT_ULL(VNP_REPLY) |
			    BIT_ULL(VNP_HELD),
	},
	[VNP_PROG_PACKET] = {
		.name = "packet",
		.fields = vnp_packet_fields,
		.field_cnt = PACKET_FIELD_CNT,
		.packet_max = VNP_PACKET_MAX,
		.packet_rdonly = true,
		.data_off = offsetof(struct vnp_ctx, data),
		.data_end_off = offsetof(struct vnp_ctx, data_end),
		.verdicts = BIT_ULL(VNP_DROP) | BIT_ULL(VNP_PASS) | BIT_ULL(VNP_REPLY),
	},
	[VNP_PROG_STREAM] = {
		.name = "stream",
		.fields = vnp_packet_fields,
		.field_cnt = PACKET_FIELD_CNT,
		.packet_max = VNP_STREAM_MAX,
		.packet_rdonly = true,
		.data_off = offsetof(struct vnp_ctx, data),
		.data_end_off = offsetof(struct vnp_ctx, data_end),
	},
	[VNP_PROG_MESSAGE] = {
		.name = "message",
		.fields = vnp_packet_fields,
		.field_cnt = ARRAY_SIZE(vnp_packet_fields),
		.packet_max = VNP_STREAM_MAX,
		.data_off = offsetof(struct vnp_ctx, data),
		.data_end_off = offsetof(struct vnp_ctx, data_end),
		.verdicts = BIT_ULL(VNP_DROP) | BIT_ULL(VNP_PASS) | BIT_ULL(VNP_REPLY) |
			    BIT_ULL(VNP_HELD),
	},
};

const struct vnp_type *vnp_type_get(u32 type)
{
	if (type >= ARRAY_SIZE(vnp_types) || !vnp_types[type].fields)
		return NULL;
	return &vnp_types[type];
}

bool vnp_type_returns(const struct vnp_type *type, u64 min, u64 max)
{
	if (!type->verdicts)
		return max <= U32_MAX;
	return max < 64 && !((U64_MAX >> (63 - max)) & (U64_MAX << min) & ~type->verdicts);
}

const struct vnp_field *vnp_type_field(const struct vnp_type *type, s64 off)
{
	u32 i;

	for (i = 0; i < type->field_cnt; i++) {
		const struct vnp_field *field = &type->fields[i];

		if (off >= field->off && off - field->off < field->size)
			return field;
	}
	return NULL;
}

s64 vnp_type_end(const struct vnp_type *type)
{
	s64 end = 0;
	u32 i;

	for (i = 0; i < type->field_cnt; i++)
		end = max(end, (s64)type->fields[i].off + type->fields[i].size);
	return end;
}

/* Is the byte at @off one of a number */
static bool type_is_number(const struct vnp_type *type, s64 off)
{
	const struct vnp_field *field = vnp_type_field(type, off);

	return field && field->kind == VNP_FIELD_SCALAR;
}

bool vnp_type_run(const struct vnp_type *type, s64 at, s64 *lo, s64 *hi)
{
	if (!type_is_number(type, at))
		return false;
	for (*lo = at; type_is_number(type, *lo - 1);)
		--*lo;
	for (*hi = at + 1; type_is_number(type, *hi);)
		++*hi;
	return true;
}

bool vnp_type_numbers(const struct vnp_type *type, const struct vnp_scalar *at, u32 size,
		      u64 *words, s64 *bad)
{
	s64 last = vnp_type_end(type) - size, lo, hi;

	*words = 0;
	*bad = at->smin < 0 ? at->smin : at->smax;
	if (at->smin < 0 || at->smax > last)
		return false;
	for (*bad = at->smin; *bad <= at->smax; ++*bad) {
		if (!vnp_scalar_has(at, *bad))
			continue;
		if (!vnp_type_run(type, *bad, &lo, &hi) || hi - *bad < size)
			return false;
		*words |= vnp_type_words(*bad, size);
	}
	return true;
}
