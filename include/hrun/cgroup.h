/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - one cgroup v2 directory that hrun made itself, from birth to removal.
 *
 * Everything is done through the descriptor of the directory that our own mkdir
 * made; the record keeps its inode, later verbs compare it.
 */
#ifndef HRUN_CGROUP_H
#define HRUN_CGROUP_H

#include <hrun/err.h>
#include <hrun/plan.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Make plan->path below plan->root: parents as needed (0755), controllers enabled in every
 * ancestor, the last directory made by us: if it exists, it is removed and made again (which
 * clears limits and the freezer); EBUSY/ENOTEMPTY (somebody is in it) is refused.
 * On failure every directory that was made is removed again.
 * Returns an owned O_DIRECTORY descriptor (good for CLONE_INTO_CGROUP); *ret_inode is its inode.
 */
int cgroup_make(const struct cgroup_plan *plan, uint64_t *ret_inode, struct err *e);

/*
 * The same for a cgroup that systemd has made, at the place that plan->scope->answer says: it must be the place of
 * plan->path and hold the process PLACEHOLDER alone.  plan->path is then the whole place.
 */
int cgroup_adopt(struct cgroup_plan *plan, pid_t placeholder, uint64_t *ret_inode, struct err *e);

/* Write the limits that are not `last`, or only those that are; attach the device program with the former. */
int cgroup_apply(const struct cgroup_plan *plan, int cgroup, struct err *e);
int cgroup_apply_last(const struct cgroup_plan *plan, int cgroup, struct err *e);

/* Give the directory and the files that the plan names to its owner; a file that is not there is left out. */
int cgroup_delegate(const struct cgroup_plan *plan, int cgroup, struct err *e);

/*
 * New values for the living CGROUP at plan->path, in this order: the controllers that they need are enabled above it, and each must have
 * its file; all are written; the device filter is replaced.  What was written before a failure stays, until it is put back.
 */
int cgroup_update_check(const struct cgroup_plan *plan, int cgroup, struct err *e);
int cgroup_update(const struct cgroup_plan *plan, int cgroup, struct err *e);
/* *RET_OLD: the filter that was there, owned; negative: none. */
int cgroup_update_devices(const struct cgroup_plan *plan, int cgroup, int *ret_old, struct err *e);
/* BEFORE's writes hold what the files said; all are tried, the last error is returned. */
int cgroup_restore(const struct cgroup_plan *before, int cgroup, struct err *e);
int cgroup_restore_devices(int cgroup, int old, struct err *e);

/*
 * Open the directory of a container again: MOUNTPOINT/PATH must still have INODE.
 * Owned descriptor, -ENOENT where it is gone or another one now.
 */
int cgroup_open(const char *mountpoint, const char *path, uint64_t inode, struct err *e);

/*
 * Where process PID of PROC (a procfs) is now: CGROUP itself, whose place is PATH, or one below it.  -ENOENT where
 * it is elsewhere.  Owned descriptor.
 */
int cgroup_open_of(int cgroup, const char *path, int proc, pid_t pid, struct err *e);

/* Write 1 to cgroup.kill (kills every process in it and below). */
int cgroup_kill(int cgroup, struct err *e);
/* Send SIGNAL to every process in it and below it: frozen while the list is read. */
int cgroup_signal(int cgroup, int signal, struct err *e);
/* The first SIZE - 1 bytes of FILE, NUL-terminated: their number, or negative errno. */
ssize_t cgroup_read(int cgroup, const char *file, char *buffer, size_t size);
/* Call EACH for every process in it and below it, until one call fails. */
int cgroup_each_process(int cgroup, int (*each)(pid_t pid, void *argument, struct err *e), void *argument,
			struct err *e);
/* Freeze or thaw, and wait until cgroup.events says so. */
int cgroup_freeze(int cgroup, bool freeze, struct err *e);
bool cgroup_is_frozen(int cgroup);
/* The number of oom_kill events (memory.events), 0 where the controller is missing. */
uint64_t cgroup_oom_kills(int cgroup);

/*
 * Kill what is left, wait until it is empty, remove the directory with all below it.  A directory
 * that is gone, or whose inode is not INODE, is left alone: 0.  INODE 0 (hrun was killed before it
 * was recorded): only an empty directory is removed, nobody is killed.  Empty parents that hrun has made go too.
 */
int cgroup_remove(const char *mountpoint, const char *path, uint64_t inode, struct err *e);

#endif
