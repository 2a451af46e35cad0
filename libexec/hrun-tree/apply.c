// SPDX-License-Identifier: Apache-2.0
/*
 * apply.c - records become files.  Each field is checked before anything is done with it.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool is_good_path(const char *path, size_t size)
{
	size_t depth = 0;

	if (strlen(path) != size)
		return false;
	for (const char *p = path; *p; depth++) {
		size_t n = strcspn(p, "/");
		if (n == 0 || n > TREE_NAME_MAX || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '/' && !*++p)
			return false;
	}
	return depth <= TREE_DEPTH_MAX;
}

/* Which kinds have a path that may not be empty, content, an extra. */
static int check_kind(struct tree *t)
{
	const struct tree_record *record = &t->record;
	bool entry = record->kind < TREE_XATTR;
	bool extra = record->kind == TREE_SYMLINK || record->kind == TREE_HARDLINK || record->kind == TREE_XATTR;
	bool needs_path = (entry && record->kind != TREE_DIRECTORY) || record->kind == TREE_REMOVE;
	bool no_path = record->kind == TREE_XATTR || record->kind >= TREE_LAYER_END;

	if ((needs_path && !record->path_size) || (no_path && record->path_size) || extra != (record->extra_size > 0) ||
	    (record->size > 0 && record->kind != TREE_FILE) || record->mode > 07777 || record->mtime_nsec > 999999999 ||
	    record->uid == UINT32_MAX || record->gid == UINT32_MAX)
		return tree_fail(t, EPROTO, "a record has a field out of range");
	if (entry)
		TRY(tree_count(t));
	if (record->size > t->max_bytes - t->bytes)
		return tree_fail(t, EFBIG, "the tree is larger than %llu bytes", (unsigned long long)t->max_bytes);
	t->bytes += record->size;
	return 0;
}

static int check_extra(struct tree *t)
{
	const struct tree_record *record = &t->record;
	size_t length = strlen(t->extra);

	if (record->kind == TREE_SYMLINK && (length != record->extra_size || length >= TREE_PATH_MAX))
		return tree_fail(t, EPROTO, "a record has a link to no path");
	if (record->kind == TREE_HARDLINK &&
	    (record->extra_size >= TREE_PATH_MAX || !is_good_path(t->extra, record->extra_size)))
		return tree_fail(t, EPROTO, "a record has a hard link to no path of the tree");
	if (record->kind == TREE_XATTR && (length == 0 || length >= record->extra_size || !t->takes_xattrs))
		return tree_fail(t, EPROTO, "a record has an attribute without a name, or of nothing");
	return 0;
}

static int read_record(struct tree *t)
{
	struct tree_record *record = &t->record;

	int r = tree_stream_read(&t->stream, record, sizeof *record);
	if (r == 0 && (record->magic != TREE_WIRE_MAGIC || record->kind >= TREE_KINDS ||
		       record->path_size >= TREE_PATH_MAX || record->extra_size > TREE_EXTRA_MAX))
		return tree_fail(t, EPROTO, "a record has a field out of range");
	if (r == 0)
		r = tree_stream_read(&t->stream, t->path, record->path_size);
	if (r == 0)
		r = tree_stream_read(&t->stream, t->extra, record->extra_size);
	if (r < 0)
		return tree_fail(t, -r, "the stream of records ends before its end");
	t->path[record->path_size] = 0;
	t->extra[record->extra_size] = 0;
	if (!is_good_path(t->path, record->path_size))
		return tree_fail(t, EPROTO, "a record has a path that is none of the tree");
	TRY(check_kind(t));
	return check_extra(t);
}

static int cannot(struct tree *t, int r)
{
	return r < 0 ? tree_fail(t, -r, "%.120s cannot be made: %s", t->path, strerror(-r)) : r;
}

/* The end of a file, when its attributes are there: a mode that lets nobody write would have kept an ordinary user from setting them. */
static int finish_file(struct tree *t, const struct timespec *mtime)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};
	autofd int fd = TAKE_FD(t->file);

	return fd >= 0 && (fchmod(fd, tree_mode(t, t->file_mode)) < 0 || futimens(fd, times) < 0)
		       ? tree_fail(t, errno, "%.120s cannot get its mode and time: %s", t->entry_path, strerror(errno))
		       : 0;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* The content; a long run of zeros becomes a hole. */
static int write_content(struct tree *t, int fd)
{
	const unsigned char *bytes;
	bool hole = false;

	for (uint64_t left = t->record.size; left > 0;) {
		ssize_t n = tree_stream_take(&t->stream, left, &bytes);
		if (n < 0)
			return tree_fail(t, (int)-n, "the stream of records ends before its end");
		left -= (uint64_t)n;
		hole = n >= 4096 && is_zero(bytes, (size_t)n);
		int r = !hole ? fd_write_all(fd, bytes, (size_t)n) : lseek(fd, n, SEEK_CUR) < 0 ? -errno : 0;
		TRY(cannot(t, r));
	}
	return hole && ftruncate(fd, (off_t)t->record.size) < 0 ? cannot(t, -errno) : 0;
}

/* What is there under the name that an entry wants goes. */
static int make_room(struct tree *t, const char **ret_name)
{
	int dir = tree_open_parent(t, t->path, true, ret_name);

	if (dir < 0)
		return dir;
	TRY(tree_remove(t, dir, *ret_name, t->path, false));
	return tree_open_parent(t, t->path, true, ret_name);
}

static int put_directory(struct tree *t)
{
	const char *name = "";
	struct stat st;
	int dir = t->path[0] ? tree_open_parent(t, t->path, true, &name) : t->root;

	t->takes_xattrs = true;
	if (dir < 0)
		return dir;
	if (!t->path[0] || (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))) {
		/* It stays, and what it was does not. */
		autofd int fd = tree_open(t->root, t->path, O_RDONLY | O_DIRECTORY, 0);
		TRY(cannot(t, fd < 0 ? fd : tree_clear_xattrs(fd)));
	} else if (mkdirat(dir, name, 0700) < 0) {
		if (errno != EEXIST)
			return cannot(t, -errno);
		dir = make_room(t, &name);
		if (dir < 0)
			return dir;
		TRY(cannot(t, mkdirat(dir, name, 0700) < 0 ? -errno : 0));
	}
	return tree_later(t, t->path, &t->record);
}

static bool is_device(const struct tree_record *record)
{
	return record->kind == TREE_CHAR_DEVICE || record->kind == TREE_BLOCK_DEVICE;
}

static int create_node(const struct tree *t, int dir, const char *name)
{
	const struct tree_record *record = &t->record;
	mode_t type = record->kind == TREE_FIFO ? S_IFIFO : record->kind == TREE_CHAR_DEVICE ? S_IFCHR : S_IFBLK;
	dev_t device = makedev(record->device_major, record->device_minor);

	if (is_device(record) && t->flags & TREE_DROP_DEVICES)
		type = S_IFSOCK;
	return mknodat(dir, name, type | 0600, type == S_IFCHR || type == S_IFBLK ? device : 0) < 0 ? -errno : 0;
}

static int create(struct tree *t, int dir, const char *name)
{
	const struct tree_record *record = &t->record;
	const char *target;

	switch (record->kind) {
	case TREE_FILE:
		t->file = tree_open(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		return t->file;
	case TREE_SYMLINK:
		return symlinkat(t->extra, dir, name) < 0 ? -errno : 0;
	case TREE_HARDLINK: {
		char *slash = strrchr(t->extra, '/');
		target = slash ? slash + 1 : t->extra;
		if (slash)
			*slash = 0;
		autofd int from = tree_open(t->root, slash ? t->extra : "", O_PATH | O_DIRECTORY, 0);
		return from < 0 ? from : linkat(from, target, dir, name, 0) < 0 ? -errno : 0;
	}
	default:
		return create_node(t, dir, name);
	}
}

/* Owner and mode; a hard link has those of its file. */
static int set_attributes(struct tree *t, int dir, const char *name)
{
	const struct tree_record *record = &t->record;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = record->mtime, .tv_nsec = record->mtime_nsec}};
	bool ours = record->uid == t->uid && record->gid == t->gid;
	int r = 0;

	if (record->kind == TREE_HARDLINK)
		return 0;
	if (record->kind == TREE_FILE) {
		TRY(write_content(t, t->file));
		t->file_mode = record->mode;
		return ours ? 0 : tree_set_owner(t, t->file, "", record->uid, record->gid);
	}
	if (!ours)
		r = tree_set_owner(t, dir, name, record->uid, record->gid);
	if (r == 0 && record->kind != TREE_SYMLINK && fchmodat(dir, name, tree_mode(t, record->mode), 0) < 0)
		r = -errno;
	return r < 0 || utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) == 0 ? r : -errno;
}

static int put_other(struct tree *t)
{
	const char *name;
	int dir = tree_open_parent(t, t->path, true, &name);

	if (dir < 0)
		return dir;
	if (is_device(&t->record) && !(t->flags & (TREE_DEVICES | TREE_DROP_DEVICES)))
		return tree_fail(t, EPERM, "%.120s is a device node: the tree may have none", t->path);
	if (t->record.kind == TREE_FIFO && t->flags & TREE_SHARED)
		return tree_fail(
			t, EPERM,
			"%.120s is a FIFO, which all containers of the image would share; run it without --store",
			t->path);
	if (t->record.kind == TREE_HARDLINK && strcmp(t->extra, t->path) == 0)
		return tree_fail(t, EINVAL, "%.120s is a hard link to itself", t->path);
	char link[TREE_PATH_MAX];
	memcpy(link, t->extra, t->record.kind == TREE_HARDLINK ? t->record.extra_size + 1 : 0);
	int r = create(t, dir, name);
	if (r == -EEXIST) {
		if (t->record.kind == TREE_HARDLINK)
			memcpy(t->extra, link, t->record.extra_size + 1);
		dir = make_room(t, &name);
		if (dir < 0)
			return dir;
		r = create(t, dir, name);
	}
	t->takes_xattrs = t->record.kind == TREE_FILE;
	TRY(cannot(t, r < 0 ? r : 0));
	if (t->flags & TREE_DROP_DEVICES && (is_device(&t->record) || tree_is_dropped(t, dir, name)))
		return tree_drop_later(t);
	return cannot(t, set_attributes(t, dir, name));
}

static int put_xattr(struct tree *t)
{
	const char *value = t->extra + strlen(t->extra) + 1;
	size_t size = t->record.extra_size - (size_t)(value - t->extra);

	if (t->file >= 0)
		return tree_set_xattr(t, t->file, t->extra, value, size);
	autofd int fd = tree_open(t->root, t->entry_path, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? tree_fail(t, -fd, "%.120s cannot be opened: %s", t->entry_path, strerror(-fd))
		      : tree_set_xattr(t, fd, t->extra, value, size);
}

static int hide(struct tree *t)
{
	const char *name;

	if (t->layer == 0)
		return 0; /* there is no lower layer */
	/* What lower layers made does not come back: a second time there is nothing to look for. */
	int first = tree_first_whiteout(t, t->record.kind == TREE_OPAQUE, t->path);
	if (first <= 0)
		return first;
	if (t->record.kind == TREE_OPAQUE)
		return tree_remove_lower(t, t->path);
	int dir = tree_open_parent(t, t->path, false, &name);
	if (dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP)
		return 0;
	return dir < 0 ? cannot(t, dir) : tree_remove(t, dir, name, t->path, true);
}

static int put(struct tree *t)
{
	memcpy(t->entry_path, t->path, t->record.path_size + 1U);
	TRY(t->record.kind == TREE_DIRECTORY ? put_directory(t) : put_other(t));
	return tree_mark(t, t->path, MADE_ENTRY);
}

/* What the directory has from the one that it was made in would go on to every file: a group, access lists. */
static int make_bare(struct tree *t)
{
	static const char *const lists[] = {"system.posix_acl_default", "system.posix_acl_access"};
	autofd int fd = tree_open(t->root, "", O_RDONLY | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : tree_set_owner(t, fd, "", t->uid, t->gid);

	for (size_t i = 0; i < sizeof lists / sizeof lists[0] && r == 0; i++)
		r = fremovexattr(fd, lists[i]) < 0 && errno != ENODATA && errno != ENOTSUP ? -errno : 0;
	if (r == 0 && fchmod(fd, 0700) < 0)
		r = -errno;
	return r < 0 ? tree_fail(t, -r, "the directory cannot be made bare: %s", strerror(-r)) : 0;
}

int tree_apply(struct tree *t)
{
	static const struct tree_record plain = {.mode = 0755};
	struct timespec mtime = {0};

	TRY(make_bare(t));
	TRY(tree_later(t, "", &plain));
	for (;;) {
		TRY(read_record(t));
		if (t->record.kind == TREE_XATTR) {
			TRY(put_xattr(t));
			continue;
		}
		TRY(finish_file(t, &mtime));
		t->takes_xattrs = false;
		mtime = (struct timespec){.tv_sec = t->record.mtime, .tv_nsec = t->record.mtime_nsec};
		switch (t->record.kind) {
		case TREE_REMOVE:
		case TREE_OPAQUE:
			TRY(hide(t));
			break;
		case TREE_LAYER_END:
			t->layer++;
			name_clear(&t->made);
			tree_forget_parent(t);
			break;
		case TREE_END:
			TRY(tree_drop(t));
			return tree_finish_directories(t);
		default:
			TRY(put(t));
		}
	}
}
