// SPDX-License-Identifier: Apache-2.0
/*
 * walk.c - the tree as records, in one order whoever made it: a directory, then what is in it by the bytes of the names.
 *
 * A file with several names is a hard link at all but the first.  What changes while it is read ends the walk.
 */
#include "tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LIST_MAX = 65536 };

/* The names of a directory: each ends with a NUL, and an index of them to sort. */
struct names {
	char *text, **index;
	size_t size, room, count;
};

/* What is mounted there can be gone the next time, and something else be seen. */
static int is_mount_point(struct tree *t, const char *path)
{
	return tree_fail(t, EXDEV, "%.120s cannot be read: it is a mount point; unmount what is there", path);
}

static int cannot(struct tree *t, int r, const char *path)
{
	if (r == -EXDEV)
		return is_mount_point(t, path);
	return r < 0 ? tree_fail(t, -r, "%.120s cannot be read: %s", path, strerror(-r)) : r;
}

static int send_record(struct tree *t, const struct stat *st, uint32_t kind, const char *path, const void *extra,
		       size_t extra_size)
{
	struct tree_record record = {.magic = TREE_WIRE_MAGIC,
				     .kind = kind,
				     .path_size = (uint32_t)strlen(path),
				     .extra_size = (uint32_t)extra_size};

	if (st) {
		record.mode = st->st_mode & 07777;
		record.uid = st->st_uid;
		record.gid = st->st_gid;
		record.mtime = st->st_mtim.tv_sec;
		record.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec;
		record.size = kind == TREE_FILE ? (uint64_t)st->st_size : 0;
		if (kind == TREE_CHAR_DEVICE || kind == TREE_BLOCK_DEVICE) {
			record.device_major = major(st->st_rdev);
			record.device_minor = minor(st->st_rdev);
		}
	}
	int r = tree_stream_write(&t->stream, &record, sizeof record);
	if (r == 0)
		r = tree_stream_write(&t->stream, path, record.path_size);
	if (r == 0)
		r = tree_stream_write(&t->stream, extra, extra_size);
	return r < 0 ? tree_fail(t, -r, "the stream of records cannot be written: %s", strerror(-r)) : 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Labels and measurements (other security.*) are the machine's and not the tree's; trusted.* nobody in a container sees; what
 * a file system makes up besides is different on the next one.
 */
static bool is_told(const char *name)
{
	return str_starts(name, "user.") || str_equal(name, "security.capability") ||
	       str_equal(name, "system.posix_acl_access") || str_equal(name, "system.posix_acl_default");
}

static int send_xattr(struct tree *t, int fd, const char *name, const char *path)
{
	size_t size = strlen(name) + 1;

	memcpy(t->extra, name, size);
	ssize_t n = fgetxattr(fd, name, t->extra + size, TREE_EXTRA_MAX - size);
	return n < 0 ? cannot(t, -errno, path) : send_record(t, NULL, TREE_XATTR, "", t->extra, size + (size_t)n);
}

static int send_xattrs(struct tree *t, int fd, const char *path)
{
	char *list = malloc(LIST_MAX), *sorted[1024];
	ssize_t size = list ? flistxattr(fd, list, LIST_MAX) : -1;
	int r = list ? size < 0 && errno != ENOTSUP ? -errno : 0 : -ENOMEM;
	size_t count = 0;

	for (ssize_t at = 0; at < size && r == 0; at += (ssize_t)strlen(list + at) + 1) {
		if (count == sizeof sorted / sizeof sorted[0])
			r = -E2BIG;
		else if (is_told(list + at))
			sorted[count++] = list + at;
	}
	r = cannot(t, r, path);
	if (count > 0)
		qsort(sorted, count, sizeof sorted[0], compare);
	for (size_t i = 0; i < count && r == 0; i++)
		r = send_xattr(t, fd, sorted[i], path);
	free(list);
	return r;
}

static int changes(struct tree *t, const char *path)
{
	return tree_fail(t, EBUSY, "%.120s changes while it is read", path);
}

static int send_content(struct tree *t, int fd, uint64_t size, const char *path)
{
	char buffer[65536];
	ssize_t n;

	for (;; size -= (uint64_t)n) {
		n = read(fd, buffer, sizeof buffer);
		if (n < 0)
			return cannot(t, -errno, path);
		if ((uint64_t)n > size || (n == 0 && size > 0))
			return changes(t, path);
		if (n == 0)
			return 0;
		int r = tree_stream_write(&t->stream, buffer, (size_t)n);
		if (r < 0)
			return tree_fail(t, -r, "the stream of records cannot be written: %s", strerror(-r));
	}
}

/* Every change of content, owner, mode, attributes and names moves this time, and nobody can set it. */
static int is_as_before(struct tree *t, int fd, const struct stat *before, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cannot(t, -errno, path);
	return st.st_ctim.tv_sec == before->st_ctim.tv_sec && st.st_ctim.tv_nsec == before->st_ctim.tv_nsec
		       ? 0
		       : changes(t, path);
}

static int send_file(struct tree *t, int dir, const char *name, const struct stat *seen, const char *path)
{
	autofd int fd = tree_open(dir, name, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot(t, fd < 0 ? fd : -errno, path);
	if (!fd_is_same_stat(&st, seen) || !S_ISREG(st.st_mode))
		return changes(t, path);
	if ((uint64_t)st.st_size > t->max_bytes - t->bytes)
		return tree_fail(t, EFBIG, "the tree is larger than %llu bytes", (unsigned long long)t->max_bytes);
	t->bytes += (uint64_t)st.st_size;
	TRY(send_record(t, &st, TREE_FILE, path, NULL, 0));
	TRY(send_content(t, fd, (uint64_t)st.st_size, path));
	TRY(send_xattrs(t, fd, path));
	return is_as_before(t, fd, &st, path);
}

static int send_link(struct tree *t, int dir, const char *name, const struct stat *st, const char *path)
{
	char target[TREE_PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof target);

	if (n <= 0 || n == sizeof target)
		return cannot(t, n < 0 ? -errno : -ENAMETOOLONG, path);
	return send_record(t, st, TREE_SYMLINK, path, target, (size_t)n);
}

static int send_directory(struct tree *t, int dir, const char *name, char *path, int depth);

/* What is opened is asked by openat2 (RESOLVE_NO_XDEV); a link, FIFO, device or further name is not opened. */
static int check_not_mounted(struct tree *t, int dir, const char *name, const struct stat *st, const char *path)
{
	struct statx now;

	if (S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && st->st_nlink < 2))
		return 0;
	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, 0, &now) < 0)
		return cannot(t, -errno, path);
#ifdef HRUN_MUTANT_TREE_MOUNTS
	return 0;
#endif
	if (!(now.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return tree_fail(t, ENOTSUP,
				 "%.120s cannot be read: this kernel does not say whether it is a mount point", path);
	return now.stx_attributes & STATX_ATTR_MOUNT_ROOT ? is_mount_point(t, path) : 0;
}

static int send_entry(struct tree *t, int dir, const char *name, char *path, int depth)
{
	struct stat st;
	const char *first = NULL;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(t, -errno, path);
	TRY(tree_count(t));
	TRY(check_not_mounted(t, dir, name, &st, path));
	TRY(S_ISDIR(st.st_mode) ? 0 : tree_link_look(t, &st, path, &first));
	if (first)
		return send_record(t, NULL, TREE_HARDLINK, path, first, strlen(first));
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return send_directory(t, dir, name, path, depth);
	case S_IFREG:
		return send_file(t, dir, name, &st, path);
	case S_IFLNK:
		return send_link(t, dir, name, &st, path);
	case S_IFIFO:
		return send_record(t, &st, TREE_FIFO, path, NULL, 0);
	case S_IFCHR:
	case S_IFBLK:
		if (t->flags & TREE_DEVICES)
			return send_record(t, &st, S_ISCHR(st.st_mode) ? TREE_CHAR_DEVICE : TREE_BLOCK_DEVICE, path,
					   NULL, 0);
		return tree_fail(t, EPERM, "%.120s is a device node: the tree may have none", path);
	default:
		return tree_fail(t, EINVAL, "%.120s is a socket: a tree has none", path);
	}
}

static int add_name(struct names *names, const char *name)
{
	size_t size = strlen(name) + 1;

	if (!names->text || names->size + size > names->room) {
		size_t room = 2 * names->room + 4096;
		char *larger = realloc(names->text, room);
		if (!larger)
			return -ENOMEM;
		names->text = larger;
		names->room = room;
	}
	memcpy(names->text + names->size, name, size);
	names->size += size;
	names->count++;
	return 0;
}

static int read_names(struct names *names, int fd, uint64_t max)
{
	_Alignas(8) char buffer[4096];
	ssize_t n;

	while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(const void *)(buffer + at);
			if (names->count > max)
				return -EFBIG;
			if (!str_equal(d->d_name, ".") && !str_equal(d->d_name, ".."))
				TRY(add_name(names, d->d_name));
			at += d->d_reclen;
		}
	}
	return n < 0 ? -errno : 0;
}

static int sort_names(struct names *names)
{
	names->index = calloc(names->count + 1, sizeof *names->index);
	if (!names->index)
		return -ENOMEM;
	for (size_t i = 0, at = 0; i < names->count; i++, at += strlen(names->text + at) + 1)
		names->index[i] = names->text + at;
	qsort(names->index, names->count, sizeof *names->index, compare);
	return 0;
}

static int send_children(struct tree *t, int fd, char *path, int depth)
{
	struct names names = {0};
	size_t size = strlen(path);
	int r = read_names(&names, fd, t->max_entries);

	r = cannot(t, r < 0 ? r : sort_names(&names), path);
	for (size_t i = 0; names.index && i < names.count && r == 0; i++) {
		size_t more = strlen(names.index[i]);
		if (size + more + 2 > TREE_PATH_MAX || depth == TREE_DEPTH_MAX) {
			r = tree_fail(t, ENAMETOOLONG, "%.120s: what is in it is too deep", path);
			break;
		}
		if (size > 0)
			path[size] = '/';
		memcpy(path + size + (size > 0), names.index[i], more + 1);
		r = send_entry(t, fd, names.index[i], path, depth + 1);
		path[size] = 0;
	}
	free(names.text);
	free(names.index);
	return r;
}

static int send_directory(struct tree *t, int dir, const char *name, char *path, int depth)
{
	autofd int fd = tree_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot(t, fd < 0 ? fd : -errno, path);
	TRY(send_record(t, &st, TREE_DIRECTORY, path, NULL, 0));
	TRY(send_xattrs(t, fd, path));
	TRY(send_children(t, fd, path, depth));
	return is_as_before(t, fd, &st, path);
}

static int walk(struct tree *t)
{
	char path[TREE_PATH_MAX] = "";

	TRY(send_directory(t, t->root, "", path, 0));
	TRY(tree_links_check(t));
	TRY(send_record(t, NULL, TREE_END, "", NULL, 0));
	int r = tree_stream_flush(&t->stream);
	return r < 0 ? tree_fail(t, -r, "the stream of records cannot be written: %s", strerror(-r)) : 0;
}

int tree_walk(struct tree *t)
{
	int r = walk(t);

	tree_links_forget(t);
	return r;
}
