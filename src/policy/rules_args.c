/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_args.c - the file that is executed first.
 *
 * CVE-2019-5736: an image whose program is a link to /proc/self/exe, or a script that names it, makes the runtime execute its own file, which a process
 * inside then opens and overwrites.  hrun's own file is out of reach anyway (self.c); nothing honest asks for this.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40, STEPS_MAX = 256, CANDIDATES_MAX = 64, INTERPRETERS_MAX = 6 };

/* Copy the first component of *PATH ("/a/b") to NAME and move on; false at the end or where it is too long for a name. */
static bool next_component(const char **path, char name[NAME_MAX + 1])
{
	const char *start = *path + strspn(*path, "/");
	size_t length = strcspn(start, "/");

	*path = start + length;
	if (!length || length > NAME_MAX)
		return false;
	memcpy(name, start, length);
	name[length] = '\0';
	return true;
}

/* The second of the next two components. */
static bool second_component(const char **path, char name[NAME_MAX + 1])
{
	if (!next_component(path, name))
		return false;
	return next_component(path, name);
}

/* Without ".." as far as text tells. */
static char *without_dotdot(struct pool *pool, const char *path)
{
	char *result = pool_alloc(pool, strlen(path) + 2), *end = result;

	for (const char *p = path; *p;) {
		p += strspn(p, "/");
		size_t length = strcspn(p, "/");
		if (length == 2 && p[0] == '.' && p[1] == '.') {
			while (end > result && *--end != '/')
				;
		} else if (length && !(length == 1 && p[0] == '.')) {
			*end++ = '/';
			memcpy(end, p, length);
			end += length;
		}
		*end = '\0';
		p += length;
	}
	return end > result ? result : pool_strdup(pool, "/");
}

/*
 * Is PATH (clean, without "..") a link of procfs to an open file: exe, fd/N, map_files/RANGE of a process or one of its
 * tasks, or the same by /dev/fd?  /proc/PID/root/X and /proc/PID/cwd/X are what X is.
 */
static bool is_open_file(const char *path)
{
	static const char *const standard[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
	char name[NAME_MAX + 1];

	if (IS_ONE_OF(path, standard))
		return true;
	if (path_is_below(path, "/dev/fd"))
		return !str_equal(path, "/dev/fd");
	while (path_is_below(path, "/proc")) {
		const char *rest = path + strlen("/proc");
		if (!second_component(&rest, name) || (str_equal(name, "task") && !second_component(&rest, name)))
			return false;
		if (str_equal(name, "exe"))
			return true;
		if (str_equal(name, "fd") || str_equal(name, "map_files"))
			return *rest != '\0';
		if (!str_equal(name, "root") && !str_equal(name, "cwd"))
			return false;
		path = rest;
	}
	return false;
}

/* Is it a place whose content is not the image's when the program is executed? */
static bool is_covered(const char *path)
{
	return path_is_below(path, "/proc") || path_is_below(path, "/dev") || path_is_below(path, "/sys");
}

/*
 * Where PATH leads in the image, as text, also where the end of a link is not there before procfs is mounted.  Only the
 * targets of links are read, each in a directory that is none.  NULL where it leads on and on.
 */
static const char *follow(struct pool *pool, int rootfs, const char *path)
{
	const char *done = "", *rest = path;
	char name[NAME_MAX + 1], target[PATH_MAX];

	for (int links = 0, steps = 0; next_component(&rest, name);) {
		if (links > LINKS_MAX || steps++ > STEPS_MAX)
			return NULL;
		if (str_equal(name, ".") || str_equal(name, "..")) {
			done = without_dotdot(pool, pool_printf(pool, "%s/%s", done, name));
			done = str_equal(done, "/") ? "" : done;
			continue;
		}
		const char *here = pool_printf(pool, "%s/%s", done, name);
		ssize_t length = is_covered(here) ? -1 : readlinkat(rootfs, here + 1, target, sizeof target - 1);
		if (length < 0) {
			done = here;
			continue;
		}
		target[length] = '\0';
		links++;
		rest = pool_printf(pool, "%s%s", target, rest);
		done = target[0] == '/' ? "" : done;
	}
	return *done ? done : "/";
}

/* As execve and the search of PATH understand it: relative to the working directory. */
static const char *absolute(const struct finder *finder, const char *path)
{
	const char *cwd = finder->judged->process->cwd;

	if (path[0] == '/')
		return path;
	return pool_printf(finder->judged->pool, "%s/%s", cwd && strlen(cwd) < PATH_MAX ? cwd : "", path);
}

/* The interpreter that the script PATH (no link) of the image names, or NULL. */
static const char *interpreter_of(const struct finder *finder, int rootfs, const char *path)
{
	static const char blank[] = " \t";
	char link[64], line[PATH_MAX];
	struct stat st;
	struct err e;
	autofd int found = path_open_in_root_with(rootfs, path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS, &e);

	/* Nothing but a regular file is opened: an image's device node would be the host's device. */
	if (found < 0 || fstat(found, &st) < 0 || !S_ISREG(st.st_mode) ||
	    str_format(link, sizeof link, "/proc/self/fd/%d", found) < 0)
		return NULL;
	autofd int fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t size = fd < 0 ? fd : fd_read_all(fd, line, 2);
	if (size < 2 || line[0] != '#' || line[1] != '!')
		return NULL;
	size = fd_read_all(fd, line, sizeof line - 1);
	line[size < 0 ? 0 : size] = '\0';
	char *name = line + strspn(line, blank);
	name[strcspn(name, " \t\n")] = '\0';
	return *name ? absolute(finder, pool_strdup(finder->judged->pool, name)) : NULL;
}

/* PATH, or where its links lead in the image, where that is an open file; NULL: a program of the image. */
static const char *open_file_behind(struct finder *finder, const char *path, const char **ret_real)
{
	const struct judged *judged = finder->judged;
	bool has_rootfs = judged->bundle && judged->bundle->rootfs >= 0;
	const char *plain = without_dotdot(judged->pool, path);

	*ret_real = NULL;
	if (is_open_file(plain))
		return plain;
#ifdef HRUN_MUTANT_ARGS_LINK
	has_rootfs = false;
#endif
	const char *real = has_rootfs ? follow(judged->pool, judged->bundle->rootfs, path) : plain;
	if (!real)
		cannot_judge(finder, "process.args[0]", "%s leads through too many links", quote(finder, path));
	else if (is_open_file(real))
		return real;
	*ret_real = has_rootfs ? real : NULL;
	return NULL;
}

/* The program, its interpreter where it is a script, and the interpreter's. */
static void judge_candidate(struct finder *finder, const char *path)
{
	const char *real, *script = path;

	for (int depth = 0; script && depth < INTERPRETERS_MAX; depth++) {
		const char *file = open_file_behind(finder, script, &real);
		if (file) {
			find_value(finder, file, "process.args[0]",
				   "%s is %s, an open file of a process and no program", quote(finder, path),
				   quote(finder, file));
			return;
		}
		script = real ? interpreter_of(finder, finder->judged->bundle->rootfs, real) : NULL;
	}
}

static const char *search_path(const struct config_process *process)
{
	for (size_t i = 0; i < process->env.count; i++) {
		if (str_starts(process->env.item[i], "PATH="))
			return process->env.item[i] + strlen("PATH=");
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* The one that is executed depends on rights inside: none may be an open file. */
static void judge_search(struct finder *finder, const char *name)
{
	const char *path = search_path(finder->judged->process);

	for (int i = 0;; path++, i++) {
		size_t length = strcspn(path, ":");
		if (i == CANDIDATES_MAX) {
			cannot_judge(finder, "process.env", "PATH has more than %d directories", CANDIDATES_MAX);
			return;
		}
		if (length < PATH_MAX)
			judge_candidate(finder, absolute(finder, at(finder, "%.*s/%s", length ? (int)length : 1,
								    length ? path : ".", name)));
		path += length;
		if (!*path)
			return;
	}
}

void judge_args_proc_self(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const char *program = process && process->args.count ? process->args.item[0] : "";

	if (!*program || strlen(program) >= PATH_MAX) /* the kernel takes neither */
		return;
	if (strchr(program, '/'))
		judge_candidate(finder, absolute(finder, program));
	else
		judge_search(finder, program);
}
