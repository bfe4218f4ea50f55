// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include <ctype.h>

#include "ctl.h"

const char *args_next(struct args *args)
{
	if (!args->cnt)
		return NULL;
	args->cnt--;
	return *args->words++;
}

static bool is_short_for(const char *word, const char *keyword)
{
	return *word && !strncmp(word, keyword, strlen(word));
}

bool args_is(const struct args *args, int n, const char *keyword)
{
	return n < args->cnt && is_short_for(args->words[n], keyword);
}

bool args_take(struct args *args, const char *keyword)
{
	if (!args_is(args, 0, keyword))
		return false;
	args_next(args);
	return true;
}

const char *args_want(struct args *args, const char *what)
{
	const char *word = args_next(args);

	if (!word)
		error("%s is missing.", what);
	return word;
}

bool number_parse(const char *word, int base, __u64 min, __u64 max, __u64 *val)
{
	char *end;

	/* strtoull() would take a sign, or spaces before. */
	if (!isxdigit((unsigned char)*word))
		return false;
	errno = 0;
	*val = strtoull(word, &end, base);
	return !errno && end != word && !*end && *val >= min && *val <= max;
}

int args_number(struct args *args, const char *what, __u64 min, __u64 max, __u64 *val)
{
	const char *word = args_want(args, what);

	if (!word)
		return -EINVAL;
	if (!number_parse(word, 0, min, max, val))
		return error("%s must be a number from %llu to %llu, not \"%s\".", what, min,
			     max, word);
	return 0;
}

int args_u32(struct args *args, const char *what, __u32 *val)
{
	__u64 number = 0;
	int err = args_number(args, what, 0, UINT32_MAX, &number);

	if (!err)
		*val = number;
	return err;
}

int args_id(struct args *args, const char *what, __u32 *id)
{
	__u64 number = 0;
	int err = args_number(args, what, 1, UINT32_MAX, &number);

	if (!err)
		*id = number;
	return err;
}

int args_end(const struct args *args)
{
	return args->cnt ? error("Unexpected argument \"%s\".", *args->words) : 0;
}

bool help_wanted(struct args *args, const char *help)
{
	if (!args_take(args, "help"))
		return false;
	fputs(help, stdout);
	return true;
}

int commands_run(struct args *args, const char *object,
		 const struct command *commands, const char *help)
{
	const struct command *cmd;
	const char *word;

	if (!args->cnt)
		return commands->run(args);
	word = args_next(args);
	for (cmd = commands; cmd->name; cmd++)
		if (is_short_for(word, cmd->name))
			return cmd->run(args);
	if (is_short_for(word, "help")) {
		fputs(help, stdout);
		return 0;
	}
	return object ? error("\"%s\" is not a command of %s; see vnpctl %s help.", word, object, object) :
			error("\"%s\" is not an object; see vnpctl help.", word);
}
