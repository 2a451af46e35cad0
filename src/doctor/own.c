/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own.c - hrun's own files: the program, what lies under libexec, the policy files, the places where it keeps things.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/container.h>
#include <hrun/doctor_look.h>
#include <hrun/fd.h>
#include <hrun/filter_cache.h>
#include <hrun/image.h>
#include <hrun/image_request.h>
#include <hrun/libexec.h>
#include <hrun/policy.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void say_program(struct doctor *doctor)
{
	char path[PATH_MAX] = "";
	struct stat st;
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

	if (length < 0 || stat("/proc/self/exe", &st) < 0)
		doctor_say(doctor, "hrun.program", DOCTOR_FAIL, "mount a procfs on /proc",
			   "/proc does not show hrun itself");
	else if (geteuid() == 0 && !doctor_is_roots(&st))
		doctor_say(doctor, "hrun.program", DOCTOR_WARN,
			   "who can change this file is root; chown root it and chmod go-w",
			   "hrun %s at %s belongs to uid %u, mode %04o", HRUN_VERSION, path, (unsigned int)st.st_uid,
			   (unsigned int)(st.st_mode & 07777));
	else
		doctor_say(doctor, "hrun.program", DOCTOR_OK, NULL, "hrun %s at %s", HRUN_VERSION, path);
}

static void say_libexec(struct doctor *doctor)
{
	static const struct {
		const char *id, *name, *without;
	} programs[] = {
		{"hrun.hrun-image", "hrun-image", "images and signed bundles are refused"},
		{"hrun.hrun-tree", "hrun-tree", "images and signed bundles are refused"},
		{"hrun.hrun-sign", "hrun-sign", "hrun sign and hrun keygen do not work"},
		{"hrun.hrun-scope", "hrun-scope", "--systemd-cgroup does not work"},
	};
	struct err e;

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		autofd int fd = libexec_find(programs[i].name, NULL, &e);
		if (fd >= 0)
			doctor_say(doctor, programs[i].id, DOCTOR_OK, NULL, "%s is there", programs[i].name);
		else
			doctor_say(doctor, programs[i].id, DOCTOR_WARN, programs[i].without, "%s", e.text);
	}
}

static size_t count_expired(const struct policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->waiver_count; i++)
		count += policy->waivers[i].days_left < 0;
	return count;
}

/* As `hrun policy check` does it. */
static void say_policy(struct doctor *doctor, const char *id, const char *class_name)
{
	struct policy_request request = policy_request_of_caller(doctor->asked->policy, class_name);
	struct policy policy;
	struct err e = {0};

	if (policy_load_for(doctor->pool, &request, &policy, &e) < 0 ||
	    image_policy_check(doctor->pool, &policy, &e) < 0) {
		doctor_say(doctor, id, DOCTOR_FAIL, "nothing is started until this is mended; hrun policy check", "%s",
			   e.text);
		return;
	}
	const char *file = policy.path ? policy.path : "no file, the defaults hold";
	const char *level = policy_level_name(policy.level);
	const size_t expired = count_expired(&policy);
	if (policy.audit)
		doctor_say(doctor, id, DOCTOR_WARN, "remove mode audit when the reports are clean",
			   "%s: level %s, mode audit: nothing is refused", file, level);
	else if (expired > 0)
		doctor_say(doctor, id, DOCTOR_WARN, "hrun policy list-waivers",
			   "%s: level %s, %zu of %zu waivers have expired", file, level, expired, policy.waiver_count);
	else
		doctor_say(doctor, id, DOCTOR_OK, NULL, "%s: level %s, %zu waivers", file, level, policy.waiver_count);
}

/* The policy that holds for this call, then each class that has a file. */
static void say_policies(struct doctor *doctor)
{
	struct pool *pool = doctor->pool;
	size_t count;
	const char **names = doctor_names(pool, POLICY_DIRECTORY, ".json", &count);

	say_policy(doctor, "policy.file", doctor->asked->class_name);
	for (size_t i = 0; i < count && !doctor->asked->policy; i++) {
		const char *name = pool_strndup(pool, names[i], strlen(names[i]) - strlen(".json"));
		if (policy_class_valid(name) && !str_equal(name, "policy"))
			say_policy(doctor, pool_printf(pool, "policy.class.%s", name), name);
	}
}

/* By this user, with every directory above that is missing. */
static bool can_be_made(struct pool *pool, const char *path)
{
	char *above = pool_strdup(pool, path);

	for (char *slash; (slash = strrchr(above, '/')) && slash > above;) {
		*slash = '\0';
		if (faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS) == 0)
			return true;
		if (errno != ENOENT)
			return false;
	}
	return faccessat(AT_FDCWD, *path == '/' ? "/" : ".", W_OK | X_OK, AT_EACCESS) == 0;
}

static void say_state(struct doctor *doctor)
{
	const char *path = doctor->asked->root ? doctor->asked->root : container_root_default(doctor->pool);
	struct err e = {0};
	autofd int root = container_root_open(path, false, &e);

	if (root >= 0)
		doctor_say(doctor, "hrun.state-root", DOCTOR_OK, NULL, "%s", path);
	else if (root == -ENOENT && !can_be_made(doctor->pool, path))
		doctor_say(doctor, "hrun.state-root", DOCTOR_FAIL,
			   "set XDG_RUNTIME_DIR to this user's, or give --root a directory of his",
			   "%s is not there, and this user cannot make it", path);
	else if (root == -ENOENT)
		doctor_say(doctor, "hrun.state-root", DOCTOR_OK, NULL, "%s: will be made by the first container", path);
	else
		doctor_say(doctor, "hrun.state-root", DOCTOR_FAIL, "no container starts before", "%s", e.text);
}

static void say_cache(struct doctor *doctor)
{
	const char *path = doctor->asked->filter_cache;
	autofd int cache = path ? filter_cache_look(path) : -ENOTDIR;

	if (!path)
		doctor_say(doctor, "hrun.filter-cache", DOCTOR_WARN, "set XDG_RUNTIME_DIR",
			   "there is no place for compiled profiles: each start compiles its own");
	else if (cache >= 0 || cache == -ENOENT)
		doctor_say(doctor, "hrun.filter-cache", DOCTOR_OK, NULL, "%s%s", path,
			   cache >= 0 ? "" : ": will be made by the first container");
	else
		doctor_say(doctor, "hrun.filter-cache", DOCTOR_WARN,
			   "each start compiles its profile again; remove what is there, hrun makes it",
			   "%s is not a directory that is ours alone", path);
}

void doctor_own(struct doctor *doctor)
{
	say_program(doctor);
	say_libexec(doctor);
	say_policies(doctor);
	say_state(doctor);
	say_cache(doctor);
}
