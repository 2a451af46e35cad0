/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountinfo.c - the mounts of our mount namespace.
 *
 *     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *     id    device root point mount-options [tags] - type source file-system-options
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/mountinfo.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/sysmacros.h>

enum { FIRST_SIZE = 64 * 1024, LAST_SIZE = 32 * 1024 * 1024 };

/* Blank, tab, newline and backslash stand there as \040 and so on. */
static char *decode(char *text)
{
	char *out = text;

	for (const char *p = text; *p; out++) {
		bool octal = p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' &&
			     p[3] <= '7';
		int code = octal ? (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0') : p[0];
		*out = (char)code;
		p += octal ? 4 : 1;
	}
	*out = '\0';
	return text;
}

static bool parse_device(char *text, dev_t *ret_device)
{
	char *minor_text = strchr(text, ':');
	uint64_t major_number, minor_number;

	if (!minor_text)
		return false;
	*minor_text++ = '\0';
	if (str_to_u64(text, UINT32_MAX, &major_number) < 0 || str_to_u64(minor_text, UINT32_MAX, &minor_number) < 0)
		return false;
	*ret_device = makedev((unsigned int)major_number, (unsigned int)minor_number);
	return true;
}

bool mountinfo_parse(char *line, struct mountinfo *ret_mount)
{
	char *dash = strstr(line, " - ");
	char *field[6] = {NULL}, *tail[3] = {NULL};
	size_t fields = 0, tails = 0;

	if (!dash)
		return false;
	*dash = '\0';
	for (char *rest = line, *one; fields < 6 && (one = strsep(&rest, " "));)
		field[fields++] = one;
	for (char *rest = dash + 3, *one; tails < 3 && (one = strsep(&rest, " "));)
		tail[tails++] = one;
	if (fields < 6 || tails < 3 || str_to_u64(field[0], UINT64_MAX, &ret_mount->id) < 0 ||
	    !parse_device(field[2], &ret_mount->device))
		return false;
	ret_mount->root = decode(field[3]);
	ret_mount->point = decode(field[4]);
	ret_mount->type = tail[0];
	ret_mount->source = decode(tail[1]);
	ret_mount->options = tail[2];
	return true;
}

/* The kernel gives out what fits, so the whole file is read anew into something bigger where it did not.  NULL: *ret_error says why. */
static char *read_whole(struct pool *pool, int *ret_error)
{
	for (size_t size = FIRST_SIZE; size <= LAST_SIZE; size *= 4) {
		autofd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
		char *text = pool_alloc(pool, size + 1);
		ssize_t length = fd < 0 ? -errno : fd_read_all(fd, text, size);
		*ret_error = length < 0 ? (int)length : -EMSGSIZE;
		if (length < 0)
			return NULL;
		if ((size_t)length < size)
			return text;
	}
	return NULL;
}

int mountinfo_read(struct pool *pool, struct mountinfo **ret_mounts, size_t *ret_count)
{
	int r = 0;
	char *text = read_whole(pool, &r), *line;
	struct mountinfo *mounts;
	size_t lines = 0, count = 0;

	if (!text)
		return r;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	mounts = pool_alloc(pool, (lines + 1) * sizeof *mounts);
	for (char *rest = text; count < lines && (line = strsep(&rest, "\n"));) {
		if (mountinfo_parse(line, &mounts[count]))
			count++;
	}
	*ret_mounts = mounts;
	*ret_count = count;
	return 0;
}
