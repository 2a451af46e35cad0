/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_scope.h - parts of plan/scope*.c that its other files and their tests share.  Not for other modules: plan_cgroup and
 * plan_update in plan.h are the entry.
 */
#ifndef HRUN_PLAN_SCOPE_H
#define HRUN_PLAN_SCOPE_H

#include <hrun/config.h>
#include <hrun/err.h>
#include <hrun/plan.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- scope_request.c: a request is filled; what does not fit is remembered, and told once at the end ---- */

/* The property NAME, after those that are there or in the place of the one with this name; its value is empty. */
struct scope_property *scope_property(struct scope_plan *scope, const char *name, enum scope_type type);
/* The one with that name, or NULL. */
const struct scope_property *scope_find(const struct scope_plan *scope, const char *name);
struct scope_property *scope_add_number(struct scope_plan *scope, const char *name, enum scope_type type,
					uint64_t number);
struct scope_property *scope_add_string(struct scope_plan *scope, const char *name, const char *text);
/* One more item of the property that was added last; the texts may be NULL. */
void scope_add_item(struct scope_plan *scope, struct scope_property *property, const char *first, const char *second,
		    uint64_t number);
/* SIZE bytes as a value of the type SCOPE_BYTES. */
struct scope_property *scope_add_bytes(struct scope_plan *scope, const char *name, const unsigned char *bytes,
				       size_t size);
/* E2BIG where something did not fit. */
int scope_check_size(const struct scope_plan *scope, struct err *e);
/* "MemoryMax=67108864", for people. */
const char *scope_property_text(struct pool *pool, const struct scope_request *request,
				const struct scope_property *property);

/* ---- scope.c ---- */

/* The three parts of PATH (linux.cgroupsPath; NULL or "": absent) as a unit and its slice. */
struct scope_name {
	const char *unit;  /* "libpod-ID.scope" */
	const char *slice; /* "machine-x.slice" */
	const char *path;  /* "/machine.slice/machine-x.slice/libpod-ID.scope" */
};
int plan_scope_name(struct pool *pool, const char *path, const char *id, bool user, struct scope_name *ret,
		    struct err *e);

/* Begins plan->cgroup.scope and its path. */
int plan_scope(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
	       struct err *e);
/* The same where nobody asked for systemd; LIMIT is what needs the unit. */
int plan_scope_unasked(struct pool *pool, const struct plan_options *options, const struct cgroup_write *limit,
		       struct plan *plan, struct err *e);
/* The annotations (where somebody asked for systemd) and what plan->cgroup is going to write, as properties.  RESOURCES may be NULL. */
int plan_scope_fill(struct pool *pool, const struct config *config, const struct plan_options *options,
		    struct plan *plan, struct err *e);

/* ---- scope_properties.c, scope_devices.c, scope_annotations.c ---- */

void plan_scope_properties(struct pool *pool, const struct cgroup_plan *cgroup, struct scope_plan *scope);
/* A list that lets through at least what the filter of RULES does; without one, every device. */
void plan_scope_devices(struct pool *pool, const struct config_resources *resources, bool filtered,
			struct scope_plan *scope);
/* org.systemd.property.NAME; ALLOWED are the names that the policy file adds. */
int plan_scope_annotations(struct pool *pool, const struct string_map *annotations, const struct string_list *allowed,
			   struct plan *plan, struct err *e);

#endif
