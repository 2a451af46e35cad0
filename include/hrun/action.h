/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action.h - what the policy file makes of a rule, and of one of its findings.
 *
 * level -> rules -> onViolation (and the pod sandbox's carve-out) -> warnLevel, for a rule;
 * mode audit -> waivers, for a finding.  A rule that refuses at every level is touched by none of them.
 */
#ifndef HRUN_ACTION_H
#define HRUN_ACTION_H

#include <hrun/rules.h>

struct decision {
	enum action action, would;
	enum why why;
};
/* What is done about a finding of RULE; ACTION_NONE: the rule need not be asked. */
struct decision policy_decide(const struct policy *policy, const struct rule *rule, bool pod_sandbox);

/* Mode audit and the waivers, on a new finding. */
void finding_settle(struct finder *finder, struct finding *finding);

/*
 * The waiver that FINDING has, of FINDER's rule: of several the one that holds longest, which may be over; NULL: none.
 */
const struct waiver *waiver_of(struct finder *finder, const struct finding *finding);

/* Is it a pause container of the kubelet, by policy and by what it is? */
bool judged_is_pod_sandbox(const struct judged *judged);

/* Does TEXT match the glob PATTERN: `*` any characters, also '/', `?` any one, and with a backslash before just itself? */
bool glob_match(const char *pattern, const char *text);

/*
 * drop.capabilities: JUDGED's process without them, as its rules see it and as policy_harden will make it, with a
 * hardening for each in VERDICT.
 */
void policy_drop_capabilities(struct judged *judged, struct verdict *verdict);
/* Take the capabilities of BITS from every set; the lists are new ones. */
void process_drop_capabilities(struct pool *pool, struct config_process *process, uint64_t bits);

#endif
