/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_seccomp.c - the filter as it is written: words that have a meaning, a default that denies, errors that are errors.
 * What its program lets through is judged in rules_seccomp_calls.c.
 */
#include <hrun/filter_arch.h>
#include <hrun/judging.h>
#include <hrun/str.h>

static const struct config_seccomp *seccomp_of(const struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	return linux_ ? linux_->seccomp : NULL;
}

/* ---- no filter, or one that lets everything through ---- */

static const char *const profiles[] = {"default", "strict", "compat-x86"};
enum { PROFILES = sizeof profiles / sizeof *profiles };

/* What the policy file chose; what nobody knows is the default. */
static size_t profile_of(const struct policy *policy)
{
	const char *word = policy->defaults.seccomp_profile;

	for (size_t i = 0; word && i < PROFILES; i++) {
		if (str_equal(word, profiles[i]))
			return i;
	}
	return 0;
}

void judge_seccomp_absent(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && !linux_->seccomp && !linux_->builtin_seccomp)
		find_item(finder, profile_of(finder->judged->policy), NULL, "linux.seccomp",
			  "absent: every system call would be allowed");
}

/* Its program is chosen by plan/, which knows the capabilities. */
void harden_seccomp_absent(struct pool *pool, struct config *config, const struct finding *finding)
{
	if (config->linux_ && !config->linux_->seccomp)
		config->linux_->builtin_seccomp = pool_printf(pool, "%s.json", profiles[finding->index]);
}

void judge_seccomp_default_allow(struct finder *finder)
{
	static const char *const allowing[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"};
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (seccomp && finder->judged->config->linux_->seccomp_floor != SECCOMP_FLOOR_PROFILE &&
	    seccomp->default_action && IS_ONE_OF(seccomp->default_action, allowing))
		find_value(finder, seccomp->default_action, "linux.seccomp.defaultAction",
			   "%s lets through what no rule names", seccomp->default_action);
}

/* The kernel takes the stricter answer of two filters. */
void harden_seccomp_default_allow(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->linux_->seccomp_floor = SECCOMP_FLOOR_PROFILE;
}

/* ---- words ---- */

static bool is_action(const char *word)
{
	static const char *const known[] = {
		"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",   "SCMP_ACT_ERRNO",
		"SCMP_ACT_TRACE", "SCMP_ACT_ALLOW",	   "SCMP_ACT_LOG",	   "SCMP_ACT_NOTIFY",
	};

	return word && IS_ONE_OF(word, known);
}

static void find_unknown_action(struct finder *finder, const char *action, const char *where)
{
	find(finder, where, "unknown action %s", quote(finder, action ? action : ""));
}

static void judge_flags(struct finder *finder, const struct string_list *flags)
{
	static const char *const known[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

	for (size_t i = 0; i < flags->count; i++) {
		if (!IS_ONE_OF(flags->item[i], known))
			find(finder, at(finder, "linux.seccomp.flags[%zu]", i), "unknown flag %s",
			     quote(finder, flags->item[i]));
	}
}

static void judge_args(struct finder *finder, const struct config_seccomp_syscall *call, size_t number)
{
	static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	   "SCMP_CMP_EQ",
						"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
	static const char place[] = "linux.seccomp.syscalls[%zu].args[%zu]";

	for (size_t i = 0; i < call->arg_count; i++) {
		const char *op = call->args[i].op ? call->args[i].op : "";
		if (call->args[i].index > 5)
			find(finder, at(finder, place, number, i), "a system call has no argument %u",
			     call->args[i].index);
		if (!IS_ONE_OF(op, operators))
			find(finder, at(finder, place, number, i), "unknown operator %s", quote(finder, op));
	}
}

static void judge_syscall(struct finder *finder, const struct config_seccomp_syscall *call, size_t number)
{
	if (!is_action(call->action))
		find_unknown_action(finder, call->action, at(finder, "linux.seccomp.syscalls[%zu].action", number));
	if (!call->names.count)
		find(finder, at(finder, "linux.seccomp.syscalls[%zu].names", number), "no system call is named");
	for (size_t i = 0; i < call->names.count; i++) {
		if (!*call->names.item[i])
			find(finder, at(finder, "linux.seccomp.syscalls[%zu].names[%zu]", number, i), "an empty name");
	}
	judge_args(finder, call, number);
}

/* The compiler's text begins with its place. */
static void judge_program(struct finder *finder)
{
	const struct filter_look *look = filter_look(finder->judged);
	const char *text = look && look->result < 0 ? look->error.text : NULL;
	const char *end = text ? strstr(text, ": ") : NULL;

	if (text)
		find(finder, end ? at(finder, "%.*s", (int)(end - text), text) : "linux.seccomp", "%s",
		     end ? end + 2 : text);
}

void judge_seccomp_invalid(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);
	size_t before = finder->verdict->count;

	if (!seccomp)
		return;
	if (!is_action(seccomp->default_action))
		find_unknown_action(finder, seccomp->default_action, "linux.seccomp.defaultAction");
	judge_flags(finder, &seccomp->flags);
	for (size_t i = 0; i < seccomp->syscall_count; i++)
		judge_syscall(finder, &seccomp->syscalls[i], i);
	if (finder->verdict->count == before)
		judge_program(finder);
}

/* ---- errors that are none ---- */

enum { LAST_ERRNO = 4095 }; /* MAX_ERRNO of the kernel */

static bool is_bad_errno(const char *action, struct opt_u32 errno_ret)
{
	return errno_ret.set && (errno_ret.value == 0 || errno_ret.value > LAST_ERRNO) && action &&
	       str_equal(action, "SCMP_ACT_ERRNO");
}

static void find_errno(struct finder *finder, unsigned int number, const char *value, const char *where)
{
	if (number == 0)
		find_value(finder, value, where, "the call does nothing and reports success");
	else
		find_value(finder, value, where, "%u is no error number; the last one is %d", number, LAST_ERRNO);
}

void judge_seccomp_errno_zero(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (!seccomp)
		return;
	if (is_bad_errno(seccomp->default_action, seccomp->default_errno_ret))
		find_errno(finder, seccomp->default_errno_ret.value, NULL, "linux.seccomp.defaultErrnoRet");
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		const struct config_seccomp_syscall *call = &seccomp->syscalls[i];
		if (is_bad_errno(call->action, call->errno_ret))
			find_errno(finder, call->errno_ret.value, call->names.count == 1 ? *call->names.item : NULL,
				   at(finder, "linux.seccomp.syscalls[%zu].errnoRet", i));
	}
}

/* ---- flags and architectures ---- */

static const char spec_allow[] = "SECCOMP_FILTER_FLAG_SPEC_ALLOW";

void judge_seccomp_flags(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	for (size_t i = 0; seccomp && i < seccomp->flags.count; i++) {
		if (str_equal(seccomp->flags.item[i], spec_allow))
			find_value(finder, spec_allow, at(finder, "linux.seccomp.flags[%zu]", i),
				   "%s turns off a protection against speculative reads", spec_allow);
	}
}

/* A copy of LIST without the words that KEEPS does not keep. */
static struct string_list filtered(struct pool *pool, const struct string_list *list, bool (*keeps)(const char *))
{
	struct string_list copy = {.present = list->present};

	copy.item = pool_alloc(pool, (list->count + 1) * sizeof *copy.item);
	for (size_t i = 0; i < list->count; i++) {
		if (keeps(list->item[i]))
			copy.item[copy.count++] = list->item[i];
	}
	return copy;
}

static bool is_other_flag(const char *word)
{
	return !str_equal(word, spec_allow);
}

void harden_seccomp_flags(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_seccomp *seccomp = config->linux_->seccomp;

	(void)finding;
	seccomp->flags = filtered(pool, &seccomp->flags, is_other_flag);
}

/* libseccomp puts the machine's own architecture into every filter; who leaves it out meant another machine. */
void judge_seccomp_arch(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);
	const struct string_list *allowed = &finder->judged->policy->allow.seccomp_architectures;
	bool has_native = !seccomp || !seccomp->architectures.count;

	for (size_t i = 0; seccomp && i < seccomp->architectures.count; i++) {
		const char *word = seccomp->architectures.item[i];
		has_native |= str_equal(word, filter_native_arch_name()) || list_has(allowed, word);
		if (!filter_arch_is_known(word) && !list_has(allowed, word))
			find_value(finder, word, at(finder, "linux.seccomp.architectures[%zu]", i),
				   "unknown architecture %s", quote(finder, word));
	}
	if (!has_native)
		find(finder, "linux.seccomp.architectures", "%s, this machine's own, is not in the list",
		     filter_native_arch_name());
}

void harden_seccomp_arch(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_seccomp *seccomp = config->linux_->seccomp;

	(void)finding;
	seccomp->architectures = filtered(pool, &seccomp->architectures, filter_arch_is_known);
	if (!list_has(&seccomp->architectures, filter_native_arch_name()))
		list_append(pool, &seccomp->architectures, filter_native_arch_name());
}

/* ---- who else decides ---- */

static void find_action(struct finder *finder, const struct config_seccomp *seccomp, const char *action,
			const char *what)
{
	if (seccomp->default_action && str_equal(seccomp->default_action, action))
		find(finder, "linux.seccomp.defaultAction", "%s", what);
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		if (seccomp->syscalls[i].action && str_equal(seccomp->syscalls[i].action, action))
			find(finder, at(finder, "linux.seccomp.syscalls[%zu].action", i), "%s", what);
	}
}

void judge_seccomp_listener(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (!seccomp)
		return;
	if (seccomp->listener_path && *seccomp->listener_path)
		find(finder, "linux.seccomp.listenerPath", "names an agent outside the container");
	if (seccomp->listener_metadata && *seccomp->listener_metadata)
		find(finder, "linux.seccomp.listenerMetadata", "is for an agent outside the container");
	find_action(finder, seccomp, "SCMP_ACT_NOTIFY", "an agent outside the container decides");
}

void judge_seccomp_trace(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (seccomp)
		find_action(finder, seccomp, "SCMP_ACT_TRACE", "a tracer decides");
}
