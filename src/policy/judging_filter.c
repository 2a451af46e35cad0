/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judging_filter.c - linux.seccomp as the program that is loaded.
 */
#include <hrun/judging.h>

const struct filter_look *filter_look(const struct judged *judged)
{
	const struct config_linux *linux_ = judged->config->linux_;
	struct filter_look *look = judged->filter;

	if (!linux_ || !linux_->seccomp || (!judged->bundle && !judged->config_only))
		return NULL;
	if (!look->seccomp) {
		look->seccomp = linux_->seccomp;
		look->result = filter_program_get(judged->pool, linux_->seccomp, judged->filter_cache, &look->program,
						  &look->error);
	}
	return look;
}

const struct filter_program *verdict_judged_filter(const struct verdict *verdict, const struct config_seccomp *seccomp)
{
	const struct filter_look *look = verdict->filter;

	if (!look || !look->seccomp || look->result < 0)
		return NULL;
	if (look->seccomp->syscalls != seccomp->syscalls || look->seccomp->syscall_count != seccomp->syscall_count ||
	    look->seccomp->default_action != seccomp->default_action)
		return NULL;
	return &look->program;
}
