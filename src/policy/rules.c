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

/* A policy file may hold a thousand ids: a table with room, and the next place where one is taken. */
enum { SLOTS = 1024 };
static const struct rule *slots[SLOTS];

static size_t slot_of(const char *id)
{
	size_t slot = str_hash(0, id, strlen(id)) % SLOTS;

	while (slots[slot] && !str_equal(slots[slot]->id, id))
		slot = (slot + 1) % SLOTS;
	return slot;
}

const struct rule *rule_by_id(const char *id)
{
	static bool filled;

	_Static_assert(sizeof rules / sizeof rules[0] < SLOTS / 2, "the table has room");
	for (size_t i = 0; i < rule_count && !filled; i++)
		slots[slot_of(rules[i].id)] = &rules[i];
	filled = true;
	return slots[slot_of(id)];
}

bool rule_refuses_always(const struct rule *rule)
{
#ifdef HRUN_MUTANT_POLICY_ALWAYS
	return false;
#endif
	return rule->action[LEVEL_PRIVILEGED] == ACTION_REFUSE;
}

bool rule_has_repair(const struct rule *rule)
{
	bool hardens = rule->harden != NULL;

	for (int level = 0; level < LEVELS; level++)
		hardens = hardens || rule->action[level] == ACTION_HARDEN;
	return hardens;
}
