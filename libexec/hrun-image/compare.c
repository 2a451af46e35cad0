// SPDX-License-Identifier: Apache-2.0
/*
 * compare.c - a layer that an engine has unpacked, beside the archive that was signed.
 *
 * The archive (compare_source.c) must have the signed digest; and on its way each of its headers is compared with what is on disk.
 * The digest alone would say nothing of owners, modes, links and attributes: they stand in the archive, whatever became of the files.
 * What is there and in no header, hrun-tree tells at the end.
 */
#include "compare.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is on disk ---- */

/*
 * An answer takes less time than going to sleep and being woken does, above all where another processor must be told so (in a virtual
 * machine): so somebody else may run first, and it is there.
 */
static void await_answer(const struct comparison *c)
{
	enum { TRIES = 200 };
	char byte;

	for (int i = 0; i < TRIES && recv(c->tree, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN; i++)
		sched_yield();
}

/* Of PATH in c->told, and *ret_fd where it is a file.  0, -ENOENT, or -EBADMSG. */
static int ask_tree(struct comparison *c, uint32_t kind, const char *path, int *ret_fd)
{
	struct tree_ask ask = {.magic = TREE_WIRE_MAGIC, .kind = kind};
	struct tree_told *told = &c->told;
	const size_t head = offsetof(struct tree_told, extra);

	*ret_fd = -EBADF;
	if (str_format(ask.path, sizeof ask.path, "%s", path) < 0 || unix_send(c->tree, &ask, sizeof ask, -1) < 0)
		return differs(c, "the program that looks at the files has ended");
	await_answer(c);
	ssize_t n = unix_receive(c->tree, told, sizeof *told, ret_fd);
	if (n < (ssize_t)head || told->magic != TREE_WIRE_MAGIC || told->extra_size != (size_t)n - head ||
	    told->error > 0) {
		fd_close(ret_fd);
		return differs(c, "the program that looks at the files has ended");
	}
	return told->error == -ENOENT ? -ENOENT : 0;
}

static int look_at(struct comparison *c, uint32_t kind, const char *path, int *ret_fd)
{
	int r = ask_tree(c, kind, path, ret_fd);

	if (r == -ENOENT)
		return differs(c, "%.160s is missing", path);
	if (r == 0 && c->told.error < 0)
		return differs(c, "%.160s cannot be looked at: %s", path, strerror(-c->told.error));
	return r;
}

/* ---- one entry ---- */

static const char *type_name(uint32_t mode)
{
	static const char *const names[16] = {
		[S_IFREG >> 12] = "a file",	     [S_IFDIR >> 12] = "a directory",
		[S_IFLNK >> 12] = "a symbolic link", [S_IFCHR >> 12] = "a character device",
		[S_IFBLK >> 12] = "a block device",  [S_IFIFO >> 12] = "a FIFO",
		[S_IFSOCK >> 12] = "a socket",
	};
	const char *name = names[mode >> 12 & 15];

	return name ? name : "something else";
}

static int check_type(struct comparison *c, uint32_t type)
{
	if ((c->told.mode & S_IFMT) == type)
		return 0;
	return differs(c, "%.160s is %s, and in the image %s", c->layers.path, type_name(c->told.mode),
		       type_name(type));
}

static int check_owner(struct comparison *c)
{
	const struct tar_entry *e = &c->layers.tar.entry;

#ifdef HRUN_MUTANT_COMPARE_OWNER
	return 0;
#endif
	if (c->told.uid == e->uid && c->told.gid == e->gid)
		return 0;
	return differs(c, "%.160s belongs to %u:%u, and in the image to %u:%u", c->layers.path, c->told.uid,
		       c->told.gid, e->uid, e->gid);
}

static int check_mode(struct comparison *c)
{
	const struct tar_entry *e = &c->layers.tar.entry;

#ifdef HRUN_MUTANT_COMPARE_MODE
	return 0;
#endif
	if ((c->told.mode & 07777) == e->mode)
		return 0;
	return differs(c, "%.160s has the mode %04o, and in the image %04o", c->layers.path, c->told.mode & 07777,
		       e->mode);
}

static const struct tar_xattr *xattr_of(const struct tar_entry *e, const char *name)
{
	for (size_t i = 0; i < e->xattr_count; i++) {
		if (str_equal(e->xattrs[i].name, name))
			return &e->xattrs[i];
	}
	return NULL;
}

/* One attribute on disk: *at goes on behind it. */
static int check_xattr(struct comparison *c, size_t *at)
{
	const struct tree_told *told = &c->told;
	const char *name = told->extra + *at;
	size_t size = strnlen(name, told->extra_size - *at) + 1;
	uint32_t length;

	if (size + sizeof length > told->extra_size - *at)
		return differs(c, "the program that looks at the files makes no sense");
	memcpy(&length, name + size, sizeof length);
	size += sizeof length;
	if (length > told->extra_size - *at - size)
		return differs(c, "the program that looks at the files makes no sense");
	const struct tar_xattr *same = xattr_of(&c->layers.tar.entry, name);
	if (!same)
		return differs(c, "%.120s has an attribute that it has not in the image: %.60s", c->layers.path, name);
	if (same->size != length || memcmp(same->value, name + size, length) != 0)
		return differs(c, "%.120s has another attribute %.60s than in the image", c->layers.path, name);
	*at += size + length;
	return 0;
}

/* Each on disk is one of the image's, none is there twice, and they are as many. */
static int check_xattrs(struct comparison *c)
{
	const struct tar_entry *e = &c->layers.tar.entry;
	size_t count = 0;

#ifdef HRUN_MUTANT_COMPARE_XATTRS
	return 0;
#endif
	for (size_t i = 0; i < e->xattr_count; i++) {
		if (str_starts(e->xattrs[i].name, "user.overlay."))
			return differs(c, "%.120s has an attribute that overlayfs may obey: %.60s", c->layers.path,
				       e->xattrs[i].name);
	}
	for (size_t at = 0; at < c->told.extra_size; count++)
		TRY(check_xattr(c, &at));
	if (count != e->xattr_count)
		return differs(c, "%.160s lacks an attribute that it has in the image", c->layers.path);
	return 0;
}

static int compare_file(struct comparison *c, int fd)
{
	struct tar *tar = &c->layers.tar;
	const struct tar_entry *e = &tar->entry;

	TRY(check_type(c, S_IFREG));
	if (fd < 0)
		return differs(c, "the program that looks at the files makes no sense");
	if (c->told.size != e->size)
		return differs(c, "%.160s has %ju bytes, and in the image %ju", c->layers.path, (uintmax_t)c->told.size,
			       (uintmax_t)e->size);
	TRY(check_xattrs(c));
	return source_content(c, fd);
}

static int compare_link(struct comparison *c)
{
	const char *target = c->layers.tar.entry.link;

	TRY(check_type(c, S_IFLNK));
	if (strlen(target) == c->told.extra_size && memcmp(target, c->told.extra, c->told.extra_size) == 0)
		return 0;
	return differs(c, "%.100s leads to %.*s, and in the image to %.60s", c->layers.path,
		       c->told.extra_size < 60 ? (int)c->told.extra_size : 60, c->told.extra, target);
}

static int compare_device(struct comparison *c, uint32_t type)
{
	const struct tar_entry *e = &c->layers.tar.entry;

	TRY(check_type(c, type));
	if (type == S_IFCHR && e->major == 0 && e->minor == 0)
		return differs(c, "%.160s is a device that hides what lower layers have", c->layers.path);
	if (c->told.device_major == e->major && c->told.device_minor == e->minor)
		return 0;
	return differs(c, "%.160s is the device %u:%u, and in the image %u:%u", c->layers.path, c->told.device_major,
		       c->told.device_minor, e->major, e->minor);
}

static int compare_entry(struct comparison *c, int fd)
{
	const struct tar_entry *e = &c->layers.tar.entry;

	switch (e->type) {
	case '0':
		TRY(compare_file(c, fd));
		break;
	case '2':
		TRY(compare_link(c));
		return check_owner(c);
	case '3':
		TRY(compare_device(c, S_IFCHR));
		break;
	case '4':
		TRY(compare_device(c, S_IFBLK));
		break;
	case '5':
		TRY(check_type(c, S_IFDIR));
		TRY(check_xattrs(c));
		break;
	default:
		TRY(check_type(c, S_IFIFO));
	}
	TRY(check_owner(c));
	return check_mode(c);
}

/* The same file; what it is, is compared where its first name stands. */
static int compare_hard_link(struct comparison *c)
{
	autofd int fd = -EBADF, other = -EBADF;

	TRY(look_at(c, TREE_ASK_ENTRY, c->layers.path, &fd));
	uint64_t device = c->told.device, inode = c->told.inode;
	TRY(look_at(c, TREE_ASK_PEEK, c->layers.link, &other));
	if (device == c->told.device && inode == c->told.inode)
		return 0;
	return differs(c, "%.110s and %.110s are two files, and in the image one", c->layers.path, c->layers.link);
}

static int compare_whiteout(struct comparison *c, const char *name)
{
	autofd int fd = -EBADF;
	bool opaque;

	TRY(entry_whiteout(&c->layers, name, &opaque));
	TRY(look_at(c, opaque ? TREE_ASK_OPAQUE : TREE_ASK_ENTRY, c->layers.path, &fd));
	if (opaque)
		return check_type(c, S_IFDIR);
	if (S_ISCHR(c->told.mode) && c->told.device_major == 0 && c->told.device_minor == 0)
		return 0;
	return differs(c, "%.160s is %s, and in the image it is hidden", c->layers.path, type_name(c->told.mode));
}

static int compare(struct comparison *c)
{
	struct layers *l = &c->layers;
	autofd int fd = -EBADF;
	const char *name;
	int r = entry_check(l, &name);

	if (r <= 0)
		return r;
	if (str_starts(name, WHITEOUT))
		return compare_whiteout(c, name);
	/* Engines do not apply it; the root that is seen has the attributes of the writable layer. */
	if (!l->path[0])
		return l->tar.entry.type == '5' ? 0 : differs(c, "an archive has a root that is no directory");
	if (l->tar.entry.type == '1')
		return compare_hard_link(c);
	TRY(look_at(c, TREE_ASK_ENTRY, l->path, &fd));
	return compare_entry(c, fd);
}

/* ---- one layer ---- */

static int check_rest(struct comparison *c)
{
	autofd int fd = -EBADF;

#ifdef HRUN_MUTANT_COMPARE_REST
	return 0;
#endif
	if (ask_tree(c, TREE_ASK_REST, "", &fd) == -EBADMSG)
		return -EBADMSG;
	if (c->told.error == 0)
		return 0;
	return differs(c, "%.*s", c->told.extra_size < 200 ? (int)c->told.extra_size : 200, c->told.extra);
}

static int read_archive(struct comparison *c)
{
	int r;

	c->layers.tar.in = &c->in;
	c->layers.tar.r = c->r;
	c->layers.tar.left = c->layers.tar.padding = 0;
	while ((r = tar_next(&c->layers.tar)) > 0)
		TRY(compare(c));
	return r;
}

/* A blob that somebody has changed is another archive: then its digest is the reason, and not what differs from the files. */
static int read_source(struct comparison *c, const struct digest *diff_id)
{
	struct refusal *reason = c->r, inner = {0};
	bool zero;

	c->r = &inner;
	int r = read_archive(c);
	c->r = reason;
	if (r < 0 && (!c->blob || c->in.failed)) {
		*reason = reason->reason[0] ? *reason : inner;
		return r;
	}
	TRY(source_finish(c, diff_id, &zero));
	if (r < 0) {
		*reason = inner;
		return r;
	}
	return zero ? check_rest(c) : differs(c, "something follows the end of the archive");
}

static int ask_for(struct comparison *c, uint32_t kind, uint32_t number, const struct digest *diff_id, bool *ret_known)
{
	struct image_ask ask = {.version = IMAGE_WIRE_VERSION, .kind = kind, .number = number};

	str_format(ask.hex, sizeof ask.hex, "%s", diff_id->text + strlen("sha256:"));
	return file_ask(c->files, &ask, ret_known);
}

/* 1: hrun knows the layer, nothing was read. */
static int compare_layer(struct comparison *c, uint32_t number, const struct digest *diff_id)
{
	bool known = false;
	autofd int record = ask_for(c, IMAGE_ASK_LAYER, number, diff_id, &known);

	if (known)
		return 1;
	if (record < 0 && !c->blob)
		return differs(c, "the engine keeps no record of its archive (tar-split): %s", strerror(-record));
	autofd int tree = ask_for(c, IMAGE_ASK_TREE, number, diff_id, &known);
	if (tree < 0 || known)
		return differs(c, "its directory cannot be looked at");
	c->tree = tree;
	int r = source_open(c, record);
	r = r < 0 ? r : read_source(c, diff_id);
	c->layers.archive_bytes += c->in.out_total;
	c->layers.blob_bytes += c->in.in_total;
	source_close(c);
	return r;
}

/* What a refusal of layer NUMBER says begins with the layer. */
static int name_layer(struct refusal *r, const struct refusal *inner, uint32_t number, size_t count,
		      const struct digest *diff_id)
{
	return refuse(r, inner->stage, "layer %u of %zu (%.19s): %.200s", number + 1, count, diff_id->text,
		      inner->reason);
}

int layers_compare(struct pool *pool, int files, const struct descriptor *layers, const struct digest *diff_ids,
		   size_t count, const struct layer_limits *limits, const struct progress *progress, struct refusal *r)
{
	struct comparison *c = pool_alloc(pool, sizeof *c);

	c->files = files;
	c->layers.limits = limits;
	c->layers.progress = progress;
	c->layers.sender.fd = -1;
	for (uint32_t i = 0; i < count; i++) {
		struct refusal inner = {0};
		c->r = &inner;
		c->sums = false;
		c->blob = layers ? &layers[i] : NULL;
		int result = compare_layer(c, i, &diff_ids[i]);
		if (result >= 0)
			continue;
		/* Only the digest is wrong?  The record has a checksum of each file, which tells whose content it is. */
		struct refusal again = {0};
		c->r = &again;
		c->sums = true;
		if (!layers && compare_layer(c, i, &diff_ids[i]) < 0 && again.reason[0])
			inner = again;
		refuse(&inner, IMAGE_STAGE_LAYER, "it cannot be compared");
		return name_layer(r, &inner, i, count, &diff_ids[i]);
	}
	return 0;
}
