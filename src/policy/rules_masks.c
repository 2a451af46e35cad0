/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_masks.c - what of /proc and /sys is hidden, and what is read-only.
 *
 * The lists are unions: an engine's list is never made shorter.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

static const char *const masked[] = {
	"/proc/acpi",	     "/proc/asound",  "/proc/interrupts",
	"/proc/kcore",	     "/proc/keys",    "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
	"/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap", /* CVE-2020-8694 */
	"/sys/fs/selinux",
};
static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

enum { MASKED_COUNT = sizeof masked / sizeof masked[0], READONLY_COUNT = sizeof readonly / sizeof readonly[0] };

/* Engines keep /proc/asound read-only instead of hidden; that is as good. */
static bool is_masked(const struct config_linux *linux_, const char *path)
{
	return path_is_covered(&linux_->masked_paths, path) ||
	       (str_equal(path, "/proc/asound") && path_is_covered(&linux_->readonly_paths, path));
}

static bool is_readonly(const struct config_linux *linux_, const char *path)
{
	return path_is_covered(&linux_->readonly_paths, path) || path_is_covered(&linux_->masked_paths, path);
}

void judge_masked_paths_absent(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && !linux_->masked_paths.count)
		find(finder, "linux.maskedPaths", "nothing is hidden: kernel memory and keys are readable");
}

void judge_masked_paths_incomplete(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && linux_->masked_paths.count && i < MASKED_COUNT; i++) {
		if (!is_masked(linux_, masked[i]))
			find_value(finder, masked[i], "linux.maskedPaths", "%s is not hidden", masked[i]);
	}
}

void harden_masked_paths_absent(struct pool *pool, struct config *config, const struct finding *finding)
{
	harden_masked_paths_incomplete(pool, config, finding);
}

void harden_masked_paths_incomplete(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)finding;
	for (size_t i = 0; i < MASKED_COUNT; i++) {
		if (!is_masked(config->linux_, masked[i]))
			list_append(pool, &config->linux_->masked_paths, masked[i]);
	}
}

void judge_readonly_paths_absent(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && !linux_->readonly_paths.count)
		find(finder, "linux.readonlyPaths", "nothing is read-only: kernel settings are writable");
}

void judge_readonly_paths_incomplete(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && linux_->readonly_paths.count && i < READONLY_COUNT; i++) {
		if (!is_readonly(linux_, readonly[i]))
			find_value(finder, readonly[i], "linux.readonlyPaths", "%s is writable", readonly[i]);
	}
}

void harden_readonly_paths_absent(struct pool *pool, struct config *config, const struct finding *finding)
{
	harden_readonly_paths_incomplete(pool, config, finding);
}

void harden_readonly_paths_incomplete(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)finding;
	for (size_t i = 0; i < READONLY_COUNT; i++) {
		if (!is_readonly(config->linux_, readonly[i]))
			list_append(pool, &config->linux_->readonly_paths, readonly[i]);
	}
}

static void find_invalid(struct finder *finder, const struct string_list *list, const char *where)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *path = list->item[i];
		if (path[0] != '/' || path[1] == '\0' || !path_is_clean(path))
			find_value(finder, path, at(finder, "%s[%zu]", where, i), "%s is not an absolute clean path",
				   quote(finder, path));
	}
}

void judge_masked_path_invalid(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (!linux_)
		return;
	find_invalid(finder, &linux_->masked_paths, "linux.maskedPaths");
	find_invalid(finder, &linux_->readonly_paths, "linux.readonlyPaths");
}
