// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/send.h"

#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kernel_stat.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/vnp.h>

#include "kmod/core/compat.h"
#include "kmod/core/user.h"

static unsigned int send_fanout = 1024;
module_param(send_fanout, uint, 0644);
MODULE_PARM_DESC(send_fanout, "datagrams that one execution of a program may send");

static unsigned int send_rate = 2000000;
module_param(send_rate, uint, 0644);
MODULE_PARM_DESC(send_rate, "datagrams per second that the programs of one user may send on each CPU");

static unsigned long send_bytes = 2500000000UL;
module_param(send_bytes, ulong, 0644);
MODULE_PARM_DESC(send_bytes, "bytes per second that the programs of one user may send on each CPU");

/* Part of a second that may be sent at once, as a divisor */
#define VNP_SEND_BURST		4

/* Jiffies between refills: they add whole datagrams */
#define VNP_SEND_REFILL		(HZ / 20)

/* What sending a packet takes, for the account, in ns */
#define VNP_SEND_NS		1000

/* Packets being made on a CPU, at most: they are not charged to sockets yet */
#define VNP_SEND_ENTRIES_MAX	1024

/* With more of them the queue is flushed at the end of a packet, to have space for the next */
#define VNP_SEND_ENTRIES_MANY	(VNP_SEND_ENTRIES_MAX / 2)

/* Time after which flushing is interrupted: the softirq's other work is done first */
#define VNP_SEND_FLUSH_NS	(500 * NSEC_PER_USEC)

/**
 * struct vnp_send_queue - of a CPU
 * @entries:	packets that are being made
 * @cnt:	their number
 * @round:	of softirqs, in which a packet of a program that has sent ended last
 * @packets:	such packets in that round
 * @napi:	polled when other packets of a softirq have been dealt with
 */
struct vnp_send_queue {
	struct list_head entries;
	u32 cnt;
	u32 round;
	u32 packets;
	struct napi_struct napi;
};

static DEFINE_PER_CPU(struct vnp_send_queue, vnp_send_queue);

DEFINE_PER_CPU(u32, vnp_send_left);

/* The device that NAPI instances must have */
static struct net_device *vnp_send_dev;

/*
 * ---- Limits ---------------------------------------------------------------
 */

void vnp_send_limits(struct vnp_feature *feature)
{
	feature->send_fanout = READ_ONCE(send_fanout);
	feature->send_rate = READ_ONCE(send_rate);
	feature->send_bytes = READ_ONCE(send_bytes);
}

static s64 vnp_send_refilled(s64 left, u64 rate, unsigned long since)
{
	const u64 burst = max_t(u64, rate / VNP_SEND_BURST, 1);

	return min_t(s64, left + (s64)div_u64(rate * since, HZ), burst);
}

bool vnp_send_refill(struct vnp_bucket *bucket, u32 len)
{
	/* After this long both are full. */
	unsigned long since = min_t(unsigned long, jiffies - bucket->send_stamp, HZ);

	if (since < VNP_SEND_REFILL)
		since = 0;
	else
		bucket->send_stamp = jiffies;
	bucket->sends = vnp_send_refilled(bucket->sends + 1, READ_ONCE(send_rate), since) - 1;
	bucket->send_bytes = vnp_send_refilled(bucket->send_bytes + len,
					       READ_ONCE(send_bytes), since) - len;
	/* A datagram that is longer than the burst may be sent while there are any bytes. */
	if (bucket->sends >= 0 && bucket->send_bytes + len > 0)
		return true;
	bucket->sends++;
	bucket->send_bytes += len;
	return false;
}

/*
 * ---- The queue ------------------------------------------------------------
 */

static void vnp_send_flush_of(struct vnp_send_queue *queue, struct vnp_send_entry *entry)
{
	list_del(&entry->node);
	queue->cnt--;
	entry->flush(entry);
}

void vnp_send_flush(struct vnp_send_entry *entry)
{
	vnp_send_flush_of(this_cpu_ptr(&vnp_send_queue), entry);
}

static void vnp_send_flush_first(struct vnp_send_queue *queue)
{
	vnp_send_flush_of(queue, list_first_entry(&queue->entries, struct vnp_send_entry,
						  node));
}

/*
 * What is sent may be received at once (tc's mirred), and so change the list.  What is left
 * when the time is over follows when other packets have been dealt with.
 */
static void vnp_send_flush_some(struct vnp_send_queue *queue)
{
	const u64 start = ktime_get_ns();

	while (!list_empty(&queue->entries)) {
		if (ktime_get_ns() - start > VNP_SEND_FLUSH_NS) {
			napi_schedule(&queue->napi);
			return;
		}
		vnp_send_flush_first(queue);
	}
}

void vnp_send_begin(void)
{
	__this_cpu_write(vnp_send_left, READ_ONCE(send_fanout));
}

static u32 vnp_send_round(void)
{
	return __this_cpu_read(kstat.softirqs[NET_RX_SOFTIRQ]);
}

bool vnp_send_gathers(void)
{
	return __this_cpu_read(vnp_send_queue.round) == vnp_send_round() ||
	       __this_cpu_read(vnp_send_queue.packets) > 1;
}

void vnp_send_end(void)
{
	struct vnp_send_queue *queue = this_cpu_ptr(&vnp_send_queue);
	const bool gathers = vnp_send_gathers();

	if (list_empty(&queue->entries))
		return;
	if (!gathers || queue->cnt > VNP_SEND_ENTRIES_MANY)
		vnp_send_flush_some(queue);
	else
		napi_schedule(&queue->napi);
	if (queue->round != vnp_send_round())
		queue->packets = 0;
	queue->round = vnp_send_round();
	queue->packets++;
}

bool vnp_send_is_full(void)
{
	return __this_cpu_read(vnp_send_queue.cnt) >= VNP_SEND_ENTRIES_MAX;
}

void vnp_send_add(struct vnp_send_entry *entry, struct vnp_user *user)
{
	struct vnp_send_queue *queue = this_cpu_ptr(&vnp_send_queue);

	this_cpu_ptr(user->bucket)->left -= VNP_SEND_NS;
	list_add_tail(&entry->node, &queue->entries);
	queue->cnt++;
}

/* The queue may be another CPU's, which has gone offline. */
static int vnp_send_poll(struct napi_struct *napi, int budget)
{
	napi_complete_done(napi, 0);
	rcu_read_lock();
	vnp_send_flush_some(container_of(napi, struct vnp_send_queue, napi));
	rcu_read_unlock();
	return 0;
}

int vnp_send_subsys_create(void)
{
	struct vnp_send_queue *queue;
	int cpu;

	vnp_send_dev = vnp_netdev_dummy();
	if (!vnp_send_dev)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		queue = per_cpu_ptr(&vnp_send_queue, cpu);
		INIT_LIST_HEAD(&queue->entries);
		netif_napi_add_tx(vnp_send_dev, &queue->napi, vnp_send_poll);
		napi_enable(&queue->napi);
	}
	return 0;
}

static void vnp_send_flush_all(struct vnp_send_queue *queue)
{
	local_bh_disable();
	rcu_read_lock();
	while (!list_empty(&queue->entries))
		vnp_send_flush_first(queue);
	rcu_read_unlock();
	local_bh_enable();
}

void vnp_send_subsys_destroy(void)
{
	struct napi_struct *napi;
	int cpu;

	/* Waits for polls that were scheduled; they may have left packets. */
	for_each_possible_cpu(cpu) {
		napi = &per_cpu_ptr(&vnp_send_queue, cpu)->napi;
		napi_disable(napi);
		netif_napi_del(napi);
	}
	synchronize_net();
	for_each_possible_cpu(cpu)
		vnp_send_flush_all(per_cpu_ptr(&vnp_send_queue, cpu));
	vnp_netdev_free(vnp_send_dev);
}
