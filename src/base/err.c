/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c - a failure as a value.
 */
#include <hrun/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that does not fit ends in "...", so that nobody takes it for whole. */
static void mark_cut(struct err *e)
{
	memcpy(e->text + sizeof e->text - 4, "...", 4);
}

__attribute__((format(printf, 2, 0))) static void set_text(struct err *e, const char *format, va_list args)
{
	int n = vsnprintf(e->text, sizeof e->text, format, args);

	if (n < 0)
		e->text[0] = '\0';
	else if ((size_t)n >= sizeof e->text)
		mark_cut(e);
}

int(err_set)(struct err *e, int errnum, const char *format, ...)
{
	va_list args;

	e->errnum = errnum;
	va_start(args, format);
	set_text(e, format, args);
	va_end(args);
	return -errnum;
}

int(err_errno)(struct err *e, const char *format, ...)
{
	int errnum = errno ? errno : EIO;
	size_t length;
	va_list args;

	e->errnum = errnum;
	va_start(args, format);
	set_text(e, format, args);
	va_end(args);
	length = strlen(e->text);
	/* strerrordesc_np allocates nothing and reads no locale: usable in the container's half. */
	const char *why = strerrordesc_np(errnum);
	int n = snprintf(e->text + length, sizeof e->text - length, ": %s", why ? why : "unknown error");
	if (n >= 0 && (size_t)n >= sizeof e->text - length)
		mark_cut(e);
	return -errnum;
}

int(err_advise)(struct err *e, const char *remedy)
{
	size_t length = strlen(e->text);
	int n = snprintf(e->text + length, sizeof e->text - length, "; %s", remedy);

	if (n >= 0 && (size_t)n >= sizeof e->text - length)
		mark_cut(e);
	return -e->errnum;
}
