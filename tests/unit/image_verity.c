/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_verity.c - stamps of layers whose files have fs-verity, by a kernel that says so: this program's statx and ioctl, since few
 * file systems have it.  A measurement is SHA-256 of the content here.  tests/vm/guest/verity.py asks a real one.
 */
#include "check.h"
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <linux/fsverity.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- the kernel ---- */

static ino_t sealed[64];
static size_t sealed_count, measured;
static int algorithm = FS_VERITY_HASH_ALG_SHA256, failure;

static bool is_sealed(ino_t inode)
{
	for (size_t i = 0; i < sealed_count; i++) {
		if (sealed[i] == inode)
			return true;
	}
	return false;
}

int statx(int dir, const char *restrict name, int flags, unsigned int mask, struct statx *restrict ret)
{
	long r = syscall(SYS_statx, dir, name, flags, mask, ret);

	if (r == 0 && is_sealed(ret->stx_ino))
		ret->stx_attributes |= STATX_ATTR_VERITY;
	return (int)r;
}

static int measure(int fd, struct fsverity_digest *ret)
{
	unsigned char content[256];
	struct sha256 hash;
	struct stat st;

	if (failure || fstat(fd, &st) < 0 || !is_sealed(st.st_ino)) {
		errno = failure ? failure : ENODATA;
		return -1;
	}
	measured++;
	sha256_init(&hash);
	sha256_add(&hash, content, (size_t)pread(fd, content, sizeof content, 0));
	sha256_end(&hash, ret->digest);
	ret->digest_algorithm = (uint16_t)algorithm;
	ret->digest_size = SHA256_SIZE;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	return request == FS_IOC_MEASURE_VERITY ? measure(fd, argument)
						: (int)syscall(SYS_ioctl, fd, request, argument);
}

/* ---- a layer ---- */

static void seal(int dir, const char *name)
{
	struct stat st;

	CHECK(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && sealed_count < 64);
	sealed[sealed_count++] = st.st_ino;
}

/* (A new file may have the number of one that is gone.) */
static void put(int dir, const char *name, const char *content)
{
	autofd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct stat st;

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	for (size_t i = 0; i < sealed_count; i++)
		sealed[i] = sealed[i] == st.st_ino ? 0 : sealed[i];
	CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
}

static int make(char *path, bool reverse)
{
	static const char *const names[] = {"d/f", "d/g", "z"};

	CHECK(mkdtemp(path) != NULL && chmod(path, 0755) == 0);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(dir, "d", 0755) == 0 && symlinkat("x", dir, "l") == 0);
	for (size_t i = 0; i < 3; i++) {
		const char *name = names[reverse ? 2 - i : i];
		put(dir, name, name);
		seal(dir, name);
	}
	put(dir, "empty", "");
	return dir;
}

static void unmake(const char *path, int dir)
{
	char command[64];

	close(dir);
	str_format(command, sizeof command, "rm -r %s", path);
	CHECK(system(command) == 0);
	sealed_count = 0;
}

static struct layer_stamp stamp(int dir)
{
	struct layer_stamp ret = {.newest = {.tv_sec = 1}};

	CHECK(layer_stamp(dir, 100, &ret) == 0);
	return ret;
}

static bool same(const struct layer_stamp *a, const struct layer_stamp *b)
{
	return memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

static bool same_look(const struct layer_stamp *a, const struct layer_stamp *b)
{
	return memcmp(a->look, b->look, sizeof a->look) == 0;
}

/* ---- what is another stamp, and what is none ---- */

static void changes(void)
{
	char path[] = "/tmp/hrun-verity-XXXXXX";
	int dir = make(path, false);
	const struct layer_stamp first = stamp(dir);
	struct layer_stamp now = stamp(dir);

	CHECK(same(&first, &now) && same_look(&first, &now) && measured == 6);
	CHECK(first.newest.tv_sec == 0 && first.newest.tv_nsec == 0);
	usleep(20000); /* a ctime's tick */
	CHECK(fchmodat(dir, "d/f", 0600, 0) == 0 && (now = stamp(dir), !same(&first, &now)));
	CHECK(fchmodat(dir, "d/f", 0644, 0) == 0 && (now = stamp(dir), same(&first, &now) && !same_look(&first, &now)));
	CHECK(renameat(dir, "d/f", dir, "d/h") == 0 && (now = stamp(dir), !same(&first, &now)));
	CHECK(renameat(dir, "d/g", dir, "d/f") == 0 && renameat(dir, "d/h", dir, "d/g") == 0);
	CHECK((now = stamp(dir), !same(&first, &now))); /* exchanged */
	CHECK(renameat(dir, "d/f", dir, "d/h") == 0 && renameat(dir, "d/g", dir, "d/f") == 0 &&
	      renameat(dir, "d/h", dir, "d/g") == 0);
	CHECK((now = stamp(dir), same(&first, &now)));
	CHECK(unlinkat(dir, "l", 0) == 0 && symlinkat("y", dir, "l") == 0 && (now = stamp(dir), !same(&first, &now)));
	CHECK(unlinkat(dir, "l", 0) == 0 && symlinkat("x", dir, "l") == 0 && (now = stamp(dir), same(&first, &now)));
	put(dir, "empty", "x");
	CHECK((now = stamp(dir), !same(&first, &now) && now.newest.tv_sec > 0));
	put(dir, "empty", "");
	CHECK(fchmodat(dir, "d", 0700, 0) == 0 && (now = stamp(dir), !same(&first, &now)));
	CHECK(fchmodat(dir, "d", 0755, 0) == 0 && (now = stamp(dir), same(&first, &now)));
	unmake(path, dir);
}

/* What the kernel does not tell a measurement of is known as if it had none: also by where and of when it is. */
static void by_look(int dir, const struct layer_stamp *measurable)
{
	const struct layer_stamp one = stamp(dir), two = stamp(dir);

	CHECK(same(&one, &two) && !same(&one, measurable) && one.newest.tv_sec > 0);
	usleep(20000);
	CHECK(fchmodat(dir, "d/f", 0600, 0) == 0 && fchmodat(dir, "d/f", 0644, 0) == 0);
	const struct layer_stamp three = stamp(dir);
	CHECK(!same(&one, &three));
}

/* Another content, no fs-verity any more, or what nobody can say. */
static void contents(void)
{
	char path[] = "/tmp/hrun-verity-XXXXXX";
	int dir = make(path, false);
	const struct layer_stamp first = stamp(dir);
	struct layer_stamp now;

	put(dir, "new", "d/F");
	seal(dir, "new");
	CHECK(renameat(dir, "new", dir, "d/f") == 0 && (now = stamp(dir), !same(&first, &now)));
	put(dir, "new", "d/f");
	CHECK(renameat(dir, "new", dir, "d/f") == 0 && (now = stamp(dir), !same(&first, &now)));
	CHECK(now.newest.tv_sec > 0); /* one of its files is known by its look only */
	put(dir, "new", "d/f");
	seal(dir, "new");
	CHECK(renameat(dir, "new", dir, "d/f") == 0 && (now = stamp(dir), same(&first, &now)));
	algorithm = FS_VERITY_HASH_ALG_SHA512;
	CHECK((now = stamp(dir), !same(&first, &now)));
	algorithm = 3;
	by_look(dir, &first);
	algorithm = FS_VERITY_HASH_ALG_SHA256;
	failure = ENOTTY; /* overlayfs */
	by_look(dir, &first);
	failure = EIO;
	CHECK(layer_stamp(dir, 100, &now) == -EIO);
	failure = 0;
	CHECK(layer_stamp(dir, 6, &now) == 0 && layer_stamp(dir, 5, &now) == -E2BIG &&
	      layer_stamp(dir, 3, &now) == -E2BIG);
	unmake(path, dir);
}

static void attributes(void)
{
	char path[] = "/tmp/hrun-verity-XXXXXX";
	static const char *const names[] = {"d/f", "d", "empty"};
	int dir = make(path, false);
	const struct layer_stamp first = stamp(dir);
	struct layer_stamp now;

	for (size_t i = 0; i < 3; i++) {
		autofd int fd = openat(dir, names[i], O_RDONLY | O_CLOEXEC);
		if (fsetxattr(fd, "user.a", "1", 1, 0) < 0 && errno == ENOTSUP)
			break; /* a tmpfs before Linux 6.6 */
		const struct layer_stamp one = stamp(dir);
		CHECK(!same(&first, &one) && fsetxattr(fd, "user.a", "2", 1, 0) == 0);
		CHECK((now = stamp(dir), !same(&first, &now) && !same(&one, &now)));
		CHECK(fremovexattr(fd, "user.a") == 0 && (now = stamp(dir), same(&first, &now)));
	}
	unmake(path, dir);
}

/* A copy is the same; which names are one file is a part of it. */
static void copies(void)
{
	char path[] = "/tmp/hrun-verity-XXXXXX", other[] = "/tmp/hrun-verity-XXXXXX";
	int dir = make(path, false), copy = make(other, true);
	struct layer_stamp one = stamp(dir), two = stamp(copy);

	CHECK(same(&one, &two) && !same_look(&one, &two));
	CHECK(linkat(dir, "z", dir, "d/z", 0) == 0 && (one = stamp(dir), !same(&one, &two)));
	put(copy, "d/z", "z");
	seal(copy, "d/z");
	CHECK((two = stamp(copy), !same(&one, &two)));
	/* As many links as there, to files elsewhere. */
	CHECK(linkat(copy, "z", copy, "1", 0) == 0 && linkat(copy, "d/z", copy, "2", 0) == 0);
	CHECK(linkat(dir, "z", dir, "1", 0) == 0 && linkat(dir, "z", dir, "2", 0) == 0 && unlinkat(dir, "z", 0) == 0);
	CHECK(linkat(dir, "1", dir, "z", 0) == 0);
	CHECK((one = stamp(dir), two = stamp(copy), !same(&one, &two)));
	CHECK(unlinkat(copy, "d/z", 0) == 0 && linkat(copy, "z", copy, "d/z", 0) == 0);
	CHECK(unlinkat(copy, "2", 0) == 0 && linkat(copy, "z", copy, "2", 0) == 0);
	CHECK((two = stamp(copy), same(&one, &two)));
	unmake(path, dir);
	unmake(other, copy);
}

/* Of two names of each of two files, which belong together, where nothing else tells them apart. */
static void pairs(void)
{
	char path[] = "/tmp/hrun-verity-XXXXXX";
	int dir = make(path, false);
	struct layer_stamp one, two;

	put(dir, "a", "same");
	put(dir, "b", "same");
	seal(dir, "a");
	seal(dir, "b");
	CHECK(linkat(dir, "a", dir, "c", 0) == 0 && linkat(dir, "b", dir, "e", 0) == 0);
	one = stamp(dir);
	CHECK(unlinkat(dir, "c", 0) == 0 && unlinkat(dir, "e", 0) == 0);
	CHECK(linkat(dir, "b", dir, "c", 0) == 0 && linkat(dir, "a", dir, "e", 0) == 0);
	CHECK((two = stamp(dir), !same(&one, &two)));
	unmake(path, dir);
}

static void one_file(void)
{
	char path[] = "/tmp/hrun-verity-XXXXXX";
	int dir = make(path, false);
	autofd int file = openat(dir, "d/f", O_RDONLY | O_CLOEXEC), again = -EBADF;
	struct layer_stamp first, now;

	CHECK(layer_stamp_image(file, 1, &first) == 0 && first.newest.tv_sec == 0 &&
	      memcmp(first.look, first.digest, SHA256_SIZE) != 0);
	usleep(20000);
	CHECK(fchmod(file, 0600) == 0 && layer_stamp_image(file, 1, &now) == 0 && same(&first, &now) &&
	      !same_look(&first, &now));
	put(dir, "new", "d/f");
	again = openat(dir, "new", O_RDONLY | O_CLOEXEC);
	CHECK(layer_stamp_image(again, 1, &now) == 0 && !same(&first, &now) && same_look(&now, &now) &&
	      now.newest.tv_sec > 0);
	CHECK(memcmp(now.look, now.digest, SHA256_SIZE) == 0);
	seal(dir, "new");
	CHECK(layer_stamp_image(again, 1, &now) == 0 && same(&first, &now));
	CHECK(layer_stamp_image(again, 2, &now) == 0 && !same(&first, &now));
	failure = ENOTTY;
	CHECK(layer_stamp_image(again, 1, &now) == 0 && !same(&first, &now) && now.newest.tv_sec > 0);
	CHECK(memcmp(now.look, now.digest, SHA256_SIZE) == 0);
	failure = EIO;
	CHECK(layer_stamp_image(again, 1, &now) == -EIO);
	failure = 0;
	CHECK(layer_stamp_image(dir, 1, &now) == -EINVAL);
	unmake(path, dir);
}

int main(void)
{
	changes();
	contents();
	attributes();
	copies();
	pairs();
	one_file();
	return failures != 0;
}
