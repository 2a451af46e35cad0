// SPDX-License-Identifier: Apache-2.0
/*
 * isolate.c - run a command where no bug of it can reach the machine.
 *
 *     isolate [--keep-net] [--root DIRECTORY] -- COMMAND [ARGUMENT...]
 *
 * The command gets pid, mount, cgroup, network, ipc and uts namespaces of its own; the machine's file system read-only except for the
 * working directory (/etc and /var are writable copies); a fresh /dev, /proc, /sys, /run and /tmp; and at /sys/fs/cgroup a cgroup2-only
 * view whose root holds no process.  With --root the file system is that directory, writable, and the working directory is brought along
 * (but not "/").  When it ends, everything it left behind dies with the pid namespace, and its cgroups are removed.
 *
 * The danger is propagation: a mount made before every mount of ours is private would show up on the machine.  So the child makes all
 * of them private from the true root of its mount namespace first, and mounts nothing when that fails.
 *
 * Exit status: the command's; 128+N after a signal; 77 and a reason where this machine does not allow it; 125 for another failure.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* glibc's <sys/mount.h> and the kernel's <linux/mount.h> do not go together in Debian 12. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define MNT_DETACH 2

#define PROCESS_LIMIT "8192"

enum { EXIT_SKIP = 77, EXIT_BROKEN = 125, REMOVE_TRIES = 200 };

struct options {
	bool keep_net;
	const char *root; /* NULL: the machine's own, read-only */
	char **command;
};

static pid_t child_pid; /* for the signal handler */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "isolate: %s: %s\n", what, strerror(errno));
	exit(EXIT_BROKEN);
}

/* What a machine may forbid: a skip, with the reason as the last line of the output. */
static _Noreturn void refuse(const char *what)
{
	printf("isolation is not possible here: %s: %s\n", what, strerror(errno));
	exit(EXIT_SKIP);
}

static int open_tree_clone(int dir, const char *path)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | (path[0] ? 0 : AT_EMPTY_PATH);

	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static int set_attributes(int tree, unsigned long long set, unsigned long long propagation)
{
	struct mount_attr attr = {.attr_set = set, .propagation = propagation};

	return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr));
}

static void attach(int tree, const char *path)
{
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		fail(path);
}

/* ---- the cgroup, by descriptors only: this mount is never attached anywhere ---- */

#define RUNNER "runner"

/* One more mount of the hierarchy sets its options for the whole machine, so it gets those that are there: systemd's nsdelegate. */
static void keep_options(int fs)
{
	static const char *const words[] = {"nsdelegate",
					    "favordynmods",
					    "memory_localevents",
					    "memory_recursiveprot",
					    "memory_hugetlb_accounting",
					    "pids_localevents"};
	char line[PATH_MAX * 2];
	FILE *f = fopen("/proc/self/mounts", "re");

	while (f && fgets(line, sizeof(line), f)) {
		for (size_t i = 0; strstr(line, " cgroup2 ") && i < sizeof words / sizeof *words; i++) {
			if (strstr(line, words[i]))
				syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, words[i], NULL, 0);
		}
	}
	if (f)
		fclose(f);
}

static int cgroup2_root(void)
{
	int fs = (int)syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);
	if (fs >= 0)
		keep_options(fs);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	int mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return mnt;
}

/*
 * Inside another isolate that is the leaf in which it sits (sit_in_a_leaf), which can hand nothing down: there the cgroup
 * above, whose controllers are on for what is below.
 */
static int own_cgroup(int root)
{
	static const char leaf[] = "/" RUNNER;
	char line[PATH_MAX + 8];
	char path[PATH_MAX + 8] = "";
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "0::/", 4) == 0)
			snprintf(path, sizeof(path), "./%.*s", (int)strcspn(line + 4, "\n"), line + 4);
	if (f)
		fclose(f);
	errno = ENOENT;
	if (!path[0] || strstr(path, "/../"))
		return -1;
	size_t length = strlen(path);
	if (length >= sizeof(leaf) - 1 && strcmp(path + length - (sizeof(leaf) - 1), leaf) == 0)
		path[length - (sizeof(leaf) - 1)] = '\0';
	return openat(root, path, O_DIRECTORY | O_CLOEXEC);
}

static int write_at(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

static void remove_below(int dir)
{
	DIR *d = fdopendir(dup(dir));

	for (struct dirent *entry; d && (entry = readdir(d));) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		int below = openat(dir, entry->d_name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		remove_below(below);
		close(below);
		unlinkat(dir, entry->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

/* The last zombies leave their cgroup a moment after their parent was told. */
static void remove_cgroup(int parent, const char *name)
{
	for (int i = 0; i < REMOVE_TRIES; i++) {
		int dir = openat(parent, name, O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return;
		write_at(dir, "cgroup.kill", "1");
		remove_below(dir);
		close(dir);
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
			return;
		usleep(10000);
	}
	fail("remove the test's cgroup");
}

static bool handed_down(int cgroup, const char *controller)
{
	char enabled[512] = " ";
	char word[64];
	int fd = openat(cgroup, "cgroup.subtree_control", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, enabled + 1, sizeof(enabled) - 2) < 0)
		fail("read cgroup.subtree_control");
	close(fd);
	enabled[strcspn(enabled, "\n")] = ' ';
	snprintf(word, sizeof(word), " %s ", controller);
	return strstr(enabled, word) != NULL;
}

/* What CGROUP has it hands to the cgroups below it. */
static void hand_down_controllers(int cgroup, char *ret_turned_on, size_t size)
{
	char controllers[512] = "";
	char *rest = NULL;
	int fd = openat(cgroup, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, controllers, sizeof(controllers) - 1) < 0)
		fail("read cgroup.controllers");
	close(fd);
	for (char *name = strtok_r(controllers, " \n", &rest); name; name = strtok_r(NULL, " \n", &rest)) {
		char enable[64];

		if (handed_down(cgroup, name))
			continue;
		snprintf(enable, sizeof(enable), "+%s", name);
		/* One that refuses is one that tests find missing. */
		if (write_at(cgroup, "cgroup.subtree_control", enable) == 0 && strlen(ret_turned_on) + 64 < size)
			sprintf(ret_turned_on + strlen(ret_turned_on), "%s ", name);
	}
}

/*
 * The machine's cgroup gets its controllers back to what they were by the last one who uses it: all hold a shared lock, and what the first
 * has turned on stands in an attribute of the directory, where it outlives one that was killed.
 */
#define TURNED_ON "trusted.hrun-test"

static void borrow_controllers(int parent)
{
	char on[512] = "";

	flock(parent, LOCK_SH);
	ssize_t n = fgetxattr(parent, TURNED_ON, on, sizeof(on) - 1);
	on[n < 0 ? 0 : n] = '\0';
	hand_down_controllers(parent, on, sizeof(on));
	if (*on)
		fsetxattr(parent, TURNED_ON, on, strlen(on), 0);
}

static void give_controllers_back(int parent)
{
	char on[512];
	char *rest = on;

	if (flock(parent, LOCK_EX | LOCK_NB) < 0)
		return;
	ssize_t n = fgetxattr(parent, TURNED_ON, on, sizeof(on) - 1);
	on[n < 0 ? 0 : n] = '\0';
	for (char *name; (name = strsep(&rest, " "));) {
		char disable[64];

		snprintf(disable, sizeof(disable), "-%s", name);
		if (*name)
			write_at(parent, "cgroup.subtree_control", disable);
	}
	fremovexattr(parent, TURNED_ON);
}

/* "No internal processes": controllers can be given to children only by a cgroup that holds no process itself. */
static void sit_in_a_leaf(int cgroup)
{
	if (mkdirat(cgroup, RUNNER, 0755) < 0 || write_at(cgroup, RUNNER "/cgroup.procs", "0") < 0)
		fail("enter the runner's leaf cgroup");
	hand_down_controllers(cgroup, (char[512]){""}, 512);
}

/* ---- file systems, all in the child's mount namespace ---- */

/*
 * In a chroot "/" is no mount point and cannot be made private.  Joining the mount namespace we are already in moves our root to the
 * namespace's own; from there everything is made private.  Then a clone of the old root becomes the root, read-only, a mount of its own.
 */
static int detached(int dir, const char *path)
{
	int tree = open_tree_clone(dir, path);
	if (tree < 0 || set_attributes(tree, 0, MS_PRIVATE) < 0)
		fail("clone a tree of mounts");
	return tree;
}

static void make_all_private(void)
{
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (self < 0 || setns(self, CLONE_NEWNS) < 0)
		refuse("find the root of the mount namespace");
	close(self);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("make every mount private");
}

static void become_private(const struct options *o, const char *cwd, int *ret_work)
{
	int root = open(o->root ? o->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int work = open(cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || work < 0)
		fail(o->root ? o->root : cwd);
	make_all_private();
	int tree = detached(root, "");
	*ret_work = detached(work, "");
	attach(tree, "/");
	if (fchdir(tree) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		fail("pivot_root");
	if (!o->root && set_attributes(tree, MOUNT_ATTR_RDONLY, 0) < 0)
		fail("make the machine's files read-only");
	close(root);
	close(work);
	close(tree);
}

static void fresh(const char *type, const char *path, unsigned long flags, const char *data)
{
	if (mount(type, path, type, flags, data) < 0)
		fail(path);
}

static void make_directories(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", slash ? (int)(slash - path) : (int)strlen(path), path);
		mkdir(part, 0755); /* what exists is fine; what cannot be made fails at the attach */
		if (!slash)
			return;
	}
}

/* Writable copies; /tmp, already our own, holds what is written. Where overlayfs is not to be had they stay read-only. */
static void writable_copy(const char *path, const char *name)
{
	char data[256];
	char upper[64];
	char work[64];

	snprintf(upper, sizeof(upper), "/tmp/.isolate/%s", name);
	snprintf(work, sizeof(work), "/tmp/.isolate/%s.work", name);
	make_directories(upper);
	make_directories(work);
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=%s,workdir=%s", path, upper, work);
	mount("overlay", path, "overlay", 0, data);
}

static void fresh_dev(void)
{
	static const struct {
		const char *path;
		unsigned int minor, major;
	} nodes[] = {{"/dev/null", 3, 1},   {"/dev/zero", 5, 1},    {"/dev/full", 7, 1},
		     {"/dev/random", 8, 1}, {"/dev/urandom", 9, 1}, {"/dev/tty", 0, 5}};
	static const char *const links[][2] = {{"pts/ptmx", "/dev/ptmx"},
					       {"/proc/self/fd", "/dev/fd"},
					       {"fd/0", "/dev/stdin"},
					       {"fd/1", "/dev/stdout"},
					       {"fd/2", "/dev/stderr"}};

	fresh("tmpfs", "/dev", MS_NOSUID, "mode=755");
	umask(0);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0)
			refuse(nodes[i].path);
	umask(022);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			fail(links[i][1]);
	make_directories("/dev/pts");
	make_directories("/dev/shm");
	make_directories("/dev/mqueue");
	fresh("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
	fresh("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
	mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* umount2 with MNT_DETACH takes what is mounted below along; what was not a mount point needs no removal. */
static void uncover(const char *path)
{
	while (umount2(path, MNT_DETACH) == 0)
		;
}

/*
 * What somebody has mounted in a temporary directory at the moment (a tree that mmdebstrap is making, with the machine's /sys in it) is not
 * part of the machine, and goes away in the middle of a test: with its mount point, in this namespace too.
 */
static bool uncover_one_temporary(void)
{
	static const char *const places[] = {"/tmp/", "/var/tmp/"};
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[8192];
	char path[4096];
	bool found = false;

	if (mounts == NULL)
		fail("/proc/self/mountinfo");
	while (!found && fgets(line, sizeof(line), mounts))
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			if (sscanf(line, "%*s %*s %*s %*s %4095s", path) == 1 &&
			    !strncmp(path, places[i], strlen(places[i])))
				found = umount2(path, MNT_DETACH) == 0 || found;
	fclose(mounts);
	return found;
}

static void fresh_mounts(bool machine)
{
	uncover("/dev");
	uncover("/sys");
	uncover("/proc");
	fresh("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	while (uncover_one_temporary())
		;
	fresh("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	fresh("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	fresh("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
	fresh("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755");
	if (machine) {
		writable_copy("/etc", "etc");
		writable_copy("/var", "var");
	}
	fresh_dev();
}

/*
 * A test that forks without end must not take the machine along.  Where the pids controller is missing, a pid namespace has a limit of
 * its own since Linux 6.14; before, pid_max is the whole machine's and stays as it is.
 */
static void limit_processes(void)
{
	struct utsname system;
	int version = 0;
	int revision = 0;

	if (uname(&system) < 0 || sscanf(system.release, "%d.%d", &version, &revision) != 2)
		return;
	if (version > 6 || (version == 6 && revision >= 14))
		write_at(AT_FDCWD, "/proc/sys/kernel/pid_max", PROCESS_LIMIT);
}

static void bring_along(int work, const char *cwd)
{
	if (strcmp(cwd, "/") != 0) {
		make_directories(cwd);
		attach(work, cwd);
	}
	if (chdir("/") < 0 || chdir(cwd) < 0)
		fail(cwd);
	close(work);
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		fail("loopback");
	close(fd);
}

/* ---- the two processes ---- */

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	setsid();
	setenv("HOME", "/tmp", 1);
	setenv("HRUN_ISOLATED", "1", 1);
	execvp(command[0], command);
	fprintf(stderr, "isolate: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

/* Pid 1: sets the stage, runs the command, reaps.  Its end is the end of everything in the namespace. */
static _Noreturn void be_init(int cgroup, const struct options *o)
{
	char cwd[PATH_MAX];
	int work = -1;
	int status = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || !getcwd(cwd, sizeof(cwd)) || sethostname("isolate", 7) < 0)
		fail("start");
	become_private(o, cwd, &work);
	sit_in_a_leaf(cgroup);
	if (!o->keep_net)
		loopback_up();
	fresh_mounts(!o->root);
	limit_processes();
	bring_along(work, cwd);
	pid_t pid = start(o->command);
	for (pid_t gone; (gone = waitpid(-1, &status, 0)) != pid;)
		if (gone < 0 && errno != EINTR)
			fail("wait");
	fflush(stdout);
	_exit(status_of(status));
}

static void on_signal(int number)
{
	(void)number;
	if (child_pid > 0)
		kill(child_pid, SIGKILL);
}

static void forward_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

static pid_t spawn(int cgroup, bool keep_net)
{
	struct clone_args args = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS |
					   CLONE_INTO_CGROUP | (keep_net ? 0 : CLONE_NEWNET),
				  .exit_signal = SIGCHLD,
				  .cgroup = (unsigned long long)cgroup};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void plain_start(void)
{
	int null = open("/dev/null", O_RDONLY);

	if (geteuid() != 0) {
		errno = EPERM;
		refuse("needs root");
	}
	if (null < 0 || dup2(null, 0) < 0 || syscall(SYS_close_range, 3, ~0U, 0) < 0)
		fail("close what is open");
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
}

static int parse(int argc, char **argv, struct options *o)
{
	int i = 1;

	if (i < argc && strcmp(argv[i], "--keep-net") == 0) {
		o->keep_net = true;
		i++;
	}
	if (i + 1 < argc && strcmp(argv[i], "--root") == 0) {
		o->root = argv[i + 1];
		i += 2;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0)
		return -1;
	o->command = argv + i + 1;
	return 0;
}

static int run_in_cgroup(int parent, const char *name, const struct options *o)
{
	int status = 0;
	int cgroup = openat(parent, name, O_DIRECTORY | O_CLOEXEC);

	if (cgroup < 0)
		fail(name);
	write_at(cgroup, "pids.max", PROCESS_LIMIT);
	forward_signals();
	child_pid = spawn(cgroup, o->keep_net);
	if (child_pid == 0)
		be_init(cgroup, o);
	if (child_pid < 0) {
		remove_cgroup(parent, name);
		refuse("make namespaces");
	}
	while (waitpid(child_pid, &status, 0) < 0 && errno == EINTR)
		;
	close(cgroup);
	remove_cgroup(parent, name);
	return status_of(status);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	char name[64];

	if (parse(argc, argv, &o) < 0) {
		fputs("usage: isolate [--keep-net] [--root DIRECTORY] -- COMMAND [ARGUMENT...]\n", stderr);
		return EXIT_BROKEN;
	}
	plain_start();
	int root = cgroup2_root();
	if (root < 0)
		refuse("mount cgroup2");
	int parent = own_cgroup(root);
	if (parent < 0)
		refuse("open this process' cgroup");
	snprintf(name, sizeof(name), "hrun-test-%d", (int)getpid());
	remove_cgroup(parent, name); /* of an earlier run that was killed and had the same pid */
	if (mkdirat(parent, name, 0755) < 0)
		refuse("make a cgroup");
	borrow_controllers(parent);
	int status = run_in_cgroup(parent, name, &o);
	give_controllers_back(parent);
	return status;
}
