/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - the command lines that engines really send, and those that nobody should.
 */
#include "check.h"

#include <hrun/cli.h>
#include <hrun/entry.h>
#include <hrun/str.h>
#include <signal.h>
#include <stdio.h>

static struct pool pool;
static struct options options;
static char *args[32];
static int arg_count;
static struct err e;

static const struct verb *verb_of(const char *name)
{
	for (size_t i = 0; i < verb_count; i++) {
		if (str_equal(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

/* Parse WORDS (blank separated) as the options of VERB. */
static int parse(const char *name, const char *words)
{
	const struct verb *verb = verb_of(name);
	char *argv[32], *rest = pool_strdup(&pool, words);
	int argc = 0, index = 0;

	options = (struct options){0};
	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = word;
	return options_parse(&pool, verb->rows, verb->row_count, verb->stop_at_first, argc, argv, &index, &options,
			     args, &arg_count, &e);
}

static void values(void)
{
	CHECK(parse("create", "--bundle B --pid-file=P --console-socket S ID") == 0);
	CHECK(str_equal(options.bundle, "B") && str_equal(options.pid_file, "P") &&
	      str_equal(options.console_socket, "S"));
	CHECK(arg_count == 1 && str_equal(args[0], "ID"));
	CHECK(parse("create", "-b B ID") == 0 && str_equal(options.bundle, "B"));
	CHECK(parse("create", "-bB ID") == 0 && str_equal(options.bundle, "B"));
	CHECK(parse("create", "-b=B ID") == 0 && str_equal(options.bundle, "B"));
	CHECK(parse("create", "-bundle B -no-subreaper ID") == 0 && str_equal(options.bundle, "B") &&
	      options.no_subreaper);
	CHECK(parse("create", "--preserve-fds 3 ID") == 0 && options.preserve_fds == 3);
	CHECK(parse("create", "--bundle= ID") == 0 && str_equal(options.bundle, ""));
	CHECK(parse("run", "-d --keep=true ID") == 0 && options.detach && options.keep);
	CHECK(parse("run", "--detach=false ID") == 0 && !options.detach);
	CHECK(parse("exec", "-dt ID sh") == 0 && options.detach && options.tty.set && options.tty.value);
	CHECK(parse("exec", "--tty=false ID sh") == 0 && options.tty.set && !options.tty.value);
	CHECK(parse("exec", "-e A=1 --env B=2 -e=C=3 ID sh") == 0 && options.env.count == 3);
	CHECK(str_equal(options.env.item[0], "A=1") && str_equal(options.env.item[2], "C=3"));
}

static void where_parsing_stops(void)
{
	CHECK(parse("exec", "-d ID ls -l --cwd /") == 0);
	CHECK(arg_count == 5 && str_equal(args[2], "-l") && !options.cwd && options.detach);
	CHECK(parse("exec", "ID -- ls") == 0 && arg_count == 3 && str_equal(args[1], "--"));
	CHECK(parse("kill", "--all ID -9") == 0 && options.all && arg_count == 2 && str_equal(args[1], "-9"));
	CHECK(parse("delete", "ID --force") == 0 && options.force && arg_count == 1);
	CHECK(parse("delete", "-- -x") == 0 && arg_count == 1 && str_equal(args[0], "-x"));
	CHECK(parse("state", "-") == 0 && arg_count == 1);
}

static void refused(void)
{
	CHECK(parse("create", "--bogus ID") == -EINVAL && strstr(e.text, "--bogus"));
	CHECK(parse("create", "-z ID") == -EINVAL && strstr(e.text, "-z"));
	CHECK(parse("create", "--bundle") == -EINVAL && strstr(e.text, "requires an argument"));
	CHECK(parse("create", "--preserve-fds=x ID") == -EINVAL);
	CHECK(parse("create", "--preserve-fds=-1 ID") == -EINVAL);
	CHECK(parse("create", "--preserve-fds=4294967295 ID") == -EINVAL);
	CHECK(parse("create", "--no-pivot=maybe ID") == -EINVAL);
	/* not this verb's */
	CHECK(parse("start", "--force ID") == -EINVAL);
	CHECK(parse("create", "--bund B ID") == -EINVAL);
}

static void signals(void)
{
	CHECK(signal_number("9") == SIGKILL && signal_number("KILL") == SIGKILL && signal_number("SIGKILL") == SIGKILL);
	CHECK(signal_number("0") == 0);
	CHECK(signal_number("sigterm") == SIGTERM && signal_number("Usr1") == SIGUSR1 &&
	      signal_number("CLD") == SIGCHLD);
	CHECK(signal_number("RTMIN") == SIGRTMIN && signal_number("SIGRTMIN+3") == SIGRTMIN + 3);
	CHECK(signal_number("rtmax-1") == SIGRTMAX - 1 && signal_number("64") == 64);
	static const char *const bad[] = {"",	"00", "65", "-9",	"FOO",	   "SIG",     "SIGSIGTERM",
					  "9x", " 9", "09", "RTMIN+99", "RTMIN-1", "RTMAX+1", "4294967305"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (signal_number(bad[i]) != -EINVAL) {
			printf("signal `%s` is taken for %d\n", bad[i], signal_number(bad[i]));
			failures++;
		}
	}
}

/* What runs before the C library has no table to look into. */
static void test_verbs_that_enter(void)
{
	for (size_t i = 0; i < verb_count; i++)
		CHECK(entry_word_enters(verbs[i].name) == verbs[i].enters);
	CHECK(!entry_word_enters("") && !entry_word_enters("ru") && !entry_word_enters("runs"));
}

int main(void)
{
	test_verbs_that_enter();
	values();
	where_parsing_stops();
	refused();
	signals();
	pool_free(&pool);
	return failures != 0;
}
