/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - a tree's list and digest: hrun-tree walks with the one capability that reading takes, here its records are hashed.
 *
 * hrun-tree has looked at somebody else's file names and is believed no more than it must be: each field of its records is
 * checked, and a walk without its last record and a good answer is none.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/image_tree.h>
#include <hrun/libexec.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 256 << 10, PIPE_SIZE = 1 << 20 };

struct walk {
	struct pool *pool;
	const struct image_tree *tree;
	struct image_tree_result *result;
	struct err *e;
	int stream;
	size_t at, have;
	struct sha256 hash; /* of the list */
	struct tree_record record;
	struct image_tree_line line;
	char path[TREE_PATH_MAX], extra[TREE_EXTRA_MAX + 1];
	unsigned char buffer[BUFFER];
};

static int fill(struct walk *w)
{
	ssize_t n;

	do
		n = read(w->stream, w->buffer, sizeof w->buffer);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	w->at = 0;
	w->have = (size_t)n;
	return 0;
}

/* Up to SIZE bytes where they lie: how many, or -EPIPE at the end. */
static ssize_t take(struct walk *w, uint64_t size, const unsigned char **ret_bytes)
{
	if (w->at == w->have)
		TRY(fill(w));
	size_t n = w->have - w->at < size ? w->have - w->at : (size_t)size;
	*ret_bytes = w->buffer + w->at;
	w->at += n;
	return (ssize_t)n;
}

static int take_whole(struct walk *w, void *to, size_t size)
{
	const unsigned char *bytes = w->buffer;

	for (size_t done = 0; done < size;) {
		ssize_t n = take(w, size - done, &bytes);
		if (n < 0)
			return (int)n;
		memcpy((char *)to + done, bytes, (size_t)n);
		done += (size_t)n;
	}
	return 0;
}

static int take_record(struct walk *w)
{
	struct tree_record *record = &w->record;

	TRY(take_whole(w, record, sizeof *record));
	if (record->magic != TREE_WIRE_MAGIC || record->path_size >= sizeof w->path ||
	    record->extra_size >= sizeof w->extra || (record->size > 0 && record->kind != TREE_FILE))
		return -EPROTO;
	TRY(take_whole(w, w->path, record->path_size));
	TRY(take_whole(w, w->extra, record->extra_size));
	w->path[record->path_size] = '\0';
	w->extra[record->extra_size] = '\0';
	return 0;
}

static int take_content(struct walk *w, unsigned char digest[SHA256_SIZE])
{
	const unsigned char *bytes = w->buffer;
	struct sha256 hash;

	sha256_init(&hash);
	for (uint64_t left = w->record.size; left > 0;) {
		ssize_t n = take(w, left, &bytes);
		if (n < 0)
			return (int)n;
		sha256_add(&hash, bytes, (size_t)n);
		left -= (uint64_t)n;
	}
	sha256_end(&hash, digest);
	return 0;
}

static int tell_line(struct walk *w)
{
	sha256_add(&w->hash, w->line.text, w->line.size);
	return w->tree->take ? w->tree->take(w->tree->context, &w->line, w->e) : 0;
}

/* Who owns an entry can change it, whatever its mode says. */
static void look_for_writers(struct walk *w)
{
	const struct tree_record *record = &w->record;
	bool is_entry = record->kind < TREE_XATTR && record->kind != TREE_HARDLINK;
	bool foreign = record->uid != 0 && record->uid != geteuid();
	bool open = (record->mode & 022) && record->kind != TREE_SYMLINK;

	if (w->tree->guarded && !w->result->writable && is_entry && (foreign || open))
		w->result->writable = pool_strdup(w->pool, *w->path ? w->path : ".");
}

static int take_entry(struct walk *w)
{
	unsigned char content[SHA256_SIZE] = {0};

	if (w->record.kind == TREE_FILE)
		TRY(take_content(w, content));
	TRY(image_tree_line_write(&w->line, &w->record, w->path, w->extra, content));
	look_for_writers(w);
	return tell_line(w);
}

/* The list to its end.  -EPIPE, -EPROTO: without *e. */
static int take_all(struct walk *w)
{
	unsigned char digest[SHA256_SIZE];

	sha256_init(&w->hash);
	image_tree_line_head(&w->line);
	TRY(tell_line(w));
	for (;;) {
		TRY(take_record(w));
		if (w->record.kind == TREE_END)
			break;
		TRY(take_entry(w));
	}
	sha256_end(&w->hash, digest);
	sha256_hex(digest, w->result->hex);
	return 0;
}

static int take_answer(struct walk *w, int control)
{
	struct tree_answer answer;
	ssize_t n = unix_receive(control, &answer, sizeof answer, NULL);

	if (n != sizeof answer || answer.magic != TREE_WIRE_MAGIC || !memchr(answer.reason, '\0', sizeof answer.reason))
		return err_set(w->e, EIO, "hrun-tree ended without an answer");
	str_remove_controls(answer.reason);
	if (answer.error < 0)
		return err_set(w->e, -answer.error, "%s",
			       answer.reason[0] ? answer.reason : "hrun-tree gives no reason");
	w->result->entries = answer.entries;
	w->result->bytes = answer.bytes;
	return 0;
}

/* What hrun-tree has to say counts more than that it stopped sending. */
static int listen_to(struct walk *w, int control)
{
	w->e->errnum = 0;
	int r = take_all(w);

	if (r < 0 && w->e->errnum)
		return r;
	if (r == -EPROTO)
		return err_set(w->e, EPROTO, "hrun-tree tells of something that is in no tree");
	TRY(take_answer(w, control));
	return r < 0 ? err_set(w->e, -r, "hrun-tree ended before the end of the tree") : 0;
}

static int ask(const struct image_tree *tree, int control, int stream, struct err *e)
{
	const struct tree_request request = {
		.magic = TREE_WIRE_MAGIC,
		.task = TREE_WALK,
		.flags = TREE_DEVICES | (tree->guarded ? TREE_NAMES : 0),
		.max_entries = IMAGE_TREE_ENTRIES_MAX,
		.max_bytes = UINT64_C(1) << 40,
	};
	const int fds[] = {tree->root, stream};
	int r = unix_send_all(control, &request, sizeof request, fds, 2);

	return r < 0 ? err_set(e, -r, "ask hrun-tree: %s", strerrordesc_np(-r)) : 0;
}

int image_tree_listen(struct pool *pool, const struct image_tree *tree, int stream, int control,
		      struct image_tree_result *ret, struct err *e)
{
	struct walk *w = pool_alloc(pool, sizeof *w);

	*ret = (struct image_tree_result){0};
	w->pool = pool;
	w->tree = tree;
	w->result = ret;
	w->e = e;
	w->stream = stream;
	return listen_to(w, control);
}

int image_tree_walk(struct pool *pool, const struct image_tree *tree, struct image_tree_result *ret, struct err *e)
{
	autofd int ours = -EBADF, pidfd = -EBADF;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "make a pipe for hrun-tree");
	autofd int from = ends[0], to = ends[1];
	fcntl(from, F_SETPIPE_SZ, PIPE_SIZE);
	TRY(libexec_run("hrun-tree", tree->program_dir, &ours, &pid, &pidfd, e));
	int r = ask(tree, ours, to, e);
	fd_close(&to);
	if (r == 0)
		r = image_tree_listen(pool, tree, from, ours, ret, e);
	libexec_reap(pid, pidfd);
	return r;
}
