// SPDX-License-Identifier: GPL-2.0
#include "net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

static int if_ioctl(const char *name, unsigned long request, struct ifreq *req)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", name);
	err = do_ioctl(sock, request, req);
	close(sock);
	return err;
}

int tun_open(const char *name, int type, int flags)
{
	struct ifreq req = { .ifr_flags = type };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | flags), err;

	if (fd < 0)
		return -errno;
	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	err = do_ioctl(fd, TUNSETIFF, &req);
	if (err < 0)
		close(fd);
	return err < 0 ? err : fd;
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

/* user_namespace() - become root in a user namespace, without other users */
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

int netns_another(void)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	return if_ioctl("lo", SIOCSIFFLAGS, &(struct ifreq) { .ifr_flags = IFF_UP });
}

int netns_new(void)
{
	int err = as_root() ? 0 : user_namespace();

	return err ? err : netns_another();
}

int netns_here(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

long backlog_drops(void)
{
	FILE *file = fopen("/proc/net/softnet_stat", "r");
	unsigned int dropped;
	long sum = 0;

	while (file && fscanf(file, "%*x %x%*[^\n]", &dropped) == 1)
		sum += dropped;
	if (file)
		fclose(file);
	return sum;
}

int ip_batch(const char *fmt, ...)
{
	FILE *ip = popen("exec ip -batch -", "w");
	va_list ap;

	if (!ip)
		return -errno;
	va_start(ap, fmt);
	vfprintf(ip, fmt, ap);
	va_end(ap);
	return pclose(ip) ? -EPROTO : 0;
}

/*
 * napi_wait() - in a child, as a namespace's sysfs is only visible in its own mount
 * namespace
 */
static int napi_wait(int netns, const char *name, long patience_ns)
{
	char path[80], text[24];
	int err;

	if (setns(netns, CLONE_NEWNET) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return -errno;
	snprintf(path, sizeof(path), "/sys/class/net/%s/gro_flush_timeout", name);
	snprintf(text, sizeof(text), "%ld", patience_ns);
	err = write_text(path, text);
	if (err < 0)
		return err;
	snprintf(path, sizeof(path), "/sys/class/net/%s/napi_defer_hard_irqs", name);
	return write_text(path, patience_ns ? "1" : "0");
}

int if_patience(int netns, const char *name, long patience_ns)
{
	pid_t child = fork();

	if (!child)
		_exit(napi_wait(netns, name, patience_ns) < 0);
	return child < 0 ? -errno : finish(child);
}

int sniffer_open(int netns, int protocol)
{
	int tap;

	if (setns(netns, CLONE_NEWNET))
		return -errno;
	tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(protocol));
	return tap < 0 ? -errno : tap;
}

int sniffer_widest(int tap)
{
	static __u8 data[65536];
	ssize_t len, most = 0;

	while ((len = recv(tap, data, sizeof(data), MSG_DONTWAIT)) >= 0)
		most = len > most ? len : most;
	return most;
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

long netns_received(bool ip6)
{
	static const char name[] = "Udp6InDatagrams";
	char text[8192], *at;
	long cnt;

	if (read_text(ip6 ? "/proc/net/snmp6" : "/proc/net/snmp", text, sizeof(text)) < 0)
		return -1;
	if (ip6) {
		at = strstr(text, name);
		return at && sscanf(at + strlen(name), "%ld", &cnt) == 1 ? cnt : -1;
	}
	at = strstr(text, "\nUdp: ");
	at = at ? strstr(at + 1, "\nUdp: ") : NULL;
	return at && sscanf(at, "\nUdp: %ld", &cnt) == 1 ? cnt : -1;
}

__u32 sum16(const void *data, size_t len, __u32 sum)
{
	const __u8 *byte = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? byte[i] : byte[i] << 8;
	return sum;
}

__u16 fold16(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(sum);
}
