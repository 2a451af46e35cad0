/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.c - reading files of a known size, and those that the kernel writes: all of them, with fewer calls.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 1 << 20 };

static char one[SIZE], two[SIZE];

static void check_sized(size_t now, size_t promised, ssize_t expected)
{
	autofd int fd = memfd_create("file", MFD_CLOEXEC);

	memset(one, 'a', now);
	memset(two, 0, promised + 2);
	CHECK(fd_write_all(fd, one, now) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	ssize_t n = fd_read_file(fd, two, promised);
	CHECK(n == expected && memcmp(one, two, (size_t)n) == 0 && !two[promised + 1], "%zu: %zd", promised, n);
}

/* What it had, what it has now: grown is one byte too much, cut is what is there. */
static void test_file(void)
{
	check_sized(0, 0, 0);
	check_sized(5, 5, 5);
	check_sized(SIZE - 2, SIZE - 2, SIZE - 2);
	check_sized(6, 5, 6);
	check_sized(700, 5, 6);
	check_sized(1, 0, 1);
	check_sized(3, 5, 3);
	check_sized(0, 5, 0);
}

/* A pipe gives what is there: no end before the end. */
static void test_pipe(void)
{
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++) {
			usleep(10000);
			if (write(ends[1], "abc", 3) != 3)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	CHECK(fd_read_all(ends[0], one, 100) == 9 && memcmp(one, "abcabcabc", 9) == 0);
	close(ends[0]);
}

static void check_kernel(const char *path, size_t size)
{
	autofd int whole = open(path, O_RDONLY | O_CLOEXEC), fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd_read_all(whole, one, size), m = fd_read_kernel(fd, two, size);

	CHECK(n > 0 && n == m && memcmp(one, two, (size_t)n) == 0, "%s, %zu: %zd %zd", path, size, n, m);
}

/* From less than a line to more than there is; maps has several pages. */
static void test_kernel(void)
{
	static const char *const files[] = {"/proc/self/maps", "/proc/self/mountinfo", "/proc/self/uid_map",
					    "/proc/devices",   "/proc/self/cgroup",    "/proc/filesystems"};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		for (size_t size = 1; size <= SIZE; size = size * 3 / 2 + 1)
			check_kernel(files[i], size);
	}
}

/* Many mappings, so that maps is read by more than one call. */
static void make_maps_long(void)
{
	for (int i = 0; i < 400; i++)
		CHECK(mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		      MAP_FAILED);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Neighbours, one apart, in any order, more than a pile holds; those between them stay. */
static void test_pile(void)
{
	enum { FIRST = 200, LAST = FIRST + 3 * FD_PILE_MAX };
	struct fd_pile pile = {.count = 0};
	int none = -ENOENT;

	for (int fd = FIRST; fd <= LAST; fd++)
		CHECK(dup2(STDERR_FILENO, fd) == fd);
	fd_pile_add(&pile, &none);
	CHECK(pile.count == 0 && none == -ENOENT);
	for (int i = LAST - FIRST; i >= 0; i--) {
		int fd = FIRST + i * 5 % (LAST - FIRST + 1);
		if (fd % 7 == 0)
			continue;
		fd_pile_add(&pile, &fd);
		CHECK(fd < 0);
	}
	CHECK(pile.count > 0 && pile.count <= FD_PILE_MAX);
	errno = ENOTTY;
	fd_pile_close(&pile);
	CHECK(errno == ENOTTY && pile.count == 0);
	for (int fd = FIRST; fd <= LAST; fd++)
		CHECK(is_open(fd) == (fd % 7 == 0), "%d", fd);
	CHECK(is_open(STDERR_FILENO));
	for (int fd = FIRST; fd <= LAST; fd++)
		close(fd);
}

int main(void)
{
	make_maps_long();
	test_file();
	test_pipe();
	test_kernel();
	test_pile();
	return failures != 0;
}
