/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_device_cgroup.c - the rules about the device filter against a plain reading of what a list allows: something is found
 * exactly where one of the dangerous devices, tried one by one, could be opened.
 */
#include "check.h"

#include <hrun/rules.h>
#include <hrun/str.h>

static bool matches(const struct config_device_rule *rule, char type, int64_t major, int64_t minor, char letter)
{
	return (!rule->type || *rule->type == 'a' || *rule->type == type) &&
	       (!rule->major.set || rule->major.value == -1 || rule->major.value == major) &&
	       (!rule->minor.set || rule->minor.value == -1 || rule->minor.value == minor) &&
	       (!rule->access || strchr(rule->access, letter));
}

/* The last rule that matches decides; none: denied. */
static bool may_open(const struct config_resources *resources, char type, int64_t major, int64_t minor)
{
	for (const char *letter = "rw"; *letter; letter++) {
		bool allowed = false;
		for (size_t i = 0; i < resources->device_count; i++) {
			if (matches(&resources->devices[i], type, major, minor, *letter))
				allowed = resources->devices[i].allow;
		}
		if (allowed)
			return true;
	}
	return false;
}

/* The same table as the rules', written down a second time. */
static bool is_dangerous(char type, int64_t major, int64_t minor)
{
	if (type == 'b')
		return true;
	switch (major) {
	case 1:
		return minor == 1 || minor == 2 || minor == 4 || minor == 11;
	case 10:
		return minor == 144 || minor == 196 || minor == 203 || minor == 223 || (minor >= 234 && minor <= 238) ||
		       minor == 241;
	default:
		return major == 4 || major == 13 || major == 21 || major == 162 || major == 202 || major == 203 ||
		       major >= 240;
	}
}

static bool danger_may_be_opened(const struct config_resources *resources)
{
	static const int64_t majors[] = {0, 1, 4, 8, 10, 13, 21, 162, 202, 203, 240, 300, 999, 4095};
	static const int64_t minors[] = {0,   1,   2,	3,   4,	  11,  144, 196, 203,
					 223, 234, 235, 236, 237, 238, 241, 777, 1048575};

	for (const char *type = "bc"; *type; type++) {
		for (size_t a = 0; a < sizeof majors / sizeof majors[0]; a++) {
			for (size_t b = 0; b < sizeof minors / sizeof minors[0]; b++) {
				if (is_dangerous(*type, majors[a], minors[b]) &&
				    may_open(resources, *type, majors[a], minors[b]))
					return true;
			}
		}
	}
	return false;
}

static bool finds(struct pool *pool, const char *id, const struct config_linux *linux_)
{
	const struct config config = {.linux_ = (struct config_linux *)linux_};
	const struct policy policy = policy_default();
	const struct judged judged = {.pool = pool, .config = &config, .policy = &policy};
	struct verdict verdict = {0};
	struct finder finder = {
		.judged = &judged, .rule = rule_by_id(id), .action = ACTION_REFUSE, .verdict = &verdict};

	finder.rule->judge(&finder);
	return verdict.count > 0;
}

/* Lists by a fixed generator: the same in every run. */
static void fill(struct config_device_rule *list, size_t count, uint32_t *state)
{
	static const int64_t majors[] = {-1, -1, 1, 4, 8, 10, 13, 300}, minors[] = {-1, -1, 0, 1, 3, 203};
	static const char *const types[] = {NULL, "a", "b", "c", "c"}, *const accesses[] = {NULL, "r",	"w",
											    "m",  "rw", "rwm"};

	for (size_t i = 0; i < count; i++) {
		*state = *state * 1664525u + 1013904223u;
		uint32_t x = *state >> 8;
		list[i] = (struct config_device_rule){
			.allow = i % 2 ? (x & 3) == 0 : x & 1,
			.type = types[x / 4 % 5],
			.major = {true, majors[x / 20 % 8]},
			.minor = {x & 8, minors[x / 160 % 6]},
			.access = accesses[x / 960 % 6],
		};
	}
}

int main(void)
{
	struct config_device_rule list[8];
	struct config_resources resources = {.devices = list};
	const struct config_linux linux_ = {.resources = &resources};
	unsigned int found = 0, enough = 100;
	uint32_t state = 7;

	for (int n = 0; n < 6000; n++) {
		struct pool pool = {0};
		resources.device_count = 1 + (size_t)n % 8;
		fill(list, resources.device_count, &state);
		bool wanted = danger_may_be_opened(&resources);
		found += wanted;
		CHECK((finds(&pool, "device-cgroup-dangerous", &linux_) ||
		       finds(&pool, "device-cgroup-allow-all", &linux_)) == wanted,
		      "list %d", n);
		pool_free(&pool);
	}
	CHECK(found > enough && 6000 - found > enough, "%u of 6000 lists are dangerous", found);
	return failures != 0;
}
