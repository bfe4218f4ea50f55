// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/args.h"

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kmod/core/memory.h"

static int vnp_args_get(void *args, const struct vnp_ioctl *io,
			void __user *uargs, u32 *usize)
{
	int ret;

	if (get_user(*usize, (u32 __user *)uargs))
		return -EFAULT;
	if (*usize < io->size_min)
		return -EINVAL;
	if (*usize > PAGE_SIZE)
		return -E2BIG;

	ret = copy_struct_from_user(args, io->size, uargs, *usize);
	if (ret)
		return ret;
	/* The size was read twice from user space; the first value counts. */
	*(u32 *)args = *usize;
	return 0;
}

static int vnp_args_put(const void *args, const struct vnp_ioctl *io,
			void __user *uargs, u32 usize)
{
	u32 known = min_t(u32, usize, io->size);

	if (copy_to_user(uargs, args, known) ||
	    clear_user(uargs + known, usize - known))
		return -EFAULT;
	return 0;
}

static long vnp_ioctl_call(const struct vnp_ioctl *io, struct file *file,
			   void __user *uargs)
{
	u64 args[VNP_ARGS_MAX / sizeof(u64)];
	u32 usize;
	long ret;

	if (WARN_ON_ONCE(io->size > sizeof(args)))
		return -EINVAL;
	ret = vnp_args_get(args, io, uargs, &usize);
	if (ret)
		return ret;
	ret = io->fn(file, args, uargs);
	if (ret < 0 || !io->out)
		return ret;
	return vnp_args_put(args, io, uargs, usize) ?: ret;
}

long vnp_ioctl_run(const struct vnp_ioctl *table, unsigned int cnt,
		   struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < cnt; i++)
		if (table[i].cmd == cmd)
			return vnp_ioctl_call(&table[i], file,
					      (void __user *)arg);
	return -ENOTTY;
}

void *vnp_args_array(u64 ptr, u32 cnt, size_t size)
{
	void *array;

	if (!cnt)
		return NULL;

	array = vnp_memory(array_size(cnt, size));
	if (!array)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(array, u64_to_user_ptr(ptr), cnt * size)) {
		/* What was copied may be the beginning of a cryptographic key. */
		kvfree_sensitive(array, cnt * size);
		return ERR_PTR(-EFAULT);
	}
	return array;
}
