/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.c - build-time tool: the profiles of this directory -> a C file with their programs.
 *
 *	compile-profiles PROFILE.json... >builtin_filters.c
 *
 * The output depends on the profiles alone.  It holds the programs of every machine that
 * we know, so that tables and tests cover them all wherever they run.
 */
#include "emit.h"
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* Sets of capabilities in common use get a program of their own; any other set gets the general one, patched. */
static const struct variant variants[] = {
	{false, 0},
	{false, CAP(SYS_CHROOT)},				    /* what podman gives by default */
	{false, CAP(SYS_CHROOT) | CAP(NET_RAW) | CAP(AUDIT_WRITE)}, /* what docker and containerd give */
	{true, 0},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* ABIs that one machine runs, its own first. */
static const uint32_t machines[][2] = {{AUDIT_ARCH_X86_64, AUDIT_ARCH_I386}, {AUDIT_ARCH_AARCH64, 0}};
enum { MACHINES = sizeof machines / sizeof *machines };

static bool has_arch(const struct profile *profile, uint32_t arch)
{
	for (size_t i = 0; i < profile->arch_count; i++) {
		if (arch && profile->archs[i] == arch)
			return true;
	}
	return false;
}

static void print_program(const struct code *code, const char *name)
{
	printf("static const struct sock_filter %s_program[] = {\n", name);
	for (size_t i = code->top; i < BPF_MAXINSNS; i++) {
		const struct sock_filter *insn = &code->insn[i];
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", insn->code, insn->jt, insn->jf, insn->k);
	}
	printf("};\n");
}

static void print_patches(const struct code *code, const char *name)
{
	if (code->patch_count == 0)
		return;
	printf("static const struct builtin_patch %s_patches[] = {\n", name);
	for (size_t i = 0; i < code->patch_count; i++) {
		const struct patch *patch = &code->patches[i];
		printf("\t{%zu, UINT64_C(0x%" PRIx64 "), 0x%08x, 0x%08x},\n", patch->index - code->top, patch->any_of,
		       patch->with, patch->without);
	}
	printf("};\n");
}

struct row {
	const char *profile;
	uint32_t arch, default_action;
	struct variant variant;
	uint64_t relevant;
	char name[128];
	bool has_patches;
};

static void print_row(const struct row *row)
{
	printf("\t{\n\t\t.profile = \"%s\",\n\t\t.arch = 0x%08x,\n\t\t.general = %s,\n", row->profile, row->arch,
	       row->variant.general ? "true" : "false");
	printf("\t\t.relevant = UINT64_C(0x%" PRIx64 "),\n\t\t.capabilities = UINT64_C(0x%" PRIx64 "),\n",
	       row->relevant, row->variant.capabilities);
	printf("\t\t.program = %s_program,\n\t\t.length = sizeof %s_program / sizeof *%s_program,\n", row->name,
	       row->name, row->name);
	if (row->has_patches)
		printf("\t\t.patches = %s_patches,\n\t\t.patch_count = sizeof %s_patches / sizeof *%s_patches,\n",
		       row->name, row->name, row->name);
	printf("\t\t.default_action = \"ERRNO(%s)\",\n\t},\n",
	       strerrorname_np((int)(row->default_action & SECCOMP_RET_DATA)));
}

/* "dir/compat-x86.json" -> "compat-x86.json" */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Sets that a profile cannot tell apart need no program of their own. */
static bool is_wanted(const struct profile *profile, const struct variant *variant)
{
	uint64_t relevant = emit_relevant(profile);

	return variant->general || (relevant && !(variant->capabilities & ~relevant));
}

static struct row compile(const struct profile *profile, const char *name, const uint32_t *machine, size_t variant)
{
	static struct code code;
	uint32_t archs[2] = {machine[0], machine[1]};
	struct row row = {name, machine[0], profile->default_action, variants[variant], emit_relevant(profile),
			  "",	false};

	emit_program(profile, archs, has_arch(profile, machine[1]) ? 2 : 1, &variants[variant], &code);
	snprintf(row.name, sizeof row.name, "%s_%08x_%zu", name, machine[0], variant);
	for (char *p = row.name; *p; p++)
		*p = *p == '-' || *p == '.' ? '_' : *p;
	print_program(&code, row.name);
	print_patches(&code, row.name);
	row.has_patches = code.patch_count > 0;
	return row;
}

int main(int argc, char **argv)
{
	static struct profile profile;
	static struct row rows[64];
	size_t count = 0;

	puts("/* Made by seccomp-profiles/compile.c; do not edit. */\n#include <hrun/builtin_filter.h>\n");
	for (int i = 1; i < argc; i++) {
		profile_read(argv[i], &profile);
		for (size_t m = 0; m < MACHINES; m++) {
			for (size_t v = 0; has_arch(&profile, machines[m][0]) && v < VARIANTS; v++) {
				if (!is_wanted(&profile, &variants[v]))
					continue;
				if (count == sizeof rows / sizeof *rows)
					die("too many profiles");
				rows[count++] = compile(&profile, base_name(argv[i]), machines[m], v);
			}
		}
	}
	printf("\nconst struct builtin_filter builtin_filters[] = {\n");
	for (size_t i = 0; i < count; i++)
		print_row(&rows[i]);
	printf("};\nconst size_t builtin_filter_count = %zu;\n", count);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
