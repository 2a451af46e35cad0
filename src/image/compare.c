/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - hrun's half of a comparison: what hrun-image asks for is opened in the engine's store, and nowhere else.
 *
 *     hrun-image ---- which blob? which layer? ----> hrun       documents, the record of a layer's archive
 *         |                                           | starts one for each layer
 *         +------- what is PATH? ----> hrun-tree <----+         the layer's directory, and nothing else
 *
 * hrun-image compares and may open nothing; hrun-tree may read one directory and knows no image; hrun reads neither.
 */
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/image_request.h>
#include <hrun/libexec.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <hrun/tree_wire.h>
#include <hrun/unix.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* As old a ctime must be before it is believed: longer than any file system's tick. */
enum { SETTLED_SECONDS = 2, HEX_SIZE = 64 };

struct comparison {
	struct pool *pool;
	const struct image_root_asked *asked;
	struct stored_root *root;
	const struct stored_image *image;
	const struct image_request *request;
	int places[IMAGE_PLACES_MAX]; /* owned: layouts with signatures */
	bool again;		      /* layers that are images: as their files are now, not as they were mounted */
	/* The hrun-tree of the layer that is being compared. */
	pid_t pid;
	int pidfd;
};

/* ---- the store's files ---- */

static int open_big_data(const struct comparison *c, const char *key)
{
	return image_open_file(c->root->images, storage_big_data(c->pool, c->image->id, key), false);
}

/* A config's key is its digest, a manifest's has a word before it. */
static int open_stored_blob(const struct comparison *c, const char *hex)
{
	if (c->root->blobs >= 0)
		return image_open_file(c->root->blobs, hex, false);
	int fd = open_big_data(c, pool_printf(c->pool, "manifest-sha256:%s", hex));

	return fd >= 0 ? fd : open_big_data(c, pool_printf(c->pool, "sha256:%s", hex));
}

static int open_signatures(const struct comparison *c, const char *hex)
{
	if (c->root->blobs >= 0)
		return -ENOENT; /* containerd keeps none */
	return open_big_data(c, *hex ? pool_printf(c->pool, "signature-%s", hex) : "signatures");
}

/* ---- layers ---- */

static int open_record(const struct comparison *c, struct stored_layer *layer)
{
	if (c->root->blobs >= 0)
		return -ENODATA; /* hrun-image asks for the blob */
	return image_open_file(c->root->records, pool_printf(c->pool, "%s.tar-split.gz", layer->id), false);
}

static void add_below(const unsigned char below[SHA256_SIZE], unsigned char digest[SHA256_SIZE])
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, below, SHA256_SIZE);
	sha256_add(&hash, digest, SHA256_SIZE);
	sha256_end(&hash, digest);
}

/* What containerd makes on the way to an entry looks as in the layer below, so a stamp of its layers is one of all that are BELOW as well. */
static bool stamp_layer(const struct stored_root *root, const struct stored_layer *layer,
			const struct layer_stamp *below, uint64_t max_entries, struct layer_stamp *ret)
{
	int r = layer->image < 0 ? layer_stamp(layer->dir, max_entries, ret)
				 : layer_stamp_image(layer->image, layer->mount, ret);

	if (r < 0)
		return false;
	if (root->blobs < 0 || layer == root->layers)
		return true;
	if (!below)
		return false;
	add_below(below->look, ret->look);
	add_below(below->digest, ret->digest);
	if (below->newest.tv_sec > ret->newest.tv_sec)
		ret->newest = below->newest;
	return true;
}

/* Once: whatever it is compared with is remembered of how it looked before all of that.  Those below were asked for before. */
static void stamp_before(const struct comparison *c, struct stored_layer *layer)
{
	const struct stored_layer *below = layer == c->root->layers ? NULL : layer - 1;

	if (layer->stamped)
		return;
	layer->stamped = time(NULL);
	layer->has_stamp = stamp_layer(c->root, layer, below && below->has_stamp ? &below->stamp : NULL,
				       c->request->max_entries, &layer->stamp);
}

static bool is_known(const struct comparison *c, struct stored_layer *layer, const char *hex)
{
	if (str_equal(layer->known, hex) || str_equal(layer->remembered, hex))
		return true;
	if (c->again)
		return false;
	stamp_before(c, layer);
	if (!layer->has_stamp || !layer_is_known(c->asked->cache, hex, c->root->user_overlay, &layer->stamp))
		return false;
	str_format(layer->remembered, sizeof layer->remembered, "%s", hex);
	return true;
}

static int give_layer(struct comparison *c, int socket, struct stored_layer *layer, const char *hex)
{
	const struct image_given known = {.version = IMAGE_WIRE_VERSION, .known = 1};

	str_format(layer->compared, sizeof layer->compared, "%s", hex);
	if (is_known(c, layer, hex))
		return unix_send(socket, &known, sizeof known, -1);
	autofd int record = open_record(c, layer);
	return image_give_fd(socket, record);
}

static void end_tree(struct comparison *c)
{
	if (c->pid > 0)
		libexec_reap(c->pid, c->pidfd);
	fd_close(&c->pidfd);
	c->pid = -1;
}

static int start_tree(struct comparison *c, const struct stored_layer *layer, int *ret_stream, struct err *e)
{
	uint32_t lowers = c->root->blobs < 0 ? 0 : (uint32_t)(layer - c->root->layers);
	const struct tree_request request = {.magic = TREE_WIRE_MAGIC,
					     .task = TREE_SERVE,
					     .flags = (c->root->user_overlay ? TREE_USER_OVERLAY : 0U) |
						      (layer->image >= 0 ? TREE_EROFS : 0U),
					     .max_entries = c->request->max_entries,
					     .lowers = lowers};
	autofd int ours = -EBADF, mounted = -EBADF;
	int pair[2];

	end_tree(c);
	if (c->again) {
		mounted = erofs_layer_mount(layer, e);
		TRY(mounted);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "make a socket for hrun-tree");
	autofd int stream = pair[0], served = pair[1];
	TRY(libexec_run("hrun-tree", c->asked->program_dir, &ours, &c->pid, &c->pidfd, e));
	int fds[2 + TREE_LOWERS_MAX] = {c->again ? mounted : layer->dir, served};
	for (uint32_t i = 0; i < request.lowers; i++)
		fds[2 + i] = layer[-1 - (ptrdiff_t)i].dir;
	int r = unix_send_all(ours, &request, sizeof request, fds, 2 + request.lowers);
	if (r < 0)
		return err_set(e, -r, "hrun-tree does not take a request; install hrun again");
	*ret_stream = TAKE_FD(stream);
	return 0;
}

static int give_tree(struct comparison *c, int socket, const struct stored_layer *layer)
{
	autofd int stream = -EBADF;
	struct err e;
	int r = start_tree(c, layer, &stream, &e);

	return image_give_fd(socket, r < 0 ? r : stream);
}

/* ---- questions ---- */

static bool is_sound(const struct comparison *c, const struct image_ask *ask)
{
	if (ask->version != IMAGE_WIRE_VERSION || !memchr(ask->hex, '\0', sizeof ask->hex) ||
	    ask->place > c->request->place_count)
		return false;
	bool is_hex = strlen(ask->hex) == HEX_SIZE && strspn(ask->hex, "0123456789abcdef") == HEX_SIZE;
	switch (ask->kind) {
	case IMAGE_ASK_BLOB:
		return is_hex;
	case IMAGE_ASK_SIGNATURES:
		return is_hex || !*ask->hex;
	case IMAGE_ASK_LAYER:
	case IMAGE_ASK_TREE:
		return is_hex && ask->number < c->root->layer_count;
	default:
		return ask->place > 0;
	}
}

static int give(void *context, int socket, const struct image_ask *ask)
{
	struct comparison *c = context;
	autofd int fd = -EBADF;

	if (!is_sound(c, ask))
		return -EPROTO;
	switch (ask->kind) {
	case IMAGE_ASK_LAYER:
		return give_layer(c, socket, &c->root->layers[ask->number], ask->hex);
	case IMAGE_ASK_TREE:
		return give_tree(c, socket, &c->root->layers[ask->number]);
	case IMAGE_ASK_SIGNATURES:
		fd = open_signatures(c, ask->hex);
		return image_give_fd(socket, fd);
	case IMAGE_ASK_BLOB:
		if (ask->place == 0) {
			fd = open_stored_blob(c, ask->hex);
			return image_give_fd(socket, fd);
		}
		/* fallthrough */
	default:
		return image_give(socket, c->places[ask->place - 1], ask);
	}
}

/* ---- one image under one name ---- */

static int fill_call(struct comparison *c, struct image_call *call, const char *name, struct err *e)
{
	struct image_request *request = &call->request, *here = pool_alloc(c->pool, sizeof *here);

	image_request_default(here);
	TRY(image_platform(here, NULL, e));
	const struct image_asked what = {
		.name = name, .ref = "", .os = here->os, .architecture = here->architecture, .variant = here->variant};
	int r = image_request_of(c->pool, c->asked->policy, &what, call, e);
	TRY(r);
	image_request_limit(request);
	request->task = IMAGE_COMPARE;
	request->layer_count = (uint32_t)c->root->layer_count;
	request->whole_blobs = c->root->blobs >= 0;
	int places = signature_places(&c->asked->policy->images, c->places, e);
	TRY(places);
	request->place_count = (uint32_t)places;
	request->manifest_count = (uint32_t)c->image->manifests.count;
	for (size_t i = 0; i < c->image->manifests.count; i++) {
		if (str_format(request->manifests[i], sizeof request->manifests[i], "%s", c->image->manifests.item[i]) <
		    0)
			return err_set(e, EINVAL, "the store has a digest of a manifest that is none");
	}
	call->program_dir = c->asked->program_dir;
	call->give = give;
	call->context = c;
	return r;
}

static void close_call(const struct comparison *c, const struct image_call *call)
{
	for (size_t i = 0; i < call->fd_count; i++)
		close(call->fds[i]);
	for (uint32_t i = 0; i < call->request.place_count; i++)
		close(c->places[i]);
}

static const char *run_call(struct comparison *c, struct image_call *call, const char *name,
			    struct image_result *result)
{
	struct err e;
	int r = fill_call(c, call, name, &e);

	if (r == IMAGE_ASK)
		r = image_verify(c->pool, call, result, &e);
	close_call(c, call);
	if (r)
		return pool_strdup(c->pool, e.text);
	if (result->answer.verdict == IMAGE_ACCEPT)
		return NULL;
	return pool_strdup(c->pool, result->answer.reason[0] ? result->answer.reason : "it cannot be verified");
}

/*
 * A mount shows what the kernel has read, the file what it will read: where a layer is an image, and was not known, both must be what was
 * signed.
 */
static bool must_look_again(const struct stored_root *root)
{
#ifdef HRUN_MUTANT_COMPARE_IMAGE
	return false;
#endif
	for (size_t i = 0; i < root->layer_count; i++) {
		const struct stored_layer *layer = &root->layers[i];
		if (layer->image >= 0 && !str_equal(layer->remembered, layer->compared) &&
		    !str_equal(layer->known, layer->compared))
			return true;
	}
	return false;
}

static const char *look_again(struct comparison *c, struct image_call *call, const char *name,
			      struct image_result *result)
{
	*call = (struct image_call){0};
	c->again = true;
	for (size_t i = 0; i < c->root->layer_count; i++)
		memcpy(c->root->layers[i].mounted, c->root->layers[i].compared, sizeof c->root->layers[i].mounted);
	const char *reason = run_call(c, call, name, result);
	for (size_t i = 0; !reason && i < c->root->layer_count; i++) {
		if (!str_equal(c->root->layers[i].mounted, c->root->layers[i].compared))
			reason = "its layers were compared with two images";
	}
	return reason ? pool_printf(c->pool, "%s; its layer.erofs was changed after it was mounted", reason) : NULL;
}

void stored_image_verify(struct pool *pool, const struct image_root_asked *asked, struct stored_root *root,
			 const struct stored_image *image, const char *name, struct stored_verdict *ret)
{
	struct image_call *call = pool_alloc(pool, sizeof *call);
	struct image_result *result = pool_alloc(pool, sizeof *result);
	struct comparison c = {.pool = pool,
			       .asked = asked,
			       .root = root,
			       .image = image,
			       .request = &call->request,
			       .pid = -1,
			       .pidfd = -EBADF};

	const char *reason = run_call(&c, call, name, result);
	if (!reason && must_look_again(root))
		reason = look_again(&c, call, name, result);
	end_tree(&c);
	*ret = (struct stored_verdict){
		.reason = reason,
		.is_signed = call->request.signatures_required,
		.denied = result->denied,
		.answer = &result->answer,
	};
	for (size_t i = 0; !reason && i < root->layer_count; i++)
		memcpy(root->layers[i].known, root->layers[i].compared, sizeof root->layers[i].known);
}

static bool is_news(const struct stored_layer *layer)
{
	return layer->has_stamp && *layer->known && !str_equal(layer->remembered, layer->known);
}

static void remember_layer(const struct image_root_asked *asked, const struct stored_root *root,
			   const struct stored_layer *layer, const struct layer_stamp *stamp)
{
#ifndef HRUN_MUTANT_COMPARE_SETTLED
	if (stamp->newest.tv_sec > layer->stamped - SETTLED_SECONDS)
		return;
#endif
	layer_remember(asked->cache, layer->known, root->user_overlay, stamp);
}

static bool same_stamp(const struct layer_stamp *a, const struct layer_stamp *b)
{
	return memcmp(a->look, b->look, sizeof a->look) == 0 && memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* What is said of containerd's layers is said of those below as well: above one that has changed, nothing is. */
void stored_root_remember(const struct image_root_asked *asked, const struct stored_root *root)
{
	struct layer_stamp stamp = {.newest = {0}}, below;
	const bool on_others = root->blobs >= 0;
	size_t count = root->layer_count;

	while (count > 0 && !is_news(&root->layers[count - 1]))
		count--;
	for (size_t i = 0; i < count; i++) {
		const struct stored_layer *layer = &root->layers[i];
		if (!on_others && !is_news(layer))
			continue;
		below = stamp;
		if (layer->has_stamp && stamp_layer(root, layer, &below, UINT64_MAX, &stamp) &&
		    same_stamp(&stamp, &layer->stamp)) {
			if (is_news(layer))
				remember_layer(asked, root, layer, &stamp);
		} else if (on_others) {
			return;
		}
	}
}
