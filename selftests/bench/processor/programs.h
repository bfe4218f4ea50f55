/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* All programs, compiled for this machine.  PROCESSOR_MAPPER(FN): FN(name) */
#ifndef _VNP_BENCH_PROCESSOR_PROGRAMS_H
#define _VNP_BENCH_PROCESSOR_PROGRAMS_H

#include "bloom.h"
#include "bucket.h"
#include "dns_name.h"
#include "flows.h"
#include "ip_csum.h"
#include "jump_hash.h"
#include "lpm.h"
#include "maglev.h"
#include "quic.h"
#include "rtp.h"
#include "search.h"
#include "stun.h"
#include "tls_sni.h"

#define PROCESSOR_MAPPER(FN)						\
	FN(bloom) FN(bucket) FN(dns_name) FN(flows) FN(ip_csum)		\
	FN(jump_hash) FN(lpm) FN(maglev) FN(quic) FN(rtp) FN(search)	\
	FN(stun) FN(tls_sni)

/* Tables to be filled.  FN(map, NAME_fill): the function fills the only value */
#define PROCESSOR_FILL_MAPPER(FN)					\
	FN(lpm_map, lpm_fill) FN(maglev_map, maglev_fill)		\
	FN(search_map, search_fill)

#endif /* _VNP_BENCH_PROCESSOR_PROGRAMS_H */
