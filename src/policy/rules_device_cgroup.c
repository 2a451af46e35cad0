/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_device_cgroup.c - which devices may be opened: linux.resources.devices as the filter decides, where for each of read and
 * write the last rule that matches counts.
 *
 * Many numbers are judged as one that no rule names: what denies that one denies them all, and what does not leaves
 * some of them.
 */
#include <hrun/device_class.h>
#include <hrun/judging.h>
#include <hrun/str.h>

enum {
	OTHER = -2,			   /* a number that no rule names */
	RULES_MAX = 1024,		   /* more are refused by plan/, and judged as if nothing denied them */
	OPEN = DEVICE_READ | DEVICE_WRITE, /* a node alone is harmless: nobody can open it */
};

/* Devices that one rule is about. */
struct region {
	char type;
	int64_t major, minor;
};

static int64_t number_of(struct opt_i64 number)
{
	return number.set ? number.value : DEVICE_ALL;
}

static bool is_about(const struct config_device_rule *rule, char type)
{
	return !rule->type || !*rule->type || str_equal(rule->type, "a") || (rule->type[0] == type && !rule->type[1]);
}

/* What rule I allows of REGION and no later rule takes away. */
static unsigned int effective(const struct config_resources *resources, size_t i, const struct region *region)
{
	unsigned int access = device_access(resources->devices[i].access) & OPEN;

	if (resources->device_count > RULES_MAX)
		return access;
	for (size_t k = i + 1; access && k < resources->device_count; k++) {
		const struct config_device_rule *rule = &resources->devices[k];
#ifdef HRUN_MUTANT_DEVICE_LATER
		access = rule->allow ? access : 0;
#endif
		if (!rule->allow && is_about(rule, region->type) &&
		    device_covers(number_of(rule->major), region->major) &&
		    device_covers(number_of(rule->minor), region->minor))
			access &= ~device_access(rule->access);
	}
	return access;
}

static bool is_open(const struct finder *finder, size_t i, const struct region *region)
{
	const struct config_resources *resources = finder->judged->config->linux_->resources;
	unsigned int access = effective(resources, i, region);

	return device_left_by_policy(finder, region->type, region->major, region->minor, access) != 0;
}

/* "c 10:*", as a waiver names it. */
static const char *numbers_of(const struct finder *finder, const struct config_device_rule *rule)
{
	int64_t major = number_of(rule->major), minor = number_of(rule->minor);

	return at(finder, "%s %s:%s", rule->type && *rule->type ? rule->type : "a",
		  major == DEVICE_ALL ? "*" : at(finder, "%lld", (long long)major),
		  minor == DEVICE_ALL ? "*" : at(finder, "%lld", (long long)minor));
}

static bool allows_all(const struct finder *finder, size_t i)
{
	const struct config_device_rule *rule = &finder->judged->config->linux_->resources->devices[i];
	int64_t minor = number_of(rule->minor);
	struct region region = {.type = 'b', .major = OTHER, .minor = minor == DEVICE_ALL ? OTHER : minor};

	if (!rule->allow || number_of(rule->major) != DEVICE_ALL)
		return false;
	if (is_about(rule, 'b') && is_open(finder, i, &region))
		return true;
	region.type = 'c';
	return is_about(rule, 'c') && is_open(finder, i, &region);
}

void judge_device_cgroup_allow_all(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;
	const struct config_resources *resources = linux_ ? linux_->resources : NULL;

	for (size_t i = 0; resources && i < resources->device_count; i++) {
		if (allows_all(finder, i))
			find_value(finder, numbers_of(finder, &resources->devices[i]),
				   at(finder, "linux.resources.devices[%zu]", i), "allows devices of every number");
	}
}

/* The devices that are both the rule's and of the class. */
static bool overlap(const struct config_device_rule *rule, const struct device_class *class, struct region *ret_region)
{
	int64_t major = number_of(rule->major), minor = number_of(rule->minor);

	if (!is_about(rule, class->type))
		return false;
	if (major == DEVICE_ALL)
		major = class->first_major == class->last_major ? class->first_major : OTHER;
	else if (major < class->first_major || major > class->last_major)
		return false;
	if (minor == DEVICE_ALL)
		minor = class->minor == DEVICE_ALL ? OTHER : class->minor;
	else if (class->minor != DEVICE_ALL && class->minor != minor)
		return false;
	*ret_region = (struct region){.type = class->type, .major = major, .minor = minor};
	return true;
}

/* docker and containerd let every container open 5:1. */
static bool is_console(const struct device_class *class)
{
	return class->first_major == 5;
}

/* The first dangerous device that rule I makes accessible, or NULL. */
static const char *danger_of(const struct finder *finder, size_t i)
{
	const struct config_device_rule *rule = &finder->judged->config->linux_->resources->devices[i];
	struct region region;

	for (size_t k = 0; k < DANGEROUS_TABLES; k++) {
		for (size_t n = 0; n < dangerous_devices[k].count; n++) {
			const struct device_class *class = &dangerous_devices[k].class[n];
			if (!is_console(class) && overlap(rule, class, &region) && is_open(finder, i, &region))
				return class->name;
		}
	}
	return NULL;
}

void judge_device_cgroup_dangerous(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;
	const struct config_resources *resources = linux_ ? linux_->resources : NULL;

	for (size_t i = 0; resources && i < resources->device_count; i++) {
		/* What allows everything has a rule of its own. */
		if (!resources->devices[i].allow || allows_all(finder, i))
			continue;
		const char *name = danger_of(finder, i);
		const char *numbers = name ? numbers_of(finder, &resources->devices[i]) : NULL;
		if (name)
			find_value(finder, numbers, at(finder, "linux.resources.devices[%zu]", i),
				   "%s may be opened: %s", numbers, name);
	}
}

static bool denies_all_first(const struct config_resources *resources)
{
	const struct config_device_rule *rule = resources && resources->device_count ? resources->devices : NULL;

	return rule && !rule->allow && (!rule->type || str_equal(rule->type, "a")) &&
	       number_of(rule->major) == DEVICE_ALL && number_of(rule->minor) == DEVICE_ALL &&
	       device_access(rule->access) == device_access(NULL);
}

void judge_device_cgroup_no_deny(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && !denies_all_first(linux_->resources))
		find(finder, "linux.resources.devices", "does not begin with a rule that denies everything");
}

/* The default devices and terminals are allowed by plan/ in any case. */
void harden_device_cgroup_no_deny(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_resources *resources = config->linux_ ? config->linux_->resources : NULL;

	(void)finding;
	if (!resources || denies_all_first(resources))
		return;
	struct config_device_rule *devices = pool_alloc(pool, (resources->device_count + 1) * sizeof *devices);
	devices[0] = (struct config_device_rule){.allow = false, .access = "rwm"};
	for (size_t i = 0; i < resources->device_count; i++)
		devices[i + 1] = resources->devices[i];
	resources->devices = devices;
	resources->device_count++;
	resources->devices_present = true;
}
