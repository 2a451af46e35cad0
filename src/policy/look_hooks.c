/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look_hooks.c - the files that hooks name, and who may change them.
 *
 * A hook runs as whoever runs hrun, so whoever may write to the file, or exchange a directory or link that leads to
 * it, has that one's rights.  Every step of the path is taken by descriptor, links too, and judged; what the walk
 * comes to must be what the kernel opens by the whole path.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/proc.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { LINKS_MAX = 40, HASH_BLOCK = 32768 };
#define HASH_MAX ((off_t)256 << 20)

bool owner_is_host_root(const struct judged *judged, uid_t owner)
{
	return owner == host_root_shown(judged);
}

uid_t host_root_shown(const struct judged *judged)
{
	return judged->host_root ? 0 : proc_host_root();
}

struct walk {
	const struct judged *judged;
	struct hook_look *look;
	int at; /* owned: how far we are */
	unsigned int links;
};

/* Sticky does not save a directory: what is missing there yet can be made by anybody. */
static void judge_step(struct walk *w, const struct stat *st)
{
	const struct bundle *bundle = w->judged->bundle;
	struct pool *pool = w->judged->pool;

	if (fd_is_same_stat(st, &bundle->dir_stat) ||
	    (bundle->rootfs >= 0 && fd_is_same_stat(st, &bundle->rootfs_stat)))
		w->look->in_bundle = true;
	if (w->look->changeable)
		return;
	bool foreign = !owner_is_host_root(w->judged, st->st_uid);
	if (!foreign && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return;
	const char *path = path_of_fd(pool, w->at);
	if (foreign)
		w->look->changeable = pool_printf(pool, "%s belongs to uid %u", path ? path : "?", st->st_uid);
	else
		w->look->changeable = pool_printf(pool, "%s is writable by group or others (mode %04o)",
						  path ? path : "?", st->st_mode & 07777u);
}

static int move_to(struct walk *w, int fd)
{
	struct stat st;

	if (fd < 0)
		return -errno;
	fd_close(&w->at);
	w->at = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	judge_step(w, &st);
	return 0;
}

/* Where a link leads.  Those of procfs open what their text only describes. */
static const char *target_of(struct walk *w, const char *name, int link)
{
	struct pool *pool = w->judged->pool;
	struct statfs fs;
	char text[PATH_MAX];

	if (fstatfs(w->at, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
		autofd int opened = openat(w->at, name, O_PATH | O_CLOEXEC);
		return opened < 0 ? NULL : path_of_fd(pool, opened);
	}
	ssize_t length = readlinkat(link, "", text, sizeof text);
	return length <= 0 || (size_t)length == sizeof text ? NULL : pool_strndup(pool, text, (size_t)length);
}

/* One name: forward, or the link's target in front of what is left. */
static int step(struct walk *w, const char *name, char **rest)
{
	struct stat st;

	if (!*name || str_equal(name, "."))
		return 0;
	autofd int fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return move_to(w, TAKE_FD(fd));
	const char *target = ++w->links > LINKS_MAX ? NULL : target_of(w, name, fd);
	if (!target)
		return -ELOOP;
	*rest = pool_printf(w->judged->pool, "%s/%s", target, *rest ? *rest : "");
	return *target == '/' ? move_to(w, open("/", O_PATH | O_CLOEXEC)) : 0;
}

/* ST is what the kernel opened by PATH. */
static int walk(const struct judged *judged, const char *path, const struct stat *st, struct hook_look *look)
{
	struct walk w = {.judged = judged, .look = look, .at = -EBADF};
	char *rest = pool_strdup(judged->pool, path), *name;
	struct stat end;

	int r = move_to(&w, open("/", O_PATH | O_CLOEXEC));
	/* A trailing slash of a link's target is not another name. */
	while (r == 0 && (name = strsep(&rest, "/")))
		r = step(&w, name, &rest);
	if (r == 0 && (fstat(w.at, &end) < 0 || !fd_is_same_stat(&end, st)))
		r = -ESTALE;
	fd_close(&w.at);
	return r;
}

/* ---- content ---- */

static void hash_content(int fd, struct hook_look *look)
{
	unsigned char block[HASH_BLOCK], digest[SHA256_SIZE];
	struct file_identity before = file_identity_of(&look->file);
	struct sha256 hash;
	struct stat st;
	ssize_t size;

	autofd int opened = fd_reopen(fd, O_RDONLY | O_NONBLOCK);
	if (opened < 0 || look->file.st_size > HASH_MAX)
		return;
	sha256_init(&hash);
	while ((size = fd_read_all(opened, block, sizeof block)) > 0)
		sha256_add(&hash, block, (size_t)size);
	sha256_end(&hash, digest);
	/* Written to meanwhile: then it is the digest of nothing. */
	if (size < 0 || fstat(opened, &st) < 0 || !file_identity_is(&before, &st))
		return;
	sha256_hex(digest, look->sha256);
}

static bool is_named(const struct judged *judged, const char *allowed, const char *path, const struct hook_look *look)
{
	return str_equal(allowed, path_clean(judged->pool, path)) || (look->real && str_equal(allowed, look->real));
}

/* Only what the policy may allow is read. */
static void hash_if_named(const struct judged *judged, const char *path, int fd, struct hook_look *look)
{
	for (size_t i = 0; judged->policy && i < judged->policy->allow.hook_count; i++) {
		if (is_named(judged, judged->policy->allow.hooks[i].path, path, look)) {
			hash_content(fd, look);
			return;
		}
	}
}

bool hook_is_allowed(const struct judged *judged, const char *path, const struct hook_look *look)
{
	for (size_t i = 0; *look->sha256 && i < judged->policy->allow.hook_count; i++) {
		const struct policy_hook *allowed = &judged->policy->allow.hooks[i];
		if (is_named(judged, allowed->path, path, look) && str_equal(allowed->sha256, look->sha256))
			return true;
	}
	return false;
}

/* ---- all ---- */

static void look_at(const struct judged *judged, const char *path, bool inside, struct hook_look *look)
{
	struct err e;
	int rootfs = judged->bundle->rootfs;

	autofd int fd = !inside	      ? open(path, O_PATH | O_CLOEXEC)
			: rootfs >= 0 ? path_open_in_root(rootfs, path, &e)
				      : rootfs;
	if (fd < 0 || fstat(fd, &look->file) < 0) {
		look->errnum = inside && fd < 0 ? -fd : errno;
		return;
	}
	look->real = path_of_fd(judged->pool, fd);
	if (!look->real)
		look->errnum = EIO; /* a file without a name: what cannot be looked at is no hook */
	if (!inside)
		look->walk_errnum = -walk(judged, path, &look->file, look);
	if (S_ISREG(look->file.st_mode))
		hash_if_named(judged, path, fd, look);
}

const struct hook_look *hook_look(const struct judged *judged, enum hook_kind kind)
{
	const struct config_hook_list *hooks = &judged->config->hooks[kind];

	if (!judged->bundle || !hooks->count)
		return NULL;
	struct hook_look *looks = pool_alloc(judged->pool, hooks->count * sizeof *looks);
	for (size_t i = 0; i < hooks->count; i++) {
		const char *path = hooks->item[i].path;
		if (i && str_equal(path, hooks->item[i - 1].path))
			looks[i] = looks[i - 1];
		else if (path[0] == '/')
			look_at(judged, path, kind == HOOK_START_CONTAINER, &looks[i]);
		else
			looks[i].errnum = EINVAL;
	}
	return looks;
}
