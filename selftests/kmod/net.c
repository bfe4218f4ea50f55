// SPDX-License-Identifier: GPL-2.0
#include "net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int if_ioctl(const char *name, unsigned long request, struct ifreq *req)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", name);
	err = do_ioctl(sock, request, req);
	close(sock);
	return err;
}

int if_mtu(const char *name, int mtu)
{
	return if_ioctl(name, SIOCSIFMTU, &(struct ifreq) { .ifr_mtu = mtu });
}

int if_checksum(const char *name, bool on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STXCSUM, .data = on };

	return if_ioctl(name, SIOCETHTOOL,
			&(struct ifreq) { .ifr_data = (void *)&value });
}

/* user_namespace() - be root in a user namespace, and nobody else */
static int user_namespace(void)
{
	char map[2][32];
	int err;

	snprintf(map[0], sizeof(map[0]), "0 %d 1", geteuid());
	snprintf(map[1], sizeof(map[1]), "0 %d 1", getegid());
	if (unshare(CLONE_NEWUSER))
		return -errno;
	err = write_text("/proc/self/setgroups", "deny");
	if (err >= 0)
		err = write_text("/proc/self/uid_map", map[0]);
	if (err >= 0)
		err = write_text("/proc/self/gid_map", map[1]);
	return err < 0 ? err : 0;
}

/* another_netns() - the same, by one who may */
static int another_netns(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	return if_ioctl("lo", SIOCSIFFLAGS, &(struct ifreq) { .ifr_flags = IFF_UP });
}

int netns_new(void)
{
	int err = as_root() ? 0 : user_namespace();

	return err ? err : another_netns();
}

static int this_netns(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int wire_end(const char *name, int number)
{
	return shell("ip link set %s up && ip addr add 10.9.0.%d/24 dev %s && "
		     "ip addr add fd09::%d/64 dev %s nodad", name, number, name,
		     number, name);
}

int wire_new(struct wire *wire)
{
	int err = netns_new();

	if (err)
		return err;
	wire->here = this_netns();
	err = another_netns();
	if (err)
		return err;
	wire->there = this_netns();
	if (shell("ip link add rx0 type veth peer name tx0 && "
		  "ip link set tx0 netns /proc/%d/fd/%d", getpid(), wire->here) ||
	    wire_end("rx0", 1))
		return -EPROTO;
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return wire_end("tx0", 2) ? -EPROTO : 0;
}

int wire_flow(const struct wire *wire, struct flow *flow, enum flow_kind kind)
{
	const bool ip6 = kind == FLOW_IP6;

	memset(flow, 0, sizeof(*flow));
	if (setns(wire->there, CLONE_NEWNET))
		return -errno;
	flow->rx = udp_socket(ip6 ? "fd09::1" : "10.9.0.1", 0);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	flow->tx = udp_socket(ip6 ? "fd09::2" : "10.9.0.2", 0);
	if (flow->rx < 0 || flow->tx < 0)
		return -EPROTO;
	sock_addr(flow->rx, &flow->rx_addr);
	sock_addr(flow->tx, &flow->tx_addr);
	return 0;
}

int raw_udp(__u16 port, const void *data, size_t len, __u16 checksum)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct {
		struct udphdr udp;
		char data[256];
	} packet = {
		.udp.source = htons(9),
		.udp.dest = htons(port),
		.udp.len = htons(sizeof(packet.udp) + len),
		.udp.check = checksum,
	};
	int sock = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP), n;

	if (sock < 0)
		return -errno;
	memcpy(packet.data, data, len);
	n = sendto(sock, &packet, sizeof(packet.udp) + len, 0,
		   (struct sockaddr *)&to, sizeof(to));
	n = n < 0 ? -errno : n;
	close(sock);
	return n;
}
