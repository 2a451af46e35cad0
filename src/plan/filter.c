/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - which seccomp program the container gets.
 *
 * linux.seccomp as the config has it; where it has none and the verdict asked for
 * it, the built-in profile for exactly the capabilities of the container.
 */
#include <hrun/builtin_filter.h>
#include <hrun/config.h>
#include <hrun/filter_compile.h>
#include <hrun/filter_floor.h>
#include <hrun/filter_program.h>
#include <hrun/filter_simulate.h>
#include <hrun/plan.h>
#include <hrun/str.h>
#include <hrun/verdict.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#define WAIT_KILLABLE_RECV (1U << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19 */

static bool notifies(const struct config_seccomp *seccomp)
{
	bool found = seccomp->default_action && str_equal(seccomp->default_action, "SCMP_ACT_NOTIFY");

	for (size_t i = 0; i < seccomp->syscall_count; i++)
		found |= seccomp->syscalls[i].action && str_equal(seccomp->syscalls[i].action, "SCMP_ACT_NOTIFY");
	return found;
}

static int add_flag(const struct config_seccomp *seccomp, size_t i, unsigned int *flags, struct err *e)
{
	const char *flag = seccomp->flags.item[i];

	if (str_equal(flag, "SECCOMP_FILTER_FLAG_LOG"))
		*flags |= SECCOMP_FILTER_FLAG_LOG;
	else if (str_equal(flag, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
		*flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	else if (str_equal(flag, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") && !notifies(seccomp))
		return err_set(e, EINVAL, "linux.seccomp.flags[%zu]: %s has no effect without SCMP_ACT_NOTIFY", i,
			       flag);
	else if (str_equal(flag, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"))
		*flags |= WAIT_KILLABLE_RECV;
	else if (!str_equal(flag, "SECCOMP_FILTER_FLAG_TSYNC")) /* one thread: nothing to synchronise */
		return err_set(e, EINVAL, "linux.seccomp.flags[%zu]: unknown flag %s", i, flag);
	return 0;
}

/* Without an agent every call of which it would be notified would fail with ENOSYS; nobody wants that. */
static int check_listener(const struct config_seccomp *seccomp, struct err *e)
{
	bool path = str_has_text(seccomp->listener_path);

	if (str_has_text(seccomp->listener_metadata) && !path)
		return err_set(e, EINVAL, "linux.seccomp.listenerMetadata: means nothing without listenerPath");
	if (notifies(seccomp) && !path)
		return err_set(e, EINVAL,
			       "linux.seccomp.listenerPath: missing; SCMP_ACT_NOTIFY needs an agent to be notified");
	if (path && seccomp->listener_path[0] != '/')
		return err_set(e, EINVAL, "linux.seccomp.listenerPath: must be an absolute path");
	return 0;
}

/* The specification wants an error; the kernel would take no notice. */
static int check_errno(const char *action, struct opt_u32 errno_ret, const char *where, struct err *e)
{
	if (!errno_ret.set || !action || str_equal(action, "SCMP_ACT_ERRNO") || str_equal(action, "SCMP_ACT_TRACE"))
		return 0;
	return err_set(e, EINVAL, "%s: %s takes no errno: remove it", where, action);
}

static int check_errnos(const struct config_seccomp *seccomp, struct err *e)
{
	TRY(check_errno(seccomp->default_action, seccomp->default_errno_ret, "linux.seccomp.defaultAction", e));
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		char where[64];
		str_format(where, sizeof where, "linux.seccomp.syscalls[%zu]", i);
		TRY(check_errno(seccomp->syscalls[i].action, seccomp->syscalls[i].errno_ret, where, e));
	}
	return 0;
}

struct filter_agent *plan_filter_agent(struct pool *pool, const struct config_seccomp *seccomp)
{
	if (!notifies(seccomp) || !str_has_text(seccomp->listener_path))
		return NULL;
	struct filter_agent *agent = pool_alloc(pool, sizeof *agent);
	*agent = (struct filter_agent){
		.path = seccomp->listener_path, .metadata = seccomp->listener_metadata, .socket = -1};
	return agent;
}

int plan_filter_compile(struct pool *pool, const struct config_seccomp *seccomp, const struct filter_program *given,
			const char *cache_dir, struct filter_plan *ret_filter, struct err *e)
{
	struct filter_plan filter = {.name = "linux.seccomp", .where = "linux.seccomp"};
	struct filter_program program;
	uint32_t action;

	TRY(check_listener(seccomp, e));
	TRY(check_errnos(seccomp, e));
	for (size_t i = 0; i < seccomp->flags.count; i++)
		TRY(add_flag(seccomp, i, &filter.flags, e));
	TRY(filter_action(pool, seccomp->default_action, seccomp->default_errno_ret, "linux.seccomp.defaultAction",
			  &action, &filter.default_action, e));
	if (given)
		program = *given;
	else
		TRY(filter_program_get(pool, seccomp, cache_dir, &program, e));
	filter.program = program.program;
	filter.length = program.length;
	filter.agent = plan_filter_agent(pool, seccomp);
	*ret_filter = filter;
	return 0;
}

/* What was judged is what is loaded. */
static const struct filter_program *judged_program(const struct plan_options *options,
						   const struct config_seccomp *seccomp)
{
	return options->verdict ? verdict_judged_filter(options->verdict, seccomp) : NULL;
}

/* What the container can ever have: a capability outside the bounding set may still be permitted, ambient or inherited. */
static uint64_t capabilities_of(const struct creds_plan *creds)
{
	uint64_t capabilities = 0;

	for (int set = 0; set < CAPS_SETS; set++)
		capabilities |= creds->caps[set];
	return capabilities;
}

/* ---- what stands below the profile of a config ---- */

/* The calls for which the container has a capability. */
static uint64_t granted_calls(uint64_t capabilities)
{
	uint64_t granted = 0;

	for (size_t i = 0; i < watched_call_count; i++) {
		for (size_t k = 0; k < 2 && watched_calls[i].capabilities[k]; k++) {
			int capability = plan_capability(watched_calls[i].capabilities[k]);
			if (capability >= 0 && capabilities & UINT64_C(1) << capability)
				granted |= UINT64_C(1) << i;
		}
	}
	return granted;
}

/* A profile that lists the other ABI is not to lose it. */
static const char *floor_profile(const struct config_seccomp *seccomp)
{
	for (size_t i = 0; i < seccomp->architectures.count; i++) {
		if (str_equal(seccomp->architectures.item[i], "SCMP_ARCH_X86"))
			return "compat-x86.json";
	}
	return "default.json";
}

static int plan_floor(struct pool *pool, const struct config_linux *linux_, struct plan *plan, struct err *e)
{
	struct filter_plan *floor = pool_alloc(pool, sizeof *floor);
	uint64_t capabilities = capabilities_of(&plan->creds);

	if (linux_->seccomp_floor == SECCOMP_FLOOR_PROFILE) {
		TRY(builtin_filter_get(pool, floor_profile(linux_->seccomp), filter_native_arch(), capabilities, floor,
				       e));
	} else {
		*floor = (struct filter_plan){
			.name = "dangerous calls", .default_action = "ALLOW", .where = "linux.seccomp"};
		filter_floor(pool, granted_calls(capabilities), &floor->program, &floor->length);
	}
	plan->filter.floor = floor;
	return 0;
}

/* ---- what hrun itself must be able to do after loading a filter ---- */

/*
 * A filter that does not let the program be executed is no container.  Without no_new_privs the filter is loaded while
 * CAP_SYS_ADMIN is still there, and the calls that drop it come after: a filter that answers them with errno 0 would fake
 * that, and the container would keep the capability.
 */
static int check_last_calls(const struct plan *plan, const struct filter_plan *filter, struct err *e)
{
	static const struct {
		const char *name;
		int number;
		bool drops, loads;
	} last[] = {{"capset", SYS_capset, true, false},
		    {"prctl", SYS_prctl, true, false},
		    {"execve", SYS_execve, false, false},
		    {"seccomp", SYS_seccomp, false, true}};

#ifdef HRUN_MUTANT_LAST_CALLS
	return 0;
#endif
	for (size_t i = 0; filter->program && i < sizeof last / sizeof *last; i++) {
		if ((last[i].drops && plan->creds.no_new_privs) || (last[i].loads && filter != plan->filter.floor) ||
		    filter_always_allows(filter->program, filter->length, filter_native_arch(), last[i].number))
			continue;
		return err_set(e, EINVAL,
			       "%s: does not always allow %s, which hrun makes after loading the filter: allow it%s",
			       filter->where, last[i].name, last[i].drops ? ", or set process.noNewPrivileges" : "");
	}
	return 0;
}

int plan_filter(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e)
{
	const struct config_linux *linux_ = config->linux_;
	/* `hrun plan` changes nothing, so it keeps nothing. */
	const char *cache_dir = options->look_only ? NULL : options->cache_dir;

	if (linux_ && linux_->seccomp)
		TRY(plan_filter_compile(pool, linux_->seccomp, judged_program(options, linux_->seccomp), cache_dir,
					&plan->filter, e));
	else if (linux_ && linux_->builtin_seccomp)
		TRY(builtin_filter_get(pool, linux_->builtin_seccomp, filter_native_arch(),
				       capabilities_of(&plan->creds), &plan->filter, e));
	if (linux_ && linux_->seccomp && linux_->seccomp_floor != SECCOMP_FLOOR_NONE) {
		TRY(plan_floor(pool, linux_, plan, e));
		TRY(check_last_calls(plan, plan->filter.floor, e));
	}
	return check_last_calls(plan, &plan->filter, e);
}
