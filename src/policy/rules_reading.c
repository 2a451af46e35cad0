/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_reading.c - the document as a whole: what the readers cannot refuse because
 * it is well-formed.
 */
#include <hrun/judging.h>
#include <hrun/str.h>

void judge_json_unknown_key(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->unknown_count; i++)
		find_value(finder, config->unknown[i].where, config->unknown[i].where,
			   "not a member that the specification knows");
}

void judge_foreign_platform_section(struct finder *finder)
{
	const struct string_list *sections = &finder->judged->config->foreign_sections;

	for (size_t i = 0; i < sections->count; i++)
		find_value(finder, sections->item[i], sections->item[i],
			   "a section for another platform, which nothing enforces here");
}

/* One number of a version: digits without a leading zero; returns what follows, or NULL. */
static const char *skip_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits == 0 || (digits > 1 && *text == '0') ? NULL : text + digits;
}

/* Identifiers with dots between them, none empty; a pre-release's numbers have no leading zero. */
static const char *skip_identifiers(const char *text, bool is_prerelease)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";

	for (;; text++) {
		size_t length = strspn(text, letters), digits = strspn(text, "0123456789");
		if (length == 0 || (is_prerelease && digits == length && !skip_number(text)))
			return NULL;
		text += length;
		if (*text != '.')
			return text;
	}
}

/* Semantic Versioning 2.0.0, major 1. */
static bool is_version_1(const char *version)
{
	const char *rest = str_starts(version, "1.") ? skip_number(version + 2) : NULL;

	rest = rest && *rest == '.' ? skip_number(rest + 1) : NULL;
	if (rest && *rest == '-')
		rest = skip_identifiers(rest + 1, true);
	if (rest && *rest == '+')
		rest = skip_identifiers(rest + 1, false);
	return rest && !*rest;
}

void judge_oci_version_invalid(struct finder *finder)
{
	const char *version = finder->judged->config->oci_version;

	if (!version)
		find(finder, "ociVersion", "absent");
	else if (!is_version_1(version))
		find(finder, "ociVersion", "%s is not a version 1.MINOR.PATCH", quote(finder, version));
}

static void require(struct finder *finder, const char *where, bool is_there)
{
	if (!is_there)
		find(finder, where, "absent or empty");
}

/* Members of list elements are required by the reader already. */
void judge_required_field_missing(struct finder *finder)
{
	const struct config *config = finder->judged->config;
	const struct config_process *process = finder->judged->process;

	require(finder, "root.path", config->has_root && config->root.path && *config->root.path);
	require(finder, "process", process != NULL);
	if (process) {
		require(finder, "process.args", process->args.count > 0);
		require(finder, "process.cwd", process->cwd && *process->cwd);
	}
	require(finder, "linux", config->linux_ != NULL);
}
