// SPDX-License-Identifier: GPL-2.0
#include "kmod/core/device.h"

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "kmod/core/access.h"
#include "kmod/core/args.h"
#include "kmod/core/object.h"
#include "kmod/core/version.h"
#include "kmod/link/attach.h"
#include "kmod/link/link.h"
#include "kmod/map/map.h"
#include "kmod/path/send.h"
#include "kmod/prog/account.h"
#include "kmod/prog/prog.h"
#include "kmod/tcp/outlet.h"
#include "vm/code.h"
#include "vm/helper.h"

static u64 vnp_device_helpers(void)
{
	u64 helpers = 0;
	u32 i;

	for (i = 0; i < BITS_PER_TYPE(helpers); i++)
		if (vnp_helper_get(VNP_HELPER_BASE + i))
			helpers |= BIT_ULL(i);
	return helpers;
}

static long vnp_device_feature(struct file *file, void *args,
			       void __user *uargs)
{
	struct vnp_feature *feature = args;

	*feature = (struct vnp_feature) {
		.size = feature->size,
		.hardened = vnp_prog_hardened(),
		.prog_types = BIT_ULL(VNP_PROG_DATAGRAM) |
			      BIT_ULL(VNP_PROG_PACKET) |
			      BIT_ULL(VNP_PROG_STREAM) |
			      BIT_ULL(VNP_PROG_MESSAGE),
		.map_types = vnp_map_types(),
		.helpers = vnp_device_helpers(),
		.prog_flags = VNP_PROG_F_HARDEN,
		.map_flags = VNP_MAP_F_MMAP | VNP_MAP_F_RDONLY_PROG | VNP_MAP_F_SOCKET,
		.link_flags = VNP_LINK_F_KNOWN,
		.insn_max = VNP_INSN_MAX,
		.map_max = VNP_MAPS_MAX,
		.stack_max = VNP_STACK_MAX,
		.version = VNP_VERSION,
		.unprivileged = vnp_access_unprivileged(),
		.denied = !!vnp_access_check(),
	};
	vnp_account_limits(feature);
	vnp_send_limits(feature);
	vnp_outlet_limits(feature);
	return 0;
}

static long vnp_device_prog_load(struct file *file, void *args,
				 void __user *uargs)
{
	return vnp_access_check() ?: vnp_prog_load(args, uargs);
}

static long vnp_device_map_create(struct file *file, void *args,
				  void __user *uargs)
{
	return vnp_access_check() ?: vnp_map_create(args);
}

static long vnp_device_link_create(struct file *file, void *args,
				   void __user *uargs)
{
	return vnp_access_check() ?: vnp_link_create(args);
}

static long vnp_device_obj_next(struct file *file, void *args,
				void __user *uargs)
{
	struct vnp_obj_id *arg = args;

	return arg->flags ? -EINVAL : vnp_obj_next(arg->kind, &arg->id);
}

static long vnp_device_obj_open(struct file *file, void *args,
				void __user *uargs)
{
	const struct vnp_obj_id *arg = args;
	struct vnp_obj *obj;
	long ret;

	if (arg->flags)
		return -EINVAL;
	obj = vnp_obj_find(arg->kind, arg->id);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	ret = vnp_obj_open(obj);
	vnp_obj_put(obj);
	return ret;
}

static const struct vnp_ioctl vnp_device_ioctls[] = {
	{ VNP_FEATURE, sizeof(struct vnp_feature),
	  offsetofend(struct vnp_feature, denied), true, vnp_device_feature },
	{ VNP_PROG_LOAD, sizeof(struct vnp_prog_load),
	  offsetofend(struct vnp_prog_load, name), false,
	  vnp_device_prog_load },
	{ VNP_MAP_CREATE, sizeof(struct vnp_map_create),
	  offsetofend(struct vnp_map_create, name), false,
	  vnp_device_map_create },
	{ VNP_LINK_CREATE, sizeof(struct vnp_link_create),
	  offsetofend(struct vnp_link_create, reserved), false,
	  vnp_device_link_create },
	{ VNP_OBJ_NEXT, sizeof(struct vnp_obj_id),
	  offsetofend(struct vnp_obj_id, id), true, vnp_device_obj_next },
	{ VNP_OBJ_OPEN, sizeof(struct vnp_obj_id),
	  offsetofend(struct vnp_obj_id, id), false, vnp_device_obj_open },
};

static long vnp_device_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	return vnp_ioctl_run(vnp_device_ioctls, ARRAY_SIZE(vnp_device_ioctls),
			     file, cmd, arg);
}

static const struct file_operations vnp_device_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vnp_device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice vnp_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vnp",
	.fops	= &vnp_device_fops,
	.mode	= 0660,
};

int vnp_device_create(void)
{
	return misc_register(&vnp_device);
}

void vnp_device_destroy(void)
{
	misc_deregister(&vnp_device);
}
