/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utc.h - times as text.
 */
#ifndef HRUN_UTC_H
#define HRUN_UTC_H

#include <stddef.h>
#include <time.h>

enum { UTC_TEXT_SIZE = 48 };

/* TIME as RFC 3339 in UTC with nanoseconds: "2026-02-28T23:59:59.000000001Z". */
void utc_text(const struct timespec *time, char *ret_text, size_t size);

#endif
