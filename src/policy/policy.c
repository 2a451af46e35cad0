/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - /etc/hrun/policy.json: who may lower the walls.
 *
 * Whoever can write this file, or exchange a directory above it, can start anything as
 * root.  So every component is opened from the one before it, without links, and judged
 * as a descriptor; there is no second look-up.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/path.h>
#include <hrun/policy.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLICY_MAX_SIZE = 64 * 1024, OVERFLOW_UID = 65534 };

static const char *const level_names[LEVELS] = {
	[LEVEL_PRIVILEGED] = "privileged",
	[LEVEL_BASELINE] = "baseline",
	[LEVEL_RESTRICTED] = "restricted",
};

const char *policy_level_name(enum level level)
{
	return level_names[level];
}

enum level policy_level_of(const char *word)
{
	int level = 0;

	while (level < LEVELS && !str_equal(word, level_names[level]))
		level++;
	return (enum level)level;
}

/*
 * As which uid does the host's root show here?  Outside of user namespaces it is 0; where it
 * is not mapped its files show the overflow uid, as those of everybody unmapped do.
 */
static uid_t host_root_uid(void)
{
	char text[4096], *line, *rest = text;
	autofd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);

	if (size < 0)
		return 0; /* the stricter answer: nothing but 0 is trusted */
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		struct proc_id_range range;
		if (proc_id_range_read(line, &range) && range.outside == 0 && range.count > 0)
			return range.inside;
	}
	return OVERFLOW_UID;
}

/* errno as its name: the texts of strerror are what podman takes for a missing command. */
static const char *errno_name(int errnum)
{
	const char *name = strerrorname_np(errnum);

	return name ? name : "unknown error";
}

/* Sticky does not save a directory: what is missing there yet can be made by anybody. */
static int check_owner(int fd, uid_t owner, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "policy: look at `%s`: %s", path, errno_name(errno));
	if (S_ISLNK(st.st_mode))
		return err_set(e, EPERM, "policy: `%s` is a symbolic link; name the file itself", path);
	if (st.st_uid != owner)
		return err_set(e, EPERM, "policy: `%s` belongs to uid %u, not to the host's root; chown root it", path,
			       st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "policy: `%s` is writable by group or others (mode %04o); chmod go-w it", path,
			       st.st_mode & 07777u);
	return 0;
}

/* Open and check what stands in *DIR under NAME; PATH is all of it, for the message. */
static int open_component(int dir, const char *name, uid_t owner, const char *path, bool last, struct err *e)
{
	int flags = O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH);
	autofd int fd = openat(dir, name, flags);

	if (fd < 0 && errno == ELOOP)
		return err_set(e, EPERM, "policy: `%s` is a symbolic link; name the file itself", path);
	if (fd < 0)
		return err_set(e, errno, "policy: open `%s`: %s", path, errno_name(errno));
	TRY(check_owner(fd, owner, path, e));
	return TAKE_FD(fd);
}

/* An owned descriptor of the absolute PATH, every component checked. */
static int open_checked(struct pool *pool, const char *path, struct err *e)
{
	char *names = pool_strdup(pool, path + strspn(path, "/")), *name;
	const char *so_far = "";
	uid_t owner = host_root_uid();

	autofd int fd = open("/", O_PATH | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "policy: open `/`");
	TRY(check_owner(fd, owner, "/", e));
	while ((name = strsep(&names, "/"))) {
		so_far = pool_printf(pool, "%s/%s", so_far, name);
		int next = open_component(fd, name, owner, so_far, names == NULL, e);
		TRY(next);
		fd_close(&fd);
		fd = next;
	}
	return TAKE_FD(fd);
}

static const char *absolute(struct pool *pool, const char *file)
{
	char directory[PATH_MAX];

	if (*file == '/' || !getcwd(directory, sizeof directory))
		return path_clean(pool, file);
	return path_clean(pool, pool_printf(pool, "%s/%s", directory, file));
}

static int read_format(const struct json *format, const char *path, struct err *e)
{
	if (!format || format->type != JSON_NUMBER || !str_equal(format->text, "1"))
		return err_set(e, EINVAL, "policy: `%s`: `format` must be 1", path);
	return 0;
}

static int read_level(const struct json *level, struct policy *policy, struct err *e)
{
	if (!level)
		return 0;
	policy->level = level->type == JSON_STRING ? policy_level_of(level->text) : LEVELS;
	if (policy->level == LEVELS)
		return err_set(e, EINVAL, "policy: `%s`, line %u: `level` must be privileged, baseline or restricted",
			       policy->path, level->line);
	return 0;
}

/* A null is no way to say nothing here: what stands in the file must mean something. */
static int read_members(const struct json *tree, struct policy *policy, struct err *e)
{
	for (const struct json *member = tree->first; member; member = member->next) {
		bool known = str_equal(member->key, "format") || str_equal(member->key, "level");
		if (!known)
			return err_set(e, EINVAL,
				       "policy: `%s`, line %u: `%.80s` is not supported by this version; remove it",
				       policy->path, member->line, member->key);
		if (member->type == JSON_NULL)
			return err_set(e, EINVAL, "policy: `%s`, line %u: `%s` is null", policy->path, member->line,
				       member->key);
	}
	TRY(read_format(json_at(tree, "format"), policy->path, e));
	return read_level(json_at(tree, "level"), policy, e);
}

static int read_file(struct pool *pool, int fd, struct policy *policy, struct err *e)
{
	struct json_error error;
	const struct json *tree;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "policy: `%s` is not a regular file", policy->path);
	char *bytes = pool_alloc(pool, POLICY_MAX_SIZE + 1);
	ssize_t size = fd_read_all(fd, bytes, POLICY_MAX_SIZE + 1);
	if (size < 0)
		return err_set(e, (int)-size, "policy: read `%s`: %s", policy->path, errno_name((int)-size));
	if (json_read(pool, bytes, (size_t)size, POLICY_MAX_SIZE, &tree, &error) < 0)
		return err_set(e, EINVAL, "policy: `%s`, line %u, column %u: %s", policy->path, error.line,
			       error.column, error.text);
	return read_members(tree, policy, e);
}

struct policy policy_default(void)
{
	return (struct policy){
		.rule_set = POLICY_RULE_SET,
		.level = LEVEL_BASELINE,
		.warn_level = LEVELS,
		.config_bytes = 1 << 20,
	};
}

int policy_load(struct pool *pool, const char *file, struct policy *ret_policy, struct err *e)
{
	struct policy policy = policy_default();

	*ret_policy = policy;
	policy.path = absolute(pool, file ? file : POLICY_FILE);
	if (path_has_dotdot(policy.path))
		return err_set(e, EINVAL, "policy: `%s` holds \"..\"; name the file itself", policy.path);
	autofd int fd = open_checked(pool, policy.path, e);
	if (fd == -ENOENT && !file)
		return 0;
	TRY(fd);
	TRY(read_file(pool, fd, &policy, e));
	*ret_policy = policy;
	return 0;
}
