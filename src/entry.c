/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.c - the first of two rounds, before the C library (static programs only).
 *
 * create, run and exec execute hrun again from a read-only clone of its own mount (src/sandbox/self.c says why).
 * A start of the C library costs as much as half a container, so the first round does without: the kernel enters here,
 * and here the program is executed again.  Whatever does not work here (an ordinary user, no procfs) is left to
 * sandbox_protect_self, which does the same with all its ways out and its messages; it decides, this only hurries.
 *
 * Nothing is relocated yet, there is no thread pointer and no function of the C library: system calls by hand, no
 * pointers in static data, no large initialised object (the compiler would call memset).  `tests/lint/slow-build` looks.
 */
#include <fcntl.h>
#include <hrun/entry.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#if defined(__x86_64__)
/* At the entry the stack is aligned and %rdx belongs to _start; two pushes keep both. */
__asm__(".text\n"
	".globl entry_start\n"
	".type entry_start, @function\n"
	"entry_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	push %rdx\n"
	"	push %rdx\n"
	"	call entry_early\n"
	"	pop %rdx\n"
	"	pop %rdx\n"
	"	jmp _start\n"
	".size entry_start, . - entry_start\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl entry_start\n"
	".type entry_start, %function\n"
	"entry_start:\n"
	"	str x0, [sp, #-16]!\n"
	"	add x0, sp, #16\n"
	"	bl entry_early\n"
	"	ldr x0, [sp], #16\n"
	"	b _start\n"
	".size entry_start, . - entry_start\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)

static bool may_enter(char **argv)
{
	for (; *argv; argv++) {
		if (entry_word_enters(*argv))
			return true;
	}
	return false;
}

/* AT_SECURE: setuid or file capabilities, which cli.c refuses; after a change of SELinux's domain alone it protects hrun. */
static bool is_secure(const unsigned long *auxv)
{
	for (; auxv[0] != AT_NULL; auxv += 2) {
		if (auxv[0] == AT_SECURE)
			return auxv[1] != 0;
	}
	return true;
}

static bool is_read_only(void)
{
	struct statfs fs;

	fs.f_flags = 0;
	return call(SYS_statfs, (long)"/proc/self/exe", (long)&fs, 0, 0, 0) < 0 || fs.f_flags & ST_RDONLY;
}

static bool is_protected(long exe)
{
	struct statx stx;

	stx.stx_attributes = 0;
	stx.stx_nlink = 0;
	return call(SYS_statx, exe, (long)"", AT_EMPTY_PATH, STATX_TYPE | STATX_NLINK, (long)&stx) < 0 ||
	       stx.stx_attributes & STATX_ATTR_VERITY || stx.stx_nlink == 0;
}

static void execute_clone(long exe, char **argv, char **envp)
{
	char path[PATH_MAX], *name = argv[0];
	struct mount_attr attr;
	long tree = call(SYS_open_tree, exe, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);

	if (tree < 0)
		return;
	attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	attr.attr_clr = 0;
	attr.propagation = MS_PRIVATE;
	attr.userns_fd = 0;
	long length = call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path, sizeof path, 0);
	if (length > 0 && name && entry_rename(path, (size_t)length, sizeof path, name))
		argv[0] = path;
	if (call(SYS_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof attr) == 0)
		call(SYS_execveat, tree, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
	argv[0] = name;
	call(SYS_close, tree, 0, 0, 0, 0);
}

void entry_early(long *stack);
/* STACK is what execve(2) leaves: argc, argv, NULL, envp, NULL, the auxiliary vector. */
__attribute__((used)) void entry_early(long *stack)
{
	char **argv = (char **)(stack + 1);
	char **envp = argv + stack[0] + 1, **end = envp;

#ifdef HRUN_MUTANT_SELF
	return;
#endif
	while (*end)
		end++;
	if (!may_enter(argv) || is_secure((const unsigned long *)(end + 1)) || is_read_only())
		return;
	long exe = call(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_PATH | O_CLOEXEC, 0, 0);
	if (exe < 0)
		return;
	if (!is_protected(exe))
		execute_clone(exe, argv, envp);
	call(SYS_close, exe, 0, 0, 0, 0);
}

#endif
