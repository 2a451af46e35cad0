/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_user.c - who User of an image is.
 *
 * etc/passwd and etc/group come from the image: they may be a link to anywhere, a device, or full of lines that are none.
 * They are looked up inside the root, opened only as regular files, and a name that does not stand in exactly
 * one way for a number is refused: nobody becomes root because a line could not be read.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_config.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

/* 2^32-1 is no id: to the kernel it says "leave unchanged". */
enum { FILE_SIZE_MAX = 1 << 20, NAME_MAX_LENGTH = 256, GROUPS_MAX = 1024, FIELDS_MAX = 7 };
static const uint64_t id_max = UINT32_MAX - 1;

/* The file as a string; one that is not there is empty. */
static int read_file(struct pool *pool, int rootfs, const char *name, char **ret_text, struct err *e)
{
	struct err ignored;
	struct stat st;

	*ret_text = pool_strdup(pool, "");
	autofd int found = rootfs < 0 ? -ENOENT : path_open_in_root(rootfs, name, &ignored);
	if (found == -ENOENT || found == -ENOTDIR)
		return 0;
	if (found < 0 || fstat(found, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "/%s of the image is no regular file inside it; name the user by number",
			       name);
	if (st.st_size > FILE_SIZE_MAX)
		return err_set(e, EINVAL, "/%s of the image has %lld bytes; at most %d are read", name,
			       (long long)st.st_size, FILE_SIZE_MAX);
	autofd int fd = fd_reopen(found, O_RDONLY | O_NONBLOCK);
	char *text = pool_alloc(pool, (size_t)st.st_size + 1);
	ssize_t size = fd < 0 ? fd : fd_read_all(fd, text, (size_t)st.st_size);
	if (size < 0 || memchr(text, '\0', (size_t)size))
		return err_set(e, EINVAL, "/%s of the image cannot be read as text; name the user by number", name);
	text[size] = '\0';
	*ret_text = text;
	return 0;
}

/* Cut LINE at its colons; are there exactly COUNT fields? */
static bool split(char *line, char *fields[FIELDS_MAX], size_t count)
{
	size_t n = 0;

	for (char *rest = line; rest; n++) {
		char *field = strsep(&rest, ":");
		if (n == count)
			return false;
		fields[n] = field;
	}
	return n == count;
}

static bool is_id(const char *text, uint32_t *ret_id)
{
	uint64_t id;

	if (str_to_u64(text, id_max, &id) < 0)
		return false;
	*ret_id = (uint32_t)id;
	return true;
}

/* "0123", "-1", "4294967295": meant as a number, and none. */
static bool looks_like_number(const char *text)
{
	return *text && strspn(text, "+-0123456789") == strlen(text);
}

static bool is_name(const char *text)
{
	return *text && strlen(text) < NAME_MAX_LENGTH && !str_has_control(text) && !strpbrk(text, "/: ");
}

/* ---- etc/passwd ---- */

struct account {
	const char *name; /* NULL: no entry */
	uint32_t uid, gid;
};

/* The entry of NAME, or of UID where that is NULL; the first one, as everywhere, and no second one that differs. */
static int find_account(char *text, const char *name, uint32_t uid, struct account *ret, struct err *e)
{
	char *fields[FIELDS_MAX];
	struct account line;

	*ret = (struct account){0};
	for (char *rest = text; rest;) {
		if (!split(strsep(&rest, "\n"), fields, 7) || !is_id(fields[2], &line.uid) ||
		    !is_id(fields[3], &line.gid))
			continue;
		line.name = fields[0];
		if (name ? !str_equal(line.name, name) : line.uid != uid)
			continue;
		if (!ret->name)
			*ret = line;
		else if (name && (ret->uid != line.uid || ret->gid != line.gid))
			return err_set(e, EINVAL, "/etc/passwd of the image has two different users `%.64s`", name);
	}
	return 0;
}

/* ---- etc/group ---- */

static bool has_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ","))) {
		if (str_equal(member, name))
			return true;
	}
	return false;
}

static void add_group(struct pool *pool, uint32_t gid, struct image_user *user)
{
	for (size_t i = 0; i < user->group_count; i++) {
		if (user->groups[i] == gid)
			return;
	}
	if (gid != user->gid)
		*pool_array_add(pool, user->groups, user->group_count) = gid;
}

/* The groups that name NAME as a member. */
static int add_groups(struct pool *pool, int rootfs, const char *name, struct image_user *user, struct err *e)
{
	char *fields[FIELDS_MAX], *text;
	uint32_t gid;

	TRY(read_file(pool, rootfs, "etc/group", &text, e));
	for (char *rest = text; rest;) {
		if (split(strsep(&rest, "\n"), fields, 4) && is_id(fields[2], &gid) && has_member(fields[3], name))
			add_group(pool, gid, user);
	}
	if (user->group_count > GROUPS_MAX)
		return err_set(e, EINVAL, "/etc/group of the image gives `%.64s` more than %d groups", name,
			       GROUPS_MAX);
	return 0;
}

static int find_group(struct pool *pool, int rootfs, const char *name, uint32_t *ret_gid, struct err *e)
{
	char *fields[FIELDS_MAX], *text;
	bool found = false;
	uint32_t gid;

	TRY(read_file(pool, rootfs, "etc/group", &text, e));
	for (char *rest = text; rest;) {
		if (!split(strsep(&rest, "\n"), fields, 4) || !is_id(fields[2], &gid) || !str_equal(fields[0], name))
			continue;
		if (found && gid != *ret_gid)
			return err_set(e, EINVAL, "/etc/group of the image has two different groups `%.64s`", name);
		*ret_gid = gid;
		found = true;
	}
	return found ? 0
		     : err_set(e, EINVAL,
			       "the image's User names the group `%.64s`, which its /etc/group does not have", name);
}

/* ---- User ---- */

static int read_user(struct pool *pool, int rootfs, const char *text, struct account *ret, struct err *e)
{
	bool is_number = is_id(text, &ret->uid);
	uint32_t uid = ret->uid;
	char *passwd;

	if (!is_number && (!is_name(text) || looks_like_number(text)))
		return err_set(e, EINVAL, "the image's User `%.64s` is neither a name nor a number up to %u", text,
			       UINT32_MAX - 1);
	TRY(read_file(pool, rootfs, "etc/passwd", &passwd, e));
	TRY(find_account(passwd, is_number ? NULL : text, uid, ret, e));
	if (!ret->name && !is_number)
		return err_set(e, EINVAL, "the image's User is `%.64s`, whom its /etc/passwd does not have", text);
	ret->uid = is_number ? uid : ret->uid;
	return 0;
}

static int read_group(struct pool *pool, int rootfs, const char *text, uint32_t *ret_gid, struct err *e)
{
	if (is_id(text, ret_gid))
		return 0;
	if (!is_name(text) || looks_like_number(text))
		return err_set(e, EINVAL,
			       "the group `%.64s` of the image's User is neither a name nor a number up to %u", text,
			       UINT32_MAX - 1);
	return find_group(pool, rootfs, text, ret_gid, e);
}

int image_user_read(struct pool *pool, int rootfs, const char *user, struct image_user *ret_user, struct err *e)
{
	char *name = pool_strdup(pool, user), *group = strchr(name, ':');
	struct account account = {0};

	*ret_user = (struct image_user){0};
	if (group)
		*group++ = '\0';
	TRY(read_user(pool, rootfs, name, &account, e));
	ret_user->uid = account.uid;
	ret_user->gid = account.gid;
	if (group)
		return read_group(pool, rootfs, group, &ret_user->gid, e);
	/* Only who has an entry has groups; whoever names a group has that one alone. */
	return account.name ? add_groups(pool, rootfs, account.name, ret_user, e) : 0;
}
