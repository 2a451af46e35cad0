/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planning.h - what the chapters of plan/ share among themselves.  Nobody outside
 * plan/ includes it.
 */
#ifndef HRUN_PLANNING_H
#define HRUN_PLANNING_H

#include <hrun/bundle.h>
#include <hrun/config.h>
#include <hrun/err.h>
#include <hrun/plan.h>
#include <hrun/pool.h>
#include <stdbool.h>

struct verdict;

/*
 * TEXT of the config as it may stand in a line of output: unchanged where it is one plain
 * word, else in double quotes with \n, \" and \xNN, so that no config forges a line or a column.
 */
const char *plan_quote(struct pool *pool, const char *text);

/* Append a sentence to plan->warnings. */
void plan_warn(struct pool *pool, struct plan *plan, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fields that this version reads but does not build: refused with their name, never ignored. */
int plan_refuse_unsupported(const struct config *config, struct err *e);

/* May the failure R to open something be a warning (`hrun plan` without the right to look)? */
bool plan_may_skip(const struct plan_options *options, int r);

/* Is there an entry of this type in linux.namespaces, new or joined? */
bool plan_has_namespace(const struct config *config, enum namespace_type type);

/* Would the kernel take LIST as a map?  FIELD is its whole place, "linux.uidMappings". */
int plan_check_map(const struct id_mapping_list *list, const char *field, struct err *e);

/* Whose ids a bind mount shows (idmap, ridmap, mounts[].uidMappings): fills the step's idmap. */
int plan_mount_idmap(struct pool *pool, const struct config_mount *mount, const struct plan *plan,
		     struct mount_step *step, struct err *e);

/* The type in mountinfo of the mount that FD is on, for an error text. */
const char *plan_filesystem_of(struct pool *pool, int fd);

/* One mount's words into STEP (kind, attributes, propagation, data); WHERE is "mounts[7]". */
int plan_mount_options(struct pool *pool, const struct config_mount *mount, struct mount_step *step, struct err *e);
bool plan_mount_is_bind(const struct config_mount *mount);

/* The home directory of UID in ROOTFS's own etc/passwd; "/" where there is none that can be used. */
const char *plan_home(struct pool *pool, int rootfs, uid_t uid);

/* capabilities: names to bits, what the kernel could not grant taken out with a warning. */
void plan_capabilities(struct pool *pool, const struct config_process *process, struct plan *plan);

/* process.selinuxLabel, process.apparmorProfile */
int plan_process_labels(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e);
/* linux.mountLabel, for the mounts of the plan. */
int plan_mount_labels(struct pool *pool, const struct config *config, struct plan *plan, struct err *e);
/* process.scheduler, ioPriority, execCPUAffinity */
int plan_scheduling(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e);
/* After mounts, namespaces and the user are known: is the cgroup the container's own to divide? */
void plan_delegation(struct pool *pool, struct plan *plan);
int plan_rlimits(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e);

/* Rewrite `where` of what the verdict's hardenings caused. */
void plan_mark_hardened(struct pool *pool, const struct config *original, const struct verdict *verdict,
			struct plan *plan);

/* The plan as lines of text: what print.c and print_json.c show. */
struct plan_line {
	const char *chapter, *verb, *detail, *where;
};
struct plan_lines {
	struct plan_line *item;
	size_t count;
};
void plan_describe(struct pool *pool, const struct plan *plan, struct plan_lines *ret_lines);
const char *plan_describe_mount(struct pool *pool, const struct mount_step *step);
/* MS_SHARED, MS_SLAVE, MS_UNBINDABLE or anything else, in a word. */
const char *plan_propagation_word(uint64_t propagation);
void plan_describe_creds(struct pool *pool, const struct plan *plan, struct plan_lines *lines);
void plan_line_add(struct pool *pool, struct plan_lines *lines, const char *chapter, const char *verb,
		   const char *where, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Is TYPE a file system that shows the kernel's own state (proc, sysfs)? */
bool plan_is_kernel_view(const char *type);

/*
 * Where the kernel would refuse a new proc or sysfs, since the namespace that it shows is not owned by the
 * container's user namespace, STEP becomes a bind of the host's.  0 or negative errno.
 */
int plan_mount_fallback(struct pool *pool, struct plan *plan, struct mount_step *step, struct err *e);

/* One more parameter for fsconfig(2); VALUE NULL: a flag.  An overlay's lowerdir becomes one lowerdir+ a directory. */
int plan_add_mount_data(struct pool *pool, struct mount_step *step, const char *key, const char *value, struct err *e);
/* Opens the directories of an overlay, which must be those that the verdict has judged. */
int plan_overlay(struct pool *pool, const struct plan_options *options, struct plan *plan, struct mount_step *step,
		 struct err *e);

/*
 * -EPERM if STEP, whose source or layers are open, lets the container write to the EROFS image that is its root: a bind mount
 * that is not read-only, or an upperdir, at the file or at a directory above it.  With fs-verity nobody can write there: 0.
 */
int plan_spare_root_file(struct pool *pool, const struct bundle *bundle, const struct mount_step *step, struct err *e);

#endif
