// SPDX-License-Identifier: GPL-2.0
#include "burst.h"

#include <fcntl.h>
#include <linux/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "../progs/orders.h"

static bool is_lo(enum net_path path)
{
	return path == LO_GSO || path == LO_SINGLE;
}

/* Are datagrams sent one by one? */
static bool is_single(enum net_path path)
{
	return path == WIRE_SINGLE || path == WIRE_MIXED || path == LO_SINGLE;
}

static const struct tunnel tunnels[] = {
	[WIRE_VXLAN] = { "vxlan id 1 dstport 4789 remote 10.8.0.%d local 10.8.0.%d", true },
	[WIRE_GENEVE] = { "geneve id 1 remote 10.8.0.%d", true },
	[WIRE_GRE] = { "gre remote 10.8.0.%d local 10.8.0.%d" },
	[WIRE_GRE6] = { "ip6gre encaplimit none remote fd08::%d local fd08::%d" },
	[WIRE_IP] = { "ipip remote 10.8.0.%d local 10.8.0.%d" },
	[WIRE_IP6] = { "ip6tnl mode any encaplimit none remote fd08::%d local fd08::%d" },
	[LO_SINGLE] = { NULL },
};

const struct tunnel *path_tunnel(enum net_path path)
{
	return tunnels[path].type ? &tunnels[path] : NULL;
}

bool path_carries(enum net_path path, enum flow_kind kind)
{
	return path != WIRE_IP || kind != FLOW_IP6;
}

/* The namespaces that tests share, if the program has prepared them; -1: none */
static struct {
	int user;
	struct wire wire;
} shared = { -1, { -1, -1 } };

/* share_namespaces() - in a process of its own, as it enters them */
static int share_namespaces(int sock)
{
	struct wire wire;
	int err = wire_new(&wire);

	return err ?: send_fd(sock, open("/proc/self/ns/user", O_RDONLY)) < 0 ||
		      send_fd(sock, wire.here) < 0 || send_fd(sock, wire.there) < 0;
}

void path_prepare(void)
{
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		return;
	child = fork();
	if (!child)
		_exit(!!share_namespaces(pair[1]));
	if (!finish(child)) {
		shared.user = recv_fd(pair[0]);
		shared.wire.here = recv_fd(pair[0]);
		shared.wire.there = recv_fd(pair[0]);
	}
	close(pair[0]);
	close(pair[1]);
}

/* path_reuse() - enter the shared namespaces, and undo what tests do to them */
static int path_reuse(struct wire *wire)
{
	int err = 0;

	*wire = shared.wire;
	if ((!as_root() && setns(shared.user, CLONE_NEWUSER)) ||
	    setns(wire->there, CLONE_NEWNET))
		return -errno;
	err = if_checksum("rx0", true);
	if (setns(wire->here, CLONE_NEWNET))
		return -errno;
	return err ?: if_checksum("tx0", true) ?: if_mtu("lo", 65536);
}

int path_setup(struct wire *wire, enum net_path path)
{
	const bool waits = is_single(path);
	int err;

	if (shared.wire.there >= 0 && !path_tunnel(path))
		err = path_reuse(wire);
	else
		err = is_lo(path) ? netns_new() : wire_new(wire);
	if (err || is_lo(path))
		return err;
	if (path_tunnel(path))
		err = wire_tunnel(wire, path_tunnel(path));
	if (!err)
		err = wire_merge(wire, waits ? PATIENCE_NS : 0);
	if (!err)
		err = if_feature("tx0", "tx-udp-segmentation", path == WIRE_WHOLE);
	return err < 0 ? err : 0;
}

int path_flow(struct flow *flow, const struct wire *wire, enum net_path path,
	      enum flow_kind kind)
{
	int err = is_lo(path) ? flow_open(flow, kind) : wire_flow(wire, flow, kind);

	if (!err && connect(flow->tx, (void *)&flow->rx_addr,
			    sizeof(struct sockaddr_in6)))
		err = -errno;
	return err ? err : sock_addr(flow->tx, &flow->tx_addr);
}

/*
 * ---- What is sent -------------------------------------------------------
 */

static unsigned int roll(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % below;
}

static void write_datagram(struct burst *burst, int len, char order, __u32 seq)
{
	struct mark mark = { .order = order, .len = len, .seq = seq };
	__u8 *data = burst->data[burst->cnt];

	burst->len[burst->cnt++] = len;
	fill_random(data, len, seq);
	if (len <= (int)sizeof(mark))
		return;
	memcpy(data, &mark, sizeof(mark));
	data[len - 1] = seq;
}

/* Orders vary by datagram, or by group of datagrams. */
static char roll_order(unsigned int *seed, const char *orders, char before)
{
	if (before && roll(seed, 3))
		return before;
	return orders[roll(seed, strlen(orders))];
}

/* burst_fill() - a burst of random length; all of one size except the last, or not */
void burst_fill(struct burst *burst, unsigned int *seed, __u32 *seq,
		const char *orders, bool mixed)
{
	const int cnt = 1 + roll(seed, BURST_MAX), room = 65000 / cnt;
	const int max = room < PAYLOAD_MAX ? room : PAYLOAD_MAX;
	int size = ORDER_LEN + roll(seed, max - ORDER_LEN + 1);
	char order = 0;

	burst->cnt = 0;
	for (int i = 0; i < cnt; i++) {
		int len = size;

		if (mixed && !roll(seed, 6))
			size = ORDER_LEN + roll(seed, max - ORDER_LEN + 1);
		if (i == cnt - 1 && roll(seed, 2))
			len = 1 + roll(seed, size);
		order = roll_order(seed, orders, order);
		write_datagram(burst, len, len < ORDER_LEN ? ORDER_PASS : order,
			       (*seq)++);
	}
}

static int send_gso(int sock, const struct burst *burst)
{
	union {
		char buf[CMSG_SPACE(sizeof(__u16))];
		struct cmsghdr align;
	} control = { 0 };
	static __u8 data[BURST_MAX * PAYLOAD_MAX];
	struct iovec iov = { data, 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	__u16 size = burst->len[0];

	for (int i = 0; i < burst->cnt; i++) {
		memcpy(data + iov.iov_len, burst->data[i], burst->len[i]);
		iov.iov_len += burst->len[i];
	}
	control.align.cmsg_level = SOL_UDP;
	control.align.cmsg_type = UDP_SEGMENT;
	control.align.cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(&control.align), &size, sizeof(size));
	return sendmsg(sock, &msg, 0) == (ssize_t)iov.iov_len ? 0 : -errno;
}

/* await_tick() - GRO does not merge packets that arrived in different ticks */
static void await_tick(void)
{
	struct timespec before, now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &before);
	do {
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	} while (now.tv_nsec == before.tv_nsec);
}

int burst_send(int sock, const struct burst *burst, enum net_path path)
{
	if (!is_single(path))
		return send_gso(sock, burst);
	await_tick();
	for (int i = 0; i < burst->cnt; i++) {
		if (send(sock, burst->data[i], burst->len[i], 0) != burst->len[i])
			return -errno;
	}
	return 0;
}

void burst_fill_equal(struct burst *burst, __u32 *seq, const char *orders, int len)
{
	burst->cnt = 0;
	while (*orders)
		write_datagram(burst, len, *orders++, (*seq)++);
}

static void *send_bursts(void *arg)
{
	struct burst_sender *sender = arg;
	struct burst burst;
	__u32 seq = 0;

	pin(0);
	while (!sender->stop) {
		burst_fill_equal(&burst, &seq, sender->orders, sender->len);
		burst_send(sender->sock, &burst, sender->path);
	}
	return NULL;
}

int burst_sender_start(struct burst_sender *sender)
{
	sender->stop = false;
	return -pthread_create(&sender->thread, NULL, send_bursts, sender);
}

void burst_sender_stop(struct burst_sender *sender)
{
	sender->stop = true;
	pthread_join(sender->thread, NULL);
}

/*
 * ---- What is expected ---------------------------------------------------
 */

static void invert(__u8 *data, int from, int len)
{
	for (int i = from; i < from + len; i++)
		data[i] = ~data[i];
}

/* expect_one() - the action on a datagram.  Return: does it arrive? */
static bool expect_one(__u8 *data, int len, bool scribbles, bool fault_pass,
		       struct counts *counts)
{
	struct mark mark = { .order = ORDER_PASS };

	if (len > (int)sizeof(mark))
		memcpy(&mark, data, sizeof(mark));
	counts->packets++;
	counts->bytes += len;
	switch (mark.order) {
	case ORDER_DROP:
		counts->drop++;
		return false;
	case ORDER_FAULT:
		counts->fault++;
		return fault_pass;
	case ORDER_VERDICT:
		counts->verdict++;
		return fault_pass;
	case ORDER_INVERT:
		if (scribbles)
			invert(data, 8, 8);
		invert(data, len / 2, 4);
		break;
	case ORDER_STORE:
		invert(data, len / 2, 4);
		break;
	}
	counts->pass++;
	return true;
}

void burst_expect(struct burst *want, const struct burst *sent, bool scribbles,
		  bool fault_pass, struct counts *counts)
{
	want->cnt = 0;
	for (int i = 0; i < sent->cnt; i++) {
		memcpy(want->data[want->cnt], sent->data[i], sent->len[i]);
		want->len[want->cnt] = sent->len[i];
		want->cnt += expect_one(want->data[want->cnt], sent->len[i],
					scribbles, fault_pass, counts);
	}
}

/*
 * ---- What arrives -------------------------------------------------------
 */

int burst_recv_one(int sock, struct arrival *arrival)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { arrival->data, sizeof(arrival->data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;

	arrival->len = recvmsg(sock, &msg, 0);
	if (arrival->len < 0)
		return -errno;
	arrival->size = 0;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
		memcpy(&arrival->size, CMSG_DATA(cmsg), sizeof(int));
	return 0;
}

/*
 * compare() - compare @arrival with datagrams from @first on.  Return: its number of
 * datagrams, or negative if it differs
 */
static int compare(const struct burst *want, int first, const struct arrival *arrival,
		   bool gro)
{
	int size = arrival->size ?: arrival->len, pos = 0, i = first, len;

	if (arrival->size && !gro)
		return -1;
	do {
		if (i == want->cnt)
			return -2;
		len = arrival->len - pos < size ? arrival->len - pos : size;
		if (len != want->len[i])
			return -3;
		if (mem_differ(want->data[i], arrival->data + pos, len) >= 0)
			return -4;
		pos += len;
		i++;
	} while (pos < arrival->len);
	return i - first;
}

/* burst_recv() - receive exactly the expected datagrams.  Return: number of packets */
int burst_recv(int sock, const struct burst *want, bool gro)
{
	static struct arrival arrival;
	int got = 0, packets = 0, n;

	while (got < want->cnt) {
		n = burst_recv_one(sock, &arrival);
		if (n < 0)
			return n;
		n = compare(want, got, &arrival, gro);
		if (n < 0)
			return n - 1000;
		got += n;
		packets++;
	}
	return recv(sock, &arrival, 1, MSG_DONTWAIT) < 0 ? packets : -2000;
}
