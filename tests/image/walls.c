// SPDX-License-Identifier: Apache-2.0
/*
 * walls.c - what hrun-image and hrun-tree could still do if somebody took them over: a child behind the walls of one of them tries.
 *
 *   walls image|apply|devices|walk DIRECTORY
 *   walls image|apply|devices|walk DIRECTORY pause     one that only waits; prints its pid, ends with standard input
 *
 * DIRECTORY/target is the one directory of hrun-tree, and the layout of hrun-image; DIRECTORY/outside is not theirs.  One line an
 * attempt: its name, and "done" or the errno or signal that it ended with.
 */
#include "../../libexec/hrun-image/image.h"
#include "../../libexec/hrun-tree/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What an attempt works with; `outside` is a path from the root, `beside` one from the target. */
static struct place {
	int target, file, own, result;
	pid_t parent;
	char outside[PATH_MAX];
	char beside[PATH_MAX];
} at;

int tree_fail(struct tree *t, int errnum, const char *format, ...)
{
	(void)t;
	(void)format;
	return errnum > 0 ? -errnum : -EIO;
}

#define CALL(...) (syscall(__VA_ARGS__) < 0 ? -errno : 0)

/* ---- by a path ---- */

static int open_path(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags, .mode = flags & O_CREAT ? 0600 : 0};

	return CALL(SYS_openat2, dir, path, &how, sizeof how);
}

static int try_open(void)
{
	return open_path(AT_FDCWD, at.outside, O_RDONLY);
}
static int try_open_beside(void)
{
	return open_path(at.target, at.beside, O_RDONLY);
}
static int try_openat(void)
{
	return CALL(SYS_openat, AT_FDCWD, at.outside, O_RDONLY);
}
static int try_write(void)
{
	return open_path(at.target, at.beside, O_WRONLY);
}
static int try_proc(void)
{
	return open_path(AT_FDCWD, "/proc/self/mem", O_RDWR);
}
static int try_create(void)
{
	return open_path(at.target, "../outside/new", O_WRONLY | O_CREAT);
}
static int try_stat(void)
{
	struct stat st;

	return CALL(SYS_newfstatat, AT_FDCWD, at.outside, &st, AT_EMPTY_PATH);
}
static int try_stat_beside(void)
{
	struct stat st;

	return CALL(SYS_newfstatat, at.target, at.beside, &st, AT_EMPTY_PATH);
}
static int try_statx(void)
{
	struct statx st;

	return CALL(SYS_statx, at.target, at.beside, 0, STATX_ALL, &st);
}
static int try_readlink(void)
{
	char text[PATH_MAX];

	return CALL(SYS_readlinkat, at.target, "../outside/link", text, sizeof text);
}
static int try_access(void)
{
	return CALL(SYS_faccessat, AT_FDCWD, at.outside, R_OK);
}
static int try_chmod(void)
{
	return CALL(SYS_fchmodat, at.target, at.beside, 0666);
}
static int try_chmod_absolute(void)
{
	return CALL(SYS_fchmodat, AT_FDCWD, at.outside, 0666);
}
static int try_chown(void)
{
	return CALL(SYS_fchownat, at.target, at.beside, 1234, 1234, AT_SYMLINK_NOFOLLOW);
}
static int try_chown_absolute(void)
{
	return CALL(SYS_fchownat, AT_FDCWD, at.outside, 1234, 1234, 0);
}
static int try_utimes(void)
{
	const struct timespec times[2] = {{1, 0}, {1, 0}};

	return CALL(SYS_utimensat, at.target, at.beside, times, 0);
}
static int try_setxattr(void)
{
	return CALL(SYS_setxattr, at.outside, "user.x", "y", 1, 0);
}
static int try_unlink(void)
{
	return CALL(SYS_unlinkat, at.target, at.beside, 0);
}
static int try_mkdir(void)
{
	return CALL(SYS_mkdirat, at.target, "../outside/d", 0700);
}
static int try_symlink(void)
{
	return CALL(SYS_symlinkat, "x", at.target, "../outside/s");
}
static int try_link_in(void)
{
	return CALL(SYS_linkat, at.target, at.beside, at.target, "stolen", 0);
}
static int try_link_out(void)
{
	return CALL(SYS_linkat, at.target, "inside", at.target, "../outside/l", 0);
}
static int try_rename(void)
{
	return CALL(SYS_renameat2, at.target, at.beside, at.target, "moved", 0);
}
static int try_chdir(void)
{
	return CALL(SYS_fchdir, at.target);
}
static int try_chroot(void)
{
	return CALL(SYS_chroot, ".");
}

/* ---- by a descriptor ---- */

static int try_truncate(void)
{
	return CALL(SYS_ftruncate, at.file, 0);
}
static int try_fchmod(void)
{
	return CALL(SYS_fchmod, at.file, 0666);
}
static int try_ioctl(void)
{
	int n;

	return CALL(SYS_ioctl, at.file, FIONREAD, &n);
}
static int try_duplicate(void)
{
	return CALL(SYS_fcntl, at.file, F_DUPFD, 30);
}
static int try_flags(void)
{
	return CALL(SYS_fcntl, at.file, F_SETFL, O_ASYNC);
}
static int try_file_write(void)
{
	return CALL(SYS_write, at.file, "x", 1UL);
}

/* ---- other processes, code, the network, more rights ---- */

static int try_fork(void)
{
	return CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static int try_clone3(void)
{
	uint64_t args[8] = {0};

	return CALL(SYS_clone3, args, sizeof args);
}
static int try_execve(void)
{
	char *const none[] = {NULL};

	return CALL(SYS_execve, "/bin/true", none, none);
}
static int try_execveat(void)
{
	char *const none[] = {NULL};

	return CALL(SYS_execveat, at.file, "", none, none, AT_EMPTY_PATH);
}
static int map(int protection)
{
	return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -errno : 0;
}
static int try_code(void)
{
	return map(PROT_READ | PROT_EXEC);
}
static int try_protect(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 ? -errno : 0;
}
static int try_memory(void)
{
	return mmap(NULL, 2UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) ==
			       MAP_FAILED
		       ? -errno
		       : 0;
}
static int try_kill(void)
{
	return CALL(SYS_kill, at.parent, 0);
}
static int try_tgkill(void)
{
	return CALL(SYS_tgkill, at.parent, at.parent, 0);
}
static int try_pidfd(void)
{
	return CALL(SYS_pidfd_open, at.parent, 0);
}
static int try_ptrace(void)
{
	return CALL(SYS_ptrace, PTRACE_ATTACH, at.parent, 0, 0);
}
static int try_read_process(void)
{
	char byte;
	struct iovec local = {&byte, 1}, remote = {&at, 1};

	return CALL(SYS_process_vm_readv, at.parent, &local, 1, &remote, 1, 0);
}
static int try_socket(void)
{
	return CALL(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static int try_unix(void)
{
	return CALL(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}
static int try_netlink(void)
{
	return CALL(SYS_socket, AF_NETLINK, SOCK_RAW, 0);
}
static int try_setuid(void)
{
	return CALL(SYS_setresuid, 0, 0, 0);
}
static int try_capset(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};

	return CALL(SYS_capset, &header, all);
}
static int try_prctl(void)
{
	return CALL(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static int try_unshare(void)
{
	return CALL(SYS_unshare, CLONE_NEWUSER);
}
static int try_mount(void)
{
	return CALL(SYS_mount, "x", "/", "tmpfs", 0, NULL);
}
static int try_setrlimit(void)
{
	return CALL(SYS_prlimit64, 0, 7, NULL, NULL);
}
static int try_bpf(void)
{
	return CALL(SYS_bpf, 0, NULL, 0);
}
static int try_io_uring(void)
{
	return CALL(SYS_io_uring_setup, 1, NULL);
}
static int try_keyctl(void)
{
	return CALL(SYS_keyctl, 0, -3, 0);
}
static int try_handle(void)
{
	return CALL(SYS_open_by_handle_at, at.target, NULL, O_RDONLY);
}
static int try_char_device(void)
{
	return CALL(SYS_mknodat, at.target, "null", S_IFCHR | 0600, makedev(1, 3));
}
#ifdef __x86_64__
/* getpid of the 32-bit ABI, and of x32. */
static int try_32_bit(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
	return result < 0 ? (int)result : 0;
}
static int try_x32(void)
{
	return CALL(0x40000000 + SYS_getpid);
}
#endif

/* ---- what it is for: these must work ---- */

static int try_read_own(void)
{
	char byte;

	return CALL(SYS_pread64, at.own, &byte, 1UL, 0L);
}
static int try_inside(void)
{
	return open_path(at.target, "inside", O_RDONLY);
}
static int try_make_inside(void)
{
	return open_path(at.target, "made", O_WRONLY | O_CREAT | O_EXCL);
}

static const struct attempt {
	const char *name;
	int (*try)(void);
} attempts[] = {
	{"open", try_open},
	{"open-beside", try_open_beside},
	{"openat", try_openat},
	{"open-write", try_write},
	{"open-proc", try_proc},
	{"create", try_create},
	{"stat", try_stat},
	{"stat-beside", try_stat_beside},
	{"statx", try_statx},
	{"readlink", try_readlink},
	{"access", try_access},
	{"chmod", try_chmod},
	{"chmod-absolute", try_chmod_absolute},
	{"chown", try_chown},
	{"chown-absolute", try_chown_absolute},
	{"utimes", try_utimes},
	{"setxattr", try_setxattr},
	{"unlink", try_unlink},
	{"mkdir", try_mkdir},
	{"symlink", try_symlink},
	{"link-in", try_link_in},
	{"link-out", try_link_out},
	{"rename", try_rename},
	{"chdir", try_chdir},
	{"chroot", try_chroot},
	{"ftruncate", try_truncate},
	{"fchmod", try_fchmod},
	{"ioctl", try_ioctl},
	{"duplicate", try_duplicate},
	{"flags", try_flags},
	{"file-write", try_file_write},
	{"fork", try_fork},
	{"clone3", try_clone3},
	{"execve", try_execve},
	{"execveat", try_execveat},
	{"code", try_code},
	{"protect", try_protect},
	{"memory", try_memory},
	{"kill", try_kill},
	{"tgkill", try_tgkill},
	{"pidfd", try_pidfd},
	{"ptrace", try_ptrace},
	{"read-process", try_read_process},
	{"socket", try_socket},
	{"unix", try_unix},
	{"netlink", try_netlink},
	{"setuid", try_setuid},
	{"capset", try_capset},
	{"prctl", try_prctl},
	{"unshare", try_unshare},
	{"mount", try_mount},
	{"setrlimit", try_setrlimit},
	{"bpf", try_bpf},
	{"io_uring", try_io_uring},
	{"keyctl", try_keyctl},
	{"handle", try_handle},
	{"char-device", try_char_device},
#ifdef __x86_64__
	{"32-bit", try_32_bit},
	{"x32", try_x32},
#endif
	{"read-own", try_read_own},
	{"inside", try_inside},
	{"make-inside", try_make_inside},
};

static int confine_as(const char *who)
{
	static struct tree tree = {.max_bytes = 1 << 20};
	const char *what;

	if (strcmp(who, "image") == 0)
		return confine(true, &what);
	tree.root = at.target;
	tree.flags = strcmp(who, "devices") == 0 ? TREE_DEVICES : 0;
	tree.uid = geteuid();
	tree.gid = getegid();
	return tree_confine(&tree, strcmp(who, "walk") == 0 ? TREE_WALK : TREE_APPLY);
}

static void make_one(const char *who, const struct attempt *attempt)
{
	int pair[2], status, result = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		exit(3);
	at.parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		at.result = pair[1];
		if (confine_as(who) < 0)
			_exit(3);
		result = attempt->try();
		_exit(sendto(pair[1], &result, sizeof result, MSG_NOSIGNAL, NULL, 0) != sizeof result);
	}
	close(pair[1]);
	ssize_t n = recv(pair[0], &result, sizeof result, 0);
	close(pair[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		exit(3);
	if (WIFSIGNALED(status))
		printf("%s SIG%s\n", attempt->name, sigabbrev_np(WTERMSIG(status)));
	else if (n != sizeof result)
		printf("%s unconfined\n", attempt->name);
	else
		printf("%s %s\n", attempt->name, result == 0 ? "done" : strerrorname_np(-result));
}

static void wait_confined(const char *who)
{
	int status;
	char byte;

	pid_t pid = fork();
	if (pid == 0) {
		/* The read end of standard input is all that it needs. */
		if (confine_as(who) < 0)
			_exit(3);
		_exit(read(STDIN_FILENO, &byte, 1) != 0);
	}
	printf("%d\n", pid);
	fflush(stdout);
	waitpid(pid, &status, 0);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];

	if (argc < 3 || strlen(argv[2]) > PATH_MAX / 2)
		return 3;
	snprintf(at.outside, sizeof at.outside, "%s/outside/canary", argv[2]);
	snprintf(at.beside, sizeof at.beside, "../outside/canary");
	snprintf(path, sizeof path, "%s/target", argv[2]);
	at.target = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/outside/writable", argv[2]);
	at.file = open(path, O_WRONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/target/inside", argv[2]);
	at.own = open(path, O_RDONLY | O_CLOEXEC);
	if (at.target < 0 || at.file < 0 || at.own < 0)
		return 3;
	if (argc > 3) {
		wait_confined(argv[1]);
		return 0;
	}
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		make_one(argv[1], &attempts[i]);
		fflush(stdout);
	}
	return 0;
}
