/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout_name.c - LAYOUT[:REF] on the command line.
 */
#include <fcntl.h>
#include <hrun/image_name.h>
#include <string.h>
#include <sys/stat.h>

void image_layout_name(struct pool *pool, const char *text, const char **ret_directory, const char **ret_ref)
{
	const char *slash = strrchr(text, '/'), *colon = strrchr(slash ? slash : text, ':');

	*ret_ref = colon ? pool_strdup(pool, colon + 1) : NULL;
	*ret_directory = colon ? pool_strndup(pool, text, (size_t)(colon - text)) : text;
}

bool image_is_layout(int directory)
{
	struct stat st;

	return fstatat(directory, "oci-layout", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}
