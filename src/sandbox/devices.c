/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices.c - /dev.
 *
 * Everything is made with *at() calls on descriptors that were resolved inside the root; an image whose
 * /dev is a symbolic link gets an error, not nodes on the host (CVE-2026-41579).  What is there already is
 * never removed: /dev may be a bind of something that others use.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <libgen.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* An entry of that name exists: it will do if it is the very device. */
static int check_existing(const struct device_step *d, int parent, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "stat");
	bool same_type = (st.st_mode & S_IFMT) == (d->type_and_mode & S_IFMT);
	if (!same_type || (!S_ISFIFO(st.st_mode) && st.st_rdev != makedev(d->major, d->minor)))
		return err_set(
			e, EEXIST,
			"something else is there already; remove it from the image, or the device from the config");
	return 0;
}

static int make_node(const struct device_step *d, int parent, const char *name, struct err *e)
{
	if (mknodat(parent, name, d->type_and_mode, makedev(d->major, d->minor)) < 0) {
		if (errno == EEXIST)
			return check_existing(d, parent, name, e);
		return err_errno(e, "mknod");
	}
	/* The umask is 0 here, so the mode is right; a node is born with the ids of its maker. */
	if ((d->uid || d->gid) && fchownat(parent, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "chown");
	return 0;
}

/* In a user namespace nodes cannot be made: the host's node, judged and cloned by the runtime, covers a file. */
static int bind_node(const struct device_step *d, int parent, const char *name, struct err *e)
{
	autofd int made = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0666);

	if (made < 0 && errno != EEXIST)
		return err_errno(e, "make a file to bind onto");
	autofd int target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return err_errno(e, "open the file to bind onto");
	return mnt_attach(d->tree, target, e);
}

static int make_one(const struct device_step *d, int parent, const char *name, struct err *e)
{
	switch (d->kind) {
	case DEVICE_NODE:
		return make_node(d, parent, name, e);
	case DEVICE_BIND:
		return bind_node(d, parent, name, e);
	case DEVICE_SYMLINK:
		if (symlinkat(d->target, parent, name) < 0 && errno != EEXIST)
			return err_errno(e, "make a symbolic link");
		return 0;
	}
	return err_set(e, EINVAL, "unknown kind of device step");
}

/* The directory of the step before: nearly all are made in /dev itself. */
struct parent {
	char path[PATH_MAX];
	int fd; /* owned; negative: none yet */
};

/* The directory of PATH, a real one all the way: made where it is missing. */
static int open_parent(struct parent *parent, const char *path, int rootfs, struct err *e)
{
	char wanted[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || str_format(wanted, sizeof wanted, "%.*s", (int)(slash - path), path) < 0)
		return err_set(e, EINVAL, "not an absolute path of a file");
	if (parent->fd >= 0 && str_equal(wanted, parent->path))
		return 0;
	fd_close(&parent->fd);
	uint64_t resolve = RESOLVE_NO_SYMLINKS;
#ifdef HRUN_MUTANT_DEVICE_LINK
	resolve = 0;
#endif
	parent->fd = path_open_in_root_with(rootfs, wanted, O_PATH | O_DIRECTORY, resolve, e);
	if (parent->fd == -ENOENT) {
		autofd int made = path_make_in_root(rootfs, wanted, true, 0755, e);
		TRY(made);
		parent->fd = path_open_in_root_with(rootfs, wanted, O_PATH | O_DIRECTORY, resolve, e);
	}
	if (parent->fd == -ELOOP)
		return err_set(e, ELOOP, "%s is a symbolic link in the image; put a directory there", wanted);
	TRY(parent->fd);
	memcpy(parent->path, wanted, sizeof wanted);
	return 0;
}

static int apply_one(const struct device_step *d, struct parent *parent, int rootfs, struct err *e)
{
	TRY(open_parent(parent, d->path, rootfs, e));
	return make_one(d, parent->fd, strrchr(d->path, '/') + 1, e);
}

static int apply_all(const struct plan *plan, struct parent *parent, int rootfs, struct err *e)
{
	for (size_t i = 0; i < plan->device_count; i++) {
		const struct device_step *d = &plan->devices[i];
		struct err why;
		int r = apply_one(d, parent, rootfs, &why);
		if (r < 0)
			return err_set(e, -r, "%s%sdevice `%s`: %s", d->where, *d->where ? ": " : "", d->path,
				       why.text);
	}
	return 0;
}

int devices_apply(const struct plan *plan, int rootfs, struct fd_pile *pile, struct err *e)
{
	struct parent parent = {.fd = -EBADF};
	int r = apply_all(plan, &parent, rootfs, e);

	fd_pile_add(pile, &parent.fd);
	return r;
}
