/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.h - owned descriptors.
 *
 * `autofd int fd = open(...)` owns its descriptor and closes it when it goes out
 * of scope; a plain `int fd` is borrowed; `return TAKE_FD(fd)` hands it over.
 * A negative value (an errno of a failed function) is never closed.
 */
#ifndef HRUN_FD_H
#define HRUN_FD_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Close *fd if it is >= 0, set it to -EBADF; errno is kept. */
void fd_close(int *fd);

#define autofd __attribute__((cleanup(fd_close)))
#define TAKE_FD(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -EBADF;     \
		taken_;            \
	})

/*
 * Descriptors whose end can wait a little: they are closed together, neighbours by one close_range(2).  `autopile` closes
 * them at the end of the scope; a full pile is closed before it takes one more.  Starts as {.count = 0}.
 */
enum { FD_PILE_MAX = 32 };
struct fd_pile {
	int fd[FD_PILE_MAX];
	size_t count;
};
#define autopile __attribute__((cleanup(fd_pile_close)))
/* Takes *FD over, -EBADF is left in it; a negative one is ignored. */
void fd_pile_add(struct fd_pile *pile, int *fd);
/* errno is kept. */
void fd_pile_close(struct fd_pile *pile);

/* Mark every descriptor >= FIRST close-on-exec (close_range(2)).  0 or negative errno. */
int fd_cloexec_from(unsigned int first, struct err *e);

/* Close every descriptor >= FIRST except those in KEEP (KEEP_COUNT of them, any order; negative ones are ignored). */
int fd_close_except(unsigned int first, const int *keep, size_t keep_count, struct err *e);

/*
 * Open once more, with FLAGS (and O_CLOEXEC, O_NOCTTY), what FD has open, mostly by O_PATH: it was judged, and no name is looked up
 * again.  Owned, or negative errno.
 */
int fd_reopen(int fd, int flags);

/* Read until EOF or SIZE bytes; returns the number read or negative errno (no struct err: the caller knows the name). */
ssize_t fd_read_all(int fd, void *buffer, size_t size);

/*
 * The same of a file that the kernel writes (procfs, cgroup2), mostly by one read: it gives all the whole records that fit
 * into a page or more (seq_file), so less than half a page is all that there is, as long as no record has more.
 */
ssize_t fd_read_kernel(int fd, void *buffer, size_t size);

/*
 * A regular file of SIZE bytes into a BUFFER of SIZE + 1: more than SIZE is returned where it has grown, less where it was
 * cut.  A read that asked for more and ended at SIZE was at its end.
 */
ssize_t fd_read_file(int fd, void *buffer, size_t size);

/* Write all SIZE bytes; 0 or negative errno. */
int fd_write_all(int fd, const void *buffer, size_t size);

struct stat;
/* Are these of one file (or namespace)? */
bool fd_is_same_stat(const struct stat *a, const struct stat *b);
/* Is what A and B have open one file, or one namespace?  False where the kernel does not say. */
bool fd_is_same_file(int a, int b);

/* flock(2), however often a signal interrupts it.  0 or negative errno (-EWOULDBLOCK with LOCK_NB). */
int fd_lock(int fd, int operation);
/* Does NAME in DIR still stand for what FD has open?  1, 0, or negative errno: who cannot look does not know. */
int fd_is_named(int dir, const char *name, int fd);

/*
 * Write TEXT with one write(2) to the file NAME below DIRFD (kernel interface
 * files: cgroup, procfs; O_WRONLY|O_CLOEXEC|O_NOFOLLOW).  0 or negative errno.
 */
int fd_write_file_at(int dirfd, const char *name, const char *text);

#endif
