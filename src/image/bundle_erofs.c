/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_erofs.c - a bundle's root that is one file, an EROFS: its digests, and its mount.
 *
 * All of it goes by the one O_PATH descriptor that the bundle was opened with, so that what was judged is what is mounted.  Of the file
 * system nothing is read here but two words of its superblock; the kernel parses it, and only after somebody has vouched for it.
 */
#include <endian.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/mnt.h>
#include <hrun/str.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Documentation/filesystems/erofs.rst, and struct erofs_super_block in fs/erofs/erofs_fs.h. */
enum { SUPERBLOCK = 1024, FEATURES_AT = 80, SUPERBLOCK_SIZE = 128, HAS_DEVICE_TABLE = 0x8 };
/* fs-verity's, as the name of the signed digest says. */
enum { VERITY_VERSION = 1, LOG_BLOCK_SIZE = 12 };
enum { CHUNK = 1 << 18 };
/* As much as a tree may have of content. */
#define FILE_MAX ((off_t)1 << 40)

/* Two little-endian words at AT. */
static uint32_t word_at(const unsigned char *superblock, size_t at)
{
	uint32_t word;

	memcpy(&word, superblock + at, sizeof word);
	return le32toh(word);
}

/* An image may name further files or devices that hold its content: these nobody has signed, and the kernel would open them by name. */
static int check_superblock(const struct bundle *bundle, int fd, struct err *e)
{
	unsigned char superblock[SUPERBLOCK_SIZE];

	if (pread(fd, superblock, sizeof superblock, SUPERBLOCK) != sizeof superblock ||
	    word_at(superblock, 0) != EROFS_SUPER_MAGIC_V1)
		return err_set(e, EINVAL,
			       "root.path `%.200s` is a file and no EROFS image; make one with mkfs.erofs, or name a "
			       "directory",
			       bundle->config->root.path);
#ifdef HRUN_MUTANT_EROFS_DEVICES
	return 0;
#endif
	if (word_at(superblock, FEATURES_AT) & HAS_DEVICE_TABLE)
		return err_set(e, EINVAL,
			       "the EROFS image `%.200s` has content in other files, which no signature of it covers; "
			       "make it without --blobdev",
			       bundle->config->root.path);
	return 0;
}

/*
 * Only where this kernel itself has the bytes on a disk are those that are read later the ones that were hashed.  A server (FUSE, NFS,
 * 9p, SMB) gives others the second time, and FUSE answers the question for the fs-verity digest as it likes, too: so this holds for both.
 */
int bundle_erofs_check_disk(const struct bundle *bundle, struct err *e)
{
	static const unsigned int disks[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC};
	struct statfs fs;

	if (fstatfs(bundle->root_file, &fs) < 0)
		return err_errno(e, "look at the file system of the root's file");
#ifdef HRUN_MUTANT_EROFS_DISK
	return 0;
#endif
	for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
		/* Signed, and of 32 bits on some machines. */
		if ((unsigned int)fs.f_type == disks[i])
			return 0;
	}
	return err_set(
		e, EMEDIUMTYPE,
		"copy the bundle to a local disk; the server of this file system (0x%x) can give other bytes later",
		(unsigned int)fs.f_type);
}

int bundle_erofs_open(const struct bundle *bundle, struct err *e)
{
	autofd int fd = fd_reopen(bundle->root_file, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return err_set(e, -fd, "root.path `%.200s` cannot be opened: %s", bundle->config->root.path,
			       strerrordesc_np(-fd));
	TRY(check_superblock(bundle, fd, e));
	return TAKE_FD(fd);
}

/* Other blocks or a salt give other digests of the same file, which the name of the signed one does not say. */
static bool has_usual_parameters(int fd)
{
	struct fsverity_descriptor found = {0};
	struct fsverity_read_metadata_arg arg = {
		.metadata_type = FS_VERITY_METADATA_TYPE_DESCRIPTOR,
		.length = sizeof found,
		.buf_ptr = (uint64_t)(uintptr_t)&found,
	};

	return ioctl(fd, FS_IOC_READ_VERITY_METADATA, &arg) == (int)sizeof found && found.version == VERITY_VERSION &&
	       found.hash_algorithm == FS_VERITY_HASH_ALG_SHA256 && found.log_blocksize == LOG_BLOCK_SIZE &&
	       found.salt_size == 0;
}

bool bundle_erofs_measure(int fd, char hex[2 * SHA256_SIZE + 1])
{
	union {
		unsigned char bytes[sizeof(struct fsverity_digest) + SHA256_SIZE];
		struct fsverity_digest digest;
	} told = {.bytes = {0}};

	told.digest.digest_size = SHA256_SIZE;
	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &told.digest) < 0 ||
	    told.digest.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || told.digest.digest_size != SHA256_SIZE ||
	    !has_usual_parameters(fd))
		return false;
	sha256_hex(told.digest.digest, hex);
	return true;
}

static bool is_as_before(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int bundle_erofs_hash(struct pool *pool, int fd, char hex[2 * SHA256_SIZE + 1], struct err *e)
{
	unsigned char digest[SHA256_SIZE];
	char *buffer = pool_alloc(pool, CHUNK);
	struct stat before, after;
	struct sha256 hash;
	off_t at = 0;
	ssize_t n;

	sha256_init(&hash);
	if (fstat(fd, &before) < 0)
		return err_errno(e, "look at the root's file");
	if (before.st_size > FILE_MAX)
		return err_set(e, EFBIG, "the root's file is larger than 1 TiB");
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	/* Not further than it was long: whoever makes it longer meanwhile does not keep us. */
	while (at < before.st_size && (n = pread(fd, buffer, CHUNK, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "read the root's file");
		sha256_add(&hash, buffer, (size_t)n);
		at += n;
	}
	if (fstat(fd, &after) < 0 || at != before.st_size || !is_as_before(&before, &after))
		return err_set(e, EBUSY, "the root's file changes while it is read");
	sha256_end(&hash, digest);
	sha256_hex(digest, hex);
	return 0;
}

/* What the kernel's errno means for this one. */
static int explain(int error, struct err *e)
{
	if (error == -ENODEV)
		return err_set(e, ENODEV,
			       "this kernel cannot mount EROFS; load the module erofs, or unpack the root into a "
			       "directory and sign that");
	if (error == -ENOTBLK)
		return err_set(e, ENOTBLK,
			       "this kernel mounts no EROFS out of this file; that takes Linux 6.12 with "
			       "CONFIG_EROFS_FS_BACKED_BY_FILE, or unpack the root into a directory and sign that");
	if (error == -EPERM)
		return err_set(e, EPERM,
			       "mounting an EROFS image takes root of the host; run as root, or unpack the root into a "
			       "directory and sign that");
	return error;
}

int bundle_erofs_mount(const struct bundle *bundle, const char *label, struct err *e)
{
	uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
	char source[64];

	TRY(bundle_erofs_check_disk(bundle, e));
	autofd int fs = mnt_fs_open("erofs", e);
	if (fs < 0)
		return explain(fs, e);
	TRY(str_format(source, sizeof source, "/proc/self/fd/%d", bundle->root_file));
	TRY(mnt_fs_set(fs, "source", source, e));
	if (label)
		TRY(mnt_fs_set(fs, "context", label, e));
	int mount = mnt_fs_mount(fs, attr, e);
	return mount < 0 ? explain(mount, e) : mount;
}
