/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp.c - what a layer's files look like from outside, and which looks were compared before.
 *
 * Nobody can set a ctime, so what was written to, renamed, or given other attributes has another stamp.  The stamp is taken
 * before and after a comparison, and only one that is older than any clock's tick is remembered: what changed within the tick
 * of its ctime would look the same.  Root can fool it (it can set the clock, or write to the disk below), and need not.
 * Where a file has fs-verity, more can be said: stamp_verity.c.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/filter_cache.h>
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Counts up with every change of what is compared, or of what is stamped. */
enum { STAMP_FORMAT = 2, DEPTH_MAX = 128, KNOWN_MAX = 4096 };

struct walk {
	struct sha256 hash;
	struct timespec newest;
	uint64_t left;	 /* entries */
	bool has_verity; /* a file has; the walk ended there */
};

/* Of fixed size, without holes: bytes for the hash. */
struct look {
	uint64_t device, inode, size, links, special;
	int64_t seconds, nanoseconds;
	uint32_t mode, uid, gid, name_size;
};

void stamp_add_look(struct sha256 *hash, const char *name, const struct statx *st)
{
	struct look look = {
		.device = makedev(st->stx_dev_major, st->stx_dev_minor),
		.inode = st->stx_ino,
		.size = st->stx_size,
		.links = st->stx_nlink,
		.special = makedev(st->stx_rdev_major, st->stx_rdev_minor),
		.seconds = st->stx_ctime.tv_sec,
		.nanoseconds = st->stx_ctime.tv_nsec,
		.mode = st->stx_mode,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.name_size = (uint32_t)strlen(name),
	};

	sha256_add(hash, &look, sizeof look);
	sha256_add(hash, name, look.name_size);
}

void stamp_add_ctime(struct timespec *newest, const struct statx *st)
{
	const struct statx_timestamp *time = &st->stx_ctime;

	if (time->tv_sec > newest->tv_sec || (time->tv_sec == newest->tv_sec && time->tv_nsec > newest->tv_nsec))
		*newest = (struct timespec){.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec};
}

int stamp_look(int dir, const char *name, struct statx *ret)
{
	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS, ret) < 0)
		return -errno;
	return (ret->stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS ? 0 : -EIO;
}

int stamp_open(int dir, const char *name, int flags)
{
	const struct open_how how = {.flags = (unsigned int)(O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags),
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof how);

	return fd < 0 ? -errno : fd;
}

static void add_look(struct walk *walk, const char *name, const struct statx *st)
{
	stamp_add_look(&walk->hash, name, st);
	stamp_add_ctime(&walk->newest, st);
}

static int walk_directory(struct walk *walk, int dir, const char *name, unsigned int depth);

static int walk_entry(struct walk *walk, int dir, const char *name, unsigned int depth)
{
	struct statx st;

	if (walk->left-- == 0)
		return -E2BIG;
	TRY(stamp_look(dir, name, &st));
	if (stamp_has_verity(&st)) {
		walk->has_verity = true;
		return -ECANCELED;
	}
	add_look(walk, name, &st);
	return S_ISDIR(st.stx_mode) ? walk_directory(walk, dir, name, depth + 1) : 0;
}

int stamp_each_name(int fd, int (*visit)(void *context, const char *name), void *context)
{
	_Alignas(struct dirent64) char entries[16384];
	long n;

	while ((n = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			at += entry->d_reclen;
			if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
				TRY(visit(context, entry->d_name));
		}
	}
	return n < 0 ? -errno : 0;
}

struct listing {
	struct walk *walk;
	int fd;
	unsigned int depth;
};

static int visit_entry(void *context, const char *name)
{
	const struct listing *listing = context;

	return walk_entry(listing->walk, listing->fd, name, listing->depth);
}

/* In the order in which the file system lists them, which changes only where the directory does. */
static int walk_directory(struct walk *walk, int dir, const char *name, unsigned int depth)
{
	autofd int fd = stamp_open(dir, name, O_DIRECTORY);
	struct listing listing = {.walk = walk, .fd = fd, .depth = depth};

	if (fd < 0)
		return fd;
	return depth > DEPTH_MAX ? -ELOOP : stamp_each_name(fd, visit_entry, &listing);
}

static void begin(struct sha256 *hash)
{
	const uint32_t format = STAMP_FORMAT;

	sha256_init(hash);
	sha256_add(hash, &format, sizeof format);
}

static void end(struct walk *walk, struct layer_stamp *ret)
{
	sha256_end(&walk->hash, ret->look);
	memcpy(ret->digest, ret->look, sizeof ret->digest);
	ret->newest = walk->newest;
}

int layer_stamp(int dir, uint64_t max_entries, struct layer_stamp *ret)
{
	struct walk walk = {.left = max_entries};
	struct statx st;

	begin(&walk.hash);
	TRY(stamp_look(dir, "", &st));
	add_look(&walk, "", &st);
	int r = walk_directory(&walk, dir, ".", 0);
	if (walk.has_verity)
		return layer_stamp_measured(dir, max_entries, ret);
	TRY(r);
	end(&walk, ret);
	return 0;
}

/* No stamp of a directory begins so. */
static void begin_image(struct sha256 *hash, uint64_t mount)
{
	static const char kind[] = "image";

	begin(hash);
	sha256_add(hash, kind, sizeof kind);
	sha256_add(hash, &mount, sizeof mount);
}

int layer_stamp_image(int image, uint64_t mount, struct layer_stamp *ret)
{
	struct walk walk = {0};
	struct statx st;

	begin_image(&walk.hash, mount);
	TRY(stamp_look(image, "", &st));
	if (!S_ISREG(st.stx_mode))
		return -EINVAL;
	add_look(&walk, "", &st);
	end(&walk, ret);
	if (!stamp_has_verity(&st))
		return 0;
	begin_image(&walk.hash, mount);
	int r = stamp_add_measurement(&walk.hash, image);
	if (r == -EOPNOTSUPP)
		return 0;
	TRY(r);
	sha256_end(&walk.hash, ret->digest);
	ret->newest = (struct timespec){0};
	return 0;
}

/* ---- which were compared ---- */

/* The file's name holds all that was proven: these files, as they look, are that archive. */
static void name_of(const char *hex, bool user_overlay, const struct layer_stamp *stamp, char name[2 * SHA256_SIZE + 1])
{
	const unsigned char kind = user_overlay;
	unsigned char digest[SHA256_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, stamp->digest, sizeof stamp->digest);
	sha256_add(&hash, &kind, sizeof kind);
	sha256_add(&hash, hex, strlen(hex));
	sha256_end(&hash, digest);
	sha256_hex(digest, name);
}

bool layer_is_known(const char *directory, const char *hex, bool user_overlay, const struct layer_stamp *stamp)
{
	char name[2 * SHA256_SIZE + 1];
	struct stat st;

	autofd int dir = directory ? filter_cache_open(directory) : -EBADF;
	if (dir < 0)
		return false;
	name_of(hex, user_overlay, stamp, name);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

void layer_remember(const char *directory, const char *hex, bool user_overlay, const struct layer_stamp *stamp)
{
	char name[2 * SHA256_SIZE + 1];

	autofd int dir = directory ? filter_cache_open(directory) : -EBADF;
	if (dir < 0)
		return;
	filter_cache_make_room(dir, KNOWN_MAX);
	name_of(hex, user_overlay, stamp, name);
	autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	(void)fd;
}
