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

/* "-" is stdin; a pipe or /proc/self/fd/N are as good as a file: the size is bounded while reading. */
static int read_all(struct pool *pool, const char *path, const char *what, char **ret_data, size_t *ret_size,
		    struct err *e)
{
	bool from_stdin = str_equal(path, "-");
	autofd int file = from_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (!from_stdin && file < 0) {
		err_errno(e, "open the %s %s", what, path);
		return err_advise(e, "name a file of JSON that this user may read, or - for stdin");
	}
	char *data = pool_alloc(pool, DOCUMENT_MAX_SIZE + 1);
	ssize_t n = fd_read_all(from_stdin ? STDIN_FILENO : file, data, DOCUMENT_MAX_SIZE + 1);
	if (n < 0)
		return err_set(e, (int)-n, "read the %s %s: %s", what, path, strerrordesc_np((int)-n));
	*ret_data = data;
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
