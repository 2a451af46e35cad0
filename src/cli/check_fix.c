/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_fix.c - write the config as it would be hardened, beside the original or as a diff.
 *
 * The rules' own repairs change the config in memory; what they changed is carried over into the document by comparing,
 * so that everything else stays as it was written.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_check.h>
#include <hrun/diff.h>
#include <hrun/fd.h>
#include <hrun/field.h>
#include <hrun/json_edit.h>
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is refused or hardened is repaired where there is a repair; what is warned about only with --strict. */
static size_t ask_for_repairs(const struct command *command, struct verdict *verdict)
{
	size_t repairs = 0;

	for (size_t i = 0; i < verdict->count; i++) {
		struct finding *finding = &verdict->findings[i];
		bool wanted = finding->action != ACTION_WARN || command->options.strict;
		if (finding->rule->harden && wanted && finding->action != ACTION_NONE) {
			finding->action = ACTION_HARDEN;
			repairs++;
		}
	}
	return repairs;
}

static const char *text_of(struct pool *pool, const struct json *tree)
{
	struct json_out out = {.pool = pool};

	json_print(&out, tree);
	return out.text;
}

/* ".../config.json" -> ".../config.hardened.json"; stdin's goes to the working directory. */
static const char *output_name(struct command *command, const struct check *check)
{
	const char *name = str_equal(check->name, "-") ? "config.json" : check->name;
	size_t length = strlen(name);

	if (command->options.output)
		return command->options.output;
	if (str_ends(name, ".json"))
		length -= strlen(".json");
	return pool_printf(&command->pool, "%.*s.hardened.json", (int)length, name);
}

static int write_new(const char *name, const char *text, struct err *e)
{
	autofd int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return err_set(e, EEXIST, "%s exists; remove it, name another with -o, or replace it with --force",
			       name);
	if (fd < 0)
		return err_errno(e, "make %s", name);
	int r = fd_write_all(fd, text, strlen(text));
	if (r < 0 || fsync(fd) < 0) {
		unlink(name);
		return err_set(e, r < 0 ? -r : errno, "write %s: %s", name, strerrordesc_np(r < 0 ? -r : errno));
	}
	return 0;
}

/* --force: a whole file takes the place of an old one or of a link, never of a device; the original is never it. */
static int write_over(struct command *command, const char *name, const char *text, struct err *e)
{
	const char *temporary = pool_printf(&command->pool, "%s.%d.tmp", name, (int)getpid());
	struct stat st;

	if (lstat(name, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(e, EINVAL, "%s is not a regular file; name another with -o", name);
	TRY(write_new(temporary, text, e));
	if (rename(temporary, name) == 0)
		return 0;
	err_errno(e, "replace %s", name);
	unlink(temporary);
	return -e->errnum;
}

static bool is_original(const struct check *check, const char *name)
{
	struct stat here, there;

#ifdef HRUN_MUTANT_FIX_ORIGINAL
	return false;
#endif
	return stat(check->name, &here) == 0 && stat(name, &there) == 0 && fd_is_same_stat(&here, &there);
}

static int write_output(struct command *command, const struct check *check, const char *text, struct err *e)
{
	const char *name = output_name(command, check);

	if (str_equal(name, "-")) {
		fputs(text, stdout);
		return 0;
	}
	if (is_original(check, name))
		return err_set(e, EINVAL, "%s is the config itself; name another file with -o", name);
	TRY(command->options.force ? write_over(command, name, text, e) : write_new(name, text, e));
	fprintf(stderr, "%s: written\n", without_controls(&command->pool, name));
	return 0;
}

/* The written text goes the way of every config: what it says is judged, not what was meant. */
static int judge_again(struct command *command, const struct check *check, const char *text, struct check *ret,
		       struct err *e)
{
	*ret = *check;
	ret->bytes = text;
	ret->size = strlen(text);
	if (json_read(&command->pool, ret->bytes, ret->size, check->policy.config_bytes, &ret->tree, &ret->error) < 0 ||
	    config_read(&command->pool, ret->tree, &ret->config, &ret->error) < 0)
		return err_set(e, EINVAL, "the hardened config cannot be read again: %s", ret->error.text);
	check_judge(&command->pool, ret);
	return 0;
}

/* Each rule once: findings of one rule stand together. */
static void say_what_is_left(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (i > 0 && verdict->findings[i - 1].rule == finding->rule)
			continue;
		if (finding->action == ACTION_REFUSE)
			fprintf(stderr, "still refused: %s: %s\n", finding->rule->id, finding_remedy(finding));
		else if (finding->action == ACTION_HARDEN)
			fprintf(stderr, "hardened at every start, not in the file: %s\n", finding->rule->id);
	}
}

/* A repaired seccomp rule that still finds something: its repair is a filter of hrun's own, which no struct of the config shows. */
static bool needs_profile(const struct verdict *before, const struct verdict *after)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct rule *rule = after->findings[i].rule;
		for (size_t k = 0; rule->chapter == CHAPTER_SECCOMP && k < before->count; k++) {
			if (before->findings[k].rule == rule && before->findings[k].action == ACTION_HARDEN)
				return true;
		}
	}
	return false;
}

/* The document with every repair, and what is found in it then. */
static int repair(struct command *command, const struct check *check, const char **ret_text, struct check *ret_fixed,
		  struct err *e)
{
	struct pool *pool = &command->pool;
	struct json *tree = json_copy(pool, check->tree);
	const struct config *hardened = policy_harden(pool, check->config, &check->verdict);

	field_edit(pool, &config_table, tree, check->config, hardened);
	*ret_text = text_of(pool, tree);
	TRY(judge_again(command, check, *ret_text, ret_fixed, e));
	struct json *linux_ = json_member(tree, "linux");
	if (!linux_ || !needs_profile(&check->verdict, &ret_fixed->verdict))
		return 0;
	json_set(linux_, "seccomp", check_seccomp(pool, hardened->process));
	*ret_text = text_of(pool, tree);
	fprintf(stderr, "linux.seccomp: hrun's built-in profile\n");
	return judge_again(command, check, *ret_text, ret_fixed, e);
}

int check_fix(struct command *command, struct check *check, struct err *e)
{
	const char *before = text_of(&command->pool, check->tree), *after;
	size_t repairs = ask_for_repairs(command, &check->verdict);
	struct check fixed;

	TRY(repair(command, check, &after, &fixed, e));
	if (command->options.diff)
		diff_print(stdout, &command->pool, without_controls(&command->pool, check->name),
			   without_controls(&command->pool, output_name(command, check)), before, after);
	if (!command->options.diff || command->options.output)
		TRY(write_output(command, check, after, e));
	fprintf(stderr, "%zu repair%s\n", repairs, repairs == 1 ? "" : "s");
	say_what_is_left(&fixed.verdict);
	return check_exit_status(command, &fixed.verdict);
}
