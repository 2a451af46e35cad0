/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upper_image.c - an entry of the container's own layer beside what the image has at its path.
 *
 * Marks of the overlay are in attributes that nobody sees in the mounted root.  Some say where an entry comes from; those that
 * hide or replace what lies below (opaque, redirect, metacopy, whiteout) no engine makes.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_upper.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LIST_MAX = 4096, VALUE_MAX = 4096, MADE_MODE = 0755, TOP_MODE = 0555 };

static const char *overlay_prefix(const struct upper *u)
{
	return u->root->user_overlay ? "user.overlay." : "trusted.overlay.";
}

/* ---- what the image has ---- */

static int open_in_layer(int dir, const char *path, uint64_t flags)
{
	const struct open_how how = {.flags = flags | O_NOFOLLOW | O_CLOEXEC,
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);

	return fd < 0 ? -errno : fd;
}

static bool is_opaque(const struct upper *u, int fd)
{
	char value[2];

	return fgetxattr(fd, pool_printf(u->pool, "%sopaque", overlay_prefix(u)), value, sizeof value) == 1 &&
	       *value == 'y';
}

/* Does a directory of this layer on the way to PATH hide what lower ones have there? */
static bool hides(const struct upper *u, int dir, const char *path)
{
	for (const char *end = path; (end = strchr(end, '/')); end++) {
		const char *way = pool_strndup(u->pool, path, (size_t)(end - path));
		autofd int fd = open_in_layer(dir, way, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return false;
		if (is_opaque(u, fd))
			return true;
	}
	return false;
}

int upper_entry_open(int dir, const char *name, const char *path, struct upper_entry *ret)
{
	autofd int found = open_in_layer(dir, name, O_PATH);

	TRY(found);
	if (fstat(found, &ret->st) < 0)
		return -errno;
	ret->path = path;
	ret->fd = S_ISREG(ret->st.st_mode) || S_ISDIR(ret->st.st_mode)
			  ? image_open_file(dir, name, S_ISDIR(ret->st.st_mode))
			  : TAKE_FD(found);
	TRY(ret->fd);
	return fstat(ret->fd, &ret->st) < 0 ? -errno : 0;
}

int upper_look_in_image(const struct upper *u, const char *path, struct upper_entry *ret)
{
	for (size_t i = u->root->layer_count; i-- > 0;) {
		int dir = u->root->layers[i].dir, r = upper_entry_open(dir, path, path, ret);
		if (r == 0)
			return !(S_ISCHR(ret->st.st_mode) && ret->st.st_rdev == 0);
		/* A file, a link or a whiteout on the way. */
		if (r == -ENOTDIR || r == -ELOOP)
			return 0;
		if (r != -ENOENT)
			return r;
		if (hides(u, dir, path))
			return 0;
	}
	return 0;
}

/* ---- attributes ---- */

/* Where an entry comes from, for the overlay itself.  A new directory hides nothing, and some kernels mark it so. */
static bool is_harmless_mark(const char *mark, bool of_image)
{
	return str_equal(mark, "origin") || str_equal(mark, "impure") || str_equal(mark, "nlink") ||
	       str_equal(mark, "uuid") || (!of_image && str_equal(mark, "opaque"));
}

static bool has_same(int fd, int other, const char *name)
{
	char value[VALUE_MAX], same[VALUE_MAX];
	ssize_t size = fgetxattr(fd, name, value, sizeof value);

	return size >= 0 && other >= 0 && fgetxattr(other, name, same, sizeof same) == size &&
	       memcmp(value, same, (size_t)size) == 0;
}

/* Attributes of the container: labels (security.*) are the host's.  False: they cannot be read. */
static bool list_attributes(const struct upper *u, int fd, struct string_list *ret)
{
	char list[LIST_MAX];
	ssize_t size = flistxattr(fd, list, sizeof list);

	*ret = (struct string_list){0};
	if (size < 0)
		return errno == ENOTSUP;
	for (const char *name = list; name < list + size; name += strlen(name) + 1) {
		if (!str_starts(name, "security.") || str_equal(name, "security.capability"))
			*pool_array_add(u->pool, ret->item, ret->count) = pool_strdup(u->pool, name);
	}
	return true;
}

/* Each attribute of FD that is no mark is OTHER's too. */
static bool attributes_are_in(const struct upper *u, int fd, int other)
{
	struct string_list names;

	if (!list_attributes(u, fd, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		if (!str_starts(names.item[i], overlay_prefix(u)) && !has_same(fd, other, names.item[i]))
			return false;
	}
	return true;
}

static bool marks_are_harmless(const struct upper *u, int fd, bool of_image)
{
	const char *prefix = overlay_prefix(u);
	struct string_list names;

#ifdef HRUN_MUTANT_UPPER_MARKS
	return true;
#endif
	if (!list_attributes(u, fd, &names))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		if (str_starts(names.item[i], prefix) && !is_harmless_mark(names.item[i] + strlen(prefix), of_image))
			return false;
	}
	return true;
}

/* IMAGE is negative where none of the image's is to be there. */
static bool attributes_are_same(const struct upper *u, int fd, int image)
{
#ifdef HRUN_MUTANT_UPPER_ATTRIBUTES
	return true;
#endif
	return attributes_are_in(u, fd, image) && (image < 0 || attributes_are_in(u, image, fd));
}

/* ---- both ---- */

/* What is made in a directory with the setgid bit gets its group; a directory also the bit. */
static bool is_as_made(const struct upper *u, const struct upper_entry *entry, const struct stat *parent)
{
	const struct stat *st = &entry->st;
	bool inherits = parent->st_mode & S_ISGID, is_directory = S_ISDIR(st->st_mode);
	mode_t mode = st->st_mode & 07777;

	/* podman makes the working directory of an image, and gives it to who will work there. */
	for (size_t i = 0; i < u->cwd.count; i++) {
		if (is_directory && str_equal(entry->path, u->cwd.item[i]) &&
		    st->st_uid == u->config->process->user.uid.value &&
		    st->st_gid == u->config->process->user.gid.value)
			return (mode & ~(mode_t)S_ISGID) == MADE_MODE;
	}
	if (st->st_uid != 0 || st->st_gid != (inherits ? parent->st_gid : 0))
		return false;
	if (is_directory)
		return mode == (MADE_MODE | (inherits ? S_ISGID : 0));
	return S_ISLNK(st->st_mode) || (mode & ~(mode_t)MADE_MODE) == 0;
}

bool upper_is_untouched(const struct upper *u, const struct upper_entry *entry, const struct stat *parent,
			bool *ret_of_image)
{
	struct upper_entry below = {.fd = -EBADF};
	int r = upper_look_in_image(u, entry->path, &below);
	autofd int image = below.fd;

	*ret_of_image = r > 0;
	if (r < 0)
		return false;
	if (r > 0 && (entry->st.st_mode != below.st.st_mode || entry->st.st_uid != below.st.st_uid ||
		      entry->st.st_gid != below.st.st_gid))
		return false;
	if (r == 0 && !is_as_made(u, entry, parent))
		return false;
	/* Of a link none matters to the overlay, and the kernel lets nobody but root set one. */
	return S_ISLNK(entry->st.st_mode) ||
	       (marks_are_harmless(u, entry->fd, r > 0) && attributes_are_same(u, entry->fd, r > 0 ? image : -EBADF));
}

bool upper_top_is_untouched(const struct upper *u, const struct upper_entry *top)
{
	mode_t mode = top->st.st_mode & 07777;
	struct stat image;

	if (fstat(u->root->layers[u->root->layer_count - 1].dir, &image) < 0 || top->st.st_uid != 0 ||
	    (top->st.st_gid != 0 && top->st.st_gid != image.st_gid))
		return false;
	return (mode == MADE_MODE || mode == TOP_MODE || mode == (image.st_mode & 07777)) &&
	       !(mode & (S_IWGRP | S_IWOTH | S_ISUID | S_ISGID)) && marks_are_harmless(u, top->fd, true) &&
	       attributes_are_same(u, top->fd, -EBADF);
}
