/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_look.h - the chapters of the examination, and what they share.
 */
#ifndef HRUN_DOCTOR_LOOK_H
#define HRUN_DOCTOR_LOOK_H

#include <hrun/doctor.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* One more line.  REMEDY may be NULL, and is left out where the status is ok or none. */
void doctor_say(struct doctor *doctor, const char *id, enum doctor_status status, const char *remedy,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- the chapters ---- */
void doctor_kernel(struct doctor *doctor);
void doctor_cgroup(struct doctor *doctor);
void doctor_lsm(struct doctor *doctor);
void doctor_user(struct doctor *doctor);
void doctor_own(struct doctor *doctor);
void doctor_engines(struct doctor *doctor);

/* ---- read.c: files that somebody else wrote ---- */
/*
 * The text of the file at PATH, at most MAX bytes of it, NUL-terminated, in the pool; NULL with *ret_errno where it is no regular
 * file that can be read, or is larger (EFBIG) or holds a NUL (EINVAL).
 */
const char *doctor_read(struct pool *pool, const char *path, size_t max, size_t *ret_size, int *ret_errno);
/* The first line of a small file of the kernel, without its newline; NULL where there is none. */
const char *doctor_word(struct pool *pool, const char *path);
/* The names in DIRECTORY that end in SUFFIX and begin with no dot, sorted; at most as many as DOCTOR_NAMES. */
enum { DOCTOR_NAMES = 256 };
const char **doctor_names(struct pool *pool, const char *directory, const char *suffix, size_t *ret_count);
/* Can nobody but root change it?  In an engine's user namespace the host's root is one of the unmapped. */
bool doctor_is_roots(const struct stat *st);
/* Is WORD one of the words of TEXT, between blanks, commas or line ends? */
bool doctor_has_word(const char *text, const char *word);

/* ---- trial.c: what only a try can tell ---- */
enum trial {
	TRIAL_USER_NAMESPACE, /* may one be made? */
	TRIAL_MOUNT_API,      /* a detached tmpfs */
	TRIAL_MOUNT_SETATTR,  /* made read-only */
	TRIAL_IDMAP,	      /* shown through the map of a user namespace */
	TRIALS
};
enum { TRIAL_UNKNOWN = -1 }; /* it could not be tried */
/* 0, an errno or TRIAL_UNKNOWN for each.  Tried by a child in namespaces of its own. */
void doctor_try(int ret_errnum[TRIALS]);

/* ---- scan.c: the part of TOML in which engines are configured ---- */
enum { SCAN_DEPTH = 12, SCAN_ENTRIES = 8192 };
struct scan_entry {
	const char *path[SCAN_DEPTH]; /* the table's names and the key */
	size_t depth;
	const char **items; /* a string, or a list of strings; NULL: another kind of value */
	const char *plain;  /* a number, a date, true or false as it is written; or NULL */
	size_t item_count;
	bool is_list;
};
struct scan {
	struct scan_entry *entries;
	size_t entry_count;
	unsigned int stopped; /* at this line, which was not understood; 0: read to the end */
};
void doctor_scan(struct pool *pool, const char *text, struct scan *ret_scan);
/* The last entry with this path ("*": any name), or NULL.  The path ends with NULL. */
const struct scan_entry *scan_find(const struct scan *scan, const char *const *path);
bool scan_path_is(const struct scan_entry *entry, const char *const *path);
/* Its string, or NULL where it has none. */
const char *scan_string(const struct scan_entry *entry);

/* ---- package.c: the version of an installed package, as Debian's package manager has written it down; NULL: unknown ---- */
const char *doctor_package_version(struct pool *pool, const char *const *names);

/* ---- engine_files.c: how each engine is configured ---- */
struct engine_runtime {
	const char *name, *path; /* PATH NULL: the engine looks for NAME itself */
	const char *file;	 /* which says so */
};
struct engine_config {
	struct pool *pool;
	const char *files; /* that were read, with commas; "" */
	struct engine_runtime *runtimes;
	size_t runtime_count;
	const char *default_name;      /* NULL: the engine's own */
	const struct scan_entry *json; /* podman's runtime_supports_json, or NULL */
	const char *trouble;	       /* what was not understood, or will not work; NULL: nothing */
	const char *trouble_remedy;
};
void engine_podman(struct engine_config *config);
void engine_containerd(struct engine_config *config);
void engine_crio(struct engine_config *config);
void engine_docker(struct engine_config *config);
/* The runtime of this name, NULL where there is none. */
const struct engine_runtime *engine_runtime(const struct engine_config *config, const char *name);

#endif
