/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - what rules ask of the machine beside the bundle: groups, id maps, security modules.
 *
 * Each file is opened only where a rule needs it for this config, once, as a regular file, and read up to a bound.
 */
#ifndef HRUN_HOST_H
#define HRUN_HOST_H

#include <hrun/pool.h>
#include <hrun/proc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the answers are; tests give files of their own (struct judged). */
struct host_files {
	const char *group, *uid_map, *gid_map, *apparmor_enabled, *apparmor_profiles, *selinux_enforce;
	const char *selinux_fs, *selinux_policies; /* directories */
	/* host_ask, which a test's file cannot stand for: there a read goes on behind what was written. */
	ssize_t (*ask)(const char *path, const char *question, char *answer, size_t size);
};
extern const struct host_files host_files;

/* A group whose members are as good as root, or read what only root should. */
struct host_group {
	const char *name;
	uint32_t gid;
};
/* Those of the machine's group file, by name; 0 or negative errno.  A file that is not there names none. */
int host_privileged_groups(struct pool *pool, const char *path, const struct host_group **ret_groups,
			   size_t *ret_count);

/* The lines of a uid_map or gid_map; 0 or negative errno. */
int host_id_map(struct pool *pool, const char *path, const struct proc_id_range **ret_ranges, size_t *ret_count);

/* Does the file begin with the letter ON?  1, 0 (also where there is no such file), or negative errno. */
int host_flag(const char *path, char on);

/* Write QUESTION to the kernel's file PATH, read what it says to that: at most SIZE bytes, their number, or negative errno. */
ssize_t host_ask(const char *path, const char *question, char *answer, size_t size);

/* Is the profile NAME of AppArmor loaded, by the kernel's own DIRECTORY of profiles ("NAME.NUMBER")?  1, 0 (also where it cannot be read). */
int host_has_profile(const char *directory, const char *name);

/* The profile that hrun brings along (contrib/apparmor). */
#define HOST_DEFAULT_PROFILE "hrun-default"

#endif
