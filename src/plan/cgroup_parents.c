/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_parents.c - which controllers the cgroups above the container's can hand down.
 *
 * A cgroup that holds processes hands down what it does already and nothing more (cgroups(7), "no internal
 * processes").  To ask it is not harmless: the kernel grants some controllers by making that cgroup a threaded one,
 * and what is below it unusable, whosever it is.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/plan_cgroup.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/openat2.h>
#include <unistd.h>

/* The text of FILE, or NULL. */
static const char *text_of(struct pool *pool, int dir, const char *file)
{
	char text[1024];
	autofd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text);

	return n < 0 || (size_t)n == sizeof text ? NULL : pool_strndup(pool, text, (size_t)n);
}

/* The true root of the hierarchy is the only one without a type; it may do both. */
static bool holds_processes(int dir)
{
	char byte;
	autofd int procs = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return procs >= 0 && faccessat(dir, "cgroup.type", F_OK, 0) == 0 && read(procs, &byte, 1) == 1;
}

const char *plan_cgroup_handed_down(struct pool *pool, struct cgroup_plan *plan, const char *available)
{
	char above[PATH_MAX];
	struct err ignored;

	/* Where systemd makes the cgroup, what lies above it is systemd's to arrange. */
	if (plan->scope || str_format(above, sizeof above, "%s", plan->path) < 0)
		return available;
#ifdef HRUN_MUTANT_CGROUP_LIVED_IN
	return available;
#endif
	/* From the nearest one up: what is not there yet will be hrun's own. */
	for (char *slash; !plan->lived_in && (slash = strrchr(above, '/')) != NULL;) {
		*slash = '\0';
		autofd int opened = *above ? path_open_in_root_with(plan->root, above + 1, O_RDONLY | O_DIRECTORY,
								    RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, &ignored)
					   : -EBADF;
		int dir = *above ? opened : plan->root;
		const char *down =
			dir >= 0 && holds_processes(dir) ? text_of(pool, dir, "cgroup.subtree_control") : NULL;
		if (!down)
			continue;
		plan->lived_in = pool_printf(pool, "%s", *above ? above : "/");
		return down;
	}
	return available;
}
