// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <arpa/inet.h>
#include <string.h>
#include "../common.h"
#include "session.h"

#define MASTER_MAX	46	/* bytes of a master key and its salt */

static const struct srtp_profile profiles[] = {
	{ "aes-128-gcm", VNP_KEY_AES_128_GCM, 0, 16, 12 },
	{ "aes-256-gcm", VNP_KEY_AES_256_GCM, 0, 32, 12 },
	{ "aes-128-cm-hmac-sha1-80", VNP_KEY_AES_128_CTR, VNP_KEY_HMAC_SHA1_80, 16, 14 },
};

const struct srtp_profile *srtp_profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

/**
 * struct master - a master key
 * @profile:	what it is for
 * @seals:	its session keys are for sealing
 * @bytes:	key and salt
 */
struct master {
	const struct srtp_profile *profile;
	bool seals;
	__u8 bytes[MASTER_MAX];
};

static int master_read(struct master *master, char *hex)
{
	const size_t len = master->profile->key_len + master->profile->salt_len;
	int err = sample_hex(hex, master->bytes, len);

	explicit_bzero(hex, strlen(hex));
	return err;
}

static int derive(const struct master *master, enum vnp_srtp_label label, void *to, size_t len)
{
	const struct srtp_profile *profile = master->profile;

	return vnp_derive_srtp(master->bytes, profile->key_len,
			       master->bytes + profile->key_len, profile->salt_len, label, to,
			       len);
}

static int set_cipher(struct vnp_map *keys, const struct master *master, struct srtp_key_id id)
{
	const int rtcp = id.use == SRTP_RTCP_CIPHER;
	struct vnp_key key = {
		.alg = master->profile->cipher,
		.key_len = master->profile->key_len,
		.flags = master->seals && !master->profile->mac ? VNP_KEY_F_ONCE : 0,
	};
	int err;

	err = derive(master, rtcp ? VNP_SRTP_RTCP_ENCRYPTION : VNP_SRTP_ENCRYPTION, key.key,
		     key.key_len);
	if (!err)
		err = derive(master, rtcp ? VNP_SRTP_RTCP_SALT : VNP_SRTP_SALT, key.salt,
			     master->profile->salt_len);
	if (!err)
		err = vnp_map_update(keys, &id, &key, VNP_MAP_ANY);
	explicit_bzero(&key, sizeof(key));
	return err;
}

static int set_mac(struct vnp_map *keys, const struct master *master, struct srtp_key_id id)
{
	const int rtcp = id.use == SRTP_RTCP_MAC;
	struct vnp_key key = { .alg = master->profile->mac, .key_len = 20 };
	int err;

	err = derive(master, rtcp ? VNP_SRTP_RTCP_AUTHENTICATION : VNP_SRTP_AUTHENTICATION,
		     key.key, key.key_len);
	if (!err)
		err = vnp_map_update(keys, &id, &key, VNP_MAP_ANY);
	explicit_bzero(&key, sizeof(key));
	return err;
}

int srtp_session_set(struct vnp_map *keys, const struct srtp_profile *profile, __u32 mki,
		     bool seals, char *hex)
{
	struct master master = { .profile = profile, .seals = seals };
	struct srtp_key_id id = { .mki = htonl(mki) };
	int err;

	err = master_read(&master, hex);
	for (id.use = 0; !err && id.use < SRTP_USES; id.use++) {
		if (id.use == SRTP_RTP_CIPHER || id.use == SRTP_RTCP_CIPHER)
			err = set_cipher(keys, &master, id);
		else if (profile->mac)
			err = set_mac(keys, &master, id);
	}
	explicit_bzero(&master, sizeof(master));
	return err;
}

void srtp_session_unset(struct vnp_map *keys, __u32 mki)
{
	struct srtp_key_id id = { .mki = htonl(mki) };

	for (id.use = 0; id.use < SRTP_USES; id.use++)
		vnp_map_delete(keys, &id);
}
