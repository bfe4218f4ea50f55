// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* The options of link attach. */
#include <limits.h>
#include <stddef.h>

#include "ctl.h"

/**
 * struct opt - an option
 * @name:	its first word
 * @limit:	the second word of those that have several numbers, or NULL
 * @member:	offset of a __u32 in struct vnp_link_opts
 * @words:	words that can follow, the default last, and what they add to @member; none: a number
 *		follows
 * @max:	the largest number
 * @want:	what the number is, or the message if another word follows
 */
struct opt {
	const char *name;
	const char *limit;
	size_t member;
	struct {
		const char *word;
		__u32 val;
	} words[3];
	__u32 max;
	const char *want;
};

#define MEMBER(name)	.member = offsetof(struct vnp_link_opts, name)

static const struct opt table[] = {
	{
		.name = "fault", MEMBER(flags),
		.words = { { "pass", VNP_LINK_F_FAULT_PASS }, { "drop", 0 } },
		.want = "Specify what happens after a fault: fault drop, or fault pass.",
	}, {
		.name = "merge", MEMBER(flags),
		.words = { { "off", VNP_LINK_F_NO_MERGE }, { "on", 0 } },
		.want = "Specify whether datagrams may be merged: merge on, or merge off.",
	}, {
		.name = "hold", .limit = "bytes", MEMBER(hold_bytes), .max = UINT32_MAX,
		.want = "The memory of held messages",
	}, {
		.name = "hold", .limit = "messages", MEMBER(hold_messages),
		.max = VNP_HOLD_MESSAGES_MAX, .want = "The number of held messages",
	}, {
		.name = "hold", .limit = "age", MEMBER(hold_age_ms), .max = VNP_HOLD_AGE_MS_MAX,
		.want = "The age of held messages, in milliseconds,",
	}, {
		.name = "hold", .limit = "mark", MEMBER(hold_mark), .max = UINT32_MAX,
		.want = "The mark",
	}, {
		.name = "late", MEMBER(flags),
		.words = { { "deliver", VNP_LINK_F_HOLD_DELIVER },
			   { "each", VNP_LINK_F_HOLD_EACH }, { "discard", 0 } },
		.want = "Specify what happens to messages that are too old: late discard, deliver, or each.",
	}, {
		.name = "eof", MEMBER(eof),
		.words = { { "drop", VNP_EOF_DROP }, { "abort", VNP_EOF_ABORT },
			   { "deliver", VNP_EOF_DELIVER } },
		.want = "Specify what happens to a message that is not whole at the end: eof deliver, drop, or abort.",
	}, {
		.name = "unframed", MEMBER(flags),
		.words = { { "pass", VNP_LINK_F_STREAM_PASS }, { "error", 0 } },
		.want = "Specify what happens where there is no message: unframed error, or unframed pass.",
	}, {
		.name = "forged", MEMBER(flags),
		.words = { { "end", VNP_LINK_F_FORGED_END }, { "drop", 0 } },
		.want = "Specify what happens after a forged message: forged drop, or forged end.",
	}, {
		.name = "boundaries", MEMBER(flags),
		.words = { { "on", VNP_LINK_F_BOUNDARIES }, { "off", 0 } },
		.want = "Specify whether a read ends where a message ends: boundaries on, or boundaries off.",
	}, {
		.name = "answers", MEMBER(reply_bytes), .max = VNP_SOCKET_QUEUE_MAX,
		.want = "The size of the queue for answers",
	}, {
		.name = "unsent", MEMBER(flags),
		.words = { { "reset", VNP_LINK_F_REPLY_RESET }, { "fail", 0 } },
		.want = "Specify what happens to an answer for which there is no room: unsent fail, or unsent reset.",
	}, {
		.name = "answered", MEMBER(flags),
		.words = { { "idle", VNP_LINK_F_REPLY_IDLE }, { "sent", 0 } },
		.want = "Specify when the process has answered: answered sent, or answered idle.",
	},
};

/* An option that the next words name.  Return: its index, or -EINVAL after a message */
static int opt_find(const struct args *args, const bool *given)
{
	const struct opt *opt, *twice = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		opt = &table[i];
		if (!args_is(args, 0, opt->name) ||
		    (opt->limit && !args_is(args, 1, opt->limit)))
			continue;
		/* An abbreviation may be one of another option, too. */
		if (!given[i])
			return i;
		twice = opt;
	}
	if (twice)
		return error("%s%s%s is given twice.", twice->name, twice->limit ? " " : "",
			     twice->limit ? twice->limit : "");
	if (args_is(args, 0, "hold"))
		return error("Specify a limit of held messages: hold bytes, messages, age, or mark.");
	return error("\"%s\" is not an option of link attach: see vnpctl link help.",
		     *args->words);
}

static int opt_read(struct args *args, const struct opt *opt, struct vnp_link_opts *opts)
{
	__u32 *to = (__u32 *)((char *)opts + opt->member);
	__u64 number = 0;
	size_t i;
	int err;

	args_next(args);
	if (opt->limit)
		args_next(args);
	if (!opt->words[0].word) {
		err = args_number(args, opt->want, 0, opt->max, &number);
		*to = number;
		return err;
	}
	for (i = 0; i < ARRAY_SIZE(opt->words) && opt->words[i].word; i++) {
		if (!args_take(args, opt->words[i].word))
			continue;
		*to |= opt->words[i].val;
		return 0;
	}
	return error("%s", opt->want);
}

static int sender_parse(struct args *args, struct sender *sender)
{
	__u64 number;

	if (sender->spec || sender->fd >= 0)
		return error("from is given twice.");
	args_next(args);
	if (args_take(args, "pid")) {
		if (args_number(args, "The process", 1, INT_MAX, &number))
			return -EINVAL;
		sender->pid = number;
	}
	if (args_take(args, "fd")) {
		if (args_number(args, "The descriptor", 0, INT_MAX, &number))
			return -EINVAL;
		sender->fd = number;
		return 0;
	}
	sender->spec = args_want(args, "The socket to send from (udp:PORT, or fd FD)");
	return sender->spec ? 0 : -EINVAL;
}

int link_opts_parse(struct args *args, struct vnp_link_opts *opts, struct sender *sender)
{
	bool given[ARRAY_SIZE(table)] = {};
	int i, err = 0;

	while (!err && args->cnt) {
		/* "f" is fault. */
		if (args_is(args, 0, "from") && !args_is(args, 0, "fault")) {
			err = sender_parse(args, sender);
			continue;
		}
		i = opt_find(args, given);
		if (i < 0)
			return i;
		given[i] = true;
		err = opt_read(args, &table[i], opts);
	}
	return err;
}
