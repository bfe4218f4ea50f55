// SPDX-License-Identifier: GPL-2.0
#include "crafted.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "net.h"

#define HERE	0x0a090001	/* 10.9.0.1 */
#define THERE	0x0a090002
#define PORT	9

/* MSS 1460, nothing, window scale 7 */
static const __u8 options[] = { 2, 4, 5, 180, 1, 3, 3, 7 };

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
	__u8 data[65535 - sizeof(struct iphdr) - sizeof(struct tcphdr)];
};

static int segment_send(const struct crafted *peer, struct tcphdr tcp, const void *data, size_t len)
{
	static struct segment segment;
	const size_t payload = sizeof(tcp) + len, all = sizeof(struct iphdr) + payload;
	ssize_t n;

	segment.ip = (struct iphdr){
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
		.tot_len = htons(all), .saddr = htonl(THERE), .daddr = htonl(HERE),
	};
	segment.ip.check = ~fold16(sum16(&segment.ip, sizeof(segment.ip), 0));
	segment.tcp = tcp;
	segment.tcp.source = htons(PORT);
	segment.tcp.dest = htons(peer->port);
	segment.tcp.window = htons(65535);
	memcpy(segment.data, data, len);
	segment.tcp.check = ~fold16(sum16(&segment.tcp, payload,
					 sum16(&segment.ip.saddr, 8, IPPROTO_TCP + payload)));
	n = write(peer->tun, &segment, all);
	return n == (ssize_t)all ? 0 : -errno;
}

int crafted_send(struct crafted *peer, __u32 at, const void *data, size_t len)
{
	const struct tcphdr tcp = {
		.seq = htonl(peer->first + at), .ack_seq = htonl(peer->ack),
		.doff = sizeof(tcp) / 4, .ack = 1, .psh = 1,
	};

	return segment_send(peer, tcp, data, len);
}

/* struct unreachable - an ICMP error, with the first bytes of the packet that caused it */
struct unreachable {
	struct iphdr ip;
	struct icmphdr icmp;
	struct iphdr inner;
	__be16 source;
	__be16 dest;
	__be32 seq;
};

int crafted_unreachable(struct crafted *peer)
{
	struct unreachable error = {
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_ICMP,
			.tot_len = htons(sizeof(error)), .saddr = htonl(THERE),
			.daddr = htonl(HERE),
		},
		.icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH },
		.inner = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(struct iphdr) + sizeof(struct tcphdr)),
			.saddr = htonl(HERE), .daddr = htonl(THERE),
		},
		.source = htons(peer->port), .dest = htons(PORT), .seq = htonl(peer->ack),
	};
	const size_t len = sizeof(error) - sizeof(error.ip);

	error.ip.check = ~fold16(sum16(&error.ip, sizeof(error.ip), 0));
	error.inner.check = ~fold16(sum16(&error.inner, sizeof(error.inner), 0));
	error.icmp.checksum = ~fold16(sum16(&error.icmp, len, 0));
	return write(peer->tun, &error, sizeof(error)) == sizeof(error) ? 0 : -errno;
}

static int handshake(struct crafted *peer)
{
	const struct tcphdr syn = {
		.seq = htonl(peer->first - 1), .syn = 1,
		.doff = (sizeof(syn) + sizeof(options)) / 4,
	};
	static struct segment answer;
	int err = segment_send(peer, syn, options, sizeof(options));

	do {
		if (!err && read(peer->tun, &answer, sizeof(answer)) < 0)
			err = -errno;
	} while (!err && (answer.ip.version != 4 || answer.ip.protocol != IPPROTO_TCP ||
			  !answer.tcp.syn));
	peer->ack = ntohl(answer.tcp.seq) + 1;
	return err ?: crafted_send(peer, 0, NULL, 0);
}

static int peer_device(void)
{
	const int fd = tun_open("peer0", IFF_TUN | IFF_NO_PI, 0);

	if (fd < 0)
		return fd;
	return ip_batch("address add 10.9.0.1/24 dev peer0\nlink set peer0 up\n") ?: fd;
}

static int rmem_set(unsigned int rmem)
{
	char text[64];
	int ret;

	snprintf(text, sizeof(text), "%u %u %u", rmem, rmem, rmem);
	ret = write_text("/proc/sys/net/ipv4/tcp_rmem", text);
	return ret < 0 ? ret : 0;
}

int crafted_enter(struct crafted *peer)
{
	int err = netns_new();

	if (err)
		return err;
	peer->tun = peer_device();
	return peer->tun < 0 ? peer->tun : 0;
}

int crafted_connect(struct crafted *peer, int rcvbuf)
{
	struct timeval patience = { .tv_sec = 20 };
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(HERE),
	};
	socklen_t len = sizeof(addr);
	int listener, err = 0;

	peer->first = 0xfffff000;	/* soon after 0 */
	peer->conn = (struct conn){ -1, -1, -1 };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (rcvbuf)
		err = sock_set(listener, SOL_SOCKET, SO_RCVBUF, rcvbuf);
	if (err || bind(listener, (struct sockaddr *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		return -errno;
	peer->port = ntohs(addr.sin_port);
	err = handshake(peer);
	if (!err)
		peer->conn.rx = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (err || peer->conn.rx < 0)
		return err ?: -errno;
	return setsockopt(peer->conn.rx, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

int crafted_open(struct crafted *peer, int rcvbuf)
{
	int err = crafted_enter(peer);

	if (!err && rcvbuf < 0)
		err = rmem_set(-rcvbuf);
	return err ?: crafted_connect(peer, rcvbuf > 0 ? rcvbuf : 0);
}

void crafted_close(struct crafted *peer)
{
	close(peer->conn.rx);
	if (peer->conn.link >= 0)
		close(peer->conn.link);
	close(peer->tun);
}
