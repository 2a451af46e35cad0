/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masks.c - hide what a container must not see, freeze what it must not change.
 *
 * The image may have put a symbolic link at any of these paths, so every look-up stays inside the root.
 * Each mount is built detached and attached in one move: there is no moment in which a path is hidden but
 * still writable.
 */
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Before Linux 6.15 only an attached tree can be cloned: the first cover of a kind is moved, the others are its clones. */
struct cover {
	int tree; /* borrowed or owned by masks_apply; negative until made */
	bool attached;
};

struct covers {
	struct cover file, directory;
	const char *label; /* of SELinux, for what is made here; or NULL */
	struct fd_pile *pile;
};

static int put_cover(struct cover *cover, int target, struct fd_pile *pile, struct err *e)
{
	if (!cover->attached) {
		TRY(mnt_attach(cover->tree, target, e));
		cover->attached = true;
		return 0;
	}
	autofd int copy = mnt_clone(cover->tree, false, e);
	TRY(copy);
	TRY(mnt_attach(copy, target, e));
	fd_pile_add(pile, &copy);
	return 0;
}

static int hide(struct covers *covers, int target, struct err *e)
{
	struct stat st;

	if (fstat(target, &st) < 0)
		return err_errno(e, "stat");
	if (!S_ISDIR(st.st_mode))
		return put_cover(&covers->file, target, covers->pile, e);
	if (covers->directory.tree < 0)
		covers->directory.tree = mnt_empty_dir(covers->label, covers->pile, e);
	TRY(covers->directory.tree);
	return put_cover(&covers->directory, target, covers->pile, e);
}

static int freeze(int target, struct fd_pile *pile, struct err *e)
{
	autofd int mnt = mnt_clone_with(target, "", MOUNT_ATTR_RDONLY, 0, true, e);

	TRY(mnt);
	TRY(mnt_attach(mnt, target, e));
	fd_pile_add(pile, &mnt);
	return 0;
}

static int apply_one(const struct mask_step *m, struct covers *covers, int rootfs, struct err *e)
{
	autofd int target = path_open_in_root(rootfs, m->path, e);

	if (target == -ENOENT || target == -ENOTDIR)
		return 0; /* nothing there to hide; the OCI spec asks to go on */
	TRY(target);
	TRY(m->kind == MASK_READONLY ? freeze(target, covers->pile, e) : hide(covers, target, e));
	fd_pile_add(covers->pile, &target);
	return 0;
}

static int apply_all(const struct plan *plan, struct covers *covers, int rootfs, struct err *e)
{
	for (size_t i = 0; i < plan->mask_count; i++) {
		const struct mask_step *m = &plan->masks[i];
		struct err why;
#ifdef HRUN_MUTANT_MASKED_PATHS
		if (m->kind == MASK_HIDE)
			continue;
#endif
#ifdef HRUN_MUTANT_READONLY_PATHS
		if (m->kind == MASK_READONLY)
			continue;
#endif
		int r = apply_one(m, covers, rootfs, &why);
		if (r < 0)
			return err_set(e, -r, "%s: %s `%s`: %s", m->where,
				       m->kind == MASK_READONLY ? "make read-only" : "hide", m->path, why.text);
	}
	return 0;
}

int masks_apply(const struct plan *plan, int rootfs, int null_device, struct err *e)
{
	autopile struct fd_pile pile = {.count = 0};
	struct covers covers = {.file = {.tree = null_device},
				.directory = {.tree = -EBADF},
				.label = plan->mount_label,
				.pile = &pile};
	int r = apply_all(plan, &covers, rootfs, e);

	fd_pile_add(&pile, &covers.directory.tree);
	return r;
}
