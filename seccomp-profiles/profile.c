/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c - a JSON profile of this directory -> struct profile.
 */
#include "profile.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <yajl/yajl_tree.h>

void die(const char *format, ...)
{
	va_list args;

	fputs("compile-profiles: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

struct word {
	const char *name;
	uint32_t value;
};

static const struct word actions[] = {
	{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
	{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
	{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
	{NULL, 0},
};

static const struct word archs[] = {
	{"SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64},
	{"SCMP_ARCH_X86", AUDIT_ARCH_I386},
	{"SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64},
	{NULL, 0},
};

static const struct word ops[] = {
	{"SCMP_CMP_NE", OP_NE},
	{"SCMP_CMP_LT", OP_LT},
	{"SCMP_CMP_LE", OP_LE},
	{"SCMP_CMP_EQ", OP_EQ},
	{"SCMP_CMP_GE", OP_GE},
	{"SCMP_CMP_GT", OP_GT},
	{"SCMP_CMP_MASKED_EQ", OP_MASKED_EQ},
	{NULL, 0},
};

static uint32_t look_up(const struct word *words, const char *name)
{
	for (; words->name; words++) {
		if (strcmp(words->name, name) == 0)
			return words->value;
	}
	die("unknown word %s", name);
}

static const char *text_of(yajl_val value)
{
	if (!YAJL_IS_STRING(value))
		die("a string is missing");
	return value->u.string;
}

static uint64_t number_of(yajl_val value, uint64_t max)
{
	if (!YAJL_IS_INTEGER(value) || value->u.number.i < 0 || (uint64_t)value->u.number.i > max)
		die("a number is missing or out of range");
	return (uint64_t)value->u.number.i;
}

static yajl_val member(yajl_val object, const char *name, bool required)
{
	const char *path[] = {name, NULL};
	yajl_val value = yajl_tree_get(object, path, yajl_t_any);

	if (required && !value)
		die("member %s is missing", name);
	return value;
}

/* A misspelt member must not turn a condition off. */
static void check_members(yajl_val object, const char *const *known)
{
	if (!YAJL_IS_OBJECT(object))
		die("an object is missing");
	for (size_t i = 0; i < object->u.object.len; i++) {
		size_t k = 0;
		while (known[k] && strcmp(known[k], object->u.object.keys[i]) != 0)
			k++;
		if (!known[k])
			die("unknown member %s", object->u.object.keys[i]);
	}
}

static yajl_val list_of(yajl_val value, size_t max)
{
	if (!YAJL_IS_ARRAY(value) || value->u.array.len > max || value->u.array.len == 0)
		die("a list is missing, empty or too long");
	return value;
}

static uint32_t read_action(yajl_val action, yajl_val errnum)
{
	uint32_t value = look_up(actions, text_of(action));

	if ((value == SECCOMP_RET_ERRNO) != (errnum != NULL))
		die("%s: an errno belongs to SCMP_ACT_ERRNO, and to nothing else", text_of(action));
	if (!errnum)
		return value;
	uint64_t number = number_of(errnum, 4095);
	if (number == 0)
		die("errno 0 would fake success");
	return value | (uint32_t)number;
}

static void read_arg(yajl_val object, struct profile_arg *arg)
{
	static const char *const known[] = {"index", "value", "valueTwo", "op", NULL};

	check_members(object, known);
	yajl_val two = member(object, "valueTwo", false);
	arg->index = (unsigned int)number_of(member(object, "index", true), 5);
	arg->op = (enum profile_op)look_up(ops, text_of(member(object, "op", true)));
	arg->value = number_of(member(object, "value", true), INT64_MAX);
	arg->value_two = two ? number_of(two, INT64_MAX) : 0;
	if (arg->op == OP_MASKED_EQ && (!two || (arg->value_two & ~arg->value)))
		die("SCMP_CMP_MASKED_EQ %#llx can never be %#llx", (unsigned long long)arg->value,
		    (unsigned long long)arg->value_two);
}

static uint64_t read_capabilities(yajl_val list)
{
	uint64_t set = 0;

	list_of(list, 64);
	for (size_t i = 0; i < list->u.array.len; i++) {
		const char *name = text_of(list->u.array.values[i]);
		cap_value_t number;
		if (cap_from_name(name, &number) < 0 || number >= 64)
			die("no capability is called %s", name);
		set |= UINT64_C(1) << number;
	}
	return set;
}

static void read_rule(yajl_val object, struct profile_rule *rule)
{
	static const char *const known[] = {"comment",		 "names", "action", "errnoRet", "args",
					    "hrun:capabilities", NULL};

	check_members(object, known);
	yajl_val names = list_of(member(object, "names", true), PROFILE_NAMES);
	for (size_t i = 0; i < names->u.array.len; i++)
		rule->names[rule->name_count++] = text_of(names->u.array.values[i]);
	rule->action = read_action(member(object, "action", true), member(object, "errnoRet", false));
	yajl_val capabilities = member(object, "hrun:capabilities", false);
	if (capabilities)
		rule->any_of = read_capabilities(capabilities);
	yajl_val args = member(object, "args", false);
	if (!args)
		return;
	list_of(args, PROFILE_ARGS);
	for (size_t i = 0; i < args->u.array.len; i++)
		read_arg(args->u.array.values[i], &rule->args[rule->arg_count++]);
}

static yajl_val read_tree(const char *path)
{
	static char text[1 << 20];
	char message[512];
	FILE *file = fopen(path, "re");

	if (!file)
		die("open %s: %s", path, strerror(errno));
	size_t size = fread(text, 1, sizeof text - 1, file);
	if (ferror(file) || size == sizeof text - 1)
		die("%s is unreadable or too long", path);
	fclose(file);
	text[size] = '\0';
	yajl_val tree = yajl_tree_parse(text, message, sizeof message);
	if (!tree)
		die("%s: %s", path, message);
	return tree;
}

static void append_rules(yajl_val tree, struct profile *profile)
{
	yajl_val rules = list_of(member(tree, "syscalls", true), PROFILE_RULES - profile->rule_count);

	for (size_t i = 0; i < rules->u.array.len; i++)
		read_rule(rules->u.array.values[i], &profile->rules[profile->rule_count++]);
}

/* The base lies beside the file that names it. */
static const char *sibling(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *result;

	if (strchr(name, '/'))
		die("hrun:base %s must be a file of the same directory", name);
	if (asprintf(&result, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name) < 0)
		die("out of memory");
	return result;
}

void profile_read(const char *path, struct profile *ret_profile)
{
	static const char *const known[] = {
		"comment", "hrun:base", "defaultAction", "defaultErrnoRet", "architectures", "syscalls", NULL};
	yajl_val tree = read_tree(path);

	memset(ret_profile, 0, sizeof *ret_profile);
	check_members(tree, known);
	ret_profile->default_action =
		read_action(member(tree, "defaultAction", true), member(tree, "defaultErrnoRet", false));
	/* x32 numbers and whatever comes with the next kernel have nothing but the default between them and a container. */
	if ((ret_profile->default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		die("%s: the default must be an errno", path);
	yajl_val list = list_of(member(tree, "architectures", true), PROFILE_ARCHS);
	for (size_t i = 0; i < list->u.array.len; i++)
		ret_profile->archs[ret_profile->arch_count++] = look_up(archs, text_of(list->u.array.values[i]));
	append_rules(tree, ret_profile);
	yajl_val base = member(tree, "hrun:base", false);
	if (base)
		append_rules(read_tree(sibling(path, text_of(base))), ret_profile);
}
