/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.c - what is mounted where, in the order of config.json.
 *
 * A bind source is the very descriptor that the rules have looked at: it is what gets mounted, whatever happens to the path
 * meanwhile.  A relative source lies in the bundle and cannot leave it, neither by ".." nor by a symbolic link.
 */
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <hrun/verdict.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_source(const struct bundle *bundle, const struct config_mount *mount,
		       const struct plan_options *options, mode_t *ret_mode)
{
#ifndef HRUN_MUTANT_MOUNT_SOURCE
	if (options->verdict)
		return verdict_take_source(options->verdict, mount, ret_mode);
#endif
	autofd int fd = source_open(bundle, mount->source);
	struct stat st;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_mode = st.st_mode;
	return TAKE_FD(fd);
}

static const char *remedy(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return "make it on the host or remove the mount";
	case EXDEV:
		return "a relative source must stay in the bundle; write an absolute path";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files (ulimit -n): hrun needs two for each mount";
	case ELOOP:
		return "it leads through a magic link of procfs; name the real path";
	default:
		return "let hrun read it or remove the mount";
	}
}

static int find_source(struct pool *pool, const struct config_mount *mount, const struct bundle *bundle,
		       const struct plan_options *options, struct mount_step *step, struct err *e)
{
	mode_t mode = 0;

	if (!step->source || !*step->source)
		return err_set(e, EINVAL, "%s.source: missing; a bind mount needs the path to bind", step->where);
	autofd int fd = open_source(bundle, mount, options, &mode);
	if (fd < 0)
		return err_set(e, -fd, "%s.source: open %s: %s; %s", step->where, plan_quote(pool, step->source),
			       strerrordesc_np(-fd), remedy(-fd));
	if (S_ISLNK(mode))
		return err_set(e, ELOOP, "%s.source: %s is a symbolic link", step->where,
			       plan_quote(pool, step->source));
	if (step->source[0] != '/')
		step->source = path_clean(pool, pool_printf(pool, "%s/%s", bundle->path, step->source));
	step->source_is_directory = S_ISDIR(mode);
	if (step->idmapped)
		step->source_filesystem = plan_filesystem_of(pool, fd);
	step->source_fd = TAKE_FD(fd);
	return 0;
}

static int find_destination(struct pool *pool, const struct config_mount *mount, struct mount_step *step, struct err *e)
{
	const char *shown = plan_quote(pool, mount->destination);

	if (mount->destination[0] != '/')
		return err_set(e, EINVAL, "%s.destination: %s is not an absolute path", step->where, shown);
	if (path_has_dotdot(mount->destination))
		return err_set(e, EINVAL, "%s.destination: %s holds \"..\"; write the path without it", step->where,
			       shown);
	step->destination = path_clean(pool, mount->destination);
	if (str_equal(step->destination, "/"))
		return err_set(e, EINVAL, "%s.destination: nothing is mounted over the root; use root.path",
			       step->where);
	return 0;
}

static int find_kind(struct pool *pool, const struct config_mount *mount, struct mount_step *step, struct err *e)
{
	const char *type = mount->type ? mount->type : "";

	step->type = type;
	if (plan_mount_is_bind(mount)) {
		step->kind = MOUNT_BIND;
		step->type = "bind";
		return 0;
	}
	if (!*type || str_equal(type, "none"))
		return err_set(e, EINVAL, "%s.type: %s without bind or rbind in options; say what is to be mounted",
			       step->where, *type ? plan_quote(pool, type) : "missing");
	step->kind = str_equal(type, "cgroup") || str_equal(type, "cgroup2") ? MOUNT_CGROUP : MOUNT_FILESYSTEM;
	if (step->kind == MOUNT_CGROUP)
		step->type = "cgroup2"; /* the old name means: the container's cgroups, whatever the host has */
	return 0;
}

static int plan_mount(struct pool *pool, const struct config_mount *mount, const struct bundle *bundle,
		      const struct plan_options *options, struct plan *plan, struct mount_step *step, struct err *e)
{
	TRY(find_kind(pool, mount, step, e));
	TRY(find_destination(pool, mount, step, e));
	TRY(plan_mount_options(pool, mount, step, e));
	TRY(plan_mount_idmap(pool, mount, plan, step, e));
	step->source = mount->source;
	step->real_target = step->kind == MOUNT_FILESYSTEM && plan_is_kernel_view(step->type);
	TRY(plan_overlay(pool, options, plan, step, e));
	if (step->kind != MOUNT_BIND) {
		TRY(plan_spare_root_file(pool, bundle, step, e));
		return plan_mount_fallback(pool, plan, step, e);
	}
	int r = find_source(pool, mount, bundle, options, step, e);
	if (r < 0 && plan_may_skip(options, r)) {
		plan_warn(pool, plan, "%s", e->text);
		return 0;
	}
	return r < 0 ? r : plan_spare_root_file(pool, bundle, step, e);
}

int plan_mounts(struct pool *pool, const struct config *config, const struct bundle *bundle,
		const struct plan_options *options, struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		struct mount_step *step = pool_array_add(pool, plan->mounts, plan->mount_count);
		step->source_fd = step->tree = step->idmap_namespace = -1;
		step->where = pool_printf(pool, "mounts[%zu]", i);
		TRY(plan_mount(pool, &config->mounts[i], bundle, options, plan, step, e));
	}
	return 0;
}
