// SPDX-License-Identifier: GPL-2.0
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common.h"

int module_remove(void)
{
	return syscall(SYS_delete_module, "vnp", O_NONBLOCK) ? -errno : 0;
}

int module_remove_soon(void)
{
	int err;

	for (int attempt = 0; attempt < 1000; attempt++) {
		err = module_remove();
		if (err != -EWOULDBLOCK && err != -EBUSY)
			break;
		poll(NULL, 0, 10);
	}
	return err;
}

int module_load(const char *params)
{
	const struct group *vnp = getgrnam("vnp");
	const char *file = getenv("VNP_MODULE");
	int fd, err = 0;

	if (!file || !vnp)
		return -ENOENT;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, params, 0) ||
	    chown(VNP_DEVICE, 0, vnp->gr_gid) || chmod(VNP_DEVICE, 0660))
		err = -errno;
	close(fd);
	return err;
}

int module_needed(void)
{
	return access(VNP_DEVICE, F_OK) ? module_load("") : 0;
}
