/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planning.c - what every chapter needs: warnings, and which failure may be one.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <stdarg.h>
#include <stdio.h>

bool plan_may_skip(const struct plan_options *options, int r)
{
	return options->look_only && (r == -EACCES || r == -EPERM);
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
