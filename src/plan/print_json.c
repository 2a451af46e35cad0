/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print_json.c - a plan for machines: the same lines as members of objects.
 */
#include <hrun/json.h>
#include <hrun/planning.h>
#include <hrun/str.h>

static void member(struct json_out *out, const char *name, const char *value)
{
	json_out_printf(out, ",\"%s\":", name);
	json_out_string(out, value);
}

/* "mounts[7]  (hardened, RULE)" stands at mounts[7]; a step without a place in the document has no pointer. */
static const char *pointer_of(struct pool *pool, const char *where)
{
	const char *note = strstr(where, "  (");

	if (!*where || *where == '(')
		return "";
	if (note)
		where = pool_strndup(pool, where, (size_t)(note - where));
	/* seccomp-profiles/default.json is a place, but not one in config.json. */
	return strchr(where, '/') && !strchr(where, '"') ? "" : json_pointer_of_where(pool, where);
}

static void put_step(struct json_out *out, size_t number, const struct plan_line *line)
{
	json_out_printf(out, "%s{\"step\":%zu", number > 1 ? "," : "", number);
	member(out, "chapter", line->chapter);
	member(out, "verb", line->verb);
	member(out, "detail", line->detail);
	member(out, "where", line->where);
	member(out, "pointer", pointer_of(out->pool, line->where));
	json_out_raw(out, "}");
}

void plan_print_json(FILE *out, struct pool *pool, const struct plan *plan)
{
	struct json_out json = {.pool = pool};
	struct plan_lines lines;

	plan_describe(pool, plan, &lines);
	json_out_raw(&json, "{\"format\":1");
	member(&json, "id", plan->id ? plan->id : "");
	json_out_raw(&json, ",\"steps\":[");
	for (size_t i = 0; i < lines.count; i++)
		put_step(&json, i + 1, &lines.item[i]);
	json_out_raw(&json, "],\"warnings\":[");
	for (size_t i = 0; i < plan->warning_count; i++) {
		json_out_raw(&json, i ? "," : "");
		json_out_string(&json, plan->warnings[i]);
	}
	json_out_raw(&json, "]}");
	fprintf(out, "%s\n", json.text);
}
