/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planning.c - what every chapter needs: a warning, a second look at a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/planning.h>
#include <stdarg.h>
#include <stdio.h>

bool plan_may_skip(const struct plan_options *options, int r)
{
	return options->look_only && (r == -EACCES || r == -EPERM);
}

int plan_reopen(int fd)
{
	char path[sizeof "/proc/self/fd/" + 12];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return opened < 0 ? -errno : opened;
}

void plan_warn(struct pool *pool, struct plan *plan, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	*pool_array_add(pool, plan->warnings, plan->warning_count) = pool_strdup(pool, text);
}
