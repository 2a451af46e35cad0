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
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/scope.h>
#include <hrun/str.h>

/* ---- what the files say now ---- */

/* The line of TEXT that begins with the first word of VALUE ("8:0 rbps=1", "mlx5_0 hca_handle=2"), or NULL. */
static const char *line_for(struct pool *pool, const char *text, const char *value)
{
	size_t length = strcspn(value, " ");

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, value, length) == 0 && line[length] == ' ')
			return pool_strndup(pool, line, strcspn(line, "\n"));
	}
	return NULL;
}

/* What takes WRITE back where FILE said TEXT; NULL: nothing does. */
static const char *value_before(struct pool *pool, const struct cgroup_write *write, const char *text)
{
	const char *line = line_for(pool, text, write->value);
	size_t device = strcspn(write->value, " ");

	if (line)
		return line;
	/* A device that has no line has no limit. */
	if (memchr(write->value, ':', device) && str_equal(write->file, "io.max"))
		return pool_printf(pool, "%.*s rbps=max wbps=max riops=max wiops=max", (int)device, write->value);
	if (memchr(write->value, ':', device))
		return pool_printf(pool, "%.*s default", (int)device, write->value);
	size_t length = strcspn(text, "\n");
	return length ? pool_strndup(pool, text, length) : "\n";
}

static void remember(struct pool *pool, int cgroup, const struct cgroup_write *write, struct cgroup_plan *before)
{
	char text[16384];
	const char *value =
		cgroup_read(cgroup, write->file, text, sizeof text) < 0 ? NULL : value_before(pool, write, text);

	if (!value)
		return;
	struct cgroup_write *old = pool_array_add(pool, before->writes, before->write_count);
	*old = *write;
	old->value = value;
}

/* Its weight is none then, and cannot be written. */
static bool is_idle(int cgroup)
{
	char text[8];

	return cgroup_read(cgroup, "cpu.idle", text, sizeof text) > 0 && text[0] == '1';
}

static struct cgroup_plan look(struct pool *pool, const struct cgroup_plan *plan, int cgroup)
{
	const struct cgroup_write weight = {.file = "cpu.weight", .value = "100", .where = "linux.resources.cpu.idle"};
	struct cgroup_plan before = {.live = true, .root = -1, .path = plan->path};
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

/* ---- systemd ---- */

static int tell_systemd(struct pool *pool, const struct container_record *record, const struct config_resources *asked,
			struct plan *plan, struct err *e)
{
	const struct scope_unit unit = systemd_unit(record);

	TRY(plan_scope_update(pool, asked, &unit, plan, e));
	return plan->cgroup.scope->request.property_count ? scope_call(plan->cgroup.scope, NULL, e) : 0;
}

/* ---- all or none ---- */

struct change {
	struct pool *pool;
	const struct container_record *record;
	const struct config_resources *asked;
	struct plan *plan;
	int cgroup; /* borrowed */
	struct cgroup_plan before;
	int old_filter; /* owned, of the devices */
	bool has_new_filter, systemd_knows;
};

static int make(struct change *c, struct err *e)
{
	TRY(cgroup_update(&c->plan->cgroup, c->cgroup, e));
	if (c->asked->devices_present) {
		TRY(cgroup_update_devices(&c->plan->cgroup, c->cgroup, &c->old_filter, e));
		c->has_new_filter = true;
	}
	if (!c->record->unit)
		return 0;
	TRY(tell_systemd(c->pool, c->record, c->asked, c->plan, e));
	c->systemd_knows = c->plan->cgroup.scope->request.property_count > 0;
	return c->systemd_knows ? cgroup_update(&c->plan->cgroup, c->cgroup, e) : 0;
}

static void take_back(struct change *c)
{
	const struct config_resources nothing = {0};
	struct plan plan = {.rootfs.fd = -1, .cgroup = c->before};
	struct err e = {0};
	int r = 0;

	/* First, since it writes what it hears. */
	if (c->systemd_knows)
		r = tell_systemd(c->pool, c->record, &nothing, &plan, &e);
	if (c->has_new_filter && cgroup_restore_devices(c->cgroup, c->old_filter, &e) < 0)
		r = -1;
	if (cgroup_restore(&c->before, c->cgroup, &e) < 0)
		r = -1;
	if (r < 0)
		log_warning("not all limits are what they were before: %s", e.text);
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
