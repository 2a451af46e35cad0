/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watched.c, floor.c - what engines' and our own profiles let through, by name; what a floor denies and what it does not.
 *
 * Usage: seccomp_judge [measure]: what it costs, in microseconds of CPU time, instead of testing.
 */
#include "../seccomp/read_profile.h"
#include <hrun/builtin_filter.h>
#include <hrun/filter_cache.h>
#include <hrun/filter_compile.h>
#include <hrun/filter_floor.h>
#include <hrun/filter_program.h>
#include <hrun/filter_simulate.h>
#include <hrun/str.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int failures;

static void check(bool holds, const char *what, const char *name)
{
	if (holds)
		return;
	printf("wrong: %s: %s\n", what, name);
	failures++;
}

/* The names of what is let through, in the order of the table: "mount umount2". */
static const char *names_of(struct pool *pool, const struct filter_judgement *judgement, bool restricted)
{
	const char *text = "";

	for (size_t i = 0; i < watched_call_count; i++) {
		uint64_t lets = judgement->lets[0] | judgement->lets[1] | judgement->lets[2];
		if ((watched_calls[i].watch == WATCH_RESTRICTED) == restricted && lets & UINT64_C(1) << i)
			text = pool_printf(pool, "%s%s%s", text, *text ? " " : "", watched_calls[i].name);
	}
	return text;
}

static void expect(struct pool *pool, const char *what, const struct filter_judgement *judgement, const char *dangerous,
		   const char *restricted)
{
	const char *got = names_of(pool, judgement, false);

	check(str_equal(got, dangerous), what, got);
	got = names_of(pool, judgement, true);
	check(str_equal(got, restricted), what, got);
}

static void check_engine(struct pool *pool, const char *file, const char *restricted)
{
	const struct test_profile *profile = read_test_profile("tests/seccomp", file);
	struct filter_program program;
	struct err e;

	if (filter_program_get(pool, &profile->seccomp, NULL, &program, &e) < 0)
		die("%s: %s", file, e.text);
	expect(pool, file, &program.judgement, "", restricted);
}

static void check_builtin(struct pool *pool)
{
	for (size_t i = 0; i < builtin_filter_count; i++) {
		const struct builtin_filter *filter = &builtin_filters[i];
		struct filter_judgement judgement;
		struct filter_plan plan;
		struct err e;
		if (filter->arch != filter_native_arch() || !filter->general)
			continue;
		if (builtin_filter_get(pool, filter->profile, filter->arch, 0, &plan, &e) < 0)
			die("%s", e.text);
		filter_judge(pool, plan.program, plan.length, &judgement);
		expect(pool, filter->profile, &judgement, "", "");
	}
}

/* ---- the floor ---- */

static uint32_t answer(const struct sock_filter *program, size_t length, enum filter_abi abi, const char *name,
		       uint64_t first)
{
	int number = filter_abi_number(abi, name);
	struct seccomp_data call = {.nr = number, .arch = filter_abi_arch(abi), .args = {first}};

	if (number < 0)
		return SECCOMP_RET_ALLOW;
	return filter_simulate(program, length, &call);
}

static void check_denied(const struct sock_filter *program, size_t length, uint64_t granted)
{
	for (size_t i = 0; i < watched_call_count; i++) {
		const struct watched_call *call = &watched_calls[i];
		bool denied = call->watch == WATCH_DANGEROUS && !(granted & UINT64_C(1) << i);
		uint32_t expected = denied ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW;
		for (int abi = 0; abi < FILTER_ABIS; abi += FILTER_COMPANION) {
			if (call->watch == WATCH_DANGEROUS_UNCONDITIONAL ||
			    filter_abi_number((enum filter_abi)abi, call->name) < 0)
				continue;
			check(answer(program, length, (enum filter_abi)abi, call->name, 0) == expected, "the floor",
			      call->name);
		}
	}
}

static void check_floor(struct pool *pool)
{
	static const char *const others[] = {"read",	"execve", "capset", "prctl",
					     "seccomp", "mount",  "keyctl", "ptrace"};
	const struct sock_filter *program;
	struct filter_judgement judgement;
	size_t length;

	for (uint64_t granted = 0; granted < 3; granted += 2) {
		filter_floor(pool, granted, &program, &length);
		check_denied(program, length, granted);
	}
	filter_floor(pool, 0, &program, &length);
	filter_judge(pool, program, length, &judgement);
	check(!*names_of(pool, &judgement, false), "the floor lets through", names_of(pool, &judgement, false));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		check(answer(program, length, FILTER_NATIVE, others[i], 5) == SECCOMP_RET_ALLOW, "the floor denies",
		      others[i]);
	check(answer(program, length, FILTER_NATIVE, "socket", AF_INET) == SECCOMP_RET_ALLOW, "socket", "AF_INET");
	check(answer(program, length, FILTER_NATIVE, "socket", AF_NETLINK) == SECCOMP_RET_ALLOW, "socket",
	      "AF_NETLINK");
	check(answer(program, length, FILTER_NATIVE, "socket", AF_VSOCK) == (SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	      "socket", "AF_VSOCK");
	check(answer(program, length, FILTER_COMPANION, "personality", 0x40000) == (SECCOMP_RET_ERRNO | EPERM),
	      "personality", "ADDR_NO_RANDOMIZE");
	check(answer(program, length, FILTER_NATIVE, "personality", UINT32_MAX) == SECCOMP_RET_ALLOW, "personality",
	      "the question");
}

/* ---- of another ABI only ---- */

static void check_abi(struct pool *pool)
{
	const struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 128, 0, 1), /* init_module of i386 */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	const struct sock_filter x32[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40000000 + 528, 0, 1), /* its own kexec_load */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_LOG),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40000000 + 175, 0, 1), /* init_module with the bit */
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct filter_judgement judgement;

	if (filter_native_arch() != AUDIT_ARCH_X86_64)
		return;
	filter_judge(pool, program, sizeof program / sizeof *program, &judgement);
	expect(pool, "i386", &judgement, "init_module", "");
	filter_judge(pool, x32, sizeof x32 / sizeof *x32, &judgement);
	expect(pool, "x32", &judgement, "kexec_load init_module", "");
}

/* ---- what it costs ---- */

enum { ROUNDS = 200 };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(const char *file)
{
	const struct config_seccomp *seccomp = &read_test_profile("tests/seccomp", file)->seccomp;
	static char directory[] = "/tmp/hrun-measure-XXXXXX";
	struct filter_program program = {0};
	struct filter_judgement judgement;
	char kept[128];
	struct filter_key key;
	double us[3] = {0};
	struct err e;

	if (!mkdtemp(directory))
		die("mkdtemp: %m");
	for (int i = 0; i < ROUNDS; i++) {
		struct pool pool = {NULL};
		double start = now_us();
		if (filter_compile(&pool, seccomp, &program.program, &program.length, &e) < 0)
			die("%s", e.text);
		us[0] += now_us() - start;
		start = now_us();
		filter_judge(&pool, program.program, program.length, &judgement);
		us[1] += now_us() - start;
		filter_program_get(&pool, seccomp, directory, &program, &e);
		start = now_us();
		filter_program_get(&pool, seccomp, directory, &program, &e);
		us[2] += now_us() - start;
		pool_free(&pool);
	}
	printf("%s: compile %.0f us, judge %.0f us; both from the cache %.0f us\n", file, us[0] / ROUNDS,
	       us[1] / ROUNDS, us[2] / ROUNDS);
	filter_cache_key(seccomp, &key);
	snprintf(kept, sizeof kept, "%s/%s", directory, key.name);
	unlink(kept);
	rmdir(directory);
}

int main(int argc, char **argv)
{
	struct pool pool = {NULL};

	if (argc > 1 && str_equal(argv[1], "measure")) {
		measure("docker.json");
		test_free();
		return 0;
	}
	check_engine(&pool, "docker.json", "");
	check_engine(
		&pool, "podman.json",
		"mount umount umount2 pivot_root fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr "
		"setns unshare clone clone3");
	check_builtin(&pool);
	check_floor(&pool);
	check_abi(&pool);
	pool_free(&pool);
	test_free();
	printf("%d failures\n", failures);
	return failures != 0;
}
