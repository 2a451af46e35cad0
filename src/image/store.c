/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - a verified image from the store, or into it.
 *
 * Only here a verdict on documents becomes one on an image, and only with an entry of that very manifest digest in hand: the
 * manifest names the layers and the config, and the config what they unpack to.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_store.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Looks between which others may come and go; each of them waits for somebody, so this is no loop. */
enum { LOOKS_MAX = 100 };

int store_open_at(int dir, const char *name, int flags)
{
	struct err ignored;

	return path_open_in_root_with(dir, name, flags | O_NOFOLLOW, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, &ignored);
}

int store_name(const char *digest, char ret_name[STORE_NAME_SIZE])
{
	static const char prefix[] = "sha256:";

	if (!str_starts(digest, prefix) || strlen(digest + sizeof prefix - 1) != 64)
		return -EINVAL;
	return str_format(ret_name, STORE_NAME_SIZE, "sha256-%s", digest + sizeof prefix - 1);
}

static int check_private(const struct image_store *store, struct err *e)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(store->dir, &st) < 0 || fstatvfs(store->dir, &fs) < 0)
		return err_errno(e, "look at the store `%s`", store->path);
	if (fs.f_flag & ST_NOEXEC)
		return err_set(e, EACCES,
			       "the store `%s` is mounted noexec, and no program of an image could run; name another",
			       store->path);
#ifdef HRUN_MUTANT_STORE_OWNER
	return 0;
#endif
	if (st.st_uid != 0)
		return err_set(e, EPERM, "the store `%s` belongs to uid %u; chown it to root or name another",
			       store->path, (unsigned int)st.st_uid);
	if (st.st_mode & 077)
		return err_set(e, EPERM, "others may look into the store `%s` (mode %04o); chmod 0700 it", store->path,
			       (unsigned int)st.st_mode & 07777u);
	return 0;
}

static int open_making(struct image_store *store, struct err *e)
{
	if (mkdirat(store->dir, "new", 0700) < 0 && errno != EEXIST && errno != EROFS)
		return err_errno(e, "make `%s/new`", store->path);
	store->making = store_open_at(store->dir, "new", O_RDONLY | O_DIRECTORY);
	if (store->making == -ENOENT) {
		store->making = -EROFS;
		return 0;
	}
	if (store->making < 0)
		return err_set(e, -store->making, "`%s/new` is no directory of the store; remove it", store->path);
	return store_sweep(store, e);
}

int image_store_open(struct pool *pool, const char *path, struct image_store *ret, struct err *e)
{
	enum policy_owner owner = policy_caller_is_root() ? POLICY_OWNER_ROOT : POLICY_OWNER_OR_CALLER;
	struct image_store store = IMAGE_STORE_EMPTY;

	*ret = store;
	if (geteuid() != 0)
		return err_set(e, EPERM, "a store takes root; without --store an image is unpacked into memory");
	if (!*path || str_has_control(path))
		return err_set(e, EINVAL, "the name of the store is empty or no plain text; name a directory");
	store.path = policy_absolute(pool, NULL, path);
	if (str_equal(store.path, "/"))
		return err_set(e, EINVAL, "the store may not be /; name a directory of its own");
	store.dir = policy_open_directory(pool, "store", store.path, owner, e);
	TRY(store.dir);
	int r = check_private(&store, e);
	if (r == 0)
		r = open_making(&store, e);
	if (r < 0)
		image_store_close(&store);
	*ret = store;
	return r;
}

void image_store_close(struct image_store *store)
{
	fd_close(&store->dir);
	fd_close(&store->making);
}

/* The files are those that the policy asks for; where it refuses what was left out of them, it refuses the image as unpacking it would. */
static void accept_entry(const struct image_request *request, struct image_answer *answer, int *root)
{
	answer->verdict = IMAGE_ACCEPT;
#ifdef HRUN_MUTANT_STORE_DEVICES
	return;
#endif
	if (!answer->devices.count || request->drop_devices)
		return;
	fd_close(root);
	answer->verdict = IMAGE_REJECT;
	answer->stage = IMAGE_STAGE_UNPACK;
	str_format(answer->reason, sizeof answer->reason,
		   "an archive has a device node, and images.devices is refuse: %.120s", answer->devices.first);
	answer->devices = (struct image_devices){0};
}

int image_store_take(struct pool *pool, const struct image_store *store, const struct image_call *call,
		     const struct store_finish *finish, struct image_result *ret, int *ret_root, struct err *e)
{
	struct image_call *documents = pool_alloc(pool, sizeof *documents);
	struct image_answer *answer = &ret->answer;

	*ret_root = -EBADF;
	*documents = *call;
	documents->request.task = IMAGE_DOCUMENTS;
#ifdef HRUN_MUTANT_STORE_SIGNATURE
	documents->request.signatures_required = 0;
#endif
	TRY(image_verify(pool, documents, ret, e));
	if (answer->verdict != IMAGE_LAYERS_UNREAD)
		return 0;
	const char *digest = pool_strdup(pool, answer->manifest_digest);
	for (int look = 0; look < LOOKS_MAX; look++) {
		int found = store_entry_open(pool, store, answer, &call->request, ret_root, e);
		TRY(found);
		if (found) {
			accept_entry(&call->request, answer, ret_root);
			return 0;
		}
		int made = store_make(pool, store, call, digest, finish, ret, e);
		TRY(made);
		if (made && answer->verdict != IMAGE_ACCEPT)
			return 0;
	}
	return err_set(e, EBUSY, "`%s`: the image `%s` comes and goes; who removes it?", store->path, digest);
}

int image_store_mount(int root, struct err *e)
{
	uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;

	autofd int tree = mnt_clone(root, false, e);
	TRY(tree);
#ifdef HRUN_MUTANT_STORE_READONLY
	attr = 0;
#endif
	TRY(mnt_setattr(tree, attr, 0, MS_PRIVATE, false, e));
	return TAKE_FD(tree);
}
