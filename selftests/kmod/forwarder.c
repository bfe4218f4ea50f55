// SPDX-License-Identifier: GPL-2.0
#include "forwarder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int peers_open(struct forwarder *f, int cnt)
{
	for (__u32 i = 0; i < cnt; i++) {
		struct vnp_peer peer;
		int err;

		f->rx[i] = peer_receiver(&f->flow);
		if (f->rx[i] < 0)
			return f->rx[i];
		peer = peer_of(f->rx[i]);
		err = vnp_map_update(f->peers, &i, &peer, VNP_MAP_NOEXIST);
		if (err)
			return err;
	}
	return 0;
}

int forwarder_open(struct forwarder *f, const char *name, enum net_path path, enum flow_kind kind,
		   int cnt)
{
	int err = pin(0) ?: object_load(name, &f->obj) ?: path_setup(&f->wire, path) ?:
		  path_flow(&f->flow, &f->wire, path, kind);

	if (err)
		return err;
	f->peers = vnp_object_find_map(f->obj, "peers");
	f->cnt = cnt;
	memset(f->datagrams, 0, sizeof(f->datagrams));
	memset(f->bytes, 0, sizeof(f->bytes));
	fill_random(f->sent, sizeof(f->sent), 21);
	f->link = object_link(f->obj, name, f->flow.rx, 0);
	return f->link < 0 ? f->link : peers_open(f, cnt);
}

void forwarder_close(struct forwarder *f)
{
	for (int i = 0; i < f->cnt; i++)
		close(f->rx[i]);
	vnp_object_close(f->obj);
	flow_close(&f->flow);
	close(f->link);
}

struct vnp_peer forwarder_peer(const struct forwarder *f, __u32 key)
{
	struct vnp_peer peer;

	if (vnp_map_lookup(f->peers, &key, &peer))
		memset(&peer, 0xff, sizeof(peer));
	return peer;
}

/* arrives_at() - is the datagram that a peer receives next the expected one? */
static bool arrives_at(struct forwarder *f, __u32 peer, int len)
{
	const int want = f->expect(f->ctx, peer, f->want, f->sent, len);
	struct sockaddr_in6 from = {};
	socklen_t from_len = sizeof(from);
	const int got = recvfrom(f->rx[peer], f->got, sizeof(f->got), 0, (void *)&from, &from_len);
	const long differs = got < 0 || got != want ? -1 : mem_differ(f->want, f->got, want);
	/* The port is at the same place in both families. */
	const int port = ntohs(from.sin6_port);

	if (got == want && got >= 0 && differs < 0 && port == sock_port(f->flow.rx))
		return true;
	printf("# %d bytes, peer %u: received %d from port %d, expected %d; different at %ld\n",
	       len, peer, got, port, want, differs);
	fflush(stdout);
	return false;
}

int forwarder_arrives(struct forwarder *f, int len, int cnt)
{
	if (send(f->flow.tx, f->sent, len, 0) != len)
		return -errno;
	for (int i = 0; i < cnt; i++) {
		if (!arrives_at(f, i, len))
			return -EPROTO;
	}
	return 0;
}

/* burst_arrives_at() - as burst_recv(), on a peer's socket */
static int burst_arrives_at(struct forwarder *f, __u32 peer, const struct burst *sent, bool gro)
{
	static struct burst want;
	int packets;

	want.cnt = sent->cnt;
	for (int i = 0; i < sent->cnt; i++) {
		want.len[i] = f->expect(f->ctx, peer, want.data[i], sent->data[i], sent->len[i]);
		f->bytes[peer] += want.len[i];
	}
	f->datagrams[peer] += sent->cnt;
	packets = burst_recv(f->rx[peer], &want, gro);
	if (packets <= 0) {
		printf("# %d of %d bytes, peer %u: %d\n", sent->cnt, sent->len[0], peer, packets);
		fflush(stdout);
	}
	return packets ?: -ENODATA;
}

int forwarder_burst(struct forwarder *f, const struct burst *sent, enum net_path path, bool gro)
{
	int err = burst_send(f->flow.tx, sent, path), all = 0;

	for (int i = 0; i < f->cnt && err >= 0; i++) {
		err = burst_arrives_at(f, i, sent, gro);
		all += err;
	}
	return err < 0 ? err : all;
}
