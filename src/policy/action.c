/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action.c - what the policy file makes of a rule, and of one of its findings.
 *
 * Everything here loosens, or asks for more than the level does; what refuses at every level is let through by
 * nothing, whatever the file says: it keeps documents away that attack hrun itself.
 */
#include <hrun/action.h>
#include <hrun/str.h>

/* What RULES allow the pause container at restricted; nothing else is different for it. */
static enum action pod_sandbox_action(const struct rule *rule, enum action action)
{
	static const struct {
		const char *rule;
		enum action action;
	} known[] = {
		{"caps-net-raw", ACTION_HARDEN},
		{"caps-not-minimal", ACTION_HARDEN},
		{"rootfs-writable", ACTION_HARDEN},
		{"memory-limit-missing", ACTION_NONE},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (str_equal(rule->id, known[i].rule) && (known[i].action != ACTION_HARDEN || rule->harden))
			return known[i].action;
	}
	return action;
}

static struct decision by_own_action(const struct rule *rule, enum action level_action, enum action own)
{
	/* What cannot be repaired is not let through unrepaired. */
	enum action action = own == ACTION_HARDEN && !rule->harden ? ACTION_REFUSE : own;

	if (action == level_action)
		return (struct decision){action, action, WHY_LEVEL};
	return (struct decision){action, action > level_action ? action : level_action, WHY_POLICY_RULE};
}

static struct decision at_level(const struct policy *policy, const struct rule *rule, enum level level,
				bool pod_sandbox)
{
	enum action action = rule->action[level];
	int own = policy->rule_actions ? policy->rule_actions[rule - rules] : POLICY_UNCHANGED;

	if (rule_refuses_always(rule))
		return (struct decision){action, action, WHY_LEVEL};
	/* Who names the rule knows better than who says how refusals go in general. */
	if (own != POLICY_UNCHANGED)
		return by_own_action(rule, action, (enum action)own);
	if (pod_sandbox && level == LEVEL_RESTRICTED && pod_sandbox_action(rule, action) != action)
		return (struct decision){pod_sandbox_action(rule, action), action, WHY_CRI_SANDBOX};
	if (action == ACTION_REFUSE && policy->harden_violations && rule->repair_is_asked)
		return (struct decision){ACTION_HARDEN, ACTION_REFUSE, WHY_ASKED_REPAIR};
	return (struct decision){action, action, WHY_LEVEL};
}

/*
 * images.require speaks of one rule, at every level.  It loosens with `off` only; where `rules` names the rule as well,
 * the stricter of both holds.
 */
static struct decision by_images(const struct policy *policy, const struct rule *rule, struct decision decision)
{
	static const enum action actions[] = {
		[IMAGES_OFF] = ACTION_NONE, [IMAGES_WARN] = ACTION_WARN, [IMAGES_SIGNED] = ACTION_REFUSE};
	bool is_named = policy->rule_actions && policy->rule_actions[rule - rules] != POLICY_UNCHANGED;

	if (policy->images.require == IMAGES_UNSAID || !str_equal(rule->id, "image-signature-missing"))
		return decision;
	enum action action = actions[policy->images.require];
#ifdef HRUN_MUTANT_IMAGES_REQUIRE
	return decision;
#endif
	if (is_named && decision.action >= action)
		return decision;
	return (struct decision){action, action > decision.would ? action : decision.would, WHY_POLICY_RULE};
}

struct decision policy_decide(const struct policy *policy, const struct rule *rule, bool pod_sandbox)
{
	struct decision decision = at_level(policy, rule, policy->level, pod_sandbox);

	decision = by_images(policy, rule, decision);
	if (policy->warn_level == LEVELS || policy->warn_level <= policy->level)
		return decision;
	struct decision of_warn_level = at_level(policy, rule, policy->warn_level, pod_sandbox);
	enum action stricter = by_images(policy, rule, of_warn_level).action;
	if (stricter <= decision.action)
		return decision;
	/* A repair is made all the same; of what the level lets pass, the reader is warned, and no more. */
	enum action action = decision.action == ACTION_NONE ? ACTION_WARN : decision.action;
#ifdef HRUN_MUTANT_WARN_LEVEL
	action = stricter;
#endif
	return (struct decision){action, stricter, WHY_WARN_LEVEL};
}

/* ---- a finding ---- */

/* What hrun is called with and which images are run is no matter of getting used to the rules. */
static bool audit_covers(const struct policy *policy, const struct rule *rule)
{
#ifdef HRUN_MUTANT_AUDIT_SCOPE
	return policy->audit;
#endif
	return policy->audit && rule->action[LEVEL_PRIVILEGED] == ACTION_NONE && rule->chapter != CHAPTER_INVOCATION &&
	       rule->chapter != CHAPTER_IMAGE;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	/* A star that took too little takes one more; only the last one has to, so no input takes exponential time. */
	while (*text) {
		bool quoted = *pattern == '\\' && pattern[1] && strchr("*?\\", pattern[1]);
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (quoted ? pattern[1] == *text : (*pattern == '?' || *pattern == *text)) {
			pattern += 1 + quoted;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static bool is_over(const struct waiver *waiver)
{
#ifdef HRUN_MUTANT_WAIVER_ENDED
	return false;
#endif
	return waiver->days_left < 0;
}

/* One that is over tells the reader why the rule is back. */
static void apply_waiver(struct finder *finder, struct finding *finding)
{
	const struct waiver *waiver = waiver_of(finder, finding);

	if (!waiver)
		return;
	if (is_over(waiver)) {
		finding->text = pool_printf(finder->judged->pool, "%s (its waiver ended on %s)", finding->text,
					    waiver->expires);
		return;
	}
	finding->action = ACTION_WARN;
	finding->why = WHY_WAIVED;
	finding->waiver = waiver;
}

void finding_settle(struct finder *finder, struct finding *finding)
{
	const struct policy *policy = finder->judged->policy;
	/* A repair that the level or the rule's own entry wants, and that cannot be made, is refused in an audit as well. */
	bool is_refusal = finder->action == ACTION_REFUSE || finder->why == WHY_ASKED_REPAIR;

#ifdef HRUN_MUTANT_AUDIT_UNREPAIRED
	is_refusal = true;
#endif
	if (rule_refuses_always(finder->rule))
		return;
	if (finding->action == ACTION_REFUSE && is_refusal && audit_covers(policy, finder->rule)) {
		finding->action = ACTION_WARN;
		finding->why = WHY_AUDIT;
	}
	apply_waiver(finder, finding);
}
