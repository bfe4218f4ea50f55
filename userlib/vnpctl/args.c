// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
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

bool args_take(struct args *args, const char *keyword)
{
	if (!args->cnt || !is_short_for(*args->words, keyword))
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

int args_u32(struct args *args, const char *what, __u32 *val)
{
	const char *word = args_want(args, what);
	unsigned long long num;
	char *end;

	if (!word)
		return -EINVAL;
	errno = 0;
	num = strtoull(word, &end, 0);
	if (errno || end == word || *end || *word == '-' || num > UINT32_MAX)
		return error("%s must be a number, and \"%s\" is not one.", what, word);
	*val = num;
	return 0;
}

int args_end(const struct args *args)
{
	return args->cnt ? error("Unexpected argument \"%s\".", *args->words) : 0;
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
