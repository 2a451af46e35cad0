/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - the whole container as data, in the order in which it is built.
 *
 * plan_container turns a hardened config into this struct; sandbox/ carries it out
 * and sees nothing else.  The arrays hold flat typed steps; the order of the
 * chapters is the body of init_main.  The struct reaches the container's init by
 * fork, so there is no serialiser and no second parser.
 *
 * Every descriptor in a plan is opened for reading or O_PATH only.  What can be known
 * only when executing: symbolic links inside the root (mounts, devices, masks, cwd: resolved
 * by openat2 in the root), the file type of a mask's target (fstat), whether an
 * optional path exists (masks), and the program that args[0] names (exec.path is
 * looked up inside the finished root by the container's own user).
 */
#ifndef HRUN_PLAN_H
#define HRUN_PLAN_H

#include <hrun/err.h>
#include <hrun/pool.h>
#include <hrun/scope_wire.h>
#include <hrun/spec.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

/* `where` in a step: the place in config.json that caused it, or "(hardened, RULE)", or "" for a default. */

/* Debian's package uidmap; never looked up in PATH. */
#define NEWUIDMAP "/usr/bin/newuidmap"
#define NEWGIDMAP "/usr/bin/newgidmap"

/* ---- ids: the user namespace (user_namespaces(7)) ---- */
struct ids_plan {
	bool new_namespace;
	bool by_helper;	  /* newuidmap(1) and newgidmap(1) write the maps: they hold more than the caller's own id */
	bool keep_groups; /* an ordinary user's own map: the kernel takes it only where setgroups(2) is denied */
	struct id_mapping *uid, *gid; /* to be written to uid_map and gid_map */
	size_t uid_count, gid_count;
};

/* ---- namespaces(7) ---- */
struct namespace_join {
	enum namespace_type type;
	const char *path;
	int fd; /* owned; on nsfs, NS_GET_NSTYPE checked */
	const char *where;
};
struct namespaces_plan {
	uint64_t create; /* CLONE_NEW* for clone3, without those joined */
	struct namespace_join *joins;
	size_t join_count;
	const char *hostname, *domainname; /* NULL: unchanged */
	bool loopback_up;		   /* a new network namespace */
	bool new_time;			   /* made by init itself, with these offsets; not in create */
	struct time_offset {
		int64_t secs;
		uint32_t nanosecs;
	} boottime, monotonic;
	bool has_user; /* the container's user namespace is not ours (new or joined) */
	const char *where;
};

/* ---- host network devices for the container ---- */
struct net_device_step {
	const char *host_name;
	const char *name; /* inside: "eth0", or "eth%d" where is_template */
	bool is_template;
	const char *where;
	/* Filled in by R when it moves the device, to bring it home where create fails. */
	char moved_as[16]; /* IF_NAMESIZE; empty: not moved */
	bool was_up;
};

/* ---- cgroup v2 (Documentation/admin-guide/cgroup-v2.rst) ---- */
enum cgroup_write_kind {
	CGROUP_LIMIT,	/* asked for: it must be applied */
	CGROUP_WEIGHT,	/* cpu.shares, which engines send unasked: without its controller a warning */
	CGROUP_DEFAULT, /* added by hrun: without its controller a warning */
};
struct cgroup_write {
	enum cgroup_write_kind kind;
	const char *controller; /* "memory" */
	const char *file;	/* "memory.max" */
	const char *value;	/* one write(2) */
	bool last;		/* pids.max: written when the container is READY */
	bool absent_ok;		/* a missing file is no error (memory.swap.max "max") */
	const char *where;
	bool either; /* another write of this `where` does as well: the file of one of them must be there */
};
/* A transient unit of systemd, which makes the cgroup; large: in the pool. */
struct scope_plan {
	struct scope_request request;
	struct scope_answer answer; /* of hrun-scope, once it ran */
	bool asked;		    /* hrun-scope has the request */
	const char *bus;	    /* path of the socket to ask; NULL: none was found (hrun plan) */
	const char *slice;
	bool user;	/* of the user's own systemd */
	bool too_large; /* something did not fit; no such plan is carried out */
};
struct cgroup_plan {
	bool disabled;		/* --cgroup-manager disabled */
	bool live;		/* an update: values that a new cgroup has anyway are written too */
	int root;		/* owned O_PATH of the cgroup2 mount; -1 where disabled */
	const char *mountpoint; /* "/sys/fs/cgroup" or "/sys/fs/cgroup/unified" */
	const char *
		path; /* below the mount, absolute: "/machine/web-1"; of a user's scope its end, until systemd has said it */
	struct scope_plan *scope; /* NULL: hrun makes the cgroup itself */
	bool beside;		  /* an ordinary user's, where none was named: beside the one that hrun is in */
	const char *lived_in;	  /* a cgroup above that holds processes and so enables nothing more, or NULL */
	const char **controllers; /* to be enabled in every ancestor, those needed by writes */
	size_t controller_count;
	struct cgroup_write *writes; /* in order */
	size_t write_count;
	const struct bpf_insn *device_program; /* NULL: no filter (listed exception, see device_note) */
	size_t device_program_length;	       /* instructions */
	const char *device_note;	       /* why there is no device filter, or NULL */
	bool takes_no_filter;		       /* there cannot be one, and none is to be replaced */
	const char *device_where;	       /* what caused the filter; NULL: linux.resources.devices */
	const char **delegated;		       /* files that become the owner's, with the directory */
	size_t delegated_count;		       /* 0: the cgroup stays ours */
	uid_t owner;			       /* on the host */
	const char *where;		       /* of the path */
};

/* ---- root filesystem ---- */
struct rootfs_plan {
	const char *path; /* absolute on the host: where it is and where it is attached */
	int fd;		  /* borrowed from the bundle, O_PATH */
	bool detached;	  /* fd is a detached mount of hrun's own, which is attached there itself */
	const char *file; /* of which it is the mount, where root.path names an EROFS image; else NULL */
	dev_t device;	  /* of the directory at path, as it was judged */
	ino_t inode;
	bool readonly;
	uint64_t attr;	      /* MOUNT_ATTR_* (nosuid, nodev) of it and of all that is mounted below it on the host */
	uint64_t propagation; /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE */
	bool propagation_recursive;
	const char *where;
};

/* ---- mounts, in order ---- */
enum mount_kind {
	MOUNT_BIND,	  /* detached clone of source_fd */
	MOUNT_FILESYSTEM, /* fsopen(type) in the container's namespaces */
	MOUNT_CGROUP,	  /* cgroup2 seen from the container's cgroup namespace; without one a bind of its own cgroup */
};
struct mount_data {
	const char *key, *value; /* value NULL: a flag; for fsconfig(2) */
	int fd;			 /* a directory of an overlay: owned O_PATH of what was judged; -1 otherwise */
};
struct mount_step {
	enum mount_kind kind;
	const char *destination; /* inside the root, absolute, clean */
	const char *source;	 /* bind: absolute host path; filesystem: its source string or NULL */
	const char *type;	 /* filesystem type; "bind" for binds */
	int source_fd;		 /* bind: owned O_PATH; -1 otherwise */
	int tree;		 /* -1; set by the creator: owned detached clone of the source */
	bool real_target;	 /* no symbolic link on the way to the destination: proc and sysfs */
	bool source_is_directory;
	bool recursive;					   /* rbind */
	bool copy_up;					   /* tmpcopyup */
	uint64_t attr_set, attr_clear;			   /* MOUNT_ATTR_* of this mount; an atime change is in both */
	uint64_t recursive_attr_set, recursive_attr_clear; /* rro and friends: AT_RECURSIVE */
	uint64_t propagation;				   /* 0: private */
	bool propagation_recursive;
	bool idmapped, idmap_recursive; /* ids of the source are shown through a map: */
	struct ids_plan idmap;		/* a namespace to be made for it, or */
	int idmap_namespace;		/* borrowed: the joined user namespace; -1: made */
	const char *source_filesystem;	/* where it is idmapped: "ext4", for the error of one that cannot */
	const char *label;		/* of SELinux, for its root directory once it is mounted; NULL: none */
	struct mount_data *data;	/* for fsconfig, "ro" and "sync" among them */
	size_t data_count;
	const char *where;
};

/* ---- /dev ---- */
enum device_kind { DEVICE_NODE, DEVICE_BIND, DEVICE_SYMLINK };
struct device_step {
	enum device_kind kind;
	const char *path;     /* "/dev/null" */
	mode_t type_and_mode; /* S_IFCHR | 0666 */
	unsigned int major, minor;
	uid_t uid;
	gid_t gid;
	const char *target; /* symlink: "/proc/self/fd"; bind: host path */
	int source_fd;	    /* bind: owned O_PATH of the host's node, its number checked; -1 otherwise */
	int tree;	    /* -1; set by the creator: owned detached clone of the node */
	const char *where;
};

/* ---- masked and read-only paths ---- */
enum mask_kind { MASK_HIDE, MASK_READONLY };
struct mask_step {
	enum mask_kind kind;
	const char *path;
	const char *where;
};

/* ---- sysctl ---- */
struct sysctl_step {
	const char *key;  /* "net.ipv4.ip_forward" */
	const char *file; /* "net/ipv4/ip_forward", below /proc/sys */
	const char *value;
	const char *where;
};

/* ---- credentials (credentials(7), capabilities(7)) ---- */
struct creds_plan {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t group_count;
	bool has_umask;
	mode_t umask;		  /* where absent 0022, as every engine's other runtimes do */
	uint64_t caps[CAPS_SETS]; /* bit n: capability n */
	bool no_new_privs;
	bool new_keyring;
	const char *selinux_label, *apparmor_profile; /* of the program; NULL: none is asked for */
	const char *selinux_where, *apparmor_where;   /* for the reader of a plan, where there is one */
	bool has_oom_score_adj;
	int oom_score_adj;
	struct rlimit_step {
		int resource;
		const char *name;
		struct rlimit limit;
	} * rlimits;
	size_t rlimit_count;
	const char *where, *caps_where; /* caps_where NULL: process.capabilities */
};

/* ---- sched(7), ioprio_set(2), set_mempolicy(2), personality(2) ---- */
enum { NUMBER_SET_BITS = 1024, NUMBER_SET_WORD = 8 * sizeof(unsigned long) };
struct number_set {
	unsigned long bits[NUMBER_SET_BITS / NUMBER_SET_WORD];
};
struct scheduling_plan {
	bool has_scheduler;
	uint32_t policy, priority;
	int32_t nice;
	uint64_t flags, runtime, deadline, period;
	unsigned int io_class, io_level;	      /* IOPRIO_CLASS_*; 0: unchanged */
	struct number_set *initial_cpus, *final_cpus; /* exec only; NULL: unchanged */
	unsigned int memory_mode;		      /* MPOL_*, with its flags */
	struct number_set *memory_nodes;
	unsigned int personality; /* PER_*, without flags; 0 (PER_LINUX) where the config says nothing */
	/* As the config says it; NULL: unchanged (the personality: PER_LINUX). */
	const char *policy_name, *io_class_name, *memory_text, *domain_name;
};

/* ---- seccomp ---- */
struct filter_agent {
	const char *path, *metadata; /* metadata may be NULL */
	int socket;		     /* -1; connected by the runtime */
	const char *text[3];	     /* the container process state around its two pids */
	pid_t pid;		     /* as the runtime sees it; found by the process itself */
	pid_t init;		     /* the container's first process; 0: this one */
};
struct filter_plan {
	const struct sock_filter *program; /* NULL: none */
	size_t length;			   /* instructions, <= BPF_MAXINSNS */
	unsigned int flags;		   /* SECCOMP_FILTER_FLAG_* */
	const char *name;		   /* "default.json", "linux.seccomp" */
	const char *default_action;	   /* "ERRNO(ENOSYS)" */
	const char *where;
	struct filter_agent *agent; /* NULL: the filter notifies nobody */
	/* Loaded before this one, which then can only deny more; NULL: none. Has no agent and no floor. */
	const struct filter_plan *floor;
};

/* ---- the program ---- */
struct exec_plan {
	char **args;		   /* NULL-terminated */
	char **env;		   /* NULL-terminated, HOME added; what the container gets */
	const char *path_variable; /* PATH of env, or NULL */
	const char *cwd;
	bool terminal;
	unsigned short console_height, console_width; /* 0: unknown */
	unsigned int preserve_fds;		      /* descriptors 3.. that stay open */
	uint64_t ignored_signals; /* bit N-1: signal N is ignored by hrun's caller, and shall not be by the program */
	/* exec only: the CPUs before and after the container's cgroup is entered; NULL: as they are */
	const char *where;
};

/* ---- hooks ---- */
struct hook_step {
	const char *path;
	char **args;		   /* NULL-terminated; args[0] as given or the path */
	char **env;		   /* NULL-terminated; only the hook's own */
	int timeout_seconds;	   /* 0: none */
	struct file_identity file; /* not known: not compared (startContainer, in the image) */
	const char *where;
};
struct hook_list {
	struct hook_step *item;
	size_t count;
};

struct plan {
	const char *id;
	const char *oci_version;
	const char *bundle_path;
	struct string_map annotations;
	struct ids_plan ids;
	struct cgroup_plan cgroup;
	struct namespaces_plan namespaces;
	struct net_device_step *net_devices;
	size_t net_device_count;
	struct rootfs_plan rootfs;
	struct mount_step *mounts;
	size_t mount_count;
	const char *mount_label; /* of SELinux, in the steps that take it; NULL: none */
	struct device_step *devices;
	size_t device_count;
	struct sysctl_step *sysctls;
	size_t sysctl_count;
	struct mask_step *masks;
	size_t mask_count;
	struct creds_plan creds;
	struct scheduling_plan scheduling;
	struct filter_plan filter;
	struct exec_plan exec;
	struct hook_list hooks[HOOK_KINDS];
	const char **warnings; /* what could not be applied and need not be */
	size_t warning_count;
};

struct plan_options {
	const char *id;
	bool look_only; /* `hrun plan`: what may not be opened is noted in warnings, not an error */
	bool no_new_keyring;
	bool cgroup_disabled;
	unsigned int preserve_fds;
	uint64_t ignored_signals;
	const struct scope_options {
		bool user;	 /* the user's own systemd, not the machine's */
		bool unasked;	 /* nobody asked for systemd: a unit only for a limit that nothing else keeps */
		const char *bus; /* path of its socket; NULL with look_only */
		struct string_list properties; /* of annotations, that the policy file allows */
	} * scope;			       /* NULL: hrun makes the cgroup itself */
	const char *cache_dir;		       /* compiled filters; NULL: no cache */
	const struct verdict *verdict;	       /* what was hardened, for `where`; may be NULL */
};

struct bundle;
struct config;
struct config_memory;
struct config_process;
struct config_resources;
struct config_seccomp;
struct filter_program;

/*
 * The container as data, from the HARDENED config (bundle->config is the original
 * document and is not read).  Fields that are read but not built are refused here by
 * name.  0 or negative errno with *e; descriptors opened so far are then closed.
 */
int plan_container(struct pool *pool, const struct config *config, const struct bundle *bundle,
		   const struct plan_options *options, struct plan *ret_plan, struct err *e);

/*
 * One more process in a container: fills creds, scheduling, exec (and filter where the caller
 * gives none).  ROOTFS is a descriptor of its root directory for HOME; may be -1.
 */
int plan_process(struct pool *pool, const struct config_process *process, int rootfs, struct plan *plan, struct err *e);

/* Give the program NAME=VALUE, in the place of what the config has under this name. */
void plan_set_variable(struct pool *pool, struct plan *plan, const char *name, const char *value);

/*
 * New resources for a container whose cgroup is PATH below MOUNTPOINT: fills plan->cgroup by the same conversion
 * as create.  Whatever is asked for must be possible; what VERDICT (may be NULL) added is left out where it is not.
 */
int plan_update(struct pool *pool, const struct config_resources *resources, const struct verdict *verdict,
		const char *mountpoint, const char *path, struct plan *ret_plan, struct err *e);
/* A unit that create has made, as the record has it. */
struct scope_unit {
	const char *name, *bus, *invocation;
};
/* After it, for a container that is UNIT: the same for systemd. */
int plan_scope_update(struct pool *pool, const struct config_resources *resources, const struct scope_unit *unit,
		      struct plan *plan, struct err *e);
/* What ends that unit. */
struct scope_plan *plan_scope_stop(struct pool *pool, const struct scope_unit *unit);
/* memory.checkBeforeUpdate: are the limits that are asked for above what is used now? */
int plan_memory_fits(const struct config_memory *memory, uint64_t used, uint64_t swap_used, struct err *e);
/* What a container sets for all of its processes, later ones too: linux.memoryPolicy, linux.personality. */
int plan_inherited(struct pool *pool, const struct config *config, struct plan *plan, struct err *e);

/* Assert what no later code may doubt: steps complete, sources open, capabilities inside the bound, filter accepted. */
void plan_check(const struct plan *plan);

/* A numbered list, one line a step (without the warnings), or JSON with them. */
void plan_print(FILE *out, const struct plan *plan);
void plan_print_json(FILE *out, struct pool *pool, const struct plan *plan);

void plan_close(struct plan *plan);

/* ---- the chapters; each fills one section (plan/NAME.c) ---- */
int plan_ids(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
	     struct err *e);
int plan_namespaces(struct pool *pool, const struct config *config, const struct plan_options *options,
		    struct plan *plan, struct err *e);
int plan_cgroup(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e);
int plan_net_devices(struct pool *pool, const struct config *config, struct plan *plan, struct err *e);
int plan_rootfs(struct pool *pool, const struct config *config, const struct bundle *bundle, struct plan *plan,
		struct err *e);
int plan_mounts(struct pool *pool, const struct config *config, const struct bundle *bundle,
		const struct plan_options *options, struct plan *plan, struct err *e);
int plan_devices(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		 struct err *e);
int plan_masks(struct pool *pool, const struct config *config, struct plan *plan, struct err *e);
int plan_sysctls(struct pool *pool, const struct config *config, struct plan *plan, struct err *e);
int plan_filter(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e);
int plan_hooks(struct pool *pool, const struct config *config, struct plan *plan, struct err *e);

/* A profile of config.json as a filter: GIVEN is its program, or NULL: from the cache, or compiled with libseccomp. */
int plan_filter_compile(struct pool *pool, const struct config_seccomp *seccomp, const struct filter_program *given,
			const char *cache_dir, struct filter_plan *ret_filter, struct err *e);

/* Who gets the listener of a filter that notifies; NULL where the profile names nobody or notifies of nothing. */
struct filter_agent *plan_filter_agent(struct pool *pool, const struct config_seccomp *seccomp);

/* The device cgroup program for RULES, as eBPF (cgroup_device context); exposed for its table test. */
int plan_device_program(struct pool *pool, const struct config_device_rule *rules, size_t count, bool with_defaults,
			const struct bpf_insn **ret_program, size_t *ret_length, struct err *e);

/* "CAP_NET_RAW" -> bit number, or -ENOENT where this build does not know it. */
int plan_capability(const char *name);
/* The name of one, "CAP_?" where this build does not know it. */
const char *plan_capability_name(int capability);

#endif
