/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_env.c - the program's environment.
 *
 * A finding shows a variable's name and nothing else, and not even that where the name itself looks like a secret: findings
 * go to logs.  An entry without "=" is all value.
 */
#include <hrun/judging.h>
#include <hrun/secret.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <strings.h>

static const struct string_list *env_of(const struct finder *finder)
{
	static const struct string_list none;

	return finder->judged->process ? &finder->judged->process->env : &none;
}

/* The length of the name, or 0 where the entry has none. */
static size_t name_length(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals ? (size_t)(equals - entry) : 0;
}

/* The name where it may be shown, or NULL. */
static const char *shown_name(const struct finder *finder, const char *entry)
{
	enum { NAME_MAX_SHOWN = 128 };
	size_t length = name_length(entry);

#ifdef HRUN_MUTANT_ENV_NAME
	return entry;
#endif
	if (!length || length > NAME_MAX_SHOWN)
		return NULL;
	const char *name = pool_strndup(finder->judged->pool, entry, length);
	return secret_in(name) ? NULL : name;
}

/* As the finding's text begins. */
static const char *subject(const struct finder *finder, const char *name)
{
	return name ? quote(finder, name) : "an entry";
}

void judge_env_secret_value(struct finder *finder)
{
	const struct string_list *env = env_of(finder);

	for (size_t i = 0; i < env->count; i++) {
		const char *kind = secret_in(env->item[i]);
		const char *name = kind ? shown_name(finder, env->item[i]) : NULL;
		if (kind)
			find_value(finder, name, at(finder, "process.env[%zu]", i), "%s holds %s",
				   subject(finder, name), kind);
	}
}

static bool names_a_file(const char *name, size_t length)
{
	static const char *const ends[] = {"_FILE", "_PATH", "_DIR"};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		size_t n = strlen(ends[i]);
		if (length >= n && strncasecmp(name + length - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

void judge_env_secret_name(struct finder *finder)
{
	const struct string_list *env = env_of(finder);

	for (size_t i = 0; i < env->count; i++) {
		const char *entry = env->item[i];
		size_t length = name_length(entry);
		const char *value = entry + length + 1;
		if (!length || !*value || *value == '/' || names_a_file(entry, length) || !secret_name(entry, length))
			continue;
		const char *name = shown_name(finder, entry);
		find_value(finder, name, at(finder, "process.env[%zu]", i), "%s has a value in plain text",
			   subject(finder, name));
	}
}

struct variable {
	const char *entry;
	size_t length; /* of the name */
	size_t index;
};

static int compare_names(const void *a, const void *b)
{
	const struct variable *one = a, *other = b;
	size_t shorter = one->length < other->length ? one->length : other->length;
	int order = memcmp(one->entry, other->entry, shorter);

	if (order)
		return order;
	if (one->length != other->length)
		return one->length < other->length ? -1 : 1;
	return one->index < other->index ? -1 : one->index > other->index;
}

static bool same_name(const struct variable *a, const struct variable *b)
{
	return a->length == b->length && memcmp(a->entry, b->entry, a->length) == 0;
}

/* Sorted, so that a long list of a stranger's costs little; each name once. */
static void find_repeated(struct finder *finder, const struct string_list *env)
{
	struct variable *names = pool_alloc(finder->judged->pool, (env->count + 1) * sizeof *names);
	size_t count = 0;

	for (size_t i = 0; i < env->count; i++) {
		size_t length = name_length(env->item[i]);
		if (length)
			names[count++] = (struct variable){.entry = env->item[i], .length = length, .index = i};
	}
	qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 1; i < count; i++) {
		if (!same_name(&names[i - 1], &names[i]) || (i > 1 && same_name(&names[i - 2], &names[i])))
			continue;
		const char *name = shown_name(finder, names[i].entry);
		find_value(finder, name, at(finder, "process.env[%zu]", names[i].index), "%s stands there twice",
			   subject(finder, name));
	}
}

void judge_env_malformed(struct finder *finder)
{
	const struct string_list *env = env_of(finder);
	size_t malformed = 0, first = 0;

	for (size_t i = 0; i < env->count; i++) {
		if (name_length(env->item[i]))
			continue;
		first = malformed++ ? first : i;
	}
	if (malformed)
		find(finder, at(finder, "process.env[%zu]", first), "%s without a name and \"=\"",
		     malformed == 1 ? "an entry" : at(finder, "%zu entries", malformed));
	find_repeated(finder, env);
}

static bool has_hooks(const struct config *config)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		if (config->hooks[kind].count)
			return true;
	}
	return false;
}

/* CVE-2025-23266: what the loader or a shell of a hook would obey.  hrun's hooks get hooks[].env only. */
void judge_env_loader_with_hooks(struct finder *finder)
{
	static const char *const names[] = {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "GCONV_PATH", "GLIBC_TUNABLES",
					    "BASH_ENV",	  "ENV"};
	const struct string_list *env = env_of(finder);

	for (size_t i = 0; i < env->count && has_hooks(finder->judged->config); i++) {
		size_t length = name_length(env->item[i]);
		for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
			if (length == strlen(names[k]) && memcmp(env->item[i], names[k], length) == 0)
				find_value(finder, names[k], at(finder, "process.env[%zu]", i),
					   "%s, and there are hooks", names[k]);
		}
	}
}
