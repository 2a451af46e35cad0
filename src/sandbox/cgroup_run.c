/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_run.c - a container's cgroup while it lives, and its removal.
 *
 * The record names a path, the inode says whether the directory there is still the
 * one that hrun made: another one is never killed, frozen or removed.  What a
 * container did below its own cgroup is hostile: depth and time are bounded.
 */
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

enum { FREEZE_MS = 5000, EMPTY_MS = 10000, LONGEST_POLL_MS = 64, UNRECORDED_MS = 1000 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The number that stands behind KEY in a flat keyed file ("populated 1\nfrozen 0\n"), or negative errno. */
static int64_t value_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return (int64_t)strtoull(line + length + 1, NULL, 10);
	}
	return -ENOENT;
}

static int64_t read_value(int cgroup, const char *file, const char *key)
{
	char text[4096];
	ssize_t n = cgroup_dir_read(cgroup, file, text, sizeof text);

	return n < 0 ? n : value_of(text, key);
}

/*
 * Wait until cgroup.events says KEY VALUE.  The kernel delays its notices by up to 10 ms, so
 * the file is also read again after growing pauses.  0, -ETIMEDOUT, or negative errno.
 */
static int wait_event(int cgroup, const char *key, int64_t value, int timeout_ms)
{
	autofd int fd = openat(cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct pollfd events = {.fd = fd, .events = POLLPRI};
	int64_t deadline = now_ms() + timeout_ms;
	char text[256];

	if (fd < 0)
		return -errno;
	for (int pause_ms = 1;; pause_ms = pause_ms < LONGEST_POLL_MS ? pause_ms * 2 : pause_ms) {
		ssize_t n = pread(fd, text, sizeof text - 1, 0);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		if (value_of(text, key) == value)
			return 0;
		if (now_ms() >= deadline)
			return -ETIMEDOUT;
		if (poll(&events, 1, pause_ms) < 0 && errno != EINTR)
			return -errno;
	}
}

static int check_inode(int fd, const char *path, uint64_t inode, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat cgroup %s", path);
#ifdef HRUN_MUTANT_CGROUP_INODE
	inode = st.st_ino;
#endif
	if (st.st_ino != inode)
		return err_set(e, ENOENT, "cgroup %s is gone; another one has its name", path);
	return 0;
}

static int open_mount(const char *mountpoint, struct err *e)
{
	autofd int fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return err_errno(e, "open the cgroup2 mount %s", mountpoint);
	if (fstatfs(fd, &fs) < 0)
		return err_errno(e, "ask for the file system of %s", mountpoint);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return err_set(e, ENOTSUP, "%s is not a cgroup2 mount any more", mountpoint);
	return TAKE_FD(fd);
}

static int open_recorded(int root, const char *path, uint64_t inode, struct err *e)
{
	autofd int fd = cgroup_dir_open(root, path[0] == '/' ? path + 1 : path, O_RDONLY);

	if (fd == -ENOENT || fd == -ENODEV || fd == -ENOTDIR)
		return err_set(e, ENOENT, "cgroup %s is gone", path);
	if (fd < 0) {
		errno = -fd;
		return err_errno(e, "open cgroup %s", path);
	}
	TRY(check_inode(fd, path, inode, e));
	return TAKE_FD(fd);
}

int cgroup_open(const char *mountpoint, const char *path, uint64_t inode, struct err *e)
{
	autofd int root = open_mount(mountpoint, e);

	TRY(root);
	return open_recorded(root, path, inode, e);
}

int cgroup_kill(int cgroup, struct err *e)
{
	int r = fd_write_file_at(cgroup, "cgroup.kill", "1");

	/* A removed cgroup has no files and holds nobody. */
	if (r == 0 || r == -ENODEV || (r == -ENOENT && faccessat(cgroup, "cgroup.procs", F_OK, 0) < 0))
		return 0;
	if (r == -ENOENT)
		return err_set(e, ENOSYS, "this kernel has no cgroup.kill; hrun needs Linux 5.14");
	errno = -r;
	return err_errno(e, "kill the processes of the cgroup");
}

static int write_freeze(int cgroup, bool freeze, struct err *e)
{
	int r = fd_write_file_at(cgroup, "cgroup.freeze", freeze ? "1" : "0");

	errno = -r;
	return r < 0 ? err_errno(e, "%s the cgroup", freeze ? "freeze" : "thaw") : 0;
}

int cgroup_freeze(int cgroup, bool freeze, struct err *e)
{
	struct err ignored;

	TRY(write_freeze(cgroup, freeze, e));
	int r = wait_event(cgroup, "frozen", freeze, FREEZE_MS);
	if (r == 0)
		return 0;
	/* Half frozen is neither paused nor running. */
	if (freeze)
		write_freeze(cgroup, false, &ignored);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "the cgroup is not %s after %d s; %s", freeze ? "frozen" : "thawed",
			       FREEZE_MS / 1000,
			       freeze ? "a process hangs in the kernel" : "a cgroup above it may be frozen");
	errno = -r;
	return err_errno(e, "wait until the cgroup is %s", freeze ? "frozen" : "thawed");
}

bool cgroup_is_frozen(int cgroup)
{
	return read_value(cgroup, "cgroup.events", "frozen") == 1;
}

uint64_t cgroup_oom_kills(int cgroup)
{
	int64_t kills = read_value(cgroup, "memory.events", "oom_kill");

	return kills < 0 ? 0 : (uint64_t)kills;
}

/* In use by another container, gone already, or not ours to remove, as anything of a read-only mount. */
static bool may_stay(int errnum)
{
	return errnum == EBUSY || errnum == ENOTEMPTY || errnum == ENOENT || errnum == ENODEV || errnum == EACCES ||
	       errnum == EPERM || errnum == EROFS;
}

/* Open the parent of PATH; *ret_name is the last component. */
static int open_parent(int root, const char *path, const char **ret_name, struct err *e)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');

	if (!slash || path[0] != '/' || str_format(parent, sizeof parent, "%.*s", (int)(slash - path), path) < 0)
		return err_set(e, EINVAL, "cgroup %s: not an absolute path", path);
	*ret_name = slash + 1;
	int fd = cgroup_dir_open(root, *parent ? parent + 1 : ".", O_PATH);
	errno = fd < 0 ? -fd : 0;
	return fd < 0 ? err_errno(e, "open the parent of cgroup %s", path) : fd;
}

static bool made_by_hrun(int root, const char *path)
{
	return str_equal(path, "/hrun") || str_starts(path, "/hrun/") || cgroup_dir_is_parent(root, path + 1);
}

/* Parents that hrun has made: the last to leave removes them. */
static int remove_own_parents(int root, const char *path, struct err *e)
{
	char parent[4096];
	char *slash;

	if (str_format(parent, sizeof parent, "%s", path) < 0)
		return 0;
	while ((slash = strrchr(parent, '/')) && slash != parent) {
		*slash = '\0';
		if (!made_by_hrun(root, parent))
			return 0;
		const char *name = parent + 1;
		bool top = !strchr(name, '/');
		autofd int opened = top ? -EBADF : open_parent(root, parent, &name, e);
		int above = top ? root : opened;
		if (above < 0)
			errno = -above;
		bool gone = above >= 0 && unlinkat(above, name, AT_REMOVEDIR) == 0;
		/* A path through a file of the kernel: nothing was made there, what is above it may have been. */
		if (gone || errno == ENOTDIR)
			continue;
		return may_stay(errno) ? 0 : err_errno(e, "remove the parents of cgroup %s", path);
	}
	return 0;
}

/* rmdir until nothing holds it: a process that was killed leaves its cgroup a moment later. */
static int remove_last(int parent, const char *name, int cgroup, const char *path, struct err *e)
{
	int64_t deadline = now_ms() + EMPTY_MS;

	for (;;) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENODEV)
			return 0;
		if (errno != EBUSY || now_ms() >= deadline)
			return err_errno(e, "remove cgroup %s", path);
		TRY(cgroup_kill(cgroup, e));
		poll(NULL, 0, 5);
		TRY(cgroup_dir_remove_children(cgroup, deadline - now_ms(), e));
	}
}

/*
 * Without an inode: a create was killed between its mkdir and its record, so the directory may be ours or somebody
 * else's.  rmdir(2) tells: ours is empty as soon as the init without a runtime has ended.  Nobody is killed.
 */
static int remove_unrecorded(int root, const char *path, struct err *e)
{
	int64_t deadline = now_ms() + UNRECORDED_MS;
	struct err gone;
	const char *name;

	autofd int parent = open_parent(root, path, &name, &gone);
	if (parent == -ENOENT || parent == -ENODEV || parent == -ENOTDIR)
		return 0;
	if (parent < 0) {
		*e = gone;
		return parent;
	}
	while (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno == EBUSY && now_ms() < deadline)
		poll(NULL, 0, 5);
	return 0;
}

static int empty(int cgroup, const char *path, struct err *e)
{
	TRY(cgroup_kill(cgroup, e));
	int r = wait_event(cgroup, "populated", 0, EMPTY_MS);
	if (r == 0 || r == -ENOENT || r == -ENODEV)
		return 0;
	if (r == -ETIMEDOUT)
		return err_set(e, EBUSY, "cgroup %s still holds processes %d s after they were killed", path,
			       EMPTY_MS / 1000);
	errno = -r;
	return err_errno(e, "wait until cgroup %s is empty", path);
}

static int remove_recorded(int root, const char *path, uint64_t inode, struct err *e)
{
	autofd int cgroup = open_recorded(root, path, inode, e);
	const char *name;

	if (cgroup == -ENOENT)
		return 0;
	TRY(cgroup);
	autofd int parent = open_parent(root, path, &name, e);
	TRY(parent);
	/* The usual case: init was the last, and the kernel removes only what holds nobody and nothing. */
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
		return 0;
	TRY(empty(cgroup, path, e));
	TRY(cgroup_dir_remove_children(cgroup, EMPTY_MS, e));
	return remove_last(parent, name, cgroup, path, e);
}

int cgroup_remove(const char *mountpoint, const char *path, uint64_t inode, struct err *e)
{
	autofd int root = open_mount(mountpoint, e);

	TRY(root);
#ifdef HRUN_MUTANT_UNRECORDED_CGROUP
	if (!inode)
		return 0;
#endif
	TRY(inode ? remove_recorded(root, path, inode, e) : remove_unrecorded(root, path, e));
	return remove_own_parents(root, path, e);
}
