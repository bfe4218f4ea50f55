// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/helper.h"

#define HELPER_INDEX(name)	(VNP_HELPER_##name - VNP_HELPER_BASE)

/* Which program types may call a helper */
#define PROGS_PACKET	(BIT(VNP_PROG_DATAGRAM) | BIT(VNP_PROG_PACKET))
#define PROGS_ALL	(PROGS_PACKET | BIT(VNP_PROG_STREAM) | BIT(VNP_PROG_MESSAGE))
/* whose payload may be written */
#define PROGS_WRITING	(BIT(VNP_PROG_DATAGRAM) | BIT(VNP_PROG_MESSAGE))
/* whose payload can be sent, as it has no headers */
#define PROGS_SENDING	(BIT(VNP_PROG_DATAGRAM) | BIT(VNP_PROG_MESSAGE))
#define PROGS_ANSWERING	BIT(VNP_PROG_MESSAGE)
#define PROGS_HOLDING	BIT(VNP_PROG_DATAGRAM)	/* whose payload may be held */

/*
 * Besides its bytes, encryption or authentication takes up to 4000 native instructions,
 * where vector registers cannot be used.
 */
#define COST_CRYPT	1000

/* A datagram of a program is added to a packet, or begins one. */
#define COST_SEND	400

/*
 * The costs are rough: native instructions of a common case.  csum_diff and log refuse
 * more than a few hundred bytes before they read any.
 */
static const struct vnp_helper vnp_helpers[] = {
	[HELPER_INDEX(map_lookup)] = {
		.name = "map_lookup",
		.fn = vnp_helper_map_lookup,
		.arg = { VNP_ARG_MAP, VNP_ARG_MAP_KEY },
		.ret = VNP_RET_MAP_VALUE_OR_NULL,
		.prog_types = PROGS_ALL,
		.bytes = VNP_COST_KEY,
		.cost = 50,
	},
	[HELPER_INDEX(map_update)] = {
		.name = "map_update",
		.fn = vnp_helper_map_update,
		.arg = { VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_MAP_VALUE,
			 VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.writes_map = true,
		.bytes = VNP_COST_VALUE,
		.cost = 200,
	},
	[HELPER_INDEX(map_delete)] = {
		.name = "map_delete",
		.fn = vnp_helper_map_delete,
		.arg = { VNP_ARG_MAP, VNP_ARG_MAP_KEY },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.writes_map = true,
		.bytes = VNP_COST_KEY,
		.cost = 200,
	},
	[HELPER_INDEX(load_bytes)] = {
		.name = "load_bytes",
		.fn = vnp_helper_load_bytes,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR, VNP_ARG_MEM_WRITE,
			 VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.bytes = VNP_COST_SIZE,
		.cost = 100,
	},
	[HELPER_INDEX(store_bytes)] = {
		.name = "store_bytes",
		.fn = vnp_helper_store_bytes,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR, VNP_ARG_MEM_READ,
			 VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.writes_packet = true,
		.bytes = VNP_COST_PACKET,
		.cost = 200,
	},
	[HELPER_INDEX(pull)] = {
		.name = "pull",
		.fn = vnp_helper_pull,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_PACKET | BIT(VNP_PROG_MESSAGE),
		.moves_packet = true,
		.bytes = VNP_COST_PACKET,
		.cost = 200,
	},
	[HELPER_INDEX(adjust_head)] = {
		.name = "adjust_head",
		.fn = vnp_helper_adjust_head,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.writes_packet = true,
		.bytes = VNP_COST_RESIZE,
		.cost = 300,
	},
	[HELPER_INDEX(adjust_tail)] = {
		.name = "adjust_tail",
		.fn = vnp_helper_adjust_tail,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.writes_packet = true,
		.bytes = VNP_COST_RESIZE,
		.cost = 300,
	},
	[HELPER_INDEX(send)] = {
		.name = "send",
		.fn = vnp_helper_send,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY,
			 VNP_ARG_MEM_READ_OR_NULL, VNP_ARG_SIZE_OR_0 },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_SENDING,
		.bytes = VNP_COST_KEY,
		.cost = COST_SEND,
	},
	[HELPER_INDEX(send_group)] = {
		.name = "send_group",
		.fn = vnp_helper_send_group,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY,
			 VNP_ARG_MEM_READ_OR_NULL, VNP_ARG_SIZE_OR_0 },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_SENDING,
		.bytes = VNP_COST_MEMBERS,
		.cost = COST_SEND,
	},
	[HELPER_INDEX(send_sealed)] = {
		.name = "send_sealed",
		.fn = vnp_helper_send_sealed,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_KEYS,
			 VNP_ARG_SEAL },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_SENDING,
		.bytes = VNP_COST_CRYPT,
		.cost = COST_SEND + COST_CRYPT + 4 * VNP_SEAL_HEAD_MAX,
	},
	[HELPER_INDEX(reply)] = {
		.name = "reply",
		.fn = vnp_helper_reply,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR, VNP_ARG_MEM_READ_OR_NULL,
			 VNP_ARG_SIZE_OR_0 },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ANSWERING,
		.bytes = VNP_COST_SIZE,
		.cost = COST_SEND,
	},
	[HELPER_INDEX(hold)] = {
		.name = "hold",
		.fn = vnp_helper_hold,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR, VNP_ARG_SCALAR, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_HOLDING,
		.holds = true,
		.cost = 100,
	},
	[HELPER_INDEX(held)] = {
		.name = "held",
		.fn = vnp_helper_held,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR, VNP_ARG_MEM_WRITE, VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_HOLDING,
		.holds = true,
		.bytes = VNP_COST_SIZE,
		.cost = 40,
	},
	[HELPER_INDEX(release)] = {
		.name = "release",
		.fn = vnp_helper_release,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_HOLDING,
		.holds = true,
		.cost = 60,
	},
	[HELPER_INDEX(release_each)] = {
		.name = "release_each",
		.fn = vnp_helper_release_each,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_HOLDING,
		.holds = true,
		.cost = 60,
	},
	[HELPER_INDEX(discard)] = {
		.name = "discard",
		.fn = vnp_helper_discard,
		.arg = { VNP_ARG_CTX, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_HOLDING,
		.holds = true,
		.cost = 60,
	},
	[HELPER_INDEX(time_ns)] = {
		.name = "time_ns",
		.fn = vnp_helper_time_ns,
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.cost = 50,
	},
	[HELPER_INDEX(random_u32)] = {
		.name = "random_u32",
		.fn = vnp_helper_random_u32,
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.cost = 50,
	},
	[HELPER_INDEX(csum_diff)] = {
		.name = "csum_diff",
		.fn = vnp_helper_csum_diff,
		.arg = { VNP_ARG_MEM_READ_OR_NULL, VNP_ARG_SIZE_OR_0,
			 VNP_ARG_MEM_READ_OR_NULL, VNP_ARG_SIZE_OR_0,
			 VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.cost = 100,
	},
	[HELPER_INDEX(log)] = {
		.name = "log",
		.fn = vnp_helper_log,
		.arg = { VNP_ARG_CTX, VNP_ARG_MEM_READ, VNP_ARG_SIZE,
			 VNP_ARG_MEM_READ_OR_NULL, VNP_ARG_SIZE_OR_0 },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.cost = 1000,
	},
	[HELPER_INDEX(open)] = {
		.name = "open",
		.fn = vnp_helper_open,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_MEM_READ,
			 VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.writes_packet = true,
		.bytes = VNP_COST_CRYPT,
		.cost = COST_CRYPT,
	},
	[HELPER_INDEX(seal)] = {
		.name = "seal",
		.fn = vnp_helper_seal,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_MEM_READ,
			 VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.writes_packet = true,
		.bytes = VNP_COST_CRYPT,
		.cost = COST_CRYPT,
	},
	[HELPER_INDEX(mac_verify)] = {
		.name = "mac_verify",
		.fn = vnp_helper_mac_verify,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_MEM_READ,
			 VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.bytes = VNP_COST_CRYPT,
		.cost = COST_CRYPT,
	},
	[HELPER_INDEX(mac)] = {
		.name = "mac",
		.fn = vnp_helper_mac,
		.arg = { VNP_ARG_CTX, VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_MEM_READ,
			 VNP_ARG_SIZE },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_WRITING,
		.moves_packet = true,
		.writes_packet = true,
		.bytes = VNP_COST_CRYPT,
		.cost = COST_CRYPT,
	},
	[HELPER_INDEX(replay_check)] = {
		.name = "replay_check",
		.fn = vnp_helper_replay_check,
		.arg = { VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.bytes = VNP_COST_VALUE,
		.cost = 200,
	},
	[HELPER_INDEX(replay_commit)] = {
		.name = "replay_commit",
		.fn = vnp_helper_replay_commit,
		.arg = { VNP_ARG_MAP, VNP_ARG_MAP_KEY, VNP_ARG_SCALAR },
		.ret = VNP_RET_SCALAR,
		.prog_types = PROGS_ALL,
		.bytes = VNP_COST_VALUE,
		.cost = 200,
	},
};

const struct vnp_helper *vnp_helper_get(u32 id)
{
	if (id < VNP_HELPER_BASE || id - VNP_HELPER_BASE >= ARRAY_SIZE(vnp_helpers) ||
	    !vnp_helpers[id - VNP_HELPER_BASE].fn)
		return NULL;
	return &vnp_helpers[id - VNP_HELPER_BASE];
}
