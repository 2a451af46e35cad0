/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drive.c - one talk with systemd, as hrun has it, with a time limit that a test can wait for.
 *
 *   drive LIBEXEC SOCKET MILLISECONDS start|stop|set UNIT[@INVOCATION] [NAME=NUMBER[@SINCE]...]
 *
 * Prints the cgroup, or the reason; exit status 1 for the latter.  start: the placeholder lives until stdin ends.
 */
#include <hrun/plan_scope.h>
#include <hrun/scope.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct pool pool;

static void add_property(struct scope_plan *scope, const char *text)
{
	const char *value = strchr(text, '='), *since = strchr(text, '@');

	if (value)
		scope_add_number(scope, pool_strndup(&pool, text, (size_t)(value - text)), SCOPE_UINT64,
				 strtoull(value + 1, NULL, 10))
			->since = since ? (uint32_t)strtoul(since + 1, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct placeholder placeholder = NO_PLACEHOLDER;
	struct err e = {0};
	char byte;

	if (argc < 6)
		return 2;
	const char *libexec = *++argv;
	char *at = argv[4] + strcspn(argv[4], "@");
	const struct scope_unit unit = {.name = pool_strndup(&pool, argv[4], (size_t)(at - argv[4])),
					.bus = argv[1],
					.invocation = *at ? at + 1 : ""};
	struct scope_plan *scope = plan_scope_stop(&pool, &unit);
	scope->request.timeout_ms = (uint32_t)strtoul(argv[2], NULL, 10);
	scope->request.task = str_equal(argv[3], "start") ? SCOPE_START
			      : str_equal(argv[3], "set") ? SCOPE_SET
							  : SCOPE_STOP;
	if (scope->request.task == SCOPE_START)
		scope_add_string(scope, "Slice", "test.slice");
	for (char **word = argv + 5; *word; word++)
		add_property(scope, *word);
	int r = scope_start(scope, libexec, &placeholder, &e);
	printf("%s\n", r < 0 ? e.text : scope->answer.cgroup);
	fflush(stdout);
	while (r >= 0 && scope->request.task == SCOPE_START && read(STDIN_FILENO, &byte, 1) > 0)
		;
	scope_release(&placeholder);
	pool_free(&pool);
	return r < 0;
}
