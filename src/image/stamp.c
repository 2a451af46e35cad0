/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stamp.c - what a layer's files look like from outside, and which looks were compared before.
 *
 * Nobody can set a ctime, so what was written to, renamed, or given other attributes has another stamp.  The stamp is taken
 * before and after a comparison, and only one that is older than any clock's tick is remembered: what changed within the tick
 * of its ctime would look the same.  Root can fool it (it can set the clock, or write to the disk below), and need not.
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
#include <unistd.h>

/* Counts up with every change of what is compared, or of what is stamped. */
enum { STAMP_FORMAT = 1, DEPTH_MAX = 128, KNOWN_MAX = 4096 };

struct walk {
	struct sha256 hash;
	struct timespec newest;
	uint64_t left; /* entries */
};

/* Of fixed size, without holes: bytes for the hash. */
struct look {
	uint64_t device, inode, size, links, special;
	int64_t seconds, nanoseconds;
	uint32_t mode, uid, gid, name_size;
};

static void add_look(struct walk *walk, const char *name, const struct stat *st)
{
	struct look look = {
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.links = st->st_nlink,
		.special = st->st_rdev,
		.seconds = st->st_ctim.tv_sec,
		.nanoseconds = st->st_ctim.tv_nsec,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.name_size = (uint32_t)strlen(name),
	};

	sha256_add(&walk->hash, &look, sizeof look);
	sha256_add(&walk->hash, name, look.name_size);
	if (st->st_ctim.tv_sec > walk->newest.tv_sec ||
	    (st->st_ctim.tv_sec == walk->newest.tv_sec && st->st_ctim.tv_nsec > walk->newest.tv_nsec))
		walk->newest = st->st_ctim;
}

static int walk_directory(struct walk *walk, int dir, const char *name, unsigned int depth);

static int walk_entry(struct walk *walk, int dir, const char *name, unsigned int depth)
{
	struct stat st;

	if (walk->left-- == 0)
		return -E2BIG;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	add_look(walk, name, &st);
	return S_ISDIR(st.st_mode) ? walk_directory(walk, dir, name, depth + 1) : 0;
}

static int walk_names(struct walk *walk, int fd, unsigned int depth)
{
	_Alignas(struct dirent64) char entries[16384];
	long n;

	while ((n = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			at += entry->d_reclen;
			if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
				TRY(walk_entry(walk, fd, entry->d_name, depth));
		}
	}
	return n < 0 ? -errno : 0;
}

/* In the order in which the file system lists them, which changes only where the directory does. */
static int walk_directory(struct walk *walk, int dir, const char *name, unsigned int depth)
{
	const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	autofd int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof how);

	if (fd < 0)
		return -errno;
	return depth > DEPTH_MAX ? -ELOOP : walk_names(walk, fd, depth);
}

int layer_stamp(int dir, uint64_t max_entries, struct layer_stamp *ret)
{
	struct walk walk = {.left = max_entries};
	const uint32_t format = STAMP_FORMAT;
	struct stat st;

	sha256_init(&walk.hash);
	sha256_add(&walk.hash, &format, sizeof format);
	if (fstat(dir, &st) < 0)
		return -errno;
	add_look(&walk, "", &st);
	TRY(walk_directory(&walk, dir, ".", 0));
	sha256_end(&walk.hash, ret->digest);
	ret->newest = walk.newest;
	return 0;
}

int layer_stamp_image(int image, uint64_t mount, struct layer_stamp *ret)
{
	static const char kind[] = "image";
	struct walk walk = {.left = 1};
	const uint32_t format = STAMP_FORMAT;
	struct stat st;

	if (fstat(image, &st) < 0)
		return -errno;
	sha256_init(&walk.hash);
	sha256_add(&walk.hash, &format, sizeof format);
	sha256_add(&walk.hash, kind, sizeof kind);
	sha256_add(&walk.hash, &mount, sizeof mount);
	add_look(&walk, "", &st);
	sha256_end(&walk.hash, ret->digest);
	ret->newest = walk.newest;
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
