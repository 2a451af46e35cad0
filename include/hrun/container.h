/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.h - what is remembered of a container, in ROOT/ID.
 *
 * ROOT is /run/hrun (root), $XDG_RUNTIME_DIR/hrun (otherwise), or --root; mode 0700.
 *   lock          flock(2): held by every verb that changes the container
 *   state.json    the record below, written by temp + rename
 *   config.json   the document as it was judged (for exec's defaults)
 *   filter.bpf    the seccomp program, so that exec is never weaker; floor.bpf the one below it, where there is one
 *   verdict.json  findings of create
 *   start.sock    where the waiting init listens
 *   notify/       what the container sees of NOTIFY_SOCKET, where hrun was started with one
 * `creating` is recorded with every path before any side effect; after a SIGKILL at
 * any point `delete --force` finds there what to remove.
 */
#ifndef HRUN_CONTAINER_H
#define HRUN_CONTAINER_H

#include <hrun/err.h>
#include <hrun/pool.h>
#include <hrun/spec.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NOTIFY_DIR "notify"
#define NOTIFY_SOCKET_NAME "notify.sock"

enum container_status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };

/* state.json.  Strings live in the pool given to container_open. */
struct container_record {
	const char *id;
	const char *oci_version;
	const char *bundle, *rootfs;
	const char *created; /* RFC 3339 with nanoseconds, UTC */
	uid_t owner;
	bool created_done;    /* false: creating */
	pid_t pid;	      /* 0: no process yet */
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
	const char *cgroup;   /* below the cgroup2 mount; NULL: none */
	const char *cgroup_mountpoint;
	uint64_t cgroup_inode;	/* of its directory; 0 until made */
	const char *unit;	/* the transient scope of systemd that the cgroup is; NULL: hrun's own cgroup */
	const char *bus;	/* the socket where systemd was asked for it; not NULL where there is a unit */
	const char *invocation; /* which of the units of that name it is, in 32 hexadecimal digits; NULL until made */
	bool no_new_privs;
	uint64_t bounding; /* capabilities */
	bool has_filter;   /* filter.bpf is there */
	bool has_floor;	   /* floor.bpf is there */
	unsigned int filter_flags;
	/* What its program got of SELinux and AppArmor, of the config or by a rule's repair; NULL: nothing. */
	const char *selinux_label, *apparmor_profile;
	bool new_pid_namespace;
	uint64_t namespaces; /* CLONE_NEW* the container has of its own or joined: exec enters these */
	const char *level;
	/*
	 * Of an image, from a layout or as an engine has mounted it, or of a signed bundle; NULL: nothing is known.  What was asked for
	 * or signed, and what of that runs on this platform (NULL: a bundle); both checked down to the files.
	 */
	const char *image_digest, *image_manifest;
	const char *image_signer,
		*image_policy; /* who signed, and the policy files that asked; NULL: nobody was asked for */
	struct string_map annotations;
	struct config_hook_list poststart, poststop;
	bool hooks_begun; /* a hook of create may have run; only saved where there are poststop hooks */
};

struct container {
	const char *id;
	int root;	  /* owned descriptor of ROOT */
	int dir;	  /* owned descriptor of ROOT/ID */
	int lock;	  /* owned; the lock is held while it is open, */
	bool is_unlocked; /* or until container_unlock */
	struct container_record record;
};

/* Is TEXT an id: [A-Za-z0-9_+-][A-Za-z0-9_+.-]*, at most 255 bytes? */
bool container_id_valid(const char *text);

/*
 * Open (MAKE: or make, 0700) the state root; refuses one that others may write.
 * PATH NULL: the default.  An owned descriptor; -ENOENT without MAKE where missing.
 */
int container_root_open(const char *path, bool make, struct err *e);
/* The default root's path for this process. */
const char *container_root_default(struct pool *pool);

/*
 * Make ROOT/ID, lock it, write RECORD (creating).  -EEXIST where the id is used
 * ("container ID already exists").  A directory without a readable state.json (a
 * create killed before its first write) that nobody has locked is taken over.
 * *ROOT belongs to the container as soon as there is one, and is -EBADF then.
 */
int container_new(struct pool *pool, int *root, const struct container_record *record, struct container *ret,
		  struct err *e);

/* Open and read ROOT/ID; LOCK: exclusive lock first.  -ENOENT: "container `ID` does not exist". */
int container_open(struct pool *pool, int root, const char *id, bool lock, struct container *ret, struct err *e);

/*
 * Lock a container again that container_unlock let go of, and read what others made of it meanwhile.
 * -ENOENT where it was removed; the id may then be another container's.
 */
int container_relock(struct pool *pool, struct container *container, struct err *e);

/*
 * Open ROOT/ID whose record is missing, damaged or another version's: record holds what could still be read of
 * where its process and cgroup are, and nothing else.
 */
int container_open_remains(struct pool *pool, int root, const char *id, bool lock, struct container *ret,
			   struct err *e);

/* Write the record: temp file, fsync not needed (/run is memory), rename. */
int container_save(struct container *container, struct err *e);

/* A whole file in the state directory, temp + rename, 0600. */
int container_write_file(struct container *container, const char *name, const void *data, size_t size, struct err *e);
/*
 * The same of a container that is being made, whose files nobody reads before its record says that it has been: the file is
 * written where it will be.
 */
int container_add_file(struct container *container, const char *name, const void *data, size_t size, struct err *e);
/* Read one back, at most MAX bytes; -ENOENT without *e filled where it is missing. */
int container_read_file(const struct container *container, struct pool *pool, const char *name, size_t max,
			char **ret_data, size_t *ret_size, struct err *e);

/* Remove every file of ROOT/ID and the directory. */
int container_remove(struct container *container, struct err *e);
void container_close(struct container *container);

/*
 * The status by asking the kernel: the record's pid with its start time, PF_FORKNOEXEC
 * (created or running), cgroup.freeze (paused).
 */
enum container_status container_status(const struct container *container);
const char *container_status_name(enum container_status status);

/* Every id below ROOT, sorted. */
int container_list(struct pool *pool, int root, const char ***ret_ids, size_t *ret_count, struct err *e);

/*
 * The `state` object for hooks, split around the pid: RET_TEXT[0] PID RET_TEXT[1].  Who runs inside
 * the container sees another pid than who runs outside.
 */
void container_state_split(struct pool *pool, const struct container_record *record, const char *status,
			   const char *ret_text[2]);

/* What a seccomp agent gets (config-linux.md#containerprocessstate), split around its two pids; METADATA may be NULL. */
void container_process_state_split(struct pool *pool, const struct container_record *record, const char *status,
				   const char *metadata, const char *ret_text[3]);

struct json_out;

/* The `state` object (runtime.md#state); compact, slashes unescaped; PID as the reader sees it. */
void container_state_json(struct json_out *out, const struct container_record *record, const char *status, pid_t pid);

#endif
