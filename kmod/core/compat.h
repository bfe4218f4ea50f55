/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernels, except those in compat_icmp.h, compat_chacha.h and
 * compat_tcp.h.
 * HAVE_NAME is defined if kmod/probes/name.c can be compiled against this kernel; versions
 * are not checked, because distributions backport.
 */
#ifndef _VNP_CORE_COMPAT_H
#define _VNP_CORE_COMPAT_H

#include <linux/bpf-cgroup.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/flow.h>
#include <net/inet_dscp.h>
#include <net/inet_sock.h>
#include <net/route.h>

#include "probed.h"

#ifdef HAVE_LINUX_UNALIGNED_H
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Older kernels do not define it, but their compilers support it. */
#ifndef __no_stack_protector
#define __no_stack_protector	__attribute__((__no_stack_protector__))
#endif

/*
 * For structs on the stack of which no field is read before it was written.  Kernels may be
 * configured to zero all variables: for a struct vnp_dgram this would be a third of the cost of an
 * execution, and a program cannot read fields that were not initialized.
 */
#if __has_attribute(__uninitialized__)
#define __vnp_uninitialized	__attribute__((__uninitialized__))
#else
#define __vnp_uninitialized
#endif

/* Where __skb_frag_ref() is */
#ifdef HAVE_LINUX_SKBUFF_REF_H
#include <linux/skbuff_ref.h>
#endif

/* Newer kernels have functions that change the flags of a mapping, and take a lock. */
static inline void vnp_vm_flags_set(struct vm_area_struct *vma,
				    unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void vnp_vm_flags_clear(struct vm_area_struct *vma,
				      unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/* Can the CPU read the payload?  Newer kernels receive into the memory of devices (devmem). */
static inline bool vnp_skb_readable(const struct sk_buff *skb)
{
#ifdef HAVE_SKB_FRAGS_READABLE
	return skb_frags_readable(skb);
#else
	return true;
#endif
}

/* Has the application asked for IP_RECVERR, and for IPV6_RECVERR? */
static inline bool vnp_inet_recverr(const struct sock *sk)
{
#ifdef HAVE_INET_TEST_BIT
	return inet_test_bit(RECVERR, sk);
#else
	return inet_sk(sk)->recverr;
#endif
}

static inline bool vnp_inet6_recverr(const struct sock *sk)
{
#ifdef HAVE_INET_TEST_BIT
	return inet6_test_bit(RECVERR6, sk);
#else
	return inet6_sk(sk)->recverr;
#endif
}

/* Has the application set IPV6_DONTFRAG? */
static inline bool vnp_inet6_dontfrag(const struct sock *sk)
{
#ifdef HAVE_INET_TEST_BIT
	return inet6_test_bit(DONTFRAG, sk);
#else
	return inet6_sk(sk)->dontfrag;
#endif
}

/*
 * Is this the level of UDP's own options?  UDP-Lite's level is accepted, too, where UDP-Lite
 * exists.
 */
static inline bool vnp_is_udp_level(int level)
{
#ifdef HAVE_NET_UDPLITE_H
	return level == SOL_UDP || level == SOL_UDPLITE;
#else
	return level == SOL_UDP;
#endif
}

/* Has the application asked for IP_PKTINFO? */
static inline bool vnp_inet_pktinfo(const struct sock *sk)
{
#ifdef HAVE_INET_TEST_BIT
	return inet_test_bit(PKTINFO, sk);
#else
	return inet_sk(sk)->cmsg_flags & IP_CMSG_PKTINFO;
#endif
}

/* Apply the socket's filters to a datagram.  Return: 0, or the reason for the drop */
static inline enum skb_drop_reason vnp_sk_filter(struct sock *sk, struct sk_buff *skb)
{
#ifdef HAVE_SK_FILTER_REASON
	return sk_filter_trim_cap(sk, skb, sizeof(struct udphdr));
#else
	return sk_filter_trim_cap(sk, skb, sizeof(struct udphdr)) ?
	       SKB_DROP_REASON_SOCKET_FILTER : 0;
#endif
}

/* Count datagrams that were dropped: SO_MEMINFO, SO_RXQ_OVFL, ss(8). */
static inline void vnp_sk_drops_add(struct sock *sk, int cnt)
{
#ifdef HAVE_SK_DROPS_INC
	sk_drops_add(sk, cnt);
#else
	atomic_add(cnt, &sk->sk_drops);
#endif
}

/*
 * Is there room in a socket's receive buffer for a datagram of this size, if this much is in use?
 * In older kernels the last datagram may exceed the buffer, in newer ones only if there is no
 * other.
 */
static inline bool vnp_udp_rcvbuf_takes(unsigned int rmem, unsigned int size,
					unsigned int rcvbuf)
{
#ifdef HAVE_UDP_PROD_QUEUE
	const bool may_exceed = !rmem;
#else
	const bool may_exceed = rmem <= rcvbuf;
#endif

	return rmem + size <= rcvbuf || (may_exceed && rcvbuf <= INT_MAX >> 1);
}

/* Set the TOS that the kernel uses to look up a route back to a datagram's sender. */
static inline void vnp_flowi4_set_tos(struct flowi4 *fl4, const struct iphdr *iph)
{
#if defined(HAVE_FLOWI4_DSCP)
	fl4->flowi4_dscp = inet_dsfield_to_dscp(iph->tos);
#elif defined(HAVE_FIB_DSCP_MASKED_MATCH)
	fl4->flowi4_tos = iph->tos & INET_DSCP_MASK;
#else
	fl4->flowi4_tos = iph->tos & IPTOS_RT_MASK;
#endif
}

/* Get a reference to *@file unless it is being closed.  Its memory must not be freed meanwhile. */
static inline struct file *vnp_file_get_live(struct file **file)
{
#ifdef HAVE_GET_FILE_ACTIVE
	return get_file_active(file);
#else
	return *file && get_file_rcu(*file) ? *file : NULL;
#endif
}

/*
 * Allocate a device that only has NAPI instances.  Return: NULL, or the device for
 * vnp_netdev_free()
 */
static inline struct net_device *vnp_netdev_dummy(void)
{
#ifdef HAVE_ALLOC_NETDEV_DUMMY
	return alloc_netdev_dummy(0);
#else
	struct net_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (dev)
		init_dummy_netdev(dev);
	return dev;
#endif
}

static inline void vnp_netdev_free(struct net_device *dev)
{
#ifdef HAVE_ALLOC_NETDEV_DUMMY
	free_netdev(dev);
#else
	kfree(dev);
#endif
}

/*
 * Execute the cgroup's BPF programs for UDP's sendmsg(): they may change the address @addr and the
 * source address @source.  Return: 0, -EPERM
 */
static inline int vnp_cgroup_sendmsg(struct sock *sk, struct sockaddr *addr, int len,
				     void *source)
{
#ifdef HAVE_CGROUP_SOCK_ADDR_LEN
	if (addr->sa_family == AF_INET6)
		return BPF_CGROUP_RUN_PROG_UDP6_SENDMSG_LOCK(sk, addr, &len, source);
	return BPF_CGROUP_RUN_PROG_UDP4_SENDMSG_LOCK(sk, addr, &len, source);
#else
	if (addr->sa_family == AF_INET6)
		return BPF_CGROUP_RUN_PROG_UDP6_SENDMSG_LOCK(sk, addr, source);
	return BPF_CGROUP_RUN_PROG_UDP4_SENDMSG_LOCK(sk, addr, source);
#endif
}

#endif /* _VNP_CORE_COMPAT_H */
