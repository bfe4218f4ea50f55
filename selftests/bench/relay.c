// SPDX-License-Identifier: GPL-2.0
/*
 * Every datagram is sent to several peers, as it came, or with twelve bytes in front that
 * differ for each: one thread, which receives and sends, or VNP.
 */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <vnp/libvnp.h>

#include "bench.h"
#include "../kmod/common.h"
#include "../kmod/object.h"

#define BATCH		64
#define PACKET_MAX	2048
#define MERGED_MAX	65536
#define SEGMENTS_MAX	65507	/* bytes that UDP_SEGMENT takes */
#define FANOUT_MAX	256
#define REWRITTEN	12
#define BUDGET		262144
#define PARAMETERS	"/sys/module/vnp/parameters/"

/* The peers' address, whose neighbour is known, and the first of their ports */
#define PEER_ADDRESS	"10.9.0.2"
#define PEER_PORT	5000

/* Of the measurement */
static int fanout = 8;
static int rewritten;
static bool grouped;	/* VNP's peers are members of a group */
static struct vnp_object *object;	/* VNP's, while it is measured */

/*
 * ---- VNP -----------------------------------------------------------------
 */

/* The map of the peers, and the key of peer @number: members of a group have longer ones */
static struct vnp_map *peers_map(const struct vnp_object *obj)
{
	return vnp_object_find_map(obj, grouped ? "members" : "peers");
}

static const __u32 *peer_key(__u32 number)
{
	static __u32 member[2];

	member[0] = 0;
	member[grouped] = number;
	return member;
}

static void set_peers(struct vnp_object *obj)
{
	struct vnp_peer peer = { .family = AF_INET, .ip4 = inet_addr(PEER_ADDRESS) };
	__u32 *count = object_globals(obj, ".bss");
	__u32 i;

	for (i = 0; i < (__u32)fanout; i++) {
		peer.port = PEER_PORT + i;
		if (vnp_map_update(peers_map(obj), peer_key(i), &peer, VNP_MAP_ANY))
			die("A peer cannot be set.");
	}
	if (!count)
		die("The program's variables cannot be mapped.");
	*count = fanout;
}

void attach_vnp_relay(int sock)
{
	const struct vnp_load_opts load = { sizeof(load) };
	const char *name = grouped ? "relay_group" : rewritten ? "relay_rewritten" : "relay";
	int err;

	vnp_object_close(object);
	err = vnp_object_open_file(object_path("progs/relay.bpf.o"), NULL, &object);
	/* The default is not enough for 256 peers. */
	if (!err)
		err = vnp_program_set_budget(vnp_object_find_program(object, name), BUDGET);
	if (!err)
		err = vnp_object_load(object, &load);
	if (!err)
		err = vnp_link_attach(vnp_object_find_program(object, name), sock, NULL,
				      NULL);
	if (err)
		die("VNP's program cannot be linked to the socket: %s.", strerror(-err));
	set_peers(object);
}

/* Each peer was sent each datagram, and none was dropped because of a limit. */
static void check_peers(void)
{
	struct vnp_peer peer;
	__u32 i;

	for (i = 0; i < (__u32)fanout; i++) {
		if (vnp_map_lookup(peers_map(object), peer_key(i), &peer))
			die("A peer cannot be looked up.");
		if (peer.sent != (__u64)rig_datagrams())
			die("Of %ld datagrams, peer %u was sent %llu.", rig_datagrams(), i,
			    (unsigned long long)peer.sent);
	}
}

void attach_floor_relay(int sock)
{
	rig_fanout(sock, fanout, PEER_ADDRESS, PEER_PORT);
}

static void attach_vnp_group(int sock)
{
	grouped = true;
	attach_vnp_relay(sock);
}

/*
 * ---- A process -----------------------------------------------------------
 */

static struct sockaddr_in peer_addr[FANOUT_MAX];

static void set_peer_addrs(void)
{
	int i;

	for (i = 0; i < FANOUT_MAX; i++) {
		peer_addr[i].sin_family = AF_INET;
		peer_addr[i].sin_addr.s_addr = inet_addr(PEER_ADDRESS);
		peer_addr[i].sin_port = htons(PEER_PORT + i);
	}
}

/* What was received: datagrams of one size, but for the last */
struct datagrams {
	__u8 *data[BATCH];
	int len[BATCH];
	int cnt;
};

/* In front of the datagrams for a peer */
static __u8 front[FANOUT_MAX][BATCH][REWRITTEN];

/* How the process writes what a peer gets (struct traffic), or NULL */
static int (*seal)(const __u8 *data, int len, int peer, __u8 *to);
static __u8 sealed[RELAY_PEERS][BATCH][PACKET_MAX];

/* The vectors of a datagram for a peer.  Return: their number */
static int fill_iov(struct iovec *iov, const struct datagrams *in, int i, int peer)
{
	const int skip = rewritten ? REWRITTEN : 0;

	if (seal) {
		iov->iov_len = seal(in->data[i], in->len[i], peer, sealed[peer][i]);
		iov->iov_base = sealed[peer][i];
		return 1;
	}
	iov[!!skip] = (struct iovec) { in->data[i] + skip, in->len[i] - skip };
	if (!skip)
		return 1;
	memcpy(front[peer][i], in->data[i], skip);
	memcpy(front[peer][i] + 8, &peer, sizeof(peer));
	iov[0] = (struct iovec) { front[peer][i], skip };
	return 2;
}

static void send_all(struct receiver *rx, struct mmsghdr *msgs, int cnt)
{
	int sent, n;

	for (sent = 0; sent < cnt; sent += n) {
		rx->calls++;
		n = sendmmsg(rx->sock, msgs + sent, cnt - sent, 0);
		if (n <= 0)
			die("sendmmsg() fails.");
	}
}

/* A message for each datagram and peer */
static void send_each(struct receiver *rx, const struct datagrams *in)
{
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH][2];
	struct msghdr *hdr;
	int i, peer;

	for (peer = 0; peer < fanout; peer++) {
		for (i = 0; i < in->cnt; i++) {
			hdr = &msgs[i].msg_hdr;
			hdr->msg_iov = iov[i];
			hdr->msg_iovlen = fill_iov(iov[i], in, i, peer);
			hdr->msg_name = &peer_addr[peer];
			hdr->msg_namelen = sizeof(peer_addr[peer]);
		}
		send_all(rx, msgs, in->cnt);
	}
}

/* The same for a single datagram: all peers in one call */
static void send_one(struct receiver *rx, const struct datagrams *in)
{
	static struct mmsghdr msgs[FANOUT_MAX];
	static struct iovec iov[FANOUT_MAX][2];
	struct msghdr *hdr;
	int peer;

	for (peer = 0; peer < fanout; peer++) {
		hdr = &msgs[peer].msg_hdr;
		hdr->msg_iov = iov[peer];
		hdr->msg_iovlen = fill_iov(iov[peer], in, 0, peer);
		hdr->msg_name = &peer_addr[peer];
		hdr->msg_namelen = sizeof(peer_addr[peer]);
	}
	send_all(rx, msgs, fanout);
}

/* A message for each peer, with all datagrams (UDP_SEGMENT) */
static void send_segments(struct receiver *rx, const struct datagrams *in)
{
	static struct mmsghdr msgs[FANOUT_MAX];
	static struct iovec iov[FANOUT_MAX][2 * BATCH];
	static union {
		char buf[CMSG_SPACE(sizeof(__u16))];
		struct cmsghdr align;
	} control;
	struct msghdr *hdr;
	__u16 size;
	int i, peer;

	control.align.cmsg_level = SOL_UDP;
	control.align.cmsg_type = UDP_SEGMENT;
	control.align.cmsg_len = CMSG_LEN(sizeof(size));
	for (peer = 0; peer < fanout; peer++) {
		hdr = &msgs[peer].msg_hdr;
		hdr->msg_iov = iov[peer];
		hdr->msg_iovlen = 0;
		for (i = 0; i < in->cnt; i++)
			hdr->msg_iovlen += fill_iov(iov[peer] + hdr->msg_iovlen, in, i, peer);
		size = seal ? iov[peer][0].iov_len : (size_t)in->len[0];
		memcpy(CMSG_DATA(&control.align), &size, sizeof(size));
		hdr->msg_name = &peer_addr[peer];
		hdr->msg_namelen = sizeof(peer_addr[peer]);
		hdr->msg_control = &control;
		hdr->msg_controllen = sizeof(control);
	}
	send_all(rx, msgs, fanout);
}

/* What the process does with datagrams before it sends them */
static void open_all(const struct traffic *traffic, struct datagrams *in)
{
	int i;

	for (i = 0; traffic->open && i < in->cnt; i++) {
		in->len[i] = traffic->open(in->data[i], in->len[i]);
		if (in->len[i] < 0)
			die("A datagram is not authentic.");
	}
}

static void forward(struct receiver *rx, struct datagrams *in, bool segments)
{
	open_all(rx->traffic, in);
	if (in->cnt == 1)
		send_one(rx, in);
	else if (segments)
		send_segments(rx, in);
	else
		send_each(rx, in);
	rx->discarded += in->cnt;
	in->cnt = 0;
}

/* Have so many datagrams been received that no more can be sent at once? */
static bool is_full(const struct datagrams *in)
{
	return in->cnt == BATCH || (in->cnt + 1) * (in->len[0] + REWRITTEN) > SEGMENTS_MAX;
}

/* The datagrams that a message holds, merged or not.  If a process is slow, there are many. */
static void split(struct receiver *rx, struct datagrams *in, const struct mmsghdr *msg,
		  bool segments)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg->msg_hdr);
	__u8 *data = msg->msg_hdr.msg_iov->iov_base;
	int size = msg->msg_len, len = msg->msg_len, pos;

	if (cmsg && cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
		memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
	for (pos = 0; pos < len; pos += size) {
		if (in->cnt && is_full(in))
			forward(rx, in, segments);
		in->data[in->cnt] = data + pos;
		in->len[in->cnt++] = len - pos < size ? len - pos : size;
	}
}

static void relay(struct receiver *rx, bool merged, bool segments)
{
	static __u8 data[BATCH][MERGED_MAX];
	static struct mmsghdr msgs[BATCH];
	static struct iovec iov[BATCH];
	static union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control[BATCH];
	const int on = 1;
	int i, n;

	set_peer_addrs();
	seal = rx->traffic->seal;
	if (seal)
		fanout = RELAY_PEERS;
	if (merged && setsockopt(rx->sock, SOL_UDP, UDP_GRO, &on, sizeof(on)))
		die("The socket refuses UDP_GRO.");
	while (!rx->stop) {
		struct datagrams in = {};

		for (i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec) { data[i], MERGED_MAX };
			msgs[i].msg_hdr.msg_iov = &iov[i];
			msgs[i].msg_hdr.msg_iovlen = 1;
			msgs[i].msg_hdr.msg_control = merged ? &control[i] : NULL;
			msgs[i].msg_hdr.msg_controllen = merged ? sizeof(control[i]) : 0;
		}
		rx->calls++;
		n = recvmmsg(rx->sock, msgs, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0)
			die("recvmmsg() fails.");
		if (rx->stop)
			break;
		for (i = 0; i < n; i++)
			split(rx, &in, &msgs[i], segments);
		forward(rx, &in, segments);
	}
}

void relay_each(struct receiver *rx)
{
	relay(rx, false, false);
}

void relay_segments(struct receiver *rx)
{
	relay(rx, false, true);
}

void relay_merged(struct receiver *rx)
{
	relay(rx, true, true);
}

/*
 * ---- The workload --------------------------------------------------------
 */

static const struct system systems[] = {
	{ "vnp", receive_many, true, attach_vnp_relay },
	{ "sendmmsg", relay_each },
	{ "UDP_SEGMENT", relay_segments },
	{ "UDP_GRO+UDP_SEGMENT", relay_merged },
};

/* The same by one call of vnp_send_group() for each datagram, for what is sent unchanged */
static const struct system group_system = { "vnp-group", receive_many, true, attach_vnp_group };

/* The cost of receiving and dropping, which the rows include */
static const struct system reference = { "hook", receive_many, true, attach_hook };

/* Only for what is sent unchanged: single datagrams, or super-packets as they arrived */
static const struct system floor_system = { "floor", receive_many, true, attach_floor_relay };

static void measure(const struct system *system, struct traffic *traffic)
{
	struct row row = { .workload = "relay", .fanout = fanout, .rewritten = rewritten };
	const long before = rig_sent();

	rig_measure(system, traffic, &row);
	if (rig_sent() == before && system != &reference)
		die("%s has sent nothing.", system->name);
	if (object) {
		check_peers();
		vnp_object_close(object);
		object = NULL;
		grouped = false;
	}
	row_add(&row);
}

/*
 * Would more packets leave within an execution than the limit permits (path/send.h)?  16 payloads
 * that are referenced, with as many heads, do not fit one packet.
 */
static bool is_limited(const struct traffic *traffic)
{
	return fanout == FANOUT_MAX &&
	       (traffic->arrival == BURST ||
		(traffic->arrival == MERGED && rewritten && traffic->size > 256));
}

/* All systems; to many peers, only the growth of VNP's cost is of interest. */
static void measure_all(struct traffic *traffic)
{
	static const int sizes[] = { 64, 1400 };
	const size_t cnt = fanout > 64 ? 1 : ARRAY_SIZE(systems);
	size_t i, k;

	rows_begin("relay, %s, to %d, %d bytes rewritten", traffic_name(traffic), fanout,
		   rewritten);
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		traffic->size = sizes[k];
		if (is_limited(traffic))
			continue;
		if (!rewritten)
			measure(&floor_system, traffic);
		for (i = 0; i < cnt; i++)
			measure(&systems[i], traffic);
		if (!rewritten)
			measure(&group_system, traffic);
	}
}

void relay_unlimited(void)
{
	if (write_text(PARAMETERS "send_rate", "4000000000") < 0 ||
	    write_text(PARAMETERS "send_bytes", "1000000000000") < 0)
		die("The limits of sending cannot be set.");
}

void bench_relay(void)
{
	static const int fanouts[] = { 8, 1, 64, 256 };
	struct traffic traffic = { .unwanted = 100, .deferred = true };
	size_t n;

	relay_unlimited();
	rows_begin("received and dropped");
	for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++) {
		fanout = 0;
		rewritten = 0;
		traffic.size = 64;
		measure(&reference, &traffic);
	}
	for (n = 0; n < ARRAY_SIZE(fanouts); n++) {
		fanout = fanouts[n];
		for (traffic.arrival = ALONE; traffic.arrival <= MERGED; traffic.arrival++)
			for (rewritten = 0; rewritten <= REWRITTEN; rewritten += REWRITTEN)
				measure_all(&traffic);
	}
}
