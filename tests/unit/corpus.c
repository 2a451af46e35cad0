/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus.c - every config of the corpus directories, judged at every level through the real
 * readers: which rules refuse must be exactly what its index says, and the case's own
 * rule must act as it says.  Then the hardened copy is judged again: nothing new to refuse or to harden.  An index
 * that is "lenient" counts a case as right when it is refused or not as it says, by its own rule among others.
 *
 * Each is also judged as a bare config, of which nothing can be looked at; and written with every repair
 * (`hrun check --fix`), read again and judged again: no repaired rule finds anything.
 *
 * timeout: 600
 * Usage: corpus [RULE...]   (only the cases of these rules)
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/bundle.h>
#include <hrun/fd.h>
#include <hrun/field.h>
#include <hrun/host.h>
#include <hrun/json_edit.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4 * 1024 * 1024, CONFIG_MAX = 1024 * 1024 };

/* Most configs have the same few profiles: each is compiled once. */
static char filter_cache[] = "/tmp/hrun-corpus-cache-XXXXXX";

static unsigned int failures, judged_cases, skipped, unbuilt;

static char *read_text(struct pool *pool, const char *path, size_t *ret_size)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = pool_alloc(pool, FILE_MAX);
	ssize_t size = fd < 0 ? -1 : fd_read_all(fd, bytes, FILE_MAX - 1);

	if (size < 0) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	*ret_size = (size_t)size;
	return bytes;
}

/* Write BYTES to PATH with the bundle's own path for every @B@. */
static void write_config(const char *path, const char *bytes, size_t size, const char *bundle)
{
	FILE *f = fopen(path, "we");

	for (size_t i = 0; f && i < size; i++) {
		if (size - i >= 3 && memcmp(bytes + i, "@B@", 3) == 0) {
			fputs(bundle, f);
			i += 2;
		} else {
			fputc(bytes[i], f);
		}
	}
	if (!f || fclose(f) != 0)
		exit(1);
}

static bool run_in_bundle(const char *bundle, const char *command)
{
	setenv("B", bundle, 1);
	return system(command) == 0;
}

/* A fresh bundle with an almost empty root file system. */
static void make_bundle(char *path)
{
	strcpy(path, "/tmp/hrun-corpus-XXXXXX");
	if (!mkdtemp(path) || !run_in_bundle(path, "umask 022; cd \"$B\" && mkdir -p rootfs volume && cd rootfs && "
						   "mkdir bin proc sys dev etc tmp"))
		exit(1);
}

/* The kernel gives one answer to all, which is what the file holds. */
static ssize_t answer_all(const char *path, const char *question, char *answer, size_t size)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 || strchr(question, '\n') ? -EINVAL : fd_read_all(fd, answer, size);
}

/* A case's machine is what its setup puts into the directory `host` of its bundle. */
static struct host_files host_of(struct pool *pool, const char *bundle)
{
	return (struct host_files){
		.group = pool_printf(pool, "%s/host/group", bundle),
		.uid_map = pool_printf(pool, "%s/host/uid_map", bundle),
		.gid_map = pool_printf(pool, "%s/host/gid_map", bundle),
		.apparmor_enabled = pool_printf(pool, "%s/host/apparmor", bundle),
		.apparmor_profiles = pool_printf(pool, "%s/host/apparmor-profiles", bundle),
		.selinux_enforce = pool_printf(pool, "%s/host/selinux", bundle),
		.selinux_fs = pool_printf(pool, "%s/host/selinuxfs", bundle),
		.selinux_policies = pool_printf(pool, "%s/host/selinux-policies", bundle),
		.ask = answer_all,
	};
}

static const struct json *words_of(const struct json *expect, enum level level, enum action action)
{
	static const char *const names[] = {"", "warn", "harden", "refuse"};
	const struct json *at_level = json_at(expect, policy_level_name(level));

	return at_level ? json_at(at_level, names[action]) : NULL;
}

static bool has_word(const struct json *list, const char *word)
{
	for (const struct json *one = list ? list->first : NULL; one; one = one->next) {
		if (str_equal(one->text, word))
			return true;
	}
	return false;
}

static bool acts(const struct verdict *verdict, const char *rule, enum action action)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == action && str_equal(verdict->findings[i].rule->id, rule))
			return true;
	}
	return false;
}

static void complain(const char *file, enum level level, const char *rule, const char *what)
{
	fprintf(stderr, "%s: %s: %s %s\n", file, policy_level_name(level), rule, what);
	failures++;
}

static void compare(const char *file, const char *rule, const struct json *expect, const struct verdict *verdict)
{
	for (size_t i = 0; i < rule_count; i++) {
		bool wanted = has_word(words_of(expect, verdict->level, ACTION_REFUSE), rules[i].id);
		bool refuses = acts(verdict, rules[i].id, ACTION_REFUSE);
		if (wanted && !refuses)
			complain(file, verdict->level, rules[i].id, "does not refuse");
		if (refuses && !wanted)
			complain(file, verdict->level, rules[i].id, "refuses");
	}
	for (int action = ACTION_WARN; rule && action <= ACTION_HARDEN; action++) {
		bool wanted = has_word(words_of(expect, verdict->level, (enum action)action), rule);
		if (acts(verdict, rule, (enum action)action) != wanted)
			complain(file, verdict->level, rule, wanted ? "does not warn or harden" : "warns or hardens");
	}
}

static const char *first_refusal(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == ACTION_REFUSE)
			return verdict->findings[i].rule->id;
	}
	return "nothing";
}

/* Rules that are not built cannot refuse: where only such would, the verdict is not compared. */
static void compare_lenient(const char *file, const char *rule, const struct json *expect,
			    const struct verdict *verdict)
{
	const struct json *refuse = words_of(expect, verdict->level, ACTION_REFUSE);
	bool wanted = false, all_built = true, refuses = verdict_refuses(verdict);

	for (const struct json *one = refuse ? refuse->first : NULL; one; one = one->next) {
		wanted = wanted || rule_by_id(one->text);
		all_built = all_built && rule_by_id(one->text);
	}
	if (wanted && !refuses)
		complain(file, verdict->level, "nothing", "refuses");
	if (refuses && !wanted && all_built)
		complain(file, verdict->level, first_refusal(verdict), "refuses");
	if (rule && rule_by_id(rule) && has_word(refuse, rule) && !acts(verdict, rule, ACTION_REFUSE))
		complain(file, verdict->level, rule, "does not refuse");
}

/* Has RULE a finding that was not repaired?  Then it may have one again. */
static bool remains(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action != ACTION_HARDEN && str_equal(verdict->findings[i].rule->id, rule))
			return true;
	}
	return false;
}

/*
 * A repair uncovers nothing: judged again, the hardened config is neither refused nor hardened for more than what was
 * found, and left, before.
 */
static void check_hardened(const char *file, const struct judged *judged, const struct policy *policy,
			   const struct verdict *first)
{
	struct judged again = *judged;
	struct verdict second;

	again.config = policy_harden(judged->pool, judged->config, first);
	again.process = again.config->process;
	policy_judge(&again, policy, &second);
	for (size_t i = 0; i < second.count; i++) {
		const char *id = second.findings[i].rule->id;
		/* A link of procfs is refused for what it is; once its target is written out, that is a path like others. */
		bool was_link = str_equal(id, "mount-host-path") && acts(first, "mount-host-proc", ACTION_REFUSE);
		if (second.findings[i].action == ACTION_REFUSE && !remains(first, id) && !was_link)
			complain(file, policy->level, id, "refuses what was hardened");
		/* What refused may be milder once another rule has repaired: a cgroup namespace of its own. */
		if (second.findings[i].action == ACTION_HARDEN && !acts(first, id, ACTION_REFUSE))
			complain(file, policy->level, id, "is not repaired");
	}
}

static void check_hardened_by(const char *file, const struct judged *judged, const struct policy *policy)
{
	struct verdict first;

	policy_judge(judged, policy, &first);
	check_hardened(file, judged, policy, &first);
}

/*
 * The same with every repair that the policy file can ask for: all of them, and, where every rule is at work, each alone
 * of those that VERDICT has findings of.
 */
static void check_asked(const char *file, const struct judged *judged, const struct policy *policy,
			const struct verdict *verdict)
{
	signed char *actions = pool_alloc(judged->pool, rule_count);
	struct policy asking = *policy;

	asking.defaults.memory_limit = 64 << 20;
	asking.harden_violations = true;
	check_hardened_by(file, judged, &asking);
	asking.harden_violations = false;
	asking.rule_actions = actions;
	for (size_t i = 0; policy->level == LEVEL_RESTRICTED && i < verdict->count; i++) {
		const struct rule *rule = verdict->findings[i].rule;
		if (!rule->repair_is_asked || (i > 0 && verdict->findings[i - 1].rule == rule))
			continue;
		memset(actions, POLICY_UNCHANGED, rule_count);
		actions[rule - rules] = ACTION_HARDEN;
		check_hardened_by(file, judged, &asking);
	}
}

/* Rules that the real objects may acquit: a path of the bundle's own, a namespace of the container's. */
static bool looking_may_acquit(const char *id)
{
	return str_equal(id, "mount-host-path") || str_equal(id, "mount-dest-dev") || str_equal(id, "ns-path-host");
}

/* What a bare config is refused for, the bundle must be refused for, too; the other way round looking may find more. */
static void check_bare(const char *file, const struct judged *judged, const struct policy *policy,
		       const struct verdict *verdict)
{
	struct judged bare = *judged;
	struct verdict second;

	bare.bundle = NULL;
	bare.config_only = true;
	policy_judge(&bare, policy, &second);
	for (size_t i = 0; i < second.count; i++) {
		const struct rule *rule = second.findings[i].rule;
		if (second.findings[i].action == ACTION_REFUSE && !acts(verdict, rule->id, ACTION_REFUSE) &&
		    !looking_may_acquit(rule->id))
			complain(file, verdict->level, rule->id, "refuses the bare config only");
	}
	for (size_t i = 0; i < second.not_judged_count; i++) {
		if (!second.not_judged[i])
			complain(file, verdict->level, "", "is not judged and no rule");
	}
}

/* The document as TREE has it, read and judged like any other. */
static void check_written(const char *file, const struct judged *judged, const struct policy *policy,
			  const struct verdict *repaired, const struct json *tree)
{
	struct json_out out = {.pool = judged->pool};
	struct json_error error = {0};
	struct judged again = *judged;
	const struct json *read_tree;
	struct config *config;
	struct verdict second;

	json_print(&out, tree);
	if (json_read(judged->pool, out.text, out.length, FILE_MAX, &read_tree, &error) < 0 ||
	    config_read(judged->pool, read_tree, &config, &error) < 0) {
		complain(file, policy->level, error.rule, "refuses to read what was written");
		return;
	}
	again.config = config;
	again.process = config->process;
	policy_judge(&again, policy, &second);
	for (size_t i = 0; i < second.count; i++) {
		const char *id = second.findings[i].rule->id;
		/* Its repair is a filter of hrun's own; `hrun check --fix` writes a profile for it (sandbox/check). */
		bool is_filter = second.findings[i].rule->chapter == CHAPTER_SECCOMP;
		/* No word of the specification says how the root is mounted: hrun does that each time. */
		bool is_mount = str_equal(id, "rootfs-setuid-files") || str_equal(id, "rootfs-device-nodes");
		if (!is_filter && !is_mount && acts(repaired, id, ACTION_HARDEN))
			complain(file, policy->level, id, "is not repaired in the written config");
	}
}

static void check_fixed(const char *file, const struct judged *judged, const struct policy *policy)
{
	const struct bundle *bundle = judged->bundle;
	struct policy with_number = *policy;
	struct json_error error = {0};
	struct verdict repaired;
	const struct json *tree;

	if (json_read(judged->pool, bundle->config_bytes, bundle->config_size, FILE_MAX, &tree, &error) < 0)
		return;
	with_number.defaults.memory_limit = 64 << 20; /* without it there is nothing to repair a missing limit with */
	policy_judge(judged, &with_number, &repaired);
	for (size_t i = 0; i < repaired.count; i++) {
		const struct rule *rule = repaired.findings[i].rule;
		/* One that hardens by itself may do less than what a stricter level then refuses. */
		bool repairs = rule->harden && (rule->repair_is_asked || repaired.findings[i].action == ACTION_HARDEN);
		repaired.findings[i].action = repairs ? ACTION_HARDEN : ACTION_NONE;
	}
	struct json *copy = json_copy(judged->pool, tree);
	struct config *hardened = policy_harden(judged->pool, judged->config, &repaired);
	field_edit(judged->pool, &config_table, copy, judged->config, hardened);
	check_written(file, judged, &with_number, &repaired, copy);
}

static void judge_at(struct pool *pool, const char *path, enum level level, const struct json *one, bool lenient)
{
	const struct json *rule = json_at(one, "rule");
	const char *file = json_at(one, "file")->text;
	struct policy policy = policy_default();
	policy.level = level;
	struct json_error error = {0};
	struct verdict verdict;
	struct bundle bundle;
	struct err e = {0};
	int r = bundle_open(pool, path, NULL, CONFIG_MAX, &bundle, &error, &e);

	if (r < 0 && !error.rule) {
		complain(file, level, "bundle_open", e.text);
		return;
	}
	const struct host_files host = host_of(pool, path);
	struct judged judged = {
		.pool = pool, .bundle = &bundle, .host_root = true, .host_files = &host, .filter_cache = filter_cache};
	if (r < 0) {
		verdict_of_json_error(pool, &policy, &error, &verdict);
	} else {
		judged.config = bundle.config;
		judged.process = bundle.config->process;
		policy_judge(&judged, &policy, &verdict);
	}
	(lenient ? compare_lenient : compare)(file, rule ? rule->text : NULL, json_at(one, "expect"), &verdict);
	if (r == 0) {
		check_hardened(file, &judged, &policy, &verdict);
		check_asked(file, &judged, &policy, &verdict);
		/* Where every rule is at work; compiling filters takes its time. */
		if (level == LEVEL_RESTRICTED) {
			check_bare(file, &judged, &policy, &verdict);
			check_fixed(file, &judged, &policy);
		}
		bundle_close(&bundle);
	}
}

static bool set_up(const char *bundle, const struct json *setup)
{
	for (const struct json *line = setup ? setup->first : NULL; line; line = line->next) {
		if (!run_in_bundle(bundle, line->text))
			return false;
	}
	return true;
}

static void clean_up(const char *bundle, const struct json *setup)
{
	for (const struct json *line = setup ? setup->first : NULL; line; line = line->next) {
		if (strstr(line->text, "mount"))
			run_in_bundle(bundle, "umount -q \"$B\"/* 2>/dev/null");
	}
	run_in_bundle(bundle, "rm -rf \"$B\"");
}

/* NULL: all. */
static char **wanted_rules;

static bool is_wanted(const struct json *rule)
{
	for (char **wanted = wanted_rules; wanted && *wanted; wanted++) {
		if (rule && str_equal(rule->text, *wanted))
			return true;
	}
	return !wanted_rules;
}

static void run_case(const char *directory, const struct json *one, bool lenient)
{
	const struct json *rule = json_at(one, "rule");
	const char *file = json_at(one, "file")->text;
	char bundle[PATH_MAX];
	struct pool pool = {0};
	size_t size;

	if (!is_wanted(rule))
		return;
	if (rule && !rule_by_id(rule->text)) {
		unbuilt++;
		return;
	}
	make_bundle(bundle);
	char *bytes = read_text(&pool, pool_printf(&pool, "%s/%s", directory, file), &size);
	write_config(pool_printf(&pool, "%s/config.json", bundle), bytes, size, bundle);
	if (set_up(bundle, json_at(one, "setup"))) {
		judged_cases++;
		for (int level = 0; level < LEVELS; level++)
			judge_at(&pool, bundle, (enum level)level, one, lenient);
	} else {
		printf("%s: skipped, its setup fails here\n", file);
		skipped++;
	}
	clean_up(bundle, json_at(one, "setup"));
	pool_free(&pool);
}

static void run_directory(const char *directory)
{
	const struct json *tree;
	struct json_error error;
	struct pool pool = {0};
	size_t size;

	char *bytes = read_text(&pool, pool_printf(&pool, "%s/index.json", directory), &size);
	if (json_read(&pool, bytes, size, FILE_MAX, &tree, &error) < 0) {
		fprintf(stderr, "%s/index.json: line %u: %s\n", directory, error.line, error.text);
		exit(1);
	}
	const struct json *lenient = json_at(tree, "lenient");
	for (const struct json *one = json_at(tree, "cases")->first; one; one = one->next)
		run_case(directory, one, lenient && lenient->boolean);
	pool_free(&pool);
}

int main(int argc, char **argv)
{
	umask(022);
	if (!mkdtemp(filter_cache))
		return 1;
	wanted_rules = argc > 1 ? argv + 1 : NULL;
	run_directory("tests/corpus");
	run_directory("tests/corpus-given");
	run_directory("tests/real-configs");
	run_in_bundle(filter_cache, "rm -rf \"$B\"");
	printf("%u cases judged, %u of rules that are not built, %u whose setup fails here, %u failures\n",
	       judged_cases, unbuilt, skipped, failures);
	return failures || !judged_cases;
}
