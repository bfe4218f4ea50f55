// SPDX-License-Identifier: GPL-2.0
#include "held.h"

#include <string.h>
#include <unistd.h>

int rig_link(struct rig *rig, const char *prog, const struct vnp_link_create *limits)
{
	struct vnp_link_create attr = {};
	int dev = device_open();

	if (dev < 0)
		return dev;
	if (limits)
		attr = *limits;
	attr.size = sizeof(attr);
	attr.prog_fd = object_prog(rig->obj, prog);
	attr.sock_fd = rig->flow.rx;
	rig->link = do_ioctl(dev, VNP_LINK_CREATE, &attr);
	rig->sent = 0;
	close(dev);
	return rig->link;
}

int rig_open(struct rig *rig, enum flow_kind kind, enum net_path path, const char *prog)
{
	int err = pin(0) ?: object_open("hold", &rig->obj);

	if (!err && prog)
		err = object_choose(rig->obj, prog, NULL);
	if (!err)
		err = vnp_object_load(rig->obj, NULL) ?: path_setup(&rig->wire, path) ?:
		      path_flow(&rig->flow, &rig->wire, path, kind);
	if (err)
		return err;
	rig->seen = object_globals(rig->obj, ".bss");
	return rig_link(rig, prog ?: "hold", NULL);
}

void rig_close(struct rig *rig)
{
	vnp_object_close(rig->obj);
	flow_close(&rig->flow);
	close(rig->link);
}

int settle(struct rig *rig)
{
	return link_settle(rig->link, rig->sent, &rig->info);
}

void fragment_fill(__u8 *data, int len, const struct fragment *fragment)
{
	fill_random(data, len, fragment->message * 1000 + fragment->index);
	memcpy(data, fragment, HEADER);
}

int put(struct rig *rig, int len, struct fragment fragment)
{
	__u8 data[65536];

	fragment_fill(data, len, &fragment);
	rig->sent++;
	return send(rig->flow.tx, data, len, 0) == len ? 0 : -errno;
}

void expect(struct rig *rig, int len, struct fragment fragment)
{
	const int from = fragment.strip ? HEADER : 0;
	__u8 data[65536];

	fragment_fill(data, len, &fragment);
	memcpy(rig->want + rig->want_len, data + from, len - from);
	rig->want_len += len - from;
}

int seen(struct rig *rig)
{
	const int len = recv(rig->flow.rx, rig->got, sizeof(rig->got), 0);
	const int want = rig->want_len;

	rig->want_len = 0;
	if (len < 0)
		return -errno;
	return len == want && mem_differ(rig->want, rig->got, len) == -1;
}

int queue_empty(struct rig *rig)
{
	return recv(rig->flow.rx, rig->got, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
	       errno == EAGAIN;
}

bool balanced(const struct vnp_link_info *info, __u64 held)
{
	__u64 sum = info->released_fragments + held;

	for (int i = 0; i < VNP_ERROR_SLOTS; i++)
		sum += info->errors[i];
	return sum == info->verdicts[VNP_HELD];
}

int message(struct rig *rig, __u64 key, int cnt, int len, int step, bool strip,
		   enum hold_order order)
{
	struct fragment fragment = {
		.order = order, .strip = strip, .cnt = cnt, .message = key,
	};
	int err = 0;

	for (int i = 0; i < cnt && !err; i++) {
		fragment.index = (i * step + step - 1) % cnt;
		err = put(rig, len, fragment);
		/* The kernel has no room for all before it has received some. */
		if (!err && i % 256 == 255)
			err = settle(rig);
	}
	for (int i = 0; i < cnt; i++) {
		fragment.index = i;
		expect(rig, len, fragment);
	}
	return err;
}

void burst_message(struct burst *burst, __u64 key, int first, int cnt, int all, int len,
		   bool strip, enum hold_order order)
{
	struct fragment fragment = {
		.order = order, .strip = strip, .cnt = all, .message = key,
	};

	for (int i = first; i < first + cnt; i++) {
		fragment.index = i;
		burst->len[burst->cnt] = len;
		fragment_fill(burst->data[burst->cnt++], len, &fragment);
	}
}
