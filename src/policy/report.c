/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - what every form of a report needs: words, places, the score.
 */
#include <hrun/json_edit.h>
#include <hrun/report.h>
#include <string.h>

const char *action_name(enum action action)
{
	static const char *const names[] = {"none", "warn", "harden", "refuse"};

	return names[action];
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};

	return names[severity];
}

/* Harden stands above warn in the enum, and so it does here: a hardened config is not the one that was written. */
const char *verdict_word(const struct verdict *verdict)
{
	enum action worst = ACTION_NONE;

	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action > worst)
			worst = verdict->findings[i].action;
	}
	return worst == ACTION_NONE ? "pass" : action_name(worst);
}

void verdict_locate(struct pool *pool, struct verdict *verdict, const struct json *tree)
{
	struct json_cursor cursor[JSON_MAX_DEPTH] = {{NULL, NULL}};

	for (size_t i = 0; i < verdict->count; i++) {
		struct finding *finding = &verdict->findings[i];
		const char *pointer = json_pointer_of_where(pool, finding->where);
		const struct json *value = json_nearest(pool, tree, pointer, cursor);
		finding->line = value->line;
		finding->column = value->column;
	}
}

const char *printable(struct pool *pool, const char *text, size_t max)
{
	struct json_out out = {.pool = pool};

	json_out_raw(&out, "");
	for (size_t i = 0; i < max && text[i]; i++) {
		unsigned char byte = (unsigned char)text[i];
#ifndef HRUN_MUTANT_PRINTABLE
		if (byte < 0x20 || byte >= 0x7f)
			json_out_printf(&out, "\\x%02x", byte);
		else
#endif
			json_out_raw(&out, (char[]){(char)byte, '\0'});
	}
	if (strnlen(text, max + 1) > max)
		json_out_raw(&out, "...");
	return out.text;
}

static bool hardens(const struct verdict *verdict, const struct rule *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].rule == rule && verdict->findings[i].action == ACTION_HARDEN)
			return true;
	}
	return false;
}

void score_of(const struct verdict *strictest, const struct verdict *verdict, struct score *ret_score)
{
	static const double weights[] = {
		[SEVERITY_LOW] = 0.03, [SEVERITY_MEDIUM] = 0.1, [SEVERITY_HIGH] = 0.3, [SEVERITY_CRITICAL] = 0.5};
	double closed = 1, chapter[CHAPTERS];

	*ret_score = (struct score){.total = 0};
	for (int i = 0; i < CHAPTERS; i++)
		chapter[i] = 1;
	for (size_t i = 0; i < strictest->count; i++) {
		const struct rule *rule = strictest->findings[i].rule;
		/* Findings of one rule stand together. */
		if ((i > 0 && strictest->findings[i - 1].rule == rule) || hardens(verdict, rule))
			continue;
		closed *= 1 - weights[rule->severity];
		chapter[rule->chapter] *= 1 - weights[rule->severity];
		ret_score->chapter[rule->chapter].rules++;
	}
	ret_score->total = 10 * (1 - closed);
	for (int i = 0; i < CHAPTERS; i++)
		ret_score->chapter[i].value = 10 * (1 - chapter[i]);
}
