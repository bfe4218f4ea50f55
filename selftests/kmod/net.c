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

/* Both ends' */
#define WIRE_MAC	"02:00:00:00:09:00"

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

/* feature_find() - the number of an interface's feature */
static int feature_find(const char *name, const char *feature)
{
	struct {
		struct ethtool_gstrings head;
		char names[128][ETH_GSTRING_LEN];
	} all = {
		.head.cmd = ETHTOOL_GSTRINGS,
		.head.string_set = ETH_SS_FEATURES,
	};
	int err = if_ioctl(name, SIOCETHTOOL,
			   &(struct ifreq) { .ifr_data = (void *)&all });

	if (err)
		return err;
	for (__u32 i = 0; i < all.head.len; i++) {
		if (!strncmp(all.names[i], feature, ETH_GSTRING_LEN))
			return i;
	}
	return -ENOENT;
}

int if_feature(const char *name, const char *feature, bool on)
{
	struct {
		struct ethtool_sfeatures head;
		struct ethtool_set_features_block block[4];
	} set = { .head.cmd = ETHTOOL_SFEATURES, .head.size = 2 };
	int i = feature_find(name, feature);

	if (i < 0)
		return i;
	set.block[i / 32].valid = 1U << i % 32;
	set.block[i / 32].requested = on ? 1U << i % 32 : 0;
	return if_ioctl(name, SIOCETHTOOL,
			&(struct ifreq) { .ifr_data = (void *)&set });
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

/*
 * Nothing is on the wire but what the test sends: no ARP, neighbour discovery or
 * multicast listener reports, which the kernel sends from any CPU.  NAPI then runs
 * there, too, and a burst comes in two parts.  Without ARP a frame goes to the address
 * of the device it leaves by, which is that of its peer.
 */
static int wire_end(const char *name, int number)
{
	return shell("ip link set %s addrgenmode none arp off && ip link set %s up && "
		     "ip addr add 10.9.0.%d/24 dev %s && "
		     "ip addr add fd09::%d/64 dev %s nodad",
		     name, name, number, name, number, name);
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
	if (shell("ip link add rx0 address " WIRE_MAC " type veth "
		  "peer name tx0 address " WIRE_MAC " && "
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

/* wire_patience() - what sysfs says of another namespace is seen in one of its own */
static int wire_patience(const struct wire *wire, long patience_ns)
{
	pid_t child = fork();

	if (!child) {
		_exit(setns(wire->there, CLONE_NEWNET) || unshare(CLONE_NEWNS) ||
		      shell("mount --make-rprivate / && "
			    "mount -t sysfs sysfs /sys && "
			    "cd /sys/class/net/rx0 && "
			    "echo %ld >gro_flush_timeout && "
			    "echo %d >napi_defer_hard_irqs",
			    patience_ns, patience_ns ? 1 : 0));
	}
	return child < 0 ? -errno : finish(child);
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
	return err < 0 ? err : wire_patience(wire, patience_ns);
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
