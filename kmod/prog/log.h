/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lines that a program writes with vnp_log(), kept until they are read from its
 * descriptor.
 */
#ifndef _VNP_PROG_LOG_H
#define _VNP_PROG_LOG_H

#include <linux/fs.h>
#include <linux/poll.h>

struct vnp_prog_log;

/*
 * vnp_prog_log_create() - create an empty log.  Context: process.  Return: NULL: no
 * memory
 */
struct vnp_prog_log *vnp_prog_log_create(void);

/* vnp_prog_log_destroy() - free an unused log; NULL is fine.  Context: process */
void vnp_prog_log_destroy(struct vnp_prog_log *log);

/**
 * vnp_prog_log_write() - append a line and wake readers soon
 * @log:	the log
 * @fmt:	format, see vnp_format()
 * @fmt_len:	bytes of it
 * @args:	numbers
 * @args_len:	bytes of them
 *
 * Context: any but hard interrupts.
 * Return: 0, -EINVAL (the format is wrong: a line that says why is written instead), -ENOSPC
 * (the buffer is full).
 */
int vnp_prog_log_write(struct vnp_prog_log *log, const char *fmt, u32 fmt_len,
		       const u64 *args, u32 args_len);

/* As file_operations::read and ::poll.  Context: process */
ssize_t vnp_prog_log_read(struct vnp_prog_log *log, struct file *file,
			  char __user *to, size_t cnt);
__poll_t vnp_prog_log_poll(struct vnp_prog_log *log, struct file *file,
			   poll_table *wait);

#endif /* _VNP_PROG_LOG_H */
