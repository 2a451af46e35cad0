/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - an opened bundle directory: what was judged is what is used.
 */
#ifndef HRUN_BUNDLE_H
#define HRUN_BUNDLE_H

#include <hrun/config.h>
#include <hrun/err.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Of an image: the directory is the layout's, and there is no config.json but the bytes that hrun wrote itself. */
struct bundle {
	const char *path;	  /* absolute, no symlinks (from the descriptor) */
	int dir;		  /* owned, O_PATH */
	const char *config_bytes; /* config.json as read, once */
	size_t config_size;
	struct stat dir_stat, config_stat;
	struct config *config;
	const char *rootfs_path; /* absolute; NULL where root.path is absent */
	int rootfs;		 /* owned, O_PATH of the root directory, or negative errno of opening it */
	struct stat rootfs_stat; /* valid where rootfs >= 0 */
	/*
	 * root.path is a regular file: root_file is an owned O_PATH descriptor of it, and rootfs is negative until somebody has vouched
	 * for the file and mounted it (signed_bundle.c); then it is a detached mount.
	 */
	bool root_is_file;
	int root_file;
	struct stat root_file_stat;
	const char *root_refusal; /* why it was not mounted though it is signed; or NULL */
	bool unpacked; /* the root is a detached mount that hrun has filled, now or in its store: no directory of others */
};

/*
 * Open DIRECTORY (relative to the caller's working directory) and read
 * config.json once: a regular file, by descriptor, at most MAX_SIZE bytes.
 * CONFIG_NAME is NULL for "config.json" (create --config).
 * 0; or negative errno with *e (missing bundle, unreadable file), or -EINVAL with
 * ret_error->rule set where the document itself is refused (*e then holds the
 * whole line).
 */
int bundle_open(struct pool *pool, const char *directory, const char *config_name, size_t max_size,
		struct bundle *ret_bundle, struct json_error *ret_error, struct err *e);
/* The directory of an image alone (ret_bundle->dir, path, dir_stat; config_stat is index.json's): the first half. */
int bundle_open_layout(struct pool *pool, const char *directory, struct bundle *ret_bundle, struct err *e);
/*
 * The second half: the document BYTES (NUL-terminated) and the detached mount ROOTFS, which is the bundle's from here on, also
 * where this fails.  As bundle_open.
 */
int bundle_take_document(struct pool *pool, struct bundle *bundle, const char *bytes, size_t size, size_t max_size,
			 int rootfs, struct json_error *ret_error, struct err *e);
void bundle_close(struct bundle *bundle);

/* What root.path names on the host: a descriptor of the directory or file (or negative), and its stat. */
int bundle_root_fd(const struct bundle *bundle);
const struct stat *bundle_root_stat(const struct bundle *bundle);

#endif
