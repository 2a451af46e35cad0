// SPDX-License-Identifier: Apache-2.0
/*
 * serve.c - what are the entries of a layer that an engine has unpacked?  Asked by hrun-image, path by path.
 *
 * What was asked for is remembered, so that at the end rest.c finds what nobody asked for.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LIST_MAX = 65536 };

/*
 * Where containerd's differ walking unpacks for erofs, it writes into an overlay, which notes in its writable layer what it has copied.
 * A lower layer, as which this is mounted, is never asked for these.
 */
static bool is_copy_mark(const char *name)
{
	static const char *const marks[] = {"trusted.overlay.origin", "trusted.overlay.impure", "trusted.overlay.nlink",
					    "trusted.overlay.uuid"};

	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		if (str_equal(name, marks[i]))
			return true;
	}
	return false;
}

bool tree_serves_xattr(const struct tree *t, const char *name)
{
	if (t->flags & TREE_EROFS && is_copy_mark(name))
		return false;
	return tree_tells_xattr(name);
}

const char *tree_opaque_name(const struct tree *t)
{
	return t->flags & TREE_USER_OVERLAY ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

int tree_is_opaque(const struct tree *t, int dir)
{
	char value[2];
	ssize_t n = fgetxattr(dir, tree_opaque_name(t), value, sizeof value);

	if (n < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	return n == 1 && value[0] == 'y' ? 1 : -EBADMSG;
}

static int add_xattr(struct tree_told *told, int fd, const char *name)
{
	size_t size = strlen(name) + 1, at = told->extra_size, head = size + sizeof(uint32_t);

	if (at + head > sizeof told->extra)
		return -E2BIG;
	ssize_t n = fgetxattr(fd, name, told->extra + at + head, sizeof told->extra - at - head);
	if (n < 0)
		return -errno;
	uint32_t length = (uint32_t)n;
	memcpy(told->extra + at, name, size);
	memcpy(told->extra + at + size, &length, sizeof length);
	told->extra_size = (uint32_t)(at + head + length);
	return 0;
}

/* A directory's opaque mark is rest.c's to judge: the layer's archive tells it after the directory. */
static int tell_xattrs(const struct tree *t, struct tree_told *told, int fd, bool directory)
{
	static char list[LIST_MAX];
	ssize_t size = flistxattr(fd, list, sizeof list);

	if (size < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1) {
		if (tree_serves_xattr(t, list + at) && !(directory && str_equal(list + at, tree_opaque_name(t))))
			TRY(add_xattr(told, fd, list + at));
	}
	return 0;
}

static void tell_stat(struct tree_told *told, const struct stat *st)
{
	told->mode = st->st_mode;
	told->uid = st->st_uid;
	told->gid = st->st_gid;
	told->device_major = major(st->st_rdev);
	told->device_minor = minor(st->st_rdev);
	told->size = (uint64_t)st->st_size;
	told->device = st->st_dev;
	told->inode = st->st_ino;
}

static int tell_link(struct tree_told *told, int dir, const char *name)
{
	ssize_t n = readlinkat(dir, name, told->extra, TREE_PATH_MAX);

	if (n < 0 || n == TREE_PATH_MAX)
		return n < 0 ? -errno : -ENAMETOOLONG;
	told->extra_size = (uint32_t)n;
	return 0;
}

/* The descriptor that is told of is the one that is given: what is compared is what is read. */
static int tell_open(struct tree *t, struct tree_told *told, int dir, const char *name, struct stat *st, int *ret_fd)
{
	mode_t type = st->st_mode & S_IFMT;
	autofd int fd = tree_open(dir, name, O_RDONLY | O_NONBLOCK | (type == S_IFDIR ? O_DIRECTORY : 0), 0);

	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		return -errno;
	if ((st->st_mode & S_IFMT) != type)
		return -EBUSY;
	TRY(tell_xattrs(t, told, fd, type == S_IFDIR));
	*ret_fd = type == S_IFREG ? TAKE_FD(fd) : -EBADF;
	return 0;
}

static int look(struct tree *t, const char *path, struct tree_told *told, struct stat *ret_stat, int *ret_fd)
{
	const char *name;
	int dir = tree_open_parent(t, path, false, &name);

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, ret_stat, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return -errno;
	if (S_ISREG(ret_stat->st_mode) || S_ISDIR(ret_stat->st_mode))
		TRY(tell_open(t, told, dir, name, ret_stat, ret_fd));
	else if (S_ISLNK(ret_stat->st_mode))
		TRY(tell_link(told, dir, name));
	tell_stat(told, ret_stat);
	return 0;
}

static int remember(struct tree *t, const struct tree_ask *ask, const struct stat *st)
{
	if (ask->kind == TREE_ASK_PEEK)
		return 0;
	if (!t->parent_marked)
		TRY(tree_mark_way(t, t->parent_path));
	t->parent_marked = true;
	if (ask->kind == TREE_ASK_ENTRY && !(tree_made(t, ask->path) & MADE_ENTRY))
		TRY(tree_count_name(t, st));
	return tree_mark(t, ask->path, ask->kind == TREE_ASK_OPAQUE ? MADE_OPAQUE : MADE_ENTRY);
}

static void tell_rest(struct tree *t, struct tree_told *told)
{
	told->error = tree_rest(t);
	if (told->error >= 0)
		return;
	told->extra_size = (uint32_t)strlen(t->reason);
	memcpy(told->extra, t->reason, told->extra_size);
	/* A sentence about the tree, and no failure of ours. */
	t->reason[0] = 0;
}

static int answer(struct tree *t, const struct tree_ask *ask)
{
	static struct tree_told told;
	autofd int fd = -EBADF;
	struct stat st;

	memset(&told, 0, offsetof(struct tree_told, extra));
	told.magic = TREE_WIRE_MAGIC;
	if (ask->kind == TREE_ASK_REST)
		tell_rest(t, &told);
	else
		told.error = look(t, ask->path, &told, &st, &fd);
	if (told.error >= 0 && ask->kind != TREE_ASK_REST)
		TRY(remember(t, ask, &st));
	if (told.error < 0 && ask->kind != TREE_ASK_REST)
		told.extra_size = 0;
	int r = unix_send(t->stream.fd, &told, offsetof(struct tree_told, extra) + told.extra_size, fd);
	return r < 0 ? tree_fail(t, -r, "an answer cannot be sent: %s", strerror(-r)) : 0;
}

static bool is_sound(const struct tree_ask *ask)
{
	const char *end = memchr(ask->path, 0, sizeof ask->path);

	return ask->magic == TREE_WIRE_MAGIC && ask->kind < TREE_ASK_KINDS && end && ask->path[0] != '/' &&
	       (ask->kind != TREE_ASK_REST || end == ask->path);
}

int tree_serve(struct tree *t)
{
	struct tree_ask ask;

	t->layer = 1; /* names are remembered from the first */
	for (;;) {
		ssize_t n = read(t->stream.fd, &ask, sizeof ask);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? tree_fail(t, errno, "a question cannot be received: %s", strerror(errno)) : 0;
		if (n != sizeof ask || !is_sound(&ask))
			return tree_fail(t, EPROTO, "a question is none");
		TRY(answer(t, &ask));
	}
}
