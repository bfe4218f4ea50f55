// SPDX-License-Identifier: GPL-2.0
#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common.h"

/* Enough for any loop over a datagram; guests allow it to ordinary users */
#define BUDGET	(1 << 20)

const char *object_path(const char *name)
{
	static char path[2 * PATH_MAX];
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return "";
	snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
	return path;
}

static const char *object_file(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "../progs/%s.bpf.o", name);
	return object_path(file);
}

int object_open(const char *name, struct vnp_object **obj)
{
	return vnp_object_open_file(object_file(name), NULL, obj);
}

int object_choose(struct vnp_object *obj, ...)
{
	struct vnp_program *prog = NULL;
	const char *name;
	va_list ap;
	int err = 0;

	while (!err && (prog = vnp_object_next_program(obj, prog)))
		err = vnp_program_set_autoload(prog, false);
	va_start(ap, obj);
	while (!err && (name = va_arg(ap, const char *))) {
		prog = vnp_object_find_program(obj, name);
		err = prog ? vnp_program_set_autoload(prog, true) : -ENOENT;
	}
	va_end(ap);
	return err;
}

int object_read(const char *name, void *elf, size_t size)
{
	int fd = open(object_file(name), O_RDONLY), len;

	if (fd < 0)
		return -errno;
	len = read(fd, elf, size);
	close(fd);
	return len < (int)size ? len : -EFBIG;
}

static int load(const char *name, struct vnp_object **obj)
{
	struct vnp_program *prog = NULL;
	int err = object_open(name, obj);

	while (!err && (prog = vnp_object_next_program(*obj, prog)))
		err = vnp_program_set_budget(prog, BUDGET);
	return err ? err : vnp_object_load(*obj, NULL);
}

/* What object_prepare() has loaded */
static struct {
	const char *name;
	struct vnp_object *obj;
} shared;

void object_prepare(const char *name)
{
	if (!load(name, &shared.obj))
		shared.name = name;
}

/* object_reuse() - its variables are 0 again */
static int object_reuse(struct vnp_object **obj)
{
	struct vnp_map *bss = vnp_object_find_map(shared.obj, ".bss");
	void *addr;
	size_t len;

	*obj = shared.obj;
	if (!bss)
		return 0;
	if (vnp_map_mmap(bss, true, &addr, &len))
		return -EINVAL;
	memset(addr, 0, len);
	munmap(addr, len);
	return 0;
}

int object_load(const char *name, struct vnp_object **obj)
{
	return shared.name && !strcmp(name, shared.name) ? object_reuse(obj) :
							   load(name, obj);
}

int object_prog(struct vnp_object *obj, const char *name)
{
	struct vnp_program *prog = vnp_object_find_program(obj, name);

	return prog ? vnp_program_fd(prog) : -ENOENT;
}

void *object_globals(struct vnp_object *obj, const char *section)
{
	struct vnp_map *map = vnp_object_find_map(obj, section);
	void *addr;
	size_t len;

	if (!map || vnp_map_mmap(map, true, &addr, &len))
		return NULL;
	return addr;
}

int object_link(struct vnp_object *obj, const char *prog, int sock, __u32 flags)
{
	int dev = device_open(), link;

	if (dev < 0)
		return dev;
	link = link_create(dev, object_prog(obj, prog), sock, flags);
	close(dev);
	return link;
}
