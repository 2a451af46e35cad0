/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - argv -> verb -> exit status, and what every verb needs.  Only this module prints.
 *
 * A verb is a row: its name, its table of options, what it takes, its function.  The table
 * parses the command line and prints `--help`, so the two cannot disagree.
 */
#ifndef HRUN_CLI_H
#define HRUN_CLI_H

#include <hrun/container.h>
#include <hrun/err.h>
#include <hrun/policy.h>
#include <hrun/pool.h>
#include <hrun/verdict.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit statuses of hrun itself; a foreground run or exec otherwise ends with the program's. */
enum { EXIT_ERROR = 1, EXIT_POLICY = 3, EXIT_RUN_FAILED = 125, EXIT_EXEC_FAILED = 255 };
/* Of verify; 0: accepted. */
enum { EXIT_VERIFY_REJECTED = 1, EXIT_VERIFY_MALFORMED = 2, EXIT_VERIFY_USAGE = 3 };
/* Of check, explain and rules; 0: clean, or hardened only. */
enum { EXIT_CHECK_REFUSED = 1, EXIT_CHECK_UNREADABLE = 2, EXIT_CHECK_USAGE = 3, EXIT_CHECK_WARNINGS = 4 };

/* Of doctor; 0: containers start, and the policy holds. */
enum { EXIT_DOCTOR_FAILURE = 1, EXIT_DOCTOR_USAGE = 3, EXIT_DOCTOR_WARNINGS = 4 };

/* Where the options of every verb end up; a verb's table says which of them it takes. */
struct options {
	/* before the verb */
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless, *policy, *criu;
	bool debug, systemd_cgroup, version;
	/* create, run */
	const char *bundle, *config, *console_socket, *pidfd_socket, *pid_file;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
	unsigned int preserve_fds, listen_fds; /* the former counts the latter */
	/* exec */
	const char *cwd, *user, *process, *process_label, *apparmor, *cgroup;
	struct string_list env, additional_gids, caps;
	struct opt_bool tty;
	bool no_new_privs, ignore_paused;
	/* kill, delete, list, plan, check, rules */
	bool all, force, quiet, json;
	const char *format, *id, *level, *output;
	bool score, strict, fix, diff;
	/* policy */
	const char *class_name, *owner, *expires;
	/* verify; create and run of an image */
	const char *ref, *name, *platform;
	const char *image, *image_size, *store;
	bool has_dashes;   /* there is a "--": */
	int before_dashes; /* how many arguments stand before it */
	/* keygen, sign */
	const char *key, *key_type, *out, *passphrase_fd;
	bool help;
	/* events */
	const char *interval;
	/* spec */
	bool rootless_config;
	bool stats;
	struct update_options {
		const char *resources, *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_rt_period,
			*cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems, *memory, *memory_reservation,
			*memory_swap, *kernel_memory, *kernel_memory_tcp, *pids_limit, *l3_cache_schema, *mem_bw_schema;
	} update;
};

enum option_kind {
	OPTION_FLAG,   /* bool; also --flag=true and --flag=false */
	OPTION_TRI,    /* struct opt_bool: as above, and whether it was given */
	OPTION_STRING, /* const char * */
	OPTION_LIST,   /* struct string_list: may be given again and again */
	OPTION_COUNT,  /* unsigned int */
};

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	const char *argument; /* its name in the help; NULL for flags */
	const char *help;
	size_t offset; /* in struct options */
};

struct command;

struct verb {
	const char *name, *arguments, *summary;
	const struct option_row *rows;
	size_t row_count;	/* 0: the verb is refused, and so is its --help */
	int min_args, max_args; /* max -1: any number */
	bool stop_at_first;	/* what follows the first argument is not for us (exec, kill) */
	bool saved_state_only;	/* takes its cgroup driver from the record: --systemd-cgroup means nothing */
	bool enters;		/* has a process of ours become one of the container's */
	int failure;		/* exit status where the function fails */
	/* An exit status >= 0, or negative errno with *e. */
	int (*run)(struct command *command, struct err *e);
};

/* What the audit record of a command says beyond its verb; filled as it becomes known. */
struct audit {
	const char *event; /* NULL: the verb; run is a create, a start and a delete */
	const char *id, *level, *image_digest, *signer;
	struct policy_source policy;   /* its digest is made for a record that somebody gets */
	const struct verdict *verdict; /* NULL: nothing was judged */
	pid_t pid;		       /* of the container's or exec's process; 0: none */
	uint32_t devices_dropped;      /* of an image of ours */
	bool done;		       /* the event has its record */
	bool nobody_listens;
	bool rejected; /* the image was: refused, though no verdict says so */
};

struct command {
	struct pool pool;
	struct options options;
	const struct verb *verb;
	char **argv;		  /* the whole command line */
	uint64_t ignored_signals; /* by hrun's caller: bit N-1 for signal N; verbs that enter only */
	char **args;		  /* what is left after the options */
	int arg_count;
	int failure;		/* exit status of a failure: the verb's, until it knows better */
	struct err unprotected; /* errnum 0: nobody can write to our own program */
	const char *line;	/* the whole message of a failure where struct err is too short for it, or NULL */
	struct invocation invocation;
	struct audit audit;
};

extern const struct verb verbs[];
extern const size_t verb_count;
extern const struct option_row global_options[];
extern const size_t global_option_count;

int cli_main(int argc, char **argv);
/* For verbs that enter a container: is our own program out of its reach? */
int protected_check(const struct command *command, struct err *e);

/*
 * Parse ARGV[*INDEX..ARGC) by ROWS into *options.  Stops at the first argument where STOP; otherwise
 * arguments are collected in ARGS (room for ARGC) wherever they stand.  "--" ends the options.
 * 0 with *index behind what was used, or -EINVAL with *e.
 */
int options_parse(struct pool *pool, const struct option_row *rows, size_t row_count, bool stop, int argc, char **argv,
		  int *index, struct options *options, char **args, int *ret_arg_count, struct err *e);
void options_help(const struct option_row *rows, size_t row_count);
void help_program(void);
void help_verb(const struct verb *verb);
int version_print(void);

/* "9", "KILL", "SIGKILL", "rtmin+1" -> number; -EINVAL where there is no such signal. */
int signal_number(const char *text);

/* ---- target.c: which container, which bundle ---- */
/* The id argument of a verb that works on an existing container. */
int target_open(struct command *command, bool make_root, bool lock, struct container *ret, struct err *e);
/* The same where its record cannot be read: container_open_remains. */
int target_open_remains(struct command *command, struct container *ret, struct err *e);
/* [BUNDLE] [ID] of create, run and plan, or an image instead of the bundle; a made-up id where there is none. */
struct target {
	const char *bundle, *id;
	const char *layout, *ref; /* layout NULL: a bundle; ref NULL: none */
	struct string_list args;  /* of the image's program, behind "--" */
};
int target_find(struct command *command, struct target *ret, struct err *e);
/* TEXT as LAYOUT[:REF], or with --ref: layout and ref of *ret. */
int target_layout(struct command *command, const char *text, struct target *ret, struct err *e);

/* ---- policy_of.c: the policy that holds for this command ---- */
int policy_of_command(struct command *command, struct policy *ret_policy, struct err *e);
/* The same for a verb that starts nothing: any --policy that can be read, alone. */
int readable_policy_of_command(struct command *command, struct policy *ret_policy, struct err *e);
/* NAME of hrun-NAME, or NULL; a NAME that is none is an error. */
int class_of_command(struct command *command, const char **ret_class_name, struct err *e);

/* ---- policy_json.c: a policy as the file would say it ---- */
void policy_member_write(struct json_out *out, const struct policy *policy, enum policy_member member);
/* The member images; an image must pass all of several. */
void policy_images_write(struct json_out *out, const struct policy *policy);
/* With daysLeft and expired beside the members of the file, where DAYS_LEFT. */
void policy_waiver_write(struct json_out *out, const struct waiver *waiver, bool days_left);
int policy_learn(struct command *command, struct err *e);

/* ---- invocation.c ---- */
/* The flags that rules judge (group invocation), into command->invocation. */
void invocation_read(struct command *command, bool is_exec);
/* After the verdict: what was repaired is left out, what this version cannot do is an error. */
int invocation_apply(struct command *command, const struct verdict *verdict, struct err *e);
/* Descriptors 0 .. 2+N of --preserve-fds: open; those that lead to the host's files are noted for the rules. */
int preserved_fds_look(struct command *command, struct err *e);
/* For create and run: the same with those of socket activation, which come first. */
int inherited_fds_look(struct command *command, struct err *e);
/* How many descriptors from 3 on socket activation left to this very process. */
unsigned int listen_fds(void);
/* --pidfd-socket: -1 where it was not given; then pidfd_send does nothing. */
int pidfd_connect(const struct options *options, int *ret_socket, struct err *e);
int pidfd_send(int socket, int pidfd, struct err *e);
/* Digits only, no newline; by a temporary file and rename, so that no reader sees half of it. */
int pid_file_write(const char *path, pid_t pid, struct err *e);
/* The connected --console-socket, or -1 where none is needed; errors where terminal and socket do not fit. */
int console_connect(const struct options *options, bool terminal, bool detached, int *ret_socket, struct err *e);

/* ---- judge.c: judging as every verb does it ---- */
/* Read the policy for a verb that starts or changes something. */
int judge_policy(struct command *command, struct policy *ret_policy, struct err *e);
/* exec and update: never by a laxer level than the container was created at. */
void judge_by_stricter_level(struct command *command, struct policy *policy, const char *recorded_level);
/*
 * Tell of VERDICT (debug log, warnings of waivers that end, audit record); where it refuses, -EPERM with the line in
 * command->line.  HOW: the command that shows every finding.
 */
int judge_tell(struct command *command, const struct policy *policy, const struct verdict *verdict, const char *how,
	       struct err *e);
/* A document that cannot be read without doubt is refused like one that breaks a rule. */
int judge_unreadable(struct command *command, const struct policy *policy, const struct json_error *error,
		     const char *how, struct verdict *ret_verdict, struct err *e);

/* ---- audit.c: one line of JSON an event, to journald or syslog ---- */
/* RESULT: what the verb's function returns.  Never fails, never waits; nothing for verbs that only look. */
void audit_write(struct command *command, int result, const struct err *e);
/* The event has happened, whatever comes after it; the next one of this command is EVENT (NULL: none). */
void audit_done(struct command *command, const char *event);

/* ---- document.c: JSON from outside, and the config as create kept it ---- */
/* A file of the state directory is missing: the error says whether the container is, too. */
int document_missing(struct pool *pool, const struct container *container, const char *what, struct err *e);

/* The tree of the file at PATH ("-": stdin), at most 1 MiB; WHAT is its name in messages. */
int document_read(struct command *command, const char *path, const char *what, const struct json **ret_tree,
		  struct err *e);
int document_refused(struct command *command, const char *what, const struct json_error *error, struct err *e);
int document_saved_config(struct pool *pool, const struct container *container, const struct config **ret_config,
			  struct err *e);

/* ---- the verbs ---- */
int cmd_create(struct command *command, struct err *e);
int cmd_start(struct command *command, struct err *e);
int cmd_run(struct command *command, struct err *e);
int cmd_exec(struct command *command, struct err *e);
int cmd_kill(struct command *command, struct err *e);
int cmd_delete(struct command *command, struct err *e);
int cmd_state(struct command *command, struct err *e);
int cmd_list(struct command *command, struct err *e);
int cmd_spec(struct command *command, struct err *e);
int cmd_features(struct command *command, struct err *e);
int cmd_pause(struct command *command, struct err *e);
int cmd_resume(struct command *command, struct err *e);
int cmd_ps(struct command *command, struct err *e);
int cmd_update(struct command *command, struct err *e);
int cmd_events(struct command *command, struct err *e);
int cmd_checkpoint(struct command *command, struct err *e);
int cmd_plan(struct command *command, struct err *e);
int cmd_check(struct command *command, struct err *e);
int cmd_policy(struct command *command, struct err *e);
int cmd_doctor(struct command *command, struct err *e);
int cmd_explain(struct command *command, struct err *e);
int cmd_rules(struct command *command, struct err *e);
int cmd_verify(struct command *command, struct err *e);
int cmd_sign(struct command *command, struct err *e);
int cmd_keygen(struct command *command, struct err *e);
int cmd_version(struct command *command, struct err *e);
int cmd_help(struct command *command, struct err *e);

#endif
