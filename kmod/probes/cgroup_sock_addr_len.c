// SPDX-License-Identifier: GPL-2.0
/* The macros that execute a cgroup's BPF programs on an address take its length. */
#include <linux/bpf-cgroup.h>
#include <net/sock.h>

int probe(struct sock *sk, struct sockaddr *addr, int *len);
int probe(struct sock *sk, struct sockaddr *addr, int *len)
{
	return BPF_CGROUP_RUN_PROG_UDP4_SENDMSG_LOCK(sk, addr, len, NULL);
}
