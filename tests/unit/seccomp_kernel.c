/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running kernel takes every built-in program, and answers like the simulator.
 *
 * Each program is loaded in a forked child without privileges.  There every number that the
 * program answers with an errno is really called: the filter answers before the call's own
 * code runs, so the arguments may be nonsense.
 */
#include <errno.h>
#include <hrun/builtin_filter.h>
#include <hrun/filter.h>
#include <hrun/filter_simulate.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned int failures;

static const uint64_t sets[] = {
	0, UINT64_C(0x40000), UINT64_C(0xa80425fb), UINT64_C(0x200000), UINT64_C(0x80000), UINT64_MAX};
enum { SETS = sizeof sets / sizeof *sets };

/* Status 0 is a pass; else a step number, told by the parent. */
enum { STEP_LOAD = 1, STEP_STATUS, STEP_ANSWER, STEP_ALLOW, STEP_X32 };

static int seccomp_mode(void)
{
	return prctl(PR_GET_SECCOMP);
}

/* uretprobe and uprobe: newer kernels let them pass by every filter, and kill whoever calls them from elsewhere. */
static bool is_beyond_filters(int number)
{
	return filter_native_arch() == AUDIT_ARCH_X86_64 && (number == 335 || number == 336);
}

/* Calls made here must be few and allowed by every profile. */
static int compare_answers(const struct filter_plan *filter)
{
	for (int number = 0; number <= 600; number++) {
		struct seccomp_data call = {.nr = number, .arch = filter_native_arch()};
		uint32_t answer = filter_simulate(filter->program, filter->length, &call);
		if ((answer & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO || is_beyond_filters(number))
			continue;
		errno = 0;
		if (syscall(number, 0L, 0L, 0L, 0L, 0L, 0L) != -1 || errno != (int)(answer & SECCOMP_RET_DATA))
			return STEP_ANSWER;
	}
	if (syscall(SYS_getpid) <= 0)
		return STEP_ALLOW;
	if (syscall(0x40000000L | SYS_getpid) != -1 || errno != ENOSYS)
		return STEP_X32;
	return 0;
}

static void prepare_child(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	/* What a broken filter lets through must not hurt the machine. */
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0))
		_exit(99);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(98);
}

static int load_and_compare(const struct filter_plan *filter)
{
	struct err e;

	prepare_child();
	if (filter_check_support(filter, &e) < 0 || filter_load(filter, &e) < 0) {
		puts(e.text);
		fflush(stdout);
		return STEP_LOAD;
	}
	if (seccomp_mode() != SECCOMP_MODE_FILTER)
		return STEP_STATUS;
	return compare_answers(filter);
}

static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static void check_program(const struct builtin_filter *row, const struct filter_plan *filter, uint64_t capabilities)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0)
		_exit(load_and_compare(filter));
	int status = wait_for(child);
	if (status == 0)
		return;
	failures++;
	printf("%s, capabilities %#llx: wait status %#x (step %d)\n", row->profile, (unsigned long long)capabilities,
	       (unsigned int)status, WEXITSTATUS(status));
}

#ifdef __x86_64__
/* getpid by the gate of i386 programs */
static long getpid_i386(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* 0: the gate answered; a signal number: it killed. */
static int try_i386(const struct filter_plan *filter)
{
	struct err e;

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		prepare_child();
		if (filter && filter_load(filter, &e) < 0)
			_exit(97);
		_exit(getpid_i386() == (long)getpid() ? 0 : 96);
	}
	int status = wait_for(child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void check_i386(struct pool *pool)
{
	static const struct {
		const char *profile;
		int signal;
	} cases[] = {{"default.json", SIGSYS}, {"strict.json", SIGSYS}, {"compat-x86.json", 0}};

	if (try_i386(NULL) != 0) {
		puts("skip: this kernel runs no i386 programs");
		return;
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct filter_plan filter;
		struct err e;
		if (builtin_filter_get(pool, cases[i].profile, AUDIT_ARCH_X86_64, 0, &filter, &e) < 0 ||
		    try_i386(&filter) != cases[i].signal) {
			printf("%s: an i386 call was not answered as it should\n", cases[i].profile);
			failures++;
		}
	}
}
#else
static void check_i386(struct pool *pool)
{
	(void)pool;
}
#endif

static void check_unknown_flag(const struct filter_plan *filter)
{
	struct filter_plan odd = *filter;
	struct err e = {0};

	odd.flags = 1U << 30;
	if (filter_check_support(&odd, &e) >= 0 || !strstr(e.text, "0x40000000")) {
		printf("a flag that the kernel does not know is taken: %s\n", e.text);
		failures++;
	}
}

int main(void)
{
	struct pool pool = {0};
	struct filter_plan filter;
	unsigned int programs = 0;
	struct err e;

	for (size_t i = 0; i < builtin_filter_count; i++) {
		const struct builtin_filter *row = &builtin_filters[i];
		for (size_t s = 0; s < SETS && row->general && row->arch == filter_native_arch(); s++) {
			if (builtin_filter_get(&pool, row->profile, row->arch, sets[s], &filter, &e) < 0)
				return EXIT_FAILURE;
			check_program(row, &filter, sets[s]);
			programs++;
		}
	}
	check_unknown_flag(&filter);
	check_i386(&pool);
	pool_free(&pool);
	printf("%u programs loaded, %u failed\n", programs, failures);
	return failures || programs < 2 * SETS ? EXIT_FAILURE : EXIT_SUCCESS;
}
