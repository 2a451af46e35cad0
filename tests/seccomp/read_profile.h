/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_profile.h - a JSON profile -> struct config_seccomp, for tests.
 *
 * Deliberately not the build tool's reader: the two check each other.  The capabilities of
 * entry i ("hrun:capabilities") are in any_of[i].
 */
#ifndef TESTS_SECCOMP_READ_PROFILE_H
#define TESTS_SECCOMP_READ_PROFILE_H

#include "../../seccomp-profiles/numbers.c"
#include <hrun/config.h>
#include <hrun/pool.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <yajl/yajl_tree.h>

enum { TEST_ENTRIES = 256 };

struct test_profile {
	struct config_seccomp seccomp;
	struct config_seccomp_syscall syscalls[TEST_ENTRIES];
	uint64_t any_of[TEST_ENTRIES];
};

/* Names in a profile point into its trees: both live until the end of the program. */
static struct pool test_pool;
static yajl_val test_trees[16];
static size_t test_tree_count;

static void test_free(void)
{
	for (size_t i = 0; i < test_tree_count; i++)
		yajl_tree_free(test_trees[i]);
	pool_free(&test_pool);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	exit(1);
}

static yajl_val test_at(yajl_val object, const char *name)
{
	const char *path[] = {name, NULL};

	return yajl_tree_get(object, path, yajl_t_any);
}

static const char *test_text(yajl_val value)
{
	return value ? YAJL_GET_STRING(value) : NULL;
}

static struct opt_u32 test_u32(yajl_val value)
{
	return (struct opt_u32){value != NULL, value ? (uint32_t)YAJL_GET_INTEGER(value) : 0};
}

static struct string_list test_list(yajl_val value)
{
	struct string_list list = {.present = value != NULL, .count = value ? value->u.array.len : 0};

	list.item = pool_alloc(&test_pool, (list.count + 1) * sizeof *list.item);
	for (size_t i = 0; i < list.count; i++)
		list.item[i] = YAJL_GET_STRING(value->u.array.values[i]);
	return list;
}

static struct config_seccomp_syscall test_syscall(yajl_val object)
{
	yajl_val args = test_at(object, "args");
	struct config_seccomp_syscall entry = {.names = test_list(test_at(object, "names")),
					       .action = test_text(test_at(object, "action")),
					       .errno_ret = test_u32(test_at(object, "errnoRet")),
					       .arg_count = args ? args->u.array.len : 0};

	entry.args = pool_alloc(&test_pool, (entry.arg_count + 1) * sizeof *entry.args);
	for (size_t i = 0; i < entry.arg_count; i++) {
		yajl_val arg = args->u.array.values[i], two = test_at(arg, "valueTwo");
		entry.args[i] = (struct config_seccomp_arg){
			.index = (uint32_t)YAJL_GET_INTEGER(test_at(arg, "index")),
			.value = (uint64_t)YAJL_GET_INTEGER(test_at(arg, "value")),
			.value_two = two ? (uint64_t)YAJL_GET_INTEGER(two) : 0,
			.op = test_text(test_at(arg, "op")),
		};
	}
	return entry;
}

static uint64_t test_capabilities(yajl_val list)
{
	uint64_t set = 0;

	for (size_t i = 0; list && i < list->u.array.len; i++) {
		cap_value_t number;
		if (cap_from_name(YAJL_GET_STRING(list->u.array.values[i]), &number) < 0)
			die("capability %s", YAJL_GET_STRING(list->u.array.values[i]));
		set |= UINT64_C(1) << number;
	}
	return set;
}

static yajl_val test_tree(const char *path)
{
	static char text[1 << 20], message[256];
	FILE *file = fopen(path, "re");

	if (!file)
		die("open %s: %m (tests run in the top directory of the source)", path);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	yajl_val tree = yajl_tree_parse(text, message, sizeof message);
	if (!tree || test_tree_count == sizeof test_trees / sizeof *test_trees)
		die("%s: %s", path, tree ? "one tree too many" : message);
	return test_trees[test_tree_count++] = tree;
}

static void test_append(struct test_profile *profile, yajl_val tree)
{
	yajl_val list = test_at(tree, "syscalls");

	for (size_t i = 0; i < list->u.array.len; i++) {
		size_t n = profile->seccomp.syscall_count++;
		if (n == TEST_ENTRIES)
			die("too many entries");
		profile->syscalls[n] = test_syscall(list->u.array.values[i]);
		profile->any_of[n] = test_capabilities(test_at(list->u.array.values[i], "hrun:capabilities"));
	}
}

static struct test_profile *read_test_profile(const char *directory, const char *name)
{
	struct test_profile *profile = pool_alloc(&test_pool, sizeof *profile);
	char path[512];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	yajl_val tree = test_tree(path);
	profile->seccomp = (struct config_seccomp){
		.default_action = test_text(test_at(tree, "defaultAction")),
		.default_errno_ret = test_u32(test_at(tree, "defaultErrnoRet")),
		.architectures = test_list(test_at(tree, "architectures")),
		.syscalls = profile->syscalls,
	};
	test_append(profile, tree);
	if (test_at(tree, "hrun:base")) {
		snprintf(path, sizeof path, "%s/%s", directory, test_text(test_at(tree, "hrun:base")));
		test_append(profile, test_tree(path));
	}
	return profile;
}

__attribute__((unused)) static uint32_t test_action(const char *word, struct opt_u32 errnum)
{
	if (strcmp(word, "SCMP_ACT_ALLOW") == 0)
		return SECCOMP_RET_ALLOW;
	if (strcmp(word, "SCMP_ACT_ERRNO") == 0)
		return SECCOMP_RET_ERRNO | (errnum.set ? errnum.value : 1);
	die("action %s", word);
}

static bool test_arg_holds(const struct config_seccomp_arg *arg, const uint64_t *args)
{
	uint64_t a = args[arg->index];
	const char *op = arg->op + strlen("SCMP_CMP_");

	if (strcmp(op, "MASKED_EQ") == 0)
		return (a & arg->value) == arg->value_two;
	if (strcmp(op, "EQ") == 0)
		return a == arg->value;
	if (strcmp(op, "NE") == 0)
		return a != arg->value;
	if (strcmp(op, "LE") == 0)
		return a <= arg->value;
	if (strcmp(op, "LT") == 0)
		return a < arg->value;
	if (strcmp(op, "GE") == 0)
		return a >= arg->value;
	if (strcmp(op, "GT") == 0)
		return a > arg->value;
	die("operator %s", arg->op);
}

__attribute__((unused)) static bool test_args_hold(const struct config_seccomp_syscall *entry, const uint64_t *args)
{
	for (size_t i = 0; i < entry->arg_count; i++) {
		if (!test_arg_holds(&entry->args[i], args))
			return false;
	}
	return true;
}

static bool test_names(const struct config_seccomp_syscall *entry, uint32_t arch, int number)
{
	for (size_t i = 0; i < entry->names.count; i++) {
		if (number >= 0 && profile_number(arch, entry->names.item[i]) == number)
			return true;
	}
	return false;
}

/*
 * Values worth trying for argument INDEX of a call: what the profile compares with, its
 * neighbours, and the same with bits that must and must not matter.
 */
__attribute__((unused)) static size_t test_values(const struct test_profile *profile, uint32_t arch, int number,
						  unsigned int index, uint64_t *values, size_t max)
{
	size_t n = 0;

	values[n++] = 0;
	for (size_t i = 0; i < profile->seccomp.syscall_count; i++) {
		const struct config_seccomp_syscall *entry = &profile->syscalls[i];
		for (size_t a = 0; entry->arg_count && test_names(entry, arch, number) && a < entry->arg_count; a++) {
			if (entry->args[a].index != index)
				continue;
			bool masked = strcmp(entry->args[a].op, "SCMP_CMP_MASKED_EQ") == 0;
			uint64_t v = masked ? entry->args[a].value_two : entry->args[a].value;
			uint64_t mask = masked ? entry->args[a].value : 0;
			uint64_t more[] = {v,
					   v + 1,
					   v - 1,
					   v | UINT64_C(1) << 32,
					   v ^ UINT64_C(1) << 63,
					   v | ~mask,
					   v ^ (mask & -mask),
					   v ^ mask,
					   v << 32};
			for (size_t k = 0; k < sizeof more / sizeof *more && n < max; k++)
				values[n++] = more[k];
		}
	}
	return n;
}

#endif
