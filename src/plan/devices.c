/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices.c - what is in /dev.
 *
 * In a user namespace mknod(2) is refused, so the host's own node is bound; its
 * type and number are checked on the descriptor, never believed from its name.
 */
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct {
	const char *path;
	unsigned int major, minor;
} default_nodes[] = {
	{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
	{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

/* /dev/core is left out: nothing needs it, and it leads to the host's memory. */
static const struct {
	const char *path, *target;
} default_links[] = {
	{"/dev/fd", "/proc/self/fd"},	    {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
};

/* The step of the same path, which the config then replaces, or a new one. */
static struct device_step *step_for(struct pool *pool, struct plan *plan, const char *path)
{
	struct device_step *step = NULL;

	for (size_t i = 0; i < plan->device_count; i++) {
		if (str_equal(plan->devices[i].path, path))
			step = &plan->devices[i];
	}
	if (!step)
		step = pool_array_add(pool, plan->devices, plan->device_count);
	*step = (struct device_step){.path = path, .source_fd = -1, .tree = -1, .where = ""};
	return step;
}

static void add_defaults(struct pool *pool, struct plan *plan)
{
	for (size_t i = 0; i < sizeof default_nodes / sizeof *default_nodes; i++) {
		struct device_step *step = step_for(pool, plan, default_nodes[i].path);
		step->kind = DEVICE_NODE;
		step->type_and_mode = S_IFCHR | 0666;
		step->major = default_nodes[i].major;
		step->minor = default_nodes[i].minor;
	}
	for (size_t i = 0; i < sizeof default_links / sizeof *default_links; i++) {
		struct device_step *step = step_for(pool, plan, default_links[i].path);
		step->kind = DEVICE_SYMLINK;
		step->type_and_mode = S_IFLNK | 0777;
		step->target = default_links[i].target;
	}
}

static int device_type(struct pool *pool, const struct config_device *d, const char *where, mode_t *ret_type,
		       struct err *e)
{
	if (str_equal(d->type, "c") || str_equal(d->type, "u"))
		*ret_type = S_IFCHR;
	else if (str_equal(d->type, "b"))
		*ret_type = S_IFBLK;
	else if (str_equal(d->type, "p"))
		*ret_type = S_IFIFO;
	else
		return err_set(e, EINVAL, "%s.type: unknown type %s; use c, b, u or p", where,
			       plan_quote(pool, d->type));
	return 0;
}

static int device_number(const struct config_device *d, mode_t type, const char *where, struct device_step *step,
			 struct err *e)
{
	if (type == S_IFIFO)
		return 0;
	/* The kernel's dev_t has 12 and 20 bits. */
	if (!d->major.set || d->major.value < 0 || d->major.value > 0xfff)
		return err_set(e, EINVAL, "%s.major: missing or not a number from 0 to 4095", where);
	if (!d->minor.set || d->minor.value < 0 || d->minor.value > 0xfffff)
		return err_set(e, EINVAL, "%s.minor: missing or not a number from 0 to 1048575", where);
	step->major = (unsigned int)d->major.value;
	step->minor = (unsigned int)d->minor.value;
	return 0;
}

/* Some engines put the type into fileMode as well; it may not contradict `type`. */
static int device_mode(const struct config_device *d, mode_t type, const char *where, struct device_step *step,
		       struct err *e)
{
	uint32_t mode = d->file_mode.set ? d->file_mode.value : 0666;

	if (mode & ~(uint32_t)(S_IFMT | 07777) || ((mode & S_IFMT) && (mode & S_IFMT) != type))
		return err_set(e, EINVAL, "%s.fileMode: 0%o does not fit the type; give permission bits only", where,
			       mode);
	step->type_and_mode = type | (mode & 07777);
	return 0;
}

static bool is_below_dev(const char *path)
{
	return path_is_clean(path) && str_starts(path, "/dev/");
}

static int add_device(struct pool *pool, const struct config_device *d, size_t index, struct plan *plan, struct err *e)
{
	const char *where = pool_printf(pool, "linux.devices[%zu]", index);
	mode_t type = 0;

	if (!is_below_dev(d->path))
		return err_set(e, EINVAL, "%s.path: %s is not a clean path below /dev", where,
			       plan_quote(pool, d->path));
	TRY(device_type(pool, d, where, &type, e));
	struct device_step *step = step_for(pool, plan, d->path);
	step->kind = DEVICE_NODE;
	step->where = where;
	step->uid = d->uid.set ? d->uid.value : 0;
	step->gid = d->gid.set ? d->gid.value : 0;
	TRY(device_number(d, type, where, step, e));
	return device_mode(d, type, where, step, e);
}

static int open_host_node(struct pool *pool, struct device_step *step, struct err *e)
{
	const char *where = *step->where ? step->where : step->path;
	struct stat st;
	struct err why;

	autofd int fd = path_open_host(step->path, false, &why);
	if (fd < 0)
		return err_set(e, -fd,
			       "%s: open the host's %s: %s; it must be there, because a user namespace cannot "
			       "make device nodes",
			       where, plan_quote(pool, step->path), strerrordesc_np(-fd));
	if (fstat(fd, &st) < 0)
		return err_errno(e, "%s: stat the host's %s", where, plan_quote(pool, step->path));
	if ((st.st_mode & S_IFMT) != (step->type_and_mode & S_IFMT) || major(st.st_rdev) != step->major ||
	    minor(st.st_rdev) != step->minor)
		return err_set(e, ENODEV, "%s: the host's %s is not device %u:%u of that type; correct the number",
			       where, plan_quote(pool, step->path), step->major, step->minor);
	step->kind = DEVICE_BIND;
	step->target = step->path;
	step->source_fd = TAKE_FD(fd);
	return 0;
}

static int bind_nodes(struct pool *pool, const struct plan_options *options, struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->device_count; i++) {
		struct device_step *step = &plan->devices[i];
		if (step->kind != DEVICE_NODE || S_ISFIFO(step->type_and_mode))
			continue;
		int r = open_host_node(pool, step, e);
		if (r < 0 && !plan_may_skip(options, r))
			return r;
		if (r < 0)
			plan_warn(pool, plan, "%s", e->text);
	}
	return 0;
}

/* Nodes made in a bound directory would be made in the host's. */
static bool dev_is_bound(const struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		if (plan->mounts[i].kind == MOUNT_BIND && str_equal(plan->mounts[i].destination, "/dev"))
			return true;
	}
	return false;
}

int plan_devices(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		 struct err *e)
{
	if (dev_is_bound(plan)) {
		plan_warn(pool, plan, "linux.devices: no device is made, because /dev is a bind mount");
		return 0;
	}
	add_defaults(pool, plan);
	for (size_t i = 0; i < config->linux_->device_count; i++)
		TRY(add_device(pool, &config->linux_->devices[i], i, plan, e));
	/* An engine without root calls us inside a user namespace of its own. */
	bool may_make = !plan->namespaces.has_user && proc_in_first_user_namespace();
#ifdef HRUN_MUTANT_DEVICE_BIND
	may_make = !plan->namespaces.has_user;
#endif
	return may_make ? 0 : bind_nodes(pool, options, plan, e);
}
