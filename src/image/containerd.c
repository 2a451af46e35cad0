/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd.c - the store of containerd, with its snapshotter overlayfs or erofs (ctr, nerdctl, the kubelet's CRI; 1.6, 1.7 and 2.1
 * are alike).
 *
 *     io.containerd.snapshotter.v1.NAME/snapshots/N/fs         the files of a layer (erofs: mounted there), or of a container
 *     io.containerd.snapshotter.v1.NAME/metadata.db            which N is whose
 *     io.containerd.metadata.v1.bolt/meta.db                   the images by their names
 *     io.containerd.content.v1.content/blobs/sha256/HEX        index, manifest, config, layers as they were pulled
 *
 * All of it are hints and none is believed: what is signed is compared with what is there.  The databases are read by hrun-image.
 */
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <string.h>

static const struct snapshotter {
	const char *name, *snapshots;
	const char *last; /* behind N */
	bool is_erofs, is_copy;
} snapshotters[] = {
	{"overlayfs", "/io.containerd.snapshotter.v1.overlayfs/snapshots/", "/fs", false, false},
	{"erofs", "/io.containerd.snapshotter.v1.erofs/snapshots/", "/fs", true, false},
	/* Of a copy of all layers nothing is compared, but which image it is of is known. */
	{"native", "/io.containerd.snapshotter.v1.native/snapshots/", "", false, true},
};

/* TOP, what is before N, N and LAST. */
struct snapshot {
	const struct snapshotter *of;
	size_t top_size;
	uint64_t number;
};

static bool snapshot_of(const char *path, const struct snapshotter *of, const char *last, struct snapshot *ret)
{
	const char *found = strstr(path, of->snapshots);
	char digits[24];

	if (!found)
		return false;
	const char *number = found + strlen(of->snapshots);
	size_t size = strspn(number, "0123456789");
	if (size == 0 || size >= sizeof digits || !str_equal(number + size, last))
		return false;
	memcpy(digits, number, size);
	digits[size] = '\0';
	ret->of = of;
	ret->top_size = (size_t)(found - path);
	return str_to_u64(digits, INT64_MAX, &ret->number) == 0;
}

static bool snapshot_in(const char *path, struct snapshot *ret)
{
	for (size_t i = 0; i < sizeof snapshotters / sizeof snapshotters[0]; i++) {
		if (snapshot_of(path, &snapshotters[i], snapshotters[i].last, ret))
			return true;
	}
	return false;
}

bool containerd_owns(const char *path)
{
	struct snapshot snapshot;

	return path[0] == '/' && snapshot_in(path, &snapshot) && !snapshot.of->is_copy;
}

bool containerd_knows(const char *path)
{
	struct snapshot snapshot;

	return path[0] == '/' && snapshot_in(path, &snapshot);
}

const char *containerd_snapshot_of(struct pool *pool, const char *image)
{
	static const char last[] = "/layer.erofs";
	struct snapshot snapshot;

	for (size_t i = 0; i < sizeof snapshotters / sizeof snapshotters[0]; i++) {
		const struct snapshotter *of = &snapshotters[i];
		if (of->is_erofs && image[0] == '/' && snapshot_of(image, of, last, &snapshot))
			return pool_printf(pool, "%.*s%s", (int)(strlen(image) - strlen(last)), image, of->last);
	}
	return NULL;
}

const char *containerd_mounted_at(struct pool *pool, const struct mountinfo *mounts, size_t count, int dir,
				  const char **ret_untold)
{
	if (!erofs_holds(dir))
		return NULL;
	const char *image = erofs_image_of(pool, mounts, count, dir);
	const char *snapshot = image ? containerd_snapshot_of(pool, image) : NULL;
	if (!snapshot)
		*ret_untold = "a layer is an erofs, and of which snapshot nobody can tell";
	return snapshot;
}

/* ---- layers ---- */

/* Where many layers make the options long, containerd mounts them by what is behind snapshots/. */
static const char *whole_path(struct pool *pool, const struct stored_root *root, const char *path)
{
	return *path == '/' ? path : pool_printf(pool, "%s%s%s", root->top, root->snapshotter->snapshots, path);
}

/* PATH is a snapshot of this store with LAST behind it: its number is the layer's. */
static int take_number(struct pool *pool, const struct stored_root *root, const char *path, const char *last,
		       struct stored_layer *ret, struct err *e)
{
	struct snapshot snapshot;

	if (!path || !snapshot_of(path, root->snapshotter, last, &snapshot) || strlen(root->top) != snapshot.top_size ||
	    strncmp(path, root->top, snapshot.top_size) != 0)
		return err_set(e, EINVAL, "the layer `%s` is no snapshot of %s; pull the image into this store",
			       path ? path : ret->path, root->top);
	ret->id = pool_printf(pool, "%ju", (uintmax_t)snapshot.number);
	return 0;
}

/* Mounted in the snapshot's own directory (2.1), or anywhere (2.2): which snapshot it is, the file says. */
static int open_image(struct pool *pool, const struct mountinfo *mounts, size_t count, const struct stored_root *root,
		      struct stored_layer *ret, struct err *e)
{
	struct snapshot snapshot;
	const char *image;

	TRY(erofs_layer_open_image(pool, mounts, count, ret, &image, e));
	TRY(take_number(pool, root, image, "/layer.erofs", ret, e));
	if (snapshot_in(ret->path, &snapshot) &&
	    !str_equal(ret->id, pool_printf(pool, "%ju", (uintmax_t)snapshot.number)))
		return err_set(e, EINVAL, "`%s` is mounted of `%s`; unpack the image again", ret->path, image);
	return 0;
}

static int open_layer(struct pool *pool, const struct stored_root *root, const char *path, struct stored_layer *ret,
		      struct err *e)
{
	const char *real = store_real_path(pool, whole_path(pool, root, path));

	ret->path = real ? real : path;
	if (real && root->snapshotter->is_erofs)
		return erofs_layer_open(pool, ret, e);
	TRY(take_number(pool, root, real, "/fs", ret, e));
	ret->dir = store_open_path(pool, real, e);
	return ret->dir < 0 ? ret->dir : 0;
}

/* All that are mounts are open by now, so that one look at the mounts tells of which files they are. */
static int open_images(struct pool *pool, struct stored_root *root, struct err *e)
{
	struct mountinfo *mounts;
	size_t count;

	if (mountinfo_read(pool, &mounts, &count) < 0)
		return err_set(e, EIO, "the mounts of its layers cannot be found out");
	for (size_t i = 0; i < root->layer_count; i++)
		TRY(open_image(pool, mounts, count, root, &root->layers[i], e));
	return 0;
}

static int open_layers(struct pool *pool, const struct root_mount *mount, struct stored_root *root, struct err *e)
{
	for (size_t i = mount->lowers.count; i-- > 0;) {
		struct stored_layer *layer = &root->layers[root->layer_count];
		layer->dir = layer->image = -EBADF;
		root->layer_count++;
		TRY(open_layer(pool, root, mount->lowers.item[i], layer, e));
	}
	return root->snapshotter->is_erofs ? open_images(pool, root, e) : 0;
}

/* ---- which images might it be? ---- */

/* What hrun-image asks for while it looks for them. */
struct search {
	struct pool *pool;
	const struct stored_root *root;
	struct err *e;
};

static int open_database(const struct search *s, const char *plugin, const char *name)
{
	return store_open_path(s->pool, pool_printf(s->pool, "%s/io.containerd.%s/%s", s->root->top, plugin, name),
			       s->e);
}

static int give(void *context, int socket, const struct image_ask *ask)
{
	const struct search *s = context;
	autofd int fd = -EBADF;

	if (ask->version != IMAGE_WIRE_VERSION || ask->place != 0)
		return -EPROTO;
	switch (ask->kind) {
	case IMAGE_ASK_SNAPSHOTS:
		fd = open_database(s, pool_printf(s->pool, "snapshotter.v1.%s", s->root->snapshotter->name),
				   "metadata.db");
		break;
	case IMAGE_ASK_NAMES:
		fd = open_database(s, "metadata.v1.bolt", "meta.db");
		break;
	case IMAGE_ASK_BLOB:
		if (!memchr(ask->hex, '\0', sizeof ask->hex) || strlen(ask->hex) != 2 * SHA256_SIZE ||
		    strspn(ask->hex, "0123456789abcdef") != 2 * SHA256_SIZE)
			return -EPROTO;
		fd = image_open_file(s->root->blobs, ask->hex, false);
		break;
	default:
		return -EPROTO;
	}
	return image_give_fd(socket, fd);
}

/* The images that snapshot NUMBER could be of; PARENTS: or what it is made of. */
static int find_images(struct pool *pool, const struct image_root_asked *asked, uint64_t number, bool parents,
		       struct stored_root *root, struct err *e)
{
	struct search search = {pool, root, e};
	struct image_call *call = pool_alloc(pool, sizeof *call);
	struct image_result *result = pool_alloc(pool, sizeof *result);

	*call = (struct image_call){.program_dir = asked->program_dir, .give = give, .context = &search};
	image_request_default(&call->request);
	TRY(image_platform(&call->request, NULL, e));
	call->request.task = IMAGE_FIND;
	call->request.signatures_required = 0;
	call->request.snapshot = number;
	TRY(str_format(call->request.snapshotter, sizeof call->request.snapshotter, "%s", root->snapshotter->name));
	call->request.parents = parents;
	TRY(image_verify(pool, call, result, e));
	if (result->answer.verdict != IMAGE_ACCEPT)
		return err_set(e, ENOENT, "%s",
			       result->answer.reason[0] ? result->answer.reason
							: "containerd's images cannot be listed");
	const struct stored_list list = {"the list of containerd's images", result->config, result->config_size};
	return stored_images_read(pool, &list, pool_printf(pool, "%ju", (uintmax_t)number), &asked->policy->images,
				  root, e);
}

/* The store that the snapshot PATH lies in: ret->top, ret->snapshotter and ret->blobs, and the snapshot's number. */
static int open_content(struct pool *pool, const char *path, struct stored_root *ret, uint64_t *ret_number,
			struct err *e)
{
	const char *real = store_real_path(pool, path);
	struct snapshot snapshot;

	if (!real || !snapshot_in(real, &snapshot))
		return err_set(e, EINVAL, "the snapshot `%s` cannot be opened", path);
	*ret_number = snapshot.number;
	ret->snapshotter = snapshot.of;
	ret->top = pool_strndup(pool, real, snapshot.top_size);
	ret->blobs = store_open_path(
		pool, pool_printf(pool, "%s/io.containerd.content.v1.content/blobs/sha256", ret->top), e);
	return ret->blobs < 0 ? ret->blobs : 0;
}

int containerd_open(struct pool *pool, const struct image_root_asked *asked, const struct root_mount *mount,
		    struct stored_root *ret, struct err *e)
{
	uint64_t number;

	TRY(open_content(pool, *mount->upper ? mount->upper : mount->lowers.item[0], ret, &number, e));
	ret->user_overlay = mount->user_overlay;
	if (*mount->upper)
		TRY(store_open_upper(pool, mount->upper, ret, e));
	TRY(open_layers(pool, mount, ret, e));
	TRY(str_to_u64(ret->layers[ret->layer_count - 1].id, INT64_MAX, &number));
	return find_images(pool, asked, number, false, ret, e);
}

const char *containerd_denied(struct pool *pool, const struct image_root_asked *asked, const char *layer)
{
	struct stored_root *root = pool_alloc(pool, sizeof *root);
	uint64_t number;
	struct err e;

	root->images = root->records = root->blobs = root->upper = -EBADF;
	int r = open_content(pool, layer, root, &number, &e);
	if (r == 0)
		r = find_images(pool, asked, number, true, root, &e);
	stored_root_close(root);
	/* (More images or names than are compared are looked through all the same.) */
	if (r == 0 || r == -E2BIG || root->denied)
		return root->denied;
	return pool_printf(pool, "whether its image stands in images.denyDigests cannot be told: %s", e.text);
}
