/* SPDX-License-Identifier: Apache-2.0 */
/*
 * give.c - one file of the layout for hrun-image, which opens nothing itself.
 *
 * The question is two words and 64 digits, and each is checked.  No link is followed and ".." leads nowhere, so what is opened
 * lies below the layout; and it is looked at as O_PATH first, so that a FIFO or a device does not notice.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int name_of(const struct image_ask *ask, char *path, size_t size)
{
	switch (ask->kind) {
	case IMAGE_ASK_LAYOUT:
		return str_format(path, size, "oci-layout");
	case IMAGE_ASK_INDEX:
		return str_format(path, size, "index.json");
	case IMAGE_ASK_LIST:
		return str_format(path, size, "blobs/sha256");
	case IMAGE_ASK_BLOB:
		break;
	default:
		return -EPROTO;
	}
	if (!memchr(ask->hex, '\0', sizeof ask->hex) || strlen(ask->hex) != 64 ||
	    strspn(ask->hex, "0123456789abcdef") != 64)
		return -EPROTO;
	return str_format(path, size, "blobs/sha256/%s", ask->hex);
}

int image_open_file(int dir, const char *path, bool directory)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	struct stat st;

	autofd int found = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
	if (found < 0)
		return -errno;
	if (fstat(found, &st) < 0)
		return -errno;
	if (directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_reopen(found, O_RDONLY | O_NONBLOCK);
}

int image_give_fd(int socket, int fd)
{
	struct image_given given = {.version = IMAGE_WIRE_VERSION, .error = fd < 0 ? fd : 0};

	return unix_send(socket, &given, sizeof given, fd >= 0 ? fd : -1);
}

int image_give(int socket, int layout, const struct image_ask *ask)
{
	char path[96];

	if (ask->version != IMAGE_WIRE_VERSION || name_of(ask, path, sizeof path) < 0)
		return -EPROTO;
	autofd int fd = image_open_file(layout, path, ask->kind == IMAGE_ASK_LIST);
	return image_give_fd(socket, fd);
}
