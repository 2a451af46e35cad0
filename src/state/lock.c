/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c - one writer a container.
 *
 * flock(2) on ROOT/ID/lock.  A lock is worth nothing on a file that somebody has
 * removed meanwhile, so after locking, both the directory and the file must still
 * be the ones that their names stand for.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>

/* Does ROOT/ID have this lock?  1, 0, or negative errno. */
static int is_lock_of(int root, const char *id, int lock)
{
	char path[NAME_MAX + sizeof "/" LOCK_FILE];

	TRY(str_format(path, sizeof path, "%s/" LOCK_FILE, id));
	return fd_is_named(root, path, lock);
}

static int cannot_look(const char *id, int r, struct err *e)
{
	return err_set(e, -r, "look at the lock of container `%s`: %s", id, strerrordesc_np(-r));
}

int lock_take(int root, const char *id, int dir, bool wait, struct err *e)
{
	for (;;) {
		autofd int lock = openat(dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
		if (lock < 0 && errno == ENOENT)
			return -ENOENT; /* the directory is gone */
		if (lock < 0)
			return err_errno(e, "open the lock of container `%s`", id);
		int r = fd_lock(lock, LOCK_EX | (wait ? 0 : LOCK_NB));
		if (r == -EWOULDBLOCK)
			return r;
		if (r < 0)
			return err_set(e, -r, "lock container `%s`", id);
		/* The lock of this name is ours, so the directory is as well. */
		if (is_lock_of(root, id, lock) > 0)
			return TAKE_FD(lock);
		int named = fd_is_named(root, id, dir);
		if (named == 0)
			return -ENOENT;
		if (named > 0)
			named = fd_is_named(dir, LOCK_FILE, lock);
		if (named < 0)
			return cannot_look(id, named, e);
		if (named > 0)
			return TAKE_FD(lock);
	}
}

int lock_again(int root, const char *id, int lock, struct err *e)
{
	int r = fd_lock(lock, LOCK_EX);

	if (r < 0)
		return err_set(e, -r, "lock container `%s`", id);
	r = is_lock_of(root, id, lock);
	if (r < 0)
		return cannot_look(id, r, e);
	return r ? 0 : -ENOENT;
}

bool lock_is_held(int dir)
{
	autofd int lock = openat(dir, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	return lock >= 0 && fd_lock(lock, LOCK_SH | LOCK_NB) == -EWOULDBLOCK;
}
