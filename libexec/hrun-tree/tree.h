/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the parts of hrun-tree, which writes, or reads, what is below one directory, and parses no format but its records.
 */
#ifndef HRUN_TREE_H
#define HRUN_TREE_H

#include <hrun/tree_wire.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---- names.c: paths as keyed hashes of 64 bits, with a number each ---- */
struct name_slot {
	uint64_t hash; /* 0: free */
	uint32_t value;
};
struct name_table {
	struct name_slot *slots;
	size_t size, count;
};
/* A key of this process: who makes an archive cannot make two paths meet. */
struct name_key {
	uint64_t k0, k1;
};
uint64_t name_hash(const struct name_key *key, const char *path);
/* Its value, or NULL where it is not in the table. */
uint32_t *name_find(const struct name_table *table, uint64_t hash);
/* The same, added with 0 where it is new; NULL: no memory. */
uint32_t *name_add(struct name_table *table, uint64_t hash);
void name_clear(struct name_table *table);
/*
 * ARRAY of elements of SIZE bytes with room for one more than COUNT: as it is, or moved and *ROOM doubled; NULL, and all as it
 * was, where there is no memory.
 */
void *tree_grow(void *array, size_t count, size_t *room, size_t size);

/* ---- stream.c ---- */
enum { TREE_BUFFER = 256 << 10 };
struct tree_stream {
	int fd;
	size_t at, have;
	unsigned char buffer[TREE_BUFFER];
};
/* SIZE bytes, or -EPIPE where the stream ends before. */
int tree_stream_read(struct tree_stream *s, void *to, size_t size);
/* Up to MAX bytes where they lie: their number or negative errno, -EPIPE at the end. */
ssize_t tree_stream_take(struct tree_stream *s, uint64_t max, const unsigned char **ret_bytes);
int tree_stream_write(struct tree_stream *s, const void *from, size_t size);
int tree_stream_flush(struct tree_stream *s);

/* ---- what is being done ---- */
enum made {
	MADE_PARENT = 1,
	MADE_ENTRY = 2,
	MADE_OPAQUE = 4
}; /* by this layer: as a parent of an entry only, or by an entry of its own */

struct tree_directory { /* what a directory gets at the end */
	char *path;
	uint32_t mode, uid, gid, mtime_nsec;
	int64_t mtime;
};

struct tree_link;
struct tree {
	int root;
	int lowers[TREE_LOWERS_MAX]; /* TREE_SERVE: the layers below, the topmost first */
	size_t lower_count;
	uint32_t flags;
	uint64_t max_entries, max_bytes;
	uint32_t uid, gid; /* ours: what is made has them already */
	uint64_t entries, bytes, layer;
	struct tree_stream stream;
	struct name_key key;
	struct name_table made; /* by this layer; empty while it is the first */
	struct name_table
		directories; /* number: index + 1; when serving: names that were asked of a file with several */
	struct tree_directory *pending;
	size_t pending_count, pending_room;
	char **dropped; /* paths of stand-ins for device nodes */
	size_t dropped_count, dropped_room;
	/* What a walk has met with more than one name. */
	struct name_table inodes; /* "device:inode"; number: index + 1 */
	struct tree_link *links;
	size_t link_count, link_room;
	/* The directory that the last entry was put into. */
	int parent;
	bool parent_marked;
	char parent_path[TREE_PATH_MAX];
	/* The entry that attributes belong to. */
	struct tree_record record;
	char path[TREE_PATH_MAX], extra[TREE_EXTRA_MAX + 1];
	int file; /* open while a file is not finished */
	uint32_t file_mode;
	bool takes_xattrs;
	char entry_path[TREE_PATH_MAX];
	char reason[256];
};

/* Fills t->reason unless it is filled; returns -ERRNUM. */
int tree_fail(struct tree *t, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- open.c ---- */
/* openat2 of PATH ("" is DIR itself) below DIR: no link is followed, no mount point passed.  A descriptor or negative errno. */
int tree_open(int dir, const char *path, int flags, mode_t mode);
/*
 * The directory that PATH is in (borrowed) and its last name.  MAKE: what is missing on the way is made, 0755 and root's.
 * Negative errno; without MAKE t->reason is left alone.
 */
int tree_open_parent(struct tree *t, const char *path, bool make, const char **ret_name);
void tree_forget_parent(struct tree *t);
/* What this layer made is remembered, from the second layer on. */
int tree_mark(struct tree *t, const char *path, enum made made);
enum made tree_made(const struct tree *t, const char *path);
/* The directory PATH (written to meanwhile) and each one on the way to it. */
int tree_mark_way(struct tree *t, char *path);
/* One more entry or directory; -EFBIG where there are too many. */
int tree_count(struct tree *t);
/* 1: this layer had no such whiteout yet; 0: it had. */
int tree_first_whiteout(struct tree *t, bool opaque, const char *path);

/* ---- remove.c ---- */
/* NAME in DIR, which is PATH of the tree: all of it, or with LOWER only what this layer has not made. */
int tree_remove(struct tree *t, int dir, const char *name, const char *path, bool lower);
/* What lower layers put into the directory PATH. */
int tree_remove_lower(struct tree *t, const char *path);

/* ---- attributes.c ---- */
/* Of NAME in DIR, or of DIR itself where NAME is "". */
int tree_set_owner(struct tree *t, int dir, const char *name, uint32_t uid, uint32_t gid);
mode_t tree_mode(const struct tree *t, uint32_t mode);
int tree_set_xattr(struct tree *t, int fd, const char *name, const void *value, size_t size);
int tree_clear_xattrs(int fd);
/* A directory's owner, mode and times come when the tree is complete; the last word counts. */
int tree_later(struct tree *t, const char *path, const struct tree_record *record);
int tree_finish_directories(struct tree *t);

/* ---- drop.c: a socket, which no record makes, stands for each device node until the tree is complete ---- */
/* t->path is a stand-in, or another name of one. */
int tree_drop_later(struct tree *t);
/* Is NAME in DIR one?  Only where there are any. */
bool tree_is_dropped(const struct tree *t, int dir, const char *name);
/* The end: all that are still there go. */
int tree_drop(struct tree *t);

/* ---- links.c ---- */
/* A walk meets ST, no directory, at PATH.  *ret_first is its first name where it was met before (t's), or NULL. */
int tree_link_look(struct tree *t, const struct stat *st, const char *path, const char **ret_first);
/* At the end, with TREE_NAMES: has a file that others may write a name that was not met? */
int tree_links_check(struct tree *t);
void tree_links_forget(struct tree *t);

/* ---- the tasks ---- */
int tree_apply(struct tree *t);
int tree_walk(struct tree *t);
int tree_serve(struct tree *t);

/* ---- serve.c ---- */
/* Is this attribute told of?  (A walk tells less: here trusted.* is what matters.) */
bool tree_serves_xattr(const struct tree *t, const char *name);
/* The attribute by which overlayfs hides what lower layers have in a directory. */
const char *tree_opaque_name(const struct tree *t);
/* 1, 0, or negative errno; -EBADMSG: it has another value than "y". */
int tree_is_opaque(const struct tree *t, int dir);

/* ---- implied.c: directories on the way to entries, which the engine has made by itself ---- */
/* Does FD, the directory PATH, look as the engine makes one?  0, or -EBADMSG and t->reason. */
int tree_check_implied(struct tree *t, int fd, const struct stat *st, const char *path);

/* ---- rest.c: what is there beyond what was asked for ---- */
/* 0, or -EBADMSG and t->reason; other errnos where it cannot be found out. */
int tree_rest(struct tree *t);
/* One more name of the file ST was asked for. */
int tree_count_name(struct tree *t, const struct stat *st);

/* ---- confine.c: from here on nothing but this directory, these capabilities and these calls ---- */
int tree_confine(struct tree *t, uint32_t task);

#endif
