/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct vnp_hook_ops: how packets of a kind of socket are received, made and delivered.
 *
 * A hook has a folder of its own (udp/, tcp/).  It passes packets to vnp_dispatch(), with the
 * position of the payload, and fills in the context.  Actions are in action.c: a hook does not
 * depend on which there are.
 */
#ifndef _VNP_PATH_HOOK_H
#define _VNP_PATH_HOOK_H

#include <linux/types.h>
#include "kmod/path/dgram_ops.h"

struct sk_buff;
struct sock;
struct socket;
struct vnp_link;
struct vnp_link_info;
struct vnp_peer;
struct vnp_prog;
struct vnp_target_addr;

/**
 * struct vnp_hook_ops - a hook
 * @dgram:	what helpers may do with its datagrams
 * @prog_types:	bit n: programs of enum vnp_prog_type n can be linked
 * @link_flags:	VNP_LINK_F_* that its links can have
 * @inherit:	the hook for links of the connections that the socket accepts
 *		(vnp_link_inherit()).  NULL: it accepts none
 * @suits:	is it the hook for this kind of socket?  Context: process, the socket stays open
 * @attach:	attach a link to a socket.  Gets references to @prog and, unless it is NULL,
 *		@message, for the link, and one to the link, for the socket.  Context: process, the
 *		socket stays open.  Return: 0, or an errno of VNP_LINK_CREATE
 * @detach:	restore the socket, and put its reference to the link.  Context: process;
 *		waits until no program is executing.  Return: 0; -ENOLINK: already detached;
 *		-EINTR: the process is being killed
 * @is_attached: do the packets of a socket reach its link?  Context: process; takes the
 *		socket's lock.  Return: false: the hook was replaced
 * @wants_batches: does the application accept several datagrams in one packet?
 * @pass:	pass the packet that arrived to the socket as it is; @filtered: it has passed the
 *		socket's filters.  Return: as the hook: 0 if it was consumed, 1 if the kernel
 *		continues with it
 * @drop:	called before the packet that arrived is dropped.  The caller frees it.  Not called
 *		for every super-packet
 * @deliver:	deliver a packet made by @cut, @join or @copy of @dgram to the socket; consumed.
 *		@filtered: likewise
 * @reply:	send a packet back to its sender; consumed.  Counts failures
 * @permit:	check as sendto() would whether the caller may send to a peer, and store the
 *		address to send to.  Context: process, the socket stays open.  Return: 0, or an
 *		errno of struct vnp_peer.  NULL: sending to peers is not supported
 * @permit_connected: likewise, as send() would on a connected socket, and store the address that
 *		it is connected to in @peer, too.  NULL: not supported
 * @keep:	prepare a packet for being held: store what recvmsg() tells the application about
 *		the route (IP_PKTINFO), and put the route.  Return: false: out of memory, and
 *		the packet is consumed
 * @charge:	charge memory to the socket's receive buffer, even beyond SO_RCVBUF.
 *		Return: false: a limit of its cgroup or protocol is reached
 * @uncharge:	undo @charge
 * @release:	deliver held packets, linked by skb->next, as one datagram, to which their charge
 *		(@charge) is transferred.  Consumed.  Return: 0; -ENOMEM, -EMSGSIZE: they were
 *		uncharged
 * @release_only: deliver a packet with one datagram that is a message, from its byte @from on, and
 *		charge @charge for it, without @keep and @charge before.  Return: false if that is
 *		not possible: then the packet can still be kept
 * @release_each: deliver each datagram of held packets.  Uncharged and consumed.  Return:
 *		number of datagrams for which there is no memory
 * @cut:	make a packet of a batch (udp/packet.h)
 * @join:	make a packet of packets
 * @free:	free what @attach has allocated.  Context: process.  NULL: nothing
 * @info:	fill in what only links of this hook count; @sk: NULL: detached.  Context: process.
 *		NULL: nothing
 *
 * tcp/ receives no packets: in the hooks for its links @wants_batches to @join are NULL.
 *
 * Context of @suits, @attach, @detach, @is_attached, @permit, @permit_connected, @free and @info:
 * process.  Of all others: softirqs off, under RCU.  Those for held packets (@charge, @uncharge,
 * @release, @release_each) are also called by the work item of hold/expiry.c.
 */
struct vnp_hook_ops {
	struct vnp_dgram_ops dgram;
	u32 prog_types;
	u32 link_flags;
	const struct vnp_hook_ops *inherit;
	bool (*suits)(const struct sock *sk);
	int (*attach)(struct vnp_link *link, struct vnp_prog *prog, struct vnp_prog *message,
		      struct sock *sk);
	int (*detach)(struct vnp_link *link, struct sock *sk);
	bool (*is_attached)(struct sock *sk);
	bool (*wants_batches)(const struct vnp_link *link, const struct sock *sk);
	int (*pass)(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
		    bool filtered);
	void (*drop)(struct vnp_link *link, const struct sk_buff *skb);
	void (*deliver)(struct vnp_link *link, struct sock *sk, struct sk_buff *skb,
			bool filtered);
	void (*reply)(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);
	int (*permit)(struct socket *sock, const struct vnp_peer *peer,
		      struct vnp_target_addr *to);
	int (*permit_connected)(struct socket *sock, struct vnp_peer *peer,
				struct vnp_target_addr *to);
	bool (*keep)(struct vnp_link *link, struct sock *sk, struct sk_buff *skb);
	bool (*charge)(struct sock *sk, u32 size);
	void (*uncharge)(struct sock *sk, u32 size);
	int (*release)(struct sock *sk, struct sk_buff *list, u32 charge);
	bool (*release_only)(struct sock *sk, struct sk_buff *skb, u32 from, u32 charge);
	u32 (*release_each)(struct vnp_link *link, struct sock *sk, struct sk_buff *list,
			    u32 charge);
	struct sk_buff *(*cut)(struct sk_buff *skb, u32 start, u32 end, u32 size);
	struct sk_buff *(*join)(struct sk_buff *list, u32 size);
	void (*free)(struct vnp_link *link);
	void (*info)(const struct vnp_link *link, const struct sock *sk,
		     struct vnp_link_info *info);
};

/* vnp_hook_find() - the hook for a socket, or NULL.  Context: process */
const struct vnp_hook_ops *vnp_hook_find(const struct sock *sk);

#endif /* _VNP_PATH_HOOK_H */
