// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* RFC 862: a received datagram is sent back with its data. */
#include <vnp/program.h>

SEC("vnp/datagram")
int echo(void)
{
	return VNP_REPLY;
}
