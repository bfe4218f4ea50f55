// SPDX-License-Identifier: GPL-2.0
/*
 * VNP_MAP_ARRAY: one range of memory, page-aligned, a value every @stride bytes.
 * User space maps the same pages.
 */
#include "kmod/map/map.h"

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "kmod/core/compat.h"
#include "kmod/core/memory.h"
#include "kmod/map/index.h"
#include "kmod/map/value.h"

static u64 vnp_array_size(struct vnp_map *map)
{
	return PAGE_ALIGN((u64)map->max_entries * map->stride);
}

static int vnp_array_create(struct vnp_map *map)
{
	map->value = vnp_memory_large(map->bytes);
	return map->value ? 0 : -ENOMEM;
}

static void vnp_array_destroy(struct vnp_map *map)
{
	vfree(map->value);
}

void *vnp_array_lookup(struct vnp_map *map, const void *key)
{
	u32 index;

	if (!vnp_index_get(map, key, &index))
		return NULL;
	return map->value + (u64)map->stride * index;
}

static long vnp_array_update(struct vnp_map *map, const void *key,
			     const void *value, u64 flags)
{
	int ret = vnp_index_check(map, flags);
	void *to;

	if (ret)
		return ret;
	to = vnp_array_lookup(map, key);
	if (!to)
		return -ENOENT;
	vnp_value_store(to, value, map->value_size);
	return 0;
}

static int vnp_array_read(struct vnp_map *map, const void *key, void *value)
{
	const void *from = vnp_array_lookup(map, key);

	if (!from)
		return -ENOENT;
	vnp_value_load(value, from, map->value_size);
	return 0;
}

/*
 * ---- Mappings ------------------------------------------------------------
 *
 * A mapping holds the map through its file; each mapped page also has its own reference
 * count.  Whether a mapping can be written is decided when it is created: one created
 * without PROT_WRITE never can.  So VM_MAYWRITE counts, because mprotect() may clear and
 * set VM_WRITE.
 */

static void vnp_array_vm_open(struct vm_area_struct *vma)
{
	struct vnp_map *map = vma->vm_file->private_data;

	if (vma->vm_flags & VM_MAYWRITE)
		atomic_inc(&map->writable);
}

static void vnp_array_vm_close(struct vm_area_struct *vma)
{
	struct vnp_map *map = vma->vm_file->private_data;

	if (vma->vm_flags & VM_MAYWRITE)
		atomic_dec(&map->writable);
}

static vm_fault_t vnp_array_vm_fault(struct vm_fault *vmf)
{
	struct vnp_map *map = vmf->vma->vm_file->private_data;
	u64 off = (u64)vmf->pgoff << PAGE_SHIFT;

	if (off >= map->bytes)
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page(map->value + off);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vnp_array_vm_ops = {
	.open	= vnp_array_vm_open,
	.close	= vnp_array_vm_close,
	.fault	= vnp_array_vm_fault,
};

static int vnp_array_mmap(struct vnp_map *map, struct vm_area_struct *vma)
{
	u64 pages = map->bytes >> PAGE_SHIFT;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE && map->frozen)
		return -EPERM;

	if (!(vma->vm_flags & VM_WRITE))
		vnp_vm_flags_clear(vma, VM_MAYWRITE);
	vnp_vm_flags_clear(vma, VM_MAYEXEC);
	vnp_vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &vnp_array_vm_ops;
	vnp_array_vm_open(vma);
	return 0;
}

const struct vnp_map_ops vnp_array_ops = {
	.obj_size	= sizeof(struct vnp_map),
	.size		= vnp_array_size,
	.create		= vnp_array_create,
	.destroy	= vnp_array_destroy,
	.lookup		= vnp_array_lookup,
	.update		= vnp_array_update,
	.delete		= vnp_index_delete,
	.next_key	= vnp_index_next_key,
	.read		= vnp_array_read,
	.mmap		= vnp_array_mmap,
	.entries	= vnp_index_entries,
};
