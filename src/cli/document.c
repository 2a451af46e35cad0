/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.c - JSON that the command line names, and the config that create kept.
 *
 * What cannot be read without doubt is refused like one that breaks a rule.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { DOCUMENT_MAX_SIZE = 1 << 20 };

int document_refused(struct command *command, const char *what, const struct json_error *error, struct err *e)
{
	struct json_error told = *error;
	struct policy policy = policy_default();
	struct verdict verdict;

	told.text = pool_printf(&command->pool, "%s: %s", what, error->text);
	return judge_unreadable(command, &policy, &told, "", &verdict, e);
}

static int cannot_open(const char *path, const char *what, struct err *e)
{
	err_errno(e, "open the %s %s", what, path);
	return err_advise(e, "name a file of JSON that this user may read, or - for stdin");
}

/* One that <(...) of a shell makes.  One with a name waits for whoever may write there, perhaps for ever. */
static bool is_pipe_without_name(int fd, const struct stat *st)
{
	struct statfs fs;

	return S_ISFIFO(st->st_mode) && fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

/*
 * A regular file, of which a read never waits; stdin by another name (/dev/stdin); a pipe without one.  What is anything else is not
 * opened for reading: a FIFO or a device may wait, and do something by that.
 */
static int open_file(const char *path, const char *what, struct stat *ret_stat, struct err *e)
{
	autofd int place = open(path, O_PATH | O_CLOEXEC);

	if (place < 0 || fstat(place, ret_stat) < 0)
		return cannot_open(path, what, e);
	bool regular = S_ISREG(ret_stat->st_mode), is_stdin = !regular && fd_is_same_file(place, STDIN_FILENO);
	if (!regular && !is_stdin && !is_pipe_without_name(place, ret_stat))
		return err_set(e, EINVAL, "the %s %s is not a regular file; name one, or - for stdin", what, path);
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
			  : fd_reopen(place, O_RDONLY | (regular ? O_NONBLOCK : 0));
	return fd < 0 ? cannot_open(path, what, e) : fd;
}

/* At most a byte more than is allowed; -EBUSY where a regular file changes meanwhile. */
static ssize_t read_bytes(struct pool *pool, int fd, const struct stat *st, char **ret_data)
{
	size_t size = (size_t)st->st_size;

	if (!S_ISREG(st->st_mode) || st->st_size > DOCUMENT_MAX_SIZE) {
		*ret_data = pool_alloc(pool, DOCUMENT_MAX_SIZE + 1);
		return fd_read_all(fd, *ret_data, DOCUMENT_MAX_SIZE + 1);
	}
	*ret_data = pool_alloc(pool, size + 1);
	/* One of no size is not read at all: some of the kernel's do something by that (/proc/kmsg). */
	ssize_t n = size ? fd_read_file(fd, *ret_data, size) : 0;
	return n >= 0 && (size_t)n != size ? -EBUSY : n;
}

static int read_all(struct pool *pool, const char *path, const char *what, char **ret_data, size_t *ret_size,
		    struct err *e)
{
	bool from_stdin = str_equal(path, "-");
	struct stat st = {0};
	autofd int file = from_stdin ? -EBADF : open_file(path, what, &st, e);

	if (!from_stdin)
		TRY(file);
	ssize_t n = read_bytes(pool, from_stdin ? STDIN_FILENO : file, &st, ret_data);
	if (n == -EBUSY)
		return err_set(e, EBUSY, "the %s %s changed while it was read; try again", what, path);
	if (n < 0)
		return err_set(e, (int)-n, "read the %s %s: %s", what, path, strerrordesc_np((int)-n));
	*ret_size = (size_t)n;
	return 0;
}

int document_read(struct command *command, const char *path, const char *what, const struct json **ret_tree,
		  struct err *e)
{
	struct json_error error = {0};
	char *data;
	size_t size;

	TRY(read_all(&command->pool, path, what, &data, &size, e));
	if (json_read(&command->pool, data, size, DOCUMENT_MAX_SIZE, ret_tree, &error) < 0)
		return document_refused(command, what, &error, e);
	return 0;
}

/*
 * Is the file gone with its container?  Whoever deletes it holds the lock, so getting that tells; by then
 * there may be another container of that name.
 */
int document_missing(struct pool *pool, const struct container *container, const char *what, struct err *e)
{
	struct container again;

	TRY(container_open(pool, container->root, container->id, true, &again, e));
	bool same = str_equal(again.record.created, container->record.created);
	container_close(&again);
	if (!same)
		return err_set(e, ENOENT, "container `%s` does not exist", container->id);
	return err_set(e, EBADMSG, "the %s of container `%s` is missing or damaged", what, container->id);
}

int document_saved_config(struct pool *pool, const struct container *container, const struct config **ret_config,
			  struct err *e)
{
	struct json_error error = {0};
	struct config *config;
	const struct json *tree;
	char *data;
	size_t size;

	int r = container_read_file(container, pool, "config.json", POLICY_CONFIG_BYTES_MAX, &data, &size, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || json_read(pool, data, size, POLICY_CONFIG_BYTES_MAX, &tree, &error) < 0 ||
	    config_read(pool, tree, &config, &error) < 0)
		return document_missing(pool, container, "config", e);
	*ret_config = config;
	return 0;
}
