/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VNP_TEST_SEAL_H
#define _VNP_TEST_SEAL_H

#include <linux/vnp.h>

#define SEAL_PEERS	8
#define SEAL_SENDER	100	/* struct seal_key::peer of the key that opens */
#define SEAL_HEADER	12	/* what the sender does not encrypt */

/* A key in the map of keys */
struct seal_key {
	__u32 peer;
	__u32 is_mac;
};

/**
 * struct seal_orders - what the programs of seal.bpf.c are told, and what they saw
 * @verdict:	what they return
 * @peers:	they send to peers 0 to @peers - 1
 * @one_key:	the first peer's key for all
 * @base:	struct seal_key::peer of the first
 * @as_is:	use @seal unchanged
 * @seal:	the keys, first bytes of nonce and of head are the peer's: seal_own()
 * @ret:	what the helper returned last, by peer
 * @opened:	what vnp_open() returned last
 */
struct seal_orders {
	__u32 verdict;
	__u32 peers;
	__u32 one_key;
	__u32 base;
	__u32 as_is;
	__u32 unused;
	struct vnp_seal seal;
	__s64 ret[SEAL_PEERS];
	__s64 opened;
};

/* seal_own() - how a datagram that begins with @number is sealed for a peer */
static inline __attribute__((always_inline))
void seal_own(const struct seal_orders *orders, struct vnp_seal *seal, __u32 peer, __u32 number)
{
	struct seal_key key = { .peer = orders->base + (orders->one_key ? 0 : peer) };

	*seal = orders->seal;
	if (orders->as_is)
		return;
	__builtin_memcpy(seal->key, &key, sizeof(key));
	key.is_mac = 1;
	__builtin_memcpy(seal->mac_key, &key, sizeof(key));
	seal->nonce[0] = peer;
	__builtin_memcpy(seal->nonce + 4, &number, sizeof(number));
	seal->head[0] = peer;
}

#endif /* _VNP_TEST_SEAL_H */
