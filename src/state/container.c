/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.c - the state directory of one id: made, opened, saved, removed.
 *
 * The directory's name is the reservation of the id, the lock decides who may go on:
 * of two creates one gets it.  state.json is the last file to be removed but the lock,
 * so a removal that is killed can be done again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/proc.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_MAX_LENGTH = 255 };

bool container_id_valid(const char *text)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-";
	size_t length = strlen(text);

#ifdef HRUN_MUTANT_ID_PATH
	return length > 0 && length <= ID_MAX_LENGTH;
#endif
	if (length == 0 || length > ID_MAX_LENGTH || !strchr(first, text[0]))
		return false;
	for (const char *p = text; *p; p++) {
		if (*p != '.' && !strchr(first, *p))
			return false;
	}
	return true;
}

static int check_id(const char *id, struct err *e)
{
	if (container_id_valid(id))
		return 0;
	return err_set(e, EINVAL,
		       "invalid container id `%s`: it begins with a letter, digit or one of _+-, goes on with these "
		       "or '.', and has at most %d bytes",
		       id, ID_MAX_LENGTH);
}

static int does_not_exist(const char *id, struct err *e)
{
	return err_set(e, ENOENT, "container `%s` does not exist", id);
}

static int open_dir(int root, const char *id, struct err *e)
{
	autofd int dir = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (dir < 0 && errno == ENOENT)
		return does_not_exist(id, e);
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_errno(e, "open the state directory of container `%s`", id);
	if (st.st_uid != proc_euid() || (st.st_mode & 022))
		return err_set(e, EPERM, "the state directory of container `%s` is not ours alone", id);
	return TAKE_FD(dir);
}

int container_open_directory(int root, const char *id, bool lock, struct container *ret, struct err *e)
{
	*ret = (struct container){.root = -1, .dir = -1, .lock = -1};
	TRY(check_id(id, e));
	autofd int dir = open_dir(root, id, e);
	TRY(dir);
	autofd int lock_fd = lock ? lock_take(root, id, dir, true, e) : -1;
	if (lock && lock_fd < 0)
		return lock_fd == -ENOENT ? does_not_exist(id, e) : lock_fd;
	autofd int own_root = fcntl(root, F_DUPFD_CLOEXEC, 3);
	if (own_root < 0)
		return err_errno(e, "duplicate the state root");
	*ret = (struct container){.id = id, .root = TAKE_FD(own_root), .dir = TAKE_FD(dir), .lock = TAKE_FD(lock_fd)};
	return 0;
}

static int read_record(struct pool *pool, struct container *container, struct err *e)
{
	char *data;
	size_t size;

	int r = container_read_file(container, pool, RECORD_FILE, RECORD_MAX_SIZE, &data, &size, e);
	if (r == -ENOENT)
		return err_set(e, ENODATA,
			       "container `%s` does not exist: a create that was killed left its directory; "
			       "hrun delete --force %s removes it",
			       container->id, container->id);
	TRY(r);
	return record_read(pool, data, size, container->id, &container->record, e);
}

int container_relock(struct pool *pool, struct container *container, struct err *e)
{
	int r = lock_again(container->root, container->id, container->lock, e);

	if (r == -ENOENT)
		return does_not_exist(container->id, e);
	TRY(r);
	container->is_unlocked = false;
	return read_record(pool, container, e);
}

int container_open(struct pool *pool, int root, const char *id, bool lock, struct container *ret, struct err *e)
{
	TRY(container_open_directory(root, id, lock, ret, e));
	ret->id = pool_strdup(pool, id);
	int r = read_record(pool, ret, e);
	if (r < 0)
		container_close(ret);
	return r;
}

int container_open_remains(struct pool *pool, int root, const char *id, bool lock, struct container *ret, struct err *e)
{
	struct err ignored;
	char *data;
	size_t size;

	TRY(container_open_directory(root, id, lock, ret, e));
	ret->id = pool_strdup(pool, id);
	if (container_read_file(ret, pool, RECORD_FILE, RECORD_MAX_SIZE, &data, &size, &ignored) == 0)
		record_read_remains(pool, data, size, &ret->record);
	return 0;
}

/* -EEXIST where the directory is used, -EAGAIN where it vanished between two steps (somebody was removing it). */
static int enter_reserved(int root, const char *id, struct container *ret, struct err *e)
{
	struct stat st;

	autofd int dir = open_dir(root, id, e);
	if (dir < 0)
		return dir == -ENOENT ? -EAGAIN : dir;
	autofd int lock = lock_take(root, id, dir, false, e);
	if (lock < 0)
		return lock == -EWOULDBLOCK ? -EEXIST : lock == -ENOENT ? -EAGAIN : lock;
	if (fstatat(dir, RECORD_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	ret->dir = TAKE_FD(dir);
	ret->lock = TAKE_FD(lock);
	return 0;
}

/* A directory that we made and could not enter; another create that took it over meanwhile keeps it. */
static void unreserve(int root, const char *id)
{
	struct container container = {.root = -1, .dir = -1, .lock = -1};
	struct err ignored;

	if (enter_reserved(root, id, &container, &ignored) >= 0)
		unlinkat(container.dir, LOCK_FILE, 0);
	unlinkat(root, id, AT_REMOVEDIR);
	container_close(&container);
}

static int reserve(int root, const char *id, struct container *ret, struct err *e)
{
	bool made = mkdirat(root, id, 0700) == 0;

	if (!made && errno != EEXIST)
		return err_errno(e, "make the state directory of container `%s`", id);
	int r = enter_reserved(root, id, ret, e);
	if (r < 0 && made && r != -EEXIST && r != -EAGAIN)
		unreserve(root, id);
	return r;
}

/* Before anything else exists the directory itself is all there is to undo. */
static void abandon(struct container *container)
{
	struct err ignored;

	container_remove(container, &ignored);
	container_close(container);
}

int container_new(struct pool *pool, int *root, const struct container_record *record, struct container *ret,
		  struct err *e)
{
	int r;

	*ret = (struct container){.root = -1, .dir = -1, .lock = -1};
	TRY(check_id(record->id, e));
	do {
		r = reserve(*root, record->id, ret, e);
	} while (r == -EAGAIN);
	if (r == -EEXIST)
		return err_set(e, EEXIST, "container `%s` already exists", record->id);
	TRY(r);
	ret->id = pool_strdup(pool, record->id);
	ret->record = *record;
	ret->root = TAKE_FD(*root);
	r = container_save(ret, e);
	if (r < 0)
		abandon(ret);
	return r;
}

int container_save(struct container *container, struct err *e)
{
	struct pool pool = {NULL};
	struct json_out out = {.pool = &pool};

	record_write(&out, &container->record);
	int r = container_write_file(container, RECORD_FILE, out.text, out.length, e);
	pool_free(&pool);
	return r;
}

/* The one directory there may be is that of the notify socket. */
static bool remove_directory(int dir, const char *name)
{
	char socket[NAME_MAX + 32];

	if (str_format(socket, sizeof socket, "%s/" NOTIFY_SOCKET_NAME, name) < 0 ||
	    (unlinkat(dir, socket, 0) < 0 && errno != ENOENT))
		return false;
	return unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* Unlink what lies in DIR, all but the record and the lock. */
static int unlink_others(const struct container *container, struct err *e)
{
	_Alignas(struct dirent64) char buffer[2048];
	ssize_t length;

	if (lseek(container->dir, 0, SEEK_SET) < 0)
		return err_errno(e, "list the state directory of container `%s`", container->id);
	/* readdir(3) would take 32 KiB for these few names. */
	while ((length = getdents64(container->dir, buffer, sizeof buffer)) > 0) {
		const struct dirent64 *entry;
		for (ssize_t i = 0; i < length; i += entry->d_reclen) {
			entry = (const void *)(buffer + i);
			const char *name = entry->d_name;
			if (str_equal(name, ".") || str_equal(name, "..") || str_equal(name, RECORD_FILE) ||
			    str_equal(name, LOCK_FILE))
				continue;
			if (unlinkat(container->dir, name, 0) < 0 && errno != ENOENT &&
			    !(errno == EISDIR && remove_directory(container->dir, name)))
				return err_errno(e, "remove %s of container `%s`", name, container->id);
		}
	}
	return length < 0 ? err_errno(e, "list the state directory of container `%s`", container->id) : 0;
}

int container_remove(struct container *container, struct err *e)
{
	static const char *const last[] = {RECORD_FILE, LOCK_FILE};

	TRY(unlink_others(container, e));
	for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
		if (unlinkat(container->dir, last[i], 0) < 0 && errno != ENOENT)
			return err_errno(e, "remove %s of container `%s`", last[i], container->id);
	}
	/* Not empty: without lock and record the directory was free, and the next create has taken it over. */
	if (unlinkat(container->root, container->id, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY)
		return err_errno(e, "remove the state directory of container `%s`", container->id);
	return 0;
}

void container_unlock(struct container *container)
{
	/* Unlocked by name, not only by closing: a child of ours may still share the descriptor. */
	if (container->lock >= 0)
		flock(container->lock, LOCK_UN);
	container->is_unlocked = true;
}

void container_close(struct container *container)
{
	container_unlock(container);
	fd_close(&container->lock);
	fd_close(&container->dir);
	fd_close(&container->root);
}
