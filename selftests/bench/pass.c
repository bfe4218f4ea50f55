// SPDX-License-Identifier: GPL-2.0
/*
 * Workload pass: all datagrams are wanted, so VNP only adds cost.
 */
#include "bench.h"

static const struct system systems[] = {
	{ "socket", receive_many },
	{ "vnp", receive_many, true, attach_vnp },
	{ "vnp-hardened", receive_many, true, attach_vnp_hardened },
	{ "vnp-unmerged", receive_many, true, attach_vnp_unmerged },
	{ "SO_ATTACH_BPF", receive_many, true, attach_bpf },
	{ "UDP_GRO", receive_merged },
	{ "vnp-batched", receive_merged, true, attach_vnp },
};

void bench_pass(void)
{
	struct traffic traffic = { .unwanted = 0 };
	size_t i;

	for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
		rows_begin("pass everything, %s", traffic_name(&traffic));
		for (i = 0; i < ARRAY_SIZE(systems); i++)
			rig_sizes("pass", &systems[i], &traffic);
	}
}
