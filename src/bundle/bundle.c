/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.c - an opened bundle directory.
 *
 * Whoever may write to the bundle may change it at any moment.  So the directory,
 * config.json and the root are opened once, config.json is read once, and all that
 * is judged and used afterwards comes from these bytes and descriptors.
 */
#include <fcntl.h>
#include <hrun/bundle.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char *reason(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown error";
}

/* The path of the descriptor, checked: a removed directory has a text there that leads elsewhere. */
static int find_path(struct pool *pool, struct bundle *bundle, const char *directory, struct err *e)
{
	char link[64], path[PATH_MAX];
	struct stat st;

	TRY(str_format(link, sizeof link, "/proc/self/fd/%d", bundle->dir));
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return err_set(e, errno, "path of bundle `%s` cannot be read from %s: %s; is /proc mounted?", directory,
			       link, reason(errno));
	path[n] = '\0';
	if (path[0] != '/' || lstat(path, &st) < 0 || !fd_is_same_stat(&st, &bundle->dir_stat))
		return err_set(e, ENOENT, "bundle `%s` was moved or removed; name a directory that stays", directory);
	bundle->path = pool_strdup(pool, path);
	return 0;
}

/* HOLDS: the file that makes it one. */
static int open_directory(struct pool *pool, const char *directory, const char *what, const char *holds,
			  struct bundle *bundle, struct err *e)
{
	*bundle = (struct bundle){.dir = -EBADF, .rootfs = -EBADF};
	bundle->dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (bundle->dir < 0 || fstat(bundle->dir, &bundle->dir_stat) < 0)
		return err_set(e, errno, "%s `%s` cannot be opened: %s; name a directory that holds %s", what,
			       directory, reason(errno), holds);
	return find_path(pool, bundle, directory, e);
}

static int refuse_size(const char *name, size_t size, size_t max_size, struct json_error *ret_error, struct err *e)
{
	*ret_error = (struct json_error){.rule = "json-too-large",
					 .where = "",
					 .pointer = "",
					 .text = "the document is too large; remove bulk data"};
	return err_set(e, EINVAL, "%s: the document has %zu bytes, %zu are allowed; remove bulk data (json-too-large)",
		       name, size, max_size);
}

/* A FIFO, a device: nobody knows how large that is. */
static int refuse_type(const char *name, const char *path, struct json_error *ret_error, struct err *e)
{
	*ret_error = (struct json_error){.rule = "json-too-large",
					 .where = "",
					 .pointer = "",
					 .text = "the document is not a regular file; put the document itself there"};
	return err_set(e, EINVAL,
		       "%s of bundle `%s` is not a regular file; put the document itself there (json-too-large)", name,
		       path);
}

/* One byte more than fstat promised is asked for: a file that grows while it is read is not one document. */
static int read_bytes(struct pool *pool, int fd, const char *name, struct bundle *bundle, struct err *e)
{
	size_t size = (size_t)bundle->config_stat.st_size;
	char *bytes = pool_alloc(pool, size + 1);

	ssize_t n = fd_read_file(fd, bytes, size);
	if (n < 0)
		return err_set(e, (int)-n, "%s of bundle `%s` cannot be read: %s", name, bundle->path, reason((int)-n));
	if ((size_t)n != size)
		return err_set(e, EBUSY, "%s of bundle `%s` changed while it was read; try again when it is complete",
			       name, bundle->path);
	bytes[size] = '\0';
	bundle->config_bytes = bytes;
	bundle->config_size = size;
	return 0;
}

static int read_config_file(struct pool *pool, const char *name, size_t max_size, struct bundle *bundle,
			    struct json_error *ret_error, struct err *e)
{
	/* O_PATH: a FIFO or a device in its place must not notice that it was looked at. */
	autofd int found = openat(bundle->dir, name, O_PATH | O_CLOEXEC);

	if (found < 0 || fstat(found, &bundle->config_stat) < 0)
		return err_set(e, errno, "%s of bundle `%s` cannot be opened: %s; %s", name, bundle->path,
			       reason(errno),
			       errno == ENOENT ? "`hrun spec` writes a new one" : "check the bundle's permissions");
	if (!S_ISREG(bundle->config_stat.st_mode))
		return refuse_type(name, bundle->path, ret_error, e);
	autofd int fd = fd_reopen(found, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, -fd, "%s of bundle `%s` cannot be opened: %s; check its permissions", name,
			       bundle->path, reason(-fd));
	if ((uintmax_t)bundle->config_stat.st_size > max_size)
		return refuse_size(name, (size_t)bundle->config_stat.st_size, max_size, ret_error, e);
	int r = read_bytes(pool, fd, name, bundle, e);
	autopile struct fd_pile both = {.count = 0};
	fd_pile_add(&both, &found);
	fd_pile_add(&both, &fd);
	return r;
}

/* The whole line; a name of many kilobytes in the document must not push the reason out of it. */
static int refuse_document(const char *name, const struct json_error *error, struct err *e)
{
	const char *separator = error->where[0] ? ": " : "";

	return err_set(e, EINVAL, "%.100s:%u:%u: %.160s%s%s (%s)", name, error->line, error->column, error->where,
		       separator, error->text, error->rule);
}

/* No directory: a file system in a file, perhaps.  Not through a link, and nothing is read. */
static void open_root_file(struct bundle *bundle, const char *path)
{
	autofd int fd = openat(bundle->dir, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &bundle->root_file_stat) < 0 || !S_ISREG(bundle->root_file_stat.st_mode))
		return;
	bundle->root_is_file = true;
	bundle->root_file = TAKE_FD(fd);
}

/* The root may be missing or be what a rule refuses; that is judged later, on this descriptor. */
static void open_rootfs(struct pool *pool, struct bundle *bundle)
{
	const char *path = bundle->config->root.path;

	bundle->rootfs = -ENOENT;
	if (!path || !path[0])
		return;
	bundle->rootfs_path = path_clean(pool, path[0] == '/' ? path : pool_printf(pool, "%s/%s", bundle->path, path));
	bundle->rootfs = openat(bundle->dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (bundle->rootfs < 0)
		bundle->rootfs = -errno;
	else if (fstat(bundle->rootfs, &bundle->rootfs_stat) < 0)
		fd_close(&bundle->rootfs);
	if (bundle->rootfs == -ENOTDIR)
		open_root_file(bundle, path);
}

static int read_document(struct pool *pool, const char *name, size_t max_size, struct bundle *bundle,
			 struct json_error *ret_error, struct err *e)
{
	const struct json *tree;

	if (json_read(pool, bundle->config_bytes, bundle->config_size, max_size, &tree, ret_error) < 0 ||
	    config_read(pool, tree, &bundle->config, ret_error) < 0)
		return refuse_document(name, ret_error, e);
	return 0;
}

static int open_all(struct pool *pool, const char *directory, const char *name, size_t max_size, struct bundle *bundle,
		    struct json_error *ret_error, struct err *e)
{
	TRY(open_directory(pool, directory, "bundle", "config.json", bundle, e));
	TRY(read_config_file(pool, name, max_size, bundle, ret_error, e));
	TRY(read_document(pool, name, max_size, bundle, ret_error, e));
	open_rootfs(pool, bundle);
	return 0;
}

int bundle_open(struct pool *pool, const char *directory, const char *config_name, size_t max_size,
		struct bundle *ret_bundle, struct json_error *ret_error, struct err *e)
{
	*ret_error = (struct json_error){.rule = NULL};
	int r = open_all(pool, directory, config_name ? config_name : "config.json", max_size, ret_bundle, ret_error,
			 e);
	if (r < 0)
		bundle_close(ret_bundle);
	return r;
}

int bundle_open_layout(struct pool *pool, const char *directory, struct bundle *ret_bundle, struct err *e)
{
	int r = open_directory(pool, directory, "image layout", "oci-layout", ret_bundle, e);

	if (r < 0) {
		bundle_close(ret_bundle);
		return r;
	}
	/* Whose it is counts before it is read; one that is missing or none is refused when it is read. */
	if (fstatat(ret_bundle->dir, "index.json", &ret_bundle->config_stat, AT_SYMLINK_NOFOLLOW) < 0)
		ret_bundle->config_stat = (struct stat){.st_mode = 0};
	return 0;
}

int bundle_take_document(struct pool *pool, struct bundle *bundle, const char *bytes, size_t size, size_t max_size,
			 int rootfs, struct json_error *ret_error, struct err *e)
{
	*ret_error = (struct json_error){.rule = NULL};
	bundle->rootfs = rootfs;
	bundle->rootfs_path = bundle->path;
	bundle->unpacked = true;
	bundle->config_bytes = bytes;
	bundle->config_size = size;
	if (fstat(rootfs, &bundle->rootfs_stat) < 0)
		return err_errno(e, "look at the unpacked root");
	if (size > max_size)
		return refuse_size("the image's config", size, max_size, ret_error, e);
	return read_document(pool, "the image's config", max_size, bundle, ret_error, e);
}

void bundle_close(struct bundle *bundle)
{
	fd_close(&bundle->dir);
	fd_close(&bundle->rootfs);
	if (bundle->root_is_file)
		fd_close(&bundle->root_file);
}

int bundle_root_fd(const struct bundle *bundle)
{
	return bundle->root_is_file ? bundle->root_file : bundle->rootfs;
}

const struct stat *bundle_root_stat(const struct bundle *bundle)
{
	return bundle->root_is_file ? &bundle->root_file_stat : &bundle->rootfs_stat;
}
