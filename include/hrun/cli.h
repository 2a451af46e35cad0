/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - argv -> verb -> exit status.  Only this module prints.
 *
 * A verb is a row: its name, its table of options, what it takes, its function.  The table
 * parses the command line and prints `--help`, so the two cannot disagree.
 */
#ifndef HRUN_CLI_H
#define HRUN_CLI_H

#include <hrun/bundle.h>
#include <hrun/container.h>
#include <hrun/err.h>
#include <hrun/image.h>
#include <hrun/image_root.h>
#include <hrun/plan.h>
#include <hrun/policy.h>
#include <hrun/pool.h>
#include <hrun/sandbox.h>
#include <hrun/verdict.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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
/* With daysLeft and expired beside the members of the file, where DAYS_LEFT. */
/* The member images; an image must pass all of several. */
void policy_images_write(struct json_out *out, const struct policy *policy);
void policy_waiver_write(struct json_out *out, const struct waiver *waiver, bool days_left);
int policy_learn(struct command *command, struct err *e);

/* ---- notify.c: sd_notify(3) between the program and who started hrun ---- */
struct notify {
	int socket;	  /* owned: the program's messages arrive here; -1: none */
	const char *host; /* the address of who waits for READY=1 */
};
#define NOTIFY_EMPTY          \
	{                     \
		.socket = -1, \
	}
/* create: a directory for the socket in the state directory, seen by the container, and its environment. */
int notify_prepare(struct pool *pool, struct container *container, struct plan *plan, struct err *e);
/* start: listen, where there is somebody to tell and the container was created for it. */
int notify_listen(const struct container *container, struct notify *ret, struct err *e);
/* A message is there: pass READY=1 on, with the process id of init, and close the socket then. */
void notify_receive(struct notify *notify, pid_t pid);
/* Detached: wait until the program is ready or init has ended. */
int notify_wait(struct notify *notify, const struct container *container, struct err *e);

/* ---- creation.c: bundle -> verdict -> plan -> container ---- */
struct creation {
	struct policy policy;
	struct bundle bundle;
	/* Accepted: of a layout, of the root that an engine has mounted, or of the bundle itself; NULL: a bundle of which nothing is known. */
	const struct image_answer *image;
	bool image_signed; /* as the policy asks */
	struct verdict verdict;
	const struct config *config; /* hardened */
	struct plan plan;
	struct container container;
	struct sandbox sandbox;
	bool starts;	      /* run: what is built is started by us */
	struct notify notify; /* of run */
};
/* Reads, judges and plans; nothing on the machine changes. */
int creation_prepare(struct command *command, bool look_only, struct creation *creation, struct err *e);
/* The directory NAME for what is remembered from start to start; NULL where there is no place for it. */
const char *creation_cache(struct pool *pool, const char *name);
/* Where the hrun that is called so keeps what it believes later: --root or the usual place, and the caches.  The strings are the pool's. */
struct string_list creation_own_paths(struct command *command);

/* What `create` does.  CONSOLE -1: connect to --console-socket where the plan has a terminal. */
int creation_build(struct command *command, int console, struct creation *creation, struct err *e);
/* Undo a build: process, cgroup, state directory; poststop hooks where other hooks had their turn. */
void creation_undo(struct pool *pool, struct creation *creation);
/* The command is about to end. */
void creation_end(struct creation *creation);

#define CREATION_EMPTY                                                                                 \
	{                                                                                              \
		.bundle = {.dir = -1, .rootfs = -1}, .container = {.root = -1, .dir = -1, .lock = -1}, \
		.sandbox = SANDBOX_EMPTY, .notify = NOTIFY_EMPTY,                                      \
	}

/* ---- creation_image.c ---- */
/*
 * The bundle of an image: verified as the policy asks while it is unpacked into memory.  -EPERM where it is rejected; -EINVAL with
 * ret_error->rule set as bundle_open.
 */
int creation_image(struct command *command, const struct target *target, struct creation *creation,
		   struct json_error *ret_error, struct err *e);
/* Who signed the image: keys and what they signed it as; NULL where nobody was asked for. */
const char *creation_signer(struct pool *pool, const struct creation *creation);
/* ANSWER accepts the image, or is NULL; IS_SIGNED as the policy asks.  Said in the audit record as well. */
void creation_take_image(struct command *command, struct creation *creation, const struct image_answer *answer,
			 bool is_signed);
/* The image's members of the record. */
void creation_record_image(struct pool *pool, const struct creation *creation, struct container_record *record);

/* ---- creation_store.c ---- */
/*
 * The root of CALL's image out of STORE, or unpacked into it (image_store_take).  *ret_mount is an owned, detached, read-only mount
 * where the answer is IMAGE_ACCEPT, with everything that the container's mounts need to be there.
 */
struct image_store;
int creation_store(struct pool *pool, const struct image_store *store, const struct image_call *call,
		   const struct string_list *args, struct image_result *ret, int *ret_mount, struct err *e);

/* ---- lifecycle.c: what several verbs do to a container ---- */
/* Start a created container; poststart hooks; where they fail it is destroyed and removed.  HELD as sandbox_start takes it. */
int lifecycle_start(struct pool *pool, struct container *container, struct sandbox *held, struct err *e);
/* Destroy, run poststop hooks, forget.  The lock is held. */
int lifecycle_delete(struct pool *pool, struct container *container, struct err *e);

/* ---- systemd.c ---- */
/* The socket of the systemd that this user may ask, the pool's; NULL: there is none.  *RET_USER: not the machine's. */
const char *systemd_look(struct pool *pool, bool *ret_user);
/* Which systemd makes a new container's cgroup, and by which socket; LOOK_ONLY: it need not be there.  The strings are the pool's. */
int systemd_find(struct command *command, bool look_only, const struct policy *policy, struct scope_options *ret,
		 struct err *e);
/* Has the container a unit that lives?  Only then is systemd bothered. */
bool systemd_has_unit(const struct container_record *record);
struct scope_unit systemd_unit(const struct container_record *record);
/* End that unit when the container is destroyed; a failure is a warning, since systemd forgets an empty one. */
void systemd_stop(struct pool *pool, const struct container_record *record);

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

/* ---- exec_process.c: the process that exec asks for ---- */
int exec_process_read(struct command *command, const struct container *container, const struct config **ret_config,
		      struct config_process **ret_process, struct err *e);

/* ---- document.c: JSON from outside, and the config as create kept it ---- */
/* A file of the state directory is missing: the error says whether the container is, too. */
int document_missing(struct pool *pool, const struct container *container, const char *what, struct err *e);

/* The tree of the file at PATH ("-": stdin), at most 1 MiB; WHAT is its name in messages. */
int document_read(struct command *command, const char *path, const char *what, const struct json **ret_tree,
		  struct err *e);
int document_refused(struct command *command, const char *what, const struct json_error *error, struct err *e);
int document_saved_config(struct pool *pool, const struct container *container, const struct config **ret_config,
			  struct err *e);

/* ---- update_apply.c ---- */
/* PLAN's limits for the living CGROUP of RECORD, and what systemd knows of them: all of them, or after a failure none. */
int update_apply(struct pool *pool, const struct container_record *record, const struct config_resources *asked,
		 struct plan *plan, int cgroup, struct err *e);

/* ---- update_options.c ---- */
int update_options_read(struct pool *pool, const struct options *options, struct config_resources **ret_resources,
			struct err *e);

/* ---- pause.c: the cgroup of a container whose init lives; an owned descriptor ---- */
int living_cgroup(const struct container *container, struct err *e);

/* ---- stats.c: {"type":"stats",...} of the cgroup, in one line ---- */
void stats_write(struct json_out *out, const char *id, int cgroup);

/* ---- list.c: --format ---- */
int format_read(const struct options *options, bool *ret_json, struct err *e);

/* ---- foreground.c: hrun stays with the program ---- */
struct foreground {
	int pair[2]; /* console socket: ours, the sandbox's */
	int master;  /* of the pty, or -1 */
};
#define FOREGROUND_EMPTY                       \
	{                                      \
		.pair = {-1, -1}, .master = -1 \
	}
int foreground_open(struct foreground *foreground, bool terminal, struct err *e);
/* From now on signals are for the program: call when it exists, before it runs. */
int foreground_hold_signals(struct err *e);
/* Relay until it ends; its exit code, 128 + signal, or negative errno. */
int foreground_wait(struct foreground *foreground, const struct sandbox *sandbox, struct notify *notify, struct err *e);
void foreground_close(struct foreground *foreground);

/* ---- progress.c: how far hrun-image is, on a terminal ---- */
struct progress {
	int64_t began, last; /* CLOCK_MONOTONIC, milliseconds */
	size_t width;	     /* of the line that stands there; 0: none */
};
/* Around image_verify or image_unpack; CALL and PROGRESS must stay in between. */
void progress_begin(struct progress *progress, struct image_call *call);
void progress_end(struct progress *progress, struct image_call *call);

/* ---- verify.c ---- */
/* The VALUE (NULL: none) of --OPTION into a FIELD of the request. */
int image_word(char *field, size_t size, const char *option, const char *value, struct err *e);

/* ---- sign_key.c: what sign and keygen have in common ---- */
/* --passphrase-fd: a borrowed descriptor, or -1 where it was not given. */
int passphrase_descriptor(const struct options *options, int *ret_fd, struct err *e);
/* From now on nobody can look into this process, and it leaves no core: it will hold a key. */
int hide_process(struct err *e);

/* ---- sign_mounts.c ---- */
/* What create would make in the bundle's root for its mounts is made, and told. */
int sign_make_mount_points(struct pool *pool, const struct bundle *bundle, struct err *e);

/* ---- verify_policy.c ---- */
/*
 * Whom the policy trusts for the image, with the keys.  LAYOUT: its real path, NULL for a bundle.  1: no signature could satisfy
 * it, *e says why.
 */
int verify_policy(struct command *command, const char *layout, struct image_call *call, struct err *e);
/* No signature could satisfy the policy: the image need not be looked at. */
void verify_reject(struct image_answer *answer, const struct err *e);

/* ---- verify_bundle.c ---- */
/* The answer about the bundle in args[0], with request's name already in CALL. */
int verify_bundle(struct command *command, struct image_call *call, struct image_result *ret, struct err *e);

/* ---- signed_bundle.c ---- */
/*
 * Where the policy asks for signatures and the bundle has some: do they hold, and can nobody change what they are of?  One of
 * answer and refusal is set then.  A root that is a file is mounted where they hold (bundle->rootfs), or bundle->root_refusal says why not.
 */
struct signed_bundle {
	const struct image_answer *answer;
	const char *refusal;
	const char *denied; /* why it does not start whatever the signature says: denyDigests; or NULL */
};
int signed_bundle_look(struct command *command, const struct policy *policy, struct bundle *bundle,
		       struct signed_bundle *ret, struct err *e);

/* ---- root_image.c ---- */
/*
 * Is the bundle signed, or else its root an image that was?  A bundle with a signature has its answer, good or bad.  Both are
 * empty where the policy does not ask.  CACHE as image_root_asked has it.  -EPERM where denyDigests name it.
 */
int root_image_look(struct command *command, const struct policy *policy, struct bundle *bundle, const char *cache,
		    struct signed_bundle *ret_signature, struct image_root *ret_root, struct err *e);
/* The image that the container is: NULL where none is signed, or where the store has another one of the same layers that is not. */
const struct image_answer *root_image_answer(const struct signed_bundle *signature, const struct image_root *root);
/* What of the two the rules are to know. */
void root_image_judged(const struct signed_bundle *signature, const struct image_root *root, struct judged *judged);
/* The same of a container that is there, as create found it: a waiver for an image is one for exec and update, too. */
void root_image_recorded(const struct container_record *record, struct judged *judged);
/* What create has to say of it beside a refusal. */
void root_image_tell(const struct policy *policy, const struct image_root *root);

/* ---- show.c ---- */
/* `state` and `list`: one object of the state, with rootfs, created, owner and what hrun found. */
void show_state(struct json_out *out, const struct container *container, bool pretty);
pid_t show_pid(const struct container *container, enum container_status status);
/* The findings of verdict.json as "ACTION RULE" words, or NULL. */
const char *show_findings(struct pool *pool, const struct container *container);

/* ---- check.c: a judged config ---- */
struct report;
struct check {
	struct policy policy;
	const char *name; /* for people: the config's path, or "-" */
	struct bundle bundle;
	bool has_bundle;
	struct image_root root;
	const char *bytes;
	size_t size;
	const struct json *tree;
	struct config *config;
	struct string_list own_paths;
	struct signed_bundle is_signed;
	struct verdict verdict;
	struct json_error error;
	void (*print)(FILE *out, const struct report *report);
};
void check_judge(struct pool *pool, struct check *check);
int check_exit_status(const struct command *command, const struct verdict *verdict);
/* ---- check_fix.c: --fix ---- */
int check_fix(struct command *command, struct check *check, struct err *e);
/* ---- check_seccomp.c: the built-in profile for PROCESS as linux.seccomp ---- */
struct json *check_seccomp(struct pool *pool, const struct config_process *process);
/* ---- check_id.c: --id ---- */
int check_container(struct command *command, struct err *e);

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
