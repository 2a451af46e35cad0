/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - look-ups that cannot leave a root, and paths as text.
 *
 * The tree below a root belongs to an image: any component may be a symbolic link
 * that was put there to lead the runtime out (CVE-2021-30465 and its family), and
 * may change while we look.  So the kernel resolves, with openat2(2), and the
 * descriptor it returns is the only thing used afterwards.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/pool.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* EAGAIN means that something was renamed below ".." meanwhile; a hostile image may keep that up. */
enum { OPEN_TRIES = 64 };
enum { MAX_LINKS = 40 }; /* as the kernel's own limit */

static int open_resolved(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
#ifdef HRUN_MUTANT_IN_ROOT
	if (resolve & RESOLVE_IN_ROOT) {
		resolve = 0;
		path += strspn(path, "/");
		path = *path ? path : ".";
	}
#endif
	struct open_how how = {.flags = (unsigned int)flags | O_CLOEXEC, .mode = mode, .resolve = resolve};

	for (int i = 0; i < OPEN_TRIES; i++) {
		int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int path_open_in_root_with(int root, const char *path, int flags, uint64_t resolve, struct err *e)
{
	int fd = open_resolved(root, path, flags, 0, resolve | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (fd < 0) {
		errno = -fd;
		return err_errno(e, "open `%s` in the root filesystem", path);
	}
	return fd;
}

int path_open_in_root(int root, const char *path, struct err *e)
{
	return path_open_in_root_with(root, path, O_PATH, 0, e);
}

int path_open_host(const char *path, bool nofollow, struct err *e)
{
	int fd = open_resolved(AT_FDCWD, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0, RESOLVE_NO_MAGICLINKS);

	if (fd < 0) {
		errno = -fd;
		return err_errno(e, "open `%s`", path);
	}
	return fd;
}

int path_open_beneath(int dir, const char *path)
{
	return open_resolved(dir, path, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

/* Make NAME in the directory PARENT, which was resolved in the root; an entry that is there already is fine. */
static int make_entry(int parent, const char *name, bool directory, mode_t mode)
{
	if (directory)
		return mkdirat(parent, name, mode) < 0 && errno != EEXIST ? -errno : 0;
	autofd int fd = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, mode);
	return fd < 0 && errno != EEXIST ? -errno : 0;
}

/*
 * Open PREFIX (a path of the loop below) in ROOT; if it is missing, make its last
 * component NAME in PARENT, the descriptor of what comes before it.
 */
static int open_or_make(int root, int parent, const char *prefix, const char *name, bool directory, mode_t mode)
{
	int fd = open_resolved(root, prefix, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (fd != -ENOENT)
		return fd;
	TRY(make_entry(parent, name, directory, mode));
	return open_resolved(root, prefix, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

/*
 * NAME in PARENT is a symbolic link to nothing: in PATH (PATH_MAX bytes, up to NAME and REST behind it), put where it
 * leads in its place.  The new text is as untrusted as the link, and is resolved in the root like any other.
 */
static int splice_link(int parent, char *path, const char *name, const char *rest)
{
	char target[PATH_MAX], whole[PATH_MAX];
	ssize_t n = readlinkat(parent, name, target, sizeof target - 1);

	if (n < 0)
		return errno == EINVAL ? -ENOENT : -errno;
	target[n] = '\0';
	int kept = *target == '/' ? 0 : (int)(name - path);
	TRY(str_format(whole, sizeof whole, "%.*s%s%s%s", kept, path, target, *rest ? "/" : "", rest));
	memcpy(path, whole, strlen(whole) + 1);
	return 0;
}

/* -ESTALE: PATH has become another one, see splice_link(). */
static int make_components(int root, char *path, bool directory, mode_t mode)
{
	autofd int parent = open_resolved(root, ".", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
	char *name = path + strspn(path, "/");

	TRY(parent);
	while (*name) {
		char *end = name + strcspn(name, "/");
		char *next = end + strspn(end, "/");
		bool last = !*next;
		char kept = *end;
		*end = '\0';
		int fd = open_or_make(root, parent, path, name, !last || directory, last ? mode : 0755);
		if (fd == -ENOENT) {
			TRY(splice_link(parent, path, name, next));
			return -ESTALE;
		}
		*end = kept;
		TRY(fd);
		fd_close(&parent);
		parent = fd;
		name = next;
	}
	return TAKE_FD(parent);
}

/* The usual case: only the last component is missing.  -ENOENT where more is. */
static int make_last(int root, char *path, bool directory, mode_t mode)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path || !slash[1])
		return -ENOENT;
	*slash = '\0';
	autofd int parent = open_resolved(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	*slash = '/';
	TRY(parent);
	TRY(make_entry(parent, slash + 1, directory, mode));
	return open_resolved(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int path_make_in_root(int root, const char *path, bool directory, mode_t mode, struct err *e)
{
	char copy[PATH_MAX];
	int fd = open_resolved(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);

	if (fd >= 0)
		return fd;
	if (fd == -ENOENT) {
		if (path_has_dotdot(path))
			return err_set(e, EINVAL, "make `%s` in the root filesystem: it holds a `..` component", path);
		if (str_format(copy, sizeof copy, "%s", path) < 0)
			return err_set(e, ENAMETOOLONG, "make `%.64s...` in the root filesystem: the path is too long",
				       path);
		fd = make_last(root, copy, directory, mode);
		for (int links = 0; (fd == -ENOENT && !links) || fd == -ESTALE; links++)
			fd = links < MAX_LINKS ? make_components(root, copy, directory, mode) : -ELOOP;
	}
	if (fd < 0) {
		errno = -fd;
		return err_errno(e, "make `%s` in the root filesystem", path);
	}
	return fd;
}

/* Copy the components of PATH, without empty ones and ".", to OUT (at least strlen(path) + 2 bytes). */
static void clean_to(char *out, const char *path)
{
	char *end = out;

	if (*path == '/')
		*end++ = '/';
	for (const char *p = path; *p;) {
		const char *name = p;
		p = strchrnul(p, '/');
		size_t n = (size_t)(p - name);
		bool keep = n > 0 && !(n == 1 && name[0] == '.');
		if (keep && end > out && end[-1] != '/')
			*end++ = '/';
		if (keep) {
			memcpy(end, name, n);
			end += n;
		}
		while (*p == '/')
			p++;
	}
	if (end == out)
		*end++ = '.';
	*end = '\0';
}

char *path_clean(struct pool *pool, const char *path)
{
	char *out = pool_alloc(pool, strlen(path) + 2);

	clean_to(out, path);
	return out;
}

char *path_fold(struct pool *pool, const char *path)
{
	char *clean = path_clean(pool, path), *end = clean;

	for (const char *p = clean; *p;) {
		const char *name = p + 1; /* every component has a slash before it */
		size_t n = strcspn(name, "/");
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			while (end > clean && *--end != '/')
				;
		} else if (n) {
			memmove(end, p, n + 1);
			end += n + 1;
		}
		p = name + n;
	}
	if (end == clean)
		*end++ = '/';
	*end = '\0';
	return clean;
}

/* Has every component a name, and one of its own? */
bool path_is_clean(const char *path)
{
	const char *p = path + (*path == '/');

	if (str_equal(path, "/") || str_equal(path, "."))
		return true;
	for (;; p++) {
		const char *name = p;
		p = strchrnul(p, '/');
		size_t n = (size_t)(p - name);
		if (n == 0 || (n <= 2 && name[0] == '.' && name[n - 1] == '.'))
			return false;
		if (!*p)
			return p - path <= PATH_MAX;
	}
}

bool path_has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p++) {
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	}
	return false;
}

bool path_is_below(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	if (str_equal(parent, "/"))
		return path[0] == '/';
	return strncmp(path, parent, n) == 0 && (path[n] == '\0' || path[n] == '/');
}
