/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Session keys of SRTP, derived from a master key. */
#ifndef _VNP_SAMPLE_SRTP_SESSION_H
#define _VNP_SAMPLE_SRTP_SESSION_H

#include <stdbool.h>
#include <vnp/libvnp.h>
#include "srtp.h"

/* struct srtp_profile - how packets are protected */
struct srtp_profile {
	const char *name;
	__u32 cipher;
	__u32 mac;		/* 0: the cipher authenticates */
	__u32 key_len;
	__u32 salt_len;
};

/* srtp_profile_find() - by its name.  Return: NULL if there is none */
const struct srtp_profile *srtp_profile_find(const char *name);

/**
 * srtp_session_set() - set the session keys of a master key
 * @keys:	the map of keys
 * @profile:	how packets are protected
 * @mki:	identifier of the master key, or 0
 * @seals:	they are for sealing: no number is accepted twice, if the algorithm permits that
 * @hex:	master key and salt; overwritten
 *
 * Each key is replaced at once; packets that arrive between two of them are dropped.
 *
 * Return: 0, or a negative errno.
 */
int srtp_session_set(struct vnp_map *keys, const struct srtp_profile *profile, __u32 mki,
		     bool seals, char *hex);

/* srtp_session_unset() - remove them: when it returns, no packet is processed with them */
void srtp_session_unset(struct vnp_map *keys, __u32 mki);

#endif /* _VNP_SAMPLE_SRTP_SESSION_H */
