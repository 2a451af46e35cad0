/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - the table of rules, made from rules.def.
 */
#include <hrun/rules.h>
#include <hrun/str.h>

#define RULE_ROW(id_, severity_, p, b, r, judge_, harden_, title_, remedy_, references_) \
	{                                                                                \
		.id = (id_),                                                             \
		.severity = SEVERITY_##severity_,                                        \
		.action = {[LEVEL_PRIVILEGED] = ACTION_##p,                              \
			   [LEVEL_BASELINE] = ACTION_##b,                                \
			   [LEVEL_RESTRICTED] = ACTION_##r},                             \
		.title = (title_),                                                       \
		.remedy = (remedy_),                                                     \
		.references = (references_),                                             \
		.judge = (judge_),                                                       \
		.harden = (harden_),                                                     \
	},
#define RULE_READ(id, severity, p, b, r, ...) RULE_ROW(id, severity, p, b, r, NULL, NULL, __VA_ARGS__)
#define RULE(id, severity, p, b, r, judge, ...) RULE_ROW(id, severity, p, b, r, judge, NULL, __VA_ARGS__)
#define RULE_HARDEN(id, severity, p, b, r, judge, harden, ...) \
	RULE_ROW(id, severity, p, b, r, judge, harden, __VA_ARGS__)

const struct rule rules[] = {
#include <hrun/rules.def>
};

const size_t rule_count = sizeof rules / sizeof rules[0];

const struct rule *rule_by_id(const char *id)
{
	for (size_t i = 0; i < rule_count; i++) {
		if (str_equal(rules[i].id, id))
			return &rules[i];
	}
	return NULL;
}
