/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update_apply.c - new limits take effect, all or none.
 *
 * Only the kernel can say whether it takes a value, so the files are written first, and put back where one is refused; systemd, which
 * changes all that it is told or nothing, hears of it when nothing can be refused any more.  It then writes what it has
 * heard, rounded, so that the files are written once more.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/scope.h>
#include <hrun/str.h>

/* ---- what the files say now ---- */

/* The line of TEXT that begins with the first word of VALUE ("8:0 rbps=1", "mlx5_0 hca_handle=2"), or NULL. */
static const char *line_for(struct pool *pool, const char *text, const char *value)
{
	size_t length = strcspn(value, " \t");

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, value, length) == 0 && line[length] == ' ')
			return pool_strndup(pool, line, strcspn(line, "\n"));
	}
	return NULL;
}

/* Of a device, as io.max and so on take it. */
static const char *no_limit(const char *file)
{
	if (str_equal(file, "io.max"))
		return "rbps=max wbps=max riops=max wiops=max";
	return str_equal(file, "io.latency") ? "target=0" : "default";
}

/* What takes WRITE back where FILE said TEXT. */
static const char *value_before(struct pool *pool, const struct cgroup_write *write, const char *text)
{
	const char *value = write->value + strspn(write->value, " \t");
	const char *line = line_for(pool, text, value);
	size_t device = strcspn(value, " \t");

	if (line)
		return line;
	/* A device that has no line has no limit. */
	if (memchr(value, ':', device))
		return pool_printf(pool, "%.*s %s", (int)device, value, no_limit(write->file));
	size_t length = strcspn(text, "\n");
	return length ? pool_strndup(pool, text, length) : "\n";
}

struct memory {
	struct cgroup_plan plan;
	const char *forgotten; /* files that cannot be put back, or NULL */
};

static void remember(struct pool *pool, int cgroup, const struct cgroup_write *write, struct memory *before)
{
	char text[16384];
	ssize_t n = cgroup_read(cgroup, write->file, text, sizeof text);

	if (n < 0 || (size_t)n == sizeof text - 1) {
		/* What is not there is not written either. */
		if (n != -ENOENT)
			before->forgotten = before->forgotten
						    ? pool_printf(pool, "%s, %s", before->forgotten, write->file)
						    : write->file;
		return;
	}
	struct cgroup_write *old = pool_array_add(pool, before->plan.writes, before->plan.write_count);
	*old = *write;
	old->value = value_before(pool, write, text);
}

/* Its weight is none then, and cannot be written. */
static bool is_idle(int cgroup)
{
	char text[8];

	return cgroup_read(cgroup, "cpu.idle", text, sizeof text) > 0 && text[0] == '1';
}

static struct memory look(struct pool *pool, const struct cgroup_plan *plan, int cgroup)
{
	const struct cgroup_write weight = {.file = "cpu.weight", .value = "100", .where = "linux.resources.cpu.idle"};
	struct memory before = {.plan = {.live = true, .root = -1, .path = plan->path}};
	const bool has_weight = !is_idle(cgroup);

	for (size_t i = 0; i < plan->write_count; i++) {
		const char *file = plan->writes[i].file;
		/* The kernel forgets the weight of what becomes idle.  What is remembered first is put back last. */
		if (has_weight && str_equal(file, "cpu.idle"))
			remember(pool, cgroup, &weight, &before);
		if (has_weight || !str_starts(file, "cpu.weight"))
			remember(pool, cgroup, &plan->writes[i], &before);
	}
	return before;
}

/* ---- all or none ---- */

struct change {
	struct pool *pool;
	const struct container_record *record;
	const struct config_resources *asked;
	struct plan *plan;
	int cgroup; /* borrowed */
	struct memory before;
	int old_filter; /* owned, of the devices */
	bool has_new_filter;
	bool systemd_knows; /* or might: it was asked and did not refuse */
};

static int make(struct change *c, struct err *e)
{
	TRY(cgroup_update(&c->plan->cgroup, c->cgroup, e));
	if (c->asked->devices_present && c->plan->cgroup.takes_no_filter) {
		log_debug("linux.resources.devices: %s", c->plan->cgroup.device_note);
	} else if (c->asked->devices_present) {
		TRY(cgroup_update_devices(&c->plan->cgroup, c->cgroup, &c->old_filter, e));
		c->has_new_filter = true;
	}
	if (!c->record->unit)
		return 0;
	const struct scope_unit unit = systemd_unit(c->record);
	TRY(plan_scope_update(c->pool, c->asked, &unit, c->plan, e));
	struct scope_plan *scope = c->plan->cgroup.scope;
	if (scope->request.property_count == 0)
		return 0;
	int r = scope_call(scope, NULL, e);
	c->systemd_knows = scope->asked && !scope->answer.unchanged;
	return r < 0 ? r : cgroup_update(&c->plan->cgroup, c->cgroup, e);
}

/* What it cannot be told back: of devices nobody remembers what it had. */
static void tell_systemd_back(struct change *c, struct plan *before)
{
	const struct config_resources nothing = {0};
	const struct scope_unit unit = systemd_unit(c->record);
	struct err e = {0};
	int r = plan_scope_update(c->pool, &nothing, &unit, before, &e);

	if (r == 0 && before->cgroup.scope->request.property_count)
		r = scope_call(before->cgroup.scope, NULL, &e);
	if (r < 0)
		log_warning("unit %s may have the new values all the same: %s", c->record->unit, e.text);
	if (c->asked->devices_present && !c->plan->cgroup.takes_no_filter)
		log_warning("unit %s may have the new devices all the same; give it the old ones by hrun update",
			    c->record->unit);
}

static void take_back(struct change *c)
{
	struct plan plan = {.rootfs.fd = -1, .cgroup = c->before.plan};
	struct err e = {0};
	int r = 0;

	/* First, since it writes what it hears. */
	if (c->systemd_knows)
		tell_systemd_back(c, &plan);
	if (c->has_new_filter && cgroup_restore_devices(c->cgroup, c->old_filter, &e) < 0)
		r = -1;
	if (cgroup_restore(&c->before.plan, c->cgroup, &e) < 0)
		r = -1;
	if (r < 0)
		log_warning("not all limits are what they were before: %s", e.text);
	if (c->before.forgotten)
		log_warning("%s may have the new value all the same: what it held cannot be read, or is too long",
			    c->before.forgotten);
}

int update_apply(struct pool *pool, const struct container_record *record, const struct config_resources *asked,
		 struct plan *plan, int cgroup, struct err *e)
{
	TRY(cgroup_update_check(&plan->cgroup, cgroup, e));
	struct change change = {.pool = pool,
				.record = record,
				.asked = asked,
				.plan = plan,
				.cgroup = cgroup,
				.before = look(pool, &plan->cgroup, cgroup),
				.old_filter = -1};
	int r = make(&change, e);
	if (r < 0)
		take_back(&change);
	fd_close(&change.old_filter);
	return r;
}
