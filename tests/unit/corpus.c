/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus.c - every config of the corpus directories, judged at every level through the real
 * readers: which rules refuse must be exactly what its index says, and the case's own
 * rule must act as it says.  Then the hardened copy is judged again: nothing left to harden.
 *
 * Usage: corpus [DIRECTORY...]   (default tests/corpus tests/real-configs)
 */
#include <fcntl.h>
#include <hrun/bundle.h>
#include <hrun/fd.h>
#include <hrun/host.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4 * 1024 * 1024, CONFIG_MAX = 1024 * 1024 };

static unsigned int failures, judged_cases, skipped;

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
	if (!mkdtemp(path) || !run_in_bundle(path, "umask 022; cd \"$B\" && mkdir -p rootfs && cd rootfs && "
						   "mkdir bin proc sys dev etc tmp"))
		exit(1);
}

/* A case's machine is what its setup puts into the directory `host` of its bundle. */
static struct host_files host_of(struct pool *pool, const char *bundle)
{
	return (struct host_files){
		.group = pool_printf(pool, "%s/host/group", bundle),
		.uid_map = pool_printf(pool, "%s/host/uid_map", bundle),
		.gid_map = pool_printf(pool, "%s/host/gid_map", bundle),
		.apparmor_enabled = pool_printf(pool, "%s/host/apparmor", bundle),
		.selinux_enforce = pool_printf(pool, "%s/host/selinux", bundle),
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

static void check_hardened(const char *file, const struct judged *judged, const struct policy *policy,
			   const struct verdict *verdict)
{
	struct judged again = *judged;
	struct verdict second;

	again.config = policy_harden(judged->pool, judged->config, verdict);
	again.process = again.config->process;
	policy_judge(&again, policy, &second);
	for (size_t i = 0; i < second.count; i++) {
		if (second.findings[i].action == ACTION_HARDEN)
			complain(file, verdict->level, second.findings[i].rule->id, "is not repaired");
	}
}

static void judge_at(struct pool *pool, const char *path, enum level level, const struct json *one)
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
	struct judged judged = {.pool = pool, .bundle = &bundle, .host_root = true, .host_files = &host};
	if (r < 0) {
		verdict_of_json_error(pool, &policy, &error, &verdict);
	} else {
		judged.config = bundle.config;
		judged.process = bundle.config->process;
		policy_judge(&judged, &policy, &verdict);
	}
	compare(file, rule ? rule->text : NULL, json_at(one, "expect"), &verdict);
	if (r == 0) {
		check_hardened(file, &judged, &policy, &verdict);
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

static void run_case(const char *directory, const struct json *one)
{
	const struct json *rule = json_at(one, "rule");
	const char *file = json_at(one, "file")->text;
	char bundle[PATH_MAX];
	struct pool pool = {0};
	size_t size;

	if (rule && !rule_by_id(rule->text)) {
		skipped++;
		return;
	}
	make_bundle(bundle);
	char *bytes = read_text(&pool, pool_printf(&pool, "%s/%s", directory, file), &size);
	write_config(pool_printf(&pool, "%s/config.json", bundle), bytes, size, bundle);
	if (set_up(bundle, json_at(one, "setup"))) {
		judged_cases++;
		for (int level = 0; level < LEVELS; level++)
			judge_at(&pool, bundle, (enum level)level, one);
	} else {
		printf("%s: skipped, its setup fails here\n", file);
		skipped++;
	}
	run_in_bundle(bundle, "rm -rf \"$B\"");
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
	for (const struct json *one = json_at(tree, "cases")->first; one; one = one->next)
		run_case(directory, one);
	pool_free(&pool);
}

int main(int argc, char **argv)
{
	umask(022);
	if (argc < 2) {
		run_directory("tests/corpus");
		run_directory("tests/real-configs");
	}
	for (int i = 1; i < argc; i++)
		run_directory(argv[i]);
	printf("%u cases judged, %u skipped, %u failures\n", judged_cases, skipped, failures);
	return failures || !judged_cases;
}
