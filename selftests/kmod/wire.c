// SPDX-License-Identifier: GPL-2.0
#include "wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "rtnl.h"

/* Without ARP the destination is the address of the sending device. */
#define VETH_MAC	TAP_MAC

/* How long the router delays packets for merging */
#define ROUTER_PATIENCE_NS	150000000L

/*
 * Only the test sends on the wire: no ARP, neighbour discovery or multicast listener
 * reports, which the kernel sends from any CPU.  NAPI would then run there too, and split
 * a burst.
 */
static int wire_end(const char *name, int number)
{
	char ip4[16], ip6[16];

	snprintf(ip4, sizeof(ip4), "10.9.0.%d", number);
	snprintf(ip6, sizeof(ip6), "fd09::%d", number);
	return rtnl_up_silent(name) ?:
	       rtnl_addr(name, ip4, 24) ?:
	       rtnl_addr(name, ip6, 64);
}

/* wire_join() - between two namespaces that exist already */
static int wire_join(const struct wire *wire)
{
	int err;

	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	err = rtnl_veth("rx0", "tx0", wire->here, VETH_MAC) ?: wire_end("rx0", 1);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err ?: wire_end("tx0", 2);
}

int wire_new(struct wire *wire)
{
	int err = netns_new();

	if (err)
		return err;
	wire->here = netns_here();
	err = netns_another();
	if (err)
		return err;
	wire->there = netns_here();
	return wire_join(wire);
}

int wire_flow(const struct wire *wire, struct flow *flow, enum flow_kind kind)
{
	const bool ip6 = kind == FLOW_IP6;

	memset(flow, 0, sizeof(*flow));
	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	flow->rx = udp_socket(kind == FLOW_MAPPED ? "::" :
			      ip6 ? "fd09::1" : "10.9.0.1", 0);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	flow->tx = udp_socket(ip6 ? "fd09::2" : "10.9.0.2", 0);
	if (flow->rx < 0 || flow->tx < 0)
		return -EPROTO;
	sock_addr(flow->rx, &flow->rx_addr);
	sock_addr(flow->tx, &flow->tx_addr);
	if (kind == FLOW_MAPPED) {
		struct sockaddr_in to = {
			.sin_family = AF_INET,
			.sin_port = htons(sock_port(flow->rx)),
			.sin_addr.s_addr = inet_addr("10.9.0.1"),
		};

		memcpy(&flow->rx_addr, &to, sizeof(to));
	}
	return 0;
}

int wire_merge(const struct wire *wire, long patience_ns)
{
	int err;

	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	err = if_feature("rx0", "rx-gro", true);
	if (err >= 0)
		err = if_feature("rx0", "rx-udp-gro-forwarding", true);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err < 0 ? err : if_patience(wire->there, "rx0", patience_ns);
}

/*
 * ---- Tunnels ------------------------------------------------------------
 */

/* tunnel_frames() - a tunnel drops frames with its own source address */
static int tunnel_frames(int number, int peer)
{
	static const char mac[] = "02:00:00:00:09:";

	return ip_batch("link set tun0 address %s%02d\n"
			"neigh add 10.9.0.%d lladdr %s%02d dev tun0\n"
			"neigh add fd09::%d lladdr %s%02d dev tun0\n",
			mac, number, peer, mac, peer, peer, mac, peer);
}

static int tunnel_end(const struct tunnel *tunnel, const char *name, int number)
{
	const int peer = 3 - number;
	char type[80];
	int err;

	snprintf(type, sizeof(type), tunnel->type, peer, number);
	err = ip_batch("addr flush dev %s\n"
		       "link set %s mtu 1700 addrgenmode none arp off\n"
		       "link set %s up\n"
		       "addr add 10.8.0.%d/24 dev %s\n"
		       "addr add fd08::%d/64 dev %s nodad\n"
		       "link add tun0 mtu 1500 type %s\n"
		       "link set tun0 addrgenmode none arp off\n"
		       "link set tun0 up\n"
		       "addr add 10.9.0.%d/24 dev tun0\n"
		       "addr add fd09::%d/64 dev tun0 nodad\n",
		       name, name, name, number, name, number, name, type, number,
		       number);
	return !err && tunnel->frames ? tunnel_frames(number, peer) : err;
}

int wire_tunnel(const struct wire *wire, const struct tunnel *tunnel)
{
	int err;

	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	err = tunnel_end(tunnel, "rx0", 1);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err ?: tunnel_end(tunnel, "tx0", 2);
}

/*
 * ---- A router -----------------------------------------------------------
 */

int tap_new(const char *name, int flags)
{
	const int fd = tun_open(name, IFF_TAP | IFF_NO_PI | IFF_NAPI, flags);

	if (fd < 0)
		return fd;
	return ip_batch("link set %s address " VETH_MAC " mtu 1700\n", name) ?: fd;
}

/* router_setup() - tunnel endpoints have their own addresses: 10.8.0.1, fd08::1, ... */
static int router_setup(const struct router *router)
{
	int err;

	if (setns(router->netns, CLONE_NEWNET))
		return -errno;
	err = write_text("/proc/sys/net/ipv4/ip_forward", "1");
	if (err >= 0)
		err = write_text("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	if (err < 0)
		return err;
	err = ip_batch("link set rx0 addrgenmode none arp off\n"
		       "link set rx0 up\n"
		       "addr flush dev tx0\n"
		       "route add 10.8.0.1 dev tx0\n"
		       "route add 10.8.0.2 dev rx0\n"
		       "route add fd08::1 dev tx0\n"
		       "route add fd08::2 dev rx0\n");
	return err ?: if_patience(router->netns, "rx0", ROUTER_PATIENCE_NS);
}

int wire_routed(struct wire *wire, struct router *router)
{
	struct wire last;
	int err = netns_new();

	if (err)
		return err;
	wire->here = netns_here();
	router->from = tap_new("tx0", O_NONBLOCK);
	err = netns_another();
	if (err)
		return err;
	router->netns = netns_here();
	/*
	 * A non-blocking write makes a page fragment, which GRO removes from the frame;
	 * the TAP's socket is not notified when such a frame is freed, and then is never
	 * released.
	 */
	router->to = tap_new("rx0", 0);
	err = netns_another();
	if (err)
		return err;
	wire->there = netns_here();
	if (router->from < 0 || router->to < 0)
		return -EPROTO;
	last = (struct wire) { router->netns, wire->there };
	err = wire_join(&last) ?: router_setup(router);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err;
}

int router_tunnel(const struct router *router, const struct tunnel *tunnel)
{
	char type[80];

	if (setns(router->netns, CLONE_NEWNET))
		return -errno;
	snprintf(type, sizeof(type), tunnel->type, 9, 8);
	return ip_batch("link add tun0 type %s\nlink set tun0 up\n", type);
}

int router_carry(const struct router *router)
{
	static __u8 frame[2048];
	ssize_t len;
	int cnt = 0;

	for (; (len = read(router->from, frame, sizeof(frame))) > 0; cnt++) {
		if (write(router->to, frame, len) != len)
			return -errno;
	}
	return errno == EAGAIN ? cnt : -errno;
}
