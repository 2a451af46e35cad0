/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upper_accounts.c - etc/passwd and etc/group of the container's own layer: the image's, with the line that podman adds?
 *
 * Where --user is a number that the image does not know, podman adds `4711:*:4711:0:container user:/:/bin/sh` to the one and
 * `4711:x:4711:4711` to the other (seen with 4.3, 5.4 and 5.8).  It reads both again at every start, so another line would be a
 * way into a group.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_upper.h>
#include <hrun/str.h>
#include <string.h>

enum { ACCOUNTS_MAX = 1 << 20, PASSWD_FIELDS = 7, GROUP_FIELDS = 4 };
enum { FIELD_NAME, FIELD_PASSWORD, FIELD_ID, FIELD_GID };

static char *read_accounts(struct pool *pool, int fd)
{
	char *text = pool_alloc(pool, ACCOUNTS_MAX + 1);
	ssize_t n = fd_read_all(fd, text, ACCOUNTS_MAX);

	return n < 0 || n == ACCOUNTS_MAX || strlen(text) != (size_t)n ? NULL : text;
}

/* Of the image; "" where it has none, NULL where it has something else. */
static char *image_accounts(const struct upper *u, const char *path)
{
	struct upper_entry image = {.fd = -EBADF};
	int r = upper_look_in_image(u, path, &image);
	autofd int fd = image.fd;

	if (r == 0)
		return pool_strdup(u->pool, "");
	return r < 0 || !S_ISREG(image.st.st_mode) ? NULL : read_accounts(u->pool, fd);
}

/* Cut LINE at its colons; the number of its fields, of which at most PASSWD_FIELDS are set. */
static size_t split(char *line, const char *fields[PASSWD_FIELDS])
{
	size_t n = 0;

	for (char *field; (field = strsep(&line, ":")); n++) {
		if (n < PASSWD_FIELDS)
			fields[n] = field;
	}
	return n;
}

static bool is_number(const char *text, uint32_t number)
{
	uint64_t value;

	return str_to_u64(text, UINT32_MAX, &value) == 0 && value == number;
}

/* Who has no password. */
static bool is_closed(const char *password)
{
	return str_equal(password, "*") || str_equal(password, "x") || str_equal(password, "!");
}

/* Of the user of the process, or of its group: podman calls a group after the user where --user names none. */
static bool is_of_process(const struct upper *u, const char *const *fields, bool is_group)
{
	if (!u->config->process)
		return false;
	uint32_t uid = u->config->process->user.uid.value, gid = u->config->process->user.gid.value;
	if (is_group)
		return is_number(fields[FIELD_ID], gid) || is_number(fields[FIELD_ID], uid);
	return is_number(fields[FIELD_ID], uid) && is_number(fields[FIELD_GID], gid);
}

/* Does a line of the image have this name, or this number, whatever else it holds? */
static bool is_known(const struct upper *u, const char *image, const char *const *fields)
{
	char *rest = pool_strdup(u->pool, image), *line;
	const char *known[PASSWD_FIELDS];

	while ((line = strsep(&rest, "\n"))) {
		size_t count = split(line, known);
		if (str_equal(known[FIELD_NAME], fields[FIELD_NAME]) ||
		    (count > FIELD_ID && str_equal(known[FIELD_ID], fields[FIELD_ID])))
			return true;
	}
	return false;
}

static bool is_engines_line(const struct upper *u, const char *image, char *line, bool is_group)
{
	const char *fields[PASSWD_FIELDS];

#ifdef HRUN_MUTANT_UPPER_ACCOUNTS
	return true;
#endif
	return split(line, fields) == (is_group ? GROUP_FIELDS : PASSWD_FIELDS) && *fields[FIELD_NAME] &&
	       is_closed(fields[FIELD_PASSWORD]) && !is_number(fields[FIELD_ID], 0) &&
	       is_of_process(u, fields, is_group) && !is_known(u, image, fields);
}

bool upper_accounts_are_engines(const struct upper *u, const struct upper_entry *entry)
{
	const char *image = image_accounts(u, entry->path);
	char *now = read_accounts(u->pool, entry->fd);

	if (!now || !image || !str_starts(now, image))
		return false;
	now += strlen(image);
	if (!*now)
		return true;
	/* Where the image's last line has no end, what follows would be more of that line. */
	if (*image && image[strlen(image) - 1] != '\n')
		return false;
	char *end = strchr(now, '\n');
	if (!end || end[1])
		return false;
	*end = '\0';
	return is_engines_line(u, image, now, str_ends(entry->path, "/group"));
}
