/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_tree.c - walks over the cgroups that a container made below its own.
 *
 * The container chose their names, number and depth.  Removal climbs down and up
 * with two descriptors and so takes any depth; a visit recurses, to a bounded
 * depth (SIGKILL never comes here: cgroup.kill does the whole tree at once).
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DEEPEST_VISIT = 24 };

/* Directory entries without the allocation of opendir(3). */
struct entries {
	int fd; /* borrowed */
	size_t used, length;
	_Alignas(struct dirent64) char buffer[2048];
};

/* The next subdirectory's name, NULL at the end; *ret_errnum is 0 or what failed. */
static const char *next_directory(struct entries *entries, int *ret_errnum)
{
	*ret_errnum = 0;
	for (;;) {
		if (entries->used == entries->length) {
			long n = syscall(SYS_getdents64, entries->fd, entries->buffer, sizeof entries->buffer);
			*ret_errnum = n < 0 ? errno : 0;
			if (n <= 0)
				return NULL;
			entries->used = 0;
			entries->length = (size_t)n;
		}
		const struct dirent64 *entry = (const void *)(entries->buffer + entries->used);
		entries->used += entry->d_reclen;
		if (entry->d_type == DT_DIR && !str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			return entry->d_name;
	}
}

/*
 * Remove every subdirectory of DIR that has none itself.  Returns a descriptor of the first
 * that has, -ENOENT where nothing is left, or negative errno.
 */
static int remove_leaves(int dir, bool *ret_removed)
{
	struct entries entries = {.fd = dir};
	const char *name;
	int errnum;

	if (lseek(dir, 0, SEEK_SET) < 0)
		return -errno;
	while ((name = next_directory(&entries, &errnum))) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
			*ret_removed = true;
			continue;
		}
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -errno;
		int below = cgroup_dir_open(dir, name, O_RDONLY);
		if (below != -ENOENT && below != -ENODEV)
			return below;
	}
	return errnum ? -errnum : -ENOENT;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One step of the climb: *dir becomes a directory below, or the one above.  1: nothing left below TOP. */
static int climb(int *dir, ino_t top)
{
	bool removed = false;
	struct stat st;
	int next = remove_leaves(*dir, &removed);

	if (next == -ENOENT) {
		if (fstat(*dir, &st) < 0)
			return -errno;
		if (st.st_ino == top)
			return 1;
		/* Busy without a cgroup below it: a process is still leaving. */
		if (!removed)
			poll(NULL, 0, 1);
		next = openat(*dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (next < 0)
			return -errno;
	}
	if (next < 0)
		return next;
	fd_close(dir);
	*dir = next;
	return 0;
}

int cgroup_dir_remove_children(int cgroup, int64_t timeout_ms, struct err *e)
{
	autofd int dir = cgroup_dir_open(cgroup, ".", O_RDONLY);
	int64_t deadline = now_ms() + timeout_ms;
	struct stat st;
	int r = 0;

	if (dir == -ENOENT || dir == -ENODEV)
		return 0;
	if (dir < 0 || fstat(dir, &st) < 0) {
		errno = dir < 0 ? -dir : errno;
		return err_errno(e, "open the cgroup to remove what is below it");
	}
	while (r == 0 && now_ms() < deadline)
		r = climb(&dir, st.st_ino);
	if (r == 0)
		return err_set(e, EBUSY, "the cgroups that the container made below its own do not go away");
	errno = -r;
	return r < 0 ? err_errno(e, "remove the cgroups below the container's own") : 0;
}

/* What is done with every process that is found. */
struct visit {
	int (*each)(pid_t pid, void *argument, struct err *e);
	void *argument;
};

static int visit_one(const struct visit *visit, uint64_t pid, struct err *e)
{
	/* 0 is how the kernel lists a process that this pid namespace cannot see. */
	if (pid == 0 || pid > INT_MAX)
		return err_set(e, EINVAL,
			       "a process of the cgroup has no number in this pid namespace; use the host's");
	return visit->each((pid_t)pid, visit->argument, e);
}

/* cgroup.procs as a stream: a number may be cut by the end of a read. */
static int visit_listed(int fd, const struct visit *visit, struct err *e)
{
	char text[1024];
	uint64_t pid = 0;
	bool digits = false;
	ssize_t n;

	while ((n = read(fd, text, sizeof text)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9' && pid <= INT_MAX) {
				pid = pid * 10 + (uint64_t)(text[i] - '0');
				digits = true;
			} else if (digits) {
				TRY(visit_one(visit, pid, e));
				pid = 0;
				digits = false;
			}
		}
	}
	/* EOPNOTSUPP: a threaded cgroup; its processes are listed in the domain above. */
	if (n < 0 && errno != EOPNOTSUPP && errno != ENODEV)
		return err_errno(e, "read cgroup.procs");
	return 0;
}

static int visit_here(int cgroup, const struct visit *visit, struct err *e)
{
	autofd int procs = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (procs < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : err_errno(e, "open cgroup.procs");
	return visit_listed(procs, visit, e);
}

static int visit_tree(int cgroup, const struct visit *visit, int depth, struct err *e)
{
	struct entries entries = {.fd = cgroup};
	const char *name;
	int errnum;

	if (depth > DEEPEST_VISIT)
		return err_set(e, ELOOP, "the container made cgroups more than %d deep; only SIGKILL reaches them",
			       DEEPEST_VISIT);
	TRY(visit_here(cgroup, visit, e));
	if (lseek(cgroup, 0, SEEK_SET) < 0)
		return err_errno(e, "list the cgroup");
	while ((name = next_directory(&entries, &errnum))) {
		autofd int below = cgroup_dir_open(cgroup, name, O_RDONLY);
		if (below == -ENOENT || below == -ENODEV)
			continue;
		errno = below < 0 ? -below : 0;
		if (below < 0)
			return err_errno(e, "open a cgroup below the container's own");
		TRY(visit_tree(below, visit, depth + 1, e));
	}
	errno = errnum;
	return errnum ? err_errno(e, "list the cgroup") : 0;
}

int cgroup_each_process(int cgroup, int (*each)(pid_t pid, void *argument, struct err *e), void *argument,
			struct err *e)
{
	struct visit visit = {each, argument};

	return visit_tree(cgroup, &visit, 0, e);
}

/* What ended meanwhile needs no signal. */
static int signal_one(pid_t pid, void *argument, struct err *e)
{
	int signal = *(const int *)argument;

	if (kill(pid, signal) < 0 && errno != ESRCH)
		return err_errno(e, "send signal %d to process %d", signal, pid);
	return 0;
}

/*
 * Frozen, nobody forks away from the list while it is read.  A cgroup that was paused
 * stays paused: the signal waits until it is resumed.
 */
int cgroup_signal(int cgroup, int signal, struct err *e)
{
	struct err ignored;

	if (signal == SIGKILL)
		return cgroup_kill(cgroup, e);
	bool paused = cgroup_is_frozen(cgroup);
	if (!paused)
		TRY(cgroup_freeze(cgroup, true, e));
	int r = cgroup_each_process(cgroup, signal_one, &signal, e);
	if (!paused) {
		int thawed = cgroup_freeze(cgroup, false, r < 0 ? &ignored : e);
		r = r < 0 ? r : thawed;
	}
	return r;
}
