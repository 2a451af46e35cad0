/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_read.c - the policy file's bytes to struct policy, by tables.
 *
 * Whoever writes this file decides about walls, so nothing in it is guessed or passed over: an unknown member, a null,
 * another type or a value out of range makes the whole file invalid, and the line is told.
 */
#include <hrun/policy_read.h>
#include <hrun/rules.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <hrun/utc.h>

#define READ_WORD(r, value, words) policy_read_word((r), (value), (words), sizeof(words) / sizeof(words)[0])

/* ---- the members of the file; PLACE is NULL: they go to r->policy ---- */

static int read_format(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return str_equal(value->text, "1") ? 0 : policy_refuse(r, value, "must be 1");
}

static int read_rule_set(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	if (!str_equal(value->text, POLICY_RULE_SET))
		return policy_refuse(r, value, "must be a rule set of this version: \"" POLICY_RULE_SET "\"");
	r->policy->rule_set = POLICY_RULE_SET;
	return 0;
}

static int read_level(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"privileged", "baseline", "restricted"};
	int level = READ_WORD(r, value, words);

	(void)place;
	TRY(level);
	r->policy->level = (enum level)level;
	return 0;
}

static int read_warn_level(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"baseline", "restricted"};
	int level = READ_WORD(r, value, words);

	(void)place;
	TRY(level);
	r->policy->warn_level = (enum level)(LEVEL_BASELINE + level);
	return 0;
}

static int read_mode(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"enforce", "audit"};
	int mode = READ_WORD(r, value, words);

	(void)place;
	TRY(mode);
	r->policy->audit = mode == 1;
	return 0;
}

static int read_audit_until(struct policy_reader *r, const struct json *value, void *place)
{
	int64_t days;

	(void)place;
	if (utc_days_of_date(value->text, &days) < 0)
		return policy_refuse(r, value, "must be a date of the calendar, as 2027-03-31");
#ifndef HRUN_MUTANT_AUDIT_FOR_EVER
	if (days - r->today > POLICY_MAX_DAYS)
		return policy_refuse(r, value, "is more than a year ahead (%d days)", POLICY_MAX_DAYS);
#endif
	r->policy->audit_until = value->text;
	return 0;
}

static int read_on_violation(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"refuse", "harden"};
	int what = READ_WORD(r, value, words);

	(void)place;
	TRY(what);
	r->policy->harden_violations = what == 1;
	return 0;
}

static int read_cri_sandbox(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	r->policy->cri_sandbox = value->boolean;
	return 0;
}

static int read_action(struct policy_reader *r, const struct json *value, signed char *actions)
{
	static const char *const words[] = {"off", "warn", "harden", "refuse"}; /* in the order of enum action */
	const struct rule *rule = policy_rule(r, value, value->key);

	if (!rule)
		return -EINVAL;
	TRY(policy_expect(r, value, JSON_STRING));
	int action = READ_WORD(r, value, words);
	TRY(action);
#ifndef HRUN_MUTANT_NEVER_WAIVED
	if (rule_refuses_always(rule) && action != ACTION_REFUSE)
		return policy_refuse(r, value, "cannot be loosened: the rule refuses at every level");
#endif
	if (action == ACTION_HARDEN && !rule_has_repair(rule))
		return policy_refuse(r, value, "cannot be harden: the rule knows no repair; say refuse or warn");
	actions[rule - rules] = (signed char)action;
	return 0;
}

static int read_rules(struct policy_reader *r, const struct json *value, void *place)
{
	signed char *actions = pool_alloc(r->pool, rule_count);

	(void)place;
	memset(actions, POLICY_UNCHANGED, rule_count);
	for (const struct json *member = value->first; member; member = member->next)
		TRY(read_action(r, member, actions));
	r->policy->rule_actions = value->first ? actions : NULL;
	return 0;
}

static int read_profile(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	if (policy_profile_rank(value->text) == -2)
		return policy_refuse(r, value, "must be a built-in profile: default, strict or compat-x86");
	r->policy->defaults.seccomp_profile = value->text;
	return 0;
}

static int read_pids_limit(struct policy_reader *r, const struct json *value, void *place)
{
	enum { KERNEL_MAX = 1 << 22 }; /* pids.max takes no more */

	(void)place;
	return policy_read_integer(r, value, 1, KERNEL_MAX, &r->policy->defaults.pids_limit);
}

static int read_memory_limit(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return policy_read_integer(r, value, 1, INT64_MAX, &r->policy->defaults.memory_limit);
}

static int read_hook_timeout(struct policy_reader *r, const struct json *value, void *place)
{
	enum { DAY = 86400 };

	(void)place;
	return policy_read_integer(r, value, 1, DAY, &r->policy->defaults.hook_timeout);
}

static int read_defaults(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"seccompProfile", JSON_STRING, false, read_profile},
		{"pidsLimit", JSON_NUMBER, false, read_pids_limit},
		{"memoryLimitBytes", JSON_NUMBER, false, read_memory_limit},
		{"hookTimeoutSeconds", JSON_NUMBER, false, read_hook_timeout},
	};

	return POLICY_READ_OBJECT(r, value, rows, place);
}

static int read_config_bytes(struct policy_reader *r, const struct json *value, void *place)
{
	int64_t bytes = 0;

	(void)place;
	TRY(policy_read_integer(r, value, 1, POLICY_CONFIG_BYTES_MAX, &bytes));
	r->policy->config_bytes = (size_t)bytes;
	return 0;
}

static int read_limits(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {{"configBytes", JSON_NUMBER, false, read_config_bytes}};

	return POLICY_READ_OBJECT(r, value, rows, place);
}

#define ENGINE(function, member)                                                                     \
	static int function(struct policy_reader *r, const struct json *value, void *place)          \
	{                                                                                            \
		(void)place;                                                                         \
		return policy_read_strings(r, value, policy_check_path, &r->policy->engines.member); \
	}
ENGINE(read_containers_storage, containers_storage)
ENGINE(read_containerd, containerd)
ENGINE(read_docker, docker)
ENGINE(read_kubelet, kubelet)
ENGINE(read_other, other)

static int read_engines(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"containersStorage", JSON_ARRAY, false, read_containers_storage},
		{"containerd", JSON_ARRAY, false, read_containerd},
		{"docker", JSON_ARRAY, false, read_docker},
		{"kubelet", JSON_ARRAY, false, read_kubelet},
		{"other", JSON_ARRAY, false, read_other},
	};

	return POLICY_READ_OBJECT(r, value, rows, place);
}

static const struct policy_row members[POLICY_MEMBERS] = {
	[POLICY_FORMAT] = {"format", JSON_NUMBER, false, read_format},
	[POLICY_RULE_SET_PIN] = {"ruleSet", JSON_STRING, false, read_rule_set},
	[POLICY_LEVEL] = {"level", JSON_STRING, false, read_level},
	[POLICY_WARN_LEVEL] = {"warnLevel", JSON_STRING, false, read_warn_level},
	[POLICY_MODE] = {"mode", JSON_STRING, false, read_mode},
	[POLICY_AUDIT_UNTIL] = {"auditUntil", JSON_STRING, false, read_audit_until},
	[POLICY_ON_VIOLATION] = {"onViolation", JSON_STRING, false, read_on_violation},
	[POLICY_CRI_SANDBOX] = {"criSandbox", JSON_BOOLEAN, false, read_cri_sandbox},
	[POLICY_RULES] = {"rules", JSON_OBJECT, false, read_rules},
	[POLICY_ALLOW] = {"allow", JSON_OBJECT, false, policy_read_allow},
	[POLICY_DROP] = {"drop", JSON_OBJECT, false, policy_read_drop},
	[POLICY_DEFAULTS] = {"defaults", JSON_OBJECT, false, read_defaults},
	[POLICY_LIMITS] = {"limits", JSON_OBJECT, false, read_limits},
	[POLICY_ENGINES] = {"engines", JSON_OBJECT, false, read_engines},
	[POLICY_IMAGES] = {"images", JSON_OBJECT, false, policy_read_images},
	[POLICY_WAIVERS] = {"waivers", JSON_ARRAY, false, policy_read_waivers},
};

const char *policy_member_name(enum policy_member member)
{
	return members[member].name;
}

/* What two members say together. */
static int check_together(struct policy_reader *r, const struct json *tree)
{
	struct policy *policy = r->policy;
	int64_t last = 0;

	if (policy->warn_level != LEVELS && policy->warn_level <= policy->level)
		return policy_refuse(r, json_at(tree, "warnLevel"), "must be stricter than the level, which is %s",
				     policy_level_name(policy->level));
	if (!policy->audit)
		return 0;
	if (!policy->audit_until)
		return policy_refuse(r, json_at(tree, "mode"), "audit needs `auditUntil`, its last day");
	/* It was read as a date before. */
	policy->audit = utc_days_of_date(policy->audit_until, &last) == 0 && r->today <= last;
	return 0;
}

static void note_given(const struct json *tree, struct policy *policy)
{
	for (const struct json *member = tree->first; member; member = member->next)
		policy->given |= UINT32_C(1) << policy_row_of(members, POLICY_MEMBERS, member->key);
}

const char *policy_digest(struct pool *pool, const struct policy_source *source)
{
	char text[2 * SHA256_SIZE + 1] = "";
	unsigned char binary[SHA256_SIZE];
	struct sha256 hash;

	if (source->bytes) {
		sha256_init(&hash);
		sha256_add(&hash, source->bytes, source->size);
		sha256_end(&hash, binary);
		sha256_hex(binary, text);
	}
	return pool_strdup(pool, text);
}

int policy_read(struct pool *pool, const char *bytes, size_t size, bool own_class, int64_t today, struct policy *policy,
		struct err *e)
{
	struct policy_reader r = {.pool = pool, .policy = policy, .own_class = own_class, .today = today, .e = e};
	const struct json *tree;
	struct json_error error;

	policy->source = (struct policy_source){bytes, size};
	if (json_read(pool, bytes, size, POLICY_MAX_SIZE, &tree, &error) < 0)
		return err_set(e, EINVAL, "policy: `%s`, line %u, column %u: %s", policy->path, error.line,
			       error.column, error.text);
	TRY(POLICY_READ_OBJECT(&r, tree, members, NULL));
	TRY(check_together(&r, tree));
	note_given(tree, policy);
	return 0;
}
