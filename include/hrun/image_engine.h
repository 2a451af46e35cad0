/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_engine.h - the parts of image_root.h: the mount, the stores of two engines, the comparison, what is remembered of it.
 */
#ifndef HRUN_IMAGE_ENGINE_H
#define HRUN_IMAGE_ENGINE_H

#include <hrun/image.h>
#include <hrun/image_root.h>
#include <hrun/mountinfo.h>
#include <hrun/sha256.h>
#include <hrun/spec.h>
#include <sys/stat.h>
#include <time.h>

enum { ENGINE_LAYERS_MAX = 128, ENGINE_IMAGES_MAX = 64, ENGINE_NAMES_MAX = 64 };

/* ---- engine.c ---- */
/* The overlay that is mounted at the root; paths as the kernel says them. */
struct root_mount {
	const char *upper;	   /* "" where there is none */
	struct string_list lowers; /* the topmost first */
	bool user_overlay;	   /* option userxattr */
	bool is_bind;		   /* no overlay: the one directory itself */
};
/* The options of an overlay, as mountinfo has them.  NULL, or why they cannot be understood. */
const char *root_mount_options(struct pool *pool, const char *options, struct root_mount *ret);

/* ---- stamp.c: has anything in a layer changed? ---- */
struct layer_stamp {
	unsigned char look[SHA256_SIZE]; /* over device, inode, ctime, size, mode, owner of each entry */
	/* What it is remembered by: the same; but of files with fs-verity what they are measured as, and not where and of when they are. */
	unsigned char digest[SHA256_SIZE];
	struct timespec newest; /* ctime of what DIGEST knows by its look; 0 where that is nothing */
};
/* 0 or negative errno: it cannot be walked, or has more than MAX_ENTRIES. */
int layer_stamp(int dir, uint64_t max_entries, struct layer_stamp *ret);
/*
 * The same of a layer that is one regular file, IMAGE, open for reading, and shown by the mount MOUNT (statx(2), a number that no other
 * mount gets): what is in it has no times of its own.  0 or negative errno.
 */
int layer_stamp_image(int image, uint64_t mount, struct layer_stamp *ret);
/*
 * Was a layer with this stamp compared with the archive HEX before, and with the attributes of which kind of overlay?  DIRECTORY
 * as image_root_asked.cache.
 */
bool layer_is_known(const char *directory, const char *hex, bool user_overlay, const struct layer_stamp *stamp);
/* It was.  A failure costs the next start a comparison, nothing else. */
void layer_remember(const char *directory, const char *hex, bool user_overlay, const struct layer_stamp *stamp);

/* Of its parts: NAME in DIR (borrowed), or DIR itself where NAME is "", without following a link.  0 or negative errno. */
int stamp_look(int dir, const char *name, struct statx *ret);
/* An owned descriptor of NAME in DIR for reading, with FLAGS of open(2) more; or negative errno. */
int stamp_open(int dir, const char *name, int flags);
/* VISIT with CONTEXT each name in the directory FD (no O_PATH), as the file system lists them.  0, or the first negative errno. */
int stamp_each_name(int fd, int (*visit)(void *context, const char *name), void *context);
/* What ST says of NAME goes into HASH. */
void stamp_add_look(struct sha256 *hash, const char *name, const struct statx *st);
/* *newest becomes the ctime of ST where that is later. */
void stamp_add_ctime(struct timespec *newest, const struct statx *st);

/* ---- stamp_verity.c: has the content of anything changed? ---- */
/* Is ST that of a file with fs-verity? */
bool stamp_has_verity(const struct statx *st);
/*
 * What the kernel measures the file as whose content it lets nobody change (fsverity.rst, FS_IOC_MEASURE_VERITY), into HASH.  0 or negative
 * errno; -EOPNOTSUPP: the file system does not tell it, or measures by what hrun does not know.
 */
int stamp_add_measurement(struct sha256 *hash, int fd);
/* layer_stamp of a layer in which a file has fs-verity. */
int layer_stamp_measured(int dir, uint64_t max_entries, struct layer_stamp *ret);

/* ---- an engine's store, whoever's it is ---- */
struct stored_layer {
	const char *id, *path; /* 64 digits, or containerd's number; of its directory */
	int dir;	       /* owned, O_PATH or better */
	int image;	/* owned: the file that erofs has mounted at DIR; or none, and DIR is where the files are */
	uint64_t mount; /* of an image: that mount, and no other one as long as the machine runs (statx(2)) */
	/*
	 * Digests of archives: the one that it is, as this command has found out, or ""; the one that it is compared with just now; the one that
	 * an earlier command has found out; the one that it was compared with as it is mounted, while its file is.
	 */
	char known[2 * SHA256_SIZE + 1], compared[2 * SHA256_SIZE + 1];
	char remembered[2 * SHA256_SIZE + 1], mounted[2 * SHA256_SIZE + 1];
	struct layer_stamp stamp; /* before it was compared with anything */
	time_t stamped;		  /* 0: not yet */
	bool has_stamp;
};
struct stored_image {
	const char *id;
	struct string_list names, manifests; /* manifests: "sha256:..." */
};
struct stored_root {
	const char *top;		       /* "/var/lib/containers/storage", "/var/lib/containerd" */
	const struct snapshotter *snapshotter; /* containerd.c's; containers/storage: NULL */
	int images, records;		       /* owned: overlay-images, overlay-layers; containerd: none */
	int blobs; /* owned: containerd's content store; containers/storage: none, it keeps no blobs of layers */
	struct stored_layer layers[ENGINE_LAYERS_MAX]; /* the lowest first */
	size_t layer_count;
	const char *upper_path;
	int upper;					   /* owned; none where nothing can be written */
	struct stored_image candidates[ENGINE_IMAGES_MAX]; /* images whose files these layers should be */
	size_t candidate_count;
	const char *denied; /* why one of these images is, or NULL */
	bool user_overlay;
};
/*
 * The mount's directories in the store that they are of.  Every directory on the way belongs to the host's root (in a user namespace:
 * or to its owner) and can be written by nobody else.  0, or negative errno with *e; stored_root_close in any case.
 */
typedef int store_open(struct pool *pool, const struct image_root_asked *asked, const struct root_mount *mount,
		       struct stored_root *ret, struct err *e);
void stored_root_close(struct stored_root *root);
/* ---- stored_images.c ---- */
/* A list of objects, SIZE bytes of FILE, which errors name. */
struct stored_list {
	const char *file, *bytes;
	size_t size;
};
/* *ret_first: its first object (or whatever stands there), or NULL. */
int stored_list_read(struct pool *pool, const struct stored_list *list, const struct json **ret_first, struct err *e);
/*
 * Of objects with "id", "names", "layer", "digest", "big-data-names" those that are made of the layer TOP and what is below it become
 * candidates.  ret->denied is right also where an error says that there are too many of something.
 */
int stored_images_read(struct pool *pool, const struct stored_list *list, const char *top,
		       const struct policy_images *images, struct stored_root *ret, struct err *e);
/* Which of the digests that the store binds to IMAGE, such an object, is denied and by which file, as a sentence; or NULL. */
const char *stored_image_denied(struct pool *pool, const struct policy_images *images, const struct json *image);

/* ---- store_paths.c ---- */
/* A descriptor of PATH (absolute) that nobody but root, or the caller in a namespace of his own, could have put something behind. */
int store_open_path(struct pool *pool, const char *path, struct err *e);
/* The bytes of such a file, at most 16 MiB; a NUL stands behind them. */
int store_read_file(struct pool *pool, const char *path, const char **ret_bytes, size_t *ret_size, struct err *e);
/* The path of what FD is, as the kernel has it; or NULL. */
const char *store_path_of(struct pool *pool, int fd);
/* The directory's own path, or NULL: mounts may name it by a link. */
const char *store_real_path(struct pool *pool, const char *path);
/* The container's own layer, if it has not been mapped to other ids: ret->upper and ret->upper_path. */
int store_open_upper(struct pool *pool, const char *path, struct stored_root *ret, struct err *e);

/* ---- storage.c: containers/storage, the store of podman, CRI-O and buildah ---- */
enum { STORAGE_ID_SIZE = 64 };
/* Are the SIZE bytes of TEXT an id? */
bool storage_is_id(const char *text, size_t size);
/* Is PATH the directory of a layer in such a store? */
bool storage_owns(const char *path);
store_open storage_open;
/* The name of the file that holds big data KEY of an image. */
const char *storage_big_data(struct pool *pool, const char *image, const char *key);

/* ---- storage_denied.c ---- */
/* Is ROOT where a store mounts or copies a container? */
bool storage_has_root(struct pool *pool, const char *root);
/*
 * Why the image is denied of which the store has made the container whose root is mounted at ROOT or copied there; NULL: it is not, or the
 * store says nothing.  Its driver does not matter.  LOWERS: the layers that the mount names, which may be of other stores.
 */
const char *storage_denied(struct pool *pool, const struct policy_images *images, const char *root,
			   const struct string_list *lowers);

/* ---- erofs.c: layers that are one file each, mounted by the kernel ---- */
/* Is DIR (O_PATH will do) a directory of an erofs? */
bool erofs_holds(int dir);
/* The path of the file that is mounted at DIR, by one of the COUNT MOUNTS; NULL: DIR is the top of no erofs, or there is no such file. */
const char *erofs_image_of(struct pool *pool, const struct mountinfo *mounts, size_t count, int dir);
/* The top of what is mounted at layer->path (absolute, through no link), where only root can mount: layer->dir.  0, or negative errno with *e. */
int erofs_layer_open(struct pool *pool, struct stored_layer *layer, struct err *e);
/*
 * Of which file that is, by the COUNT MOUNTS, which were read after it was opened (a mount's number is free once nobody has it open), and
 * that file's path: ret->image, ret->mount.  Nobody but root could have changed that file.  0, or negative errno with *e.
 */
int erofs_layer_open_image(struct pool *pool, const struct mountinfo *mounts, size_t count, struct stored_layer *ret,
			   const char **ret_image, struct err *e);
/*
 * An owned, detached mount of LAYER's file, which shows what the file holds now.  A mount that is there already may go on showing what
 * it has read before the file was changed.
 */
int erofs_layer_mount(const struct stored_layer *layer, struct err *e);

/* ---- containerd.c: its content store and its snapshotters overlayfs and erofs ---- */
/* Is PATH a snapshot whose files can be compared? */
bool containerd_owns(const char *path);
/* Is it one of which the image is known? */
bool containerd_knows(const char *path);
/* The snapshot whose layer is the file IMAGE, or NULL. */
const char *containerd_snapshot_of(struct pool *pool, const char *image);
/* The same of what is mounted at DIR, by one of the COUNT MOUNTS.  NULL and *ret_untold: it is an erofs, but of no such file. */
const char *containerd_mounted_at(struct pool *pool, const struct mountinfo *mounts, size_t count, int dir,
				  const char **ret_untold);
store_open containerd_open;
/* Why an image is denied that the snapshot LAYER could be of, or what it is made of; or NULL. */
const char *containerd_denied(struct pool *pool, const struct image_root_asked *asked, const char *layer);

/* ---- compare.c ---- */
/* One image under one name. */
struct stored_verdict {
	const char *reason; /* NULL: accepted, */
	bool is_signed;	    /* by a signature; or the policy asks for none */
	bool denied;	    /* refused by denyDigests */
	const struct image_answer *answer;
};
void stored_image_verify(struct pool *pool, const struct image_root_asked *asked, struct stored_root *root,
			 const struct stored_image *image, const char *name, struct stored_verdict *ret);
/* What was compared, and did not change meanwhile, is remembered. */
void stored_root_remember(const struct image_root_asked *asked, const struct stored_root *root);

/* ---- places.c ---- */
/*
 * The layouts that images.signatures of the policy names, as owned descriptors (0 and none where it fails): each directory is one,
 * or holds some.  Their number, or negative errno.
 */
int signature_places(const struct policy_images *images, int ret_places[IMAGE_PLACES_MAX], struct err *e);

/* ---- upper.c ---- */
/* NULL, or what the container's writable layer has beyond what engine and runtime put there. */
const char *upper_changes(struct pool *pool, const struct stored_root *root, const struct bundle *bundle);

#endif
