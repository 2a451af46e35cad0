/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h - strings and strict numbers.
 */
#ifndef HRUN_STR_H
#define HRUN_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_equal(const char *a, const char *b)
{
	/* Most strings that differ do so at once: no call for those. */
	return *a == *b && strcmp(a, b) == 0;
}

/* Optional texts: one that is empty says as little as one that is not there. */
static inline bool str_has_text(const char *text)
{
	return text && *text;
}

static inline bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static inline bool str_ends(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = strlen(suffix);

	return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

/*
 * Decimal numbers, the whole string, digits only (one leading '-' for the
 * signed form, but not "-0"), no leading zero before another digit, no blank.
 * Return 0, -EINVAL (not such a number) or -ERANGE (does not fit, above MAX).
 */
int str_to_u64(const char *text, uint64_t max, uint64_t *ret_value);
int str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value);

/*
 * snprintf that tells truncation: returns the length, or -ENAMETOOLONG with an
 * empty string in BUFFER where the text does not fit whole.
 */
int str_format(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* COUNT small hexadecimal digits and nothing else? */
bool str_is_hex(const char *text, size_t count);
/* "sha256:" and 64 of them. */
bool str_is_digest(const char *text);
/* Does TEXT hold a control character (below 0x20, or 0x7f)? */
bool str_has_control(const char *text);
/*
 * Put '?' for what a terminal could obey or a reader misread: C0, DEL, C1 (U+0080..U+009F), bytes that are no UTF-8, and the
 * characters of Unicode that end a line or turn the direction of text.
 */
void str_remove_controls(char *text);

/*
 * LENGTH bytes as a number for a table of them, mixed into HASH (0, or what came before them).  Who writes the text can make
 * several of them one number: the table compares.
 */
uint64_t str_hash(uint64_t hash, const char *bytes, size_t length);

#endif
