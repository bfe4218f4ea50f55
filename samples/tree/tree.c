// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * tree: samples/relay, with a list of receivers that is kept in etcd.  Receivers may be relays,
 * too.  This process only makes the changes, and sleeps while media flow.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include "../common.h"
#include "../relay/streams.h"
#include "store.h"

static const char usage[] =
	"usage: tree PORT GROUP URL...\n"
	"\n"
	"Send what arrives at UDP port PORT to all members of GROUP, in the kernel.  The\n"
	"members are the keys /vnp/relay/GROUP/MEMBER of an etcd, with values HOST:PORT.\n"
	"URL is that of one of its servers, such as http://192.0.2.1:2379.  It ends at\n"
	"SIGINT or SIGTERM, and prints its counters.\n";

static bool in_group(struct json_object *addresses, const char *address)
{
	struct json_object_iterator i = json_object_iter_begin(addresses);
	struct json_object_iterator end = json_object_iter_end(addresses);

	for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
		if (!strcmp(json_object_get_string(json_object_iter_peek_value(&i)), address))
			return true;
	return false;
}

/*
 * Only those that differ leave and join: the others do not notice, even if all was read again,
 * or if the address of a member is now that of another.
 */
static void change(void *ctx, struct json_object *addresses)
{
	struct members *members = ctx;
	const char *address;
	char leaving[VNP_PEER_TEXT_LEN];
	int i;

	for (i = 0; i < members->max; i++) {
		strcpy(leaving, members->list[i].address);
		if (members->list[i].id && !in_group(addresses, leaving))
			members_leave(members, leaving, stdout);
	}
	json_object_object_foreach(addresses, key, value) {
		(void)key;
		address = json_object_get_string(value);
		if (!members_has(members, address))
			members_join(members, address, NULL, stdout);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const int port = argc > 3 ? sample_port(argv[1]) : 0;
	const struct relay_sample sample = streams_sample();
	static struct members members;
	static struct store store = { .changed = change, .ctx = &members };
	struct vnp_link *link;
	sigset_t signals;

	if (!port || store_init(&store, argv[2], argv + 3)) {
		fputs(usage, stderr);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (relay_open(&sample, port, &members, &link))
		return 1;
	store_follow(&store, signalfd(-1, &signals, SFD_CLOEXEC));
	relay_close(&sample, &members, link);
	return 0;
}
