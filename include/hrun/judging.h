/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judging.h - questions that the predicates of several chapters ask of a config.
 */
#ifndef HRUN_JUDGING_H
#define HRUN_JUDGING_H

#include <hrun/config.h>
#include <hrun/filter_program.h>
#include <hrun/rules.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Is WORD one of the COUNT strings of WORDS? */
bool word_is_one_of(const char *word, const char *const *words, size_t count);
#define IS_ONE_OF(word, words) word_is_one_of((word), (words), sizeof(words) / sizeof(words)[0])

bool list_has(const struct string_list *list, const char *word);
/* Does LIST, of keys and of prefixes that end in ".*", have KEY, or the prefix KEY or a shorter one? */
bool annotation_is_listed(const struct string_list *list, const char *key);
/* A copy of LIST with WORD at its end. */
void list_append(struct pool *pool, struct string_list *list, const char *word);

/* ---- namespaces ---- */
/* The entry of TYPE in linux.namespaces, or NULL. */
const struct config_namespace *namespace_of(const struct config *config, const char *type);

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

/* ---- capabilities ---- */
/* PROCESS may be NULL. */
struct capability_look capability_look(const struct config_process *process);

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
/*
 * By its name (hook_words.c), is the program at PATH a shell, an interpreter, a launcher, one that has a way out to a
 * shell or writes any file, or a runtime with flags of its own?
 */
bool hook_runs_text(const char *path);
/* Does the environment variable NAME make shells, interpreters or the dynamic loader run other code? */
bool hook_is_loader_variable(const char *name);
/* Does the policy's allow.hooks name this hook with this content? */
bool hook_is_allowed(const struct judged *judged, const char *path, const struct hook_look *look);

/* ---- a root that is a file (rules_image.c) ---- */
/* The finding about it, where nobody whom the policy trusts has signed the bundle: an EROFS image is not mounted then, and any other is no root. */
void find_root_file(struct finder *finder);

/* ---- owners ---- */
/* Is OWNER the host's root?  Where that is not mapped, its files show the overflow uid, and uid 0 is somebody else. */
bool owner_is_host_root(const struct judged *judged, uid_t owner);
/* As whom it shows here. */
uid_t host_root_shown(const struct judged *judged);

/* ---- mounts ---- */
/* bind and rbind decide, whatever the type says: so do the runtimes. */
bool mount_is_bind(const struct config_mount *mount);
bool mount_type_is(const struct config_mount *mount, const char *type);
/* WORD ("nosuid") at the end of the options, once, and without the word that says the opposite of the same mount. */
void mount_options_add(struct pool *pool, struct config_mount *mount, const char *word);
/* The value of the last NAME= in the options, or NULL. */
const char *option_value(const struct config_mount *mount, const char *name);
struct host_view;
struct source_verdict;
/*
 * MOUNT_ATTR_* that the options give the top of the mount (the last word about one holds; recursive words speak of the top as well),
 * and those that they take from it by a word of its own (suid, dev, exec, rw).
 */
struct mount_attributes {
	uint64_t set, cleared;
};
struct mount_attributes mount_attributes(const struct config_mount *mount);
/* What the options say, read once for all rules, and what is really at both ends of a mount. */
struct mount_look {
	bool is_bind;
	struct mount_attributes attributes;

	const char *
		destination; /* inside the root file system, links followed; NULL where it is not absolute or holds ".." */
	bool destination_climbs;      /* a link on the way leads above the root */
	const char *destination_link; /* one on the way leads to /proc, /sys or /dev: the link; or NULL */
	size_t same_as;		      /* 1 + the number of the last mount before it at the same destination; 0: none */

	bool has_source; /* a bind mount whose source is there, and could be looked at: */
	struct stat source;
	const char *real_source;
	uint64_t mount_id;
	const char *source_path;  /* as the config says it */
	const char *clean_source; /* absolute, folded; NULL for one in a bundle that is not there */
	int source_error;	  /* negative errno of looking at it; 0 */
	int source_fd;		  /* O_PATH, for who mounts it: owned by the verdict; or the errno why nobody may */
	bool source_is_magic,
		source_leaves; /* leads through a magic link of procfs; a relative one leaves the bundle */
	struct host_view *host;
	struct source_verdict *answer; /* of source_judge (mount_sources.h) */
};
struct mount_look *mount_look(const struct judged *judged);

/* Is the real path PATH one of the files that an engine makes for its containers, or a volume (engine_paths.h)? */
bool path_is_engine_managed(const struct judged *judged, const char *path);
/* ---- seccomp ---- */
/* linux.seccomp as the program that is loaded: compiled once, for the rules and for the plan. */
struct filter_look {
	const struct config_seccomp *seccomp; /* NULL: nobody has asked yet */
	int result;			      /* 0, or why it does not compile: */
	struct err error;
	struct filter_program program;
};
/*
 * NULL where there is no profile, or where it is not looked at (exec and update: their container has a filter already).
 */
const struct filter_look *filter_look(const struct judged *judged);

/* ---- the program ---- */
/*
 * An owned O_PATH descriptor of the regular file that process.args[0] leads to, in the image or in a bind mount over it, by PATH where it
 * has no slash; negative errno where there is none yet.
 */
int args_open_program(struct finder *finder);

/* ---- cgroups ---- */
/* The host's hierarchy, opened by the first rule that asks. */
struct cgroup_look {
	bool opened;
	int root;
};
/* The container's place below it ("/hrun/ID" where the config names none); NULL for a unit of systemd. */
const char *cgroup_path_of(const struct judged *judged);
/* Has a cgroup above the container's, below the root, a number in FILE ("memory.max")? */
bool cgroup_is_limited_above(const struct judged *judged, const char *file);
/* Is a cgroup2 hierarchy there, and CONTROLLER none of it?  False where nothing of the host is looked at. */
bool cgroup_host_lacks(const struct judged *judged, const char *controller);
enum cgroup_use { CGROUP_FREE, CGROUP_USED, CGROUP_UNKNOWN };
/* Are there processes in PATH, and was it not delegated to whoever asks? */
enum cgroup_use cgroup_use(const struct judged *judged, const char *path);
/* The same of another hierarchy, for tests. */
bool cgroup_limited_below(int root, const char *path, const char *file);
enum cgroup_use cgroup_use_below(int root, const char *path);

/* ---- paths ---- */
/* The real path of a descriptor (readlink /proc/self/fd/FD), or NULL where it has none. */
const char *path_of_fd(struct pool *pool, int fd);
/* Does one of LIST equal PATH or an ancestor of it?  (Entries that are not clean cover nothing.) */
bool path_is_covered(const struct string_list *list, const char *path);

#endif
