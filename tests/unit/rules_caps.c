/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_caps.c - each capability is judged by exactly one rule, the policy file allows by name, and a repair takes a
 * name out of every set and leaves the rest.
 */
#include "check.h"

#include <hrun/judging.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <linux/capability.h>

/* The rule that a capability of one's own, in all three ordinary sets, belongs to; NULL: none. */
static const struct {
	const char *name, *rule;
} expected[] = {
	{"CAP_CHOWN", "caps-not-minimal"},
	{"CAP_DAC_OVERRIDE", "caps-not-minimal"},
	{"CAP_DAC_READ_SEARCH", "caps-dangerous"},
	{"CAP_FOWNER", "caps-not-minimal"},
	{"CAP_FSETID", "caps-not-minimal"},
	{"CAP_KILL", "caps-not-minimal"},
	{"CAP_SETGID", "caps-not-minimal"},
	{"CAP_SETUID", "caps-not-minimal"},
	{"CAP_SETPCAP", "caps-not-minimal"},
	{"CAP_LINUX_IMMUTABLE", "caps-not-default"},
	{"CAP_NET_BIND_SERVICE", NULL},
	{"CAP_NET_BROADCAST", "caps-not-default"},
	{"CAP_NET_ADMIN", "caps-dangerous"},
	{"CAP_NET_RAW", "caps-net-raw"},
	{"CAP_IPC_LOCK", "caps-not-default"},
	{"CAP_IPC_OWNER", "caps-not-default"},
	{"CAP_SYS_MODULE", "caps-dangerous"},
	{"CAP_SYS_RAWIO", "caps-dangerous"},
	{"CAP_SYS_CHROOT", "caps-not-minimal"},
	{"CAP_SYS_PTRACE", "caps-dangerous"},
	{"CAP_SYS_PACCT", "caps-not-default"},
	{"CAP_SYS_ADMIN", "caps-dangerous"},
	{"CAP_SYS_BOOT", "caps-dangerous"},
	{"CAP_SYS_NICE", "caps-not-default"},
	{"CAP_SYS_RESOURCE", "caps-dangerous"},
	{"CAP_SYS_TIME", "caps-dangerous"},
	{"CAP_SYS_TTY_CONFIG", "caps-not-default"},
	{"CAP_MKNOD", "caps-not-minimal"},
	{"CAP_LEASE", "caps-not-default"},
	{"CAP_AUDIT_WRITE", "caps-not-minimal"},
	{"CAP_AUDIT_CONTROL", "caps-dangerous"},
	{"CAP_SETFCAP", "caps-not-minimal"},
	{"CAP_MAC_OVERRIDE", "caps-dangerous"},
	{"CAP_MAC_ADMIN", "caps-dangerous"},
	{"CAP_SYSLOG", "caps-dangerous"},
	{"CAP_WAKE_ALARM", "caps-not-default"},
	{"CAP_BLOCK_SUSPEND", "caps-not-default"},
	{"CAP_AUDIT_READ", "caps-not-default"},
	{"CAP_PERFMON", "caps-dangerous"},
	{"CAP_BPF", "caps-dangerous"},
	{"CAP_CHECKPOINT_RESTORE", "caps-dangerous"},
};

static struct string_list list_of(const char **items)
{
	struct string_list list = {.item = items, .present = true};

	while (items[list.count])
		list.count++;
	return list;
}

/* The findings of one rule, in a verdict of its own. */
static struct verdict judge(struct pool *pool, const char *id, const struct config *config, const struct policy *policy,
			    enum action action)
{
	const struct judged judged = {.pool = pool,
				      .config = config,
				      .process = config->process,
				      .policy = policy,
				      .capabilities = capability_look(config->process)};
	struct verdict verdict = {0};
	struct finder finder = {.judged = &judged, .rule = rule_by_id(id), .action = action, .verdict = &verdict};

	finder.rule->judge(&finder);
	return verdict;
}

static size_t count(const char *id, const struct config *config, const struct policy *policy)
{
	struct pool pool = {0};
	size_t found = judge(&pool, id, config, policy, ACTION_REFUSE).count;

	pool_free(&pool);
	return found;
}

static void test_each(void)
{
	static const char *const ids[] = {"caps-dangerous", "caps-not-default", "caps-net-raw", "caps-not-minimal"};

	CHECK(sizeof expected / sizeof expected[0] == CAP_LAST_CAP + 1);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const char *names[] = {expected[i].name, expected[i].name, NULL};
		struct config_process process = {.has_capabilities = true};
		struct config config = {.process = &process};
		for (int set = 0; set < CAPS_SETS; set++)
			process.capabilities[set] = list_of(names);
		for (size_t k = 0; k < sizeof ids / sizeof ids[0]; k++) {
			struct policy policy = policy_default();
			size_t wanted = expected[i].rule && str_equal(expected[i].rule, ids[k]);
			CHECK(count(ids[k], &config, &policy) == wanted, "%s %s", names[0], ids[k]);
			policy.allow.capabilities = ~(UINT64_C(1) << i);
			CHECK(count(ids[k], &config, &policy) == wanted, "%s %s, others allowed", names[0], ids[k]);
			policy.allow.capabilities = UINT64_C(1) << i;
			CHECK(count(ids[k], &config, &policy) == 0, "%s %s, allowed", names[0], ids[k]);
		}
	}
}

/* The config after the repairs of what ID found, as if the policy file had asked for them. */
static struct config_process *repaired(struct pool *pool, const char *id, struct config *config)
{
	const struct policy policy = policy_default();
	struct verdict verdict = judge(pool, id, config, &policy, ACTION_HARDEN);
	struct config *copy = policy_harden(pool, config, &verdict);

	CHECK(verdict.count > 0, "%s finds nothing", id);
	verdict = judge(pool, id, copy, &policy, ACTION_HARDEN);
	CHECK(verdict.count == 0, "%s is not repaired", id);
	return copy->process;
}

static void test_values(void)
{
	const char *names[] = {"CAP_KILL", "CAP_CHOWN", "CAP_KILL", NULL},
		   *others[] = {"CAP_FOWNER", "CAP_CHOWN", NULL};
	struct pool pool = {0};
	struct config_process process = {.has_capabilities = true};
	struct config config = {.process = &process};
	const struct policy policy = policy_default();

	process.capabilities[CAPS_BOUNDING] = list_of(names);
	process.capabilities[CAPS_EFFECTIVE] = list_of(others);
	struct verdict verdict = judge(&pool, "caps-not-minimal", &config, &policy, ACTION_WARN);
	CHECK(verdict.count == 3);
	CHECK(str_equal(verdict.findings[0].value, "CAP_KILL") && str_equal(verdict.findings[1].value, "CAP_CHOWN"));
	CHECK(str_equal(verdict.findings[2].value, "CAP_FOWNER"));
	CHECK(str_equal(verdict.findings[2].where, "process.capabilities.effective[0]"));
	pool_free(&pool);
}

static void test_drop(void)
{
	static const char *const ids[] = {"caps-dangerous", "caps-not-default", "caps-net-raw", "caps-not-minimal",
					  "caps-unknown-name"};
	static const char *const dropped[] = {"CAP_BPF", "CAP_LEASE", "CAP_NET_RAW", "CAP_MKNOD", "cap_kill"};
	const char *names[] = {
		"CAP_BPF", "CAP_NET_BIND_SERVICE", "CAP_LEASE", "CAP_NET_RAW", "CAP_MKNOD", "cap_kill", "CAP_BPF",
		NULL};

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct pool pool = {0};
		struct config_process process = {.has_capabilities = true};
		struct config config = {.process = &process};
		for (int set = 0; set < CAPS_SETS; set++)
			process.capabilities[set] = list_of(names);
		const struct config_process *hard = repaired(&pool, ids[i], &config);
		for (int set = 0; set < CAPS_SETS; set++) {
			CHECK(process.capabilities[set].count == 7);
			CHECK(hard->capabilities[set].count == (i == 0 ? 5 : 6), "%s", ids[i]);
			for (size_t k = 0; k < hard->capabilities[set].count; k++)
				CHECK(!str_equal(hard->capabilities[set].item[k], dropped[i]));
		}
		pool_free(&pool);
	}
}

static void test_ambient(void)
{
	const char *names[] = {"CAP_KILL", NULL}, *more[] = {"CAP_KILL", "CAP_CHOWN", "CAP_X", NULL}, *none[] = {NULL};
	struct pool pool = {0};
	struct config_process process = {.has_capabilities = true};
	struct config config = {.process = &process};

	for (int set = 0; set < CAPS_SETS; set++)
		process.capabilities[set] = list_of(names);
	process.capabilities[CAPS_INHERITABLE] = list_of(more);
	const struct config_process *hard = repaired(&pool, "caps-inheritable", &config);
	CHECK(hard->capabilities[CAPS_INHERITABLE].count == 1 && hard->capabilities[CAPS_AMBIENT].count == 1);
	hard = repaired(&pool, "caps-ambient", &config);
	CHECK(hard->capabilities[CAPS_AMBIENT].count == 0 && hard->capabilities[CAPS_INHERITABLE].count == 2);
	CHECK(hard->capabilities[CAPS_EFFECTIVE].count == 1);
	process.capabilities[CAPS_AMBIENT] = list_of(none);
	CHECK(repaired(&pool, "caps-inheritable", &config)->capabilities[CAPS_INHERITABLE].count == 0);
	pool_free(&pool);
}

static void test_inconsistent(void)
{
	const char *bounding[] = {"CAP_KILL", "CAP_CHOWN", NULL}, *permitted[] = {"CAP_KILL", "CAP_FOWNER", NULL},
		   *effective[] = {"CAP_FOWNER", "CAP_CHOWN", "CAP_KILL", NULL}, *ambient[] = {"CAP_FOWNER", NULL};
	struct pool pool = {0};
	struct config_process process = {.has_capabilities = true};
	struct config config = {.process = &process};
	const struct policy policy = policy_default();

	process.capabilities[CAPS_BOUNDING] = list_of(bounding);
	process.capabilities[CAPS_PERMITTED] = list_of(permitted);
	process.capabilities[CAPS_EFFECTIVE] = list_of(effective);
	process.capabilities[CAPS_AMBIENT] = list_of(ambient);
	CHECK(judge(&pool, "caps-inconsistent", &config, &policy, ACTION_WARN).count == 2); /* FOWNER, CHOWN */
	const struct config_process *hard = repaired(&pool, "caps-inconsistent", &config);
	CHECK(hard->capabilities[CAPS_BOUNDING].count == 2 && hard->capabilities[CAPS_PERMITTED].count == 1);
	CHECK(hard->capabilities[CAPS_EFFECTIVE].count == 1 && hard->capabilities[CAPS_AMBIENT].count == 0);
	CHECK(str_equal(hard->capabilities[CAPS_EFFECTIVE].item[0], "CAP_KILL"));
	pool_free(&pool);
}

/* A list of nothing but unknown names costs little and is told in a bounded number of findings. */
static void test_many_unknown(void)
{
	enum { MANY = 50000 };
	struct pool pool = {0};
	const char **names = pool_alloc(&pool, (MANY + 1) * sizeof *names);
	struct config_process process = {.has_capabilities = true};
	struct config config = {.process = &process};
	const struct policy policy = policy_default();

	for (int i = 0; i < MANY; i++)
		names[i] = pool_printf(&pool, "CAP_%d", i);
	process.capabilities[CAPS_BOUNDING] = list_of(names);
	struct verdict verdict = judge(&pool, "caps-unknown-name", &config, &policy, ACTION_REFUSE);
	CHECK(verdict.count == 33);
	CHECK(verdict.findings[0].value &&
	      !verdict.findings[32].value); /* no waiver by value covers what is not shown */
	CHECK(repaired(&pool, "caps-unknown-name", &config)->capabilities[CAPS_BOUNDING].count == 0);
	pool_free(&pool);
}

int main(void)
{
	test_each();
	test_values();
	test_drop();
	test_ambient();
	test_inconsistent();
	test_many_unknown();
	return failures != 0;
}
