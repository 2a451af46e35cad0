/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - what the baseline says about one config.
 *
 * Rules are data (rules.h).  A rule finds nothing, or it refuses, hardens or warns,
 * by level.  All findings are collected before anything is reported; a finding
 * is not an error.  Silent in the config: harden.  Explicit: refuse.  Ambiguous
 * document: refuse at every level.  What the policy file says of a rule or of one
 * finding (rules, onViolation, warnLevel, mode, waivers) is applied in action.c.
 */
#ifndef HRUN_VERDICT_H
#define HRUN_VERDICT_H

#include <hrun/bundle.h>
#include <hrun/json.h>
#include <hrun/policy.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

struct cgroup_look;
struct filter_look;
struct filter_program;
struct rule;
struct mount_look;
struct namespace_look;
struct hook_look;
struct host_files;

/* Why the action of a finding is not the one that its rule has at the level. */
enum why {
	WHY_LEVEL,
	WHY_POLICY_RULE,
	WHY_ASKED_REPAIR,
	WHY_CRI_SANDBOX,
	WHY_WARN_LEVEL,
	WHY_AUDIT,
	WHY_WAIVED,
	WHY_DROPPED, /* drop.capabilities of the policy file: done by policy_harden, not by the rule's repair */
};

struct finding {
	const struct rule *rule;
	enum action action; /* what is done about it */
	enum action would;  /* what the level (or warnLevel) asks for; not less than action */
	enum why why;
	const char *where;	     /* "linux.namespaces" in json_where's form */
	const char *text;	     /* what was found, one sentence; no control characters */
	const char *value;	     /* the value that was found, as a waiver's match.value names it; NULL: none */
	const char *remedy;	     /* where that of the rule is none, and no waiver helps; NULL: see finding_remedy */
	const struct waiver *waiver; /* with WHY_WAIVED */
	size_t index;		     /* the element of the list that the rule judges, for its repair */
	const void *choice;	     /* what the rule has chosen for its repair, where that is drawn; or NULL */
	unsigned int line, column;   /* of the value, from 1; 0: not looked up (verdict_locate) */
};

struct verdict {
	enum level level;
	struct finding *findings;
	size_t count;
	const struct rule **not_judged; /* rules that need a real object where none may be looked at */
	size_t not_judged_count;
	struct mount_look *mounts; /* what was judged, one for each mount of the config */
	size_t mount_count;
	const struct mount_look **layers; /* the directories of overlays that were judged */
	size_t layer_count;
	uint64_t dropped;		  /* capabilities that policy_harden takes from every set */
	const struct filter_look *filter; /* the compiled linux.seccomp that was judged */
	/* NULL where nothing was looked at: no paths, or the container is there already (exec). */
	const struct namespace_look *namespaces;
	size_t namespace_count;
	const struct hook_look *hooks[HOOK_KINDS]; /* one for each hook of the config */
};

/* What the command line asks for (group N); NULL in struct judged: nothing. */
struct invocation {
	bool no_pivot, cgroups_disabled, no_new_keyring;
	const int *host_fds; /* descriptors for the program that are directories, block devices or O_PATH */
	size_t host_fd_count;
	/* exec: its process may not get more than the container was made with */
	bool is_exec;
	uint64_t capabilities; /* the bounding set, and what the config asked for and hrun took away */
	bool no_new_privs;     /* of the config */
	const char *selinux_label, *apparmor_profile;
};

/* What stands in the five sets, read once for all rules. */
struct capability_look {
	uint64_t bits[CAPS_SETS];
	bool has_unknown; /* a name that is no capability, in any of them */
};

/* What a rule may look at. Everything is opened for reading before; rules change nothing. */
struct judged {
	struct pool *pool;
	const struct bundle *bundle; /* the real objects; NULL for exec: they are not looked at again */
	const struct config *config;
	const struct config_process *process; /* config->process, or exec's own */
	const struct policy *policy;	      /* filled by policy_judge */
	const struct invocation *invocation;  /* or NULL */
	unsigned int chapters;		      /* bits 1 << CHAPTER_x: only these are judged; 0: all of them */
	const char *cgroup_path;    /* the container's, below the cgroup2 mount; NULL: none, or not known yet */
	const char *image_digest;   /* "sha256:..." of an image whose signatures satisfied the policy; NULL: none */
	const char *image_manifest; /* of that image: what of it runs here; NULL: the same, or not known */
	bool files_are_signed;	    /* the root is a signed image's, though it may be meant as another one */
	const char *image_refusal;  /* why the signature that is there does not; NULL: there is none, or it does */
	const char *
		image_reason; /* why the root that an engine has mounted is no such image, where it was looked at; or NULL */
	const struct image_devices *devices; /* nodes that were left out of an image of ours; or NULL */
	bool keeps_sources;		     /* the sources stay open, for verdict_take_source */
	bool host_root;			     /* uid 0 here is the host's uid 0 */
	bool config_only; /* hrun check of a bare config: what needs the real object goes to not_judged */
	const struct mount_look *mounts; /* one for each of config->mounts; filled by policy_judge */
	const char *filter_cache;	 /* directory of compiled profiles; NULL: none */
	struct string_list
		own_paths; /* where this hrun keeps its state, beside the usual places, as text; empty: not known */
	struct filter_look *filter; /* filled by policy_judge, and by the first rule that asks */
	struct cgroup_look *cgroups;
	const struct namespace_look *namespaces;
	const struct hook_look *hooks[HOOK_KINDS];
	struct capability_look capabilities; /* filled by policy_judge */
	const struct host_files *host_files; /* tests: other files than the machine's (host.h); or NULL */
};

/* Every finding of every rule at policy->level, in the order of the table. */
void policy_judge(const struct judged *judged, const struct policy *policy, struct verdict *ret_verdict);

/* A document that could not be read is a verdict with one refusing finding. */
void verdict_of_json_error(struct pool *pool, const struct policy *policy, const struct json_error *error,
			   struct verdict *ret_verdict);

/*
 * A changed copy of CONFIG with every hardening of the verdict applied (deep where
 * it changes, shared elsewhere).  The plan is made from this copy only.
 */
struct config *policy_harden(struct pool *pool, const struct config *config, const struct verdict *verdict);

/*
 * The bind source of MOUNT, of the hardened copy, as the very object that was judged: an owned O_PATH descriptor, once, or a negative
 * errno where it could not be opened as a source may be (-ELOOP by a magic link, -EXDEV out of the bundle).  *RET_MODE is its st_mode.
 */
int verdict_take_source(const struct verdict *verdict, const struct config_mount *mount, mode_t *ret_mode);
/* Close those that nobody has taken; harmless twice, and on a verdict that is all zero. */
void verdict_close(struct verdict *verdict);

/* Is the directory PATH of an overlay ST, as it was judged?  Where no rule was about it, it is. */
bool verdict_judged_layer(const struct verdict *verdict, const char *path, const struct stat *st);

/*
 * The program of SECCOMP, as it was judged; NULL where it was not.  A repair changes flags and architectures of a profile,
 * which are not in its program.
 */
const struct filter_program *verdict_judged_filter(const struct verdict *verdict, const struct config_seccomp *seccomp);
/* Does the namespace that PATH names still have the inode of ST, as when it was judged? */
bool verdict_judged_namespace(const struct verdict *verdict, const char *path, const struct stat *st);

bool verdict_refuses(const struct verdict *verdict);
/* Is there a finding of RULE that is repaired? */
bool verdict_hardens(const struct verdict *verdict, const char *rule);

/*
 * The line for the log: "hrun: refused [RULE] WHERE TEXT; REMEDY or waive the rule (+N more: HOW)".  The worst finding
 * speaks; N counts the other rules that refuse, and HOW says how to see them.  Avoids the phrases that podman's regexes
 * take for other errors ("not found", "no such file", "permission denied", ...).
 */
const char *verdict_line(struct pool *pool, const struct verdict *verdict, const char *how);
/* What to do about FINDING: its own remedy, or that of its rule. */
const char *finding_remedy(const struct finding *finding);

/*
 * The line that warns of waivers that were used and end within WAIVER_WARNING_DAYS, the first one by name; NULL: none.
 */
const char *verdict_waiver_warning(struct pool *pool, const struct policy *policy, const struct verdict *verdict);

/* One line a finding to OUT: "refuse  ns-mount-missing  linux.namespaces  TEXT". */
void verdict_print(FILE *out, const struct verdict *verdict);

/*
 * {"ruleSet","level","verdict","findings":[{"rule","action","severity","pointer","line"?,"column"?,"message","remedy",
 * "would"?,"why"?,"waiver"?:{"reason","owner","expires"}}],"notJudged"?:[ids]}: verdict.json, and `hrun check`.
 * "would" and "why" stand where something else than the level decided.
 */
void verdict_to_json(struct json_out *out, const struct verdict *verdict);

#endif
