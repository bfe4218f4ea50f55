/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_dgram: a datagram while a program executes on it.
 *
 * It is on the stack of the caller of the program; R1 points to its first member, so
 * helpers find the packet through it.  Context of all functions here: softirqs off, under
 * RCU.
 */
#ifndef _VNP_PATH_DGRAM_H
#define _VNP_PATH_DGRAM_H

#include <linux/nospec.h>
#include <linux/skbuff.h>
#include "kmod/core/compat.h"
#include "kmod/path/dgram_ops.h"
#include "kmod/prog/prog.h"
#include "vm/code.h"
#include "vm/exec.h"

/* Bit of struct vnp_code::ctx_fields that stands for a field of the context */
#define VNP_CTX_BIT(field)	BIT_ULL(offsetof(struct vnp_ctx, field) / 8)

/* Bit of struct vnp_prog::ctx_fields: the program is for datagrams, and may send to peers */
#define VNP_CTX_SENDS		BIT_ULL(63)

/**
 * struct vnp_dgram - a datagram on which a program executes
 * @exec:	what the program sees; first member
 * @skb:	the packet it is in
 * @off:	position of the payload, from skb->data; less than 0 if it begins with the
 *		IP header
 * @shared:	there are other datagrams in the packet
 * @written:	the program may have changed it; valid only if it was @shared
 * @unauthentic: it failed authentication.  Only for programs that authenticate
 *		(vnp_prog_authenticate())
 * @answered:	the program has called vnp_reply(), whether that succeeded or not.  Only for
 *		programs of type %VNP_PROG_MESSAGE that send
 * @prog:	the program
 * @ops:	what helpers may do with it
 * @holding:	state of holding for the packet; initialized only if @prog holds
 * @work:	for encryption with softirqs on (crypto/work.h); NULL: they stay off.  Only for
 *		programs of type %VNP_PROG_MESSAGE
 * @crypt_left:	how many more bytes may be encrypted or authenticated (vnp_crypt_limit()).
 *		Likewise
 *
 * A shared datagram that must be contiguous, is written to, or changes its length, is copied
 * to a packet of its own by vnp_dgram_split().
 */
struct vnp_dgram {
	struct vnp_exec exec;
	struct sk_buff *skb;
	s32 off;
	bool shared;
	bool written;
	bool unauthentic;
	bool answered;
	const struct vnp_prog *prog;
	const struct vnp_dgram_ops *ops;
	struct vnp_holding *holding;
	struct vnp_work *work;
	u32 crypt_left;
};

/*
 * struct vnp_exec::fault of an execution on a datagram that failed authentication, whatever
 * the program returned.  It is counted as a drop, not as a fault
 */
#define VNP_EXEC_UNAUTHENTIC	U32_MAX

/* vnp_dgram_of() - the datagram of a helper's argument, the program's context */
static inline struct vnp_dgram *vnp_dgram_of(u64 ctx)
{
	return container_of((struct vnp_ctx *)(unsigned long)ctx,
			    struct vnp_dgram, exec.ctx);
}

/*
 * vnp_dgram_is_forged() - did it fail authentication?  Then helpers must neither send nor hold
 * it, although the program can continue
 */
static inline bool vnp_dgram_is_forged(const struct vnp_dgram *dgram)
{
	return dgram->prog->func == vnp_prog_authenticate && dgram->unauthentic;
}

/*
 * vnp_dgram_nospec() - speculation barrier if the program is not trusted: after it, checks of its
 * arguments also hold on mispredicted paths
 */
static inline void vnp_dgram_nospec(const struct vnp_dgram *dgram)
{
	if (dgram->prog->code->harden)
		barrier_nospec();
}

/* vnp_dgram_off() - position of the payload as the program sees it */
static __always_inline s32 vnp_dgram_off(const struct vnp_prog *prog,
					 const struct sk_buff *skb, u32 head)
{
	if (unlikely(prog->sees_packet))
		return skb_network_offset(skb);
	return head;
}

/* vnp_dgram_point() - set data and data_end of a datagram that is not @shared */
static __always_inline void vnp_dgram_point(struct vnp_dgram *dgram)
{
	const struct sk_buff *skb = dgram->skb;

	dgram->exec.ctx.data = skb->data + dgram->off;
	dgram->exec.ctx.data_end = skb->data + skb_headlen(skb);
}

/**
 * vnp_dgram_own() - make a packet's linear data private, so that it can be written
 * @skb:	the packet with the payload
 *
 * A clone shares its bytes with others: packet sockets, the other members of a multicast
 * group.  The caller must update the context afterwards.
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
 * vnp_dgram_split() - copy a datagram to a packet of its own
 * @dgram:	shared; afterwards it is linear in a packet of its own, which the caller
 *		of the program frees or uses.  The caller must update the context
 *
 * Return: 0, -ENOMEM.
 */
static inline int vnp_dgram_split(struct vnp_dgram *dgram)
{
	struct sk_buff *skb = dgram->ops->copy(dgram->skb, dgram->off, dgram->exec.ctx.len);

	if (!skb)
		return -ENOMEM;
	dgram->skb = skb;
	dgram->off = vnp_dgram_off(dgram->prog, skb, dgram->ops->head);
	dgram->exec.ctx.len = skb->len - dgram->off;
	dgram->shared = false;
	return 0;
}

#endif /* _VNP_PATH_DGRAM_H */
