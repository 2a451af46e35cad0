/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - one container's state as JSON, for state and list.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/json.h>
#include <hrun/str.h>

enum { VERDICT_MAX_SIZE = 4 << 20 };

/* Annotations of our own; a config that brings its own under this name is not believed. */
#define OWN_PREFIX "org.hrun."

pid_t show_pid(const struct container *container, enum container_status status)
{
	return status == STATUS_STOPPED || status == STATUS_CREATING ? 0 : container->record.pid;
}

static const char *word_of(const struct json *finding, const char *name)
{
	const struct json *value = json_at(finding, name);

	return value && value->type == JSON_STRING ? value->text : "?";
}

const char *show_findings(struct pool *pool, const struct container *container)
{
	struct err ignored;
	struct json_error error;
	const struct json *tree, *findings;
	char *data;
	size_t size;
	const char *text = NULL;

	if (container_read_file(container, pool, "verdict.json", VERDICT_MAX_SIZE, &data, &size, &ignored) < 0 ||
	    json_read(pool, data, size, VERDICT_MAX_SIZE, &tree, &error) < 0)
		return NULL;
	findings = json_at(tree, "findings");
	if (!findings || findings->type != JSON_ARRAY)
		return NULL;
	for (const struct json *f = findings->first; f; f = f->next) {
		if (f->type == JSON_OBJECT)
			text = pool_printf(pool, "%s%s%s %s", text ? text : "", text ? ", " : "", word_of(f, "action"),
					   word_of(f, "rule"));
	}
	return text;
}

/* Where in the object we are: what separates members, with or without lines. */
struct layout {
	struct json_out *out;
	const char *before_first, *between, *colon, *end;
	bool any;
};

static void key(struct layout *layout, const char *name)
{
	json_out_raw(layout->out, layout->any ? layout->between : layout->before_first);
	json_out_string(layout->out, name);
	json_out_raw(layout->out, layout->colon);
	layout->any = true;
}

static void member(struct layout *layout, const char *name, const char *value)
{
	key(layout, name);
	json_out_string(layout->out, value);
}

static void show_image(struct layout *layout, const struct container_record *record)
{
	member(layout, OWN_PREFIX "image.digest", record->image_digest);
	if (record->image_manifest)
		member(layout, OWN_PREFIX "image.manifest", record->image_manifest);
	if (record->image_signer)
		member(layout, OWN_PREFIX "image.signer", record->image_signer);
	if (record->image_policy)
		member(layout, OWN_PREFIX "image.policy", record->image_policy);
}

static void annotations(struct layout *outer, const struct container *container, bool pretty)
{
	const struct string_map *map = &container->record.annotations;
	struct layout layout = {outer->out,   pretty ? "\n    " : "", pretty ? ",\n    " : ",",
				outer->colon, pretty ? "\n  }" : "}", false};
	const char *findings = show_findings(outer->out->pool, container);

	key(outer, "annotations");
	json_out_raw(outer->out, "{");
	for (size_t i = 0; i < map->count; i++) {
		if (!str_starts(map->item[i].key, OWN_PREFIX))
			member(&layout, map->item[i].key, map->item[i].value);
	}
	if (container->record.level)
		member(&layout, OWN_PREFIX "level", container->record.level);
	if (container->record.image_digest)
		show_image(&layout, &container->record);
	if (findings)
		member(&layout, OWN_PREFIX "findings", findings);
	json_out_raw(outer->out, layout.any ? layout.end : "}");
}

void show_state(struct json_out *out, const struct container *container, bool pretty)
{
	const struct container_record *record = &container->record;
	enum container_status status = container_status(container);
	struct layout layout = {
		out, pretty ? "\n  " : "", pretty ? ",\n  " : ",", pretty ? ": " : ":", pretty ? "\n}" : "}", false};

	json_out_raw(out, "{");
	member(&layout, "ociVersion", record->oci_version);
	member(&layout, "id", record->id);
	key(&layout, "pid");
	json_out_printf(out, "%d", show_pid(container, status));
	member(&layout, "status", container_status_name(status));
	member(&layout, "bundle", record->bundle);
	if (record->rootfs)
		member(&layout, "rootfs", record->rootfs);
	member(&layout, "created", record->created);
	annotations(&layout, container, pretty);
	key(&layout, "owner");
	json_out_string(out, record->owner == 0 ? "root" : pool_printf(out->pool, "%u", (unsigned int)record->owner));
	json_out_raw(out, layout.end);
}
