// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* vnpctl: load, link and inspect programs of the virtual network processor. */
#include <getopt.h>

#include "ctl.h"

struct settings settings;

static const char help[] =
	"Usage: vnpctl [OPTIONS] OBJECT COMMAND\n"
	"       vnpctl OBJECT help\n"
	"\n"
	"  prog       verify, load, list, show, dump, log, run\n"
	"  map        list, show, dump, lookup, update, delete\n"
	"  link       attach, list, show, update, detach\n"
	"  relay      send what arrives at a port to other hosts\n"
	"  stats      counters of all links\n"
	"  top        the same as rates, every second\n"
	"  feature    the module's features and limits\n"
	"  version    versions of this program, the library and the module\n"
	"\n"
	"  -j, --json     output in JSON\n"
	"  -p, --pretty   JSON, indented\n"
	"      --user     in this process, with the reference interpreter: no module\n"
	"  -d, --debug    add the state at every instruction to the verifier's report\n"
	"  -h, --help     this text\n"
	"  -V, --version  the same as version\n"
	"\n"
	"Words may be abbreviated: vnpctl p l is vnpctl prog list. See vnpctl(8).\n";

static int help_command(struct args *args)
{
	(void)args;
	fputs(help, stdout);
	return 0;
}

static const struct command objects[] = {
	{ "help", help_command },
	{ "prog", prog_command },
	{ "map", map_command },
	{ "link", link_command },
	{ "relay", relay_command },
	{ "stats", stats_command },
	{ "top", top_command },
	{ "feature", feature_command },
	{ "version", version_command },
	{}
};

/* Options without a letter */
#define OPT_USER	256

static int options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "user", no_argument, NULL, OPT_USER },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{}
	};
	int opt;

	opterr = 0;
	/* options may stand anywhere: getopt_long() moves them to the front */
	while ((opt = getopt_long(argc, argv, "jpdhV", options, NULL)) >= 0) {
		switch (opt) {
		case 'j':
			settings.json = true;
			break;
		case 'p':
			settings.json = settings.pretty = true;
			break;
		case OPT_USER:
			settings.user = true;
			break;
		case 'd':
			settings.debug = true;
			break;
		default:
			return opt;
		}
	}
	return 0;
}

/* @word: the latest one that getopt_long() has read */
static int option_unknown(const char *word)
{
	/* Only of a single letter its word may not be the latest. */
	if (optopt && optopt < OPT_USER && !strchr("jpdhV", optopt))
		return error("\"-%c\" is not an option; see vnpctl help.", optopt);
	return error("\"%s\" is not an option; see vnpctl help.", word);
}

int main(int argc, char **argv)
{
	int opt = options_parse(argc, argv), err;
	struct args args = { argc - optind, argv + optind };

	if (opt == 'h')
		err = help_command(&args);
	else if (opt == 'V')
		err = version_command(&args);
	else if (opt)
		err = option_unknown(argv[optind - 1]);
	else
		err = commands_run(&args, NULL, objects, help);

	if (err)
		errors_flush();
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "Error: cannot write the output.\n");
		return 1;
	}
	return err ? 1 : 0;
}
