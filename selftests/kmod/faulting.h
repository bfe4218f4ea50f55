/* SPDX-License-Identifier: GPL-2.0 */
/* Missing pages: an access, also one of the kernel, blocks until the test fills them (userfaultfd()) */
#ifndef _VNP_TEST_FAULTING_H
#define _VNP_TEST_FAULTING_H

#include <stddef.h>

/**
 * struct faulting - such pages
 * @uffd:	descriptor of userfaultfd()
 * @page:	the first
 * @size:	bytes of a page
 * @cnt:	how many
 */
struct faulting {
	int uffd;
	char *page;
	size_t size;
	unsigned int cnt;
};

/* faulting_open() - 0 or negative; -EPERM: only root can */
int faulting_open(struct faulting *faulting, unsigned int cnt);
void faulting_close(struct faulting *faulting);

/* faulting_await() - wait until somebody waits, @cnt times.  Return: 0 or negative */
int faulting_await(struct faulting *faulting, unsigned int cnt);

/* faulting_fill() - fill all pages, which then begin with @value.  Return: 0 or negative */
int faulting_fill(struct faulting *faulting, int value);

/* A thread that sends from such a page, and so keeps its socket locked: faulting_send() */
struct faulting_sender {
	int sock;
	const char *page;
	size_t len;
};

/* faulting_send() - of a struct faulting_sender.  Return: what send() returns */
void *faulting_send(void *sender);

#endif /* _VNP_TEST_FAULTING_H */
