/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_store.h - root filesystems that were verified when they were unpacked, kept for the next start.
 *
 *   DIR/sha256-HEX/rootfs       what the image with this manifest digest unpacks to, with the mount points of its container;
 *                               never changed again
 *   DIR/sha256-HEX/record.json  what it is
 *   DIR/new/sha256-HEX/         the same while it is made
 *
 * DIR is root's alone (mode 0700), and only root may write to the directories above it.  What a store promises is that: these bytes were right when they were written, and nobody but root could change them
 * since.  Signature, policy, manifest and config are judged anew for each start.
 */
#ifndef HRUN_IMAGE_STORE_H
#define HRUN_IMAGE_STORE_H

#include <dirent.h>
#include <hrun/image.h>

enum { STORE_NAME_SIZE = IMAGE_DIGEST_SIZE };

struct image_store {
	const char *path; /* absolute */
	int dir;	  /* owned */
	int making;	  /* owned: DIR/new; -EROFS where nothing can be added */
};
#define IMAGE_STORE_EMPTY                        \
	{                                        \
		.dir = -EBADF, .making = -EBADF, \
	}

/* Open the store PATH (from the working directory where it is relative), make it where it is missing, and remove what
 * killed runs left in it.  0 or negative errno. */
int image_store_open(struct pool *pool, const char *path, struct image_store *ret, struct err *e);
void image_store_close(struct image_store *store);

/* What is done to a root filesystem once, between its last file and its place in the store: ROOTFS is a directory, borrowed. */
struct store_finish {
	int (*finish)(void *context, int rootfs, const struct image_result *result, struct err *e);
	void *context;
};

/*
 * The root filesystem of CALL's image: everything but the layers is verified, then it comes from the store, or is verified with its
 * layers, unpacked into it and finished (FINISH may be NULL), for which another run that does the same is waited for.
 * 0 and an answer; *ret_root is an owned O_PATH descriptor of it where that is IMAGE_ACCEPT, -EBADF otherwise.  Negative
 * errno where the store cannot be used: then there is no answer.
 */
int image_store_take(struct pool *pool, const struct image_store *store, const struct image_call *call,
		     const struct store_finish *finish, struct image_result *ret, int *ret_root, struct err *e);

/* An owned, detached, private clone of the mount at ROOT: read-only and without devices, so that no container writes into the store. */
int image_store_mount(int root, struct err *e);

/* ---- inside the store ---- */

/* An owned descriptor of NAME (one component) in DIR: through no link and no mount.  Or negative errno. */
int store_open_at(int dir, const char *name, int flags);
/* "sha256:HEX" as the name of its entry. */
int store_name(const char *digest, char ret_name[STORE_NAME_SIZE]);

/* ---- store_entry.c ---- */
/*
 * The complete entry of ANSWER's manifest: 1, *ret_root (O_PATH, owned) and in ANSWER the device nodes that were left out of it,
 * or 0 where there is none.  Negative errno where
 * something stands there that is not what this hrun has made for this image under LIMITS.
 */
int store_entry_open(struct pool *pool, const struct image_store *store, struct image_answer *answer,
		     const struct image_request *limits, int *ret_root, struct err *e);
/* record.json of an entry that is being made in DIR. */
int store_entry_record(struct pool *pool, int dir, const struct image_result *result, struct err *e);

/* ---- store_make.c ---- */
/*
 * Unpack CALL's image, whose manifest has the digest DIGEST, into a new entry.  1 and its answer in *ret (the entry is
 * there where it is IMAGE_ACCEPT); 0 where somebody else was at it: look again.  Or negative errno.
 */
int store_make(struct pool *pool, const struct image_store *store, const struct image_call *call, const char *digest,
	       const struct store_finish *finish, struct image_result *ret, struct err *e);
/* Remove from DIR/new what nobody alive is making. */
int store_sweep(const struct image_store *store, struct err *e);

/* ---- store_empty.c ---- */
/* Remove everything in the directory DIR, whatever it is and however deep, through no link and into no mount.  0 or negative errno. */
int store_empty(int dir);

/* The names in DIR (borrowed) but for "." and "..", from the first one; NULL with errno where it cannot be read. */
DIR *store_names(int dir);
const char *store_next_name(DIR *names);
void store_names_close(DIR **names);
#define autonames __attribute__((cleanup(store_names_close)))

#endif
