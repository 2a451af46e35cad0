/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - print every container.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/log.h>
#include <hrun/str.h>
#include <stdio.h>

enum form { FORM_TABLE, FORM_JSON, FORM_QUIET };

int format_read(const struct options *options, bool *ret_json, struct err *e)
{
	const char *format = options->format ? options->format : "table";

	*ret_json = str_equal(format, "json");
	if (!*ret_json && !str_equal(format, "table"))
		return err_set(e, EINVAL, "option --format takes table or json, not `%s`", format);
	return 0;
}

static int form_of(const struct options *options, enum form *ret_form, struct err *e)
{
	bool json;

	TRY(format_read(options, &json, e));
	*ret_form = options->quiet ? FORM_QUIET : json ? FORM_JSON : FORM_TABLE;
	return 0;
}

/* A bundle's path may hold what a terminal obeys. */
static const char *printable(struct pool *pool, const char *text)
{
	char *copy = pool_strdup(pool, text);

	str_remove_controls(copy);
	return copy;
}

static void print_row(struct pool *pool, const struct container *container)
{
	const struct container_record *record = &container->record;
	enum container_status status = container_status(container);

	printf("%-20s %-10d %-10s %-30s %-30s %u\n", record->id, show_pid(container, status),
	       container_status_name(status), printable(pool, record->bundle), printable(pool, record->created),
	       (unsigned int)record->owner);
}

static int print_all(struct command *command, int root, enum form form, struct err *e)
{
	struct json_out out = {.pool = &command->pool};
	const char **ids;
	size_t count, shown = 0;

	TRY(container_list(&command->pool, root, &ids, &count, e));
	json_out_raw(&out, "[");
	for (size_t i = 0; i < count; i++) {
		struct container container;
		struct err skipped = {0};
		int r = container_open(&command->pool, root, ids[i], false, &container, &skipped);
		/* It may have been deleted between the two calls, or never have got a record. */
		if (r < 0) {
			(r == -EBADMSG ? log_warning : log_debug)("%s", skipped.text);
			continue;
		}
		json_out_raw(&out, shown++ ? "," : "");
		if (form == FORM_JSON)
			show_state(&out, &container, false);
		else if (form == FORM_TABLE)
			print_row(&command->pool, &container);
		else
			printf("%s\n", container.id);
		container_close(&container);
	}
	if (form == FORM_JSON)
		printf("%s]\n", out.text);
	return 0;
}

int cmd_list(struct command *command, struct err *e)
{
	enum form form;

	TRY(form_of(&command->options, &form, e));
	autofd int root = container_root_open(command->options.root, false, e);
	/* The default root is made by the first create; a root that was named must be there. */
	if (root < 0 && (root != -ENOENT || command->options.root))
		return root;
	if (form == FORM_TABLE)
		printf("%-20s %-10s %-10s %-30s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
	if (root >= 0)
		return print_all(command, root, form, e);
	if (form == FORM_JSON)
		printf("[]\n");
	return 0;
}
