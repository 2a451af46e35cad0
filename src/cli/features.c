/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features.c - what this build can do (features.md of the runtime specification).
 *
 * Facts of the build, not of the machine; stdout holds the JSON and nothing else.
 */
#include <hrun/cli.h>
#include <hrun/filter_arch.h>
#include <hrun/json.h>
#include <hrun/plan.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const mount_options[] = {
	"async",	 "atime",	 "bind",
	"defaults",	 "dev",		 "diratime",
	"dirsync",	 "exec",	 "idmap",
	"iversion",	 "lazytime",	 "loud",
	"mand",		 "noatime",	 "nodev",
	"nodiratime",	 "noexec",	 "noiversion",
	"nolazytime",	 "nomand",	 "norelatime",
	"nostrictatime", "nosuid",	 "nosymfollow",
	"private",	 "ratime",	 "rbind",
	"rdev",		 "rdiratime",	 "relatime",
	"remount",	 "rexec",	 "ridmap",
	"rnoatime",	 "rnodev",	 "rnodiratime",
	"rnoexec",	 "rnorelatime",	 "rnostrictatime",
	"rnosuid",	 "rnosymfollow", "ro",
	"rprivate",	 "rrelatime",	 "rro",
	"rrw",		 "rshared",	 "rslave",
	"rstrictatime",	 "rsuid",	 "rsymfollow",
	"runbindable",	 "rw",		 "shared",
	"silent",	 "slave",	 "strictatime",
	"suid",		 "symfollow",	 "sync",
	"tmpcopyup",	 "unbindable",
};
static const char *const seccomp_actions[] = {
	"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",   "SCMP_ACT_ERRNO",
	"SCMP_ACT_TRACE", "SCMP_ACT_ALLOW",	   "SCMP_ACT_LOG",	   "SCMP_ACT_NOTIFY",
};
static const char *const seccomp_operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
};
/* Whose names are taken; a filter is made for those that the machine can run. Those that libseccomp is too old for are left out. */
static const char *const seccomp_archs[] = {
	"AARCH64",  "ARM",	   "LOONGARCH64", "M68K",     "MIPS", "MIPS64", "MIPS64N32", "MIPSEL",
	"MIPSEL64", "MIPSEL64N32", "PARISC",	  "PARISC64", "PPC",  "PPC64",	"PPC64LE",   "RISCV64",
	"S390",	    "S390X",	   "SH",	  "SHEB",     "X32",  "X86",	"X86_64",
};
static const char *const seccomp_flags[] = {
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
};
/* Others' annotations that would change what a runtime does; hrun never obeys one. */
static const char *const unsafe_annotations[] = {
	"bundle", "org.systemd.property.", "org.criu.config", "run.oci.", "module.wasm.image/variant", "krun.",
};

static void list(struct json_out *out, const char *name, const char *const *items, size_t count)
{
	json_out_printf(out, "\"%s\":[", name);
	for (size_t i = 0; i < count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, items[i]);
	}
	json_out_raw(out, "]");
}
#define LIST(out, name, items) list(out, name, items, sizeof(items) / sizeof *(items))

static void capabilities(struct json_out *out)
{
	json_out_raw(out, "\"capabilities\":[");
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		json_out_printf(out, "%s\"%s\"", i ? "," : "", plan_capability_name(i));
	json_out_raw(out, "]");
}

static void words(struct json_out *out, const char *name, const char *(*word)(unsigned int), unsigned int count)
{
	json_out_printf(out, "\"%s\":[", name);
	for (unsigned int i = 0; i < count; i++)
		json_out_printf(out, "%s\"%s\"", i ? "," : "", word(i));
	json_out_raw(out, "]");
}

static void architectures(struct json_out *out)
{
	bool first = true;

	json_out_raw(out, "\"archs\":[");
	for (size_t i = 0; i < sizeof seccomp_archs / sizeof *seccomp_archs; i++) {
		const char *word = pool_printf(out->pool, "SCMP_ARCH_%s", seccomp_archs[i]);
		if (!filter_arch(word))
			continue;
		json_out_printf(out, "%s\"%s\"", first ? "" : ",", word);
		first = false;
	}
	json_out_raw(out, "]");
}

static const char *hook_word(unsigned int kind)
{
	return spec_hook_kind_name((enum hook_kind)kind);
}

static const char *namespace_word(unsigned int type)
{
	return spec_namespace_name((enum namespace_type)type);
}

static void linux_section(struct json_out *out)
{
	json_out_raw(out, "\"linux\":{");
	words(out, "namespaces", namespace_word, NS_TYPES);
	json_out_raw(out, ",");
	capabilities(out);
	json_out_raw(out, ",\"cgroup\":{\"v1\":false,\"v2\":true,\"systemd\":true,\"systemdUser\":true,\"rdma\":true}"
			  ",\"seccomp\":{\"enabled\":true,");
	LIST(out, "actions", seccomp_actions);
	json_out_raw(out, ",");
	LIST(out, "operators", seccomp_operators);
	json_out_raw(out, ",");
	architectures(out);
	json_out_raw(out, ",");
	LIST(out, "knownFlags", seccomp_flags);
	json_out_raw(out, ",");
	LIST(out, "supportedFlags", seccomp_flags);
	json_out_raw(out, "},\"apparmor\":{\"enabled\":true},\"selinux\":{\"enabled\":true}"
			  ",\"intelRdt\":{\"enabled\":false},\"mountExtensions\":{\"idmap\":{\"enabled\":true}}"
			  ",\"netDevices\":{\"enabled\":true}}");
}

int cmd_features(struct command *command, struct err *e)
{
	struct json_out out = {.pool = &command->pool};

	(void)e;
	json_out_raw(&out, "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",");
	words(&out, "hooks", hook_word, HOOK_KINDS);
	json_out_raw(&out, ",");
	LIST(&out, "mountOptions", mount_options);
	json_out_raw(&out, ",");
	linux_section(&out);
	json_out_printf(
		&out,
		",\"annotations\":{\"io.github.seccomp.libseccomp.version\":\"%u.%u.%u\",\"org.hrun.version\":\"" HRUN_VERSION
		"\",\"org.hrun.rule-set\":\"" POLICY_RULE_SET "\"},",
		seccomp_version()->major, seccomp_version()->minor, seccomp_version()->micro);
	LIST(&out, "potentiallyUnsafeConfigAnnotations", unsafe_annotations);
	printf("%s}\n", out.text);
	return 0;
}
