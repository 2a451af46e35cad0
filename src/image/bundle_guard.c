/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_guard.c - who could change, or exchange, a tree between its verification and the end of the container?
 *
 * Its place is walked from "/" down to the very directory that was opened: each one belongs to root and only root may write
 * there.  What is inside may belong to others, as in every image, where one directory on the way lets nobody else pass.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

static bool is_closed(int fd)
{
	struct stat st;

	/* With an ACL, the group's bits are the most that anybody gets by it. */
	return fstat(fd, &st) == 0 && !(st.st_mode & (S_IXGRP | S_IXOTH));
}

/* The judgement is the policy file's, and so are its words. */
static int say_of_bundle(struct pool *pool, int r, struct err *e)
{
	const char *text = pool_strdup(pool, e->text);

	return err_set(e, -r, "%s", str_starts(text, "policy: ") ? text + strlen("policy: ") : text);
}

/* Each part of the path, opened and judged from the top. */
static int check_one(struct pool *pool, const char *path, enum policy_owner owner, bool *ret_closed,
		     struct stat *ret_st, struct err *e)
{
	autofd int fd = policy_open(pool, path, owner, e);

	if (fd < 0)
		return say_of_bundle(pool, fd, e);
	if (fstat(fd, ret_st) < 0)
		return err_errno(e, "look at `%s`", path);
	*ret_closed = *ret_closed || is_closed(fd);
	return 0;
}

int bundle_check_parents(struct pool *pool, const struct bundle *bundle, bool *ret_closed, struct err *e)
{
	enum policy_owner owner = policy_caller_is_root() ? POLICY_OWNER_ROOT : POLICY_OWNER_OR_CALLER;
	char *path = pool_strdup(pool, bundle->rootfs_path);
	struct stat st;

	*ret_closed = false;
#ifdef HRUN_MUTANT_BUNDLE_PARENTS
	*ret_closed = true;
	return 0;
#endif
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		TRY(check_one(pool, path, owner, ret_closed, &st, e));
		*slash = '/';
	}
	TRY(check_one(pool, path, owner, ret_closed, &st, e));
	const struct stat *root = bundle_root_stat(bundle);
	if (!fd_is_same_stat(&st, root))
		return err_set(e, EBUSY, "the bundle's root was exchanged while it was looked at");
	return 0;
}
