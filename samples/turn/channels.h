/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Channels: which clients ask for, which coturn has bound, which are relayed in the kernel */
#ifndef _TURN_CHANNELS_H
#define _TURN_CHANNELS_H

#include "kernel.h"

/* Requests whose outcome is not known yet, at most: further ones are left to coturn */
#define CHANNELS_ASKED	256

/**
 * struct asked - a client has asked for a channel
 * @key:	the channel
 * @peer:	the peer that it is to be bound to
 * @until:	ns of CLOCK_MONOTONIC, when coturn will have answered
 */
struct asked {
	struct turn_key key;
	struct endpoint peer;
	__u64 until;
};

/**
 * struct bound - a channel that is relayed in the kernel
 * @key:	the channel
 * @peer:	the peer
 * @allocation:	whose it is
 * @until:	until then, unless it is asked for again
 * @tos_cnt:	number of @tos
 * @tos:	values of TOS that there are peers for
 */
struct bound {
	struct turn_key key;
	struct endpoint peer;
	struct allocation *allocation;
	__u64 until;
	__u32 tos_cnt;
	__u8 tos[TURN_TOS_MAX];
};

/**
 * struct channels - all of them
 * @kernel:	where they are relayed
 * @seconds:	how long a binding lasts
 * @asked_cnt:	number of @asked
 * @asked:	what clients have asked for
 * @bound_cnt:	number of @bound
 * @bound:	what is relayed
 */
struct channels {
	struct kernel *kernel;
	unsigned int seconds;
	size_t asked_cnt;
	struct asked asked[CHANNELS_ASKED];
	size_t bound_cnt;
	struct bound bound[TURN_CHANNELS];
};

/* channels_now() - ns of CLOCK_MONOTONIC */
__u64 channels_now(void);

/* channels_ask() - a client has asked for a channel */
void channels_ask(struct channels *channels, const struct turn_key *key,
		  struct endpoint peer);

/* channels_add_tos() - a client sends with a new TOS on a channel */
void channels_add_tos(struct channels *channels, const struct turn_key *key, __u32 tos);

/* channels_update() - compare with what coturn has */
void channels_update(struct channels *channels, const struct session *sessions, int cnt);

#endif /* _TURN_CHANNELS_H */
