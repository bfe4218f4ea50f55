// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/analysis/cfg.h"
#include "code.h"
#include "vm/isa/decode.h"
#include "vm/map_traits.h"
#include "vm/transform/inline.h"
#include "vm/report/log.h"
#include "vm/report/report.h"
#include "vm/transform/split.h"
#include "vm/analysis/state.h"
#include "vm/analysis/type.h"
#include "vm/verify/verify.h"

static int code_invalid(const struct vnp_code_attr *attr, const char *what)
{
	vnp_log_print(attr->log, VNP_LOG_NORMAL, "%s.\n", what);
	return -EINVAL;
}

static int code_too_many(const struct vnp_code_attr *attr, const char *what, u32 cnt,
			 u32 max)
{
	vnp_log_print(attr->log, VNP_LOG_NORMAL,
		      "the program has %u %s, and may have %u.\n", cnt, what, max);
	return -EINVAL;
}

static int code_check_line_info(const struct vnp_code_attr *attr)
{
	const struct vnp_source *source = &attr->source;
	u32 i;

	if (!source->line_info_cnt)
		return 0;
	if (!source->strings_len || source->strings[source->strings_len - 1])
		return code_invalid(attr,
				    "the strings of the line info do not end with NUL");
	for (i = 0; i < source->line_info_cnt; i++) {
		const struct vnp_line_info *info = &source->line_info[i];

		if (info->insn_off >= attr->insn_cnt ||
		    (i && info->insn_off <= info[-1].insn_off))
			return code_invalid(attr,
				"the line info is not ascending, or goes beyond the program");
		if (info->file_off >= source->strings_len ||
		    info->text_off >= source->strings_len)
			return code_invalid(attr,
				"the line info refers to strings that are not there");
	}
	return 0;
}

static int code_check_maps(const struct vnp_code_attr *attr)
{
	u32 i;

	for (i = 0; i < attr->map_cnt; i++) {
		const struct vnp_map_desc *map = &attr->maps[i];

		if (!map->key_size || map->key_size > VNP_MAP_KEY_MAX ||
		    !map->value_size || map->value_size > VNP_MAP_VALUE_MAX)
			return code_invalid(attr, "a map's key_size or value_size is out of range");
	}
	return 0;
}

int vnp_code_check_counts(const struct vnp_code_attr *attr)
{
	if (!vnp_type_get(attr->type))
		return code_invalid(attr, "there is no such type of program");
	if (!attr->insn_cnt)
		return code_invalid(attr, "the program is empty");
	if (attr->insn_cnt > VNP_INSN_MAX)
		return code_too_many(attr, "instructions", attr->insn_cnt, VNP_INSN_MAX);
	if (attr->map_cnt > VNP_MAPS_MAX)
		return code_too_many(attr, "maps", attr->map_cnt, VNP_MAPS_MAX);
	/* offsets ascend, so there cannot be more than instructions */
	if (attr->source.line_info_cnt > attr->insn_cnt)
		return code_invalid(attr, "there is more line info than instructions");
	if (attr->source.strings_len > VNP_STRINGS_MAX)
		return code_too_many(attr, "bytes of strings", attr->source.strings_len,
				     VNP_STRINGS_MAX);
	return 0;
}

static int code_check_attr(const struct vnp_code_attr *attr)
{
	int err;

	err = vnp_code_check_counts(attr);
	if (!err)
		err = code_check_maps(attr);
	return err ? err : code_check_line_info(attr);
}

/* A copy of @n elements; NULL for none, or with *@err set */
static void *code_copy(const void *from, u32 n, size_t size, int *err)
{
	void *copy;

	if (!n)
		return NULL;
	copy = vnp_alloc(n, size);
	if (copy)
		memcpy(copy, from, n * size);
	else
		*err = -ENOMEM;
	return copy;
}

static int code_copy_attr(struct vnp_code *code, const struct vnp_code_attr *attr)
{
	const struct vnp_source *source = &attr->source;
	int err = 0;

	code->insn_cnt = attr->insn_cnt;
	code->map_cnt = attr->map_cnt;
	code->source = *source;
	code->insns = code_copy(attr->insns, attr->insn_cnt, sizeof(*attr->insns), &err);
	code->loaded = code->insns;
	code->loaded_cnt = code->insn_cnt;
	code->maps = code_copy(attr->maps, attr->map_cnt, sizeof(*attr->maps), &err);
	code->source.line_info = code_copy(source->line_info, source->line_info_cnt,
					   sizeof(*source->line_info), &err);
	code->source.strings = code_copy(source->strings, source->strings_len, 1, &err);
	code->aux = vnp_alloc(attr->insn_cnt, sizeof(*code->aux));
	return code->aux ? err : -ENOMEM;
}

int vnp_code_create(const struct vnp_code_attr *attr, struct vnp_code **code)
{
	struct vnp_code *c;
	int err;

	err = code_check_attr(attr);
	if (err)
		return err;
	c = vnp_alloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->type = attr->type;
	c->harden = attr->harden;
	c->budget = attr->budget ? attr->budget : VNP_BUDGET_DEFAULT;
	c->key = attr->key;
	c->log = attr->log;
	err = code_copy_attr(c, attr);
	if (err) {
		vnp_code_destroy(c);
		return err;
	}
	*code = c;
	return 0;
}

int vnp_code_check(struct vnp_code *code)
{
	int err;

	err = vnp_decode(code);
	if (err)
		return err;
	err = vnp_inline(code);
	if (err)
		return err;
	err = vnp_split_verify(code);
	if (!err)
		vnp_report(code);
	return err;
}

enum vnp_fault vnp_access_fault(const struct vnp_access *access)
{
	switch (access->kind) {
	case VNP_REG_PACKET:
		return VNP_FAULT_PACKET;
	case VNP_REG_MAP_VALUE:
		return VNP_FAULT_MAP;
	case VNP_REG_STACK:
		return VNP_FAULT_STACK;
	case VNP_REG_CTX:
		return VNP_FAULT_CONTEXT;
	default:
		return VNP_FAULT_NULL;
	}
}

void vnp_code_destroy(struct vnp_code *code)
{
	if (!code)
		return;
	vnp_free(code->lowered.insns);
	vnp_free(code->lowered.origin);
	vnp_free(code->lowered.guard);
	vnp_free(code->lowered.map);
	vnp_cfg_destroy(code->cfg);
	vnp_free(code->source.line_info);
	vnp_free(code->source.strings);
	vnp_free(code->maps);
	vnp_free(code->calls);
	vnp_free(code->aux);
	if (code->inlined)
		vnp_free(code->loaded);
	vnp_inlined_free(code->inlined);
	vnp_free(code->insns);
	vnp_free(code);
}
