/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Receivers of RTP: each gets a stream of its own. */
#ifndef _RELAY_STREAMS_H
#define _RELAY_STREAMS_H

#include "serve.h"

/* streams_sample() - the relay with relay.bpf.o */
struct relay_sample streams_sample(void);

#endif /* _RELAY_STREAMS_H */
