/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - load the plan's seccomp program.
 *
 * It is the last thing before execve (with no_new_privs), so it makes one system
 * call a filter and allocates nothing.
 */
#include <hrun/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WAIT_KILLABLE = 1 << 5 }; /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19 */

static int seccomp_(unsigned int operation, unsigned int flags, void *data)
{
	return (int)syscall(SYS_seccomp, operation, flags, data);
}

/* Programs answer few actions: *KNOWN is the last one that the kernel was asked for. */
static int check_action(uint32_t answer, uint32_t *known, struct err *e)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_ERRNO || action == *known)
		return 0;
	*known = action;
	if (seccomp_(SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		return err_errno(e, "this kernel does not know seccomp action %#x", action);
	return 0;
}

/* A NULL program with known flags is EFAULT, with unknown flags EINVAL: nothing is loaded either way. */
static int check_flags(unsigned int flags, struct err *e)
{
	if (seccomp_(SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT)
		return 0;
	return err_errno(e, "this kernel does not take seccomp filters with flags %#x", flags);
}

int filter_check_support(const struct filter_plan *plan, struct err *e)
{
	uint32_t known = SECCOMP_RET_ALLOW;

	if (!plan->program)
		return 0;
	if (plan->floor)
		TRY(filter_check_support(plan->floor, e));
	TRY(check_flags(plan->flags | (plan->agent ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0), e));
	for (size_t i = 0; i < plan->length; i++) {
		if (plan->program[i].code == (BPF_RET | BPF_K))
			TRY(check_action(plan->program[i].k, &known, e));
	}
	return 0;
}

static int load(const struct filter_plan *plan, unsigned int flags, struct err *e)
{
	if (plan->length == 0 || plan->length > BPF_MAXINSNS)
		return err_set(e, EINVAL, "load the seccomp filter %s: %zu instructions", plan->name, plan->length);
	/* The kernel copies the program and does not write to it; struct sock_fprog just lacks the const. */
	struct sock_fprog program = {.len = (unsigned short)plan->length,
				     .filter = (struct sock_filter *)(uintptr_t)plan->program};
	int r = seccomp_(SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0)
		return err_errno(e, "load the seccomp filter %s (%zu instructions)", plan->name, plan->length);
	return r;
}

/* First: this one's program may deny loading another. */
static int load_floor(const struct filter_plan *plan, struct err *e)
{
#ifdef HRUN_MUTANT_FILTER_FLOOR
	return 0;
#endif
	return plan->floor ? load(plan->floor, plan->floor->flags, e) : 0;
}

/* WAIT_KILLABLE_RECV is a word about listeners, and EINVAL without one. */
int filter_load(const struct filter_plan *plan, struct err *e)
{
	if (!plan->program)
		return 0;
	TRY(load_floor(plan, e));
	return load(plan, plan->flags & ~(unsigned int)WAIT_KILLABLE, e);
}

static int load_with_listener(const struct filter_plan *plan, struct err *e)
{
	return load(plan, plan->flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, e);
}

int filter_load_and_notify(const struct filter_plan *plan, struct err *e)
{
	if (!plan->program || !plan->agent)
		return filter_load(plan, e);
	TRY(load_floor(plan, e));
	return agent_load_filter(plan->agent, load_with_listener, plan, e);
}
