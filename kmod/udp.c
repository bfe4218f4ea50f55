// SPDX-License-Identifier: GPL-2.0
/*
 * UDP sockets, by the hook that the kernel has for tunnels: encap_rcv().  It is
 * called for each packet, under RCU in softirq, after the checksum was verified
 * and before SO_ATTACH_FILTER; skb->data is at the UDP header, which is linear.
 *
 * A socket has:	it becomes:
 *	encap_type		VNP_UDP_ENCAP: there is a hook
 *	encap_rcv		vnp_udp_rcv()
 *	encap_err_rcv		vnp_udp_err_rcv(): a tunnel would not hear of errors
 *	encap_destroy		vnp_udp_close(): the application closed it
 *	sk_destruct		vnp_udp_destruct(): the memory goes
 *	sk_user_data		the link
 * setup_udp_tunnel_sock() would do it, but it also turns multicast loopback off
 * and checksum conversion on, which the application would notice.  And it makes
 * the kernel look for encapsulation from the first such socket to the last, by
 * patching its code with all CPUs held: not something that any user should have it
 * do again and again.  So it looks as long as this module is there.
 *
 * Two ends of a socket, because the application can take the first one away: who
 * sets UDP_ENCAP on a socket that has a link gets what it asked for.  Then no
 * more datagrams come here, and with an encap_type of 0 encap_destroy() is not
 * called when the socket is closed.  sk_destruct() is called in any case, when
 * nobody can see the socket any more; nobody else who chains it would take a
 * socket whose sk_user_data is in use.  Detaching restores what is still ours.
 *
 * Locking: fields change under the socket's lock, sk_user_data also under
 * sk_callback_lock, as everyone does who uses it.  The hook takes no lock: it
 * finds the link by sk_user_data, or passes the packet on.
 */
#include "udp.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/sock_diag.h>
#include <linux/udp.h>
#include <net/dsfield.h>
#include <net/sock.h>
#include <net/udp_tunnel.h>

#include "dgram.h"
#include "link.h"
#include "udp_err.h"

/* An encap_type that means nothing to others */
#define VNP_UDP_ENCAP	0xf7

/* Fields of the context that are always there */
#define VNP_UDP_CTX_BASE						\
	(VNP_CTX_BIT(data) | VNP_CTX_BIT(data_end) | VNP_CTX_BIT(len))

/* Fields for which the IP header must be looked at */
#define VNP_UDP_CTX_IP							\
	(VNP_CTX_BIT(remote_ip4) | VNP_CTX_BIT(local_ip4) |		\
	 VNP_CTX_BIT(remote_ip6[0]) | VNP_CTX_BIT(remote_ip6[2]) |	\
	 VNP_CTX_BIT(local_ip6[0]) | VNP_CTX_BIT(local_ip6[2]) |	\
	 VNP_CTX_BIT(ttl) | VNP_CTX_BIT(tos))

/*
 * The socket that makes the kernel look for encapsulation, by being one that wants
 * it.  Not bound: nothing ever comes here.  IPv6 stands for both.
 */
static struct socket *vnp_udp_enabler;

int vnp_udp_subsys_create(void)
{
	int ret;

	ret = sock_create_kern(&init_net, AF_INET6, SOCK_DGRAM, IPPROTO_UDP,
			       &vnp_udp_enabler);
	if (ret == -EAFNOSUPPORT)
		ret = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM,
				       IPPROTO_UDP, &vnp_udp_enabler);
	if (ret)
		return ret;
	udp_tunnel_encap_enable(vnp_udp_enabler->sk);
	return 0;
}

void vnp_udp_subsys_destroy(void)
{
	sock_release(vnp_udp_enabler);
}

static void vnp_udp_ctx_ip4(const struct sk_buff *skb, struct vnp_ctx *ctx)
{
	const struct iphdr *iph = ip_hdr(skb);

	ctx->remote_ip4 = iph->saddr;
	ctx->local_ip4 = iph->daddr;
	memset(ctx->remote_ip6, 0, sizeof(ctx->remote_ip6));
	memset(ctx->local_ip6, 0, sizeof(ctx->local_ip6));
	ctx->ttl = iph->ttl;
	ctx->tos = iph->tos;
}

static void vnp_udp_ctx_ip6(const struct sk_buff *skb, struct vnp_ctx *ctx)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	ctx->remote_ip4 = 0;
	ctx->local_ip4 = 0;
	memcpy(ctx->remote_ip6, &iph->saddr, sizeof(ctx->remote_ip6));
	memcpy(ctx->local_ip6, &iph->daddr, sizeof(ctx->local_ip6));
	ctx->ttl = iph->hop_limit;
	ctx->tos = ipv6_get_dsfield(iph);
}

/* Not inlined: many programs do without, and the path for them stays short. */
static noinline void vnp_udp_ctx_rest(struct vnp_dgram *dgram)
{
	struct vnp_ctx *ctx = &dgram->run.ctx;
	const struct sk_buff *skb = dgram->skb;
	const struct udphdr *uh = udp_hdr(skb);

	ctx->remote_port = ntohs(uh->source);
	ctx->local_port = ntohs(uh->dest);
	ctx->ifindex = skb->skb_iif;
	ctx->tstamp = ktime_to_ns(skb->tstamp);
	if (!(dgram->prog->ctx_fields & VNP_UDP_CTX_IP))
		return;
	if (ctx->family == AF_INET)
		vnp_udp_ctx_ip4(skb, ctx);
	else
		vnp_udp_ctx_ip6(skb, ctx);
}

static __always_inline void vnp_udp_ctx(struct vnp_dgram *dgram)
{
	const struct sk_buff *skb = dgram->skb;
	struct vnp_ctx *ctx = &dgram->run.ctx;

	vnp_dgram_point(dgram);
	ctx->len = skb->len - dgram->off;
	ctx->family = skb->protocol == htons(ETH_P_IPV6) ? AF_INET6 : AF_INET;
	if (dgram->prog->ctx_fields & ~VNP_UDP_CTX_BASE)
		vnp_udp_ctx_rest(dgram);
}

/*
 * A packet is a run of one datagram.  Nothing here writes to the stack by index,
 * so it does without a canary.
 *
 * Return: 0: consumed; 1: on to the socket, with skb->data where it was.
 */
static __no_stack_protector int vnp_udp_rcv(struct sock *sk, struct sk_buff *skb)
{
	/* Ours, so none of the flags that sk_user_data can carry is set. */
	struct vnp_link *link = rcu_dereference(__sk_user_data(sk));
	struct vnp_dgram dgram __vnp_uninitialized;

	if (unlikely(!link))
		return 1;
	dgram.prog = rcu_dereference(link->prog);
	if (unlikely(!dgram.prog))
		return 1;
	if (dgram.prog->writes_packet) {
		if (unlikely(vnp_dgram_own(skb))) {
			vnp_link_lose(link);
			goto drop;
		}
		/* It was verified, and will not be right any more. */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	dgram.skb = skb;
	dgram.off = vnp_dgram_off(dgram.prog, skb);
	vnp_udp_ctx(&dgram);
	/* A jumbogram of IPv6 */
	if (unlikely(dgram.run.ctx.len > dgram.prog->len_max)) {
		vnp_link_lose(link);
		goto drop;
	}
	if (vnp_link_run(link, dgram.prog, &dgram.run) == VNP_PASS)
		return 1;

drop:
	kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
	return 0;
}

/* The link of a socket, with a reference, or NULL.  Context: any */
static struct vnp_link *vnp_udp_link_get(struct sock *sk)
{
	struct vnp_link *link;

	rcu_read_lock();
	link = rcu_dereference_sk_user_data(sk);
	if (link && !vnp_obj_get_live(&link->obj))
		link = NULL;
	rcu_read_unlock();
	return link;
}

/* encap_destroy(): the socket is being closed.  Context: process */
static void vnp_udp_close(struct sock *sk)
{
	struct vnp_link *link = vnp_udp_link_get(sk);

	if (!link)
		return;
	vnp_udp_detach(link, sk);
	vnp_link_put(link);
}

/* sk_destruct(): nobody has the socket.  Context: any but hard interrupts */
static void vnp_udp_destruct(struct sock *sk)
{
	struct vnp_link *link = rcu_dereference_protected(__sk_user_data(sk),
							  true);

	sk->sk_destruct = link->saved.sk_destruct;
	sk->sk_user_data = NULL;
	if (vnp_link_claim(link))
		vnp_link_put(link);
	sk->sk_destruct(sk);
}

static int vnp_udp_claim_sock(struct sock *sk, struct vnp_link *link)
{
	int ret = -EBUSY;

	write_lock_bh(&sk->sk_callback_lock);
	if (!rcu_access_pointer(__sk_user_data(sk))) {
		rcu_assign_sk_user_data(sk, link);
		ret = 0;
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return ret;
}

static void vnp_udp_unclaim_sock(struct sock *sk)
{
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Context: the socket's lock */
static void vnp_udp_hook(struct vnp_link *link, struct sock *sk)
{
	struct vnp_sock_saved *saved = &link->saved;
	struct udp_sock *up = udp_sk(sk);

	saved->sk_destruct = sk->sk_destruct;
	saved->encap_rcv = up->encap_rcv;
	saved->encap_err_rcv = up->encap_err_rcv;

	sk->sk_destruct = vnp_udp_destruct;
	up->encap_destroy = vnp_udp_close;
	up->encap_err_rcv = vnp_udp_err_rcv;
	WRITE_ONCE(up->encap_rcv, vnp_udp_rcv);
	WRITE_ONCE(up->encap_type, VNP_UDP_ENCAP);
}

/* Context: the socket's lock */
static void vnp_udp_unhook(struct vnp_link *link, struct sock *sk)
{
	const struct vnp_sock_saved *saved = &link->saved;
	struct udp_sock *up = udp_sk(sk);

	if (up->encap_type == VNP_UDP_ENCAP)
		WRITE_ONCE(up->encap_type, 0);
	if (up->encap_rcv == vnp_udp_rcv)
		WRITE_ONCE(up->encap_rcv, saved->encap_rcv);
	up->encap_err_rcv = saved->encap_err_rcv;
	up->encap_destroy = NULL;
	sk->sk_destruct = saved->sk_destruct;
}

static bool vnp_udp_suits(const struct sock *sk)
{
	return sk && (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_UDP;
}

int vnp_udp_attach(struct vnp_link *link, struct vnp_prog *prog,
		   struct sock *sk)
{
	int ret = -EBUSY;
	u32 cookie[2];

	if (!vnp_udp_suits(sk))
		return -EOPNOTSUPP;

	lock_sock(sk);
	if (udp_sk(sk)->encap_type || udp_sk(sk)->encap_destroy)
		goto unlock;
	ret = vnp_udp_claim_sock(sk, link);
	if (ret)
		goto unlock;

	sock_diag_save_cookie(sk, cookie);
	link->cookie = cookie[0] | (u64)cookie[1] << 32;
	link->family = sk->sk_family;

	vnp_obj_get(&prog->obj);
	vnp_obj_get(&link->obj);
	spin_lock_bh(&link->lock);
	rcu_assign_pointer(link->prog, prog);
	link->sk = sk;
	spin_unlock_bh(&link->lock);
	vnp_udp_hook(link, sk);
unlock:
	release_sock(sk);
	return ret;
}

bool vnp_udp_detach(struct vnp_link *link, struct sock *sk)
{
	bool claimed;

	lock_sock(sk);
	claimed = vnp_link_claim(link);
	if (claimed) {
		vnp_udp_unhook(link, sk);
		vnp_udp_unclaim_sock(sk);
	}
	release_sock(sk);

	if (claimed)
		vnp_link_put(link);
	return claimed;
}
