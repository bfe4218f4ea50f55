// SPDX-License-Identifier: GPL-2.0
/*
 * Workload profile: the instructions per datagram by function, which plugin/profile.c
 * counts.  The list of measurements is the input of profile-report.
 */
#include "bench.h"

static const struct {
	struct system system;
	struct traffic traffic;
} profiles[] = {
	{ { "vnp", receive_many, true, attach_vnp }, { ALONE, 0, 64, 100 } },
	{ { "vnp-reply", receive_many, true, attach_vnp_reply }, { ALONE, 0, 64, 100 } },
	{ { "vnp-unmerged", receive_many, true, attach_vnp_unmerged }, { ALONE, 0, 64, 100 } },
	{ { "hook", receive_many, true, attach_hook }, { ALONE, 0, 64, 100 } },
	{ { "SO_ATTACH_FILTER", receive_many, true, attach_filter }, { ALONE, 0, 64, 100 } },
	{ { "vnp", receive_many, true, attach_vnp }, { MERGED, 16, 64, 100 } },
	{ { "hook", receive_many, true, attach_hook }, { MERGED, 16, 64, 100 } },
	{ { "vnp", receive_many, true, attach_vnp }, { MERGED, 64, 64, 100 } },
	{ { "hook", receive_many, true, attach_hook }, { MERGED, 64, 64, 100 } },
	{ { "vnp", receive_many, true, attach_vnp }, { ALONE, 0, 64, 0 } },
	{ { "socket", receive_many }, { ALONE, 0, 64, 0 } },
	{ { "vnp-batched", receive_merged, true, attach_vnp }, { MERGED, 16, 64, 0 } },
	{ { "UDP_GRO", receive_merged }, { MERGED, 16, 64, 0 } },
	{ { "vnp", receive_many, true, attach_vnp }, { MERGED, 16, 64, 90 } },
	{ { "floor-relay", receive_many, true, attach_floor_relay }, { ALONE, 0, 64, 100 } },
	{ { "vnp-relay", receive_many, true, attach_vnp_relay }, { ALONE, 0, 64, 100 } },
	{ { "vnp-relay", receive_many, true, attach_vnp_relay }, { BURST, 16, 64, 100 } },
	{ { "floor-relay", receive_many, true, attach_floor_relay }, { MERGED, 16, 64, 100 } },
	{ { "vnp-relay", receive_many, true, attach_vnp_relay }, { MERGED, 16, 64, 100 } },
};

void bench_profile(void)
{
	struct row row = { .workload = "profile" };
	size_t i;

	rows_begin("profile, instructions per datagram");
	rig_profile_play();
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		rig_profile(&profiles[i].system, &profiles[i].traffic, &row);
		row_add(&row);
	}
}
