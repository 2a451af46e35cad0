/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_verify.c - a bundle against its signatures: first who signed the list and config.json, then whether the tree is what the
 * list says; or who signed the file that is the root.
 *
 * The list on the disk only serves to refuse early and to name what differs.  What counts is the digest of the tree as it was
 * walked: it must be the one that was signed, and config.json's bytes the ones that will be used.
 */
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/image_tree.h>
#include <hrun/str.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 1 << 30 };

struct verification {
	struct pool *pool;
	struct image_result *result;
	int list;
	size_t at, have; /* in buffer: what of the list was read and not yet compared */
	char buffer[IMAGE_TREE_LINE_MAX + 65536];
};

/* The bundle is refused: that is an answer, and no error. */
static int reject(struct verification *v, enum image_stage stage, const struct err *e)
{
	image_reject(v->result, stage, "%s", e->text);
	return 0;
}

/* ---- the list ---- */

int bundle_hash_list(struct pool *pool, int list, char hex[2 * SHA256_SIZE + 1], struct err *e)
{
	enum { SIZE = 65536 };
	unsigned char digest[SHA256_SIZE];
	char *buffer = pool_alloc(pool, SIZE);
	struct sha256 hash;
	uint64_t total = 0;
	ssize_t n;

	sha256_init(&hash);
	while ((n = fd_read_all(list, buffer, SIZE)) > 0) {
		total += (uint64_t)n;
		if (total > LIST_MAX)
			return err_set(e, EFBIG, STATEMENT_TREE_NAME " is larger than 1 GiB");
		sha256_add(&hash, buffer, (size_t)n);
	}
	if (n < 0 || lseek(list, 0, SEEK_SET) < 0)
		return err_set(e, n < 0 ? (int)-n : errno, STATEMENT_TREE_NAME " cannot be read");
	sha256_end(&hash, digest);
	sha256_hex(digest, hex);
	return 0;
}

/* At least SIZE bytes of the list in the buffer, or all that is left. */
static void have_list(struct verification *v, size_t size)
{
	if (v->have - v->at >= size)
		return;
	memmove(v->buffer, v->buffer + v->at, v->have - v->at);
	v->have -= v->at;
	v->at = 0;
	ssize_t n = fd_read_all(v->list, v->buffer + v->have, sizeof v->buffer - v->have);
	v->have += n > 0 ? (size_t)n : 0;
}

/* The line that was signed, without its newline; "" at the end. */
static const char *signed_line(struct verification *v)
{
	have_list(v, IMAGE_TREE_LINE_MAX);
	const char *start = v->buffer + v->at;
	const char *end = memchr(start, '\n', v->have - v->at);
	size_t size = end ? (size_t)(end - start) : v->have - v->at;

	return pool_strndup(v->pool, start, size);
}

static int compare_line(void *context, const struct image_tree_line *line, struct err *e)
{
	struct verification *v = context;

	have_list(v, line->size);
	if (v->have - v->at >= line->size && memcmp(v->buffer + v->at, line->text, line->size) == 0) {
		v->at += line->size;
		return 0;
	}
	const char *was = signed_line(v);
	const char *is = pool_strndup(v->pool, line->text, line->size - 1);
	if (!*was)
		return err_set(e, EBADMSG, "`%.100s` was not signed", is);
	return err_set(e, EBADMSG, "`%.100s` was signed, `%.100s` is there", was, is);
}

/* ---- the tree ---- */

static int check_tree(struct verification *v, const struct bundle *bundle, bool guarded, const char *hex,
		      struct image_tree_result *found, struct err *e)
{
	const struct image_tree tree = {.root = bundle->rootfs, .guarded = guarded, .take = compare_line, .context = v};

	*found = (struct image_tree_result){0};
#ifdef HRUN_MUTANT_BUNDLE_TREE
	return 0;
#endif
	TRY(image_tree_walk(v->pool, &tree, found, e));
	const char *missing = signed_line(v);
	if (*missing)
		return err_set(e, EBADMSG, "`%.100s` was signed and is not there", missing);
	if (!str_equal(found->hex, hex))
		return err_set(e, EBUSY, STATEMENT_TREE_NAME " changes while it is read");
	return 0;
}

static int check_guarded(struct verification *v, const struct bundle *bundle, enum bundle_guard guard, const char *hex,
			 struct err *e)
{
	struct image_tree_result found;
	bool closed = true;

	if (guard == BUNDLE_PROTECTED)
		TRY(bundle_check_parents(v->pool, bundle, &closed, e));
	TRY(check_tree(v, bundle, guard == BUNDLE_PROTECTED, hex, &found, e));
	if (!closed && found.writable)
		return err_set(e, EPERM, "`%.100s` of the root can be written by others; chmod 700 `%.150s`",
			       found.writable, bundle->path);
	return 0;
}

/* ---- who signed it ---- */

static int ask_with(struct verification *v, struct image_call *call, const int *signatures, size_t count,
		    const struct bundle *bundle, struct err *e)
{
	struct image_request *request = &call->request;
	char config[2 * SHA256_SIZE + 1];
	unsigned char digest[SHA256_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, bundle->config_bytes, bundle->config_size);
	sha256_end(&hash, digest);
	sha256_hex(digest, config);
	if (call->fd_count + count > IMAGE_FDS_MAX)
		return err_set(e, E2BIG, "too many keys for one bundle");
	memmove(call->fds + count, call->fds, call->fd_count * sizeof *call->fds);
	memcpy(call->fds, signatures, count * sizeof *call->fds);
	call->fd_count += count;
	request->task = IMAGE_BUNDLE;
	request->signature_files = (uint32_t)count;
	request->root_is_file = bundle->root_is_file;
	str_format(request->bundle_config_digest, sizeof request->bundle_config_digest, "sha256:%s", config);
	int r = image_verify(v->pool, call, v->result, e);
	/* As it was: there may be a second question. */
	call->fd_count -= count;
	memmove(call->fds, call->fds + count, call->fd_count * sizeof *call->fds);
	return r;
}

/* The answer, also where there is no signature to ask about. */
static int ask(struct verification *v, struct image_call *call, const struct bundle *bundle, struct err *e)
{
	int fds[IMAGE_SIGNATURES_MAX];
	int count = bundle_open_signatures(v->pool, bundle->dir, fds, e);

	if (count < 0)
		return reject(v, IMAGE_STAGE_SIGNATURE, e);
	int r = ask_with(v, call, fds, (size_t)count, bundle, e);
	for (int i = 0; i < count; i++)
		fd_close(&fds[i]);
	return r;
}

static void set_digest(char field[IMAGE_DIGEST_SIZE], const char *hex)
{
	field[0] = '\0';
	if (hex)
		str_format(field, IMAGE_DIGEST_SIZE, "sha256:%s", hex);
}

/* ---- a root that is a file ---- */

/*
 * Where the kernel has measured the file and that was signed no byte is read, and who could write there does not matter: nobody can
 * write to such a file, and each page that is read later is checked.
 */
static int ask_measured(struct verification *v, struct image_call *call, const struct bundle *bundle, int fd,
			struct err *e)
{
	char hex[2 * SHA256_SIZE + 1];

	if (!call->request.signatures_required || !bundle_erofs_measure(fd, hex)) {
		image_reject(v->result, IMAGE_STAGE_SIGNATURE, "the root's file has no fs-verity");
		return 0;
	}
	set_digest(call->request.verity_digest, hex);
	return ask(v, call, bundle, e);
}

static int verify_file(struct verification *v, struct image_call *call, const struct bundle *bundle,
		       enum bundle_guard guard, struct err *e)
{
	struct err unguarded = {0};
	char hex[2 * SHA256_SIZE + 1];
	bool closed;

	if (guard == BUNDLE_PROTECTED && bundle_erofs_check_disk(bundle, e) < 0)
		return reject(v, IMAGE_STAGE_UNPACK, e);
	autofd int fd = bundle_erofs_open(bundle, e);
	if (fd < 0)
		return reject(v, IMAGE_STAGE_UNPACK, e);
	TRY(ask_measured(v, call, bundle, fd, e));
	if (v->result->answer.verdict == IMAGE_ACCEPT || v->result->denied)
		return 0;
	*v->result = (struct image_result){0};
	set_digest(call->request.verity_digest, NULL);
	int r = guard == BUNDLE_PROTECTED ? bundle_check_parents(v->pool, bundle, &closed, &unguarded) : 0;
	if (r < 0 && !(call->admitted_by && image_denies(call->admitted_by)))
		return reject(v, IMAGE_STAGE_UNPACK, &unguarded);
	if (bundle_erofs_hash(v->pool, fd, hex, e) < 0)
		return reject(v, IMAGE_STAGE_UNPACK, e);
	set_digest(call->request.tree_digest, hex);
	TRY(ask(v, call, bundle, e));
	return v->result->answer.verdict == IMAGE_ACCEPT && r < 0 ? reject(v, IMAGE_STAGE_UNPACK, &unguarded) : 0;
}

static int verify(struct verification *v, struct image_call *call, const struct bundle *bundle, enum bundle_guard guard,
		  struct err *e)
{
	char hex[2 * SHA256_SIZE + 1];

	if (bundle_check_root(bundle, e) < 0)
		return reject(v, IMAGE_STAGE_CONFIG, e);
	if (bundle->root_is_file)
		return verify_file(v, call, bundle, guard, e);
	autofd int list = bundle_open_list(bundle->dir, e);
	v->list = list;
	if (list < 0 || bundle_hash_list(v->pool, list, hex, e) < 0)
		return reject(v, IMAGE_STAGE_SIGNATURE, e);
	set_digest(call->request.tree_digest, hex);
	TRY(ask(v, call, bundle, e));
	if (v->result->answer.verdict == IMAGE_ACCEPT && check_guarded(v, bundle, guard, hex, e) < 0)
		return reject(v, IMAGE_STAGE_UNPACK, e);
	return 0;
}

int bundle_verify(struct pool *pool, struct image_call *call, const struct bundle *bundle, enum bundle_guard guard,
		  struct image_result *ret, struct err *e)
{
	struct verification *v = pool_alloc(pool, sizeof *v);

	*ret = (struct image_result){0};
	v->pool = pool;
	v->result = ret;
	return verify(v, call, bundle, guard, e);
}
