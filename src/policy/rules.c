/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - the table of rules, made from rules.def.
 */
#include <hrun/rules.h>
#include <hrun/str.h>

#define RULE_ROW(id_, severity_, p, b, r, judge_, harden_, asked_, title_, remedy_, references_) \
	{                                                                                        \
		.id = (id_),                                                                     \
		.chapter = RULE_CHAPTER,                                                         \
		.severity = SEVERITY_##severity_,                                                \
		.action = {[LEVEL_PRIVILEGED] = ACTION_##p,                                      \
			   [LEVEL_BASELINE] = ACTION_##b,                                        \
			   [LEVEL_RESTRICTED] = ACTION_##r},                                     \
		.title = (title_),                                                               \
		.remedy = (remedy_),                                                             \
		.references = (references_),                                                     \
		.repair_is_asked = (asked_),                                                     \
		.judge = (judge_),                                                               \
		.harden = (harden_),                                                             \
	},
#define RULE_READ(id, severity, p, b, r, ...) RULE_ROW(id, severity, p, b, r, NULL, NULL, false, __VA_ARGS__)
#define RULE(id, severity, p, b, r, judge, ...) RULE_ROW(id, severity, p, b, r, judge, NULL, false, __VA_ARGS__)
#define RULE_HARDEN(id, severity, p, b, r, judge, harden, ...) \
	RULE_ROW(id, severity, p, b, r, judge, harden, false, __VA_ARGS__)
#define RULE_ASKED(id, severity, p, b, r, judge, harden, ...) \
	RULE_ROW(id, severity, p, b, r, judge, harden, true, __VA_ARGS__)

const struct rule rules[] = {
#include <hrun/rules.def>
};

const size_t rule_count = sizeof rules / sizeof rules[0];

const char *chapter_title(enum chapter chapter)
{
	static const char *const titles[] = {
#define CHAPTER(name, title) [CHAPTER_##name] = (title),
#define RULE_READ(...)
#define RULE(...)
#define RULE_HARDEN(...)
#define RULE_ASKED(...)
#include <hrun/rules.def>
	};

	return titles[chapter];
}

const struct rule *rule_by_id(const char *id)
{
	for (size_t i = 0; i < rule_count; i++) {
		if (str_equal(rules[i].id, id))
			return &rules[i];
	}
	return NULL;
}
