/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.c - a config.json to start from, which passes the strictest level (src/bundle/template.c).
 *
 * A limit that this machine has no controller for is left out, and that is said.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/log.h>
#include <hrun/str.h>
#include <hrun/template.h>
#include <string.h>
#include <unistd.h>

static void write_config(struct pool *pool, bool rootless, struct json_out *out)
{
	struct config_template template = config_template_default(pool, rootless);
	struct string_list missing = {0};

	config_template_write(&template, out, &missing);
	for (size_t i = 0; i < missing.count; i++)
		log_warning("this machine has no %s controller on cgroup2: its limit is left out of config.json%s",
			    missing.item[i],
			    str_equal(missing.item[i], "memory") ? ", which level restricted refuses without it" : "");
}

int cmd_spec(struct command *command, struct err *e)
{
	const char *directory = command->options.bundle ? command->options.bundle : ".";
	struct json_out out = {.pool = &command->pool};
	autofd int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "open the bundle directory %s: %s; make it first", directory,
			       strerrordesc_np(errno));
	autofd int fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return err_set(e, EEXIST, "%s/config.json exists and is not overwritten", directory);
	if (fd < 0)
		return err_errno(e, "make %s/config.json", directory);
	write_config(&command->pool, command->options.rootless_config, &out);
	int r = fd_write_all(fd, out.text, out.length);
	if (r < 0) {
		unlinkat(dir, "config.json", 0);
		return err_set(e, -r, "write %s/config.json: %s", directory, strerrordesc_np(-r));
	}
	return 0;
}
