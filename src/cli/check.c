/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - judge a bundle or a bare config and say what was found; nothing is started, nothing needs root.
 *
 * A bundle's objects are looked at as create does.  Of a bare config only the text is there: what needs the object
 * is said not to have been judged.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_check.h>
#include <hrun/cli_creation.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *reason(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown error";
}

static int too_large(struct check *check, struct err *e)
{
	check->error = (struct json_error){.rule = "json-too-large",
					   .where = "",
					   .pointer = "",
					   .text = "the document is too large; remove bulk data"};
	return err_set(e, EINVAL, "%s: the document is larger than %zu bytes (json-too-large)", check->name,
		       check->policy.config_bytes);
}

static int read_config(struct command *command, int fd, struct check *check, struct err *e)
{
	size_t max = check->policy.config_bytes;
	char *bytes = pool_alloc(&command->pool, max + 2);
	ssize_t n = fd_read_all(fd, bytes, max + 1);

	if (n < 0)
		return err_set(e, (int)-n, "%s cannot be read: %s", check->name, reason((int)-n));
	if ((size_t)n > max)
		return too_large(check, e);
	check->bytes = bytes;
	check->size = (size_t)n;
	if (json_read(&command->pool, bytes, check->size, max, &check->tree, &check->error) < 0 ||
	    config_read(&command->pool, check->tree, &check->config, &check->error) < 0)
		return err_set(e, EINVAL, "%s: %s", check->name, check->error.text);
	return 0;
}

/* What is no regular file is never opened for reading: a device may do something by that, a FIFO may wait. (So may /proc/kmsg.) */
static int read_file(struct command *command, int place, struct check *check, struct err *e)
{
	autofd int fd = fd_reopen(place, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return err_set(e, -fd, "%s cannot be opened: %s", check->name, reason(-fd));
	return read_config(command, fd, check, e);
}

static int read_bundle(struct command *command, struct check *check, struct err *e)
{
	TRY(bundle_open(&command->pool, check->name, command->options.config, check->policy.config_bytes,
			&check->bundle, &check->error, e));
	check->config = check->bundle.config;
	check->bytes = check->bundle.config_bytes;
	check->size = check->bundle.config_size;
	check->has_bundle = true;
	const char *config = command->options.config ? command->options.config : "config.json";
	size_t length = strlen(check->name);
	while (length > 1 && check->name[length - 1] == '/')
		length--;
	check->name = pool_printf(&command->pool, "%.*s/%s", (int)length, check->name, config);
	return json_read(&command->pool, check->bytes, check->size, check->policy.config_bytes, &check->tree,
			 &check->error);
}

static int read_any(struct command *command, struct check *check, struct err *e)
{
	struct stat st;

	if (str_equal(check->name, "-"))
		return read_config(command, STDIN_FILENO, check, e);
	autofd int place = open(check->name, O_PATH | O_CLOEXEC);
	if (place < 0 || fstat(place, &st) < 0)
		return err_set(e, errno, "%s cannot be opened: %s; name a bundle, a config.json or -", check->name,
			       reason(errno));
	if (S_ISDIR(st.st_mode))
		return read_bundle(command, check, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s is not a regular file; name a bundle, a config.json, or - for stdin",
			       check->name);
	return read_file(command, place, check, e);
}

static void judge(struct pool *pool, const struct check *check, const struct policy *policy, struct verdict *ret)
{
	struct judged judged = {
		.pool = pool,
		.bundle = check->has_bundle ? &check->bundle : NULL,
		.config = check->config,
		.process = check->config->process,
		.host_root = proc_in_first_user_namespace(),
		.config_only = !check->has_bundle,
		.own_paths = check->own_paths,
	};

	root_image_judged(&check->is_signed, &check->root, &judged);
	policy_judge(&judged, policy, ret);
}

void check_judge(struct pool *pool, struct check *check)
{
	judge(pool, check, &check->policy, &check->verdict);
	verdict_locate(pool, &check->verdict, check->tree);
}

static void add_score(struct pool *pool, const struct check *check, struct score *score)
{
	struct policy strictest = check->policy;
	struct verdict verdict;

	strictest.level = LEVEL_RESTRICTED;
	strictest.warn_level = LEVELS;
	judge(pool, check, &strictest, &verdict);
	score_of(&verdict, &check->verdict, score);
}

static int read_options(struct command *command, struct check *check, struct err *e)
{
	const struct options *options = &command->options;
	const char *format = options->format ? options->format : "text";
	bool fixes = options->output || options->diff || options->force;

	if (command->arg_count != 1)
		return err_set(e, EINVAL, "check needs a bundle, a config.json, or - for stdin; see hrun check --help");
	check->name = command->args[0];
	check->print = str_equal(format, "text")    ? report_text
		       : str_equal(format, "json")  ? report_json
		       : str_equal(format, "sarif") ? report_sarif
						    : NULL;
	if (!check->print)
		return err_set(e, EINVAL, "option --format takes text, json or sarif, not `%s`", format);
	if (fixes && !options->fix)
		return err_set(e, EINVAL, "options --diff, --output and --force belong to --fix");
	TRY(readable_policy_of_command(command, &check->policy, e));
	if (!options->level)
		return 0;
	check->policy.level = policy_level_of(options->level);
	if (check->policy.level == LEVELS)
		return err_set(e, EINVAL, "option --level takes privileged, baseline or restricted, not `%s`",
			       options->level);
	if (check->policy.warn_level != LEVELS && check->policy.warn_level <= check->policy.level)
		check->policy.warn_level = LEVELS;
	return 0;
}

static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && !str_equal(term, "dumb");
}

static void print(struct command *command, struct check *check, const char *unreadable)
{
	struct score score;
	struct report report = {
		.pool = &command->pool,
		.name = check->name,
		.verdict = &check->verdict,
		.bytes = check->bytes,
		.size = check->size,
		.unreadable = unreadable,
		.color = wants_color(),
	};

	if (command->options.score && check->config) {
		add_score(&command->pool, check, &score);
		report.score = &score;
	}
	check->print(stdout, &report);
}

/* A document that cannot be understood is a verdict, too; one that cannot be read is only an error. */
static int unreadable(struct command *command, struct check *check, struct err *e)
{
	bool for_people = check->print == report_text;

	command->failure = EXIT_CHECK_UNREADABLE;
	check->verdict = (struct verdict){.level = check->policy.level};
	if (!check->error.rule) {
		if (!for_people)
			print(command, check, e->text);
		return -e->errnum;
	}
	verdict_of_json_error(&command->pool, &check->policy, &check->error, &check->verdict);
	if (check->verdict.count) {
		check->verdict.findings[0].line = check->error.line;
		check->verdict.findings[0].column = check->error.column;
	}
	print(command, check, NULL);
	return EXIT_CHECK_UNREADABLE;
}

int check_exit_status(const struct command *command, const struct verdict *verdict)
{
	if (verdict_refuses(verdict))
		return EXIT_CHECK_REFUSED;
	for (size_t i = 0; i < verdict->count; i++) {
		if (command->options.strict && verdict->findings[i].action == ACTION_WARN)
			return EXIT_CHECK_WARNINGS;
	}
	return 0;
}

static int check_document(struct command *command, struct check *check, struct err *e)
{
	if (read_any(command, check, e) < 0)
		return unreadable(command, check, e);
	if (check->has_bundle) {
		int r = root_image_look(command, &check->policy, &check->bundle, NULL, &check->is_signed, &check->root,
					e);
		if (command->audit.rejected)
			command->failure = EXIT_CHECK_REFUSED;
		TRY(r);
	}
	check->own_paths = creation_own_paths(command);
	check_judge(&command->pool, check);
	if (command->options.fix)
		return check_fix(command, check, e);
	print(command, check, NULL);
	return check_exit_status(command, &check->verdict);
}

int cmd_check(struct command *command, struct err *e)
{
	struct check check = {.bundle = {.dir = -1, .rootfs = -1}};

	if (command->options.id && command->arg_count == 0)
		return check_container(command, e);
	if (command->options.id)
		return err_set(e, EINVAL, "check takes --id or a bundle, not both");
	TRY(read_options(command, &check, e));
	int r = check_document(command, &check, e);
	bundle_close(&check.bundle);
	return r;
}
