// SPDX-License-Identifier: GPL-2.0
#include "kmod/map/map.h"

#include <linux/mm.h>
#include <linux/net.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kmod/core/args.h"
#include "kmod/core/compat.h"
#include "kmod/core/memory.h"
#include "vm/code.h"
#include "vm/map_traits.h"

static const struct vnp_map_ops *const vnp_map_type_ops[] = {
	[VNP_MAP_HASH]		= &vnp_hash_ops,
	[VNP_MAP_ARRAY]		= &vnp_array_ops,
	[VNP_MAP_PERCPU_ARRAY]	= &vnp_percpu_ops,
	[VNP_MAP_PEERS]		= &vnp_peers_ops,
	[VNP_MAP_GROUPS]	= &vnp_peers_ops,
	[VNP_MAP_SOCKETS]	= &vnp_sockets_ops,
	[VNP_MAP_KEYS]		= &vnp_keys_ops,
	[VNP_MAP_REPLAY]	= &vnp_hash_ops,
};

u64 vnp_map_types(void)
{
	u64 types = 0;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(vnp_map_type_ops); i++)
		if (vnp_map_type_ops[i])
			types |= BIT_ULL(i);
	return types;
}

static void vnp_map_free(struct vnp_obj *obj)
{
	struct vnp_map *map = container_of(obj, struct vnp_map, obj);

	map->ops->destroy(map);
	kfree(map);
}

static void vnp_map_init(struct vnp_map *map, const struct vnp_map_ops *ops,
			 const struct vnp_map_traits *traits,
			 const struct vnp_map_create *attr)
{
	vnp_obj_init(&map->obj, &vnp_map_obj_ops, attr->name);
	map->ops = ops;
	map->type = attr->type;
	map->flags = attr->flags;
	map->key_size = attr->key_size;
	map->value_size = attr->value_size;
	map->stride = round_up(attr->value_size, sizeof(u64));
	map->user_size = traits->percpu ? map->stride * num_possible_cpus() :
					  attr->value_size;
	map->max_entries = attr->max_entries;
	map->secret = traits->secret;
	init_rwsem(&map->lock);
}

/* Return: ERR_PTR on errors */
static struct vnp_map *vnp_map_alloc(const struct vnp_map_ops *ops,
				     const struct vnp_map_traits *traits,
				     const struct vnp_map_create *attr)
{
	struct vnp_map *map;
	int ret = -E2BIG;

	map = kzalloc(ops->obj_size, VNP_GFP_USER);
	if (!map)
		return ERR_PTR(-ENOMEM);
	vnp_map_init(map, ops, traits, attr);

	map->bytes = ops->size(map);
	if (map->bytes <= VNP_MAP_BYTES_MAX)
		ret = ops->create(map);
	if (ret) {
		kfree(map);
		return ERR_PTR(ret);
	}
	return map;
}

int vnp_map_bind(struct vnp_map *map, struct socket *sock)
{
	return map->ops->bind ? map->ops->bind(map, sock) : 0;
}

static int vnp_map_bind_fd(struct vnp_map *map, const struct vnp_map_create *attr)
{
	struct socket *sock;
	int ret;

	if (!(attr->flags & VNP_MAP_F_SOCKET))
		return 0;
	sock = sockfd_lookup(attr->sock_fd, &ret);
	if (!sock)
		return ret;
	ret = map->ops->bind(map, sock);
	sockfd_put(sock);
	return ret;
}

long vnp_map_create(const struct vnp_map_create *attr)
{
	const struct vnp_map_traits *traits;
	const struct vnp_map_ops *ops;
	struct vnp_map *map;
	long ret;
	u32 type;

	if (attr->type >= ARRAY_SIZE(vnp_map_type_ops))
		return -EINVAL;
	type = array_index_nospec(attr->type, ARRAY_SIZE(vnp_map_type_ops));
	ops = vnp_map_type_ops[type];
	traits = vnp_map_traits_get(type);
	if (!ops || !traits || vnp_map_traits_check(traits, attr))
		return -EINVAL;
	if ((attr->sock_fd && !(attr->flags & VNP_MAP_F_SOCKET)) || attr->reserved ||
	    !vnp_obj_name_ok(attr->name))
		return -EINVAL;

	map = vnp_map_alloc(ops, traits, attr);
	if (IS_ERR(map))
		return PTR_ERR(map);
	ret = vnp_map_bind_fd(map, attr);
	if (!ret)
		ret = vnp_obj_publish(&map->obj);
	if (!ret)
		ret = vnp_obj_open(&map->obj);
	vnp_map_put(map);
	return ret;
}

struct vnp_map *vnp_map_from_fd(int fd)
{
	struct vnp_obj *obj = vnp_obj_from_fd(&vnp_map_obj_ops, fd);

	return IS_ERR(obj) ? ERR_CAST(obj) :
			     container_of(obj, struct vnp_map, obj);
}

void vnp_map_describe(struct vnp_map *map, struct vnp_map_desc *desc)
{
	*desc = (struct vnp_map_desc) {
		.type = map->type,
		.flags = map->flags,
		.key_size = map->key_size,
		.value_size = map->value_size,
		.max_entries = map->max_entries,
		.handle = map,
		.value = map->value,
		.constant = map->flags & VNP_MAP_F_RDONLY_PROG &&
			    READ_ONCE(map->frozen),
	};
}

/*
 * ---- Operations on descriptors --------------------------------------------
 */

static long vnp_map_fop_info(struct file *file, void *args, void __user *uargs)
{
	struct vnp_map *map = file->private_data;
	struct vnp_map_info *info = args;

	*info = (struct vnp_map_info) {
		.size = info->size,
		.id = map->obj.id,
		.type = map->type,
		.flags = map->flags,
		.key_size = map->key_size,
		.value_size = map->value_size,
		.max_entries = map->max_entries,
		.entries = map->ops->entries(map),
		.uid = vnp_obj_uid(&map->obj),
		.frozen = READ_ONCE(map->frozen),
		.mem = map->ops->obj_size + map->bytes,
	};
	memcpy(info->name, map->obj.name, sizeof(info->name));
	return 0;
}

static long vnp_map_fop_lookup(struct file *file, void *args,
			       void __user *uargs)
{
	struct vnp_map *map = file->private_data;
	const struct vnp_map_elem *elem = args;
	void *key, *value;
	long ret;

	if (elem->flags || elem->key_len != map->key_size ||
	    elem->value_len != map->user_size)
		return -EINVAL;

	key = vnp_args_array(elem->key, map->key_size, 1);
	if (IS_ERR(key))
		return PTR_ERR(key);
	value = vnp_memory(round_up(map->user_size, sizeof(u64)));
	if (!value) {
		ret = -ENOMEM;
		goto free_key;
	}

	ret = map->ops->read(map, key, value);
	if (!ret && copy_to_user(u64_to_user_ptr(elem->value), value,
				 map->user_size))
		ret = -EFAULT;

	kvfree(value);
free_key:
	kvfree(key);
	return ret;
}

static long vnp_map_write(struct vnp_map *map, const void *key,
			  const void *value, u64 flags)
{
	long ret = -EPERM;

	if (down_read_killable(&map->lock))
		return -EINTR;
	if (map->frozen)
		goto unlock;
	if (map->ops->write)
		ret = map->ops->write(map, key, value, flags);
	else
		ret = map->ops->update(map, key, value, flags);
unlock:
	up_read(&map->lock);
	return ret;
}

static long vnp_map_fop_update(struct file *file, void *args,
			       void __user *uargs)
{
	struct vnp_map *map = file->private_data;
	const struct vnp_map_elem *elem = args;
	void *key, *value;
	long ret;

	if (elem->key_len != map->key_size || elem->value_len != map->user_size)
		return -EINVAL;

	key = vnp_args_array(elem->key, map->key_size, 1);
	if (IS_ERR(key))
		return PTR_ERR(key);
	value = vnp_args_array(elem->value, map->user_size, 1);
	if (IS_ERR(value)) {
		ret = PTR_ERR(value);
		goto free_key;
	}

	ret = vnp_map_write(map, key, value, elem->flags);

	if (map->secret)
		kvfree_sensitive(value, map->user_size);
	else
		kvfree(value);
free_key:
	kvfree(key);
	return ret;
}

static long vnp_map_fop_delete(struct file *file, void *args,
			       void __user *uargs)
{
	struct vnp_map *map = file->private_data;
	const struct vnp_map_elem *elem = args;
	long ret = -EPERM;
	void *key;

	if (elem->flags || elem->value || elem->value_len ||
	    elem->key_len != map->key_size)
		return -EINVAL;

	key = vnp_args_array(elem->key, map->key_size, 1);
	if (IS_ERR(key))
		return PTR_ERR(key);

	if (down_read_killable(&map->lock)) {
		ret = -EINTR;
		goto free_key;
	}
	if (!map->frozen)
		ret = map->ops->delete(map, key);
	up_read(&map->lock);
free_key:
	kvfree(key);
	return ret;
}

static long vnp_map_fop_next_key(struct file *file, void *args,
				 void __user *uargs)
{
	struct vnp_map *map = file->private_data;
	const struct vnp_map_elem *elem = args;
	void *key, *next;
	long ret;

	if (elem->flags || elem->value_len != map->key_size ||
	    elem->key_len != (elem->key ? map->key_size : 0))
		return -EINVAL;

	key = vnp_args_array(elem->key, elem->key_len, 1);
	if (IS_ERR(key))
		return PTR_ERR(key);
	next = kvmalloc(map->key_size, VNP_GFP_USER);
	if (!next) {
		ret = -ENOMEM;
		goto free_key;
	}

	ret = map->ops->next_key(map, key, next);
	if (!ret && copy_to_user(u64_to_user_ptr(elem->value), next,
				 map->key_size))
		ret = -EFAULT;

	kvfree(next);
free_key:
	kvfree(key);
	return ret;
}

static long vnp_map_fop_freeze(struct file *file, void *args,
			       void __user *uargs)
{
	struct vnp_map *map = file->private_data;
	const struct vnp_map_freeze *freeze = args;
	long ret = -EBUSY;

	if (freeze->flags)
		return -EINVAL;

	if (down_write_killable(&map->lock))
		return -EINTR;
	if (!map->frozen && !atomic_read(&map->writable)) {
		WRITE_ONCE(map->frozen, true);
		ret = 0;
	}
	up_write(&map->lock);
	return ret;
}

static const struct vnp_ioctl vnp_map_ioctls[] = {
	{ VNP_MAP_LOOKUP, sizeof(struct vnp_map_elem),
	  offsetofend(struct vnp_map_elem, value_len), false,
	  vnp_map_fop_lookup },
	{ VNP_MAP_UPDATE, sizeof(struct vnp_map_elem),
	  offsetofend(struct vnp_map_elem, value_len), false,
	  vnp_map_fop_update },
	{ VNP_MAP_DELETE, sizeof(struct vnp_map_elem),
	  offsetofend(struct vnp_map_elem, value_len), false,
	  vnp_map_fop_delete },
	{ VNP_MAP_NEXT_KEY, sizeof(struct vnp_map_elem),
	  offsetofend(struct vnp_map_elem, value_len), false,
	  vnp_map_fop_next_key },
	{ VNP_MAP_FREEZE, sizeof(struct vnp_map_freeze),
	  offsetofend(struct vnp_map_freeze, flags), false,
	  vnp_map_fop_freeze },
	{ VNP_MAP_INFO, sizeof(struct vnp_map_info),
	  offsetofend(struct vnp_map_info, name), true, vnp_map_fop_info },
};

static long vnp_map_fop_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	return vnp_ioctl_run(vnp_map_ioctls, ARRAY_SIZE(vnp_map_ioctls), file,
			     cmd, arg);
}

static int vnp_map_fop_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vnp_map *map = file->private_data;
	int ret;

	if (!(map->flags & VNP_MAP_F_MMAP))
		return -ENODEV;

	down_read(&map->lock);
	ret = map->ops->mmap(map, vma);
	up_read(&map->lock);
	return ret;
}

static const struct file_operations vnp_map_fops = {
	.owner		= THIS_MODULE,
	.release	= vnp_obj_fop_release,
	.unlocked_ioctl	= vnp_map_fop_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= vnp_map_fop_mmap,
};

const struct vnp_obj_ops vnp_map_obj_ops = {
	.kind	= VNP_OBJ_MAP,
	.name	= "vnp-map",
	.fops	= &vnp_map_fops,
	.free	= vnp_map_free,
};
