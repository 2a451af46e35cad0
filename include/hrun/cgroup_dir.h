/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_dir.h - steps on one cgroup directory that the files of sandbox/cgroup*
 * share.  Not for other modules: cgroup.h is what they may rely on.
 */
#ifndef HRUN_CGROUP_DIR_H
#define HRUN_CGROUP_DIR_H

#include <hrun/err.h>
#include <hrun/plan.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A directory below DIR: no "..", no link, no other mount.  Owned descriptor or
 * negative errno (no struct err: the caller knows the name).
 */
int cgroup_dir_open(int dir, const char *path, int flags);

/*
 * The mode of a cgroup that hrun makes for those below it.  The sticky bit, which means nothing there, is the note that
 * hrun made it, born with the directory: whichever container is the last to go removes it.
 */
#define CGROUP_PARENT_MODE 01755
bool cgroup_dir_is_parent(int dir, const char *path);

/* The first SIZE - 1 bytes of FILE, NUL-terminated.  Their number or negative errno. */
ssize_t cgroup_dir_read(int dir, const char *file, char *buffer, size_t size);

/* Load PROGRAM, attach it to CGROUP and ask the kernel whether it is there. */
int cgroup_dir_attach_devices(int cgroup, const struct bpf_insn *program, size_t length, struct err *e);

/* Put PROGRAM in the place of the device filter that CGROUP has; NULL: leave it without.  *RET_OLD owns what was there, or is negative. */
int cgroup_dir_replace_devices(int cgroup, const struct bpf_insn *program, size_t length, int *ret_old, struct err *e);
/* OLD (negative: none) in the place of the one that CGROUP has now. */
int cgroup_dir_put_back_devices(int cgroup, int old, struct err *e);

/* Hand the controllers of PLAN down from DIR, whose path is for messages. */
int cgroup_dir_enable(const struct cgroup_plan *plan, int dir, const char *path, struct err *e);

/* The same in every cgroup above plan->path. */
int cgroup_dir_enable_above(const struct cgroup_plan *plan, struct err *e);

/* One write of a plan to the cgroup's directory. */
int cgroup_dir_write(const struct cgroup_write *write, int cgroup, struct err *e);

/* -EOPNOTSUPP where a write of PLAN has no file; without ALL only those are looked at whose own write would not say so. */
int cgroup_dir_check_files(const struct cgroup_plan *plan, int cgroup, bool all, struct err *e);

/* Remove every cgroup below CGROUP, which must hold no process any more; -EBUSY after timeout_ms. */
int cgroup_dir_remove_children(int cgroup, int64_t timeout_ms, struct err *e);

#endif
