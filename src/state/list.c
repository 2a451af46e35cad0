/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - every id below the state root.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/container.h>
#include <hrun/fd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_container(int root, const char *name)
{
	struct stat st;

	return container_id_valid(name) && fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int container_list(struct pool *pool, int root, const char ***ret_ids, size_t *ret_count, struct err *e)
{
	int again = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	const char **ids = NULL;
	size_t count = 0;

	if (!stream) {
		int r = err_errno(e, "list the state root");
		fd_close(&again);
		return r;
	}
	while ((entry = readdir(stream))) {
		if (is_container(root, entry->d_name))
			*pool_array_add(pool, ids, count) = pool_strdup(pool, entry->d_name);
	}
	closedir(stream);
	if (count)
		qsort(ids, count, sizeof *ids, compare);
	*ret_ids = ids;
	*ret_count = count;
	return 0;
}
