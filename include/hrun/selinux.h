/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux.h - what the policy of SELinux on this machine says of containers: which labels are theirs, and what a label may do.
 *
 * The labels are those that engines get from selinux_lxc_contexts_path(3).  What a label may do is the kernel's to say: it is asked
 * by the file `access` of selinuxfs, as security_compute_av(3) does it, and no policy is read here.
 */
#ifndef HRUN_SELINUX_H
#define HRUN_SELINUX_H

#include <hrun/err.h>
#include <hrun/host.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* USER:ROLE:TYPE:LEVEL of a container's process, and of the files that are made for it. */
struct selinux_labels {
	const char *process, *mount;
};

/*
 * Those of the policy in DIRECTORY (/etc/selinux): `process` and `file` of contexts/lxc_contexts of the policy that its file config names;
 * where one of the two files is missing, container_t and container_file_t.  Both end in level s0, without categories.  Files that
 * others than OWNER may change, and lines that say anything else, are errors.
 */
int selinux_container_labels(struct pool *pool, const char *directory, uid_t owner, struct selinux_labels *ret_labels,
			     struct err *e);

/*
 * What a root that hrun fills itself is labelled, before anybody knows its container: the label of files for containers, without
 * categories, where SELinux is enforced (FILES say so); else NULL.
 */
int selinux_root_label(struct pool *pool, const struct host_files *files, uid_t owner, const char **ret_label,
		       struct err *e);

/* The same two different categories, drawn now, to both labels.  MOUNT may be NULL. */
int selinux_add_categories(struct pool *pool, struct selinux_labels *labels, struct err *e);

/* The label of the object that FD (O_PATH will do) has open, as the kernel tells it; without blanks and control characters. */
int selinux_label_of(struct pool *pool, int fd, const char **ret_label, struct err *e);

/* May a process of label PROCESS do all COUNT PERMISSIONS on an object of CLASS ("dir") with the label TARGET? */
struct selinux_question {
	const char *process, *target, *class;
	const char *const *permissions;
	size_t count;
};
/* 1, 0, or negative errno where the kernel does not say so; FILES say where selinuxfs is. */
int selinux_may(const struct host_files *files, const struct selinux_question *question, struct err *e);

#endif
