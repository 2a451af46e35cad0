/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - a process is known by its start time; a number alone is not believed.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that waits; with PROGRAM it executes sleep first. */
static pid_t child(bool program)
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* blanks and parentheses in the name must not shift the fields */
		prctl(PR_SET_NAME, "a) R 1 (b");
		if (program)
			execlp("sleep", "sleep", "60", (char *)NULL);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	/* EOF by close-on-exec, or the byte: it is where we want it to be */
	if (read(ready[0], &c, 1) < 0)
		exit(1);
	close(ready[0]);
	return pid;
}

static void forked_and_executed(int proc)
{
	struct proc_stat stat = {0}, executed = {0};
	pid_t a = child(false), b = child(true);

	CHECK(proc_read_stat(proc, a, &stat) == 0);
	CHECK(stat.fork_no_exec);
	CHECK(stat.start_ticks > 0);
	CHECK(proc_read_stat(proc, b, &executed) == 0);
	CHECK(!executed.fork_no_exec);
	CHECK(executed.start_ticks >= stat.start_ticks);
	kill(a, SIGKILL);
	kill(b, SIGKILL);
	siginfo_t info;
	CHECK(waitid(P_PID, (id_t)a, &info, WEXITED | WNOWAIT) == 0);
	CHECK(proc_read_stat(proc, a, &stat) == 0 && stat.state == 'Z' && stat.fork_no_exec);
	waitpid(a, NULL, 0);
	waitpid(b, NULL, 0);
	CHECK(proc_read_stat(proc, a, &stat) == -ESRCH);
}

static void recognised(int proc)
{
	struct proc_stat stat = {0};
	pid_t pid = child(false);

	CHECK(proc_read_stat(proc, pid, &stat) == 0);
	autofd int same = proc_open_same(proc, pid, stat.start_ticks);
	CHECK(same >= 0);
	CHECK(proc_open_same(proc, pid, stat.start_ticks + 1) == -ESRCH);
	CHECK(proc_pidfd_wait(same, 0) == -ETIMEDOUT);
	CHECK(proc_pidfd_signal(same, SIGKILL) == 0);
	CHECK(proc_pidfd_wait(same, -1) == 0);
	waitpid(pid, NULL, 0);
	CHECK(proc_open_same(proc, pid, stat.start_ticks) == -ESRCH);
	CHECK(proc_pidfd_signal(same, SIGKILL) == -ESRCH);
	CHECK(proc_open_same(proc, 0, 0) == -ESRCH && proc_open_same(proc, -1, 0) == -ESRCH);
}

/* The whole of the longest map: the kernel shows it in two pages and more, and sorted, so the host's root comes last. */
static int child_with_longest_map(int go)
{
	char byte;

	if (read(go, &byte, 1) != 1)
		return 2;
	return proc_host_root() != 999 || proc_in_first_user_namespace();
}

static bool write_longest_map(pid_t pid)
{
	char name[64], text[4096];
	size_t length = 0;

	snprintf(name, sizeof name, "/proc/%d/uid_map", pid);
	for (int i = 0; i < PROC_MAP_LINES - 1; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%d %d 1\n", i, 1000 + i);
	length += (size_t)snprintf(text + length, sizeof text - length, "999 0 1\n");
	autofd int fd = open(name, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, length) == (ssize_t)length;
}

static void host_root_in_a_long_map(void)
{
	int ready[2], go[2], status = -1;
	char byte;

	if (geteuid() != 0 || pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "", 1) != 1)
			_exit(77);
		_exit(child_with_longest_map(go[0]));
	}
	close(ready[1]);
	/* EOF: this machine has no user namespaces for us */
	if (read(ready[0], &byte, 1) == 1)
		CHECK(write_longest_map(pid) && write(go[1], "", 1) == 1);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77, "status %d", WEXITSTATUS(status));
}

int main(void)
{
	struct err e;
	autofd int proc = proc_open(&e);

	CHECK(proc >= 0);
	forked_and_executed(proc);
	recognised(proc);
	CHECK(proc_euid() == geteuid());
	host_root_in_a_long_map();
	return failures != 0;
}
