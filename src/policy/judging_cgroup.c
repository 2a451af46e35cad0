/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judging_cgroup.c - what the host has where the container's cgroup will be.
 *
 * Looked up only where the config leaves a limit to those above it, or names a place of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <sys/xattr.h>

const char *cgroup_path_of(const struct judged *judged)
{
	const struct config_linux *linux_ = judged->config->linux_;
	const char *path = linux_ ? linux_->cgroups_path : NULL;

	/* As plan/cgroup.c has it; the id, which comes last, is nobody's parent. */
	if (!path || !*path)
		return "/hrun/ID";
	if (path[0] != '/' && strchr(path, ':'))
		return NULL;
	return path_clean(judged->pool, path[0] == '/' ? path : pool_printf(judged->pool, "/hrun/%s", path));
}

static int root_of(const struct judged *judged)
{
	struct cgroup_look *look = judged->cgroups;
	const char *mountpoint;

	if (!look->opened)
		look->root = cgroup2_open(&mountpoint);
	look->opened = true;
	return look->root;
}

/* An owned descriptor of PATH below ROOT, or negative errno. */
static int open_below(int root, const char *path, int flags)
{
	struct err ignored;

	return path_open_in_root_with(root, path, flags, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, &ignored);
}

/* The first word of FILE, "" where it cannot be read. */
static void read_word(int root, const char *path, char *word, size_t size)
{
	autofd int fd = open_below(root, path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : fd_read_kernel(fd, word, size - 1);

	word[n > 0 ? n : 0] = '\0';
	word[strcspn(word, " \n")] = '\0';
}

bool cgroup_limited_below(int root, const char *path, const char *file)
{
	char above[4096], name[4200], word[64];

	if (str_format(above, sizeof above, "%s", path + 1) < 0)
		return false;
	for (char *slash; (slash = strrchr(above, '/')) != NULL;) {
		*slash = '\0';
		if (str_format(name, sizeof name, "%s/%s", above, file) < 0)
			return false;
		read_word(root, name, word, sizeof word);
		if (*word >= '0' && *word <= '9')
			return true;
	}
	return false;
}

bool cgroup_is_limited_above(const struct judged *judged, const char *file)
{
	const char *path = cgroup_path_of(judged);

	if (judged->config_only || !path || path_has_dotdot(path) || root_of(judged) < 0)
		return false;
	return cgroup_limited_below(root_of(judged), path, file);
}

bool cgroup_host_lacks(const struct judged *judged, const char *controller)
{
	char words[1024], *rest = words;

	if (judged->config_only || root_of(judged) < 0)
		return false;
	autofd int fd = open_below(root_of(judged), "cgroup.controllers", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : fd_read_kernel(fd, words, sizeof words - 1);
	if (n < 0)
		return false;
	words[n] = '\0';
	for (const char *word; (word = strsep(&rest, " \n"));) {
		if (str_equal(word, controller))
			return false;
	}
	return true;
}

/* systemd marks what it gives to somebody else to divide. */
static bool is_delegated(int root, const char *path)
{
	static const char *const marks[] = {"trusted.delegate", "user.delegate"};
	char here[4096], value[4];

	if (str_format(here, sizeof here, "%s", path + 1) < 0)
		return false;
	for (;;) {
		autofd int fd = open_below(root, here, O_RDONLY | O_DIRECTORY);
		for (size_t i = 0; fd >= 0 && i < sizeof marks / sizeof marks[0]; i++) {
			if (fgetxattr(fd, marks[i], value, sizeof value) == 1 && *value == '1')
				return true;
		}
		char *slash = strrchr(here, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
}

enum cgroup_use cgroup_use_below(int root, const char *path)
{
	char name[4096], byte;

	if (!path[1] || str_format(name, sizeof name, "%s/cgroup.procs", path + 1) < 0)
		return CGROUP_UNKNOWN;
	autofd int fd = open_below(root, name, O_RDONLY);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? CGROUP_FREE : CGROUP_UNKNOWN;
#ifdef HRUN_MUTANT_CGROUP_USED
	return CGROUP_FREE;
#endif
	/* EOPNOTSUPP: a threaded one, so there are processes. */
	ssize_t n = fd_read_all(fd, &byte, 1);
	if (n == 0 || (n < 0 && n != -EOPNOTSUPP))
		return n == 0 ? CGROUP_FREE : CGROUP_UNKNOWN;
	return is_delegated(root, path) ? CGROUP_FREE : CGROUP_USED;
}

enum cgroup_use cgroup_use(const struct judged *judged, const char *path)
{
	return root_of(judged) < 0 ? CGROUP_FREE : cgroup_use_below(root_of(judged), path);
}
