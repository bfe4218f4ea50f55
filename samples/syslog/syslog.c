// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * syslog: let a collector that runs already, such as rsyslogd, be woken for batches of
 * messages.  The link stays with the collector's socket; this process does not.
 */
#include <limits.h>
#include <stdio.h>
#include "../common.h"

SAMPLE(syslog_sample, syslog)

static const char usage[] =
	"usage: syslog PID PORT CNT MS\n"
	"\n"
	"Hold messages that arrive at UDP port PORT of process PID, and deliver them in\n"
	"batches of CNT (1 to 1024), but no later than MS milliseconds after the first,\n"
	"and at once if one is critical.\n";

/* The program's variable */
static int set_batch(struct vnp_object *obj, __u32 cnt)
{
	void *addr;
	size_t len;
	int err = vnp_map_mmap(vnp_object_find_map(obj, ".data"), true, &addr, &len);

	if (err)
		return err;
	*(__u32 *)addr = cnt;
	vnp_map_munmap(addr, len);
	return 0;
}

/* Link the program to the sockets at this port.  Return: 0, or a negative errno after a complaint */
static int attach(const struct vnp_program *prog, pid_t pid, const char *port, __u32 ms)
{
	const struct sample sample = syslog_sample();
	const struct vnp_link_opts opts = {
		.sz = sizeof(opts),
		.flags = VNP_LINK_F_HOLD_EACH,
		.hold_age_ms = ms,
	};
	struct vnp_socket *socks;
	char spec[32];
	size_t cnt;
	int err;

	snprintf(spec, sizeof(spec), "udp:%s", port);
	err = vnp_socket_find(pid, spec, NULL, &socks, &cnt);
	if (err)
		return sample_complain(&sample, "take the collector's socket", err);
	err = sample_link_all(&sample, prog, socks, cnt, &opts, "holds messages of");
	vnp_socket_free(socks, cnt);
	return err;
}

int main(int argc, char **argv)
{
	const struct sample sample = syslog_sample();
	struct vnp_object *obj;
	int pid, cnt, ms, err;

	if (argc != 5) {
		fputs(usage, stderr);
		return 2;
	}
	pid = sample_number(argv[1], INT_MAX);
	cnt = sample_number(argv[3], VNP_MESSAGE_FRAGMENTS_MAX);
	ms = sample_number(argv[4], VNP_HOLD_AGE_MS_MAX);
	if (!pid || !sample_port(argv[2]) || !cnt || !ms) {
		fputs(usage, stderr);
		return 2;
	}
	if (sample_load(&sample, &obj))
		return 1;
	err = set_batch(obj, cnt);
	if (err)
		sample_complain(&sample, "set the size of a batch", err);
	else
		err = attach(vnp_object_find_program(obj, "syslog"), pid, argv[2], ms);
	vnp_object_close(obj);
	return err ? 1 : 0;
}
