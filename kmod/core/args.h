/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arguments of ioctls: structs that begin with their size, see <linux/vnp.h>.  A
 * descriptor's ioctls are a table; vnp_ioctl_run() finds the entry, copies the struct
 * from user space, calls the function and copies the struct back.
 */
#ifndef _VNP_CORE_ARGS_H
#define _VNP_CORE_ARGS_H

#include <linux/fs.h>
#include <linux/types.h>
#include <linux/vnp.h>

/* Room for the largest argument struct, which is struct vnp_link_info */
#define VNP_ARGS_MAX	sizeof(struct vnp_link_info)

/**
 * struct vnp_ioctl - an ioctl
 * @cmd:	its number
 * @size:	of the struct as this module knows it
 * @size_min:	of the struct as it was first published
 * @out:	the struct is copied back after success
 * @fn:		the function; @args is the struct in the kernel's memory, @uargs
 *		where it came from.  Return: what ioctl() returns
 *
 * Context: process.
 */
struct vnp_ioctl {
	unsigned int cmd;
	u16 size;
	u16 size_min;
	bool out;
	long (*fn)(struct file *file, void *args, void __user *uargs);
};

/**
 * vnp_ioctl_run() - execute an ioctl of a table
 * @table:	the descriptor's ioctls
 * @cnt:	their number
 * @file:	the descriptor
 * @cmd:	from user space
 * @arg:	from user space
 *
 * Context: process.
 * Return: what ioctl() returns.
 */
long vnp_ioctl_run(const struct vnp_ioctl *table, unsigned int cnt,
		   struct file *file, unsigned int cmd, unsigned long arg);

/**
 * vnp_args_array() - copy an array from user space
 * @ptr:	its address in user space
 * @cnt:	elements; the caller has bounded it
 * @size:	bytes of an element
 *
 * Context: process.
 * Return: memory to be freed with kvfree(), NULL if @cnt is 0, or ERR_PTR:
 * -ENOMEM, -EFAULT.
 */
void *vnp_args_array(u64 ptr, u32 cnt, size_t size);

#endif /* _VNP_CORE_ARGS_H */
