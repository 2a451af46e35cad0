/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_wire.h - the stream that hrun-tree applies below one directory, or sends of one.
 *
 * A record is this header, then path_size bytes of path, then extra_size bytes (what they are is said beside the kind), then,
 * of a file, size bytes of content.  A path has no empty, "." or ".." component and no leading "/"; "" is the directory
 * itself.  Who receives checks every field and ends at the first that is out of range.
 *
 * TREE_SERVE has no records: the stream is a SEQPACKET socket on which hrun-image asks about one entry at a time of a layer
 * that an engine has unpacked for overlayfs.
 */
#ifndef HRUN_TREE_WIRE_H
#define HRUN_TREE_WIRE_H

#include <hrun/str.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	TREE_WIRE_MAGIC = 0x74726565, /* "tree" */
	TREE_PATH_MAX = 4096,
	TREE_NAME_MAX = 255,
	TREE_DEPTH_MAX = 128,
	TREE_EXTRA_MAX = 65536 + 256, /* the largest value of an extended attribute and its name */
	TREE_LOWERS_MAX = 128,
};

enum tree_kind {
	TREE_DIRECTORY,
	TREE_FILE,     /* content follows */
	TREE_SYMLINK,  /* extra: the target */
	TREE_HARDLINK, /* extra: the path of another name of it, no directory, that came before */
	TREE_FIFO,
	TREE_CHAR_DEVICE,
	TREE_BLOCK_DEVICE,
	TREE_XATTR,	/* of the entry before; extra: name, NUL, value */
	TREE_REMOVE,	/* whiteout: this name and all below it, of lower layers only */
	TREE_OPAQUE,	/* what lower layers put into this directory goes */
	TREE_LAYER_END, /* what comes now belongs to the next layer */
	TREE_END, /* the last record; what was deferred (times, read-only modes) is done, then hrun-tree answers */
	TREE_KINDS
};

struct tree_record {
	uint32_t magic, kind;
	uint32_t path_size, extra_size;
	uint32_t mode; /* 07777 */
	uint32_t uid, gid;
	uint32_t device_major, device_minor;
	uint32_t mtime_nsec;
	int64_t mtime; /* seconds since the epoch */
	uint64_t size; /* TREE_FILE */
};

enum tree_task {
	TREE_APPLY, /* the stream's records below the directory */
	/*
	 * The directory's records into the stream, in the order of the bytes of their names, each directory before what is in it.
	 * Attributes are user.*, security.capability and the two of POSIX ACLs, by the bytes of their names; TREE_HARDLINK records
	 * have no owner, mode and time.
	 */
	TREE_WALK,
	TREE_SERVE, /* questions (struct tree_ask) about the directory until the other end is closed */
};
enum tree_flags {
	TREE_DEVICES = 1, /* device nodes are made; otherwise they are refused */
	/*
	 * An ordinary user, who has one id only: nothing gets an owner, and without the owners nothing gets setuid and setgid; attributes
	 * that the kernel denies are left out.
	 */
	TREE_SQUASH = 2,
	/* TREE_WALK: a file that others than root and the caller may write has no name outside of the tree. */
	TREE_NAMES = 4,
	TREE_USER_OVERLAY =
		8, /* TREE_SERVE: overlayfs was mounted by an ordinary user; its attributes are user.overlay.* */
	/* Several containers will have this tree: a FIFO, which works on a read-only mount as well, would connect them; it is refused. */
	TREE_SHARED = 16,
	/* Device nodes, and hard links to them, are left out; all else is as if they were there. */
	TREE_DROP_DEVICES = 32,
	TREE_EROFS = 64, /* TREE_SERVE: the layer is an erofs; what mkfs.erofs alone does wrong is called so */
};

enum tree_ask_kind {
	TREE_ASK_ENTRY,	 /* this entry belongs to the layer: what is it? */
	TREE_ASK_OPAQUE, /* the layer says that this directory hides what lower layers have in it */
	TREE_ASK_PEEK,	 /* what is it, without belonging there */
	TREE_ASK_REST,	 /* all was asked for: is there anything else? */
	TREE_ASK_KINDS
};

struct tree_ask {
	uint32_t magic, kind;
	char path[TREE_PATH_MAX]; /* TREE_ASK_REST: "" */
};

/*
 * One answer to each.  A descriptor for reading comes with a regular file that was looked at.  Of EXTRA only as much is sent as
 * is used.  TREE_ASK_REST: error 0 where nothing is left over; else -EBADMSG, and extra is a sentence about one that is.
 */
struct tree_told {
	uint32_t magic;
	int32_t error; /* 0 or a negative errno; -ENOENT: there is none */
	uint32_t mode; /* with the type, as stat(2) has it */
	uint32_t uid, gid, device_major, device_minor;
	uint32_t extra_size;
	uint64_t size, device, inode;
	/* A symbolic link's target; of files and directories the extended attributes, but for those of the machine and of overlayfs:
	 * name, NUL, size of the value (uint32_t, unaligned), value. */
	char extra[TREE_EXTRA_MAX];
};

/* TREE_SERVE: may this attribute be told of?  Not a label or a measurement, which are the machine's. */
static inline bool tree_tells_xattr(const char *name)
{
	return !str_starts(name, "security.") || str_equal(name, "security.capability");
}

/*
 * The one request, with two descriptors: the directory, the stream.  TREE_SERVE: then LOWERS more, the directories of the layers below,
 * the topmost first: who unpacked it gave a directory on the way to an entry the owner, mode and attributes that it has there.
 */
struct tree_request {
	uint32_t magic, task, flags, lowers;
	uint64_t max_entries, max_bytes;
};

/* hrun-tree's one answer over its control socket. */
struct tree_answer {
	uint32_t magic;
	int32_t error; /* 0 or a negative errno */
	uint64_t entries, bytes;
	char reason[256];
};

#endif
