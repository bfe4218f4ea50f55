// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/map_traits.h"

#define HELPER(name)	BIT_ULL(VNP_HELPER_##name - VNP_HELPER_BASE)

/* Those for maps whose values programs read and write */
#define HELPERS_VALUE	(HELPER(map_lookup) | HELPER(map_update) | HELPER(map_delete))

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
		.value_size = sizeof(struct vnp_peer),
		.helpers = HELPER(send),
	},
	[VNP_MAP_GROUPS] = {
		.name = "groups",
		.flags = VNP_MAP_F_SOCKET,
		.key_min = sizeof(u32) + 1,
		.value_size = sizeof(struct vnp_peer),
		.helpers = HELPER(send) | HELPER(send_group),
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
	if (traits->value_size)
		return attr->value_size == traits->value_size ? 0 : -EINVAL;
	return attr->value_size && attr->value_size <= traits->value_max ? 0 : -EINVAL;
}
