// SPDX-License-Identifier: GPL-2.0
#include "faulting.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATIENCE_MS	60000

int faulting_open(struct faulting *faulting, unsigned int cnt)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	faulting->size = sysconf(_SC_PAGESIZE);
	faulting->cnt = cnt;
	faulting->page = mmap(NULL, cnt * faulting->size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (faulting->page == MAP_FAILED)
		return -errno;
	reg.range.start = (uintptr_t)faulting->page;
	reg.range.len = cnt * faulting->size;
	faulting->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (faulting->uffd < 0 || ioctl(faulting->uffd, UFFDIO_API, &api) ||
	    ioctl(faulting->uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

void faulting_close(struct faulting *faulting)
{
	close(faulting->uffd);
	munmap(faulting->page, faulting->cnt * faulting->size);
}

int faulting_await(struct faulting *faulting, unsigned int cnt)
{
	struct pollfd poll_fd = { .fd = faulting->uffd, .events = POLLIN };
	struct uffd_msg msg;

	while (cnt) {
		if (poll(&poll_fd, 1, PATIENCE_MS) != 1 || poll_fd.revents != POLLIN)
			return -ETIMEDOUT;
		if (read(faulting->uffd, &msg, sizeof(msg)) == sizeof(msg))
			cnt--;
		else if (errno != EAGAIN)
			return -errno;
	}
	return 0;
}

int faulting_fill(struct faulting *faulting, int value)
{
	static int source[65536 / sizeof(int)] __attribute__((aligned(65536)));
	struct uffdio_copy copy = { .src = (uintptr_t)source, .len = faulting->size };

	source[0] = value;
	for (unsigned int i = 0; i < faulting->cnt; i++) {
		copy.dst = (uintptr_t)faulting->page + i * faulting->size;
		if (ioctl(faulting->uffd, UFFDIO_COPY, &copy))
			return -errno;
	}
	return 0;
}

void *faulting_send(void *arg)
{
	const struct faulting_sender *sender = arg;

	return (void *)send(sender->sock, sender->page, sender->len, 0);
}
