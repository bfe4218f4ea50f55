// SPDX-License-Identifier: GPL-2.0
/* VNP_PROG_RUN: execute a program on the caller's bytes, as on a datagram. */
#include <linux/ipv6.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "kmod/core/args.h"
#include "kmod/hold/hold.h"
#include "kmod/path/dgram.h"
#include "kmod/core/memory.h"
#include "kmod/prog/exec.h"
#include "kmod/prog/prog.h"
#include "vm/helper.h"

static_assert(sizeof(struct ipv6hdr) + U16_MAX == VNP_PACKET_MAX);

/* Maximum time with softirqs off, unless a single execution takes longer */
#define VNP_TEST_OFF_NS		NSEC_PER_MSEC

/* Tests do not need larger fragments than drivers make. */
#define VNP_TEST_PAGE_ORDER	0

static u32 vnp_test_max(const struct sk_buff *skb)
{
	return VNP_RUN_DATAGRAM_MAX;
}

/* Nothing to set: there is no IP header, and nothing reads the UDP header. */
static void vnp_test_seal(struct sk_buff *skb, u32 len)
{
}

/* The payload of a datagram; the packet is not delivered. */
static const struct vnp_dgram_ops vnp_test_dgram_ops = {
	.head		= sizeof(struct udphdr),
	.len_max	= vnp_test_max,
	.seal		= vnp_test_seal,
};

static int vnp_test_check(const struct vnp_prog *prog,
			  const struct vnp_prog_run *attr)
{
	u32 max = prog->sees_packet ? VNP_PACKET_MAX : VNP_RUN_DATAGRAM_MAX;

	if (attr->flags || attr->data_in_len > max ||
	    attr->repeat > VNP_RUN_REPEAT_MAX ||
	    attr->direct_len > attr->data_in_len)
		return -EINVAL;
	return 0;
}

/* A packet as encap_rcv() sees it: the UDP header, then @len bytes of payload */
static struct sk_buff *vnp_test_skb(const void *payload, u32 len, u32 direct)
{
	u32 linear = sizeof(struct udphdr) + direct;
	struct sk_buff *skb;
	int ret;

	skb = alloc_skb_with_frags(NET_SKB_PAD + linear, len - direct,
				   VNP_TEST_PAGE_ORDER, &ret, VNP_GFP_USER);
	if (!skb)
		return ERR_PTR(-ENOMEM);

	skb_reserve(skb, NET_SKB_PAD);
	memset(skb_put(skb, linear), 0, sizeof(struct udphdr));
	skb->data_len = len - direct;
	skb->len += len - direct;
	skb_reset_network_header(skb);
	skb_reset_transport_header(skb);
	ret = skb_store_bits(skb, sizeof(struct udphdr), payload, len);
	if (ret) {
		kfree_skb(skb);
		return ERR_PTR(ret);
	}
	return skb;
}

static struct sk_buff *vnp_test_skb_create(const struct vnp_prog_run *attr)
{
	struct sk_buff *skb;
	void *payload;

	payload = vnp_args_array(attr->data_in, attr->data_in_len, 1);
	if (IS_ERR(payload))
		return ERR_CAST(payload);
	skb = vnp_test_skb(payload, attr->data_in_len,
			   attr->direct_len ?: attr->data_in_len);
	kvfree(payload);
	return skb;
}

/* For a VNP_PROG_PACKET the payload is an IP packet, and begins with the IP version. */
static u32 vnp_test_family(const struct vnp_prog *prog, const struct sk_buff *skb)
{
	u8 first = 0;

	skb_copy_bits(skb, sizeof(struct udphdr), &first, sizeof(first));
	return prog->sees_packet && first >> 4 == 6 ? AF_INET6 : AF_INET;
}

static void vnp_test_begin(void)
	__acquires(RCU)
{
	local_bh_disable();
	rcu_read_lock();
}

static void vnp_test_end(void)
	__releases(RCU)
{
	rcu_read_unlock();
	local_bh_enable();
}

/* Number of executions for which softirqs may stay off */
static u32 vnp_test_batch(const struct vnp_prog *prog)
{
	/* Its @worst_ns does not include encryption. */
	if (prog->code->type == VNP_PROG_MESSAGE)
		return 1;
	return max_t(u64, div64_u64(VNP_TEST_OFF_NS, prog->worst_ns), 1);
}

static int vnp_test_loop(struct vnp_prog *prog, struct sk_buff *skb,
			 struct vnp_prog_run *attr)
{
	struct vnp_holding holding;
	struct vnp_dgram dgram = {
		.exec.ctx.len = attr->data_in_len,
		.exec.ctx.family = vnp_test_family(prog, skb),
		.skb = skb,
		.off = sizeof(struct udphdr),
		.prog = prog,
		.ops = &vnp_test_dgram_ops,
		.holding = &holding,
		.work = NULL,
	};
	u32 repeat = attr->repeat ?: 1, batch = vnp_test_batch(prog);
	u64 start, ns = 0;
	int ret = 0;
	u32 i;

	vnp_test_begin();
	start = ktime_get_ns();
	for (i = 0; i < repeat; i++) {
		vnp_dgram_point(&dgram);
		vnp_holding_init(&holding, NULL, NULL);
		dgram.exec.fault = 0;
		dgram.crypt_left = vnp_crypt_limit(dgram.exec.ctx.len);
		attr->retval = vnp_prog_exec(prog, &dgram.exec);

		if (!need_resched() && !signal_pending(current)) {
			if ((i + 1) % batch)
				continue;
			vnp_test_end();
			vnp_test_begin();
			continue;
		}
		ns += ktime_get_ns() - start;
		vnp_test_end();
		cond_resched();
		if (signal_pending(current) && i + 1 < repeat)
			ret = -EINTR;
		vnp_test_begin();
		start = ktime_get_ns();
		if (ret)
			break;
	}
	ns += ktime_get_ns() - start;
	vnp_test_end();

	if (dgram.exec.fault)
		attr->retval = 0;
	if (dgram.exec.fault == VNP_EXEC_UNAUTHENTIC)
		dgram.exec.fault = 0;
	attr->fault = VNP_EXEC_FAULT_KIND(dgram.exec.fault);
	attr->fault_insn = VNP_EXEC_FAULT_INSN(dgram.exec.fault);
	attr->ns = div_u64(ns, repeat);
	return ret;
}

static int vnp_test_output(const struct sk_buff *skb, struct vnp_prog_run *attr)
{
	u32 len = skb->len - sizeof(struct udphdr);
	u32 copy = min(attr->data_out_len, len);
	void *payload;
	int ret = 0;

	attr->data_out_len = len;
	if (!attr->data_out || !copy)
		return 0;

	payload = vnp_memory(copy);
	if (!payload)
		return -ENOMEM;
	if (skb_copy_bits(skb, sizeof(struct udphdr), payload, copy) ||
	    copy_to_user(u64_to_user_ptr(attr->data_out), payload, copy))
		ret = -EFAULT;
	kvfree(payload);
	return ret;
}

long vnp_prog_test(struct vnp_prog *prog, struct vnp_prog_run *attr)
{
	struct sk_buff *skb;
	long ret;

	ret = vnp_test_check(prog, attr);
	if (ret)
		return ret;
	skb = vnp_test_skb_create(attr);
	if (IS_ERR(skb))
		return PTR_ERR(skb);

	ret = vnp_test_loop(prog, skb, attr);
	if (!ret)
		ret = vnp_test_output(skb, attr);
	consume_skb(skb);
	return ret;
}
