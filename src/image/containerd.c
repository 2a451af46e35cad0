/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd.c - the store of containerd, with its snapshotter overlayfs (ctr, nerdctl, the kubelet's CRI; 1.6, 1.7 and 2.1 are alike).
 *
 *     io.containerd.snapshotter.v1.overlayfs/snapshots/N/fs    the files of a layer, or of a container
 *     io.containerd.snapshotter.v1.overlayfs/metadata.db       which N is whose
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

static const char snapshots[] = "/io.containerd.snapshotter.v1.overlayfs/snapshots/", last[] = "/fs";

/* TOP SNAPSHOTS N "/fs": where SNAPSHOTS begins, and N; or NULL. */
static const char *snapshot_in(const char *path, uint64_t *ret_number)
{
	const char *found = strstr(path, snapshots);
	char digits[24];

	if (!found)
		return NULL;
	const char *number = found + sizeof snapshots - 1;
	size_t size = strspn(number, "0123456789");
	if (size == 0 || size >= sizeof digits || !str_equal(number + size, last))
		return NULL;
	memcpy(digits, number, size);
	digits[size] = '\0';
	return str_to_u64(digits, INT64_MAX, ret_number) == 0 ? found : NULL;
}

bool containerd_owns(const char *path)
{
	uint64_t number;

	return path[0] == '/' && snapshot_in(path, &number);
}

/* ---- layers ---- */

/* Where many layers make the options long, containerd mounts them by what is behind SNAPSHOTS. */
static const char *whole_path(struct pool *pool, const struct stored_root *root, const char *path)
{
	return *path == '/' ? path : pool_printf(pool, "%s%s%s", root->top, snapshots, path);
}

static int open_layer(struct pool *pool, const struct stored_root *root, const char *path, struct stored_layer *ret,
		      struct err *e)
{
	const char *real = store_real_path(pool, whole_path(pool, root, path));
	uint64_t number = 0;
	const char *mark = real ? snapshot_in(real, &number) : NULL;

	if (!mark || strlen(root->top) != (size_t)(mark - real) || strncmp(real, root->top, strlen(root->top)) != 0)
		return err_set(e, EINVAL, "the layer `%s` is no snapshot of %s; pull the image into this store", path,
			       root->top);
	ret->id = pool_printf(pool, "%ju", (uintmax_t)number);
	ret->path = real;
	ret->dir = store_open_path(pool, real, e);
	return ret->dir < 0 ? ret->dir : 0;
}

static int open_layers(struct pool *pool, const struct root_mount *mount, struct stored_root *root, struct err *e)
{
	for (size_t i = mount->lowers.count; i-- > 0;) {
		struct stored_layer *layer = &root->layers[root->layer_count];
		layer->dir = -EBADF;
		root->layer_count++;
		TRY(open_layer(pool, root, mount->lowers.item[i], layer, e));
	}
	return 0;
}

/* ---- which images might it be? ---- */

/* What hrun-image asks for while it looks for them. */
struct search {
	struct pool *pool;
	const struct stored_root *root;
	struct err *e;
};

static int open_database(const struct search *s, const char *name)
{
	return store_open_path(s->pool, pool_printf(s->pool, "%s/%s", s->root->top, name), s->e);
}

static int give(void *context, int socket, const struct image_ask *ask)
{
	const struct search *s = context;
	autofd int fd = -EBADF;

	if (ask->version != IMAGE_WIRE_VERSION || ask->place != 0)
		return -EPROTO;
	switch (ask->kind) {
	case IMAGE_ASK_SNAPSHOTS:
		fd = open_database(s, "io.containerd.snapshotter.v1.overlayfs/metadata.db");
		break;
	case IMAGE_ASK_NAMES:
		fd = open_database(s, "io.containerd.metadata.v1.bolt/meta.db");
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

static int find_images(struct pool *pool, const struct image_root_asked *asked, struct stored_root *root, struct err *e)
{
	const struct stored_layer *top = &root->layers[root->layer_count - 1];
	struct search search = {pool, root, e};
	struct image_call *call = pool_alloc(pool, sizeof *call);
	struct image_result *result = pool_alloc(pool, sizeof *result);

	*call = (struct image_call){.program_dir = asked->program_dir, .give = give, .context = &search};
	image_request_default(&call->request);
	TRY(image_platform(&call->request, NULL, e));
	call->request.task = IMAGE_FIND;
	call->request.signatures_required = 0;
	TRY(str_to_u64(top->id, INT64_MAX, &call->request.snapshot));
	TRY(image_verify(pool, call, result, e));
	if (result->answer.verdict != IMAGE_ACCEPT)
		return err_set(e, ENOENT, "%s",
			       result->answer.reason[0] ? result->answer.reason
							: "containerd's images cannot be listed");
	return stored_images_read(pool, "the list of containerd's images", result->config, result->config_size, top->id,
				  root, e);
}

int containerd_open(struct pool *pool, const struct image_root_asked *asked, const struct root_mount *mount,
		    struct stored_root *ret, struct err *e)
{
	const char *path = *mount->upper ? mount->upper : mount->lowers.item[0], *real = store_real_path(pool, path);
	uint64_t number;
	const char *mark = real ? snapshot_in(real, &number) : NULL;

	if (!mark)
		return err_set(e, EINVAL, "the snapshot `%s` cannot be opened", path);
	ret->top = pool_strndup(pool, real, (size_t)(mark - real));
	ret->user_overlay = mount->user_overlay;
	if (*mount->upper)
		TRY(store_open_upper(pool, mount->upper, ret, e));
	TRY(open_layers(pool, mount, ret, e));
	ret->blobs = store_open_path(
		pool, pool_printf(pool, "%s/io.containerd.content.v1.content/blobs/sha256", ret->top), e);
	TRY(ret->blobs);
	return find_images(pool, asked, ret, e);
}
