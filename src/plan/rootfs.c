/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.c - the container's root: the very directory that was judged, by descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const struct propagation_word {
	const char *word;
	uint64_t propagation;
	bool recursive;
} propagation_words[] = {
	{"private", MS_PRIVATE, false},	      {"rprivate", MS_PRIVATE, true},	    {"slave", MS_SLAVE, false},
	{"rslave", MS_SLAVE, true},	      {"shared", MS_SHARED, false},	    {"rshared", MS_SHARED, true},
	{"unbindable", MS_UNBINDABLE, false}, {"runbindable", MS_UNBINDABLE, true},
};

static int plan_propagation(struct pool *pool, const char *word, struct rootfs_plan *rootfs, struct err *e)
{
	if (!word || !*word)
		word = "rprivate";
	for (size_t i = 0; i < sizeof propagation_words / sizeof *propagation_words; i++) {
		if (str_equal(word, propagation_words[i].word)) {
			rootfs->propagation = propagation_words[i].propagation;
			rootfs->propagation_recursive = propagation_words[i].recursive;
			return 0;
		}
	}
	return err_set(e, EINVAL,
		       "linux.rootfsPropagation: unknown word %s; use private, slave, shared or unbindable, "
		       "or one of them with r before it",
		       plan_quote(pool, word));
}

/* Where /dev lies on the root itself, its nodes must stay usable. */
static bool has_own_dev(struct pool *pool, const struct config *config)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		if (str_equal(path_clean(pool, config->mounts[i].destination), "/dev"))
			return true;
	}
	return false;
}

static uint64_t attributes(struct pool *pool, const struct config *config, struct plan *plan)
{
	uint64_t attr = config->root.nosuid ? MOUNT_ATTR_NOSUID : 0;

	if (!config->root.nodev)
		return attr;
	if (has_own_dev(pool, config))
		return attr | MOUNT_ATTR_NODEV;
	plan_warn(pool, plan, "root: without a mount on /dev it cannot be nodev");
	return attr;
}

/* ---- an EROFS image ---- */

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Nothing can be made in it.  (Behind a link the place may be in another mount: init will see.) */
static int check_places(struct pool *pool, const struct config *config, int rootfs, struct err *e)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		const char *path = config->mounts[i].destination;
		struct err ignored;
		if (config_mount_is_covered(pool, config, i))
			continue;
		autofd int fd = path_open_in_root_with(rootfs, path, O_PATH, RESOLVE_NO_SYMLINKS, &ignored);
		if (fd == -ENOENT)
			return err_set(
				e, ENOENT,
				"mounts[%zu].destination: %s is not in the EROFS image, where nothing can be made; "
				"mkdir it before mkfs.erofs",
				i, plan_quote(pool, path));
		if (fd == -ENOTDIR || (fd >= 0 && !plan_mount_is_bind(&config->mounts[i]) && !is_directory(fd)))
			return err_set(e, ENOTDIR,
				       "mounts[%zu].destination: %s in the EROFS image is, or lies below, what is no "
				       "directory; change it before mkfs.erofs",
				       i, plan_quote(pool, path));
	}
	return 0;
}

static int check_file(struct pool *pool, const struct config *config, const struct bundle *bundle, struct err *e)
{
	const char *shown = plan_quote(pool, bundle->rootfs_path);

	if (bundle->root_refusal)
		return err_set(e, -bundle->rootfs, "root.path: mount %s: %s", shown, bundle->root_refusal);
	if (bundle->rootfs < 0)
		return err_set(
			e, EPERM,
			"root.path: %s is a file, and nobody whom the policy file trusts has signed it; hrun sign the "
			"bundle, and set images.require and images.trust",
			shown);
	if (!config->root.readonly)
		return err_set(e, EROFS,
			       "root.readonly: %s is an EROFS image, which nobody can write to; set it to true", shown);
	return check_places(pool, config, bundle->rootfs, e);
}

/* Where it is attached until the root is entered: a mount without a place of its own goes onto the bundle. */
static void plan_detached(const struct bundle *bundle, struct rootfs_plan *rootfs)
{
	rootfs->detached = true;
	rootfs->path = bundle->path;
	rootfs->device = bundle->dir_stat.st_dev;
	rootfs->inode = bundle->dir_stat.st_ino;
}

int plan_rootfs(struct pool *pool, const struct config *config, const struct bundle *bundle, struct plan *plan,
		struct err *e)
{
	struct rootfs_plan *rootfs = &plan->rootfs;

	if (!config->has_root || !bundle->rootfs_path)
		return err_set(e, EINVAL, "root.path: missing; name the directory with the root file system");
	*rootfs = (struct rootfs_plan){
		.path = bundle->rootfs_path,
		.fd = bundle->rootfs >= 0 ? bundle->rootfs : -1,
		.file = bundle->root_is_file ? bundle->rootfs_path : NULL,
		.device = bundle->rootfs_stat.st_dev,
		.inode = bundle->rootfs_stat.st_ino,
		.readonly = config->root.readonly,
		.attr = attributes(pool, config, plan),
		.where = "root.path",
	};
	TRY(plan_propagation(pool, config->linux_->rootfs_propagation, rootfs, e));
	if (bundle->root_is_file)
		TRY(check_file(pool, config, bundle, e));
	if (bundle->rootfs < 0)
		return err_set(e, -bundle->rootfs, "root.path: open %s: %s; make the directory or correct root.path",
			       plan_quote(pool, bundle->rootfs_path), strerrordesc_np(-bundle->rootfs));
	if (!S_ISDIR(bundle->rootfs_stat.st_mode))
		return err_set(e, ENOTDIR, "root.path: %s is not a directory", plan_quote(pool, bundle->rootfs_path));
	if (bundle->unpacked || bundle->root_is_file)
		plan_detached(bundle, rootfs);
	return 0;
}
