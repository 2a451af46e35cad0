/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - the table of rules (rules.def), and what its predicates are made with;
 * one file of predicates a chapter (rules_mounts.c ...).
 */
#ifndef HRUN_RULES_H
#define HRUN_RULES_H

#include <hrun/verdict.h>

/* What a predicate reports through: one call a finding. */
struct finder {
	const struct judged *judged;
	const struct rule *rule;
	enum action action; /* what is done about a finding where no waiver says otherwise */
	enum action would;
	enum why why;
	struct verdict *verdict;
	/* the one that holds for every finding of the rule, or NULL; looked up by the first finding */
	const struct waiver *waiver;
	bool has_waiver;
};
void find(struct finder *finder, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* As find; VALUE is what a waiver's match.value must equal (a capability's name, a mount's real source, a number). */
void find_value(struct finder *finder, const char *value, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * The rule cannot look at WHERE's real object: a finding with the rule's own action that says so (fail closed); for a
 * bare config (judged->config_only) the rule is listed in verdict->not_judged instead.
 */
void cannot_judge(struct finder *finder, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As find, of what no repair is known for: refused where the action is to harden, in mode audit as well. */
void find_unrepairable(struct finder *finder, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * As find, of what this host has no repair for: the hardening of a level becomes a warning, one that the policy file asks for
 * by name a refusal.
 */
void find_without_means(struct finder *finder, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As find_value (VALUE may be NULL), for element INDEX of the list that the rule judges: its repair gets the number back. */
void find_item(struct finder *finder, size_t index, const char *value, const char *where, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* As find, with what the rule's repair is to use (finding->choice): it is drawn once, when it is judged. */
void find_chosen(struct finder *finder, const void *choice, const char *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* TEXT of the config in double quotes, cut where it is long, for a finding. */
const char *quote(const struct finder *finder, const char *text);
/* "linux.mounts[7].options", from the pool. */
const char *at(const struct finder *finder, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* linux.sysctl["a.b"]: the place of a map's member in json_where's form. */
const char *at_key(const struct finder *finder, const char *map, const char *key);

enum chapter {
#define CHAPTER(name, title) CHAPTER_##name,
#define RULE_READ(...)
#define RULE(...)
#define RULE_HARDEN(...)
#define RULE_ASKED(...)
#include <hrun/rules.def>
	CHAPTERS
};
/* "Seccomp": the heading of a chapter in the documents. */
const char *chapter_title(enum chapter chapter);

struct rule {
	const char *id;
	enum chapter chapter;
	enum severity severity;
	enum action action[LEVELS];
	bool repair_is_asked;	/* the policy file may ask for the repair; no level does so by itself */
	const char *title;	/* what it stops, half a sentence */
	const char *remedy;	/* what to do, one imperative sentence */
	const char *references; /* "CVE-2024-21626; CWE-403" */
	/* Calls find() for each hit.  NULL: found while reading (section A). */
	void (*judge)(struct finder *finder);
	/* Repairs what FINDING says in *config (a private copy); NULL where nothing has to change, or nothing can. */
	void (*harden)(struct pool *pool, struct config *config, const struct finding *finding);
};

extern const struct rule rules[];
extern const size_t rule_count;

/* NULL where there is no such rule. */
const struct rule *rule_by_id(const char *id);
/* No policy file can lift it. */
bool rule_refuses_always(const struct rule *rule);
/* Can `harden` be said of it? */
bool rule_has_repair(const struct rule *rule);

/* Every predicate and repair that rules.def names. */
#define RULE_READ(...)
#define RULE(id, severity, p, b, r, judge, ...) void judge(struct finder *finder);
#define RULE_HARDEN(id, severity, p, b, r, judge, harden, ...) \
	void judge(struct finder *finder);                     \
	void harden(struct pool *pool, struct config *config, const struct finding *finding);
#define RULE_ASKED(...) RULE_HARDEN(__VA_ARGS__)
#include <hrun/rules.def>

#endif
