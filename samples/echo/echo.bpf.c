// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* RFC 862: a datagram that comes is sent back, with the data it has. */
#include <vnp/program.h>

SEC("vnp/datagram")
int echo(void)
{
	return VNP_REPLY;
}
