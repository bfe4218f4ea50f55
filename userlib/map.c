// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Maps: declared in an object, created, opened by id; their elements. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "internal.h"
#include "user_map.h"
#include "vm/map_traits.h"

struct vnp_map *vnp_map_new(const char *name, const struct vnp_printer *print)
{
	struct vnp_map *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->print = *print;
	map->fd = -1;
	map->name = strdup(name);
	if (!map->name) {
		free(map);
		return NULL;
	}
	return map;
}

void vnp_map_free(struct vnp_map *map)
{
	vnp_map_unload(map);
	if (map->reused)
		close(map->fd);
	free(map->initial);
	free(map->name);
	free(map);
}

void vnp_map_unload(struct vnp_map *map)
{
	if (map->fd >= 0 && !map->reused) {
		close(map->fd);
		map->fd = -1;
	}
	vnp_user_map_free(map->user);
	map->user = NULL;
}

/* A data section's contents; constants cannot be changed afterwards */
static int map_fill(const struct vnp_map *map)
{
	struct vnp_map_freeze freeze = { .size = sizeof(freeze) };
	const __u32 key = 0;
	int err;

	if (!map->is_data)
		return 0;
	err = vnp_map_update(map, &key, map->initial, VNP_MAP_ANY);
	if (err || !(map->def.flags & VNP_MAP_F_RDONLY_PROG))
		return err;
	if (map->user) {
		vnp_user_map_freeze(map->user);
		return 0;
	}
	return vnp_ioctl(map->fd, VNP_MAP_FREEZE, &freeze);
}

/* The struct that values of this type are, if it is always the same */
static const char *map_value_struct(__u32 type)
{
	switch (type) {
	case VNP_MAP_PEERS:
	case VNP_MAP_GROUPS:
		return "struct vnp_peer";
	case VNP_MAP_SOCKETS:
		return "struct vnp_connection";
	case VNP_MAP_KEYS:
		return "struct vnp_key";
	}
	return NULL;
}

static bool map_value_invalid(const struct vnp_map_traits *traits, __u32 size)
{
	return size < (traits->value_min ?: 1) || size > traits->value_max ||
	       (traits->value_unit && size % traits->value_unit);
}

/* Which parameter does the type not have? */
static void map_invalid(const struct vnp_map *map, char *why, size_t size)
{
	const struct vnp_map_traits *traits = vnp_map_traits_get(map->def.type);
	const char *value = map_value_struct(map->def.type);
	const __u32 key_size = map->def.key_size, value_size = map->def.value_size;

	if (!traits)
		snprintf(why, size, "there is no type %u: enum vnp_map_type of <linux/vnp.h> lists the types",
			 map->def.type);
	else if (map->def.flags & ~traits->flags)
		snprintf(why, size, "maps of type %s do not have the flags %#x", traits->name,
			 map->def.flags & ~traits->flags);
	else if (!map->def.max_entries)
		snprintf(why, size, "max_entries must be at least 1");
	else if (traits->key_size && key_size != traits->key_size)
		snprintf(why, size, "keys of type %s must have %u bytes (__u32), not %u",
			 traits->name, traits->key_size, key_size);
	else if (traits->key_min && key_size < traits->key_min)
		snprintf(why, size, "keys of type %s must have at least %u bytes, of which the first 4 are the group, not %u",
			 traits->name, traits->key_min, key_size);
	else if (!key_size || key_size > VNP_MAP_KEY_MAX)
		snprintf(why, size, "keys must have 1 to %u bytes, not %u", VNP_MAP_KEY_MAX,
			 key_size);
	else if (value && map_value_invalid(traits, value_size))
		snprintf(why, size, "values of type %s must be %s (%u bytes), not %u bytes",
			 traits->name, value, traits->value_min, value_size);
	else if (traits->value_unit && map_value_invalid(traits, value_size))
		snprintf(why, size, "values of type %s must be __u8[VNP_REPLAY_SIZE(WINDOW)], WINDOW from 64 to 8192, not %u bytes",
			 traits->name, value_size);
	else if (map_value_invalid(traits, value_size))
		snprintf(why, size, "values of type %s must have 1 to %u bytes, not %u",
			 traits->name, traits->value_max, value_size);
	else
		snprintf(why, size, "the module does not support type %s with these sizes and flags",
			 traits->name);
}

static int map_create_failed(struct vnp_map *map, int err)
{
	char why[256];

	if (err == -EINVAL)
		map_invalid(map, why, sizeof(why));
	else if (err == -E2BIG)
		snprintf(why, sizeof(why), "%u entries of %u + %u bytes exceed the limit for a map, which is 1 GiB: reduce max_entries",
			 map->def.max_entries, map->def.key_size, map->def.value_size);
	else if (err == -ENOMEM)
		snprintf(why, sizeof(why), "out of memory, or the memory cgroup's limit is reached");
	else if (err == -EBADF || err == -ENOTSOCK || err == -EOPNOTSUPP)
		snprintf(why, sizeof(why), "the descriptor given to vnp_map_set_socket() is not a UDP socket, or closed");
	else
		snprintf(why, sizeof(why), "%s", strerror(-err));
	vnp_error(&map->print, "Map %s cannot be created: %s.", map->name, why);
	return err;
}

int vnp_map_create_kernel(struct vnp_map *map, int dev, const char *obj_name)
{
	int ret;

	if (map->reused)
		return 0;

	map->def.size = sizeof(map->def);
	vnp_name_set(map->def.name, map->is_data ? obj_name : "", map->name);
	ret = vnp_ioctl(dev, VNP_MAP_CREATE, &map->def);
	if (ret == -EPERM && vnp_device_denied(dev, &map->print))
		return ret;
	if (ret < 0)
		return map_create_failed(map, ret);
	map->fd = ret;

	ret = map_fill(map);
	return ret ? map_create_failed(map, ret) : 0;
}

int vnp_map_create_user(struct vnp_map *map)
{
	int err;

	if (map->reused) {
		vnp_error(&map->print, "Map %s reuses a map of the kernel, which a program in user space cannot use.",
			  map->name);
		return -EINVAL;
	}

	err = vnp_user_map_create(&map->def, &map->user);
	if (!err)
		err = map_fill(map);
	return err ? map_create_failed(map, err) : 0;
}

static int map_def_from_fd(struct vnp_map_create *def, int fd, char name[VNP_NAME_LEN])
{
	struct vnp_map_info info = { .size = sizeof(info) };
	int err;

	err = vnp_ioctl(fd, VNP_MAP_INFO, &info);
	if (err)
		return err;
	def->type = info.type;
	def->flags = info.flags;
	def->key_size = info.key_size;
	def->value_size = info.value_size;
	def->max_entries = info.max_entries;
	if (name)
		memcpy(name, info.name, VNP_NAME_LEN);
	return 0;
}

VNP_API int vnp_map_open(__u32 id, const struct vnp_open_opts *opts,
			 struct vnp_map **to)
{
	struct vnp_printer print;
	char name[VNP_NAME_LEN];
	struct vnp_map_create def = {};
	struct vnp_map *map;
	int fd, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	fd = vnp_id_open(VNP_OBJ_MAP, id, &print);
	if (fd < 0)
		return fd;

	err = map_def_from_fd(&def, fd, name);
	if (err)
		goto err_close;
	err = -ENOMEM;
	map = vnp_map_new(name, &print);
	if (!map)
		goto err_close;
	map->def = def;
	map->fd = fd;
	*to = map;
	return 0;

err_close:
	close(fd);
	return err;
}

VNP_API void vnp_map_close(struct vnp_map *map)
{
	if (map)
		vnp_map_free(map);
}

VNP_API const char *vnp_map_name(const struct vnp_map *map)
{
	return map->name;
}

VNP_API int vnp_map_fd(const struct vnp_map *map)
{
	return map->fd;
}

static bool map_is_loaded(const struct vnp_map *map)
{
	return !map->obj || map->obj->loaded;
}

VNP_API int vnp_map_set_max_entries(struct vnp_map *map, __u32 max_entries)
{
	if (map_is_loaded(map))
		return -EBUSY;
	if (map->is_data || map->reused || !max_entries)
		return -EINVAL;
	map->def.max_entries = max_entries;
	return 0;
}

VNP_API int vnp_map_set_socket(struct vnp_map *map, int fd)
{
	if (map_is_loaded(map))
		return -EBUSY;
	if ((map->def.type != VNP_MAP_PEERS && map->def.type != VNP_MAP_GROUPS) ||
	    map->reused || fd < 0)
		return -EINVAL;
	map->def.flags |= VNP_MAP_F_SOCKET;
	map->def.sock_fd = fd;
	return 0;
}

VNP_API void *vnp_map_initial_value(struct vnp_map *map, size_t *len)
{
	if (map->initial)
		*len = map->def.value_size;
	return map->initial;
}

VNP_API int vnp_map_reuse_fd(struct vnp_map *map, int fd)
{
	struct vnp_map_create def = {};
	int err;

	if (map_is_loaded(map))
		return -EBUSY;
	err = map_def_from_fd(&def, fd, NULL);
	if (err)
		return err;
	if (def.type != map->def.type || (def.flags ^ map->def.flags) & ~VNP_MAP_F_SOCKET ||
	    def.key_size != map->def.key_size ||
	    def.value_size != map->def.value_size)
		return -EINVAL;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (map->reused)
		close(map->fd);
	map->fd = fd;
	map->reused = true;
	map->def.max_entries = def.max_entries;
	return 0;
}

VNP_API int vnp_map_get_info(const struct vnp_map *map, struct vnp_map_info *info)
{
	if (map->user)
		return vnp_user_map_info(map->user, map->name, info);
	return map->fd < 0 ? -ENOENT : vnp_ioctl(map->fd, VNP_MAP_INFO, info);
}

VNP_API __u32 vnp_map_key_len(const struct vnp_map *map)
{
	return map->def.key_size;
}

VNP_API __u32 vnp_map_value_len(const struct vnp_map *map)
{
	const struct vnp_map_traits *traits = vnp_map_traits_get(map->def.type);
	int cpus;

	if (!traits || !traits->percpu)
		return map->def.value_size;
	cpus = libbpf_num_possible_cpus();
	return cpus < 0 ? 0 : (map->def.value_size + 7) / 8 * 8 * cpus;
}

static int map_elem(const struct vnp_map *map, unsigned long cmd, const void *key,
		    const void *value, __u32 value_len, __u32 flags)
{
	struct vnp_map_elem elem = {
		.size = sizeof(elem),
		.flags = flags,
		.key = ptr_to_u64(key),
		.value = ptr_to_u64(value),
		.key_len = key ? map->def.key_size : 0,
		.value_len = value_len,
	};

	return map->fd < 0 ? -ENOENT : vnp_ioctl(map->fd, cmd, &elem);
}

VNP_API int vnp_map_lookup(const struct vnp_map *map, const void *key, void *value)
{
	if (map->user)
		return vnp_user_map_read(map->user, key, value);
	return map_elem(map, VNP_MAP_LOOKUP, key, value, vnp_map_value_len(map), 0);
}

VNP_API int vnp_map_update(const struct vnp_map *map, const void *key,
			   const void *value, __u32 flags)
{
	if (map->user)
		return vnp_user_map_write(map->user, key, value, flags);
	return map_elem(map, VNP_MAP_UPDATE, key, value, vnp_map_value_len(map),
			flags);
}

VNP_API int vnp_map_update_socket(const struct vnp_map *map, const void *key, int fd,
				  __u32 policy, __u32 queue_bytes, __u32 flags)
{
	const struct vnp_connection conn = {
		.fd = fd,
		.policy = policy,
		.queue_bytes = queue_bytes,
	};

	if (map->def.type != VNP_MAP_SOCKETS)
		return -EINVAL;
	return vnp_map_update(map, key, &conn, flags);
}

VNP_API int vnp_map_delete(const struct vnp_map *map, const void *key)
{
	if (map->user)
		return vnp_user_map_erase(map->user, key);
	return map_elem(map, VNP_MAP_DELETE, key, NULL, 0, 0);
}

VNP_API int vnp_map_next_key(const struct vnp_map *map, const void *key, void *next)
{
	if (map->user)
		return vnp_user_map_next_key(map->user, key, next);
	return map_elem(map, VNP_MAP_NEXT_KEY, key, next, map->def.key_size, 0);
}

VNP_API int vnp_map_mmap(const struct vnp_map *map, bool writable, void **addr,
			 size_t *len)
{
	void *p;

	if (map->user)
		return -EOPNOTSUPP;
	if (map->fd < 0)
		return -ENOENT;
	if (!(map->def.flags & VNP_MAP_F_MMAP))
		return -EINVAL;

	*len = (size_t)(map->def.value_size + 7) / 8 * 8 * map->def.max_entries;
	p = mmap(NULL, *len, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
		 map->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*addr = p;
	return 0;
}

VNP_API void vnp_map_munmap(void *addr, size_t len)
{
	munmap(addr, len);
}
