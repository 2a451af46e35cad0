/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upper.c - the container's own layer, above the image: what is in it beyond what engine and runtime put there?
 *
 * podman writes etc/mtab (a link to /proc/mounts), one line more into etc/passwd and etc/group where --user is a number that
 * they do not know, and the working directory.  The runtime makes what mounts are put on; it stays there for the next start.  Both are
 * known by the config.  Everything else the container has changed itself.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { ACCOUNTS_MAX = 1 << 20, MADE_MODE = 0755 };

struct upper {
	struct pool *pool;
	const struct stored_root *root;
	const struct config *config;
};

/* PATH is relative to the root, and clean. */
static bool is_on_way(const char *path, const char *to)
{
	size_t size = strlen(path);

	to += strspn(to, "/");
	return strncmp(path, to, size) == 0 && (to[size] == '/' || to[size] == '\0');
}

static bool is_mount_point(const struct upper *u, const char *path, bool or_on_way)
{
	for (size_t i = 0; i < u->config->mount_count; i++) {
		const char *to = path_clean(u->pool, u->config->mounts[i].destination);
		if (or_on_way ? is_on_way(path, to) : str_equal(path, to + strspn(to, "/")))
			return true;
	}
	return false;
}

/* PATH in the image: of the topmost layer that has it.  False where none has, or where one hides it or what leads to it. */
static bool look_in_image(const struct upper *u, const char *path, struct stat *ret, int *ret_layer)
{
	const struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

	for (size_t i = u->root->layer_count; i-- > 0;) {
		autofd int fd = (int)syscall(SYS_openat2, u->root->layers[i].dir, path, &how, sizeof how);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || fstat(fd, ret) < 0)
			return false;
		*ret_layer = (int)i;
		return !(S_ISCHR(ret->st_mode) && ret->st_rdev == 0);
	}
	return false;
}

static bool has_attribute(int fd, const char *name)
{
	char value[64];

	/* Too large for the buffer is there as well. */
	return fgetxattr(fd, name, value, sizeof value) >= 0 || errno == ERANGE;
}

/* A directory that is the image's too shows what is in both: it must be no other one, and hide nothing. */
static bool directory_is_plain(const struct upper *u, int fd, const struct stat *st, const char *path,
			       bool *ret_of_image)
{
	const char *prefix = u->root->user_overlay ? "user" : "trusted";
	struct stat below;
	int layer;

	*ret_of_image = false;
	if (has_attribute(fd, pool_printf(u->pool, "%s.overlay.redirect", prefix)))
		return false;
	*ret_of_image = look_in_image(u, path, &below, &layer);
	if (!*ret_of_image)
		return (st->st_mode & 07777) == MADE_MODE && st->st_uid == 0 && st->st_gid == 0;
	return S_ISDIR(below.st_mode) && st->st_mode == below.st_mode && st->st_uid == below.st_uid &&
	       st->st_gid == below.st_gid && !has_attribute(fd, pool_printf(u->pool, "%s.overlay.opaque", prefix));
}

/* ---- etc/passwd and etc/group ---- */

static char *read_accounts(struct pool *pool, int fd)
{
	char *text = pool_alloc(pool, ACCOUNTS_MAX + 1);
	ssize_t n = fd_read_all(fd, text, ACCOUNTS_MAX);

	return n < 0 || n == ACCOUNTS_MAX || strlen(text) != (size_t)n ? NULL : text;
}

/* Who has no password and is not root. */
static bool is_harmless_line(char *line)
{
	const char *name = strsep(&line, ":"), *password = line ? strsep(&line, ":") : NULL;
	const char *id = line ? strsep(&line, ":") : NULL;
	uint64_t number;

	return name && *name && password &&
	       (str_equal(password, "*") || str_equal(password, "x") || str_equal(password, "!")) && id &&
	       str_to_u64(id, UINT32_MAX, &number) == 0 && number != 0;
}

static char *image_accounts(const struct upper *u, const char *path)
{
	struct stat st;
	int layer;

	if (!look_in_image(u, path, &st, &layer))
		return pool_strdup(u->pool, "");
	if (!S_ISREG(st.st_mode))
		return NULL;
	autofd int fd = image_open_file(u->root->layers[layer].dir, path, false);
	return fd < 0 ? NULL : read_accounts(u->pool, fd);
}

/* The image's own lines, and behind them harmless ones. */
static bool is_accounts(const struct upper *u, int dir, const char *name, const char *path)
{
	if (!str_equal(path, "etc/passwd") && !str_equal(path, "etc/group"))
		return false;
	autofd int fd = image_open_file(dir, name, false);
	char *now = fd < 0 ? NULL : read_accounts(u->pool, fd), *then = image_accounts(u, path), *line;
	if (!now || !then || strncmp(now, then, strlen(then)) != 0)
		return false;
	now += strlen(then);
	/* Where the image's last line has no end, what follows would be more of that line. */
	if (*then && then[strlen(then) - 1] != '\n' && *now && *now != '\n')
		return false;
	while ((line = strsep(&now, "\n"))) {
		if (*line && !is_harmless_line(line))
			return false;
	}
	return true;
}

/* ---- all of it ---- */

static bool is_mtab(int dir, const char *name, const char *path)
{
	char target[32];
	ssize_t n = str_equal(path, "etc/mtab") ? readlinkat(dir, name, target, sizeof target) : -1;

	return n == (ssize_t)strlen("/proc/mounts") && memcmp(target, "/proc/mounts", (size_t)n) == 0;
}

static const char *changes_in(const struct upper *u, int dir, const char *path);

static const char *check_directory(const struct upper *u, int dir, const char *name, const char *path)
{
	bool expected = str_equal(path, "etc") || is_mount_point(u, path, true) ||
			(u->config->process && u->config->process->cwd && is_on_way(path, u->config->process->cwd));
	autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool of_image;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !directory_is_plain(u, fd, &st, path, &of_image))
		return pool_printf(u->pool, "the container has changed /%.200s (a directory)", path);
	const char *within = changes_in(u, fd, path);
	/* One of the image's is there again for what is, or was, in it. */
	return within || expected || of_image ? within : pool_printf(u->pool, "the container has made /%.200s", path);
}

static const char *check_entry(const struct upper *u, int dir, const char *name, const char *path)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return pool_printf(u->pool, "the container's own layer cannot be looked at: /%.200s", path);
	if (S_ISDIR(st.st_mode))
		return check_directory(u, dir, name, path);
	/* What is mounted there covers it. */
	if (S_ISREG(st.st_mode) && st.st_size == 0 && is_mount_point(u, path, false))
		return NULL;
	if (S_ISLNK(st.st_mode) ? is_mtab(dir, name, path) : S_ISREG(st.st_mode) && is_accounts(u, dir, name, path))
		return NULL;
	return pool_printf(u->pool, "the container has %s /%.200s",
			   S_ISCHR(st.st_mode) && st.st_rdev == 0 ? "removed" : "changed", path);
}

static const char *changes_in(const struct upper *u, int dir, const char *path)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	const char *found = NULL;

	if (!stream) {
		fd_close(&again);
		return pool_printf(u->pool, "the container's own layer cannot be looked at: /%.200s", path);
	}
	for (struct dirent *entry; !found && (entry = readdir(stream));) {
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			found = check_entry(u, dirfd(stream), entry->d_name,
					    *path ? pool_printf(u->pool, "%s/%s", path, entry->d_name) : entry->d_name);
	}
	closedir(stream);
	return found;
}

const char *upper_changes(struct pool *pool, const struct stored_root *root, const struct config *config)
{
	const struct upper u = {pool, root, config};
	struct stat st;

#ifdef HRUN_MUTANT_UPPER_LAYER
	return NULL;
#endif
	if (fstat(root->upper, &st) < 0 || st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH | S_ISUID | S_ISGID))
		return "the container's root directory is not root's alone";
	if (has_attribute(root->upper, root->user_overlay ? "user.overlay.opaque" : "trusted.overlay.opaque"))
		return "the container has hidden the image's files (the root is opaque)";
	return changes_in(&u, root->upper, "");
}
