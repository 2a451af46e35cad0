/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_open.c - the policy file as a descriptor, and whose it is; and the same for other places that only root may write.
 *
 * Whoever can write this file, or exchange a directory above it, can start anything as
 * root.  So every component is opened from the one before it, without links, and judged
 * as a descriptor; there is no second look-up.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/path.h>
#include <hrun/policy_open.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who may own what is opened. */
struct owners {
	const char *what; /* the first word of every error */
	uid_t host_root;
	bool or_callers;
	bool directory;	  /* a directory is wanted, not a file */
	struct stat last; /* of what was opened last */
};

bool policy_caller_is_root(void)
{
	return geteuid() == 0 && (proc_maps_every_id() || proc_in_own_machine());
}

/* errno as its name: the texts of strerror are what podman takes for a missing command. */
static const char *errno_name(int errnum)
{
	const char *name = strerrorname_np(errnum);

	return name ? name : "unknown error";
}

static int cannot_open(const char *what, const char *path, bool directory, struct err *e)
{
	err_set(e, errno, "%s: open `%s`: %s", what, path, errno_name(errno));
	if (directory)
		return err_advise(e, "name a directory that root may write");
	return err_advise(e, e->errnum == ENOENT   ? "write it or name another file with --policy"
			     : e->errnum == EACCES ? "make it readable for everybody who starts containers"
						   : "name a regular file");
}

static bool may_own(const struct owners *owners, uid_t uid)
{
	return uid == owners->host_root || (owners->or_callers && uid == geteuid());
}

/* Sticky does not save a directory: what is missing there yet can be made by anybody. */
static int check_owner(int fd, struct owners *owners, const char *path, struct err *e)
{
	if (fstat(fd, &owners->last) < 0)
		return err_set(e, errno, "%s: look at `%s`: %s", owners->what, path, errno_name(errno));
	const struct stat st = owners->last;
	if (S_ISLNK(st.st_mode))
		return err_set(e, EPERM, "%s: `%s` is a symbolic link; name what it leads to", owners->what, path);
#ifdef HRUN_MUTANT_POLICY_OWNER
	return 0;
#endif
	if (!may_own(owners, st.st_uid))
		return err_set(e, EPERM, "%s: `%s` belongs to uid %u, not to the host's root%s; chown root it",
			       owners->what, path, st.st_uid, owners->or_callers ? " or to you" : "");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "%s: `%s` is writable by group or others (mode %04o); chmod go-w it",
			       owners->what, path, st.st_mode & 07777u);
	return 0;
}

/* Open and check what stands in *DIR under NAME; PATH is all of it, for the message. */
static int open_component(int dir, const char *name, struct owners *owners, const char *path, int flags, struct err *e)
{
	autofd int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ELOOP)
		return err_set(e, EPERM, "%s: `%s` is a symbolic link; name what it leads to", owners->what, path);
	if (fd < 0)
		return cannot_open(owners->what, path, owners->directory, e);
	TRY(check_owner(fd, owners, path, e));
	return TAKE_FD(fd);
}

/* Nobody's promise, and so no walk: a link is followed, a terminal and a pipe do not make us wait. */
static int open_any(const char *path, struct err *e)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return cannot_open("policy", path, false, e);
	return TAKE_FD(fd);
}

/* From / to the end of PATH; with MAKE each directory that is missing is made. */
static int walk(struct pool *pool, const char *path, struct owners *owners, bool make, struct err *e)
{
	char *names = pool_strdup(pool, path + strspn(path, "/")), *name;
	const char *so_far = "";
	const int last = O_RDONLY | O_NONBLOCK | O_NOCTTY;

	owners->host_root = proc_host_root();
	autofd int fd = open("/", O_PATH | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "%s: open `/`: %s", owners->what, errno_name(errno));
	TRY(check_owner(fd, owners, "/", e));
	while ((name = strsep(&names, "/"))) {
		so_far = pool_printf(pool, "%s/%s", so_far, name);
		if (make && mkdirat(fd, name, 0700) < 0 && errno != EEXIST && errno != EROFS)
			return err_set(e, errno, "%s: make `%s`: %s", owners->what, so_far, errno_name(errno));
		int next = open_component(fd, name, owners, so_far, names ? O_PATH : last, e);
		TRY(next);
		fd_close(&fd);
		fd = next;
	}
	return TAKE_FD(fd);
}

static int open_and_look(struct pool *pool, const char *path, enum policy_owner owner, struct stat *ret, struct err *e)
{
	struct owners owners = {.what = "policy", .or_callers = owner == POLICY_OWNER_OR_CALLER};

	if (owner != POLICY_OWNER_ANY && path_has_dotdot(path))
		return err_set(e, EINVAL, "policy: `%s` holds \"..\"; name the file itself", path);
	autofd int fd = owner == POLICY_OWNER_ANY ? open_any(path, e) : walk(pool, path, &owners, false, e);
	TRY(fd);
	*ret = owners.last;
	if (owner == POLICY_OWNER_ANY && fstat(fd, ret) < 0)
		return err_set(e, errno, "policy: look at `%s`: %s", path, errno_name(errno));
	return TAKE_FD(fd);
}

int policy_open(struct pool *pool, const char *path, enum policy_owner owner, struct err *e)
{
	struct stat st;

	return open_and_look(pool, path, owner, &st, e);
}

int policy_open_directory(struct pool *pool, const char *what, const char *path, enum policy_owner owner, struct err *e)
{
	struct owners owners = {.what = what, .or_callers = owner == POLICY_OWNER_OR_CALLER, .directory = true};

	if (path_has_dotdot(path))
		return err_set(e, EINVAL, "%s: `%s` holds \"..\"; name the directory itself", what, path);
	autofd int fd = walk(pool, path, &owners, true, e);
	TRY(fd);
	if (!S_ISDIR(owners.last.st_mode))
		return err_set(e, ENOTDIR, "%s: `%s` is not a directory", what, path);
	return TAKE_FD(fd);
}

int policy_open_bytes(struct pool *pool, const char *path, enum policy_owner owner, size_t max_size, char **ret_bytes,
		      size_t *ret_size, struct err *e)
{
	struct stat st;
	autofd int fd = open_and_look(pool, path, owner, &st, e);

	TRY(fd);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "policy: `%s` is not a regular file; name the file itself", path);
	if (st.st_size > (off_t)max_size)
		return err_set(e, EINVAL, "policy: `%s` has %lld bytes; at most %zu are read", path,
			       (long long)st.st_size, max_size);
	/* One byte more than it had: where it grows meanwhile, the text is cut and refused. */
	*ret_bytes = pool_alloc_now(pool, (size_t)st.st_size + 1);
	ssize_t size = fd_read_file(fd, *ret_bytes, (size_t)st.st_size);
	if (size < 0 || size > st.st_size)
		return err_set(e, EIO, "policy: `%s` changed while it was read; try again", path);
	*ret_size = (size_t)size;
	return 0;
}

const char *policy_absolute(struct pool *pool, const char *directory, const char *file)
{
	char here[PATH_MAX];

	if (*file != '/' && !directory)
		directory = getcwd(here, sizeof here);
	if (*file == '/' || !directory)
		return path_clean(pool, file);
	return path_clean(pool, pool_printf(pool, "%s/%s", directory, file));
}
