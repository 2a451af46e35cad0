/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_make.c - a new entry: made aside, synced, renamed into place whole.
 *
 * Who makes new/NAME holds a flock(2) on that directory.  So whoever finds it locked waits, and what is not locked was left
 * by a run that was killed.  A second lock, on the root filesystem in it, is shared with hrun-tree by the descriptor that it
 * gets: it may live a moment longer than hrun, and nobody else works there until it has gone.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_store.h>
#include <hrun/str.h>
#include <hrun/tree_wire.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct making {
	const struct image_store *store;
	char name[STORE_NAME_SIZE];
	int dir;    /* owned and locked: new/NAME */
	int rootfs; /* owned and locked */
};

static void making_close(struct making *m)
{
	fd_close(&m->rootfs);
	fd_close(&m->dir);
}
#define automaking __attribute__((cleanup(making_close)))

/* Where a killed run's hrun-tree may still be at work. */
static int wait_for_tree(int dir)
{
	autofd int rootfs = store_open_at(dir, "rootfs", O_RDONLY | O_DIRECTORY);

	return rootfs < 0 ? 0 : fd_lock(rootfs, LOCK_EX);
}

static int clear(int dir)
{
	TRY(wait_for_tree(dir));
	return store_empty(dir);
}

/* new/NAME, locked by us; WAIT says whether for those who hold it.  1, 0 where it went away or is held, negative errno. */
static int lock_directory(const struct image_store *store, const char *name, bool wait, int *ret_dir)
{
	autofd int dir = store_open_at(store->making, name, O_RDONLY | O_DIRECTORY);
	int operation = LOCK_EX | (wait ? 0 : LOCK_NB);

#ifdef HRUN_MUTANT_STORE_LOCK
	operation = LOCK_UN;
#endif
	if (dir == -ENOENT)
		return 0;
	TRY(dir);
	int r = fd_lock(dir, operation);
	if (r == -EWOULDBLOCK)
		return 0;
	TRY(r);
	int named = fd_is_named(store->making, name, dir);
	if (named == 1)
		*ret_dir = TAKE_FD(dir);
	return named;
}

static int open_rootfs(struct making *m)
{
	TRY(clear(m->dir));
	if (mkdirat(m->dir, "rootfs", 0755) < 0)
		return -errno;
	m->rootfs = store_open_at(m->dir, "rootfs", O_RDONLY | O_DIRECTORY);
	TRY(m->rootfs);
	/* Whatever the umask. */
	if (fchmod(m->rootfs, 0755) < 0)
		return -errno;
	return fd_lock(m->rootfs, LOCK_EX | LOCK_NB);
}

/* 1: it is ours alone and empty.  0: somebody else was faster. */
static int begin(struct making *m, struct err *e)
{
	const struct image_store *store = m->store;

	if (store->making < 0)
		return err_set(e, EROFS, "store: nothing can be added to `%s`: it is read-only", store->path);
	if (mkdirat(store->making, m->name, 0700) < 0 && errno != EEXIST)
		return err_errno(e, "store: make `%s/new/%s`", store->path, m->name);
	int r = lock_directory(store, m->name, true, &m->dir);
	if (r > 0 && faccessat(store->dir, m->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		/* Between our look and our lock; nobody else can be here now. */
		unlinkat(store->making, m->name, AT_REMOVEDIR);
		return 0;
	}
	if (r > 0) {
		r = open_rootfs(m);
		r = r < 0 ? r : 1;
	}
	return r < 0 ? err_set(e, -r, "store: prepare `%s/new/%s`: %s; %s", store->path, m->name, strerrordesc_np(-r),
			       r == -ENOSPC || r == -EDQUOT ? "give it more room" : "remove it")
		     : r;
}

/* Synced first: after a power cut there is a whole entry or none, never one with holes. */
static int publish(struct pool *pool, struct making *m, const struct image_result *result, struct err *e)
{
	const struct image_store *store = m->store;

	TRY(store_entry_record(pool, m->dir, result, e));
#ifndef HRUN_MUTANT_STORE_SYNC
	if (syncfs(m->dir) < 0)
		return err_errno(e, "store: write `%s/new/%s` to the disk", store->path, m->name);
#endif
	if (renameat2(store->making, m->name, store->dir, m->name, RENAME_NOREPLACE) < 0)
		return err_errno(e, "store: rename `%s/new/%s` into place", store->path, m->name);
	return 0;
}

/* What is left of a failure is nobody's; if this fails, too, the next run's sweep tries again. */
static void abandon(struct making *m)
{
	fd_close(&m->rootfs);
	if (clear(m->dir) == 0)
		unlinkat(m->store->making, m->name, AT_REMOVEDIR);
}

static int unpack(struct pool *pool, struct making *m, const struct image_call *call, const char *digest,
		  const struct store_finish *finish, struct image_result *ret, struct err *e)
{
	uint32_t flags = TREE_SHARED;

#ifdef HRUN_MUTANT_STORE_FIFO
	flags = 0;
#endif
	TRY(image_unpack(pool, call, m->rootfs, flags, ret, e));
	if (ret->answer.verdict != IMAGE_ACCEPT)
		return 0;
	if (!str_equal(ret->answer.manifest_digest, digest))
		return err_set(e, EBUSY, "the layout was changed while it was read; try again when it is complete");
	if (finish)
		TRY(finish->finish(finish->context, m->rootfs, ret, e));
	return publish(pool, m, ret, e);
}

int store_make(struct pool *pool, const struct image_store *store, const struct image_call *call, const char *digest,
	       const struct store_finish *finish, struct image_result *ret, struct err *e)
{
	automaking struct making m = {.store = store, .dir = -EBADF, .rootfs = -EBADF};

	if (store_name(digest, m.name) < 0)
		return err_set(e, EINVAL, "the image has no digest that the store knows");
	int r = begin(&m, e);
	if (r == 0)
		return 0;
	if (r > 0)
		r = unpack(pool, &m, call, digest, finish, ret, e);
	if (m.dir >= 0 && (r < 0 || ret->answer.verdict != IMAGE_ACCEPT))
		abandon(&m);
	return r < 0 ? r : 1;
}

static int sweep_name(const struct image_store *store, const char *name)
{
	autofd int dir = -EBADF;
	int r = lock_directory(store, name, false, &dir);

	if (r <= 0)
		return r;
	TRY(clear(dir));
	return unlinkat(store->making, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int store_sweep(const struct image_store *store, struct err *e)
{
	autonames DIR *names = store_names(store->making);
	const char *name;

	if (!names)
		return err_errno(e, "store: look into `%s/new`", store->path);
	while ((name = store_next_name(names))) {
		int r = sweep_name(store, name);
		if (r < 0 && r != -EROFS)
			return err_set(e, -r,
				       "store: remove `%s/new/%.80s`, which a killed run has left: %s; remove it",
				       store->path, name, strerrordesc_np(-r));
	}
	return 0;
}
