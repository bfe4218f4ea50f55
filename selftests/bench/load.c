// SPDX-License-Identifier: GPL-2.0
/*
 * Workload verify: the cost of loading a program, including verification and compilation,
 * by VNP and by the kernel's BPF, unless its verifier refuses the program.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/vnp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "shapes.h"
#include "../kmod/common.h"

#define TRIES		5
#define COST_ENOUGH	5e8	/* total instructions after which no more samples are taken */

static int load_vnp_flags(const struct text *text, __u32 flags)
{
	struct vnp_prog_load attr = prog_attr(text->insns, text->cnt);
	static int dev = -1;

	if (dev < 0)
		dev = device_open();
	attr.flags = flags;
	return do_ioctl(dev, VNP_PROG_LOAD, &attr);
}

static int load_vnp(const struct text *text)
{
	return load_vnp_flags(text, 0);
}

static int load_vnp_hardened(const struct text *text)
{
	return load_vnp_flags(text, VNP_PROG_F_HARDEN);
}

static int load_kernel(const struct text *text)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)text->insns,
		.insn_cnt = text->cnt,
		.license = (uintptr_t)"GPL",
	};
	const int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static const struct loader {
	const char *name;
	int (*load)(const struct text *text);
	bool may_refuse;
} loaders[] = {
	{ "vnp", load_vnp },
	{ "vnp-hardened", load_vnp_hardened },
	{ "kernel", load_kernel, true },
};

/* Load once. Return: the result; the cost is in @cost */
static int load_once(const struct loader *loader, const struct text *text, double *cost)
{
	const __u64 start = ticks();
	const int fd = loader->load(text);

	*cost = ticks() - start;
	if (fd >= 0)
		close(fd);
	return fd;
}

/* The minimum of several samples, as the kernel may do other work meanwhile. */
static void measure(const struct loader *loader, const struct shape *shape,
		    struct text *text)
{
	struct row row = {
		.workload = "verify",
		.system = loader->name,
		.kase = shape->name,
		.burst = 1,
	};
	double cost, all = 0;
	int i, fd = 0;

	text_make(text, shape, loader->load == load_kernel);
	for (i = 0; i < TRIES && fd >= 0 && all < COST_ENOUGH; i++) {
		fd = load_once(loader, text, &cost);
		all += cost;
		if (!i || cost < row.insns)
			row.insns = cost;
	}
	if (fd < 0 && !loader->may_refuse)
		die("%s does not load %u instructions, %s: %s.", loader->name,
		    text->cnt, shape->name, strerror(-fd));
	row.size = text->cnt;
	if (fd < 0)
		row.insns = NAN;
	row_add(&row);
}

void bench_verify(void)
{
	static const __u32 sizes[] = { 100, 1000, 10000, 50000 };
	struct text text = { .insns = calloc(TEXT_MAX, sizeof(*text.insns)) };
	size_t i, k, n;

	if (!text.insns)
		die("Out of memory.");
	for (i = 0; i < SHAPE_CNT; i++) {
		rows_begin("verify, %s (size: instructions of the program)",
			   shapes[i].name);
		for (n = 0; n < ARRAY_SIZE(loaders); n++) {
			for (k = 0; k < ARRAY_SIZE(sizes); k++) {
				text.max = sizes[k];
				measure(&loaders[n], &shapes[i], &text);
			}
		}
	}
	free(text.insns);
}
