/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespaces.c - which namespaces are made, which are joined (namespaces(7)).
 *
 * A path to join is any string of the config: it is opened without effect first
 * (O_PATH), must be on nsfs and of the promised type, and only then for reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <hrun/verdict.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const uint64_t clone_flag[NS_TYPES] = {
	[NS_MOUNT] = CLONE_NEWNS, [NS_PID] = CLONE_NEWPID,   [NS_NETWORK] = CLONE_NEWNET,   [NS_UTS] = CLONE_NEWUTS,
	[NS_IPC] = CLONE_NEWIPC,  [NS_USER] = CLONE_NEWUSER, [NS_CGROUP] = CLONE_NEWCGROUP, [NS_TIME] = CLONE_NEWTIME,
};

bool plan_has_namespace(const struct config *config, enum namespace_type type)
{
	for (size_t i = 0; i < config->linux_->namespace_count; i++) {
		if (str_equal(config->linux_->namespaces[i].type, spec_namespace_name(type)))
			return true;
	}
	return false;
}

static int check_is_namespace(int fd, enum namespace_type type, const struct namespace_join *join, struct err *e)
{
	int found = ioctl(fd, NS_GET_NSTYPE);

	if (found < 0)
		return err_errno(e, "%s: ask the kernel for the type of the namespace", join->where);
	if ((uint64_t)found != clone_flag[type])
		return err_set(e, EINVAL, "%s: is a namespace of another type than %s; correct type or path",
			       join->where, spec_namespace_name(type));
	return 0;
}

static int open_join(struct pool *pool, struct namespace_join *join, const struct verdict *verdict, struct err *e)
{
	struct statfs sfs;
	struct stat st;

	if (join->path[0] != '/')
		return err_set(e, EINVAL, "%s: %s is not an absolute path", join->where, plan_quote(pool, join->path));
	autofd int found = open(join->path, O_PATH | O_CLOEXEC);
	if (found < 0)
		return err_errno(e, "%s: open namespace %s", join->where, plan_quote(pool, join->path));
	if (fstatfs(found, &sfs) < 0 || fstat(found, &st) < 0)
		return err_errno(e, "%s: stat %s", join->where, plan_quote(pool, join->path));
	if (sfs.f_type != NSFS_MAGIC)
		return err_set(e, EINVAL,
			       "%s: %s is no namespace; name a file such as /proc/PID/ns/%s or leave the "
			       "path out",
			       join->where, plan_quote(pool, join->path), spec_namespace_name(join->type));
	if (verdict && !verdict_judged_namespace(verdict, join->path, &st))
		return err_set(e, ESTALE,
			       "%s: %s was replaced after it was judged; nobody else may change what it names",
			       join->where, plan_quote(pool, join->path));
	autofd int fd = fd_reopen(found, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, -fd, "%s: open namespace %s: %s", join->where, plan_quote(pool, join->path),
			       strerrordesc_np(-fd));
	TRY(check_is_namespace(fd, join->type, join, e));
	join->fd = TAKE_FD(fd);
	return 0;
}

static int add_join(struct pool *pool, const struct plan_options *options, const char *path, enum namespace_type type,
		    size_t index, struct plan *plan, struct err *e)
{
	struct namespaces_plan *ns = &plan->namespaces;
	struct namespace_join *join = pool_array_add(pool, ns->joins, ns->join_count);

	*join = (struct namespace_join){.type = type, .path = path, .fd = -1};
	join->where = pool_printf(pool, "linux.namespaces[%zu].path", index);
	/* Mounts are made and the root is exchanged there, for everybody in it; by path it may even be the host's. */
	if (type == NS_MOUNT)
		return err_set(e, ENOTSUP, "%s: a mount namespace is always made new; leave the path out", join->where);
	int r = open_join(pool, join, options->verdict, e);
	if (r < 0 && plan_may_skip(options, r)) {
		plan_warn(pool, plan, "%s", e->text);
		return 0;
	}
	return r;
}

static int add_namespace(struct pool *pool, const struct config *config, size_t index,
			 const struct plan_options *options, uint64_t *seen, struct plan *plan, struct err *e)
{
	const struct config_namespace *n = &config->linux_->namespaces[index];
	enum namespace_type type = spec_namespace_type(n->type);

	if (type == NS_TYPES)
		return err_set(e, EINVAL, "linux.namespaces[%zu].type: unknown type %s", index,
			       plan_quote(pool, n->type));
	if (*seen & clone_flag[type])
		return err_set(e, EINVAL, "linux.namespaces[%zu].type: %s is there twice; keep one", index, n->type);
	*seen |= clone_flag[type];
	if (n->path)
		return add_join(pool, options, n->path, type, index, plan, e);
	if (type == NS_TIME)
		plan->namespaces.new_time = true;
	else
		plan->namespaces.create |= clone_flag[type];
	return 0;
}

/* Without a namespace of its own the name would be the host's. */
static int plan_names(const struct config *config, uint64_t seen, struct namespaces_plan *ns, struct err *e)
{
	/* Engines that have no name for a container write an empty one. */
	ns->hostname = config->hostname && *config->hostname ? config->hostname : NULL;
	ns->domainname = config->domainname && *config->domainname ? config->domainname : NULL;
	if ((ns->hostname || ns->domainname) && !(seen & CLONE_NEWUTS))
		return err_set(e, EINVAL, "%s: needs a uts namespace; add {\"type\": \"uts\"} to linux.namespaces",
			       ns->hostname ? "hostname" : "domainname");
	if ((ns->hostname && strlen(ns->hostname) > 64) || (ns->domainname && strlen(ns->domainname) > 64))
		return err_set(e, EINVAL, "%s: longer than the kernel's 64 bytes",
			       ns->hostname && strlen(ns->hostname) > 64 ? "hostname" : "domainname");
	return 0;
}

static int plan_offset(const struct config_time_offset *offset, const char *clock, struct time_offset *ret,
		       struct err *e)
{
	*ret = (struct time_offset){.secs = offset->secs.value, .nanosecs = offset->nanosecs.value};
	if (ret->nanosecs > 999999999)
		return err_set(e, EINVAL, "linux.timeOffsets.%s.nanosecs: %u is a second or more", clock,
			       ret->nanosecs);
	return 0;
}

/* The offsets of a namespace that others are in already cannot be changed. */
static int plan_offsets(const struct config_linux *linux_, struct namespaces_plan *ns, struct err *e)
{
	if (!linux_->has_time_offsets)
		return 0;
	TRY(plan_offset(&linux_->boottime, "boottime", &ns->boottime, e));
	TRY(plan_offset(&linux_->monotonic, "monotonic", &ns->monotonic, e));
	if (!ns->new_time)
		return err_set(e, EINVAL,
			       "linux.timeOffsets: needs a new time namespace; add {\"type\": \"time\"} to "
			       "linux.namespaces, without a path");
	return 0;
}

int plan_namespaces(struct pool *pool, const struct config *config, const struct plan_options *options,
		    struct plan *plan, struct err *e)
{
	struct namespaces_plan *ns = &plan->namespaces;
	uint64_t seen = 0;

	for (size_t i = 0; i < config->linux_->namespace_count; i++)
		TRY(add_namespace(pool, config, i, options, &seen, plan, e));
	if (!(seen & CLONE_NEWNS))
		return err_set(e, EINVAL, "linux.namespaces: no mount namespace; add {\"type\": \"mount\"}");
	TRY(plan_names(config, seen, ns, e));
	TRY(plan_offsets(config->linux_, ns, e));
	ns->loopback_up = ns->create & CLONE_NEWNET;
	ns->has_user = seen & CLONE_NEWUSER;
	ns->where = "linux.namespaces";
	return 0;
}
