/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_file.c - see whole_file.h.
 *
 * Written under another name, then renamed.  The other name is always the same, so that what a killed writer leaves is taken over;
 * a lock of the directory keeps two writers from taking over each other's.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/whole_file.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_LOOKS = 300 }; /* 10 ms apart */

/* Whoever may open the directory can hold it locked: waiting is bounded. */
static int lock_directory(int dir)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	for (int i = 0; i < LOCK_LOOKS; i++) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

static int write_new(int dir, const char *temporary, mode_t mode, const void *data, size_t size)
{
	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	autofd int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, data, size);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	return r;
}

static int put(int dir, const char *temporary, const char *name, bool replace)
{
	if (renameat2(dir, temporary, dir, name, replace ? 0 : RENAME_NOREPLACE) == 0)
		return 0;
	/* Not every file system can rename so. */
	if (errno != EINVAL || replace || linkat(dir, temporary, dir, name, 0) < 0)
		return -errno;
	return unlinkat(dir, temporary, 0) < 0 ? -errno : 0;
}

int whole_file_write(int dir, const char *name, mode_t mode, const void *data, size_t size, bool replace, struct err *e)
{
	char temporary[NAME_MAX + 1];

	if (str_format(temporary, sizeof temporary, ".%s.new", name) < 0)
		return err_set(e, ENAMETOOLONG, "the name %.100s is too long", name);
	/* A descriptor of its own: the lock ends with it. */
	autofd int lock = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = lock < 0 ? -errno : lock_directory(lock);
	if (r == -EBUSY)
		return err_set(e, EBUSY,
			       "somebody holds the directory of %s locked; write it where nobody else may look", name);
	if (r < 0)
		return err_set(e, -r, "lock the directory of %s: %s", name, strerrordesc_np(-r));
	r = write_new(dir, temporary, mode, data, size);
	if (r == 0)
		r = put(dir, temporary, name, replace);
	if (r < 0)
		unlinkat(dir, temporary, 0);
	if (r == -EEXIST)
		return err_set(e, EEXIST, "%s exists and is not overwritten", name);
	return r < 0 ? err_set(e, -r, "write %s: %s", name, strerrordesc_np(-r)) : 0;
}
