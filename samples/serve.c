// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "accept.h"

/* The library is in the directory above that of the sample. */
static int preload(const struct sample *sample)
{
	char self[PATH_MAX] = "", library[PATH_MAX + 32];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return sample_complain(sample, "find itself", -errno);
	snprintf(library, sizeof(library), "%s/accept.so", dirname(dirname(self)));
	if (access(library, R_OK))
		return sample_complain(sample, "find accept.so", -errno);
	return setenv("LD_PRELOAD", library, 1) ? -ENOMEM : 0;
}

/* Descriptors that stay open in the server, and what is to be done with them */
static int configure(const struct sample *sample, const struct vnp_object *obj, int port,
		     const struct vnp_link_opts *opts)
{
	const int prog = dup(vnp_program_fd(vnp_object_find_program(obj, sample->name)));
	const int dev = open("/dev/vnp", O_RDWR);
	char text[80];

	if (prog < 0 || dev < 0)
		return sample_complain(sample, "open /dev/vnp", -errno);
	snprintf(text, sizeof(text), ACCEPT_FORMAT, dev, prog, opts->flags, opts->eof, port);
	return setenv(ACCEPT_VARIABLE, text, 1) ? -ENOMEM : 0;
}

static int serve(const struct sample *sample, int port, char **argv)
{
	const struct vnp_link_opts opts = {
		.sz = sizeof(opts),
		.flags = VNP_LINK_F_FAULT_PASS | VNP_LINK_F_STREAM_PASS,
		.eof = VNP_EOF_DROP,
	};
	struct vnp_object *obj;
	int err = sample_load(sample, &obj);

	if (err)
		return err;
	err = configure(sample, obj, port, &opts);
	vnp_object_close(obj);
	if (!err)
		err = preload(sample);
	if (err)
		return err;
	execvp(argv[0], argv);
	return sample_complain(sample, "start the server", -errno);
}

int sample_serve_main(const struct sample *sample, const char *usage, int argc, char **argv)
{
	const int port = argc < 3 ? 0 : sample_port(argv[1]);

	if (!port) {
		fputs(usage, stderr);
		return 2;
	}
	serve(sample, port, argv + 2);
	return 1;
}
