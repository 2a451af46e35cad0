/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - which cgroup hierarchy there is, what can be limited in it, and who may make cgroups.
 */
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/doctor_look.h>
#include <hrun/fd.h>
#include <hrun/libexec.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { TEXT_MAX = 4096 };

/* A small file of the hierarchy; NULL where it cannot be read. */
static const char *read_at(struct pool *pool, int dir, const char *name)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = pool_alloc(pool, TEXT_MAX);

	if (fd < 0 || fd_read_all(fd, text, TEXT_MAX - 1) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void say_mode(struct doctor *doctor, int cgroup, const char *mountpoint)
{
	static const char remedy[] = "hrun limits by cgroup v2 only; boot with systemd.unified_cgroup_hierarchy=1 "
				     "cgroup_no_v1=all";

	if (cgroup < 0)
		doctor_say(doctor, "cgroup.mode", DOCTOR_FAIL, remedy, "no cgroup2 at %s or %s/unified", mountpoint,
			   mountpoint);
	else if (str_ends(mountpoint, "/unified"))
		doctor_say(doctor, "cgroup.mode", DOCTOR_WARN, remedy,
			   "hybrid: cgroup2 at %s, without the controllers that cgroup v1 has", mountpoint);
	else
		doctor_say(doctor, "cgroup.mode", DOCTOR_OK, NULL, "unified at %s", mountpoint);
}

static const char *missing_of(struct pool *pool, const char *controllers)
{
	static const char *const wanted[] = {"cpu", "cpuset", "io", "memory", "pids"};
	const char *missing = "";

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		if (!doctor_has_word(controllers, wanted[i]))
			missing = pool_printf(pool, "%s %s", missing, wanted[i]);
	}
	return missing;
}

static void say_controllers(struct doctor *doctor, const char *id, const char *whose, const char *controllers,
			    const char *remedy)
{
	const char *missing = missing_of(doctor->pool, controllers);

	if (*missing)
		doctor_say(doctor, id, DOCTOR_WARN, remedy, "%s lacks%s; it has %s", whose, missing,
			   *controllers ? controllers : "none");
	else
		doctor_say(doctor, id, DOCTOR_OK, NULL, "%s: %s", whose, controllers);
}

static const char delegated[] = "cgroup.delegated";

/* The controllers of the cgroup at PATH ("/a/b"), where this user may make others; NULL where he may not. */
static const char *delegated_at(struct pool *pool, int cgroup, const char *path)
{
	autofd int dir = path_open_beneath(cgroup, path[1] ? path + 1 : ".");

	if (dir < 0 || faccessat(dir, "cgroup.procs", W_OK, 0) < 0 || faccessat(dir, ".", W_OK, 0) < 0)
		return NULL;
	return read_at(pool, dir, "cgroup.controllers");
}

/* A log-in session's own cgroup is root's, but its systemd has others to give. */
static void say_users(struct doctor *doctor, int cgroup)
{
	static const char remedy[] =
		"log in with a systemd user session; as root systemctl edit user@.service, and there [Service] "
		"Delegate=cpu cpuset io memory pids; without systemd root may give this user a cgroup by chown";
	struct pool *pool = doctor->pool;
	const unsigned int uid = (unsigned int)geteuid();
	char own[PATH_MAX] = "/";
	bool is_seen = cgroup2_own_path(own, sizeof own) >= 0;
	const char *controllers = is_seen ? delegated_at(pool, cgroup, own) : NULL;

	if (controllers) {
		say_controllers(doctor, delegated, "your own cgroup", controllers, remedy);
		return;
	}
	if (doctor->asked->systemd && doctor->asked->users_systemd)
		controllers = delegated_at(pool, cgroup,
					   pool_printf(pool, "/user.slice/user-%u.slice/user@%u.service", uid, uid));
	if (controllers)
		say_controllers(doctor, delegated,
				"your systemd's cgroup (by hand: systemd-run --user --scope hrun ...)", controllers,
				remedy);
	else
		doctor_say(doctor, delegated, DOCTOR_WARN, remedy, "this user may not make cgroups below %s",
			   is_seen ? own : "its own, which is not in sight");
}

/* Root makes cgroups anywhere, but in an engine's user namespace; anybody else where a session manager gave him the directory. */
static void say_delegated(struct doctor *doctor, int cgroup)
{
	struct statvfs fs;

	if (geteuid() != 0)
		return say_users(doctor, cgroup);
	if (fstatvfs(cgroup, &fs) < 0 || (fs.f_flag & ST_RDONLY))
		doctor_say(doctor, delegated, DOCTOR_FAIL, "mount cgroup2 writable, in a cgroup namespace of its own",
			   "the hierarchy is read-only");
	else if (faccessat(cgroup, ".", W_OK, 0) == 0)
		doctor_say(doctor, delegated, DOCTOR_OK, NULL, "root may make cgroups");
	else
		say_users(doctor, cgroup);
}

static const char *no_user_systemd(struct pool *pool)
{
	unsigned int uid = (unsigned int)geteuid();

	/* Who is root in a user namespace is somebody else outside, and whom loginctl means there is not known here. */
	if (uid == 0)
		return "call hrun with the XDG_RUNTIME_DIR of the user outside of this user namespace, or set the "
		       "engine's cgroup manager to cgroupfs";
	return pool_printf(pool,
			   "loginctl enable-linger %u (as root), and export XDG_RUNTIME_DIR=/run/user/%u; or set the "
			   "engine's cgroup manager to cgroupfs",
			   uid, uid);
}

/* Where systemd runs, engines ask for its driver unless they are told not to. */
static void say_systemd(struct doctor *doctor)
{
	static const char id[] = "cgroup.systemd", cgroupfs[] = "set the engine's cgroup manager to cgroupfs";
	struct err e = {0};

	if (access("/run/systemd/system", F_OK) < 0) {
		doctor_say(doctor, id, DOCTOR_NONE, NULL, "systemd does not run here");
		return;
	}
	const struct doctor_asked *asked = doctor->asked;
	autofd int scope = libexec_find("hrun-scope", NULL, &e);
	if (scope < 0)
		doctor_say(doctor, id, DOCTOR_WARN, cgroupfs, "systemd runs, and hrun has not its cgroup driver");
	else if (asked->systemd)
		doctor_say(doctor, id, DOCTOR_OK, NULL, "hrun asks %s systemd, which listens at %s",
			   asked->users_systemd ? "this user's" : "the machine's", asked->systemd);
	else
		doctor_say(doctor, id, DOCTOR_WARN, asked->users_systemd ? no_user_systemd(doctor->pool) : cgroupfs,
			   "systemd runs, but %s does not listen where hrun looks",
			   asked->users_systemd ? "this user's own" : "it");
}

void doctor_cgroup(struct doctor *doctor)
{
	const char *mountpoint;
	autofd int cgroup = cgroup2_open(&mountpoint);

	say_mode(doctor, cgroup, mountpoint);
	if (cgroup >= 0) {
		const char *controllers = read_at(doctor->pool, cgroup, "cgroup.controllers");
		say_controllers(doctor, "cgroup.controllers", "cgroup2", controllers ? controllers : "",
				"limits of these are refused; take the controllers from cgroup v1 (cgroup_no_v1=all), "
				"or build them into the kernel");
		say_delegated(doctor, cgroup);
	}
	say_systemd(doctor);
}
