/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utc.h - times as text.
 */
#ifndef HRUN_UTC_H
#define HRUN_UTC_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { UTC_TEXT_SIZE = 48 };

/* TIME as RFC 3339 in UTC with nanoseconds: "2026-02-28T23:59:59.000000001Z". */
void utc_text(const struct timespec *time, char *ret_text, size_t size);

/* Today as days since 1970-01-01, UTC. */
int64_t utc_today(void);
/* The days of a real calendar date "YYYY-MM-DD" (leap days too); 0, or -EINVAL where TEXT is none. */
int utc_days_of_date(const char *text, int64_t *ret_days);
/* DAYS as "YYYY-MM-DD". */
void utc_date_text(int64_t days, char *ret_text, size_t size);

/*
 * Seconds since 1970 of a time exactly as RFC 3339 has it: "2026-11-22T00:07:15Z", or with a fraction, which is dropped, or an
 * offset, "...15.25+01:00".  Capital T and Z, no leap second.  0, or -EINVAL.
 */
int rfc3339_read(const char *text, int64_t *ret_seconds);

#endif
