/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.c - whose mount is the root?  And is what it is mounted of an image that was signed?
 *
 * No engine tells a digest that could be trusted, and none is asked for.  The mount says of which directories the root is, the
 * engine's store says which images they might be, and one of these must be signed and equal to them byte for byte.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/mountinfo.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

/* Engines by where they keep a layer. */
static const struct {
	bool (*owns)(const char *path);
	store_open *open;
} engines[] = {
	{storage_owns, storage_open},
	{containerd_owns, containerd_open},
};

/* What is not compared says what works instead.  The first mark counts. */
static const struct {
	const char *mark; /* in the path of a layer, or of what is mounted */
	const char *why;
} others[] = {
	{"stargz", "a remote snapshotter shows files that are not there yet; use containerd's snapshotter overlayfs"},
	{"nydus", "a remote snapshotter shows files that are not there yet; use containerd's snapshotter overlayfs"},
	{"/io.containerd.snapshotter.v1.",
	 "containerd keeps this image by another snapshotter than overlayfs and erofs; set snapshotter = \"overlayfs\" (ctr: "
	 "--snapshotter overlayfs) and unpack it again"},
	{"/overlay2/",
	 "Docker keeps nothing that its layers could be compared with; use podman with the driver overlay, or "
	 "containerd with the snapshotter overlayfs"},
};

static const char *other_engine(const char *path)
{
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strstr(path, others[i].mark))
			return others[i].why;
	}
	return NULL;
}

/* ---- the mount ---- */

static bool take_option(struct pool *pool, const char *text, struct root_mount *mount, const char **ret_wrong)
{
	char *list, *one;

	if (str_starts(text, "upperdir=")) {
		mount->upper = pool_strdup(pool, text + strlen("upperdir="));
	} else if (str_starts(text, "lowerdir=")) {
		list = pool_strdup(pool, text + strlen("lowerdir="));
		while ((one = strsep(&list, ":")))
			*pool_array_add(pool, mount->lowers.item, mount->lowers.count) = one;
	} else if (str_starts(text, "lowerdir+=")) {
		*pool_array_add(pool, mount->lowers.item, mount->lowers.count) =
			pool_strdup(pool, text + strlen("lowerdir+="));
	} else if (str_starts(text, "datadir+=")) {
		*ret_wrong = "its layers are composefs images; turn use_composefs off in storage.conf and pull again";
	} else if (str_equal(text, "userxattr")) {
		mount->user_overlay = true;
	} else {
		return true;
	}
	if (strchr(text, '\\') || (str_starts(text, "lowerdir+=") && strchr(text, ':')))
		*ret_wrong = "a path in its mount options holds a colon, comma or backslash";
	return !*ret_wrong;
}

const char *root_mount_options(struct pool *pool, const char *options, struct root_mount *ret)
{
	char *rest = pool_strdup(pool, options), *one;
	const char *wrong = NULL;

	*ret = (struct root_mount){.upper = ""};
	while ((one = strsep(&rest, ","))) {
		const char *why = NULL;
		if (!take_option(pool, one, ret, &why) && !wrong)
			wrong = why;
	}
	if (wrong)
		return wrong;
	for (size_t i = 0; i < ret->lowers.count; i++) {
		if (!*ret->lowers.item[i])
			return "its layers are composefs images; turn use_composefs off in storage.conf and pull again";
	}
	if (!ret->lowers.count || ret->lowers.count > ENGINE_LAYERS_MAX)
		return "the mount of the root does not say 1 to 128 layers";
	return NULL;
}

/*
 * containerd mounts a view of one layer as it is, by bind: where that directory lies in our namespace, or NULL.  It may be seen by
 * several mounts of its file system.
 */
static const char *find_snapshot(struct pool *pool, const struct mountinfo *mounts, size_t count,
				 const struct mountinfo *bind, int root)
{
	struct stat st, same;

	if (fstat(root, &st) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct mountinfo *m = &mounts[i];
		const char *above = str_equal(m->root, "/") ? "" : m->root,
			   *point = str_equal(m->point, "/") ? "" : m->point;
		if (m->device != bind->device || !str_starts(bind->root, above))
			continue;
		const char *path = pool_printf(pool, "%s%s", point, bind->root + strlen(above));
		if (containerd_knows(path) && stat(path, &same) == 0 && fd_is_same_stat(&same, &st))
			return path;
	}
	return NULL;
}

/* The mount whose top the root is; a directory of a mount would be another tree than was signed. */
static const char *find_mount(const struct mountinfo *mounts, size_t count, int root, const struct mountinfo **ret)
{
	struct statx st;

	*ret = NULL;
	if (statx(root, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return "the mount of the root cannot be found out";
	for (size_t i = 0; i < count; i++) {
		if (mounts[i].id == st.stx_mnt_id)
			*ret = &mounts[i];
	}
	if (!*ret)
		return "the mount of the root cannot be found out";
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return "the root is a directory and no mount of its own: there is no image that it could be compared with";
	for (size_t i = 0; i < count; i++) {
		if (&mounts[i] != *ret && !str_equal(mounts[i].point, (*ret)->point) &&
		    path_is_below(mounts[i].point, (*ret)->point))
			return "something else is mounted in the root, which is no part of the image";
	}
	return NULL;
}

static const char *check_type(const struct mountinfo *mount)
{
	const char *why = str_equal(mount->root, "/") ? NULL : other_engine(mount->root);

	if (why)
		return why;
	if (!str_equal(mount->root, "/"))
		return "the root is a directory and no mount of its own: there is no image that it could be compared with";
	if (str_equal(mount->type, "overlay"))
		return NULL;
	if (str_equal(mount->type, "erofs"))
		return "the root is one layer of the snapshotter erofs itself, and no container's; give it a writable layer";
	if (str_starts(mount->type, "fuse"))
		return "the root is what a program shows (fuse-overlayfs), not what lies in the store; "
		       "take mount_program out of storage.conf";
	return "the root is no overlay mount: copies of images cannot be compared with them; use podman with the storage driver "
	       "overlay, containerd with the snapshotter overlayfs, or `hrun run LAYOUT`";
}

/* Where many layers make the options long, the engine mounts by relative names: ID/diff, beside ID/merged where it mounts. */
static void find_upper(struct pool *pool, const struct mountinfo *mount, struct root_mount *root)
{
	static const char merged[] = "/merged";

	if (!*root->upper || *root->upper == '/' || !str_ends(mount->point, merged))
		return;
	const char *directory = pool_strndup(pool, mount->point, strlen(mount->point) - strlen(merged));
	const char *upper = pool_printf(pool, "%s/diff", directory);
	if (str_ends(upper, pool_printf(pool, "/%s", root->upper)))
		root->upper = upper;
}

/* The mount in words: its directories. */
static const char *look_at_mount(struct pool *pool, int root, struct root_mount *ret)
{
	const struct mountinfo *mount;
	struct mountinfo *mounts;
	size_t count;

	if (root < 0 || mountinfo_read(pool, &mounts, &count) < 0)
		return "the mount of the root cannot be found out";
	const char *wrong = find_mount(mounts, count, root, &mount);
	if (wrong)
		return wrong;
	*ret = (struct root_mount){.upper = ""};
	const char *snapshot = find_snapshot(pool, mounts, count, mount, root);
	if (snapshot) {
		*pool_array_add(pool, ret->lowers.item, ret->lowers.count) = pool_strdup(pool, snapshot);
		ret->is_bind = true;
		return NULL;
	}
	wrong = check_type(mount);
	wrong = wrong ? wrong : root_mount_options(pool, mount->options, ret);
	if (!wrong)
		find_upper(pool, mount, ret);
	return wrong;
}

/* What was opened by its path is what is mounted. */
static bool is_root(const struct stored_root *stored, int root)
{
	return fd_is_same_file(root, stored->layers[0].dir);
}

static const char *open_store(struct pool *pool, const struct image_root_asked *asked, struct stored_root *ret)
{
	struct root_mount root;
	struct err e;
	const char *wrong = look_at_mount(pool, asked->bundle->rootfs, &root);

	if (wrong)
		return wrong;
	/* A root that is only seen has no writable layer. */
	const char *layer = *root.upper ? root.upper : root.lowers.item[0];
	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
		if (!engines[i].owns(layer))
			continue;
		if (engines[i].open(pool, asked, &root, ret, &e) < 0)
			return pool_strdup(pool, e.text);
		return root.is_bind && !is_root(ret, asked->bundle->rootfs)
			       ? "the mount of the root cannot be found out"
			       : NULL;
	}
	const char *why = other_engine(layer);
	return why ? why
		   : "the root is of an engine that hrun does not know; use podman with the storage driver overlay, containerd with "
		     "the snapshotter overlayfs, or `hrun run LAYOUT`";
}

/* ---- the images that it might be ---- */

/* What the mount of the root names, whatever else is wrong with it. */
struct named {
	const char *layer; /* the topmost directory, of an engine's store if one is; or NULL */
	struct string_list lowers;
	const char *untold; /* why nobody can tell of which snapshot they are, or NULL */
};

/* Which snapshot is the topmost of LOWERS that is one?  Below one that may be another nothing is looked at. */
static const char *find_lower(struct pool *pool, const struct mountinfo *mounts, size_t count, struct named *ret)
{
	for (size_t i = 0; i < ret->lowers.count && !ret->untold; i++) {
		const char *lower = ret->lowers.item[i];
		autofd int dir = *lower == '/' ? open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
		const char *image = containerd_mounted_at(pool, mounts, count, dir, &ret->untold);
		if (image || containerd_knows(lower) || storage_owns(lower))
			return image ? image : lower;
		if (*lower != '/')
			ret->untold = "the mount of the root names its layers by relative paths";
	}
	return NULL;
}

/* A directory of a mount has no layers of its own, and relative paths are no news where the store knows the root by its own. */
static bool must_be_told(struct pool *pool, const struct mountinfo *mount, const char *root)
{
	return root && str_equal(mount->root, "/") && str_equal(mount->point, root) && !storage_has_root(pool, root);
}

static void find_named(struct pool *pool, int root, const char *path, struct named *ret)
{
	const struct mountinfo *mount = NULL;
	struct root_mount options;
	struct mountinfo *mounts;
	size_t count;

	*ret = (struct named){0};
	if (root < 0 || mountinfo_read(pool, &mounts, &count) < 0) {
		ret->untold = root < 0 ? NULL : "the mounts cannot be read";
		return;
	}
	(void)find_mount(mounts, count, root, &mount);
	if (!mount)
		return;
	(void)root_mount_options(pool, mount->options, &options);
	ret->lowers = options.lowers;
	if (storage_owns(options.upper) || containerd_knows(options.upper))
		ret->layer = options.upper;
	else if (ret->lowers.count)
		ret->layer = find_lower(pool, mounts, count, ret);
	else
		ret->layer = find_snapshot(pool, mounts, count, mount, root);
	if (!ret->layer && !ret->lowers.count)
		ret->layer = containerd_mounted_at(pool, mounts, count, root, &ret->untold);
	if (!must_be_told(pool, mount, path))
		ret->untold = NULL;
}

/*
 * denyDigests hold whether or not the files can be compared: WRONG is why they cannot, or NULL.  What cannot be told then is as if it
 * were denied.
 */
static const char *find_denied(struct pool *pool, const struct image_root_asked *asked, const struct stored_root *root,
			       const char *wrong)
{
	const struct policy_images *images = &asked->policy->images;
	struct named named;

	if (root->denied || !image_denies(images))
		return root->denied;
#ifdef HRUN_MUTANT_DENIED_UNREAD
	return NULL;
#endif
	const char *path = asked->bundle->rootfs < 0 ? NULL : store_path_of(pool, asked->bundle->rootfs);
	find_named(pool, asked->bundle->rootfs, path, &named);
	const char *denied = path ? storage_denied(pool, images, path, &named.lowers) : NULL;
	if (denied || !wrong)
		return denied;
	/* Where buildah and others bind it: the mount still names the container's own layer. */
	if (named.layer && storage_owns(named.layer))
		return storage_denied(pool, images, named.layer, &named.lowers);
	if (named.layer)
		return containerd_denied(pool, asked, named.layer);
	return !named.untold ? NULL
			     : pool_printf(pool, "whether its image stands in images.denyDigests cannot be told: %s",
					   named.untold);
}

/* Under every name that it has: which one was meant nobody tells, and none may be a way round another. */
static bool verify_image(struct pool *pool, const struct image_root_asked *asked, struct stored_root *root,
			 const struct stored_image *image, struct image_root *ret)
{
	static const char *const none[] = {""};
	const char *const *names = image->names.count ? (const char *const *)image->names.item : none;
	size_t count = image->names.count ? image->names.count : 1;
	struct stored_verdict verdict = {0};

	for (size_t i = 0; i < count; i++) {
		stored_image_verify(pool, asked, root, image, names[i], &verdict);
		const char *reason = verdict.reason	 ? verdict.reason
				     : verdict.is_signed ? NULL
							 : "the policy takes it unsigned";
		if (!reason)
			continue;
		ret->reason =
			pool_printf(pool, "image %.12s%s%s: %s", image->id, *names[i] ? " " : "", names[i], reason);
		ret->denied = verdict.denied ? ret->reason : ret->denied;
		return false;
	}
	ret->answer = verdict.answer;
	return true;
}

static void verify_root(struct pool *pool, const struct image_root_asked *asked, struct stored_root *root,
			struct image_root *ret)
{
	const struct image_answer *answer = NULL;
	const char *first = NULL;

	for (size_t i = 0; i < root->candidate_count; i++) {
		if (verify_image(pool, asked, root, &root->candidates[i], ret)) {
			answer = answer ? answer : ret->answer;
			continue;
		}
		first = first ? first : ret->reason;
		ret->is_one_of_several |= root->candidates[i].names.count > 0;
	}
	ret->answer = answer;
	ret->reason = answer ? NULL : first ? first : "the engine's store has no image of these layers";
	if (!answer)
		return;
	stored_root_remember(asked, root);
	ret->changed = root->upper < 0 ? NULL : upper_changes(pool, root, asked->bundle);
	if (ret->changed && asked->policy->level == LEVEL_RESTRICTED) {
		ret->answer = NULL;
		ret->reason = ret->changed;
	}
}

void image_root_verify(struct pool *pool, const struct image_root_asked *asked, struct image_root *ret)
{
	struct stored_root *root = pool_alloc(pool, sizeof *root);

	*ret = (struct image_root){0};
	root->images = root->records = root->blobs = root->upper = -EBADF;
	ret->reason = open_store(pool, asked, root);
	ret->denied = find_denied(pool, asked, root, ret->reason);
	if (ret->denied)
		ret->reason = ret->denied;
	else if (!ret->reason)
		verify_root(pool, asked, root, ret);
	stored_root_close(root);
}
