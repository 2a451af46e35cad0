/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe_creds.c - who the program is, in words.
 */
#include <hrun/planning.h>
#include <hrun/str.h>

static const char *groups_text(struct pool *pool, const struct creds_plan *creds)
{
	const char *text = creds->group_count ? "groups" : "no further groups";

	for (size_t i = 0; i < creds->group_count; i++)
		text = pool_printf(pool, "%s %u", text, creds->groups[i]);
	return text;
}

static const char *caps_text(struct pool *pool, uint64_t bits)
{
	const char *text = "";

	for (int i = 0; i < 64; i++) {
		if (bits & UINT64_C(1) << i)
			text = pool_printf(pool, "%s%s%s", text, *text ? " " : "",
					   plan_capability_name(i) + strlen("CAP_"));
	}
	return *text ? text : "none";
}

static void add_caps(struct pool *pool, const struct creds_plan *creds, struct plan_lines *lines)
{
	static const char *const sets[CAPS_SETS] = {"bounding", "permitted", "effective", "inheritable", "ambient"};
	const char *where = creds->caps_where ? creds->caps_where : "process.capabilities";
	uint64_t all = 0;

	for (enum capability_set set = 0; set < CAPS_SETS; set++)
		all |= creds->caps[set];
	if (!all) {
		plan_line_add(pool, lines, "creds", "caps", where, "none");
		return;
	}
	for (enum capability_set set = 0; set < CAPS_SETS; set++)
		plan_line_add(pool, lines, "creds", "caps", where, "%s: %s", sets[set],
			      caps_text(pool, creds->caps[set]));
}

static const char *limit_text(struct pool *pool, rlim_t value)
{
	return value == RLIM_INFINITY ? "unlimited" : pool_printf(pool, "%llu", (unsigned long long)value);
}

static void add_rlimits(struct pool *pool, const struct creds_plan *creds, struct plan_lines *lines)
{
	for (size_t i = 0; i < creds->rlimit_count; i++) {
		const struct rlimit_step *limit = &creds->rlimits[i];
		plan_line_add(pool, lines, "creds", "rlimit", pool_printf(pool, "process.rlimits[%zu]", i),
			      "%s soft %s hard %s", limit->name, limit_text(pool, limit->limit.rlim_cur),
			      limit_text(pool, limit->limit.rlim_max));
	}
}

static void add_scheduling(struct pool *pool, const struct scheduling_plan *s, struct plan_lines *lines)
{
	if (s->has_scheduler)
		plan_line_add(pool, lines, "creds", "sched", "process.scheduler",
			      "%s nice %d priority %u flags %#llx runtime %llu deadline %llu period %llu",
			      s->policy_name, s->nice, s->priority, (unsigned long long)s->flags,
			      (unsigned long long)s->runtime, (unsigned long long)s->deadline,
			      (unsigned long long)s->period);
	if (s->io_class)
		plan_line_add(pool, lines, "creds", "ioprio", "process.ioPriority", "%s %u", s->io_class_name,
			      s->io_level);
	if (s->memory_text)
		plan_line_add(pool, lines, "creds", "memory", "linux.memoryPolicy", "%s", s->memory_text);
	if (s->domain_name)
		plan_line_add(pool, lines, "creds", "domain", "linux.personality", "%s", s->domain_name);
}

void plan_describe_creds(struct pool *pool, const struct plan *plan, struct plan_lines *lines)
{
	const struct creds_plan *creds = &plan->creds;

	if (creds->has_oom_score_adj)
		plan_line_add(pool, lines, "creds", "oom", "process.oomScoreAdj", "oom_score_adj %d",
			      creds->oom_score_adj);
	add_rlimits(pool, creds, lines);
	add_scheduling(pool, &plan->scheduling, lines);
	plan_line_add(pool, lines, "creds", "keyring", "",
		      creds->new_keyring ? "a new session keyring" : "the caller's session keyring");
	if (creds->selinux_label)
		plan_line_add(pool, lines, "creds", "selinux", creds->selinux_where, "%s",
			      plan_quote(pool, creds->selinux_label));
	if (creds->apparmor_profile)
		plan_line_add(pool, lines, "creds", "apparmor", creds->apparmor_where, "%s",
			      plan_quote(pool, creds->apparmor_profile));
	plan_line_add(pool, lines, "creds", "user", "process.user", "uid %u gid %u, %s, umask 0%03o", creds->uid,
		      creds->gid, groups_text(pool, creds), creds->umask);
	add_caps(pool, creds, lines);
	const char *where = str_starts(creds->where, "(") ? creds->where : "process.noNewPrivileges";
	plan_line_add(pool, lines, "creds", "privs", where,
		      creds->no_new_privs ? "no_new_privs" : "setuid programs may raise privileges");
}
