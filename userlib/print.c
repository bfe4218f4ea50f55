// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Messages, and options of public functions. */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static void print_stderr(enum vnp_print_level level, const char *line)
{
	static const char *const prefix[] = {
		[VNP_PRINT_ERROR]	= "libvnp: ",
		[VNP_PRINT_WARNING]	= "libvnp: warning: ",
	};

	if (level <= VNP_PRINT_WARNING)
		fprintf(stderr, "%s%s\n", prefix[level], line);
}

void vnp_print(const struct vnp_printer *printer, enum vnp_print_level level,
	       const char *fmt, ...)
{
	char line[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);

	if (printer->fn)
		printer->fn(printer->ctx, level, line);
	else
		print_stderr(level, line);
}

bool vnp_opts_valid(const void *opts, size_t known)
{
	const unsigned char *bytes = opts;
	size_t sz, i;

	if (!opts)
		return true;

	memcpy(&sz, opts, sizeof(sz));
	if (sz < sizeof(sz))
		return false;
	for (i = known; i < sz; i++)
		if (bytes[i])
			return false;
	return true;
}

int vnp_info_copy(void *info, const void *full, __u32 full_size)
{
	__u32 size, copied;

	memcpy(&size, info, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	copied = size < full_size ? size : full_size;
	memset(info, 0, size);
	memcpy(info, full, copied);
	memcpy(info, &size, sizeof(size));
	return 0;
}

struct vnp_printer vnp_printer_get(const struct vnp_open_opts *opts)
{
	return (struct vnp_printer){
		.fn = OPTS_GET(opts, print),
		.ctx = OPTS_GET(opts, print_ctx),
	};
}

VNP_API const char *vnp_version_string(void)
{
	return LIBVNP_VERSION;
}
