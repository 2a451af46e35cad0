/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - the container's cgroup as a transient unit of systemd: its name, its slice and what every one has.
 *
 * With the systemd driver linux.cgroupsPath is SLICE:PREFIX:NAME.  The parts become names that systemd and later verbs
 * look up, so they hold what names of units may hold and nothing else.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/plan_scope.h>
#include <hrun/str.h>

#define UNIT_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.@\\"
#define SLICE_SUFFIX ".slice"

enum { TIMEOUT_MS = 30000 };

static bool is_unit_text(const char *text)
{
	return text[strspn(text, UNIT_CHARACTERS)] == '\0' && text[0] != '.' && !strstr(text, "..");
}

/* ---- slices ---- */

/* systemd.slice(5): a-b.slice lies in a.slice, so no part may be empty; "-.slice" is the root. */
static bool is_slice(const char *name)
{
	if (str_equal(name, "-" SLICE_SUFFIX))
		return true;
	if (!is_unit_text(name) || !str_ends(name, SLICE_SUFFIX) || strlen(name) >= SCOPE_UNIT_SIZE)
		return false;
	size_t length = strlen(name) - strlen(SLICE_SUFFIX);
	return length > 0 && name[0] != '-' && name[length - 1] != '-' && !strstr(name, "--") && !strchr(name, ':') &&
	       !strchr(name, '@');
}

/* "a-b.slice" -> "/a.slice/a-b.slice" */
static const char *slice_path(struct pool *pool, const char *slice)
{
	size_t length = strlen(slice) - strlen(SLICE_SUFFIX);
	const char *path = "";

	if (str_equal(slice, "-" SLICE_SUFFIX))
		return path;
	for (size_t i = 1; i <= length; i++) {
		if (i == length || slice[i] == '-')
			path = pool_printf(pool, "%s/%.*s" SLICE_SUFFIX, path, (int)i, slice);
	}
	return path;
}

/* ---- the name ---- */

static int split(struct pool *pool, const char *path, const char **ret_slice, const char **ret_prefix,
		 const char **ret_name, struct err *e)
{
	const char *first = strchr(path, ':'), *second = first ? strchr(first + 1, ':') : NULL;

	if (str_has_control(path))
		return err_set(e, EINVAL, "linux.cgroupsPath: holds a control character");
	if (!second || strchr(second + 1, ':'))
		return err_set(
			e, EINVAL,
			"linux.cgroupsPath: %s must be SLICE:PREFIX:NAME where systemd makes the cgroup; write it so "
			"or leave out --systemd-cgroup",
			path);
	*ret_slice = pool_strndup(pool, path, (size_t)(first - path));
	*ret_prefix = pool_strndup(pool, first + 1, (size_t)(second - first - 1));
	*ret_name = pool_strdup(pool, second + 1);
	return 0;
}

static int check_parts(const char *slice, const char *prefix, const char *name, struct err *e)
{
	if (!is_slice(slice))
		return err_set(e, EINVAL,
			       "linux.cgroupsPath: `%s` is not the name of a slice, as system.slice or a-b.slice",
			       slice);
	/* A slice holds units and no processes of its own. */
	if (str_ends(name, SLICE_SUFFIX))
		return err_set(e, EINVAL,
			       "linux.cgroupsPath: `%s` names a slice; a container is a scope, so name it otherwise",
			       name);
	if (!*name || !is_unit_text(name) || !is_unit_text(prefix) || prefix[0] == '-')
		return err_set(e, EINVAL,
			       "linux.cgroupsPath: `%s-%s.scope` cannot be the name of a unit: only letters, digits, "
			       "and _ - . @ \\ in it",
			       prefix, name);
	return 0;
}

int plan_scope_name(struct pool *pool, const char *path, const char *id, bool user, struct scope_name *ret,
		    struct err *e)
{
	const char *slice, *prefix, *name;

	TRY(split(pool, path && *path ? path : pool_printf(pool, ":hrun:%s", id), &slice, &prefix, &name, e));
	if (!*slice)
		slice = user ? "user.slice" : "system.slice";
	else if (str_equal(slice, "-"))
		slice = "-.slice";
	TRY(check_parts(slice, prefix, name, e));
	ret->slice = slice;
	ret->unit = *prefix ? pool_printf(pool, "%s-%s.scope", prefix, name) : pool_printf(pool, "%s.scope", name);
	if (strlen(ret->unit) >= SCOPE_UNIT_SIZE)
		return err_set(e, ENAMETOOLONG, "linux.cgroupsPath: a unit's name has at most %d bytes",
			       SCOPE_UNIT_SIZE - 1);
	ret->path = pool_printf(pool, "%s/%s", slice_path(pool, slice), ret->unit);
	return 0;
}

/* ---- what every scope has ---- */

static void add_constants(struct pool *pool, const char *id, const char *slice, struct scope_plan *scope)
{
	static const char *const yes[] = {"Delegate", "MemoryAccounting", "CPUAccounting", "IOAccounting",
					  "TasksAccounting"};

	scope_add_string(scope, "Description", pool_printf(pool, "hrun container %s", id));
	scope_add_string(scope, "Slice", slice);
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		scope_add_number(scope, yes[i], SCOPE_BOOL, true);
	scope_add_number(scope, "DefaultDependencies", SCOPE_BOOL, false);
	/* However it ends, systemd forgets it: nothing is left where hrun is killed. */
	scope_add_string(scope, "CollectMode", "inactive-or-failed");
}

static struct scope_plan *new_scope(struct pool *pool, const char *unit, enum scope_task task, bool user)
{
	struct scope_plan *scope = pool_alloc(pool, sizeof *scope);

	scope->user = user;
	scope->request.version = SCOPE_WIRE_VERSION;
	scope->request.task = task;
	scope->request.timeout_ms = TIMEOUT_MS;
	if (str_format(scope->request.unit, sizeof scope->request.unit, "%s", unit) < 0)
		scope->too_large = true;
	return scope;
}

static void begin(struct pool *pool, const struct plan_options *options, const struct scope_name *name,
		  struct plan *plan)
{
	plan->cgroup.path = name->path;
	plan->cgroup.scope = new_scope(pool, name->unit, SCOPE_START, options->scope->user);
	plan->cgroup.scope->bus = options->scope->bus;
	plan->cgroup.scope->slice = name->slice;
	add_constants(pool, options->id, name->slice, plan->cgroup.scope);
}

int plan_scope(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
	       struct err *e)
{
	struct scope_name name;

	TRY(plan_scope_name(pool, config->linux_ ? config->linux_->cgroups_path : NULL, options->id,
			    options->scope->user, &name, e));
	begin(pool, options, &name, plan);
	return 0;
}

int plan_scope_unasked(struct pool *pool, const struct plan_options *options, const struct cgroup_write *limit,
		       struct plan *plan, struct err *e)
{
	struct scope_name name;
	struct err ignored;

	if (plan_scope_name(pool, NULL, options->id, options->scope->user, &name, &ignored) < 0)
		return err_set(
			e, EINVAL,
			"%s: only a unit of systemd keeps the limit here, and hrun-%s.scope cannot be the name of "
			"one; use another id, name a delegated cgroup in linux.cgroupsPath, or remove the limit",
			limit->where, options->id);
	begin(pool, options, &name, plan);
	return 0;
}

int plan_scope_fill(struct pool *pool, const struct config *config, const struct plan_options *options,
		    struct plan *plan, struct err *e)
{
	struct scope_plan *scope = plan->cgroup.scope;
	const struct config_resources *resources = config->linux_ ? config->linux_->resources : NULL;

	/* They are for who uses systemd. */
	if (!options->scope->unasked)
		TRY(plan_scope_annotations(pool, &config->annotations, &options->scope->properties, plan, e));
	plan_scope_properties(pool, &plan->cgroup, scope);
	/* Where the kernel takes no filter from us, it takes none from this user's systemd either. */
	if (plan->cgroup.device_program)
		plan_scope_devices(pool, resources, true, scope);
	return scope_check_size(scope, e);
}

static void name_unit(const struct scope_unit *unit, struct scope_plan *scope)
{
	scope->bus = unit->bus;
	if (str_format(scope->request.invocation, sizeof scope->request.invocation, "%s", unit->invocation) < 0)
		scope->too_large = true;
}

int plan_scope_update(struct pool *pool, const struct config_resources *resources, const struct scope_unit *unit,
		      struct plan *plan, struct err *e)
{
	struct scope_plan *scope = new_scope(pool, unit->name, SCOPE_SET, false);

	plan->cgroup.scope = scope;
	name_unit(unit, scope);
	plan_scope_properties(pool, &plan->cgroup, scope);
	if (resources->devices_present && !plan->cgroup.takes_no_filter)
		plan_scope_devices(pool, resources, plan->cgroup.device_program != NULL, scope);
	return scope_check_size(scope, e);
}

struct scope_plan *plan_scope_stop(struct pool *pool, const struct scope_unit *unit)
{
	struct scope_plan *scope = new_scope(pool, unit->name, SCOPE_STOP, false);

	name_unit(unit, scope);
	return scope;
}
