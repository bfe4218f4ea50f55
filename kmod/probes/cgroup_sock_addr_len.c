// SPDX-License-Identifier: GPL-2.0
/* BPF programs of the cgroup on addresses are given the length of an address. */
#include <linux/bpf-cgroup.h>
#include <net/sock.h>

int probe(struct sock *sk, struct sockaddr *addr, int *len);
int probe(struct sock *sk, struct sockaddr *addr, int *len)
{
	return BPF_CGROUP_RUN_PROG_UDP4_SENDMSG_LOCK(sk, addr, len, NULL);
}
