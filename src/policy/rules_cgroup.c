/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_cgroup.c - the container's place in the cgroup tree, and its name.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

/* slice:prefix:name, as engines write it for systemd: a name of a unit, never a path. */
static const char *complaint_about_unit(const char *path)
{
	const char *first = strchr(path, ':');
	const char *second = strchr(first + 1, ':');

	if (!second || !second[1] || strchr(second + 1, ':'))
		return "is not slice:prefix:name";
	if (strchr(path, '/') || strstr(path, ".."))
		return "holds \"/\" or \"..\"";
	if (first - path < 6 || strncmp(first - 6, ".slice", 6) != 0)
		return "does not begin with a slice";
	return NULL;
}

void judge_cgroups_path_escape(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;
	const char *path = linux_ ? linux_->cgroups_path : NULL;
	const char *complaint = NULL;

	if (!path || !*path)
		return;
	if (str_has_control(path))
		complaint = "holds control characters";
	else if (path[0] != '/' && strchr(path, ':'))
		complaint = complaint_about_unit(path);
	else if (path_has_dotdot(path))
		complaint = "holds \"..\"";
	else if (strstr(path, "//"))
		complaint = "holds \"//\"";
	if (complaint)
		find(finder, "linux.cgroupsPath", "%s %s", quote(finder, path), complaint);
}

/* ---- a place that is somebody else's ---- */

static bool is_unit(const char *name)
{
	return str_ends(name, ".slice") || str_ends(name, ".service") || str_ends(name, ".scope");
}

static const char *complaint_about_place(const struct judged *judged, const char *path)
{
	const char *clean = cgroup_path_of(judged);
	const char *name = strrchr(path, ':');

	/* Without a prefix the name is that of a unit. */
	if (!clean)
		return name && name > path && name[-1] == ':' && is_unit(name + 1) ? "names a unit of the host" : NULL;
	if (str_equal(clean, "/"))
		return "is the cgroup of the whole host";
	return is_unit(clean) ? "is a unit of the host" : NULL;
}

static void judge_use(struct finder *finder, const char *path)
{
	const char *clean = cgroup_path_of(finder->judged);

	if (!clean || path_has_dotdot(clean))
		return;
	if (finder->judged->config_only) {
		cannot_judge(finder, "linux.cgroupsPath", "no look at the host's cgroups");
		return;
	}
	enum cgroup_use use = finder->judged->bundle ? cgroup_use(finder->judged, clean) : CGROUP_FREE;
	if (use == CGROUP_USED)
		find_value(finder, clean, "linux.cgroupsPath", "%s has processes already and is not delegated",
			   quote(finder, path));
	else if (use == CGROUP_UNKNOWN)
		cannot_judge(finder, "linux.cgroupsPath", "%s cannot be looked at", quote(finder, path));
}

void judge_cgroups_path_system(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;
	const char *path = linux_ ? linux_->cgroups_path : NULL;

	if (!path || !*path)
		return;
	const char *complaint = complaint_about_place(finder->judged, path);
	if (complaint)
		find_value(finder, path, "linux.cgroupsPath", "%s %s", quote(finder, path), complaint);
	else
		judge_use(finder, path);
}

static void judge_name(struct finder *finder, const char *where, const char *name)
{
	enum { NAME_LENGTH = 64 }; /* __NEW_UTS_LEN */

	if (!name || !*name)
		return;
	if (!namespace_of(finder->judged->config, "uts"))
		find(finder, where, "%s without a uts namespace would rename the host", quote(finder, name));
	if (strlen(name) > NAME_LENGTH)
		find(finder, where, "longer than %d bytes", NAME_LENGTH);
	if (strchr(name, '/') || str_has_control(name))
		find(finder, where, "%s holds \"/\" or control characters", quote(finder, name));
}

void judge_hostname_without_uts(struct finder *finder)
{
	judge_name(finder, "hostname", finder->judged->config->hostname);
	judge_name(finder, "domainname", finder->judged->config->domainname);
}

void judge_intel_rdt(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && linux_->intel_rdt)
		find(finder, "linux.intelRdt", "a class of service of the host's processors");
}

void judge_memory_policy(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && linux_->memory_policy)
		find(finder, "linux.memoryPolicy", "chooses the memory nodes of the host");
}

void judge_personality(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;
	const struct config_personality *personality = linux_ ? linux_->personality : NULL;

	if (!personality)
		return;
	if (personality->flags.count)
		find_value(finder, *personality->flags.item, "linux.personality.flags", "turns off protections");
	if (personality->domain && !str_equal(personality->domain, "LINUX") &&
	    !str_equal(personality->domain, "LINUX32"))
		find_value(finder, personality->domain, "linux.personality.domain", "%s is an old system's",
			   quote(finder, personality->domain));
}

void harden_personality(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->linux_->personality = NULL;
}
