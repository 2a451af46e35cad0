/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - which commands put a process into a container, and so run from a protected copy of hrun's file.
 *
 * For the code that runs before the C library is ready (src/entry.c) as well: no call, no table of pointers.
 */
#ifndef HRUN_ENTRY_H
#define HRUN_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

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

/* "hrun-", "hrun-.": a class with a path in its name, which is an error that must not get lost (policy_class_of). */
static inline bool entry_is_broken_class(const char *component, const char *end)
{
	const char *prefix = "hrun-";

	for (; *prefix; component++, prefix++) {
		if (component == end || *component != *prefix)
			return false;
	}
	while (component < end && *component == '.')
		component++;
	return component == end;
}

/*
 * What the second round is called: PATH holds the LENGTH bytes of our own file's path, and gets the last component of NAME
 * in place of its own.  The second round's file has no path any more, so this is how it finds what lies beside
 * it (src/base/libexec.c, which does not take our word for it).  False where that must not or cannot be.
 */
static inline bool entry_rename(char *path, size_t length, size_t size, const char *name)
{
	const char *last = name;

	while (length > 0 && path[length - 1] != '/')
		length--;
	for (; *name; name++) {
		if (*name != '/')
			continue;
		if (entry_is_broken_class(last, name))
			return false;
		last = name + 1;
	}
	for (; *last && length + 1 < size; last++)
		path[length++] = *last;
	if (length >= size)
		return false;
	path[length] = '\0';
	return *last == '\0';
}

#endif
