/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_caps.c - capabilities, by their exact names.
 *
 * A name that is nearly right is never guessed: what this file does not know, plan/
 * does not grant.  One finding for each name, in the first set that holds it, so that a policy can speak about one.
 */
#include <hrun/judging.h>
#include <hrun/str.h>
#include <linux/capability.h>

enum cap_class { CAP_CLASS_MINIMAL, CAP_CLASS_NET_RAW, CAP_CLASS_DEFAULT, CAP_CLASS_OTHER, CAP_CLASS_DANGEROUS };

/* The fourteen that engines give by default, two of them with a class of their own; ways onto the host; the others. */
#define CAP(name, class) [CAP_##name] = {"CAP_" #name, sizeof("CAP_" #name) - 1, CAP_CLASS_##class}
static const struct {
	const char *name;
	size_t length;
	enum cap_class class;
} capabilities[] = {
	CAP(CHOWN, DEFAULT),
	CAP(DAC_OVERRIDE, DEFAULT),
	CAP(DAC_READ_SEARCH, DANGEROUS),
	CAP(FOWNER, DEFAULT),
	CAP(FSETID, DEFAULT),
	CAP(KILL, DEFAULT),
	CAP(SETGID, DEFAULT),
	CAP(SETUID, DEFAULT),
	CAP(SETPCAP, DEFAULT),
	CAP(LINUX_IMMUTABLE, OTHER),
	CAP(NET_BIND_SERVICE, MINIMAL),
	CAP(NET_BROADCAST, OTHER),
	CAP(NET_ADMIN, DANGEROUS),
	CAP(NET_RAW, NET_RAW),
	CAP(IPC_LOCK, OTHER),
	CAP(IPC_OWNER, OTHER),
	CAP(SYS_MODULE, DANGEROUS),
	CAP(SYS_RAWIO, DANGEROUS),
	CAP(SYS_CHROOT, DEFAULT),
	CAP(SYS_PTRACE, DANGEROUS),
	CAP(SYS_PACCT, OTHER),
	CAP(SYS_ADMIN, DANGEROUS),
	CAP(SYS_BOOT, DANGEROUS),
	CAP(SYS_NICE, OTHER),
	CAP(SYS_RESOURCE, DANGEROUS),
	CAP(SYS_TIME, DANGEROUS),
	CAP(SYS_TTY_CONFIG, OTHER),
	CAP(MKNOD, DEFAULT),
	CAP(LEASE, OTHER),
	CAP(AUDIT_WRITE, DEFAULT),
	CAP(AUDIT_CONTROL, DANGEROUS),
	CAP(SETFCAP, DEFAULT),
	CAP(MAC_OVERRIDE, DANGEROUS),
	CAP(MAC_ADMIN, DANGEROUS),
	CAP(SYSLOG, DANGEROUS),
	CAP(WAKE_ALARM, OTHER),
	CAP(BLOCK_SUSPEND, OTHER),
	CAP(AUDIT_READ, OTHER),
	CAP(PERFMON, DANGEROUS),
	CAP(BPF, DANGEROUS),
	CAP(CHECKPOINT_RESTORE, DANGEROUS),
};

enum { CAPABILITIES = sizeof capabilities / sizeof capabilities[0], UNKNOWN_SHOWN = 32 };
_Static_assert(CAPABILITIES == CAP_LAST_CAP + 1, "the kernel headers know a capability that this table does not name");

static const char *const set_names[CAPS_SETS] = {
	[CAPS_BOUNDING] = "bounding",	    [CAPS_PERMITTED] = "permitted", [CAPS_EFFECTIVE] = "effective",
	[CAPS_INHERITABLE] = "inheritable", [CAPS_AMBIENT] = "ambient",
};

/* The capability of that name, or -1. */
static int number_of(const char *name)
{
	size_t length = strlen(name);

	for (int number = 0; number < CAPABILITIES; number++) {
		if (capabilities[number].length == length && memcmp(capabilities[number].name, name, length) == 0)
			return number;
	}
	return -1;
}

static uint64_t bit_of(int number)
{
	return number < 0 ? 0 : UINT64_C(1) << number;
}

static uint64_t bits_of(const struct string_list *list)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < list->count; i++)
		bits |= bit_of(number_of(list->item[i]));
	return bits;
}

struct capability_look capability_look(const struct config_process *process)
{
	struct capability_look look = {0};

	for (int set = 0; process && set < CAPS_SETS; set++) {
		const struct string_list *list = &process->capabilities[set];
		for (size_t i = 0; i < list->count; i++) {
			int number = number_of(list->item[i]);
			look.bits[set] |= bit_of(number);
			look.has_unknown |= number < 0;
		}
	}
	return look;
}

static uint64_t bits_of_class(enum cap_class class)
{
	uint64_t bits = 0;

	for (int number = 0; number < CAPABILITIES; number++)
		bits |= capabilities[number].class == class ? bit_of(number) : 0;
	return bits;
}

/* Take NAME out of the list, or all that are no capabilities where NAME is NULL. */
static void drop(struct pool *pool, struct string_list *list, const char *name)
{
	struct string_list kept = {.item = pool_alloc(pool, (list->count + 1) * sizeof *kept.item), .present = true};

	for (size_t i = 0; i < list->count; i++) {
		if (name ? !str_equal(list->item[i], name) : number_of(list->item[i]) >= 0)
			kept.item[kept.count++] = list->item[i];
	}
#ifdef HRUN_MUTANT_CAPS_DROP
	return;
#endif
	if (kept.count < list->count)
		*list = kept;
}

static void drop_from_all(struct pool *pool, struct config *config, const char *name)
{
	for (int set = 0; config->process && set < CAPS_SETS; set++)
		drop(pool, &config->process->capabilities[set], name);
}

/* One that is no longer ambient has no business in the inheritable set either (CVE-2022-24769). */
static void drop_ambient(struct pool *pool, struct config_process *process, const char *name)
{
	drop(pool, &process->capabilities[CAPS_AMBIENT], name);
	drop(pool, &process->capabilities[CAPS_INHERITABLE], name);
}

/* What the policy file allows by name is nothing to report. */
static void find_class(struct finder *finder, enum cap_class class, const char *what)
{
	const struct config_process *process = finder->judged->process;
	uint64_t left = bits_of_class(class) & ~finder->judged->policy->allow.capabilities;

	for (int set = 0; process && set < CAPS_SETS; set++) {
		const struct string_list *list = &process->capabilities[set];
		for (size_t i = 0; i < list->count && left & finder->judged->capabilities.bits[set]; i++) {
			int number = number_of(list->item[i]);
			if (!(left & bit_of(number)))
				continue;
			left &= ~bit_of(number);
			find_value(finder, capabilities[number].name,
				   at(finder, "process.capabilities.%s[%zu]", set_names[set], i), "%s %s",
				   capabilities[number].name, what);
		}
	}
}

void judge_caps_dangerous(struct finder *finder)
{
	find_class(finder, CAP_CLASS_DANGEROUS, "is a known way onto the host");
}

void harden_caps_dangerous(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_from_all(pool, config, finding->value);
}

void judge_caps_not_default(struct finder *finder)
{
	find_class(finder, CAP_CLASS_OTHER, "is more than engines give by default");
}

void harden_caps_not_default(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_from_all(pool, config, finding->value);
}

void judge_caps_net_raw(struct finder *finder)
{
	find_class(finder, CAP_CLASS_NET_RAW, "sends packets in the name of others");
}

void harden_caps_net_raw(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_from_all(pool, config, finding->value);
}

void judge_caps_not_minimal(struct finder *finder)
{
	find_class(finder, CAP_CLASS_DEFAULT, "is more than an ordinary service needs");
}

void harden_caps_not_minimal(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_from_all(pool, config, finding->value);
}

/* Each unknown name once; of a list that is nothing but such names, the first ones. */
void judge_caps_unknown_name(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const char *shown[UNKNOWN_SHOWN] = {NULL};
	size_t count = 0;

	for (int set = 0; process && finder->judged->capabilities.has_unknown && set < CAPS_SETS; set++) {
		const struct string_list *list = &process->capabilities[set];
		for (size_t i = 0; i < list->count; i++) {
			const char *name = list->item[i];
			if (number_of(name) >= 0 || word_is_one_of(name, shown, count))
				continue;
			const char *where = at(finder, "process.capabilities.%s[%zu]", set_names[set], i);
			if (count == UNKNOWN_SHOWN) {
				find(finder, where, "and more names that are no capabilities");
				return;
			}
			shown[count++] = name;
			find_value(finder, name, where, "%s is not a capability and is never granted",
				   quote(finder, name));
		}
	}
}

void harden_caps_unknown_name(struct pool *pool, struct config *config, const struct finding *finding)
{
	drop_from_all(pool, config, finding->value);
}

/* What stands in SET, known names but those of SKIP, and one finding for all unknown ones. */
static void find_in_set(struct finder *finder, enum capability_set set, uint64_t skip, const char *what)
{
	const struct config_process *process = finder->judged->process;
	const struct string_list *list = process ? &process->capabilities[set] : NULL;
	bool unknown = false;

	for (size_t i = 0; list && i < list->count; i++) {
		int number = number_of(list->item[i]);
		if (number < 0 ? unknown : (skip & bit_of(number)) != 0)
			continue;
		skip |= bit_of(number);
		unknown |= number < 0;
		find_value(finder, number < 0 ? NULL : capabilities[number].name,
			   at(finder, "process.capabilities.%s[%zu]", set_names[set], i), "%s %s",
			   quote(finder, list->item[i]), what);
	}
}

/* CVE-2022-24769.  Ambient capabilities must be inheritable (capabilities(7)), so those stay when repairing. */
void judge_caps_inheritable(struct finder *finder)
{
	bool repairs = finder->action == ACTION_HARDEN;

	find_in_set(finder, CAPS_INHERITABLE, repairs ? finder->judged->capabilities.bits[CAPS_AMBIENT] : 0,
		    "is inheritable: a file may pass it on to whoever executes it");
}

void harden_caps_inheritable(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_process *process = config->process;

	if (process &&
	    !(finding->value && bits_of(&process->capabilities[CAPS_AMBIENT]) & bit_of(number_of(finding->value))))
		drop(pool, &process->capabilities[CAPS_INHERITABLE], finding->value);
}

void judge_caps_ambient(struct finder *finder)
{
	find_in_set(finder, CAPS_AMBIENT, 0, "is ambient: every program of a user who is not root gets it");
}

void harden_caps_ambient(struct pool *pool, struct config *config, const struct finding *finding)
{
	if (config->process)
		drop_ambient(pool, config->process, finding->value);
}

/* Which set must lie within which (capabilities(7)). */
static const struct {
	enum capability_set set, limit;
} within[] = {
	{CAPS_PERMITTED, CAPS_BOUNDING},
	{CAPS_EFFECTIVE, CAPS_PERMITTED},
	{CAPS_AMBIENT, CAPS_PERMITTED},
};

void judge_caps_inconsistent(struct finder *finder)
{
	const uint64_t *bits = finder->judged->capabilities.bits;

	for (size_t k = 0; k < sizeof within / sizeof within[0]; k++) {
		uint64_t beyond = bits[within[k].set] & ~bits[within[k].limit];
		for (int number = 0; beyond && number < CAPABILITIES; number++) {
			if (beyond & bit_of(number))
				find_value(finder, capabilities[number].name,
					   at(finder, "process.capabilities.%s", set_names[within[k].set]),
					   "%s is not in the %s set", capabilities[number].name,
					   set_names[within[k].limit]);
		}
	}
}

/* Of the one capability: what is not permitted is neither effective nor ambient. */
void harden_caps_inconsistent(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_process *process = config->process;

	if (!process || !finding->value)
		return;
	if (!list_has(&process->capabilities[CAPS_BOUNDING], finding->value))
		drop(pool, &process->capabilities[CAPS_PERMITTED], finding->value);
	if (list_has(&process->capabilities[CAPS_PERMITTED], finding->value))
		return;
	drop(pool, &process->capabilities[CAPS_EFFECTIVE], finding->value);
	drop_ambient(pool, process, finding->value);
}
