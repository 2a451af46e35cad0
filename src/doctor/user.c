/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.c - what containers of an ordinary user need: ids of their own (subuid(5)) and the programs that map them.
 */
#include <hrun/doctor_look.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

/* The N-th field (from 0) of a line of LENGTH bytes between colons; NULL where there is none. */
static const char *field_of(struct pool *pool, const char *line, size_t length, int n)
{
	const char *end = line + length;

	for (; n > 0; n--) {
		const char *colon = memchr(line, ':', (size_t)(end - line));
		if (!colon)
			return NULL;
		line = colon + 1;
	}
	const char *colon = memchr(line, ':', (size_t)(end - line));
	return pool_strndup(pool, line, (size_t)((colon ? colon : end) - line));
}

/* Of the first line whose field KEY is VALUE the field WANTED. */
static const char *look_up(struct pool *pool, const char *file, int key, const char *value, int wanted)
{
	size_t size;
	int error;
	const char *text = doctor_read(pool, file, FILE_MAX, &size, &error);

	for (const char *line = text; line && *line; line += *line == '\n') {
		size_t length = strcspn(line, "\n");
		const char *found = field_of(pool, line, length, key);
		if (found && str_equal(found, value))
			return field_of(pool, line, length, wanted);
		line += length;
	}
	return NULL;
}

enum { OWNER, FIRST, COUNT };

/* The first id behind every range of FILE that leaves room for SIZE; 0 where there is none. */
static uint64_t find_free(struct pool *pool, const char *file, uint64_t size)
{
	enum { USUAL_FIRST = 100000 };
	uint64_t first = USUAL_FIRST, begin, count;
	size_t length;
	int error;
	const char *text = doctor_read(pool, file, FILE_MAX, &length, &error);

	for (const char *line = text; line && *line; line += *line == '\n') {
		length = strcspn(line, "\n");
		const char *from = field_of(pool, line, length, FIRST), *many = field_of(pool, line, length, COUNT);
		if (from && many && str_to_u64(from, UINT32_MAX, &begin) == 0 &&
		    str_to_u64(many, UINT32_MAX, &count) == 0 && begin + count > first)
			first = begin + count;
		line += length;
	}
	return first + size <= UINT32_MAX ? first : 0;
}

/* usermod knows users by name only. */
static const char *sub_remedy(struct pool *pool, const char *file, const char *name, const char *uid)
{
	enum { SIZE = 65536 };
	static const char why[] = "containers have one id only; as root";
	uint64_t first = find_free(pool, file, SIZE);

	if (!first)
		return pool_printf(pool, "%s make room in %s for %d ids more", why, file, SIZE);
	if (!name)
		return pool_printf(pool, "%s: echo %s:%" PRIu64 ":%d >>%s", why, uid, first, SIZE, file);
	return pool_printf(pool, "%s: usermod --add-sub%cids %" PRIu64 "-%" PRIu64 " %s", why,
			   strstr(file, "subuid") ? 'u' : 'g', first, first + SIZE - 1, name);
}

static void say_sub(struct doctor *doctor, const char *id, const char *file, const char *name, const char *uid)
{
	struct pool *pool = doctor->pool;
	const char *count = name ? look_up(pool, file, OWNER, name, COUNT) : NULL;

	if (!count)
		count = look_up(pool, file, OWNER, uid, COUNT);
	if (count)
		doctor_say(doctor, id, DOCTOR_OK, NULL, "%s ids of %s", count, file);
	else
		doctor_say(doctor, id, DOCTOR_WARN, sub_remedy(pool, file, name, uid), "%s has no line for %s", file,
			   name ? name : uid);
}

/* Setuid, or with the capability on its file: what the file says of itself, it is not run. */
static void say_helper(struct doctor *doctor, const char *id, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_say(doctor, id, DOCTOR_WARN, "apt-get install uidmap, or shadow-utils", "%s is missing", path);
	else if (!(st.st_mode & S_ISUID) && getxattr(path, "security.capability", NULL, 0) < 0)
		doctor_say(doctor, id, DOCTOR_WARN,
			   pool_printf(doctor->pool, "chmod u+s %s, or setcap cap_set%s+ep %s", path,
				       strstr(path, "newu") ? "uid" : "gid", path),
			   "%s has no privilege to map ids", path);
	else
		doctor_say(doctor, id, DOCTOR_OK, NULL, "%s", path);
}

/* Root needs none of it, and is told what ordinary users may do. */
static void say_for_root(struct doctor *doctor)
{
	static const char *const ids[] = {"user.newuidmap", "user.newgidmap", "user.subuid", "user.subgid"};

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		doctor_say(doctor, ids[i], DOCTOR_NONE, NULL, "root needs none; ask again as the user");
}

void doctor_user(struct doctor *doctor)
{
	struct pool *pool = doctor->pool;
	const char *uid = pool_printf(pool, "%u", (unsigned int)geteuid());

	if (geteuid() == 0) {
		say_for_root(doctor);
		return;
	}
	const char *name = look_up(pool, "/etc/passwd", 2, uid, 0);
	say_helper(doctor, "user.newuidmap", "/usr/bin/newuidmap");
	say_helper(doctor, "user.newgidmap", "/usr/bin/newgidmap");
	say_sub(doctor, "user.subuid", "/etc/subuid", name, uid);
	say_sub(doctor, "user.subgid", "/etc/subgid", name, uid);
}
