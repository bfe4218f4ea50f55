// SPDX-License-Identifier: GPL-2.0
/*
 * Every datagram is sent back unchanged (RFC 862).
 */
#include <stdlib.h>
#include "bench.h"

/* Systems that reply in the kernel drop datagrams before the process sees them. */
static const struct system systems[] = {
	{ "vnp", receive_many, true, attach_vnp_reply },
	{ "recvmmsg+sendmmsg", answer_many },
	{ "UDP_GRO+UDP_SEGMENT", answer_merged },
	{ "tc", receive_many, true, attach_tc_reply, detach_tc },
	{ "xdp", receive_many, true, attach_xdp_reply, detach_xdp },
};

void bench_reply(void)
{
	static const int sizes[] = { 64, 1400 };
	struct traffic traffic = { .unwanted = 100 };
	struct row row = { .workload = "reply" };
	size_t i, k;

	for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
		rows_begin("reply to everything, %s", traffic_name(&traffic));
		for (i = 0; i < ARRAY_SIZE(systems); i++)
			for (k = 0; k < ARRAY_SIZE(sizes); k++) {
				const long before = rig_sent();

				traffic.size = sizes[k];
				rig_measure(&systems[i], &traffic, &row);
				if (rig_sent() == before)
					die("%s has sent nothing.", systems[i].name);
				row_add(&row);
			}
	}
}
