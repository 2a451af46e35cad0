/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.c - owned descriptors.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void fd_close(int *fd)
{
	int saved = errno;

	/* close(2) on Linux has released the number even where it returns EINTR: never twice. */
	if (*fd >= 0)
		close(*fd);
	*fd = -EBADF;
	errno = saved;
}

static int close_range_(unsigned int first, unsigned int last, unsigned int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

void fd_pile_add(struct fd_pile *pile, int *fd)
{
	size_t at;

	if (*fd < 0)
		return;
	if (pile->count == FD_PILE_MAX)
		fd_pile_close(pile);
	/* In order: neighbours stand side by side. */
	for (at = pile->count++; at > 0 && pile->fd[at - 1] > *fd; at--)
		pile->fd[at] = pile->fd[at - 1];
	pile->fd[at] = TAKE_FD(*fd);
}

void fd_pile_close(struct fd_pile *pile)
{
	int saved = errno;

	for (size_t first = 0, next; first < pile->count; first = next) {
		for (next = first + 1; next < pile->count && pile->fd[next] == pile->fd[next - 1] + 1; next++)
			;
		bool closed = next - first > 1 &&
			      close_range_((unsigned int)pile->fd[first], (unsigned int)pile->fd[next - 1], 0) == 0;
		for (size_t i = first; i < next && !closed; i++)
			close(pile->fd[i]);
	}
	pile->count = 0;
	errno = saved;
}

int fd_cloexec_from(unsigned int first, struct err *e)
{
	if (close_range_(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return err_errno(e, "mark descriptors from %u close-on-exec", first);
	return 0;
}

/* The smallest of KEEP that is >= FLOOR, or -1. */
static int next_kept(unsigned int floor, const int *keep, size_t keep_count)
{
	int smallest = -1;

	for (size_t i = 0; i < keep_count; i++) {
		if (keep[i] >= 0 && (unsigned int)keep[i] >= floor && (smallest < 0 || keep[i] < smallest))
			smallest = keep[i];
	}
	return smallest;
}

int fd_close_except(unsigned int first, const int *keep, size_t keep_count, struct err *e)
{
	int kept;

#ifdef HRUN_MUTANT_CLOEXEC
	return 0;
#endif
	while ((kept = next_kept(first, keep, keep_count)) >= 0) {
		if ((unsigned int)kept > first && close_range_(first, (unsigned int)kept - 1, 0) < 0)
			return err_errno(e, "close descriptors from %u", first);
		first = (unsigned int)kept + 1;
	}
	if (close_range_(first, UINT_MAX, 0) < 0)
		return err_errno(e, "close descriptors from %u", first);
	return 0;
}

bool fd_is_same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool fd_is_same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && fd_is_same_stat(&x, &y);
}

int fd_reopen(int fd, int flags)
{
	char link[sizeof "/proc/self/fd/" + 12];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	int again = open(link, flags | O_CLOEXEC | O_NOCTTY);
	return again < 0 ? -errno : again;
}

/* Until SIZE bytes are there, or EOF; or after a read of less than was asked for and less than SHORT, or up to FILE_SIZE. */
static ssize_t read_until(int fd, void *buffer, size_t size, size_t short_read, size_t file_size)
{
	size_t done = 0;

	while (done < size) {
		size_t room = size - done;
		ssize_t n = read(fd, (char *)buffer + done, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
		if (n == 0 || ((size_t)n < room && ((size_t)n < short_read || done == file_size)))
			break;
	}
	return (ssize_t)done;
}

ssize_t fd_read_all(int fd, void *buffer, size_t size)
{
	return read_until(fd, buffer, size, 0, SIZE_MAX);
}

ssize_t fd_read_kernel(int fd, void *buffer, size_t size)
{
	enum { HALF_PAGE = 2048 };

	return read_until(fd, buffer, size, HALF_PAGE, SIZE_MAX);
}

ssize_t fd_read_file(int fd, void *buffer, size_t size)
{
	return read_until(fd, buffer, size + 1, 0, size);
}

int fd_write_all(int fd, const void *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, (const char *)buffer + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int fd_lock(int fd, int operation)
{
	while (flock(fd, operation) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int fd_is_named(int dir, const char *name, int fd)
{
	struct stat by_name, by_fd;

	if (fstatat(dir, name, &by_name, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &by_fd) < 0)
		return -errno;
	return fd_is_same_stat(&by_name, &by_fd);
}

int fd_write_file_at(int dirfd, const char *name, const char *text)
{
	autofd int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t size = strlen(text);

	if (fd < 0)
		return -errno;
	/* Kernel files take a value in one write or not at all. */
	ssize_t n = write(fd, text, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}
