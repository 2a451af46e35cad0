/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.c - files of the layout: asked for, read once, and judged by size and digest before anybody parses them.
 *
 * Whoever may write to the layout may change it at any moment.  So the bytes that were hashed are the bytes that are parsed:
 * nothing is read twice.
 */
#include "image.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_read(const char *text, struct digest *ret_digest)
{
	static const char prefix[] = "sha256:";
	const size_t skip = sizeof prefix - 1, digits = 2 * sizeof ret_digest->bytes;

	if (!text || strlen(text) != skip + digits || !str_starts(text, prefix))
		return -EINVAL;
	for (size_t i = 0; i < sizeof ret_digest->bytes; i++) {
		int high = hex_value(text[skip + 2 * i]), low = hex_value(text[skip + 2 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		ret_digest->bytes[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(ret_digest->text, text, skip + digits + 1);
	return 0;
}

int file_look(int fd, struct stat *ret_stat)
{
	return syscall(SYS_fstat, fd, ret_stat) < 0 ? -errno : 0;
}

/* In a test, without hrun: LAYOUT is the directory. */
static int open_below(int layout, enum image_ask_kind kind, const char *hex)
{
	const char *names[] = {"oci-layout", "index.json", NULL, "blobs/sha256"};
	char path[sizeof "blobs/sha256/" + IMAGE_DIGEST_SIZE];
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

	if (str_format(path, sizeof path, "%s%s", names[kind] ? names[kind] : "blobs/sha256/", hex ? hex : "") < 0)
		return -EINVAL;
	int fd = (int)syscall(SYS_openat2, layout, path, &how, sizeof how);
	return fd < 0 ? -errno : fd;
}

int file_ask(int socket, const struct image_ask *question, bool *ret_known)
{
	struct image_given given;
	autofd int fd = -1;

	TRY(unix_send(socket, question, sizeof *question, -1));
	ssize_t n = unix_receive(socket, &given, sizeof given, &fd);
	if (n < 0)
		return (int)n;
	if (n != sizeof given || given.version != IMAGE_WIRE_VERSION || given.error > 0 || given.known > 1)
		return -EPROTO;
	if (given.error < 0)
		return given.error;
	*ret_known = given.known;
	if (given.known)
		return 0;
	return fd < 0 ? -EPROTO : TAKE_FD(fd);
}

static uint32_t asked_place;

void layout_place(uint32_t place)
{
	asked_place = place;
}

static int ask(int socket, enum image_ask_kind kind, const char *hex)
{
	struct image_ask question = {.version = IMAGE_WIRE_VERSION, .kind = kind, .place = asked_place};
	bool known = false;

	if (hex && str_format(question.hex, sizeof question.hex, "%s", hex) < 0)
		return -EINVAL;
	int fd = file_ask(socket, &question, &known);
	return known ? -EPROTO : fd;
}

int layout_open(int layout, enum image_ask_kind kind, const char *hex)
{
	struct stat st, found;

	if (file_look(layout, &st) < 0)
		return -errno;
	autofd int fd = S_ISDIR(st.st_mode) ? open_below(layout, kind, hex) : ask(layout, kind, hex);
	if (fd < 0)
		return fd;
	if (file_look(fd, &found) < 0)
		return -errno;
	if (kind == IMAGE_ASK_LIST ? !S_ISDIR(found.st_mode) : !S_ISREG(found.st_mode))
		return -EINVAL;
	return TAKE_FD(fd);
}

int blob_open(int layout, const struct digest *digest)
{
	return layout_open(layout, IMAGE_ASK_BLOB, digest->text + strlen("sha256:"));
}

int file_read(struct pool *pool, int fd, size_t max, struct blob *ret_blob)
{
	struct stat st;

	if (file_look(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uintmax_t)st.st_size > max)
		return -EFBIG;
	size_t size = (size_t)st.st_size;
	unsigned char *bytes = pool_alloc(pool, size + 1);
	/* One byte more is asked for: a file that grows meanwhile is not one document. */
	ssize_t n = fd_read_all(fd, bytes, size + 1);
	if (n < 0)
		return (int)n;
	if ((size_t)n != size)
		return -EBUSY;
	bytes[size] = '\0';
	*ret_blob = (struct blob){bytes, size};
	return 0;
}

static const char *why(int error)
{
	switch (-error) {
	case ENOENT:
	case ENOTDIR:
		return "it is missing";
	case EACCES:
	case EPERM:
		return "hrun may not read it";
	case ELOOP:
	case EXDEV:
		return "it is reached through a symbolic link";
	case EINVAL:
		return "it is not a regular file";
	case EFBIG:
		return "it is too large";
	case EBUSY:
		return "it changed while it was read";
	}
	return "it cannot be read";
}

int blob_read(struct pool *pool, int layout, const struct descriptor *what, size_t max, enum image_stage stage,
	      struct blob *ret_blob, struct refusal *r)
{
	unsigned char bytes[SHA256_SIZE];
	struct sha256 hash;
	const char *name = what->digest.text;

	if (what->size > max)
		return refuse(r, stage, "blob %s has %ju bytes, %zu are read at most", name, (uintmax_t)what->size,
			      max);
	autofd int fd = blob_open(layout, &what->digest);
	int error = fd < 0 ? fd : file_read(pool, fd, max, ret_blob);
	if (error < 0)
		return refuse(r, stage, "blob %s: %s", name, why(error));
	if (ret_blob->size != what->size)
		return refuse(r, stage, "blob %s has %zu bytes, its descriptor says %ju", name, ret_blob->size,
			      (uintmax_t)what->size);
	sha256_init(&hash);
	sha256_add(&hash, ret_blob->bytes, ret_blob->size);
	sha256_end(&hash, bytes);
#ifdef HRUN_MUTANT_IMAGE_DIGEST
	return 0;
#endif
	if (memcmp(bytes, what->digest.bytes, sizeof bytes) != 0)
		return refuse(r, stage, "blob %s was changed: its bytes have another digest", name);
	return 0;
}

int document_read(struct pool *pool, const struct blob *blob, const char *what, enum image_stage stage,
		  const struct json **ret_tree, struct refusal *r)
{
	struct json_error error;

	if (json_read(pool, (const char *)blob->bytes, blob->size, DOCUMENT_MAX, ret_tree, &error) == 0)
		return 0;
	return refuse(r, stage, "%.80s:%u:%u: %.60s%s%.90s", what, error.line, error.column, error.where,
		      error.where[0] ? ": " : "", error.text);
}
