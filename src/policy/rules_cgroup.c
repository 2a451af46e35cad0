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

	if (!second || strchr(second + 1, ':'))
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
