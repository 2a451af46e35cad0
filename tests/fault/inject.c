// SPDX-License-Identifier: Apache-2.0
/*
 * inject.c - make the N-th system call of hrun, or of its init, fail; or kill the process there.
 *
 *     inject [--who runtime|init|hook|image|tree] [--call NUMBER] [--at N] [--errno NUMBER | --kill] [--init PID] [--report FILE]
 *            -- COMMAND [ARGUMENT...]
 *
 * Without --at nothing fails, the calls are only counted; with --call only those of that number.  --init also follows a process that waits already (a created container's
 * init, for `hrun start`).  A process is what made it says it is: a child of clone3(2) is the container's init, one that shares its
 * parent's memory is the parent, any other is a hook.  init and hooks are followed until they execute a program, the runtime until
 * it ends; a hook that executes hrun-image or hrun-tree is that one from there on, until it ends.  Their filters end them at
 * a call that we skip: that is a failure as well.
 *
 * Not counted: the dynamic linker's calls, and those whose failure nobody can report or act on (close, munmap, exit, ...).
 *
 * The report is one line: "calls N" or "calls N hit NUMBER", the number of the system call that was hit.
 * Exit status: the command's, 128+N after a signal; 120 for a failure of this program.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_BROKEN = 120, MAX_TRACEES = 64 };

enum role { RUNTIME, INIT, HOOK, IMAGE, TREE, ROLES };
static const char *const role_names[ROLES] = {"runtime", "init", "hook", "image", "tree"};

/* Linux 5.3; glibc's header and the kernel's do not go together in Debian 12. */
struct syscall_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t instruction_pointer, stack_pointer;
	union {
		struct {
			uint64_t nr, args[6];
		} entry;
		struct {
			int64_t rval;
			uint8_t is_error;
		} exit;
	};
	uint64_t room[4];
};
enum { GET_SYSCALL_INFO = 0x420e, OP_ENTRY = 1, OP_EXIT = 2 };

struct tracee {
	pid_t pid;
	enum role role;
	long number;	      /* of the call that it is in */
	uint64_t clone_flags; /* of that call */
	bool failing;	      /* that call gets our errno */
	bool leaving;	      /* interrupted to be let go */
	uint64_t linker_start, linker_end;
	long heap_end; /* what brk(2) said last */
};

static struct tracee tracees[MAX_TRACEES];
static enum role who = RUNTIME;
static unsigned long at, calls;
static int error_number = EIO;
static bool killing;
static long hit = -1, only = -1;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(EXIT_BROKEN);
}

static struct tracee *find(pid_t pid)
{
	for (int i = 0; i < MAX_TRACEES; i++)
		if (tracees[i].pid == pid)
			return &tracees[i];
	return NULL;
}

static struct tracee *add(pid_t pid, enum role role)
{
	struct tracee *t = find(pid);

	if (!t)
		t = find(0);
	if (!t)
		fail("too many processes");
	*t = (struct tracee){.pid = pid, .role = role, .number = -1};
	return t;
}

/* ---- one machine's registers ---- */

/* The call is not made: its number becomes one that no call has. */
static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L) < 0)
		fail("skip a call");
#elif defined(__aarch64__)
	int none = -1;
	struct iovec iov = {&none, sizeof none};
	if (ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &iov) < 0)
		fail("skip a call");
#else
#error "inject.c: this machine's registers"
#endif
}

static void set_result(pid_t pid, long result)
{
#if defined(__x86_64__)
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), result) < 0)
		fail("set a result");
#elif defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof regs};
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		fail("read registers");
	regs.regs[0] = (unsigned long)result;
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) < 0)
		fail("set a result");
#endif
}

/* ---- what counts ---- */

/*
 * Failing them says nothing: the kernel never does (getpid, umask), the program cannot act on it (close, exit), or
 * it is a hint (madvise).  A failing wait would be a kernel that loses children, a failing futex one that loses wake-ups.
 */
static bool is_excluded(long number)
{
	static const long excluded[] = {
		SYS_close,	  SYS_munmap,	      SYS_exit,	       SYS_exit_group,	    SYS_rt_sigreturn,
		SYS_rt_sigaction, SYS_getpid,	      SYS_geteuid,     SYS_getuid,	    SYS_getgid,
		SYS_getegid,	  SYS_umask,	      SYS_madvise,     SYS_set_robust_list, SYS_rseq,
		SYS_gettid,	  SYS_wait4,	      SYS_waitid,      SYS_set_tid_address, SYS_restart_syscall,
		SYS_mprotect,	  SYS_rt_sigprocmask, SYS_close_range, SYS_futex,
#ifdef SYS_arch_prctl
		SYS_arch_prctl,
#endif
	};

	for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++)
		if (excluded[i] == number)
			return true;
	return false;
}

static uint64_t interpreter_base(pid_t pid)
{
	char path[64];
	Elf64_auxv_t entry;
	uint64_t base = 0;

	snprintf(path, sizeof path, "/proc/%d/auxv", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && read(fd, &entry, sizeof entry) == (ssize_t)sizeof entry && entry.a_type != AT_NULL)
		if (entry.a_type == AT_BASE)
			base = entry.a_un.a_val;
	if (fd >= 0)
		close(fd);
	return base;
}

/* The kernel has just mapped the dynamic linker: what lies without a gap from its base on is it. */
static void find_linker(struct tracee *t)
{
	char path[64], line[512];
	uint64_t base = interpreter_base(t->pid);

	t->linker_start = t->linker_end = base;
	snprintf(path, sizeof path, "/proc/%d/maps", t->pid);
	FILE *f = base ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof line, f)) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start == t->linker_end)
			t->linker_end = end;
	}
	if (f)
		fclose(f);
}

static uint64_t clone_flags_of(struct tracee *t, const struct syscall_info *info)
{
	uint64_t flags = 0;

	if (info->entry.nr == SYS_clone)
		return info->entry.args[0];
	struct iovec to = {&flags, sizeof flags}, from = {(void *)(uintptr_t)info->entry.args[0], sizeof flags};
	if (info->entry.nr == SYS_clone3)
		process_vm_readv(t->pid, &to, 1, &from, 1, 0);
	return flags;
}

static void enter_call(struct tracee *t, const struct syscall_info *info)
{
	bool linker = info->instruction_pointer >= t->linker_start && info->instruction_pointer < t->linker_end;

	t->number = (long)info->entry.nr;
	t->clone_flags = clone_flags_of(t, info);
	bool asks_heap = t->number == SYS_brk && info->entry.args[0] == 0;
	if (t->role != who || linker || asks_heap || (only >= 0 && t->number != only) || is_excluded(t->number))
		return;
	calls++;
	if (calls != at)
		return;
	hit = t->number;
	if (killing) {
		kill(t->pid, SIGKILL);
		return;
	}
	skip_call(t->pid);
	t->failing = true;
}

static void on_call(struct tracee *t)
{
	struct syscall_info info = {0};

	if (ptrace((enum __ptrace_request)GET_SYSCALL_INFO, t->pid, sizeof info, &info) < 0)
		return; /* it has been killed meanwhile */
	if (info.op == OP_ENTRY)
		enter_call(t, &info);
	else if (t->failing) {
		/* brk(2) has no errno: it fails by answering with the old end. */
		set_result(t->pid, t->number == SYS_brk ? t->heap_end : -(long)error_number);
		t->failing = false;
	} else if (t->number == SYS_brk) {
		t->heap_end = (long)info.exit.rval;
	}
}

/* ---- processes ---- */

static enum role role_of_child(const struct tracee *parent)
{
	if (parent->number == SYS_clone3)
		return INIT;
	return parent->clone_flags & CLONE_VM ? parent->role : HOOK;
}

static void add_child(const struct tracee *parent, pid_t pid)
{
	struct tracee *t = add(pid, role_of_child(parent));

	t->linker_start = parent->linker_start;
	t->linker_end = parent->linker_end;
	t->heap_end = parent->heap_end;
}

static void let_go(struct tracee *t)
{
	ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
	t->pid = 0;
}

static void resume(struct tracee *t, int signal)
{
	ptrace(PTRACE_SYSCALL, t->pid, NULL, (void *)(uintptr_t)signal);
}

/* Executed by descriptor, it is named by its file. */
static bool becomes_program(struct tracee *t)
{
	static const char *const names[ROLES] = {[IMAGE] = "/hrun-image", [TREE] = "/hrun-tree"};
	char link[64], path[4096];

	snprintf(link, sizeof link, "/proc/%d/exe", t->pid);
	ssize_t n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	const char *name = strrchr(path, '/');
	for (int role = IMAGE; name && role < ROLES; role++) {
		if (strcmp(name, names[role]) == 0) {
			t->role = (enum role)role;
			return true;
		}
	}
	return false;
}

static void on_event(struct tracee *t, int event)
{
	unsigned long child = 0;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (ptrace(PTRACE_GETEVENTMSG, t->pid, NULL, &child) == 0)
			add_child(t, (pid_t)child);
		break;
	case PTRACE_EVENT_EXEC:
		if (t->role != RUNTIME && !becomes_program(t)) {
			let_go(t);
			return;
		}
		find_linker(t);
		break;
	case PTRACE_EVENT_STOP:
		if (t->leaving) {
			let_go(t);
			return;
		}
		break;
	default:
		break;
	}
	resume(t, 0);
}

/* One stop of one process that we may not have heard of yet: a child can be faster than its parent's event. */
static void on_stop(pid_t pid, int status)
{
	static pid_t early[MAX_TRACEES];
	struct tracee *t = find(pid);
	int signal = WSTOPSIG(status), event = status >> 16;

	if (!t) {
		for (int i = 0; i < MAX_TRACEES; i++)
			if (!early[i]) {
				early[i] = pid;
				return;
			}
		fail("too many early processes");
	}
	if (signal == (SIGTRAP | 0x80)) {
		on_call(t);
		resume(t, 0);
	} else if (event) {
		on_event(t, event);
	} else {
		resume(t, signal);
	}
	for (int i = 0; i < MAX_TRACEES; i++)
		if (early[i] && (t = find(early[i]))) {
			early[i] = 0;
			resume(t, 0);
		}
}

/* The command has ended: init, which waits for START, goes on without us. */
static void leave_others(void)
{
	int status;
	pid_t pid;

	for (int i = 0; i < MAX_TRACEES; i++)
		if (tracees[i].pid) {
			tracees[i].leaving = true;
			ptrace(PTRACE_INTERRUPT, tracees[i].pid, NULL, NULL);
		}
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		struct tracee *t = find(pid);
		if (t && WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80))
			on_call(t); /* a call that was to fail still does */
		if (t && WIFSTOPPED(status))
			let_go(t);
		else if (t)
			t->pid = 0;
		bool any = false;
		for (int i = 0; i < MAX_TRACEES; i++)
			any |= tracees[i].pid != 0;
		if (!any)
			return;
	}
}

static int follow(pid_t command)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			fail("wait");
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		struct tracee *t = find(pid);
		if (t)
			t->pid = 0;
		if (pid == command) {
			leave_others();
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
}

/* Whoever kills us because nothing ends kills all that we follow. */
static const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			    PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;

static void seize(pid_t pid, enum role role)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		fail("trace");
	find_linker(add(pid, role));
}

static pid_t start(char **command)
{
	int gate[2];
	char byte;

	if (pipe2(gate, O_CLOEXEC) < 0)
		fail("pipe");
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 1)
			_exit(EXIT_BROKEN);
		execvp(command[0], command);
		_exit(127);
	}
	seize(pid, HOOK); /* its calls until it executes the command are ours */
	if (write(gate[1], "", 1) != 1)
		fail("open the gate");
	close(gate[0]);
	close(gate[1]);
	/* Until the exec: then it is the runtime. */
	for (int status; waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);) {
		struct tracee *t = find(pid);
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			t->role = RUNTIME;
			find_linker(t);
			resume(t, 0);
			return pid;
		}
		resume(t, status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status));
	}
	errno = ENOEXEC;
	fail(command[0]);
}

static enum role role_named(const char *name)
{
	for (int i = 0; i < ROLES; i++)
		if (strcmp(role_names[i], name) == 0)
			return (enum role)i;
	errno = EINVAL;
	fail(name);
}

int main(int argc, char **argv)
{
	const char *report = NULL;
	pid_t init = 0;
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *value = argv[i + 1];
		if (strcmp(argv[i], "--kill") == 0) {
			killing = true;
			continue;
		}
		i++;
		if (!value)
			break;
		if (strcmp(argv[i - 1], "--who") == 0)
			who = role_named(value);
		else if (strcmp(argv[i - 1], "--at") == 0)
			at = strtoul(value, NULL, 10);
		else if (strcmp(argv[i - 1], "--call") == 0)
			only = atoi(value);
		else if (strcmp(argv[i - 1], "--errno") == 0)
			error_number = atoi(value);
		else if (strcmp(argv[i - 1], "--init") == 0)
			init = atoi(value);
		else if (strcmp(argv[i - 1], "--report") == 0)
			report = value;
		else
			break;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
		errno = EINVAL;
		fail("usage: inject [OPTION...] -- COMMAND [ARGUMENT...]");
	}
	pid_t command = start(argv + i + 1);
	if (init)
		seize(init, INIT);
	int status = follow(command);
	FILE *f = report ? fopen(report, "we") : NULL;
	if (f && hit >= 0)
		fprintf(f, "calls %lu hit %ld\n", calls, hit);
	else if (f)
		fprintf(f, "calls %lu\n", calls);
	if (report && (!f || fclose(f) != 0))
		fail(report);
	return status;
}
