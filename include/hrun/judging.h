/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judging.h - questions that the predicates of several chapters ask of a config.
 */
#ifndef HRUN_JUDGING_H
#define HRUN_JUDGING_H

#include <hrun/config.h>
#include <hrun/rules.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Is WORD one of the COUNT strings of WORDS? */
bool word_is_one_of(const char *word, const char *const *words, size_t count);
#define IS_ONE_OF(word, words) word_is_one_of((word), (words), sizeof(words) / sizeof(words)[0])

bool list_has(const struct string_list *list, const char *word);
/* A copy of LIST with WORD at its end. */
void list_append(struct pool *pool, struct string_list *list, const char *word);

/* ---- namespaces ---- */
/* The entry of TYPE in linux.namespaces, or NULL. */
const struct config_namespace *namespace_of(const struct config *config, const char *type);

/* ---- mounts ---- */
/* bind and rbind decide, whatever the type says: so do the runtimes. */
bool mount_is_bind(const struct config_mount *mount);
bool mount_type_is(const struct config_mount *mount, const char *type);
/* Which of two opposite words stands last in the options?  NULL where neither does. */
const char *option_last(const struct config_mount *mount, const char *word, const char *opposite);
/* Append WORD where it is not the last of the pair. */
void option_ensure(struct pool *pool, struct config_mount *mount, const char *word, const char *opposite);
/* The value of the last NAME= in the options, or NULL. */
const char *option_value(const struct config_mount *mount, const char *name);
/* What is really at both ends of a mount, looked up once for all rules. */
struct mount_look {
	const char *
		destination; /* inside the root file system, links followed; NULL where it is not absolute or holds ".." */
	bool has_source;     /* a bind mount whose source is there: */
	const char *source_path;
	struct stat source;
};
const struct mount_look *mount_look(const struct judged *judged);

/* ---- paths ---- */
/* The real path of a descriptor (readlink /proc/self/fd/FD), or NULL where it has none. */
const char *path_of_fd(struct pool *pool, int fd);
/* Does one of LIST equal PATH or an ancestor of it?  (Entries that are not clean cover nothing.) */
bool path_is_covered(const struct string_list *list, const char *path);

#endif
