// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Values as text, for messages.
 */
#include "vm/arith.h"
#include "vm/analysis/state.h"

struct print {
	char *text;
	u32 len;
};

static __printf(2, 3) void print_add(struct print *p, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(p->text + p->len, VNP_REG_TEXT_LEN - p->len, fmt, args);
	va_end(args);
	if (n > 0)
		p->len = min_t(u32, p->len + n, VNP_REG_TEXT_LEN - 1);
}

/* "5", "0..255", "-4..4", or "any" */
static void print_num(struct print *p, const struct vnp_scalar *num)
{
	if (vnp_scalar_is_const(num))
		print_add(p, "%lld", (long long)num->value);
	else if (num->smin != S64_MIN || num->smax != S64_MAX)
		print_add(p, "%lld..%lld", (long long)num->smin,
			  (long long)num->smax);
	else if (num->umin || num->umax != U64_MAX)
		print_add(p, "%llu..%llu", (unsigned long long)num->umin,
			  (unsigned long long)num->umax);
	else
		print_add(p, "any");
	if (num->mask && (num->value || num->mask != U64_MAX) &&
	    (num->mask & vnp_wrap_add(num->mask, 1)))
		print_add(p, ", bits 0x%llx unknown",
			  (unsigned long long)num->mask);
}

static void print_pointer(struct print *p, const struct vnp_reg *reg, const char *to)
{
	print_add(p, "%s", to);
	if (reg->off)
		print_add(p, " %c %d", reg->off < 0 ? '-' : '+',
			  reg->off < 0 ? -reg->off : reg->off);
	if (!vnp_scalar_is_const(&reg->num) || reg->num.value) {
		print_add(p, " + (");
		print_num(p, &reg->num);
		print_add(p, ")");
	}
	if (reg->kind == VNP_REG_PACKET && reg->range != VNP_RANGE_NONE)
		print_add(p, ", %d bytes proven", reg->range - reg->off);
	if (reg->maybe_null)
		print_add(p, ", or NULL");
}

void vnp_reg_print(const struct vnp_reg *reg, char *text)
{
	struct print p = { .text = text };

	switch (reg->kind) {
	case VNP_REG_UNSET:
		print_add(&p, "not set");
		break;
	case VNP_REG_CONFLICT:
		print_add(&p, "of different kinds on different paths here");
		break;
	case VNP_REG_VOID:
		print_add(&p, "pointer into the payload before it moved");
		break;
	case VNP_REG_SCALAR:
		print_add(&p, "number ");
		print_num(&p, &reg->num);
		break;
	case VNP_REG_HALF:
		print_pointer(&p, reg, reg->map == VNP_REG_PACKET ?
			      "lower half of data" : "lower half of data_end");
		break;
	case VNP_REG_CTX:
		print_pointer(&p, reg, "ctx");
		break;
	case VNP_REG_PACKET:
		print_pointer(&p, reg, "data");
		break;
	case VNP_REG_PACKET_END:
		print_pointer(&p, reg, "data_end");
		break;
	case VNP_REG_STACK:
		print_pointer(&p, reg, "stack");
		break;
	case VNP_REG_MAP_VALUE:
		print_add(&p, "map %u ", reg->map);
		print_pointer(&p, reg, "value");
		break;
	case VNP_REG_MAP_HANDLE:
		print_add(&p, "map %u", reg->map);
		break;
	}
}
