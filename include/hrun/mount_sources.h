/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_sources.h - what a directory or file of the host is that somebody wants to mount.
 *
 * One source has several paths: the text of the config, the real path behind links, and every other path under which
 * the kernel shows the same directory (bind mounts).  All of them are judged.
 */
#ifndef HRUN_MOUNT_SOURCES_H
#define HRUN_MOUNT_SOURCES_H

#include <hrun/engine_paths.h>
#include <hrun/judging.h>

/* Bits of what a path gives away, one for each rule about sources. */
enum breaks {
	BREAKS_HOST_ROOT = 1 << 0,
	BREAKS_SYSTEM_DIR = 1 << 1,
	BREAKS_ENGINE_STATE = 1 << 2,
	BREAKS_ENGINE_SOCKET = 1 << 3,
	BREAKS_HOST_PROC = 1 << 4,
	BREAKS_HOST_SYS = 1 << 5,
	BREAKS_HOST_DEV = 1 << 6,
};
enum { BREAKS_COUNT = 7 };

/* What PATH (absolute, folded) is, by its text.  What an engine manages is nothing.  POLICY may be NULL. */
unsigned int source_path_breaks(const struct policy *policy, const char *path);
/* What a mount of a file system of this type shows, wherever it is. */
unsigned int source_type_breaks(const char *type);
/* Public files of the system that a container may see read-only: its time zone, the certificates. */
bool source_path_is_public(const char *path, bool is_directory);
/*
 * Is the real path REAL a store that some hrun's --store made, or in one?  A directory above one is none.  ST tells of REAL, NULL where
 * nobody has looked yet.  1, 0, or the negative errno why a directory that may be one cannot be looked at.
 */
int path_is_in_image_store(const char *real, const struct stat *st);
/* Names of the sockets of engines, NULL at the end. */
extern const char *const engine_sockets[];

/* The host's mounts and the links in the paths above, looked up once, when the first source needs them. */
struct host_view;
struct host_view *host_view_new(struct pool *pool);

struct source_verdict {
	bool is_judged;
	unsigned int bits;
	const char *path[BREAKS_COUNT]; /* for each bit the path that breaks the rule */
	bool is_in_store; /* a store of images (own_stores.c), which path[] tells for BREAKS_ENGINE_STATE */
	bool is_managed;  /* an engine's own file */
	bool is_exempt;	  /* public, a harmless device, rootless /sys */
	int error;	  /* negative errno: there, but cannot be looked at */
};
/* Judge MOUNT's source, at most once: LOOK keeps the answer. */
const struct source_verdict *source_judge(const struct judged *judged, const struct config_mount *mount,
					  const struct mount_look *look);

/* Is it a path of the host that no other rule is about, no engine manages and no policy allows? */
bool source_is_host_path(const struct judged *judged, const struct config_mount *mount, const struct mount_look *look);

/* SOURCE as it is mounted: O_PATH, by no magic link, a relative one inside the bundle.  Owned, or negative errno. */
int source_open(const struct bundle *bundle, const char *source);
/*
 * Look at SOURCE, a bind source or a directory of an overlay: fills the source part of *look.  Returns what was judged, as source_open
 * opens it (owned), or the negative errno why nobody may mount it; *look may tell of it all the same.
 */
int source_look(const struct judged *judged, const char *source, struct host_view *host, struct mount_look *look);

/* One directory from the front of an overlay's LIST, where "\\:" is a colon; *list moves behind it. */
const char *overlay_next_directory(struct pool *pool, const char **list);
/* The kernel takes no more layers; a list of thousands is not worth a look at each. */
enum { OVERLAY_LAYERS_MAX = 500 };

/* Is the last word about it ro or rro? */
bool mount_is_read_only(const struct config_mount *mount);
/* The same of what is mounted below: only rro and rrw are about that. */
bool mount_is_read_only_below(const struct config_mount *mount);
/* Can nothing be written through the bind mount MOUNT, neither in its source nor in what the host has mounted below that? */
bool source_is_read_only(const struct config_mount *mount, const struct mount_look *look);

/* judged->own_paths as the kernel has them, behind links; looked up once. */
const struct string_list *host_own_paths(struct host_view *host, const struct judged *judged);

/* The paths of the same directory elsewhere in our mount namespace, and the mounts below it (mount_aliases.c). */
struct alias_visit {
	void (*path)(struct alias_visit *visit, const char *path);
	void (*type)(struct alias_visit *visit, const char *type);
};
/* 0 or negative errno where the mounts cannot be read. */
int host_visit_aliases(struct host_view *host, const struct mount_look *look, bool recursive,
		       struct alias_visit *visit);
/* Is something mounted below the real path REAL?  Also true where that cannot be read. */
bool host_has_mounts_below(struct host_view *host, const char *real);
/* Other spellings of the protected directories, where those are links: what PATH breaks by them. */
unsigned int host_linked_breaks(struct host_view *host, const struct policy *policy, const char *path);
/* Is PATH managed by an engine, by the real paths of the engines' roots? */
enum managed host_managed_kind(struct host_view *host, const struct policy *policy, const char *path);
/* engine_path_is_staged, by the real paths of the kubelet's roots. */
bool host_path_is_staged(struct host_view *host, const struct policy *policy, const char *path);
/* Is there a cgroup2 mount with the option nsdelegate?  Negative errno where that cannot be read. */
int host_has_nsdelegate(struct host_view *host);

#endif
