/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of a config, compiled by libseccomp: real engines' ones and our strict.json against a
 * slow evaluation, call by call; every word that must be refused; the cache, and who may not
 * write to it.
 */
#include "../seccomp/read_profile.h"
#include <dirent.h>
#include <fcntl.h>
#include <hrun/builtin_filter.h>
#include <hrun/filter_cache.h>
#include <hrun/filter_simulate.h>
#include <linux/audit.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long failures, checks;

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *format, ...)
{
	va_list args;

	if (failures++ > 20)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/*
 * As libseccomp reads a profile: the first unconditional entry beats all conditional ones; two conditions
 * on one argument are alternatives.  False: entries contradict each other, anything goes.
 */
static bool any_holds(const struct config_seccomp_syscall *entry, const uint64_t *args)
{
	unsigned int seen = 0;
	bool repeats = false, any = false;

	for (size_t i = 0; i < entry->arg_count; i++) {
		repeats = repeats || (seen & 1U << entry->args[i].index);
		seen |= 1U << entry->args[i].index;
		any = any || test_arg_holds(&entry->args[i], args);
	}
	return repeats ? any : test_args_hold(entry, args);
}

static bool expected(const struct test_profile *profile, const bool *named, const struct seccomp_data *call,
		     uint32_t *ret_action)
{
	uint32_t fallback = test_action(profile->seccomp.default_action, profile->seccomp.default_errno_ret);
	uint64_t args[6];
	bool hit = false;

	memcpy(args, call->args, sizeof args);
	*ret_action = fallback;
	for (int conditional = 0; conditional < 2 && !hit; conditional++) {
		for (size_t i = 0; i < profile->seccomp.syscall_count; i++) {
			const struct config_seccomp_syscall *entry = &profile->syscalls[i];
			uint32_t action = test_action(entry->action, entry->errno_ret);
			if (!named[i] || (entry->arg_count > 0) != conditional || action == fallback)
				continue;
			if (conditional && !any_holds(entry, args))
				continue;
			if (hit && conditional && action != *ret_action)
				return false;
			if (!hit)
				*ret_action = action;
			hit = true;
		}
	}
	return true;
}

/* libseccomp's own tables may lack a call that ours has. */
static bool is_known(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static void mark_named(const struct test_profile *profile, uint32_t arch, int number, bool *named)
{
	for (size_t i = 0; i < profile->seccomp.syscall_count; i++) {
		const struct string_list *names = &profile->syscalls[i].names;
		named[i] = false;
		for (size_t k = 0; k < names->count && number >= 0; k++)
			named[i] = named[i] ||
				   (is_known(names->item[k]) && profile_number(arch, names->item[k]) == number);
	}
}

/* Above everything that the profile names: it was written before that call. */
static bool is_newer(const struct test_profile *profile, uint32_t arch, int number)
{
	uint32_t fallback = test_action(profile->seccomp.default_action, profile->seccomp.default_errno_ret);

	if ((fallback & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		return false;
	for (size_t i = 0; i < profile->seccomp.syscall_count; i++) {
		const struct string_list *names = &profile->syscalls[i].names;
		for (size_t k = 0; k < names->count; k++) {
			if (is_known(names->item[k]) && profile_number(arch, names->item[k]) >= number)
				return false;
		}
	}
	return true;
}

static void check_number(const char *name, const struct test_profile *profile, const struct filter_plan *filter,
			 uint32_t arch, int number)
{
	uint64_t values[3][256];
	size_t count[3];
	bool named[TEST_ENTRIES];

	mark_named(profile, arch, number, named);
	for (unsigned int i = 0; i < 3; i++)
		count[i] = test_values(profile, arch, number, i, values[i], 256);
	for (size_t n = 0; n < count[0] * count[1] * count[2]; n++) {
		struct seccomp_data call = {.nr = number, .arch = arch};
		uint32_t want, got = 0;
		call.args[0] = values[0][n % count[0]];
		call.args[1] = values[1][n / count[0] % count[1]];
		call.args[2] = values[2][n / count[0] / count[1]];
		/* The kernel hands over 32 bits of a 32-bit caller's registers; libseccomp relies on it. */
		for (int i = 0; arch == AUDIT_ARCH_I386 && i < 3; i++)
			call.args[i] = (uint32_t)call.args[i];
		if (!expected(profile, named, &call, &want))
			continue;
		if (is_newer(profile, arch, number))
			want = SECCOMP_RET_ERRNO | ENOSYS;
		got = filter_simulate(filter->program, filter->length, &call);
		checks++;
		if (got != want)
			fail("%s arch %#x call %d(%#llx, %#llx, %#llx): got %#x, expected %#x", name, arch, number,
			     call.args[0], call.args[1], call.args[2], got, want);
	}
}

static void check_killed(const char *name, const struct filter_plan *filter, uint32_t arch, int from, int to)
{
	for (int number = from; number <= to; number++) {
		struct seccomp_data call = {.nr = number, .arch = arch};
		uint32_t got = filter_simulate(filter->program, filter->length, &call);
		checks++;
		if (got != SECCOMP_RET_KILL_PROCESS)
			fail("%s arch %#x call %#x is not killed but %#x", name, arch, number, got);
	}
}

static void check_profile(struct pool *pool, const char *directory, const char *name, bool has_i386)
{
	const struct test_profile *profile = read_test_profile(directory, name);
	uint32_t native = filter_native_arch();
	struct filter_plan filter;
	struct err e;

	if (plan_filter_compile(pool, &profile->seccomp, NULL, NULL, &filter, &e) < 0) {
		fail("%s: %s", name, e.text);
		return;
	}
	printf("%s: %zu instructions, default %s\n", name, filter.length, filter.default_action);
	for (int number = 0; number <= 600; number++)
		check_number(name, profile, &filter, native, number);
	if (native != AUDIT_ARCH_X86_64)
		return;
	check_killed(name, &filter, native, 0x40000000, 0x40000000 + 600); /* x32, also where the profile lists it */
	check_killed(name, &filter, AUDIT_ARCH_AARCH64, 0, 500);
	for (int number = 0; has_i386 && number <= 600; number++) {
		if (number != 102 &&
		    number != 117) /* socketcall and ipc: libseccomp makes rules for their inner calls */
			check_number(name, profile, &filter, AUDIT_ARCH_I386, number);
	}
	if (!has_i386)
		check_killed(name, &filter, AUDIT_ARCH_I386, 0, 500);
}

/* ---- what is refused ---- */

static struct config_seccomp_arg one_arg = {.index = 0, .op = "SCMP_CMP_EQ"};
static const char *one_name[] = {"mkdirat"}, *one_word[1];
static struct config_seccomp_syscall one_syscall;
static struct config_seccomp one;

static void start_over(void)
{
	one_arg = (struct config_seccomp_arg){.index = 0, .op = "SCMP_CMP_EQ"};
	one_syscall = (struct config_seccomp_syscall){
		.names = {one_name, 1, true}, .action = "SCMP_ACT_ALLOW", .args = &one_arg, .arg_count = 1};
	one = (struct config_seccomp){.default_action = "SCMP_ACT_ERRNO", .syscalls = &one_syscall, .syscall_count = 1};
}

static void check_refused(struct pool *pool, const char *place, const char *word)
{
	struct filter_plan filter = {0};
	struct err e = {0};

	checks++;
	if (plan_filter_compile(pool, &one, NULL, NULL, &filter, &e) >= 0)
		fail("not refused: %s %s", place, word);
	else if (!strstr(e.text, place) || !strstr(e.text, word) || filter.program)
		fail("the error for %s %s says: %s", place, word, e.text);
	start_over();
}

static void check_refusals(struct pool *pool)
{
	struct filter_plan filter;
	struct err e;

	start_over();
	if (plan_filter_compile(pool, &one, NULL, NULL, &filter, &e) < 0)
		fail("the model of the bad profiles is bad itself: %s", e.text);
	one.default_action = "SCMP_ACT_MAYBE";
	check_refused(pool, "linux.seccomp.defaultAction", "SCMP_ACT_MAYBE");
	one.default_action = NULL;
	check_refused(pool, "linux.seccomp.defaultAction", "(none)");
	one.default_action = "SCMP_ACT_ALLOW", one.default_errno_ret = (struct opt_u32){true, 1};
	check_refused(pool, "linux.seccomp.defaultAction", "errno");
	one_syscall.action = "SCMP_ACT_NOTIFY";
	check_refused(pool, "linux.seccomp.listenerPath", "missing");
	one_syscall.action = "SCMP_ACT_NOTIFY", one.listener_path = "agent.sock";
	check_refused(pool, "linux.seccomp.listenerPath", "absolute");
	one.listener_metadata = "x";
	check_refused(pool, "linux.seccomp.listenerMetadata", "without listenerPath");
	one_syscall.action = "scmp_act_allow";
	check_refused(pool, "linux.seccomp.syscalls[0]", "scmp_act_allow");
	one_arg.op = "SCMP_CMP_ALMOST";
	check_refused(pool, "linux.seccomp.syscalls[0].args", "SCMP_CMP_ALMOST");
	one_arg.index = 6;
	check_refused(pool, "linux.seccomp.syscalls[0].args", "6");
	one_syscall.names.count = 0;
	check_refused(pool, "linux.seccomp.syscalls[0].names", "empty");
	one.architectures = one.flags = (struct string_list){one_word, 1, true};
	one.flags = (struct string_list){one_word, 1, true}, one_word[0] = "SECCOMP_FILTER_FLAG_NEW";
	check_refused(pool, "linux.seccomp.flags[0]", "SECCOMP_FILTER_FLAG_NEW");
	one.flags = (struct string_list){one_word, 1, true}, one_word[0] = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
	check_refused(pool, "linux.seccomp.flags[0]", "WAIT_KILLABLE_RECV");
}

/* ---- the cache ---- */

static const struct sock_filter planted = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
static const struct filter_program planted_program = {&planted, 1, {{0}, 0}};
static char cache_dir[] = "/tmp/hrun-seccomp-XXXXXX", cache_path[64], file_path[256];

/* A whole, valid file with another program: whoever gets that program has read the cache. */
static void plant(const struct filter_key *key)
{
	int cache = filter_cache_open(cache_path);

	unlink(file_path);
	filter_cache_write(cache, key, &planted_program);
	close(cache);
}

static bool is_planted(struct pool *pool)
{
	struct filter_plan filter;
	struct err e;

	if (plan_filter_compile(pool, &one, NULL, cache_path, &filter, &e) < 0)
		die("compile: %s", e.text);
	return filter.length == 1 && filter.program->k == planted.k;
}

static void expect(struct pool *pool, const char *what, bool from_cache)
{
	checks++;
	if (is_planted(pool) != from_cache)
		fail("the cache was %s: %s", from_cache ? "not used" : "TRUSTED", what);
}

static void write_at(long offset, const void *data, size_t size)
{
	int fd = open(file_path, O_WRONLY);

	if (pwrite(fd, data, size, offset) != (ssize_t)size)
		die("write %s: %m", file_path);
	close(fd);
}

static void check_bad_files(struct pool *pool, const struct filter_key *key)
{
	char elsewhere[300];

	plant(key), chmod(file_path, 0620);
	expect(pool, "file writable by the group", false);
	plant(key), chmod(file_path, 0602);
	expect(pool, "file writable by others", false);
	plant(key), write_at(0, "X", 1);
	expect(pool, "wrong magic", false);
	plant(key), write_at(8, "X", 1);
	expect(pool, "wrong key", false);
	plant(key), write_at(40, "X", 1);
	expect(pool, "wrong digest", false);
	plant(key), write_at(72, "\x02", 1);
	expect(pool, "wrong length", false);
	plant(key), write_at(84, "X", 1);
	expect(pool, "changed judgement", false);
	plant(key), write_at(116, "X", 1);
	expect(pool, "changed program", false);
	plant(key);
	if (truncate(file_path, 115) == 0)
		expect(pool, "cut file", false);
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", cache_dir);
	plant(key);
	if (rename(file_path, elsewhere) == 0 && symlink(elsewhere, file_path) == 0)
		expect(pool, "symbolic link", false);
	plant(key);
	if (geteuid() == 0 && chown(file_path, 1, 1) == 0)
		expect(pool, "another owner", false);
	unlink(file_path), unlink(elsewhere);
	if (mkfifo(file_path, 0600) == 0)
		expect(pool, "a FIFO", false);
	unlink(file_path);
}

static void check_bad_directories(struct pool *pool, const struct filter_key *key)
{
	char link_path[128];

	plant(key), chmod(cache_path, 0770);
	expect(pool, "directory writable by the group", false);
	chmod(cache_path, 0707);
	expect(pool, "directory writable by others", false);
	chmod(cache_path, 0700);
	if (geteuid() == 0 && chown(cache_path, 1, 1) == 0) {
		expect(pool, "directory of another owner", false);
		if (chown(cache_path, 0, 0) < 0)
			die("chown: %m");
	}
	expect(pool, "all is right again", true);
	snprintf(link_path, sizeof link_path, "%s/link", cache_dir);
	if (symlink(cache_path, link_path) == 0 && filter_cache_open(link_path) >= 0)
		fail("a symbolic link is taken for a cache directory");
	unlink(link_path);
}

static void check_keys(const struct filter_key *key)
{
	struct filter_key other;

	one_arg.value++;
	filter_cache_key(&one, &other);
	if (strcmp(key->name, other.name) == 0)
		fail("another argument has the same key");
	start_over();
	one.default_errno_ret = (struct opt_u32){true, 1};
	filter_cache_key(&one, &other);
	if (strcmp(key->name, other.name) == 0)
		fail("another default errno has the same key");
	start_over();
	filter_cache_key(&one, &other);
	if (strcmp(key->name, other.name) != 0)
		fail("the same profile has two keys");
}

static size_t files_in_cache(int cache, bool remove)
{
	size_t count = 0;
	DIR *stream = opendir(cache_path);

	for (struct dirent *entry; stream && (entry = readdir(stream));) {
		count += entry->d_name[0] != '.';
		if (remove)
			unlinkat(cache, entry->d_name, 0);
	}
	if (stream)
		closedir(stream);
	return count;
}

/* Hundreds of profiles, and what writers that were killed left behind. */
static void check_bound(const struct filter_key *key)
{
	int cache = filter_cache_open(cache_path);
	struct filter_key other = *key;
	size_t most = 0;

	for (int i = 0; i < 1000; i++) {
		char left[32];
		snprintf(left, sizeof left, "left.%d", i);
		snprintf(other.name, sizeof other.name, "%064d", i);
		filter_cache_write(cache, &other, &planted_program);
		close(openat(cache, left, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		size_t count = files_in_cache(cache, false);
		most = count > most ? count : most;
		if (faccessat(cache, other.name, F_OK, 0) < 0)
			fail("what was written last is gone: %s", other.name);
	}
	if (most < 64 || most > 512)
		fail("the cache grew to %zu files", most);
	files_in_cache(cache, true);
	close(cache);
}

static void check_cache(struct pool *pool)
{
	struct filter_key key;
	struct stat st;

	start_over();
	if (!mkdtemp(cache_dir))
		die("mkdtemp: %m");
	snprintf(cache_path, sizeof cache_path, "%s/cache", cache_dir);
	filter_cache_key(&one, &key);
	snprintf(file_path, sizeof file_path, "%s/%s", cache_path, key.name);
	expect(pool, "nothing there yet", false);
	if (stat(cache_path, &st) < 0 || (st.st_mode & 07777) != 0700)
		fail("the directory is not 0700");
	if (stat(file_path, &st) < 0 || (st.st_mode & 07777) != 0600)
		fail("the compiled filter was not kept 0600");
	plant(&key);
	expect(pool, "a good file", true);
	check_bad_files(pool, &key);
	check_bad_directories(pool, &key);
	check_keys(&key);
	unlink(file_path);
	check_bound(&key);
	if (rmdir(cache_path) < 0 || rmdir(cache_dir) < 0)
		fail("something is left in %s: %m", cache_dir);
}

int main(void)
{
	struct pool pool = {0};

	check_profile(&pool, "tests/seccomp", "podman.json", true);
	check_profile(&pool, "tests/seccomp", "docker.json", true);
	check_profile(&pool, "seccomp-profiles", "strict.json", false);
	check_refusals(&pool);
	check_cache(&pool);
	test_free();
	pool_free(&pool);
	printf("%lu checks, %lu failed\n", checks, failures);
	return failures || checks < 5000 ? EXIT_FAILURE : EXIT_SUCCESS;
}
