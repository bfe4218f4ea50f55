// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Classic BPF as printed by tcpdump -ddd: a line with the number of instructions, then a
 * line for each.
 */
#include <strings.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>

#include "ctl.h"

/* A number not greater than @max, and the spaces after it */
static bool number_take(const char **at, unsigned long max, unsigned long *val)
{
	char *end;

	errno = 0;
	*val = strtoul(*at, &end, 10);
	if (errno || end == *at || **at == '-' || *val > max)
		return false;
	*at = end + strspn(end, " \t\r\n");
	return true;
}

static bool insn_parse(const char *line, struct sock_filter *insn)
{
	unsigned long code, jt, jf, k;

	if (!number_take(&line, UINT16_MAX, &code) || !number_take(&line, UINT8_MAX, &jt) ||
	    !number_take(&line, UINT8_MAX, &jf) || !number_take(&line, UINT32_MAX, &k))
		return false;
	*insn = (struct sock_filter){ code, jt, jf, k };
	return !*line;
}

static int cbpf_parse(FILE *file, const char *path, struct sock_filter *insns, size_t *cnt)
{
	char text[128];
	const char *line = text;
	unsigned long want = 0;

	*cnt = 0;
	if (!fgets(text, sizeof(text), file) ||
	    !number_take(&line, BPF_MAXINSNS, &want) || *line)
		return error("%s is not output of tcpdump -ddd: its first line must be the number of instructions, at most %u.",
			     path, BPF_MAXINSNS);
	while (fgets(text, sizeof(text), file)) {
		if (*cnt == want)
			return error("%s has more than the %lu instructions its first line says.",
				     path, want);
		if (!insn_parse(text, &insns[*cnt]))
			return error("Line %zu of %s does not have the four numbers of an instruction: code jt jf k.",
				     *cnt + 2, path);
		++*cnt;
	}
	if (ferror(file))
		return error("Cannot read %s: %s.", path, strerror(errno));
	return *cnt == want ? 0 :
	       error("%s has %zu of the %lu instructions its first line says.", path, *cnt,
		     want);
}

static int cbpf_read(const char *path, struct sock_filter *insns, size_t *cnt)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	int err;

	if (!file)
		return error("Cannot read %s: %s.", path, strerror(errno));
	err = cbpf_parse(file, path, insns, cnt);
	if (!is_stdin)
		fclose(file);
	return err;
}

/* "dlt NAME", as for tcpdump -y; the default is that of tcpdump on an Ethernet */
static int dlt_parse(struct args *args, enum vnp_dlt *dlt)
{
	const char *name;

	*dlt = VNP_DLT_EN10MB;
	if (!args->cnt || strcmp(*args->words, "dlt"))
		return 0;
	args_next(args);
	name = args_want(args, "The data link type");
	if (!name)
		return -EINVAL;
	if (!strcasecmp(name, "raw"))
		*dlt = VNP_DLT_RAW;
	else if (strcasecmp(name, "en10mb"))
		return error("Data link type %s is not known: it must be EN10MB or RAW, the argument of tcpdump -y.",
			     name);
	return 0;
}

int cbpf_open(struct args *args, struct vnp_object **obj)
{
	const char *path = args_want(args, "The file with the output of tcpdump -ddd");
	struct sock_filter insns[BPF_MAXINSNS];
	enum vnp_dlt dlt;
	size_t cnt = 0;
	int err;

	if (!path)
		return -EINVAL;
	err = cbpf_read(path, insns, &cnt);
	if (!err)
		err = dlt_parse(args, &dlt);
	if (!err)
		err = vnp_object_open_cbpf(insns, cnt, dlt, &open_opts, obj);
	return err;
}
