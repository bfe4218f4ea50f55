// SPDX-License-Identifier: GPL-2.0
/*
 * Workload drop: all arriving datagrams are unwanted, or nine of ten.
 */
#include <string.h>

#include "bench.h"

static const struct system systems[] = {
	{ "vnp", receive_many, true, attach_vnp },
	{ "vnp-hardened", receive_many, true, attach_vnp_hardened },
	{ "vnp-unmerged", receive_many, true, attach_vnp_unmerged },
	{ "vnp-trivial", receive_many, true, attach_vnp_trivial },
	{ "vnp-batched", receive_merged, true, attach_vnp },
	{ "SO_ATTACH_FILTER", receive_many, true, attach_filter },
	{ "SO_ATTACH_BPF", receive_many, true, attach_bpf },
	{ "recv", receive_each },
	{ "recvmmsg", receive_many },
	{ "UDP_GRO", receive_merged },
	{ "tc", receive_many, true, attach_tc, detach_tc },
	{ "xdp", receive_many, true, attach_xdp, detach_xdp },
	{ "hook", receive_many, true, attach_hook },
};

/*
 * The bare hook decides by the first datagram of a super-packet; vnp-trivial drops
 * everything.
 */
static bool supports(const struct system *system, const struct traffic *traffic)
{
	if (traffic->unwanted == 100)
		return true;
	return system->attach != attach_vnp_trivial &&
	       (system->attach != attach_hook || traffic->arrival != MERGED);
}

static const struct system *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(systems); i++) {
		if (!strcmp(systems[i].name, name))
			return &systems[i];
	}
	die("There is no %s.", name);
}

/* Systems whose cost depends on the length of super-packets, and one whose cost does not */
static void measure_super_packets(const struct traffic *traffic)
{
	static const char * const names[] = { "vnp", "SO_ATTACH_FILTER", "UDP_GRO", "hook" };
	struct row row = { .workload = "drop" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		rig_measure(find(names[i]), traffic, &row);
		row_add(&row);
	}
}

static void measure_lengths(void)
{
	static const int bursts[] = { 2, 4, 8, 32, 64 };
	struct traffic traffic = { MERGED, .size = 64, .unwanted = 100 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bursts); i++) {
		traffic.burst = bursts[i];
		rows_begin("drop, 100 %% unwanted, super-packet of %d", bursts[i]);
		measure_super_packets(&traffic);
	}
}

/* A busy card receives more packets per interrupt. */
static void measure_senders(void)
{
	const struct traffic traffic = {
		MERGED, .burst = 16, .senders = 4, .size = 64, .unwanted = 100,
	};

	rows_begin("drop, 100 %% unwanted, super-packets of 16 of four senders");
	measure_super_packets(&traffic);
}

void bench_drop(void)
{
	static const int unwanted[] = { 100, 90 };
	struct traffic traffic = { 0 };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(unwanted); i++) {
		traffic.unwanted = unwanted[i];
		for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
			rows_begin("drop, %d %% unwanted, %s", unwanted[i], traffic_name(&traffic));
			for (k = 0; k < ARRAY_SIZE(systems); k++) {
				if (supports(&systems[k], &traffic))
					rig_sizes("drop", &systems[k], &traffic);
			}
		}
	}
	measure_lengths();
	measure_senders();
}

/* Times on an idle CPU, relative to those of VNP */
void bench_times(void)
{
	static const char * const names[] = {
		"vnp", "SO_ATTACH_FILTER", "recv", "recvmmsg", "UDP_GRO", "hook",
	};
	struct traffic traffic = { .size = 64, .unwanted = 100 };
	struct row row = { .workload = "times" };
	double vnp = 0;
	size_t i;

	for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
		rows_begin("times, as multiples of VNP's, %d CPU: drop, 100 %% unwanted, %s",
			   rig_cpus(), traffic_name(&traffic));
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			rig_measure(find(names[i]), &traffic, &row);
			if (!i)
				vnp = row.insns;
			row.insns /= vnp;
			row.arrival = 0;
			row_add(&row);
		}
	}
}
