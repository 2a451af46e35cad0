/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_scope.c - a path, an annotation and writes to a cgroup as a request to hrun-scope: what is taken stays inside of its arrays,
 * and no name leads anywhere else.
 *
 * Lines: the path; the annotation's name; its value; then FILE=VALUE each.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/plan_scope.h>
#include <hrun/str.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct scope_name *name)
{
	check(strlen(name->unit) < SCOPE_UNIT_SIZE && str_ends(name->unit, ".scope") && !strchr(name->unit, '/'));
	check(name->path[0] == '/' && str_ends(name->path, name->unit) && !strstr(name->path, "//"));
	check(!strstr(name->path, "/../") && !strstr(name->path, "/./") && !str_has_control(name->path));
}

static void check_text(const struct scope_request *request, uint32_t place)
{
	check(place < SCOPE_TEXT_SIZE && memchr(request->text + place, '\0', SCOPE_TEXT_SIZE - place));
}

static void check_request(const struct scope_request *request)
{
	check(request->property_count <= SCOPE_PROPERTIES_MAX && request->item_count <= SCOPE_ITEMS_MAX &&
	      request->text_size <= SCOPE_TEXT_SIZE);
	for (uint32_t i = 0; i < request->property_count; i++) {
		const struct scope_property *p = &request->properties[i];
		check(p->type < SCOPE_TYPES && p->name[0] && memchr(p->name, '\0', sizeof p->name));
		check(!str_equal(p->name, "PIDs") && !str_equal(p->name, "Slice"));
		check(p->first_item <= request->item_count && p->item_count <= request->item_count - p->first_item);
	}
	for (uint32_t i = 0; i < request->item_count; i++) {
		check_text(request, request->items[i].second);
		check(request->items[i].first < SCOPE_TEXT_SIZE);
	}
}

static char *line_of(struct pool *pool, const char **text)
{
	size_t length = strcspn(*text, "\n");
	char *line = pool_strndup(pool, *text, length);

	*text += length + ((*text)[length] == '\n');
	return line;
}

static void try_annotation(struct pool *pool, const char *name, const char *value, struct plan *plan)
{
	static const char *names[] = {"SendSIGKILL", "RuntimeMaxSec", "Slice"};
	const struct string_list allowed = {.item = names, .count = 3};
	struct string_pair pair = {pool_printf(pool, "org.systemd.property.%s", name), value};
	const struct string_map map = {.item = &pair, .count = 1};
	struct err e = {0};

	if (plan_scope_annotations(pool, &map, &allowed, plan, &e) < 0)
		check(e.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = {NULL};
	struct plan plan = {.cgroup.scope = pool_alloc(&pool, sizeof *plan.cgroup.scope)};
	const char *text = pool_strndup(&pool, (const char *)data, size);
	const char *path = line_of(&pool, &text), *name = line_of(&pool, &text), *value = line_of(&pool, &text);
	struct scope_name parts;
	struct err e = {0};

	if (plan_scope_name(&pool, path, "id", size & 1, &parts, &e) == 0)
		check_name(&parts);
	else
		check(e.text[0]);
	try_annotation(&pool, name, value, &plan);
	while (*text) {
		char *line = line_of(&pool, &text), *equals = strchr(line, '=');
		if (!equals)
			continue;
		*equals = '\0';
		plan_cgroup_write(&pool, &plan.cgroup, CGROUP_LIMIT, line, equals + 1, "");
	}
	plan_scope_properties(&pool, &plan.cgroup, plan.cgroup.scope);
	check_request(&plan.cgroup.scope->request);
	for (uint32_t i = 0; i < plan.cgroup.scope->request.property_count; i++)
		scope_property_text(&pool, &plan.cgroup.scope->request, &plan.cgroup.scope->request.properties[i]);
	pool_free(&pool);
	return 0;
}
