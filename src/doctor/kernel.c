/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.c - what the kernel can do.
 *
 * A call is asked for with arguments that it must refuse: ENOSYS, or the errno of an older version, is then the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/doctor_look.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { OLDEST_MAJOR = 5, OLDEST_MINOR = 14, LANDLOCK_VERSION = 1 };

static const char newer_kernel[] = "hrun needs Linux 5.14 or newer; boot a newer kernel";

static const char *errno_word(int errnum)
{
	const char *name = strerrorname_np(errnum);

	return name ? name : "unknown error";
}

/* Than the one of these numbers, or that one. */
static bool is_newer(unsigned long than_major, unsigned long than_minor)
{
	struct utsname name;
	char *end;

	uname(&name);
	unsigned long major = strtoul(name.release, &end, 10), minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major > than_major || (major == than_major && minor >= than_minor);
}

static void say_version(struct doctor *doctor)
{
	struct utsname name;

	uname(&name);
	doctor_say(doctor, "kernel.version", is_newer(OLDEST_MAJOR, OLDEST_MINOR) ? DOCTOR_OK : DOCTOR_FAIL,
		   newer_kernel, "Linux %s", name.release);
}

static void say_errno(struct doctor *doctor, const char *id, int errnum, enum doctor_status if_not, const char *remedy,
		      const char *what)
{
	if (errnum == 0)
		doctor_say(doctor, id, DOCTOR_OK, NULL, "%s", what);
	else
		doctor_say(doctor, id, if_not, remedy, "%s: %s", what, errno_word(errnum));
}

static int try_openat2(void)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	autofd int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how);

	return fd < 0 ? errno : 0;
}

/* With a cgroup that no process can have open: a kernel that knows the flag says EBADF, and nothing is made. */
static int try_clone_into_cgroup(void)
{
	struct clone_args args;

	memset(&args, 0, sizeof args);
	args.flags = CLONE_INTO_CGROUP;
	args.exit_signal = SIGCHLD;
	args.cgroup = INT_MAX;
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		_exit(0);
	return errno == EBADF ? 0 : errno;
}

static int try_pidfd(void)
{
	autofd int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	return fd < 0 ? errno : 0;
}

static int try_close_range(void)
{
	return syscall(SYS_close_range, INT_MAX, INT_MAX, 0U) < 0 ? errno : 0;
}

/* A kernel without keys has none to share; a filter that forbids the call lets no container start. */
static int try_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0 && errno == EPERM ? EPERM
													     : 0;
}

static const char *missing_seccomp(void)
{
	const __u32 notify = SECCOMP_RET_USER_NOTIF, kill = SECCOMP_RET_KILL_PROCESS;
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) < 0)
		return "filters";
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) < 0 && errno != EFAULT)
		return "filters for all threads";
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &notify) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return "agents (SCMP_ACT_NOTIFY)";
	return NULL;
}

static void say_seccomp(struct doctor *doctor)
{
	const char *missing = missing_seccomp();
	bool agents_only = missing && str_starts(missing, "agents");

	if (!missing)
		doctor_say(doctor, "kernel.seccomp", DOCTOR_OK, NULL, "seccomp with threads and agents");
	else
		doctor_say(doctor, "kernel.seccomp", agents_only ? DOCTOR_WARN : DOCTOR_FAIL,
			   "use a kernel with CONFIG_SECCOMP_FILTER, and no outer filter that forbids seccomp(2)",
			   "seccomp lacks %s: %s", missing, errno_word(errno));
}

static void say_landlock(struct doctor *doctor)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);

	if (abi > 0)
		doctor_say(doctor, "kernel.landlock", DOCTOR_OK, NULL, "Landlock ABI %ld", abi);
	else
		doctor_say(doctor, "kernel.landlock", DOCTOR_WARN,
			   "hrun-image and hrun-tree have one wall less; boot with landlock in lsm=", "no Landlock: %s",
			   errno_word(errno));
}

static void say_namespaces(struct doctor *doctor)
{
	static const char *const names[] = {"mnt", "pid", "ipc", "uts", "net", "cgroup", "user"};
	const char *missing = "";

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (access(pool_printf(doctor->pool, "/proc/self/ns/%s", names[i]), F_OK) < 0)
			missing = pool_printf(doctor->pool, "%s %s", missing, names[i]);
	}
	if (*missing)
		doctor_say(doctor, "kernel.namespaces", DOCTOR_FAIL,
			   "use a kernel that has them, and a /proc that shows them", "no namespaces of type%s",
			   missing);
	else
		doctor_say(doctor, "kernel.namespaces", DOCTOR_OK, NULL, "mount, pid, ipc, uts, network, cgroup, user");
	bool has_time = access("/proc/self/ns/time", F_OK) == 0;
	doctor_say(doctor, "kernel.time-namespaces", has_time ? DOCTOR_OK : DOCTOR_WARN,
		   "configs with linux.timeOffsets are refused; use a kernel with CONFIG_TIME_NS", "time namespaces%s",
		   has_time ? "" : ": none");
}

/* A program that allows everything, loaded and forgotten: attached nowhere. */
static int try_device_filter(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.insn_cnt = sizeof program / sizeof *program;
	attr.license = (uint64_t)(uintptr_t) "";
	autofd int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);
	return fd < 0 ? errno : 0;
}

static void say_device_filter(struct doctor *doctor)
{
	static const char id[] = "kernel.device-filter";

	if (geteuid() != 0)
		doctor_say(doctor, id, DOCTOR_NONE, NULL, "device filters: an ordinary user's containers have none");
	else if (!proc_in_first_user_namespace())
		doctor_say(doctor, id, DOCTOR_NONE, NULL,
			   "device filters: the kernel takes none from a user namespace");
	else
		say_errno(doctor, id, try_device_filter(), DOCTOR_FAIL,
			  "use a kernel with CONFIG_CGROUP_BPF, and allow bpf(2) where an outer container forbids it",
			  "device filters of cgroups");
}

/* Looked up and not tried: that would load the module. */
static void say_overlay(struct doctor *doctor)
{
	enum { FILE_SYSTEMS_MAX = 16384 };
	size_t size;
	int error;
	const char *text = doctor_read(doctor->pool, "/proc/filesystems", FILE_SYSTEMS_MAX, &size, &error);
	bool known = text && doctor_has_word(text, "overlay");

	doctor_say(doctor, "kernel.overlay", known ? DOCTOR_OK : DOCTOR_NONE, NULL, "overlay%s",
		   known ? "" : " is not loaded; engines load it when they mount the first image");
}

/* The same: whether this kernel mounts EROFS files, which a bundle's root may be. */
static void say_erofs(struct doctor *doctor)
{
	enum { FILE_SYSTEMS_MAX = 16384, MAJOR = 6, MINOR = 12 };
	size_t size;
	int error;
	const char *text = doctor_read(doctor->pool, "/proc/filesystems", FILE_SYSTEMS_MAX, &size, &error);
	bool known = text && doctor_has_word(text, "erofs");

	if (!is_newer(MAJOR, MINOR))
		doctor_say(doctor, "kernel.erofs", DOCTOR_NONE, NULL,
			   "EROFS files as roots of bundles take Linux 6.12; directories do without");
	else
		doctor_say(
			doctor, "kernel.erofs", known ? DOCTOR_OK : DOCTOR_NONE, NULL, "erofs%s",
			known ? ""
			      : ", is not loaded; the first bundle with such a root loads it, if this kernel has it");
}

static void say_trials(struct doctor *doctor, const int errnum[TRIALS])
{
	static const char *const ids[TRIALS] = {
		[TRIAL_MOUNT_API] = "kernel.mount-api",
		[TRIAL_MOUNT_SETATTR] = "kernel.mount-setattr",
		[TRIAL_IDMAP] = "kernel.idmapped-mounts",
	};
	static const char *const whats[TRIALS] = {
		[TRIAL_MOUNT_API] = "fsopen, fsconfig and fsmount",
		[TRIAL_MOUNT_SETATTR] = "mount_setattr, recursive",
		[TRIAL_IDMAP] = "mounts that show mapped ids",
	};

	for (int i = TRIAL_MOUNT_API; i <= TRIAL_IDMAP; i++) {
		bool optional = i == TRIAL_IDMAP;
		if (errnum[i] == TRIAL_UNKNOWN)
			doctor_say(doctor, ids[i], DOCTOR_WARN,
				   "ask again as root; an ordinary user needs user namespaces for it",
				   "%s: this could not be tried", whats[i]);
		else
			say_errno(
				doctor, ids[i], errnum[i], optional ? DOCTOR_WARN : DOCTOR_FAIL,
				optional
					? "volumes of containers with user namespaces need another file system or Linux 6.3"
					: newer_kernel,
				whats[i]);
	}
}

static const char *user_namespace_remedy(struct pool *pool)
{
	const char *max = doctor_word(pool, "/proc/sys/user/max_user_namespaces");
	const char *debian = doctor_word(pool, "/proc/sys/kernel/unprivileged_userns_clone");
	const char *apparmor = doctor_word(pool, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");

	if (max && str_equal(max, "0"))
		return "sysctl -w user.max_user_namespaces=15000";
	if (debian && str_equal(debian, "0"))
		return "sysctl -w kernel.unprivileged_userns_clone=1";
	if (apparmor && !str_equal(apparmor, "0"))
		return "give hrun and the engine an AppArmor profile with `userns,`, or "
		       "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
	return "allow user namespaces to this user";
}

/* Root can do without: containers need them only where they ask, and the programs under libexec have walls beside them. */
static void say_user_namespaces(struct doctor *doctor, int errnum)
{
	const char *remedy = user_namespace_remedy(doctor->pool);

	if (errnum == TRIAL_UNKNOWN)
		doctor_say(doctor, "kernel.user-namespaces", DOCTOR_WARN, remedy,
			   "user namespaces: this could not be tried");
	else
		say_errno(doctor, "kernel.user-namespaces", errnum, geteuid() == 0 ? DOCTOR_WARN : DOCTOR_FAIL, remedy,
			  "user namespaces");
}

void doctor_kernel(struct doctor *doctor)
{
	int errnum[TRIALS];

	doctor_try(errnum);
	say_version(doctor);
	say_errno(doctor, "kernel.openat2", try_openat2(), DOCTOR_FAIL, newer_kernel, "openat2");
	say_errno(doctor, "kernel.clone-into-cgroup", try_clone_into_cgroup(), DOCTOR_FAIL, newer_kernel,
		  "clone3 into a cgroup");
	say_errno(doctor, "kernel.pidfd", try_pidfd(), DOCTOR_FAIL, newer_kernel, "pidfd_open");
	say_errno(doctor, "kernel.close-range", try_close_range(), DOCTOR_FAIL, newer_kernel, "close_range");
	say_trials(doctor, errnum);
	say_namespaces(doctor);
	say_user_namespaces(doctor, errnum[TRIAL_USER_NAMESPACE]);
	say_seccomp(doctor);
	say_errno(
		doctor, "kernel.keyring", try_keyring(), DOCTOR_FAIL,
		"let the filter over this machine's system calls allow keyctl (systemd-nspawn: --system-call-filter=keyctl)",
		"session keyrings");
	say_landlock(doctor);
	say_device_filter(doctor);
	say_overlay(doctor);
	say_erofs(doctor);
}
