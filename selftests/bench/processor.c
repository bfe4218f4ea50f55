// SPDX-License-Identifier: GPL-2.0
/*
 * Workload processor: the same C programs, executed by VNP, by the kernel's BPF, and
 * natively.  The cost of executing an empty program is subtracted.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "processor/inputs.h"
#include "processor/programs.h"
#include "../kmod/object.h"

#define BARRIER		(BPF_ST | 0xc0)	/* BPF_NOSPEC, which no UAPI header defines */
#define SCRATCH		11	/* register used by lowering only (AX) */
#define EXECUTIONS	1000
#define SAMPLES		5
#define INPUT_MIN	14	/* tc requires at least an Ethernet header */

/**
 * struct subject - a program and its input
 * @name:	its name
 * @data:	the payload
 * @len:	bytes of it
 * @result:	expected return value of the first execution
 */
struct subject {
	const char *name;
	__u8 data[512];
	__u32 len;
	__u32 result;
};

static const struct subject subjects[] = {
	{ "empty" },
#define SUBJECT(name, result, bytes)	{ #name, bytes, sizeof(bytes) - 1, result },
	PROCESSOR_INPUTS(SUBJECT)
};

static const char *subject_file(const struct subject *subject, const char *kind)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s.%s.o",
		 subject == subjects ? "progs" : "processor", subject->name, kind);
	return object_path(name);
}

/*
 * ---- VNP -----------------------------------------------------------------
 */

static struct vnp_object *vnp_obj;
static struct vnp_program *vnp_prog;

static void vnp_fill(void)
{
	struct vnp_map *map;
	const __u32 key = 0;

#define VNP_FILL(_map, _fill)						\
	map = vnp_object_find_map(vnp_obj, #_map);			\
	_fill(array_get(_map, 0));					\
	if (map && vnp_map_update(map, &key, array_get(_map, 0), VNP_MAP_ANY))	\
		die("VNP's map %s cannot be filled.", #_map);
	PROCESSOR_FILL_MAPPER(VNP_FILL)
}

static bool vnp_load(const struct subject *subject, __u32 flags)
{
	const struct vnp_load_opts opts = { sizeof(opts), .prog_flags = flags };
	int err = vnp_object_open_file(subject_file(subject, "bpf"), NULL, &vnp_obj);

	if (err)
		die("Cannot open VNP's program %s: %s.", subject->name, strerror(-err));
	err = vnp_object_load(vnp_obj, &opts);
	if (err) {
		printf("VNP does not load %s: %s\n", subject->name, strerror(-err));
		return false;
	}
	vnp_fill();
	vnp_prog = vnp_object_next_program(vnp_obj, NULL);
	return true;
}

static bool vnp_load_trusted(const struct subject *subject)
{
	return vnp_load(subject, 0);
}

static bool vnp_load_hardened(const struct subject *subject)
{
	return vnp_load(subject, VNP_PROG_F_HARDEN);
}

static __u32 vnp_execute(const struct subject *subject, __u32 repeat)
{
	struct vnp_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = subject->data,
		.data_in_len = subject->len,
		.repeat = repeat,
	};

	if (vnp_program_run(vnp_prog, &opts) || opts.fault)
		die("VNP cannot execute %s.", subject->name);
	return opts.retval;
}

/* The instruction of a mask that copies the sign to all bits */
static bool is_mask(const struct vnp_lowered_insn *insn)
{
	return insn->code == (BPF_ALU64 | BPF_ARSH | BPF_K) && (insn->regs & 15) == SCRATCH;
}

/* Count the guards, masks and barriers that lowering has added */
static void vnp_describe(struct row *row)
{
	struct vnp_prog_info info = { .size = sizeof(info) };
	struct vnp_lowered_insn *insns;
	__u32 len, i;

	if (vnp_program_get_info(vnp_prog, &info) ||
	    vnp_program_dump(vnp_prog, VNP_DUMP_LOWERED, (void **)&insns, &len))
		die("Cannot get the lowered instructions of %s.", row->kase);
	row->guards = info.guard_cnt;
	for (i = 0; i < len / sizeof(*insns); i++) {
		row->barriers += insns[i].code == BARRIER;
		row->masks += is_mask(&insns[i]);
	}
	free(insns);
}

static void vnp_unload(void)
{
	vnp_object_close(vnp_obj);
}

/*
 * ---- The kernel's BPF ----------------------------------------------------
 */

static struct bpf_object *bpf_obj;
static int bpf_prog = -1;

static void bpf_fill(void)
{
	struct bpf_map *map;
	const __u32 key = 0;

#define BPF_FILL(_map, _fill)						\
	map = bpf_object__find_map_by_name(bpf_obj, #_map);		\
	_fill(array_get(_map, 0));					\
	if (map && bpf_map_update_elem(bpf_map__fd(map), &key, array_get(_map, 0), 0)) \
		die("The kernel's map %s cannot be filled.", #_map);
	PROCESSOR_FILL_MAPPER(BPF_FILL)
}

/* Print the last line of the verifier's log before its statistics, unless the log was full */
static void print_refusal(const struct subject *subject, char *log)
{
	char *end = strstr(log, "\nprocessed "), *line;

	if (errno == ENOSPC)
		strcpy(log, "\nits log is full");
	else if (end)
		*end = '\0';
	line = strrchr(log, '\n');
	printf("The kernel's verifier refuses %s: %s\n", subject->name,
	       line ? line + 1 : log);
}

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static bool bpf_load(const struct subject *subject)
{
	static char log[16 << 20];
	struct bpf_program *prog;

	libbpf_set_print(be_silent);
	bpf_obj = bpf_object__open(subject_file(subject, "linux"));
	prog = bpf_obj ? bpf_object__next_program(bpf_obj, NULL) : NULL;
	if (!prog)
		die("Cannot open the kernel's program %s: %s.", subject->name, strerror(errno));
	bpf_program__set_log_buf(prog, log, sizeof(log));
	if (bpf_object__load(bpf_obj)) {
		print_refusal(subject, log);
		return false;
	}
	bpf_fill();
	bpf_prog = bpf_program__fd(prog);
	return true;
}

static __u32 bpf_execute(const struct subject *subject, __u32 repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = subject->data,
		    .data_size_in = subject->len < INPUT_MIN ? INPUT_MIN : subject->len,
		    .repeat = repeat);

	if (bpf_prog_test_run_opts(bpf_prog, &opts))
		die("The kernel cannot execute %s: %s.", subject->name, strerror(errno));
	return opts.retval;
}

static void bpf_unload(void)
{
	bpf_object__close(bpf_obj);
}

/*
 * ---- C in a module -------------------------------------------------------
 */

static bool native_load(const struct subject *subject)
{
	return true;
}

static __u32 native_execute(const struct subject *subject, __u32 repeat)
{
	return rig_native(subject->name, subject->data, subject->len, repeat);
}

static void native_unload(void)
{
}

/*
 * ---- Measuring -----------------------------------------------------------
 */

static struct processor {
	const char *name;
	bool (*load)(const struct subject *subject);
	__u32 (*execute)(const struct subject *subject, __u32 repeat);
	void (*unload)(void);
	void (*describe)(struct row *row);
	double empty;	/* cost of the empty program */
} processors[] = {
	{ "vnp", vnp_load_trusted, vnp_execute, vnp_unload, vnp_describe },
	{ "vnp-hardened", vnp_load_hardened, vnp_execute, vnp_unload, vnp_describe },
	{ "ebpf", bpf_load, bpf_execute, bpf_unload },
	{ "native", native_load, native_execute, native_unload },
};

static __u64 time_executions(const struct processor *processor,
			     const struct subject *subject, __u32 repeat)
{
	const __u64 start = ticks();

	processor->execute(subject, repeat);
	return ticks() - start;
}

/* The cost of one execution, without the fixed costs of a system call */
static double measure_execution(const struct processor *processor,
				const struct subject *subject)
{
	double values[SAMPLES];
	__u64 once;
	int i;

	for (i = 0; i < SAMPLES; i++) {
		once = time_executions(processor, subject, 1);
		values[i] = (time_executions(processor, subject, EXECUTIONS + 1) - once) /
			    (double)EXECUTIONS;
	}
	return median(values, SAMPLES);
}

static void measure(struct processor *processor, const struct subject *subject)
{
	struct row row = {
		.workload = "processor",
		.system = processor->name,
		.kase = subject->name,
		.size = subject->len,
		.burst = 1,
		.insns = NAN,
	};
	__u32 result;

	if (processor->load(subject)) {
		result = processor->execute(subject, 1);
		if (result != subject->result)
			die("%s: %s returns %u, not %u.", processor->name, subject->name,
			    result, subject->result);
		row.insns = measure_execution(processor, subject) - processor->empty;
		if (processor->describe)
			processor->describe(&row);
	}
	processor->unload();
	if (subject == subjects)
		processor->empty = row.insns;
	else
		row_add(&row);
}

void bench_processor(void)
{
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (i)
			rows_begin("processor, %s", subjects[i].name);
		for (k = 0; k < ARRAY_SIZE(processors); k++)
			measure(&processors[k], &subjects[i]);
	}
}
