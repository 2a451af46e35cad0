/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_sarif.c - a verdict as SARIF 2.1.0, for code scanning.
 */
#include <hrun/report.h>
#include <hrun/str.h>

#define SARIF_SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

static void add(struct json_out *out, const char *before, const char *value)
{
	json_out_raw(out, before);
	json_out_string(out, value);
}

static const char *sarif_level(enum action action)
{
	static const char *const levels[] = {"none", "warning", "note", "error"};

	return levels[action];
}

/* What code scanners sort by, in the middle of CVSS' ranges. */
static const char *security_severity(enum severity severity)
{
	static const char *const scores[] = {"2.0", "5.5", "8.0", "9.5"};

	return scores[severity];
}

static void add_rule(struct json_out *out, const struct rule *rule, enum level level)
{
	add(out, "{\"id\":", rule->id);
	add(out, ",\"shortDescription\":{\"text\":", rule->title);
	add(out, "},\"fullDescription\":{\"text\":",
	    pool_printf(out->pool, "%s: %s (%s)", rule->id, rule->title, chapter_title(rule->chapter)));
	add(out, "},\"help\":{\"text\":", pool_printf(out->pool, "%s References: %s.", rule->remedy, rule->references));
	add(out, "},\"defaultConfiguration\":{\"level\":", sarif_level(rule->action[level]));
	add(out, "},\"properties\":{\"security-severity\":", security_severity(rule->severity));
	add(out, ",\"tags\":[\"security\",", severity_name(rule->severity));
	json_out_raw(out, "]}}");
}

/* The rules that found something, each once; results name them by index. */
static void add_rules(struct json_out *out, const struct verdict *verdict)
{
	const struct rule *last = NULL;

	for (size_t i = 0; i < verdict->count; i++) {
		const struct rule *rule = verdict->findings[i].rule;
		if (rule == last)
			continue;
		json_out_raw(out, last ? "," : "");
		add_rule(out, rule, verdict->level);
		last = rule;
	}
}

/* A path as a reference: everything but unreserved characters and '/' is escaped; a first "a:b" is no scheme then. */
static const char *uri_of(struct pool *pool, const char *path)
{
	struct json_out out = {.pool = pool};

	if (str_equal(path, "-"))
		path = "stdin";
	json_out_raw(&out, path[0] == '/' ? "file://" : "");
	for (; *path; path++) {
		bool plain = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
			     (*path >= '0' && *path <= '9') || strchr("-._~/", *path);
		if (plain)
			json_out_raw(&out, (char[]){*path, '\0'});
		else
			json_out_printf(&out, "%%%02X", (unsigned char)*path);
	}
	return out.text ? out.text : "";
}

/* SARIF counts characters, hrun bytes.  The place of the last finding: the next one is mostly behind it. */
struct place {
	const char *p;
	unsigned int line, column, characters;
};

static void go_back(struct place *place, const struct report *report)
{
	*place = (struct place){report->bytes, 1, 1, 1};
}

static unsigned int column_in_characters(struct place *place, const struct report *report,
					 const struct finding *finding)
{
	if (!report->bytes)
		return finding->column;
	const char *end = report->bytes + report->size;
	if (!place->p || finding->line < place->line ||
	    (finding->line == place->line && finding->column < place->column))
		go_back(place, report);
	for (; place->p < end && place->line < finding->line; place->p++) {
		if (*place->p == '\n')
			*place = (struct place){place->p, place->line + 1, 1, 1};
	}
	for (; place->p < end && place->column < finding->column; place->p++, place->column++)
		place->characters += ((unsigned char)*place->p & 0xc0) != 0x80;
	return place->characters;
}

static void add_location(struct json_out *out, const struct report *report, const struct finding *finding,
			 struct place *place)
{
	add(out,
	    "\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":", uri_of(out->pool, report->name));
	json_out_raw(out, ",\"index\":0}");
	if (finding->line)
		json_out_printf(out, ",\"region\":{\"startLine\":%u,\"startColumn\":%u}", finding->line,
				column_in_characters(place, report, finding));
	add(out, "},\"logicalLocations\":[{\"fullyQualifiedName\":", json_pointer_of_where(out->pool, finding->where));
	json_out_raw(out, ",\"kind\":\"member\"}]}]");
}

static void add_result(struct json_out *out, const struct report *report, const struct finding *finding, size_t index,
		       struct place *place)
{
	add(out, "{\"ruleId\":", finding->rule->id);
	json_out_printf(out, ",\"ruleIndex\":%zu", index);
	add(out, ",\"level\":", sarif_level(finding->action));
	add(out, ",\"message\":{\"text\":",
	    pool_printf(out->pool, "%s: %s. %s", action_name(finding->action), finding->text, finding_remedy(finding)));
	json_out_raw(out, "},");
	add_location(out, report, finding, place);
	if (finding->waiver) {
		add(out, ",\"suppressions\":[{\"kind\":\"external\",\"justification\":",
		    finding->waiver->reason ? finding->waiver->reason : "");
		json_out_raw(out, "}]");
	}
	json_out_raw(out, "}");
}

static void add_results(struct json_out *out, const struct report *report)
{
	const struct verdict *verdict = report->verdict;
	struct place place = {.p = NULL};
	size_t index = 0;

	for (size_t i = 0; i < verdict->count; i++) {
		if (i > 0) {
			index += verdict->findings[i].rule != verdict->findings[i - 1].rule;
			json_out_raw(out, ",");
		}
		add_result(out, report, &verdict->findings[i], index, &place);
	}
}

static void add_invocation(struct json_out *out, const struct report *report)
{
	json_out_printf(out, "\"invocations\":[{\"executionSuccessful\":%s", report->unreadable ? "false" : "true");
	if (report->unreadable) {
		add(out,
		    ",\"toolExecutionNotifications\":[{\"level\":\"error\",\"message\":{\"text\":", report->unreadable);
		json_out_raw(out, "}}]");
	}
	json_out_raw(out, "}],");
}

void report_sarif(FILE *out, const struct report *report)
{
	struct json_out text = {.pool = report->pool};

	json_out_raw(&text, "{\"$schema\":\"" SARIF_SCHEMA "\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{"
			    "\"name\":\"hrun\",\"version\":\"" HRUN_VERSION "\",\"rules\":[");
	add_rules(&text, report->verdict);
	json_out_raw(&text, "]}},\"columnKind\":\"unicodeCodePoints\",");
	add_invocation(&text, report);
	add(&text, "\"artifacts\":[{\"location\":{\"uri\":", uri_of(report->pool, report->name));
	json_out_raw(&text, "}}],\"results\":[");
	add_results(&text, report);
	json_out_raw(&text, "],");
	add(&text, "\"properties\":{\"level\":", policy_level_name(report->verdict->level));
	add(&text, ",\"ruleSet\":", POLICY_RULE_SET);
	if (report->score)
		json_out_printf(&text, ",\"score\":%.1f", report->score->total);
	json_out_raw(&text, "}}]}\n");
	fputs(text.text, out);
}
