// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Counters of all links: once, or every second as rates. */
#include <time.h>
#include <unistd.h>

#include "ctl.h"

static const char stats_help[] =
	"Usage: vnpctl stats\n"
	"\n"
	"  A table of all links: datagrams (of TCP: messages) that arrived, their bytes, and\n"
	"  how many of them the program passed, dropped, replied to, and held.  ERRORS and\n"
	"  FAULTS are explained below the table, if there were any.\n";

static const char top_help[] =
	"Usage: vnpctl top\n"
	"\n"
	"  The same per second, every second, until Ctrl-C.\n";

/* struct sample - counters of all links at a point in time */
struct sample {
	struct vnp_link_info *links;
	size_t cnt;
	struct timespec time;
};

static void sample_free(struct sample *sample)
{
	free(sample->links);
	memset(sample, 0, sizeof(*sample));
}

static int sample_add(struct sample *sample, const struct vnp_link_info *info)
{
	struct vnp_link_info *links;

	links = realloc(sample->links, (sample->cnt + 1) * sizeof(*links));
	if (!links)
		return error("Out of memory.");
	sample->links = links;
	links[sample->cnt++] = *info;
	return 0;
}

static int sample_take(struct sample *sample)
{
	struct vnp_link_info info = { .size = sizeof(info) };
	struct vnp_link *link;
	__u32 id = 0;
	int err;

	memset(sample, 0, sizeof(*sample));
	clock_gettime(CLOCK_MONOTONIC, &sample->time);
	while (!(err = vnp_id_next(VNP_OBJ_LINK, &id))) {
		if (vnp_link_open(id, &quiet_opts, &link))
			continue;
		err = vnp_link_get_info(link, &info);
		vnp_link_close(link);
		if (!err && sample_add(sample, &info))
			break;
	}
	if (err == -ENOENT)
		return 0;
	sample_free(sample);
	return err ? ids_failed(err) : -ENOMEM;
}

static __u64 sum(const __u64 *counters, int cnt)
{
	__u64 all = 0;
	int i;

	for (i = 0; i < cnt; i++)
		all += counters[i];
	return all;
}

static void stats_row(struct table *table, const struct vnp_link_info *info)
{
	table_add(table, "%u", info->id);
	table_add(table, "%u", info->prog_id);
	table_add(table, "%s:%u", socket_name(info), info->local_port);
	table_add(table, "%llu", info->packets);
	table_add(table, "%llu", info->bytes);
	table_add(table, "%llu", info->verdicts[VNP_PASS]);
	table_add(table, "%llu", info->verdicts[VNP_DROP]);
	table_add(table, "%llu", info->verdicts[VNP_REPLY]);
	table_add(table, "%llu", info->verdicts[VNP_HELD]);
	table_add(table, "%llu", sum(info->errors, VNP_ERROR_SLOTS));
	table_add(table, "%llu", sum(info->faults, VNP_FAULT_SLOTS));
}

/* What a socket has accepted, errors, faults, if there were any, and where the latest fault was */
static void stats_explain(const struct vnp_link_info *info)
{
	char before[32];
	int i;

	if (info->accepted || info->refused)
		printf("link %u: listens: %llu connections linked, %llu refused\n", info->id,
		       info->accepted, info->refused);
	snprintf(before, sizeof(before), "link %u: errors", info->id);
	errors_print(info->errors, before, "\n");
	if (!sum(info->faults, VNP_FAULT_SLOTS))
		return;
	printf("link %u: faults:", info->id);
	for (i = 1; i < __VNP_FAULT_CNT; i++)
		if (info->faults[i])
			printf(" %s %llu", fault_name(i), info->faults[i]);
	putchar('\n');
	link_fault_print(info);
}

int stats_command(struct args *args)
{
	struct json_object *list;
	struct sample sample;
	struct table *table;
	size_t i;
	int err;

	if (help_wanted(args, stats_help))
		return 0;
	err = args_end(args) ?: sample_take(&sample);
	if (err)
		return err;

	if (settings.json) {
		list = json_object_new_array();
		for (i = 0; i < sample.cnt; i++)
			json_object_array_add(list, link_json(&sample.links[i]));
		json_print(list);
	} else {
		table = table_new("LINK PROG -SOCKET PACKETS BYTES PASS DROP REPLY HELD ERRORS FAULTS");
		for (i = 0; i < sample.cnt; i++)
			stats_row(table, &sample.links[i]);
		table_print(table, "There are no links.");
		for (i = 0; i < sample.cnt; i++)
			stats_explain(&sample.links[i]);
	}
	sample_free(&sample);
	return 0;
}

static const struct vnp_link_info *sample_find(const struct sample *sample, __u32 id)
{
	size_t i;

	for (i = 0; i < sample->cnt; i++)
		if (sample->links[i].id == id)
			return &sample->links[i];
	return NULL;
}

static void top_print(const struct sample *now, const struct sample *before)
{
	double secs = now->time.tv_sec - before->time.tv_sec +
		      (now->time.tv_nsec - before->time.tv_nsec) / 1e9;
	static const struct vnp_link_info none;
	const struct vnp_link_info *a, *b;
	struct table *table;
	size_t i;

	table = table_new("LINK PROG -SOCKET PACKETS/S KBYTES/S PASS/S DROP/S REPLY/S HELD/S ERRORS/S FAULTS/S");
	for (i = 0; i < now->cnt; i++) {
		a = &now->links[i];
		b = sample_find(before, a->id) ?: &none;
		table_add(table, "%u", a->id);
		table_add(table, "%u", a->prog_id);
		table_add(table, "%s:%u", socket_name(a), a->local_port);
		table_add(table, "%.0f", (a->packets - b->packets) / secs);
		table_add(table, "%.1f", (a->bytes - b->bytes) / secs / 1000);
		table_add(table, "%.0f", (a->verdicts[VNP_PASS] - b->verdicts[VNP_PASS]) / secs);
		table_add(table, "%.0f", (a->verdicts[VNP_DROP] - b->verdicts[VNP_DROP]) / secs);
		table_add(table, "%.0f", (a->verdicts[VNP_REPLY] - b->verdicts[VNP_REPLY]) / secs);
		table_add(table, "%.0f", (a->verdicts[VNP_HELD] - b->verdicts[VNP_HELD]) / secs);
		table_add(table, "%.0f", (sum(a->errors, VNP_ERROR_SLOTS) -
					  sum(b->errors, VNP_ERROR_SLOTS)) / secs);
		table_add(table, "%.0f", (sum(a->faults, VNP_FAULT_SLOTS) -
					  sum(b->faults, VNP_FAULT_SLOTS)) / secs);
	}
	/* cursor home, table, clear the end of the previous one */
	printf("\033[H\033[2J");
	table_print(table, "There are no links.");
	printf("\nPress Ctrl-C to end.\n");
	fflush(stdout);
}

int top_command(struct args *args)
{
	struct sample before, now;
	int err;

	if (help_wanted(args, top_help))
		return 0;
	if (settings.json)
		return error("top is for interactive use; use vnpctl -j stats in scripts.");
	err = args_end(args) ?: sample_take(&before);
	if (err)
		return err;

	interrupt_catch();
	while (!interrupt_came()) {
		sleep(1);
		err = sample_take(&now);
		if (err)
			break;
		top_print(&now, &before);
		sample_free(&before);
		before = now;
	}
	sample_free(&before);
	return err;
}
