/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which filter a plan gets: the config's own, the built-in one for the container's capabilities, or none.
 */
#include <hrun/builtin_filter.h>
#include <hrun/config.h>
#include <hrun/filter_simulate.h>
#include <hrun/str.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

static int failures;

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s\n", what);
	failures++;
}

static uint32_t answer(const struct filter_plan *filter, int number)
{
	struct seccomp_data call = {.nr = number, .arch = filter_native_arch()};

	return filter_simulate(filter->program, filter->length, &call);
}

static struct filter_plan filter_of(struct pool *pool, const struct config *config, enum capability_set set,
				    uint64_t capabilities)
{
	struct plan_options options = {.look_only = true, .cache_dir = "/nonexistent/never/made"};
	struct plan plan = {0};
	struct err e;

	plan.creds.caps[set] = capabilities;
	plan.creds.no_new_privs = true;
	if (plan_filter(pool, config, &options, &plan, &e) < 0) {
		printf("plan_filter: %s\n", e.text);
		exit(1);
	}
	return plan.filter;
}

static void check_builtin(struct pool *pool)
{
	struct config_linux section = {.builtin_seccomp = "default.json"};
	struct config config = {.linux_ = &section};

	struct filter_plan none = filter_of(pool, &config, CAPS_BOUNDING, 0);
	check(str_equal(none.name, "default.json"), "the built-in filter's name");
	check(str_equal(none.where, "seccomp-profiles/default.json"), "the built-in filter's place");
	check(str_equal(none.default_action, "ERRNO(ENOSYS)"), "the built-in filter's default");
	check(answer(&none, SYS_mount) == (SECCOMP_RET_ERRNO | EPERM), "mount without a capability");
	check(answer(&none, SYS_read) == SECCOMP_RET_ALLOW, "read");
	for (int set = 0; set < CAPS_SETS; set++) {
		struct filter_plan admin = filter_of(pool, &config, (enum capability_set)set, UINT64_C(1) << 21);
		check(answer(&admin, SYS_mount) == SECCOMP_RET_ALLOW, "mount with CAP_SYS_ADMIN in some set");
		check(answer(&admin, SYS_ptrace) == (SECCOMP_RET_ERRNO | EPERM), "ptrace with CAP_SYS_ADMIN alone");
	}
}

static void check_given(struct pool *pool)
{
	const char *name[] = {"read", "clone3", "no_such_call_ever", "execve"};
	struct config_seccomp_syscall allow = {.names = {name, 4, true}, .action = "SCMP_ACT_ALLOW"};
	struct config_seccomp seccomp = {.default_action = "SCMP_ACT_ERRNO",
					 .default_errno_ret = {true, ENOTTY},
					 .syscalls = &allow,
					 .syscall_count = 1};
	struct config_linux section = {.seccomp = &seccomp, .builtin_seccomp = "default.json"};
	struct config config = {.linux_ = &section};

	struct filter_plan given = filter_of(pool, &config, CAPS_BOUNDING, UINT64_MAX);
	check(str_equal(given.name, "linux.seccomp") && str_equal(given.where, "linux.seccomp"), "the config's name");
	check(str_equal(given.default_action, "ERRNO(ENOTTY)"), "the config's default");
	check(answer(&given, SYS_read) == SECCOMP_RET_ALLOW, "the config's own entry");
	check(answer(&given, SYS_mount) == (SECCOMP_RET_ERRNO | ENOTTY), "the config's own default");
	check(answer(&given, SYS_clone3 + 1) == (SECCOMP_RET_ERRNO | ENOSYS), "a call newer than the profile");
	section.seccomp = NULL;
	section.builtin_seccomp = NULL;
	check(filter_of(pool, &config, CAPS_BOUNDING, 0).program == NULL, "no filter where nobody asks for one");
	config.linux_ = NULL;
	check(filter_of(pool, &config, CAPS_BOUNDING, 0).program == NULL, "no filter without the section linux");
}

static int plan_with(struct pool *pool, bool no_new_privs, struct config_seccomp_syscall *entries, size_t count,
		     struct err *e)
{
	struct config_seccomp seccomp = {
		.default_action = "SCMP_ACT_ALLOW", .syscalls = entries, .syscall_count = count};
	struct config_linux section = {.seccomp = &seccomp};
	struct config config = {.linux_ = &section};
	struct plan_options options = {.look_only = true};
	struct plan plan = {.creds = {.no_new_privs = no_new_privs}};

	return plan_filter(pool, &config, &options, &plan, e);
}

static int plan_without_nnp(struct pool *pool, struct config_seccomp_syscall *entries, size_t count, struct err *e)
{
	return plan_with(pool, false, entries, count, e);
}

/* What drops CAP_SYS_ADMIN after the filter is loaded must not be faked, for any arguments. */
static void check_last_calls(struct pool *pool)
{
	static const char *const last[] = {"capset", "prctl", "execve"};
	struct config_seccomp_arg arg = {.index = 1, .value = 4711, .op = "SCMP_CMP_EQ"};
	const char *name;
	struct config_seccomp_syscall entry = {
		.names = {&name, 1, true}, .action = "SCMP_ACT_ERRNO", .errno_ret = {true, 0}, .args = &arg};
	struct err e = {0};

	check(plan_without_nnp(pool, &entry, 0, &e) == 0, "a filter that allows the last calls");
	for (size_t i = 0; i < 3; i++) {
		name = last[i];
		for (entry.arg_count = 0; entry.arg_count < 2; entry.arg_count++) {
			check(plan_without_nnp(pool, &entry, 1, &e) == -EINVAL, "a filter that fakes a last call");
			check(strstr(e.text, name) != NULL, "the call's name in the error");
		}
	}
	entry.arg_count = 0;
	for (size_t i = 0; i < 3; i++) {
		name = last[i];
		check(plan_with(pool, true, &entry, 1, &e) == (str_equal(name, "execve") ? -EINVAL : 0),
		      "with no_new_privs only execve comes after the filter");
	}
	name = "mkdirat";
	check(plan_without_nnp(pool, &entry, 1, &e) == 0, "a filter that denies another call");
}

static void check_unknown_profile(struct pool *pool)
{
	struct filter_plan filter;
	struct err e = {0};

	check(builtin_filter_get(pool, "none.json", filter_native_arch(), 0, &filter, &e) == -ENOENT,
	      "a profile that is not there");
	check(strstr(e.text, "none.json") != NULL, "its name in the error");
}

/* Programs that the kernel would refuse must not look harmless. */
static void check_bad_programs(void)
{
	static const struct sock_filter bad[][2] = {
		{BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
		{BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_IMM, 0)},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct filter_plan filter = {.program = bad[i], .length = 2};
		check(answer(&filter, 0) == SECCOMP_RET_KILL_PROCESS, "a program that the kernel would refuse");
	}
}

int main(void)
{
	struct pool pool = {0};

	check_builtin(&pool);
	check_given(&pool);
	check_last_calls(&pool);
	check_unknown_profile(&pool);
	check_bad_programs();
	pool_free(&pool);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
