/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - every finding of every rule.
 *
 * What a finding quotes was written by whoever made the bundle: it loses its control
 * characters here, so that it can neither move a terminal's cursor nor begin a new log line.
 */
#include <hrun/action.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/str.h>
#include <stdarg.h>
#include <stdio.h>

enum { QUOTE_MAX = 80 };

const char *quote(const struct finder *finder, const char *text)
{
	if (strlen(text) <= QUOTE_MAX)
		return pool_printf(finder->judged->pool, "\"%s\"", text);
	return pool_printf(finder->judged->pool, "\"%.*s...\"", QUOTE_MAX, text);
}

__attribute__((format(printf, 2, 0))) static char *format_in(struct pool *pool, const char *format, va_list args)
{
	char shorter[256];
	va_list again;

	va_copy(again, args);
	int length = vsnprintf(shorter, sizeof shorter, format, args);
	if (length < 0)
		length = 0, shorter[0] = '\0';
	char *text = pool_alloc(pool, (size_t)length + 1);
	if ((size_t)length < sizeof shorter)
		memcpy(text, shorter, (size_t)length + 1);
	else
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

const char *at(const struct finder *finder, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const char *where = format_in(finder->judged->pool, format, args);
	va_end(args);
	return where;
}

const char *at_key(const struct finder *finder, const char *map, const char *key)
{
	struct json_out out = {.pool = finder->judged->pool};

	json_out_raw(&out, map);
	json_out_raw(&out, "[");
	json_out_string(&out, key);
	json_out_raw(&out, "]");
	return out.text;
}

__attribute__((format(printf, 6, 0))) static void add(struct finder *finder, enum action action, size_t index,
						      const char *value, const char *where, const char *format,
						      va_list args)
{
	struct pool *pool = finder->judged->pool;
	char *text = format_in(pool, format, args);
	struct finding *finding = pool_array_add(pool, finder->verdict->findings, finder->verdict->count);

	str_remove_controls(text);
	*finding = (struct finding){
		.rule = finder->rule,
		.action = action,
		.would = action > finder->would ? action : finder->would,
		.why = finder->why,
		.where = where,
		.text = text,
		.value = value,
		.index = index,
	};
	finding_settle(finder, finding);
}

void find(struct finder *finder, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(finder, finder->action, 0, NULL, where, format, args);
	va_end(args);
}

void find_value(struct finder *finder, const char *value, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(finder, finder->action, 0, value, where, format, args);
	va_end(args);
}

void find_item(struct finder *finder, size_t index, const char *value, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(finder, finder->action, index, value, where, format, args);
	va_end(args);
}

void find_chosen(struct finder *finder, const void *choice, const char *where, const char *format, ...)
{
	struct verdict *verdict = finder->verdict;
	va_list args;

	va_start(args, format);
	add(finder, finder->action, 0, NULL, where, format, args);
	va_end(args);
	verdict->findings[verdict->count - 1].choice = choice;
}

/* Each rule once: findings of one rule come together. */
static void add_not_judged(struct finder *finder)
{
	struct verdict *verdict = finder->verdict;

	if (verdict->not_judged_count && verdict->not_judged[verdict->not_judged_count - 1] == finder->rule)
		return;
	*pool_array_add(finder->judged->pool, verdict->not_judged, verdict->not_judged_count) = finder->rule;
}

/* What is not repaired is not let through (finding_settle). */
static enum action unrepaired(const struct finder *finder)
{
	return finder->action == ACTION_HARDEN ? ACTION_REFUSE : finder->action;
}

void find_unrepairable(struct finder *finder, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(finder, unrepaired(finder), 0, NULL, where, format, args);
	va_end(args);
}

void find_without_means(struct finder *finder, const char *where, const char *format, ...)
{
	bool by_level = finder->action == ACTION_HARDEN && finder->why == WHY_LEVEL;
	va_list args;

	va_start(args, format);
	add(finder, by_level ? ACTION_WARN : unrepaired(finder), 0, NULL, where, format, args);
	va_end(args);
}

void cannot_judge(struct finder *finder, const char *where, const char *format, ...)
{
	va_list args;

	if (finder->judged->config_only) {
		add_not_judged(finder);
		return;
	}
	va_start(args, format);
	add(finder, unrepaired(finder), 0, NULL, where, format, args);
	va_end(args);
}

static bool is_judged(const struct judged *judged, const struct rule *rule)
{
	return rule->judge && (!judged->chapters || judged->chapters >> rule->chapter & 1);
}

void policy_judge(const struct judged *judged, const struct policy *policy, struct verdict *ret_verdict)
{
	struct judged looked_at = *judged;

	looked_at.policy = policy;
	struct mount_look *mounts = mount_look(&looked_at);
	looked_at.mounts = mounts;
	looked_at.filter = pool_alloc(judged->pool, sizeof *looked_at.filter);
	looked_at.cgroups = pool_alloc(judged->pool, sizeof *looked_at.cgroups);
	looked_at.namespaces = namespace_look(judged);
	*ret_verdict = (struct verdict){
		.level = policy->level,
		.mounts = mounts,
		.mount_count = judged->config->mount_count,
		.filter = looked_at.filter,
		.namespaces = looked_at.namespaces,
		.namespace_count = looked_at.namespaces ? judged->config->linux_->namespace_count : 0,
	};
	for (int kind = 0; kind < HOOK_KINDS; kind++)
		ret_verdict->hooks[kind] = looked_at.hooks[kind] = hook_look(&looked_at, (enum hook_kind)kind);
	policy_drop_capabilities(&looked_at, ret_verdict);
	looked_at.capabilities = capability_look(looked_at.process);
	bool pod_sandbox = judged_is_pod_sandbox(&looked_at);
	for (size_t i = 0; i < rule_count; i++) {
		struct decision decision = policy_decide(policy, &rules[i], pod_sandbox);
		if (decision.action == ACTION_NONE || !is_judged(&looked_at, &rules[i]))
			continue;
		struct finder finder = {
			.judged = &looked_at,
			.rule = &rules[i],
			.action = decision.action,
			.would = decision.would,
			.why = decision.why,
			.verdict = ret_verdict,
		};
		rules[i].judge(&finder);
	}
	if (looked_at.cgroups->opened)
		fd_close(&looked_at.cgroups->root);
}

void verdict_of_json_error(struct pool *pool, const struct policy *policy, const struct json_error *error,
			   struct verdict *ret_verdict)
{
	const struct judged judged = {.pool = pool, .policy = policy};
	/* A reader that names no rule has refused all the same. */
	const struct rule *rule = rule_by_id(error->rule ? error->rule : "");
	struct finder finder = {
		.judged = &judged,
		.rule = rule ? rule : rule_by_id("json-not-strict"),
		.action = ACTION_REFUSE,
		.verdict = ret_verdict,
	};
	const char *where = error->where ? error->where : "";

	*ret_verdict = (struct verdict){.level = policy->level};
	if (error->line)
		find(&finder, where, "line %u, column %u: %s", error->line, error->column, error->text);
	else
		find(&finder, where, "%s", error->text);
}

int verdict_take_source(const struct verdict *verdict, const struct config_mount *mount, mode_t *ret_mode)
{
	if (!mount->judged_as || mount->judged_as > verdict->mount_count)
		return -ESTALE;
	struct mount_look *look = &verdict->mounts[mount->judged_as - 1];
	int *fd = &look->source_fd;
	*ret_mode = look->source.st_mode;
	return *fd < 0 ? *fd : TAKE_FD(*fd);
}

void verdict_close(struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->mount_count; i++)
		fd_close(&verdict->mounts[i].source_fd);
}

bool verdict_judged_layer(const struct verdict *verdict, const char *path, const struct stat *st)
{
	for (size_t i = 0; i < verdict->layer_count; i++) {
		const struct mount_look *look = verdict->layers[i];
		if (str_equal(look->source_path, path))
			return look->has_source && fd_is_same_stat(&look->source, st);
	}
	return true;
}

bool verdict_refuses(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == ACTION_REFUSE)
			return true;
	}
	return false;
}

bool verdict_hardens(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == ACTION_HARDEN && str_equal(verdict->findings[i].rule->id, rule))
			return true;
	}
	return false;
}
