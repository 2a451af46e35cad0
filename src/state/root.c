/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c - the directory that holds every container's state.
 *
 * Whoever can write here can make hrun kill or enter a process of their choice, so
 * it belongs to us and nobody else may write it.
 */
#include <fcntl.h>
#include <hrun/container.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *container_root_default(struct pool *pool)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (proc_is_machines_root())
		return "/run/hrun";
	if (runtime_dir && runtime_dir[0] == '/')
		return pool_printf(pool, "%s/hrun", runtime_dir);
	return pool_printf(pool, "/run/user/%u/hrun", (unsigned int)proc_euid());
}

static int cannot_make(const char *path, struct err *e)
{
	err_errno(e, "make the state root %s", path);
	return err_advise(e, "set XDG_RUNTIME_DIR or give --root a directory of this user");
}

static int cannot_open(const char *path, struct err *e)
{
	const char *remedy =
		errno == ENOENT ? "give the --root that the containers were made with"
		: errno == EACCES || errno == EPERM
			? "it is another user's; call hrun as this one, or give --root a directory of your own"
			: "give --root a directory, without links";

	err_errno(e, "open the state root %s", path);
	return err_advise(e, remedy);
}

/* mkdir -p; what exists is fine, whether it may be used is checked on the descriptor. */
static int make_directories(const char *path, struct err *e)
{
	char partial[4096];

	TRY(str_format(partial, sizeof partial, "%s", path) < 0
		    ? err_set(e, ENAMETOOLONG, "the path of the state root is too long")
		    : 0);
	for (char *p = partial + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(partial, 0700) < 0 && errno != EEXIST)
			return cannot_make(partial, e);
		*p = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return cannot_make(path, e);
	return 0;
}

static int check_owner(int root, const char *path, struct err *e)
{
	struct stat st, slash;

#ifdef HRUN_MUTANT_STATE_OWNER
	return 0;
#endif
	if (fstat(root, &st) < 0 || stat("/", &slash) < 0)
		return err_errno(e, "stat the state root %s", path);
	if (fd_is_same_stat(&st, &slash))
		return err_set(e, EINVAL, "the state root may not be /; give --root a directory of its own");
	if (st.st_uid != proc_euid())
		return err_set(
			e, EPERM,
			"the state root %s belongs to uid %u, not to uid %u; give --root a directory of your own", path,
			(unsigned int)st.st_uid, (unsigned int)proc_euid());
	if (st.st_mode & 022)
		return err_set(e, EPERM, "others may write the state root %s (mode %04o); make it mode 0700", path,
			       (unsigned int)(st.st_mode & 07777));
	return 0;
}

static int open_or_make(const char *path, bool make, struct err *e)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };
	int root = open(path, FLAGS);

	if (root < 0 && errno == ENOENT && make) {
		TRY(make_directories(path, e));
		root = open(path, FLAGS);
	}
	return root < 0 ? cannot_open(path, e) : root;
}

int container_root_open(const char *path, bool make, struct err *e)
{
	struct pool pool = {NULL};
	int root;

	if (!path)
		path = container_root_default(&pool);
	root = open_or_make(path, make, e);
	if (root >= 0 && check_owner(root, path, e) < 0) {
		fd_close(&root);
		root = -e->errnum;
	}
	pool_free(&pool);
	return root;
}
