// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/map_traits.h"

#define HELPER(name)	BIT_ULL(VNP_HELPER_##name - VNP_HELPER_BASE)

/* Those for maps whose values programs read and write */
#define HELPERS_VALUE	(HELPER(map_lookup) | HELPER(map_update) | HELPER(map_delete))

#define HELPERS_PEERS	(HELPER(send) | HELPER(send_sealed))
#define HELPERS_KEYS	(HELPER(open) | HELPER(seal) | HELPER(mac_verify) | HELPER(mac))
#define HELPERS_REPLAY	(HELPER(replay_check) | HELPER(replay_commit))

static const struct vnp_map_traits vnp_map_traits[] = {
	[VNP_MAP_HASH] = {
		.name = "hash",
		.flags = VNP_MAP_F_RDONLY_PROG,
		.value_max = VNP_MAP_VALUE_MAX,
		.helpers = HELPERS_VALUE,
	},
	[VNP_MAP_ARRAY] = {
		.name = "array",
		.flags = VNP_MAP_F_RDONLY_PROG | VNP_MAP_F_MMAP,
		.key_size = sizeof(u32),
		.value_max = VNP_MAP_VALUE_MAX,
		.helpers = HELPERS_VALUE,
	},
	[VNP_MAP_PERCPU_ARRAY] = {
		.name = "percpu_array",
		.flags = VNP_MAP_F_RDONLY_PROG,
		.key_size = sizeof(u32),
		.value_max = VNP_MAP_PERCPU_MAX,
		.percpu = true,
		.helpers = HELPERS_VALUE,
	},
	[VNP_MAP_PEERS] = {
		.name = "peers",
		.flags = VNP_MAP_F_SOCKET,
		.value_min = sizeof(struct vnp_peer),
		.value_max = sizeof(struct vnp_peer),
		.helpers = HELPERS_PEERS,
	},
	[VNP_MAP_GROUPS] = {
		.name = "groups",
		.flags = VNP_MAP_F_SOCKET,
		.key_min = sizeof(u32) + 1,
		.value_min = sizeof(struct vnp_peer),
		.value_max = sizeof(struct vnp_peer),
		.helpers = HELPERS_PEERS | HELPER(send_group),
	},
	[VNP_MAP_SOCKETS] = {
		.name = "sockets",
		.key_min = sizeof(u32),
		.value_min = sizeof(struct vnp_connection),
		.value_max = sizeof(struct vnp_connection),
		.helpers = HELPER(send) | HELPER(send_group),
	},
	[VNP_MAP_KEYS] = {
		.name = "keys",
		.value_min = sizeof(struct vnp_key),
		.value_max = sizeof(struct vnp_key),
		.secret = true,
		.helpers = HELPERS_KEYS,
	},
	[VNP_MAP_REPLAY] = {
		.name = "replay",
		.value_min = VNP_REPLAY_SIZE(64),
		.value_max = VNP_REPLAY_SIZE(8192),
		.value_unit = sizeof(u64),
		.helpers = HELPERS_VALUE | HELPERS_REPLAY,
	},
};

const struct vnp_map_traits *vnp_map_traits_get(u32 type)
{
	if (type >= ARRAY_SIZE(vnp_map_traits) || !vnp_map_traits[type].name)
		return NULL;
	return &vnp_map_traits[type];
}

int vnp_map_traits_check(const struct vnp_map_traits *traits,
			 const struct vnp_map_create *attr)
{
	if (attr->flags & ~traits->flags || !attr->max_entries)
		return -EINVAL;
	if (!attr->key_size || attr->key_size > VNP_MAP_KEY_MAX ||
	    attr->key_size < traits->key_min ||
	    (traits->key_size && attr->key_size != traits->key_size))
		return -EINVAL;
	if (!attr->value_size || attr->value_size < traits->value_min ||
	    attr->value_size > traits->value_max ||
	    (traits->value_unit && attr->value_size % traits->value_unit))
		return -EINVAL;
	return 0;
}
