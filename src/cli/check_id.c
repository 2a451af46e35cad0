/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_id.c - print what was found when a container was created.
 */
#include <hrun/cli.h>
#include <hrun/cli_check.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdio.h>

enum { VERDICT_MAX_SIZE = 4 << 20 };

/* The text may quote the config: a terminal must not obey it. */
static void print_member(struct pool *pool, const struct json *finding, const char *name, int width, const char *end)
{
	const struct json *value = json_at(finding, name);

	if (value && value->type == JSON_STRING)
		printf("%-*s%s", width, printable(pool, value->text, VERDICT_MAX_SIZE), end);
}

static int print_verdict(struct command *command, const struct container *container, struct err *e)
{
	struct json_error error = {0};
	const struct json *tree;
	char *data;
	size_t size;

	int r = container_read_file(container, &command->pool, "verdict.json", VERDICT_MAX_SIZE, &data, &size, e);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "container `%s` has no verdict: its create did not get so far",
			       container->id);
	TRY(r);
	if (json_read(&command->pool, data, size, VERDICT_MAX_SIZE, &tree, &error) < 0)
		return err_set(e, EBADMSG, "the verdict of container `%s` is damaged: %s", container->id, error.text);
	const struct json *findings = json_at(tree, "findings");
	if (!findings || findings->type != JSON_ARRAY)
		return err_set(e, EBADMSG, "the verdict of container `%s` is damaged: no findings", container->id);
	for (const struct json *finding = findings->first; finding; finding = finding->next) {
		if (finding->type != JSON_OBJECT)
			continue;
		print_member(&command->pool, finding, "action", 7, " ");
		print_member(&command->pool, finding, "rule", 0, "  ");
		print_member(&command->pool, finding, "pointer", 0, "  ");
		print_member(&command->pool, finding, "message", 0, "\n");
	}
	return 0;
}

int check_container(struct command *command, struct err *e)
{
	struct container container;

	command->failure = EXIT_ERROR;
	command->args = (char *[]){pool_strdup(&command->pool, command->options.id), NULL};
	TRY(target_open(command, false, false, &container, e));
	int r = print_verdict(command, &container, e);
	container_close(&container);
	return r;
}
