/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_hooks.c - programs of the host that a config may have run.
 *
 * Judged by the file that is there (look_hooks.c); that file and no other is executed, at once or by later
 * commands.  startContainer hooks are the image's own, run behind the walls: whoever made the image may change them.
 */
#include <errno.h>
#include <hrun/engine_paths.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>

/* One hook with all that a rule asks of it. */
struct subject {
	enum hook_kind kind;
	size_t index;
	const struct config_hook *hook;
	const struct hook_look *look; /* NULL: nothing is looked at */
	const char *where;	      /* "hooks.poststop[2]" */
};

static void for_each_hook(struct finder *finder, void (*judge)(struct finder *, const struct subject *))
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		const struct config_hook_list *list = &finder->judged->config->hooks[kind];
		const struct hook_look *looks = finder->judged->hooks[kind];
		for (size_t i = 0; i < list->count; i++) {
			const struct subject subject = {
				.kind = (enum hook_kind)kind,
				.index = i,
				.hook = &list->item[i],
				.look = looks ? &looks[i] : NULL,
				.where = at(finder, "hooks.%s[%zu]", spec_hook_kind_name((enum hook_kind)kind), i),
			};
			judge(finder, &subject);
		}
	}
}

static const char *path_place(const struct finder *finder, const struct subject *s)
{
	return at(finder, "%s.path", s->where);
}

static void complain(struct finder *finder, const struct subject *s, const char *complaint)
{
	find_value(finder, s->hook->path, path_place(finder, s), "%s %s", quote(finder, s->hook->path), complaint);
}

static bool is_missing(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR;
}

/* ---- hook-path-invalid ---- */

/* A mount may put a file of the image there later: only what is there is judged. */
static const char *complaint_about_file(const struct subject *s)
{
	if (s->look->errnum)
		return is_missing(s->look->errnum) && s->kind != HOOK_START_CONTAINER ? "is not there" : NULL;
	if (!S_ISREG(s->look->file.st_mode))
		return "is not a regular file";
	return s->look->file.st_mode & 0111 ? NULL : "is not executable";
}

static void judge_path(struct finder *finder, const struct subject *s)
{
	const char *path = s->hook->path;
	const char *complaint = path[0] != '/'		? "is not absolute"
				: path_has_dotdot(path) ? "holds \"..\""
				: s->look		? complaint_about_file(s)
							: NULL;

	if (complaint)
		complain(finder, s, complaint);
	else if (finder->judged->config_only || (s->look && s->look->errnum && !is_missing(s->look->errnum)))
		cannot_judge(finder, path_place(finder, s), "%s cannot be looked at (%s)", quote(finder, path),
			     s->look ? strerrorname_np(s->look->errnum) : "");
	if (s->hook->timeout.set && s->hook->timeout.value <= 0)
		find(finder, at(finder, "%s.timeout", s->where), "%lld is not above 0",
		     (long long)s->hook->timeout.value);
}

void judge_hook_path_invalid(struct finder *finder)
{
	for_each_hook(finder, judge_path);
}

/* ---- hook-in-bundle ---- */

static bool is_anybodys(const char *path)
{
	static const char *const places[] = {"/tmp", "/var/tmp", "/dev/shm", "/home", "/run/user"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (path_is_below(path, places[i]))
			return true;
	}
	return false;
}

static bool is_below_bundle(const struct judged *judged, const char *path)
{
	const struct bundle *bundle = judged->bundle;

	return bundle &&
	       (path_is_below(path, bundle->path) || (bundle->rootfs_path && path_is_below(path, bundle->rootfs_path)));
}

/* What containers write to lies below the directories of their engine, and its owner there is root. */
static bool is_containers(const struct judged *judged, const char *path)
{
	size_t count;
	const struct engine_root *fixed = engine_fixed_roots(&count);

	for (enum engine engine = 0; engine < ENGINE_OTHER; engine++) {
		struct string_list roots = engine_roots(judged->policy, engine);
		for (size_t i = 0; i < roots.count; i++) {
			if (path_meets(path, roots.item[i]) == PATH_WITHIN)
				return true;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (!strchr(fixed[i].root, '{') && path_meets(path, fixed[i].root) == PATH_WITHIN)
			return true;
	}
	return false;
}

static bool is_strangers(const struct judged *judged, const char *path)
{
	return is_below_bundle(judged, path) || is_anybodys(path) || is_containers(judged, path);
}

/* As it is written and as it is: both count. */
static void judge_place(struct finder *finder, const struct subject *s)
{
	const char *clean = path_clean(finder->judged->pool, s->hook->path);
	const char *real = s->look && s->look->real ? s->look->real : clean;

	if (s->kind == HOOK_START_CONTAINER)
		return;
	if ((s->look && s->look->in_bundle) || is_below_bundle(finder->judged, clean) ||
	    is_below_bundle(finder->judged, real))
		complain(finder, s, "lies inside the bundle");
	else if (is_anybodys(clean) || is_anybodys(real))
		complain(finder, s, "lies where users write");
	else if (is_containers(finder->judged, clean) || is_containers(finder->judged, real))
		complain(finder, s, "lies where an engine keeps what containers write");
	else if (finder->judged->config_only)
		cannot_judge(finder, path_place(finder, s), "where it leads was not looked at");
}

void judge_hook_in_bundle(struct finder *finder)
{
	for_each_hook(finder, judge_place);
}

/* ---- hook-writable ---- */

static void judge_owners(struct finder *finder, const struct subject *s)
{
	const struct hook_look *look = s->look;

	if (s->kind == HOOK_START_CONTAINER)
		return;
	if (!look && finder->judged->config_only)
		cannot_judge(finder, path_place(finder, s), "whose file it is was not looked at");
	if (!look || look->errnum)
		return;
	if (look->changeable)
		complain(finder, s, at(finder, "can be changed by others than root: %s", look->changeable));
	else if (look->walk_errnum)
		cannot_judge(finder, path_place(finder, s), "who may change %s cannot be found out (%s)",
			     quote(finder, s->hook->path), strerrorname_np(look->walk_errnum));
}

void judge_hook_writable(struct finder *finder)
{
	for_each_hook(finder, judge_owners);
}

/* ---- hook-shell ---- */

/* A second name of one that does, or a mount of it, is the same program. */
static const char *other_name(const struct hook_look *look)
{
	static const char *const usual[] = {"/bin/sh",	     "/bin/bash",	 "/bin/busybox",  "/usr/bin/env",
					    "/usr/bin/perl", "/usr/bin/python3", "/proc/self/exe"};
	struct stat st;

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
		if (stat(usual[i], &st) == 0 && fd_is_same_stat(&st, &look->file))
			return usual[i];
	}
	return NULL;
}

static void judge_program(struct finder *finder, const struct subject *s)
{
	const struct hook_look *look = s->look && !s->look->errnum ? s->look : NULL;
	const char *clean = path_clean(finder->judged->pool, s->hook->path);
	const char *other = look ? other_name(look) : NULL;

	if (hook_runs_text(clean))
		complain(finder, s, "runs whatever its arguments say");
	else if (look && look->real && hook_runs_text(look->real))
		complain(finder, s, at(finder, "is %s, which runs whatever its arguments say", look->real));
	else if (other)
		complain(finder, s, at(finder, "is %s, which runs whatever its arguments say", other));
	else if (finder->judged->config_only)
		cannot_judge(finder, path_place(finder, s), "which program it is was not looked at");
}

void judge_hook_shell(struct finder *finder)
{
	for_each_hook(finder, judge_program);
}

/* ---- hook-env-loader ---- */

/* Where a script looks for the programs that it calls by their names only. */
static const char *strangers_directory(const struct finder *finder, const char *list)
{
	for (;;) {
		size_t length = strcspn(list, ":");
		const char *directory = pool_strndup(finder->judged->pool, list, length);
		if (*directory != '/' || path_has_dotdot(directory) ||
		    is_strangers(finder->judged, path_clean(finder->judged->pool, directory)))
			return directory;
		if (!list[length])
			return NULL;
		list += length + 1;
	}
}

static void judge_env(struct finder *finder, const struct subject *s)
{
	for (size_t i = 0; i < s->hook->env.count; i++) {
		const char *entry = s->hook->env.item[i];
		const char *name = pool_strndup(finder->judged->pool, entry, strcspn(entry, "="));
		if (hook_is_loader_variable(name))
			find_value(finder, name, at(finder, "%s.env[%zu]", s->where, i),
				   "%s makes the hook load other code", quote(finder, name));
		const char *directory =
			str_equal(name, "PATH") && entry[4] == '=' ? strangers_directory(finder, entry + 5) : NULL;
		if (directory)
			find_value(finder, name, at(finder, "%s.env[%zu]", s->where, i),
				   "PATH leads to %s, where others than root put programs", quote(finder, directory));
	}
}

void judge_hook_env_loader(struct finder *finder)
{
	for_each_hook(finder, judge_env);
}

/* ---- hook-not-allowed ---- */

static void judge_allowed(struct finder *finder, const struct subject *s)
{
	if (!s->look || !hook_is_allowed(finder->judged, s->hook->path, s->look))
		complain(finder, s, "with this content is not in allow.hooks of the policy file");
}

/* At exec the hooks have run, or wait in the record as they were judged. */
void judge_hook_not_allowed(struct finder *finder)
{
	if (finder->judged->bundle || finder->judged->config_only)
		for_each_hook(finder, judge_allowed);
}

void judge_hook_start_container(struct finder *finder)
{
	if (finder->judged->config->hooks[HOOK_START_CONTAINER].count)
		find(finder, "hooks.startContainer", "runs files of the image before the program");
}

/* ---- hook-timeout ---- */

/* The finding carries the seconds to its repair, which knows no policy. */
static void judge_timeout(struct finder *finder, const struct subject *s)
{
	enum { BUILT_IN_SECONDS = 30 };
	int64_t given = finder->judged->policy->defaults.hook_timeout;
	int64_t seconds = given > 0 && given <= INT32_MAX ? given : BUILT_IN_SECONDS;

	if (!s->hook->timeout.set)
		find_item(finder, (size_t)seconds, s->hook->path, at(finder, "%s.timeout", s->where),
			  "absent: a hook that hangs would hang the start; it gets %lld s", (long long)seconds);
}

void judge_hook_timeout(struct finder *finder)
{
	for_each_hook(finder, judge_timeout);
}

void harden_hook_timeout(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool;
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; i < config->hooks[kind].count; i++) {
			if (!config->hooks[kind].item[i].timeout.set)
				config->hooks[kind].item[i].timeout =
					(struct opt_i64){.set = true, .value = (int64_t)finding->index};
		}
	}
}
