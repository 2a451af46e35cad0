/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.c - a plan as lines, one a step, in the order in which they are done.
 *
 * Every step is shown; what comes from the config is quoted, and values of the
 * environment are left out, because plans are read and pasted by people.
 */
#include <hrun/plan_scope.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>

void plan_line_add(struct pool *pool, struct plan_lines *lines, const char *chapter, const char *verb,
		   const char *where, const char *format, ...)
{
	struct plan_line *line = pool_array_add(pool, lines->item, lines->count);
	va_list args;

	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *detail = pool_alloc(pool, (size_t)(length < 0 ? 0 : length) + 1);
	va_start(args, format);
	vsnprintf(detail, (size_t)(length < 0 ? 0 : length) + 1, format, args);
	va_end(args);
	*line = (struct plan_line){.chapter = chapter, .verb = verb, .detail = detail, .where = where ? where : ""};
}

static void describe_map(struct pool *pool, struct plan_lines *lines, const char *verb, const char *field,
			 const struct id_mapping *map, size_t count)
{
	for (size_t i = 0; i < count; i++)
		plan_line_add(pool, lines, "ids", verb, pool_printf(pool, "linux.%s[%zu]", field, i),
			      "%u -> %u, %u ids", map[i].container_id, map[i].host_id, map[i].size);
}

static void describe_scope(struct pool *pool, const struct cgroup_plan *cgroup, struct plan_lines *lines)
{
	const struct scope_request *request = &cgroup->scope->request;

	plan_line_add(pool, lines, "cgroup", "scope", cgroup->where, "%s in %s, by the %s systemd",
		      plan_quote(pool, request->unit), plan_quote(pool, cgroup->scope->slice),
		      cgroup->scope->user ? "user's" : "machine's");
	for (size_t i = 0; i < request->property_count; i++)
		plan_line_add(pool, lines, "cgroup", "property", "", "%s",
			      plan_quote(pool, scope_property_text(pool, request, &request->properties[i])));
}

static void describe_cgroup(struct pool *pool, const struct cgroup_plan *cgroup, struct plan_lines *lines)
{
	if (cgroup->disabled) {
		plan_line_add(pool, lines, "cgroup", "none", "", "the caller's cgroup is kept");
		return;
	}
	if (cgroup->scope)
		describe_scope(pool, cgroup, lines);
	else
		plan_line_add(pool, lines, "cgroup", "create", cgroup->where, "%s",
			      plan_quote(pool, cgroup->path ? cgroup->path : ""));
	for (size_t i = 0; i < cgroup->write_count; i++) {
		const struct cgroup_write *w = &cgroup->writes[i];
		plan_line_add(pool, lines, "cgroup", "set", w->where, "%s %s%s", plan_quote(pool, w->file),
			      plan_quote(pool, w->value), w->last ? "  (last, when the container is ready)" : "");
	}
	if (cgroup->delegated_count)
		plan_line_add(pool, lines, "cgroup", "owner", "process.user.uid",
			      "uid %u of the host, %zu files: the container may divide it", cgroup->owner,
			      cgroup->delegated_count);
	const char *where = cgroup->device_where ? cgroup->device_where : "linux.resources.devices";
	if (cgroup->device_program)
		plan_line_add(pool, lines, "cgroup", "devices", where, "device filter, %zu instructions",
			      cgroup->device_program_length);
	else
		plan_line_add(pool, lines, "cgroup", "devices", where, "%s",
			      cgroup->device_note ? cgroup->device_note : "no device filter");
}

static const struct {
	uint64_t flag;
	enum namespace_type type;
} namespace_order[] = {
	{CLONE_NEWUSER, NS_USER}, {CLONE_NEWNS, NS_MOUNT},    {CLONE_NEWPID, NS_PID},	    {CLONE_NEWIPC, NS_IPC},
	{CLONE_NEWUTS, NS_UTS},	  {CLONE_NEWNET, NS_NETWORK}, {CLONE_NEWCGROUP, NS_CGROUP},
};

static void describe_offset(struct pool *pool, const char *clock, const struct time_offset *offset,
			    struct plan_lines *lines)
{
	if (offset->secs || offset->nanosecs)
		plan_line_add(pool, lines, "namespace", "clock", pool_printf(pool, "linux.timeOffsets.%s", clock),
			      "%s shifted by %lld s and %u ns", clock, (long long)offset->secs, offset->nanosecs);
}

static void describe_namespaces(struct pool *pool, const struct namespaces_plan *ns, struct plan_lines *lines)
{
	const char *created = "";

	for (size_t i = 0; i < sizeof namespace_order / sizeof *namespace_order; i++) {
		if (ns->create & namespace_order[i].flag)
			created = pool_printf(pool, "%s%s%s", created, *created ? " " : "",
					      spec_namespace_name(namespace_order[i].type));
	}
	if (ns->new_time)
		created = pool_printf(pool, "%s%stime", created, *created ? " " : "");
	if (*created)
		plan_line_add(pool, lines, "namespace", "new", ns->where, "%s", created);
	describe_offset(pool, "boottime", &ns->boottime, lines);
	describe_offset(pool, "monotonic", &ns->monotonic, lines);
	for (size_t i = 0; i < ns->join_count; i++)
		plan_line_add(pool, lines, "namespace", "join", ns->joins[i].where, "%s %s",
			      spec_namespace_name(ns->joins[i].type), plan_quote(pool, ns->joins[i].path));
	if (ns->loopback_up)
		plan_line_add(pool, lines, "namespace", "up", "", "loopback interface");
	if (ns->hostname)
		plan_line_add(pool, lines, "namespace", "name", "hostname", "hostname %s",
			      plan_quote(pool, ns->hostname));
	if (ns->domainname)
		plan_line_add(pool, lines, "namespace", "name", "domainname", "domainname %s",
			      plan_quote(pool, ns->domainname));
}

static void describe_net_devices(struct pool *pool, const struct plan *plan, struct plan_lines *lines)
{
	for (size_t i = 0; i < plan->net_device_count; i++) {
		const struct net_device_step *d = &plan->net_devices[i];
		plan_line_add(pool, lines, "network", "move", d->where, "%s -> %s, with its addresses, up",
			      plan_quote(pool, d->host_name), plan_quote(pool, d->name));
	}
}

static void describe_rootfs(struct pool *pool, const struct rootfs_plan *rootfs, struct plan_lines *lines)
{
	plan_line_add(pool, lines, "rootfs", rootfs->file ? "erofs" : "bind", rootfs->where, "%s  %s%s%s %s%s",
		      plan_quote(pool, rootfs->file ? rootfs->file : rootfs->path), rootfs->readonly ? "ro" : "rw",
		      rootfs->attr & MOUNT_ATTR_NOSUID ? " nosuid" : "",
		      rootfs->attr & MOUNT_ATTR_NODEV ? " nodev" : "", rootfs->propagation_recursive ? "r" : "",
		      plan_propagation_word(rootfs->propagation));
}

static void describe_mounts(struct pool *pool, const struct plan *plan, struct plan_lines *lines)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct mount_step *step = &plan->mounts[i];
		const char *verb = step->kind == MOUNT_BIND && step->recursive ? "rbind" : step->type;
		plan_line_add(pool, lines, "mount", plan_quote(pool, verb), step->where, "%s",
			      plan_describe_mount(pool, step));
	}
}

static void describe_device(struct pool *pool, const struct device_step *step, struct plan_lines *lines)
{
	const char *path = plan_quote(pool, step->path);
	char type = S_ISBLK(step->type_and_mode) ? 'b' : S_ISFIFO(step->type_and_mode) ? 'p' : 'c';

	if (step->kind == DEVICE_SYMLINK)
		plan_line_add(pool, lines, "device", "link", step->where, "%s -> %s", path, step->target);
	else if (step->kind == DEVICE_BIND)
		plan_line_add(pool, lines, "device", "bind", step->where, "%s -> %s  %c %u:%u",
			      plan_quote(pool, step->target), path, type, step->major, step->minor);
	else if (type == 'p')
		plan_line_add(pool, lines, "device", "node", step->where, "%s  p 0%03o %u:%u", path,
			      step->type_and_mode & 07777, step->uid, step->gid);
	else
		plan_line_add(pool, lines, "device", "node", step->where, "%s  %c %u:%u 0%03o %u:%u", path, type,
			      step->major, step->minor, step->type_and_mode & 07777, step->uid, step->gid);
}

static void describe_paths(struct pool *pool, const struct plan *plan, struct plan_lines *lines)
{
	for (size_t i = 0; i < plan->sysctl_count; i++)
		plan_line_add(pool, lines, "sysctl", "set", plan->sysctls[i].where, "%s %s", plan->sysctls[i].key,
			      plan_quote(pool, plan->sysctls[i].value));
	for (size_t i = 0; i < plan->mask_count; i++)
		plan_line_add(pool, lines, "mask", plan->masks[i].kind == MASK_HIDE ? "hide" : "ro",
			      plan->masks[i].where, "%s", plan_quote(pool, plan->masks[i].path));
}

static void describe_filter(struct pool *pool, const struct filter_plan *filter, struct plan_lines *lines)
{
	if (filter->floor)
		describe_filter(pool, filter->floor, lines);
	if (!filter->program)
		plan_line_add(pool, lines, "filter", "none", filter->where, "every system call is allowed");
	else
		plan_line_add(pool, lines, "filter", "load", filter->where, "%s, %zu instructions, default %s",
			      filter->name ? plan_quote(pool, filter->name) : "profile", filter->length,
			      filter->default_action ? filter->default_action : "unknown");
}

static const char *words_text(struct pool *pool, char **words)
{
	const char *text = "";

	for (; *words; words++)
		text = pool_printf(pool, "%s%s%s", text, *text ? " " : "", plan_quote(pool, *words));
	return text;
}

static const char *env_names(struct pool *pool, char **env)
{
	const char *text = "";

	for (; *env; env++) {
		const char *name = pool_strndup(pool, *env, strcspn(*env, "="));
		text = pool_printf(pool, "%s%s%s", text, *text ? " " : "", plan_quote(pool, name));
	}
	return text;
}

static void describe_exec(struct pool *pool, const struct plan *plan, struct plan_lines *lines)
{
	const struct exec_plan *exec = &plan->exec;

	plan_line_add(pool, lines, "exec", "env", "process.env", "%s", env_names(pool, exec->env));
	if (exec->terminal)
		plan_line_add(pool, lines, "exec", "console", "process.terminal", "a terminal of its own, %ux%u",
			      exec->console_width, exec->console_height);
	if (exec->preserve_fds)
		plan_line_add(pool, lines, "exec", "keep", "", "descriptors 3 to %u stay open", 2 + exec->preserve_fds);
	plan_line_add(pool, lines, "exec", "run", exec->where, "%s  as %u:%u in %s", words_text(pool, exec->args),
		      plan->creds.uid, plan->creds.gid, plan_quote(pool, exec->cwd));
}

static void describe_hooks(struct pool *pool, const struct plan *plan, struct plan_lines *lines)
{
	for (enum hook_kind kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; i < plan->hooks[kind].count; i++) {
			const struct hook_step *step = &plan->hooks[kind].item[i];
			const char *timeout =
				step->timeout_seconds ? pool_printf(pool, ", at most %d s", step->timeout_seconds) : "";
			plan_line_add(pool, lines, "hook", "run", step->where, "%s %s (%s)%s",
				      spec_hook_kind_name(kind), plan_quote(pool, step->path),
				      words_text(pool, step->args), timeout);
		}
	}
}

void plan_describe(struct pool *pool, const struct plan *plan, struct plan_lines *ret_lines)
{
	*ret_lines = (struct plan_lines){0};
	describe_map(pool, ret_lines, "uid", "uidMappings", plan->ids.uid, plan->ids.uid_count);
	describe_map(pool, ret_lines, "gid", "gidMappings", plan->ids.gid, plan->ids.gid_count);
	describe_cgroup(pool, &plan->cgroup, ret_lines);
	describe_namespaces(pool, &plan->namespaces, ret_lines);
	describe_net_devices(pool, plan, ret_lines);
	describe_rootfs(pool, &plan->rootfs, ret_lines);
	describe_mounts(pool, plan, ret_lines);
	for (size_t i = 0; i < plan->device_count; i++)
		describe_device(pool, &plan->devices[i], ret_lines);
	describe_paths(pool, plan, ret_lines);
	plan_describe_creds(pool, plan, ret_lines);
	describe_filter(pool, &plan->filter, ret_lines);
	describe_exec(pool, plan, ret_lines);
	describe_hooks(pool, plan, ret_lines);
}
