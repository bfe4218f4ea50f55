// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Classic BPF as printed by tcpdump -ddd: a line with the number of instructions, then a
 * line for each.
 */
#include <strings.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>

#include "ctl.h"

/* Does a line have @cnt numbers, which are not greater than @max, and nothing else? */
static bool line_parse(char *line, size_t cnt, const __u64 *max, __u64 *vals)
{
	const char *word = strtok(line, " \t\r\n");
	size_t i;

	for (i = 0; i < cnt; i++, word = strtok(NULL, " \t\r\n"))
		if (!word || !number_parse(word, 10, 0, max[i], &vals[i]))
			return false;
	return !word;
}

static bool insn_parse(char *line, struct sock_filter *insn)
{
	static const __u64 max[] = { UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX };
	__u64 vals[ARRAY_SIZE(max)];

	if (!line_parse(line, ARRAY_SIZE(max), max, vals))
		return false;
	*insn = (struct sock_filter){ vals[0], vals[1], vals[2], vals[3] };
	return true;
}

static int cbpf_parse(FILE *file, const char *path, struct sock_filter *insns, size_t *cnt)
{
	static const __u64 max = BPF_MAXINSNS;
	char text[128];
	__u64 want;

	*cnt = 0;
	if (!fgets(text, sizeof(text), file) || !line_parse(text, 1, &max, &want))
		return error("%s is not output of tcpdump -ddd: its first line must be the number of instructions, at most %u.",
			     path, BPF_MAXINSNS);
	while (fgets(text, sizeof(text), file)) {
		if (*cnt == want)
			return error("%s has more than the %llu instructions its first line says.",
				     path, want);
		if (!insn_parse(text, &insns[*cnt]))
			return error("Line %zu of %s does not have the four numbers of an instruction: code jt jf k.",
				     *cnt + 2, path);
		++*cnt;
	}
	if (ferror(file))
		return error("Cannot read %s: %s.", path, strerror(errno));
	return *cnt == want ? 0 :
	       error("%s has %zu of the %llu instructions its first line says.", path, *cnt,
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
