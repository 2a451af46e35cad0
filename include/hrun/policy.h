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
#include <hrun/policy_images.h>
#include <hrun/pool.h>
#include <hrun/spec.h>
#include <stdbool.h>
#include <stdint.h>

#define POLICY_DIRECTORY "/etc/hrun"
#define POLICY_FILE POLICY_DIRECTORY "/policy.json"
#define POLICY_RULE_SET "1"

enum {
	POLICY_MAX_SIZE = 1 << 20, /* bytes; room for POLICY_MAX_WAIVERS */
	POLICY_MAX_WAIVERS = 1000,
	POLICY_MAX_LIST = 1024, /* elements of any other list */
	POLICY_MAX_DAYS = 366,	/* `expires` and `auditUntil` are at most so far ahead */
	WAIVER_WARNING_DAYS = 14,
	POLICY_CONFIG_BYTES = 1 << 20, /* where limits.configBytes is absent, and at most: */
	POLICY_CONFIG_BYTES_MAX = 4 << 20,
	/* What holds where `defaults` names none. */
	POLICY_PIDS_LIMIT = 2048,
	POLICY_HOOK_TIMEOUT = 30,
};

enum level { LEVEL_PRIVILEGED, LEVEL_BASELINE, LEVEL_RESTRICTED, LEVELS };
/* The members of the file, as bits of policy.given. */
enum policy_member {
	POLICY_FORMAT,
	POLICY_RULE_SET_PIN,
	POLICY_LEVEL,
	POLICY_WARN_LEVEL,
	POLICY_MODE,
	POLICY_AUDIT_UNTIL,
	POLICY_ON_VIOLATION,
	POLICY_CRI_SANDBOX,
	POLICY_RULES,
	POLICY_ALLOW,
	POLICY_DROP,
	POLICY_DEFAULTS,
	POLICY_LIMITS,
	POLICY_ENGINES,
	POLICY_IMAGES,
	POLICY_WAIVERS,
	POLICY_MEMBERS
};
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

/* The bytes that a policy was read from, for its digest; NULL without a file.  They live as long as the pool. */
struct policy_source {
	const char *bytes;
	size_t size;
};

struct policy {
	const char *path; /* where it was read from; NULL: no file, built-in defaults */
	struct policy_source source;
	enum policy_owner owner; /* whose PATH must be */
	const char *also;	 /* a second file: the stricter of both holds in everything; or NULL */
	uint32_t given;		/* bit of enum policy_member: stands in (one of) the file(s); the others are defaults */
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
	struct policy_images images;
	const struct waiver *waivers; /* sorted by rule */
	size_t waiver_count;
	const struct waiver_index *waiver_index; /* how they are found (policy_index_waivers); without it none holds */
};
enum { POLICY_UNCHANGED = -1 };

/* Who asks for a policy. */
struct policy_request {
	const char *file;	/* --policy FILE, or NULL */
	const char *class_name; /* NAME of hrun-NAME, or NULL */
	bool is_root;		/* the caller is the host's uid 0 */
	bool any_readable;	/* nothing is started: FILE alone holds, whoever owns it and whoever asks */
	int64_t today;		/* days since 1970-01-01, UTC */
	const char *directory;	/* POLICY_DIRECTORY; tests take another */
};
/* The caller of this process, today. */
struct policy_request policy_request_of_caller(const char *file, const char *class_name);

/*
 * The policy that holds for REQUEST:
 *   root                 FILE, or that of the class, or policy.json, alone
 *   any_readable         FILE alone, where there is one
 *   anybody else         policy.json, and that of the class, and FILE: the strictest in everything (policy_stricter)
 * A missing policy.json means the built-in defaults (level baseline); FILE and that of a class must exist.  Only a FILE of
 * somebody who is not root may be his own.
 * 0 or negative errno with the whole line in *e; *ret_policy then holds the defaults.
 */
int policy_load_for(struct pool *pool, const struct policy_request *request, struct policy *ret_policy, struct err *e);

/*
 * One file alone, with the ownership check; OWN_CLASS: waivers of severe rules need no image digest in it.
 * -ENOENT where it is not there.
 */
int policy_load_file(struct pool *pool, const char *path, bool own_class, enum policy_owner owner, int64_t today,
		     struct policy *ret_policy, struct err *e);
/* The bytes of a policy file, which must live as long as *policy; policy->path is for messages and set by the caller. */
int policy_read(struct pool *pool, const char *bytes, size_t size, bool own_class, int64_t today, struct policy *policy,
		struct err *e);
/* SHA-256 of a policy's bytes as hexadecimal text, "" without a file.  Only for who shows it: it takes as long as parsing. */
const char *policy_digest(struct pool *pool, const struct policy_source *source);
/* What holds without any file: level baseline, the built-in defaults. */
struct policy policy_default(void);

/* Fill policy->waiver_index from its waivers, as whoever makes the list must; it lives as long as POOL. */
void policy_index_waivers(struct pool *pool, struct policy *policy);

/* What one of the two refuses is refused: each member the stricter of both.  Names and digest are A's. */
struct policy policy_stricter(struct pool *pool, const struct policy *a, const struct policy *b);
enum level policy_stricter_level(enum level a, enum level b);

/*
 * NAME of "hrun-NAME" in argv[0], NULL where the program has another name; -EINVAL with *e for a NAME that is none:
 * never taken for no class.
 */
int policy_class_of(struct pool *pool, const char *program, const char **ret_class_name, struct err *e);
bool policy_class_valid(const char *name);
/* "waivers" and so on, as the file spells it. */
const char *policy_member_name(enum policy_member member);

/* "refuse", "harden", "warn", "off" */
const char *policy_action_name(enum action action);
const char *policy_level_name(enum level level);
/* LEVELS where the word is unknown. */
enum level policy_level_of(const char *word);
/* 0 default, 1 strict, -1 compat-x86 (the stricter the higher); -2 for a name that is no built-in profile. */
int policy_profile_rank(const char *name);

#endif
