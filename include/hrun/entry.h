/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - which commands put a process into a container, and so run from a protected copy of hrun's file.
 *
 * For the code that runs before the C library is ready (src/entry.c) as well: no call, no table of pointers.
 */
#ifndef HRUN_ENTRY_H
#define HRUN_ENTRY_H

#include <stdbool.h>

static inline bool entry_word_is(const char *word, const char *name)
{
	while (*word && *word == *name)
		word++, name++;
	return *word == *name;
}

/* Is WORD the name of a verb that has `enters` in the table of verbs?  tests/unit/options.c compares the two. */
static inline bool entry_word_enters(const char *word)
{
	return entry_word_is(word, "create") || entry_word_is(word, "run") || entry_word_is(word, "exec");
}

#endif
