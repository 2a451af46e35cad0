/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_upper.h - the parts of upper_changes: entries of a container's own layer, each beside what the image has at its path.
 */
#ifndef HRUN_IMAGE_UPPER_H
#define HRUN_IMAGE_UPPER_H

#include <hrun/image_engine.h>
#include <sys/stat.h>

struct upper {
	struct pool *pool;
	const struct stored_root *root;
	const struct config *config;
	struct string_list
		mounts; /* what something is mounted on: relative to the root, clean; by its text and behind links */
	struct string_list cwd; /* the working directory, likewise */
};

/* An entry that is open: of the upper layer, or of a layer of the image. */
struct upper_entry {
	const char *path; /* relative to the root, clean */
	struct stat st;
	int fd; /* owned; for reading where it is a directory or a regular file, else O_PATH */
};

/* ---- upper_image.c ---- */
/* NAME in DIR (through no link), which is PATH in the root.  0, or negative errno; ret->fd is the caller's to close if it is >= 0. */
int upper_entry_open(int dir, const char *name, const char *path, struct upper_entry *ret);
/*
 * PATH as the layers of the image show it together: the topmost one that has it, unless a whiteout or an opaque directory of a
 * higher one hides it.  1 and *ret; 0 where the image has nothing there; negative errno where that cannot be found out.
 */
int upper_look_in_image(const struct upper *u, const char *path, struct upper_entry *ret);
/*
 * Is the entry what it would be if engine or runtime had made it, in a directory like PARENT?  Type, mode, owner and attributes
 * are those of the image at its path; where the image has nothing there it is root's, in the group that the kernel gives it,
 * and nobody else may write to it (a directory: 0755), and it has no attribute.  No mark of the overlay changes what it shows.
 * *ret_of_image: the image has it.
 */
bool upper_is_untouched(const struct upper *u, const struct upper_entry *entry, const struct stat *parent,
			bool *ret_of_image);
/* The same of the top of the layer, which engines make as the image's, or 0755, or 0555. */
bool upper_top_is_untouched(const struct upper *u, const struct upper_entry *top);

/* ---- upper_accounts.c ---- */
/*
 * Has etc/passwd or etc/group (ENTRY, a regular file) the lines of the image, and behind them at most the one that podman
 * adds: for the user of the process, or its group, where the image has no such name and number; without a password, and not root's?
 */
bool upper_accounts_are_engines(const struct upper *u, const struct upper_entry *entry);

#endif
