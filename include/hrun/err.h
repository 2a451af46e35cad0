/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - a failure as a value.
 *
 * A function that can fail returns int, >= 0 or a negative errno, and fills the
 * struct err that it was handed.  The struct has a fixed size and holds no
 * pointer, so that a failing container process can send it as it is.
 */
#ifndef HRUN_ERR_H
#define HRUN_ERR_H

#include <errno.h>
#include <stddef.h>

struct err {
	int errnum;	/* positive errno value, 0 where nothing failed */
	int step;	/* step number of the plan that failed, 0 where none */
	char text[504]; /* what was tried, on what, why it failed; no newline; cut with "..." */
};

/*
 * Fill *e with errnum (positive) and the formatted text.  Returns -errnum.
 * The text names the place and, where there is one, the remedy.
 */
int err_set(struct err *e, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Like err_set with the current errno; ": " and a description of errno are
 * appended to the text.  Returns -errno (-EIO where errno is 0).
 */
int err_errno(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append "; REMEDY" to the text, which err_set or err_errno has written: what to do about it.  Returns -e->errnum. */
int err_advise(struct err *e, const char *remedy);

/*
 * A failure is never >= 0, and with this each compiler and analyzer can see that
 * in the calling file: what a failing function leaves unset is not read there.
 */
static inline int err_failure(int r)
{
	return r < 0 ? r : -EIO;
}
#define err_set(...) err_failure((err_set)(__VA_ARGS__))
#define err_errno(...) err_failure((err_errno)(__VA_ARGS__))
#define err_advise(...) err_failure((err_advise)(__VA_ARGS__))

/* Leave the calling function with the negative value of EXPR, if it is negative. */
#define TRY(expr)                           \
	do {                                \
		int try_result_ = (expr);   \
		if (try_result_ < 0)        \
			return try_result_; \
	} while (0)

#endif
