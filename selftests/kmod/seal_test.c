// SPDX-License-Identifier: GPL-2.0
/*
 * vnp_send_sealed(): each peer gets what libcrypto makes of the same bytes with its key, and the
 * datagram itself stays as it was.
 */
#include <arpa/inet.h>
#include <linux/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include "forwarder.h"
#include "harness.h"
#include "insn.h"
#include "libcrypto.h"
#include "../progs/seal.h"

#define FANOUT		"/sys/module/vnp/parameters/send_fanout"

/**
 * struct profile - algorithms
 * @alg:	enum vnp_key_alg of the key that encrypts
 * @key_len:	its bytes
 * @nonce:	bytes of nonces
 * @tag:	bytes of tags
 * @mac:	that of the key that authenticates, or 0
 * @base:	struct seal_key::peer of the first peer's keys: each profile has others, as it takes
 *		long to replace a key
 */
struct profile {
	__u32 alg;
	__u32 key_len;
	__u32 nonce;
	__u32 tag;
	__u32 mac;
	__u32 base;
};

static const struct profile gcm = { VNP_KEY_AES_128_GCM, 16, 12, 16 };
static const struct profile guarded = { VNP_KEY_AES_128_GCM, 16, 12, 16, .base = 8 };
static const struct profile chacha = { VNP_KEY_CHACHA20_POLY1305, 32, 12, 16, .base = 16 };
static const struct profile sha1 = {
	VNP_KEY_AES_128_CTR, 16, 16, 10, VNP_KEY_HMAC_SHA1_80, .base = 24,
};
static const struct profile gcm_256 = { VNP_KEY_AES_256_GCM, 32, 12, 16, .base = 32 };
static const struct profile sha256 = {
	VNP_KEY_AES_256_CTR, 32, 16, 32, VNP_KEY_HMAC_SHA256, .base = 40,
};
static const struct profile stream = { VNP_KEY_AES_256_CTR, 32, 16, 0, .base = 64 };

/*
 * ---- What libcrypto makes of it -------------------------------------------
 */

static struct vnp_key key_of(const struct profile *profile, struct seal_key id)
{
	struct vnp_key key = { .alg = profile->alg, .key_len = profile->key_len };

	if (id.is_mac)
		key = (struct vnp_key) { .alg = profile->mac, .key_len = 20 };
	fill_random(key.key, key.key_len, 1000 + 2 * id.peer + id.is_mac);
	if (!id.is_mac)
		fill_random(key.salt, profile->nonce, 2000 + id.peer);
	return key;
}

/* Encrypt all but the first seal->aad_len bytes in place, and append the tag of an AEAD */
static bool encrypt(const struct vnp_key *key, const struct vnp_seal *seal, __u8 *data, int len)
{
	const int aad = seal->aad_len;
	const struct iovec ranges[] = {
		{ data, aad }, { (void *)seal->extra, seal->extra_len },
	};

	return libcrypto_encrypt(key, seal->nonce, ranges, 2, data + aad, len - aad,
				 data + aad) >= 0;
}

static bool authenticate(const struct profile *profile, const struct vnp_key *key,
			 const struct vnp_seal *seal, __u8 *data, int len)
{
	static __u8 text[FORWARDER_LEN_MAX + VNP_CRYPT_EXTRA_MAX];
	__u8 tag[32];

	memcpy(text, data, len);
	memcpy(text + len, seal->extra, seal->extra_len);
	if (libcrypto_hmac(key, text, len + seal->extra_len, tag) < profile->tag)
		return false;
	memcpy(data + len, tag, profile->tag);
	return true;
}

/**
 * struct sealer - a link to seal.bpf.c, with peers
 * @f:		the link
 * @keys:	the map of keys
 * @orders:	the program's variables
 * @profile:	the algorithms in use
 */
struct sealer {
	struct forwarder f;
	struct vnp_map *keys;
	struct seal_orders *orders;
	const struct profile *profile;
};

/* sealed() - what a peer gets of a datagram.  Return: its length; -1: libcrypto failed */
static int sealed(const void *ctx, __u32 peer, __u8 *to, const __u8 *from, int len)
{
	const struct sealer *s = ctx;
	const struct profile *profile = s->profile;
	struct seal_key id = { .peer = s->orders->base + (s->orders->one_key ? 0 : peer) };
	struct vnp_key key = key_of(profile, id);
	struct vnp_seal seal;
	__u32 number = 0;

	if (len >= (int)sizeof(number))
		memcpy(&number, from, sizeof(number));
	seal_own(s->orders, &seal, peer, number);
	len = seal.len == VNP_SEND_REST ? len - (int)seal.off : (int)seal.len;
	memcpy(to, seal.head, seal.head_len);
	memcpy(to + seal.head_len, from + seal.off, len);
	len += seal.head_len;
	if (!encrypt(&key, &seal, to, len))
		return -1;
	id.is_mac = 1;
	key = key_of(profile, id);
	if (profile->mac && !authenticate(profile, &key, &seal, to, len))
		return -1;
	return len + profile->tag;
}

/*
 * ---- Payload and headers --------------------------------------------------
 */

FIXTURE(seal) {
	struct sealer sealer;
};

FIXTURE_VARIANT(seal) {
	enum flow_kind kind;
	enum net_path path;
};

FIXTURE_VARIANT_ADD(seal, lo_ip4) { FLOW_IP4, LO_SINGLE };
FIXTURE_VARIANT_ADD(seal, lo_gso_ip6) { FLOW_IP6, LO_GSO };
FIXTURE_VARIANT_ADD(seal, wire_ip4) { FLOW_IP4, WIRE_GSO };
FIXTURE_VARIANT_ADD(seal, single_ip6) { FLOW_IP6, WIRE_SINGLE };

static int set_key(struct sealer *s, struct seal_key id, __u32 flags)
{
	struct vnp_key key = key_of(s->profile, id);

	key.flags = flags;
	return vnp_map_update(s->keys, &id, &key, VNP_MAP_ANY);
}

/* use_profile() - give all peers keys.  Return: 0 or an errno */
static int use_profile(struct sealer *s, const struct profile *profile, __u32 flags)
{
	struct vnp_seal *seal = &s->orders->seal;
	int err = 0;

	s->profile = profile;
	for (__u32 i = profile->base; !err && i < profile->base + SEAL_PEERS; i++) {
		err = set_key(s, (struct seal_key) { .peer = i }, flags);
		if (!err && profile->mac)
			err = set_key(s, (struct seal_key) { i, 1 }, 0);
	}
	*s->orders = (struct seal_orders) {
		.verdict = VNP_DROP, .peers = SEAL_PEERS, .base = profile->base,
	};
	seal->size = sizeof(*seal);
	seal->flags = profile->mac ? VNP_SEAL_F_MAC : 0;
	seal->len = VNP_SEND_REST;
	return err;
}

static int sealer_open(struct sealer *s, enum net_path path, enum flow_kind kind)
{
	struct forwarder *f = &s->f;
	int err = forwarder_open(f, "seal", path, kind, SEAL_PEERS);

	if (err)
		return err;
	s->keys = vnp_object_find_map(f->obj, "keys");
	s->orders = object_globals(f->obj, ".bss");
	if (!s->orders)
		return -ENOENT;
	f->expect = sealed;
	f->ctx = s;
	/* The send buffer: for bursts to all peers */
	return sock_set(f->flow.rx, SOL_SOCKET, SO_SNDBUF, 1 << 20) ?: use_profile(s, &gcm, 0);
}

FIXTURE_SETUP(seal)
{
	ASSERT_EQ(0, sealer_open(&self->sealer, variant->path, variant->kind));
}

FIXTURE_TEARDOWN(seal)
{
	forwarder_close(&self->sealer.f);
}

/* What does not depend on the path */
FIXTURE(one_path) {
	struct sealer sealer;
};

FIXTURE_SETUP(one_path)
{
	ASSERT_EQ(0, sealer_open(&self->sealer, LO_GSO, FLOW_IP4));
}

FIXTURE_TEARDOWN(one_path)
{
	forwarder_close(&self->sealer.f);
}

/* ARRIVES() - send so many bytes: every peer gets them as sealed for it, and nothing else */
#define ARRIVES(len)	ASSERT_EQ(0, forwarder_arrives(f, len, s->orders->peers))

TEST_F(seal, lengths)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	static const int lens[] = {
		0, 1, 15, 16, 64, 240, 241, 256, 257, 1200, 1440, 1441, 4080, 4096, 4097, 9000,
		33000, 65400,
	};
	static const struct profile *const profiles[] = {
		&gcm, &gcm_256, &chacha, &sha1, &sha256, &stream,
	};
	__u64 bytes = 0, cnt = 0, longer = 0;

	for (size_t p = 0; p < ARRAY_SIZE(profiles); p++) {
		if (p)
			ASSERT_EQ(0, use_profile(s, profiles[p], 0));
		for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
			const bool is_long = lens[i] > 9000;

			/* The send buffer has no room for eight of these. */
			s->orders->peers = is_long ? 2 : SEAL_PEERS;
			s->orders->seal.aad_len = lens[i] / 2 < 40 ? lens[i] / 2 : 40;
			ARRIVES(lens[i]);
			longer += is_long;
			bytes += is_long ? 0 : lens[i] + profiles[p]->tag;
			cnt++;
		}
	}
	INFO(f, cnt);
	for (int i = 0; i < SEAL_PEERS; i++) {
		const struct vnp_peer peer = forwarder_peer(f, i);

		EXPECT_EQ(i < 2 ? cnt : cnt - longer, peer.sent);
		if (i >= 2)
			EXPECT_EQ(bytes, peer.bytes);
		EXPECT_EQ(0, peer_errors(&peer));
	}
	EXPECT_TRUE(flow_empty(&f->flow));
}

/* A datagram of the length that is just too long when it has a tag */
TEST_F(one_path, too_long)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	const int most = 65507;

	s->orders->peers = 1;
	ARRIVES(most - 16);
	ASSERT_EQ(most - 15, send(f->flow.tx, f->sent, most - 15, 0));
	INFO(f, 2);
	EXPECT_EQ(-EMSGSIZE, s->orders->ret[0]);
	EXPECT_EQ(1, forwarder_peer(f, 0).sent);
	EXPECT_EQ(1, forwarder_peer(f, 0).errors[VNP_ERROR_LENGTH]);
}

TEST_F(one_path, ranges)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	static const int lens[] = { 4, 64, 300, 1400, 5000 };
	static const int heads[] = { 0, 1, 12, VNP_SEAL_HEAD_MAX };
	static const struct profile *const some[] = { &gcm, &chacha, &sha1 };
	struct vnp_seal *seal = &s->orders->seal;

	for (size_t p = 0; p < ARRAY_SIZE(some); p++) {
		if (p)
			ASSERT_EQ(0, use_profile(s, some[p], 0));
		for (size_t l = 0; l < ARRAY_SIZE(lens); l++) {
			for (size_t h = 0; h < ARRAY_SIZE(heads); h++) {
				seal->head_len = heads[h];
				seal->off = (h * lens[l]) / 4;
				seal->len = h % 2 ? (lens[l] - seal->off) / 2 : VNP_SEND_REST;
				seal->extra_len = 8 * h;
				fill_random(seal->extra, seal->extra_len, l);
				seal->aad_len = heads[h] / 2;
				ARRIVES(lens[l]);
				/* all of the program's bytes, and some of the payload */
				seal->aad_len = heads[h] + (lens[l] - seal->off) / 3;
				if (seal->aad_len > VNP_CRYPT_AAD_MAX)
					seal->aad_len = VNP_CRYPT_AAD_MAX;
				ARRIVES(lens[l]);
				/* nothing is encrypted */
				seal->len = 1;
				seal->aad_len = heads[h] + 1;
				ARRIVES(lens[l]);
			}
		}
	}
}

/* bursts() - many equal datagrams, the last of which may be shorter */
static void bursts(struct __test_metadata *_metadata, struct forwarder *f, enum net_path path)
{
	static struct burst sent;
	char orders[BURST_MAX + 1] = "";
	__u32 seq = 0;

	for (int datagrams = 1; datagrams <= BURST_MAX; datagrams *= 4) {
		for (int len = 40; len < 1420; len += 680) {
			const int all = datagrams * len > 15000 ? 15000 / len : datagrams;

			memset(orders, 'R', all);
			orders[all] = 0;
			burst_fill_equal(&sent, &seq, orders, len);
			sent.len[sent.cnt - 1] -= datagrams % 3;
			ASSERT_LT(0, forwarder_burst(f, &sent, path, false));
		}
	}
	for (int i = 0; i < SEAL_PEERS; i++)
		COUNTS(f, i, f->datagrams[i], f->bytes[i]);
}

TEST_F(seal, bursts)
{
	bursts(_metadata, &self->sealer.f, variant->path);
}

TEST_F(seal, bursts_with_headers)
{
	struct sealer *s = &self->sealer;

	ASSERT_EQ(0, use_profile(s, &sha1, 0));
	s->orders->seal.off = SEAL_HEADER;
	s->orders->seal.head_len = SEAL_HEADER;
	s->orders->seal.aad_len = SEAL_HEADER;
	bursts(_metadata, &s->f, variant->path);
}

/*
 * One packet with UDP_SEGMENT for each peer, as vnp_send() makes them.  The link accepts packets
 * with several datagrams when it has dropped some that could have been merged.
 */
TEST_F(one_path, bursts_leave_together)
{
	static const int lens[] = { 100, 100, 1200 };
	struct forwarder *f = &self->sealer.f;
	static struct burst sent;
	__u32 seq = 0;
	int packets;

	for (int i = 0; i < SEAL_PEERS; i++)
		ASSERT_EQ(0, sock_set(f->rx[i], SOL_UDP, UDP_GRO, 1));
	for (size_t k = 0; k < ARRAY_SIZE(lens); k++) {
		burst_fill_equal(&sent, &seq, "RRRRRRRRRRRR", lens[k]);
		packets = forwarder_burst(f, &sent, LO_GSO, true);
		ASSERT_LT(0, packets);
		if (k)
			EXPECT_EQ(SEAL_PEERS, packets);
	}
}

/* The datagram itself is not changed. */
TEST_F(seal, passed_and_replied)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;

	for (int len = 0; len < 3000; len += 299) {
		s->orders->verdict = VNP_PASS;
		ARRIVES(len);
		ASSERT_EQ(len, flow_recv(&f->flow, f->got, sizeof(f->got)));
		EXPECT_MEM(f->sent, f->got, len);
		s->orders->verdict = VNP_REPLY;
		ARRIVES(len);
		ASSERT_EQ(len, recv(f->flow.tx, f->got, sizeof(f->got), 0));
		EXPECT_MEM(f->sent, f->got, len);
	}
}

/*
 * ---- Opened and sealed again ------------------------------------------------
 */

/* Datagrams of the sender's key.  Forged ones are sent to nobody. */
TEST_F(seal, opened)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	static struct burst sent, plain, want;
	struct seal_orders as_sender = { .as_is = 1 };
	struct seal_key sender = { .peer = SEAL_SENDER };
	struct vnp_key key = key_of(&gcm, sender);
	struct vnp_seal *seal = &as_sender.seal;
	__u32 seq = 0;

	ASSERT_EQ(0, set_key(s, sender, 0));
	USE(f, "seal_opened");
	s->orders->seal.off = SEAL_HEADER;
	s->orders->seal.head_len = SEAL_HEADER;
	s->orders->seal.aad_len = SEAL_HEADER;
	for (int round = 0; round < 6; round++) {
		burst_fill_equal(&sent, &seq, "RRRRRRRRRRRRRRRR", round % 2 ? 1300 : 100);
		memcpy(&plain, &sent, sizeof(plain));
		for (int j = 0; j < sent.cnt; j++) {
			seal->aad_len = SEAL_HEADER;
			memset(seal->nonce, 0, sizeof(seal->nonce));
			memcpy(seal->nonce, sent.data[j], SEAL_HEADER);
			ASSERT_TRUE(encrypt(&key, seal, sent.data[j], sent.len[j]));
			sent.len[j] += 16;
			if (j % 5 == round)
				sent.data[j][SEAL_HEADER + 3 * j] ^= 1;
		}
		ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
		for (int i = 0; i < SEAL_PEERS; i++) {
			want.cnt = 0;
			for (int j = 0; j < sent.cnt; j++)
				if (j % 5 != round) {
					want.len[want.cnt] =
						sealed(s, i, want.data[want.cnt], plain.data[j],
						       plain.len[j]);
					want.cnt++;
				}
			ASSERT_LT(0, burst_recv(f->rx[i], &want, false));
		}
	}
	INFO(f, 96);
	EXPECT_EQ(16, f->info.errors[VNP_ERROR_AUTH]);
	for (int i = 0; i < SEAL_PEERS; i++)
		EXPECT_EQ(80, forwarder_peer(f, i).sent);
	/* The last in the first rounds was authentic. */
	sent.data[0][SEAL_HEADER] ^= 1;
	sent.cnt = 1;
	ASSERT_EQ(0, burst_send(f->flow.tx, &sent, variant->path));
	INFO(f, 97);
	EXPECT_EQ(-EBADMSG, s->orders->opened);
	EXPECT_EQ(-EBADMSG, s->orders->ret[SEAL_PEERS - 1]);
}

/*
 * ---- Keys -------------------------------------------------------------------
 */

/* A key that is removed seals nothing any more; the others do, and another one in its place */
TEST_F(one_path, keys_change)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	struct seal_key second = { sha1.base + 1 }, mac = { sha1.base + 2, 1 };
	struct vnp_key key;

	ASSERT_EQ(0, use_profile(s, &sha1, 0));
	s->orders->peers = 3;
	ARRIVES(100);
	ASSERT_EQ(0, vnp_map_delete(s->keys, &second));
	ASSERT_EQ(0, vnp_map_delete(s->keys, &mac));
	ASSERT_EQ(100, send(f->flow.tx, f->sent, 100, 0));
	INFO(f, 2);
	EXPECT_EQ(0, s->orders->ret[0]);
	EXPECT_EQ(-ENOKEY, s->orders->ret[1]);
	EXPECT_EQ(-ENOKEY, s->orders->ret[2]);
	EXPECT_EQ(2, forwarder_peer(f, 0).sent);
	EXPECT_EQ(1, forwarder_peer(f, 1).sent);
	EXPECT_EQ(1, forwarder_peer(f, 2).sent);
	ASSERT_LT(0, recv(f->rx[0], f->got, sizeof(f->got), 0));

	/* of another peer: what arrives is not what the right key makes of it */
	key = key_of(&sha1, (struct seal_key) { sha1.base + 5 });
	ASSERT_EQ(0, vnp_map_update(s->keys, &second, &key, VNP_MAP_ANY));
	ASSERT_EQ(100, send(f->flow.tx, f->sent, 100, 0));
	ASSERT_EQ(110, recv(f->rx[1], f->got, sizeof(f->got), 0));
	ASSERT_EQ(110, sealed(s, 1, f->want, f->sent, 100));
	EXPECT_LE(0, mem_differ(f->want, f->got, 110));
	ASSERT_LT(0, recv(f->rx[0], f->got, sizeof(f->got), 0));
	ASSERT_EQ(0, set_key(s, second, 0));
	ASSERT_EQ(0, set_key(s, mac, 0));
	ARRIVES(100);
}

TEST_F(one_path, nonces_once)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;

	ASSERT_EQ(0, use_profile(s, &guarded, VNP_KEY_F_ONCE));
	for (__u32 n = 1; n < 20; n++) {
		const __u32 number = htonl(n);

		memcpy(f->sent, &number, sizeof(number));
		ARRIVES(100);
		ASSERT_EQ(100, send(f->flow.tx, f->sent, 100, 0));
		INFO(f, 2 * n);
		for (int i = 0; i < SEAL_PEERS; i++)
			EXPECT_EQ(-EKEYREJECTED, s->orders->ret[i]);
	}
	/* With one key for all, only the first is sent. */
	s->orders->one_key = 1;
	memset(f->sent, 0xee, 4);
	ASSERT_EQ(100, send(f->flow.tx, f->sent, 100, 0));
	INFO(f, 39);
	EXPECT_EQ(0, s->orders->ret[0]);
	for (int i = 1; i < SEAL_PEERS; i++) {
		EXPECT_EQ(-EKEYREJECTED, s->orders->ret[i]);
		EXPECT_EQ(19, forwarder_peer(f, i).sent);
	}
	for (int i = 0; i < SEAL_PEERS; i++) {
		const struct vnp_peer peer = forwarder_peer(f, i);

		EXPECT_EQ(0, peer_errors(&peer));
	}
	EXPECT_EQ(20, forwarder_peer(f, 0).sent);
}

/* Outside of the namespaces that other tests enter, from which the parameter cannot be set */
TEST(fan_out_is_limited)
{
	const struct vnp_peer peer = peer_ip4("127.0.0.1", 9);
	struct seal_orders *orders;
	struct vnp_link_info info;
	struct vnp_object *obj;
	struct vnp_peer count;
	struct flow flow;
	char before[16];
	int link;

	if (!as_root())
		SKIP(return, "the parameter is root's");
	ASSERT_EQ(0, object_load("seal", &obj));
	orders = object_globals(obj, ".bss");
	*orders = (struct seal_orders) {
		.peers = SEAL_PEERS,
		.seal = { .size = sizeof(struct vnp_seal), .len = VNP_SEND_REST },
	};
	for (__u32 i = 0; i < SEAL_PEERS; i++) {
		struct seal_key id = { .peer = i };
		struct vnp_key key = key_of(&gcm, id);

		key.flags = VNP_KEY_F_ONCE;
		ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(obj, "keys"), &id, &key, 0));
		ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(obj, "peers"), &i, &peer, 0));
	}
	ASSERT_EQ(0, flow_open(&flow, FLOW_IP4));
	link = object_link(obj, "seal", flow.rx, 0);
	ASSERT_OK(link);
	ASSERT_LT(0, read_text(FANOUT, before, sizeof(before)));
	ASSERT_LE(0, write_text(FANOUT, "3"));
	EXPECT_EQ(10, flow_send(&flow, "0123456789", 10));
	EXPECT_EQ(0, link_settle(link, 1, &info));
	ASSERT_LE(0, write_text(FANOUT, before));
	EXPECT_EQ(SEAL_PEERS - 3, info.errors[VNP_ERROR_RATE]);
	for (__u32 i = 0; i < SEAL_PEERS; i++) {
		EXPECT_EQ(i < 3 ? 0 : -EDQUOT, orders->ret[i]);
		ASSERT_EQ(0, vnp_map_lookup(vnp_object_find_map(obj, "peers"), &i, &count));
		EXPECT_EQ(i >= 3, count.errors[VNP_ERROR_RATE]);
	}
	/* The nonces of those that were not sent were not used. */
	ASSERT_EQ(10, flow_send(&flow, "0123456789", 10));
	ASSERT_EQ(0, link_settle(link, 2, &info));
	for (int i = 0; i < SEAL_PEERS; i++)
		EXPECT_EQ(i < 3 ? -EKEYREJECTED : 0, orders->ret[i]);
	close(link);
	flow_close(&flow);
	vnp_object_close(obj);
}

/*
 * ---- Arguments ---------------------------------------------------------------
 */

struct mistake {
	const char *what;
	void (*make)(struct vnp_seal *seal);
	int want;
};

static void good(struct vnp_seal *seal)
{
}

static void set_id(__u8 *at, __u32 peer, __u32 is_mac)
{
	const struct seal_key id = { peer, is_mac };

	memcpy(at, &id, sizeof(id));
}

static void most(struct vnp_seal *seal)
{
	seal->off = 100;
	seal->head_len = VNP_SEAL_HEAD_MAX;
	seal->aad_len = VNP_SEAL_HEAD_MAX;
	seal->extra_len = VNP_CRYPT_EXTRA_MAX;
}

#define MISTAKE(name, change)						\
static void name(struct vnp_seal *seal)					\
{									\
	change;								\
}

MISTAKE(size_less, seal->size--)
MISTAKE(size_more, seal->size++)
MISTAKE(flag, seal->flags |= 2)
MISTAKE(reserved_first, seal->reserved[0] = 1)
MISTAKE(reserved_last, seal->reserved[2] = 0x8000)
MISTAKE(off_beyond, seal->off = 101)
MISTAKE(off_highest, seal->off = ~0U)
MISTAKE(len_beyond, seal->len = 101)
MISTAKE(len_wraps, (seal->off = 1, seal->len = ~1U))
MISTAKE(head_beyond, seal->head_len = VNP_SEAL_HEAD_MAX + 1)
MISTAKE(head_highest, seal->head_len = 0xffff)
MISTAKE(extra_beyond, seal->extra_len = VNP_CRYPT_EXTRA_MAX + 1)
MISTAKE(extra_highest, seal->extra_len = 0xffff)
MISTAKE(aad_beyond, seal->aad_len = 101)
MISTAKE(aad_beyond_range, (seal->len = 10, seal->head_len = 4, seal->aad_len = 15))
MISTAKE(aad_highest, seal->aad_len = 0xffff)
MISTAKE(nonce_long, seal->nonce[12] = 1)
MISTAKE(nonce_longer, seal->nonce[23] = 1)
MISTAKE(no_key, set_id(seal->key, 200, 0))
MISTAKE(no_mac, (seal->flags = VNP_SEAL_F_MAC, set_id(seal->mac_key, 200, 1)))
MISTAKE(mac_encrypts, set_id(seal->key, 201, 1))
MISTAKE(two_tags, (seal->flags = VNP_SEAL_F_MAC, set_id(seal->mac_key, 201, 1)))
MISTAKE(mac_is_cipher, (seal->flags = VNP_SEAL_F_MAC, set_id(seal->key, 201, 0),
			set_id(seal->mac_key, 201, 0)))
MISTAKE(mac_has_nonce, (seal->flags = VNP_SEAL_F_MAC, set_id(seal->key, 201, 0),
			set_id(seal->mac_key, 202, 1)))
MISTAKE(good_mac, (seal->flags = VNP_SEAL_F_MAC, set_id(seal->key, 201, 0),
		   set_id(seal->mac_key, 201, 1)))

static const struct mistake mistakes[] = {
#define CASE(name, want)	{ #name, name, want }
	CASE(good, 0), CASE(most, 0), CASE(good_mac, 0),
	CASE(size_less, -EINVAL), CASE(size_more, -EINVAL), CASE(flag, -EINVAL),
	CASE(reserved_first, -EINVAL), CASE(reserved_last, -EINVAL), CASE(off_beyond, -ERANGE),
	CASE(off_highest, -ERANGE), CASE(len_beyond, -ERANGE), CASE(len_wraps, -ERANGE),
	CASE(head_beyond, -EINVAL), CASE(head_highest, -EINVAL), CASE(extra_beyond, -EINVAL),
	CASE(extra_highest, -EINVAL), CASE(aad_beyond, -ERANGE), CASE(aad_beyond_range, -ERANGE),
	CASE(aad_highest, -EINVAL), CASE(nonce_long, -EINVAL), CASE(nonce_longer, -EINVAL),
	CASE(no_key, -ENOKEY), CASE(no_mac, -ENOKEY), CASE(mac_encrypts, -EINVAL),
	CASE(two_tags, -EINVAL), CASE(mac_is_cipher, -EINVAL), CASE(mac_has_nonce, -EINVAL),
};

/* The keys that mistakes[] name: of counter mode and HMAC, and of Poly1305 */
static int set_other_keys(struct vnp_map *keys)
{
	static const struct seal_key ids[] = { { 201, 0 }, { 201, 1 }, { 202, 1 } };
	struct vnp_key key[] = {
		key_of(&sha1, ids[0]), key_of(&sha1, ids[1]), key_of(&chacha, ids[0]),
	};
	int err = 0;

	key[2].alg = VNP_KEY_POLY1305;
	for (size_t i = 0; !err && i < ARRAY_SIZE(ids); i++)
		err = vnp_map_update(keys, &ids[i], &key[i], VNP_MAP_ANY);
	return err;
}

TEST_F(one_path, refuses_arguments)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	struct vnp_seal right;
	__u64 sent = 0;
	__u32 key = 0;

	ASSERT_EQ(0, set_other_keys(s->keys));
	s->orders->as_is = 1;
	s->orders->peers = 1;
	right = s->orders->seal;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		s->orders->seal = right;
		mistakes[i].make(&s->orders->seal);
		s->orders->ret[0] = 1;
		ASSERT_EQ(100, send(f->flow.tx, f->sent, 100, 0));
		INFO(f, i + 1);
		EXPECT_EQ(mistakes[i].want, s->orders->ret[0]) {
			TH_LOG("%s", mistakes[i].what);
		}
		sent += !mistakes[i].want;
	}
	EXPECT_EQ(sent, forwarder_peer(f, 0).sent);
	EXPECT_EQ(0, forwarder_peer(f, 0).errors[VNP_ERROR_MEMORY]);
	EXPECT_EQ(0, link_faults(&f->info));
	s->orders->seal = right;
	ASSERT_EQ(0, vnp_map_delete(f->peers, &key));
	ASSERT_EQ(100, send(f->flow.tx, f->sent, 100, 0));
	INFO(f, ARRAY_SIZE(mistakes) + 1);
	EXPECT_EQ(-ENOENT, s->orders->ret[0]);
}

/* A member of a group, and an argument in the payload, which need not be aligned */
TEST_F(one_path, member)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	struct vnp_map *groups = vnp_object_find_map(f->obj, "groups");
	const struct vnp_peer peer = peer_of(f->rx[0]);
	const __u64 member = 1;
	int want;

	USE(f, "seal_member");
	ASSERT_EQ(0, vnp_map_update(groups, &member, &peer, VNP_MAP_ANY));
	s->orders->as_is = 1;
	memcpy(f->sent, &s->orders->seal, sizeof(struct vnp_seal));
	for (int len = sizeof(struct vnp_seal); len < 1000; len += 111) {
		ASSERT_EQ(len, send(f->flow.tx, f->sent, len, 0));
		want = sealed(s, 0, f->want, f->sent, len);
		ASSERT_EQ(want, recv(f->rx[0], f->got, sizeof(f->got), 0));
		EXPECT_MEM(f->want, f->got, want);
	}
}

/* The reference interpreter returns, and counts, what the kernel does. */
TEST(interpreter_agrees)
{
	const struct vnp_load_opts in_process = {
		.sz = sizeof(in_process), .flags = VNP_LOAD_F_USER,
	};
	struct vnp_peer peer = peer_ip4("127.0.0.1", 9);
	struct vnp_object *obj[2];
	struct vnp_map *bss[2];
	__u8 data[100] = {};
	__u32 zero = 0;

	for (int i = 0; i < 2; i++) {
		struct seal_key first = {};
		struct vnp_key key = key_of(&gcm, first);

		ASSERT_EQ(0, object_open("seal", &obj[i]));
		ASSERT_EQ(0, vnp_object_load(obj[i], i ? &in_process : NULL));
		bss[i] = vnp_object_find_map(obj[i], ".bss");
		key.flags = VNP_KEY_F_ONCE;
		ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(obj[i], "peers"), &zero, &peer,
					    VNP_MAP_ANY));
		ASSERT_EQ(0, vnp_map_update(vnp_object_find_map(obj[i], "keys"), &first, &key,
					    VNP_MAP_ANY));
		ASSERT_EQ(0, set_other_keys(vnp_object_find_map(obj[i], "keys")));
	}
	for (size_t m = 0; m < ARRAY_SIZE(mistakes); m++) {
		struct seal_orders orders = {
			.verdict = VNP_PASS, .peers = 2, .as_is = 1,
			.seal = { .size = sizeof(struct vnp_seal), .len = VNP_SEND_REST },
		};
		const __s64 next = mistakes[m].want ?: -EKEYREJECTED;

		orders.seal.nonce[11] = m + 1;
		mistakes[m].make(&orders.seal);
		for (int i = 0; i < 2; i++) {
			struct vnp_run_opts run = {
				.sz = sizeof(run), .data_in = data, .data_in_len = sizeof(data),
			};
			__u8 value[4096] = {};
			struct seal_orders seen;

			ASSERT_GE(sizeof(value), vnp_map_value_len(bss[i]));
			for (int again = 0; again < 2; again++) {
				memcpy(value, &orders, sizeof(orders));
				ASSERT_EQ(0, vnp_map_update(bss[i], &zero, value, VNP_MAP_ANY));
				ASSERT_EQ(0, vnp_program_run(vnp_object_find_program(obj[i], "seal"), &run));
				ASSERT_EQ(0, vnp_map_lookup(bss[i], &zero, value));
				memcpy(&seen, value, sizeof(seen));
				EXPECT_EQ(VNP_PASS, run.retval);
				EXPECT_EQ(!again || mistakes[m].make == good_mac ?
					  mistakes[m].want : next, seen.ret[0]) {
					TH_LOG("%s, %d", mistakes[m].what, i);
				}
				EXPECT_EQ(mistakes[m].want ?: -ENOENT, seen.ret[1]);
			}
		}
	}
	for (int i = 0; i < 2; i++)
		vnp_object_close(obj[i]);
}

/*
 * ---- The verifier ---------------------------------------------------------------
 */

FIXTURE(verifier) {
	int dev;
	struct map peers, keys, wide, hash;
};

FIXTURE_SETUP(verifier)
{
	self->dev = device_open();
	ASSERT_OK(self->dev);
	ASSERT_OK(map_create(self->dev, &self->peers, VNP_MAP_PEERS, 4, sizeof(struct vnp_peer),
			     1, 0));
	ASSERT_OK(map_create(self->dev, &self->keys, VNP_MAP_KEYS, 16, sizeof(struct vnp_key), 1,
			     0));
	ASSERT_OK(map_create(self->dev, &self->wide, VNP_MAP_KEYS, 17, sizeof(struct vnp_key), 1,
			     0));
	ASSERT_OK(map_create(self->dev, &self->hash, VNP_MAP_HASH, 4, sizeof(struct vnp_key), 1,
			     0));
}

FIXTURE_TEARDOWN(verifier)
{
	close(self->dev);
}

/* A call with two maps, and an argument that begins @below under the frame's end */
static int load(FIXTURE_DATA(verifier) *self, const struct map *peers, const struct map *keys,
		int below)
{
	const struct bpf_insn prog[] = {
		LD_MAP(R2, 0), MOV_REG(R3, FP), ALU64_IMM(BPF_ADD, R3, -4),
		LD_MAP(R4, 1), MOV_REG(R5, FP), ALU64_IMM(BPF_ADD, R5, -below),
		CALL(send_sealed), MOV_IMM(R0, 0), EXIT(),
	};
	const int maps[] = { peers->fd, keys->fd };
	int fd = prog_load(self->dev, prog, ARRAY_SIZE(prog), maps, 2);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

TEST_F(verifier, knows_both_maps)
{
	const int size = sizeof(struct vnp_seal);

	EXPECT_EQ(0, load(self, &self->peers, &self->keys, size));
	EXPECT_EQ(0, load(self, &self->peers, &self->keys, 2 * size));
	EXPECT_EQ(-EACCES, load(self, &self->keys, &self->peers, size));
	EXPECT_EQ(-EACCES, load(self, &self->peers, &self->peers, size));
	EXPECT_EQ(-EACCES, load(self, &self->keys, &self->keys, size));
	EXPECT_EQ(-EACCES, load(self, &self->peers, &self->hash, size));
	EXPECT_EQ(-EACCES, load(self, &self->hash, &self->keys, size));
	EXPECT_EQ(-EACCES, load(self, &self->peers, &self->wide, size));
}

/* Memory that is too short is refused, or is a fault: never read. */
TEST_F(verifier, knows_the_size)
{
	const struct bpf_insn number[] = {
		LD_MAP(R2, 0), MOV_REG(R3, FP), ALU64_IMM(BPF_ADD, R3, -4), MOV_IMM(R4, 1),
		MOV_REG(R5, FP), ALU64_IMM(BPF_ADD, R5, -168), CALL(send_sealed), MOV_IMM(R0, 0),
		EXIT(),
	};
	const struct bpf_insn beyond[] = {
		LD_MAP(R2, 0), MOV_REG(R3, FP), ALU64_IMM(BPF_ADD, R3, -4), LD_MAP(R4, 1),
		MOV_REG(R5, FP), ALU64_IMM(BPF_ADD, R5, -167), CALL(send_sealed),
		MOV_IMM(R0, VNP_PASS), EXIT(),
	};
	const int maps[] = { self->peers.fd, self->keys.fd };
	struct vnp_prog_run run = {};
	char data[1] = {};
	int fd;

	EXPECT_EQ(-EACCES, prog_load(self->dev, number, ARRAY_SIZE(number), maps, 2));
	fd = prog_load(self->dev, beyond, ARRAY_SIZE(beyond), maps, 2);
	if (fd < 0) {
		EXPECT_EQ(-EACCES, fd);
		return;
	}
	ASSERT_EQ(0, prog_run(fd, data, sizeof(data), &run));
	EXPECT_EQ(VNP_FAULT_STACK, run.fault);
	close(fd);
}

/*
 * ---- Races ------------------------------------------------------------------------
 */

#define TRAFFIC_LONG	400
#define TRAFFIC_SHORT	60

/* Sends until told to stop. */
struct traffic {
	pthread_t thread;
	_Atomic bool stop;
	int sock;
};

static void *traffic_send(void *arg)
{
	struct traffic *traffic = arg;
	__u32 data[TRAFFIC_LONG / 4] = {};

	pin(cpu_count() - 1);
	while (!traffic->stop) {
		data[0]++;
		send(traffic->sock, data, data[0] % 2 ? TRAFFIC_LONG : TRAFFIC_SHORT, 0);
	}
	return NULL;
}

/*
 * Keys, peers and the argument itself change while datagrams are being sealed: what arrives at a
 * peer is opened with one of its two keys.
 */
TEST_F_SMP(one_path, changes_under_traffic)
{
	struct sealer *s = &self->sealer;
	struct forwarder *f = &s->f;
	struct traffic traffic = { .sock = f->flow.tx };
	const struct vnp_peer peer = peer_of(f->rx[0]);
	struct seal_key first = {};
	__u32 zero = 0, cnt = 0;
	int len;

	ASSERT_EQ(0, pthread_create(&traffic.thread, NULL, traffic_send, &traffic));
	for (int i = 0; i < 32 || cnt < 100; i++) {
		const struct profile *profile = i % 2 ? &gcm : &chacha;
		struct vnp_key key = key_of(profile, first);

		ASSERT_EQ(0, vnp_map_update(s->keys, &first, &key, VNP_MAP_ANY));
		if (i % 4 == 0)
			ASSERT_EQ(0, vnp_map_update(f->peers, &zero, &peer, VNP_MAP_ANY));
		if (i % 8 == 0)
			ASSERT_EQ(0, vnp_map_delete(s->keys, &first));
		while ((len = recv(f->rx[0], f->got, sizeof(f->got), MSG_DONTWAIT)) > 0) {
			ASSERT_TRUE(len == TRAFFIC_LONG + 16 || len == TRAFFIC_SHORT + 16);
			cnt++;
		}
	}
	/* Lengths change in shared memory: whatever is read, it is checked. */
	USE(f, "seal_shared");
	for (int i = 0; i < 20000; i++) {
		struct vnp_seal *seal = &s->orders->seal;

		*(volatile __u16 *)&seal->head_len = i % 2 ? 0xffff : 12;
		*(volatile __u16 *)&seal->aad_len = i % 3 ? 0xffff : 12;
		*(volatile __u32 *)&seal->off = i % 5 ? ~0U : 12;
		*(volatile __u16 *)&seal->extra_len = i % 7 ? 0xffff : 12;
	}
	traffic.stop = true;
	pthread_join(traffic.thread, NULL);
	ASSERT_EQ(0, link_info(f->link, &f->info));
	EXPECT_EQ(0, link_faults(&f->info));
	EXPECT_LT(0, f->info.packets);
}

static void __attribute__((constructor)) prepare(void)
{
	path_prepare();
}

TEST_HARNESS_MAIN
