/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mnt.h - detached mounts (the mount API of Linux 5.2, mount_setattr of 5.12).
 *
 * A mount is built detached, given its attributes while nobody can reach it, and
 * attached in one move onto a descriptor.
 */
#ifndef HRUN_MNT_H
#define HRUN_MNT_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stdint.h>

struct fd_pile;

/* An owned descriptor of a detached clone of what FD stands for (open_tree(2) OPEN_TREE_CLONE). */
int mnt_clone(int fd, bool recursive, struct err *e);

/*
 * The same of what PATH is below FD ("": FD itself), no link at its end, and mnt_setattr on the clone with the same RECURSIVE: by one call
 * where the kernel has it (open_tree_attr, Linux 6.15), else by two.
 */
int mnt_clone_with(int fd, const char *path, uint64_t set, uint64_t propagation, bool recursive, struct err *e);

/*
 * mount_setattr(2) on the mount that FD stands for: set and clear MOUNT_ATTR_*
 * bits; PROPAGATION is 0 or one of MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE.
 */
int mnt_setattr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive, struct err *e);

/*
 * The same, but a flag to be cleared that is locked stays: whoever made our user namespace has not left us
 * more of the mount than this (mount_namespaces(7)).  Keeping it is always the stricter way.
 */
int mnt_setattr_unlocked(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive, struct err *e);

/* Show the ids of the detached mount FD through the maps of the user namespace NAMESPACE (MOUNT_ATTR_IDMAP). */
int mnt_idmap(int fd, int namespace, bool recursive, struct err *e);

/* move_mount(2): attach the detached mount MNT onto TARGET (both descriptors, nothing is looked up). */
int mnt_attach(int mnt, int target, struct err *e);

/* fsopen(2): an owned context descriptor of file system TYPE. */
int mnt_fs_open(const char *type, struct err *e);

/* fsconfig(2): one string parameter, or a flag where VALUE is NULL.  The kernel's own message is in the error. */
int mnt_fs_set(int fs, const char *key, const char *value, struct err *e);

/* fsconfig(CMD_CREATE) + fsmount(2) with MOUNT_ATTR_* bits ATTR: an owned descriptor of the detached mount. */
int mnt_fs_mount(int fs, uint64_t attr, struct err *e);

/*
 * An owned, detached, read-only, empty tmpfs (nosuid, nodev, noexec) with the LABEL of SELinux, or NULL: as the policy has it.
 * PILE, here and below: gets what this needed on the way.
 */
int mnt_empty_dir(const char *label, struct fd_pile *pile, struct err *e);

/* An owned, detached procfs of the caller's pid namespace (nosuid, nodev, noexec); nobody else can mount over it. */
int mnt_private_proc(struct fd_pile *pile, struct err *e);

#endif
