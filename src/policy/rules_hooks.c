/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_hooks.c - programs of the host that a config may have run, and keys that
 * would choose the judge.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <sys/stat.h>

/* startContainer hooks live in the image, and a mount may put them there later: only what is there is judged. */
static const char *complaint_about_file(const struct judged *judged, enum hook_kind kind, const char *path)
{
	bool inside = kind == HOOK_START_CONTAINER;
	struct stat st;
	struct err e;

	/* Without a bundle this is exec: the container is there, and what it was made of may be gone. */
	if (!judged->bundle || (inside && judged->bundle->rootfs < 0))
		return NULL;
	autofd int fd = inside ? path_open_in_root(judged->bundle->rootfs, path, &e) : open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return inside ? NULL : "is not there";
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "is not a regular file";
	return st.st_mode & 0111 ? NULL : "is not executable";
}

static void judge_hook(struct finder *finder, enum hook_kind kind, size_t i)
{
	const struct config_hook *hook = &finder->judged->config->hooks[kind].item[i];
	const char *where = at(finder, "hooks.%s[%zu]", spec_hook_kind_name(kind), i);
	const char *complaint;

	if (!hook->path || hook->path[0] != '/')
		complaint = "is not absolute";
	else if (path_has_dotdot(hook->path))
		complaint = "holds \"..\"";
	else
		complaint = complaint_about_file(finder->judged, kind, hook->path);
	if (complaint)
		find(finder, at(finder, "%s.path", where), "%s %s", quote(finder, hook->path ? hook->path : ""),
		     complaint);
	if (hook->timeout.set && hook->timeout.value <= 0)
		find(finder, at(finder, "%s.timeout", where), "%lld is not above 0", (long long)hook->timeout.value);
}

void judge_hook_path_invalid(struct finder *finder)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; i < finder->judged->config->hooks[kind].count; i++)
			judge_hook(finder, (enum hook_kind)kind, i);
	}
}

void judge_hook_timeout(struct finder *finder)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		const struct config_hook_list *list = &finder->judged->config->hooks[kind];
		for (size_t i = 0; i < list->count; i++) {
			if (!list->item[i].timeout.set)
				find(finder,
				     at(finder, "hooks.%s[%zu].timeout", spec_hook_kind_name((enum hook_kind)kind), i),
				     "absent: a hook that hangs would hang the start");
		}
	}
}

void harden_hook_timeout(struct pool *pool, struct config *config, const struct finding *finding)
{
	enum { TIMEOUT_SECONDS = 30 };

	(void)pool, (void)finding;
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; i < config->hooks[kind].count; i++) {
			if (!config->hooks[kind].item[i].timeout.set)
				config->hooks[kind].item[i].timeout =
					(struct opt_i64){.set = true, .value = TIMEOUT_SECONDS};
		}
	}
}

/* The judged document must not choose its judge. */
void judge_annotation_policy_override(struct finder *finder)
{
	const struct string_map *annotations = &finder->judged->config->annotations;

	for (size_t i = 0; i < annotations->count; i++) {
		const char *key = annotations->item[i].key;
		if (str_starts(key, "io.hrun.") || str_starts(key, "org.hrun."))
			find(finder, at_key(finder, "annotations", key), "%s would choose its own policy",
			     quote(finder, key));
	}
}
