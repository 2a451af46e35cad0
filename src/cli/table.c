/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - every verb with its options; the manual page lists the same.
 */
#include <hrun/cli.h>
#include <hrun/image.h>

#define FLAG(name, letter, member, help)                                                \
	{                                                                               \
		name, letter, OPTION_FLAG, NULL, help, offsetof(struct options, member) \
	}
#define VALUE(name, letter, argument, member, help)                                           \
	{                                                                                     \
		name, letter, OPTION_STRING, argument, help, offsetof(struct options, member) \
	}
#define LIST(name, letter, argument, member, help)                                          \
	{                                                                                   \
		name, letter, OPTION_LIST, argument, help, offsetof(struct options, member) \
	}
#define COUNT_(name, letter, argument, member, help)                                         \
	{                                                                                    \
		name, letter, OPTION_COUNT, argument, help, offsetof(struct options, member) \
	}
#define HELP FLAG("help", 'h', help, "print this help")
#define ROWS(table) table, sizeof table / sizeof *table

const struct option_row global_options[] = {
	VALUE("root", 0, "DIR", root, "state directory (default /run/hrun, or $XDG_RUNTIME_DIR/hrun)"),
	VALUE("log", 0, "FILE", log, "append a line to FILE (or file:FILE) when a command fails"),
	VALUE("log-format", 0, "FORMAT", log_format, "text or json"),
	VALUE("log-level", 0, "LEVEL", log_level, "debug, warning or error (debug is --debug)"),
	FLAG("debug", 0, debug, "say what is done"),
	VALUE("policy", 0, "FILE", policy, "policy file instead of " POLICY_FILE),
	FLAG("systemd-cgroup", 0, systemd_cgroup, "have systemd make the cgroup, as a scope: create, run, plan"),
	VALUE("cgroup-manager", 0, "DRIVER", cgroup_manager,
	      "cgroupfs (default), systemd (as --systemd-cgroup) or disabled"),
	VALUE("rootless", 0, "WORD", rootless, "true, false or auto; accepted, hrun finds out itself"),
	VALUE("criu", 0, "PATH", criu, "accepted and ignored"),
	FLAG("version", 'v', version, "print the version"),
	HELP,
};
const size_t global_option_count = sizeof global_options / sizeof *global_options;

#define IMAGE_ROWS                                                                                 \
	VALUE("ref", 0, "NAME", ref, "the image of this name in the layout"),                      \
		VALUE("name", 0, "NAME", name,                                                     \
		      "what the image is: registry/repository[:tag]; chooses the policy's scope"), \
		VALUE("platform", 0, "OS/ARCH", platform, "of an image for several (default: this machine's)")

#define CREATE_ROWS                                                                                             \
	VALUE("bundle", 'b', "DIR", bundle, "bundle directory (default: the working directory)"),               \
		VALUE("config", 'f', "FILE", config, "name of the config in the bundle (default config.json)"), \
		VALUE("console-socket", 0, "SOCKET", console_socket, "send the terminal's master to SOCKET"),   \
		VALUE("pidfd-socket", 0, "SOCKET", pidfd_socket, "send a pidfd of the process to SOCKET"),      \
		VALUE("pid-file", 0, "FILE", pid_file, "write the process id to FILE"),                         \
		FLAG("no-pivot", 0, no_pivot, "refused: the root file system is always left by pivot_root"),    \
		FLAG("no-new-keyring", 0, no_new_keyring,                                                       \
		     "keep the caller's session keyring (level privileged; else ignored)"),                     \
		FLAG("no-subreaper", 0, no_subreaper, "accepted and ignored"),                                  \
		COUNT_("preserve-fds", 0, "N", preserve_fds, "pass descriptors 3 to 3+N-1 on"),                 \
		VALUE("image", 0, "LAYOUT[:REF]", image,                                                        \
		      "an image instead of a bundle: verified, unpacked into memory"),                          \
		IMAGE_ROWS,                                                                                     \
		VALUE("image-size", 0, "SIZE", image_size,                                                      \
		      "most memory for the image's files, with k, m, g, % (default " IMAGE_ROOT_SIZE ")"),      \
		VALUE("store", 0, "DIR", store,                                                                 \
		      "keep the image's files in DIR, and take them from there the next time"),                 \
		HELP

static const struct option_row create_rows[] = {CREATE_ROWS};
static const struct option_row run_rows[] = {
	FLAG("detach", 'd', detach, "leave the container running and return"),
	FLAG("keep", 0, keep, "do not delete the container when it ends"),
	CREATE_ROWS,
};
static const struct option_row exec_rows[] = {
	VALUE("process", 'p', "FILE", process, "the process object to run, as JSON"),
	VALUE("cwd", 0, "DIR", cwd, "working directory"),
	LIST("env", 'e', "NAME=VALUE", env, "set an environment variable; may be repeated"),
	{"tty", 't', OPTION_TRI, NULL, "give the process a terminal", offsetof(struct options, tty)},
	VALUE("user", 'u', "UID[:GID]", user, "user and group, as numbers"),
	LIST("additional-gids", 'g', "GID", additional_gids, "additional group; may be repeated"),
	LIST("cap", 'c', "CAP", caps, "add a capability that the container may have; may be repeated"),
	FLAG("no-new-privs", 0, no_new_privs, "set no_new_privs"),
	VALUE("process-label", 0, "LABEL", process_label, "SELinux label of the process"),
	VALUE("apparmor", 0, "PROFILE", apparmor, "AppArmor profile of the process"),
	VALUE("cgroup", 0, "PATH", cgroup, "an existing cgroup below the container's own"),
	FLAG("detach", 'd', detach, "do not wait for the process"),
	VALUE("pid-file", 0, "FILE", pid_file, "write the process id to FILE"),
	VALUE("console-socket", 0, "SOCKET", console_socket, "send the terminal's master to SOCKET"),
	VALUE("pidfd-socket", 0, "SOCKET", pidfd_socket, "send a pidfd of the process to SOCKET"),
	COUNT_("preserve-fds", 0, "N", preserve_fds, "pass descriptors 3 to 3+N-1 on"),
	FLAG("ignore-paused", 0, ignore_paused, "exec even where the container is paused"),
	HELP,
};
static const struct option_row kill_rows[] = {
	FLAG("all", 'a', all, "signal every process of the container's cgroup"),
	HELP,
};
static const struct option_row delete_rows[] = {
	FLAG("force", 'f', force, "kill a running container first; an unknown one is no error"),
	HELP,
};
static const struct option_row list_rows[] = {
	FLAG("quiet", 'q', quiet, "only the ids"),
	VALUE("format", 'f', "FORMAT", format, "table or json"),
	HELP,
};
static const struct option_row ps_rows[] = {
	VALUE("format", 'f', "FORMAT", format, "table or json"),
	HELP,
};
static const struct option_row events_rows[] = {
	FLAG("stats", 0, stats, "print the statistics once"),
	VALUE("interval", 0, "TIME", interval, "time between two lines of statistics: 500ms, 5s (default), 1m"),
	HELP,
};
#define LIMIT(name, argument, member, help) VALUE(name, 0, argument, update.member, help)
static const struct option_row update_rows[] = {
	VALUE("resources", 'r', "FILE", update.resources,
	      "linux.resources as JSON, - for stdin; no other flag counts then"),
	LIMIT("blkio-weight", "N", blkio_weight, "blockIO.weight, 10 to 1000"),
	LIMIT("cpu-period", "N", cpu_period, "cpu.period in microseconds"),
	LIMIT("cpu-quota", "N", cpu_quota, "cpu.quota in microseconds, -1: none"),
	LIMIT("cpu-burst", "N", cpu_burst, "cpu.burst in microseconds"),
	LIMIT("cpu-share", "N", cpu_share, "cpu.shares, 2 to 262144"),
	LIMIT("cpu-rt-period", "N", cpu_rt_period, "refused: cgroup v2 cannot do this"),
	LIMIT("cpu-rt-runtime", "N", cpu_rt_runtime, "refused: cgroup v2 cannot do this"),
	LIMIT("cpu-idle", "0|1", cpu_idle, "cpu.idle"),
	LIMIT("cpuset-cpus", "LIST", cpuset_cpus, "cpu.cpus, for example 0-3,7"),
	LIMIT("cpuset-mems", "LIST", cpuset_mems, "cpu.mems"),
	LIMIT("memory", "BYTES", memory, "memory.limit, with k, m, g; -1: none"),
	LIMIT("memory-reservation", "BYTES", memory_reservation, "memory.reservation"),
	LIMIT("memory-swap", "BYTES", memory_swap, "memory.swap: memory and swap together"),
	LIMIT("kernel-memory", "BYTES", kernel_memory, "accepted and ignored"),
	LIMIT("kernel-memory-tcp", "BYTES", kernel_memory_tcp, "accepted and ignored"),
	LIMIT("pids-limit", "N", pids_limit, "pids.limit, -1: none"),
	LIMIT("l3-cache-schema", "TEXT", l3_cache_schema, "not built yet"),
	LIMIT("mem-bw-schema", "TEXT", mem_bw_schema, "not built yet"),
	HELP,
};
static const struct option_row plan_rows[] = {
	FLAG("json", 0, json, "for machines"),
	VALUE("bundle", 'b', "DIR", bundle, "bundle directory"),
	VALUE("config", 'f', "FILE", config, "name of the config in the bundle (default config.json)"),
	HELP,
};
static const struct option_row spec_rows[] = {
	VALUE("bundle", 'b', "DIR", bundle, "where config.json is written (default: the working directory)"),
	FLAG("rootless", 0, rootless_config, "with a user namespace that maps the caller's own id, without limits"),
	HELP,
};
static const struct option_row check_rows[] = {
	VALUE("level", 'l', "LEVEL", level, "judge by privileged, baseline or restricted (default: the policy's)"),
	VALUE("policy", 0, "FILE", policy, "policy file instead of " POLICY_FILE),
	VALUE("format", 'f', "FORMAT", format, "text (default), json or sarif"),
	VALUE("config", 0, "FILE", config, "name of the config in the bundle (default config.json)"),
	FLAG("score", 0, score, "add the exposure, 0.0 to 10.0"),
	FLAG("strict", 0, strict, "exit status 4 where there are warnings; with --fix repair these too"),
	FLAG("fix", 0, fix, "write the hardened config to config.hardened.json beside the original"),
	FLAG("diff", 0, diff, "with --fix: print a unified diff and write nothing"),
	VALUE("output", 'o', "FILE", output, "with --fix: write to FILE (-: stdout)"),
	FLAG("force", 0, force, "with --fix: replace the file that is there"),
	VALUE("id", 0, "ID", id, "print what was found when container ID was created"),
	HELP,
};
static const struct option_row policy_rows[] = {
	FLAG("json", 0, json, "show, list-waivers: for machines"),
	VALUE("class", 0, "NAME", class_name, "as if called as hrun-NAME; learn: for the file of a class"),
	VALUE("owner", 0, "TEXT", owner, "learn: who answers for the waivers"),
	VALUE("expires", 0, "DATE", expires, "learn: the last day of the waivers (default: in 90 days)"),
	HELP,
};
static const struct option_row doctor_rows[] = {
	VALUE("format", 'f', "FORMAT", format, "text (default) or json"),
	FLAG("strict", 0, strict, "exit status 4 where there are warnings and nothing worse"),
	HELP,
};
static const struct option_row rules_rows[] = {
	VALUE("level", 'l', "LEVEL", level, "only what acts at privileged, baseline or restricted"),
	FLAG("json", 0, json, "for machines"),
	HELP,
};
static const struct option_row verify_rows[] = {
	VALUE("policy", 0, "FILE", policy, "policy file instead of " POLICY_FILE),
	IMAGE_ROWS,
	VALUE("format", 'f', "FORMAT", format, "text (default) or json"),
	HELP,
};
#define PASSPHRASE_FD                                 \
	VALUE("passphrase-fd", 0, "N", passphrase_fd, \
	      "descriptor N holds the key's passphrase: a line, or all there is")
static const struct option_row sign_rows[] = {
	VALUE("key", 'k', "FILE", key, "private key: PEM, PKCS #8 also encrypted"),
	PASSPHRASE_FD,
	FLAG("force", 0, force, "replace a list and a signature that are there"),
	HELP,
};
static const struct option_row keygen_rows[] = {
	VALUE("out", 'o', "FILE", out, "private key to write; the public one becomes FILE.pub"),
	VALUE("type", 't', "TYPE", key_type, "p256 (default), p384, p521, ed25519 or rsa"),
	PASSPHRASE_FD,
	HELP,
};
static const struct option_row plain_rows[] = {HELP};

const struct verb verbs[] = {
	{"create", "[BUNDLE] ID [-- ARGUMENT...]", "build a container and let its program wait for start",
	 ROWS(create_rows), 0, -1, false, false, true, EXIT_ERROR, cmd_create},
	{"start", "ID", "start a created container's program", ROWS(plain_rows), 1, 1, false, true, false, EXIT_ERROR,
	 cmd_start},
	{"run", "[BUNDLE|LAYOUT[:REF]] [ID] [-- ARGUMENT...]", "create and start a container of a bundle or an image",
	 ROWS(run_rows), 0, -1, false, false, true, EXIT_ERROR, cmd_run},
	{"exec", "ID [PROGRAM [ARGUMENT...]]", "run one more process in a container", ROWS(exec_rows), 1, -1, true,
	 true, true, EXIT_EXEC_FAILED, cmd_exec},
	{"kill", "ID [SIGNAL]", "send a signal (default TERM) to a container's init", ROWS(kill_rows), 1, 2, true, true,
	 false, EXIT_ERROR, cmd_kill},
	{"delete", "ID...", "remove stopped or created containers", ROWS(delete_rows), 1, -1, false, true, false,
	 EXIT_ERROR, cmd_delete},
	{"state", "ID", "print a container's state as JSON", ROWS(plain_rows), 1, 1, false, true, false, EXIT_ERROR,
	 cmd_state},
	{"list", "", "list the containers", ROWS(list_rows), 0, 0, false, true, false, EXIT_ERROR, cmd_list},
	{"ps", "ID", "list a container's processes", ROWS(ps_rows), 1, 1, true, true, false, EXIT_ERROR, cmd_ps},
	{"pause", "ID", "freeze a container", ROWS(plain_rows), 1, 1, false, true, false, EXIT_ERROR, cmd_pause},
	{"resume", "ID", "thaw a paused container", ROWS(plain_rows), 1, 1, false, true, false, EXIT_ERROR, cmd_resume},
	{"update", "ID", "change a container's limits", ROWS(update_rows), 1, 1, false, true, false, EXIT_ERROR,
	 cmd_update},
	{"events", "ID", "print a container's statistics and out-of-memory kills, a line of JSON each",
	 ROWS(events_rows), 1, 1, false, true, false, EXIT_ERROR, cmd_events},
	{"plan", "[BUNDLE]", "print what create would do; needs no root and changes nothing", ROWS(plan_rows), 0, 1,
	 false, false, false, EXIT_ERROR, cmd_plan},
	{"policy", "show|check [FILE]|list-waivers|learn DIR...",
	 "show the policy, check a policy file, list waivers, or write those for what runs today", ROWS(policy_rows), 1,
	 -1, false, true, false, EXIT_POLICY, cmd_policy},
	{"doctor", "", "tell what this machine lacks for containers, and what to do; needs no root and changes nothing",
	 ROWS(doctor_rows), 0, 0, false, true, false, EXIT_DOCTOR_USAGE, cmd_doctor},
	{"check", "BUNDLE|FILE|-", "judge a bundle, a config.json or stdin; needs no root and starts nothing",
	 ROWS(check_rows), 0, 1, false, true, false, EXIT_CHECK_USAGE, cmd_check},
	{"explain", "[RULE]", "tell what a rule looks at, why, and what to do; without RULE list them",
	 ROWS(plain_rows), 0, 1, false, true, false, EXIT_CHECK_USAGE, cmd_explain},
	{"rules", "", "print the table of rules", ROWS(rules_rows), 0, 0, false, true, false, EXIT_CHECK_USAGE,
	 cmd_rules},
	{"keygen", "", "make a pair of keys for sign", ROWS(keygen_rows), 0, 0, false, true, false, EXIT_ERROR,
	 cmd_keygen},
	{"sign", "BUNDLE", "sign a bundle: its root file system and config.json", ROWS(sign_rows), 1, 1, false, true,
	 false, EXIT_ERROR, cmd_sign},
	{"verify", "LAYOUT[:REF]|BUNDLE",
	 "verify an image layout or a bundle: signatures, digests, every file; needs no root, writes nothing",
	 ROWS(verify_rows), 1, 1, false, true, false, EXIT_VERIFY_USAGE, cmd_verify},
	{"spec", "", "write a config.json that passes the strictest level", ROWS(spec_rows), 0, 0, false, true, false,
	 EXIT_ERROR, cmd_spec},
	{"features", "", "print what this build can do as JSON", ROWS(plain_rows), 0, 0, false, true, false, EXIT_ERROR,
	 cmd_features},
	/* Without options: even --help fails, which is how engines ask. */
	{"checkpoint", "", "refused by design", NULL, 0, 0, 0, true, true, false, EXIT_ERROR, cmd_checkpoint},
	{"restore", "", "refused by design", NULL, 0, 0, 0, true, true, false, EXIT_ERROR, cmd_checkpoint},
	{"version", "", "print the version", ROWS(plain_rows), 0, 0, false, true, false, EXIT_ERROR, cmd_version},
	{"help", "[COMMAND]", "print this help, or that of a command", ROWS(plain_rows), 0, 1, false, true, false,
	 EXIT_ERROR, cmd_help},
};
const size_t verb_count = sizeof verbs / sizeof *verbs;
