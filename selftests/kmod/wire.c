// SPDX-License-Identifier: GPL-2.0
#include "wire.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Without ARP a frame goes to the address of the device it leaves by. */
#define VETH_MAC	"02:00:00:00:09:00"

/*
 * Nothing is on the wire but what the test sends: no ARP, neighbour discovery or
 * multicast listener reports, which the kernel sends from any CPU.  NAPI then runs
 * there, too, and a burst comes in two parts.  "up" would come first in one command.
 */
static int wire_end(const char *name, int net, int number)
{
	return ip_batch("link set %s addrgenmode none arp off\n"
			"link set %s up\n"
			"addr add 10.%d.0.%d/24 dev %s\n"
			"addr add fd%02d::%d/64 dev %s nodad\n",
			name, name, net, number, name, net, number, name);
}

/* wire_join() - between two namespaces that exist already */
static int wire_join(const struct wire *wire)
{
	int err;

	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	err = ip_batch("link add rx0 address " VETH_MAC " type veth "
		       "peer name tx0 address " VETH_MAC "\n"
		       "link set tx0 netns /proc/%d/fd/%d\n", getpid(), wire->here);
	if (!err)
		err = wire_end("rx0", 9, 1);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err ?: wire_end("tx0", 9, 2);
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
