/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upper.c - the container's own layer, above the image: what is in it beyond what engine and runtime put there?
 *
 * podman writes etc/mtab (a link to /proc/mounts), one line more into etc/passwd and etc/group where --user is a number that
 * they do not know, and the working directory.  The runtime makes what mounts are put on; it stays there for the next start.  Both are
 * known by the config.  Everything else the container has changed itself.
 *
 * The walk ends at the first change, and it goes no deeper than the image and the config do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_upper.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* ---- what the config says ---- */

/* The path of DESCRIPTOR below the root, or NULL. */
static const char *path_in_root(struct pool *pool, int rootfs, int descriptor)
{
	const char *top = store_path_of(pool, rootfs), *path = store_path_of(pool, descriptor);

	return top && path && path_is_below(path, top) ? path + strlen(top) + strspn(path + strlen(top), "/") : NULL;
}

/*
 * PATH of the config by its text, and as it is behind links of the root.  A link that the container has made is a change itself, so
 * these are the image's.
 */
static void add_path(struct pool *pool, int rootfs, const char *path, struct string_list *ret)
{
	struct err ignored;
	const char *clean = path_fold(pool, pool_printf(pool, "/%s", path));
	autofd int fd = path_open_in_root(rootfs, path, &ignored);
	const char *behind = fd < 0 ? NULL : path_in_root(pool, rootfs, fd);

	*pool_array_add(pool, ret->item, ret->count) = pool_strdup(pool, clean + strspn(clean, "/"));
	if (behind && !str_equal(behind, clean + strspn(clean, "/")))
		*pool_array_add(pool, ret->item, ret->count) = pool_strdup(pool, behind);
}

static bool is_on_way(const char *path, const char *to)
{
	size_t size = strlen(path);

	return strncmp(path, to, size) == 0 && (to[size] == '/' || to[size] == '\0');
}

static bool is_in(const struct string_list *list, const char *path, bool or_on_way)
{
	for (size_t i = 0; i < list->count; i++) {
		if (or_on_way ? is_on_way(path, list->item[i]) : str_equal(path, list->item[i]))
			return true;
	}
	return false;
}

/* ---- what is there ---- */

static bool is_mtab(int dir, const char *name, const char *path)
{
	char target[32];
	ssize_t n = str_equal(path, "etc/mtab") ? readlinkat(dir, name, target, sizeof target) : -1;

	return n == (ssize_t)strlen("/proc/mounts") && memcmp(target, "/proc/mounts", (size_t)n) == 0;
}

/* May a file or a link of this content be there? */
static bool is_expected(const struct upper *u, const struct upper_entry *entry, int dir, const char *name)
{
	if (S_ISLNK(entry->st.st_mode))
		return is_mtab(dir, name, entry->path);
	if (!S_ISREG(entry->st.st_mode))
		return false;
	/* What is mounted there covers it. */
	if (entry->st.st_size == 0 && is_in(&u->mounts, entry->path, false))
		return true;
	return (str_equal(entry->path, "etc/passwd") || str_equal(entry->path, "etc/group")) &&
	       upper_accounts_are_engines(u, entry);
}

static const char *changes_in(const struct upper *u, const struct upper_entry *dir);

static const char *check_directory(const struct upper *u, const struct upper_entry *entry, const struct stat *parent)
{
	const char *path = entry->path;
	bool of_image, expected = str_equal(path, "etc") || is_in(&u->mounts, path, true) || is_in(&u->cwd, path, true);

	if (!upper_is_untouched(u, entry, parent, &of_image))
		return pool_printf(u->pool, "the container has changed /%.200s (a directory)", path);
	/* One of the image's is there again for what is, or was, in it. */
	return expected || of_image ? changes_in(u, entry)
				    : pool_printf(u->pool, "the container has made /%.200s", path);
}

static const char *check_entry(const struct upper *u, const struct upper_entry *dir, const char *name, const char *path)
{
	struct upper_entry entry = {.fd = -EBADF};
	int r = upper_entry_open(dir->fd, name, path, &entry);
	__attribute__((unused)) autofd int fd = entry.fd;
	bool of_image;

	if (r < 0)
		return pool_printf(u->pool, "the container's own layer cannot be looked at: /%.200s", path);
	if (S_ISDIR(entry.st.st_mode))
		return check_directory(u, &entry, &dir->st);
	if (is_expected(u, &entry, dir->fd, name) && upper_is_untouched(u, &entry, &dir->st, &of_image))
		return NULL;
	return pool_printf(u->pool, "the container has %s /%.200s",
			   S_ISCHR(entry.st.st_mode) && entry.st.st_rdev == 0 ? "removed" : "changed", path);
}

static const char *changes_in(const struct upper *u, const struct upper_entry *dir)
{
	int again = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	const char *found = NULL;

	if (!stream) {
		fd_close(&again);
		return pool_printf(u->pool, "the container's own layer cannot be looked at: /%.200s", dir->path);
	}
	while (!found) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry && errno != 0)
			found = pool_printf(u->pool, "the container's own layer cannot be looked at: /%.200s",
					    dir->path);
		if (!entry)
			break;
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			found = check_entry(u, dir, entry->d_name,
					    *dir->path ? pool_printf(u->pool, "%s/%s", dir->path, entry->d_name)
						       : entry->d_name);
	}
	closedir(stream);
	return found;
}

const char *upper_changes(struct pool *pool, const struct stored_root *root, const struct bundle *bundle)
{
	struct upper u = {.pool = pool, .root = root, .config = bundle->config};
	struct upper_entry top = {.fd = -EBADF};
	int r = upper_entry_open(root->upper, ".", "", &top);
	__attribute__((unused)) autofd int fd = top.fd;

#ifdef HRUN_MUTANT_UPPER_LAYER
	return NULL;
#endif
	if (r < 0 || !upper_top_is_untouched(&u, &top))
		return "the container has changed / (a directory)";
	for (size_t i = 0; i < u.config->mount_count; i++)
		add_path(pool, bundle->rootfs, u.config->mounts[i].destination, &u.mounts);
	if (u.config->process && u.config->process->cwd)
		add_path(pool, bundle->rootfs, u.config->process->cwd, &u.cwd);
	return changes_in(&u, &top);
}
