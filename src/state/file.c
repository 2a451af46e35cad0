/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - files in the state directory.  One that is replaced is always whole: a reader sees the old one or the new one.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_file(int dir, const char *name)
{
	return openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int container_add_file(struct container *container, const char *name, const void *data, size_t size, struct err *e)
{
	autofd int fd = make_file(container->dir, name);
	if (fd < 0 && errno == EEXIST) {
		/* The lock is ours: a file of this name is what a killed writer left. */
		if (unlinkat(container->dir, name, 0) < 0 && errno != ENOENT)
			return err_errno(e, "remove %s of container `%s`", name, container->id);
		fd = make_file(container->dir, name);
	}
	if (fd < 0)
		return err_errno(e, "make %s of container `%s`", name, container->id);
	int r = fd_write_all(fd, data, size);
	if (r < 0) {
		unlinkat(container->dir, name, 0);
		return err_set(e, -r, "write %s of container `%s`: %s", name, container->id, strerrordesc_np(-r));
	}
	return 0;
}

int container_write_file(struct container *container, const char *name, const void *data, size_t size, struct err *e)
{
	char temporary[64];

	if (str_format(temporary, sizeof temporary, ".%s.new", name) < 0)
		return err_set(e, ENAMETOOLONG, "the name %s is too long", name);
	TRY(container_add_file(container, temporary, data, size, e));
	if (renameat(container->dir, temporary, container->dir, name) < 0)
		return err_errno(e, "rename %s of container `%s`", name, container->id);
	return 0;
}

int container_read_file(const struct container *container, struct pool *pool, const char *name, size_t max,
			char **ret_data, size_t *ret_size, struct err *e)
{
	autofd int fd = openat(container->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "open %s of container `%s`", name, container->id);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return err_set(e, EBADMSG, "%s of container `%s` is no regular file of at most %zu bytes", name,
			       container->id, max);
	/* Files are replaced, never changed: the size is final. */
	char *data = pool_alloc(pool, (size_t)st.st_size + 1);
	ssize_t n = fd_read_all(fd, data, (size_t)st.st_size);
	if (n < 0)
		return err_set(e, (int)-n, "read %s of container `%s`: %s", name, container->id,
			       strerrordesc_np((int)-n));
	*ret_data = data;
	*ret_size = (size_t)n;
	return 0;
}
