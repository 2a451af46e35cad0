/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_seccomp.c - the built-in profile as linux.seccomp, for a config that --fix writes.
 *
 * The text (seccomp-profiles/portable/) says which entries are only for containers with some capability; a config
 * cannot, so they are chosen here.
 */
#include <hrun/builtin_filter.h>
#include <hrun/cli.h>
#include <hrun/cli_check.h>
#include <hrun/filter_arch.h>
#include <hrun/json_edit.h>
#include <hrun/str.h>
#include <linux/audit.h>

extern const char portable_profile[]; /* made when hrun is built */

static const char condition[] = "hrun:capabilities";

static bool has_capability(const struct config_process *process, const char *name)
{
	for (int set = 0; process && set < CAPS_SETS; set++) {
		const struct string_list *list = &process->capabilities[set];
		for (size_t i = 0; i < list->count; i++) {
			if (str_equal(list->item[i], name))
				return true;
		}
	}
	return false;
}

static bool applies(const struct config_process *process, const struct json *entry)
{
	const struct json *names = json_at(entry, condition);

	for (const struct json *name = names ? names->first : NULL; name; name = name->next) {
		if (has_capability(process, name->text))
			return true;
	}
	return !names;
}

static void keep_what_applies(const struct config_process *process, struct json *entries)
{
	for (size_t i = 0; i < entries->count;) {
		struct json *entry = json_element(entries, i);
		if (applies(process, entry))
			i++;
		else
			json_delete(entries, i);
	}
}

static bool allows(const struct json *entry, const char *name)
{
	if (!json_at(entry, condition))
		return false;
	for (const struct json *one = json_at(entry, "names")->first; one; one = one->next) {
		if (str_equal(one->text, name))
			return true;
	}
	return false;
}

/* The last entry denies; what the capabilities allow goes out of it. */
static void allow_by_capability(struct json *entries)
{
	struct json *denied = json_member(json_element(entries, entries->count - 1), "names");

	for (const struct json *entry = entries->first; entry; entry = entry->next) {
		for (size_t i = 0; i < denied->count;) {
			if (allows(entry, json_element(denied, i)->text))
				json_delete(denied, i);
			else
				i++;
		}
	}
	for (size_t i = 0; i < entries->count; i++)
		json_remove(json_element(entries, i), condition);
}

struct json *check_seccomp(struct pool *pool, const struct config_process *process)
{
	bool is_x86 = filter_native_arch() == AUDIT_ARCH_X86_64;
	struct json *profile = json_of_text(pool, portable_profile);
	struct json *entries = json_member(profile, "syscalls");

	json_remove(profile, "comment");
	json_set(profile, "architectures",
		 json_of_text(pool, is_x86 ? "[\"SCMP_ARCH_X86_64\"]" : "[\"SCMP_ARCH_AARCH64\"]"));
	keep_what_applies(process, entries);
	allow_by_capability(entries);
	return profile;
}
