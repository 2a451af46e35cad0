/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passwd.c - the home directory of a user of the container.
 *
 * etc/passwd belongs to the image and so to a stranger: it may be a device, a
 * symbolic link to anywhere, huge, or full of lines that are none.  It is opened inside
 * the root without effect, read only if it is a regular file of at most 1 MiB, and
 * a line counts only if it is one: seven fields, a strict number, an absolute path.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <limits.h>
#include <sys/stat.h>

enum { PASSWD_SIZE_MAX = 1 << 20, FIELDS = 7, FIELD_UID = 2, FIELD_HOME = 5 };

static int open_passwd(int rootfs, off_t *ret_size)
{
	struct err ignored;
	struct stat st;

	autofd int found = path_open_in_root(rootfs, "etc/passwd", &ignored);
	if (found < 0)
		return found;
	if (fstat(found, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > PASSWD_SIZE_MAX)
		return -EINVAL;
	*ret_size = st.st_size;
	return fd_reopen(found, O_RDONLY | O_NONBLOCK);
}

/* The file as a string, or NULL. */
static char *read_passwd(struct pool *pool, int rootfs)
{
	off_t size = 0;

	autofd int fd = open_passwd(rootfs, &size);
	if (fd < 0)
		return NULL;
	char *text = pool_alloc(pool, (size_t)size + 1);
	ssize_t length = fd_read_all(fd, text, (size_t)size);
	if (length < 0 || memchr(text, '\0', (size_t)length))
		return NULL;
	text[length] = '\0';
	return text;
}

/* Cut LINE at its colons; are there exactly seven fields? */
static bool split(char *line, char *fields[FIELDS])
{
	size_t count = 0;
	char *rest = line;

	while (rest) {
		char *field = strsep(&rest, ":");
		if (count == FIELDS)
			return false;
		fields[count++] = field;
	}
	return count == FIELDS;
}

/* The home field of LINE if it is the line of UID, else NULL. */
static const char *home_of_line(char *line, uid_t uid)
{
	char *fields[FIELDS];
	uint64_t number;

	if (!split(line, fields) || str_to_u64(fields[FIELD_UID], UINT32_MAX, &number) < 0 || number != uid)
		return NULL;
	return fields[FIELD_HOME];
}

static bool home_is_usable(const char *home)
{
	return home[0] == '/' && strlen(home) < PATH_MAX && !str_has_control(home);
}

const char *plan_home(struct pool *pool, int rootfs, uid_t uid)
{
	char *rest = rootfs < 0 ? NULL : read_passwd(pool, rootfs);

	while (rest) {
		const char *home = home_of_line(strsep(&rest, "\n"), uid);
		if (home)
			return home_is_usable(home) ? home : "/";
	}
	return "/";
}
