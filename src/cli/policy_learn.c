/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_learn.c - hrun policy learn DIR...: the policy with which what is below DIR would start.
 *
 * What the policy of today refuses and may be waived becomes a waiver of exactly that value, with an owner and an end.
 * What cannot be waived is told on stderr.  Nothing here is in force before somebody has read it and put it in place.
 */
#include <fcntl.h>
#include <fts.h>
#include <hrun/cli.h>
#include <hrun/cli_creation.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/plan_cgroup.h>
#include <hrun/proc.h>
#include <hrun/report.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEARN_DAYS = 90 };

struct learner {
	struct command *command;
	struct pool *pool;
	struct policy policy;
	struct waiver *learned;
	size_t learned_count;
	const char *owner, *expires, *today;
	bool for_class;
	size_t judged, left; /* documents, and findings that no waiver can lift */
};

static void complain(struct learner *l, const char *path, const char *text)
{
	fprintf(stderr, "hrun: %s: %s\n", without_controls(l->pool, path), without_controls(l->pool, text));
	l->left++;
}

/* A cgroup as a glob that matches only itself. */
static const char *glob_of(struct pool *pool, const char *path)
{
	char *glob = pool_alloc(pool, 2 * strlen(path) + 1), *end = glob;

	for (; *path; path++) {
		if (strchr("*?\\", *path))
			*end++ = '\\';
		*end++ = *path;
	}
	return glob;
}

static bool is_known(const struct waiver *waivers, size_t count, const struct waiver *waiver)
{
	for (size_t i = 0; i < count; i++) {
		const struct waiver *other = &waivers[i];
		bool same_value = other->value && waiver->value && str_equal(other->value, waiver->value);
		bool same_cgroup = other->cgroup && waiver->cgroup && str_equal(other->cgroup, waiver->cgroup);
		if (other->rule == waiver->rule && (same_value || (!waiver->value && same_cgroup)))
			return true;
	}
	return false;
}

/* Why no waiver can lift FINDING; NULL where one can. */
static const char *obstacle(const struct learner *l, const struct finding *finding, const struct waiver *waiver)
{
	const struct rule *rule = finding->rule;

	if (rule_refuses_always(rule))
		return "refuses at every level and cannot be waived";
	if (rule->severity >= SEVERITY_HIGH && !l->for_class)
		return "is severe: waive it for a verified image's digest, or run this in a class of its own (hrun-NAME, "
		       "learn --class NAME)";
	if (!waiver->value && !waiver->cgroup)
		return "names no value, and the config no cgroup, that a waiver could match; change the config or set the "
		       "rule in `rules`";
	if (l->learned_count + l->policy.waiver_count >= POLICY_MAX_WAIVERS)
		return "would be waiver number 1,001; a file holds 1,000";
	return NULL;
}

/* The cgroup that the container will have, as a waiver is compared with it; NULL where the config names none. */
static const char *cgroup_of(struct pool *pool, const struct config *config)
{
	const char *asked = config->linux_ ? config->linux_->cgroups_path : NULL, *path;
	struct err ignored;

	return asked && *asked && plan_cgroup_path(pool, asked, "", &path, &ignored) == 0 ? path : NULL;
}

static void learn_finding(struct learner *l, const char *path, const char *cgroup, const struct finding *finding)
{
	struct waiver waiver = {.rule = (size_t)(finding->rule - rules), .value = finding->value};

	if (!waiver.value && cgroup)
		waiver.cgroup = glob_of(l->pool, cgroup);
	const char *why = obstacle(l, finding, &waiver);
	if (why) {
		complain(l, path,
			 pool_printf(l->pool, "[%s] %s: %s; the rule %s", finding->rule->id, finding->where,
				     finding->text, why));
		return;
	}
	if (is_known(l->learned, l->learned_count, &waiver))
		return;
	waiver.reason = pool_printf(l->pool, "learned from %s on %s", path, l->today);
	waiver.owner = l->owner;
	waiver.expires = l->expires;
	*pool_array_add(l->pool, l->learned, l->learned_count) = waiver;
}

/* Refused, or started by the audit mode only. */
static bool is_refusal(const struct finding *finding)
{
	return finding->action == ACTION_REFUSE || (finding->why == WHY_AUDIT && finding->would == ACTION_REFUSE);
}

static void learn_config(struct learner *l, const char *path, const struct bundle *bundle, const struct config *config)
{
	const struct judged judged = {
		.pool = l->pool,
		.bundle = bundle,
		.config = config,
		.process = config->process,
		.host_root = proc_in_first_user_namespace(),
		.config_only = bundle == NULL,
		.own_paths = creation_own_paths(l->command),
	};
	struct verdict verdict;

	policy_judge(&judged, &l->policy, &verdict);
	for (size_t i = 0; i < verdict.count; i++) {
		if (is_refusal(&verdict.findings[i]))
			learn_finding(l, path, cgroup_of(l->pool, config), &verdict.findings[i]);
	}
}

static void learn_bundle(struct learner *l, const char *path)
{
	struct bundle bundle = {.dir = -1, .rootfs = -1};
	struct json_error error = {0};
	struct err e = {0};

	l->judged++;
	if (bundle_open(l->pool, path, l->command->options.config, l->policy.config_bytes, &bundle, &error, &e) < 0)
		complain(l, path, e.text);
	else
		learn_config(l, path, &bundle, bundle.config);
	bundle_close(&bundle);
}

/* A config without its bundle: only what its text shows is judged. */
static void learn_file(struct learner *l, const char *path, bool named)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	struct json_error error = {0};
	const struct json *tree;
	struct config *config;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > l->policy.config_bytes) {
		complain(l, path, "is no readable regular file of the allowed size");
		return;
	}
	char *bytes = pool_alloc(l->pool, (size_t)st.st_size + 1);
	ssize_t size = fd_read_all(fd, bytes, (size_t)st.st_size);
	if (size < 0)
		complain(l, path, "cannot be read");
	else if (json_read(l->pool, bytes, (size_t)size, l->policy.config_bytes, &tree, &error) < 0 ||
		 config_read(l->pool, tree, &config, &error) < 0)
		complain(l, path, pool_printf(l->pool, "[%s] %s; it cannot be waived", error.rule, error.text));
	else if (named || json_at(tree, "ociVersion"))
		learn_config(l, path, NULL, config);
	else
		return; /* some other document that lies about */
	l->judged++;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool has_config(struct pool *pool, const char *directory)
{
	return access(pool_printf(pool, "%s/config.json", directory), F_OK) == 0;
}

/* A directory with a config.json is a bundle, and nothing below it is looked at; other *.json files are configs. */
static int walk(struct learner *l, char *path, struct err *e)
{
	FTS *tree = fts_open((char *[]){path, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, by_name);

	if (!tree)
		return err_errno(e, "policy learn: look through `%s`", path);
	for (FTSENT *entry; (entry = fts_read(tree));) {
		if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR) {
			complain(l, entry->fts_path, "cannot be looked at");
		} else if (entry->fts_info == FTS_D && has_config(l->pool, entry->fts_path)) {
			learn_bundle(l, entry->fts_path);
			fts_set(tree, entry, FTS_SKIP);
		} else if (entry->fts_info == FTS_F && str_ends(entry->fts_name, ".json")) {
			learn_file(l, entry->fts_path, entry->fts_level == FTS_ROOTLEVEL);
		}
	}
	fts_close(tree);
	return 0;
}

/* The whole file: what holds today, and the new waivers behind the old ones. */
static void print_policy(struct learner *l)
{
	struct policy *policy = &l->policy;
	const char *separator = "\n";

	printf("{\n\"format\": 1");
	for (int member = POLICY_RULE_SET_PIN; member < POLICY_WAIVERS; member++) {
		struct json_out out = {.pool = l->pool};
		policy_member_write(&out, policy, (enum policy_member)member);
		bool said = member == POLICY_RULE_SET_PIN || member == POLICY_LEVEL || policy->given >> member & 1;
		if (said && !str_equal(out.text, "null"))
			printf(",\n\"%s\": %s", policy_member_name((enum policy_member)member), out.text);
	}
	printf(",\n\"waivers\": [");
	for (size_t i = 0; i < policy->waiver_count + l->learned_count; i++) {
		struct json_out out = {.pool = l->pool};
		policy_waiver_write(
			&out, i < policy->waiver_count ? &policy->waivers[i] : &l->learned[i - policy->waiver_count],
			false);
		printf("%s%s", separator, out.text);
		separator = ",\n";
	}
	printf("\n]\n}\n");
}

static int read_dates(struct learner *l, struct err *e)
{
	const char *expires = l->command->options.expires;
	int64_t today = utc_today(), last = today + LEARN_DAYS;
	char text[UTC_TEXT_SIZE];

	if (expires && (utc_days_of_date(expires, &last) < 0 || last < today || last > today + POLICY_MAX_DAYS))
		return err_set(e, EINVAL, "option --expires takes a date from today to %d days ahead, as 2027-03-31",
			       POLICY_MAX_DAYS);
	utc_date_text(last, text, sizeof text);
	l->expires = pool_strdup(l->pool, text);
	utc_date_text(today, text, sizeof text);
	l->today = pool_strdup(l->pool, text);
	return 0;
}

int policy_learn(struct command *command, struct err *e)
{
	const struct options *options = &command->options;
	struct learner l = {.command = command,
			    .pool = &command->pool,
			    .owner = options->owner,
			    .for_class = options->class_name != NULL};

	if (command->arg_count < 2)
		return err_set(e, EINVAL, "policy learn needs a directory or a config; see hrun policy --help");
	if (!l.owner || !*l.owner)
		return err_set(e, EINVAL, "policy learn needs --owner: who answers for the waivers");
	if (l.for_class && !policy_class_valid(options->class_name))
		return err_set(e, EINVAL, "option --class takes NAME of hrun-NAME, not `%.40s`", options->class_name);
	TRY(read_dates(&l, e));
	TRY(policy_of_command(command, &l.policy, e));
	for (int i = 1; i < command->arg_count; i++)
		TRY(walk(&l, command->args[i], e));
	if (l.judged == 0)
		return err_set(e, ENOENT, "policy learn: no config.json and no *.json below `%s`", command->args[1]);
	print_policy(&l);
	fprintf(stderr, "hrun: %zu configs judged, %zu waivers learned, %zu findings are left\n", l.judged,
		l.learned_count, l.left);
	return l.left ? EXIT_ERROR : 0;
}
