/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_args.c - the file that is executed first, and the directory that it is executed in: where both really lead.
 *
 * CVE-2019-5736: an image whose program is a link to /proc/self/exe, or a script that names it, makes the runtime execute its own file, which a process
 * inside then opens and overwrites.  hrun's own file is out of reach anyway (self.c); nothing honest asks for this.
 */
#include <errno.h>
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

/* Is PATH below a directory where the kernel has links of its own (/proc/net, /dev/fd)?  ".." behind one leads elsewhere. */
static bool is_among_kernel_links(const char *path)
{
	static const char *const tops[] = {"/proc", "/dev", "/sys"};

#ifdef HRUN_MUTANT_ARGS_CLIMB
	return false;
#endif
	return is_covered(path) && !IS_ONE_OF(path, tops);
}

/* The image, where there is one to look into. */
static int image_of(const struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;

#ifdef HRUN_MUTANT_ARGS_LINK
	return -1;
#endif
	return bundle ? bundle->rootfs : -1;
}

/* Where to find PATH, a place in the container without links on the way: a path from a directory, or from the host's root. */
struct place {
	int directory;
	const char *path; /* NULL: nothing of what is there now */
};

/* In the source of the last bind mount over it, or in the image. */
static struct place place_of(const struct finder *finder, const char *path)
{
	const struct judged *judged = finder->judged;
	const struct mount_look *over = NULL;

	for (size_t i = 0; judged->mounts && i < judged->config->mount_count; i++) {
		const struct mount_look *look = &judged->mounts[i];
		if (look->destination && path_is_below(path, look->destination))
			over = look;
	}
#ifdef HRUN_MUTANT_ARGS_MOUNT
	over = NULL;
#endif
	if (!over)
		return (struct place){.directory = image_of(finder), .path = path + 1};
	if (!over->has_source)
		return (struct place){.directory = -1};
	const char *below = path + (str_equal(over->destination, "/") ? 0 : strlen(over->destination));
	return (struct place){.directory = AT_FDCWD,
			      .path = pool_printf(judged->pool, "%s%s", over->real_source, below)};
}

/* The target of the link PATH, or negative. */
static ssize_t link_target(const struct finder *finder, const char *path, char *target, size_t size)
{
	if (is_covered(path) || image_of(finder) < 0)
		return -1;
	const struct place place = place_of(finder, path);
	return place.path ? readlinkat(place.directory, place.path, target, size) : -1;
}

/*
 * Where PATH leads in the image, if there is one to look into, as text, also where the end of a link is not there before procfs
 * is mounted.  Only the targets of links are read, each in a directory that is none.  -ELOOP where it leads on and on,
 * -EXDEV where ".." goes back through a link of the kernel, which no text can tell.
 */
static int follow(const struct finder *finder, const char *path, const char **ret_real)
{
	struct pool *pool = finder->judged->pool;
	const char *done = "", *rest = path;
	char name[NAME_MAX + 1], target[PATH_MAX];

	for (int links = 0, steps = 0; next_component(&rest, name);) {
		if (links > LINKS_MAX || steps++ > STEPS_MAX)
			return -ELOOP;
		if (str_equal(name, "..") && is_among_kernel_links(done))
			return -EXDEV;
		if (str_equal(name, ".") || str_equal(name, "..")) {
			done = without_dotdot(pool, pool_printf(pool, "%s/%s", done, name));
			done = str_equal(done, "/") ? "" : done;
			continue;
		}
		const char *here = pool_printf(pool, "%s/%s", done, name);
		ssize_t length = link_target(finder, here, target, sizeof target - 1);
		if (length < 0) {
			done = here;
			continue;
		}
		target[length] = '\0';
		links++;
		rest = pool_printf(pool, "%s%s", target, rest);
		done = target[0] == '/' ? "" : done;
	}
	*ret_real = *done ? done : "/";
	return 0;
}

/* As execve and the search of PATH understand it: relative to the working directory. */
static const char *absolute(const struct finder *finder, const char *path)
{
	const char *cwd = finder->judged->process->cwd;

	if (path[0] == '/')
		return path;
	return pool_printf(finder->judged->pool, "%s/%s", cwd && strlen(cwd) < PATH_MAX ? cwd : "", path);
}

/* The regular file PATH (no link) as a place; nothing else is opened: an image's device node would be the host's device. */
static int open_file(const struct finder *finder, const char *path)
{
	struct stat st;
	struct err e;
	const struct place place = place_of(finder, path);

	if (!place.path || place.path[0] == '\0')
		return -ENOENT;
	autofd int found =
		place.directory == AT_FDCWD
			? open(place.path, O_PATH | O_NOFOLLOW | O_CLOEXEC)
			: path_open_in_root_with(place.directory, path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS, &e);
	if (found < 0 || fstat(found, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	return TAKE_FD(found);
}

/* The interpreter that the script PATH (no link) of the image names, or NULL. */
static const char *interpreter_of(const struct finder *finder, const char *path)
{
	static const char blank[] = " \t";
	char line[PATH_MAX];
	autofd int found = open_file(finder, path);

	if (found < 0)
		return NULL;
	autofd int fd = fd_reopen(found, O_RDONLY | O_NONBLOCK);
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
	const char *plain = without_dotdot(finder->judged->pool, path), *real = plain;

	*ret_real = NULL;
	if (is_open_file(plain))
		return plain;
	int r = follow(finder, path, &real);
	if (r == -EXDEV)
		return path;
	if (r < 0)
		cannot_judge(finder, "process.args[0]", "%s leads through too many links", quote(finder, path));
	else if (is_open_file(real))
		return real;
	*ret_real = r < 0 || image_of(finder) < 0 ? NULL : real;
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
				   "%s is no program of the image but an open file of a process: %s",
				   quote(finder, path), quote(finder, file));
			return;
		}
		script = real ? interpreter_of(finder, real) : NULL;
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

static int open_candidate(const struct finder *finder, const char *path)
{
	const char *real;

	return follow(finder, path, &real) < 0 ? -ENOENT : open_file(finder, real);
}

int args_open_program(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const char *name = process && process->args.count ? process->args.item[0] : "";
	int fd = -ENOENT;

	if (!*name || strlen(name) >= PATH_MAX || image_of(finder) < 0)
		return fd;
	if (strchr(name, '/'))
		return open_candidate(finder, absolute(finder, name));
	const char *path = search_path(process);
	for (int i = 0; fd < 0 && i < CANDIDATES_MAX; i++) {
		size_t length = strcspn(path, ":");
		if (length < PATH_MAX)
			fd = open_candidate(finder, absolute(finder, at(finder, "%.*s/%s", length ? (int)length : 1,
									length ? path : ".", name)));
		path += length;
		if (!*path++)
			break;
	}
	return fd;
}

/* What becomes of the working directory in the image: below /proc, or in /dev by a link to it. */
static const char *complaint_about_cwd(struct finder *finder, const char *cwd)
{
	const char *real = cwd;
	int r = follow(finder, cwd, &real);

	if (r == -ELOOP)
		cannot_judge(finder, "process.cwd", "%s leads through too many links", quote(finder, cwd));
	if (r == -EXDEV || path_is_below(real, "/proc"))
		return "leads to /proc";
	return path_is_below(real, "/dev/fd") || is_open_file(real) ? "leads to a descriptor" : NULL;
}

/* CVE-2024-21626: /proc/self/fd/N as working directory led out of the container. */
void judge_cwd_unsafe(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	const char *cwd = process && process->cwd ? process->cwd : "", *complaint;

	if (!*cwd)
		return;
	if (cwd[0] != '/')
		complaint = "is relative";
	else if (path_has_dotdot(cwd))
		complaint = "holds \"..\"";
	else if (path_is_below(path_clean(finder->judged->pool, cwd), "/proc"))
		complaint = "lies in /proc";
	else
		complaint = complaint_about_cwd(finder, cwd);
	if (complaint)
		find(finder, "process.cwd", "%s %s", quote(finder, cwd), complaint);
}
