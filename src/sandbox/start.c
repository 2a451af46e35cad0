/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - let a created container's init become its program, and end a container.
 *
 * The socket closes when the program runs (close-on-exec) and when init is killed: EOF is no
 * acknowledgement.  The kernel is asked instead: PF_FORKNOEXEC is set until execve's point of no return, and
 * stays readable in a zombie.
 */
#include <hrun/cgroup.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/sandbox.h>
#include <hrun/sync.h>
#include <hrun/unix.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* How long a killed process may take to be gone: as long as the kernel needs to write out what it had mapped. */
enum { END_TIMEOUT_MS = 10000 };

/* pidfd_info of Linux 6.13 and its exit code of 6.15; older headers do not have it. */
struct exit_info {
	__u64 mask, cgroupid;
	__u32 pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	__s32 exit_code;
};
#define EXIT_INFO_MASK (UINT64_C(1) << 3)
#define GET_EXIT_INFO _IOWR(0xFF, 11, struct exit_info)

/*
 * The process has been reaped by its parent, so its flags are gone.  Before its execve init ends only by
 * a FAILED frame, which did not come, or by SIGKILL; a kernel that cannot tell is believed.
 */
static bool was_killed(int pidfd)
{
	struct exit_info info = {.mask = EXIT_INFO_MASK};

	if (ioctl(pidfd, GET_EXIT_INFO, &info) < 0 || !(info.mask & EXIT_INFO_MASK))
		return false;
	return WIFSIGNALED(info.exit_code) && WTERMSIG(info.exit_code) == SIGKILL;
}

/* Nothing but this init has been in the cgroup yet, so it is whom a memory limit has killed. */
static int killed_early(const struct container_record *record, struct err *e)
{
	struct err ignored;
	autofd int cgroup =
		record->cgroup && record->cgroup_inode
			? cgroup_open(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, &ignored)
			: -ENOENT;

	if (cgroup >= 0 && cgroup_oom_kills(cgroup) > 0)
		return err_set(e, ENOMEM,
			       "the container's init was killed before it could execute its program: out of memory; "
			       "raise linux.resources.memory.limit");
	return err_set(e, ESRCH, "the container's init was killed before it could execute its program");
}

static int confirm_running(const struct container_record *record, int proc, int pidfd, struct err *e)
{
	struct proc_stat stat;
#ifdef HRUN_MUTANT_CONFIRM_RUNNING
	return 0;
#endif
	int r = proc_read_stat(proc, record->pid, &stat);
	bool gone = r < 0 || stat.start_ticks != record->start_ticks;

	if (gone ? was_killed(pidfd) : stat.fork_no_exec)
		return killed_early(record, e);
	return 0;
}

/* Init, which PIDFD is, waits at the other end of SOCKET. */
static int let_go(const struct container_record *record, int proc, int pidfd, int socket, struct err *e)
{
	if (sync_send(socket, SYNC_START, NULL) < 0) /* 5 START */
		return killed_early(record, e);
	int r = sync_expect(socket, SYNC_FAILED, e); /* 6 FAILED, or EOF */
	if (r != -EPIPE || *e->text)
		return r < 0 ? r : err_set(e, EPROTO, "unexpected answer of the container's init");
	return confirm_running(record, proc, pidfd, e);
}

int sandbox_start(const struct container *container, struct sandbox *held, struct err *e)
{
	const struct container_record *record = &container->record;

	if (held) {
		autofd int own_proc = TAKE_FD(held->proc);
		autofd int starter = TAKE_FD(held->starter);
		return let_go(record, own_proc, held->pidfd, starter, e);
	}
	autofd int proc = proc_open(e);
	TRY(proc);
	autofd int pidfd = proc_open_same(proc, record->pid, record->start_ticks);
	if (pidfd < 0)
		return err_set(e, ESRCH, "container not running: its init is gone (no such process)");
	autofd int socket = unix_connect_at(container->dir, "start.sock", SOCK_SEQPACKET, e);
	if (socket == -ECONNREFUSED)
		return err_set(e, ESRCH, "container not running: its init has just ended (no such process)");
	TRY(socket);
	return let_go(record, proc, pidfd, socket, e);
}

static int end_init(const struct container_record *record, struct err *e)
{
	if (record->pid <= 0 || (kill(record->pid, 0) < 0 && errno == ESRCH))
		return 0;
	autofd int proc = proc_open(e);
	TRY(proc);
	autofd int pidfd = proc_open_same(proc, record->pid, record->start_ticks);
	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return err_set(e, -pidfd, "open process %d of the container", record->pid);
	int r = proc_pidfd_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_set(e, -r, "kill process %d of the container: %s", record->pid, strerrordesc_np(-r));
	r = proc_pidfd_wait(pidfd, END_TIMEOUT_MS);
	return r < 0 ? err_set(e, -r, "process %d of the container does not end after SIGKILL", record->pid) : 0;
}

int sandbox_destroy(const struct container *container, struct err *e)
{
	const struct container_record *record = &container->record;

	TRY(end_init(record, e));
	if (!record->cgroup)
		return 0;
	return cgroup_remove(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, e);
}
