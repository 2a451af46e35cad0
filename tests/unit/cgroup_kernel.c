/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_kernel.c - the container's cgroup on a real cgroup2: what the kernel says
 * after each call, not what hrun says.
 *
 * Needs root and a cgroup namespace of its own with cgroup2 at /sys/fs/cgroup, whose root holds no
 * process (tests/isolate makes one); otherwise a skip.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOUNT "/sys/fs/cgroup"

static struct err e;

static bool exists(const char *path)
{
	char full[512];
	struct stat st;

	str_format(full, sizeof full, MOUNT "%s", path);
	return stat(full, &st) == 0;
}

static void make(const char *path)
{
	char full[512];

	str_format(full, sizeof full, MOUNT "%s", path);
	if (mkdir(full, 0755) < 0)
		perror(full);
}

static void remove_dir(const char *path)
{
	char full[512];

	str_format(full, sizeof full, MOUNT "%s", path);
	if (rmdir(full) < 0)
		perror(full);
}

static const char *text_of(int dir, const char *file)
{
	static char text[4096];
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	text[n < 0 ? 0 : n] = '\0';
	fd_close(&fd);
	return text;
}

static bool populated(int dir)
{
	return strstr(text_of(dir, "cgroup.events"), "populated 1\n") != NULL;
}

static int root_fd = -1;

static struct cgroup_plan plan_for(const char *path)
{
	return (struct cgroup_plan){.root = root_fd, .mountpoint = MOUNT, .path = path, .where = ""};
}

/* A child that is born in CGROUP and waits for a signal. */
static pid_t child_in(int cgroup, void (*body)(void))
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)(unsigned int)cgroup};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0) {
		if (body)
			body();
		for (;;)
			pause();
	}
	CHECK(pid > 0, "clone3: %m");
	return pid;
}

static int end_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static const char *test_make_and_remove(void)
{
	struct cgroup_plan plan = plan_for("/hrun/a/b");
	uint64_t inode = 0;
	autofd int dir = cgroup_make(&plan, &inode, &e);

	CHECK(dir >= 0, "%s", e.text);
	CHECK(exists("/hrun/a/b"), "not there");
	CHECK(cgroup_remove(MOUNT, plan.path, inode + 1, &e) == 0 && exists("/hrun/a/b"),
	      "removed under a wrong inode");
	autofd int again = cgroup_open(MOUNT, plan.path, inode, &e);
	CHECK(again >= 0, "%s", e.text);
	CHECK(cgroup_open(MOUNT, plan.path, inode + 1, &e) == -ENOENT, "opened under a wrong inode");
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0, "%s", e.text);
	CHECK(!exists("/hrun"), "parents of our own are left behind");
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0, "removing twice: %s", e.text);
	CHECK(cgroup_open(MOUNT, plan.path, inode, &e) == -ENOENT, "opened what is gone");
	CHECK(cgroup_kill(dir, &e) == 0, "killing in a removed cgroup: %s", e.text);
	CHECK(!populated(dir) && !cgroup_is_frozen(dir), "a removed cgroup lives");
	return NULL;
}

/* What a SIGKILL between mkdir and the record leaves behind. */
static const char *test_unrecorded(void)
{
	struct cgroup_plan plan = plan_for("/hrun/unrecorded");
	uint64_t inode = 0;
	autofd int dir = cgroup_make(&plan, &inode, &e);

	pid_t pid = child_in(dir, NULL);
	CHECK(cgroup_remove(MOUNT, plan.path, 0, &e) == 0, "%s", e.text);
	CHECK(exists(plan.path) && waitpid(pid, NULL, WNOHANG) == 0, "a process was killed without an inode");
	kill(pid, SIGKILL);
	end_of(pid);
	CHECK(cgroup_remove(MOUNT, plan.path, 0, &e) == 0 && !exists("/hrun"), "an empty one is left behind");
	CHECK(cgroup_remove(MOUNT, plan.path, 0, &e) == 0, "%s", e.text);
	make("/hrun");
	CHECK(cgroup_remove(MOUNT, plan.path, 0, &e) == 0 && !exists("/hrun"), "the parent is left behind");
	return NULL;
}

static const char *test_existing(void)
{
	struct cgroup_plan plan = plan_for("/taken");
	uint64_t first = 0, second = 0;
	autofd int dir = cgroup_make(&plan, &first, &e);

	CHECK(cgroup_freeze(dir, true, &e) == 0, "%s", e.text);
	autofd int again = cgroup_make(&plan, &second, &e);
	CHECK(again >= 0, "an empty one is taken over: %s", e.text);
	CHECK(first != second, "the same directory was used again");
	CHECK(!cgroup_is_frozen(again), "still frozen");

	pid_t pid = child_in(again, NULL);
	CHECK(cgroup_make(&plan, &first, &e) == -EBUSY, "a populated cgroup was taken over");
	CHECK(strstr(e.text, "/taken exists") != NULL, "%s", e.text);
	CHECK(populated(again), "its process is gone");
	kill(pid, SIGKILL);
	end_of(pid);
	make("/taken/child");
	CHECK(cgroup_make(&plan, &first, &e) == -EBUSY, "a cgroup with children was taken over");
	CHECK(cgroup_remove(MOUNT, "/taken", second, &e) == 0 && !exists("/taken"), "%s", e.text);
	return NULL;
}

static const char *test_refused_paths(void)
{
	uint64_t inode;

	make("/outer");
	static const char *const paths[] = {"/outer/../outside", "/outer//x", "/outer/./x", "/cgroup.procs",
					    "/cgroup.procs/x",	 "outer/x",   "/outer/",    "/"};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct cgroup_plan plan = plan_for(paths[i]);
		int r = cgroup_make(&plan, &inode, &e);
		CHECK(r < 0, "%s was made", paths[i]);
	}
	CHECK(!exists("/outside") && !exists("/outer/x"), "something was made");
	CHECK(exists("/outer"), "what others made was removed");
	remove_dir("/outer");
	return NULL;
}

static const char *test_undo(void)
{
	struct cgroup_plan plan = plan_for("/u1/u2/u3");
	const char *controllers[] = {"nosuchcontroller"};
	uint64_t inode;

	/* Parents are made first, the failure is found on the way. */
	plan.path = "/u1/u2/cgroup.procs";
	CHECK(cgroup_make(&plan, &inode, &e) == -ENOTDIR, "%s", e.text);
	CHECK(!exists("/u1"), "/u1 is left behind");
	plan = plan_for("/u1/u2/u3");
	plan.controllers = controllers;
	plan.controller_count = 1;
	CHECK(cgroup_make(&plan, &inode, &e) < 0, "an unknown controller was enabled");
	CHECK(strstr(e.text, "nosuchcontroller") != NULL, "%s", e.text);
	CHECK(!exists("/u1"), "/u1 is left behind");
	return NULL;
}

static const char *test_controllers(void)
{
	struct cgroup_plan plan = plan_for("/c1/c2");
	const char *controllers[] = {"hugetlb"};
	struct cgroup_write writes[] = {
		{CGROUP_LIMIT, "hugetlb", "hugetlb.2MB.rsvd.max", "4194304", false, true,
		 "linux.resources.hugepageLimits[0]", false},
		{CGROUP_LIMIT, "hugetlb", "hugetlb.2MB.max", "2097152", false, false,
		 "linux.resources.hugepageLimits[0]", false},
		{CGROUP_LIMIT, "pids", "pids.max", "max", true, true, "linux.resources.pids.limit", false},
	};
	uint64_t inode = 0;

	if (!strstr(text_of(root_fd, "cgroup.controllers"), "hugetlb"))
		return "this cgroup2 has no hugetlb controller";
	plan.controllers = controllers;
	plan.controller_count = 1;
	plan.writes = writes;
	plan.write_count = 3;
	autofd int dir = cgroup_make(&plan, &inode, &e);
	CHECK(dir >= 0, "%s", e.text);
	CHECK(cgroup_apply(&plan, dir, &e) == 0, "%s", e.text);
	CHECK(str_equal(text_of(dir, "hugetlb.2MB.max"), "2097152\n"), "%s", text_of(dir, "hugetlb.2MB.max"));
	CHECK(str_equal(text_of(dir, "hugetlb.2MB.rsvd.max"), "4194304\n"), "%s", text_of(dir, "hugetlb.2MB.rsvd.max"));
	CHECK(cgroup_apply_last(&plan, dir, &e) == 0, "%s", e.text);
	writes[2].absent_ok = false;
	CHECK(cgroup_apply_last(&plan, dir, &e) < 0, "a missing file was no error");
	CHECK(strstr(e.text, "pids.max") && !strcasestr(e.text, "no such file") && !strcasestr(e.text, "not found"),
	      "%s", e.text);
	writes[1].value = "many";
	CHECK(cgroup_apply(&plan, dir, &e) == -EINVAL, "%s", e.text);
	CHECK(strstr(e.text, "linux.resources.hugepageLimits[0]: write \"many\""), "%s", e.text);
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0, "%s", e.text);
	remove_dir("/c1");
	return NULL;
}

/* A parent with a process in it cannot hand controllers down. */
static const char *test_busy_parent(void)
{
	struct cgroup_plan parent = plan_for("/busy"), plan = plan_for("/busy/child");
	const char *controllers[] = {"hugetlb"};
	uint64_t inode = 0, ignored;

	if (!strstr(text_of(root_fd, "cgroup.controllers"), "hugetlb"))
		return "this cgroup2 has no hugetlb controller";
	parent.controllers = plan.controllers = controllers;
	parent.controller_count = plan.controller_count = 1;
	autofd int dir = cgroup_make(&parent, &inode, &e);
	child_in(dir, NULL);
	CHECK(cgroup_make(&plan, &ignored, &e) == -EBUSY, "made below a cgroup with processes");
	CHECK(strstr(e.text, "cgroup /busy holds processes itself"), "%s", e.text);
	CHECK(cgroup_remove(MOUNT, "/busy", inode, &e) == 0, "%s", e.text);
	wait(NULL);
	return NULL;
}

static void on_signal(int signal)
{
	_exit(signal);
}

static void wait_for_signal(void)
{
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
}

static const char *test_signal_and_freeze(void)
{
	struct cgroup_plan plan = plan_for("/hrun/run");
	uint64_t inode = 0;
	autofd int dir = cgroup_make(&plan, &inode, &e);

	make("/hrun/run/below");
	autofd int below = openat(dir, "below", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t a = child_in(dir, wait_for_signal), b = child_in(below, wait_for_signal);
	CHECK(populated(dir), "not populated");
	usleep(50000);
	CHECK(cgroup_freeze(dir, true, &e) == 0, "%s", e.text);
	CHECK(cgroup_is_frozen(dir), "not frozen");
	/* Paused: the signal waits. */
	CHECK(cgroup_signal(dir, SIGTERM, &e) == 0, "%s", e.text);
	CHECK(cgroup_is_frozen(dir), "a signal thawed a paused cgroup");
	CHECK(waitpid(a, NULL, WNOHANG) == 0, "a frozen process ran");
	CHECK(cgroup_freeze(dir, false, &e) == 0, "%s", e.text);
	int status = end_of(a);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM, "status %x", (unsigned int)status);
	status = end_of(b);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM, "status %x, in a cgroup below",
	      (unsigned int)status);
	pid_t c = child_in(below, wait_for_signal);
	usleep(50000);
	CHECK(cgroup_signal(dir, SIGUSR1, &e) == 0, "%s", e.text);
	status = end_of(c);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == SIGUSR1, "status %x", (unsigned int)status);
	CHECK(!cgroup_is_frozen(dir), "left frozen");
	CHECK(cgroup_oom_kills(dir) == 0, "oom kills out of nothing");
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0 && !exists("/hrun"), "%s", e.text);
	return NULL;
}

/* A family of processes, so that one kill is not enough. */
static void fork_family(void)
{
	for (int i = 0; i < 20; i++) {
		if (fork() == 0) {
			if (fork() < 0)
				_exit(1);
			return;
		}
	}
}

static const char *test_kill_and_remove(void)
{
	struct cgroup_plan plan = plan_for("/hrun/full");
	uint64_t inode = 0;
	autofd int dir = cgroup_make(&plan, &inode, &e);
	char path[512] = "/hrun/full";

	child_in(dir, fork_family);
	/* Deep and broad, as a container with a writable cgroup may leave it. */
	for (int i = 0; i < 40; i++) {
		strcat(path, "/d");
		make(path);
	}
	for (int i = 0; i < 100; i++) {
		char broad[64];
		str_format(broad, sizeof broad, "/hrun/full/broad%d", i);
		make(broad);
	}
	autofd int deep = openat(root_fd, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	child_in(deep, NULL);
	CHECK(cgroup_signal(dir, SIGUSR2, &e) == -ELOOP, "a walk without a bound: %s", e.text);
	CHECK(!cgroup_is_frozen(dir), "left frozen after a failure");
	CHECK(cgroup_freeze(dir, true, &e) == 0, "%s", e.text);
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0, "%s", e.text);
	CHECK(!exists("/hrun"), "left behind");
	while (wait(NULL) > 0)
		continue;
	return NULL;
}

static const char *test_threaded(void)
{
	struct cgroup_plan plan = plan_for("/threaded/child");
	uint64_t inode;

	make("/threaded");
	make("/threaded/thread");
	autofd int dir = openat(root_fd, "threaded/thread", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd_write_file_at(dir, "cgroup.type", "threaded") == 0, "cannot make it threaded");
	CHECK(cgroup_make(&plan, &inode, &e) == -EOPNOTSUPP, "made in a threaded subtree");
	CHECK(!exists("/threaded/child"), "left behind");
	remove_dir("/threaded/thread");
	remove_dir("/threaded");
	return NULL;
}

/* ---- the device filter, asked by open(2) and mknod(2) ---- */

struct probe {
	const char *name;
	mode_t type;
	unsigned int major, minor;
	int flags;
	bool allowed;
};

static const struct probe probes[] = {
	{"null", S_IFCHR, 1, 3, O_RDWR, true},	       {"zero", S_IFCHR, 1, 5, O_RDONLY, true},
	{"full", S_IFCHR, 1, 7, O_WRONLY, true},       {"mem", S_IFCHR, 1, 1, O_RDONLY, false},
	{"kmsg", S_IFCHR, 1, 11, O_WRONLY, true},      {"kmsg-r", S_IFCHR, 1, 11, O_RDONLY, false},
	{"kmsg-rw", S_IFCHR, 1, 11, O_RDWR, false},    {"ram", S_IFBLK, 1, 0, O_RDONLY, false},
	{"nowhere", S_IFBLK, 240, 7, O_RDONLY, false},
};

/* Exit status: the number of probes that the kernel answered otherwise. */
static void probe_devices(void)
{
	int wrong = 0;

	for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
		const struct probe *p = &probes[i];
		if (mknod(p->name, p->type | 0666, makedev(p->major, p->minor)) < 0)
			wrong++;
		int fd = open(p->name, p->flags | O_NONBLOCK | O_CLOEXEC);
		/* EPERM is the filter's; a device that does not exist at all is another error. */
		bool allowed = fd >= 0 || errno != EPERM;
		if (allowed != p->allowed) {
			printf("%s: %s\n", p->name, fd < 0 ? "denied" : "opened");
			wrong++;
		}
		fd_close(&fd);
		unlink(p->name);
	}
	fflush(stdout);
	_exit(wrong);
}

static const struct config_device_rule deny_all_allow_kmsg_w[] = {
	{.allow = false, .access = "rwm"},
	{.allow = true, .type = "c", .major = {true, 1}, .minor = {true, 11}, .access = "w"},
};

static const char *test_devices(void)
{
	struct pool pool = {0};
	struct cgroup_plan plan = plan_for("/hrun/devices");
	uint64_t inode = 0;
	autofd int dir = cgroup_make(&plan, &inode, &e);

	if (mkdir("/tmp/hrun-devices", 0700) < 0 || mount("tmpfs", "/tmp/hrun-devices", "tmpfs", 0, NULL) < 0 ||
	    chdir("/tmp/hrun-devices") < 0)
		return "no private tmpfs can be mounted";
	CHECK(plan_device_program(&pool, deny_all_allow_kmsg_w, 2, true, &plan.device_program,
				  &plan.device_program_length, &e) == 0,
	      "%s", e.text);
	CHECK(cgroup_apply(&plan, dir, &e) == 0, "%s", e.text);
	int status = end_of(child_in(dir, probe_devices));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the kernel decides otherwise: status %x",
	      (unsigned int)status);
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0, "%s", e.text);
	if (chdir("/") < 0 || umount2("/tmp/hrun-devices", MNT_DETACH) < 0 || rmdir("/tmp/hrun-devices") < 0)
		perror("/tmp/hrun-devices");
	pool_free(&pool);
	return NULL;
}

/* The longest list that is accepted must also pass the kernel's verifier. */
static const char *test_long_device_list(void)
{
	struct pool pool = {0};
	struct cgroup_plan plan = plan_for("/hrun/many");
	uint64_t inode = 0;
	autofd int dir = cgroup_make(&plan, &inode, &e);
	struct config_device_rule *rules = pool_alloc(&pool, 1024 * sizeof *rules);

	for (int i = 0; i < 1024; i++)
		rules[i] = (struct config_device_rule){.allow = i % 3 != 0,
						       .type = i % 2 ? "c" : "b",
						       .major = {i % 5 != 0, i},
						       .minor = {i % 7 != 0, i},
						       .access = i % 4 ? "rw" : "m"};
	CHECK(plan_device_program(&pool, rules, 1024, true, &plan.device_program, &plan.device_program_length, &e) == 0,
	      "%s", e.text);
	CHECK(cgroup_apply(&plan, dir, &e) == 0, "%s", e.text);
	CHECK(cgroup_remove(MOUNT, plan.path, inode, &e) == 0, "%s", e.text);
	pool_free(&pool);
	return NULL;
}

/* Two at once, the one removing the parent that the other has just entered. */
static void churn(const char *path)
{
	struct cgroup_plan plan = plan_for(path);
	int failed = 0;

	for (int i = 0; i < 200; i++) {
		uint64_t inode = 0;
		autofd int dir = cgroup_make(&plan, &inode, &e);
		if (dir < 0 || cgroup_remove(MOUNT, path, inode, &e) < 0) {
			printf("%s: %s\n", path, e.text);
			failed = 1;
		}
	}
	fflush(stdout);
	_exit(failed);
}

static const char *test_parallel(void)
{
	static const char *const paths[] = {"/hrun/p1", "/hrun/p2", "/hrun/p3/x", "/hrun/p3/y"};

	fflush(stdout);
	for (size_t i = 0; i < 4; i++)
		if (fork() == 0)
			churn(paths[i]);
	for (int i = 0; i < 4; i++) {
		int status = 0;
		wait(&status);
		CHECK(status == 0, "status %x", (unsigned int)status);
	}
	CHECK(!exists("/hrun"), "left behind");
	return NULL;
}

static bool usable(void)
{
	struct stat st;
	struct statfs fs;

	/* 0xEFFFFFFB: the host's own cgroup namespace, where no test has any business. */
	return geteuid() == 0 && stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino != 0xEFFFFFFBu &&
	       statfs(MOUNT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Each returns NULL, or why it was skipped. */
static const struct {
	const char *name;
	const char *(*run)(void);
} tests[] = {
	{"make and remove", test_make_and_remove},
	{"unrecorded", test_unrecorded},
	{"existing", test_existing},
	{"refused paths", test_refused_paths},
	{"undo", test_undo},
	{"controllers", test_controllers},
	{"busy parent", test_busy_parent},
	{"signal and freeze", test_signal_and_freeze},
	{"kill and remove", test_kill_and_remove},
	{"threaded", test_threaded},
	{"devices", test_devices},
	{"long device list", test_long_device_list},
	{"parallel", test_parallel},
};

int main(void)
{
	if (!usable()) {
		printf("needs root and a cgroup2 of its own, as tests/isolate makes it\n");
		return 77;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	root_fd = open(MOUNT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		unsigned int before = failures;
		const char *skipped = tests[i].run();
		if (failures != before)
			printf("not ok - %s\n", tests[i].name);
		else if (skipped)
			printf("skip - %s: %s\n", tests[i].name, skipped);
		else
			printf("ok - %s\n", tests[i].name);
	}
	return failures != 0;
}
