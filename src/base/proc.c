/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - processes: recognised again by pidfd and start time, read from procfs.
 *
 * A number alone names nobody: it may belong to another process by now.  The
 * pidfd is opened first and the start time compared afterwards, so a match
 * means that the descriptor is the process that was remembered.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum { PROC_ROOT_INODE = 1, FORK_NO_EXEC = 0x40 };

/* Fields of /proc/PID/stat, counted from 1; the third follows the last ')'. */
enum { FIELD_STATE = 3, FIELD_FLAGS = 9, FIELD_START = 22 };

int proc_open(struct err *e)
{
	autofd int proc = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (proc < 0)
		return err_errno(e, "open /proc");
	if (fstatfs(proc, &fs) < 0 || fstat(proc, &st) < 0)
		return err_errno(e, "stat /proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INODE)
		return err_set(e, EPERM, "/proc is not the root of a procfs; mount one there");
	return TAKE_FD(proc);
}

/* Nothing that somebody mounted over a process's files may answer for the kernel. */
static int open_in_proc(int proc, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof how);

	return fd < 0 ? -errno : fd;
}

/* The field NUMBER of the text that starts at field 3, or NULL. */
static const char *field_at(const char *text, int number)
{
	for (int i = FIELD_STATE; i < number; i++) {
		text = strchr(text, ' ');
		if (!text)
			return NULL;
		text++;
	}
	return text;
}

static int parse_number(const char *field, uint64_t *ret_value)
{
	char *end;

	if (!field || *field < '0' || *field > '9')
		return -EPROTO;
	errno = 0;
	*ret_value = strtoull(field, &end, 10);
	return errno || (*end != ' ' && *end != '\n') ? -EPROTO : 0;
}

static int parse_stat(const char *text, struct proc_stat *ret_stat)
{
	/* The command's name may hold blanks and parentheses; nothing after it does. */
	const char *end_of_name = strrchr(text, ')');
	uint64_t flags;

	if (!end_of_name || end_of_name[1] != ' ' || !end_of_name[2])
		return -EPROTO;
	const char *fields = end_of_name + 2;
	TRY(parse_number(field_at(fields, FIELD_FLAGS), &flags));
	TRY(parse_number(field_at(fields, FIELD_START), &ret_stat->start_ticks));
	ret_stat->state = fields[0];
	ret_stat->fork_no_exec = (flags & FORK_NO_EXEC) != 0;
	return 0;
}

int proc_read_stat(int proc, pid_t pid, struct proc_stat *ret_stat)
{
	char path[32], text[1024];

	if (pid <= 0)
		return -ESRCH;
	TRY(str_format(path, sizeof path, "%d/stat", pid));
	autofd int fd = open_in_proc(proc, path);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	ssize_t n = fd_read_kernel(fd, text, sizeof text - 1);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	return parse_stat(text, ret_stat);
}

int proc_open_same(int proc, pid_t pid, uint64_t start_ticks)
{
	struct proc_stat stat = {0};

	if (pid <= 0)
		return -ESRCH;
	autofd int pidfd = proc_pidfd_open(pid);
	TRY(pidfd);
	TRY(proc_read_stat(proc, pid, &stat));
#ifdef HRUN_MUTANT_START_TIME
	stat.start_ticks = start_ticks;
#endif
	if (stat.start_ticks != start_ticks)
		return -ESRCH;
	return TAKE_FD(pidfd);
}

int proc_pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		return fd;
	/* EINVAL: the number is a thread's, no process's. */
	return errno == EINVAL ? -ESRCH : -errno;
}

int proc_pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int proc_pidfd_wait(int pidfd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int64_t deadline = now_ms() + timeout_ms;
	int left = timeout_ms;

	for (;;) {
		int n = poll(&poll_fd, 1, left);
		if (n > 0)
			return poll_fd.revents & POLLNVAL ? -EBADF : 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
		if (timeout_ms >= 0) {
			int64_t rest = deadline - now_ms();
			left = rest > 0 ? (int)rest : 0;
		}
	}
}

static bool take_u32(char **text, uint32_t *ret_value)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(*text, &end, 10);
	if (end == *text || errno || value > UINT32_MAX)
		return false;
	*text = end;
	*ret_value = (uint32_t)value;
	return true;
}

bool proc_id_range_read(const char *line, struct proc_id_range *ret_range)
{
	char *rest = (char *)line;

	return take_u32(&rest, &ret_range->inside) && take_u32(&rest, &ret_range->outside) &&
	       take_u32(&rest, &ret_range->count) && (*rest == '\n' || *rest == '\0');
}

int proc_own_id_map(bool gids, struct proc_id_range *ret_ranges, size_t max)
{
	char text[PROC_MAP_BYTES + 1], *line, *rest = text;
	autofd int fd = open(gids ? "/proc/self/gid_map" : "/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -errno : fd_read_kernel(fd, text, sizeof text - 1);
	size_t count = 0;

	if (size < 0)
		return (int)size;
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		if (count == max || !proc_id_range_read(line, &ret_ranges[count++]))
			return -EPROTO;
	}
	return (int)count;
}

uint64_t proc_ignored_signals(void)
{
	char text[4096];
	autofd int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : fd_read_kernel(fd, text, sizeof text - 1);

	text[size < 0 ? 0 : size] = '\0';
	const char *line = strstr(text, "\nSigIgn:");
	return line ? strtoull(line + strlen("\nSigIgn:"), NULL, 16) : UINT64_MAX;
}

/* Whether every uid here is the same one of the machine. */
enum said { UNKNOWN, UNSAID, NO, YES };

static enum said ask_for_map(void)
{
	autofd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	struct proc_id_range range;

	if (fd < 0 || fd_read_kernel(fd, text, sizeof text - 1) < 0)
		return UNSAID;
	return proc_id_range_read(text, &range) && range.inside == 0 && range.outside == 0 && range.count == UINT32_MAX
		       ? YES
		       : NO;
}

/* We never leave our user namespace: asked once. */
static enum said maps_every_id(void)
{
	static enum said known;

	if (known == UNKNOWN)
		known = ask_for_map();
	return known;
}

uid_t proc_euid(void)
{
	return (uid_t)getauxval(AT_EUID);
}

bool proc_in_first_user_namespace(void)
{
	return maps_every_id() != NO;
}

bool proc_maps_every_id(void)
{
	return maps_every_id() == YES;
}

/* Ids that are not mapped show as the overflow uid, which is never 0 unless the host's root wants no protection at all. */
bool proc_is_own_roots(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == 0;
}

bool proc_in_own_machine(void)
{
#ifdef HRUN_MUTANT_MACHINES_ROOT
	return maps_every_id() == NO;
#endif
	return maps_every_id() == NO && proc_is_own_roots("/");
}

bool proc_is_machines_root(void)
{
	return proc_euid() == 0 && (proc_in_first_user_namespace() || proc_in_own_machine());
}

static uid_t find_host_root(void)
{
	enum { OVERFLOW_UID = 65534 };
	struct proc_id_range ranges[PROC_MAP_LINES];

	if (proc_maps_every_id() || proc_in_own_machine())
		return 0;
	int count = proc_own_id_map(false, ranges, PROC_MAP_LINES);
	for (int i = 0; i < count; i++) {
		if (ranges[i].outside == 0 && ranges[i].count > 0)
			return ranges[i].inside;
	}
	return count > 0 ? OVERFLOW_UID : 0;
}

/* We never leave our user namespace: asked once. */
uid_t proc_host_root(void)
{
	static bool known;
	static uid_t uid;

	if (!known)
		uid = find_host_root();
	known = true;
	return uid;
}
