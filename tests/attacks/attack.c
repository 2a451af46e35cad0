// SPDX-License-Identifier: Apache-2.0
/*
 * attack.c - what a hostile program in a container tries, one line of output a try: the errno's name, or what it got.
 *
 * Linked statically by attack.py and put into the test containers as /bin/attack.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *word(long r)
{
	return r < 0 ? strerrorname_np(errno) : "ok";
}

static long number(const char *text)
{
	return (long)strtoull(text, NULL, 0);
}

#ifdef __x86_64__
/* The kernel's answer itself: errno is not involved. */
static long raw(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return r;
}

static long raw_i386(long nr, long a, long b, long c, long d)
{
	long r;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "r8", "r9", "r10", "r11", "memory");
	return r;
}
#endif

/* In a child, because some answers are a signal. */
static void system_call(const char *abi, char **argument)
{
	long v[5];
	int status;

	for (int i = 0; i < 5; i++)
		v[i] = number(argument[i]);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		long r;
#ifdef __x86_64__
		if (!strcmp(abi, "x32"))
			r = raw(v[0] | 0x40000000, v[1], v[2], v[3], v[4]);
		else if (!strcmp(abi, "i386"))
			r = raw_i386(v[0], v[1], v[2], v[3], v[4]);
		else
			r = raw(v[0], v[1], v[2], v[3], v[4]);
		errno = r < 0 && r > -4096 ? (int)-r : 0;
#else
		r = syscall(v[0], v[1], v[2], v[3], v[4]);
#endif
		dprintf(1, "%s\n", r < 0 && r > -4096 ? strerrorname_np(errno) : "ok");
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s\n", sigabbrev_np(WTERMSIG(status)));
}

static void open_at(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	printf("%s\n", word(fd));
	if (fd >= 0)
		close(fd);
}

/* Everything of another process that leads to its files or memory. */
static void look_into(const char *pid)
{
	static const char *const links[] = {"exe", "root", "cwd", "ns/mnt", "fd/0"};
	static const char *const files[] = {"mem", "environ", "maps"};
	char path[64], target[512];

	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof path, "/proc/%s/%s", pid, links[i]);
		ssize_t n = readlink(path, target, sizeof target - 1);
		printf("%s ", word(n));
	}
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "/proc/%s/%s", pid, files[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		printf("%s ", word(fd < 0 ? fd : read(fd, target, 1) < 0 ? -1 : 0));
	}
	printf("%s\n", word(ptrace(PTRACE_ATTACH, atoi(pid), 0, 0)));
}

/*
 * CVE-2019-5736: keep PATH (a /proc/PID/exe) as O_PATH, say so, wait until FLAG is there, then open it for writing, also after
 * asking the kernel to clear the mount's read-only attribute.  Nothing is written.
 */
static void hold(const char *path, const char *flag)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
	char self[64];
	int fd = open(path, O_PATH | O_CLOEXEC);

	printf("hold %s\n", word(fd));
	fflush(stdout);
	if (fd < 0)
		return;
	while (access(flag, F_OK) < 0)
		usleep(1000);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	for (int i = 0; i < 2; i++) {
		for (int try = 0; try < 200; try++) {
			int w = open(self, O_WRONLY | O_CLOEXEC);
			if (w < 0 && errno == ETXTBSY) {
				usleep(10000); /* another hrun is still running it */
				continue;
			}
			printf("write %s\n", word(w));
			break;
		}
		printf("setattr %s\n", word(syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof attr)));
	}
}

static void identity(void)
{
	uid_t r, e, s;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	getresuid(&r, &e, &s);
	printf("uid %u %u %u", r, e, s);
	while (f && fgets(line, sizeof line, f)) {
		if (!strncmp(line, "CapPrm", 6) || !strncmp(line, "CapEff", 6))
			printf(" %llx", strtoull(line + 7, NULL, 16));
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *verb = argv[i];
		int rest = argc - i - 1;
		if (!strcmp(verb, "sys") && rest >= 6)
			system_call(argv[i + 1], argv + i + 2), i += 6;
		else if (!strcmp(verb, "open") && rest >= 2)
			open_at(argv[i + 1], (int)number(argv[i + 2])), i += 2;
		else if (!strcmp(verb, "look") && rest >= 1)
			look_into(argv[++i]);
		else if (!strcmp(verb, "hold") && rest >= 2)
			hold(argv[i + 1], argv[i + 2]), i += 2;
		else if (!strcmp(verb, "id"))
			identity();
		else if (!strcmp(verb, "exec") && rest >= 1) {
			fflush(stdout);
			execv(argv[i + 1], argv + i + 1);
			printf("%s\n", word(-1));
			return 0;
		} else if (!strcmp(verb, "pause")) {
			fflush(stdout);
			for (;;)
				pause();
		} else {
			printf("bad verb %s\n", verb);
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
