/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of tests/seccomp: what a built-in profile must answer to one call.
 *
 *	PROFILE[+CAPABILITY...] MACHINE[/ABI] CALL [ARGUMENT...] -> ACTION
 *
 * CALL is a name of libseccomp's or a number; ABI x32 sets its bit.  The tables are written by hand
 * from what a container may do, not from the profiles.
 */
#include <hrun/builtin_filter.h>
#include <hrun/filter_simulate.h>
#include <hrun/str.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>

static unsigned int rows, failures;
static const char *table;
static unsigned int line_number;

static void bad_row(const char *what, const char *word) __attribute__((noreturn));
static void bad_row(const char *what, const char *word)
{
	printf("%s:%u: %s: %s\n", table, line_number, what, word);
	exit(1);
}

static uint32_t machine_of(const char *word)
{
	static const struct {
		const char *name;
		uint32_t arch;
	} archs[] = {{"x86_64", AUDIT_ARCH_X86_64},   {"x32", AUDIT_ARCH_X86_64}, {"i386", AUDIT_ARCH_I386},
		     {"aarch64", AUDIT_ARCH_AARCH64}, {"arm", AUDIT_ARCH_ARM},	  {"riscv64", AUDIT_ARCH_RISCV64}};

	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
		if (str_equal(word, archs[i].name))
			return archs[i].arch;
	}
	bad_row("unknown machine", word);
}

static uint64_t capabilities_of(char *words)
{
	uint64_t set = 0;
	char name[64];

	for (char *word = strtok(words, "+"); word; word = strtok(NULL, "+")) {
		cap_value_t number;
		if (str_equal(word, "ALL")) {
			set = UINT64_MAX;
			continue;
		}
		snprintf(name, sizeof name, "cap_%s", word);
		for (char *p = name; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
		if (cap_from_name(name, &number) < 0)
			bad_row("unknown capability", word);
		set |= UINT64_C(1) << number;
	}
	return set;
}

static uint32_t action_of(const char *word)
{
	static const struct {
		const char *name;
		uint32_t value;
	} actions[] = {{"ALLOW", SECCOMP_RET_ALLOW},
		       {"KILL", SECCOMP_RET_KILL_PROCESS},
		       {"EPERM", SECCOMP_RET_ERRNO | 1},
		       {"ENOSYS", SECCOMP_RET_ERRNO | 38},
		       {"EAFNOSUPPORT", SECCOMP_RET_ERRNO | 97},
		       {"EPROTONOSUPPORT", SECCOMP_RET_ERRNO | 93}};

	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (str_equal(word, actions[i].name))
			return actions[i].value;
	}
	bad_row("unknown action", word);
}

static int number_of(uint32_t arch, const char *word)
{
	char *end;
	unsigned long value = strtoul(word, &end, 0);

	if (!*end)
		return (int)value;
	int number = seccomp_syscall_resolve_name_arch(arch, word);
	if (number < 0)
		bad_row("unknown call (give its number)", word);
	return number;
}

/* "x86_64/x32": the machine, and what the caller uses. */
static void read_abi(char *word, uint32_t *ret_machine, struct seccomp_data *call, bool *ret_x32)
{
	char *abi = strchr(word, '/');

	if (abi)
		*abi++ = '\0';
	*ret_machine = machine_of(word);
	call->arch = abi ? machine_of(abi) : *ret_machine;
	*ret_x32 = abi && str_equal(abi, "x32");
}

static void judge(struct pool *pool, char *profile, uint32_t machine, const struct seccomp_data *call, uint32_t want,
		  const char *row)
{
	char *capabilities = strchr(profile, '+'), name[64];
	struct filter_plan filter;
	struct err e;

	if (capabilities)
		*capabilities++ = '\0';
	snprintf(name, sizeof name, "%s.json", profile);
	uint64_t set = capabilities ? capabilities_of(capabilities) : 0;
	if (builtin_filter_get(pool, name, machine, set, &filter, &e) < 0)
		bad_row(e.text, name);
	uint32_t got = filter_simulate(filter.program, filter.length, call);
	rows++;
	if (got != want) {
		printf("%s:%u: %s: got %#x\n", table, line_number, row, got);
		failures++;
	}
}

static void run_row(struct pool *pool, const char *row)
{
	char text[512], *words[16], *save;
	struct seccomp_data call = {0};
	size_t n = 0;
	uint32_t machine;
	bool x32;

	snprintf(text, sizeof text, "%s", row);
	for (char *word = strtok_r(text, " \t\n", &save); word && n < 16; word = strtok_r(NULL, " \t\n", &save))
		words[n++] = word;
	if (n < 5 || n > 11 || !str_equal(words[n - 2], "->"))
		bad_row("not PROFILE MACHINE CALL [ARGUMENT...] -> ACTION", row);
	read_abi(words[1], &machine, &call, &x32);
	call.nr = number_of(call.arch, words[2]) | (x32 ? 0x40000000 : 0);
	for (size_t i = 3; i < n - 2; i++) {
		char *end;
		call.args[i - 3] = strtoull(words[i], &end, 0);
		if (*end)
			bad_row("not a number", words[i]);
	}
	judge(pool, words[0], machine, &call, action_of(words[n - 1]), row);
}

static void run_table(struct pool *pool, const char *name)
{
	char path[256], line[512];

	snprintf(path, sizeof path, "tests/seccomp/%s", name);
	FILE *file = fopen(path, "re");
	if (!file) {
		printf("open %s: %m (tests run in the top directory of the source)\n", path);
		exit(1);
	}
	table = name;
	for (line_number = 1; fgets(line, sizeof line, file); line_number++) {
		line[strcspn(line, "#\n")] = '\0';
		if (line[strspn(line, " \t")])
			run_row(pool, line);
	}
	fclose(file);
}

int main(void)
{
	struct pool pool = {0};

	run_table(&pool, "default.table");
	run_table(&pool, "capabilities.table");
	run_table(&pool, "strict.table");
	run_table(&pool, "compat-x86.table");
	pool_free(&pool);
	printf("%u rows, %u failed\n", rows, failures);
	return failures || rows < 300 ? EXIT_FAILURE : EXIT_SUCCESS;
}
