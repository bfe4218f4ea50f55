// SPDX-License-Identifier: GPL-2.0
#include "kmod/path/send.h"

#include <linux/cpuhotplug.h>
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

/* The burst, what may be sent at once, is the rate of a second divided by this */
#define VNP_SEND_BURST		4

/* Jiffies between refills, at usual rates: long enough for each to add whole datagrams */
#define VNP_SEND_REFILL		(HZ / 20)

/* With more packets than this the queue is flushed after each, to have space for the next */
#define VNP_SEND_ENTRIES_MANY	(VNP_SEND_ENTRIES_MAX / 2)

/* Packets whose payload is copied even if it is long: 4 MB, if each is 32 KiB */
#define VNP_SEND_ENTRIES_CROWDED	128

/* Time after which flushing is deferred until after the softirq's other work */
#define VNP_SEND_FLUSH_NS	(500 * NSEC_PER_USEC)

/* The clock is read after this many packets of the queue, or IP packets made of them */
#define VNP_SEND_TIMED		8
#define VNP_SEND_TIMED_SEGMENTS	16

/*
 * IP packets that an execution may send however long that takes: enough for one to each of many
 * peers.  More are only sent within VNP_SEND_FLUSH_NS of its start: segments take little time if a
 * device makes them.
 */
#define VNP_SEND_FLUSHED_MAX	1024

/* Bytes that an execution may copy however long that takes: likewise */
#define VNP_SEND_COPIED_MAX	(256U << 10)

/**
 * struct vnp_send_queue - a CPU's queue of packets for peers
 * @first:	packets that are being made, in the order in which they began
 * @last:	where the next one is added
 * @fresh:	points to the pointer to the first packet that has no references yet; those after it
 *		have none either
 * @cnt:	number of packets
 * @round:	the latest softirq in which a program sent (vnp_send_round())
 * @packets:	packets in that softirq whose programs sent
 * @napi:	polled after the other packets of a softirq were processed
 */
struct vnp_send_queue {
	struct vnp_send_entry *first;
	struct vnp_send_entry **last;
	struct vnp_send_entry **fresh;
	u32 cnt;
	u32 round;
	u32 packets;
	struct napi_struct napi;
};

static DEFINE_PER_CPU(struct vnp_send_queue, vnp_send_queue);

DEFINE_PER_CPU(struct vnp_sending *, vnp_sending);

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

/* Jiffies between refills, so that each adds something at @rate per second */
static unsigned long vnp_send_interval(u64 rate)
{
	return rate >= HZ ? VNP_SEND_REFILL :
	       max_t(unsigned long, VNP_SEND_REFILL, rate ? DIV_ROUND_UP(HZ, (u32)rate) : HZ);
}

bool vnp_send_refill(struct vnp_bucket *bucket, u32 len)
{
	/* After this long both are full. */
	unsigned long since = min_t(unsigned long, jiffies - bucket->send_stamp, HZ);
	const u64 rate = READ_ONCE(send_rate), bytes = READ_ONCE(send_bytes);

	if (since < vnp_send_interval(min(rate, bytes)))
		since = 0;
	else
		bucket->send_stamp = jiffies;
	bucket->sends = vnp_send_refilled(bucket->sends + 1, rate, since) - 1;
	bucket->send_bytes = vnp_send_refilled(bucket->send_bytes + len, bytes, since) - len;
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

static void vnp_send_remove(struct vnp_send_queue *queue, struct vnp_send_entry **at)
{
	struct vnp_send_entry *entry = *at;

	*at = entry->next;
	if (queue->last == &entry->next)
		queue->last = at;
	if (queue->fresh == &entry->next)
		queue->fresh = at;
	queue->cnt--;
	entry->queued = false;
}

/**
 * struct vnp_send_payer - who is charged for the time that sending a packet takes
 * @user:	the user
 * @held:	with a reference
 */
struct vnp_send_payer {
	struct vnp_user *user;
	bool held;
};

static void vnp_send_payer_put(const struct vnp_send_payer *payer)
{
	if (payer->held)
		vnp_user_put(payer->user);
}

/* What is sent may be received at once, and so change the queue. */
static struct vnp_send_payer vnp_send_flush_first(struct vnp_send_queue *queue, u32 *cnt)
{
	struct vnp_send_entry *entry = queue->first;
	const struct vnp_send_payer payer = { entry->user, entry->held };

	vnp_send_remove(queue, &queue->first);
	entry->held = false;
	*cnt += entry->ops->flush(entry);
	if (payer.held)
		entry->ops->put(entry);
	return payer;
}

/* Flush a packet, and charge nobody for the time. */
static void vnp_send_flush_untimed(struct vnp_send_queue *queue, u32 *cnt)
{
	const struct vnp_send_payer payer = vnp_send_flush_first(queue, cnt);

	vnp_send_payer_put(&payer);
}

/* Flush some packets of a user, and charge that user for the time since @start.  Return: now */
static u64 vnp_send_flush_timed(struct vnp_send_queue *queue, u64 start)
{
	struct vnp_send_payer payer[VNP_SEND_TIMED];
	u32 cnt = 0, segments = 0, i, each;
	u64 now;

	do {
		payer[cnt++] = vnp_send_flush_first(queue, &segments);
	} while (queue->first && queue->first->user == payer[0].user && cnt < VNP_SEND_TIMED &&
		 segments < VNP_SEND_TIMED_SEGMENTS);
	now = ktime_get_ns();
	each = min_t(u64, now - start, NSEC_PER_SEC) / cnt;
	for (i = 0; i < cnt; i++) {
		this_cpu_ptr(payer[i].user->bucket)->left -= each;
		vnp_send_payer_put(&payer[i]);
	}
	return now;
}

/*
 * Flush the queue; if this takes too long, defer what remains until after the softirq's other
 * packets.
 */
static void vnp_send_flush_some(struct vnp_send_queue *queue)
{
	const u64 start = ktime_get_ns();
	u64 now = start;

	while (queue->first) {
		now = vnp_send_flush_timed(queue, now);
		if (queue->first && now - start > VNP_SEND_FLUSH_NS) {
			napi_schedule(&queue->napi);
			return;
		}
	}
}

/* Has the execution sent as much as it may? */
static bool vnp_send_is_late(const struct vnp_sending *sending)
{
	return unlikely(sending->flushed >= VNP_SEND_FLUSHED_MAX) &&
	       ktime_get_ns() - sending->start > VNP_SEND_FLUSH_NS;
}

bool vnp_send_flush(struct vnp_sending *sending, struct vnp_send_entry *entry)
{
	if (vnp_send_is_late(sending))
		return false;
	vnp_repeat_end(sending);
	sending->flushed += entry->ops->flush(entry);
	return true;
}

bool vnp_send_copy(struct vnp_sending *sending, u32 len)
{
	sending->copied += len;
	return likely(sending->copied <= VNP_SEND_COPIED_MAX) ||
	       ktime_get_ns() - sending->start <= VNP_SEND_FLUSH_NS;
}

/* RCU is about to be unlocked: packets that remain get references, or are sent now. */
static void vnp_send_keep(struct vnp_send_queue *queue)
{
	struct vnp_send_entry **at = queue->fresh, *entry;

	while ((entry = *at)) {
		if (entry->ops->get(entry)) {
			vnp_user_hold(entry->user);
			entry->held = true;
			at = &entry->next;
			continue;
		}
		vnp_send_remove(queue, at);
		entry->ops->flush(entry);
	}
	queue->fresh = at;
}

void vnp_send_start(struct vnp_sending *sending, u64 now)
{
	sending->left = READ_ONCE(send_fanout);
	sending->flushed = 0;
	sending->copied = 0;
	sending->start = now;
}

void vnp_send_execute(u64 now)
{
	struct vnp_sending *sending = __this_cpu_read(vnp_sending);

	/* VNP_PROG_RUN has none. */
	if (sending) {
		vnp_repeat_execute(sending, sending->many);
		vnp_send_start(sending, now);
	}
}

/* Number of the current softirq */
static u32 vnp_send_round(void)
{
	return __this_cpu_read(kstat.softirqs[NET_RX_SOFTIRQ]);
}

bool vnp_send_gathers(void)
{
	return __this_cpu_read(vnp_send_queue.round) == vnp_send_round() ||
	       __this_cpu_read(vnp_send_queue.packets) > 1;
}

bool vnp_send_is_crowded(void)
{
	return __this_cpu_read(vnp_send_queue.cnt) > VNP_SEND_ENTRIES_CROWDED;
}

void vnp_send_end(struct vnp_sending *sending)
{
	struct vnp_send_queue *queue = this_cpu_ptr(&vnp_send_queue);
	const bool gathers = vnp_send_gathers();

	vnp_repeat_end(sending);
	__this_cpu_write(vnp_sending, sending->outer);
	if (!queue->first)
		return;
	if (!gathers || queue->cnt > VNP_SEND_ENTRIES_MANY)
		vnp_send_flush_some(queue);
	else
		napi_schedule(&queue->napi);
	/* Those that were added for an outer packet have no references yet, either. */
	vnp_send_keep(queue);
	if (queue->round != vnp_send_round())
		queue->packets = 0;
	queue->round = vnp_send_round();
	queue->packets++;
}

bool vnp_send_reserve(struct vnp_sending *sending, const struct vnp_send_entry *entry,
		      const struct vnp_user *user)
{
	struct vnp_send_queue *queue = this_cpu_ptr(&vnp_send_queue);

	if (likely(entry->queued || queue->cnt < sending->entries))
		return true;
	/* As long as there is space, a user does not pay for the packets of another. */
	if (queue->cnt < VNP_SEND_ENTRIES_MAX && queue->first->user != user)
		return true;
	if (vnp_send_is_late(sending))
		return queue->cnt < VNP_SEND_ENTRIES_MAX;
	vnp_repeat_end(sending);
	/* The time is part of the execution's. */
	vnp_send_flush_untimed(queue, &sending->flushed);
	return true;
}

void vnp_send_add(struct vnp_send_entry *entry, struct vnp_user *user)
{
	struct vnp_send_queue *queue = this_cpu_ptr(&vnp_send_queue);

	if (entry->queued)
		return;
	entry->queued = true;
	entry->user = user;
	entry->next = NULL;
	*queue->last = entry;
	queue->last = &entry->next;
	queue->cnt++;
}

/* The queue may be another CPU's, which has gone offline: then it is empty. */
static int vnp_send_poll(struct napi_struct *napi, int budget)
{
	napi_complete_done(napi, 0);
	rcu_read_lock();
	vnp_send_flush_some(container_of(napi, struct vnp_send_queue, napi));
	rcu_read_unlock();
	return 0;
}

static void vnp_send_flush_all(struct vnp_send_queue *queue)
{
	u32 segments = 0;

	local_bh_disable();
	rcu_read_lock();
	while (queue->first)
		vnp_send_flush_untimed(queue, &segments);
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * A CPU comes online.  Its NAPI instance may still be scheduled on another CPU, to which it was
 * moved when this one went offline.
 */
static int vnp_send_cpu_prepare(unsigned int cpu)
{
	napi_synchronize(&per_cpu_ptr(&vnp_send_queue, cpu)->napi);
	return 0;
}

/* It is offline: nothing else uses its queue. */
static int vnp_send_cpu_dead(unsigned int cpu)
{
	vnp_send_flush_all(per_cpu_ptr(&vnp_send_queue, cpu));
	return 0;
}

/* The CPU hotplug state that cpuhp_setup_state_nocalls() allocated */
static int vnp_send_cpuhp;

static void vnp_send_queue_init(struct vnp_send_queue *queue)
{
	queue->last = &queue->first;
	queue->fresh = &queue->first;
	netif_napi_add_tx(vnp_send_dev, &queue->napi, vnp_send_poll);
	napi_enable(&queue->napi);
}

static void vnp_send_queues_stop(void)
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
}

int vnp_send_subsys_create(void)
{
	int cpu, ret;

	vnp_send_dev = vnp_netdev_dummy();
	if (!vnp_send_dev)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		vnp_send_queue_init(per_cpu_ptr(&vnp_send_queue, cpu));
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "net/vnp:prepare",
					vnp_send_cpu_prepare, vnp_send_cpu_dead);
	if (ret < 0)
		goto err_queues;
	vnp_send_cpuhp = ret;
	return 0;

err_queues:
	vnp_send_queues_stop();
	vnp_netdev_free(vnp_send_dev);
	return ret;
}

void vnp_send_subsys_destroy(void)
{
	int cpu;

	cpuhp_remove_state_nocalls(vnp_send_cpuhp);
	vnp_send_queues_stop();
	for_each_possible_cpu(cpu)
		vnp_send_flush_all(per_cpu_ptr(&vnp_send_queue, cpu));
	vnp_netdev_free(vnp_send_dev);
}
