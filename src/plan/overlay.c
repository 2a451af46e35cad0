/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.c - the directories of an overlay, each opened once: what was judged is what is mounted.
 *
 * The kernel wants them by path, and a link on the way may be turned at any moment; so the executor names them by descriptor
 * (sandbox/overlay.c).  fsconfig(2) takes at most 255 bytes a value, an engine's lowerdir easily has thousands: here it
 * becomes one parameter a directory.
 */
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <hrun/verdict.h>
#include <string.h>
#include <sys/stat.h>

enum { FSCONFIG_MAX = 255 };

/* One directory from the front of LIST, where "\:" is a colon; *list moves behind it. */
static const char *next_directory(struct pool *pool, const char **list)
{
	char *directory = pool_alloc(pool, strlen(*list) + 1), *end = directory;
	const char *p = *list;

	for (; *p && *p != ':'; p++) {
		if (*p == '\\' && p[1])
			p++;
		*end++ = *p;
	}
	*list = *p ? p + 1 : p;
	return directory;
}

/* One parameter a directory, each of which is opened; "::" is before those that hold data only. */
static void split(struct pool *pool, struct mount_step *step, const char *list)
{
	const char *key = "lowerdir+";

	while (*list) {
		const char *directory = next_directory(pool, &list);
		if (*directory)
			*pool_array_add(pool, step->data, step->data_count) =
				(struct mount_data){.key = key, .value = directory, .fd = -1};
		else
			key = "datadir+";
	}
}

int plan_add_mount_data(struct pool *pool, struct mount_step *step, const char *key, const char *value, struct err *e)
{
	if (value && *value && str_equal(step->type, "overlay") && str_equal(key, "lowerdir")) {
		split(pool, step, value);
		return 0;
	}
	if (value && strlen(value) > FSCONFIG_MAX)
		return err_set(e, E2BIG, "%s.options: %s: the kernel takes at most %d bytes, this value has %zu",
			       step->where, plan_quote(pool, key), FSCONFIG_MAX, strlen(value));
	*pool_array_add(pool, step->data, step->data_count) = (struct mount_data){.key = key, .value = value, .fd = -1};
	return 0;
}

static int open_directory(struct pool *pool, const struct plan_options *options, const struct mount_step *step,
			  struct mount_data *data, struct err *e)
{
	const char *shown = plan_quote(pool, data->value);
	struct stat st;
	struct err ignored;

	autofd int fd = path_open_host(data->value, false, &ignored);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, fd < 0 ? -fd : errno, "%s.options: %s: open %s: %s", step->where, data->key, shown,
			       strerrordesc_np(fd < 0 ? -fd : errno));
	bool judged = !options->verdict || verdict_judged_layer(options->verdict, data->value, &st);
#ifdef HRUN_MUTANT_OVERLAY_JUDGED
	judged = true;
#endif
	if (!judged)
		return err_set(e, ESTALE, "%s.options: %s: %s was replaced while it was being judged; try again",
			       step->where, data->key, shown);
	data->fd = TAKE_FD(fd);
	return 0;
}

int plan_overlay(struct pool *pool, const struct plan_options *options, struct plan *plan, struct mount_step *step,
		 struct err *e)
{
	static const char *const keys[] = {"lowerdir+", "datadir+", "upperdir", "workdir"};

	if (step->kind != MOUNT_FILESYSTEM || !str_equal(step->type, "overlay"))
		return 0;
	for (size_t i = 0; i < step->data_count; i++) {
		struct mount_data *data = &step->data[i];
		for (size_t k = 0; data->value && k < sizeof keys / sizeof keys[0]; k++) {
			int r = str_equal(data->key, keys[k]) ? open_directory(pool, options, step, data, e) : 0;
			if (r < 0 && !plan_may_skip(options, r))
				return r;
			if (r < 0)
				plan_warn(pool, plan, "%s", e->text);
		}
	}
	return 0;
}
