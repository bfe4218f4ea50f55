// SPDX-License-Identifier: GPL-2.0
#include "kmod/prog/log.h"

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "kmod/core/memory.h"
#include "vm/isa/format.h"

/* Size of the ring in bytes; a power of two */
#define VNP_PROG_LOG_SIZE	SZ_64K

/* Space for the line with the number of dropped lines */
#define VNP_PROG_LOG_DROPPED	32

/**
 * struct vnp_prog_log - a ring of text
 * @lock:	writers; also @dropped
 * @head:	where the next line begins.  Changes under @lock
 * @dropped:	lines dropped since the last one that was appended
 * @read_lock:	one reader at a time
 * @tail:	the first byte that was not read.  Changes under @read_lock
 * @wait:	readers
 * @wake:	wakes readers: there may be too many of them to be woken in softirq
 * @text:	the ring; there are whole lines between @tail and @head
 */
struct vnp_prog_log {
	spinlock_t lock;	/* head, dropped */
	unsigned int head;
	u32 dropped;
	struct mutex read_lock;	/* tail */
	unsigned int tail;
	wait_queue_head_t wait;
	struct work_struct wake;
	char text[VNP_PROG_LOG_SIZE];
};

static void vnp_prog_log_wake(struct work_struct *work)
{
	wake_up_interruptible(&container_of(work, struct vnp_prog_log, wake)->wait);
}

struct vnp_prog_log *vnp_prog_log_create(void)
{
	struct vnp_prog_log *log;

	log = kvzalloc(sizeof(*log), VNP_GFP_USER);
	if (!log)
		return NULL;
	spin_lock_init(&log->lock);
	mutex_init(&log->read_lock);
	init_waitqueue_head(&log->wait);
	INIT_WORK(&log->wake, vnp_prog_log_wake);
	return log;
}

void vnp_prog_log_destroy(struct vnp_prog_log *log)
{
	if (log)
		cancel_work_sync(&log->wake);
	kvfree(log);
}

/* Context: @log->lock; there must be space */
static void vnp_prog_log_put(struct vnp_prog_log *log, const char *line, u32 len)
{
	u32 pos = log->head % VNP_PROG_LOG_SIZE;
	u32 until_end = min_t(u32, len, VNP_PROG_LOG_SIZE - pos);

	memcpy(log->text + pos, line, until_end);
	memcpy(log->text, line + until_end, len - until_end);
	/* Pairs with vnp_prog_log_ready(): the text is written before @head. */
	smp_store_release(&log->head, log->head + len);
}

/* Add a line with the number of dropped lines.  Context: @log->lock; there must be space */
static void vnp_prog_log_put_dropped(struct vnp_prog_log *log)
{
	char line[VNP_PROG_LOG_DROPPED];

	vnp_prog_log_put(log, line, scnprintf(line, sizeof(line),
					      "%u lines dropped\n", log->dropped));
	log->dropped = 0;
}

static bool vnp_prog_log_append(struct vnp_prog_log *log, const char *line,
				u32 len)
{
	bool ok;

	spin_lock_bh(&log->lock);
	/* Pairs with the release in vnp_prog_log_take(): read bytes are free. */
	ok = VNP_PROG_LOG_SIZE - (log->head - smp_load_acquire(&log->tail)) >=
	     len + (log->dropped ? VNP_PROG_LOG_DROPPED : 0);
	if (ok) {
		if (log->dropped)
			vnp_prog_log_put_dropped(log);
		vnp_prog_log_put(log, line, len);
	} else {
		log->dropped++;
	}
	spin_unlock_bh(&log->lock);
	return ok;
}

int vnp_prog_log_write(struct vnp_prog_log *log, const char *fmt, u32 fmt_len,
		       const u64 *args, u32 args_len)
{
	char line[VNP_FORMAT_LINE_MAX];
	int ret, len;

	ret = vnp_format(line, sizeof(line), fmt, fmt_len, args, args_len);
	len = ret < 0 ? strlen(line) : ret;
	line[len++] = '\n';	/* over the NUL */

	if (!vnp_prog_log_append(log, line, len))
		return -ENOSPC;
	if (wq_has_sleeper(&log->wait))
		schedule_work(&log->wake);
	return min(ret, 0);
}

/* Bytes that can be read */
static u32 vnp_prog_log_ready(struct vnp_prog_log *log)
{
	/* Pairs with vnp_prog_log_put(). */
	return smp_load_acquire(&log->head) - READ_ONCE(log->tail);
}

/* How many of the first @max bytes are whole lines.  Context: @log->read_lock */
static u32 vnp_prog_log_lines(const struct vnp_prog_log *log, u32 max)
{
	while (max && log->text[(log->tail + max - 1) % VNP_PROG_LOG_SIZE] != '\n')
		max--;
	return max;
}

/* Context: @log->read_lock */
static ssize_t vnp_prog_log_take(struct vnp_prog_log *log, char __user *to,
				 size_t cnt)
{
	u32 ready = vnp_prog_log_ready(log);
	u32 pos = log->tail % VNP_PROG_LOG_SIZE;
	u32 len, until_end;

	if (!ready)
		return 0;
	len = vnp_prog_log_lines(log, min_t(size_t, cnt, ready));
	if (!len)
		return -EINVAL;

	until_end = min_t(u32, len, VNP_PROG_LOG_SIZE - pos);
	if (copy_to_user(to, log->text + pos, until_end) ||
	    copy_to_user(to + until_end, log->text, len - until_end))
		return -EFAULT;
	/* Pairs with vnp_prog_log_append(). */
	smp_store_release(&log->tail, log->tail + len);

	/* All lines before the dropped ones were read: add the line about these. */
	spin_lock_bh(&log->lock);
	if (log->dropped && log->head == log->tail) {
		vnp_prog_log_put_dropped(log);
		schedule_work(&log->wake);
	}
	spin_unlock_bh(&log->lock);
	return len;
}

ssize_t vnp_prog_log_read(struct vnp_prog_log *log, struct file *file,
			  char __user *to, size_t cnt)
{
	ssize_t ret;

	if (!cnt)
		return 0;
	do {
		if (!vnp_prog_log_ready(log)) {
			if (file->f_flags & O_NONBLOCK)
				return -EAGAIN;
			ret = wait_event_interruptible(log->wait,
						       vnp_prog_log_ready(log));
			if (ret)
				return ret;
		}
		if (mutex_lock_interruptible(&log->read_lock))
			return -ERESTARTSYS;
		ret = vnp_prog_log_take(log, to, cnt);
		mutex_unlock(&log->read_lock);
	} while (!ret);		/* another reader was faster */
	return ret;
}

__poll_t vnp_prog_log_poll(struct vnp_prog_log *log, struct file *file,
			   poll_table *wait)
{
	poll_wait(file, &log->wait, wait);
	return vnp_prog_log_ready(log) ? EPOLLIN | EPOLLRDNORM : 0;
}
