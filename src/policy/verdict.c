/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - every finding of every rule, and the line that says why a container
 * was refused.
 *
 * What a finding quotes was written by whoever made the bundle: it loses its control
 * characters here, so that it can neither move a terminal's cursor nor begin a new log line.
 */
#include <hrun/judging.h>
#include <hrun/str.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

enum { QUOTE_MAX = 80, WHERE_MAX = 120, TEXT_MAX = 200 };

const char *quote(const struct finder *finder, const char *text)
{
	if (strlen(text) <= QUOTE_MAX)
		return pool_printf(finder->judged->pool, "\"%s\"", text);
	return pool_printf(finder->judged->pool, "\"%.*s...\"", QUOTE_MAX, text);
}

__attribute__((format(printf, 2, 0))) static const char *format_in(struct pool *pool, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	if (length < 0)
		length = 0;
	char *text = pool_alloc(pool, (size_t)length + 1);
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
	char *text = pool_strdup(pool, format_in(pool, format, args));
	struct finding *finding = pool_array_add(pool, finder->verdict->findings, finder->verdict->count);

	str_remove_controls(text);
	*finding = (struct finding){
		.rule = finder->rule,
		.action = action,
		.would = action,
		.where = where,
		.text = text,
		.value = value,
		.index = index,
	};
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

/* Each rule once: findings of one rule come together. */
static void add_not_judged(struct finder *finder)
{
	struct verdict *verdict = finder->verdict;

	if (verdict->not_judged_count && verdict->not_judged[verdict->not_judged_count - 1] == finder->rule)
		return;
	*pool_array_add(finder->judged->pool, verdict->not_judged, verdict->not_judged_count) = finder->rule;
}

void cannot_judge(struct finder *finder, const char *where, const char *format, ...)
{
	/* Nothing is repaired that was not seen. */
	enum action action = finder->action == ACTION_HARDEN ? ACTION_REFUSE : finder->action;
	va_list args;

	if (finder->judged->config_only) {
		add_not_judged(finder);
		return;
	}
	va_start(args, format);
	add(finder, action, 0, NULL, where, format, args);
	va_end(args);
}

void policy_judge(const struct judged *judged, const struct policy *policy, struct verdict *ret_verdict)
{
	struct judged looked_at = *judged;

	looked_at.policy = policy;
	looked_at.mounts = mount_look(judged);
	looked_at.namespaces = namespace_look(judged);
	*ret_verdict = (struct verdict){
		.level = policy->level,
		.mounts = looked_at.mounts,
		.mount_count = judged->config->mount_count,
		.namespaces = looked_at.namespaces,
		.namespace_count = looked_at.namespaces ? judged->config->linux_->namespace_count : 0,
	};
	for (int kind = 0; kind < HOOK_KINDS; kind++)
		ret_verdict->hooks[kind] = looked_at.hooks[kind] = hook_look(&looked_at, (enum hook_kind)kind);
	for (size_t i = 0; i < rule_count; i++) {
		struct finder finder = {
			.judged = &looked_at,
			.rule = &rules[i],
			.action = rules[i].action[policy->level],
			.verdict = ret_verdict,
		};
		if (finder.action != ACTION_NONE && rules[i].judge)
			rules[i].judge(&finder);
	}
}

void verdict_of_json_error(struct pool *pool, const struct policy *policy, const struct json_error *error,
			   struct verdict *ret_verdict)
{
	const struct judged judged = {.pool = pool};
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

bool verdict_judged_source(const struct verdict *verdict, const char *source, const struct stat *st)
{
	for (size_t i = 0; i < verdict->mount_count; i++) {
		const struct mount_look *look = &verdict->mounts[i];
		if (look->has_source && str_equal(look->source_path, source) && look->source.st_dev == st->st_dev &&
		    look->source.st_ino == st->st_ino)
			return true;
	}
	return false;
}

bool verdict_refuses(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == ACTION_REFUSE)
			return true;
	}
	return false;
}

/* The refusal that the line tells: the first of the most severe ones. */
static const struct finding *worst_refusal(const struct verdict *verdict, size_t *ret_refusing_rules)
{
	const struct finding *worst = NULL;
	const struct finding *last = NULL;

	*ret_refusing_rules = 0;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (finding->action != ACTION_REFUSE)
			continue;
		/* Findings stand in the order of the table, so those of one rule stand together. */
		*ret_refusing_rules += !last || finding->rule != last->rule;
		last = finding;
		if (!worst || finding->rule->severity > worst->rule->severity)
			worst = finding;
	}
	return worst;
}

/* At most MAX bytes of TEXT in printable ASCII: letters that fold to ASCII ones are a way around defuse(). */
static const char *ascii(struct pool *pool, const char *text, size_t max)
{
	struct json_out out = {.pool = pool};

	json_out_raw(&out, "");
	for (size_t i = 0; text[i]; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (i == max) {
			json_out_raw(&out, "...");
			break;
		}
		if (byte < 0x20 || byte >= 0x7f)
			json_out_printf(&out, "\\x%02x", byte);
		else
			json_out_raw(&out, (char[]){byte == '`' ? '\'' : (char)byte, '\0'});
	}
	return out.text;
}

/*
 * podman looks for these phrases in the line and then tells its user about a missing
 * command or file permissions, whoever wrote the words: a bundle's author could choose the error.
 */
static void defuse(char *line)
{
	static const char *const phrases[] = {
		"not found",
		"no such file",
		"permission denied",
		"operation not permitted",
		"executable path is empty",
		"open executable",
	};

	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
		for (char *hit; (hit = strcasestr(line, phrases[i]));) {
			for (size_t k = 0; k < strlen(phrases[i]); k++) {
				if (hit[k] == ' ')
					hit[k] = '_';
			}
		}
	}
}

/* "Add {...}." -> "add {...}": the remedy as the end of a line; what begins with an acronym stays. */
static const char *remedy_clause(struct pool *pool, const char *remedy)
{
	char *clause = pool_strdup(pool, remedy);
	size_t length = strlen(clause);

	if (length && clause[length - 1] == '.')
		clause[length - 1] = '\0';
	if (clause[0] >= 'A' && clause[0] <= 'Z' && !(clause[1] >= 'A' && clause[1] <= 'Z'))
		clause[0] = (char)(clause[0] - 'A' + 'a');
	return clause;
}

/* The readers' own texts end with a remedy where they know a better one than their rule. */
static bool has_remedy(const struct finding *finding)
{
	return !finding->rule->judge && strstr(finding->text, "; ");
}

const char *verdict_line(struct pool *pool, const struct verdict *verdict)
{
	size_t refusing;
	const struct finding *finding = worst_refusal(verdict, &refusing);

	if (!finding)
		return "";
	const char *where = ascii(pool, finding->where, WHERE_MAX);
	const char *remedy = has_remedy(finding) ? "" : remedy_clause(pool, finding->rule->remedy);
	char *line = pool_printf(pool, "baseline violation: %s: %s%s%s%s%s", finding->rule->id, where,
				 *where ? ": " : "", ascii(pool, finding->text, TEXT_MAX), *remedy ? "; " : "", remedy);
	if (refusing > 1)
		line = pool_printf(pool, "%s (and %zu more)", line, refusing - 1);
	defuse(line);
	return line;
}

void verdict_print(FILE *out, const struct verdict *verdict)
{
	static const char *const actions[] = {"none", "warn", "harden", "refuse"};
	struct pool pool = {0};

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		fprintf(out, "%-6s  %s  %s  %s\n", actions[finding->action], finding->rule->id,
			ascii(&pool, finding->where, WHERE_MAX), ascii(&pool, finding->text, TEXT_MAX));
	}
	pool_free(&pool);
}
