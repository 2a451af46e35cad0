/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - hrun policy: what holds and where it comes from, would a file be taken, what is waived and until when.
 */
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/image_request.h>
#include <hrun/json.h>
#include <hrun/path.h>
#include <hrun/policy_open.h>
#include <hrun/report.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --class NAME stands for the name that hrun is called by. */
static int load(struct command *command, struct policy *ret_policy, struct err *e)
{
	const char *class_name = command->options.class_name;

	if (class_name && !policy_class_valid(class_name))
		return err_set(e, EINVAL, "option --class takes NAME of hrun-NAME, not `%.40s`", class_name);
	if (!class_name)
		TRY(class_of_command(command, &class_name, e));
	struct policy_request request = policy_request_of_caller(command->options.policy, class_name);
	return policy_load_for(&command->pool, &request, ret_policy, e);
}

static int no_argument(const struct command *command, struct err *e)
{
	if (command->arg_count > 1)
		return err_set(e, EINVAL, "policy %s takes no argument `%s`; see hrun policy --help", command->args[0],
			       command->args[1]);
	return 0;
}

/* ---- show ---- */

static const char *source(const struct policy *policy, int member)
{
	return policy->given >> member & 1 ? "file" : "default";
}

static void show_text(struct command *command, const struct policy *policy)
{
	struct pool *pool = &command->pool;

	printf("file           %s\n", policy->path ? without_controls(pool, policy->path) : "none: the defaults hold");
	if (policy->also)
		printf("and            %s (the stricter of both holds)\n", without_controls(pool, policy->also));
	if (policy->class_name)
		printf("class          %s\n", policy->class_name);
	if (policy->source.bytes)
		printf("sha256         %s\n", policy_digest(pool, &policy->source));
	for (int member = POLICY_RULE_SET_PIN; member < POLICY_MEMBERS; member++) {
		struct json_out out = {.pool = pool};
		policy_member_write(&out, policy, (enum policy_member)member);
		const char *text = str_equal(out.text, "null") ? "-" : without_controls(pool, out.text);
		printf("%-14s %-8s %s\n", policy_member_name((enum policy_member)member), source(policy, member), text);
	}
}

static void write_member(struct json_out *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	json_out_printf(out, ",\"%s\":", name);
	json_out_string(out, value);
}

static void show_json(struct command *command, const struct policy *policy)
{
	struct json_out out = {.pool = &command->pool};

	json_out_raw(&out, "{\"file\":");
	if (policy->path)
		json_out_string(&out, policy->path);
	else
		json_out_raw(&out, "null");
	write_member(&out, "and", policy->also);
	write_member(&out, "class", policy->class_name);
	write_member(&out, "sha256", policy_digest(&command->pool, &policy->source));
	json_out_raw(&out, ",\"members\":{");
	for (int member = POLICY_RULE_SET_PIN; member < POLICY_MEMBERS; member++) {
		json_out_printf(&out, "%s\"%s\":{\"source\":\"%s\",\"value\":", member > POLICY_RULE_SET_PIN ? "," : "",
				policy_member_name((enum policy_member)member), source(policy, member));
		policy_member_write(&out, policy, (enum policy_member)member);
		json_out_raw(&out, "}");
	}
	printf("%s}}\n", out.text);
}

static int show(struct command *command, struct err *e)
{
	struct policy policy;

	TRY(no_argument(command, e));
	TRY(load(command, &policy, e));
	if (command->options.json)
		show_json(command, &policy);
	else
		show_text(command, &policy);
	return 0;
}

/* ---- check ---- */

/* /etc/hrun/NAME.json is that of the class NAME. */
static bool is_class_file(struct pool *pool, const char *file)
{
	const char *name = file + strlen(POLICY_DIRECTORY "/");

	if (!str_starts(file, POLICY_DIRECTORY "/") || !str_ends(name, ".json"))
		return false;
	name = pool_strndup(pool, name, strlen(name) - strlen(".json"));
	return policy_class_valid(name) && !str_equal(name, "policy");
}

/* "-": what the file would say, whoever may own it then. */
static int check_stdin(struct command *command, struct policy *policy, struct err *e)
{
	char *bytes = pool_alloc(&command->pool, POLICY_MAX_SIZE + 1);
	ssize_t size = fd_read_all(STDIN_FILENO, bytes, POLICY_MAX_SIZE + 1);

	*policy = policy_default();
	policy->path = "-";
	if (size < 0)
		return err_set(e, (int)-size, "policy: cannot read from stdin");
	return policy_read(&command->pool, bytes, (size_t)size, command->options.class_name != NULL, utc_today(),
			   policy, e);
}

static int check_file(struct command *command, const char *file, struct policy *policy, struct err *e)
{
	bool own_class = command->options.class_name || is_class_file(&command->pool, file);
	enum policy_owner owner = policy_caller_is_root() ? POLICY_OWNER_ROOT : POLICY_OWNER_OR_CALLER;

	if (str_equal(file, "-"))
		return check_stdin(command, policy, e);
	return policy_load_file(&command->pool, file, own_class, owner, utc_today(), policy, e);
}

static size_t count_waivers(const struct policy *policy, int from, int to)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->waiver_count; i++)
		count += policy->waivers[i].days_left >= from && policy->waivers[i].days_left <= to;
	return count;
}

static int check(struct command *command, struct err *e)
{
	struct policy policy;

	if (command->arg_count > 2)
		return err_set(e, EINVAL, "policy check takes one FILE; see hrun policy --help");
	if (command->arg_count == 2)
		TRY(check_file(command, command->args[1], &policy, e));
	else
		TRY(load(command, &policy, e));
	if (!policy.path || !str_equal(policy.path, "-"))
		TRY(image_policy_check(&command->pool, &policy, e));
	printf("%s: valid, level %s, %zu waivers (%zu expired, %zu end within %d days)\n",
	       policy.path ? without_controls(&command->pool, policy.path) : "no file, the defaults",
	       policy_level_name(policy.level), policy.waiver_count, count_waivers(&policy, INT_MIN, -1),
	       count_waivers(&policy, 0, WAIVER_WARNING_DAYS), WAIVER_WARNING_DAYS);
	return 0;
}

/* ---- list-waivers ---- */

static const char *match_text(struct pool *pool, const struct waiver *waiver)
{
	const char *text = "";

	if (waiver->image_digest)
		text = pool_printf(pool, "image %.19s...", waiver->image_digest);
	if (waiver->cgroup)
		text = pool_printf(pool, "%s%scgroup %s", text, *text ? ", " : "", waiver->cgroup);
	if (waiver->value)
		text = pool_printf(pool, "%s%svalue %s", text, *text ? ", " : "", waiver->value);
	return without_controls(pool, text);
}

static const char *days_text(struct pool *pool, const struct waiver *waiver)
{
	if (waiver->days_left < 0)
		return "expired: the rule is back";
	return pool_printf(pool, "%d days left%s", waiver->days_left,
			   waiver->days_left <= WAIVER_WARNING_DAYS ? ", ends soon" : "");
}

static void list_json(struct command *command, const struct policy *policy)
{
	struct json_out out = {.pool = &command->pool};

	json_out_raw(&out, "[");
	for (size_t i = 0; i < policy->waiver_count; i++) {
		json_out_raw(&out, i ? "," : "");
		policy_waiver_write(&out, &policy->waivers[i], true);
	}
	printf("%s]\n", out.text);
}

static int list_waivers(struct command *command, struct err *e)
{
	struct pool *pool = &command->pool;
	struct policy policy;

	TRY(no_argument(command, e));
	TRY(load(command, &policy, e));
	if (command->options.json) {
		list_json(command, &policy);
		return 0;
	}
	for (size_t i = 0; i < policy.waiver_count; i++) {
		const struct waiver *waiver = &policy.waivers[i];
		printf("%s  %s  %s  %s  %s  (%s)\n", rules[waiver->rule].id, match_text(pool, waiver),
		       without_controls(pool, waiver->owner), waiver->expires, days_text(pool, waiver),
		       without_controls(pool, waiver->reason));
	}
	return 0;
}

int cmd_policy(struct command *command, struct err *e)
{
	static const struct {
		const char *word;
		int (*run)(struct command *command, struct err *e);
	} actions[] = {{"show", show}, {"check", check}, {"list-waivers", list_waivers}, {"learn", policy_learn}};

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		if (str_equal(command->args[0], actions[i].word))
			return actions[i].run(command, e);
	}
	return err_set(e, EINVAL, "policy takes show, check, list-waivers or learn, not `%s`", command->args[0]);
}
