/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp_verity.c - a layer by what it is, where the kernel vouches for contents.
 *
 * A file with fs-verity can be written by nobody any more, root included, and its measurement is a digest of its content: two files
 * with the same one are the same.  So of a layer that has such files all that a comparison looks at is read anew at each start, but no
 * content: names, types, modes, owners, attributes, targets, which names are one file, and measurements.  Device, inode and ctime do
 * not count then, nor does how old they are: a store that was copied, relabelled, or had a mode changed and changed back is not
 * read again.  A file without fs-verity in such a layer, or of which the kernel does not tell the measurement (below an overlay, which
 * passes on only that there is one), is known by its look as everywhere else; an empty one has no content to vouch for.
 *
 * Why each file is measured at each start, which takes opening it, though its look may not have changed: who can write to the disk
 * below (a loop device's file, a virtual machine's image, a disk on the network) changes no ctime.  Measured, a file that has become
 * another one with fs-verity is another one, and of one that was measured the kernel checks each block that a container reads, long
 * after the start.  What such a one changes after the start besides contents (a name, a mode, an owner, an attribute) nothing here
 * and nothing in the kernel notices.
 *
 * That the files were the same while they were compared, their looks say before and after it (compare.c): a file with fs-verity
 * that keeps inode and ctime keeps its content.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/tree_wire.h>
#include <linux/fsverity.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* MEASURED_FORMAT as STAMP_FORMAT; no number of that one. */
enum { MEASURED_FORMAT = (1 << 16) + 1, DEPTH_MAX = 128, DIGEST_MAX = 64, LIST_MAX = 65536, XATTRS_MAX = 256 };

/* A name of a file that has more: which ones are one file counts, not which inode it is. */
struct link {
	uint64_t device, inode, order, first;
};

struct walk {
	struct pool pool; /* links */
	struct sha256 hash, look;
	struct timespec newest;
	uint64_t left, order; /* entries */
	struct link *links;
	size_t link_count;
	const char *names[XATTRS_MAX];
	char list[LIST_MAX], value[LIST_MAX];
};

enum how { BY_CONTENT, BY_LOOK, DIRECTORY_ENDS };

/* Of fixed size, without holes: bytes for the hash. */
struct trait {
	uint64_t size, links, special;
	uint32_t mode, uid, gid, how, name_size, unused;
};

/* ---- fs-verity ---- */

bool stamp_has_verity(const struct statx *st)
{
	return S_ISREG(st->stx_mode) && st->stx_attributes & STATX_ATTR_VERITY;
}

int stamp_add_measurement(struct sha256 *hash, int fd)
{
	union {
		unsigned char bytes[sizeof(struct fsverity_digest) + DIGEST_MAX];
		struct fsverity_digest digest;
	} told = {.bytes = {0}};

#ifdef HRUN_MUTANT_STAMP_MEASURE
	return 0;
#endif
	told.digest.digest_size = DIGEST_MAX;
	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &told.digest) < 0)
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;
	if (told.digest.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 &&
	    told.digest.digest_algorithm != FS_VERITY_HASH_ALG_SHA512)
		return -EOPNOTSUPP;
	sha256_add(hash, &told, sizeof told);
	return 0;
}

/* ---- extended attributes ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those that are compared with the image, of FD into walk->names: their number, or negative errno. */
static ssize_t list_xattrs(struct walk *walk, int fd)
{
	ssize_t size = flistxattr(fd, walk->list, sizeof walk->list), count = 0;

	if (size < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(walk->list + at) + 1) {
		if (!tree_tells_xattr(walk->list + at))
			continue;
		if (count == XATTRS_MAX)
			return -E2BIG;
		walk->names[count++] = walk->list + at;
	}
	qsort(walk->names, (size_t)count, sizeof *walk->names, compare_names);
	return count;
}

static int add_xattrs(struct walk *walk, int fd)
{
	ssize_t count = list_xattrs(walk, fd);

	if (count < 0)
		return (int)count;
	sha256_add(&walk->hash, &count, sizeof count);
	for (ssize_t i = 0; i < count; i++) {
		ssize_t size = fgetxattr(fd, walk->names[i], walk->value, sizeof walk->value);
		if (size < 0)
			return -errno;
		sha256_add(&walk->hash, walk->names[i], strlen(walk->names[i]) + 1);
		sha256_add(&walk->hash, &size, sizeof size);
		sha256_add(&walk->hash, walk->value, (size_t)size);
	}
	return 0;
}

/* ---- hard links ---- */

static void note_link(struct walk *walk, const struct statx *st)
{
	if (S_ISDIR(st->stx_mode) || st->stx_nlink < 2)
		return;
	*pool_array_add(&walk->pool, walk->links, walk->link_count) = (struct link){
		.device = makedev(st->stx_dev_major, st->stx_dev_minor), .inode = st->stx_ino, .order = walk->order};
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_file(const void *a, const void *b)
{
	const struct link *one = a, *other = b;

	if (one->device != other->device)
		return by_number(one->device, other->device);
	if (one->inode != other->inode)
		return by_number(one->inode, other->inode);
	return by_number(one->order, other->order);
}

static int by_order(const void *a, const void *b)
{
	return by_number(((const struct link *)a)->order, ((const struct link *)b)->order);
}

/* Of each name which one was the first. */
static void add_links(struct walk *walk)
{
	struct link *links = walk->links;

	if (walk->link_count == 0)
		return;
	qsort(links, walk->link_count, sizeof *links, by_file);
	for (size_t i = 0; i < walk->link_count; i++) {
		bool same = i > 0 && links[i].device == links[i - 1].device && links[i].inode == links[i - 1].inode;
		links[i].first = same ? links[i - 1].first : links[i].order;
	}
	qsort(links, walk->link_count, sizeof *links, by_order);
	for (size_t i = 0; i < walk->link_count; i++) {
		const uint64_t pair[2] = {links[i].order, links[i].first};
		sha256_add(&walk->hash, pair, sizeof pair);
	}
}

/* ---- entries ---- */

static void add_trait(struct walk *walk, const char *name, const struct statx *st, enum how how)
{
	const bool directory = S_ISDIR(st->stx_mode);
	const struct trait trait = {
		.size = directory ? 0 : st->stx_size, /* a directory's are its file system's */
		.links = directory ? 0 : st->stx_nlink,
		.special = makedev(st->stx_rdev_major, st->stx_rdev_minor),
		.mode = st->stx_mode,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.how = how,
		.name_size = (uint32_t)strlen(name),
	};

	sha256_add(&walk->hash, &trait, sizeof trait);
	sha256_add(&walk->hash, name, trait.name_size);
	if (how == DIRECTORY_ENDS)
		return;
	stamp_add_look(&walk->look, name, st);
	walk->order++;
	note_link(walk, st);
}

/* A file without fs-verity; its ctime covers its attributes, too. */
static int add_by_look(struct walk *walk, const char *name, const struct statx *st)
{
	add_trait(walk, name, st, BY_LOOK);
	stamp_add_look(&walk->hash, name, st);
	stamp_add_ctime(&walk->newest, st);
	return 0;
}

/* What is hashed is what was opened. */
static int add_file(struct walk *walk, int dir, const char *name)
{
	autofd int fd = stamp_open(dir, name, O_NONBLOCK);
	unsigned char measured[SHA256_SIZE];
	struct sha256 hash;
	struct statx st;

	if (fd < 0)
		return fd;
	TRY(stamp_look(fd, "", &st));
	if (!S_ISREG(st.stx_mode))
		return -EBUSY;
	if (!stamp_has_verity(&st) && st.stx_size > 0)
		return add_by_look(walk, name, &st);
	sha256_init(&hash);
	int r = st.stx_size > 0 ? stamp_add_measurement(&hash, fd) : 0;
	if (r == -EOPNOTSUPP)
		return add_by_look(walk, name, &st);
	TRY(r);
	sha256_end(&hash, measured);
	add_trait(walk, name, &st, BY_CONTENT);
	sha256_add(&walk->hash, measured, sizeof measured);
	return add_xattrs(walk, fd);
}

/* A link, a device, a FIFO: no attribute of these is compared. */
static int add_other(struct walk *walk, int dir, const char *name, const struct statx *st)
{
	add_trait(walk, name, st, BY_CONTENT);
	if (!S_ISLNK(st->stx_mode))
		return 0;
	ssize_t size = readlinkat(dir, name, walk->value, sizeof walk->value);
	if (size < 0)
		return -errno;
	sha256_add(&walk->hash, &size, sizeof size);
	sha256_add(&walk->hash, walk->value, (size_t)size);
	return 0;
}

static int add_directory(struct walk *walk, int dir, const char *name, unsigned int depth);

static int add_entry(struct walk *walk, int dir, const char *name, unsigned int depth)
{
	struct statx st;

	if (walk->left-- == 0)
		return -E2BIG;
	TRY(stamp_look(dir, name, &st));
	if (S_ISDIR(st.stx_mode))
		return add_directory(walk, dir, name, depth + 1);
	if (!S_ISREG(st.stx_mode))
		return add_other(walk, dir, name, &st);
	if (st.stx_size > 0 && !stamp_has_verity(&st))
		return add_by_look(walk, name, &st);
	return add_file(walk, dir, name);
}

struct listing {
	struct pool pool;
	struct string_list names;
	uint64_t max;
};

static int list_name(void *context, const char *name)
{
	struct listing *listing = context;

	if (listing->names.count >= listing->max)
		return -E2BIG;
	*pool_array_add(&listing->pool, listing->names.item, listing->names.count) = pool_strdup(&listing->pool, name);
	return 0;
}

/* In the order of their names: a copy lists them in another.  Not more than may still come. */
static int add_names(struct walk *walk, int fd, unsigned int depth)
{
	struct listing listing = {.max = walk->left};
	struct string_list *names = &listing.names;
	int r = stamp_each_name(fd, list_name, &listing);

	if (names->count > 0)
		qsort(names->item, names->count, sizeof *names->item, compare_names);
	for (size_t i = 0; i < names->count && r == 0; i++)
		r = add_entry(walk, fd, names->item[i], depth);
	pool_free(&listing.pool);
	return r;
}

static int add_directory(struct walk *walk, int dir, const char *name, unsigned int depth)
{
	autofd int fd = stamp_open(dir, *name ? name : ".", O_DIRECTORY);
	struct statx st;

	if (fd < 0)
		return fd;
	if (depth > DEPTH_MAX)
		return -ELOOP;
	TRY(stamp_look(fd, "", &st));
	add_trait(walk, name, &st, BY_CONTENT);
	TRY(add_xattrs(walk, fd));
	TRY(add_names(walk, fd, depth));
	add_trait(walk, "", &st, DIRECTORY_ENDS);
	return 0;
}

int layer_stamp_measured(int dir, uint64_t max_entries, struct layer_stamp *ret)
{
	const uint32_t format = MEASURED_FORMAT;
	struct pool pool = {0};
	struct walk *walk = pool_alloc(&pool, sizeof *walk);

	walk->left = max_entries;
	sha256_init(&walk->hash);
	sha256_init(&walk->look);
	sha256_add(&walk->hash, &format, sizeof format);
	sha256_add(&walk->look, &format, sizeof format);
	int r = add_directory(walk, dir, "", 0);
	add_links(walk);
	sha256_end(&walk->hash, ret->digest);
	sha256_end(&walk->look, ret->look);
	ret->newest = walk->newest;
	pool_free(&walk->pool);
	pool_free(&pool);
	return r;
}
