/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chapters.h - the container's half: each function carries out one section of the plan.
 *
 * They run in the container's init (I) between birth and execve: no allocation, no parsing, every host
 * object comes as a descriptor.  0 or negative errno with *e; e->step is the plan step.  PILE gets descriptors that nobody needs any more.
 */
#ifndef HRUN_CHAPTERS_H
#define HRUN_CHAPTERS_H

#include <hrun/err.h>
#include <hrun/fd.h>
#include <hrun/plan.h>
#include <sys/types.h>

/* What R prepares on the host for I: detached trees, owned. */
struct host_objects {
	int rootfs;	 /* the root filesystem */
	int null_device; /* /dev/null, checked to be character 1:3 */
};

/* R: clone every host object of the plan (idmap.c writes the maps, objects.c the rest). */
int objects_lift(struct plan *plan, struct host_objects *ret_objects, struct err *e);
/* R: may we clone mounts?  Root may; an ordinary user may in a namespace of its own only. */
bool objects_can_lift(const struct plan *plan);
/* I, where R cannot: look up the same objects again, compare them with what was judged, clone them. */
int objects_lift_inside(struct plan *plan, struct host_objects *ret_objects, struct err *e);
/* R: the directory CGROUP as the tree of each cgroup2 mount, where the container shares a cgroup namespace. */
int objects_lift_cgroup(struct plan *plan, int cgroup, struct err *e);
/* R, when init has its own copies: the trees, those in PLAN as well; or each would be busy for as long as R lives. */
void objects_close(struct plan *plan, struct host_objects *objects);
/* PATH once more, in our own mount namespace; -ESTALE where it is not the file JUDGED any more. */
int objects_reopen(int judged, const char *path, struct err *e);

/* ---- overlay.c ---- */
enum { OVERLAY_FDS_MAX = 24 };
struct overlay_fds {
	int fd[OVERLAY_FDS_MAX];
	size_t count;
};
/* The directories of M for the context FS; they must stay open until the file system is made. */
int overlay_set(const struct mount_step *m, int fs, struct overlay_fds *fds, struct err *e);
void overlay_close(struct overlay_fds *fds);

/* R: write /proc/PID/uid_map and gid_map (user_namespaces(7)) below the procfs PROC. */
int idmap_write(const struct ids_plan *plan, int proc, pid_t pid, struct err *e);
/* R: an owned descriptor of a user namespace with these maps and nobody in it. */
int idmap_make_namespace(const struct ids_plan *plan, struct err *e);
/* I: become 0:0, or the first mapped pair, of a new user namespace; 0:0 or the process's own ids in a joined one. */
int idmap_become_root(const struct plan *plan, struct err *e);
/* CLONE_NEW* of the namespaces that must belong to a mapped id: not made with the process. */
uint64_t idmap_makes_late(const struct namespaces_plan *plan);
/* I, as the mapped root: make and enter them. */
int idmap_make_late(const struct namespaces_plan *plan, struct err *e);

/* I, before it drops anything: make the time namespace of the plan, where it has one, and enter it. */
int time_make(const struct namespaces_plan *plan, struct err *e);
/* R: enter the time namespace that NAMESPACE (nsfs or a pidfd) is, for a child to be born there; owned: where to return. */
int time_visit(int namespace, struct err *e);
/* R: back to HOME (< 0: it never left). */
int time_return(int home, struct err *e);

/* I: make the copied mount namespace private, attach the root at root.path. */
int rootfs_attach(const struct rootfs_plan *plan, int tree, struct fd_pile *pile, struct err *e);
/* I: read-only and the other attributes, pivot_root(2), detach the host. */
int rootfs_enter(const struct rootfs_plan *plan, int rootfs, struct err *e);

int mounts_apply(const struct plan *plan, int rootfs, struct fd_pile *pile, struct err *e);
/* What was mounted writable to be filled becomes read-only. */
int mounts_freeze(const struct plan *plan, int rootfs, struct err *e);
/* Fill the new TMPFS (a detached mount) with what is in the directory TARGET (O_PATH) that it will cover. */
int copyup_apply(int target, int tmpfs, struct err *e);
int devices_apply(const struct plan *plan, int rootfs, struct fd_pile *pile, struct err *e);
/* NULL_DEVICE is a detached tree of the host's null device; used up. */
int masks_apply(const struct plan *plan, int rootfs, int null_device, struct err *e);
int sysctl_apply(const struct plan *plan, struct fd_pile *pile, struct err *e);
/* hostname(7), domain name, loopback interface */
int uts_apply(const struct namespaces_plan *plan, struct err *e);
int loopback_up(struct err *e);

/* ---- labels.c ---- */
/*
 * R, before anything is made: are the security modules on that the plan has labels for?  -EOPNOTSUPP where one is not.
 * *RET_HAS_APPARMOR is for labels_apply, in whose process /sys is the container's; false where no profile is asked for.
 */
int labels_check(const struct plan *plan, bool *ret_has_apparmor, struct err *e);
bool labels_are_asked(const struct creds_plan *creds);
/*
 * I: with its next execve this process gets the label and the profile of the plan.  PROC is the runtime's own procfs (proc_open),
 * of whichever pid namespace.  What cannot be set is an error.  Nothing else is opened.
 */
int labels_apply(const struct creds_plan *creds, bool has_apparmor, int proc, struct err *e);
/* The root directory of the detached MOUNT gets a label of SELinux. */
int labels_set_file(int mount, const char *label, struct err *e);

/* Where there will be a terminal: the file that it is bound on, while /dev can still be written. */
int console_prepare(const struct plan *plan, int rootfs, struct err *e);
/*
 * A fresh pty of the container's own devpts becomes stdin, stdout, stderr and the controlling terminal;
 * its master goes out over CONSOLE_SOCKET.  ON_CONSOLE: also bound on /dev/console.  ROOT is the container's root.
 */
int console_apply(const struct plan *plan, int root, int console_socket, bool on_console, struct err *e);

/* Everything that makes the process powerless, and its working directory; then only filter, rlimits, execve are left. */
/* Before the root becomes read-only: the working directory, if the image has none. */
void cwd_make(const struct plan *plan, int root);
int creds_apply(const struct plan *plan, int root, struct err *e);
/*
 * R: the hard limits of the new process PID that have to go up (prlimit(2)).  In a user namespace of its own no capability of its lets it do so;
 * the exact values come in creds_seal.
 */
int creds_raise_limits(const struct creds_plan *plan, pid_t pid, struct err *e);
/* R: write oom_score_adj of the new process, below the procfs PROC, where the plan has one. */
int creds_set_oom_score(const struct creds_plan *plan, int proc, pid_t pid, struct err *e);
/* R: move the plan's network devices to where the new process PID is, below the procfs PROC. */
/* *ret_namespace: an owned descriptor of that place, -1 where there is nothing to move. */
int net_devices_apply(struct plan *plan, int proc, pid_t pid, int *ret_namespace, struct err *e);
/* R, where create failed: bring home what was moved to NAMESPACE. */
int net_devices_return(const struct plan *plan, int namespace, struct err *e);
/* R: scheduler and I/O priority of the new process PID. */
int scheduling_apply(const struct scheduling_plan *plan, pid_t pid, struct err *e);
/* R: the processors that PID (0: itself) may use; CPUS may be NULL. */
int scheduling_set_cpus(const struct number_set *cpus, pid_t pid, const char *where, struct err *e);
int scheduling_get_cpus(struct number_set *ret_cpus, struct err *e);
/* I: memory policy, and the personality that the plan says, whatever the caller's is. */
int scheduling_apply_self(const struct scheduling_plan *plan, struct err *e);
/* Just before execve: exact resource limits, the filter, the last capabilities. */
int creds_seal(const struct plan *plan, struct err *e);

/* Find what args[0] names, as the process's own user: PATH of its environment, a regular executable file. */
int program_find(const struct exec_plan *plan, char *ret_path, size_t size, struct err *e);
/* creds_seal and execve; returns only on failure. */
int program_execute(const struct plan *plan, const char *path, struct err *e);

/*
 * The state object as a hook gets it on stdin: TEXT[0], then the pid, then TEXT[1]; a hook inside the
 * container sees another number than one outside.
 */
struct hook_state {
	const char *text[2];
	pid_t pid;
};
/*
 * Run the hooks of one kind in order, in the caller's namespaces, with DIR as working directory (-1: as it is).
 * FILTER, where not NULL, is loaded in each hook before its execve (startContainer).  Stops at the first failure.
 */
int hooks_apply(const struct hook_list *hooks, enum hook_kind kind, const struct hook_state *state, int dir,
		const struct filter_plan *filter, struct err *e);

/* Does anything happen between 2 MOUNTED and 3 PIVOT?  Without hooks neither of the two is sent. */
bool hooks_wait(const struct plan *plan);

/* What the container's init (I) is born with. */
struct init {
	const struct plan *plan;
	struct host_objects objects;
	struct plan *lift;		 /* not NULL: init lifts the objects itself */
	int sync;			 /* to R */
	int peer;			 /* R's end of it, closed first: EOF on `sync` must mean that R is dead */
	int start;			 /* listening: S connects; -1: R starts it, over `sync` */
	int console;			 /* -1 without terminal */
	int proc;			 /* the runtime's, until the labels are set; -1: there are none */
	bool has_apparmor;		 /* the machine */
	struct hook_state hook_state[2]; /* createContainer, startContainer; the pid is filled in by I */
};
/* The container's half of create; ARGUMENT is a struct init.  Does not return. */
void init_main(void *argument);

#endif
