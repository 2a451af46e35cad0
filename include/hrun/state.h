/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - inside state/: the record as bytes, the lock, the directory without its record.
 */
#ifndef HRUN_STATE_H
#define HRUN_STATE_H

#include <hrun/container.h>

enum { RECORD_MAX_SIZE = 16 << 20 };

#define RECORD_FILE "state.json"
#define LOCK_FILE "lock"

struct json;

/* What a member of the record is in C, which is also what may stand in the file. */
enum record_kind {
	KIND_STRING,
	KIND_PATH,
	KIND_CGROUP,
	KIND_UNIT,
	KIND_INVOCATION,
	KIND_DIGEST,
	KIND_BOOL,
	KIND_UINT,
	KIND_PID,
	KIND_U64,
	KIND_NAMESPACES,
	KIND_MAP,
	KIND_HOOKS
};

/* MEMBER, a pointer to one of that KIND, as JSON; a string is not NULL. */
void record_write_value(struct json_out *out, enum record_kind kind, const void *member);
/* False where VALUE is of another type or out of range; MEMBER may then be half filled. */
bool record_read_value(struct pool *pool, const struct json *value, enum record_kind kind, void *member);

/* The record as state.json holds it. */
void record_write(struct json_out *out, const struct container_record *record);

/*
 * Read it back: hostile input.  Unknown, missing or mistyped members, a number out of
 * range, an id that is not EXPECTED_ID (NULL: any) are -EBADMSG.
 */
int record_read(struct pool *pool, const char *bytes, size_t size, const char *expected_id,
		struct container_record *ret, struct err *e);

/* May a record name this as the container's cgroup, or as its scope of systemd? */
bool record_is_cgroup(const char *path);
bool record_is_unit(const char *name);
bool record_is_invocation(const char *text);
/* Is CGROUP that of UNIT, or below it?  Who stops or changes another stops a stranger's. */
bool record_unit_has_cgroup(const char *unit, const char *cgroup);

/* The same of a record that record_read refuses: pid, start time and cgroup where each is there and possible. */
void record_read_remains(struct pool *pool, const char *bytes, size_t size, struct container_record *ret);

/*
 * Lock the directory DIR that is ROOT/ID: owned descriptor of its lock file.  WAIT false:
 * -EWOULDBLOCK where somebody holds it.  -ENOENT where the directory was removed, or replaced,
 * before the lock was ours.  *e is not filled for these two.
 */
int lock_take(int root, const char *id, int dir, bool wait, struct err *e);
/* What lock_take gave, after container_unlock: wait until it is ours again.  -ENOENT, *e not filled, where ROOT/ID has another lock now or none. */
int lock_again(int root, const char *id, int lock, struct err *e);
/* Is it held by anybody (another open of it)? */
bool lock_is_held(int dir);

/*
 * Open, and with LOCK lock, ROOT/ID without reading its record: what `delete --force` needs
 * of a directory that a killed create left behind.
 */
int container_open_directory(int root, const char *id, bool lock, struct container *ret, struct err *e);

/* Let others have the lock while the container stays open (a foreground run). */
void container_unlock(struct container *container);

#endif
