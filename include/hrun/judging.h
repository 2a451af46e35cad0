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
/* Is host id 0 the owner of what container id 0 owns?  (No user namespace, or one that maps 0 to 0.) */
bool root_is_host_root(const struct judged *judged);

/* What the path of a namespace opens, looked up once for all rules. */
struct namespace_look {
	const char *path;  /* NULL: a new namespace, nothing to look at */
	int errnum;	   /* why it could not be opened; 0: it was, and then: */
	bool is_namespace; /* on nsfs */
	int clone_flag;	   /* CLONE_NEW* of what it is */
	struct stat file;
};
/* One for each of linux.namespaces; NULL where none has a path, and where no object is looked at. */
const struct namespace_look *namespace_look(const struct judged *judged);
int namespace_clone_flag(const char *type);
/* Is entry INDEX, by its path, a namespace of the host? */
enum whose { WHOSE_OTHER, WHOSE_HOST, WHOSE_UNKNOWN };
enum whose namespace_whose(const struct judged *judged, size_t index);
/* Does the container get another namespace of TYPE than the host's? */
bool namespace_is_separate(const struct judged *judged, const char *type);

/* ---- hooks ---- */
struct hook_look {
	int errnum; /* why the file could not be opened; 0: it was, and then: */
	struct stat file;
	const char *real;	/* its real path (startContainer: below the root on the host), or NULL */
	const char *changeable; /* who else than root may change the file or what leads to it, as text; NULL: nobody */
	int walk_errnum;	/* why that could not be found out; 0: it was */
	bool in_bundle;		/* inside the bundle or the container's root, whatever it is called */
	char sha256[65];	/* of its content, where the policy allows this path; "" otherwise */
};
/* One for each hook of KIND; NULL where there are none, and where no object is looked at. */
const struct hook_look *hook_look(const struct judged *judged, enum hook_kind kind);
/* Does the policy's allow.hooks name this hook with this content? */
bool hook_is_allowed(const struct judged *judged, const char *path, const struct hook_look *look);

/* ---- owners ---- */
/* Is OWNER the host's root?  Where that is not mapped, its files show the overflow uid, and uid 0 is somebody else. */
bool owner_is_host_root(const struct judged *judged, uid_t owner);

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
