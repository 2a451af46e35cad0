/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_paths.c - directories and files of an engine's store, and who could have changed them.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int store_open_path(struct pool *pool, const char *path, struct err *e)
{
	enum policy_owner owner = policy_caller_is_root() ? POLICY_OWNER_ROOT : POLICY_OWNER_OR_CALLER;
	static const char prefix[] = "policy: ";
	int fd = policy_open(pool, path, owner, e);

	if (fd < 0 && str_starts(e->text, prefix))
		memmove(e->text, e->text + sizeof prefix - 1, strlen(e->text) - sizeof prefix + 2);
	return fd;
}

int store_read_file(struct pool *pool, const char *path, const char **ret_bytes, size_t *ret_size, struct err *e)
{
	enum { MAX = 16 << 20 };
	struct stat st;
	autofd int fd = store_open_path(pool, path, e);

	TRY(fd);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX)
		return err_set(e, EINVAL, "`%s` is no regular file of at most %d bytes", path, MAX);
	char *bytes = pool_alloc_now(pool, (size_t)st.st_size + 1);
	ssize_t n = fd_read_all(fd, bytes, (size_t)st.st_size);
	if (n != st.st_size)
		return err_set(e, EIO, "`%s` changed while it was read; try again", path);
	*ret_bytes = bytes;
	*ret_size = (size_t)n;
	return 0;
}

const char *store_path_of(struct pool *pool, int fd)
{
	char link[64], real[PATH_MAX];

	if (fd < 0 || str_format(link, sizeof link, "/proc/self/fd/%d", fd) < 0)
		return NULL;
	ssize_t n = readlink(link, real, sizeof real - 1);
	return n > 0 ? pool_strndup(pool, real, (size_t)n) : NULL;
}

const char *store_real_path(struct pool *pool, const char *path)
{
	autofd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return store_path_of(pool, fd);
}

int store_open_upper(struct pool *pool, const char *path, struct stored_root *ret, struct err *e)
{
	const char *upper = store_real_path(pool, path);
	struct stat st;

	if (!upper || stat(upper, &st) < 0)
		return err_set(e, EINVAL, "the writable layer `%s` cannot be opened", path);
	/* Its layers are copies with other owners, or mapped. */
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, EPERM,
			       "the container's layer belongs to uid %u: what an engine has made for hostUsers: false, "
			       "--uidmap or --userns cannot be compared; use the image without",
			       st.st_uid);
	ret->upper_path = upper;
	ret->upper = store_open_path(pool, upper, e);
	return ret->upper < 0 ? ret->upper : 0;
}

void stored_root_close(struct stored_root *root)
{
	for (size_t i = 0; i < root->layer_count; i++) {
		fd_close(&root->layers[i].dir);
		fd_close(&root->layers[i].image);
	}
	fd_close(&root->images);
	fd_close(&root->records);
	fd_close(&root->blobs);
	fd_close(&root->upper);
}
