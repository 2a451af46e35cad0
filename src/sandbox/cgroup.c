/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - make the container's own cgroup and write its limits.
 *
 * The danger: a cgroup that others use.  Whoever kills or freezes it kills or
 * freezes them.  So the last directory is always the product of our own mkdir(2);
 * one that was there before is taken over only after rmdir(2) has proved that it is
 * empty.  Every step is one component below a descriptor of the mount, without
 * links and without crossing into another mount.
 */
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often to begin again where another hrun removes an empty parent between two of our steps. */
enum { MAKE_ATTEMPTS = 64 };

/* Is WORD one of the words of TEXT, which blanks and newlines divide? */
static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += length) {
		bool begins = p == text || p[-1] == ' ';
		if (begins && (p[length] == '\0' || p[length] == ' ' || p[length] == '\n'))
			return true;
	}
	return false;
}

/* Why the kernel would not hand CONTROLLER down, in words that no engine takes for a missing command. */
static int enable_failed(int errnum, const char *controller, const char *path, struct err *e)
{
	switch (errnum) {
	case EBUSY:
		return err_set(
			e, errnum,
			"cgroup %s holds processes itself, so it cannot hand the %s controller to cgroups below it; "
			"move them to a cgroup of their own",
			path, controller);
	case ENOENT:
		/* Another number than ENOENT: that one means "gone, begin again" to cgroup_make. */
		return err_set(e, EOPNOTSUPP,
			       "cgroup %s does not have the %s controller; enable it above or remove the limit", path,
			       controller);
	case EOPNOTSUPP:
		return err_set(e, errnum, "cgroup %s is threaded or invalid, it cannot hand the %s controller down",
			       path, controller);
	default:
		errno = errnum;
		return err_errno(e, "enable the %s controller below cgroup %s", controller, path);
	}
}

/* A cgroup that holds processes, but for the real root, which alone has no cgroup.type. */
static bool holds_processes(int dir)
{
	char text[64];

	return cgroup_dir_read(dir, "cgroup.type", text, sizeof text) >= 0 &&
	       cgroup_dir_read(dir, "cgroup.procs", text, sizeof text) != 0;
}

/* PATH is for messages.  FRESH: we have just made it, so nothing is on and nobody lives there. */
static int enable(const struct cgroup_plan *plan, int dir, const char *path, bool fresh, struct err *e)
{
	char enabled[1024] = "", word[64];

	if (plan->controller_count == 0)
		return 0;
	ssize_t n = fresh ? 0 : cgroup_dir_read(dir, "cgroup.subtree_control", enabled, sizeof enabled);
	if (n < 0) {
		errno = (int)-n;
		return err_errno(e, "read cgroup.subtree_control of cgroup %s", path);
	}
	for (size_t i = 0; i < plan->controller_count; i++) {
		const char *controller = plan->controllers[i];
		if (has_word(enabled, controller))
			continue;
		/* The kernel would take some, and make it a threaded one. */
		if (!fresh && holds_processes(dir))
			return enable_failed(EBUSY, controller, path, e);
		if (str_format(word, sizeof word, "+%s", controller) < 0)
			return err_set(e, EINVAL, "no controller has so long a name: %s", controller);
		int r = fd_write_file_at(dir, "cgroup.subtree_control", word);
		if (r < 0)
			return enable_failed(-r, controller, path, e);
	}
	return 0;
}

/* A controller that is on already is not written: a read-only delegation may do. */
int cgroup_dir_enable(const struct cgroup_plan *plan, int dir, const char *path, struct err *e)
{
	return enable(plan, dir, path, false, e);
}

/*
 * One descent.  `path` is the part of the plan's path that exists so far; `made` is the
 * length of the shortest part that was our own mkdir, 0 where there is none.
 */
struct descent {
	const struct cgroup_plan *plan;
	char path[PATH_MAX];
	size_t made;
	bool is_fresh; /* its last directory: our own mkdir, and nothing done there since */
	/* The controllers that the one above it hands down, which are those that it has; where that is known. */
	char handed_down[1024];
	bool knows_handed_down;
};

/*
 * Controllers that no limit asks for, as far as the kernel hands them down: engines read memory.current, cpu.stat
 * and pids.current.  Not where processes live: with some controllers such a cgroup would become a threaded one, and
 * nobody could be put below it.
 */
static void enable_for_statistics(struct descent *d, int dir)
{
	char available[1024], word[64], *enabled = d->handed_down, *rest = available;
	bool fresh = d->is_fresh && !d->plan->controller_count, is_known = d->is_fresh && d->knows_handed_down;
	size_t size = sizeof d->handed_down;

	if (is_known)
		memcpy(available, d->handed_down, size);
	enabled[0] = '\0';
	d->knows_handed_down = false;
	if ((!is_known && cgroup_dir_read(dir, "cgroup.controllers", available, sizeof available) < 0) ||
	    (!fresh && cgroup_dir_read(dir, "cgroup.subtree_control", enabled, size) < 0))
		return;
	d->knows_handed_down = true;
	if (!*available || str_equal(available, enabled) || (!fresh && holds_processes(dir)))
		return;
	for (const char *controller; (controller = strsep(&rest, " \n"));) {
		if (!*controller || has_word(enabled, controller) ||
		    str_format(word, sizeof word, "+%s", controller) < 0 ||
		    fd_write_file_at(dir, "cgroup.subtree_control", word) < 0)
			continue;
		size_t length = strcspn(enabled, "\n");
		d->knows_handed_down &= str_format(enabled + length, size - length, " %s", controller) >= 0;
	}
}

/* Remove what this descent made, deepest first; a parent that others use by now stays (EBUSY). */
static void undo(struct descent *d)
{
	char *slash;

	while (d->made && strlen(d->path) >= d->made && (slash = strrchr(d->path, '/'))) {
		*slash = '\0';
		autofd int parent = cgroup_dir_open(d->plan->root, *d->path ? d->path + 1 : ".", O_PATH);
		if (parent < 0 || unlinkat(parent, slash + 1, AT_REMOVEDIR) < 0)
			return;
	}
}

static int cannot_make(const char *path, struct err *e)
{
	bool is_denied = errno == EACCES || errno == EPERM, is_read_only = errno == EROFS;

	err_errno(e, "make cgroup %s", path);
	return err_advise(e, is_denied	    ? "have a cgroup delegated to this user (cgroups(7)) and name it in "
					      "linux.cgroupsPath, or leave path and limits out"
			     : is_read_only ? "mount the host's cgroup2 writable"
					    : "choose another linux.cgroupsPath");
}

static int is_file(const struct descent *d, struct err *e)
{
	return err_set(e, ENOTDIR, "%s names a file of the kernel, not a cgroup; choose another linux.cgroupsPath",
		       d->plan->path);
}

/* Make NAME in DIR, whatever empty cgroup was there before. */
static int make_last(struct descent *d, int dir, const char *name, struct err *e)
{
	if (mkdirat(dir, name, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return cannot_make(d->plan->path, e);
#ifdef HRUN_MUTANT_CGROUP_TAKEN
	return 0;
#endif
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 && mkdirat(dir, name, 0755) == 0)
		return 0;
	if (errno == EBUSY || errno == ENOTEMPTY || errno == EEXIST)
		return err_set(e, EBUSY,
			       "cgroup %s exists and holds processes or other cgroups; end them or choose another "
			       "linux.cgroupsPath",
			       d->plan->path);
	return errno == ENOTDIR ? is_file(d, e) : err_errno(e, "make cgroup %s again", d->plan->path);
}

static int make_parent(struct descent *d, int dir, const char *name, bool *ret_made, struct err *e)
{
	*ret_made = mkdirat(dir, name, CGROUP_PARENT_MODE) == 0;
	return !*ret_made && errno != EEXIST ? cannot_make(d->plan->path, e) : 0;
}

/* Enter the component NAME: controllers on in *dir (negative: the mount's root), NAME made, *dir replaced by it. */
static int step_down(struct descent *d, int *dir, const char *name, bool last, struct err *e)
{
	size_t length = strlen(d->path);
	int here = *dir < 0 ? d->plan->root : *dir;
	bool made = true;

	TRY(enable(d->plan, here, length ? d->path : "/", d->is_fresh, e));
	enable_for_statistics(d, here);
	TRY(last ? make_last(d, here, name, e) : make_parent(d, here, name, &made, e));
	int next = cgroup_dir_open(here, name, O_RDONLY);
	if (next == -ENOTDIR)
		return is_file(d, e);
	/* It fits: the whole path does, cgroup_make has looked. */
	str_format(d->path + length, sizeof d->path - length, "/%s", name);
	if (made && !d->made)
		d->made = strlen(d->path);
	if (next < 0) {
		errno = -next;
		return err_errno(e, "open cgroup %s", d->path);
	}
	fd_close(dir);
	*dir = next;
	d->is_fresh = made;
	return 0;
}

/* clone3 into a member of a threaded subtree fails with a number that explains nothing. */
static int check_type(int dir, const char *path, struct err *e)
{
	char type[32];
	ssize_t n = cgroup_dir_read(dir, "cgroup.type", type, sizeof type);

	if (n < 0) {
		errno = (int)-n;
		return err_errno(e, "read cgroup.type of cgroup %s", path);
	}
	if (!str_equal(type, "domain\n"))
		return err_set(e, EOPNOTSUPP,
			       "cgroup %s lies in a threaded subtree; choose a linux.cgroupsPath below a domain cgroup",
			       path);
	return 0;
}

/* The descent from the root of the mount; returns the descriptor of the last directory. */
static int descend(struct descent *d, struct err *e)
{
	const char *rest = d->plan->path + 1;
	autofd int dir = -EBADF;
	char name[NAME_MAX + 1];
	bool last = false;

	while (!last) {
		size_t length = strcspn(rest, "/");
		last = rest[length] == '\0';
		if (length == 0 || length > NAME_MAX)
			return err_set(e, EINVAL, "cgroup %s: a component is empty or too long", d->plan->path);
		memcpy(name, rest, length);
		name[length] = '\0';
		if (str_equal(name, ".") || str_equal(name, ".."))
			return err_set(e, EINVAL, "cgroup %s: a component is \"%s\"", d->plan->path, name);
		TRY(step_down(d, &dir, name, last, e));
		rest += length + 1;
	}
	TRY(check_type(dir, d->plan->path, e));
	return TAKE_FD(dir);
}

/* ENOENT, ENODEV: the parent just entered was removed meanwhile by another hrun that tidied up. */
static int descend_again(struct descent *d, struct err *e)
{
	for (int attempt = 1;; attempt++) {
		d->path[0] = '\0';
		d->made = 0;
		d->is_fresh = d->knows_handed_down = false;
		int r = descend(d, e);
		if (r >= 0)
			return r;
		undo(d);
		if ((r != -ENOENT && r != -ENODEV) || attempt == MAKE_ATTEMPTS)
			return r;
	}
}

int cgroup_make(const struct cgroup_plan *plan, uint64_t *ret_inode, struct err *e)
{
	struct descent d = {.plan = plan};
	struct stat st;

	if (plan->path[0] != '/' || strlen(plan->path) >= sizeof d.path)
		return err_set(e, EINVAL, "cgroup %s: the path is not absolute or too long", plan->path);
	autofd int dir = descend_again(&d, e);
	TRY(dir);
	if (fstat(dir, &st) < 0) {
		int r = err_errno(e, "stat cgroup %s", plan->path);
		undo(&d);
		return r;
	}
	*ret_inode = st.st_ino;
	return TAKE_FD(dir);
}

static int no_file(const struct cgroup_write *write, struct err *e)
{
	return err_set(e, EOPNOTSUPP, "%s: this kernel's cgroup2 has no %s; remove it from the config", write->where,
		       write->file);
}

int cgroup_dir_write(const struct cgroup_write *write, int cgroup, struct err *e)
{
	int r = fd_write_file_at(cgroup, write->file, write->value);

	if (r == 0 || (r == -ENOENT && (write->absent_ok || write->either)))
		return 0;
	if (r == -ENOENT)
		return no_file(write, e);
	errno = -r;
	return err_errno(e, "%s: write \"%s\" to %s", write->where, write->value, write->file);
}

/* A file for what WRITE asks for, this one or the one that does as well. */
static bool has_file(const struct cgroup_plan *plan, const struct cgroup_write *write, int cgroup)
{
	for (size_t i = 0; i < plan->write_count; i++) {
		const struct cgroup_write *other = &plan->writes[i];
		if ((other == write || (write->either && str_equal(other->where, write->where))) &&
		    faccessat(cgroup, other->file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

int cgroup_dir_check_files(const struct cgroup_plan *plan, int cgroup, bool all, struct err *e)
{
	for (size_t i = 0; i < plan->write_count; i++) {
		const struct cgroup_write *write = &plan->writes[i];
		if (!write->absent_ok && (all || write->either) && !has_file(plan, write, cgroup))
			return no_file(write, e);
	}
	return 0;
}

static int write_all(const struct cgroup_plan *plan, int cgroup, bool last, struct err *e)
{
	for (size_t i = 0; i < plan->write_count; i++) {
		if (plan->writes[i].last == last)
			TRY(cgroup_dir_write(&plan->writes[i], cgroup, e));
	}
	return 0;
}

int cgroup_apply(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	if (plan->disabled)
		return 0;
	/* Of the others the write itself says so. */
	TRY(cgroup_dir_check_files(plan, cgroup, false, e));
	TRY(write_all(plan, cgroup, false, e));
#ifdef HRUN_MUTANT_DEVICE_FILTER
	return 0;
#endif
	if (!plan->device_program)
		return 0;
	return cgroup_dir_attach_devices(cgroup, plan->device_program, plan->device_program_length, e);
}

int cgroup_apply_last(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	return plan->disabled ? 0 : write_all(plan, cgroup, true, e);
}

int cgroup_delegate(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	if (!plan->delegated_count)
		return 0;
	if (fchownat(cgroup, "", plan->owner, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return err_errno(e, "give cgroup %s to uid %u", plan->path, plan->owner);
	for (size_t i = 0; i < plan->delegated_count; i++) {
		const char *file = plan->delegated[i];
		if (fchownat(cgroup, file, plan->owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return err_errno(e, "give %s of cgroup %s to uid %u", file, plan->path, plan->owner);
	}
	return 0;
}
