/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_caps.c - capabilities, by their exact names.
 *
 * A name that is nearly right is never guessed: what this file does not know, plan/
 * does not grant.
 */
#include <hrun/judging.h>
#include <hrun/str.h>

enum cap_class { CAP_CLASS_DEFAULT, CAP_CLASS_OTHER, CAP_CLASS_DANGEROUS, CAP_CLASS_UNKNOWN };

/* The fourteen that engines give by default; those that are a way onto the host; the others. */
static const struct {
	const char *name;
	enum cap_class class;
} capabilities[] = {
	{"CAP_CHOWN", CAP_CLASS_DEFAULT},
	{"CAP_DAC_OVERRIDE", CAP_CLASS_DEFAULT},
	{"CAP_DAC_READ_SEARCH", CAP_CLASS_DANGEROUS},
	{"CAP_FOWNER", CAP_CLASS_DEFAULT},
	{"CAP_FSETID", CAP_CLASS_DEFAULT},
	{"CAP_KILL", CAP_CLASS_DEFAULT},
	{"CAP_SETGID", CAP_CLASS_DEFAULT},
	{"CAP_SETUID", CAP_CLASS_DEFAULT},
	{"CAP_SETPCAP", CAP_CLASS_DEFAULT},
	{"CAP_LINUX_IMMUTABLE", CAP_CLASS_OTHER},
	{"CAP_NET_BIND_SERVICE", CAP_CLASS_DEFAULT},
	{"CAP_NET_BROADCAST", CAP_CLASS_OTHER},
	{"CAP_NET_ADMIN", CAP_CLASS_DANGEROUS},
	{"CAP_NET_RAW", CAP_CLASS_DEFAULT},
	{"CAP_IPC_LOCK", CAP_CLASS_OTHER},
	{"CAP_IPC_OWNER", CAP_CLASS_OTHER},
	{"CAP_SYS_MODULE", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_RAWIO", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_CHROOT", CAP_CLASS_DEFAULT},
	{"CAP_SYS_PTRACE", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_PACCT", CAP_CLASS_OTHER},
	{"CAP_SYS_ADMIN", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_BOOT", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_NICE", CAP_CLASS_OTHER},
	{"CAP_SYS_RESOURCE", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_TIME", CAP_CLASS_DANGEROUS},
	{"CAP_SYS_TTY_CONFIG", CAP_CLASS_OTHER},
	{"CAP_MKNOD", CAP_CLASS_DEFAULT},
	{"CAP_LEASE", CAP_CLASS_OTHER},
	{"CAP_AUDIT_WRITE", CAP_CLASS_DEFAULT},
	{"CAP_AUDIT_CONTROL", CAP_CLASS_DANGEROUS},
	{"CAP_SETFCAP", CAP_CLASS_DEFAULT},
	{"CAP_MAC_OVERRIDE", CAP_CLASS_DANGEROUS},
	{"CAP_MAC_ADMIN", CAP_CLASS_DANGEROUS},
	{"CAP_SYSLOG", CAP_CLASS_DANGEROUS},
	{"CAP_WAKE_ALARM", CAP_CLASS_OTHER},
	{"CAP_BLOCK_SUSPEND", CAP_CLASS_OTHER},
	{"CAP_AUDIT_READ", CAP_CLASS_OTHER},
	{"CAP_PERFMON", CAP_CLASS_DANGEROUS},
	{"CAP_BPF", CAP_CLASS_DANGEROUS},
	{"CAP_CHECKPOINT_RESTORE", CAP_CLASS_DANGEROUS},
};

enum { CAPABILITIES = sizeof capabilities / sizeof capabilities[0] };

static const char *const set_names[CAPS_SETS] = {
	[CAPS_BOUNDING] = "bounding",	    [CAPS_PERMITTED] = "permitted", [CAPS_EFFECTIVE] = "effective",
	[CAPS_INHERITABLE] = "inheritable", [CAPS_AMBIENT] = "ambient",
};

/* The number of NAME in the table, or CAPABILITIES. */
static size_t number_of(const char *name)
{
	size_t number = 0;

	while (number < CAPABILITIES && !str_equal(capabilities[number].name, name))
		number++;
	return number;
}

static enum cap_class class_of(size_t number)
{
	return number < CAPABILITIES ? capabilities[number].class : CAP_CLASS_UNKNOWN;
}

/* Each known capability once, in the first set that holds it; SEEN keeps long hostile lists cheap. */
static void find_class(struct finder *finder, enum cap_class class, const char *what)
{
	const struct config_process *process = finder->judged->process;
	bool seen[CAPABILITIES + 1] = {false};

	for (int set = 0; process && set < CAPS_SETS; set++) {
		const struct string_list *list = &process->capabilities[set];
		for (size_t i = 0; i < list->count; i++) {
			size_t number = number_of(list->item[i]);
			if (class_of(number) != class || (seen[number] && class != CAP_CLASS_UNKNOWN))
				continue;
			seen[number] = true;
			find(finder, at(finder, "process.capabilities.%s[%zu]", set_names[set], i), "%s %s",
			     class == CAP_CLASS_UNKNOWN ? quote(finder, list->item[i]) : list->item[i], what);
		}
	}
}

void judge_caps_dangerous(struct finder *finder)
{
	find_class(finder, CAP_CLASS_DANGEROUS, "is a known way onto the host");
}

void judge_caps_not_default(struct finder *finder)
{
	find_class(finder, CAP_CLASS_OTHER, "is more than engines give by default");
}

void judge_caps_unknown_name(struct finder *finder)
{
	find_class(finder, CAP_CLASS_UNKNOWN, "is not a capability and is never granted");
}

/* CVE-2022-24769.  Ambient capabilities must be inheritable (capabilities(7)), so those stay when repairing. */
void judge_caps_inheritable(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const struct string_list *list = process ? &process->capabilities[CAPS_INHERITABLE] : NULL;

	for (size_t i = 0; list && i < list->count; i++) {
		if (finder->action == ACTION_HARDEN && list_has(&process->capabilities[CAPS_AMBIENT], list->item[i]))
			continue;
		find(finder, "process.capabilities.inheritable", "not empty: %s", quote(finder, list->item[i]));
		return;
	}
}

void harden_caps_inheritable(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)finding;
	if (!config->process)
		return;
	struct string_list *list = &config->process->capabilities[CAPS_INHERITABLE];
	struct string_list kept = {.item = pool_alloc(pool, list->count * sizeof *kept.item), .present = true};
	for (size_t i = 0; i < list->count; i++) {
		if (list_has(&config->process->capabilities[CAPS_AMBIENT], list->item[i]))
			kept.item[kept.count++] = list->item[i];
	}
	*list = kept;
}
