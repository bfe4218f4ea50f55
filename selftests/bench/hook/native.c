// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of the workload processor, compiled natively into the module.
 */
#include <linux/bottom_half.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "bench.h"
#include "processor/programs.h"

#define NATIVE(name)							\
static noinline u32 native_##name(void *ctx, u8 *data, u8 *end)		\
{									\
	return name(ctx, data, end);					\
}

static __always_inline u32 empty(void *ctx, u8 *data, u8 *end)
{
	return 0;
}

NATIVE(empty)
PROCESSOR_MAPPER(NATIVE)

#define ENTRY(name)	{ #name, native_##name },

static const struct bench_program {
	const char *name;
	u32 (*run)(void *ctx, u8 *data, u8 *end);
} bench_programs[] = {
	ENTRY(empty)
	PROCESSOR_MAPPER(ENTRY)
};

void bench_native_fill(void)
{
#define FILL(map, fill)	fill(array_get(map, 0));
	PROCESSOR_FILL_MAPPER(FILL)
}

static const struct bench_program *bench_native_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bench_programs); i++) {
		if (!strncmp(bench_programs[i].name, name, BENCH_NAME_LEN))
			return &bench_programs[i];
	}
	return NULL;
}

int bench_native_run(struct bench_native *native)
{
	const struct bench_program *program = bench_native_find(native->name);
	u8 *data;
	u32 i;

	if (!program || native->len > BENCH_FRAME_LEN_MAX)
		return -EINVAL;
	data = memdup_user(u64_to_user_ptr(native->data), native->len);
	if (IS_ERR(data))
		return PTR_ERR(data);
	local_bh_disable();
	for (i = 0; i < native->repeat; i++)
		native->result = program->run(NULL, data, data + native->len);
	local_bh_enable();
	kfree(data);
	return 0;
}
