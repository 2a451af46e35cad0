/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.c - long lists of lower directories.
 *
 * fsconfig(2) takes at most 255 bytes a value, an engine's lowerdir easily has thousands.  Overlayfs takes the
 * directories one by one as well (lowerdir+, Linux 6.7), where a backslash is a backslash.
 */
#include <hrun/planning.h>
#include <hrun/str.h>
#include <string.h>

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

static int split(struct pool *pool, struct mount_step *step, const char *list, struct err *e)
{
	while (*list) {
		const char *directory = next_directory(pool, &list);
		if (!*directory)
			return err_set(
				e, EINVAL,
				"%s.options: lowerdir: data-only layers (\"::\") are not supported in a list of this length",
				step->where);
		TRY(plan_add_mount_data(pool, step, "lowerdir+", directory, e));
	}
	return 0;
}

int plan_add_mount_data(struct pool *pool, struct mount_step *step, const char *key, const char *value, struct err *e)
{
	if (value && strlen(value) > FSCONFIG_MAX) {
		if (str_equal(step->type, "overlay") && str_equal(key, "lowerdir"))
			return split(pool, step, value, e);
		return err_set(e, E2BIG, "%s.options: %s: the kernel takes at most %d bytes, this value has %zu",
			       step->where, plan_quote(pool, key), FSCONFIG_MAX, strlen(value));
	}
	*pool_array_add(pool, step->data, step->data_count) = (struct mount_data){.key = key, .value = value};
	return 0;
}
