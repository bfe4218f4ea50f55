// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* /dev/vnp: opening it, and listing the module's objects. */
#include <ctype.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

static int device_open_quiet(void)
{
	int fd = open(VNP_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
}

int vnp_device_open(const struct vnp_printer *print)
{
	int fd = device_open_quiet();

	if (fd == -ENODEV)
		vnp_error(print, "There is no " VNP_DEVICE ": load the module first (modprobe vnp, or insmod vnp.ko), as root.");
	else if (fd == -EACCES || fd == -EPERM)
		vnp_error(print, "You may not open " VNP_DEVICE ": ask root for membership in group vnp (adduser NAME vnp), then log in again.");
	else if (fd < 0)
		vnp_error(print, "Cannot open " VNP_DEVICE ": %s.", strerror(-fd));
	return fd;
}

bool vnp_device_denied(int dev, const struct vnp_printer *print)
{
	struct vnp_feature feature = { .size = sizeof(feature) };

	if (vnp_ioctl(dev, VNP_FEATURE, &feature) || !feature.denied)
		return false;
	vnp_error(print, "Only users with CAP_BPF or CAP_SYS_ADMIN may load programs and create maps and links on this machine: become root, or ask root to write 1 to /sys/module/vnp/parameters/unprivileged.");
	return true;
}

int vnp_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int vnp_id_open(enum vnp_obj_kind kind, __u32 id, const struct vnp_printer *print)
{
	static const char *const names[] = {
		[VNP_OBJ_PROG] = "program",
		[VNP_OBJ_MAP] = "map",
		[VNP_OBJ_LINK] = "link",
	};
	struct vnp_obj_id arg = { .size = sizeof(arg), .kind = kind, .id = id };
	int dev, fd;

	dev = vnp_device_open(print);
	if (dev < 0)
		return dev;
	fd = vnp_ioctl(dev, VNP_OBJ_OPEN, &arg);
	close(dev);

	if (fd == -ENOENT)
		vnp_error(print, "There is no %s %u, or it belongs to another user.",
			  names[kind], id);
	else if (fd < 0)
		vnp_error(print, "Cannot open %s %u: %s.", names[kind], id,
			  strerror(-fd));
	return fd;
}

VNP_API int vnp_id_next(enum vnp_obj_kind kind, __u32 *id)
{
	struct vnp_obj_id arg = { .size = sizeof(arg), .kind = kind, .id = *id };
	int dev, err;

	dev = device_open_quiet();
	if (dev < 0)
		return dev;
	err = vnp_ioctl(dev, VNP_OBJ_NEXT, &arg);
	close(dev);
	if (!err)
		*id = arg.id;
	return err;
}

VNP_API int vnp_feature_get(struct vnp_feature *feature,
			    const struct vnp_open_opts *opts)
{
	struct vnp_printer print;
	int dev, err;

	if (!OPTS_VALID(opts))
		return -EINVAL;
	print = vnp_printer_get(opts);
	dev = vnp_device_open(&print);
	if (dev < 0)
		return dev;
	err = vnp_ioctl(dev, VNP_FEATURE, feature);
	close(dev);
	return err;
}

void vnp_name_set(char to[VNP_NAME_LEN], const char *prefix, const char *name)
{
	size_t name_len = strnlen(name, VNP_NAME_LEN - 1);
	size_t prefix_len = strnlen(prefix, VNP_NAME_LEN - 1 - name_len);
	size_t i;

	memset(to, 0, VNP_NAME_LEN);
	memcpy(to, prefix, prefix_len);
	memcpy(to + prefix_len, name, name_len);
	for (i = 0; to[i]; i++)
		if (!isalnum((unsigned char)to[i]) && !strchr("_.-", to[i]))
			to[i] = '_';
}
