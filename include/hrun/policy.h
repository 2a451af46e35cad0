/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the policy file: who may lower the walls, by how much, for what and until when.
 *
 * /etc/hrun/policy.json, or /etc/hrun/NAME.json where hrun is called as hrun-NAME (hrun-policy(5)).  The file and
 * every parent directory belong to the host's root and are writable by nobody else; otherwise create, run, start,
 * exec and update are refused (never kill, delete, state or list).
 */
#ifndef HRUN_POLICY_H
#define HRUN_POLICY_H

#include <hrun/err.h>
#include <hrun/pool.h>
#include <hrun/spec.h>
#include <stdbool.h>
#include <stdint.h>

#define POLICY_FILE "/etc/hrun/policy.json"
#define POLICY_RULE_SET "1"

enum level { LEVEL_PRIVILEGED, LEVEL_BASELINE, LEVEL_RESTRICTED, LEVELS };
enum action { ACTION_NONE, ACTION_WARN, ACTION_HARDEN, ACTION_REFUSE };

/* A device by number, as `allow.devices` names it; access is letters of "rwm". */
struct policy_device {
	char type; /* 'c' or 'b' */
	int64_t major, minor;
	const char *access;
};
struct policy_mount_prefix {
	const char *path; /* clean, absolute */
	bool read_only;	  /* default true: a mount below it must be read-only */
};
struct policy_hook {
	const char *path;
	const char *sha256; /* 64 lower-case hexadecimal digits */
};

struct waiver {
	size_t rule; /* index in rules[] */
	/* NULL: not asked for; all that are given must match. */
	const char *image_digest, *cgroup, *value;
	const char *reason, *owner;
	const char *expires; /* "YYYY-MM-DD", inclusive, UTC */
	int days_left;	     /* of today; negative: expired, the rule is back */
	unsigned int line;   /* in the policy file */
};

struct policy {
	const char *path;	/* where it was read from; NULL: no file, built-in defaults */
	char digest[65];	/* SHA-256 of the file's bytes as hexadecimal text, "" without a file */
	const char *class_name; /* NAME of hrun-NAME, NULL otherwise */
	const char *rule_set;	/* the pin, or POLICY_RULE_SET */
	enum level level;
	enum level warn_level; /* LEVELS: none; otherwise stricter than level */
	bool audit;	       /* mode audit, and auditUntil is not over */
	const char *audit_until;
	bool harden_violations; /* onViolation: harden */
	bool cri_sandbox;
	/* For each rule an enum action, or POLICY_UNCHANGED; NULL: `rules` is empty. */
	const signed char *rule_actions;
	struct {
		uint64_t capabilities; /* bits by number */
		struct string_list sysctls, annotations, systemd_properties, seccomp_architectures;
		const struct policy_device *devices;
		size_t device_count;
		const struct policy_mount_prefix *mount_prefixes;
		size_t mount_prefix_count;
		const struct policy_hook *hooks;
		size_t hook_count;
		bool cgroups_disabled;
	} allow;
	uint64_t drop_capabilities;
	struct {
		const char *seccomp_profile; /* NULL: "default" */
		int64_t pids_limit;	     /* 0: built-in */
		int64_t memory_limit;	     /* bytes, 0: none */
		int64_t hook_timeout;	     /* seconds, 0: built-in */
	} defaults;
	size_t config_bytes; /* the largest config.json, 1 MiB unless limits.configBytes says otherwise */
	/* Where the engines of this host keep their state; the shipped defaults where `engines` is absent. */
	struct {
		struct string_list containers_storage, containerd, docker, kubelet, other;
	} engines;
	const struct waiver *waivers; /* sorted by rule */
	size_t waiver_count;
};
enum { POLICY_UNCHANGED = -1 };

/*
 * Read FILE (NULL: POLICY_FILE, or that of the class, whose absence is an error).  A missing POLICY_FILE means level
 * baseline; a named FILE must exist.  Today's date is the clock's.
 * 0 or negative errno with the whole line in *e.
 */
int policy_load(struct pool *pool, const char *file, struct policy *ret_policy, struct err *e);
/* What holds without any file: level baseline, the built-in defaults.  For tests, and for policy_load. */
struct policy policy_default(void);

const char *policy_level_name(enum level level);
/* LEVELS where the word is unknown. */
enum level policy_level_of(const char *word);

#endif
