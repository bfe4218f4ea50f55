// SPDX-License-Identifier: GPL-2.0
#include "kmod/udp/permit.h"

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "kmod/core/compat.h"
#include "kmod/map/target.h"
#include "kmod/udp/output.h"

/* An address, as sendto() takes it */
union vnp_udp_addr {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

static int vnp_udp_addr_set(union vnp_udp_addr *addr, const struct vnp_peer *peer)
{
	memset(addr, 0, sizeof(*addr));
	if (peer->family == AF_INET) {
		addr->ip4.sin_family = AF_INET;
		addr->ip4.sin_port = htons(peer->port);
		addr->ip4.sin_addr.s_addr = peer->ip4;
		return sizeof(addr->ip4);
	}
	addr->ip6.sin6_family = AF_INET6;
	addr->ip6.sin6_port = htons(peer->port);
	addr->ip6.sin6_scope_id = peer->scope_id;
	memcpy(&addr->ip6.sin6_addr, peer->ip6, sizeof(addr->ip6.sin6_addr));
	return sizeof(addr->ip6);
}

/* Can datagrams be sent to this address?  Return: 0, or why not */
static int vnp_udp_addr_check(const union vnp_udp_addr *addr)
{
	if (addr->any.sa_family == AF_INET6) {
		if (ipv6_addr_is_multicast(&addr->ip6.sin6_addr) ||
		    ipv6_addr_v4mapped(&addr->ip6.sin6_addr))
			return -EOPNOTSUPP;
		return ipv6_addr_any(&addr->ip6.sin6_addr) || !addr->ip6.sin6_port ? -EINVAL : 0;
	}
	if (ipv4_is_multicast(addr->ip4.sin_addr.s_addr) ||
	    ipv4_is_lbcast(addr->ip4.sin_addr.s_addr))
		return -EOPNOTSUPP;
	return ipv4_is_zeronet(addr->ip4.sin_addr.s_addr) || !addr->ip4.sin_port ? -EINVAL : 0;
}

static void vnp_udp_addr_get(const union vnp_udp_addr *addr, struct vnp_target_addr *to)
{
	to->family = addr->any.sa_family;
	if (to->family == AF_INET) {
		to->addr.s6_addr32[0] = addr->ip4.sin_addr.s_addr;
		to->port = addr->ip4.sin_port;
		return;
	}
	to->addr = addr->ip6.sin6_addr;
	to->port = addr->ip6.sin6_port;
	to->scope_id = addr->ip6.sin6_scope_id;
}

/*
 * Ask sendmsg() whether it would send to this address, without sending.  MSG_MORE: otherwise data
 * that the application has corked would be sent.  Return: 0 or errno
 */
static int vnp_udp_probe(struct socket *sock, union vnp_udp_addr *addr, int len)
{
	struct msghdr msg = {
		.msg_name = addr,
		.msg_namelen = len,
		.msg_flags = MSG_CONFIRM | MSG_PROBE | MSG_MORE,
	};

	return sock_sendmsg(sock, &msg);
}

/*
 * BPF programs of the cgroup, which may change the address and the source address.  If there
 * are none (@to->cgroup is false), and one is attached later, nothing is sent to the peer any
 * more.
 */
static int vnp_udp_permit_cgroup(struct sock *sk, union vnp_udp_addr *addr, int len,
				 struct vnp_target_addr *to)
{
	const bool ip6 = addr->any.sa_family == AF_INET6;
	struct in6_addr source = {};
	int ret;

	to->cgroup = vnp_udp_has_cgroup(sk, ip6);
	ret = vnp_cgroup_sendmsg(sk, &addr->any, len, &source);
	if (ret)
		return ret;
	to->saddr = source;
	return vnp_udp_addr_check(addr);
}

int vnp_udp_permit(struct socket *sock, const struct vnp_peer *peer,
		   struct vnp_target_addr *to)
{
	union vnp_udp_addr addr, changed;
	const int len = vnp_udp_addr_set(&addr, peer);
	int ret;

	ret = vnp_udp_addr_check(&addr);
	if (ret)
		return ret;
	changed = addr;
	memset(to, 0, sizeof(*to));
	if (peer->family == AF_INET6 && sock->sk->sk_family != AF_INET6)
		return -EAFNOSUPPORT;
	/*
	 * sock_sendmsg() calls the programs, too, but does not return what they change, and
	 * while the application has corked data it does not call them.  The route is looked
	 * up when datagrams are sent.
	 */
	ret = vnp_udp_permit_cgroup(sock->sk, &changed, len, to);
	if (ret)
		return ret;
	ret = vnp_udp_probe(sock, &addr, len);
	if (ret < 0)
		return ret;
	vnp_udp_addr_get(&changed, to);
	return 0;
}

/* The address that a socket is connected to.  Context: the socket's lock */
static void vnp_udp_peer_of(const struct sock *sk, struct vnp_peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	peer->port = ntohs(sk->sk_dport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		peer->family = AF_INET6;
		memcpy(peer->ip6, &sk->sk_v6_daddr, sizeof(peer->ip6));
		return;
	}
#endif
	peer->family = AF_INET;
	peer->ip4 = sk->sk_daddr;
}

int vnp_udp_permit_connected(struct socket *sock, struct vnp_peer *peer,
			     struct vnp_target_addr *to)
{
	struct sock *sk = sock->sk;
	union vnp_udp_addr addr;
	bool connected;
	int ret;

	lock_sock(sk);
	connected = sk->sk_state == TCP_ESTABLISHED;
	vnp_udp_peer_of(sk, peer);
	release_sock(sk);
	if (!connected)
		return -ENOTCONN;
	vnp_udp_addr_set(&addr, peer);
	ret = vnp_udp_addr_check(&addr);
	if (ret)
		return ret;
	/* sendmsg() only checks this if there is data. */
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return -EPIPE;
	ret = vnp_udp_probe(sock, NULL, 0);
	if (ret < 0)
		return ret;
	memset(to, 0, sizeof(*to));
	vnp_udp_addr_get(&addr, to);
	to->cgroup = true;
	to->connected = true;
	return 0;
}

bool vnp_udp_may_send(struct socket *sock)
{
	struct socket *other = sock;
	int ret;

	if (!inet_sk(sock->sk)->inet_num) {
		ret = sock_create(sock->sk->sk_family, SOCK_DGRAM, IPPROTO_UDP, &other);
		if (ret)
			return false;
	}
	ret = vnp_udp_probe(other, NULL, 0);
	if (other != sock)
		sock_release(other);
	return ret != -EACCES && ret != -EPERM;
}
