/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_dgram: a datagram while a program runs on it.
 *
 * It is on the stack of the one who runs the program; R1 points to its first
 * member, so this is how helpers find the packet.  Context of all that is here:
 * softirqs off, under RCU.
 */
#ifndef _VNP_PATH_DGRAM_H
#define _VNP_PATH_DGRAM_H

#include <linux/skbuff.h>
#include <linux/udp.h>
#include "kmod/prog/prog.h"
#include "kmod/path/batch.h"
#include "vm/exec.h"

/* Bit of struct vnp_code::ctx_fields that stands for a field of the context */
#define VNP_CTX_BIT(field)	BIT_ULL(offsetof(struct vnp_ctx, field) / 8)

/**
 * struct vnp_dgram - a datagram in a program's hands
 * @run:	what the program sees; first member
 * @skb:	the packet it is in
 * @off:	position of the payload, from skb->data; less than 0 if it begins with the
 *		IP header
 * @shared:	there are other datagrams in the packet
 * @written:	the program may have changed it; only if it was @shared
 * @prog:	the program
 *
 * Who needs a shared datagram in one piece or wants to write to it moves it to a
 * packet of its own, vnp_dgram_part().
 */
struct vnp_dgram {
	struct vnp_exec run;
	struct sk_buff *skb;
	s32 off;
	bool shared;
	bool written;
	const struct vnp_prog *prog;
};

/*
 * Of a struct vnp_dgram on the stack.  Kernels may be built to zero all variables;
 * here that would be a third of the cost of a run, and a program can read no field
 * that was not filled in.
 */
#if __has_attribute(__uninitialized__)
#define __vnp_uninitialized	__attribute__((__uninitialized__))
#else
#define __vnp_uninitialized
#endif

/* vnp_dgram_of() - from R1 */
static inline struct vnp_dgram *vnp_dgram_of(u64 ctx)
{
	return container_of((struct vnp_ctx *)(unsigned long)ctx,
			    struct vnp_dgram, run.ctx);
}

/* vnp_dgram_off() - where the payload is, of a packet at its UDP header */
static __always_inline s32 vnp_dgram_off(const struct vnp_prog *prog,
					 const struct sk_buff *skb)
{
	if (unlikely(prog->sees_packet))
		return skb_network_offset(skb);
	return sizeof(struct udphdr);
}

/* vnp_dgram_point() - let the context point at the payload, which is not shared */
static __always_inline void vnp_dgram_point(struct vnp_dgram *dgram)
{
	const struct sk_buff *skb = dgram->skb;

	dgram->run.ctx.data = skb->data + dgram->off;
	dgram->run.ctx.data_end = skb->data + skb_headlen(skb);
}

/**
 * vnp_dgram_own() - make what a program sees directly writable
 * @skb:	where the payload is
 *
 * A clone shares its bytes with others: packet sockets, the other members of a
 * multicast group.  The caller points the context afterwards.
 *
 * Return: 0, -ENOMEM.
 */
static inline int vnp_dgram_own(struct sk_buff *skb)
{
	if (likely(!skb_cloned(skb)))
		return 0;
	return skb_ensure_writable(skb, skb_headlen(skb));
}

/**
 * vnp_dgram_part() - part a datagram from the others in its packet
 * @dgram:	shared; afterwards it is linear in a packet of its own, and
 *		whoever runs the program frees that or passes it on.  The caller points
 *		the context
 *
 * Return: 0, -ENOMEM.
 */
static inline int vnp_dgram_part(struct vnp_dgram *dgram)
{
	struct sk_buff *skb = vnp_run_copy(dgram->skb, dgram->off,
					   dgram->run.ctx.len);

	if (!skb)
		return -ENOMEM;
	dgram->skb = skb;
	dgram->off = vnp_dgram_off(dgram->prog, skb);
	dgram->run.ctx.len = skb->len - dgram->off;
	dgram->shared = false;
	return 0;
}

#endif /* _VNP_PATH_DGRAM_H */
